"""A report as Markdown: GitHub's tables have the numbers of the JSON, and names stay text."""

from __future__ import annotations

from typing import Any

from markdown_it import MarkdownIt

from cnncalc.render import data
from cnncalc.render import memory as remembering
from cnncalc.reports.markdown import report_markdown
from tests.render.html.pages import read, rows_of
from tests.reports.test_page import hostile_report, shipped


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown text, as GitHub shows them."""
    page = read(MarkdownIt("commonmark", {"html": True}).enable("table").render(text).replace("<br />", "<br>"))
    return [rows_of(table) for table in page.all("table")]


def number(text: str) -> int:
    return int(text.split(maxsplit=1)[0].replace(",", ""))


def test_every_number_is_that_of_the_json() -> None:
    report = shipped("vgg16", batch=2)
    figures, layers = tables(report_markdown([report]))
    expected: dict[str, Any] = data.analysis(report.analysis)
    memory = remembering.data(report.memory)
    shown = {row[0]: row[1] for row in figures}
    for title, key in (("params", "params"), ("MACs", "macs"), ("activations", "activations"), ("depth", "depth")):
        assert number(shown[title]) == expected["totals"][key]
    assert number(shown["training peak"]) == memory["training"]["peak_bytes"]
    assert number(shown["inference peak"].removeprefix("estimated ")) == memory["inference"]["peak_bytes"]
    assert layers[0] == ["layer", "output", "params", "activations", "MACs", "receptive field"]
    for row, layer in zip(layers[1:], expected["layers"], strict=False):
        assert row[0] == layer["name"]
        assert [number(cell) for cell in row[2:5]] == [layer["params"], layer["activations"], layer["macs"]]


def test_pictures_are_files_next_to_it() -> None:
    text = report_markdown([shipped("lenet5")], ["my report.svg"])
    assert "![LeNet-5](my%20report.svg)" in text
    assert "![" not in report_markdown([shipped("lenet5")])


def test_two_networks_begin_with_the_difference() -> None:
    """Then each network, with its layers folded."""
    text = report_markdown([shipped("lenet5"), shipped("mnist_cnn")])
    assert text.startswith("## LeNet-5 and Small MNIST network\n\n**Small MNIST network has 1.4x more parameters")
    assert "```diff\n" in text
    assert text.count("<details><summary>layers</summary>") == 2
    totals = {row[0]: row[1:] for row in tables(text)[0]}
    assert totals["params"] == ["61,706", "83,466", "+21,760", "1.35x"]
    assert "trainable" not in totals


def test_names_stay_text() -> None:
    page = read(MarkdownIt("commonmark", {"html": True}).enable("table").render(report_markdown([hostile_report()])))
    assert {one.tag for one in page} <= {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "strong", "ul", "li"}
    assert "alert(1)" in page.text
