"""Operators that only move numbers: slices, reshapes, joins and lookups."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from cnncalc.readers.axes import Dims
from cnncalc.readers.onnx.constants.arrays import (
    INT64,
    LARGEST,
    MOST_AXES,
    Array,
    BadConstants,
    Number,
    broadcast_shapes,
    common_type,
    rounded,
    spread,
    strides_of,
    view,
)


def axis_of(axis: int, rank: int) -> int:
    """Return the number of an axis, counted from the first.

    Raises:
        BadConstants: There is no such axis.
    """
    axis += rank if axis < 0 else 0
    if not 0 <= axis < rank:
        raise BadConstants("it names an axis that its input does not have")
    return axis


def gather(x: Array, index: Array, axis: int) -> Array | None:
    """Return the parts of an array that indices select along an axis; None if they are too many."""
    axis = axis_of(axis, len(x.shape))
    length, before, after = x.shape[axis], prod(x.shape[:axis]), prod(x.shape[axis + 1 :])
    if before * after * index.size > LARGEST:
        return None
    places = index.whole_numbers()
    if places and not (-length <= min(places) and max(places) < length):
        raise BadConstants("it selects a place that its input does not have")
    numbers = x.numbers
    starts = [place % length * after for place in places]
    found: list[Number] = []
    for block in range(0, x.size, length * after) if x.size else ():
        if after == 1:
            found += [numbers[block + start] for start in starts]
        else:
            for start in starts:
                found += numbers[block + start : block + start + after]
    return Array(x.type, (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]), found)


def cut(x: Array, xs: Sequence[Array | None], attributes: dict[str, object]) -> Array:
    """Return a part of an array by starts, ends, axes and steps."""
    starts, ends, axes, steps = slice_arguments(xs, attributes, len(x.shape))
    dims, strides, offset = list(x.shape), strides_of(x.shape), 0
    whole = list(strides)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        first, last, by = slice_range(start, end, step, x.shape[axis])
        dims[axis] = max(0, -(-(last - first) // by))
        strides[axis] = whole[axis] * by
        offset += first * whole[axis]
    if len(set(axes)) < len(axes):
        raise BadConstants("it names an axis twice")
    return view(x, dims, strides, offset)


def slice_arguments(xs: Sequence[Array | None], attributes: dict[str, object], rank: int) -> tuple[list[int], ...]:
    """Return starts, ends, axes and steps of a Slice, from its inputs (since opset 10) or its attributes.

    Raises:
        BadConstants: They do not fit together.
    """
    lists: list[list[int] | None] = []
    for place, name in enumerate(("starts", "ends", "axes", "steps"), 1):
        value = xs[place] if place < len(xs) else None
        if value is not None and value.size > MOST_AXES:
            raise BadConstants("it names more axes than its input has")
        attribute = attributes.get(name)
        written = list(attribute) if isinstance(attribute, list) else None
        lists.append(value.whole_numbers() if value is not None else written)
    starts, ends, axes, steps = lists
    if starts is None or ends is None or len(starts) != len(ends):
        raise BadConstants("it needs as many starts as ends")
    axes = list(range(len(starts))) if axes is None else [axis + rank if axis < 0 else axis for axis in axes]
    if any(not 0 <= axis < rank for axis in axes) or len(axes) != len(starts):
        raise BadConstants("it names an axis that its input does not have")
    steps = list(steps or [1] * len(starts))
    if len(steps) != len(starts):
        raise BadConstants("it needs as many steps as starts")
    return starts, ends, axes, steps


def slice_range(start: int, end: int, step: int, length: int) -> tuple[int, int, int]:
    """Return start, end and step clamped to an axis as ONNX does.

    Raises:
        BadConstants: The step is 0.
    """
    if step == 0:
        raise BadConstants("its step is 0")
    if length == 0:
        return 0, 0, step
    low, high = (0, length) if step > 0 else (-1, length - 1)
    start = max(min(start + length if start < 0 else start, high), low if step > 0 else 0)
    end = max(min(end + length if end < 0 else end, high), low)
    return start, end, step


def concat(xs: Sequence[Array], axis: int) -> Array | None:
    """Return arrays joined along an axis; None if they are too many."""
    if sum(x.size for x in xs) > LARGEST:
        return None
    axis = axis_of(axis, len(xs[0].shape))
    rest = {(len(x.shape), x.shape[:axis], x.shape[axis + 1 :]) for x in xs}
    if len(rest) > 1:
        raise BadConstants("it cannot join its inputs")
    type = xs[0].type
    for x in xs[1:]:
        type = common_type(type, x.type)
    parts = [(x.converted(type).numbers, prod(x.shape[axis:])) for x in xs if x.size]
    found: list[Number] = []
    for block in range(prod(xs[0].shape[:axis]) if parts else 0):
        for numbers, many in parts:
            found += numbers[block * many : (block + 1) * many]
    return Array(type, (*xs[0].shape[:axis], sum(x.shape[axis] for x in xs), *xs[0].shape[axis + 1 :]), found)


def with_shape(x: Array, dims: Sequence[int]) -> Array:
    """Return the same numbers with other dimensions."""
    return Array(x.type, dims, x.numbers)


def unsqueeze(x: Array, axes: Sequence[int]) -> Array:
    """Return the array with axes of length 1 at these places."""
    rank = len(x.shape) + len(axes)
    places = {axis_of(axis, rank) for axis in axes}
    if len(places) < len(axes):
        raise BadConstants("it names an axis twice")
    lengths = iter(x.shape)
    return with_shape(x, [1 if axis in places else next(lengths) for axis in range(rank)])


def squeeze(x: Array, axes: Sequence[int]) -> Array:
    """Return the array without these axes of length 1, or without all of them."""
    if not axes:
        return with_shape(x, [length for length in x.shape if length != 1])
    places = {axis_of(axis, len(x.shape)) for axis in axes}
    if len(places) < len(axes) or any(x.shape[axis] != 1 for axis in places):
        raise BadConstants("it removes an axis whose length is not 1")
    return with_shape(x, [length for axis, length in enumerate(x.shape) if axis not in places])


def reshape(x: Array, to: Sequence[int], keep_zeros: bool) -> Array:
    """Return the array in other dimensions, of which one may be -1, and 0 means that of the input."""
    if any(length == 0 and not keep_zeros and place >= len(x.shape) for place, length in enumerate(to)):
        raise BadConstants("it keeps an axis that its input does not have")
    dims = [x.shape[place] if length == 0 and not keep_zeros else length for place, length in enumerate(to)]
    known = prod(length for length in dims if length >= 0)
    if sum(length < 0 for length in dims) == 1 and known and x.size % known == 0:
        dims = [x.size // known if length < 0 else length for length in dims]
    if min(dims, default=0) < 0 or prod(dims) != x.size:
        raise BadConstants("its numbers do not fit the new dimensions")
    return with_shape(x, dims)


def flatten(x: Array, axis: int) -> Array:
    """Return the array as a matrix."""
    rows = prod(x.shape[:axis])
    return with_shape(x, (rows, x.size // rows if rows else 0))


def expand(x: Array, to: Dims) -> Array | None:
    """Return the array broadcast to dimensions; None if it would be too large."""
    if min(to, default=0) < 0:
        raise BadConstants("its shape has a negative dimension")
    dims = broadcast_shapes(x.shape, to)
    return Array(x.type, dims, spread(x, dims)) if prod(dims) <= LARGEST else None


def tile(x: Array, times: Sequence[int]) -> Array | None:
    """Return the array repeated along its axes; None if it would be too large."""
    if min(times, default=0) < 0:
        raise BadConstants("it repeats an axis less than 0 times")
    if x.size * prod(times) > LARGEST:
        return None
    lead = len(times) - len(x.shape)
    shape, times = (1,) * lead + x.shape, [1] * -lead + list(times)
    strides = strides_of(shape)
    dims = [length for pair in zip(times, shape, strict=True) for length in pair]
    places = [step for stride in strides for step in (0, stride)]
    numbers = view(x, dims, places).numbers
    return Array(x.type, [a * b for a, b in zip(times, shape, strict=True)], numbers)


def transpose(x: Array, perm: Sequence[int] | None) -> Array:
    """Return the array with its axes in another order, by default reversed."""
    rank = len(x.shape)
    axes = list(range(rank))[::-1] if perm is None else [axis_of(axis, rank) for axis in perm]
    if sorted(axes) != list(range(rank)):
        raise BadConstants("its axes are not a permutation")
    strides = strides_of(x.shape)
    return view(x, [x.shape[axis] for axis in axes], [strides[axis] for axis in axes])


def nonzero(x: Array) -> Array:
    """Return the indices of the numbers that are not 0, one row for each axis."""
    if not x.shape:
        raise BadConstants("its input has no axis")
    places = [place for place, number in enumerate(x.numbers) if number]
    rows = zip(strides_of(x.shape), x.shape, strict=True)
    found = [place // max(stride, 1) % max(length, 1) for stride, length in rows for place in places]
    return rounded(INT64, (len(x.shape), len(places)), found)


def split(x: Array, sizes: Sequence[int] | None, axis: int) -> list[Array] | None:
    """Return the parts of an array along an axis; None if their sizes are unknown or do not fit."""
    axis = axis_of(axis, len(x.shape))
    if sizes is None or sum(sizes) != x.shape[axis] or min(sizes, default=0) < 0:
        return None
    strides, start, parts = strides_of(x.shape), 0, []
    for size in sizes:
        parts.append(view(x, (*x.shape[:axis], size, *x.shape[axis + 1 :]), strides, start * strides[axis]))
        start += size
    return parts
