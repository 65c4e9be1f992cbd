"""From layers to boxes: batch norm, activation and dropout join the box of the layer that they follow or precede.

All loops go once over the values, in an order in which the inputs of a value come before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.drawing.graph.labels import SIGNS, Line, line_of, shape_text, text
from cnncalc.drawing.select import operands_of
from cnncalc.layers.base import Statistics
from cnncalc.shape import Shape
from cnncalc.units import format_count

NORMS = frozenset(("batchnorm", "layernorm", "groupnorm", "instancenorm", "rmsnorm", "lrn", "scale"))
VIEWS = frozenset(("flatten", "identity", "dropout", "droppath", "reshape", "permute"))
RESHAPING = frozenset(("flatten", "reshape", "permute"))  # a circle has no room for a shape
HIDDEN = frozenset(("identity",))
JOINING_MODULES = ("activation", "elementwise")
MERGES = frozenset(("add", "mul", "sub", "average", "maximum", "minimum", "concat"))
DEEPEST = 24  # levels of names that become blocks
FURTHEST = 400  # boxes that are searched for the start of the branches of a merge


class Value:
    """A layer as the picture needs it: its row, its inputs, and in a comparison what changed (`before` is its other row)."""

    __slots__ = ("before", "change", "edges", "inputs", "row")

    def __init__(self, row: Row, inputs: Sequence[int], change: str = "", before: Row | None = None) -> None:
        self.row = row
        self.inputs = tuple(inputs)
        self.change = change
        self.before = before
        self.edges: dict[
            int, str
        ] = {}  # input -> `added` or `removed`, where only one of two networks has the connection


class Box:
    """A box of the picture. `lines` has what comes before its main layer, the main layer, and what follows it.

    `form` is `box`, `circle` (sums and products) or `bar` (concatenations). `lead` is the layer that gives it its colour.
    `inputs` has the numbers of other boxes.
    """

    __slots__ = (
        "after", "before", "change", "edges", "entry", "form", "inputs", "lead", "main", "old", "output", "path", "pure", "rows",
        "values",
    )  # fmt: skip

    def __init__(self, value: Value, pure: bool, line: Line) -> None:
        node = value.row.node
        self.rows: list[Row] = [value.row]
        self.values = [node.index]
        self.lead = value.row
        self.pure = pure  # True if it holds nothing but normalizations and activations
        self.main = line
        self.before: list[str] = []
        self.after: list[str] = []
        self.inputs: list[int] = []
        self.output: Shape = node.output
        self.entry: Shape | None = None  # the shape of its first input
        self.change = value.change
        self.old = ""  # what differs from the first of two compared networks
        self.edges: dict[int, str] = {}
        self.path: tuple[str, ...] = tuple(node.name.split(".")[:-1][:DEEPEST]) if node.layer is not None else ()
        self.form = "circle" if node.kind in SIGNS else "bar" if node.kind == "concat" else "box"

    @property
    def name(self) -> str:
        """The name of its main layer."""
        return self.lead.node.name

    def texts(self) -> tuple[str, ...]:
        """The text that decides whether two boxes look the same."""
        return (self.form, self.change, self.old, ", ".join(self.before), text(self.main), ", ".join(self.after))

    def join(self, value: Value) -> None:
        """Add a layer that works on the output of the box."""
        self.rows.append(value.row)
        kind, word = value.row.node.kind, text(line_of(value.row.node))
        if kind not in HIDDEN and not (kind in RESHAPING and self.after[-1:] == [word]):
            self.after.append(word)
        self.output = value.row.node.output


def values_of(analysis: Analysis) -> list[Value]:
    """Return the layers of one network. What a layer reads only for its shape, such as the size of a crop, is left out."""
    return [Value(row, operands_of(row.node)) for row in analysis.rows]


def joins(row: Row) -> bool:
    """Return whether a layer joins the box of its input, and is not drawn as a box."""
    node = row.node
    if node.layer is None or len(node.inputs) != 1:
        return False
    family = type(node.layer).__module__.rsplit(".", 1)[-1]
    return node.kind in NORMS or node.kind in VIEWS or family in JOINING_MODULES


def boxes_of(values: Sequence[Value], outputs: Sequence[int]) -> list[Box]:
    """Return the boxes of the picture in order."""
    uses = [0] * len(values)
    for value in values:
        for index in set(value.inputs):
            uses[index] += 1
    for index in outputs:
        uses[index] += 1
    lines: dict[Statistics, Line] = {}  # equal layers share their statistics
    boxes: list[Box] = []
    of_value: list[int] = []
    for number, value in enumerate(values):
        pure = joins(value.row)
        if pure and len(value.inputs) == 1 and uses[value.inputs[0]] == 1:
            place = of_value[value.inputs[0]]
            box = boxes[place]
            kind = value.row.node.kind
            follows = box.form == "box" or (kind not in NORMS and kind not in RESHAPING)
            alike = box.change == value.change or (box.change == "changed" and not value.change)
            if follows and box.lead.node.layer is not None and alike and not value.edges:
                box.join(value)
                box.values.append(number)
                of_value.append(place)
                continue
        statistics = value.row.node.statistics
        line = lines.get(statistics) if statistics is not None else None
        if line is None:
            line = line_of(value.row.node)
            if statistics is not None:
                lines[statistics] = line
        box = Box(value, pure, line)
        box.values = [number]
        for index in value.inputs:
            source = of_value[index]
            if source not in box.inputs:
                box.inputs.append(source)
            if value.edges.get(index):
                box.edges[source] = value.edges[index]
        if value.inputs:
            box.entry = boxes[of_value[value.inputs[0]]].output
        if value.before is not None and value.change == "changed":
            box.old = _difference(value.before, value.row)
        if value.change in ("added", "removed"):
            box.edges = dict.fromkeys(box.inputs, value.change)
        of_value.append(len(boxes))
        boxes.append(box)
    return adopt(_join_following(boxes))


def _difference(before: Row, after: Row) -> str:
    """Return what differs between two layers that are paired, as briefly as possible."""
    one, other = text(line_of(before.node)), text(line_of(after.node))
    if one != other:
        return f"was {one}"
    if before.params != after.params:
        return f"{format_count(before.params)} → {format_count(after.params)} params"
    if before.node.output != after.node.output:
        return f"was {shape_text(before.node.output)}"
    fields = [row.node.layer.format_fields() if row.node.layer is not None else "" for row in (before, after)]
    return "other inputs" if fields[0] == fields[1] else "other fields"


def _join_following(boxes: list[Box]) -> list[Box]:
    """Let normalizations and activations join the only box that reads them, if there is no box before that they could join."""
    readers = [0] * len(boxes)
    for box in boxes:
        for source in box.inputs:
            readers[source] += 1
    kept: list[Box] = []
    place = [0] * len(boxes)
    waiting: Box | None = None
    for number, box in enumerate(boxes):
        follower = boxes[number + 1] if number + 1 < len(boxes) else None
        joins_next = (
            box.pure and readers[number] == 1 and len(box.inputs) == 1 and follower is not None
            and follower.inputs == [number] and follower.form == "box" and not follower.pure
            and follower.change == box.change and not follower.edges and not box.edges and waiting is None
        )  # fmt: skip
        if waiting is not None:
            box.before = [text(waiting.main), *waiting.after]
            box.rows = [*waiting.rows, *box.rows]
            box.values = [*waiting.values, *box.values]
            box.inputs, box.edges, box.entry = waiting.inputs, waiting.edges, waiting.entry
        else:
            box.edges = {place[source]: change for source, change in box.edges.items()}
            box.inputs = [place[source] for source in box.inputs]
        waiting = box if joins_next else None
        if not joins_next:
            place[number] = len(kept)
            kept.append(box)
    return kept


def adopt(boxes: list[Box]) -> list[Box]:
    """Give boxes without a block the block of their branches, because exporters drop the names of merges and poolings."""
    for number, box in enumerate(boxes):
        if box.path or len(box.inputs) < 2:
            continue
        start = _fork(boxes, number)
        paths = [inner.path for inner in boxes[start + 1 : number] if inner.path]
        if paths:
            box.path = _common(paths)
    for before, box, after in zip(boxes, boxes[1:], boxes[2:], strict=False):
        if not box.path and box.lead.node.layer is not None and before.path and after.path:
            box.path = _common([before.path, after.path])
    return boxes


def _fork(boxes: list[Box], number: int) -> int:
    """Return the last box before a merge through which everything that it merges has passed."""
    need = min(boxes[number].inputs)
    place = number - 1
    while place > need and number - place < FURTHEST:
        need = min([need, *boxes[place].inputs])
        place -= 1
    return place


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the longest common beginning of paths."""
    low, high = min(paths), max(paths)
    length = 0
    while length < min(len(low), len(high)) and low[length] == high[length]:
        length += 1
    return low[:length]
