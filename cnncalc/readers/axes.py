"""Axis orders of values, and tensors that are counted once: what readers of graphs of operators share.

A value has the dimensions that its framework gives it, batch included, and a node whose shape names these dimensions in
an order: (2, 3, 1) for an image N x C x H x W, shown as H x W x C. Dimensions that the order does not name are 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.layers.reshape import Permute, Reshape
from cnncalc.layers.roles import sum_by_role
from cnncalc.network import Builder
from cnncalc.problem import Problem
from cnncalc.product import Number, Product
from cnncalc.shape import Shape

Dims = tuple[int, ...]
Order = tuple[int, ...]


def visible(dims: Sequence[int], order: Sequence[int]) -> Shape:
    """Return the shape that shows these dimensions in this order.

    >>> visible((1, 3, 224, 200), (2, 3, 1))
    (224, 200, 3)
    """
    return Shape([dims[axis] for axis in order] or [1])


def format_dims(dims: Sequence[int]) -> str:
    """Return dimensions as text.

    >>> format_dims((1, 3, 224, 224)), format_dims(())
    ('1x3x224x224', 'a single number')
    """
    return "x".join(map(str, dims)) or "a single number"


def sizes_of(lengths: Sequence[int]) -> int | tuple[int, ...]:
    """Return one number if all lengths are equal, as layers have it.

    >>> sizes_of([3, 3]), sizes_of([1, 3])
    (3, (1, 3))
    """
    return lengths[0] if len(set(lengths)) == 1 else tuple(lengths)


def broadcast_dims(shapes: Sequence[Dims]) -> Dims | None:
    """Return the dimensions of shapes that are broadcast together; None if they cannot be.

    >>> broadcast_dims([(8, 1, 3), (5, 1)]), broadcast_dims([(2,), (3,)]), broadcast_dims([])
    ((8, 5, 3), None, ())
    """
    rank = max(map(len, shapes), default=0)
    result = []
    for column in zip(*[(1,) * (rank - len(dims)) + tuple(dims) for dims in shapes], strict=True):
        lengths = {length for length in column if length != 1}
        if len(lengths) > 1:
            return None
        result.append(lengths.pop() if lengths else 1)
    return tuple(result)


def natural_order(dims: Dims, channels_first: bool) -> Order:
    """Return the order for a value that does not inherit one. A leading batch of 1 is not shown.

    >>> natural_order((1, 3, 224, 224), channels_first=True), natural_order((1, 50, 64), channels_first=False)
    ((2, 3, 1), (1, 2))
    """
    shown = [axis for axis in range(len(dims)) if axis or dims[0] != 1 or len(dims) < 2]
    return channels_moved_last(shown) if channels_first and len(dims) > 2 else tuple(shown)


def channels_moved_last(shown: Sequence[int]) -> Order:
    """Return these axes with axis 1, the channels, in the last place."""
    return (*(axis for axis in shown if axis != 1), *(axis for axis in shown if axis == 1))


def channels_last_order(dims: Dims) -> Order:
    """Return the order that shows axis 1, the channels, last. A batch of 1 is not shown."""
    rank = len(dims)
    if rank < 2:
        return tuple(range(rank))
    return (*((0,) if dims[0] != 1 else ()), *range(2, rank), 1)


def one_count(dims: Sequence[int]) -> Product:
    """Return the size of a tensor as a count; a single number counts as 1."""
    return Product(*[("N", length) for length in dims] or [("N", 1)])


class Assembler:
    """Adds layers to a Builder for values in any axis order, and counts every tensor at one node only."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.counted: dict[int, int] = {}  # id of a tensor -> the node that its numbers are counted at
        self._alive: list[object] = []  # the tensors counted, so that no other object gets the id of one
        self._aligned: dict[tuple[int, Dims, Order, Order], int] = {}
        self._numbers: dict[str, int] = {}  # label -> the last number appended to it

    def name(self, label: str) -> str:
        """Return the label, with a number appended if that name is taken."""
        label = label[:100] or "value"
        name, number = label, self._numbers.get(label, 1)
        while name in self.builder.names:
            number += 1
            name = f"{label}_{number}"
        self._numbers[label] = number
        return name

    def align(self, index: int, dims: Dims, order: Order, wanted: Order, add: Callable[[Layer, int], int]) -> int:
        """Return the node that has a value's shape in the wanted order.

        Adds a permute, a reshape, or both after node `index` if its order is another one, once for every order. `add`
        puts a layer after a node and returns the new node.
        """
        if order == wanted:
            return index
        key = (index, dims, order, wanted)
        if key not in self._aligned:
            now = [axis for axis in wanted if axis in order] + [axis for axis in order if axis not in wanted]
            if [axis for axis in order if dims[axis] != 1] != [axis for axis in now if dims[axis] != 1]:
                index = add(Permute(axes=tuple(order.index(axis) for axis in now)), index)
            shape = visible(dims, wanted)
            if shape != self.builder.shape(index):
                index = add(Reshape(to=tuple(shape)), index)
            self._aligned[key] = index
        return self._aligned[key]

    def is_counted(self, tensor: object) -> bool:
        """Return whether the numbers of a tensor are counted at a node already."""
        return id(tensor) in self.counted

    def count_at(self, tensor: object, index: int) -> int | None:
        """Count a tensor at a node unless it is counted already; return the node that counted it before, if any."""
        owner = self.counted.get(id(tensor))
        if owner is None:
            self.counted[id(tensor)] = index
            self._alive.append(tensor)
        return owner

    def with_parameters(
        self,
        layer: Layer,
        shapes: Sequence[Shape],
        weights: Mapping[str, Number],
        buffers: Mapping[str, Number],
        owners: Sequence[int],
        lender: int | None,
    ) -> tuple[Layer, int | None]:
        """Return the layer with these parameters and buffers, which are counted here for the first time.

        `owners` are the nodes that count the other tensors of the layer. If there are only those, and all at the node
        `lender`, the layer shares its parameters with that node, which is returned as well.
        """
        facts = layer.statistics(tuple(shapes))
        if not facts.counted:
            facts.count()
        if sum_by_role(weights) == (facts.weights, facts.biases) and sum(sum_by_role(buffers)) == facts.buffers:
            return layer, None
        if not weights and not buffers and lender is not None and layer.weights(*shapes):
            return layer, lender
        note = self.sharing_note(owners) if owners else ""
        if isinstance(layer, Operator) and not facts.notes:
            return layer.with_parameters(weights, buffers, note), None
        copy = Operator(layer.kind, facts.output, weights=weights, buffers=buffers, like=layer, note=note)
        return copy, None

    def share(self, index: int, owner: int) -> None:
        """Let a node share the parameters of another one, or note it if the two layers do not allow that."""
        try:
            self.builder.share(index, owner)
        except Problem:
            node = self.builder.nodes[index]
            layer, note = node.layer, self.sharing_note([owner])
            assert layer is not None
            bare = Operator(layer.kind, node.output, weights={}, buffers={}, like=layer, note=note)
            self.builder.replace(index, bare)

    def sharing_note(self, owners: Sequence[int]) -> str:
        """Return the note for a layer whose parameters are counted at other nodes."""
        raise NotImplementedError  # the sentence names what the format calls its layers
