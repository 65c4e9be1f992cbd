"""torch.nn.Module -> Network: one forward pass on the meta device, every operation of it read as a layer.

Every shape and every count is worked out by the layers' own rules and held against PyTorch's; differences are warnings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from math import prod
from typing import Any

from cnncalc.formats import Asked, Missing
from cnncalc.formats.torch_graph import SHOWN, Book
from cnncalc.formats.torch_layers import HANDLERS as LAYERS
from cnncalc.formats.torch_patterns import replaced
from cnncalc.formats.torch_products import HANDLERS as PRODUCTS
from cnncalc.formats.torch_trace import SHAPE_ONLY, Dims, Event, Trace, trace
from cnncalc.formats.torch_views import HANDLERS as VIEWS
from cnncalc.layers.unknown import Unknown
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.shape import Shape
from cnncalc.text import show

HANDLERS = {**VIEWS, **PRODUCTS, **LAYERS}
# operations that read their input channels first, and those that pass this on to their inputs
FIRST = frozenset(name for name in LAYERS if name.startswith(("conv", "max_pool", "avg_pool", "adaptive", "batch_norm",
                  "instance_norm", "group_norm", "upsample", "_upsample", "pixel", "channel_shuffle")))  # fmt: skip
PASSED = frozenset((
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardswish", "hardsigmoid",
    "hardtanh", "softplus", "prelu", "dropout", "feature_dropout", "add", "sub", "mul", "div", "cat", "pad", "slice",
    "chunk", "split", "split_with_sizes", "contiguous", "clone", "to", "detach", "", "roll", "clamp", "maximum", "minimum",
))  # fmt: skip


def network(module: Any, inputs: Mapping[str, Dims], orders: Mapping[str, Dims] | None, name: str, source: str) -> Network:
    """The network in a module on the meta device, for inputs of these sizes, batch included.

    Raises:
        Refused: what the module does that cannot be followed.
        Exception: whatever the module raises.
    """
    record = trace(module, inputs, frozenset(HANDLERS))
    return built(record, orders, name, source)


def built(record: Trace, orders: Mapping[str, Dims] | None, name: str, source: str) -> Network:
    """The network of a forward pass."""
    book = Book(record)
    _firsts(record)
    for place, var in record.inputs.items():
        order = (orders or {}).get(place) or book.natural(var.dims, var.first or (len(var.dims) > 3 and not orders))
        book.input(place, var, order)
    events = replaced(record, book)
    for event, handler in events:
        if id(event) in book.skipped:
            continue
        if not any(var.index is not None for var in event.inputs) or event.op in SHAPE_ONLY:
            if not _works(event):
                _constant(event)
                continue
            for var in event.inputs[:1]:
                book.materialize(var, event.call)
        found = handler or HANDLERS.get(event.op)
        if found is not None:
            found(book, event)
        else:
            for k, out in enumerate(event.outs):
                book.operator(event, None, k=k, kind=Unknown if not event.macs else Unknown, views=None)
                del out
    ends = list(dict.fromkeys(var.index for var in record.outputs if var.index is not None))
    if not ends:
        text = "no output depends on an input" if record.outputs else "forward gives back no tensor"
        raise Refused([Problem("bad-model", text, "a model computes something from what is fed in")])
    warnings = _warnings(book, book.rest())
    book.name()
    return book.builder.finish(ends, name=name, source=source, spec=source, warnings=tuple(warnings))


def _works(event: Event) -> bool:
    """Is an operation on constants work that is to be shown: does it multiply, or is it a module with parameters?"""
    if event.op in SHAPE_ONLY or not event.inputs:
        return False
    return bool(event.macs)


def _constant(event: Event) -> None:
    """An operation on constants and parameters only: what it makes is made of the same tensors."""
    held = {}
    if event.op not in SHAPE_ONLY:
        held = {id(tensor): tensor for var in event.inputs for tensor in var.held}
    for out in event.outs:
        out.held = tuple(held.values())


def _firsts(record: Trace) -> None:
    for event in reversed(record.events):
        if event.op in FIRST:
            for var in event.inputs[:1]:
                var.first = True
        elif event.op in PASSED and any(out.first and len(out.dims) > 2 for out in event.outs):
            for var in event.inputs:
                var.first = var.first or len(var.dims) == len(event.out.dims)


def _warnings(book: Book, unused: str) -> list[Problem]:
    found = [Problem("shapes-disagree", text, level="warning") for text in book.differing[:SHOWN]]
    if len(book.differing) > SHOWN:
        text = f"{len(book.differing) - SHOWN:,} more figures differ from PyTorch's"
        found.append(Problem("shapes-disagree", text, level="warning"))
    if unused:
        found.append(Problem("unused-parameters", unused, level="warning"))
    return found
