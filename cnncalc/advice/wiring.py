"""Which layers read a value, and which values reach an output."""

from __future__ import annotations

from functools import cached_property

from cnncalc.analyses.receptive import WHOLE, receptive_fields
from cnncalc.network import Network, Node


class Wiring:
    """The connections of a network in both directions."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.nodes = network.nodes

    @cached_property
    def readers(self) -> list[list[Node]]:
        """For every value, the layers that read it."""
        readers: list[list[Node]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for index in dict.fromkeys(node.inputs):
                readers[index].append(node)
        return readers

    @cached_property
    def used(self) -> frozenset[int]:
        """The values on which an output depends."""
        used = set(self.network.outputs)
        for node in reversed(self.nodes):
            if node.index in used:
                used.update(node.inputs)
        return frozenset(used)

    @cached_property
    def shared(self) -> frozenset[int]:
        """The layers that use the same parameters as another layer, including the owners."""
        pairs = [(node.index, node.shared) for node in self.nodes if node.shared is not None]
        return frozenset(index for pair in pairs for index in pair)

    @cached_property
    def complete(self) -> frozenset[int]:
        """The values whose cells each depend on the whole input, in a network with one input."""
        inputs = self.network.inputs
        if len(inputs) != 1:
            return frozenset()
        sides = inputs[0].output.spatial
        found = set()
        for node, field in zip(self.nodes, receptive_fields(self.network), strict=True):
            if node.layer is None or not sides:
                continue
            if field is WHOLE:
                found.add(node.index)
            elif isinstance(field, tuple) and len(field) >= len(sides):
                lengths = [axis[1] - axis[0] + 1 if isinstance(axis, tuple) else 0 for axis in field]
                if all(length >= side for length, side in zip(lengths, sides, strict=False)):
                    found.add(node.index)
        return frozenset(found)

    def only_reader(self, node: Node) -> Node | None:
        """Return the layer that reads a value if there is only one, and the value is not an output."""
        readers = self.readers[node.index]
        return readers[0] if len(readers) == 1 and node.index not in self.network.outputs else None

    def source(self, node: Node) -> Node:
        """Return the node whose value a layer with one input reads."""
        return self.nodes[node.inputs[0]]
