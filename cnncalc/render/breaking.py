"""Break a line that is wider than the terminal between words, and keep numbers with their units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnncalc.text import cells as width_of

if TYPE_CHECKING:
    from cnncalc.render.lines import Line

WORDS = re.compile(r"[^ ]*\d (?:%|[kMGTPE]?i?B)(?=[ ;,.)=]|$)[^ ]*|[^ ]+")  # a number keeps its unit
NARROWEST = 24  # cells; text is not broken into columns narrower than this
JOINTS = re.compile(
    r"(?<=\w[/\\=;*+|_-])(?=\w)|(?<=\w[.,:])(?=[^\W\d])|(?<=\w)(?=[(])|(?<=[\u3000-\u9fff\uac00-\ud7af])"
)


def break_line(line: Line, width: int) -> Iterator[Line]:
    """Break a line into lines of at most `width` cells, as far as its words allow."""
    indent = _indent(line, width)
    row: Line = []
    taken, blanks = 0, ""
    for text, style in line:
        end = 0
        for match in WORDS.finditer(text):
            word = match.group()
            blanks += " " * (match.start() - end)
            end = match.end()
            for part in [word] if width_of(word) <= width - indent else JOINTS.split(word):
                size = width_of(part)
                if row and taken + len(blanks) + size > width:
                    yield row
                    row, taken, blanks = [], 0, " " * indent
                row.append((blanks + part, style))
                taken += len(blanks) + size
                blanks = ""
        blanks += " " * (len(text) - end)
    if row:
        yield row


def _indent(line: Line, width: int) -> int:
    """Return where a broken line continues: under its last span, its second span, or two cells from the margin."""
    ends = [0]
    for text, _ in line:
        ends.append(ends[-1] + width_of(text))
    for span in (len(line) - 1, 1):
        if 0 < span < len(line):
            text = line[span][0]
            start = ends[span] + (len(text) - len(text.lstrip(" ")) if span > 1 else 0)
            if width - start >= NARROWEST:
                return start
    margin = len(line[0][0]) - len(line[0][0].lstrip(" ")) + 2
    return margin if width - margin >= NARROWEST else 0
