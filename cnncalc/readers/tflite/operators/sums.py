"""Read TFLite operators that reduce an axis, choose elements, or fill a tensor."""

from __future__ import annotations

from math import isfinite

from cnncalc.layers import pool
from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Unknown
from cnncalc.layers.views import Blur, reduction
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.tflite.graph import Operation, Reader, Value
from cnncalc.readers.tflite.operators.common import Handler
from cnncalc.text import show

POOLS: dict[str, tuple[type[Layer], type[Layer]]] = {
    "MEAN": (pool.AdaptiveAvgPool, pool.GlobalAvgPool), "REDUCE_MAX": (pool.AdaptiveMaxPool, pool.GlobalMaxPool),
}  # fmt: skip
REDUCED = ("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL")
DEPENDS_ON_DATA = ("WHERE", "UNIQUE", "MULTINOMIAL", "HASHTABLE_FIND", "SEGMENT_SUM", "SKIP_GRAM", "LSH_PROJECTION")


def reduce(r: Reader, step: Operation) -> None:
    """Read MEAN and similar operators. The mean over all axes but the channels is a global pooling."""
    x = step.required(0)
    axes = step.axes(1, len(x.dims))
    keep = bool(step.option("keep_dims"))
    dims = tuple(1 if axis in axes else n for axis, n in enumerate(x.dims) if keep or axis not in axes)
    if x.index is None:
        r.set_output(step, r.add_operator(step, dims, [x]))
        return
    pooled = 2 <= len(x.order) <= 4 and set(x.order) & set(axes) == set(x.order[:-1])
    if pooled and step.kind in POOLS:
        kept, flat = POOLS[step.kind]
        layer = kept(output=1) if keep else flat()
        r.set_output(step, r.add_layer(step, layer, [x], dims=_fitting(layer, x, dims)))
        return
    long = [axis for axis in x.order[:-1] if x.dims[axis] > 1]
    views = reduction(axes, long, keep and len(Value(dims).order) == len(x.order))
    r.set_output(step, r.add_operator(step, dims, [x], views=views))


def _fitting(layer: Layer, x: Value, dims: Dims) -> Dims:
    """Return the dimensions after a pooling."""
    return dims if Value(dims).shape == layer.out(x.shape) else tuple(layer.out(x.shape))


def choose_extremes(r: Reader, step: Operation) -> None:
    """Read ARG_MAX, ARG_MIN and TOPK_V2."""
    x, rank = step.required(0), len(step.required(0).dims)
    numbers = step.numbers(1)
    if not numbers:
        step.raise_invalid("its second input is empty")
    if step.kind == "TOPK_V2":
        if not x.dims or not 1 <= numbers[0] <= x.dims[-1]:
            step.raise_invalid(f"it cannot select the {numbers[0]} largest numbers of {format_dims(x.dims)}")
        dims: Dims = (*x.dims[:-1], numbers[0])
        axis = rank - 1
    else:
        axis = step.axis(numbers[0], rank)
        dims = tuple(n for place, n in enumerate(x.dims) if place != axis)
    same = len(Value(dims).order) == len(x.order)
    value = r.add_operator(step, dims, [x], views=reduction([axis], x.order[:-1], same))
    for k in range(len(step.info.outputs)):
        r.set_output(step, value, k)  # the indices of the maxima have the same shape


def one_hot(r: Reader, step: Operation) -> None:
    """Read ONE_HOT, which adds an axis of the length of its second input."""
    x, depth = step.required(0), step.numbers(1)
    rank = len(x.dims) + 1
    axis = step.axis(step.option("axis"), rank)
    if len(depth) != 1 or depth[0] < 1:
        step.raise_invalid(f"its depth is {show(depth)}")
    dims = (*x.dims[:axis], depth[0], *x.dims[axis:])
    r.set_output(step, r.add_operator(step, dims, [x], views=(Blur(),)))


def fill(r: Reader, step: Operation) -> None:
    """Read FILL, RANGE and random tensors: only their dimensions matter."""
    if step.kind == "RANGE":
        known = []
        for place in range(3):
            x = step.required(place)
            step.shape_places.add(place)
            if x.numbers is None or len(x.numbers) != 1 or not isfinite(x.numbers[0]):
                step.raise_unsupported("its length depends on the input of the model", "convert it with fixed shapes")
            known.append(x.numbers[0])
        start, limit, delta = known
        if not delta:
            step.raise_invalid("its step is 0")
        dims: Dims = (max(0, int(-((limit - start) // -delta))),)
    else:
        dims = tuple(step.numbers(0))
    if min(dims, default=1) < 0:
        step.raise_invalid(f"its shape has a negative dimension: {show(dims)}")
    r.set_output(step, Value(dims, why="it has too many of them"))


def scatter(r: Reader, step: Operation) -> None:
    """Read SCATTER_ND and SPARSE_TO_DENSE, which state the shape of their output."""
    dims = tuple(step.numbers(2 if step.kind == "SCATTER_ND" else 1))
    parts = [x for x in step.inputs if x is not None]
    r.set_output(step, r.add_operator(step, dims, parts, views=(Blur(),)))


def suppress(r: Reader, step: Operation) -> None:
    """Read NON_MAX_SUPPRESSION_V4 and V5: at most as many boxes as their third input states."""
    boxes, scores, most = step.required(0), step.required(1), step.numbers(2)
    if len(most) != 1 or most[0] < 1:
        step.raise_invalid(f"it selects at most {show(most)} boxes")
    value = r.add_operator(step, (most[0],), [boxes, scores], views=None)
    last = len(step.info.outputs) - 1
    for k in range(last + 1):
        if k < last:
            r.set_output(step, value, k)
        else:
            r.set_output(step, r.add_operator(step, (), [value], views=None, part="count"), k)


def fourier(r: Reader, step: Operation) -> None:
    """Read RFFT2D, whose multiply-adds depend on the algorithm and are unknown."""
    x, lengths = step.required(0), step.numbers(1)
    if len(x.dims) < 2 or len(lengths) != 2 or min(lengths) < 1:
        step.raise_invalid(f"lengths {show(lengths)} do not fit {format_dims(x.dims)}")
    dims = (*x.dims[:-2], lengths[0], lengths[1] // 2 + 1)
    r.set_output(step, r.add_operator(step, dims, [x], layer=Unknown))


def refuse_data(r: Reader, step: Operation) -> None:
    """Refuse an operator whose output shape depends on data."""
    step.raise_unsupported("the shape of its output depends on data", "convert the model without it")


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(REDUCED, reduce),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN", "TOPK_V2"), choose_extremes),
    **dict.fromkeys(("FILL", "RANGE", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"), fill),
    **dict.fromkeys(("SCATTER_ND", "SPARSE_TO_DENSE"), scatter),
    **dict.fromkeys(("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"), suppress),
    **dict.fromkeys(DEPENDS_ON_DATA, refuse_data),
    "ONE_HOT": one_hot, "RFFT2D": fourier,
}  # fmt: skip
