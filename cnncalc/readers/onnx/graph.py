"""The values and operations of an ONNX graph, and the Reader that turns operations into layers on the Builder.

A value has the dimensions that ONNX gives it, batch included, and an index and an order as `cnncalc.readers.axes` describes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NoReturn

from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.layers.views import Unseen
from cnncalc.network import Builder
from cnncalc.problem import Problem, Refused
from cnncalc.product import Number
from cnncalc.readers.axes import (
    Assembler,
    Dims,
    Order,
    channels_last_order,
    channels_moved_last,
    natural_order,
    one_count,
    visible,
)
from cnncalc.readers.limits import Limits
from cnncalc.readers.onnx.constants.arrays import MOST_AXES, Array
from cnncalc.shape import Shape
from cnncalc.text import show

Factor = tuple[int, int]  # a token and a length, see axis_tracking
Axis = tuple[Factor, ...]
Marks = tuple[Axis, ...]
MOST_NUMBERS = 1024  # that an operator can take as axes or sizes
_STATE = re.compile(r"[A-Za-z_]\w*(\.\w+)*\.[A-Za-z_]\w*")
_WEIGHT = re.compile(r"(weight|kernel|bias|gamma|beta|embed\w*|lora_\w+)(:0|_\w{0,3})?$", re.IGNORECASE)
FLOATS = frozenset({1, 10, 11, 16, 17, 18, 19, 20, 23})


class Tensor:
    """Numbers in the file: an initializer, or a Constant (`fixed`).

    `real` is true for a floating-point type and for quantized numbers. `type` is the number of the type in ONNX.
    """

    __slots__ = ("dims", "fixed", "name", "real", "size", "type")

    def __init__(self, name: str, dims: Dims, type: int, fixed: bool = False) -> None:
        self.name = name
        self.dims = dims
        self.size = prod(dims)
        self.type = type
        self.real = type in FLOATS
        self.fixed = fixed

    def unpack(self, dims: Dims, type: int) -> None:
        """Give packed numbers the dimensions and the type that they have when unpacked."""
        self.dims = dims
        self.size = prod(dims)
        self.type = type
        self.real = True


class Value:
    """A value of the graph: its dimensions, and its node, its numbers, or the tensors that it is computed from.

    `marks` records which axes of the graph's inputs its own axes come from, if they are tracked.
    """

    __slots__ = ("array", "dims", "index", "marks", "order", "tensors", "why")

    def __init__(
        self,
        dims: Sequence[int],
        index: int | None = None,
        order: Order = (),
        *,
        array: Array | None = None,
        tensors: tuple[Tensor, ...] = (),
        why: str = "",
    ) -> None:
        self.dims = tuple(dims)
        self.index = index
        self.order = order
        self.array = array
        self.tensors = tensors
        self.why = why  # why its numbers are unknown, as the end of a sentence
        self.marks: Marks | None = None

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.dims)

    @property
    def is_learned(self) -> bool:
        """Whether it consists of weights in the file and depends on no input."""
        return self.index is None and any(tensor.real and self.is_weight(tensor) for tensor in self.tensors)

    def dequantize(self) -> None:
        """Record that its whole numbers represent floating-point ones."""
        for tensor in self.tensors:
            tensor.real = True

    def is_weight(self, tensor: Tensor) -> bool:
        """Return whether a tensor is a weight rather than a constant of a formula.

        A tensor of several numbers is a weight. A single number is one if the file leaves it out, or if its name is that of
        an entry in a PyTorch state dict, because exporters do not give such names to constants.
        """
        if tensor.size > 1:
            return True
        named = _STATE.fullmatch(tensor.name) is not None
        return not tensor.fixed and (named or bool(self.array is None and tensor.dims))


class Scope:
    """The names in one graph or function: their values, the nodes that use them, and which are channels first."""

    def __init__(self, outer: Scope | None = None, attributes: dict[str, Any] | None = None) -> None:
        self.outer = outer
        self.values: dict[str, Value] = {}
        self.firsts: set[str] = set()
        self.users: dict[str, list[Any]] = {}
        self.outputs: set[str] = set()
        self.attributes = attributes or {}
        self.prefix = ""

    def find(self, name: str) -> Value | None:
        """Return the value of a name in this graph or in one that contains it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.outer
        return None


class Operation:
    """One node of the graph with its operator, its inputs, its attributes and the names of its outputs."""

    def __init__(
        self, node: Any, op: str, inputs: list[Value | None], attributes: dict[str, Any], scope: Scope, label: str
    ):
        self.node = node
        self.op = op
        self.inputs = inputs
        self.attributes = attributes
        self.scope = scope
        self.label = label
        self.outputs: list[str] = list(node.output)

    def input(self, place: int) -> Value | None:
        """Return the input at a position; None if the node does not have it."""
        return self.inputs[place] if place < len(self.inputs) else None

    def required(self, place: int) -> Value:
        """Return the input at a position.

        Raises:
            Refused: `bad-model`. The node does not have the input.
        """
        value = self.input(place)
        if value is None:
            self.raise_invalid(f"input {place + 1} is missing")
        return value

    def numbers(self, place: int, name: str = "") -> list[int] | None:
        """Return the whole numbers of a constant input, or else of an attribute; None if the node has neither.

        Raises:
            Refused: The node has the input, but its numbers are unknown.
        """
        x = self.input(place)
        if x is None:
            attribute = self.attributes.get(name) if name else None
            if attribute is None:
                return None
            return [int(n) for n in attribute] if isinstance(attribute, list) else [int(attribute)]
        constant = self.array(place).numbers
        if len(constant) > MOST_NUMBERS:
            self.raise_unsupported(f"input {place + 1} has {len(constant):,} numbers, more than {MOST_NUMBERS:,}")
        if not all(abs(number) < 2**64 for number in constant):
            self.raise_invalid(f"input {place + 1} is {show(list(constant[:8]))}, but must consist of whole numbers")
        return [int(number) for number in constant]

    def array(self, place: int) -> Array:
        """Return the numbers of an input.

        Raises:
            Refused: The numbers are unknown.
        """
        x = self.required(place)
        if x.array is None:
            name = self.node.input[place] if place < len(self.node.input) else ""
            why = x.why or "they depend on the input of the model"
            problem = Problem(
                "unsupported",
                f"`{show(self.label)}` ({show(self.op)}) needs the numbers of `{show(name)}`, but {why}",
                "export the model with fixed shapes and with its constants in the file",
            )
            raise Refused([problem])
        return x.array

    def raise_invalid(self, text: str, help: str = "") -> NoReturn:
        """Refuse a node that contradicts itself or its inputs."""
        raise Refused([Problem("bad-model", f"`{show(self.label)}` ({show(self.op)}): {text}", help)])

    def raise_unsupported(self, text: str, help: str = "") -> NoReturn:
        """Refuse a node that cannot be analysed."""
        raise Refused([Problem("unsupported", f"`{show(self.label)}` ({show(self.op)}): {text}", help)])


class Reader(Assembler):
    """The state that all operators share: the Builder, the tensors counted so far, and the settings of this reading."""

    def __init__(self, builder: Builder, limits: Limits, opset: int) -> None:
        super().__init__(builder)
        self.limits = limits
        self.opset = opset
        self.strict = False
        self.batch = 1  # the fixed batch size in the file, which is read as 1
        # output of a reshape -> the place and number of the batch in its target
        self.written: dict[tuple[str, str], tuple[int, int]] = {}
        self.functions: dict[tuple[str, str], Any] = {}
        self.fused: set[int] = set()
        self.scores: set[int] = set()  # nodes whose values may be attention scores

    @property
    def counted_tensors(self) -> list[Tensor]:
        """The tensors that count as parameters or buffers."""
        return [tensor for tensor in self._alive if isinstance(tensor, Tensor)]

    def without_batch(self, step: Operation, to: list[int]) -> list[int]:
        """Return the target of a reshape for one example, if the file has it for a whole batch."""
        place, written = self.written.get((step.scope.prefix, step.outputs[0]), (0, 0))
        if self.batch > 1 and written > 0 and place < len(to) and to[place] == written and written % self.batch == 0:
            return [*to[:place], written // self.batch, *to[place + 1 :]]
        return to

    def order(self, step: Operation, dims: Dims, k: int = 0, hidden: frozenset[int] | None = None) -> Order:
        """Return the order for output `k` if it does not inherit one: channels last if the value is channels first."""
        name = step.outputs[k] if k < len(step.outputs) else ""
        first = name in step.scope.firsts and len(dims) > 2
        if hidden is None:
            return natural_order(dims, first)
        shown = [axis for axis in range(len(dims)) if axis not in hidden]
        return channels_moved_last(shown) if first else tuple(shown)

    def align_value(self, x: Value, order: Order) -> Value:
        """Return the value in that order. If it has another one, a permute or reshape layer is added."""
        if x.index is None or x.order == order:
            return x
        label = self.builder.nodes[x.index].name

        def add(layer: Layer, index: int) -> int:
            return self.builder.add(layer, [index], self.name(f"{label}.{layer.kind}"))

        return Value(x.dims, self.align(x.index, x.dims, x.order, order, add), order)

    def channels_last(self, x: Value) -> Value:
        """Return the value with its axis 1, the channels, shown last. A batch of 1 is not shown."""
        order = channels_last_order(x.dims)
        return self.align_value(x, order) if x.index is not None else self.add_constant(x, order)

    def set_output(self, step: Operation, value: Value, k: int = 0) -> None:
        """Set the value of output `k` of a node.

        Raises:
            Refused: The value is larger than any tensor can be.
        """
        if value.index is None and (len(value.dims) > MOST_AXES or max(value.dims, default=0) > self.limits.tensor):
            step.raise_unsupported(f"its output would have {len(value.dims)} dimensions of up to {max(value.dims):.3g}")
        if min(value.dims, default=0) < 0:
            step.raise_invalid(f"its output would have the dimensions {show(value.dims)}")
        if k < len(step.outputs) and step.outputs[k]:
            step.scope.values[step.outputs[k]] = value

    def add_layer(
        self,
        step: Operation,
        layer: Layer,
        xs: Sequence[Value],
        order: Order,
        rank: int,
        parameters: Mapping[str, Value | None] | None = None,
        buffers: Mapping[str, Value | None] | None = None,
        k: int = 0,
    ) -> Value:
        """Add a layer as output `k` of a node. `parameters` and `buffers` map roles to the tensors that the layer uses."""
        if any(x.index is None for x in xs):
            step.raise_unsupported("all its inputs are constants", "fold constants before the export")
        indices = [x.index for x in xs if x.index is not None]
        shapes = [self.builder.shape(index) for index in indices]
        label = self.name(step.label if k == 0 else f"{step.label}.{k}")
        index = len(self.builder.nodes)
        try:
            layer.statistics(tuple(shapes))
            layer, owner = self._with_own_parameters(layer, shapes, index, parameters or {}, buffers or {})
            self.builder.add(layer, indices, label)
        except Problem as problem:
            problem.text = f"`{show(step.label)}`: {problem.text}"
            raise Refused([problem]) from None
        if owner is not None:
            self.share(index, owner)
        shape = self.builder.shape(index)
        if min(shape) < 1:
            step.raise_invalid(f"its output would have the shape {show(tuple(shape))}")
        dims = [1] * rank
        for axis, length in zip(order, shape, strict=False):
            dims[axis] = length
        value = Value(dims, index, order)
        self.set_output(step, value, k)
        return value

    def add_operator(
        self,
        step: Operation,
        dims: Dims,
        xs: Sequence[Value],
        order: Order | None = None,
        parameters: Mapping[str, Value | None] | None = None,
        k: int = 0,
        **facts: Any,
    ) -> Value:
        """Add an operator without a layer kind as output `k`. If all inputs are constants, only set its value."""
        if order is None:
            order = self.order(step, dims, k)
        active = [x for x in xs if x.index is not None]
        if not active and facts.get("macs"):  # it runs in every forward pass, although its inputs are constants
            active = [self.add_constant(xs[0], tuple(range(len(xs[0].dims))), data=True)]
            parameters = {"weight": Value((), tensors=self.tensors_of(xs[1:]))}
        if not active:
            value = Value(dims, tensors=self.tensors_of(xs), why="they are computed from weights")
            self.set_output(step, value, k)
            return value
        kind = facts.pop("layer", Operator)
        layer = kind(facts.pop("name", step.op.lower()), visible(dims, order), **facts)
        return self.add_layer(step, layer, active, order, len(dims), parameters, k=k)

    def add_constant(self, x: Value, order: Order, data: bool = False) -> Value:
        """Add a node for a constant or parameter that layers read. Its input is the first input of the network.

        Numbers that are written into the graph as Constants are not parameters. Neither are the numbers that another tensor
        of the file multiplies (`data`), unless they have the name of a weight.
        """
        learned = tuple(tensor for tensor in x.tensors if not tensor.fixed and tensor.real and x.is_weight(tensor))
        buffers: dict[str, Number] = {}
        note = ""
        if data and not self.strict and learned and not any(_WEIGHT.search(tensor.name) for tensor in learned):
            buffers, _ = self._count_new({"constant": Value((), tensors=learned)}, len(self.builder.nodes))
            names = ", ".join(f"`{show(tensor.name)}`" for tensor in learned[:3])
            note = f"{names} counts as a buffer, because layers read it like an input" if buffers else ""
            learned = ()
        weights, _ = self._count_new({"weight": Value((), tensors=learned)}, len(self.builder.nodes))
        shape = visible(x.dims, order)
        layer = Operator(
            "constant", shape, weights=weights, buffers=buffers, in_place=True, views=(Unseen(),), note=note
        )
        return Value(x.dims, self.builder.add(layer, [0], self.name("constant")), order)

    def tensors_of(self, xs: Sequence[Value | None]) -> tuple[Tensor, ...]:
        """Return the tensors that values are computed from, each once."""
        tensors = {id(tensor): tensor for x in xs if x is not None for tensor in x.tensors}
        most = self.limits.nodes // 64
        if len(tensors) > most:
            text = f"a value is computed from more than {most:,} tensors of the file"
            raise Refused([Problem("too-large", text, "fold constants before the export")])
        return tuple(tensors.values())

    def _count_new(self, parameters: Mapping[str, Value | None], index: int) -> tuple[dict[str, Number], set[int]]:
        """Return the counts by role of the tensors not counted before, and the nodes that count the other tensors."""
        fresh: dict[str, Number] = {}
        owners: set[int] = set()
        for role, value in parameters.items():
            for tensor in value.tensors if value is not None else ():
                if tensor.size == 0 or (tensor.size == 1 and not tensor.real and not self.strict):
                    continue
                owner = self.count_at(tensor, index)
                if owner is not None:
                    owners |= {owner} - {index}
                    continue
                name = role if role not in fresh else f"{role}_{len(fresh)}"
                fresh[name] = one_count(tensor.dims)
        return fresh, owners

    def _with_own_parameters(
        self,
        layer: Layer,
        shapes: Sequence[Shape],
        index: int,
        parameters: Mapping[str, Value | None],
        buffers: Mapping[str, Value | None],
    ) -> tuple[Layer, int | None]:
        """Return the layer with its own parameters, and the node with which it shares all of them, if it does."""
        weights, owners = self._count_new(parameters, index)
        new_buffers, buffer_owners = self._count_new(buffers, index)
        everywhere = owners | buffer_owners
        lender = min(owners) if owners and len(everywhere) == 1 else None
        return self.with_parameters(layer, shapes, weights, new_buffers, sorted(everywhere), lender)

    def sharing_note(self, owners: Sequence[int]) -> str:
        """Return the note for a layer whose parameters are counted at other nodes. It names up to three of them."""
        names = ", ".join(f"`{show(self.builder.nodes[owner].name)}`" for owner in owners[:3])
        return f"parameters shared with {names}"
