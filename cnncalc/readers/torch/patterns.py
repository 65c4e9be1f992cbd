"""Merge several operations of PyTorch into one layer: attention modules, local response norms, channel shuffles."""

from __future__ import annotations

from typing import Any

from cnncalc.layers import norm
from cnncalc.readers.optional import import_optional
from cnncalc.readers.torch.attention import multihead
from cnncalc.readers.torch.events import Call, Event, Trace, Var
from cnncalc.readers.torch.graph import Graph
from cnncalc.readers.torch.layers import Handler, shuffle

VIEWS = ("view", "reshape", "unflatten", "flatten")


def merge_patterns(record: Trace) -> list[tuple[Event, Handler | None]]:
    """Return all operations. Those of a pattern are replaced by a single one, which comes with its handler."""
    skipped: set[int] = set()
    instead: dict[int, tuple[Event, Handler]] = {}
    inside: dict[int, list[Event]] = {}
    for event in record.events:
        inside.setdefault(id(event.call), []).append(event)
    for call in record.calls:
        handler = _handler(call)
        events = inside.get(id(call), [])
        if handler is None or not events or not call.outs or not _closed(record, call, events):
            continue
        whole = Event(handler.__name__, {}, call.inputs[:1], call.outs[:1], call)
        whole.macs = sum(event.macs for event in events)
        whole.position, whole.detached = events[-1].position, any(event.detached for event in events)
        skipped.update(id(event) for event in events)
        instead[id(events[-1])] = (whole, handler)
        call.leaf = True
    for event in record.events:
        rest = _shuffle(event)
        if rest and id(event) not in skipped:
            whole = Event(
                "channel_shuffle",
                {"self": event.inputs[0], "groups": event.out.dims[1]},
                event.inputs,
                rest[-1].outs,
                event.call,
            )
            whole.position, whole.detached = rest[-1].position, rest[-1].detached
            skipped.update(id(each) for each in (event, *rest))
            instead[id(rest[-1])] = (whole, shuffle)
    result: list[tuple[Event, Handler | None]] = []
    for event in record.events:
        if id(event) in instead:
            result.append(instead[id(event)])
        elif id(event) not in skipped:
            result.append((event, None))
    return result


def _handler(call: Call) -> Handler | None:
    """Return the handler for a call of a module that is one layer as a whole."""
    nn: Any = import_optional("torch", "torch").nn
    module = call.module
    forward = getattr(type(module), "forward", None)
    if forward is nn.LocalResponseNorm.forward:
        return local_response
    if forward is nn.MultiheadAttention.forward and _plain(call):
        return multihead
    return None


def _plain(call: Call) -> bool:
    """Return whether this is attention of one sequence with itself, with all input weights in one tensor."""
    module, inputs = call.module, call.inputs
    alone = len(inputs) == 3 and inputs[0] is inputs[1] is inputs[2]
    x = inputs[0].dims if inputs else ()
    single = len(x) == 2 or (len(x) == 3 and x[0 if module.batch_first else 1] == 1)
    return bool(
        alone and single and module.in_proj_weight is not None and module.bias_k is None and not module.add_zero_attn
        and (module.in_proj_bias is None) == (module.out_proj.bias is None)
    )  # fmt: skip


def _closed(record: Trace, call: Call, events: list[Event]) -> bool:
    """Return whether only the first output is read outside the call."""
    inside = {id(event) for event in events}
    main = call.outs[0]
    outside = {id(var) for var in record.outputs}
    return all(
        out is main or (id(out) not in outside and all(id(user) in inside for user in out.users))
        for event in events
        for out in event.outs
    )


def local_response(graph: Graph, event: Event) -> None:
    """Read a torch.nn.LocalResponseNorm as a whole."""
    x = event.inputs[0]
    order = graph.channels_last_order(x)
    graph.emit(event, norm.LRN(size=event.call.module.size), [graph.arrange(x, order, event.call)], order)


def _only(var: Var) -> Event | None:
    return var.users[0] if len(var.users) == 1 else None


def _shuffle(event: Event) -> list[Event]:
    """Return the operations after a view that interleave the channels of its groups.

    These are a transpose, sometimes a copy, and a view back. The list is empty if the pattern does not match.
    """
    x = event.inputs[0] if event.inputs else None
    if event.op not in VIEWS or x is None or len(x.dims) < 3:
        return []
    dims = event.out.dims
    if (
        len(dims) != len(x.dims) + 1
        or dims[1] * dims[2] != x.dims[1]
        or (dims[0], *dims[3:]) != (x.dims[0], *x.dims[2:])
    ):
        return []
    rest = []
    step = _only(event.out)
    if step is None or step.op != "transpose" or sorted(step.args[k] % len(dims) for k in ("dim0", "dim1")) != [1, 2]:
        return []
    rest.append(step)
    step = _only(step.out)
    if step is not None and step.op in ("contiguous", "clone"):
        rest.append(step)
        step = _only(step.out)
    if step is None or step.op not in VIEWS or step.out.dims != x.dims:
        return []
    return [*rest, step]
