"""Read TFLite operators with windows: convolutions, poolings, padding and resizing."""

from __future__ import annotations

from math import prod
from typing import Any

from cnncalc.layers import conv, pool, reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.layers.views import Blur
from cnncalc.readers.axes import Dims, format_dims, sizes_of
from cnncalc.readers.tflite.graph import Operation, Reader, Value
from cnncalc.readers.tflite.operators.common import Handler, build_layer
from cnncalc.readers.tflite.operators.dilated import find_dilation
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.text import show

SIDES = {1: ("start", "end"), 2: ("top", "bottom", "left", "right"),
         3: ("front", "back", "top", "bottom", "left", "right")}  # fmt: skip
SAME = 0  # of the enumeration Padding


def convolution(r: Reader, step: Operation) -> None:
    """Read CONV_2D. It has groups if its filters see fewer channels than its input has."""
    x, w, b = _image(step, 0, 4), step.required(1), step.input(2)
    if len(w.dims) != 4 or not w.dims[3] or x.dims[3] % w.dims[3]:
        step.raise_invalid(f"filters of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    dilated = step.scope.dilated.get(id(step.info))
    x = dilated.x if dilated is not None else x
    fields = _window_fields(step, x, list(w.dims[1:3])) if dilated is None else dilated.fields(list(w.dims[1:3]))
    fields |= {"filters": w.dims[0], "groups": x.dims[3] // w.dims[3], "bias": b is not None}
    _add_convolution(r, step, build_layer(step, conv.Conv, **fields), x, w, b)


def depthwise(r: Reader, step: Operation) -> None:
    """Read DEPTHWISE_CONV_2D, whose filters are 1 x height x width x (channels * multiplier)."""
    x, w, b = _image(step, 0, 4), step.required(1), step.input(2)
    if len(w.dims) != 4 or w.dims[0] != 1 or not x.dims[3] or w.dims[3] % x.dims[3] or not w.dims[3]:
        step.raise_invalid(f"filters of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    dilated = step.scope.dilated.get(id(step.info))
    x = dilated.x if dilated is not None else x
    fields = _window_fields(step, x, list(w.dims[1:3])) if dilated is None else dilated.fields(list(w.dims[1:3]))
    fields |= {"multiplier": w.dims[3] // x.dims[3], "bias": b is not None}
    _add_convolution(r, step, build_layer(step, conv.Depthwise, **fields), x, w, b)


def volume_convolution(r: Reader, step: Operation) -> None:
    """Read CONV_3D, whose filters are depth x height x width x input channels x output channels."""
    x, w, b = _image(step, 0, 5), step.required(1), step.input(2)
    if len(w.dims) != 5 or not w.dims[3] or x.dims[4] % w.dims[3]:
        step.raise_invalid(f"filters of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    if x.dims[0] != 1:
        step.raise_unsupported(f"its input has a batch of {x.dims[0]}", "convert the model for one example")
    fields = _window_fields(step, x, list(w.dims[:3]))
    fields |= {"filters": w.dims[4], "groups": x.dims[4] // w.dims[3], "bias": b is not None}
    _add_convolution(r, step, build_layer(step, conv.Conv, **fields), x, w, b)


def _add_convolution(r: Reader, step: Operation, layer: Layer, x: Value, w: Value, b: Value | None) -> None:
    r.require_weights(step, w)
    if w.index is not None:  # the filters depend on the input
        facts = layer.statistics((x.shape,))
        value = r.add_operator(
            step, _with_batch(x, facts.output), [x, w], {"bias": b}, macs=layer.macs(x.shape), views=layer.windows(x.shape),
            name=layer.kind,
        )  # fmt: skip
        r.conclude(step, value)
        return
    r.conclude(step, r.add_layer(step, layer, [x], {"weight": w, "bias": b}))
    dilated = step.scope.dilated.get(id(step.info))
    if dilated is not None:
        step.scope.results[id(dilated.last)] = step.scope.values[step.info.outputs[0]]


def _with_batch(x: Value, shape: Shape) -> Dims:
    return (1, *shape) if len(x.dims) > len(x.order) else tuple(shape)


def transposed_convolution(r: Reader, step: Operation) -> None:
    """Read TRANSPOSE_CONV, whose filters are output channels x height x width x input channels."""
    w = step.required(1)
    if len(w.dims) != 4:
        step.raise_invalid(f"its filters have {len(w.dims)} axes, not 4")
    _add_transposed(r, step, _image(step, 2, 4), w, list(w.dims[1:3]), (w.dims[0], w.dims[3]))


def transposed_volume_convolution(r: Reader, step: Operation) -> None:
    """Read CONV_3D_TRANSPOSE, whose filters are depth x height x width x output channels x input channels."""
    w = step.required(1)
    if len(w.dims) != 5:
        step.raise_invalid(f"its filters have {len(w.dims)} axes, not 5")
    _add_transposed(r, step, _image(step, 2, 5), w, list(w.dims[:3]), (w.dims[3], w.dims[4]))


def _add_transposed(
    r: Reader, step: Operation, x: Value, w: Value, kernel: list[int], channels: tuple[int, int]
) -> None:
    to, b = step.numbers(0), step.input(3)
    filters, depth = channels
    if len(to) != len(x.dims) or to[-1] != filters or x.dims[-1] != depth or min(to) < 1:
        step.raise_invalid(
            f"filters of {format_dims(w.dims)} do not turn an input of {format_dims(x.dims)} into {show(to)}"
        )
    if x.dims[0] != 1:
        step.raise_unsupported(f"its input has a batch of {x.dims[0]}", "convert the model for one example")
    add_transposed(r, step, x, w, b, to[1:-1], kernel, _per_axis(step, "stride", len(kernel)), filters)


def add_transposed(
    r: Reader, step: Operation, x: Value, w: Value, b: Value | None, to: list[int], kernel: list[int],
    strides: list[int], filters: int,
) -> None:  # fmt: skip
    """Add a transposed convolution with an output of the lengths `to`, which decide its padding."""
    rank = len(kernel)
    r.require_weights(step, w)
    if min(strides) < 1:
        step.raise_invalid(f"its strides are {show(strides)}")
    dilations = _per_axis(step, "dilation", rank) if "dilation_w" in step.info.options else [1] * rank
    fields: dict[str, Any] = {"filters": filters, "kernel": sizes_of(kernel), "stride": sizes_of(strides)}
    fields |= {"dilation": sizes_of(dilations), "bias": b is not None}
    before, after, extra = [0] * rank, [0] * rank, [0] * rank
    for axis in range(rank):
        reach = dilations[axis] * (kernel[axis] - 1) + 1
        total = (x.dims[axis + 1] - 1) * strides[axis] + reach - to[axis]
        before[axis], after[axis], extra[axis] = max(total, 0) // 2, max(total, 0) - max(total, 0) // 2, max(-total, 0)
    if step.info.options.get("padding") == SAME and all(x.dims[a + 1] * strides[a] == to[a] for a in range(rank)):
        layer = build_layer(step, conv.ConvTranspose, pad="same", **fields)
    elif all(cells < max(strides[a], dilations[a]) for a, cells in enumerate(extra)):
        layer = build_layer(step, conv.ConvTranspose, pad=_pad(before, after), output_pad=sizes_of(extra), **fields)
    else:
        like = build_layer(step, conv.ConvTranspose, **fields)
        windows = tuple(
            TransposedWindow(kernel[a], strides[a], before[a], after[a], dilations[a], extra[a]) for a in range(rank)
        )
        layer = Operator(like.kind, Shape((*to, filters)), like=like, views=windows)
    r.conclude(step, r.add_layer(step, layer, [x], {"weight": w, "bias": b}))


def pooling(r: Reader, step: Operation) -> None:
    """Read MAX_POOL_2D, AVERAGE_POOL_2D and L2_POOL_2D."""
    x = _image(step, 0, 4)
    fields = _window_fields(step, x, _per_axis(step, "filter", 2))
    del fields["dilation"]
    layer = build_layer(step, pool.MaxPool if step.kind == "MAX_POOL_2D" else pool.AvgPool, **fields)
    if step.kind == "L2_POOL_2D":
        windows = tuple(window for window in layer.windows(x.shape) or () if isinstance(window, Window))
        lengths = [window.out(width) for window, width in zip(windows, x.shape, strict=False)]
        layer = Operator("l2pool", Shape((*lengths, x.dims[3])), views=windows)
    r.conclude(step, r.add_layer(step, layer, [x]))


def _image(step: Operation, place: int, rank: int) -> Value:
    x = step.required(place)
    if len(x.dims) != rank:
        step.raise_invalid(f"its input of {format_dims(x.dims)} has {len(x.dims)} axes, not {rank}")
    return x


def _per_axis(step: Operation, name: str, rank: int) -> list[int]:
    return [int(step.option(f"{name}_{letter}")) for letter in "dhw"[-rank:]]


def _window_fields(step: Operation, x: Value, kernel: list[int]) -> dict[str, Any]:
    """Return kernel, stride, pad and dilation of a layer. A batch other than 1 becomes an axis with a kernel of 1."""
    rank = len(kernel)
    strides = _per_axis(step, "stride", rank)
    dilations = _per_axis(step, "dilation", rank) if "dilation_w" in step.info.options else [1] * rank
    if x.dims[0] != 1:
        kernel, strides, dilations = [1, *kernel], [1, *strides], [1, *dilations]
    pad = "same" if step.option("padding") == SAME else 0
    return {"kernel": sizes_of(kernel), "stride": sizes_of(strides), "dilation": sizes_of(dilations), "pad": pad}


def _pad(before: list[int], after: list[int]) -> Any:
    if before == after:
        return sizes_of(before)
    both = [cells for pair in zip(before, after, strict=True) for cells in pair]
    return dict(zip(SIDES[len(before)], both, strict=True))


def pad(r: Reader, step: Operation) -> None:
    """Read PAD, PADV2 and MIRROR_PAD along any axes."""
    x, cells = step.required(0), step.numbers(1)
    rank = len(x.dims)
    if len(cells) != 2 * rank or min(cells, default=0) < 0:
        step.raise_invalid(f"paddings {show(cells)} do not fit {rank} axes")
    before, after = cells[::2], cells[1::2]
    dims = tuple(length + a + b for length, a, b in zip(x.dims, before, after, strict=True))
    if dims == x.dims:
        r.set_output(step, x)
        return
    changed = [axis for axis in range(rank) if before[axis] or after[axis]]
    symmetric = step.kind == "MIRROR_PAD" and step.option("mode") == 1
    mode = "reflect" if step.kind == "MIRROR_PAD" else "zeros"
    spatial = len(x.order) - 1
    if not symmetric and x.index is not None and 1 <= spatial <= 3 and set(changed) <= set(x.order[:-1]):
        sides = _pad([before[axis] for axis in x.order[:-1]], [after[axis] for axis in x.order[:-1]])
        r.set_output(step, r.add_layer(step, build_layer(step, reshape.Padding, by=sides, mode=mode), [x]))
        return
    after_channels = changed == [rank - 1] and not before[-1] and mode == "zeros" and x.order[-1:] == (rank - 1,)
    if after_channels and x.index is not None:
        r.set_output(step, r.add_layer(step, build_layer(step, reshape.ChannelPad, to=dims[-1]), [x]))
        return
    r.set_output(step, r.add_operator(step, dims, [x], views=(Blur(),)))


def resize(r: Reader, step: Operation) -> None:
    """Read RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR, to a height and a width."""
    x, to = _image(step, 0, 4), step.numbers(1)
    if len(to) != 2 or min(to) < 1:
        step.raise_invalid(f"its size {show(to)} is not a height and a width of at least 1")
    mode = "nearest" if "NEAREST" in step.kind else "bilinear"
    dims = (x.dims[0], *to, x.dims[3])
    if x.index is None or x.dims[0] != 1:
        r.set_output(step, r.add_operator(step, dims, [x], views=(Blur(),)))
        return
    factors = [new // old for new, old in zip(to, x.dims[1:3], strict=True)]
    if all(old * factor == new for old, factor, new in zip(x.dims[1:3], factors, to, strict=True)):
        layer = build_layer(step, reshape.Upsample, factor=sizes_of(factors), mode=mode)
    else:
        layer = build_layer(step, reshape.Resize, to=tuple(to), mode=mode)
    r.set_output(step, r.add_layer(step, layer, [x]))


def move_blocks(r: Reader, step: Operation) -> None:
    """Read DEPTH_TO_SPACE and SPACE_TO_DEPTH."""
    x, block = _image(step, 0, 4), step.option("block")
    if block < 1:
        step.raise_invalid(f"its blocks have a length of {block}")
    batch, height, width, channels = x.dims
    if step.kind == "DEPTH_TO_SPACE":
        dims: Dims = (batch, height * block, width * block, channels // block**2)
        layer = build_layer(step, reshape.PixelShuffle, factor=block)
    else:
        dims = (batch, height // block, width // block, channels * block**2)
        layer = build_layer(step, reshape.PixelUnshuffle, factor=block)
    if batch == 1 and x.index is not None:
        r.set_output(step, r.add_layer(step, layer, [x]))
    elif prod(dims) == x.size:
        r.set_output(step, r.add_operator(step, dims, [x], views=(Blur(),)))
    else:
        step.raise_invalid(f"an input of {format_dims(x.dims)} cannot be divided into blocks of {block}")


def space_to_batch(r: Reader, step: Operation) -> None:
    """Read SPACE_TO_BATCH_ND. Old files write a dilated convolution with it, which is read as one layer."""
    x, block, cells = step.required(0), step.numbers(1), step.numbers(2)
    if len(cells) != 2 * len(block) or len(x.dims) < len(block) + 1 or min([*block, 1]) < 1 or min([*cells, 0]) < 0:
        step.raise_invalid(f"blocks {show(block)} and paddings {show(cells)} do not fit {format_dims(x.dims)}")
    lengths = [length + cells[2 * a] + cells[2 * a + 1] for a, length in enumerate(x.dims[1 : len(block) + 1])]
    if any(length % cut for length, cut in zip(lengths, block, strict=True)):
        step.raise_invalid(f"{format_dims(lengths)} cannot be divided into blocks of {show(block)}")
    dims = (
        x.dims[0] * prod(block), *[n // cut for n, cut in zip(lengths, block, strict=True)], *x.dims[len(block) + 1 :]
    )  # fmt: skip
    dilated = find_dilation(step, x, block, cells)
    if dilated is not None:
        step.scope.dilated[id(dilated.convolution)] = dilated
        step.scope.hidden.update((step.info.outputs[0], dilated.convolution.outputs[0]))
        step.scope.values[step.info.outputs[0]] = Value(dims, x.index)
        return
    r.set_output(step, r.add_operator(step, dims, [x], views=(Blur(),)))


def batch_to_space(r: Reader, step: Operation) -> None:
    """Read BATCH_TO_SPACE_ND."""
    result = step.scope.results.get(id(step.info))
    if result is not None:
        r.set_output(step, result)
        return
    x, block, crops = step.required(0), step.numbers(1), step.numbers(2)
    if len(crops) != 2 * len(block) or len(x.dims) < len(block) + 1 or min([*block, 1]) < 1 or min([*crops, 0]) < 0:
        step.raise_invalid(f"blocks {show(block)} and crops {show(crops)} do not fit {format_dims(x.dims)}")
    if x.dims[0] % prod(block):
        step.raise_invalid(f"a batch of {x.dims[0]} cannot be divided into blocks of {show(block)}")
    lengths = [
        n * cut - crops[2 * a] - crops[2 * a + 1] for a, (n, cut) in enumerate(zip(x.dims[1:], block, strict=False))
    ]
    dims = (x.dims[0] // prod(block), *lengths, *x.dims[len(block) + 1 :])
    if min(lengths) < 1:
        step.raise_invalid(f"its output would be empty: {format_dims(dims)}")
    r.set_output(step, r.add_operator(step, dims, [x], views=(Blur(),)))


HANDLERS: dict[str, Handler] = {
    "CONV_2D": convolution, "DEPTHWISE_CONV_2D": depthwise, "CONV_3D": volume_convolution,
    "TRANSPOSE_CONV": transposed_convolution, "CONV_3D_TRANSPOSE": transposed_volume_convolution,
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D"), pooling),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), pad),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), resize),
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), move_blocks),
    "SPACE_TO_BATCH_ND": space_to_batch, "BATCH_TO_SPACE_ND": batch_to_space,
}  # fmt: skip
