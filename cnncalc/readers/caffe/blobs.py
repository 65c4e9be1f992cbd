"""What all types of layers share: blobs with Caffe's dimensions, layers in the network, shared and frozen parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.layers.reshape import Flatten, Permute, Reshape
from cnncalc.layers.views import View
from cnncalc.network import Builder
from cnncalc.problem import Problem, Where
from cnncalc.product import Number
from cnncalc.readers.axes import Assembler, Dims, Order, natural_order, visible
from cnncalc.readers.caffe.definition import Definition
from cnncalc.readers.caffe.prototxt import Message
from cnncalc.record import Record
from cnncalc.text import quoted, show

MOST_AXES = 32  # of a blob of Caffe
_ODD = re.compile(r"[^A-Za-z0-9_./-]+")


class Blob(Record):
    """One blob: its dimensions as in Caffe with a batch of 1, the node that has its numbers, and the order of the node's axes."""

    node: int
    dims: Dims
    order: Order


def image_order(dims: Sequence[int]) -> Order:
    """Return the order that shows the channels, axis 1, last.

    >>> image_order((1, 3, 224, 224))
    (2, 3, 1)
    """
    return (*range(2, len(dims)), 1)


def order_of(dims: Dims) -> Order:
    """Return the order of a blob that an input or a reshape makes: an image has its channels last, others stay as they are."""
    return image_order(dims) if len(dims) > 3 and dims[0] == 1 else natural_order(dims, False)


def path_of(name: str) -> str:
    """Return a layer's name as a path through blocks: Caffe's slashes become dots.

    >>> path_of("inception_3a/5x5_reduce")
    'inception_3a.5x5_reduce'
    """
    return re.sub(r"\.{2,}", ".", _ODD.sub("_", name[:200]).replace("/", ".")).strip("._") or "layer"


class Shared(Record):
    """Parameters that have a name, so that other layers can use them."""

    node: int
    parameter: str
    count: int


class Graph:
    """The network so far."""

    def __init__(self, names: Iterable[str]) -> None:
        self.builder = Builder()
        self.assembler = Assembler(self.builder)
        self.shared: dict[str, Shared] = {}  # name of parameters -> where they are counted
        self.blocks = {path[:at] for path in map(path_of, names) for at in range(len(path)) if path[at] == "."}
        self._names: dict[str, int] = {}  # name -> how many layers have asked for it

    def unique(self, name: str) -> str:
        """Return a name for a layer that no other layer has."""
        path = label = path_of(name)
        while label in self._names:
            self._names[path] += 1
            label = f"{path}_{self._names[path]}"
        self._names[label] = 1
        return label


class Call:
    """One layer that is being read: its definition, its inputs, and the nodes that it adds."""

    def __init__(self, graph: Graph, layer: Definition, inputs: Sequence[Blob], batch: int) -> None:
        self.graph = graph
        self.layer = layer
        self.inputs = list(inputs)
        self.batch = batch  # size of the batch in the file, which is read as 1
        self.where: Where = layer.message.where
        self.parameters: list[tuple[int, str]] = []  # in Caffe's order, if it is not that of the nodes
        self.read: list[Message] = []
        self._name = graph.unique(layer.name or layer.type)
        self._first = len(graph.builder.nodes)

    # -- reading the definition -----------------------------------------------------------------------------------

    def param(self, name: str) -> Message:
        """Return the message with the layer's own fields."""
        message = self.layer.param(name)
        self.read.append(message)
        return message

    def problem(self, text: str, help: str = "", code: str = "bad-value", field: str = "") -> Problem:
        """Return a problem at the layer."""
        return self.layer.problem(text, help, code, field)

    @property
    def input(self) -> Blob:
        """The only input.

        Raises:
            Problem: `bad-value` if there are several or none.
        """
        self.take(1)
        return self.inputs[0]

    def take(self, count: int) -> list[Blob]:
        """Return the inputs, of which there must be `count`.

        Raises:
            Problem: `bad-value`.
        """
        if len(self.inputs) != count:
            need = f"needs {count} bottom blob{'s' if count > 1 else ''}, but has {len(self.inputs)}"
            raise self.problem(need, "list them as `bottom`", field="bottom")
        return self.inputs

    def axis(self, written: int, dims: Dims, extra: int = 0, field: str = "axis") -> int:
        """Return an axis as a number from 0. Negative ones count from the end.

        Raises:
            Problem: `bad-value` if there is no such axis.
        """
        rank = len(dims) + extra
        if not -rank <= written < rank:
            shape = "x".join(map(str, dims))
            raise self.problem(
                f"there is no axis {written} in a blob of {shape}", f"its axes are 0 to {rank - 1}", field=field
            )
        return written % rank

    # -- adding layers --------------------------------------------------------------------------------------------

    def add(self, layer: Layer, *nodes: int, suffix: str = "") -> int:
        """Add a layer after these nodes and return its node."""
        builder = self.graph.builder
        index = builder.add(layer, nodes, self._name, self.where)
        builder.nodes[index].name = f"{self._name}.{suffix or layer.kind}"
        return index

    def aligned(self, blob: Blob, order: Order) -> int:
        """Return a node that has the blob's numbers in the given order of axes.

        Raises:
            Problem: `unsupported` if the order leaves out an axis that is not 1, which is then a batch.
        """
        if any(length != 1 and axis not in order for axis, length in enumerate(blob.dims)):
            text = f"gets a blob of {shape_text(blob.dims)}, whose first axis is not the batch"
            raise self.problem(text, "keep the batch as the first axis", "unsupported", "bottom")
        return self.graph.assembler.align(blob.node, blob.dims, blob.order, order, self.add)

    def same(self, layer: Layer, blob: Blob) -> Blob:
        """Add a layer that keeps the shape."""
        return Blob(self.add(layer, blob.node), blob.dims, blob.order)

    def spatial(self, layer: Layer, blob: Blob, suffix: str = "") -> Blob:
        """Add a layer that works on the axes from 2 on, and on the channels."""
        node = self.add(layer, self.aligned(blob, image_order(blob.dims)), suffix=suffix)
        *lengths, channels = self.graph.builder.shape(node)
        dims = (1, channels, *lengths)
        return Blob(node, dims, image_order(dims))

    def operator(
        self,
        name: str,
        dims: Dims,
        blobs: Sequence[Blob],
        *,
        order: Order | None = None,
        views: tuple[View, ...] | None = (),
        weights: Mapping[str, Number] | None = None,
        in_place: bool = False,
        note: str = "",
    ) -> Blob:
        """Add an operation without a kind and without multiply-adds that returns a blob with these dimensions."""
        order = order_of(dims) if order is None else order
        shape = visible(dims, order)
        layer = Operator(name, shape, weights=weights, views=views, in_place=in_place, note=note)
        return Blob(self.add(layer, *[blob.node for blob in blobs], suffix=name), dims, order)

    def vector(self, blob: Blob) -> Blob:
        """Flatten a blob, batch excepted."""
        node = self.add(Flatten(), blob.node)
        return Blob(node, (1, self.graph.builder.shape(node).size), (1,))

    def reshaped(self, blob: Blob, dims: Dims) -> Blob:
        """Return the blob with other dimensions and the same numbers in Caffe's order."""
        order = natural_order(dims, False)
        if [length for length in dims if length > 1] == [visible(dims, order).size]:
            vector = self.vector(blob)
            shape = visible(dims, order)
            node = (
                vector.node
                if shape == self.graph.builder.shape(vector.node)
                else self.add(Reshape(to=tuple(shape)), vector.node)
            )
            return Blob(node, dims, order)
        node = self.add(Reshape(to=tuple(visible(dims, order))), self.aligned(blob, natural_order(blob.dims, False)))
        return Blob(node, dims, order)

    def permuted(self, blob: Blob, axes: Sequence[int]) -> Blob:
        """Return the blob with its axes in another order."""
        order = tuple(axes.index(axis) for axis in blob.order)
        node = self.add(Permute(axes=tuple(range(len(order)))), blob.node)  # the axes only have other numbers
        return Blob(node, tuple(blob.dims[axis] for axis in axes), order)

    # -- finishing ------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Name the nodes, and share and freeze parameters as the layer states."""
        nodes = self.graph.builder.nodes[self._first :]
        if len(nodes) == 1 and self._name not in self.graph.blocks:
            nodes[0].name = self._name
        else:
            for node in nodes:
                node.name = self.graph.unique(node.name)
        if any(spec.name or spec.frozen for spec in self.layer.parameters):
            self._settle()

    def _weights(self) -> list[tuple[int, str, Number]]:
        nodes = self.graph.builder.nodes
        weights = {
            index: node.statistics.layer.weights(*node.statistics.shapes)
            for index, node in enumerate(nodes[self._first :], self._first)
            if node.statistics is not None
        }
        order = self.parameters or [(index, name) for index, names in weights.items() for name in names]
        return [(index, name, weights[index][name]) for index, name in order]

    def _settle(self) -> None:
        own: dict[int, dict[str, Number]] = {}
        owners: dict[int, dict[str, Shared]] = {}
        frozen: dict[int, set[str]] = {}
        for place, (index, name, count) in enumerate(self._weights()):
            spec = self.layer.parameters[place] if place < len(self.layer.parameters) else None
            owner = self.graph.shared.get(spec.name) if spec is not None and spec.name else None
            if owner is not None and spec is not None:
                if owner.count != int(count):
                    first = self.graph.builder.nodes[owner.node].name
                    text = (
                        f"`{show(spec.name)}` has {owner.count:,} numbers in `{show(first)}`, but {int(count):,} here"
                    )
                    raise self.problem(text, "share parameters only between layers of the same size", "shares-differ")
                owners.setdefault(index, {})[name] = owner
                continue
            own.setdefault(index, {})[name] = count
            if spec is not None and spec.name:
                self.graph.shared[spec.name] = Shared(index, name, int(count))
            if spec is not None and spec.frozen:
                frozen.setdefault(index, set()).add(name)
        for index, names in frozen.items():
            self.graph.builder.nodes[index].frozen = frozenset(names)
        for index, found in owners.items():
            self._share(index, found, own.get(index, {}))

    def _share(self, index: int, owners: dict[str, Shared], own: dict[str, Number]) -> None:
        """Count only a node's own parameters at that node."""
        builder = self.graph.builder
        node, lenders = builder.nodes[index], {owner.node for owner in owners.values()}
        if not own and len(lenders) == 1 and all(owner.parameter == name for name, owner in owners.items()):
            try:
                builder.share(index, *lenders)
            except Problem:
                pass
            else:
                node.frozen = builder.nodes[next(iter(lenders))].frozen
                return
        layer = node.layer
        assert layer is not None
        names = quoted([show(builder.nodes[lender].name) for lender in sorted(lenders)], "and")
        note = f"{quoted(owners, 'and')} are the parameters of {names}, and are counted there"
        builder.replace(index, Operator(layer.kind, node.output, weights=own, like=layer, note=note))


def shape_text(dims: Sequence[int]) -> str:
    """Return Caffe's dimensions as text.

    >>> shape_text((1, 3, 224, 224))
    '1x3x224x224'
    """
    return "x".join(map(str, dims))
