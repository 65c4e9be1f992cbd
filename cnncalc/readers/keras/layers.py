"""Keras' layers by class: what each is made of here. Recurrent layers, attention and bare operations stand elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from cnncalc.layers import activation as act
from cnncalc.layers import merge, norm
from cnncalc.layers.base import Layer
from cnncalc.layers.dense import FC, Embedding, Linear
from cnncalc.layers.operator import Operator, Unknown
from cnncalc.product import Product
from cnncalc.readers.keras import attention, elementwise, recurrent, views, windows
from cnncalc.readers.keras.call import Call, Spec, Value
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, show

Handler = Callable[[Call], list[Value]]


def handler_of(spec: Spec) -> Handler:
    """What reads a layer.

    Raises:
        Problem: `unknown-layer` for one that is not known, or is the author's own code.
    """
    found = elementwise.handler_of(spec) or HANDLERS.get(spec.cls)
    if found is None and spec.cls.startswith("Random") and spec.cls not in ("RandomHeight", "RandomWidth"):
        return passed
    if found is None:
        help = did_you_mean(spec.cls, HANDLERS) or "cnncalc reads the layers of Keras, and runs no code of a file's own"
        raise spec.problem("is of a class that cnncalc does not read", help, "unknown-layer")
    return found


# products


def dense(call: Call) -> list[Value]:
    value = call.only()
    value = call.last(value, len(value.order) - 1)
    units, bias = call.spec.count("units"), call.spec.flag("use_bias", True)
    layer: Layer = FC(units=units, bias=bias) if len(value.order) == 1 else Linear(units=units, bias=bias)
    return [call.activated(call.add("dense", layer, value))]


def einsum_dense(call: Call) -> list[Value]:
    """The product that an equation describes: its letters say weights, output and multiply-adds."""
    spec = call.spec
    value = call.plain(call.only())
    equation = str(spec.config.get("equation", "")).replace(" ", "").replace("...", "")
    left, arrow, result = equation.partition("->")
    given, comma, kernel = left.partition(",")
    shape = call.shape(value)
    dots = "..." in str(spec.config.get("equation", ""))
    names = given if dots else given[1:]
    lengths = dict(zip(reversed(names), reversed(shape), strict=False))
    fits = arrow and comma and equation.replace(",", "").replace("->", "").isalpha() and len(names) <= len(shape)
    if not fits or (not dots and (len(names) != len(shape) or given[:1] != result[:1])):
        raise spec.problem(f"has the equation `{show(spec.config.get('equation'))}`, which does not fit {shape}")
    wanted = spec.config.get("output_shape")
    wanted = wanted if isinstance(wanted, list) else [wanted]
    own = result if dots else result[1:]
    for letter, length in zip(reversed(own), reversed(wanted), strict=False):
        if letter not in lengths:
            if type(length) is not int or length < 1:
                raise spec.problem(f"has no length for `{letter}` in `output_shape`")
            lengths[letter] = length
    if not set(kernel + own) <= set(lengths):
        raise spec.problem(f"has the equation `{show(equation)}`, whose letters have no lengths")
    front = tuple(shape[: len(shape) - len(names)]) if dots else ()
    output = (*front, *[lengths[letter] for letter in own])
    weights: dict[str, Any] = {"weight": Product(*[(letter, lengths[letter]) for letter in kernel])}
    axes = spec.config.get("bias_axes")
    if isinstance(axes, str) and axes:
        if not set(axes) <= set(lengths):
            raise spec.problem(f"has `bias_axes` {show(axes)}, which are not in its equation")
        weights["bias"] = Product(*[(letter, lengths[letter]) for letter in axes])
    letters = dict.fromkeys(names + kernel + own)
    macs = Product(*[("...", length) for length in front], *[(letter, lengths[letter]) for letter in letters])
    layer = Operator("einsum", type(shape)(output), weights=weights, macs=macs, views=None)
    return [call.activated(call.add("einsum", layer, value, order=range(len(output))))]


def embedding(call: Call) -> list[Value]:
    value = call.plain(call.only())
    layer = Embedding(vocab=call.spec.count("input_dim", most=10**12), dim=call.spec.count("output_dim"))
    return [call.add("table", layer, value, order=range(len(value.order) + 1))]


# norms and activations


def batch_norm(call: Call) -> list[Value]:
    keys = call.spec.integers("axis", -1)
    if len(keys) != 1:
        raise call.spec.problem("normalises several axes, which is not read", code="unknown-layer")
    value = call.only()
    value = call.last(value, call.axis(value, keys[0]))
    gain, offset = call.spec.flag("scale", True), call.spec.flag("center", True)
    return [call.add("norm", norm.BatchNorm(gain=gain, offset=offset), value)]


def layer_norm(call: Call) -> list[Value]:
    spec = call.spec
    value = call.only()
    axes = {call.axis(value, key) for key in spec.integers("axis", -1)}
    gain, offset = spec.flag("scale", True), spec.flag("center", True)
    every = len(axes) == len(value.order) - call.lead and len(axes) > 1
    if len(axes) > 1 and not every:
        raise spec.problem("normalises some of several axes, which is not read", code="unknown-layer")
    if not every:
        value = call.last(value, next(iter(axes)))
    if spec.cls == "RMSNormalization" or spec.flag("rms_scaling", False):
        if every:
            raise spec.problem("scales several axes, which is not read", code="unknown-layer")
        return [call.add("norm", norm.RMSNorm(affine=spec.cls == "RMSNormalization" or gain), value)]
    if spec.cls == "UnitNormalization":
        return [call.add("norm", norm.LayerNorm(affine=False, per="element" if every else "channel"), value)]
    layer = norm.LayerNorm(gain=gain, offset=offset, per="element" if every else "channel")
    return [call.add("norm", layer, value)]


def group_norm(call: Call) -> list[Value]:
    value = call.only()
    value = call.last(value, call.axis(value, call.spec.integers("axis", -1)[0]))
    groups = call.spec.count("groups", 32, least=-1)
    groups = call.shape(value).channels if groups == -1 else groups
    gain, offset = call.spec.flag("scale", True), call.spec.flag("center", True)
    return [call.add("norm", norm.GroupNorm(groups=groups, gain=gain, offset=offset), value)]


def normalization(call: Call) -> list[Value]:
    """Mean and variance are counted where they are gathered from data, not where the file gives them."""
    value = call.only()
    if call.spec.config.get("mean") is not None:
        return [call.passed(value)]
    keys = call.spec.config.get("axis", -1)
    if keys in (None, [], ()):
        return [call.add("norm", norm.Standardize(per="layer"), value)]
    keys = call.spec.integers("axis", -1)
    if len(keys) != 1:
        raise call.spec.problem("keeps figures for several axes, which is not read", code="unknown-layer")
    value = call.last(value, call.axis(value, keys[0]))
    return [call.add("norm", norm.Standardize(), value)]


def relu(call: Call) -> list[Value]:
    config = call.spec.config
    kind: type[Layer] = act.ReLU6 if config.get("max_value") == 6 else act.ReLU
    return [call.add("relu", act.LeakyReLU() if config.get("negative_slope") else kind(), call.only())]


def prelu(call: Call) -> list[Value]:
    value = call.only()
    keys = call.spec.config.get("shared_axes")
    shared = {call.axis(value, key, "shared_axes") for key in call.spec.integers("shared_axes")} if keys else set()
    lengths = [1 if axis in shared else length for axis, length in enumerate(call.theirs(value))]
    for per in ("channel", "element", "layer"):
        layer = act.PReLU(per=per)
        weight = layer.weights(call.shape(value))["weight"]
        channel = value.order.index(len(value.order) - 1)
        if weight == prod(lengths) and (per != "channel" or channel not in shared):
            return [call.add("prelu", layer, value)]
    weights = {"weight": Product(*[("N", length) for length in lengths])}
    return [call.add("prelu", Operator("prelu", call.shape(value), weights=weights, like=act.PReLU()), value)]


def activation(call: Call) -> list[Value]:
    kind = ACTIVATION_LAYERS[call.spec.cls]()
    return [call.add("activation", kind, call.only())]


def activation_layer(call: Call) -> list[Value]:
    return [call.activated(call.only())]


def dropout(call: Call) -> list[Value]:
    rate = call.spec.config.get("rate", 0.5)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise call.spec.problem(f"has `rate` {show(rate)}: it must be from 0 to 1")
    if call.spec.cls == "StochasticDepth":
        return [call.add("dropout", act.DropPath(rate=float(rate)), call.only())]
    channels = call.spec.cls.startswith("Spatial") or _same_everywhere(call.spec.config.get("noise_shape"))
    layer = act.Dropout(
        rate=float(rate),
        **({"channels": True} if channels else {}),
        **({"alpha": True} if call.spec.cls == "AlphaDropout" else {}),
    )
    return [call.add("dropout", layer, call.only())]


def _same_everywhere(shape: Any) -> bool:
    """Return whether a `noise_shape` has one factor for each channel: 1 for every axis between batch and channels."""
    return isinstance(shape, (list, tuple)) and len(shape) > 2 and set(shape[1:-1]) == {1} and shape[-1] != 1


def layer_scale(call: Call) -> list[Value]:
    return [call.add("scale", norm.Scale(), call.only())]


def scaled_sum(call: Call) -> list[Value]:
    """What keras.applications' InceptionResNetV2 adds with: one value and a share of another."""
    return [views.joined(call, merge.Add, call.values)]


def passed(call: Call) -> list[Value]:
    return [call.passed(value) for value in call.values]


def stated(call: Call) -> list[Value]:
    """Code of the author's own, which is not run: an operation of unknown cost, where its output's shape is written down."""
    shape = call.spec.config.get("output_shape")
    if isinstance(shape, dict) and shape.get("class_name") == "__tuple__":
        shape = shape.get("items")
    shape = [shape] if type(shape) is int else shape
    whole = isinstance(shape, list) and all(type(length) is int and 1 <= length <= 2**31 for length in shape)
    if not whole or not shape or not call.values:
        help = "build the model with `Lambda(..., output_shape=(...))`, a whole number for every axis, or with layers of Keras"
        raise call.spec.problem("is code, which cnncalc does not run", help, "unknown-layer")
    shape = [*call.theirs(call.value)[: call.lead], *shape]
    axes = len(shape)
    order = call.value.order if len(call.value.order) == axes else range(axes)
    place = sorted(range(axes), key=list(order).__getitem__)
    layer = Unknown("lambda", Shape(shape[axis] for axis in place))
    return [call.add("lambda", layer, *call.values, order=order)]


def distributed(call: Call) -> list[Value]:
    """A layer on every step: windows get an axis in front that they do not move along."""
    inner = call.spec.inner("layer")
    return handler_of(inner)(call.of(inner, lead=call.lead + 1))


ACTIVATION_LAYERS: dict[str, type[Layer]] = {
    "LeakyReLU": act.LeakyReLU, "ELU": act.ELU, "ThresholdedReLU": act.ReLU, "Softmax": act.Softmax,
}  # fmt: skip
CONVOLUTIONS = (
    "Conv", "Convolution", "DepthwiseConv", "SeparableConv", "SeparableConvolution", "LocallyConnected",
)  # fmt: skip
POOLINGS = ("MaxPooling", "MaxPool", "AveragePooling", "AvgPool")
DROPOUTS = (
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "AlphaDropout",
    "StochasticDepth",
)  # fmt: skip
SAME = (
    "Identity", "ActivityRegularization", "GaussianNoise", "Masking", "Rescaling", "AutoContrast", "Solarization",
    "Equalization", "RandAugment", "AugMix", "MixUp", "CutMix", "ContrastLimitedAdaptiveHistogramEqualization",
)  # fmt: skip
HANDLERS: dict[str, Handler] = {
    **{f"{kind}{n}D": windows.convolution for kind in CONVOLUTIONS for n in (1, 2, 3)},
    **{f"{kind}{n}DTranspose": windows.transposed for kind in ("Conv", "Convolution") for n in (1, 2, 3)},
    **{f"{kind}{n}D": windows.pooling for kind in POOLINGS for n in (1, 2, 3)},
    **{f"Global{kind}{n}D": windows.global_pooling for kind in POOLINGS for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pooling{n}D": windows.adaptive_pooling for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"UpSampling{n}D": windows.upsampling for n in (1, 2, 3)},
    **{f"ZeroPadding{n}D": windows.zero_padding for n in (1, 2, 3)},
    **{f"Cropping{n}D": windows.cropping for n in (1, 2, 3)},
    **dict.fromkeys(DROPOUTS, dropout),
    **dict.fromkeys(("Resizing", "CenterCrop", "RandomCrop"), windows.resized),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization", "UnitNormalization"), layer_norm),
    **dict.fromkeys(("BatchNormalization", "SyncBatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2"), batch_norm),
    **dict.fromkeys(ACTIVATION_LAYERS, activation),
    **dict.fromkeys(views.MERGES, views.merged),
    **dict.fromkeys(SAME, passed),
    "Dense": dense, "EinsumDense": einsum_dense, "Embedding": embedding, "GroupNormalization": group_norm,
    "Normalization": normalization, "ReLU": relu, "PReLU": prelu, "Activation": activation_layer,
    "LayerScale": layer_scale, "CustomScaleLayer": scaled_sum, "Concatenate": views.concatenated,
    "Dot": views.dot, "Flatten": views.flatten, "Reshape": views.reshape,
    "Lambda": stated, "Permute": views.permuted, "RepeatVector": views.repeated, "TimeDistributed": distributed,
    **recurrent.HANDLERS,
    **attention.HANDLERS,
}  # fmt: skip
