"""torch.nn.Module -> Network: one forward pass on the meta device, every operation of it read as a layer.

Every shape and every count is worked out by the layers' own rules and held against PyTorch's; differences are warnings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from inspect import signature
from typing import Any

from cnncalc.formats import Asked, Missing
from cnncalc.formats.torch_events import Dims, Event, Trace, Var
from cnncalc.formats.torch_graph import SHOWN, Book
from cnncalc.formats.torch_layers import CELLS, Handler
from cnncalc.formats.torch_layers import HANDLERS as LAYERS
from cnncalc.formats.torch_patterns import replaced
from cnncalc.formats.torch_products import HANDLERS as PRODUCTS
from cnncalc.formats.torch_trace import SHAPE_ONLY, trace
from cnncalc.formats.torch_views import HANDLERS as VIEWS
from cnncalc.formats.torch_windows import HANDLERS as WINDOWS
from cnncalc.layers.unknown import Operator, Unknown
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.shape import Shape
from cnncalc.spec.inputs import shape_from
from cnncalc.text import did_you_mean, quoted, show

HANDLERS = {**VIEWS, **PRODUCTS, **LAYERS, **WINDOWS}
# operations that read their input channels first, and those that pass this on to their inputs
FIRST = frozenset((
    *(name for name in WINDOWS if name != "pad"), *(name for name in LAYERS if "upsample" in name), "batch_norm",
    "instance_norm", "group_norm", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "grid_sampler", "feature_dropout",
    "feature_alpha_dropout",
))  # fmt: skip
PASSED = frozenset((
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardswish", "hardsigmoid",
    "hardtanh", "softplus", "prelu", "dropout", "alpha_dropout", "add", "sub", "mul", "div", "cat", "pad", "slice",
    "chunk", "split", "split_with_sizes", "contiguous", "clone", "to", "detach", "", "roll", "clamp", "maximum", "minimum",
))  # fmt: skip


LAST = frozenset(("permute", "transpose", "movedim", "linear", "layer_norm"))  # of an input: not channels first


def from_torch(module: Any, input_shape: Sequence[int] | Mapping[str, Sequence[int]]) -> Network:
    """The network in a torch.nn.Module: every layer with its shape, parameters and multiply-adds.

    `input_shape` is that of one example as PyTorch has it, without the batch: (3, 224, 224); for several inputs, a mapping
    from the names of forward's arguments to shapes. The module stays as it is; no weight is read or copied.

    Raises:
        Refused: what cannot be followed, in `problems`.
        Missing: where PyTorch is not installed.
    """
    _needed()
    from cnncalc.formats.torch_load import on_meta, quiet

    given = input_shape if isinstance(input_shape, Mapping) else {"": input_shape}
    sizes = {name: (1, *shape) for name, shape in given.items()}
    name = type(module).__name__
    with quiet():
        copy = on_meta(module)
        _check_names(copy, sizes)
        try:
            record = trace(copy, sizes, frozenset(HANDLERS))
            record, orders = _late(copy, record) or (record, {})
        except Exception as error:
            raise _failed(error, name, sizes) from None
    return built(record, orders, name, name)


def read(spec: str, asked: Asked) -> Network:
    """The network of `torch:package.module:callable`, which is imported and called; sizes are written channels last.

    Raises:
        Refused: what is wrong with it.
        Missing: where PyTorch is not installed.
    """
    _needed()
    from cnncalc.formats.torch_load import argument, load, offline, quiet

    if asked.dims:
        text = f"a model of PyTorch has no parameter `{show(next(iter(asked.dims)))}`"
        raise Refused([Problem("bad-argument", text, "write `--arg name=value` for an argument of what makes it")])
    if not asked.inputs:
        text = "the shape of the input is not known: PyTorch's modules do not say it"
        raise Refused([Problem("unknown-size", text, "give that of one example, channels last: `--input 224x224x3`")])
    shapes = {name: shape_from(text) for name, text in asked.inputs.items()}
    with quiet(), offline():
        module = load(spec, {name: argument(text) for name, text in asked.arguments})
        _check_names(module, shapes)
        record, orders = _fitting(module, shapes, spec)
    return built(record, orders, spec.rpartition(":")[2].rpartition(".")[2], spec)


def _needed() -> None:
    try:
        import_module("torch")
    except ImportError:
        raise Missing("PyTorch", "torch") from None


def _check_names(module: Any, given: Mapping[str, Any]) -> None:
    """Do the inputs fit the arguments of forward?"""
    try:
        found = signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return
    plain = [one for one in found if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    names = [one.name for one in plain]
    for name in given:
        if name and name not in names and not any(one.kind is one.VAR_KEYWORD for one in found):
            text = f"forward has no input `{show(name)}`"
            raise Refused(
                [Problem("unknown-input", text, did_you_mean(name, names) or f"its inputs are {quoted(names, 'and')}")]
            )
    needed = [one.name for one in plain if one.default is one.empty and one.name not in given]
    needed = needed[1:] if "" in given else needed
    if needed:
        text = f"forward needs {quoted(needed, 'and')} too"
        raise Refused(
            [Problem("unknown-input", text, f"give its shape as well: `--input {show(needed[0])}=224x224x3`")]
        )


def _fitting(module: Any, shapes: Mapping[str, Shape], spec: str) -> tuple[Trace, dict[str, Dims]]:
    """A forward pass on inputs in the layout that the module reads: channels first where it takes that.

    Of two axes, steps x features, the features come last in PyTorch unless a convolution or the like reads them first;
    recurrent layers may have the batch behind the steps.
    """
    last = {name: (1, *shape) for name, shape in shapes.items()}
    first = {name: (1, shape[-1], *shape[:-1]) for name, shape in shapes.items()}
    large = any(len(shape) > 2 for shape in shapes.values())
    found: dict[bool, Trace] = {}
    errors: dict[bool, Exception] = {}
    for channels_first, dtype in ((large, ""), (not large, ""), (large, "int64")):
        try:
            record = trace(module, first if channels_first else last, frozenset(HANDLERS), dtype)
        except Refused:
            raise
        except Exception as error:
            errors.setdefault(channels_first, error)
            continue
        found[channels_first] = record
        if channels_first or not any(var.first for var in _marked(record)):
            break
    if not found:
        raise _failed(errors[large], spec, first if large else last)
    if True not in found and errors and any(var.first for var in found[False].inputs.values()):
        wrong = next(shape for shape in shapes.values())
        text = f"forward reads the {wrong[0]} of {wrong} as channels: {show(str(errors[True]), 100)}"
        help = f"write steps x channels: `--input {'x'.join(map(str, wrong[::-1]))}`"
        raise Refused([Problem("ambiguous-input", text, help)])
    record = found.get(True) or found[False]
    orders = {}
    for name, var in record.inputs.items():
        rank = len(var.dims)
        orders[name] = (*range(2, rank), 1) if True in found and rank > 2 else tuple(range(1, rank))
    return _late(module, record) or (record, orders)


def _late(module: Any, record: Trace) -> tuple[Trace, dict[str, Dims]] | None:
    """Once more with the batch behind the steps, where the only input goes into a recurrent layer that wants that."""
    if len(record.inputs) != 1 or not _batch_behind(*record.inputs.values()):
        return None
    ((name, var),) = record.inputs.items()
    sizes = {"" if name == "input" else name: (var.dims[1], 1, *var.dims[2:])}
    return trace(module, sizes, frozenset(HANDLERS)), {name: (0, 2)}


def _batch_behind(var: Var) -> bool:
    """Is it steps x features for a recurrent layer that wants steps x batch x features?"""
    return (
        len(var.dims) == 3
        and var.dims[1] > 1
        and any(user.op in CELLS and not user.args.get("batch_first", True) for user in var.users)
    )


def _marked(record: Trace) -> Iterable[Var]:
    """The inputs, marked where they are read channels first."""
    firsts(record)
    return record.inputs.values()


def _failed(error: Exception, spec: str, sizes: Mapping[str, Dims]) -> Refused:
    if isinstance(error, Refused):
        return error
    from cnncalc.formats.torch_load import Offline, cause, line

    if cause(error, Offline) is not None:
        text = f"forward of {show(spec)} wants to download something, and cnncalc downloads nothing"
        return Refused([Problem("bad-model", text, "leave that out")])
    said = ", ".join("x".join(map(str, dims)) for dims in sizes.values())
    lines = str(error).strip().split("\n")
    what = line(error)
    if re.search(r"\bmeta (tensor|device)|data_ptr", str(error)):
        text = f"forward of {show(spec)} asks for the numbers of a tensor, and there are none: {what}"
        return Refused([Problem("unsupported", text, "take what depends on numbers out of forward")])
    if isinstance(error, NotImplementedError):
        text = f"forward of {show(spec)} does something that cannot be followed without numbers: {show(lines[0], 200)}"
        return Refused([Problem("unsupported", text, "leave it out, or export the model to ONNX and read that")])
    text = f"forward of {show(spec)} fails on a tensor of {said}: {what}"
    return Refused([Problem("bad-model", text, "check the shape of the input")])


def built(record: Trace, orders: Mapping[str, Dims], name: str, source: str) -> Network:
    """The network of a forward pass."""
    book = Book(record)
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
    ends = list(dict.fromkeys(var.index for var in record.outputs if var.index is not None))
    if not ends:
        text = "no output depends on an input" if record.outputs else "forward gives back no tensor"
        raise Refused([Problem("bad-model", text, "a model computes something from what is fed in")])
    warnings = _warnings(book, book.rest())
    book.name()
    return book.builder.finish(ends, name=name, source=source, spec=source, warnings=tuple(warnings))


def _read(book: Book, event: Event, handler: Handler | None) -> None:
    """One operation; those on constants only are done when they multiply, else what they make is made of constants too."""
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
                book.operator(event, None, k=k, kind=Operator if event.macs else Unknown, views=None)
    book.stop(event)


def _constant(event: Event) -> None:
    """An operation on constants and parameters only: what it makes is made of the same tensors."""
    held = {}
    if event.op not in SHAPE_ONLY:
        held = {id(tensor): tensor for var in event.inputs for tensor in var.held}
    sources = [var for var in event.inputs if var.held]
    for out in event.outs:
        out.held = tuple(held.values())
        out.stopped = event.stopped or (bool(sources) and all(var.stopped for var in sources))


def firsts(record: Trace) -> None:
    for event in reversed(record.events):
        if event.op in FIRST:
            for var in event.inputs[:1]:
                var.first = True
        elif event.op in PASSED and any(out.first and len(out.dims) > 2 for out in event.outs):
            for var in event.inputs:
                var.first = var.first or len(var.dims) == len(event.out.dims)


def _warnings(book: Book, unused: str) -> list[Problem]:
    found = book.differing[:SHOWN]
    if len(book.differing) > SHOWN:
        text = f"{len(book.differing) - SHOWN:,} more figures differ from PyTorch's"
        found.append(Problem("shapes-disagree", text, level="warning"))
    if unused:
        found.append(Problem("unused-parameters", unused, level="warning"))
    return found
