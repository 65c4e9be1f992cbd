"""Lines on a terminal: sentences are broken between words, tables stay whole, and no character is lost."""

from __future__ import annotations

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.render.lines import UNICODE, Grid, Line, plain, wrapped
from cnncalc.render.report import Options, report
from cnncalc.spec import shelf
from tests.helpers import network_of


def broken(lines: list[Line], width: int) -> list[str]:
    return plain(wrapped(lines, width)).splitlines()


def test_a_sentence_goes_on_below_itself() -> None:
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


def test_what_has_no_room() -> None:
    """Words go to the margin; numbers stay where they are."""
    grid = Grid(["layer", "of params"], [False, True])
    grid.add(["a" * 60, "1,234"])
    grid.add(["b" * 60, "as many words as there are"])
    rows = grid.lines(UNICODE)[2:]
    assert broken(rows, 40) == [plain(rows).splitlines()[0], " " + "b" * 60, "   as many words as there are"]
    word: list[Line] = [[("x" * 50, "")]]
    assert broken(word, 40) == ["x" * 50]


@pytest.mark.parametrize("name", ["vgg16", "resnet50", "unet"])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_reports(name: str, width: int) -> None:
    """Every word is there in its order, styles and all; what has blanks to break at keeps to the width."""
    path = shelf.path(name)
    assert path is not None
    with open(path, encoding="utf-8") as stream:
        lines = report(analyze(network_of(stream.read())), Options(), UNICODE)
    found = list(wrapped(lines, width))
    assert plain(found).split() == plain(lines).split()
    styled = [
        [(word, style) for line in some for text, style in line for word in text.split()] for some in (lines, found)
    ]
    assert styled[0] == styled[1]
    if width >= 80:
        assert max(map(len, plain(found).splitlines())) <= width
