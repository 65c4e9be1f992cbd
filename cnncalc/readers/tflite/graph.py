"""The values and operations of a TFLite graph, and the Reader that turns operations into layers on the Builder.

A value has the dimensions that TFLite gives it, batch included. Its node shows them in the same order without a leading 1,
the batch of one example. TFLite is channels last, so no axis ever has to be moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NoReturn

from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.layers.roles import has_bias_role
from cnncalc.layers.views import Unseen
from cnncalc.network import Builder
from cnncalc.problem import Problem, Refused
from cnncalc.product import Number
from cnncalc.readers.axes import Assembler, Dims, Order, format_dims, natural_order, one_count, visible
from cnncalc.readers.limits import Limits
from cnncalc.readers.tflite.model import MOST_AXES, OperatorInfo, TensorInfo
from cnncalc.readers.tflite.operators.activations import FUSED
from cnncalc.shape import Shape
from cnncalc.text import show

if TYPE_CHECKING:
    from cnncalc.readers.tflite.operators.dilated import Dilated

Numbers = tuple[Any, ...]


class Tensor:
    """Numbers in the file. `real` is true for floating-point numbers and for integers with a scale."""

    __slots__ = ("bytes", "dims", "name", "real", "size", "sparse", "type")

    def __init__(self, name: str, dims: Dims, real: bool, type: str = "", bytes: int = 0, sparse: bool = False) -> None:
        self.name = name
        self.dims = dims
        self.size = prod(dims)
        self.real = real
        self.type = type
        self.bytes = bytes
        self.sparse = sparse


class Value:
    """A value of the graph: its dimensions, and its node, its numbers, or the tensors that it is computed from."""

    __slots__ = ("dims", "index", "numbers", "tensors", "why")

    def __init__(
        self, dims: Sequence[int], index: int | None = None, *, numbers: Numbers | None = None,
        tensors: tuple[Tensor, ...] = (), why: str = "",
    ) -> None:  # fmt: skip
        self.dims = tuple(dims)
        self.index = index
        self.numbers = numbers
        self.tensors = tensors
        self.why = why  # why its numbers are unknown, as the end of a sentence

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.dims)

    @property
    def is_learned(self) -> bool:
        """Whether it consists of weights: several real numbers in the file. A single number is part of a formula."""
        return self.index is None and any(tensor.real and tensor.size > 1 for tensor in self.tensors)

    @property
    def order(self) -> Order:
        """The axes that its node shows."""
        return natural_order(self.dims, channels_first=False)

    @property
    def shape(self) -> Shape:
        """The shape that its node shows."""
        return visible(self.dims, self.order)


def shown(dims: Dims) -> Shape:
    """Return the shape that a node shows for these dimensions: without the batch of one example.

    >>> shown((1, 7, 7, 512)), shown((4, 10)), shown(())
    ((7, 7, 512), (4, 10), (1,))
    """
    return visible(dims, natural_order(dims, channels_first=False))


class Scope:
    """The tensors of one subgraph: their values, the operators that read them, and which are outputs."""

    def __init__(self, tensors: Sequence[TensorInfo], outputs: Sequence[int], prefix: str = "") -> None:
        self.tensors = tensors
        self.values: dict[int, Value] = {}
        self.users: dict[int, list[OperatorInfo]] = {}
        self.outputs = frozenset(outputs)
        self.prefix = prefix
        self.results: dict[int, Value] = {}  # id of an operator that is read with an earlier one -> its result
        self.dilated: dict[int, Dilated] = {}  # id of a convolution -> its dilation, which other operators write
        self.hidden: set[int] = set()  # values inside of a layer that several operators form


class Operation:
    """One operator with the values of its inputs."""

    def __init__(self, info: OperatorInfo, inputs: list[Value | None], scope: Scope, label: str) -> None:
        self.info = info
        self.kind = info.kind
        self.inputs = inputs
        self.scope = scope
        self.label = label
        self.several = False  # whether it becomes several layers, which then are a block
        self.shape_places: set[int] = set()  # the inputs whose numbers are part of a shape, an axis or an index

    def option(self, name: str) -> Any:
        """Return an option of the operator."""
        return self.info.options[name]

    @property
    def fused(self) -> type[Layer] | None:
        """The activation that runs inside of the operator."""
        number = self.info.options.get("fused", 0)
        if number not in FUSED:
            self.raise_unsupported(f"its fused activation has the number {number}")
        return FUSED[number]

    def input(self, place: int) -> Value | None:
        """Return the input at a place; None if it is omitted."""
        return self.inputs[place] if place < len(self.inputs) else None

    def required(self, place: int) -> Value:
        """Return the input at a place.

        Raises:
            Refused: `bad-model`. The operator does not have it.
        """
        value = self.input(place)
        if value is None:
            self.raise_invalid(f"input {place + 1} is missing")
        return value

    def numbers(self, place: int) -> list[int]:
        """Return the whole numbers of an input.

        Raises:
            Refused: The input is missing, or its numbers are unknown.
        """
        x = self.required(place)
        self.shape_places.add(place)
        if x.numbers is None:
            name = self.scope.tensors[self.info.inputs[place]].name
            why = x.why or "they depend on the input of the model"
            text = f"`{show(self.label)}` ({show(self.info.title)}) needs the numbers of `{show(name)}`, but {why}"
            raise Refused([Problem("unsupported", text, "convert the model with fixed shapes")])
        if not all(isinstance(n, int) for n in x.numbers):
            self.raise_invalid(f"input {place + 1} must consist of whole numbers")
        return [int(n) for n in x.numbers]

    def axes(self, place: int, rank: int) -> list[int]:
        """Return the axes that an input names, counted from the first one."""
        return [self.axis(axis, rank) for axis in self.numbers(place)]

    def axis(self, axis: int, rank: int) -> int:
        """Return an axis counted from the first one.

        Raises:
            Refused: `bad-model` if there is no such axis.
        """
        if not -rank <= axis < rank:
            self.raise_invalid(f"its input has {rank} axes, so there is no axis {axis}")
        return axis % rank

    def stored(self, k: int = 0) -> TensorInfo | None:
        """Return what the file states about output `k`."""
        return self.scope.tensors[self.info.outputs[k]] if k < len(self.info.outputs) else None

    def raise_invalid(self, text: str, help: str = "") -> NoReturn:
        """Refuse an operator that contradicts itself or its inputs."""
        raise Refused([Problem("bad-model", f"`{show(self.label)}` ({show(self.info.title)}): {text}", help)])

    def raise_unsupported(self, text: str, help: str = "") -> NoReturn:
        """Refuse an operator that cannot be analysed."""
        raise Refused([Problem("unsupported", f"`{show(self.label)}` ({show(self.info.title)}): {text}", help)])


class Reader(Assembler):
    """The state that all operators share: the Builder, the tensors counted so far, and the settings of this reading."""

    def __init__(self, builder: Builder, limits: Limits, *, strict: bool = False) -> None:
        super().__init__(builder)
        self.limits = limits
        self.strict = strict
        self.batch = 1  # the fixed batch size in the file, which is read as 1
        self.variables: frozenset[str] = frozenset()  # those that the file itself sets
        self.kernel = 0  # number of the operator that is read
        self.stored: dict[int, Tensor] = {}  # the counted tensors by their id

    def set_output(self, step: Operation, value: Value, k: int = 0) -> None:
        """Set the value of output `k` of an operator.

        Raises:
            Refused: The value has no numbers, or more than any tensor can have.
        """
        if len(value.dims) > MOST_AXES or value.size > self.limits.tensor:
            size = f"{value.size:.3g} numbers in {len(value.dims)} axes"
            raise Refused(
                [Problem("too-large", f"`{show(step.label)}`: its output would have {size}", "check its shapes")]
            )
        if min(value.dims, default=1) < 0 or (value.index is not None and 0 in value.dims):
            step.raise_unsupported(
                f"its output would be empty: {format_dims(value.dims)}", "check the size of the input"
            )
        if k < len(step.info.outputs):
            step.scope.values[step.info.outputs[k]] = value

    def conclude(self, step: Operation, value: Value, k: int = 0) -> None:
        """Set the output of an operator after its fused activation."""
        kind = step.fused
        if kind is not None and value.index is not None:
            value = self.add_layer(step, kind(), [value], dims=value.dims)
        self.set_output(step, value, k)

    def add_layer(
        self,
        step: Operation,
        layer: Layer,
        xs: Sequence[Value],
        parameters: Mapping[str, Value | None] | None = None,
        *,
        dims: Dims | None = None,
        part: str = "",
    ) -> Value:
        """Add a layer and return its output. `parameters` maps roles to the tensors that the layer uses.

        Without `dims`, the output has a batch of 1 that is not shown if the first value has one.
        """
        indices = [x.index for x in xs if x.index is not None]
        if len(indices) < len(xs):
            step.raise_unsupported("all its inputs are constants", "fold constants before the conversion")
        shapes = [self.builder.shape(index) for index in indices]
        block = step.several or part or (step.fused is not None and not step.kind.endswith(("LSTM", "RNN")))
        label = self.name(f"{step.label}.{part or layer.kind}" if block else step.label)
        index = len(self.builder.nodes)
        try:
            layer.statistics(tuple(shapes))
            layer, owner = self._with_own_parameters(layer, shapes, index, parameters or {})
            self.builder.add(layer, indices, label)
        except Problem as problem:
            problem.text = f"`{show(step.label)}`: {problem.text}"
            raise Refused([problem]) from None
        node = self.builder.nodes[index]
        node.kernel = self.kernel
        if any(tensor.sparse for x in (parameters or {}).values() if x is not None for tensor in x.tensors):
            node.notes = (("note", "weights are stored without their zeros, which count here"),)
        if owner is not None:
            self.share(index, owner)
        shape = self.builder.shape(index)
        if min(shape) < 1:
            step.raise_invalid(f"its output would have the shape {show(tuple(shape))}")
        if dims is None:
            hidden = len(xs[0].dims) > len(xs[0].order)
            dims = (1, *shape) if hidden else tuple(shape)
        if shown(dims) != shape:
            step.raise_unsupported(f"its output of {format_dims(dims)} cannot be shown as {shape}")
        return Value(dims, index)

    def add_operator(
        self,
        step: Operation,
        dims: Dims,
        xs: Sequence[Value],
        parameters: Mapping[str, Value | None] | None = None,
        *,
        part: str = "",
        **facts: Any,
    ) -> Value:
        """Add an operator without a layer kind. If all inputs are constants, only its value is returned."""
        active = [x for x in xs if x.index is not None]
        if not active:
            return Value(dims, tensors=self.tensors_of(xs), why="they are computed from weights")
        kind = facts.pop("layer", Operator)
        layer = kind(facts.pop("name", step.kind.lower().replace("_", "")), shown(dims), **facts)
        return self.add_layer(step, layer, active, parameters, dims=dims, part=part)

    def add_constant(self, x: Value) -> Value:
        """Add a node for a constant that layers read. Its input is the first input of the network."""
        learned = tuple(tensor for tensor in x.tensors if self.strict or (tensor.real and tensor.size > 1))
        weights, _ = self._count_new({"weight": Value((), tensors=learned)}, len(self.builder.nodes))
        layer = Operator("constant", x.shape, weights=weights, in_place=True, views=(Unseen(),))
        return Value(x.dims, self.builder.add(layer, [0], self.name("constant")))

    def require_weights(self, step: Operation, x: Value) -> None:
        """Refuse weights that are a variable, because the file does not show whether they are parameters."""
        if x.index is not None and self.builder.nodes[x.index].kind == "state":
            step.raise_unsupported("its weights are a variable", "convert the model with its variables frozen")

    def count_buffers(self, value: Value, constant: Value) -> None:
        """Count numbers of the file that are not trained, such as a mean that is subtracted, as buffers of a node."""
        assert value.index is not None
        found: dict[str, Number] = {}
        for tensor in constant.tensors:
            if self.count_tensor(tensor, value.index) is None:
                found[f"constant_{len(found)}"] = one_count(tensor.dims)
        layer = self.builder.nodes[value.index].layer
        if found and isinstance(layer, Operator):
            self.builder.replace(value.index, layer.with_parameters(layer.weights(), found, ""))

    def tensors_of(self, xs: Sequence[Value | None]) -> tuple[Tensor, ...]:
        """Return the tensors that values are computed from, each once."""
        tensors = {id(tensor): tensor for x in xs if x is not None for tensor in x.tensors}
        most = self.limits.nodes // 64
        if len(tensors) > most:
            text = f"a value is computed from more than {most:,} tensors of the file"
            raise Refused([Problem("too-large", text, "fold constants before the conversion")])
        return tuple(tensors.values())

    def count_tensor(self, tensor: Tensor, index: int) -> int | None:
        """Count a tensor at a node unless it is counted already; return the node that counted it before, if any."""
        owner = self.count_at(tensor, index)
        if owner is None:
            self.stored[id(tensor)] = tensor
        return owner

    def _count_new(self, parameters: Mapping[str, Value | None], index: int) -> tuple[dict[str, Number], set[int]]:
        """Return the counts by role of the tensors not counted before, and the nodes that count the other tensors.

        Converters store equal constants once, such as biases that are all zero. Biases of a layer with weights of its own
        therefore count for each layer.
        """
        fresh: dict[str, Number] = {}
        owners: set[int] = set()
        for role, value in parameters.items():
            for tensor in value.tensors if value is not None else ():
                if tensor.size == 0:
                    continue
                owner = self.count_tensor(tensor, index)
                if owner is not None and (owners or not has_bias_role(role)):
                    owners |= {owner} - {index}
                    continue
                fresh[role if role not in fresh else f"{role}_{len(fresh)}"] = one_count(tensor.dims)
        return fresh, owners

    def _with_own_parameters(
        self, layer: Layer, shapes: Sequence[Shape], index: int, parameters: Mapping[str, Value | None]
    ) -> tuple[Layer, int | None]:
        """Return the layer with its own parameters, and the node with which it shares all of them, if it does."""
        weights, owners = self._count_new(parameters, index)
        lender = min(owners) if len(owners) == 1 else None
        return self.with_parameters(layer, shapes, weights, {}, sorted(owners), lender)

    def sharing_note(self, owners: Sequence[int]) -> str:
        """Return the note for a layer whose parameters are counted at other nodes. It names up to three of them."""
        names = ", ".join(f"`{show(self.builder.nodes[owner].name)}`" for owner in owners[:3])
        return f"parameters shared with {names}"
