"""Worksheets and keys in every format: the numbers are those of the analysis, and hostile names stay harmless."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cnncalc.cli.commands.teaching import worksheet as command
from cnncalc.render.worksheets import FORMATS, render
from cnncalc.teaching.key import ACCEPT
from cnncalc.teaching.variants import MOST
from cnncalc.teaching.worksheet import COLUMNS, NothingToAsk, Worksheet, worksheets
from tests.helpers import network_of
from tests.teaching.networks import EXAM, exam, hostile


def test_the_command_offers_what_the_worksheet_has() -> None:
    assert tuple(COLUMNS) == command.HIDEABLE
    assert tuple(ACCEPT) == command.RULES
    assert tuple(FORMATS) == command.FORMATS
    assert command.MOST == MOST


@pytest.mark.parametrize("variants", [None, 2])
def test_answers_are_the_figures_of_the_analysis(variants: int | None) -> None:
    hide = tuple(COLUMNS)
    for sheet in worksheets(exam(), hide, variants=variants, batch=4):
        analysis = sheet.analysis
        assert sheet.columns == hide
        for row, layer in zip(sheet.rows[1:-1], analysis.rows[1:], strict=True):
            answers = {cell.column: cell.question.right for cell in row.cells if cell.question is not None}
            assert answers.pop("rf") is not None
            assert answers == {
                "output": tuple(layer.node.output), "activations": layer.activations, "memory": 16 * layer.activations,
                "params": layer.params, "weights": layer.weights, "biases": layer.biases, "macs": int(layer.macs),
            }  # fmt: skip
        totals = {cell.column: cell.question.right for cell in sheet.rows[-1].cells if cell.question is not None}
        assert totals["params"] == analysis.totals.params
        assert totals["memory"] == 16 * analysis.totals.activations


def test_no_row_gives_an_answer_away() -> None:
    """With `only`, the layers in between that keep the shape do not show it."""
    (sheet,) = worksheets(exam(), ("output", "rf"), ("conv", "pool"))
    shown = [{cell.column: cell.text for cell in row.cells} for row in sheet.rows]
    assert shown[2] == {"output": "as its input", "rf": "as its input"}
    assert [row.name for row, _ in sheet.blanks] == ["conv1"] * 2 + ["maxpool1"] * 2 + ["conv2"] * 2 + ["maxpool2"] * 2


def test_what_is_not_known_is_not_asked() -> None:
    text = "input: 8x8x3\nlayers: [{operator: [prev], op: deformconv, output: 8x8x3}, fc: 10]\n"
    (sheet,) = worksheets(network_of(text), ("macs",))
    assert [cell.text for row in sheet.rows for cell in row.cells if cell.column == "macs"] == ["0", "?", "", "?"]


def test_nothing_to_ask() -> None:
    with pytest.raises(NothingToAsk, match="no layer of `lstm` in this network"):
        worksheets(exam(), ("params",), ("lstm",))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("conv: {filters: 8, kernel: 1x7, pad: same}", "K = 8, F = 1x7, S = 1, P = 0x3"),
        ("conv: {filters: 8, kernel: 3, stride: 2, pad: same}", "K = 8, F = 3, S = 2, P = 0 before and 1 after"),
        ("conv: {filters: 9, kernel: 3, dilation: 2, groups: 3, bias: false}",
         "K = 9, F = 3, S = 1, P = 0, dilation 2, groups = 3, no bias"),
        ("maxpool: {kernel: 3, stride: 2, ceil: true}", "F = 3, S = 2, P = 0, rounded up"),
        ("depthwise: {kernel: 3, pad: 1}", "F = 3, S = 1, P = 1"),
        ("convtranspose: {filters: 8, kernel: 2, stride: 2}", "K = 8, F = 2, S = 2, P = 0"),
        ("fc: {units: 10, bias: false}", "units 10, bias false"),
        ("relu", ""),
    ],
)  # fmt: skip
def test_a_layer_is_described_with_all_its_numbers(fields: str, words: str) -> None:
    (sheet,) = worksheets(network_of(f"input: 32x32x3\nlayers: [{fields}]"), ("output",))
    assert sheet.rows[1].fields == words


# -- formats ---------------------------------------------------------------------------------------------------------


def cells_of(sheet: Worksheet, key: bool) -> list[list[str]]:
    """Return the figures of a sheet as every format must show them."""
    return [["" if cell.question is not None and not key else cell.answer for cell in row.cells] for row in sheet.rows]


class Page(HTMLParser):
    """Collects the cells of the tables, and all tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self._inside = tag in ("td", "th") or (self._inside and tag == "strong")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and self.rows:
            self.rows[-1][-1] += data


@pytest.mark.parametrize("key", [False, True])
def test_html(key: bool) -> None:
    """Every figure in its cell; no script, no request, no tag from a name."""
    sheets = worksheets(hostile(), ("output", "params"), variants=2)
    text = render("html", sheets, key=key)
    page = Page()
    page.feed(text)
    rows = [row[3:] for row in page.rows if row[0] != "layer"]
    assert rows == [row for sheet in sheets for row in cells_of(sheet, key)]
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "main", "section", "h2", "p", "span", "div", "table", "thead", "tbody",
        "tr", "th", "td", "strong", "dl", "dt", "dd", "ul", "li",
    }  # fmt: skip
    assert not {name for name in page.attributes if name.startswith("on") or name in ("src", "href")}
    assert "url(" not in text
    assert "http://" not in text.replace("![z](http://x)", "")
    assert "https://" not in text


@pytest.mark.parametrize("key", [False, True])
def test_markdown(key: bool) -> None:
    """Every figure in its cell; signs of Markdown are escaped."""
    (sheet,) = worksheets(exam())
    lines = render("markdown", [sheet], key=key).splitlines()
    table = [
        [cell.strip().strip("*_") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")
    ]
    assert [row[3:] for row in table[2:]] == cells_of(sheet, key)
    text = render("markdown", worksheets(hostile()), key=key)
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\\!\\[z\\](http://x)" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("key", [False, True])
def test_latex(key: bool) -> None:
    """A whole document; no name can give a command. tests/oracle compiles it."""
    text = render("latex", worksheets(hostile(), variants=2), key=key)
    assert text.startswith("\\documentclass[a4paper,10pt]{article}\n")
    assert text.rstrip().endswith("\\end{document}")
    assert text.count("\\begin{longtable}") == text.count("\\end{longtable}") == 2
    assert "\\input" not in text.replace("\\inputenc", "").replace("{inputenc}", "")
    assert "[U+6F22]" in text
    assert all(char.isascii() or char == "ü" for char in text)
    assert "landscape" in render("latex", worksheets(exam(), ("output", "params", "macs", "rf")))


def test_csv_and_its_key() -> None:
    """Blanks are empty, given figures plain; the key has the answers, and no cell is a formula."""
    sheets = worksheets(hostile(), ("output", "params"), ("conv", "fc"), variants=2)
    rows = list(csv.DictReader(StringIO(render("csv", sheets))))
    key = list(csv.DictReader(StringIO(render("csv", sheets, key=True))))
    right = {(row["variant"], row["layer"], row["column"]): row["answer"] for row in key if not row["mistake"]}
    for sheet in sheets:
        for row, cell in sheet.blanks:
            place = (str(sheet.variant), row.label if row.label[0] != "=" else "'" + row.label, cell.column)
            assert right[place] == cell.answer.replace(",", "")
            (line,) = [one for one in rows if (one["variant"], one["layer"]) == place[:2]]
            assert line[cell.column] == ""
    assert len(right) == sum(len(sheet.blanks) for sheet in sheets)
    for one in [*rows, *key]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in one.values())
        assert "\x1b" not in "".join(one.values())


def test_json() -> None:
    """Blanks without, the key with answers, working and mistakes."""
    sheets = worksheets(exam(), ("output", "params"), variants=2)
    blank = json.loads(render("json", sheets))
    key = json.loads(render("json", sheets, key=True))
    assert (blank["format"], blank["key"], key["key"]) == ("cnncalc.worksheet/1", False, True)
    for one, other, sheet in zip(blank["worksheets"], key["worksheets"], sheets, strict=True):
        assert one["rows"][1]["cells"] == {"output": {"blank": True}, "params": {"blank": True}}
        answers = other["rows"][1]["cells"]
        conv = sheet.analysis.rows[1]
        assert answers["output"]["answer"] == list(conv.node.output)
        assert answers["params"]["answer"] == conv.params
        assert {"answer": conv.weights, "names": ["no-bias"]}.items() <= answers["params"]["mistakes"][0].items()
        assert one["rows"][0]["cells"] == {"output": list(sheet.analysis.extent), "params": 0}


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def here(ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a command line in a folder with the exam."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exam.yaml").write_text(EXAM, encoding="utf-8")
    return ended


@pytest.mark.parametrize("suffix", ["md", "tex", "html", "csv", "json", "key"])
def test_the_format_of_a_key_is_that_of_its_suffix(suffix: str, here: Any, tmp_path: Path) -> None:
    """With any other suffix, it is that of the worksheet."""
    done = here("worksheet", "exam.yaml", "--format", "latex", "-o", "sheet.tex", "--key", f"key.{suffix}")
    assert (done.status, done.out, done.err) == (0, "", "")
    form = {"md": "markdown", "html": "html", "csv": "csv", "json": "json"}.get(suffix, "latex")
    assert (tmp_path / f"key.{suffix}").read_text() == render(form, worksheets(exam()), key=True)
    assert (tmp_path / "sheet.tex").read_text() == render("latex", worksheets(exam()))


def test_seed_and_variants(here: Any) -> None:
    """A seed alone gives one variant; without both, the network itself is asked about."""
    plain = here("worksheet", "exam.yaml")
    assert (plain.status, plain.err) == (0, "note: no answer key was written; add --key FILE to write one\n")
    assert "## Exam\n" in plain.out
    one = here("worksheet", "exam.yaml", "--seed", "7")
    assert "## Exam, variant 1\n" in one.out
    assert one.out == here("worksheet", "exam.yaml", "--seed", "7", "--variants", "1").out
    assert one.out != here("worksheet", "exam.yaml", "--variants", "1").out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("exam.yaml --hide parms", "no quantity named `parms`: did you mean `params`?"),
        ("exam.yaml --hide flops", "did you mean `macs`? (FLOPs are 2 x MACs)"),
        ("exam.yaml --hide ,", "name at least one quantity"),
        ("exam.yaml --only convs", "no kind or family of layers is named `convs`: did you mean `conv`?"),
        ("exam.yaml --only lstm", "no layer of `lstm` in this network"),
        ("exam.yaml --key key.pdf", "`key.pdf` ends in `.pdf`, but --format markdown does not write that"),
        ("exam.yaml --format csv --key s.csv -o ./s.csv", "the key would overwrite the worksheet"),
        ("exam.yaml -o sheet.png", "`sheet.png` ends in `.png`"),
        ("exam.yaml --variants 0", "0 is not in the range"),
        ("", "no SPEC"),
        (
            "-e '6x6x4 -> RESHAPE-36x4' --variants 2",
            "found no variant in which every size that divides exactly still does",
        ),
    ],
)
def test_what_cannot_be_done(line: str, message: str, here: Any, tmp_path: Path) -> None:
    """Exit status 2, nothing written."""
    import shlex

    done = here("worksheet", *shlex.split(line))
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["exam.yaml"]


def test_pool_means_every_pooling() -> None:
    (sheet,) = worksheets(
        network_of("input: 8x8x3\nlayers: [maxpool: 2, relu, avgpool: 2, fc: 10]"), ("params",), ("pool",)
    )
    assert [row.name for row, _ in sheet.blanks] == ["maxpool1", "avgpool1", "total"]
