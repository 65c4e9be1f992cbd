"""Per-layer figures and totals: activations, parameters, multiply-adds, depth. One fold over the layers' own facts."""

from __future__ import annotations

from collections.abc import Mapping

from cnncalc.analyses.receptive import Field, receptive_fields
from cnncalc.network import Network, Node
from cnncalc.product import NOTHING, Count
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.units import DTYPES


class Row:
    """The figures of one node. `weights` and `biases` are 0 where the node reuses the parameters of another."""

    __slots__ = ("activations", "biases", "buffers", "field", "macs", "node", "notes", "weights")

    def __init__(
        self,
        node: Node,
        activations: int,
        weights: int,
        biases: int,
        buffers: int,
        macs: Count,
        field: Field,
        notes: list[tuple[str, str]],
    ) -> None:
        self.node = node
        self.activations = activations
        self.weights = weights
        self.biases = biases
        self.buffers = buffers
        self.macs = macs
        self.field = field
        self.notes = notes

    @property
    def counted(self) -> bool:
        """Are the multiply-adds known?"""
        return self.node.layer is None or self.node.layer.known_cost

    @property
    def params(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases


class Totals(Record):
    """Sums over the whole network; activations for one example."""

    layers: int
    depth: int
    activations: int
    conv_activations: int
    weights: int
    biases: int
    params: int
    buffers: int
    macs: int
    uncounted: int = 0  # layers whose multiply-adds are not known: with any, `macs` is a lower bound


class Analysis(Record):
    """A network with its rows and totals, at a batch size and dtype."""

    network: Network
    rows: list[Row]
    totals: Totals
    batch: int = 1
    dtype: str = "float32"
    saved: Mapping[str, int] | None = None  # bytes that backward keeps, by layer, where they were worked out
    live: Mapping[str, int] | None = None  # bytes alive while a layer runs forward in training, likewise
    unruled: tuple[str, ...] = ()  # layers without a memory rule: with any, `saved` and `live` are lower bounds

    @property
    def activation_bytes(self) -> int:
        """Feature-map memory: activations of the whole batch, in bytes of the dtype."""
        return self.bytes(self.totals.activations) * self.batch

    def bytes(self, numbers: int) -> int:
        """Bytes of that many numbers in the dtype."""
        return numbers * DTYPES[self.dtype]

    @property
    def extent(self) -> Shape:
        """The shape of the first input."""
        return self.network.nodes[0].output


Facts = tuple[int, int, int, Count, list[tuple[str, str]]]


def _facts(node: Node, shapes: tuple[Shape, ...]) -> Facts:
    layer = node.layer
    assert layer is not None
    weights = biases = 0
    for name, count in layer.weights(*shapes).items():
        if name.startswith("bias"):
            biases += count
        else:
            weights += count
    return (
        int(weights),
        int(biases),
        int(sum(layer.buffers(*shapes).values())),
        layer.macs(*shapes),
        layer.notes(*shapes),
    )


def analyze(network: Network, batch: int = 1, dtype: str = "float32") -> Analysis:
    """Every figure of every layer, and the totals.

    >>> from cnncalc.layers.conv import Conv
    >>> from cnncalc.network import Builder
    >>> builder = Builder()
    >>> image = builder.input("input", Shape((227, 227, 3)))
    >>> network = builder.finish([builder.add(Conv(filters=96, kernel=11, stride=4), [image], "conv1")])
    >>> analyze(network).totals.params
    34944
    """
    rows: list[Row] = []
    depths: list[int] = []
    cache: dict[tuple[int, tuple[Shape, ...]], Facts] = {}
    nodes = network.nodes
    layers = activations = conv_activations = all_weights = all_biases = all_buffers = all_macs = 0
    for node, field in zip(nodes, receptive_fields(network), strict=True):
        layer = node.layer
        if layer is None:
            rows.append(Row(node, node.output.size, 0, 0, 0, NOTHING, field, []))
            activations += node.output.size
            depths.append(0)
            continue
        shapes = network.shapes(node)
        key = (id(layer), shapes)
        known = cache.get(key)
        if known is None:
            known = cache[key] = _facts(node, shapes)
        weights, biases, buffers, macs, notes = known
        trained = weights > 0
        if node.shared is not None:
            weights = biases = buffers = 0
        new = 0 if layer.in_place else node.output.size
        depth = max([depths[index] for index in node.inputs[: len(node.inputs) - layer.lenders]])
        depths.append(depth + 1 if layer.counts_for_depth and trained else depth)
        rows.append(Row(node, new, weights, biases, buffers, macs, field, notes))
        layers += 1
        activations += new
        if layer.convolves:
            conv_activations += new
        all_weights += weights
        all_biases += biases
        all_buffers += buffers
        all_macs += macs
    totals = Totals(
        layers=layers,
        depth=max([depths[index] for index in network.outputs], default=0),
        activations=activations,
        conv_activations=conv_activations,
        weights=all_weights,
        biases=all_biases,
        params=all_weights + all_biases,
        buffers=all_buffers,
        macs=all_macs,
        uncounted=sum(not row.counted for row in rows),
    )
    return Analysis(network, rows, totals, batch, dtype)
