"""Operations of PyTorch that are layers here: norms, recurrent layers, activations, lookups, resizing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnncalc.layers import activation, dense, elementwise, norm, recurrent, reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.roles import has_bias_role
from cnncalc.layers.views import Blur
from cnncalc.readers.axes import visible
from cnncalc.readers.torch.events import Dims, Event, Var
from cnncalc.readers.torch.graph import Book
from cnncalc.readers.torch.trace import DROP_PATHS, DROPS

Handler = Callable[[Book, Event], None]


def each(value: Any, rank: int) -> list[int]:
    """A number for every axis."""
    found = list(value) if isinstance(value, (list, tuple)) else [value]
    return found * rank if len(found) == 1 else found


def sizes_of(lengths: Sequence[int]) -> int | tuple[int, ...]:
    """One number where all are the same."""
    return lengths[0] if len(set(lengths)) == 1 else tuple(lengths)


def last(x: Var, rank: int) -> Dims:
    """The order that shows channels behind `rank` spatial axes; a batch of 1 in front is not shown."""
    channels = len(x.dims) - rank - 1
    lead = tuple(axis for axis in range(channels) if x.dims[axis] != 1)
    return (*lead, *range(channels + 1, len(x.dims)), channels)


# -- norms ------------------------------------------------------------------------------------------------------------


def batch_norm(book: Book, event: Event) -> None:
    """batch_norm and instance_norm; running mean and variance are buffers."""
    x, args = event.args["input"], event.args
    order = book.channels_last(x)
    held = {"weight": args["weight"], "bias": args["bias"], "mean": args["running_mean"], "var": args["running_var"]}
    affine = args["weight"] is not None
    layer: Layer = norm.InstanceNorm(affine=affine) if event.op == "instance_norm" else norm.BatchNorm(affine=affine)
    if any(value is not None and value.index is not None for value in held.values()):
        book.operator(event, order, held=held, name=layer.kind)
        return
    book.emit(event, layer, [book.aligned(x, order, event.call)], order, held)


def layer_norm(book: Book, event: Event) -> None:
    """layer_norm and rms_norm over the last axes."""
    x, count = event.args["input"], len(event.args["normalized_shape"])
    weight, bias = event.args["weight"], event.args.get("bias")
    held = {"weight": weight, "bias": bias}
    rank = len(x.dims)
    axes = set(range(rank - count, rank))
    order = tuple(sorted({*x.order, rank - 1}))
    affine = {"affine": weight is not None or bias is not None}
    if event.op == "rms_norm":
        layer: Layer = norm.RMSNorm(**affine)
    else:
        parts = {"gain": weight is not None, "offset": bias is not None} if affine["affine"] else {}
        whole = count > 1 and {axis for axis in order if x.dims[axis] != 1} <= axes
        layer = norm.LayerNorm(**affine, **parts, per="element" if whole else "channel")
        if count > 1 and not whole:
            book.operator(event, order, held=held, name=layer.kind, views=None)
            return
    book.emit(event, layer, [book.aligned(x, order, event.call)], order, held)


def group_norm(book: Book, event: Event) -> None:
    """group_norm."""
    x, weight, bias = event.args["input"], event.args["weight"], event.args["bias"]
    order = book.channels_last(x)
    layer = norm.GroupNorm(groups=event.args["num_groups"], affine=weight is not None)
    book.emit(event, layer, [book.aligned(x, order, event.call)], order, {"weight": weight, "bias": bias})


# -- recurrent --------------------------------------------------------------------------------------------------------

CELLS = {"lstm": recurrent.LSTM, "gru": recurrent.GRU, "rnn_tanh": recurrent.RNN, "rnn_relu": recurrent.RNN}


def recurring(book: Book, event: Event) -> None:
    """lstm, gru and rnn over a batch of one sequence; the last state, where it alone is read, as `returns: last`."""
    args, tensors = event.args, event.args["params"]
    both, layers, biased = bool(args["bidirectional"]), args["num_layers"], args["has_biases"]
    packed = args.get("data")  # sequences one after the other, as pack_padded_sequence makes them
    x: Var = args["input"] if packed is None else packed
    batch, steps = (0, 1) if args.get("batch_first") else (1, 0)
    order: Dims = (steps, 2) if packed is None else (0, 1)
    alone = len(x.dims) == 3 and x.dims[batch] == 1 if packed is None else args["batch_sizes"].dims[0] == x.dims[0]
    held: dict[str, Var | None] = {}
    each_layer = len(tensors) // (layers * (2 if both else 1))
    for place, tensor in enumerate(tensors):
        held[("bias" if place % each_layer in (2, 3) and biased else "weight") + f"_{place}"] = tensor
    cell = CELLS[event.op]
    units = tensors[1].dims[1]
    projected = tensors[1].dims[0] != units * cell.gates or each_layer != (4 if biased else 2)
    if not alone or projected:
        book.operator(event, None, held=held, name=cell.kind, views=None)
        _states(book, event)
        return
    vectors = sum(1 for name, tensor in held.items() if has_bias_role(name) and tensor and tensor.held)
    single = vectors == layers * (2 if both else 1)
    bias = "none" if not biased else "single" if single else "double"
    fields = {"units": units, "bias": bias, "bidirectional": both, "layers": layers}
    given = book.aligned(x, order, event.call)
    ends = [] if event.out.users or event.out in book.record.outputs else _last_states(book, event, both)
    if ends:
        target = Event(event.op, args, event.inputs, [ends[0]], event.call)
        target.macs = event.macs
        book.emit(target, cell(**fields, returns="last"), [given], (len(ends[0].dims) - 1,), held)
        for end in ends[1:]:
            end.index, end.order = ends[0].index, (len(end.dims) - 1,)
        return
    book.emit(event, cell(**fields), [given], order, held)
    _states(book, event)


def _states(book: Book, event: Event) -> None:
    """The states behind the last step, as numbers of the sequence."""
    for k, out in enumerate(event.outs):
        if k and (out.users or out in book.record.outputs):
            inputs = event.inputs
            event.inputs = [event.out]
            book.operator(event, book.natural(out.dims), {}, k, name="state", in_place=True, views=None)
            event.inputs = inputs


def _last_states(book: Book, event: Event, both: bool) -> list[Var]:
    """The values that are the state behind the last step (of both directions), where no other state is read."""
    state = event.outs[1]
    if any(out.users for out in event.outs[2:]) or any(out in book.record.outputs for out in event.outs):
        return []
    picked: dict[int, list[Event]] = {}
    for user in state.users:
        if user.op != "select" or user.args["dim"] not in (0, -3):
            return []
        picked.setdefault(user.args["index"] % state.dims[0], []).append(user)
    rows = state.dims[0]
    if not both:
        return [user.out for user in picked[rows - 1]] if set(picked) == {rows - 1} and not _skip(book, picked) else []
    if set(picked) != {rows - 2, rows - 1} or any(len(users) != 1 for users in picked.values()):
        return []
    first, second = picked[rows - 2][0].out, picked[rows - 1][0].out
    if len(first.users) != 1 or first.users != second.users or first.users[0].op not in ("cat", "concat"):
        return []
    joined = first.users[0]
    if joined.args["tensors"] != [first, second] or joined.args["dim"] not in (1, -1):
        return []
    _skip(book, picked)
    book.skipped.add(id(joined))
    return [joined.out]


def _skip(book: Book, picked: dict[int, list[Event]]) -> bool:
    book.skipped.update(id(user) for users in picked.values() for user in users)
    return False


# -- activations ------------------------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, type[Layer]] = {
    "relu": activation.ReLU, "relu6": activation.ReLU6, "leaky_relu": activation.LeakyReLU, "elu": activation.ELU,
    "selu": activation.SELU, "gelu": activation.GELU, "silu": activation.SiLU, "mish": activation.Mish,
    "sigmoid": activation.Sigmoid, "tanh": activation.Tanh, "hardswish": activation.HardSwish,
    "hardsigmoid": activation.HardSigmoid, "softplus": activation.Softplus, "celu": elementwise.CELU,
    "neg": elementwise.Neg, "negative": elementwise.Neg, "abs": elementwise.Abs, "exp": elementwise.Exp,
    "log": elementwise.Log, "square": elementwise.Square, "sqrt": elementwise.Sqrt, "rsqrt": elementwise.Rsqrt,
    "reciprocal": elementwise.Reciprocal, "sin": elementwise.Sin, "cos": elementwise.Cos,
    "hardshrink": elementwise.HardShrink, "softshrink": elementwise.SoftShrink, "log_sigmoid": elementwise.LogSigmoid,
}  # fmt: skip
CLIPPED: dict[tuple[float, float], type[Layer]] = {(0, 6): activation.ReLU6, (-1, 1): elementwise.HardTanh}


def activated(book: Book, event: Event) -> None:
    """An activation of its own kind, in place where it is."""
    x, kind = event.inputs[0], ACTIVATIONS.get(event.op)
    if event.op == "hardtanh":
        kind = CLIPPED.get((event.args["min_val"], event.args["max_val"]))
    if kind is None or x.index is None or (event.inplace and "inplace" not in kind.fields):
        book.operator(event, x.order, in_place=True)
        return
    layer = kind(inplace=True) if event.inplace and "inplace" in kind.fields else kind()
    order = book.plain(x)
    book.emit(event, layer, [book.aligned(x, order, event.call)], order)


def glu(book: Book, event: Event) -> None:
    """glu along the axis that is shown last; along another one it is no layer here."""
    x = event.inputs[0]
    order = book.plain(x)
    if x.index is None or order[-1:] != (event.args["dim"] % len(x.dims),):
        book.operator(event, x.order)
        return
    book.emit(event, elementwise.GLU(), [book.aligned(x, order, event.call)], order)


def softmax(book: Book, event: Event) -> None:
    """softmax and log_softmax; along another axis than the one shown last it is no layer here."""
    x = event.args["self"]
    axis = event.args["dim"] % len(x.dims)
    order = book.plain(x)
    if order[-1:] != (axis,):
        book.operator(event, x.order, in_place=True, views=None)
        return
    layer = activation.LogSoftmax() if "log" in event.op else activation.Softmax()
    book.emit(event, layer, [book.aligned(x, order, event.call)], order)


def prelu(book: Book, event: Event) -> None:
    """prelu with one slope or one for every channel."""
    x, slope = event.args["self"], event.args["weight"]
    if slope.size == 1:
        order = book.plain(x)
        book.emit(event, activation.PReLU(per="layer"), [book.aligned(x, order, event.call)], order, {"weight": slope})
        return
    order = book.channels_last(x)
    book.emit(event, activation.PReLU(per="channel"), [book.aligned(x, order, event.call)], order, {"weight": slope})


def dropout(book: Book, event: Event) -> None:
    """dropout and its relatives; they do nothing in evaluation mode, but the layer is there."""
    x = event.inputs[0]
    kinds = {"channels": event.op.startswith("feature"), "alpha": "alpha" in event.op, "inplace": event.inplace}
    layer = activation.Dropout(rate=float(event.args["p"]), **{name: True for name, told in kinds.items() if told})
    order = book.channels_last(x) if layer.channels else book.plain(x)
    book.emit(event, layer, [book.aligned(x, order, event.call)], order)
    seen = book.builder.nodes[-1].seen
    if layer.channels and x.dims[0] != 1 and seen is not None:
        seen.more = True  # what comes first is taken for the batch: a factor for every pair of the first two axes


def nothing(book: Book, event: Event) -> None:
    """A module that gives back what it gets."""
    x, module = event.args["self"], event.call.module
    name = type(module).__name__
    layer: Layer = activation.Identity()
    if name in DROP_PATHS:
        rate = getattr(module, "drop_prob", getattr(module, "p", getattr(module, "rate", 0.0)))
        layer = activation.DropPath(rate=float(rate or 0.0))
    order = book.plain(x)
    book.emit(event, layer, [book.aligned(x, order, event.call)], order)


# -- the rest ---------------------------------------------------------------------------------------------------------


def embedding(book: Book, event: Event) -> None:
    """embedding: rows of a table."""
    table, x = event.args["weight"], event.args["indices"]
    order = (*x.order, len(x.dims))
    if x.index is None or table.index is not None:
        book.operator(event, None, name="embedding", held={"weight": book.tensors([table])})
        return
    layer = dense.Embedding(vocab=table.dims[0], dim=table.dims[1])
    book.emit(event, layer, [x.index], order, {"weight": table})


def upsampled(book: Book, event: Event) -> None:
    """upsample_*: by factors or to sizes."""
    x = event.inputs[0]
    rank = len(x.dims) - 2
    order = last(x, rank)
    mode = next(word for word in ("nearest", "trilinear", "bilinear", "bicubic", "linear") if word in event.op)
    if len(order) != rank + 1:
        book.operator(event, order, views=(Blur(),))
        return
    before, after = visible(x.dims, order), visible(event.out.dims, order)
    whole = [b // a for a, b in zip(before[:-1], after[:-1], strict=True)]
    layer: Layer
    if event.args.get("scale_factors") and all(a * f == b for a, b, f in zip(before, after, whole, strict=False)):
        layer = reshape.Upsample(factor=sizes_of(whole), mode=mode)
    else:
        layer = reshape.Resize(to=tuple(after[:-1]), mode=mode)
    book.emit(event, layer, [book.aligned(x, order, event.call)], order)


def shuffled(book: Book, event: Event) -> None:
    """pixel_shuffle, pixel_unshuffle and channel_shuffle."""
    x = event.args["self"]
    order = book.channels_last(x)
    if len(x.dims) < 3 or x.dims[0] != 1 or (len(x.dims) != 4 and event.op != "channel_shuffle"):
        book.operator(event, order, views=(Blur(),))
        return
    layer: Layer
    if event.op == "channel_shuffle":
        layer = reshape.ChannelShuffle(groups=event.args["groups"])
    elif event.op == "pixel_shuffle":
        layer = reshape.PixelShuffle(factor=event.args["upscale_factor"])
    else:
        layer = reshape.PixelUnshuffle(factor=event.args["downscale_factor"])
    book.emit(event, layer, [book.aligned(x, order, event.call)], order)


HANDLERS: dict[str, Handler] = {
    "": nothing, "glu": glu, "prelu": prelu, "embedding": embedding, "group_norm": group_norm,
    **dict.fromkeys(("batch_norm", "instance_norm"), batch_norm), **dict.fromkeys(("layer_norm", "rms_norm"), layer_norm),
    **dict.fromkeys(CELLS, recurring), **dict.fromkeys((*ACTIVATIONS, "hardtanh"), activated),
    **dict.fromkeys(("softmax", "log_softmax"), softmax),
    **dict.fromkeys(DROPS, dropout),
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_linear1d",
                     "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d", "_upsample_nearest_exact2d",
                     "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"), upsampled),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle", "channel_shuffle"), shuffled),
}  # fmt: skip
