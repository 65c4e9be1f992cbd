"""The table from Keras' classes to the functions that read them, and the functions for products, norms and activations."""

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
    """Return the function that reads a layer.

    Raises:
        Problem: `unknown-layer` if the class is unknown or is the author's own code.
    """
    handler = elementwise.handler_of(spec) or HANDLERS.get(spec.cls)
    if handler is None and spec.cls.startswith("Random") and spec.cls not in ("RandomHeight", "RandomWidth"):
        return pass_through
    if handler is None:
        help = did_you_mean(spec.cls, HANDLERS) or "use Keras' own layers; cnncalc does not run code from the file"
        raise spec.problem("has a class that cnncalc does not read", help, "unknown-layer")
    return handler


# products


def dense(call: Call) -> list[Value]:
    value = call.only_value()
    value = call.last(value, len(value.order) - 1)
    units, bias = call.spec.count("units"), call.spec.flag("use_bias", True)
    layer: Layer = FC(units=units, bias=bias) if len(value.order) == 1 else Linear(units=units, bias=bias)
    return [call.add_activation(call.add("dense", layer, value))]


def einsum_dense(call: Call) -> list[Value]:
    """Read EinsumDense. The letters of the equation determine the weights, the output and the multiply-adds."""
    spec = call.spec
    value = call.in_keras_order(call.only_value())
    equation = str(spec.config.get("equation", "")).replace(" ", "").replace("...", "")
    left, arrow, result = equation.partition("->")
    operand, comma, kernel = left.partition(",")
    shape = call.shape(value)
    dots = "..." in str(spec.config.get("equation", ""))
    names = operand if dots else operand[1:]
    lengths = dict(zip(reversed(names), reversed(shape), strict=False))
    fits = arrow and comma and equation.replace(",", "").replace("->", "").isalpha() and len(names) <= len(shape)
    if not fits or (not dots and (len(names) != len(shape) or operand[:1] != result[:1])):
        raise spec.problem(
            f"has the equation `{show(spec.config.get('equation'))}`, which does not match the input {shape}"
        )
    stated = spec.config.get("output_shape")
    stated = stated if isinstance(stated, list) else [stated]
    letters_out = result if dots else result[1:]
    for letter, length in zip(reversed(letters_out), reversed(stated), strict=False):
        if letter not in lengths:
            if type(length) is not int or length < 1:
                raise spec.problem(f"has no length for `{letter}` in `output_shape`")
            lengths[letter] = length
    if not set(kernel + letters_out) <= set(lengths):
        raise spec.problem(f"has the equation `{show(equation)}`, in which a letter has no length")
    front = tuple(shape[: len(shape) - len(names)]) if dots else ()
    output = (*front, *[lengths[letter] for letter in letters_out])
    weights: dict[str, Any] = {"weight": Product(*[(letter, lengths[letter]) for letter in kernel])}
    axes = spec.config.get("bias_axes")
    if isinstance(axes, str) and axes:
        if not set(axes) <= set(lengths):
            raise spec.problem(f"has `bias_axes` {show(axes)}, which are not in its equation")
        weights["bias"] = Product(*[(letter, lengths[letter]) for letter in axes])
    letters = dict.fromkeys(names + kernel + letters_out)
    macs = Product(*[("...", length) for length in front], *[(letter, lengths[letter]) for letter in letters])
    layer = Operator("einsum", type(shape)(output), weights=weights, macs=macs, views=None)
    return [call.add_activation(call.add("einsum", layer, value, order=range(len(output))))]


def embedding(call: Call) -> list[Value]:
    value = call.in_keras_order(call.only_value())
    layer = Embedding(vocab=call.spec.count("input_dim", most=10**12), dim=call.spec.count("output_dim"))
    return [call.add("table", layer, value, order=range(len(value.order) + 1))]


# norms and activations


def batch_norm(call: Call) -> list[Value]:
    keys = call.spec.integers("axis", -1)
    if len(keys) != 1:
        raise call.spec.problem("normalizes several axes, which is not supported", code="unknown-layer")
    value = call.only_value()
    value = call.last(value, call.axis(value, keys[0]))
    gain, offset = call.spec.flag("scale", True), call.spec.flag("center", True)
    return [call.add("norm", norm.BatchNorm(gain=gain, offset=offset), value)]


def layer_norm(call: Call) -> list[Value]:
    spec = call.spec
    value = call.only_value()
    axes = {call.axis(value, key) for key in spec.integers("axis", -1)}
    gain, offset = spec.flag("scale", True), spec.flag("center", True)
    every = len(axes) == len(value.order) - call.lead and len(axes) > 1
    if len(axes) > 1 and not every:
        raise spec.problem("normalizes several but not all axes, which is not supported", code="unknown-layer")
    if not every:
        value = call.last(value, next(iter(axes)))
    if spec.cls == "RMSNormalization" or spec.flag("rms_scaling", False):
        if every:
            raise spec.problem("scales several axes, which is not supported", code="unknown-layer")
        return [call.add("norm", norm.RMSNorm(affine=spec.cls == "RMSNormalization" or gain), value)]
    if spec.cls == "UnitNormalization":
        return [call.add("norm", norm.LayerNorm(affine=False, per="element" if every else "channel"), value)]
    layer = norm.LayerNorm(gain=gain, offset=offset, per="element" if every else "channel")
    return [call.add("norm", layer, value)]


def group_norm(call: Call) -> list[Value]:
    value = call.only_value()
    value = call.last(value, call.axis(value, call.spec.integers("axis", -1)[0]))
    groups = call.spec.count("groups", 32, least=-1)
    groups = call.shape(value).channels if groups == -1 else groups
    gain, offset = call.spec.flag("scale", True), call.spec.flag("center", True)
    return [call.add("norm", norm.GroupNorm(groups=groups, gain=gain, offset=offset), value)]


def normalization(call: Call) -> list[Value]:
    """Read Normalization. Its mean and variance count as buffers if they come from data, not if the file states them."""
    value = call.only_value()
    if call.spec.config.get("mean") is not None:
        return [call.add_identity(value)]
    keys = call.spec.config.get("axis", -1)
    if keys in (None, [], ()):
        return [call.add("norm", norm.Standardize(per="layer"), value)]
    keys = call.spec.integers("axis", -1)
    if len(keys) != 1:
        raise call.spec.problem("keeps statistics for several axes, which is not supported", code="unknown-layer")
    value = call.last(value, call.axis(value, keys[0]))
    return [call.add("norm", norm.Standardize(), value)]


def relu(call: Call) -> list[Value]:
    config = call.spec.config
    kind: type[Layer] = act.ReLU6 if config.get("max_value") == 6 else act.ReLU
    return [call.add("relu", act.LeakyReLU() if config.get("negative_slope") else kind(), call.only_value())]


def prelu(call: Call) -> list[Value]:
    value = call.only_value()
    keys = call.spec.config.get("shared_axes")
    shared = {call.axis(value, key, "shared_axes") for key in call.spec.integers("shared_axes")} if keys else set()
    lengths = [1 if axis in shared else length for axis, length in enumerate(call.keras_shape(value))]
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
    return [call.add("activation", kind, call.only_value())]


def activation_layer(call: Call) -> list[Value]:
    return [call.add_activation(call.only_value())]


def dropout(call: Call) -> list[Value]:
    rate = call.spec.config.get("rate", 0.5)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise call.spec.problem(f"has `rate` {show(rate)}: it must be a number from 0 to 1")
    if call.spec.cls == "StochasticDepth":
        return [call.add("dropout", act.DropPath(rate=float(rate)), call.only_value())]
    channels = call.spec.cls.startswith("Spatial") or _drops_channels(call.spec.config.get("noise_shape"))
    layer = act.Dropout(
        rate=float(rate),
        **({"channels": True} if channels else {}),
        **({"alpha": True} if call.spec.cls == "AlphaDropout" else {}),
    )
    return [call.add("dropout", layer, call.only_value())]


def _drops_channels(shape: Any) -> bool:
    """Return whether a `noise_shape` drops whole channels, with 1 for each axis between batch and channels."""
    return isinstance(shape, (list, tuple)) and len(shape) > 2 and set(shape[1:-1]) == {1} and shape[-1] != 1


def layer_scale(call: Call) -> list[Value]:
    return [call.add("scale", norm.Scale(), call.only_value())]


def scaled_sum(call: Call) -> list[Value]:
    """Read the sum of one value and a scaled second one in InceptionResNetV2 of keras.applications."""
    return [views.combine(call, merge.Add, call.values)]


def pass_through(call: Call) -> list[Value]:
    return [call.add_identity(value) for value in call.values]


def lambda_layer(call: Call) -> list[Value]:
    """Read Lambda as an operation of unknown cost if the file states its output shape. Its code is not run."""
    shape = call.spec.config.get("output_shape")
    if isinstance(shape, dict) and shape.get("class_name") == "__tuple__":
        shape = shape.get("items")
    shape = [shape] if type(shape) is int else shape
    whole = isinstance(shape, list) and all(type(length) is int and 1 <= length <= 2**31 for length in shape)
    if not whole or not shape or not call.values:
        help = "build the model with `Lambda(..., output_shape=(...))`, with a whole number for each axis, or with Keras layers"
        raise call.spec.problem("contains Python code, which cnncalc does not run", help, "unknown-layer")
    shape = [*call.keras_shape(call.value)[: call.lead], *shape]
    axes = len(shape)
    order = call.value.order if len(call.value.order) == axes else range(axes)
    place = sorted(range(axes), key=list(order).__getitem__)
    layer = Unknown("lambda", Shape(shape[axis] for axis in place))
    return [call.add("lambda", layer, *call.values, order=order)]


def time_distributed(call: Call) -> list[Value]:
    """Read a layer that is applied to each step. Windows get a leading axis along which they have size 1."""
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
    **{f"{kind}{n}DTranspose": windows.transposed_convolution for kind in ("Conv", "Convolution") for n in (1, 2, 3)},
    **{f"{kind}{n}D": windows.pooling for kind in POOLINGS for n in (1, 2, 3)},
    **{f"Global{kind}{n}D": windows.global_pooling for kind in POOLINGS for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pooling{n}D": windows.adaptive_pooling for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"UpSampling{n}D": windows.upsampling for n in (1, 2, 3)},
    **{f"ZeroPadding{n}D": windows.zero_padding for n in (1, 2, 3)},
    **{f"Cropping{n}D": windows.cropping for n in (1, 2, 3)},
    **dict.fromkeys(DROPOUTS, dropout),
    **dict.fromkeys(("Resizing", "CenterCrop", "RandomCrop"), windows.resizing),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization", "UnitNormalization"), layer_norm),
    **dict.fromkeys(("BatchNormalization", "SyncBatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2"), batch_norm),
    **dict.fromkeys(ACTIVATION_LAYERS, activation),
    **dict.fromkeys(views.MERGES, views.merge_layer),
    **dict.fromkeys(SAME, pass_through),
    "Dense": dense, "EinsumDense": einsum_dense, "Embedding": embedding, "GroupNormalization": group_norm,
    "Normalization": normalization, "ReLU": relu, "PReLU": prelu, "Activation": activation_layer,
    "LayerScale": layer_scale, "CustomScaleLayer": scaled_sum, "Concatenate": views.concatenate,
    "Dot": views.dot, "Flatten": views.flatten, "Reshape": views.reshape,
    "Lambda": lambda_layer, "Permute": views.permute, "RepeatVector": views.repeat_vector, "TimeDistributed": time_distributed,
    **recurrent.HANDLERS,
    **attention.HANDLERS,
}  # fmt: skip
