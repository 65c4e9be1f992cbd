"""Read norms, activations, lookups and resizing, and define the helpers of all handlers.

A handler takes the graph and an event, and adds the layers for that operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnncalc.layers import activation, dense, elementwise, norm, reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.views import Blur
from cnncalc.readers.aten.events import DROP_PATHS, DROPS, Dims, Event, Var
from cnncalc.readers.aten.graph import Graph
from cnncalc.readers.axes import visible

Handler = Callable[[Graph, Event], None]


def per_axis(value: Any, rank: int) -> list[int]:
    """Return one number per axis."""
    numbers = list(value) if isinstance(value, (list, tuple)) else [value]
    return numbers * rank if len(numbers) == 1 else numbers


def single_if_equal(lengths: Sequence[int]) -> int | tuple[int, ...]:
    """Return one number if all are equal."""
    return lengths[0] if len(set(lengths)) == 1 else tuple(lengths)


def window_order(x: Var, rank: int) -> Dims:
    """Return the order that shows the channels after `rank` spatial axes. A leading batch of 1 is not shown."""
    channels = len(x.dims) - rank - 1
    lead = tuple(axis for axis in range(channels) if x.dims[axis] != 1)
    return (*lead, *range(channels + 1, len(x.dims)), channels)


# -- norms ------------------------------------------------------------------------------------------------------------


def batch_norm(graph: Graph, event: Event) -> None:
    """Read batch_norm and instance_norm. Running mean and variance are buffers."""
    x, args = event.args["input"], event.args
    order = graph.channels_last_order(x)
    parameters = {
        "weight": args["weight"],
        "bias": args["bias"],
        "mean": args["running_mean"],
        "var": args["running_var"],
    }
    affine = args["weight"] is not None
    layer: Layer = norm.InstanceNorm(affine=affine) if event.op == "instance_norm" else norm.BatchNorm(affine=affine)
    if any(value is not None and value.index is not None for value in parameters.values()):
        graph.operator(event, order, parameters=parameters, name=layer.kind)
        return
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order, parameters)


def layer_norm(graph: Graph, event: Event) -> None:
    """Read layer_norm and rms_norm over the last axes."""
    x, count = event.args["input"], len(event.args["normalized_shape"])
    weight, bias = event.args["weight"], event.args.get("bias")
    parameters = {"weight": weight, "bias": bias}
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
            graph.operator(event, order, parameters=parameters, name=layer.kind, views=None)
            return
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order, parameters)


def group_norm(graph: Graph, event: Event) -> None:
    """Read group_norm."""
    x, weight, bias = event.args["input"], event.args["weight"], event.args["bias"]
    order = graph.channels_last_order(x)
    layer = norm.GroupNorm(groups=event.args["num_groups"], affine=weight is not None)
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order, {"weight": weight, "bias": bias})


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


def activation_layer(graph: Graph, event: Event) -> None:
    """Read an activation that has a layer kind, in place if PyTorch runs it in place."""
    x, kind = event.inputs[0], ACTIVATIONS.get(event.op)
    if event.op == "hardtanh":
        kind = CLIPPED.get((event.args["min_val"], event.args["max_val"]))
    if kind is None or x.index is None or (event.inplace and "inplace" not in kind.fields):
        graph.operator(event, x.order, in_place=True)
        return
    layer = kind(inplace=True) if event.inplace and "inplace" in kind.fields else kind()
    order = graph.elementwise_order(x)
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order)


def glu(graph: Graph, event: Event) -> None:
    """Read glu. Only along the axis that is shown last does it have a layer kind."""
    x = event.inputs[0]
    order = graph.elementwise_order(x)
    if x.index is None or order[-1:] != (event.args["dim"] % len(x.dims),):
        graph.operator(event, x.order)
        return
    graph.emit(event, elementwise.GLU(), [graph.arrange(x, order, event.call)], order)


def softmax(graph: Graph, event: Event) -> None:
    """Read softmax and log_softmax. Only along the axis that is shown last do they have a layer kind."""
    x = event.args["self"]
    axis = event.args["dim"] % len(x.dims)
    order = graph.elementwise_order(x)
    if order[-1:] != (axis,):
        graph.operator(event, x.order, in_place=True, views=None)
        return
    layer = activation.LogSoftmax() if "log" in event.op else activation.Softmax()
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order)


def prelu(graph: Graph, event: Event) -> None:
    """Read prelu, with one slope in total or per channel."""
    x, slope = event.args["self"], event.args["weight"]
    if slope.size == 1:
        order = graph.elementwise_order(x)
        graph.emit(
            event, activation.PReLU(per="layer"), [graph.arrange(x, order, event.call)], order, {"weight": slope}
        )
        return
    order = graph.channels_last_order(x)
    graph.emit(event, activation.PReLU(per="channel"), [graph.arrange(x, order, event.call)], order, {"weight": slope})


def dropout(graph: Graph, event: Event) -> None:
    """Read dropout and its variants. They do nothing in evaluation mode, but are layers all the same."""
    x = event.inputs[0]
    kinds = {"channels": event.op.startswith("feature"), "alpha": "alpha" in event.op, "inplace": event.inplace}
    layer = activation.Dropout(rate=float(event.args["p"]), **{name: True for name, flag in kinds.items() if flag})
    order = graph.channels_last_order(x) if layer.channels else graph.elementwise_order(x)
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order)
    seen = graph.builder.nodes[-1].seen
    if layer.channels and x.dims[0] != 1 and seen is not None:
        seen.more = (
            True  # PyTorch takes the first axis for the batch, and draws a factor for every pair of the first two axes
        )


def identity(graph: Graph, event: Event) -> None:
    """Read a module that returns its input."""
    x, call = event.args["self"], event.call
    layer: Layer = activation.Identity()
    if call.class_name in DROP_PATHS:
        layer = activation.DropPath(rate=call.settings["rate"])
    order = graph.elementwise_order(x)
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order)


# -- lookups and resizing ---------------------------------------------------------------------------------------------


def embedding(graph: Graph, event: Event) -> None:
    """Read embedding: rows of a table."""
    table, x = event.args["weight"], event.args["indices"]
    order = (*x.order, len(x.dims))
    if x.index is None or table.index is not None:
        graph.operator(event, None, name="embedding", parameters={"weight": graph.tensors_of([table])})
        return
    layer = dense.Embedding(vocab=table.dims[0], dim=table.dims[1])
    graph.emit(event, layer, [x.index], order, {"weight": table})


def upsample(graph: Graph, event: Event) -> None:
    """Read upsample_*, by factors or to sizes."""
    x = event.inputs[0]
    rank = len(x.dims) - 2
    order = window_order(x, rank)
    mode = next(word for word in ("nearest", "trilinear", "bilinear", "bicubic", "linear") if word in event.op)
    if len(order) != rank + 1:
        graph.operator(event, order, views=(Blur(),))
        return
    before, after = visible(x.dims, order), visible(event.out.dims, order)
    whole = [b // a for a, b in zip(before[:-1], after[:-1], strict=True)]
    layer: Layer
    if event.args.get("scale_factors") and all(a * f == b for a, b, f in zip(before, after, whole, strict=False)):
        layer = reshape.Upsample(factor=single_if_equal(whole), mode=mode)
    else:
        layer = reshape.Resize(to=tuple(after[:-1]), mode=mode)
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order)


def shuffle(graph: Graph, event: Event) -> None:
    """Read pixel_shuffle, pixel_unshuffle and channel_shuffle."""
    x = event.args["self"]
    order = graph.channels_last_order(x)
    if len(x.dims) < 3 or x.dims[0] != 1 or (len(x.dims) != 4 and event.op != "channel_shuffle"):
        graph.operator(event, order, views=(Blur(),))
        return
    layer: Layer
    if event.op == "channel_shuffle":
        layer = reshape.ChannelShuffle(groups=event.args["groups"])
    elif event.op == "pixel_shuffle":
        layer = reshape.PixelShuffle(factor=event.args["upscale_factor"])
    else:
        layer = reshape.PixelUnshuffle(factor=event.args["downscale_factor"])
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order)


HANDLERS: dict[str, Handler] = {
    "": identity, "glu": glu, "prelu": prelu, "embedding": embedding, "group_norm": group_norm,
    **dict.fromkeys(("batch_norm", "instance_norm"), batch_norm), **dict.fromkeys(("layer_norm", "rms_norm"), layer_norm),
    **dict.fromkeys((*ACTIVATIONS, "hardtanh"), activation_layer),
    **dict.fromkeys(("softmax", "log_softmax"), softmax),
    **dict.fromkeys(DROPS, dropout),
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_linear1d",
                     "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d", "_upsample_nearest_exact2d",
                     "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"), upsample),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle", "channel_shuffle"), shuffle),
}  # fmt: skip
