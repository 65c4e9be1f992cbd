"""Several operations of PyTorch that are one layer here: attention modules, local response norms, shuffled channels."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cnncalc.layers import norm
from cnncalc.readers.torch.events import Call, Event, Trace, Var
from cnncalc.readers.torch.graph import Book
from cnncalc.readers.torch.layers import Handler, shuffled
from cnncalc.readers.torch.products import multihead

VIEWS = ("view", "reshape", "unflatten", "flatten")


def replaced(record: Trace) -> list[tuple[Event, Handler | None]]:
    """All operations, those of a pattern replaced by one with a handler of its own."""
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
        whole = Event(handler.__name__, {}, call.given[:1], call.outs[:1], call)
        whole.macs = sum(event.macs for event in events)
        whole.at, whole.stopped = events[-1].at, any(event.stopped for event in events)
        skipped.update(id(event) for event in events)
        instead[id(events[-1])] = (whole, handler)
        call.leaf = True
    for event in record.events:
        found = _shuffle(event)
        if found and id(event) not in skipped:
            whole = Event(
                "channel_shuffle",
                {"self": event.inputs[0], "groups": event.out.dims[1]},
                event.inputs,
                found[-1].outs,
                event.call,
            )
            whole.at, whole.stopped = found[-1].at, found[-1].stopped
            skipped.update(id(one) for one in (event, *found))
            instead[id(found[-1])] = (whole, shuffled)
    result: list[tuple[Event, Handler | None]] = []
    for event in record.events:
        if id(event) in instead:
            result.append(instead[id(event)])
        elif id(event) not in skipped:
            result.append((event, None))
    return result


def _handler(call: Call) -> Handler | None:
    nn: Any = import_module("torch").nn
    module = call.module
    forward = getattr(type(module), "forward", None)
    if forward is nn.LocalResponseNorm.forward:
        return local_response
    if forward is nn.MultiheadAttention.forward and _plain(call):
        return multihead
    return None


def _plain(call: Call) -> bool:
    """Is it the attention of one sequence with itself, with all weights in one tensor?"""
    module, given = call.module, call.given
    alone = len(given) == 3 and given[0] is given[1] is given[2]
    x = given[0].dims if given else ()
    single = len(x) == 2 or (len(x) == 3 and x[0 if module.batch_first else 1] == 1)
    return bool(
        alone and single and module.in_proj_weight is not None and module.bias_k is None and not module.add_zero_attn
        and (module.in_proj_bias is None) == (module.out_proj.bias is None)
    )  # fmt: skip


def _closed(record: Trace, call: Call, events: list[Event]) -> bool:
    """Is nothing of what happens inside read outside, but the first output?"""
    own = {id(event) for event in events}
    main = call.outs[0]
    outside = {id(var) for var in record.outputs}
    return all(
        out is main or (id(out) not in outside and all(id(user) in own for user in out.users))
        for event in events
        for out in event.outs
    )


def local_response(book: Book, event: Event) -> None:
    """A whole torch.nn.LocalResponseNorm."""
    x = event.inputs[0]
    order = book.channels_last(x)
    book.emit(event, norm.LRN(size=event.call.module.size), [book.aligned(x, order, event.call)], order)


def _only(var: Var) -> Event | None:
    return var.users[0] if len(var.users) == 1 else None


def _shuffle(event: Event) -> list[Event]:
    """The operations behind a view that interleave the channels of its groups: transpose, perhaps a copy, and a view back."""
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
    found = []
    step = _only(event.out)
    if step is None or step.op != "transpose" or sorted(step.args[k] % len(dims) for k in ("dim0", "dim1")) != [1, 2]:
        return []
    found.append(step)
    step = _only(step.out)
    if step is not None and step.op in ("contiguous", "clone"):
        found.append(step)
        step = _only(step.out)
    if step is None or step.op not in VIEWS or step.out.dims != x.dims:
        return []
    return [*found, step]
