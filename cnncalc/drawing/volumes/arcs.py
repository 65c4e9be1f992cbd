"""Arcs over the boxes: which lane each skip takes, so that arcs nest and none runs through a box."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.drawing.measure import measure
from cnncalc.drawing.options import SMALLEST_TEXT
from cnncalc.drawing.scene import Box, Point, overlap
from cnncalc.drawing.volumes.layout import Placed
from cnncalc.drawing.volumes.trunk import Skip
from cnncalc.record import Record

CLEARANCE, LANE, LABEL = 8.0, 6.0, 9.0
ASIDE = 1.6  # an arc that ends and one that starts at the same box are this far from its middle


class Arc(Record):
    """An arc: the position of its skip, its four corners relative to the middle of the row, and its label."""

    number: int
    points: tuple[Point, Point, Point, Point]
    label: str

    @property
    def top(self) -> float:
        """The height that it reaches, its label included."""
        return self.points[1][1] - (LABEL + 3 if self.label else 1)

    @property
    def area(self) -> Box:
        """The rectangle of its label."""
        (left, top), (right, _) = self.points[1:3]
        half = measure(self.label, SMALLEST_TEXT) / 2 + 2
        return (left + right) / 2 - half, top - LABEL - 3, (left + right) / 2 + half, top - 1

    @property
    def boxes(self) -> list[Box]:
        """The rectangles around its lines and its label."""
        (left, start), (_, top), (right, _), (_, end) = self.points
        lines = [
            (left - 1, top - 1, left + 1, start),
            (right - 1, top - 1, right + 1, end),
            (left, top - 1, right, top + 1),
        ]
        return [*lines, self.area] if self.label else lines


class _Roof(Record):
    """A box seen from above: where its back edge is, how high it is, and where it ends."""

    left: float
    right: float
    top: float
    edge: float


def arcs_of(skips: list[Skip], row: list[Placed], label: Callable[[Skip], str]) -> list[Arc]:
    """Return the arcs of the skips whose ends are both drawn in this row."""
    roofs: list[_Roof] = []
    roof_of: dict[int, int] = {}
    for placed in row:
        for part in placed.parts:
            if part.box is None:
                continue
            left = placed.left + part.left
            box = part.box
            for index in part.slabs[0].layers:
                roof_of[index] = len(roofs)
            edge = left + box.slant + box.width / 2
            roofs.append(_Roof(left, left + box.width + box.slant, -(box.height + box.slant) / 2, edge))
    spans = []
    for number, skip in enumerate(skips):
        if skip.start in roof_of and skip.end in roof_of and roof_of[skip.start] < roof_of[skip.end]:
            spans.append((roof_of[skip.end] - roof_of[skip.start], number, roof_of[skip.start], roof_of[skip.end]))
    arcs: list[Arc] = []
    for _, number, first, last in sorted(spans):
        start, end = roofs[first].edge + ASIDE, roofs[last].edge - ASIDE
        below = min(roof.top for roof in roofs[first : last + 1]) - CLEARANCE
        for other in arcs:
            if other.points[0][0] < end and start < other.points[3][0]:
                below = min(below, other.top - LANE + 1)
        words = label(skips[number])
        if measure(words, SMALLEST_TEXT) + 4 > end - start:
            words = ""
        corners = ((start, _roof_at(roofs, start)), (start, below), (end, below), (end, _roof_at(roofs, end)))
        arcs.append(Arc(number, corners, words))
    return _with_wide_labels(arcs, roofs, [label(skips[arc.number]) for arc in arcs])


def _with_wide_labels(arcs: list[Arc], roofs: list[_Roof], words: list[str]) -> list[Arc]:
    """Give arcs their labels that are wider than they are, where nothing else is in their place."""
    found = list(arcs)
    for place, (arc, text) in enumerate(zip(arcs, words, strict=True)):
        if not text or arc.label:
            continue
        wide = Arc(arc.number, arc.points, text)
        others = [*found[:place], *found[place + 1 :]]
        taken = [box for other in others for box in other.boxes]
        taken += [(roof.left, roof.top, roof.right, -roof.top) for roof in roofs]
        inside = roofs[0].left <= wide.area[0] and wide.area[2] <= roofs[-1].right
        if inside and not any(overlap(wide.area, box) for box in taken):
            found[place] = wide
    return found


def _roof_at(roofs: list[_Roof], x: float) -> float:
    """Return the height of the highest box at a place."""
    return min((roof.top for roof in roofs if roof.left <= x <= roof.right), default=0.0)
