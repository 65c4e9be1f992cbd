"""Per-layer figures and totals: activations, parameters, multiply-adds and depth, in one pass over the layers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from cnncalc.analyses.receptive import Field, of_features, receptive_fields
from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.units import DTYPES


class Row:
    """The figures of one node. `weights`, `biases` and `buffers` are 0 if the node reuses the parameters of another node.

    They are looked up when one of them is first asked for, because `check` needs only the totals.
    """

    __slots__ = ("activations", "biases", "buffers", "macs", "node", "weights")

    activations: int
    weights: int
    biases: int
    buffers: int
    macs: int

    def __init__(self, node: Node) -> None:
        self.node = node

    def __getattr__(self, name: str) -> Any:
        if name not in self.__slots__:
            raise AttributeError(name)
        node, facts = self.node, self.node.statistics
        self.activations = 0 if facts is not None and facts.layer.in_place else node.output.size
        self.weights = self.biases = self.buffers = self.macs = 0
        if facts is not None:
            self.macs = facts.macs
            if node.shared is None:
                self.weights, self.biases, self.buffers = facts.weights, facts.biases, facts.buffers
        return getattr(self, name)

    @property
    def notes(self) -> list[tuple[str, str]]:
        """Remarks on the layer: rounding, uneven padding, how its reader interpreted it."""
        notes = self.node.statistics.notes if self.node.statistics is not None else []
        return [*notes, *self.node.notes] if self.node.notes else notes

    @property
    def counted(self) -> bool:
        """True if the multiply-adds are known."""
        return self.node.layer is None or self.node.layer.known_cost

    @property
    def params(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases

    @property
    def conv_activations(self) -> int:
        """The activations of a convolution; 0 for any other layer."""
        return self.activations if self.node.layer is not None and self.node.layer.convolves else 0

    @property
    def trainable(self) -> int:
        """The weights and biases that are not frozen."""
        node = self.node
        if not node.frozen or node.statistics is None or not self.params:
            return self.params
        weights = node.statistics.layer.weights(*node.statistics.shapes)
        return self.params - sum(int(weights[name]) for name in node.frozen if name in weights)


class Totals(Record):
    """Sums over the whole network; activations for one example."""

    layers: int
    depth: int
    activations: int
    conv_activations: int
    weights: int
    biases: int
    params: int
    trainable: int
    buffers: int
    macs: int
    uncounted: int = 0  # layers whose multiply-adds are not known; if there are any, `macs` is a lower bound


class Analysis(Record):
    """A network with its rows and totals, at a batch size and dtype."""

    network: Network
    rows: list[Row]
    totals: Totals
    batch: int = 1
    dtype: str = "float32"
    saved: Mapping[str, int] | None = None  # bytes that are saved for backward, by layer; None if not computed
    live: Mapping[str, int] | None = None  # bytes alive while a layer runs forward in training; None if not computed
    unruled: tuple[str, ...] = ()  # layers without a memory rule; if there are any, `saved` and `live` are lower bounds

    @property
    def activation_bytes(self) -> int:
        """Feature-map memory: activations of the whole batch, in bytes of the dtype."""
        return self.bytes(self.totals.activations) * self.batch

    def at(self, batch: int, dtype: str) -> Analysis:
        """Return the same figures at another batch size and dtype."""
        if (batch, dtype, self.saved) == (self.batch, self.dtype, None):
            return self
        return Analysis(self.network, self.rows, self.totals, batch, dtype)

    def bytes(self, numbers: int) -> int:
        """Bytes of that many numbers in the dtype."""
        return numbers * DTYPES[self.dtype]

    @property
    def extent(self) -> Shape:
        """The shape of the first input."""
        return self.network.nodes[0].output

    @cached_property
    def fields(self) -> list[Field]:
        """The receptive field of every node, None if it is not known. It is computed on first use."""
        return receptive_fields(self.network)

    @cached_property
    def kernels(self) -> Mapping[int, tuple[int, int | None]]:
        """Bytes moved and operations of each kernel of the fused network, by the index of its first layer."""
        from cnncalc.analyses.fusion import fuse, moved_bytes

        graph = fuse(self.network)
        return {
            operation.nodes[0].index: (
                moved_bytes(graph, operation, self.dtype, self.batch),
                None if operation.macs is None else 2 * operation.macs * self.batch,
            )
            for operation in graph.operations
        }

    def field(self, row: Row) -> Field:
        """The receptive field of a row's node."""
        return self.fields[row.node.index]

    @cached_property
    def features(self) -> list[int] | None:
        """The largest receptive field of any feature map, per axis; None if one of them is not known."""
        return of_features(zip(self.fields, [node.output for node in self.network.nodes], strict=True))


def analyze(network: Network, batch: int = 1, dtype: str = "float32") -> Analysis:
    """Compute the figures of every layer, and the totals.

    >>> from cnncalc.layers.conv import Conv
    >>> from cnncalc.network import Builder
    >>> builder = Builder()
    >>> image = builder.input("input", Shape((227, 227, 3)))
    >>> network = builder.finish([builder.add(Conv(filters=96, kernel=11, stride=4), [image], "conv1")])
    >>> analyze(network).totals.params
    34944
    """
    depths: list[int] = []
    layers = activations = conv_activations = all_weights = all_biases = all_buffers = all_macs = uncounted = frozen = 0
    for node in network.nodes:
        facts, inputs = node.statistics, node.inputs
        if facts is None:
            activations += node.output.size
            depths.append(0)
            continue
        if not facts.counted:
            facts.count()
        layer, weights = facts.layer, facts.weights
        depth = (
            depths[inputs[0]]
            if len(inputs) == 1
            else max([depths[index] for index in inputs[: len(inputs) - layer.reference_inputs]])
        )
        depths.append(depth + layer.counts_for_depth if weights else depth)
        layers += 1
        if not layer.in_place:
            activations += facts.size
            if layer.convolves:
                conv_activations += facts.size
        if not layer.known_cost:
            uncounted += 1
        all_macs += facts.macs
        if node.shared is None:
            all_weights += weights
            all_biases += facts.biases
            all_buffers += facts.buffers
        if node.frozen:
            row = Row(node)
            frozen += row.params - row.trainable
    totals = Totals(
        layers=layers,
        depth=max([depths[index] for index in network.outputs], default=0),
        activations=activations,
        conv_activations=conv_activations,
        weights=all_weights,
        biases=all_biases,
        params=all_weights + all_biases,
        trainable=all_weights + all_biases - frozen,
        buffers=all_buffers,
        macs=all_macs,
        uncounted=uncounted,
    )
    return Analysis(network, [*map(Row, network.nodes)], totals, batch, dtype)
