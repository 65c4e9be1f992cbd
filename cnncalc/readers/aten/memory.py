"""Derive a module's use of memory from its run: which values share storage, and how long each is kept.

Layers have memory rules of their slices. This module finds the nodes at which a module behaves differently from these rules,
so that figures can be reported as bounds.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.layers.operations import AS_IT_COMES, EXPANDED, FULL, FUSED, MIXED, NEW, OUT, PART, SAME, Op, Seen
from cnncalc.network import Node
from cnncalc.readers.aten.events import Event, Trace, Var

INDEX_BYTES = 8
SPLITS = ("split", "split_with_sizes", "chunk", "unbind")


class Memory:
    """The value of each node, and the nodes whose rule does not describe all that PyTorch does.

    `values` has the value by node. `hidden` is true if memory is in use that belongs to no node.
    """

    def __init__(self, training: bool) -> None:
        self.training = training  # did the module run in training mode?
        self.values: dict[int, Var] = {}
        self.hidden = False
        self.last_nodes: dict[int, int] = {}  # operation -> the last node after it

    def record_node(self, node: Node, out: Var, xs: Sequence[int]) -> None:
        """Note for a new node whether its layer overwrites, views or allocates memory as PyTorch did."""
        seen = node.seen = Seen()
        self.values[node.index] = out
        seen.more, self.hidden = self.hidden, False
        seen.relaid = _relaid(out.event)
        if out.event is not None and out.event.op == "linear":  # a value that is not contiguous is copied first
            x = out.event.inputs[0]
            seen.more = seen.more or (len(x.dims) > 2 and not x.contiguous)
        assert node.statistics is not None
        ops = node.statistics.layer.operations(False, *node.statistics.shapes)
        if ops is None:
            return
        source = _aliased_input(ops, len(xs))
        before = self.values.get(xs[source]) if source is not None else None
        if source is None:
            seen.less = any(out.memory == self.values[x].memory for x in xs if x in self.values)
        elif before is not None and before.memory != out.memory and not self._drops(out.event):
            seen.more = True

    def _drops(self, event: Event | None) -> bool:
        """Return whether this is a dropout whose result the trace copied, so that it does not share memory with its input."""
        return event is not None and (event.args.get("train") in (False, self.training) or not event.op)

    def record_constant(self, event: Event) -> None:
        """Note that memory which an operation on constants allocates belongs to no node."""
        memories = {var.memory for var in event.inputs}
        self.hidden = self.hidden or any(out.size and out.memory not in memories for out in event.outs)

    def finish_event(self, event: Event, nodes: Sequence[Node], absorbed: bool) -> None:
        """Note, after the nodes of an operation are added, whether its outputs use the memory of these nodes.

        An `absorbed` operation is part of the next layer.
        """
        self.last_nodes[event.position] = len(nodes) - 1
        for out in event.outs if not absorbed else ():
            value = self.values.get(out.index) if out.index is not None else None
            if value is not None and value.memory != out.memory:
                seen = nodes[out.index or 0].seen
                if seen is not None:
                    seen.more = True
                else:
                    self.hidden = True
        x = event.inputs[0] if event.inputs else None
        if (
            event.op in ("reshape", "flatten")
            and x is not None
            and not x.contiguous
            and event.out.dims[:1] != x.dims[:1]
        ):
            self.hidden = True  # an axis joined with the batch is a view for one example, but a copy for several
        if event.op in SPLITS:
            self._split(event, nodes)

    def _split(self, event: Event, nodes: Sequence[Node]) -> None:
        """Note the parts that one operation cuts: their gradients meet in one operation."""
        parts = [
            (out, nodes[out.index]) for out in event.outs if out.index is not None and out.size != event.inputs[0].size
        ]
        slices = [(out, node) for out, node in parts if node.kind == "slice" and node.seen is not None]
        unused = sum(out.size for out in event.outs if out.index is None)
        for _, node in slices:
            assert node.seen is not None
            node.seen.split, node.seen.unused = event.position, unused
            node.seen.more = node.seen.more or len(slices) < len(parts) or (event.op == "unbind" and unused > 0)

    def finish(self, record: Trace, nodes: Sequence[Node]) -> None:
        """Note for each value the node after which its memory is released."""
        latest = -1
        last: list[int] = []
        for number in range(len(record.events)):
            latest = max(latest, self.last_nodes.get(number, -1))
            last.append(latest)
        for index, var in self.values.items():
            seen = nodes[index].seen
            if seen is None:
                seen = nodes[index].seen = Seen()
            freed = record.freed.get(var.memory)
            if freed is not None and freed > 0:
                seen.until = max(index, last[freed - 1])
        if self.hidden or record.has_unsaved_buffers:
            for node in reversed(nodes):
                if node.seen is not None and node.layer is not None:
                    node.seen.more = True
                    break


def _relaid(event: Event | None) -> bool:
    """Return whether this is a convolution whose weight gradient has the memory order of its input."""
    if event is None or not event.op.startswith("conv") or not event.inputs[0].memory_channels_last:
        return False
    _, channels, *window = event.inputs[1].dims
    return channels > 1 and max(window) > 1


def _aliased_input(ops: Sequence[Op], count: int) -> int | None:
    """Return which of a layer's inputs its output shares memory with, or None if it has memory of its own."""
    place = count + len(ops) - 1
    while place >= count:
        op = ops[place - count]
        if op.alias is None:
            return None
        place = op.inputs[op.alias]
    return place


# -- operations without a layer kind ----------------------------------------------------------------------------------

# by operation on one value: what is saved for backward, and how many more numbers backward makes for each of the output
SAVED: dict[str, tuple[list[int], int]] = {
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
# in place, these keep a copy of what they overwrite, or PyTorch refuses them
NEVER_IN_PLACE = ("pow", "square", "abs", "log", "sin", "cos", "erf", "log1p", "hardtanh", "celu", "threshold")


def operations(event: Event) -> list[Op] | None:
    """Return the memory rule of an operation whose other arguments are numbers, or None if it has no rule.

    Measured on torch 2.13, like the rules of layers. The rules follow the formulas in PyTorch's derivatives.yaml.
    """
    x, size, op = event.inputs[0], event.out.size, event.op.lstrip("_")
    if op == "stack":
        distinct = len({var.index for var in event.inputs}) == len(event.inputs)
        complete = distinct and all(var.index is not None for var in event.inputs)
        return [Op(range(len(event.inputs)), size, [PART] * len(event.inputs))] if complete else None
    if len(event.inputs) != 1 or x.index is None:
        return None
    alias = 0 if event.inplace else None
    if op in ("expand", "expand_as", "broadcast_to"):
        return [Op([0], size, [NEW], alias=0)]
    if op in ALIKE and not (op == "sum" and event.out.dims == x.dims):
        casts = MIXED if op == "sum" else AS_IT_COMES  # autocast makes a sum in float32 without casting its input
        return [Op([0], size, [ALIKE[op]], alias=alias, casts=casts)]
    if op not in SAVED or (event.inplace and op in NEVER_IN_PLACE) or (op == "pow" and not _plain_power(event)):
        return None
    saves, temps = SAVED[op]
    return [Op([0], size, [NEW], saves=saves, temps=temps * size, alias=alias, casts=CASTS.get(op, AS_IT_COMES))]


def amax_operations(event: Event) -> list[Op]:
    """Return the memory rule of amax.

    The gradient is divided among all maxima, which are located and counted for that.
    """
    size, out = event.inputs[0].size, event.out.size
    return [Op([0], out, [NEW], saves=[0, OUT], temps=out, masks=size + INDEX_BYTES * out)]


def _plain_power(event: Event) -> bool:
    """Return whether the exponent is a number other than 0 and 1, which have formulas of their own."""
    power = event.args.get("exponent")
    return isinstance(power, (int, float)) and power not in (0, 1)
