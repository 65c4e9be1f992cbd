"""Write layers with windows, convolutions and poolings, as ONNX operators."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from cnncalc.writers.onnx.model import Handler, Part
from cnncalc.writers.registry import WITHOUT_PLACES, Unsupported, registrar

HANDLERS: dict[str, Handler] = {}
kind = registrar(HANDLERS)
MAX_UNEVEN_WINDOWS = 64  # per axis; each becomes operators of its own
PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def window(p: Part) -> dict[str, Any]:
    """Return the attributes of an operator with windows. Padding is always written as numbers."""
    windows = p.layer.windows(p.shapes[0])
    attributes: dict[str, Any] = {"kernel_shape": [w.kernel for w in windows], "strides": [w.stride for w in windows]}
    pads = [w.before for w in windows] + [w.after for w in windows]
    if any(pads):
        attributes["pads"] = pads
    if any(w.dilation != 1 for w in windows):
        attributes["dilations"] = [w.dilation for w in windows]
    return attributes


@kind("conv", "depthwise")
def conv(p: Part) -> str:
    attributes, channels = window(p), p.shapes[0][-1]
    groups = p.layer.groups if p.layer.kind == "conv" else channels
    x = p.x("first")
    if p.layer.mode != "zeros" and "pads" in attributes:
        del attributes["pads"]
        around = cells_around((w.before, w.after) for w in p.layer.windows(p.shapes[0]))
        x = p.op("Pad", [x, p.ints(*around)], mode=PAD_MODES[p.layer.mode])
    inputs = [x, p.weight("weight", p.out[-1], channels // groups, *attributes["kernel_shape"])]
    if p.layer.bias:
        inputs.append(p.weight("bias", p.out[-1]))
    p.output("Conv", inputs, group=groups, **attributes)
    return "first"


@kind("convtranspose")
def convtranspose(p: Part) -> str:
    attributes, groups = window(p), p.layer.groups
    windows = p.layer.windows(p.shapes[0])
    # runtimes require output_padding < stride, while PyTorch also allows < dilation: then trim less at the end instead
    less = [min(w.extra, w.after) if w.extra >= w.stride else 0 for w in windows]
    if any(less):
        attributes["pads"] = [w.before for w in windows] + [
            w.after - cells for w, cells in zip(windows, less, strict=True)
        ]
    extra = [w.extra - cells for w, cells in zip(windows, less, strict=True)]
    if any(extra):
        attributes["output_padding"] = extra
    inputs = [p.x("first"), p.weight("weight", p.shapes[0][-1], p.out[-1] // groups, *attributes["kernel_shape"])]
    if p.layer.bias:
        inputs.append(p.weight("bias", p.out[-1]))
    p.output("ConvTranspose", inputs, group=groups, **attributes)
    return "first"


@kind("local")
def local(p: Part) -> str:
    """Gather the cells of each window, axis by axis, and multiply each window by its own filters."""
    windows, places = p.layer.windows(p.shapes[0]), p.out[:-1]
    rank, channels = len(windows), p.shapes[0][-1]
    x = p.x("first")
    if any(w.before or w.after for w in windows):
        pads = [0, 0, *[w.before for w in windows], 0, 0, *[w.after for w in windows]]
        x = p.op("Pad", [x, p.ints(*pads)])
    padded = [width + w.before + w.after for width, w in zip(p.shapes[0], windows, strict=False)]
    done: list[int] = []
    for axis, (w, count) in enumerate(zip(windows, places, strict=True)):  # an axis becomes windows x cells
        cells = [place * w.stride + cell for place in range(count) for cell in range(w.kernel)]
        x = p.op("Gather", [x, p.ints(*cells)], axis=2 + 2 * axis)
        done += [count, w.kernel]
        x = p.reshape(x, channels, *done, *padded[axis + 1 :])
    x = p.op("Transpose", [x], perm=[0, *range(2, 2 * rank + 2, 2), 1, *range(3, 2 * rank + 3, 2)])
    total, inside = prod(places), channels * prod(w.kernel for w in windows)
    x = p.op("MatMul", [p.reshape(x, total, 1, inside), p.weight("weight", total, inside, p.out[-1])])
    if p.layer.bias:
        p.output("Add", [p.reshape(x, *p.out), p.weight("bias", *p.out)])
    else:
        p.output("Reshape", [x, p.ints(0, *p.out)])
    return "last"


@kind("separableconv")
def separableconv(p: Part) -> str:
    deep, wide = p.layer.parts()
    x, windows, channels = p.x("first"), p.layer.windows(p.shapes[0]), p.shapes[0][-1]
    many = channels * deep.multiplier
    kernels = [w.kernel for w in windows]
    x = p.op("Conv", [x, p.weight("weight_depthwise", many, 1, *kernels)], group=channels, **window(p))
    inputs = [x, p.weight("weight_pointwise", wide.filters, many, *[1] * len(windows))]
    if wide.bias:
        inputs.append(p.weight("bias", wide.filters))
    p.output("Conv", inputs, kernel_shape=[1] * len(windows))
    return "first"


def cells_around(both: Iterable[tuple[int, int]]) -> list[int]:
    """Return the `pads` of a Pad operator on N x C x ...: the cells before each axis, then those after."""
    pairs = list(both)
    return [0, 0, *[before for before, _ in pairs], 0, 0, *[after for _, after in pairs]]


@kind("maxpool", "avgpool")
def pool(p: Part) -> str:
    """Write `ceil: true` as `ceil_mode`, or as padding if onnx would round an axis differently.

    PyTorch drops a window that would start after the end of the input, and onnx.shape_inference does not. If that
    happens on one axis, the cells that rounding up adds on the others are written as padding.
    """
    windows = list(p.layer.windows(p.shapes[0]))
    most = p.layer.kind == "maxpool"
    attributes: dict[str, Any] = {"kernel_shape": [w.kernel for w in windows], "strides": [w.stride for w in windows]}
    beyond = []  # cells of the last window after the end of the padded axis
    up = True
    for w, width, length in zip(windows, p.shapes[0], p.out, strict=False):
        room = width + w.before + w.after - w.reach
        beyond.append(max((length - 1) * w.stride - room, 0))
        up = up and length == -(-room // w.stride) + 1
    after = [w.after for w in windows]
    if any(beyond) and up:
        attributes["ceil_mode"] = 1
    elif any(beyond):
        after = [w.after + more for w, more in zip(windows, beyond, strict=True)]
    pads = [w.before for w in windows] + after
    if any(pads):
        attributes["pads"] = pads
        if not most:
            attributes["count_include_pad"] = 1  # PyTorch's default
    if any(w.dilation != 1 for w in windows):
        attributes["dilations"] = [w.dilation for w in windows]
    p.output("MaxPool" if most else "AveragePool", [p.x("first")], **attributes)
    return "first"


@kind("globalavgpool", "globalmaxpool")
def globalpool(p: Part) -> str:
    start = 2 if p.layouts[0] == "first" else 1
    axes = p.ints(*range(start, start + len(p.shapes[0]) - 1))
    p.output("ReduceMean" if p.layer.kind == "globalavgpool" else "ReduceMax", [p.x(), axes], keepdims=0)
    return "first"


@kind("adaptiveavgpool", "adaptivemaxpool")
def adaptive(p: Part) -> str:
    pool_to_lengths(p, "Average" if p.layer.kind == "adaptiveavgpool" else "Max")
    return "first"


def pool_to_lengths(p: Part, word: str) -> None:
    """Pool to given lengths with PyTorch's windows, which reach from floor(i*W/n) up to ceil((i+1)*W/n)."""
    pairs = list(zip(p.shapes[0][:-1], p.out[:-1], strict=True))
    if all(length == 1 for _, length in pairs):
        p.output(f"Global{word}Pool", [p.x("first")])
    elif all(width % length == 0 for width, length in pairs):
        parts = [width // length for width, length in pairs]
        p.output(f"{word}Pool", [p.x("first")], kernel_shape=parts, strides=parts)
    else:
        _pool_unevenly(p, word, pairs)


def _pool_unevenly(p: Part, word: str, pairs: list[tuple[int, int]]) -> None:
    """Cut windows of different lengths out and reduce each. Means of rows, then of columns, give the mean of both."""
    x = p.x("first")
    changed = [axis for axis, (width, length) in enumerate(pairs) if width != length]
    op = "ReduceMean" if word == "Average" else "ReduceMax"
    for axis in changed:
        width, length = pairs[axis]
        if length > MAX_UNEVEN_WINDOWS:
            raise Unsupported(
                f"an axis of {width} becomes {length} windows of uneven lengths, for which ONNX has no operator"
            )
        along = p.ints(axis + 2)
        parts = []
        for place in range(length):
            start, stop = place * width // length, -(-(place + 1) * width // length)
            part = p.op("Slice", [x, p.ints(start), p.ints(stop), along])
            parts.append(p.op(op, [part, along], keepdims=1) if stop - start > 1 else part)
        if axis == changed[-1]:
            p.output("Concat", parts, axis=axis + 2)
        else:
            x = p.op("Concat", parts, axis=axis + 2)


@kind("maxunpool")
def maxunpool(p: Part) -> str:
    raise Unsupported(WITHOUT_PLACES)
