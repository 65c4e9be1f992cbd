"""One axis of a layer with a window: its cells, the padding around them, and the first and last places of the window."""

from __future__ import annotations

from cnncalc.drawing.options import SMALLEST_TEXT
from cnncalc.drawing.scene import Circle, Item, Rect, Style, Text
from cnncalc.record import Record
from cnncalc.shape import TransposedWindow, Window

LARGEST_CELL = 14.0
GAP_CELLS = 3  # where cells are left out
ROW = 11.0
LABELLED_CELL = 7.0  # points; smaller cells have no room for a 0
MOST_ROWS = 6
ROOM_FOR_LABEL = 38.0


class Axis(Record):
    """An axis with padding: cells before, inside and after, and where the windows are.

    For a transposed convolution it is the axis of the output, of which the cells before and after are cut off.
    """

    before: int
    length: int
    after: int
    stride: int
    kernel: int
    dilation: int
    windows: int
    cut: bool = False

    @property
    def total(self) -> int:
        """All cells."""
        return self.before + self.length + self.after

    @property
    def reach(self) -> int:
        """The length of a window with the gaps of its dilation."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def last(self) -> int:
        """Where the last window starts."""
        return (self.windows - 1) * self.stride


def axis_of(view: Window | TransposedWindow, width: int) -> Axis:
    """Return the axis of an input of `width` cells."""
    if isinstance(view, Window):
        count = view.out(width)
        beyond = max(0, (count - 1) * view.stride + view.reach - (view.before + width + view.after))
        return Axis(view.before, width, view.after + beyond, view.stride, view.kernel, view.dilation, count)
    cells = max((width - 1) * view.stride + view.reach, view.before + view.out(width))
    after = cells - view.before - view.out(width)
    return Axis(view.before, view.out(width), after, view.stride, view.kernel, view.dilation, width, cut=True)


def shown_cells(axis: Axis) -> tuple[int, int]:
    """Return how many cells are drawn at the left and at the right end; all of them are (total, 0)."""
    left = min(axis.total, min(2, axis.windows - 1) * axis.stride + axis.reach + 1)
    right = max(axis.total - axis.last + 1, min(axis.total, axis.after + 2))
    return (axis.total, 0) if left + right + GAP_CELLS >= axis.total else (left, right)


def strip(axis: Axis, fill: str, x: float, y: float, width: float) -> tuple[list[Item], float]:
    """Return the cells and the windows below them, from a top left corner, and their height."""
    left, right = shown_cells(axis)
    count = left + (right + GAP_CELLS if right else 0)
    cell = min(LARGEST_CELL, (width - ROOM_FOR_LABEL) / count)

    def place(position: int) -> float:
        if position <= left or not right:
            return x + position * cell
        return x + (left + GAP_CELLS + position - (axis.total - right)) * cell

    height = max(cell, 4.0)
    items: list[Item] = []
    for position in [*range(left), *range(axis.total - right, axis.total)]:
        inside = axis.before <= position < axis.before + axis.length
        style = Style("input" if inside else "page", "line", 0.5, () if inside else (1.5, 1.5))
        items.append(Rect(place(position), y, cell, height, style, role="mark"))
        if not inside and not axis.cut and cell >= LABELLED_CELL:
            size = min(SMALLEST_TEXT, cell)
            items.append(
                Text(place(position) + cell / 2, y + cell / 2 + size * 0.36, "0", size, "middle", color="muted")
            )
    if right:
        items += _dots(place(left) + GAP_CELLS * cell / 2, y + height / 2)
    numbers = [number for number in range(axis.windows) if not right or number < min(3, axis.windows - 1)]
    if len(numbers) > MOST_ROWS:
        numbers = numbers[:3]
    top = y + height + 4
    for number in dict.fromkeys([*numbers, axis.windows - 1]):
        start = number * axis.stride
        for tap in range(axis.kernel):
            position = start + tap * axis.dilation
            items.append(Rect(place(position), top, cell, ROW - 4, Style(fill, "line", 0.4), role="mark"))
        end = start + axis.reach
        fits = place(end - 1) + cell + ROOM_FOR_LABEL <= x + width
        at = place(end - 1) + cell + 4 if fits else place(start) - 4
        items.append(Text(at, top + 6, f"cell {number}", SMALLEST_TEXT, "start" if fits else "end"))
        top += ROW
    return items, top - y


def _dots(x: float, y: float) -> list[Item]:
    return [Circle(x + 4 * number, y, 0.9, Style("line"), role="mark") for number in (-1, 0, 1)]
