"""Merge several operations of PyTorch into one layer: attention modules, local response norms, channel shuffles."""

from __future__ import annotations

from cnncalc.layers import norm
from cnncalc.readers.aten.attention import multihead
from cnncalc.readers.aten.events import Call, Event, Trace, Var
from cnncalc.readers.aten.graph import Graph
from cnncalc.readers.aten.layers import Handler, shuffle

# the functions that run in modules which are one layer as a whole
MULTIHEAD = "torch.nn.modules.activation.MultiheadAttention.forward"
LOCAL_RESPONSE = "torch.nn.modules.normalization.LocalResponseNorm.forward"
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
    if call.forward == LOCAL_RESPONSE:
        return local_response
    if call.forward == MULTIHEAD and _plain(call):
        return multihead
    return None


def _plain(call: Call) -> bool:
    """Return whether this is attention of one sequence with itself, with all input weights in one tensor."""
    alone = len({id(value) for value in call.inputs}) == 1
    x = call.inputs[0].dims if call.inputs else ()
    single = len(x) == 2 or (len(x) == 3 and x[0 if call.settings.get("batch_first") else 1] == 1)
    return alone and single and bool(call.settings.get("plain"))


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
    graph.emit(event, norm.LRN(size=event.call.settings["size"]), [graph.arrange(x, order, event.call)], order)


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
