"""Lines on a terminal: sentences are broken between words, tables stay whole, and no character is lost."""

from __future__ import annotations

import pytest

from cnncalc import shelf
from cnncalc.analyses.totals import analyze
from cnncalc.render.lines import UNICODE, Glyphs, Grid, Line, plain, wrap_lines
from cnncalc.render.report import Options, report
from cnncalc.text import cells
from tests.helpers import network_of


def broken(lines: list[Line], width: int) -> list[str]:
    return plain(wrap_lines(lines, width)).splitlines()


def test_a_long_sentence() -> None:
    lines: list[Line] = [
        [(" note: ", "note"), ("height and width are rounded down to seven", "")],
        [("batch 8, float32; PyTorch eager, storages alive at once", "dim")],
    ]
    assert broken(lines, 40) == [
        " note: height and width are rounded down",
        "       to seven",
        "batch 8, float32; PyTorch eager,",
        "  storages alive at once",
    ]


def test_what_does_not_fit() -> None:
    """A word without parts is not broken, one with parts is broken between them, and numbers keep their units."""
    word: list[Line] = [[("x" * 50, "")]]
    assert broken(word, 40) == ["x" * 50]
    path: list[Line] = [[("at /home/somebody/networks/of_mine/resnet50.yaml:3:1: error", "")]]
    assert broken(path, 30) == ["at /home/somebody/networks/of_", "  mine/resnet50.yaml:3:1:", "  error"]
    size: list[Line] = [[("the peak is 1,234,567,890 bytes = 1.23 GB in all", "")]]
    assert broken(size, 39) == ["the peak is 1,234,567,890 bytes =", "  1.23 GB in all"]


def test_a_grid_that_does_not_fit() -> None:
    """Columns that do not fit follow below with the names. Texts are broken, but no figure is."""
    grid = Grid(["layer", "output", "params", "what"], [False, False, True, False])
    grid.add(["block.conv1", "112x112x64", "102,764,544", "as many words as there are"])
    grid.rule()
    grid.add(["total", "", "102,764,544", ""])
    rows = plain(grid.lines(Glyphs(UNICODE, 40))).splitlines()
    assert rows == [
        " layer        output           params",
        " ──────────────────────────────────────"[:37],
        " block.conv1  112x112x64  102,764,544",
        " ──────────────────────────────────────"[:37],
        " total                    102,764,544",
        "",
        " layer        what",
        " ───────────────────────────────────────",
        " block.conv1  as many words as there are",
        " ───────────────────────────────────────",
        " total",
    ]
    assert plain(grid.lines(Glyphs(UNICODE, 30))).splitlines()[-3:] == [
        "              there are",
        " ──────────────────────────────"[:30],
        " total",
    ]
    assert grid.lines(Glyphs(UNICODE, 200)) == grid.lines(UNICODE)


def test_wide_and_combining_characters() -> None:
    """They take two cells or none, and columns are still aligned."""
    grid = Grid(["layer", "n"], [False, True])
    for name in ("abcd", "漢字", "abce\u0301d"[1:]):
        grid.add([name, "1"])
    assert [cells(line.rstrip("1")) for line in plain(grid.lines(UNICODE)).splitlines()[2:]] == [8, 8, 8]


@pytest.mark.parametrize("name", ["vgg16", "resnet50", "unet"])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_reports(name: str, width: int) -> None:
    """Every word is there in order, with its style, and lines with blanks keep to the width."""
    path = shelf.path(name)
    assert path is not None
    with open(path, encoding="utf-8") as stream:
        lines = report(analyze(network_of(stream.read())), Options(), UNICODE)
    found = list(wrap_lines(lines, width))
    assert plain(found).split() == plain(lines).split()
    styled = [
        [(word, style) for line in some for text, style in line for word in text.split()] for some in (lines, found)
    ]
    assert styled[0] == styled[1]
    if width >= 80:
        assert max(map(len, plain(found).splitlines())) <= width
