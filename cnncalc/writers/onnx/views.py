"""What poolings, merges and moves are in ONNX: their operators, and the layout of the value they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cnncalc.layers.sizes import each
from cnncalc.writers.layouts import axis_of, together
from cnncalc.writers.onnx.model import Part
from cnncalc.writers.registry import Unsaid, registrar

Lower = Callable[[Part], str]
LOWER: dict[str, Lower] = {}
kind = registrar(LOWER)
LARGEST_ADAPTIVE = 64  # windows of uneven lengths along an axis that are written out one by one

# -- poolings ---------------------------------------------------------------------------------------------------------


@kind("maxpool", "avgpool")
def pool(p: Part) -> str:
    """Rounding up is `ceil_mode` where onnx rounds every axis as cnncalc does.

    onnx.shape_inference lacks PyTorch's rule that no window may start behind the input; where that counts on some axis,
    what rounding up adds on the others is written as padding behind.
    """
    windows = list(p.layer.windows(p.shapes[0]))
    most = p.layer.kind == "maxpool"
    given: dict[str, Any] = {"kernel_shape": [w.kernel for w in windows], "strides": [w.stride for w in windows]}
    beyond = []  # cells by which the last window reaches beyond the padded axis
    up = True
    for w, width, length in zip(windows, p.shapes[0], p.out, strict=False):
        room = width + w.before + w.after - w.reach
        beyond.append(max((length - 1) * w.stride - room, 0))
        up = up and length == -(-room // w.stride) + 1
    after = [w.after for w in windows]
    if any(beyond) and up:
        given["ceil_mode"] = 1
    elif any(beyond):
        after = [w.after + more for w, more in zip(windows, beyond, strict=True)]
    pads = [w.before for w in windows] + after
    if any(pads):
        given["pads"] = pads
        if not most:
            given["count_include_pad"] = 1  # as PyTorch does unless told otherwise
    if any(w.dilation != 1 for w in windows):
        given["dilations"] = [w.dilation for w in windows]
    p.end("MaxPool" if most else "AveragePool", [p.x("first")], **given)
    return "first"


@kind("globalavgpool", "globalmaxpool")
def globalpool(p: Part) -> str:
    start = 2 if p.layouts[0] == "first" else 1
    axes = p.ints(*range(start, start + len(p.shapes[0]) - 1))
    p.end("ReduceMean" if p.layer.kind == "globalavgpool" else "ReduceMax", [p.x(), axes], keepdims=0)
    return "first"


@kind("adaptiveavgpool", "adaptivemaxpool")
def adaptive(p: Part) -> str:
    adapted(p, "Average" if p.layer.kind == "adaptiveavgpool" else "Max")
    return "first"


def adapted(p: Part, word: str) -> None:
    """Windows that make an axis of a given length, as PyTorch chooses them: from floor(i*W/n) up to ceil((i+1)*W/n)."""
    pairs = list(zip(p.shapes[0][:-1], p.out[:-1], strict=True))
    if all(length == 1 for _, length in pairs):
        p.end(f"Global{word}Pool", [p.x("first")])
    elif all(width % length == 0 for width, length in pairs):
        parts = [width // length for width, length in pairs]
        p.end(f"{word}Pool", [p.x("first")], kernel_shape=parts, strides=parts)
    else:
        _uneven(p, word, pairs)


def _uneven(p: Part, word: str, pairs: list[tuple[int, int]]) -> None:
    """Windows of several lengths, cut out and reduced one by one; means of rows, then of columns, are means."""
    x = p.x("first")
    changed = [axis for axis, (width, length) in enumerate(pairs) if width != length]
    op = "ReduceMean" if word == "Average" else "ReduceMax"
    for axis in changed:
        width, length = pairs[axis]
        if length > LARGEST_ADAPTIVE:
            raise Unsaid(
                f"an axis of {width} becomes {length} windows of uneven lengths, which ONNX has no operator for"
            )
        along = p.ints(axis + 2)
        parts = []
        for place in range(length):
            start, stop = place * width // length, -(-(place + 1) * width // length)
            part = p.op("Slice", [x, p.ints(start), p.ints(stop), along])
            parts.append(p.op(op, [part, along], keepdims=1) if stop - start > 1 else part)
        if axis == changed[-1]:
            p.end("Concat", parts, axis=axis + 2)
        else:
            x = p.op("Concat", parts, axis=axis + 2)


# -- merges -----------------------------------------------------------------------------------------------------------

JOINS = {"add": "Add", "mul": "Mul", "sub": "Sub", "average": "Mean", "maximum": "Max", "minimum": "Min"}


@kind(*JOINS)
def elementwise(p: Part) -> str:
    layout = together(p.shapes, p.layouts)
    rank = max(len(shape) for shape in p.shapes)
    xs = []
    for place, shape in enumerate(p.shapes):
        x, missing = p.x(layout, place), rank - len(shape)
        if missing:  # axes of length 1 in front, but behind the channels
            start = 2 if layout == "first" else 1
            x = p.op("Unsqueeze", [x, p.ints(*range(start, start + missing))])
        xs.append(x)
    op = JOINS[p.layer.kind]
    if len(xs) == 1:
        p.end("Identity", xs)
        return layout
    if op == "Add" and len(xs) > 2:
        op = "Sum"
    if op in ("Mul", "Sub"):
        for other in xs[1:-1]:
            xs[0] = p.op(op, [xs[0], other])
        xs = [xs[0], xs[-1]]
    p.end(op, xs)
    return layout


@kind("concat")
def concat(p: Part) -> str:
    layout = together(p.shapes, p.layouts)
    p.end(
        "Concat", [p.x(layout, place) for place in range(len(p.shapes))],
        axis=axis_of(p.layer.axis, p.shapes[0], layout),
    )  # fmt: skip
    return layout


# -- other shapes -----------------------------------------------------------------------------------------------------


@kind("flatten")
def flatten(p: Part) -> str:
    """Rows of rows of channels, as the shape is written."""
    p.end(*("Flatten", [p.x("last")]) if len(p.shapes[0]) > 1 else ("Identity", [p.x()]))
    return "first"


@kind("reshape")
def reshape(p: Part) -> str:
    p.end("Reshape", [p.x("last"), p.ints(0, *p.out)])
    return "last" if len(p.out) > 1 else "first"


@kind("permute")
def permute(p: Part) -> str:
    if len(p.out) == 1:
        p.end("Identity", [p.x()])
        return "first"
    p.end("Transpose", [p.x("last")], perm=[0, *[axis + 1 for axis in p.layer.axes]])
    return "last"


@kind("slice")
def cut(p: Part) -> str:
    axis = axis_of(p.layer.axis, p.shapes[0], p.layouts[0])
    p.end("Slice", [p.x(), p.ints(p.layer.start), p.ints(p.layer.stop), p.ints(axis), p.ints(p.layer.step)])
    return p.layouts[0]


@kind("channelshuffle")
def channelshuffle(p: Part) -> str:
    channels, *rest = p.dims("first")
    x = p.reshaped(p.x("first"), p.layer.groups, channels // p.layer.groups, *rest)
    x = p.op("Transpose", [x], perm=[0, 2, 1, *range(3, len(rest) + 3)])
    p.end("Reshape", [x, p.ints(0, channels, *rest)])
    return "first"


@kind("pixelshuffle")
def pixelshuffle(p: Part) -> str:
    p.end("DepthToSpace", [p.x("first")], blocksize=p.layer.factor, mode="CRD")
    return "first"


@kind("pixelunshuffle")
def pixelunshuffle(p: Part) -> str:
    """SpaceToDepth, whose channels then change their order to that of PyTorch: all cells of one channel together."""
    height, width, channels = p.out
    cells = p.layer.factor**2
    x = p.op("SpaceToDepth", [p.x("first")], blocksize=p.layer.factor)
    x = p.reshaped(x, cells, channels // cells, height, width)
    x = p.op("Transpose", [x], perm=[0, 2, 1, 3, 4])
    p.end("Reshape", [x, p.ints(0, channels, height, width)])
    return "first"


PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def cells_around(both: Iterable[tuple[int, int]]) -> list[int]:
    """The numbers of a `Pad` of N x C x ...: those before all axes, then those after."""
    pairs = list(both)
    return [0, 0, *[before for before, _ in pairs], 0, 0, *[after for _, after in pairs]]


@kind("pad")
def pad(p: Part) -> str:
    p.end("Pad", [p.x("first"), p.ints(*cells_around(p.layer.sides(*p.shapes)))], mode=PAD_MODES[p.layer.mode])
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
        p.end("Identity", [p.x()])
        return p.layouts[0]
    begins, ends = [begin for _, begin, _ in cuts], [begin + length for _, begin, length in cuts]
    p.end("Slice", [p.x(), p.ints(*begins), p.ints(*ends), p.ints(*[axis for axis, _, _ in cuts])])
    return p.layouts[0]


@kind("channelpad")
def channelpad(p: Part) -> str:
    rank, layout = len(p.out), p.layouts[0]
    after = [0] * (rank + 1)
    after[1 if layout == "first" else -1] = p.out[-1] - p.shapes[0][-1]
    p.end("Pad", [p.x(), p.ints(*[0] * (rank + 1), *after)])
    return layout


MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


@kind("upsample", "resize")
def resize(p: Part) -> str:
    """Resize by the rules of PyTorch: nearest takes the cell below, the others read at the middle of cells."""
    x, spatial = p.shapes[0], len(p.out) - 1
    mode = p.layer.mode
    if mode == "area":
        if any(length % width for width, length in zip(x[:-1], p.out[:-1], strict=True)):
            adapted(p, "Average")
            return "first"
        mode = "nearest"
    given: dict[str, Any] = {"mode": MODES[mode], "axes": list(range(2, spatial + 2))}
    if mode == "nearest":
        given |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    else:
        given |= {"coordinate_transformation_mode": "pytorch_half_pixel"}
        given |= {"cubic_coeff_a": -0.75} if mode == "bicubic" else {}
    if p.layer.kind == "upsample" and p.layer.like is None:
        factors = [float(factor) for factor in each(p.layer.factor, x, "factor")]
        p.end("Resize", [p.x("first"), "", p.floats(*factors)], **given)
    else:
        p.end("Resize", [p.x("first"), "", "", p.ints(*p.out[:-1])], **given)
    return "first"
