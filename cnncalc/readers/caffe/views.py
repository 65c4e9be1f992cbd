"""Layers that only rearrange numbers: flattening, reshaping, cutting and joining."""

from __future__ import annotations

from itertools import pairwise
from math import prod

from cnncalc.layers.activation import Identity
from cnncalc.layers.base import Layer
from cnncalc.layers.merge import Concat
from cnncalc.layers.reshape import ChannelShuffle, PixelShuffle, Slice
from cnncalc.layers.views import Blur
from cnncalc.problem import Problem
from cnncalc.readers.axes import natural_order
from cnncalc.readers.caffe.blobs import MOST_AXES, Blob, Call, shape_text
from cnncalc.shape import AXES


def flatten(call: Call) -> list[Blob]:
    """`Flatten` of the axes from `axis` to `end_axis`, by default all but the batch."""
    blob, param = call.input, call.param("flatten_param")
    start = call.axis(param.integer("axis", 1, -MOST_AXES), blob.dims)
    end = call.axis(param.integer("end_axis", -1, -MOST_AXES), blob.dims, field="end_axis")
    if end < start:
        raise param.problem("`end_axis` comes before `axis`", field="end_axis")
    dims = (*blob.dims[:start], prod(blob.dims[start : end + 1]), *blob.dims[end + 1 :])
    if start <= 1 and end == len(blob.dims) - 1:
        return [Blob(vector.node, dims, vector.order) for vector in [call.vector(blob)]]
    return [call.reshaped(blob, dims)]


def reshape(call: Call) -> list[Blob]:
    """`Reshape`: 0 keeps an axis, -1 is the rest."""
    blob, param = call.input, call.param("reshape_param")
    shape = param.message("shape")
    wanted = shape.integers("dim", -1)
    start = call.axis(param.integer("axis", 0, -MOST_AXES), blob.dims, extra=1)
    count = param.integer("num_axes", -1, -1)
    end = len(blob.dims) if count == -1 else start + count
    if end > len(blob.dims):
        raise param.problem(
            f"replaces {count} axes from axis {start}, but the blob is {shape_text(blob.dims)}", field="num_axes"
        )
    if len(wanted) > MOST_AXES:
        raise shape.problem(f"a blob has at most {MOST_AXES} axes", field="dim")
    new = []
    for place, length in enumerate(wanted):
        if length == 0 and start + place >= len(blob.dims):
            raise shape.problem(f"dimension {place} is 0, but there is no axis {start + place} to keep", field="dim")
        first = start + place == 0 and length == call.batch  # the batch of the file is read as 1
        new.append(blob.dims[start + place] if length == 0 else 1 if first else length)
    dims = [*blob.dims[:start], *new, *blob.dims[end:]]
    if dims.count(-1) > 1:
        raise shape.problem("several dimensions are -1", "write -1 once", "dim")
    size, known = prod(blob.dims), prod(length for length in dims if length != -1)
    if -1 in dims and known and size % known == 0:
        dims[dims.index(-1)] = size // known
    if prod(dims) != size or len(dims) > MOST_AXES:
        written = shape_text([*blob.dims[:start], *wanted, *blob.dims[end:]])
        text = f"{shape_text(blob.dims)} has {size:,} numbers, which do not fit into {written}"
        raise call.problem(text, "write -1 for one dimension", "sizes-differ", "reshape_param")
    if len(dims) < 2 or dims[0] != 1:
        raise _mixes(call, dims)
    return [call.reshaped(blob, tuple(dims)) if tuple(dims) != blob.dims else call.same(Identity(), blob)]


def _mixes(call: Call, dims: list[int]) -> Problem:
    text = f"makes a blob of {shape_text(dims)}, which mixes the batch with other axes"
    return call.problem(text, "keep the batch as the first axis: write 0 for it", "unsupported", "reshape_param")


def permute(call: Call) -> list[Blob]:
    """`Permute` of the SSD fork. Axes that are not listed follow in their order."""
    blob, param = call.input, call.param("permute_param")
    axes = param.integers("order")
    rank = len(blob.dims)
    if len(set(axes)) < len(axes) or any(axis >= rank for axis in axes):
        raise param.problem(f"`order` must list axes from 0 to {rank - 1}, each once", field="order")
    axes += [axis for axis in range(rank) if axis not in axes]
    if axes[0] != 0:
        raise call.problem("moves the batch to another axis", "keep axis 0 first", "unsupported", "permute_param")
    return [call.permuted(blob, axes)]


def split(call: Call) -> list[Blob]:
    """`Split`: the same blob under several names."""
    blob = call.same(Identity(), call.input)
    return [blob] * len(call.layer.tops)


def concat(call: Call) -> list[Blob]:
    """`Concat` along an axis, by default the channels."""
    param = call.param("concat_param")
    if not call.inputs:
        raise call.problem("has no bottom blobs", "list them as `bottom`")
    first = call.inputs[0]
    axis = call.axis(param.integer("axis", param.integer("concat_dim", 1), -MOST_AXES), first.dims)
    for blob in call.inputs[1:]:
        if len(blob.dims) != len(first.dims) or any(
            one != other for place, (one, other) in enumerate(zip(blob.dims, first.dims, strict=True)) if place != axis
        ):
            text = (
                f"blobs of {shape_text(first.dims)} and {shape_text(blob.dims)} differ along an axis other than {axis}"
            )
            raise call.problem(text, "check the padding and stride of the layers above", "shapes-differ", "bottom")
    if axis == 0:
        raise call.problem("joins along the batch", "join along another axis", "unsupported", "concat_param")
    dims = (*first.dims[:axis], sum(blob.dims[axis] for blob in call.inputs), *first.dims[axis + 1 :])
    if len(call.inputs) == 1:
        return [call.same(Identity(), first)]
    order = _order_with(first, axis)
    node = call.add(Concat(axis=_name(order, axis)), *[call.aligned(blob, order) for blob in call.inputs])
    return [Blob(node, dims, order)]


def _order_with(blob: Blob, axis: int) -> tuple[int, ...]:
    """Return an order in which an axis is visible and has a name. More than four visible axes have names only at the end."""
    order = blob.order if axis in blob.order else natural_order(blob.dims, False)
    if axis not in order:
        order = (*order, axis)
    if len(order) - 1 not in AXES and order[-1] != axis:
        order = (*(other for other in order if other != axis), axis)
    return order


def _name(order: tuple[int, ...], axis: int) -> str:
    place = order.index(axis)
    return "channels" if place == len(order) - 1 else AXES[len(order) - 1][place]


def slice_(call: Call) -> list[Blob]:
    """`Slice` along an axis, at the points or in equal parts."""
    blob, param = call.input, call.param("slice_param")
    axis = call.axis(param.integer("axis", param.integer("slice_dim", 1), -MOST_AXES), blob.dims)
    length, tops = blob.dims[axis], len(call.layer.tops)
    points = param.integers("slice_point")
    if axis == 0:
        raise call.problem("cuts the batch", "cut another axis", "unsupported", "slice_param")
    if points and len(points) != tops - 1:
        text = f"{tops} tops need {tops - 1} slice points, but there are {len(points)}"
        raise param.problem(text, field="slice_point")
    if not points:
        if not tops or length % tops:
            text = f"{length} cells cannot be cut into {tops} equal parts"
            raise call.problem(text, "write `slice_point`", "groups-do-not-divide", "top")
        points = [length // tops * place for place in range(1, tops)]
    bounds = [0, *points, length]
    if any(start >= stop for start, stop in pairwise(bounds)):
        raise param.problem(f"the slice points must increase and lie within {length} cells", field="slice_point")
    order = _order_with(blob, axis)
    node = call.aligned(blob, order)
    parts = []
    for start, stop in pairwise(bounds):
        cut: Layer = Slice(start=start, stop=stop, axis=_name(order, axis)) if stop - start < length else Identity()
        dims = (*blob.dims[:axis], stop - start, *blob.dims[axis + 1 :])
        parts.append(Blob(call.add(cut, node), dims, order))
    return parts


def crop(call: Call) -> list[Blob]:
    """`Crop` to the size of the second bottom, from `axis` on, at an offset."""
    (blob, like), param = call.take(2), call.param("crop_param")
    start = call.axis(param.integer("axis", 2, -MOST_AXES), blob.dims)
    offsets = param.integers("offset")
    count = len(blob.dims) - start
    if len(offsets) not in (0, 1, count) or len(like.dims) != len(blob.dims):
        text = f"cannot crop {shape_text(blob.dims)} to {shape_text(like.dims)} with {len(offsets)} offsets"
        raise call.problem(
            text, "write one offset, or one for each axis that is cropped", "window-does-not-fit", "crop_param"
        )
    offsets = (offsets or [0]) * (count if len(offsets) < 2 else 1)
    result = blob
    for axis, offset in zip(range(start, len(blob.dims)), offsets, strict=True):
        wanted, length = like.dims[axis], blob.dims[axis]
        if offset + wanted > length:
            text = f"a crop of {wanted} cells at offset {offset} is not within the {length} cells of axis {axis}"
            raise call.problem(text, "choose a smaller offset", "window-does-not-fit", "crop_param")
        if wanted == length:
            continue
        order = _order_with(result, axis)
        cut = Slice(start=offset, stop=offset + wanted, axis=_name(order, axis))
        dims = (*result.dims[:axis], wanted, *result.dims[axis + 1 :])
        result = Blob(call.add(cut, call.aligned(result, order)), dims, order)
    return [call.same(Identity(), blob) if result is blob else result]


def tile(call: Call) -> list[Blob]:
    """`Tile`: the blob repeated along an axis."""
    blob, param = call.input, call.param("tile_param")
    axis = call.axis(param.integer("axis", 1, -MOST_AXES), blob.dims)
    times = param.integer("tiles", 1, 1)
    if axis == 0:
        raise call.problem("repeats the batch", "repeat another axis", "unsupported", "tile_param")
    dims = (*blob.dims[:axis], blob.dims[axis] * times, *blob.dims[axis + 1 :])
    return [call.operator("tile", dims, [blob], order=_order_with(blob, axis), views=(Blur(),))]


def channel_shuffle(call: Call) -> list[Blob]:
    """`ShuffleChannel` of ShuffleNet's forks."""
    groups = call.param("shuffle_channel_param").integer("group", 1, 1, 1_000_000)
    return [call.spatial(ChannelShuffle(groups=groups), call.input)]


def pixel_shuffle(call: Call) -> list[Blob]:
    """`PixelShuffle` of several forks."""
    factor = call.param("pixelshuffle_param").integer("upscale_factor", 2, 1, 1000)
    return [call.spatial(PixelShuffle(factor=factor), call.input)]
