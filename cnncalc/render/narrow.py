"""A grid on a terminal that is too narrow for it: text columns are broken into lines, and further columns go below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncalc.render.breaking import JOINTS, NARROWEST, WORDS
from cnncalc.text import cells as width_of

if TYPE_CHECKING:
    from cnncalc.render.lines import Grid, Line

LABEL = 12  # the least width of the first column, in cells


def narrow(grid: Grid, widths: list[int], room: int, glyphs: dict[str, str]) -> list[Line]:
    """Return the lines of a grid within `room` cells.

    It may be enough to break the last text column between words. Otherwise the columns are shown in groups, one below the
    other, each with the first column.
    """
    fitted = _shrink_columns(grid, widths, room)
    if sum(fitted) + grid.gap * (len(fitted) - 1) <= room:
        return _group(grid, list(range(len(fitted))), fitted, glyphs)
    others = range(1, len(widths))
    widest = max([min(widths[column], _least(grid, column)) for column in others], default=0)
    label = min(widths[0], max(LABEL, room - grid.gap - widest))
    shown: list[Line] = []
    for group in _groups(grid, widths, label, room):
        sizes = [label, *[max(1, min(widths[column], room - label - grid.gap)) for column in group]]
        shown += [[]] if shown else []
        shown += _group(grid, [0, *group], sizes, glyphs)
    return shown


def _cells(grid: Grid, column: int) -> list[str]:
    return [grid.titles[column], *[row[0][column] for row in grid.rows if row is not None]]


def _least(grid: Grid, column: int) -> int:
    """Return the least width of a column: numbers stay whole, and texts are broken between words."""
    words = [
        word for cell in _cells(grid, column) for word in (WORDS.findall(cell) if _is_text(grid, column) else [cell])
    ]
    return max(map(width_of, words), default=0)


def _is_text(grid: Grid, column: int) -> bool:
    return not grid.right[column] and any(cell.strip().count(" ") > 1 for cell in _cells(grid, column))


def _shrink_columns(grid: Grid, widths: list[int], room: int) -> list[int]:
    """Reduce the widths of text columns, the last ones first, as far as needed and as words allow."""
    shrunk = list(widths)
    for column in reversed(range(1, len(widths))):
        over = sum(shrunk) + grid.gap * (len(shrunk) - 1) - room
        if over > 0 and _is_text(grid, column):
            shrunk[column] = max(shrunk[column] - over, min(shrunk[column], max(NARROWEST, _least(grid, column))))
    return shrunk


def _groups(grid: Grid, widths: list[int], label: int, room: int) -> list[list[int]]:
    """Split the columns after the first into groups that fit next to it."""
    groups: list[list[int]] = []
    taken = room
    for column in range(1, len(widths)):
        size = grid.gap + max(1, min(widths[column], room - label - grid.gap))
        if not groups or taken + size > room:
            groups.append([])
            taken = label
        groups[-1].append(column)
        taken += size
    return groups or [[]]


def _group(grid: Grid, columns: Sequence[int], widths: Sequence[int], glyphs: dict[str, str]) -> list[Line]:
    """Return some of the columns as a separate grid, with long cells broken into lines."""
    part = type(grid)([], [grid.right[column] for column in columns], grid.gap)
    titles = [_broken(grid.titles[column], width) for column, width in zip(columns, widths, strict=True)]
    *above, last = _stacked(titles, [grid.right[column] for column in columns])
    part.titles = last
    for row in grid.rows:
        if row is None:
            part.rule()
            continue
        cells, style = row
        looks = style if isinstance(style, str) else [style[column] for column in columns]
        pieces = [_broken(cells[column], width) for column, width in zip(columns, widths, strict=True)]
        for stacked in _stacked(pieces, part.right):
            part.add(stacked, looks)
    if above:  # titles of several lines: all but the last are rows before the rule
        body, part.rows = part.rows, []
        part.titles, rest = above[0], [*above[1:], last]
        for line in rest:
            part.add(line, "title")
        part.rule()
        part.rows += body
        lines = part.lines(dict(glyphs))
        del lines[1]
        return lines
    return part.lines(dict(glyphs))


def _broken(cell: str, width: int) -> list[str]:
    """Break a cell into lines of at most `width` cells, between words or between the parts of a long word."""
    if width_of(cell) <= width:
        return [cell]
    indent = len(cell) - len(cell.lstrip(" "))
    pieces: list[str] = []
    text = " " * indent
    for word in WORDS.findall(cell):
        for number, piece in enumerate([word] if indent + width_of(word) <= width else JOINTS.split(word)):
            blank = "" if number or not text.strip() else " "
            if text.strip() and width_of(text) + len(blank) + width_of(piece) > width:
                pieces.append(text)
                text, blank = " " * indent, ""
            text += blank + piece
    return [*pieces, text]


def _stacked(pieces: Sequence[Sequence[str]], right: Sequence[bool]) -> list[list[str]]:
    """Align cells of several lines: figures are next to the last line of the label, and texts continue below."""
    label = len(pieces[0]) - 1
    height = max([label + len(lines) for lines in pieces[1:]] + [len(pieces[0])])
    rows = []
    for number in range(height):
        row = [pieces[0][number] if number <= label else ""]
        row += [lines[number - label] if 0 <= number - label < len(lines) else "" for lines in pieces[1:]]
        rows.append(row)
    return rows
