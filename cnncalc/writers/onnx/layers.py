"""Write norms and other layers with one parameter per channel as ONNX operators."""

from __future__ import annotations

from math import prod

from cnncalc.shape import Shape
from cnncalc.writers.layouts import elementwise_layout, lengths
from cnncalc.writers.onnx.model import Handler, Part
from cnncalc.writers.registry import registrar

HANDLERS: dict[str, Handler] = {}
kind = registrar(HANDLERS)


@kind("batchnorm")
def batchnorm(p: Part) -> str:
    channels = p.out[-1]
    gains = _gains(p, channels, gain=p.layer.gain, offset=p.layer.offset)
    running = [p.weight(role, channels) for role in ("running_mean", "running_var")]
    p.output("BatchNormalization", [p.x("first"), *gains, *running])
    return "first"


@kind("instancenorm")
def instancenorm(p: Part) -> str:
    p.output("InstanceNormalization", [p.x("first"), *_gains(p, p.out[-1], gain=p.layer.gain, offset=p.layer.offset)])
    return "first"


@kind("groupnorm")
def groupnorm(p: Part) -> str:
    """Declare the output shape as well, because onnx.shape_inference does not infer it for this operator."""
    gains = _gains(p, p.out[-1], gain=p.layer.gain, offset=p.layer.offset)
    if len(p.out) == 1:  # the operator needs at least one axis after the channels
        x = p.op("GroupNormalization", [p.reshape(p.x(), p.out[-1], 1), *gains], num_groups=p.layer.groups)
        p.declare_shape(x, Shape((1, p.out[-1])))
        p.output("Reshape", [x, p.ints(0, p.out[-1])])
    else:
        p.output("GroupNormalization", [p.x("first"), *gains], num_groups=p.layer.groups)
        p.declare_shape(p.name, p.out)
    return "first"


@kind("layernorm")
def layernorm(p: Part) -> str:
    layout = p.layouts[0] if p.layer.per == "element" else "last"
    dims = p.dims(layout) if p.layer.per == "element" else (p.out[-1],)
    gain, offset = _gains(p, *dims, gain=p.layer.gain, offset=p.layer.offset)
    learned = p.layer.affine and p.layer.offset
    p.output("LayerNormalization", [p.x(layout), gain, *([offset] if learned else [])], axis=-len(dims))
    return layout


@kind("rmsnorm")
def rmsnorm(p: Part) -> str:
    """Write the formula, because the operator only exists from opset 23 on."""
    x = p.x("last")
    mean = p.op("ReduceMean", [p.op("Pow", [x, p.scalar(2.0)]), p.ints(-1)], keepdims=1)
    root = p.op("Sqrt", [p.op("Add", [mean, p.scalar(1e-6)])])
    if p.layer.affine:
        p.output("Mul", [p.op("Div", [x, root]), p.weight("weight", p.out[-1])])
    else:
        p.output("Div", [x, root])
    return "last"


@kind("lrn")
def lrn(p: Part) -> str:
    attributes = {"size": p.layer.size, "alpha": 1e-4, "beta": 0.75, "bias": 1.0}
    channels, *rest = p.dims("first")
    if len(rest) == 2:
        p.output("LRN", [p.x("first")], **attributes)
    else:  # runtimes support images only; the cells are independent of each other
        x = p.op("LRN", [p.reshape(p.x("first"), channels, prod(rest), 1)], **attributes)
        p.output("Reshape", [x, p.ints(0, channels, *rest)])
    return "first"


@kind("scale")
def scale(p: Part) -> str:
    dims = _per_channel(p, p.out[-1]) if p.layer.per == "channel" else (1,)
    inputs = [p.x(), p.weight("weight", *dims)]
    if p.layer.bias:
        p.output("Add", [p.op("Mul", inputs), p.weight("bias", *dims)])
    else:
        p.output("Mul", inputs)
    return p.layouts[0]


@kind("standardize")
def standardize(p: Part) -> str:
    dims = _per_channel(p, p.out[-1]) if p.layer.per == "channel" else (1,)
    centred = p.op("Sub", [p.x(), p.weight("mean", *dims)])
    spread = p.op("Max", [p.op("Sqrt", [p.weight("variance", *dims)]), p.scalar(1e-7)])
    p.output("Div", [centred, spread])
    return p.layouts[0]


@kind("prelu")
def prelu(p: Part) -> str:
    layout = elementwise_layout(p.out) if p.layer.per == "element" else p.layouts[0]
    dims = {"layer": (1,), "channel": _per_channel(p, p.out[-1]), "element": lengths(p.out, layout)}[p.layer.per]
    p.output("PRelu", [p.x(layout), p.weight("weight", *dims)])
    return layout


@kind("dropout")
def dropout(p: Part) -> str:
    if p.layer.channels or p.layer.alpha:  # ONNX has no operator for it; at inference it does nothing
        p.output("Identity", [p.x()])
    else:
        p.output("Dropout", [p.x(), p.scalar(float(p.layer.rate))])
    return p.layouts[0]


def _gains(p: Part, *dims: int, gain: bool = True, offset: bool = True) -> tuple[str, str]:
    """Return gain and offset, which are weights or constants."""
    gain, offset = gain and p.layer.affine, offset and p.layer.affine
    return (
        p.weight("weight", *dims) if gain else p.fill(1.0, *dims),
        p.weight("bias", *dims) if offset else p.fill(0.0, *dims),
    )


def _per_channel(p: Part, count: int) -> tuple[int, ...]:
    """Return the dimensions of one number per channel, in the layout of the input."""
    return (count, *[1] * (len(p.out) - 1)) if p.layouts[0] == "first" else (count,)
