"""The color of a box by what it costs, by its kind or by its stage, with a legend; for every view.

A view says which layers it draws together. The scale of a heat map runs from 0 to the most expensive of these groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnncalc.analyses.quantities import PER_LAYER
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.drawing.measure import measure
from cnncalc.drawing.options import SMALLEST_TEXT
from cnncalc.drawing.palette import FAMILIES, family
from cnncalc.drawing.scene import Item, Rect, Style, Text
from cnncalc.record import Record
from cnncalc.shape import Shape

SWATCH, GAP, LINE = 8.0, 14.0, 12.0
HEAT = tuple(f"heat-{number}" for number in range(5))
STAGES = ("conv", "pool", "dense", "merge", "norm", "recurrent", "attention", "reshape")
MINOR = frozenset(("norm", "activation", "reshape", "elementwise"))
UNKNOWN = "reshape"  # the color of what is not known
WORDS = {"params": "parameters", "macs": "multiply-adds", "memory": "activation memory"}
FAMILY_NAMES = {
    "conv": "convolution", "pool": "pooling", "dense": "fully connected", "norm": "normalization",
    "merge": "sum, product, concat",
}  # fmt: skip


class Coloring(Record):
    """Colors by name. `title` is the heading of the legend, and `entries` its colors with their meanings."""

    how: str
    title: str
    entries: tuple[tuple[str, str], ...]
    total: int = 0  # of the whole network, without what is not known
    step: int = 1  # thousandths of the total from one color of a heat map to the next
    stages: tuple[str, ...] = ()

    def fill(self, rows: Sequence[Row]) -> str:
        """Return the color of layers that are drawn together."""
        if self.how == "kind":
            return family(lead(rows).node)
        if self.how == "stage":
            place = self.stages.index(stage(rows)) if stage(rows) in self.stages else -1
            return STAGES[place % len(STAGES)] if place >= 0 else UNKNOWN
        cost = PER_LAYER[self.how].of_rows(rows)
        if cost is None:
            return UNKNOWN
        return HEAT[min(cost * 1000 // max(self.total * self.step, 1), len(HEAT) - 1)]

    def note(self, rows: Sequence[Row]) -> str:
        """Return the text that says the same as the color: a share of the total, or the size of a stage."""
        if self.how == "kind":
            return ""
        if self.how == "stage":
            return stage(rows)
        cost = PER_LAYER[self.how].of_rows(rows)
        return "?" if cost is None else percent(cost, self.total)


def percent(part: int, total: int) -> str:
    """Return a share as text; more than nothing is never shown as nothing.

    >>> percent(1, 3), percent(1, 10_000), percent(0, 5), percent(1, 70)
    ('33 %', '<0.1 %', '0 %', '1.4 %')
    """
    if not part:
        return "0 %"
    tenths = (2000 * part + total) // (2 * total)
    if not tenths:
        return "<0.1 %"
    return f"{(tenths + 5) // 10} %" if tenths >= 100 else f"{tenths // 10}.{tenths % 10} %"


def lead(rows: Sequence[Row]) -> Row:
    """Return the layer that gives a group its kind: of those that are not normalizations, activations or views the largest."""
    major = [row for row in rows if family(row.node) not in MINOR]
    return max(major, key=lambda row: row.params) if major else rows[0]


def stage(rows: Sequence[Row]) -> str:
    """Return the spatial size of the last output of a group, `vector` if it has none."""
    spatial = rows[-1].node.output.spatial
    return "×".join(map(str, Shape(spatial))) if spatial else "vector"


def coloring(analysis: Analysis, how: str, groups: Iterable[Sequence[Row]]) -> Coloring:
    """Return the colors of groups of layers that are drawn together. `how` is one of `options.COLORINGS`."""
    groups = list(groups)
    if how == "kind":
        present = {family(lead(rows).node) for rows in groups}
        named = tuple((name, FAMILY_NAMES.get(name, name)) for name in FAMILIES if name in present)
        return Coloring(how, "", named)
    if how == "stage":
        sizes = tuple(dict.fromkeys(stage(rows) for rows in groups))
        return Coloring(
            how, "output size", tuple((STAGES[n % len(STAGES)], size) for n, size in enumerate(sizes)), stages=sizes
        )
    quantity = PER_LAYER[how]
    costs = [quantity.of_rows(rows) for rows in groups]
    known = [cost for cost in costs if cost is not None]
    total = sum(cost for row in analysis.rows if (cost := quantity.of_rows([row])) is not None)
    complete = quantity.of_rows(analysis.rows) is not None
    title = f"share of {'' if complete else 'the known '}{WORDS[how]}"
    unknown = () if len(known) == len(costs) else ((UNKNOWN, "not known"),)
    if not total or not known:
        return Coloring(how, title, ((HEAT[0], "0 %"), *unknown), total)
    step = _round_step(max(known) * 1000 // total)
    entries = tuple((name, f"{_tenths(step * n)}–{_tenths(step * (n + 1))} %") for n, name in enumerate(HEAT))
    return Coloring(how, title, (*entries, *unknown), total, step)


def _round_step(largest: int) -> int:
    """Return a round number of thousandths of which five cover the largest share."""
    return next(step for step in (2, 5, 10, 20, 40, 50, 100, 150, 200, 250) if step * len(HEAT) >= min(largest, 1000))


def _tenths(thousandths: int) -> str:
    whole, rest = divmod(thousandths, 10)
    return f"{whole}.{rest}" if rest else str(whole)


def legend(
    entries: Sequence[tuple[str, str]], left: float, top: float, width: float, title: str = ""
) -> tuple[list[Item], float]:
    """Return the swatches with their labels below a title, broken into lines of `width` points, and their height."""
    items: list[Item] = []
    x, y = left, top
    if title:
        items.append(Text(left, top + SWATCH - 1.2, title, SMALLEST_TEXT, bold=True))
        y += LINE
    for fill, label in entries:
        wide = SWATCH + 4 + measure(label, SMALLEST_TEXT)
        if x > left and x + wide > left + width:
            x, y = left, y + LINE
        items.append(Rect(x, y, SWATCH, SWATCH, Style(fill, "line"), role="mark"))
        items.append(Text(x + SWATCH + 4, y + SWATCH - 1.2, label, SMALLEST_TEXT))
        x += wide + GAP
    return items, (y + LINE - top if entries else 0.0)
