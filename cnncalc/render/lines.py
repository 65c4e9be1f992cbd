"""Lines of styled spans, which every readable report consists of.

A grid aligns its cells. Nothing is cut off: on a narrow terminal sentences are broken between words, and columns that do
not fit are shown below, with the first column repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cnncalc.text import cells as width_of
from cnncalc.text import show

Span = tuple[str, str]  # text, style name ("" for none)
Line = list[Span]


class Glyphs(dict[str, str]):
    """The signs that the output can carry, by name, and its `width` in cells; 0 means unlimited."""

    def __init__(self, signs: dict[str, str], width: int = 0) -> None:
        super().__init__(signs)
        self.width = width


UNICODE = Glyphs({"rule": "─", "bar": "█▏▎▍▌▋▊▉", "times": "×", "right": "✓", "wrong": "✗"})
ASCII = Glyphs({"rule": "-", "bar": "#", "times": "x", "right": "ok", "wrong": "X"})


def plain(lines: Iterable[Line]) -> str:
    """Return the text without styles and trailing blanks."""
    return "".join(["".join([text for text, _ in line]).rstrip() + "\n" for line in lines])


def strip_trailing(line: Line) -> Line:
    """Return the line without trailing blanks."""
    spans = list(line)
    while spans and not spans[-1][0].rstrip():
        spans.pop()
    return [*spans[:-1], (spans[-1][0].rstrip(), spans[-1][1])] if spans else []


def caveat(text: str) -> list[Line]:
    """Return a note that the figures hold for one run only; no line if `text` is empty."""
    return [[("note: ", "note"), (show(text, 400), "")]] if text else []


def bar(part: int, whole: int, width: int, glyphs: dict[str, str]) -> str:
    """Draw a bar of at most `width` cells for part/whole. A share above zero is never drawn as empty.

    >>> bar(1, 2, 4, ASCII)
    '##'
    """
    blocks = glyphs["bar"]
    if whole <= 0 or part <= 0:
        return ""
    steps = len(blocks)
    eighths = max(1, (part * width * steps) // whole)
    full, rest = divmod(eighths, steps)
    return blocks[0] * full + (blocks[rest] if rest else "")


def wrap_lines(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """Break each line that is longer than `width` cells between words.

    It continues under its last span, under its second span, or near the margin, wherever there is room. A word that is
    longer than a line is broken between its parts, such as a path after `/`. It stays whole if it has no parts.
    """
    for line in lines:
        if sum([width_of(text) for text, _ in line]) <= width:
            yield line
        elif line[-1][1] == "rule":
            yield [(line[-1][0][:width], "rule")]
        else:
            from cnncalc.render.breaking import break_line

            yield from break_line(line, width)


class Grid:
    """Rows of cells in columns, right or left aligned, with rules between groups of rows."""

    def __init__(self, titles: Sequence[str], right: Sequence[bool], gap: int = 2) -> None:
        self.titles = list(titles)
        self.right = list(right)
        self.gap = gap
        self.rows: list[tuple[Sequence[str], Sequence[str] | str] | None] = []

    def add(self, cells: Sequence[str], style: Sequence[str] | str = "") -> None:
        """Add a row. `style` is one style name, or one per cell."""
        self.rows.append((cells, style))

    def rule(self) -> None:
        """Add a horizontal rule."""
        self.rows.append(None)

    def widths(self) -> list[int]:
        """Return the width of every column."""
        rows = [row[0] for row in self.rows if row is not None]
        return [max(map(width_of, column)) for column in zip(self.titles, *rows, strict=True)]

    def lines(self, glyphs: dict[str, str]) -> list[Line]:
        """Return the grid with its titles, ready to print."""
        widths = self.widths()
        room = glyphs.width - 1 if isinstance(glyphs, Glyphs) and glyphs.width else 0
        total = sum(widths) + self.gap * (len(widths) - 1)
        if room and total > room:
            from cnncalc.render.narrow import narrow

            return narrow(self, widths, room, glyphs)
        rule: Line = [(" " + glyphs["rule"] * total, "rule")]
        blank = " " * self.gap
        shown = [self._line(self.titles, "title", widths, blank), rule]
        shown += [rule if row is None else self._line(row[0], row[1], widths, blank) for row in self.rows]
        return shown

    def _line(self, cells: Sequence[str], style: Sequence[str] | str, widths: list[int], blank: str) -> Line:
        line: Line = []
        lead = " "
        each = [style] * len(cells) if isinstance(style, str) else style
        for cell, width, right, look in zip(cells, widths, self.right, each, strict=True):
            space = width - (len(cell) if cell.isascii() else width_of(cell))
            line.append((lead + " " * space + cell, look) if right else (lead + cell + " " * space, look))
            lead = blank
        return line
