"""torch.nn.Module -> Network: one forward pass on the meta device, every operation of it read as a layer.

Every shape and every count is worked out by the layers' own rules and held against PyTorch's; differences are warnings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from cnncalc.layers.operator import Operator, Unknown
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.options import Missing, ReaderOptions
from cnncalc.readers.torch.events import Dims, Event, Trace, Var
from cnncalc.readers.torch.fit import Fit, Model, firsts, fit
from cnncalc.readers.torch.graph import SHOWN, Book
from cnncalc.readers.torch.inputs import batch_of, bound, exemplary, shaped
from cnncalc.readers.torch.layers import HANDLERS as LAYERS
from cnncalc.readers.torch.layers import Handler
from cnncalc.readers.torch.load import argument, load, offline, on_meta, quiet, with_numbers
from cnncalc.readers.torch.patterns import replaced
from cnncalc.readers.torch.products import HANDLERS as PRODUCTS
from cnncalc.readers.torch.trace import SHAPE_ONLY
from cnncalc.readers.torch.views import HANDLERS as VIEWS
from cnncalc.readers.torch.windows import HANDLERS as WINDOWS
from cnncalc.text import show

HANDLERS = {**VIEWS, **PRODUCTS, **LAYERS, **WINDOWS}
SHAPE_LENT = frozenset(("expand_as", "view_as", "reshape_as", "type_as"))  # the second input gives its shape only
LAST = frozenset(("permute", "transpose", "movedim", "linear", "layer_norm"))  # of an input: not channels first


def from_torch(
    module: Any, input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None, *, example_inputs: Any = None
) -> Network:
    """The network in a torch.nn.Module: every layer with its shape, parameters and multiply-adds.

    `input_shape` is that of one example as PyTorch has it, without the batch: (3, 224, 224); for several inputs, a mapping
    from the names of forward's arguments to shapes. `example_inputs` stands in its place where the arguments are no such
    tensors: one tensor, a sequence of arguments, or a mapping of named ones, which may be tensors, plain values, or lists,
    tuples and dictionaries of them. They have a batch of 1. The module stays as it is; no parameter is read or copied.

    Raises:
        Refused: what cannot be followed, in `problems`.
        Missing: where PyTorch is not installed.
    """
    _needed()
    if (input_shape is None) == (example_inputs is None):
        raise TypeError("from_torch takes either input_shape or example_inputs")
    name = type(module).__name__
    with quiet():
        copy = on_meta(module)
        given: Mapping[str, Any] = exemplary(copy, example_inputs) if input_shape is None else shaped(input_shape)
        arguments = bound(copy, given)
        found = fit(Model(copy, lambda: with_numbers(module), name, frozenset(HANDLERS)), arguments)
    batch = batch_of(arguments.feeds)
    if batch > 1:
        text = f"the first axis of all example inputs is {batch:,}: figures are for all {batch:,} together"
        help = "give examples with a batch of 1 for the figures of one"
        found.warnings.append(Problem("ambiguous-input", text, help, level="warning"))
    return _network(found, name, name)


def read(spec: str, asked: ReaderOptions) -> Network:
    """The network of `torch:package.module:callable`, which is imported and called; sizes are written channels last.

    Raises:
        Refused: what is wrong with it.
        Missing: where PyTorch is not installed.
    """
    _needed()
    if asked.dims:
        text = f"a model of PyTorch has no parameter `{show(next(iter(asked.dims)))}`"
        raise Refused([Problem("bad-argument", text, "write `--arg name=value` for an argument of what makes it")])
    if not asked.inputs:
        text = "the shape of the input is not known: PyTorch's modules do not say it"
        raise Refused([Problem("unknown-size", text, "give that of one example, channels last: `--input 224x224x3`")])
    with quiet(), offline():
        module, again = load(spec, {name: argument(text) for name, text in asked.arguments})
        found = fit(Model(module, again, spec, frozenset(HANDLERS)), bound(module, asked.inputs))
    name = spec.rpartition(":")[2].rpartition(".")[2]
    return _network(found, name, spec)


def _needed() -> None:
    try:
        import_module("torch")
    except ImportError:
        raise Missing("PyTorch", "torch") from None


def _network(found: Fit, name: str, source: str) -> Network:
    """The network of a forward pass, which can be read once more as it runs in training."""
    network = _built(found, name, source)

    @cache
    def in_training() -> Network | None:
        other = found.in_training()
        try:
            return None if other is None else network if other is found else _built(other, name, source)
        except Refused:
            return None

    return Network(**{**vars(network), "in_training": in_training})


def _built(found: Fit, name: str, source: str) -> Network:
    """The network of a forward pass."""
    book = Book(found.record)
    record, orders = found.record, found.orders
    firsts(record)
    for place, var in record.inputs.items():
        image = len(var.dims) > 3 and not any(user.op in LAST for user in var.users)
        order = orders.get(place) or book.natural(var.dims, var.first or image)
        book.input(place, var, order)
    events = replaced(record)
    ends_of = {id(event.call): event for event, _ in events if event.call.leaf}
    for event, handler in events:
        if id(event) in book.skipped:
            continue
        try:
            _read(book, event, handler)
        except Problem as problem:
            problem.text = f"`{show(event.call.path or event.op)}`: {problem.text}"
            raise Refused([problem], book.builder.partial(name=name, source=source, spec=source)) from None
        if ends_of.get(id(event.call)) is event:
            book.shown(event.call)
        book.memory.done(event, book.builder.nodes, id(event) in book.absorbed)
    book.memory.finish(record, book.builder.nodes)
    ends = _ends(record)
    if not ends:
        text = "no output depends on an input" if record.outputs else "forward gives back no tensor"
        raise Refused([Problem("bad-model", text, "a model computes something from what is fed in")])
    warnings = [*found.warnings, *_warnings(book, book.rest())]
    book.name()
    once = next((problem.text for problem in warnings if problem.code == "one-run"), "")
    facts: dict[str, Any] = {"name": name, "source": source, "spec": source, "description": once}
    return book.builder.finish(ends, warnings=tuple(warnings), **facts)


def _read(book: Book, event: Event, handler: Handler | None) -> None:
    """One operation; those on constants only are done when they multiply, else what they make is made of constants too."""
    if event.op in SHAPE_LENT:
        event.inputs = event.inputs[:1]
    empty = not any(out.size for out in event.outs)
    if empty or event.op in SHAPE_ONLY or not any(var.index is not None for var in event.inputs):
        if empty or not event.macs or not event.inputs:
            _constant(event)
            book.memory.constant(event)
            return
        book.materialize(event.inputs[0], event.call)
    book.stopped = event.stopped
    found = handler or HANDLERS.get(event.op)
    if found is not None:
        found(book, event)
        book.check(event)
    else:
        for k, out in enumerate(event.outs):
            if k == 0 or out.users or out in book.record.outputs:
                kind = Operator if event.macs else Unknown
                book.operator(event, _axes_of_input(event, out), k=k, kind=kind, views=None)
    book.stop(event)


def _axes_of_input(event: Event, out: Var) -> Dims | None:
    """Return the axis order of the input that has as many axes as the result; None if there is none.

    An operation without a rule, such as a Fourier transform, is taken to leave every axis in its place.
    """
    for x in event.inputs:
        if x.index is not None and len(x.dims) == len(out.dims):
            hidden = [axis for axis in range(len(x.dims)) if axis not in x.order]
            if all(x.dims[axis] == out.dims[axis] for axis in hidden):
                return x.order
    return None


def _ends(record: Trace) -> list[int]:
    """The nodes of the outputs; of one that came out empty, such as no detections, the nodes that it was picked from."""
    found: dict[int, None] = {}
    seen: set[int] = set()
    stack = list(reversed(record.outputs))
    while stack:
        var = stack.pop()
        if var.index is not None:
            found[var.index] = None
        elif not var.size and var.event is not None and id(var) not in seen:
            seen.add(id(var))
            stack.extend(reversed(var.event.inputs))
    return list(found)


def _constant(event: Event) -> None:
    """An operation on constants and parameters only: what it makes is made of the same tensors."""
    held = {}
    if event.op not in SHAPE_ONLY:
        held = {id(tensor): tensor for var in event.inputs for tensor in var.held}
    sources = [var for var in event.inputs if var.held]
    for out in event.outs:
        out.held = tuple(held.values())
        out.stopped = event.stopped or (bool(sources) and all(var.stopped for var in sources))


def _warnings(book: Book, unused: str) -> list[Problem]:
    found = book.differing[:SHOWN]
    if len(book.differing) > SHOWN:
        text = f"{len(book.differing) - SHOWN:,} more figures differ from PyTorch's"
        found.append(Problem("shapes-disagree", text, level="warning"))
    if unused:
        found.append(Problem("unused-parameters", unused, level="warning"))
    return found
