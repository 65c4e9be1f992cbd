"""Write layers that move, cut, join or resize values as ONNX operators."""

from __future__ import annotations

from typing import Any

from cnncalc.layers.fields.sizes import each
from cnncalc.writers.layouts import axis_of, common_layout
from cnncalc.writers.onnx.model import Handler, Part
from cnncalc.writers.onnx.windows import PAD_MODES, cells_around, pool_to_lengths
from cnncalc.writers.registry import registrar

HANDLERS: dict[str, Handler] = {}
kind = registrar(HANDLERS)
MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


@kind("flatten")
def flatten(p: Part) -> str:
    """Flatten in the order of the written shape, channels last."""
    p.output(*("Flatten", [p.x("last")]) if len(p.shapes[0]) > 1 else ("Identity", [p.x()]))
    return "first"


@kind("reshape")
def reshape(p: Part) -> str:
    p.output("Reshape", [p.x("last"), p.ints(0, *p.out)])
    return "last" if len(p.out) > 1 else "first"


@kind("permute")
def permute(p: Part) -> str:
    if len(p.out) == 1:
        p.output("Identity", [p.x()])
        return "first"
    p.output("Transpose", [p.x("last")], perm=[0, *[axis + 1 for axis in p.layer.axes]])
    return "last"


@kind("concat")
def concat(p: Part) -> str:
    layout = common_layout(p.shapes, p.layouts)
    p.output(
        "Concat", [p.x(layout, place) for place in range(len(p.shapes))],
        axis=axis_of(p.layer.axis, p.shapes[0], layout),
    )  # fmt: skip
    return layout


@kind("slice")
def write_slice(p: Part) -> str:
    axis = axis_of(p.layer.axis, p.shapes[0], p.layouts[0])
    p.output("Slice", [p.x(), p.ints(p.layer.start), p.ints(p.layer.stop), p.ints(axis), p.ints(p.layer.step)])
    return p.layouts[0]


@kind("channelshuffle")
def channelshuffle(p: Part) -> str:
    channels, *rest = p.dims("first")
    x = p.reshape(p.x("first"), p.layer.groups, channels // p.layer.groups, *rest)
    x = p.op("Transpose", [x], perm=[0, 2, 1, *range(3, len(rest) + 3)])
    p.output("Reshape", [x, p.ints(0, channels, *rest)])
    return "first"


@kind("pixelshuffle")
def pixelshuffle(p: Part) -> str:
    p.output("DepthToSpace", [p.x("first")], blocksize=p.layer.factor, mode="CRD")
    return "first"


@kind("pixelunshuffle")
def pixelunshuffle(p: Part) -> str:
    """Write SpaceToDepth, then reorder its channels to PyTorch's order, in which the cells of a channel are adjacent."""
    height, width, channels = p.out
    cells = p.layer.factor**2
    x = p.op("SpaceToDepth", [p.x("first")], blocksize=p.layer.factor)
    x = p.reshape(x, cells, channels // cells, height, width)
    x = p.op("Transpose", [x], perm=[0, 2, 1, 3, 4])
    p.output("Reshape", [x, p.ints(0, channels, height, width)])
    return "first"


@kind("pad")
def pad(p: Part) -> str:
    p.output("Pad", [p.x("first"), p.ints(*cells_around(p.layer.sides(*p.shapes)))], mode=PAD_MODES[p.layer.mode])
    return "first"


@kind("crop")
def crop(p: Part) -> str:
    start = 2 if p.layouts[0] == "first" else 1
    cuts = [
        (axis + start, (width - length) // 2, length)
        for axis, (width, length) in enumerate(zip(p.shapes[0][:-1], p.out[:-1], strict=True))
        if width != length
    ]
    if not cuts:
        p.output("Identity", [p.x()])
        return p.layouts[0]
    begins, ends = [begin for _, begin, _ in cuts], [begin + length for _, begin, length in cuts]
    p.output("Slice", [p.x(), p.ints(*begins), p.ints(*ends), p.ints(*[axis for axis, _, _ in cuts])])
    return p.layouts[0]


@kind("channelpad")
def channelpad(p: Part) -> str:
    rank, layout = len(p.out), p.layouts[0]
    after = [0] * (rank + 1)
    after[1 if layout == "first" else -1] = p.out[-1] - p.shapes[0][-1]
    p.output("Pad", [p.x(), p.ints(*[0] * (rank + 1), *after)])
    return layout


@kind("upsample", "resize")
def resize(p: Part) -> str:
    """Resize by PyTorch's rules: nearest rounds down, and the other modes sample at the centres of cells."""
    x, spatial = p.shapes[0], len(p.out) - 1
    mode = p.layer.mode
    if mode == "area":
        if any(length % width for width, length in zip(x[:-1], p.out[:-1], strict=True)):
            pool_to_lengths(p, "Average")
            return "first"
        mode = "nearest"
    attributes: dict[str, Any] = {"mode": MODES[mode], "axes": list(range(2, spatial + 2))}
    if mode == "nearest":
        attributes |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    else:
        attributes |= {"coordinate_transformation_mode": "pytorch_half_pixel"}
        attributes |= {"cubic_coeff_a": -0.75} if mode == "bicubic" else {}
    if p.layer.kind == "upsample" and p.layer.like is None:
        factors = [float(factor) for factor in each(p.layer.factor, x, "factor")]
        p.output("Resize", [p.x("first"), "", p.floats(*factors)], **attributes)
    else:
        p.output("Resize", [p.x("first"), "", "", p.ints(*p.out[:-1])], **attributes)
    return "first"
