"""What the run of a PyTorch module tells of its memory: what shares storage with what, and how long each is held.

Layers have rules of their own; here is seen where a module does other things than they say, so that it can be said that a
figure is a bound.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.layers.operations import AS_IT_COMES, EXPANDED, FULL, FUSED, MIXED, NEW, OUT, PART, SAME, Op, Seen
from cnncalc.network import Node
from cnncalc.readers.torch.events import Event, Trace, Var

INDEX_BYTES = 8
SPLITS = ("split", "split_with_sizes", "chunk", "unbind")


class Memory:
    """The value that every node was made for, and which nodes are not all that PyTorch does.

    `made` has the value by node. `hidden` is memory that no node stands for.
    """

    def __init__(self, training: bool) -> None:
        self.training = training  # it was seen in training mode
        self.made: dict[int, Var] = {}
        self.hidden = False
        self.marks: dict[int, int] = {}  # operation -> the last node that there was behind it

    def emitted(self, node: Node, out: Var, xs: Sequence[int]) -> None:
        """A node for a value: does the layer overwrite, view or make memory as PyTorch did?"""
        seen = node.seen = Seen()
        self.made[node.index] = out
        seen.more, self.hidden = self.hidden, False
        seen.relaid = _relaid(out.event)
        if out.event is not None and out.event.op == "linear":  # what is not straight is copied into rows first
            x = out.event.inputs[0]
            seen.more = seen.more or (len(x.dims) > 2 and not x.straight)
        assert node.statistics is not None
        ops = node.statistics.layer.operations(False, *node.statistics.shapes)
        if ops is None:
            return
        source = _source(ops, len(xs))
        before = self.made.get(xs[source]) if source is not None else None
        if source is None:
            seen.less = any(out.memory == self.made[x].memory for x in xs if x in self.made)
        elif before is not None and before.memory != out.memory and not self._drops(out.event):
            seen.more = True

    def _drops(self, event: Event | None) -> bool:
        """Return whether it is a dropout of this mode; in evaluation mode the trace keeps its result apart from its input."""
        return event is not None and (event.args.get("train") in (False, self.training) or not event.op)

    def constant(self, event: Event) -> None:
        """An operation on constants only: memory that is taken for it has no node."""
        known = {var.memory for var in event.inputs}
        self.hidden = self.hidden or any(out.size and out.memory not in known for out in event.outs)

    def done(self, event: Event, nodes: Sequence[Node], absorbed: bool) -> None:
        """The operation has its nodes; is what it made the memory of the node that stands for it?

        What is `absorbed` is done by the layer behind it.
        """
        self.marks[event.at] = len(nodes) - 1
        for out in event.outs if not absorbed else ():
            made = self.made.get(out.index) if out.index is not None else None
            if made is not None and made.memory != out.memory:
                seen = nodes[out.index or 0].seen
                if seen is not None:
                    seen.more = True
                else:
                    self.hidden = True
        x = event.inputs[0] if event.inputs else None
        if event.op in ("reshape", "flatten") and x is not None and not x.straight and event.out.dims[:1] != x.dims[:1]:
            self.hidden = True  # joined with the batch, it is a view of one example, but a copy of several
        if event.op in SPLITS:
            self._split(event, nodes)

    def _split(self, event: Event, nodes: Sequence[Node]) -> None:
        """The parts that are cut at once: their gradients meet in one operation."""
        parts = [
            (out, nodes[out.index]) for out in event.outs if out.index is not None and out.size != event.inputs[0].size
        ]
        own = [(out, node) for out, node in parts if node.kind == "slice" and node.seen is not None]
        unused = sum(out.size for out in event.outs if out.index is None)
        for _, node in own:
            assert node.seen is not None
            node.seen.split, node.seen.unused = event.at, unused
            node.seen.more = node.seen.more or len(own) < len(parts) or (event.op == "unbind" and unused > 0)

    def finish(self, record: Trace, nodes: Sequence[Node]) -> None:
        """Note behind which node every value is let go."""
        behind = -1
        last: list[int] = []
        for number in range(len(record.events)):
            behind = max(behind, self.marks.get(number, -1))
            last.append(behind)
        for index, var in self.made.items():
            seen = nodes[index].seen
            if seen is None:
                seen = nodes[index].seen = Seen()
            freed = record.freed.get(var.memory)
            if freed is not None and freed > 0:
                seen.until = max(index, last[freed - 1])
        if self.hidden or record.fleeting:
            for node in reversed(nodes):
                if node.seen is not None and node.layer is not None:
                    node.seen.more = True
                    break


def _relaid(event: Event | None) -> bool:
    """Is it a convolution whose weights' gradient follows the order of its input's cells?"""
    if event is None or not event.op.startswith("conv") or not event.inputs[0].behind:
        return False
    _, channels, *window = event.inputs[1].dims
    return channels > 1 and max(window) > 1


def _source(ops: Sequence[Op], count: int) -> int | None:
    """Which of a layer's inputs its output is in memory; None where it is memory of its own."""
    place = count + len(ops) - 1
    while place >= count:
        op = ops[place - count]
        if op.alias is None:
            return None
        place = op.inputs[op.alias]
    return place


# -- operations without a layer kind ----------------------------------------------------------------------------------

# what backward keeps of an operation on one value, and how many numbers it makes besides, for each of the output
KEPT: dict[str, tuple[list[int], int]] = {
    "exp": ([OUT], 0), "sqrt": ([OUT], 1), "rsqrt": ([OUT], 2), "reciprocal": ([OUT], 2), "expm1": ([OUT], 1),
    "softmax": ([OUT], 0), "log_softmax": ([OUT], 0), "pow": ([0], 2), "square": ([0], 2), "abs": ([0], 1), "log": ([0], 0),
    "sin": ([0], 1), "cos": ([0], 2), "erf": ([0], 4), "log1p": ([0], 1), "hardtanh": ([0], 0), "celu": ([0], 0),
    "hardshrink": ([0], 0), "softshrink": ([0], 0), "threshold": ([0], 0), "glu": ([0], 0), "neg": ([], 0), "roll": ([], 0),
    "flip": ([], 0), "im2col": ([], 0), "col2im": ([], 0), "mean": ([], 0), "repeat": ([], 0),
    "mul": ([], 0), "div": ([], 0), "rsub": ([], 0), "true_divide": ([], 0), "multiply": ([], 0), "divide": ([], 0),
}  # fmt: skip
ALIKE = {"add": SAME, "sub": SAME, "subtract": SAME, "sum": EXPANDED}
CASTS = {
    **dict.fromkeys(("exp", "expm1", "log", "log1p", "pow", "square", "reciprocal", "rsqrt"), FULL),
    "softmax": FUSED, "log_softmax": FUSED,
}  # fmt: skip
# in place these keep a copy of what they overwrite, or are refused
NEVER_IN_PLACE = ("pow", "square", "abs", "log", "sin", "cos", "erf", "log1p", "hardtanh", "celu", "threshold")


def operations(event: Event) -> list[Op] | None:
    """The rule of an operation on values with numbers as its other arguments; None where there is none.

    Measured on torch 2.13, as the rules of layers: what its formula in derivatives.yaml makes, one after the other.
    """
    x, size, op = event.inputs[0], event.out.size, event.op.lstrip("_")
    if op == "stack":
        distinct = len({var.index for var in event.inputs}) == len(event.inputs)
        known = distinct and all(var.index is not None for var in event.inputs)
        return [Op(range(len(event.inputs)), size, [PART] * len(event.inputs))] if known else None
    if len(event.inputs) != 1 or x.index is None:
        return None
    alias = 0 if event.inplace else None
    if op in ("expand", "expand_as", "broadcast_to"):
        return [Op([0], size, [NEW], alias=0)]
    if op in ALIKE and not (op == "sum" and event.out.dims == x.dims):
        casts = MIXED if op == "sum" else AS_IT_COMES  # autocast asks for a sum in float32, and casts nothing for it
        return [Op([0], size, [ALIKE[op]], alias=alias, casts=casts)]
    if op not in KEPT or (event.inplace and op in NEVER_IN_PLACE) or (op == "pow" and not _plain_power(event)):
        return None
    saves, temps = KEPT[op]
    return [Op([0], size, [NEW], saves=saves, temps=temps * size, alias=alias, casts=CASTS.get(op, AS_IT_COMES))]


def largest(event: Event) -> list[Op]:
    """amax: the gradient is shared out among all that are the largest; they are found and counted for that."""
    size, out = event.inputs[0].size, event.out.size
    return [Op([0], out, [NEW], saves=[0, OUT], temps=out, masks=size + INDEX_BYTES * out)]


def _plain_power(event: Event) -> bool:
    """Is it a number's power, but 0, whose gradient is 0, and 1?"""
    power = event.args.get("exponent")
    return isinstance(power, (int, float)) and power not in (0, 1)
