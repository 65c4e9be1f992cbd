"""The fused graph that a network becomes for deployment: one operation per kernel that runs.

Batch norms are folded into the layer before them, elementwise activations run inside the layer that makes their input, and
zero padding inside the kernel that reads it. Layers that only rename cells, such as flatten, are not operations. Files of a
runtime state which layers form a kernel, and nothing else is fused in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.analyses.folding import consumers, folded_norms
from cnncalc.layers.activation import Activation
from cnncalc.layers.reshape import Padding
from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.units import DTYPES

VIEWS = frozenset(("flatten", "reshape", "identity", "dropout", "droppath", "unused", "detach"))
PADS_ITSELF = frozenset(("conv", "depthwise", "separableconv", "local", "maxpool", "avgpool"))
ACROSS_CELLS = frozenset(("softmax", "logsoftmax"))  # activations that need more than one cell of their input
INT32 = 4


class Operation(Record):
    """A kernel: the layers that run in it, the values that it reads, and the value that it writes.

    A value is identified by the index of the node that makes it. `biases` counts those that folded batch norms add, too.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    value: int
    size: int  # numbers that it writes
    weights: int
    biases: int
    macs: int | None
    counted: bool  # False if the weights are those of a layer whose integer form is not settled, such as a layer norm

    @property
    def name(self) -> str:
        """The name of its first layer."""
        return self.nodes[0].name


class FusedGraph(Record):
    """The operations in the order of the network, the sizes of all values, and those that are inputs and outputs."""

    operations: tuple[Operation, ...]
    sizes: Mapping[int, int]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


WITH_PLAIN_WEIGHTS = frozenset(("conv", "depthwise", "separableconv", "convtranspose", "fc", "linear", "local"))


def fuse(network: Network) -> FusedGraph:
    """Return the fused graph of a network."""
    return _Fuser(network).graph()


class _Fuser:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.norms = folded_norms(network)
        self.holder = list(range(len(network.nodes)))  # node -> the node whose value it is a view of
        self.groups: dict[int, list[Node]] = {}  # node that makes a value -> the layers that run in its kernel
        self.readers = self._count_readers()
        self.consumers = consumers(network)

    def _count_readers(self) -> list[int]:
        """Return how often the value of each node is read; an output of the network counts as a reader."""
        readers = [0] * len(self.network.nodes)
        for node in self.network.nodes:
            for index in node.inputs[: len(node.inputs) - self._references(node)]:
                readers[index] += 1
        for index in self.network.outputs:
            readers[index] += 1
        return readers

    def _references(self, node: Node) -> int:
        return node.layer.reference_inputs if node.layer is not None else 0

    def graph(self) -> FusedGraph:
        for node in self.network.nodes:
            if node.layer is not None:
                self._place(node)
        nodes = self.network.nodes
        operations = tuple(self._operation(value, group) for value, group in self.groups.items())
        inputs = tuple(node.index for node in self.network.inputs)
        sizes = {index: nodes[index].output.size for index in inputs}
        sizes.update((operation.value, operation.size) for operation in operations)
        outputs = tuple(dict.fromkeys(self.holder[index] for index in self.network.outputs))
        return FusedGraph(operations, sizes, inputs, outputs)

    def _place(self, node: Node) -> None:
        source = node.inputs[0]
        producer = self.holder[source]
        if node.kind in VIEWS or (isinstance(node.layer, Padding) and self._padded_inside(node)):
            self.holder[node.index] = producer
        elif self._runs_inside(node, source, producer):
            group = self.groups.pop(producer)
            group.append(node)
            self._rename(producer, node.index)
            self.groups[node.index] = group
        else:
            self.groups[node.index] = [node]

    def _rename(self, old: int, new: int) -> None:
        for index in range(old, new):
            if self.holder[index] == old:
                self.holder[index] = new

    def _runs_inside(self, node: Node, source: int, producer: int) -> bool:
        """Return whether a layer runs inside the kernel that makes its input."""
        if producer not in self.groups:
            return False
        if node.index in self.norms:
            return True
        if node.kernel is not None:
            return self.groups[producer][-1].kernel == node.kernel
        elementwise = isinstance(node.layer, Activation) and node.kind not in ACROSS_CELLS
        return elementwise and self._read_once(source, producer)

    def _read_once(self, source: int, producer: int) -> bool:
        return all(self.readers[index] == 1 for index in range(producer, source + 1) if self.holder[index] == producer)

    def _padded_inside(self, node: Node) -> bool:
        """Return whether every layer that reads a zero padding pads its input itself."""
        if node.kernel is not None:
            return False
        if getattr(node.layer, "mode", "zeros") != "zeros" or node.index in self.network.outputs:
            return False
        readers = [self.network.nodes[index].kind for index in self.consumers[node.index]]
        return bool(readers) and PADS_ITSELF.issuperset(readers)

    def _operation(self, value: int, group: Sequence[Node]) -> Operation:
        inside = {node.index for node in group}
        inputs = dict.fromkeys(
            self.holder[index]
            for node in group
            for index in node.inputs[: len(node.inputs) - self._references(node)]
            if self.holder[index] != value and index not in inside
        )
        weights = biases = macs = 0
        known = counted = True
        for node in group:
            statistics = node.statistics
            assert statistics is not None
            if not statistics.counted:
                statistics.count()
            macs += int(statistics.macs)
            known = known and statistics.layer.known_cost
            if node.index in self.norms:
                layer = self.network.nodes[self.norms[node.index]].layer
                biases += 0 if getattr(layer, "bias", False) else node.output[-1]
            elif node.shared is None:
                weights += int(statistics.weights)
                biases += int(statistics.biases)
                plain = node.kind in WITH_PLAIN_WEIGHTS
                counted = counted and (plain or not (statistics.weights or statistics.biases))
        return Operation(
            nodes=tuple(group),
            inputs=tuple(inputs),
            value=value,
            size=self.network.nodes[value].output.size,
            weights=weights,
            biases=biases,
            macs=macs if known else None,
            counted=counted,
        )


def stored_bytes(operation: Operation, dtype: str) -> int:
    """Return the bytes of weights and biases; biases of integer weights have 32 bits.

    Parameters whose integer form is not settled count one byte each, which is a lower bound.
    """
    width = DTYPES[dtype]
    wide = INT32 if dtype == "int8" and operation.counted else width
    return operation.weights * width + operation.biases * wide


def moved_bytes(graph: FusedGraph, operation: Operation, dtype: str, batch: int = 1) -> int:
    """Return the bytes that an operation reads and writes, with every tensor moved once."""
    numbers = operation.size + sum(graph.sizes[index] for index in operation.inputs)
    return numbers * batch * DTYPES[dtype] + stored_bytes(operation, dtype)
