"""The colour of every layer, and the legend that explains the colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnncalc.analyses.totals import Analysis
from cnncalc.drawing.measure import measure
from cnncalc.drawing.options import SMALLEST_TEXT, Options
from cnncalc.drawing.palette import FAMILIES, family
from cnncalc.drawing.scene import Item, Rect, Style, Text
from cnncalc.record import Record

SWATCH, GAP, LINE = 8.0, 14.0, 12.0
FAMILY_NAMES = {
    "input": "input", "conv": "convolution", "pool": "pooling", "dense": "fully connected", "norm": "normalization",
    "activation": "activation", "merge": "merge", "reshape": "reshape, resize", "recurrent": "recurrent",
    "attention": "attention", "other": "other",
}  # fmt: skip


class Coloring(Record):
    """Names of fills, by the index of a node, and the (fill, label) pairs of the legend for the layers that are drawn."""

    fills: tuple[str, ...]
    labels: dict[str, str]

    def entries(self, drawn: Iterable[int]) -> list[tuple[str, str]]:
        """Return the legend of the layers that are drawn."""
        used = {self.fills[index] for index in drawn}
        return [(fill, label) for fill, label in self.labels.items() if fill in used]


def coloring(analysis: Analysis, options: Options) -> Coloring:
    """Return the colours of the layers."""
    fills = tuple(family(node) for node in analysis.network.nodes)
    return Coloring(fills, {name: FAMILY_NAMES[name] for name in FAMILIES})


def legend(entries: Sequence[tuple[str, str]], left: float, top: float, width: float) -> tuple[list[Item], float]:
    """Return the swatches with their labels, broken into lines of at most `width` points, and their height."""
    items: list[Item] = []
    x, y = left, top
    for fill, label in entries:
        wide = SWATCH + 4 + measure(label, SMALLEST_TEXT)
        if x > left and x + wide > left + width:
            x, y = left, y + LINE
        items.append(Rect(x, y, SWATCH, SWATCH, Style(fill, "line"), role="mark"))
        items.append(Text(x + SWATCH + 4, y + SWATCH - 1.2, label, SMALLEST_TEXT))
        x += wide + GAP
    return items, (y + LINE - top if entries else 0.0)
