"""Lines of styled spans: what every readable report is made of, and how it becomes plain text.

Grids align their cells here; nothing is ever cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Span = tuple[str, str]  # text, style name ("" for none)
Line = list[Span]

UNICODE = {"rule": "─", "bar": "█▏▎▍▌▋▊▉", "times": "×", "right": "✓", "wrong": "✗"}
NARROWEST = 24  # cells; a narrower column is not worth breaking into
ASCII = {"rule": "-", "bar": "#", "times": "x", "right": "ok", "wrong": "X"}


def plain(lines: Iterable[Line]) -> str:
    """The text without styles, one line each, trailing blanks removed."""
    return "".join(["".join([text for text, _ in line]).rstrip() + "\n" for line in lines])


def bar(part: int, whole: int, width: int, glyphs: dict[str, str]) -> str:
    """A bar of at most `width` cells for part/whole; a share above nothing is never drawn as nothing.

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


def wrapped(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """The lines, each that is longer than `width` cells broken between words of its last span.

    It goes on below itself, or near the margin where there is no room. What has no words, as the numbers of a wide table,
    stays whole.
    """
    for line in lines:
        if sum([_width(text) for text, _ in line]) <= width:
            yield line
            continue
        *before, (last, style) = line
        if style == "rule":
            yield [(last[:width], style)]
            continue
        text = last.lstrip(" ")
        start = sum([_width(text) for text, _ in before]) + len(last) - len(text)
        margin = len(line[0][0]) - len(line[0][0].lstrip(" ")) + 2
        indent = start if before and width - start >= NARROWEST else margin
        if width - indent < NARROWEST or " " not in text.rstrip():
            yield line
            continue
        if start >= width:
            before, last = [*before[:-1], (before[-1][0].rstrip(" "), before[-1][1])] if before else [], text
        rows: list[Line] = [[*before, (last[: len(last) - len(text)], "")]]
        room, taken = width - start, 0
        for word in text.rstrip().split(" "):
            size = _width(word)
            if (taken or room < width - indent) and taken + (taken > 0) + size > room:
                rows.append([(" " * indent, "")])
                room, taken = width - indent, 0
            rows[-1].append((" " * (taken > 0) + word, style))
            taken += size + (taken > 0)
        yield from rows


class Grid:
    """Rows of cells in columns, right or left aligned, with rules between groups of rows."""

    def __init__(self, titles: Sequence[str], right: Sequence[bool], gap: int = 2) -> None:
        self.titles = list(titles)
        self.right = list(right)
        self.gap = gap
        self.rows: list[tuple[Sequence[str], Sequence[str] | str] | None] = []

    def add(self, cells: Sequence[str], style: Sequence[str] | str = "") -> None:
        """A row; `style` is one style name, or one per cell."""
        self.rows.append((cells, style))

    def rule(self) -> None:
        """A horizontal rule."""
        self.rows.append(None)

    def widths(self) -> list[int]:
        """The width of every column."""
        rows = [row[0] for row in self.rows if row is not None]
        return [max(map(_width, column)) for column in zip(self.titles, *rows, strict=True)]

    def lines(self, glyphs: dict[str, str]) -> list[Line]:
        """The grid with its titles, ready to print."""
        widths = self.widths()
        total = sum(widths) + self.gap * (len(widths) - 1)
        rule: Line = [(" " + glyphs["rule"] * total, "rule")]
        blank = " " * self.gap
        found = [self._line(self.titles, "title", widths, blank), rule]
        found += [rule if row is None else self._line(row[0], row[1], widths, blank) for row in self.rows]
        return found

    def _line(self, cells: Sequence[str], style: Sequence[str] | str, widths: list[int], blank: str) -> Line:
        line: Line = []
        lead = " "
        each = [style] * len(cells) if isinstance(style, str) else style
        for cell, width, right, look in zip(cells, widths, self.right, each, strict=True):
            space = width - (len(cell) if cell.isascii() else _width(cell))
            line.append((lead + " " * space + cell, look) if right else (lead + cell + " " * space, look))
            lead = blank
        return line


def _width(text: str) -> int:
    """Cells that the text takes in a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)
