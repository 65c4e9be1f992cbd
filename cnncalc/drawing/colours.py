"""The colour of a box by what it costs, by its kind or by its stage, with a legend; for every view.

A view says which layers it draws together. The scale of a heat map runs from 0 to the most expensive of these groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnncalc.analyses.quantities import PER_LAYER
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.drawing.palette import FAMILIES, family
from cnncalc.record import Record
from cnncalc.shape import Shape

HEAT = tuple(f"heat-{number}" for number in range(5))
STAGES = ("conv", "pool", "dense", "merge", "norm", "recurrent", "attention", "reshape")
MINOR = frozenset(("norm", "activation", "reshape", "elementwise"))
UNKNOWN = "reshape"  # the colour of what is not known
WORDS = {"params": "parameters", "macs": "multiply-adds", "memory": "activation memory"}
FAMILY_WORDS = {
    "conv": "convolution", "pool": "pooling", "dense": "fully connected", "norm": "normalization",
    "merge": "sum, product, concat",
}  # fmt: skip


class Colouring(Record):
    """Colours by name. `title` is the heading of the legend, and `entries` its colours with their meanings."""

    how: str
    title: str
    entries: tuple[tuple[str, str], ...]
    total: int | None = None  # of the whole network; None if it is not known
    step: int = 1  # thousandths of the total from one colour of a heat map to the next
    stages: tuple[str, ...] = ()

    def fill(self, rows: Sequence[Row]) -> str:
        """Return the colour of layers that are drawn together."""
        if self.how == "kind":
            return family(lead(rows).node)
        if self.how == "stage":
            return STAGES[self.stages.index(stage(rows)) % len(STAGES)]
        cost = PER_LAYER[self.how].of_rows(rows)
        if cost is None or self.total is None:
            return UNKNOWN
        return HEAT[min(cost * 1000 // max(self.total * self.step, 1), len(HEAT) - 1)]

    def note(self, rows: Sequence[Row]) -> str:
        """Return the text that says the same as the colour: a share of the total, or the size of a stage."""
        if self.how == "kind":
            return ""
        if self.how == "stage":
            return stage(rows)
        cost = PER_LAYER[self.how].of_rows(rows)
        return "?" if cost is None or self.total is None else percent(cost, self.total)


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


def colours_for(analysis: Analysis, how: str, groups: Iterable[Sequence[Row]]) -> Colouring:
    """Return the colours of groups of layers that are drawn together. `how` is one of `options.COLORINGS`."""
    groups = list(groups)
    if how == "kind":
        present = {family(lead(rows).node) for rows in groups}
        named = tuple((name, FAMILY_WORDS.get(name, name)) for name in FAMILIES if name in present)
        return Colouring(how, "", named)
    if how == "stage":
        sizes = tuple(dict.fromkeys(stage(rows) for rows in groups))
        return Colouring(
            how, "output size", tuple((STAGES[n % len(STAGES)], size) for n, size in enumerate(sizes)), stages=sizes
        )
    quantity = PER_LAYER[how]
    costs = [quantity.of_rows(rows) for rows in groups]
    known = [cost for cost in costs if cost is not None]
    total = sum(known) if len(known) == len(costs) else None
    unknown = ((UNKNOWN, "not known"),) if total is None or len(known) < len(costs) else ()
    title = f"share of {WORDS[how]}"
    if total is None or not total:
        return Colouring(how, title, unknown or ((HEAT[0], "0 %"),), total)
    step = _round_step(max(known) * 1000 // total)
    entries = tuple((name, f"{_tenths(step * n)}–{_tenths(step * (n + 1))} %") for n, name in enumerate(HEAT))
    return Colouring(how, title, (*entries, *unknown), total, step)


def _round_step(largest: int) -> int:
    """Return a round number of thousandths of which five cover the largest share."""
    return next(step for step in (2, 5, 10, 20, 40, 50, 100, 150, 200, 250) if step * len(HEAT) >= min(largest, 1000))


def _tenths(thousandths: int) -> str:
    whole, rest = divmod(thousandths, 10)
    return f"{whole}.{rest}" if rest else str(whole)
