"""What convolutions are in ONNX: their operators, and the layout of the value they make."""

from __future__ import annotations

from math import prod
from typing import Any

from cnncalc.writers.onnx.model import Part
from cnncalc.writers.onnx.views import PAD_MODES, Lower, cells_around
from cnncalc.writers.registry import WITHOUT_PLACES, Unsaid, registrar

LOWER: dict[str, Lower] = {}
kind = registrar(LOWER)
MOST_STEPS = 64  # of a convolutional LSTM, which are written out one by one


def window(p: Part) -> dict[str, Any]:
    """The attributes of an operator with windows; padding is written out, `same` too."""
    windows = p.layer.windows(p.shapes[0])
    found: dict[str, Any] = {"kernel_shape": [w.kernel for w in windows], "strides": [w.stride for w in windows]}
    pads = [w.before for w in windows] + [w.after for w in windows]
    if any(pads):
        found["pads"] = pads
    if any(w.dilation != 1 for w in windows):
        found["dilations"] = [w.dilation for w in windows]
    return found


@kind("conv", "depthwise")
def conv(p: Part) -> str:
    given, channels = window(p), p.shapes[0][-1]
    groups = p.layer.groups if p.layer.kind == "conv" else channels
    x = p.x("first")
    if p.layer.mode != "zeros" and "pads" in given:
        del given["pads"]
        around = cells_around((w.before, w.after) for w in p.layer.windows(p.shapes[0]))
        x = p.op("Pad", [x, p.ints(*around)], mode=PAD_MODES[p.layer.mode])
    inputs = [x, p.weight("weight", p.out[-1], channels // groups, *given["kernel_shape"])]
    if p.layer.bias:
        inputs.append(p.weight("bias", p.out[-1]))
    p.end("Conv", inputs, group=groups, **given)
    return "first"


@kind("convtranspose")
def convtranspose(p: Part) -> str:
    given, groups = window(p), p.layer.groups
    windows = p.layer.windows(p.shapes[0])
    # runtimes want output_padding below the stride, PyTorch allows the dilation: then less is cut off behind instead
    less = [min(w.extra, w.after) if w.extra >= w.stride else 0 for w in windows]
    if any(less):
        given["pads"] = [w.before for w in windows] + [w.after - cells for w, cells in zip(windows, less, strict=True)]
    extra = [w.extra - cells for w, cells in zip(windows, less, strict=True)]
    if any(extra):
        given["output_padding"] = extra
    inputs = [p.x("first"), p.weight("weight", p.shapes[0][-1], p.out[-1] // groups, *given["kernel_shape"])]
    if p.layer.bias:
        inputs.append(p.weight("bias", p.out[-1]))
    p.end("ConvTranspose", inputs, group=groups, **given)
    return "first"


@kind("local")
def local(p: Part) -> str:
    """Every window gathered by the places of its cells, axis by axis, and multiplied by filters of its own."""
    windows, places = p.layer.windows(p.shapes[0]), p.out[:-1]
    rank, channels = len(windows), p.shapes[0][-1]
    x = p.x("first")
    if any(w.before or w.after for w in windows):
        pads = [0, 0, *[w.before for w in windows], 0, 0, *[w.after for w in windows]]
        x = p.op("Pad", [x, p.ints(*pads)])
    padded = [width + w.before + w.after for width, w in zip(p.shapes[0], windows, strict=False)]
    done: list[int] = []
    for axis, (w, count) in enumerate(zip(windows, places, strict=True)):  # an axis becomes places x cells
        cells = [place * w.stride + cell for place in range(count) for cell in range(w.kernel)]
        x = p.op("Gather", [x, p.ints(*cells)], axis=2 + 2 * axis)
        done += [count, w.kernel]
        x = p.reshaped(x, channels, *done, *padded[axis + 1 :])
    x = p.op("Transpose", [x], perm=[0, *range(2, 2 * rank + 2, 2), 1, *range(3, 2 * rank + 3, 2)])
    total, inside = prod(places), channels * prod(w.kernel for w in windows)
    x = p.op("MatMul", [p.reshaped(x, total, 1, inside), p.weight("weight", total, inside, p.out[-1])])
    if p.layer.bias:
        p.end("Add", [p.reshaped(x, *p.out), p.weight("bias", *p.out)])
    else:
        p.end("Reshape", [x, p.ints(0, *p.out)])
    return "last"


@kind("separableconv")
def separable(p: Part) -> str:
    deep, wide = p.layer.parts()
    x, windows, channels = p.x("first"), p.layer.windows(p.shapes[0]), p.shapes[0][-1]
    many = channels * deep.multiplier
    kernels = [w.kernel for w in windows]
    x = p.op("Conv", [x, p.weight("weight_depthwise", many, 1, *kernels)], group=channels, **window(p))
    inputs = [x, p.weight("weight_pointwise", wide.filters, many, *[1] * len(windows))]
    if wide.bias:
        inputs.append(p.weight("bias", wide.filters))
    p.end("Conv", inputs, kernel_shape=[1] * len(windows))
    return "first"


@kind("convlstm")
def convlstm(p: Part) -> str:
    """Its steps one after the other: ONNX has no operator for it."""
    layer, steps, channels = p.layer, p.shapes[0][0], p.shapes[0][-1]
    if steps > MOST_STEPS:
        raise Unsaid(f"its {steps} steps would be written out one by one, and at most {MOST_STEPS} are")
    windows, filters = layer.of_frame().windows(layer.frame(p.shapes[0])), layer.filters
    kernels, rank = [w.kernel for w in windows], len(windows)
    into: dict[str, Any] = {
        "kernel_shape": kernels,
        "strides": [w.stride for w in windows],
        "dilations": [w.dilation for w in windows],
        "pads": [w.before for w in windows] + [w.after for w in windows],
    }
    before = [(kernel - 1) // 2 for kernel in kernels]
    keeping: dict[str, Any] = {
        "kernel_shape": kernels,
        "pads": before + [k - 1 - b for k, b in zip(kernels, before, strict=True)],
    }
    of_input = [p.weight("weight_ih", 4 * filters, channels, *kernels)]
    of_input += [p.weight("bias", 4 * filters)] if layer.bias else []
    of_state = p.weight("weight_hh", 4 * filters, filters, *kernels)
    x = p.x("first")
    places = p.out[-1 - rank : -1]
    shape = p.op("Concat", [p.op("Shape", [x], start=0, end=1), p.ints(filters, *places)], axis=0)
    h = c = p.op("Expand", [p.filled(0.0, 1, filters, *places), shape])
    states = []
    for step in range(steps):
        frame = p.op("Gather", [x, p.graph.numbers([step], scalar=True)], axis=2)
        both = p.op("Add", [p.op("Conv", [frame, *of_input], **into), p.op("Conv", [h, of_state], **keeping)])
        parts = [
            p.op("Slice", [both, p.ints(gate * filters), p.ints((gate + 1) * filters), p.ints(1)]) for gate in range(4)
        ]
        i, f, o = (p.op("Sigmoid", [parts[gate]]) for gate in (0, 1, 3))
        c = p.op("Add", [p.op("Mul", [f, c]), p.op("Mul", [i, p.op("Tanh", [parts[2]])])])
        out = [o, p.op("Tanh", [c])]
        if layer.returns == "last" and step == steps - 1:
            p.end("Mul", out)
            return "first"
        h = p.op("Mul", out)
        if layer.returns == "sequence":
            states.append(p.op("Unsqueeze", [h, p.ints(2)]))
    p.end("Concat", states, axis=2)
    return "first"


@kind("maxunpool")
def maxunpool(p: Part) -> str:
    raise Unsaid(WITHOUT_PLACES)
