"""HTML for notebooks: every number is that of the JSON, every text is escaped, and outputs do not affect each other."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cnncalc import shelf
from cnncalc.analyses.memory import peak
from cnncalc.analyses.totals import analyze
from cnncalc.layers.conv import Conv
from cnncalc.layers.operator import Unknown
from cnncalc.loading import Spec, load
from cnncalc.network import Builder
from cnncalc.render import memory as remembering
from cnncalc.render.html.analysis import analysis_html
from cnncalc.render.html.memory import memory_html
from cnncalc.shape import Shape
from tests.render.html.examples import (
    HOSTILE,
    analysis_of,
    check_table,
    comparison_of,
    count,
    hostile,
    layer_table,
    memory_of,
)
from tests.render.html.pages import Element, read, rows_of

QUICK = ("googlenet", "lenet5", "resnet18", "stacked_lstm", "unet", "vgg16")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.heavy) for name in shelf.names()]
)
def test_every_number_of_the_table_is_that_of_the_json(name: str) -> None:
    """Layer by layer, for the whole shelf; blocks are the sums of their layers."""
    analysis = analysis_of(name)
    check_table(layer_table(read(analysis_html(analysis))), analysis)


@pytest.mark.parametrize("name", ["lenet5", "vgg16", "unet"])
def test_every_number_of_the_memory_is_that_of_the_json(name: str) -> None:
    """Peaks, parts and what is saved."""
    answer = memory_of(name, batch=4)
    expected = remembering.data(answer)
    page = read(memory_html(answer))
    tables = [{row[0]: count(row[1].removesuffix(" B")) for row in rows_of(table)} for table in page.all("table")]
    saved = {one["layer"]: one["bytes"] for one in expected["training"]["held"][:10]}
    assert tables == [expected["training"]["at_peak"], saved, expected["inference"]["at_peak"]]
    text = page.text
    for figure in (
        expected["training"]["peak_bytes"],
        expected["training"]["saved_bytes"],
        expected["inference"]["peak_bytes"],
        expected["inference"]["minimum_bytes"],
    ):
        assert f"{figure:,} bytes" in text
    assert len(page.all("svg")) == 1


@pytest.mark.parametrize("names", [("vgg16", "resnet18"), ("lenet5", "lenet5"), ("lenet5", "vgg16", "unet")])
def test_every_number_of_a_comparison_is_that_of_the_json(names: tuple[str, ...]) -> None:
    """Totals with difference and ratio, and each pair of layers."""
    text, expected = comparison_of(*map(analysis_of, names))
    page = read(text)
    totals, *diffs = page.all("table")
    for row, total in zip(rows_of(totals)[1:], expected["totals"], strict=True):
        values = list(total["values"])
        cells = [cell.removesuffix(" B") for cell in row[1 : 1 + len(names)]]
        assert row[0] == total["quantity"].replace("_", " ")
        assert cells == ["x".join(map(str, value)) if isinstance(value, list) else f"{value:,}" for value in values]
        if len(names) == 2 and total["difference"] is not None:
            assert row[3] == (f"{total['difference']:+,}" if total["difference"] else "=")
    assert len(diffs) == (len(names) == 2)
    for diff in diffs:
        shown = [(row[0], row[1], row[4]) for row in rows_of(diff)[1:] if len(row) == 5]
        sides = []
        for pair in expected["layers"]:
            layers = [pair[side] for side in "ab" if pair[side] is not None]
            layers = layers[:1] if pair["change"] == "same" else layers
            marks = [{"same": "", "changed": "~", "added": "+", "removed": "-"}[pair["change"]], ""]
            sides += [(mark, one["name"], f"{one['params']:,}") for mark, one in zip(marks, layers, strict=False)]
        assert shown == sides


def pages() -> dict[str, str]:
    """A page of each kind whose texts are hostile."""
    analysis = hostile()
    network = analysis.network
    run, infer = peak.train(network), peak.infer(network)
    answer = remembering.Answer(network, 1, "float32", "sgd", infer, infer, run)
    return {
        "analysis": analysis_html(analysis),
        "memory": memory_html(answer),
        "comparison": comparison_of(analysis, analysis_of("lenet5"))[0],
    }


@pytest.mark.parametrize("kind", ["analysis", "memory", "comparison"])
def test_texts_do_not_become_markup(kind: str) -> None:
    """No element, attribute or style comes from a name, and invisible characters are visible."""
    text = pages()[kind]
    page = read(text)
    tags = {one.tag for one in page}
    assert tags <= {
        "div", "style", "script", "h3", "h4", "p", "b", "span", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "details",
        "summary", "ul", "li", "br", "svg", "rect", "text", "g", "path", "polygon", "title", "desc",
    }  # fmt: skip
    names = {name for one in page for name in one.attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"src", "href", "srcdoc", "action"})
    assert len(page.all("style")) == 1 + len(page.all("svg"))
    assert all("alert" not in one.text for one in [*page.all("script"), *page.all("style")])
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "\\u202e" in page.text
    if kind == "analysis":
        for name in HOSTILE[:5]:
            assert " ".join(name.split()) in page.text


@pytest.mark.parametrize("kind", ["analysis", "memory", "comparison"])
def test_nothing_is_loaded(kind: str) -> None:
    """No address of another file, in markup or styles."""
    text = pages()[kind].replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert re.findall(r"https?:|url\(|@import|@font-face|//\w", text) == []


def test_styles_are_scoped() -> None:
    """Every selector names the output; different outputs have different ids, equal ones the same."""
    first, second = analysis_html(analysis_of("vgg16")), analysis_html(analysis_of("resnet18"))
    assert first == analysis_html(analyze(load(Spec("vgg16"))))
    ids = [read(text).all("div")[0].attributes["id"] for text in (first, second)]
    assert len({*ids}) == 2
    for text, name in zip((first, second), ids, strict=True):
        (sheet,) = read(text).all("style")
        assert isinstance(sheet.children[0], str)
        flat = re.sub(r"@media \([^)]*\)\s*\{((?:[^{}]*\{[^{}]*\})*)\}", r"\1", sheet.children[0])
        selectors = [one for rule in re.findall(r"([^{}]+)\{", flat) for one in rule.split(",")]
        assert len(selectors) > 30
        assert [one for one in selectors if f"#{name}" not in one] == []
        assert ".cnncalc" not in text


def test_blocks_fold_without_javascript() -> None:
    """Each block has a rule that hides the rows that are marked as being inside it."""
    text = analysis_html(analysis_of("unet"))
    page = read(text)
    (sheet,) = page.all("style")
    blocks = [one.attributes["data-block"] for one in page.all("details")]
    assert len(blocks) > 5
    assert blocks == [str(number) for number in range(len(blocks))]
    for number in blocks:
        assert f'tbody:has([data-block="{number}"]:not([open])) .b{number}{{display:none!important}}' in sheet.text


def test_large_tables_are_folded_at_first() -> None:
    """Small ones are open."""
    small, large = (read(analysis_html(analysis_of(name))) for name in ("vgg16", "resnet50"))
    assert all("open" in one.attributes for one in small.all("details"))
    assert not any("open" in one.attributes for one in large.all("details"))


def test_only_sorting_needs_the_script() -> None:
    """It is there, it is short, and the page without it has the same rows."""
    page = read(analysis_html(analysis_of("vgg16")))
    (script,) = page.all("script")
    assert "aria-sort" in script.text
    assert "//" not in script.text
    assert len(script.text) < 2_000
    assert page.all("button") == []


def test_size() -> None:
    """A notebook stores every output."""
    assert len(analysis_html(analysis_of("vgg16"))) < 30_000
    assert len(memory_html(memory_of("vgg16"))) < 60_000


def test_wrong_expectations_are_marked(tmp_path: Any) -> None:
    """In the row of the layer or block, and below the table with the working."""
    file = tmp_path / "net.yaml"
    file.write_text(
        "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 5, pad: 2}\n"
        "    expect: {output: 28x28x16, params: 1216, weights: 5, receptive_field: 5}\n"
        "  - seq: [conv: {filters: 32, kernel: 3}, relu]\n    as: body\n    expect: {params: 7}\n  - fc: 10\n",
        encoding="utf-8",
    )
    page = read(analysis_html(analyze(load(Spec(str(file))))))
    marked = {row.children[0].text: row for row in page.all("tr", "wrong") if isinstance(row.children[0], Element)}
    assert [name.split()[0] for name in marked] == ["conv1", "body"]
    conv, body = marked.values()
    assert [one.text for one in conv.all("div", "bad")] == ["✗ expected 28x28x16", "✗ expected weights 5"]
    assert [one.text for one in body.all("div", "bad")] == ["✗ expected 7"]
    assert "height: (W - F + 2P)/S + 1 = (32 - 5 + 2*2)/1 + 1 = 32" in page.text
    assert page.text.count("✗ is wrong") == 3
    assert page.text.count("✓ agrees") == 2


def test_unknown_is_shown_as_unknown() -> None:
    """Multiply-adds that are not known are `?`, and a sum with them is a lower bound."""
    builder = Builder()
    image = builder.input("input", Shape((8, 8, 3)))
    conv = builder.add(Conv(filters=3, kernel=1), [image], "block.conv1")
    value = builder.add(Unknown("strange", Shape((8, 8, 3))), [conv], "block.strange1")
    table = layer_table(read(analysis_html(analyze(builder.finish([value])))))
    macs = {row[0]: row[4] for row in rows_of(table)}
    assert macs == {
        "layer": "MACs",
        "input": "0",
        "block": ">= 576",
        "conv1": "576",
        "strange1": "?",
        "total": ">= 576",
    }
