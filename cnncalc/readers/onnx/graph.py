"""The values of an ONNX graph while it is read, and how a node of it becomes a layer on the Builder.

A value has the dimensions that ONNX gives it, batch included, and the node that makes it with the order in which that
node's shape names the dimensions: (2, 3, 1) for an image N x C x H x W, shown as H x W x C. What is not named is 1.
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
from cnncalc.readers.onnx.constants import Array
from cnncalc.shape import Shape
from cnncalc.text import show

Factor = tuple[int, int]  # a token and a length, see onnx_axes
Axis = tuple[Factor, ...]
Marks = tuple[Axis, ...]
MOST_AXES = 64
_STATE = re.compile(r"[A-Za-z_]\w*(\.\w+)*\.[A-Za-z_]\w*")
_WEIGHT = re.compile(r"(weight|kernel|bias|gamma|beta|embed\w*|lora_\w+)(:0|_\w{0,3})?$", re.IGNORECASE)
FLOATS = frozenset({1, 10, 11, 16, 17, 18, 19, 20, 23})


class Tensor:
    """Numbers that the file holds: an initializer, or a Constant (`fixed`). `real` are those of a floating type."""

    __slots__ = ("dims", "fixed", "name", "real", "size")

    def __init__(self, name: str, dims: Dims, real: bool, fixed: bool = False) -> None:
        self.name = name
        self.dims = dims
        self.size = prod(dims)
        self.real = real
        self.fixed = fixed


class Value:
    """A value: its dimensions, and its numbers where they are known, or the tensors it is made of, or its node.

    `marks` are the axes of the graph's inputs that stand along its own, as far as they are followed.
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
        self.why = why  # why its numbers are not known
        self.marks: Marks | None = None

    @property
    def size(self) -> int:
        """Numbers in it."""
        return prod(self.dims)

    @property
    def learned(self) -> bool:
        """Is it made of the file's numbers, and of no input? A single number seldom is: see `holds`."""
        return self.index is None and any(tensor.real and self.holds(tensor) for tensor in self.tensors)

    def holds(self, tensor: Tensor) -> bool:
        """Is a tensor a weight, and no constant of arithmetic: several numbers, or one that only training could tell?

        That may be one that the file leaves out, or one that is called as in a state dict of PyTorch: no exporter calls
        a constant so.
        """
        if tensor.size > 1:
            return True
        named = _STATE.fullmatch(tensor.name) is not None
        return not tensor.fixed and (named or bool(self.array is None and tensor.dims))


class Scope:
    """The names of one graph or function: values, who uses them, and which are read with channels first."""

    def __init__(self, outer: Scope | None = None, attributes: dict[str, Any] | None = None) -> None:
        self.outer = outer
        self.values: dict[str, Value] = {}
        self.firsts: set[str] = set()
        self.users: dict[str, list[Any]] = {}
        self.outputs: set[str] = set()
        self.attributes = attributes or {}
        self.prefix = ""

    def find(self, name: str) -> Value | None:
        """The value of that name, here or in a graph around this one."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.outer
        return None


class Operation:
    """One node of the graph as it is read: operator, inputs, attributes, names of its outputs, and its own name."""

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
        """Input number `place`; None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def required(self, place: int) -> Value:
        """Input number `place`.

        Raises:
            Refused: `bad-model` where it is left out.
        """
        found = self.input(place)
        if found is None:
            self.raise_invalid(f"input {place + 1} is missing")
        return found

    def numbers(self, place: int, name: str = "") -> list[int] | None:
        """The whole numbers of a known input, or else of an attribute; None where there is neither.

        Raises:
            Refused: where the input is there, but its numbers are not known.
        """
        x = self.input(place)
        if x is None:
            given = self.attributes.get(name) if name else None
            return None if given is None else [int(n) for n in given] if isinstance(given, list) else [int(given)]
        known = self.array(place).reshape(-1).tolist()
        if not all(isinstance(n, int | float) and abs(n) < 2**64 for n in known):
            self.raise_invalid(f"input {place + 1} holds {show(known[:8])}, not whole numbers")
        return [int(n) for n in known]

    def array(self, place: int) -> Array:
        """The numbers of an input.

        Raises:
            Refused: where they are not known.
        """
        x = self.required(place)
        if x.array is None:
            name = self.node.input[place] if place < len(self.node.input) else ""
            why = x.why or "they depend on what is fed in"
            problem = Problem(
                "unsupported",
                f"`{show(self.label)}` ({show(self.op)}) needs the numbers of `{show(name)}`, but {why}",
                "export the model with fixed shapes, or with its constants in the file",
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
    """What all operators share: the Builder, and which tensors are counted already."""

    def __init__(self, builder: Builder, limits: Limits, opset: int) -> None:
        super().__init__(builder)
        self.limits = limits
        self.opset = opset
        self.strict = False
        self.batch = 1  # the fixed batch size of the file; read as 1
        self.written: dict[
            tuple[str, str], tuple[int, int]
        ] = {}  # output of a reshape -> where its target has the batch
        self.functions: dict[tuple[str, str], Any] = {}
        self.fused: set[int] = set()
        self.scores: set[int] = set()  # nodes whose values may be attention scores
        self._numbers: dict[str, int] = {}  # label -> the last number behind it

    # -- names and orders -------------------------------------------------------------------------------------------

    def name(self, label: str) -> str:
        """The label, or the label with a number behind it where that name is taken."""
        label = label[:100] or "value"
        name, number = label, self._numbers.get(label, 1)
        while name in self.builder.names:
            number += 1
            name = f"{label}_{number}"
        self._numbers[label] = number
        return name

    def without_batch(self, step: Operation, to: list[int]) -> list[int]:
        """The target of a reshape for one example, where the file has it for the whole batch."""
        place, written = self.written.get((step.scope.prefix, step.outputs[0]), (0, 0))
        if self.batch > 1 and written > 0 and place < len(to) and to[place] == written and written % self.batch == 0:
            return [*to[:place], written // self.batch, *to[place + 1 :]]
        return to

    def order(self, step: Operation, dims: Dims, k: int = 0, hidden: frozenset[int] | None = None) -> Order:
        """The order for a value that does not inherit one: channels last where it is read channels first."""
        name = step.outputs[k] if k < len(step.outputs) else ""
        first = name in step.scope.firsts and len(dims) > 2
        if hidden is None:
            return natural_order(dims, first)
        shown = [axis for axis in range(len(dims)) if axis not in hidden]
        return channels_moved_last(shown) if first else tuple(shown)

    def align_value(self, x: Value, order: Order) -> Value:
        """The value with its node's shape in that order: by a layer that permutes where it is in another one."""
        if x.index is None or x.order == order:
            return x
        label = self.builder.nodes[x.index].name

        def add(layer: Layer, index: int) -> int:
            return self.builder.add(layer, [index], self.name(f"{label}.{layer.kind}"))

        return Value(x.dims, self.align(x.index, x.dims, x.order, order, add), order)

    def channels_last(self, x: Value) -> Value:
        """The value with its second axis, the channels, in the last place; a batch of 1 is not shown."""
        order = channels_last_order(x.dims)
        return self.align_value(x, order) if x.index is not None else self.add_constant(x, order)

    # -- layers -----------------------------------------------------------------------------------------------------

    def set_output(self, step: Operation, value: Value, k: int = 0) -> None:
        """Let output `k` of a node have that value.

        Raises:
            Refused: where no tensor can be so large.
        """
        if value.index is None and (len(value.dims) > MOST_AXES or max(value.dims, default=0) > self.limits.tensor):
            step.raise_unsupported(f"it makes {len(value.dims)} dimensions of up to {max(value.dims):.3g} numbers")
        if min(value.dims, default=0) < 0:
            step.raise_invalid(f"it makes the dimensions {show(value.dims)}")
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
        """A layer on the Builder as output `k` of a node; `held` are the parameters that it works with."""
        if any(x.index is None for x in xs):
            step.raise_unsupported("it works on constants only", "fold constants before the export")
        indices = [x.index for x in xs if x.index is not None]
        shapes = [self.builder.shape(index) for index in indices]
        label = self.name(step.label if k == 0 else f"{step.label}.{k}")
        index = len(self.builder.nodes)
        try:
            layer.statistics(tuple(shapes))
            layer, owner = self._owned(layer, shapes, index, parameters or {}, buffers or {})
            self.builder.add(layer, indices, label)
        except Problem as problem:
            problem.text = f"`{show(step.label)}`: {problem.text}"
            raise Refused([problem]) from None
        if owner is not None:
            self.share(index, owner)
        shape = self.builder.shape(index)
        if min(shape) < 1:
            step.raise_invalid(f"it makes {show(tuple(shape))}")
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
        """An operation without a kind as output `k`; from constants only, a value made of their tensors."""
        if order is None:
            order = self.order(step, dims, k)
        active = [x for x in xs if x.index is not None]
        if not active and facts.get("macs"):  # runs every time, though on constants only
            active = [self.add_constant(xs[0], tuple(range(len(xs[0].dims))), data=True)]
            parameters = {"weight": Value((), tensors=self.tensors_of(xs[1:]))}
        if not active:
            value = Value(dims, tensors=self.tensors_of(xs), why="it is worked out from weights")
            self.set_output(step, value, k)
            return value
        kind = facts.pop("layer", Operator)
        layer = kind(facts.pop("name", step.op.lower()), visible(dims, order), **facts)
        return self.add_layer(step, layer, active, order, len(dims), parameters, k=k)

    def add_constant(self, x: Value, order: Order, data: bool = False) -> Value:
        """A constant or parameter as a node of its own, where layers work on it; it hangs on the first input.

        Numbers that are written into the graph are no parameters there. Neither are those that a product with other numbers
        of the file works on as its `data`, unless they are named as weights are.
        """
        learned = tuple(tensor for tensor in x.tensors if not tensor.fixed and tensor.real and x.holds(tensor))
        buffers: dict[str, Number] = {}
        note = ""
        if data and not self.strict and learned and not any(_WEIGHT.search(tensor.name) for tensor in learned):
            buffers, _, _ = self._fresh({"constant": Value((), tensors=learned)}, len(self.builder.nodes))
            names = ", ".join(f"`{show(tensor.name)}`" for tensor in learned[:3])
            note = f"{names} counts as a buffer: layers work on it as on an input" if buffers else ""
            learned = ()
        weights, _, _ = self._fresh({"weight": Value((), tensors=learned)}, len(self.builder.nodes))
        shape = visible(x.dims, order)
        layer = Operator(
            "constant", shape, weights=weights, buffers=buffers, in_place=True, views=(Unseen(),), note=note
        )
        return Value(x.dims, self.builder.add(layer, [0], self.name("constant")), order)

    def tensors_of(self, xs: Sequence[Value | None]) -> tuple[Tensor, ...]:
        """The tensors that values are made of, each once."""
        found = {id(tensor): tensor for x in xs if x is not None for tensor in x.tensors}
        most = self.limits.nodes // 64
        if len(found) > most:
            text = f"a value is worked out from more than {most:,} tensors of the file"
            raise Refused([Problem("too-large", text, "fold constants before the export")])
        return tuple(found.values())

    def _fresh(self, parameters: Mapping[str, Value | None], index: int) -> tuple[dict[str, Number], set[int], bool]:
        """Counts of the tensors counted here for the first time, by role, and the other nodes that the rest stand at."""
        fresh: dict[str, Number] = {}
        owners: set[int] = set()
        any_tensor = False
        for role, value in parameters.items():
            for tensor in value.tensors if value is not None else ():
                if tensor.size == 0 or (tensor.size == 1 and not tensor.real and not self.strict):
                    continue
                any_tensor = True
                owner = self.count_at(tensor, index)
                if owner is not None:
                    owners |= {owner} - {index}
                    continue
                name = role if role not in fresh else f"{role}_{len(fresh)}"
                fresh[name] = one_count(tensor.dims)
        return fresh, owners, any_tensor

    def _owned(
        self,
        layer: Layer,
        shapes: Sequence[Shape],
        index: int,
        parameters: Mapping[str, Value | None],
        buffers: Mapping[str, Value | None],
    ) -> tuple[Layer, int | None]:
        """The layer with the parameters that are its own; and the node it shares all of them with, if so."""
        weights, owners, _ = self._fresh(parameters, index)
        kept, lenders, _ = self._fresh(buffers, index)
        everywhere = owners | lenders
        lender = min(owners) if owners and len(everywhere) == 1 else None
        return self.with_parameters(layer, shapes, weights, kept, sorted(everywhere), lender)

    def sharing_note(self, owners: Sequence[int]) -> str:
        """The note for a layer whose parameters are counted at other nodes, with the names of three of them."""
        names = ", ".join(f"`{show(self.builder.nodes[owner].name)}`" for owner in owners[:3])
        return f"parameters shared with {names}"
