"""Networks whose skips reach from one half to the other, such as a U-Net: one half on the left, the other on the right.

Feature maps go down on the left and up on the right. A floor has the groups at both ends of one skip, which goes straight
across, and the groups that lead to them. The lowest floor has what is between the halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from cnncalc.drawing.scene import Point
from cnncalc.drawing.volumes.groups import Volumes
from cnncalc.drawing.volumes.layout import (
    CAPTION_GAP,
    GROUP_GAP,
    LEADING,
    Measured,
    Part,
    Placed,
    Words,
    place,
    shifted,
)
from cnncalc.drawing.volumes.trunk import Skip
from cnncalc.record import Record
from cnncalc.shape import Shape

LEAST_SKIPS = 2
ASIDE = 9.0  # between boxes and the line to another floor beside them
BETWEEN = 26.0  # between the halves, at least
AFTER_LINE = 5.0  # between a line and the caption after it


class Caption(Record):
    """The words of a group: their place, and whether they are beside the boxes, not below them."""

    words: Words
    x: float
    anchor: str
    beside: bool

    @property
    def height(self) -> float:
        """The height of its lines."""
        return LEADING * len(self.words.all)

    @property
    def end(self) -> float:
        """The right end."""
        return self.x + self.words.width * (0.5 if self.anchor == "middle" else 1.0)


class Floor(Record):
    """Groups of one height: `down` leads to the next floor, and `up` to the one before. The lowest floor has no `up`."""

    down: tuple[Placed, ...]
    up: tuple[Placed, ...] = ()

    @property
    def row(self) -> list[Placed]:
        """All groups from left to right."""
        return [*self.down, *self.up]

    @property
    def captions(self) -> list[Caption]:
        """The captions, beside the boxes where a line leaves their lower end or arrives there."""
        if not self.up:
            return [_below(placed) for placed in self.down]
        found = [*map(_below, self.down[:-1]), _beside(self.down[-1], ASIDE)]
        if len(self.up) == 1:
            return [*found, _beside(self.up[0], ASIDE + AFTER_LINE)]
        return [*found, _after_line(self.up[0]), *map(_below, self.up[1:])]

    @property
    def end(self) -> float:
        """The right end of boxes, lines and captions."""
        return max([self.row[-1].right + ASIDE, *(caption.end for caption in self.captions)])


def first_box(placed: Placed) -> Part:
    """Return the first box of a group."""
    return next(part for part in placed.parts if part.box)


def last_box(placed: Placed) -> Part:
    """Return the last box of a group."""
    return next(part for part in reversed(placed.parts) if part.box)


def middle(placed: Placed, part: Part) -> float:
    """Return the middle of the front face of a box."""
    assert part.box is not None
    return placed.left + part.left + part.box.width / 2


def _below(placed: Placed) -> Caption:
    return Caption(placed.words, placed.center, "middle", False)


def _beside(placed: Placed, distance: float) -> Caption:
    return Caption(placed.words, placed.right + distance, "start", True)


def _after_line(placed: Placed) -> Caption:
    return Caption(placed.words, middle(placed, first_box(placed)) + AFTER_LINE, "start", False)


def lines_between(above: Floor, level_above: float, turn: float, floor: Floor, level: float) -> list[tuple[Point, ...]]:
    """Return the line down to a floor and the line up from it. Both cross at the height `turn`, between the floors."""
    source, target = above.down[-1], floor.down[0]
    start, side = middle(source, last_box(source)), target.left - ASIDE
    end = (start, level_above + _lower_half(last_box(source)))
    down = (end, (start, turn), (side, turn), (side, level), (target.left, level))
    source, target = floor.row[-1], above.up[0]
    start, side = middle(target, first_box(target)), source.right + ASIDE
    end = (start, level_above + _lower_half(first_box(target)))
    return [down, ((source.right, level), (side, level), (side, turn), (start, turn), end)]


def _lower_half(part: Part) -> float:
    """Return the distance from the middle of a row to the lower end of a box."""
    assert part.box is not None
    return (part.box.height + part.box.slant) / 2


def halves_of(groups: Sequence[Volumes], skips: Sequence[Skip]) -> list[tuple[range, range]]:
    """Return the numbers of the groups of each floor, those that go down and those that go up; none without two halves.

    There are two halves if skips are nested and all of them pass the same smaller feature maps.
    """
    number = {index: number for number, group in enumerate(groups) for index in group.layers}
    ends = {(number[skip.start], number[skip.end]) for skip in skips if skip.start in number and skip.end in number}
    pairs = sorted((first, last) for first, last in ends if last > first + 1)
    nested = all(one[0] < other[0] and other[1] < one[1] for one, other in pairwise(pairs))
    if len(pairs) < LEAST_SKIPS or not nested:
        return []
    first, last = pairs[-1]
    if any(_positions(group.shape) >= _positions(groups[first].shape) for group in groups[first + 1 : last]):
        return []
    floors = []
    low, high = 0, len(groups)
    for start, end in pairs:
        floors.append((range(low, start + 1), range(end, high)))
        low, high = start + 1, end
    return [*floors, (range(low, high), range(0))]


def _positions(shape: Shape) -> int:
    return prod(shape.spatial)


def place_floors(halves: Sequence[tuple[range, range]], measured: Sequence[Measured], start: float) -> list[Floor]:
    """Return the groups at their places. On each side, the groups at the ends of the skips are in one column."""
    downs = [_down([measured[number] for number in down]) for down, _ in halves[:-1]]
    lowest = place([measured[number] for number in halves[-1][0]], 0.0)
    lefts = [start + (ASIDE if floor else 0.0) - _left(row) for floor, row in enumerate(downs)]
    column = max(left + row[-1].left for left, row in zip(lefts, downs, strict=True))
    downs = [shifted(row, column - row[-1].left) for row in downs]
    lowest = shifted(lowest, max(column - lowest[0].left, start + ASIDE - _left(lowest)))
    ups = [_up([measured[number] for number in up]) for _, up in halves[:-1]]
    column = max(_beside(row[-1], ASIDE).end for row in downs) + BETWEEN
    column = max(column, lowest[-1].right + ASIDE - middle(ups[-1][0], first_box(ups[-1][0])))
    ups = [shifted(row, column) for row in ups]
    floors = [Floor(tuple(down), tuple(up)) for down, up in zip(downs, ups, strict=True)]
    return [*floors, Floor(tuple(lowest))]


def _left(row: Sequence[Placed]) -> float:
    """Return the left end of boxes and captions of a row that goes down."""
    return min([row[0].left, *(placed.center - placed.words.width / 2 for placed in row[:-1])])


def _down(groups: Sequence[Measured]) -> list[Placed]:
    """Return a row that goes down, whose last group has its caption beside it."""
    row = place(groups[:-1], 0.0)
    group, words, parts, width = groups[-1]
    left = max(row[-1].right + GROUP_GAP, row[-1].end_of_caption + CAPTION_GAP) if row else 0.0
    return [*row, Placed(group, words, parts, left, left + width)]


def _up(groups: Sequence[Measured]) -> list[Placed]:
    """Return a row that goes up, whose first group has a line from below."""
    group, words, parts, width = groups[0]
    first = Placed(group, words, parts, 0.0, width)
    rest = place(groups[1:], 0.0)
    if rest:
        left = min(placed.center - placed.words.width / 2 for placed in rest)
        distance = max(first.right + GROUP_GAP - rest[0].left, _after_line(first).end + CAPTION_GAP - left)
        rest = shifted(rest, distance)
    return [first, *rest]
