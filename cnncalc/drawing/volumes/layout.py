"""Where groups go: in rows from left to right, each pushed right until its caption clears the one before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from cnncalc.drawing.measure import measure
from cnncalc.drawing.options import SMALLEST_TEXT
from cnncalc.drawing.volumes.boxes import Box, Scale
from cnncalc.drawing.volumes.captions import Run
from cnncalc.drawing.volumes.groups import Slab, Volumes
from cnncalc.record import Record

LEADING = 10.0  # from one line of a caption to the next
SLAB_GAP, GROUP_GAP, CAPTION_GAP = 2.0, 15.0, 9.0
DOTS_WIDTH = 16.0
MOST_SLABS = 9  # of a group; more repeats are drawn as dots
FACTORS = (0.5, 1.0)  # how far boxes shrink before the picture gets a second row
SEVERAL_ROWS = (
    1.0,
    0.9,
    0.8,
    0.7,
)  # their scales in several rows; the largest that needs no more rows than the smallest


class Part(Record):
    """A box, or the dots in place of several slabs (`box` is None), with its distance from the left end of its group."""

    slabs: tuple[Slab, ...]
    left: float
    box: Box | None


class Words(Record):
    """The caption of a group: its shape, lines about its layers, and lines with figures."""

    title: str
    lines: tuple[str, ...]
    figures: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """All lines from the title on."""
        return (self.title, *self.lines, *self.figures)

    @property
    def width(self) -> float:
        """The width of the longest line."""
        plain = [measure(line, SMALLEST_TEXT) for line in (*self.lines, *self.figures)]
        return max([measure(self.title, SMALLEST_TEXT, bold=True), *plain])


class Placed(Record):
    """A group at its place: `left` and `right` are the ends of its boxes, `center` that of its caption."""

    group: Volumes
    words: Words
    parts: tuple[Part, ...]
    left: float
    right: float

    @property
    def center(self) -> float:
        """The middle of the boxes."""
        return (self.left + self.right) / 2

    @property
    def end_of_caption(self) -> float:
        """The right end of the caption."""
        return self.center + self.words.width / 2

    @property
    def end(self) -> float:
        """The right end of boxes and caption."""
        return max(self.right, self.end_of_caption)


Measured: TypeAlias = tuple[Volumes, Words, tuple[Part, ...], float]  # the last is the width


def parts_of(group: Volumes, runs: list[Run], scale: Scale, factor: float) -> tuple[tuple[Part, ...], float]:
    """Return what a group draws, and its width. Long repeats are the first, dots, and the last."""
    parts: list[Part] = []
    x = 0.0
    right = 0.0
    for slabs, dots in _shown(group, runs):
        if dots:
            start = max(right + 1, x) if parts else x
            parts.append(Part(slabs, start, None))
            x = right = start + DOTS_WIDTH
            continue
        for slab in slabs:
            box = scale.box(slab.shape, factor)
            parts.append(Part((slab,), x, box))
            right = x + box.width + box.slant
            x += box.width + SLAB_GAP
    return tuple(parts), right


def _shown(group: Volumes, runs: list[Run]) -> list[tuple[tuple[Slab, ...], bool]]:
    slabs = group.slabs
    shown: list[tuple[tuple[Slab, ...], bool]] = []
    for run in runs:
        every = slabs[run.first : run.last + 1]
        if len(slabs) > MOST_SLABS and run.times > 2:
            hidden = every[run.length : -run.length]
            shown += [(every[: run.length], False), (hidden, True), (every[-run.length :], False)]
        else:
            shown.append((every, False))
    return shown


def place(groups: Iterable[Measured], start: float) -> list[Placed]:
    """Return the groups of a row, whose first begins at `start`."""
    row: list[Placed] = []
    for measured in groups:
        row.append(_next(row, start, measured))
    return row


def shifted(row: Iterable[Placed], by: float) -> list[Placed]:
    """Return the groups of a row, moved to the right."""
    return [
        Placed(placed.group, placed.words, placed.parts, placed.left + by, placed.right + by) for placed in row
    ]  # fmt: skip


def _next(row: list[Placed], start: float, measured: Measured) -> Placed:
    """Return a group at the end of a row."""
    group, words, parts, width = measured
    half = (words.width - width) / 2  # by which the caption is wider on each side
    left = start + max(half, 0)
    if row:
        left = max(row[-1].right + GROUP_GAP, row[-1].end_of_caption + CAPTION_GAP + half)
    return Placed(group, words, parts, left, left + width)


def rows_of(measured: Callable[[float], list[Measured]], start: float, limit: float, exact: bool) -> list[list[Placed]]:
    """Return the rows of a picture at most `limit` points wide.

    Boxes shrink before the picture gets a second row. With `exact`, they also grow until the row is as wide as the limit.
    """
    largest = 3.0 if exact else FACTORS[1]
    row = place(measured(largest), start)
    if _width(row, start) <= limit:
        return [row]
    row = place(measured(FACTORS[0]), start)
    if _width(row, start) <= limit:
        low, high = FACTORS[0], largest
        for _ in range(8):
            middle = (low + high) / 2
            trial = place(measured(middle), start)
            if _width(trial, start) <= limit:
                low, row = middle, trial
            else:
                high = middle
        return [row]
    count = len(_wrapped(measured(SEVERAL_ROWS[-1]), start, limit))
    groups = next(groups for factor in SEVERAL_ROWS if len(_wrapped(groups := measured(factor), start, limit)) <= count)
    rows = _wrapped(groups, start, limit)
    low, high = limit / 2, limit
    for _ in range(8):  # the narrowest width with as many rows fills them evenly
        middle = (low + high) / 2
        trial_rows = _wrapped(groups, start, middle)
        if len(trial_rows) == len(rows):
            high, rows = middle, trial_rows
        else:
            low = middle
    return rows


def _width(row: list[Placed], start: float) -> float:
    return max(placed.end for placed in row) - start


def _wrapped(groups: list[Measured], start: float, limit: float) -> list[list[Placed]]:
    rows: list[list[Placed]] = [[]]
    for group in groups:
        placed = _next(rows[-1], start, group)
        if rows[-1] and placed.end - start > limit:
            rows.append([])
            placed = _next([], start, group)
        rows[-1].append(placed)
    return rows
