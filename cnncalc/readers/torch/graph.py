"""How one operation of a PyTorch module becomes a layer on the Builder: orders of axes, parameters counted once, names.

A value has the dimensions that PyTorch gives it and the node that makes it, whose shape names them in another order:
(2, 3, 1) for an image N x C x H x W, shown as H x W x C. Moving axes changes the order only; a layer that needs another
one gets it by a permute.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cnncalc.layers.activation import Identity
from cnncalc.layers.base import Layer
from cnncalc.layers.operations import passed_on
from cnncalc.layers.operator import Operator
from cnncalc.layers.roles import has_bias_role
from cnncalc.layers.views import Unseen
from cnncalc.network import Builder
from cnncalc.problem import Problem
from cnncalc.product import Number, Product
from cnncalc.readers.axes import Assembler, channels_last_order, natural_order, one_count, visible
from cnncalc.readers.torch.events import Call, Dims, Event, Tensor, Trace, Var
from cnncalc.readers.torch.gradients import Held, is_bias, note_gradients
from cnncalc.readers.torch.memory import Memory, operations
from cnncalc.shape import Shape
from cnncalc.text import show

_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
SHOWN = 10


class Book(Assembler):
    """What all operations share: the Builder, which tensors are counted already, and what does not agree."""

    def __init__(self, record: Trace) -> None:
        super().__init__(Builder())
        self.record = record
        self.skipped: set[int] = set()  # ids of operations that another one stands for
        self.places: list[Call | None] = []  # by node: the call that it came from
        self.absorbed: set[int] = set()  # ids of paddings that the next layer does by itself
        self.done: set[int] = set()  # ids of calls that have nodes
        self.differing: list[Problem] = []
        self._constant: dict[int, int] = {}
        self.memory = Memory(record.training)
        self.stopped = False  # does the operation at hand run without gradients?
        self.sources: dict[str, Tensor] = {}  # the parameters counted last, by the names that they got

    # -- orders -----------------------------------------------------------------------------------------------------

    def natural(self, dims: Dims, first: bool = False) -> Dims:
        """The order for a value that does not inherit one: channels last where it is read channels first."""
        return natural_order(dims, first)

    def aligned(self, x: Var, order: Dims, call: Call) -> int:
        """The node that has the value in that order: a permute where it is in another one."""
        assert x.index is not None

        def add(layer: Layer, index: int) -> int:
            made = self.add(layer, [index], call)
            self.memory.made[made] = x
            return made

        return self.align(x.index, x.dims, x.order, order, add)

    def channels_last(self, x: Var) -> Dims:
        """The order that shows the second axis, the channels, last; a batch of 1 is not shown."""
        return channels_last_order(x.dims)

    def plain(self, x: Var) -> Dims:
        """The order in which a layer reads a value that it treats number by number: channels last, or as PyTorch has it."""
        last, straight = self.channels_last(x), tuple(sorted(x.order))
        if x.order in (last, straight):
            return x.order
        return last if x.first and sorted(last) == list(straight) else straight

    # -- nodes ------------------------------------------------------------------------------------------------------

    def add(self, layer: Layer, inputs: Sequence[int], call: Call) -> int:
        """A node; it gets its name at the end."""
        index = self.builder.add(layer, inputs, f"{len(self.builder.nodes)}")
        self._placed(index, call)
        return index

    def _placed(self, index: int, call: Call | None) -> None:
        self.places += [None] * (index + 1 - len(self.places))
        self.places[index] = call
        self.done.add(id(call))

    def input(self, name: str, var: Var, order: Dims) -> None:
        """An input of the network."""
        var.order = order
        self.memory.made[len(self.builder.nodes)] = var
        var.index = self.builder.input(clean(name) or "input", visible(var.dims, order))
        self.builder.nodes[var.index].width = self.record.widths.get(name)
        self._placed(var.index, None)

    def emit(
        self, event: Event, layer: Layer, xs: Sequence[int], order: Dims, held: Held | None = None, k: int = 0
    ) -> None:
        """A layer as what the event makes (or the `k`-th of what it does), with the tensors that it works with.

        Where the layer's own rules give another shape or count than PyTorch, PyTorch's is kept, and the difference noted.
        """
        out = event.outs[k]
        shapes = [self.builder.shape(index) for index in xs]
        theirs = visible(out.dims, order)
        layer = self._checked(event, layer, shapes, theirs, k)
        index = len(self.builder.nodes)
        layer, owner = self._owned(layer, shapes, index, held or {})
        self.add(layer, xs, event.call)
        node = self.builder.nodes[index]
        if owner is not None:
            self.share(index, owner)
        out.index, out.order = index, order
        self.memory.emitted(node, out, xs)
        note_gradients(self.builder, node, held or {}, self.sources)
        if node.seen is not None:
            node.seen.stopped = self.stopped

    def stop(self, event: Event) -> None:
        """Where an operation without gradients is no layer, let a node of its own say that none flows back."""
        for k, out in enumerate(event.outs if event.stopped and id(event) not in self.absorbed else ()):
            if out.index is None or self.memory.made.get(out.index) is out:
                continue
            shape = self.builder.shape(out.index)
            layer = Operator("detach", shape, in_place=True, ops=passed_on(shape.size))
            self.emit(event, layer, [out.index], out.order, k=k)

    def _checked(self, event: Event, layer: Layer, shapes: Sequence[Shape], theirs: Shape, k: int) -> Layer:
        place = f"`{show(event.call.path or event.op)}` ({show(layer.kind)})"
        try:
            ours = layer.out(*shapes)
        except Problem as problem:
            self._differ(f"{place} is {theirs} to PyTorch, but here: {problem.text}")
            return Operator(layer.kind, theirs, macs=counted(event.macs), views=None)
        if ours != theirs:
            self._differ(f"{place} is {ours} here, but {theirs} to PyTorch")
            layer = Operator(layer.kind, theirs, like=layer)
        macs = int(layer.macs(*shapes))
        if k == 0 and macs != event.macs and layer.known_cost:
            text = f"{place} has {macs:,} multiply-adds here, but {event.macs:,} to PyTorch"
            self.differing.append(Problem("macs-disagree", text, level="warning"))
        return layer

    def _differ(self, text: str) -> None:
        self.differing.append(Problem("shapes-disagree", text, level="warning"))

    def check(self, event: Event) -> None:
        """Do the values made have nodes of PyTorch's shapes? One that has not would lead everything behind it astray."""
        for k, out in enumerate(event.outs if id(event) not in self.absorbed else ()):
            if out.index is None or visible(out.dims, out.order) == self.builder.shape(out.index):
                continue
            ours, order = self.builder.shape(out.index), self.natural(out.dims, out.first)
            place = f"`{show(event.call.path or event.op)}` ({show(event.op)})"
            self._differ(f"{place} is {ours} here, but {visible(out.dims, order)} to PyTorch")
            self.operator(event, order, {}, k, macs=None, views=None)

    def operator(
        self,
        event: Event,
        order: Dims | None = None,
        held: Held | None = None,
        k: int = 0,
        kind: type[Operator] = Operator,
        name: str = "",
        **facts: Any,
    ) -> None:
        """An operation without a layer kind, with PyTorch's own shape and count."""
        out = event.outs[k]
        order = self.natural(out.dims, out.first) if order is None else order
        active = [var.index for var in event.inputs if var.index is not None]
        macs = counted(event.macs) if k == 0 and event.macs and "macs" not in facts else facts.pop("macs", None)
        ops = operations(event) if k == 0 and kind is Operator and not facts.get("like") else None
        layer = kind(name or event.op.lstrip("_"), visible(out.dims, order), macs=macs, ops=ops, **facts)
        if held is None:
            held = {"weight": self.tensors(event.inputs)}
        self.emit(event, layer, list(dict.fromkeys(active)), order, held, k)

    def same(self, event: Event, x: Var, order: Dims | None = None, k: int = 0) -> None:
        """No operation at all: the value of another one, its axes perhaps in other places."""
        out = event.outs[k]
        out.index, out.held = x.index, x.held
        out.order = x.order if order is None else order

    def materialize(self, var: Var, call: Call) -> None:
        """A constant or parameter as a node of its own, where layers work on it; it hangs on the first input."""
        if id(var) in self._constant:
            var.index = self._constant[id(var)]
        order = self.natural(var.dims, var.first)
        weights, buffers, _ = self._fresh({"weight": var.held}, len(self.builder.nodes))
        layer = Operator(
            "constant", visible(var.dims, order), weights=weights, buffers=buffers, in_place=True, views=(Unseen(),)
        )
        var.index, var.order = self.add(layer, [0], call), order
        note_gradients(self.builder, self.builder.nodes[var.index], {"weight": var}, self.sources)
        self._constant[id(var)] = var.index

    def shown(self, call: Call) -> None:
        """What a leaf module gives back, its axes in order; a module that only moves axes gets a node for its name."""
        if len(call.outs) != 1 or call.outs[0].index is None:
            return
        out = call.outs[0]
        order = self.plain(out)
        before = len(self.builder.nodes)
        out.index, out.order = self.aligned(out, order, call), order
        if len(self.builder.nodes) == before and id(call) not in self.done:
            out.index = self.add(Identity(), [out.index], call)

    # -- parameters ---------------------------------------------------------------------------------------------------

    def tensors(self, xs: Sequence[Var]) -> tuple[Tensor, ...]:
        """The tensors that values without a node are made of, each once."""
        found = {id(tensor): tensor for x in xs if x.index is None for tensor in x.held}
        return tuple(found.values())

    def _fresh(self, held: Held, index: int) -> tuple[dict[str, Number], dict[str, Number], set[int]]:
        """Parameters and buffers counted here for the first time, by role, and the nodes that the others stand at."""
        weights: dict[str, Number] = {}
        buffers: dict[str, Number] = {}
        owners: set[int] = set()
        self.sources = {}
        for role, value in held.items():
            for tensor in value.held if isinstance(value, Var) else value or ():
                owner = self.count_at(tensor, index)
                if owner is not None:
                    if tensor.learned and owner != index:  # not one that it uses twice
                        owners.add(owner)
                    continue
                found = weights if tensor.learned else buffers
                own = tensor.name.rpartition(".")[2]
                part = "bias" if is_bias(tensor) and not has_bias_role(role) else role
                name = part if tensor.learned and part not in found else f"{part}_{own}"
                while name in found:
                    name += "_"
                if tensor.learned:
                    self.sources[name] = tensor
                found[name] = one_count(tensor.dims)
        return weights, buffers, owners

    def _owned(self, layer: Layer, shapes: Sequence[Shape], index: int, held: Held) -> tuple[Layer, int | None]:
        """The layer with the parameters that are its own; and the node it shares all of them with, if so."""
        weights, buffers, owners = self._fresh(held, index)
        alone = len(owners) == 1 and not isinstance(layer, Operator)
        return self.with_parameters(layer, shapes, weights, buffers, sorted(owners), min(owners) if alone else None)

    def sharing_note(self, owners: Sequence[int]) -> str:
        """What to say of parameters that count elsewhere; their gradients here, which are added there, have no rule."""
        self.memory.hidden = True
        calls = [self.places[owner] for owner in owners[:3]]
        names = dict.fromkeys(f"`{show(call.path or 'the model')}`" for call in calls if call is not None)
        return f"parameters shared with {', '.join(names)}"

    def rest(self) -> str:
        """Count the parameters and buffers that no operation used, a node for each module; what to say of them."""
        left: dict[str, list[Tensor]] = {}
        for tensor in self.record.tensors:
            if id(tensor) not in self.counted:
                left.setdefault(tensor.name.rpartition(".")[0], []).append(tensor)
        paths: list[str] = []
        for path, tensors in left.items():
            index = len(self.builder.nodes)
            weights, buffers, _ = self._fresh({"weight": tensors}, index)
            text = "not used by forward on this input"
            layer = Operator(
                "unused",
                Shape((1,)),
                weights=weights,
                buffers=buffers,
                in_place=True,
                note=text,
                views=(Unseen(),),
                ops=[],
            )
            index = self.add(layer, [0], Call(path, None, None, []))
            note_gradients(self.builder, self.builder.nodes[index], {"weight": tensors}, self.sources)
            if weights:
                paths.append(f"`{show(path or 'the model')}`")
        if not paths:
            return ""
        learned = sum(tensor.size for tensors in left.values() for tensor in tensors if tensor.learned)
        more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
        return f"{learned:,} parameters are not used by forward on this input: those of {', '.join(paths[:3])}{more}"

    # -- names --------------------------------------------------------------------------------------------------------

    def name(self) -> None:
        """Give every node its name: the path of its module, and what it is where the module makes several."""
        many: dict[int, int] = {}
        for call in self.places:
            if call is not None:
                many[id(call)] = many.get(id(call), 0) + 1
        taken = {node.name for node in self.builder.nodes if node.layer is None}
        for node, call in zip(self.builder.nodes, self.places, strict=True):
            if call is None:
                continue
            path = clean(call.path)
            label = path if call.leaf and many[id(call)] == 1 and path else f"{path}.{node.kind}".strip(".")
            name, number = label[:100], 1
            while name in taken:
                number += 1
                name = f"{label[:95]}_{number}"
            taken.add(name)
            node.name = name


def clean(text: str) -> str:
    """A name of letters, digits, `_`, `-` and dots."""
    return _ODD.sub("_", text[:200]).strip("._")


def counted(macs: int) -> Number:
    """Multiply-adds as PyTorch counted them."""
    return Product(("counted by PyTorch", macs))
