"""Activations, functions of single numbers, and sums, products and maxima of several blobs."""

from __future__ import annotations

from cnncalc.layers import activation as act
from cnncalc.layers import elementwise as fn
from cnncalc.layers.base import Layer
from cnncalc.layers.merge import Add, Maximum, Mul, Sub
from cnncalc.readers.caffe.blobs import Blob, Call, image_order, shape_text

SIMPLE: dict[str, type[Layer]] = {
    "AbsVal": fn.Abs, "BNLL": act.Softplus, "ELU": act.ELU, "Log": fn.Log, "Sigmoid": act.Sigmoid, "Swish": act.SiLU,
    "TanH": act.Tanh, "ReLU6": act.ReLU6, "HardSwish": act.HardSwish, "HardSigmoid": act.HardSigmoid,
}  # fmt: skip
POWERS: dict[tuple[float, float, float], type[Layer]] = {  # power, scale, shift
    (1, 1, 0): act.Identity, (2, 1, 0): fn.Square, (0.5, 1, 0): fn.Sqrt, (-0.5, 1, 0): fn.Rsqrt,
    (-1, 1, 0): fn.Reciprocal, (1, -1, 0): fn.Neg, (1, -1, 1): fn.Complement,
}  # fmt: skip


def simple(call: Call) -> list[Blob]:
    """An activation whose fields, if any, change no figure."""
    call.param({"ELU": "elu_param", "Log": "log_param", "Swish": "swish_param"}.get(call.layer.type, ""))
    return [call.same(SIMPLE[call.layer.type](), call.input)]


def relu(call: Call) -> list[Blob]:
    """`ReLU`, with a `negative_slope` a leaky one."""
    slope = call.param("relu_param").number("negative_slope", 0.0)
    return [call.same(act.LeakyReLU() if slope else act.ReLU(), call.input)]


def prelu(call: Call) -> list[Blob]:
    """`PReLU` with one slope per channel, or one for all."""
    shared = call.param("prelu_param").flag("channel_shared", False)
    blob = call.input
    if shared:
        return [call.same(act.PReLU(per="layer"), blob)]
    return [call.spatial(act.PReLU(per="channel"), blob)]


def clip(call: Call) -> list[Blob]:
    """`Clip` to a range."""
    param = call.param("clip_param")
    bounds = (param.number("min", 0.0), param.number("max", 0.0))
    if bounds in ((0.0, 6.0), (-1.0, 1.0)):
        return [call.same(act.ReLU6() if bounds[1] == 6 else fn.HardTanh(), call.input)]
    return [function(call, "clip")]


def function(call: Call, name: str) -> Blob:
    """Add a function of single numbers that has no kind."""
    blob = call.input
    return call.operator(name, blob.dims, [blob], order=blob.order, in_place=True)


def threshold(call: Call) -> list[Blob]:
    """`Threshold`: 1 above the threshold, 0 below."""
    call.param("threshold_param")
    return [function(call, "threshold")]


def power(call: Call) -> list[Blob]:
    """`Power`: (shift + scale*x)^power."""
    param = call.param("power_param")
    form = (param.number("power", 1.0), param.number("scale", 1.0), param.number("shift", 0.0))
    kind = POWERS.get(form)
    return [call.same(kind(), call.input) if kind is not None else function(call, "power")]


def exponential(call: Call) -> list[Blob]:
    """`Exp`: base^(shift + scale*x)."""
    call.param("exp_param")
    return [call.same(fn.Exp(), call.input)]


def dropout(call: Call) -> list[Blob]:
    """`Dropout`."""
    param = call.param("dropout_param")
    rate = param.number("dropout_ratio", 0.5)
    if not 0 <= rate < 1:
        raise param.problem(f"`dropout_ratio` must be at least 0 and less than 1; got {rate}", field="dropout_ratio")
    return [call.same(act.Dropout(rate=rate), call.input)]


def softmax(call: Call) -> list[Blob]:
    """`Softmax` along an axis, by default the channels."""
    blob = call.input
    axis = call.axis(call.param("softmax_param").integer("axis", 1, -32), blob.dims)
    if axis not in blob.order or blob.order[-1] == axis:
        return [call.same(act.Softmax(), blob)]
    order = (*(other for other in blob.order if other != axis), axis)
    return [Blob(call.add(act.Softmax(), call.aligned(blob, order)), blob.dims, order)]


def eltwise(call: Call) -> list[Blob]:
    """`Eltwise`: the sum, product or maximum of blobs of the same shape."""
    param = call.param("eltwise_param")
    operation = param.choice("operation", "SUM", ("PROD", "SUM", "MAX"))
    factors = param.numbers("coeff")
    if len(call.inputs) < 2:
        raise call.problem(f"needs at least 2 bottom blobs, but has {len(call.inputs)}", field="bottom")
    first = call.inputs[0]
    for blob in call.inputs[1:]:
        if blob.dims != first.dims:
            text = f"needs blobs of the same shape, but gets {shape_text(first.dims)} and {shape_text(blob.dims)}"
            raise call.problem(text, "check the padding and stride of the layers above", "shapes-differ", "bottom")
    if factors and len(factors) != len(call.inputs):
        raise param.problem(f"has {len(factors)} coefficients for {len(call.inputs)} blobs", field="coeff")
    kind: type[Layer] = {"PROD": Mul, "SUM": Add, "MAX": Maximum}[operation]
    if operation == "SUM" and factors == [1.0, -1.0]:
        kind = Sub
    node = call.add(kind(), *[call.aligned(blob, first.order) for blob in call.inputs])
    return [Blob(node, first.dims, first.order)]


def axpy(call: Call) -> list[Blob]:
    """`Axpy` of SENet's fork: a factor per channel times one blob, plus another one."""
    gate, blob, other = call.take(3)
    product = scaled(call, blob, gate)
    order = product.order
    if other.dims != blob.dims:
        text = f"adds blobs of {shape_text(blob.dims)} and {shape_text(other.dims)}"
        raise call.problem(text, code="shapes-differ", field="bottom")
    return [Blob(call.add(Add(), product.node, call.aligned(other, order)), blob.dims, order)]


def scaled(call: Call, blob: Blob, gate: Blob) -> Blob:
    """Multiply a blob with one factor for each channel."""
    channels = blob.dims[1]
    order = image_order(blob.dims)
    wanted = (1, channels, *[1] * (len(gate.dims) - 2))
    if gate.dims != wanted:
        text = f"multiplies a blob of {shape_text(blob.dims)} with one of {shape_text(gate.dims)}"
        raise call.problem(
            text, f"a gate has one number for each of the {channels} channels", "shapes-differ", "bottom"
        )
    return Blob(call.add(Mul(), call.aligned(blob, order), gate.node), blob.dims, order)
