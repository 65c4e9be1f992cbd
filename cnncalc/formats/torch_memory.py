"""What the run of a PyTorch module tells of its memory: what shares storage with what, and how long each is held.

Layers have rules of their own; here is seen where a module does other things than they say, so that it can be said that a
figure is a bound.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.formats.torch_events import Event, Trace, Var
from cnncalc.layers.tape import Op, Seen
from cnncalc.network import Node

SPLITS = ("split", "split_with_sizes", "chunk", "unbind")


class Memory:
    """The value that every node was made for, and which nodes are not all that PyTorch does.

    `made` has the value by node. `hidden` is memory that no node stands for.
    """

    def __init__(self) -> None:
        self.made: dict[int, Var] = {}
        self.hidden = False
        self.marks: dict[int, int] = {}  # operation -> the last node that there was behind it

    def emitted(self, node: Node, out: Var, xs: Sequence[int]) -> None:
        """A node for a value: does the layer overwrite, view or make memory as PyTorch did?"""
        seen = node.seen = Seen()
        self.made[node.index] = out
        seen.more, self.hidden = self.hidden, False
        assert node.facts is not None
        ops = node.facts.layer.tape(False, *node.facts.shapes)
        if ops is None:
            return
        source = _source(ops, len(xs))
        before = self.made.get(xs[source]) if source is not None else None
        if source is None:
            seen.less = any(out.memory == self.made[x].memory for x in xs if x in self.made)
        elif before is not None and before.memory != out.memory:
            seen.more = True

    def constant(self, event: Event) -> None:
        """An operation on constants only: memory that is taken for it has no node."""
        known = {var.memory for var in event.inputs}
        self.hidden = self.hidden or any(out.size and out.memory not in known for out in event.outs)

    def done(self, event: Event, nodes: Sequence[Node]) -> None:
        """The operation has its nodes; is what it made the memory of the node that stands for it?"""
        self.marks[event.at] = len(nodes) - 1
        for out in event.outs:
            made = self.made.get(out.index) if out.index is not None else None
            if made is not None and made.memory != out.memory:
                seen = nodes[out.index or 0].seen
                if seen is not None:
                    seen.more = True
                else:
                    self.hidden = True
        if event.op in SPLITS:
            self._split(event, nodes)

    def _split(self, event: Event, nodes: Sequence[Node]) -> None:
        """The parts that are cut at once: their gradients meet in one operation."""
        parts = [(out, nodes[out.index]) for out in event.outs if out.index is not None and out.size != event.inputs[0].size]
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
        if self.hidden:
            for node in reversed(nodes):
                if node.seen is not None and node.layer is not None:
                    node.seen.more = True
                    break


def _source(ops: Sequence[Op], count: int) -> int | None:
    """Which of a layer's inputs its output is in memory; None where it is memory of its own."""
    place = count + len(ops) - 1
    while place >= count:
        op = ops[place - count]
        if op.alias is None:
            return None
        place = op.inputs[op.alias]
    return place
