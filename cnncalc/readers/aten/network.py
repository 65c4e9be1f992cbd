"""Turn a record of ATen operations into a network: pass every operation to the handler of its family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncalc.layers.operator import Operator, Unknown
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.aten.attention import HANDLERS as ATTENTION
from cnncalc.readers.aten.channels import mark_channels_first
from cnncalc.readers.aten.events import SHAPE_ONLY, Dims, Event, Trace, Var
from cnncalc.readers.aten.graph import MAX_DIFFERENCES, Graph
from cnncalc.readers.aten.layers import HANDLERS as LAYERS
from cnncalc.readers.aten.layers import Handler
from cnncalc.readers.aten.patterns import merge_patterns
from cnncalc.readers.aten.products import HANDLERS as PRODUCTS
from cnncalc.readers.aten.recurrent import HANDLERS as RECURRENT
from cnncalc.readers.aten.views import HANDLERS as VIEWS
from cnncalc.readers.aten.windows import HANDLERS as WINDOWS
from cnncalc.readers.axes import natural_order
from cnncalc.text import show

HANDLERS = {**VIEWS, **PRODUCTS, **ATTENTION, **LAYERS, **RECURRENT, **WINDOWS}
SECOND_FOR_SHAPE = frozenset(
    ("expand_as", "view_as", "reshape_as", "type_as")
)  # they read the second input's shape only
CHANNELS_LAST = frozenset(("permute", "transpose", "movedim", "linear", "layer_norm"))  # they read inputs channels last


def build_network(
    record: Trace, orders: Mapping[str, Dims], name: str, source: str, warnings: Sequence[Problem] = ()
) -> Network:
    """Turn the record of a forward pass into a network.

    `orders` has the order of the axes of inputs whose order is known, and `warnings` those about the record.

    Raises:
        Refused: An operation makes an invalid layer, or no output depends on an input.
    """
    graph = Graph(record)
    mark_channels_first(record)
    for place, var in record.inputs.items():
        graph.input(place, var, orders.get(place) or input_order(var))
    events = merge_patterns(record)
    last_events = {id(event.call): event for event, _ in events if event.call.leaf}
    for event, handler in events:
        if id(event) in graph.skipped:
            continue
        try:
            _read_event(graph, event, handler)
        except Problem as problem:
            problem.text = f"`{show(event.call.path or event.op)}`: {problem.text}"
            raise Refused([problem], graph.builder.partial(name=name, source=source, spec=source)) from None
        if last_events.get(id(event.call)) is event:
            graph.finish_module(event.call)
        graph.memory.finish_event(event, graph.builder.nodes, id(event) in graph.absorbed)
    graph.memory.finish(record, graph.builder.nodes)
    ends = _output_nodes(record)
    if not ends:
        text = "no output depends on an input" if record.outputs else "forward does not return a tensor"
        raise Refused([Problem("bad-model", text, "return a tensor that is computed from the inputs")])
    warnings = [*warnings, *_warnings(graph, graph.count_unused())]
    graph.name_nodes()
    one_run = next((problem.text for problem in warnings if problem.code == "one-run"), "")
    facts: dict[str, Any] = {"name": name, "source": source, "spec": source, "description": one_run}
    return graph.builder.finish(ends, warnings=tuple(warnings), **facts)


def input_order(var: Var) -> Dims:
    """Return the order in which an input is shown: channels last, without a batch of 1."""
    image = len(var.dims) > 3 and not any(user.op in CHANNELS_LAST for user in var.users)
    return natural_order(var.dims, var.channels_first or image)


def _read_event(graph: Graph, event: Event, handler: Handler | None) -> None:
    """Add the layers of one operation.

    An operation on constants only makes another constant. It becomes a layer only if it multiplies.
    """
    if event.op in SECOND_FOR_SHAPE:
        event.inputs = event.inputs[:1]
    empty = not any(out.size for out in event.outs)
    if empty or event.op in SHAPE_ONLY or not any(var.index is not None for var in event.inputs):
        if empty or not event.macs or not event.inputs:
            _make_constant(event)
            graph.memory.record_constant(event)
            return
        graph.materialize(event.inputs[0], event.call)
    graph.detached = event.detached
    handler = handler or HANDLERS.get(event.op)
    if handler is not None:
        handler(graph, event)
        graph.check_shapes(event)
    else:
        for k, out in enumerate(event.outs):
            if k == 0 or out.users or out in graph.record.outputs:
                kind = Operator if event.macs else Unknown
                graph.operator(event, _input_order(event, out), k=k, kind=kind, views=None)
    graph.add_detach(event)


def _input_order(event: Event, out: Var) -> Dims | None:
    """Return the axis order of the input that has as many axes as the result, or None if there is none.

    An operation without a rule, such as a Fourier transform, is assumed to leave every axis in its place.
    """
    for x in event.inputs:
        if x.index is not None and len(x.dims) == len(out.dims):
            hidden = [axis for axis in range(len(x.dims)) if axis not in x.order]
            if all(x.dims[axis] == out.dims[axis] for axis in hidden):
                return x.order
    return None


def _output_nodes(record: Trace) -> list[int]:
    """Return the nodes of the outputs; for an empty output, such as no detections, those that it was selected from."""
    nodes: dict[int, None] = {}
    seen: set[int] = set()
    stack = list(reversed(record.outputs))
    while stack:
        var = stack.pop()
        if var.index is not None:
            nodes[var.index] = None
        elif not var.size and var.event is not None and id(var) not in seen:
            seen.add(id(var))
            stack.extend(reversed(var.event.inputs))
    return list(nodes)


def _make_constant(event: Event) -> None:
    """Note that an operation on constants and parameters makes values computed from the same tensors."""
    tensors = {}
    if event.op not in SHAPE_ONLY:
        tensors = {id(tensor): tensor for var in event.inputs for tensor in var.tensors}
    sources = [var for var in event.inputs if var.tensors]
    for out in event.outs:
        out.tensors = tuple(tensors.values())
        out.detached = event.detached or (bool(sources) and all(var.detached for var in sources))


def _warnings(graph: Graph, unused: str) -> list[Problem]:
    """Return the warnings about differences from the record, and about unused parameters if there is such a text."""
    problems = graph.differences[:MAX_DIFFERENCES]
    if len(graph.differences) > MAX_DIFFERENCES:
        text = f"{len(graph.differences) - MAX_DIFFERENCES:,} more figures differ from {graph.record.origin}"
        problems.append(Problem("shapes-disagree", text, level="warning"))
    if unused:
        problems.append(Problem("unused-parameters", unused, level="warning"))
    return problems
