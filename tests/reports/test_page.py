"""The page of `cnncalc report`: every number is that of the JSON, nothing is loaded, and only its own scripts may run."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest

from cnncalc.analyses.memory import peak
from cnncalc.analyses.totals import Analysis
from cnncalc.render import data
from cnncalc.render import memory as remembering
from cnncalc.render.explain import layer_lines
from cnncalc.render.lines import plain
from cnncalc.reports.page import report_page
from cnncalc.reports.report import Report, report_of
from tests.render.html.examples import HOSTILE, analysis_of, check_table, hostile, layer_table, memory_of
from tests.render.html.pages import Element, read, rows_of


def shipped(name: str, batch: int = 1) -> Report:
    """The report of a shipped network."""
    return report_of(analysis_of(name), memory_of(name, batch))


def hostile_report(names: Sequence[str] = HOSTILE) -> Report:
    """A report whose texts try to become markup."""
    analysis = hostile(names)
    run = peak.train(analysis.network)
    infer = peak.infer(analysis.network)
    return report_of(analysis, remembering.Answer(analysis.network, 1, "float32", "sgd", infer, infer, run))


def figures_of(page: Element) -> dict[str, list[str]]:
    """The large figures of a page: rounded, exact, and in words."""
    return {one.all("dt")[0].text: [line.text for line in one.all("dd")] for one in page.all("dl")[0].all("div")}


@pytest.mark.parametrize("name", ["lenet5", "vgg16", "unet", "resnet18"])
def test_every_number_is_that_of_the_json(name: str) -> None:
    """The table, the totals, the peaks, and the moments of the curve."""
    report = shipped(name, batch=2)
    page = read(report_page([report]))
    check_table(layer_table(page), report.analysis)
    totals = data.analysis(report.analysis)["totals"]
    memory = remembering.data(report.memory)
    figures = figures_of(page)
    exact = {name: int(re.sub(r"\D", "", lines[1] or lines[0])) for name, lines in figures.items()}
    assert exact["training peak"] == memory["training"]["peak_bytes"]
    assert exact["inference peak"] == memory["inference"]["peak_bytes"]
    for title, key in (("params", "params"), ("MACs", "macs"), ("activations", "activations"), ("depth", "depth")):
        assert exact[title] == totals[key]
    assert figures["params"][2].startswith(f"{totals['weights']:,} weights + {totals['biases']:,} biases; ")
    assert figures["inference peak"][1].startswith("estimated ") != memory["inference"]["exact"]
    check_curve(page, report.memory)


def check_curve(page: Element, answer: remembering.Answer) -> None:
    """The moments of the curve have what is alive, to the byte; the highest one is the peak."""
    run = answer.training
    assert run is not None
    (script,) = [one for one in page.all("script") if one.attributes.get("type") == "application/json"]
    curve: dict[str, Any] = json.loads(script.text)
    assert [row[:3] for row in curve["moments"]] == [[one.phase, one.at, one.live] for one in run.moments]
    assert all(row[2] == sum(row[3:]) for row in curve["moments"])
    highest = curve["moments"][curve["peak"]]
    assert highest[2] == run.peak.live
    parts = {kind: size for kind, size in zip(curve["kinds"], highest[3:], strict=True) if size}
    assert parts == remembering.data(answer)["training"]["at_peak"]


def test_the_working_is_that_of_explain() -> None:
    """Layer by layer, below its row."""
    analysis = analysis_of("vgg16")
    page = read(report_page([shipped("vgg16")]))
    shown = [[" ".join(line.text.split()) for line in row.all("li")] for row in page.all("tr", "working")]
    expected = []
    for row in analysis.rows:
        lines = plain(layer_lines(analysis, [row])).splitlines()[1:]
        expected.append([" ".join(line.split()) for line in lines])
    assert shown == expected


def test_rows_name_their_layers() -> None:
    """So that the picture finds them: a layer itself, a block the first and the last one."""
    page = read(report_page([shipped("vgg16")]))
    marks = [row.attributes["data-layers"] for row in page.all("tr") if "data-layers" in row.attributes]
    assert marks[:4] == ["0-0", "1-5", "1-1", "2-2"]
    assert len(marks) == 39 + 5


@pytest.mark.parametrize("name", ["vgg16", "unet"])
def test_the_picture_names_layers_of_the_table(name: str) -> None:
    """Every group of the picture that stands for layers has rows, and its colours follow the theme of the page."""
    page = read(report_page([shipped(name)]))
    (picture,) = page.all("div", "picture")
    (style,) = picture.all("style")
    assert style.text.count("light-dark(") == style.text.count("{")
    singles = {
        one.attributes["data-layers"].partition("-")[0] for one in page.all("tr") if "data-layers" in one.attributes
    }
    groups = [one.attributes["data-layers"].split() for one in picture.all("g") if "data-layers" in one.attributes]
    assert len(groups) > 10
    assert {number for group in groups for number in group} <= singles


def test_several_networks_are_compared() -> None:
    """First the comparison, then each network in a section that the top of the page leads to."""
    reports = [shipped("lenet5"), shipped("mnist_cnn")]
    page = read(report_page(reports))
    comparison, *sections = page.all("section")
    assert len(sections) == 2
    rows = {row[0]: row[1:] for row in rows_of(comparison.all("table")[0])}
    assert rows["params"] == ["61,706", "83,466", "+21,760", "1.35x"]
    assert "trainable" not in rows
    links = [link.attributes["href"] for link in page.all("nav")[0].all("a")]
    assert links == ["#network-1", "#network-2"]
    assert {one.attributes.get("id") for one in page} >= {link[1:] for link in links}
    for section, report in zip(sections, reports, strict=True):
        check_table(layer_table(section), report.analysis)


def test_three_networks_are_compared_without_a_diff() -> None:
    page = read(report_page([shipped(name) for name in ("lenet5", "mnist_cnn", "lenet5")]))
    assert len(page.all("section")) == 4
    assert page.all("table", "diff") == []


def test_only_the_scripts_of_the_page_may_run() -> None:
    """The policy has no other source, and the hashes are those of the scripts."""
    page = read(report_page([shipped("lenet5")]))
    (policy,) = [one.attributes["content"] for one in page.all("meta") if "http-equiv" in one.attributes]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert set(rules) == {"default-src", "style-src", "script-src", "base-uri", "form-action"}
    scripts = [one for one in page.all("script") if "type" not in one.attributes]
    hashes = [b64encode(sha256(str(one.children[0]).encode()).digest()).decode() for one in scripts]
    assert rules["script-src"] == " ".join(f"'sha256-{one}'" for one in hashes)
    assert len(hashes) == 2


def test_texts_do_not_become_markup() -> None:
    """Neither elements nor attributes come from a name, and a comparison has hostile names, too."""
    for reports in ([hostile_report()], [shipped("lenet5"), hostile_report()]):
        text = report_page(reports)
        page = read(text)
        for one in page:
            assert one.tag not in ("img", "iframe", "object", "embed", "link", "form", "base")
            assert not [name for name in one.attributes if name.startswith("on") or name in ("src", "action", "srcdoc")]
            assert one.attributes.get("href", "#").startswith("#")
        assert len(page.all("script")) == 2 + len(reports)
        assert len(page.all("style")) == 1 + len(page.all("svg"))
        assert "\u202e" not in text
        assert "alert(1)" in page.text


def test_nothing_is_loaded() -> None:
    """No address of another host or file."""
    text = report_page([shipped("lenet5"), hostile_report()]).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert re.findall(r"https?:|url\(|@import|@font-face", text) == []


def test_size() -> None:
    """The page is small enough for an email."""
    assert len(report_page([shipped("vgg16")])) < 200_000


def test_what_inference_alone_shows() -> None:
    """A network in int8 cannot be trained."""
    analysis: Analysis = analysis_of("lenet5").at(1, "int8")
    infer = peak.infer(analysis.network, 1, "int8")
    least = peak.infer(analysis.network, 1, "int8", least=True)
    answer = remembering.Answer(analysis.network, 1, "int8", "sgd", infer, least, None)
    page = read(report_page([report_of(analysis, answer)]))
    assert "training peak" not in figures_of(page)
    assert "Memory during inference" in [one.text for one in page.all("h2")]
