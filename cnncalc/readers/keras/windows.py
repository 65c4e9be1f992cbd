"""Keras' layers that slide a window, pad, crop or resize. The leading axes of TimeDistributed stay as they are."""

from __future__ import annotations

from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv, ConvTranspose, Depthwise, Local
from cnncalc.layers.pool import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from cnncalc.layers.reshape import Padding, Reshape, Resize, Slice, Upsample
from cnncalc.readers.keras.call import Call, Value
from cnncalc.readers.keras.views import AXES
from cnncalc.text import show

SIDES = {
    1: ("start", "end"),
    2: ("top", "bottom", "left", "right"),
    3: ("front", "back", "top", "bottom", "left", "right"),
}


def with_lead(call: Call, numbers: tuple[int, ...], fill: int = 1) -> tuple[int, ...]:
    """Prepend sizes for the leading axes of TimeDistributed."""
    return (fill,) * call.lead + numbers


def image(call: Call) -> tuple[Value, int]:
    """Return the input with channels last, and the number of the layer's spatial axes."""
    axes = call.spec.dimensions
    value = call.channels_last(call.only_value(), axes)
    if axes + call.lead > 3:
        raise call.spec.problem("has too many axes within TimeDistributed", code="needs-image")
    return value, axes


def padding(call: Call, kernels: tuple[int, ...], dilations: tuple[int, ...]) -> int | str | dict[str, int]:
    """Return the padding: `same`, 0, or that of a causal layer."""
    word = call.spec.word("padding", "valid", ("valid", "same", "causal"))
    if word == "causal":
        if len(kernels) != 1 or call.lead:
            raise call.spec.problem("cannot be causal: only layers on sequences can, outside of TimeDistributed")
        named = call.spec.cls.startswith(("Conv", "Depthwise", "Separable"))
        return "causal" if named else {"start": dilations[0] * (kernels[0] - 1), "end": 0}
    return "same" if word == "same" else 0


def convolution(call: Call) -> list[Value]:
    value, axes = image(call)
    spec = call.spec
    kernels, strides = spec.counts("kernel_size", axes, 1), spec.counts("strides", axes, 1)
    dilations = spec.counts("dilation_rate", axes, 1)
    shared: dict[str, Any] = {
        "kernel": with_lead(call, kernels), "stride": with_lead(call, strides), "dilation": with_lead(call, dilations),
        "pad": padding(call, kernels, dilations),
    }  # fmt: skip
    bias = spec.flag("use_bias", True)
    if spec.cls.startswith("Depthwise"):
        layer: Layer = Depthwise(**shared, multiplier=spec.count("depth_multiplier", 1), bias=bias)
        return [call.add_activation(call.add("conv", layer, value))]
    filters = spec.count("filters")
    if spec.cls.startswith("Separable"):
        deep = Depthwise(**shared, multiplier=spec.count("depth_multiplier", 1), bias=False)
        value = call.add("depthwise", deep, value)
        return [call.add_activation(call.add("pointwise", Conv(filters=filters, kernel=1, bias=bias), value))]
    if spec.cls.startswith("LocallyConnected"):
        del shared["dilation"]
        if spec.config.get("implementation") not in (None, 1, 2, 3):
            raise spec.problem("has an unknown `implementation`")
        return [call.add_activation(call.add("local", Local(**shared, filters=filters, bias=bias), value))]
    layer = Conv(**shared, filters=filters, groups=spec.count("groups", 1), bias=bias)
    return [call.add_activation(call.add("conv", layer, value))]


def transposed_convolution(call: Call) -> list[Value]:
    """Read a transposed convolution.

    The output size in Keras is (W - 1)*S + max(F, S) for `valid` and W*S for `same`, unless `output_padding` is given.
    """
    value, axes = image(call)
    spec = call.spec
    kernels, strides = spec.counts("kernel_size", axes, 1), spec.counts("strides", axes, 1)
    dilations = spec.counts("dilation_rate", axes, 1)
    reaches = [dilation * (kernel - 1) + 1 for kernel, dilation in zip(kernels, dilations, strict=True)]
    extra = spec.counts("output_padding", axes, least=0) if spec.config.get("output_padding") is not None else None
    pad: Any = 0
    if spec.word("padding", "valid", ("valid", "same")) == "same":
        pad = "same" if extra is None else with_lead(call, tuple(reach // 2 for reach in reaches), 0)
        extra = extra or (0,) * axes
    elif extra is None:
        extra = tuple(max(stride - reach, 0) for stride, reach in zip(strides, reaches, strict=True))
    layer = ConvTranspose(
        filters=spec.count("filters"), kernel=with_lead(call, kernels), stride=with_lead(call, strides), pad=pad,
        output_pad=with_lead(call, extra, 0), dilation=with_lead(call, dilations), bias=spec.flag("use_bias", True),
    )  # fmt: skip
    return [call.add_activation(call.add("conv", layer, value))]


def pooling(call: Call) -> list[Value]:
    value, axes = image(call)
    kernels = call.spec.counts("pool_size", axes, 2)
    strides = call.spec.counts("strides", axes, kernels)
    kind = MaxPool if call.spec.cls.startswith("Max") else AvgPool
    pad = padding(call, kernels, (1,) * axes)
    return [call.add("pool", kind(kernel=with_lead(call, kernels), stride=with_lead(call, strides), pad=pad), value)]


def global_pooling(call: Call) -> list[Value]:
    value, axes = image(call)
    largest = call.spec.cls.startswith("GlobalMax")
    keep = call.spec.flag("keepdims", False)
    if not keep and not call.lead:
        return [call.add("pool", GlobalMaxPool() if largest else GlobalAvgPool(), value, order=(0,))]
    shape = call.shape(value)
    output = (*shape[: call.lead], *(1,) * axes)
    value = call.add("pool", (AdaptiveMaxPool if largest else AdaptiveAvgPool)(output=output), value)
    return [value if keep else call.add("vector", Reshape(to=(*shape[: call.lead], shape[-1])), value)]


def adaptive_pooling(call: Call) -> list[Value]:
    value, axes = image(call)
    output = with_lead(call, call.spec.counts("output_size", axes))
    output = (*call.shape(value)[: call.lead], *output[call.lead :])
    return [call.add("pool", (AdaptiveMaxPool if "Max" in call.spec.cls else AdaptiveAvgPool)(output=output), value)]


def upsampling(call: Call) -> list[Value]:
    value, axes = image(call)
    mode = "nearest"
    if axes == 2:
        modes = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area", "mitchellcubic", "gaussian")
        mode = call.spec.word("interpolation", "nearest", modes)
        mode = mode if mode in modes[:3] else "bicubic"
    factor = with_lead(call, call.spec.counts("size", axes, 2))
    return [call.add("upsample", Upsample(factor=factor, mode="nearest" if call.lead else mode), value)]


def pairs(call: Call, key: str, axes: int) -> list[tuple[int, int]]:
    """Return the cells before and after each axis, written as one number, one per axis, or two per axis."""
    cells = call.spec.config.get(key, 1)
    if isinstance(cells, int):
        cells = [[cells, cells]] * axes
    elif isinstance(cells, list) and axes == 1 and all(type(number) is int for number in cells):
        cells = [cells if len(cells) == 2 else cells * 2]
    if not isinstance(cells, list) or len(cells) != axes:
        raise call.spec.problem(f"has `{key}` {show(cells)}: it must have one entry for each of {axes} axes")
    both = [pair if isinstance(pair, list) else [pair, pair] for pair in cells]
    if not all(
        len(pair) == 2 and all(type(number) is int and 0 <= number <= 1_000_000 for number in pair) for pair in both
    ):
        raise call.spec.problem(f"has `{key}` {show(cells)}: it must be whole numbers of at least 0")
    return [(pair[0], pair[1]) for pair in both]


def zero_padding(call: Call) -> list[Value]:
    value, axes = image(call)
    sides = [cells for pair in pairs(call, "padding", axes) for cells in pair]
    names = SIDES[axes + call.lead][-2 * axes :]
    if call.lead and axes == 1:
        names = ("left", "right")
    return [call.add("pad", Padding(by=dict(zip(names, sides, strict=True))), value)]


def cropping(call: Call) -> list[Value]:
    value, axes = image(call)
    names = AXES[axes + call.lead][-axes:]
    for (before, after), name, place in zip(pairs(call, "cropping", axes), names, range(call.lead, 3), strict=False):
        if before or after:
            length = call.shape(value)[place]
            if before + after >= length:
                text = f"crops {before} and {after} cells, but the {name} is only {length}"
                raise call.spec.problem(text, code="window-does-not-fit")
            value = call.add(name, Slice(start=before, stop=length - after, axis=name), value)
    return [value]


def resizing(call: Call) -> list[Value]:
    """Read Resizing, and crops to a size, which cut a larger image and resize a smaller one."""
    value = call.channels_last(call.only_value(), 2)
    sizes = (call.spec.count("height"), call.spec.count("width"))
    height, width = call.shape(value)[-3:-1]
    if call.spec.cls == "Resizing" or height < sizes[0] or width < sizes[1]:
        return [call.add("resize", Resize(to=with_lead(call, sizes, call.shape(value)[0])), value)]
    for name, size, length in zip(("height", "width"), sizes, (height, width), strict=True):
        start = (length - size) // 2
        if size < length:
            value = call.add(name, Slice(start=start, stop=start + size, axis=name), value)
    return [value]
