"""Two networks in one picture: the layers of both, paired as by `cnncalc compare`, with the connections of both."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cnncalc.analyses.compare import layers
from cnncalc.analyses.totals import Analysis
from cnncalc.drawing.graph.boxes import Value
from cnncalc.drawing.graph.faces import MARKS, SIZE, outline
from cnncalc.drawing.measure import measure, shorten
from cnncalc.drawing.scene import Item, Rect, Text
from cnncalc.drawing.select import operands_of
from cnncalc.text import show

SWATCH, GAP, LINE = 10.0, 16.0, 14.0
LONGEST_NAME = 120.0  # points


def values_of_both(first: Analysis, second: Analysis) -> tuple[list[Value], list[int]]:
    """Return the layers of two networks in an order that suits both, and the places of the outputs of either."""
    pairs = layers(first, second)
    place_of_first = {pair.left.node.index: place for place, pair in enumerate(pairs) if pair.left is not None}
    place_of_second = {pair.right.node.index: place for place, pair in enumerate(pairs) if pair.right is not None}
    values: list[Value] = []
    for pair in pairs:
        row = pair.right or pair.left
        assert row is not None
        before = [place_of_first[index] for index in operands_of(pair.left.node)] if pair.left is not None else []
        after = [place_of_second[index] for index in operands_of(pair.right.node)] if pair.right is not None else []
        inputs = list(dict.fromkeys([*after, *before]))
        value = Value(row, inputs, "" if pair.change == "same" else pair.change, pair.left)
        if pair.left is not None and pair.right is not None:
            value.edges = {place: "added" for place in after if place not in before}
            value.edges |= {place: "removed" for place in before if place not in after}
        values.append(value)
    outputs = [place_of_first[index] for index in first.network.outputs]
    return values, [*outputs, *(place_of_second[index] for index in second.network.outputs)]


def meanings(names: Sequence[str], changes: Collection[str]) -> list[tuple[str, str]]:
    """Return the changes that occur with their meanings. `names` are those of the two networks."""
    first, second = (shorten(show(name, 60), LONGEST_NAME, SIZE) for name in names)
    if first == second:
        first, second = "the other network", "this network"
    words = {
        "": "the same in both", "changed": f"changed from {first} to {second}", "added": f"only in {second}",
        "removed": f"only in {first}",
    }  # fmt: skip
    return [(change, MARKS[change] + meaning) for change, meaning in words.items() if change in changes]


def legend_width(entries: Sequence[tuple[str, str]]) -> float:
    """Return the width of the longest line of a legend."""
    return max(SWATCH * 1.4 + 5 + measure(label, SIZE) for _, label in entries)


def change_legend(
    entries: Sequence[tuple[str, str]], left: float, top: float, width: float
) -> tuple[list[Item], float]:
    """Return the legend of changes, broken into lines of at most `width` points, and its height."""
    items: list[Item] = []
    x, y = left, top
    for change, label in entries:
        wide = SWATCH * 1.4 + 5 + measure(label, SIZE)
        if x > left and x + wide > left + width:
            x, y = left, y + LINE
        items.append(Rect(x, y, SWATCH * 1.4, SWATCH, outline(change or "same", change), 1.5, "mark"))
        items.append(Text(x + SWATCH * 1.4 + 4, y + SWATCH - 2.2, label, SIZE))
        x += wide + GAP
    return items, y + LINE - top
