"""What the layout places: cells with sizes, and spans of cells that are marked together.

Distances along the flow of the network are `along`, and those across it are `across`. The flow goes down, or to the right.
"""

from __future__ import annotations

from typing import TypeAlias

Place: TypeAlias = tuple[float, float]  # across, along


class Cell:
    """Something with a place in the picture: a box, a circle, a bar, or a port through which an edge enters a column.

    `before` and `after` are its extents across the flow, from its centre line; `length` is that along it. `body` is half of
    the width that edges may enter. `row` and `column` are set by the grid, `across` and `along` (its start) by the routing.
    """

    __slots__ = (
        "across",
        "after",
        "along",
        "before",
        "body",
        "column",
        "form",
        "high",
        "inputs",
        "length",
        "low",
        "row",
    )

    def __init__(self, form: str, length: float, before: float, after: float, body: float, inputs: list[int]) -> None:
        self.form = form
        self.length = length
        self.before = before
        self.after = after
        self.body = body
        self.inputs = inputs
        self.row = self.column = 0
        self.across = self.along = 0.0
        self.low = self.high = 0.0  # where a bar starts and ends across the flow

    @property
    def end(self) -> float:
        """Where it ends along the flow."""
        return self.along + self.length

    @property
    def near(self) -> float:
        """Where an edge along the centre line enters it."""
        return self.middle - self.body if self.form == "circle" else self.along

    @property
    def far(self) -> float:
        """Where an edge along the centre line leaves it."""
        return self.middle + self.body if self.form == "circle" else self.end

    @property
    def middle(self) -> float:
        """Its middle along the flow."""
        return self.along + self.length / 2


class Span:
    """Cells from `first` to `last` that are marked together: a `frame` around a repeated unit, or a `bracket` beside a block.

    `ahead` is the space for its label across the flow, and `low`, `high`, `start`, `end` are set by the layout.
    """

    __slots__ = ("ahead", "aside", "at", "end", "first", "form", "high", "label", "last", "low", "start")

    def __init__(self, form: str, first: int, last: int, label: tuple[str, ...], ahead: float) -> None:
        self.form = form
        self.first = first
        self.last = last
        self.label = label
        self.ahead = ahead
        self.low = self.high = self.start = self.end = 0.0
        self.at: float | None = None  # where its label is along the flow, if not in its middle
        self.aside: float | None = None  # where its label is if it is not before it but after everything

    def moved(self, by: int, last: int) -> Span:
        """Return the part of the span within cells 0 to `last`, after subtracting `by` from its numbers."""
        return Span(self.form, max(self.first - by, 0), min(self.last - by, last), self.label, self.ahead)


class Edge:
    """A line from one cell to another through `points`, without its ends at the cells if these are not known yet."""

    __slots__ = ("points", "source", "target")

    def __init__(self, source: int, target: int, points: list[Place]) -> None:
        self.source = source
        self.target = target
        self.points = points
