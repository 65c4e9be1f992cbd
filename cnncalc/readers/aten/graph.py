"""Turn ATen operations into layers on the Builder.

The graph knows the order of each value's axes, counts every parameter once, and names the nodes. Moving axes changes only
the order; a layer that needs another order gets a permute before it.
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
from cnncalc.network import Builder, Written
from cnncalc.problem import Problem
from cnncalc.product import Number, Product
from cnncalc.readers.aten.events import Call, Dims, Event, Tensor, Trace, Var
from cnncalc.readers.aten.gradients import Parameters, is_bias, record_gradients
from cnncalc.readers.aten.memory import Memory, operations
from cnncalc.readers.axes import Assembler, channels_last_order, natural_order, one_count, visible
from cnncalc.shape import Shape
from cnncalc.text import show

_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
MAX_DIFFERENCES = 10


class Graph(Assembler):
    """The state that handlers share: the Builder, the tensors counted so far, and differences from PyTorch."""

    def __init__(self, record: Trace) -> None:
        super().__init__(Builder())
        self.record = record
        self.skipped: set[int] = set()  # ids of operations that are merged into another one
        self.calls: list[Call | None] = []  # by node: the call that it comes from
        self.absorbed: set[int] = set()  # ids of paddings that are part of the next layer
        self.with_nodes: set[int] = set()  # ids of calls that have nodes
        self.differences: list[Problem] = []
        self._constant: dict[int, int] = {}
        self.memory = Memory(record.training)
        self.detached = False  # does the current operation run without gradients?
        self.last_counted: dict[str, Tensor] = {}  # name in the layer -> parameter, from the last `_count_parameters`

    # -- orders -------------------------------------------------------------------------------------------------------

    def default_order(self, dims: Dims, first: bool = False) -> Dims:
        """Return the order for a value that does not inherit one: channels last if it is read channels first."""
        return natural_order(dims, first)

    def arrange(self, x: Var, order: Dims, call: Call) -> int:
        """Return the node that has the value in this order. Adds a permute if its order is another one."""
        assert x.index is not None

        def add(layer: Layer, index: int) -> int:
            new = self.add(layer, [index], call)
            self.memory.values[new] = x
            return new

        return self.align(x.index, x.dims, x.order, order, add)

    def channels_last_order(self, x: Var) -> Dims:
        """Return the order that shows axis 1, the channels, last. A batch of 1 is not shown."""
        return channels_last_order(x.dims)

    def elementwise_order(self, x: Var) -> Dims:
        """Return the order in which an elementwise layer reads a value: channels last, or PyTorch's own."""
        last, original = self.channels_last_order(x), tuple(sorted(x.order))
        if x.order in (last, original):
            return x.order
        return last if x.channels_first and sorted(last) == list(original) else original

    # -- nodes --------------------------------------------------------------------------------------------------------

    def add(self, layer: Layer, inputs: Sequence[int], call: Call) -> int:
        """Add a node, which `name_nodes` names at the end."""
        index = self.builder.add(layer, inputs, f"{len(self.builder.nodes)}")
        self._set_call(index, call)
        return index

    def _set_call(self, index: int, call: Call | None) -> None:
        self.calls += [None] * (index + 1 - len(self.calls))
        self.calls[index] = call
        self.with_nodes.add(id(call))

    def input(self, name: str, var: Var, order: Dims) -> None:
        """Add an input of the network."""
        var.order = order
        self.memory.values[len(self.builder.nodes)] = var
        var.index = self.builder.input(clean_name(name) or "input", visible(var.dims, order))
        self.builder.nodes[var.index].width = self.record.widths.get(name)
        self._set_call(var.index, None)

    def emit(
        self,
        event: Event,
        layer: Layer,
        xs: Sequence[int],
        order: Dims,
        parameters: Parameters | None = None,
        k: int = 0,
    ) -> None:
        """Add the layer that makes the `k`-th output of an event, with the tensors that it uses by role.

        If the layer's own rules give another shape than PyTorch, PyTorch's is kept. Differences are noted.
        """
        out = event.outs[k]
        shapes = [self.builder.shape(index) for index in xs]
        theirs = visible(out.dims, order)
        layer = self._check_layer(event, layer, shapes, theirs, k)
        index = len(self.builder.nodes)
        layer, owner = self._with_own_parameters(layer, shapes, index, parameters or {})
        self.add(layer, xs, event.call)
        node = self.builder.nodes[index]
        node.written = style_of(event)
        if owner is not None:
            self.share(index, owner)
        out.index, out.order = index, order
        self.memory.record_node(node, out, xs)
        record_gradients(self.builder, node, parameters or {}, self.last_counted)
        if node.seen is not None:
            node.seen.stopped = self.detached

    def add_detach(self, event: Event) -> None:
        """Add a node that stops gradients after an operation that runs without them and is not a layer."""
        for k, out in enumerate(event.outs if event.detached and id(event) not in self.absorbed else ()):
            if out.index is None or self.memory.values.get(out.index) is out:
                continue
            shape = self.builder.shape(out.index)
            layer = Operator("detach", shape, in_place=True, ops=passed_on(shape.size))
            self.emit(event, layer, [out.index], out.order, k=k)

    def _check_layer(self, event: Event, layer: Layer, shapes: Sequence[Shape], theirs: Shape, k: int) -> Layer:
        place = f"`{show(event.call.path or event.op)}` ({show(layer.kind)})"
        try:
            ours = layer.out(*shapes)
        except Problem as problem:
            self._add_difference(
                f"{place} has shape {theirs} in {self.record.origin}, but cnncalc cannot compute it: {problem.text}"
            )
            return Operator(layer.kind, theirs, macs=self.stated_count(event.macs), views=None)
        if ours != theirs:
            self._add_difference(f"{place} has shape {ours} in cnncalc, but {theirs} in {self.record.origin}")
            layer = Operator(layer.kind, theirs, like=layer)
        macs = int(layer.macs(*shapes))
        if k == 0 and macs != event.macs and layer.known_cost:
            text = f"{place} has {macs:,} multiply-adds in cnncalc, but {event.macs:,} in {self.record.origin}"
            self.differences.append(Problem("macs-disagree", text, level="warning"))
        return layer

    def _add_difference(self, text: str) -> None:
        self.differences.append(Problem("shapes-disagree", text, level="warning"))

    def check_shapes(self, event: Event) -> None:
        """Replace nodes whose shape is not PyTorch's, because all later layers would be wrong, and note the difference."""
        for k, out in enumerate(event.outs if id(event) not in self.absorbed else ()):
            if out.index is None or visible(out.dims, out.order) == self.builder.shape(out.index):
                continue
            ours, order = self.builder.shape(out.index), self.default_order(out.dims, out.channels_first)
            place = f"`{show(event.call.path or event.op)}` ({show(event.op)})"
            self._add_difference(
                f"{place} has shape {ours} in cnncalc, but {visible(out.dims, order)} in {self.record.origin}"
            )
            self.operator(event, order, {}, k, macs=None, views=None)

    def operator(
        self,
        event: Event,
        order: Dims | None = None,
        parameters: Parameters | None = None,
        k: int = 0,
        kind: type[Operator] = Operator,
        name: str = "",
        **facts: Any,
    ) -> None:
        """Add an operation that has no layer kind, with PyTorch's shape and count."""
        out = event.outs[k]
        order = self.default_order(out.dims, out.channels_first) if order is None else order
        active = [var.index for var in event.inputs if var.index is not None]
        macs = (
            self.stated_count(event.macs) if k == 0 and event.macs and "macs" not in facts else facts.pop("macs", None)
        )
        ops = operations(event) if k == 0 and kind is Operator and not facts.get("like") else None
        layer = kind(name or event.op.lstrip("_"), visible(out.dims, order), macs=macs, ops=ops, **facts)
        if parameters is None:
            parameters = {"weight": self.tensors_of(event.inputs)}
        self.emit(event, layer, list(dict.fromkeys(active)), order, parameters, k)

    def alias(self, event: Event, x: Var, order: Dims | None = None, k: int = 0) -> None:
        """Note that the `k`-th output is the value `x`, possibly with its axes in another order."""
        out = event.outs[k]
        out.index, out.tensors = x.index, x.tensors
        out.order = x.order if order is None else order

    def materialize(self, var: Var, call: Call) -> None:
        """Add a node for a constant or parameter that layers read. Its input is the network's first input."""
        if id(var) in self._constant:
            var.index = self._constant[id(var)]
        order = self.default_order(var.dims, var.channels_first)
        weights, buffers, _ = self._count_parameters({"weight": var.tensors}, len(self.builder.nodes))
        layer = Operator(
            "constant", visible(var.dims, order), weights=weights, buffers=buffers, in_place=True, views=(Unseen(),)
        )
        var.index, var.order = self.add(layer, [0], call), order
        record_gradients(self.builder, self.builder.nodes[var.index], {"weight": var}, self.last_counted)
        self._constant[id(var)] = var.index

    def finish_module(self, call: Call) -> None:
        """Put the axes of a leaf module's output in order. A module that only moves axes gets a node of its own."""
        if len(call.outs) != 1 or call.outs[0].index is None:
            return
        out = call.outs[0]
        order = self.elementwise_order(out)
        before = len(self.builder.nodes)
        out.index, out.order = self.arrange(out, order, call), order
        if len(self.builder.nodes) == before and id(call) not in self.with_nodes:
            out.index = self.add(Identity(), [out.index], call)

    def stated_count(self, macs: int) -> Number:
        """Return multiply-adds that no layer's rule counts."""
        return Product((self.record.counter, macs))

    # -- parameters ---------------------------------------------------------------------------------------------------

    def tensors_of(self, xs: Sequence[Var]) -> tuple[Tensor, ...]:
        """Return the tensors that values without a node are computed from, each once."""
        tensors = {id(tensor): tensor for x in xs if x.index is None for tensor in x.tensors}
        return tuple(tensors.values())

    def _count_parameters(
        self, parameters: Parameters, index: int
    ) -> tuple[dict[str, Number], dict[str, Number], set[int]]:
        """Count the tensors that are not counted yet at a node.

        Returns:
            These parameters and these buffers by name, and the nodes that count the other parameters.
        """
        weights: dict[str, Number] = {}
        buffers: dict[str, Number] = {}
        owners: set[int] = set()
        self.last_counted = {}
        for role, value in parameters.items():
            for tensor in value.tensors if isinstance(value, Var) else value or ():
                owner = self.count_at(tensor, index)
                if owner is not None:
                    if tensor.learned and owner != index:  # not one that the layer uses twice
                        owners.add(owner)
                    continue
                counts = weights if tensor.learned else buffers
                label = tensor.name.rpartition(".")[2]
                part = "bias" if is_bias(tensor) and not has_bias_role(role) else role
                name = part if tensor.learned and part not in counts else f"{part}_{label}"
                while name in counts:
                    name += "_"
                if tensor.learned:
                    self.last_counted[name] = tensor
                counts[name] = one_count(tensor.dims)
        return weights, buffers, owners

    def _with_own_parameters(
        self, layer: Layer, shapes: Sequence[Shape], index: int, parameters: Parameters
    ) -> tuple[Layer, int | None]:
        """Return the layer with its own parameters, and the node that it shares all of them with, or None."""
        weights, buffers, owners = self._count_parameters(parameters, index)
        alone = len(owners) == 1 and not isinstance(layer, Operator)
        return self.with_parameters(layer, shapes, weights, buffers, sorted(owners), min(owners) if alone else None)

    def sharing_note(self, owners: Sequence[int]) -> str:
        """Return the note about parameters that are counted elsewhere.

        The memory of their gradients, which are added there, has no rule.
        """
        self.memory.hidden = True
        calls = [self.calls[owner] for owner in owners[:3]]
        names = dict.fromkeys(f"`{show(call.path or 'the model')}`" for call in calls if call is not None)
        return f"parameters shared with {', '.join(names)}"

    def count_unused(self) -> str:
        """Count the parameters and buffers that no operation used, with a node per module.

        Returns:
            The text of a warning, or an empty text if all parameters are used.
        """
        left: dict[str, list[Tensor]] = {}
        for tensor in self.record.tensors:
            if id(tensor) not in self.counted:
                left.setdefault(tensor.name.rpartition(".")[0], []).append(tensor)
        paths: list[str] = []
        for path, tensors in left.items():
            index = len(self.builder.nodes)
            weights, buffers, _ = self._count_parameters({"weight": tensors}, index)
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
            index = self.add(layer, [0], Call(path))
            record_gradients(self.builder, self.builder.nodes[index], {"weight": tensors}, self.last_counted)
            if weights:
                paths.append(f"`{show(path or 'the model')}`")
        if not paths:
            return ""
        learned = sum(tensor.size for tensors in left.values() for tensor in tensors if tensor.learned)
        more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
        return f"{learned:,} parameters are not used by forward on this input: those of {', '.join(paths[:3])}{more}"

    # -- names --------------------------------------------------------------------------------------------------------

    def name_nodes(self) -> None:
        """Name each node after the path of its module; add the kind if the module makes several nodes."""
        many: dict[int, int] = {}
        for call in self.calls:
            if call is not None:
                many[id(call)] = many.get(id(call), 0) + 1
        taken = {node.name for node in self.builder.nodes if node.layer is None}
        for node, call in zip(self.builder.nodes, self.calls, strict=True):
            if call is None:
                continue
            path = clean_name(call.path)
            label = path if call.leaf and many[id(call)] == 1 and path else f"{path}.{node.kind}".strip(".")
            name, number = label[:100], 1
            while name in taken:
                number += 1
                name = f"{label[:95]}_{number}"
            taken.add(name)
            node.name = name


# operations that are written as an operator, a method or a function, which cannot be told apart
ANY_STYLE = frozenset(("add", "sub", "mul", "div", "matmul", "einsum"))


def style_of(event: Event) -> Written | None:
    """Return how the program writes the layer of an event, or None if that cannot be seen."""
    rows = event.out.dims[0] if event.out.dims else 1
    if event.call.leaf and event.call.kind:
        own = event.call.kind.startswith("torch.nn.modules.")
        return Written("module" if own else "subclass", rows, isinstance(event.args.get("padding"), str))
    if event.op == "scaled_dot_product_attention":
        return Written("sdpa", rows)
    if event.op in ANY_STYLE:
        return None
    if event.op in ("mm", "bmm"):
        return Written("bmm", rows)
    return Written("mean" if event.op in ("mean", "amax") else "function", rows)


def clean_name(text: str) -> str:
    """Return the text with everything but letters, digits, `_`, `-` and dots replaced."""
    return _ODD.sub("_", text[:200]).strip("._")
