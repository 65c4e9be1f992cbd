"""Read ONNX operators that reduce an axis, select elements, or fill a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from cnncalc.layers import pool
from cnncalc.layers.base import Layer
from cnncalc.layers.views import reduction
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.onnx.operators.common import Handler
from cnncalc.readers.onnx.operators.elementwise import REDUCED
from cnncalc.text import show


def axes_of(step: Operation, rank: int, what: str = "axes") -> list[int] | None:
    """Return the axes that a node names, counted from the first one; None if it names none."""
    axes = step.numbers(1, what)
    if axes is None:
        return None
    positive = [axis + rank if axis < 0 else axis for axis in axes]
    if any(not 0 <= axis < rank for axis in positive) or len(set(positive)) < len(positive):
        step.raise_invalid(f"axes {show(axes)} do not fit {rank} dimensions")
    return positive


def reduce(r: Reader, step: Operation) -> None:
    """Read ReduceMean and similar operators. The mean over all axes but the channels is a global pooling."""
    x = step.required(0)
    rank = len(x.dims)
    axes = axes_of(step, rank)
    if not axes:
        if step.attributes.get("noop_with_empty_axes"):
            r.set_output(step, x)
            return
        axes = list(range(rank))
    keep = bool(step.attributes.get("keepdims", 1))
    remaining = [axis for axis in range(rank) if keep or axis not in axes]
    dims = tuple(1 if axis in axes else x.dims[axis] for axis in remaining)
    if x.index is None:
        r.add_operator(step, dims, [x])
        return
    places = {axis: place for place, axis in enumerate(remaining)}
    shown = [axis for axis in x.order if keep or axis not in axes]
    order = tuple(places[axis] for axis in shown)
    pooled = len(x.order) > 1 and set(x.order) & set(axes) == set(x.order[:-1]) and len(x.order) <= 4
    kinds: dict[str, tuple[type[Layer], type[Layer]]] = {
        "ReduceMean": (pool.AdaptiveAvgPool, pool.GlobalAvgPool),
        "ReduceMax": (pool.AdaptiveMaxPool, pool.GlobalMaxPool),
    }
    if pooled and step.op in kinds:
        layer = kinds[step.op][0](output=1) if keep else kinds[step.op][1]()
        r.add_layer(step, layer, [x], order, len(dims))
    else:
        long = [axis for axis in x.order[:-1] if x.dims[axis] > 1]
        r.add_operator(step, dims, [x], order, views=reduction(axes, long, keep))


def choose_extremes(r: Reader, step: Operation) -> None:
    """Read ArgMax, ArgMin and TopK."""
    x = step.required(0)
    rank = len(x.dims)
    axis = step.attributes.get("axis", -1 if step.op == "TopK" else 0)
    axis += rank if axis < 0 else 0
    if not 0 <= axis < rank:
        step.raise_invalid(f"its input of {format_dims(x.dims)} has no axis {axis}")
    if step.op == "TopK":
        count = (step.numbers(1, "k") or [1])[0]
        if not 1 <= count <= x.dims[axis]:
            step.raise_invalid(f"it cannot select the {count} largest of {x.dims[axis]} numbers")
        dims: Dims = (*x.dims[:axis], count, *x.dims[axis + 1 :])
        views = reduction([axis], x.order[:-1] if x.index is not None else (), True)
        value = r.add_operator(step, dims, [x], x.order if x.index is not None else None, views=views)
        r.set_output(step, value, 1)
        return
    keep = bool(step.attributes.get("keepdims", 1))
    dims = (*x.dims[:axis], *([1] if keep else []), *x.dims[axis + 1 :])
    if x.index is None:
        r.add_operator(step, dims, [x])
        return
    shown = [a for a in x.order if keep or a != axis]
    order = tuple(a if keep or a < axis else a - 1 for a in shown)
    r.add_operator(step, dims, [x], order, views=reduction([axis], x.order[:-1], keep))


def fill_constant(r: Reader, step: Operation) -> None:
    """Read ConstantOfShape, Range and random tensors: only their dimensions matter."""
    if step.op == "ConstantOfShape":
        dims: Sequence[int] = step.numbers(0) or []
    elif step.op == "Range":
        known = [step.array(place).numbers for place in range(3)]
        if any(len(one) != 1 or not isfinite(one[0]) for one in known):
            step.raise_invalid("start, limit and step must be finite numbers")
        start, limit, delta = (one[0] for one in known)
        if not delta:
            step.raise_invalid("its step is 0")
        dims = [max(0, int(-((limit - start) // -delta)))]
    else:
        dims = step.attributes.get("shape") or []
    if min(dims, default=1) < 0:
        step.raise_invalid(f"its shape has a negative dimension: {show(dims)}")
    r.set_output(step, Value(tuple(dims), why="it has too many of them"))


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(REDUCED, reduce),
    **dict.fromkeys(("ArgMax", "ArgMin", "TopK"), choose_extremes),
    **dict.fromkeys(("ConstantOfShape", "Range", "RandomNormal", "RandomUniform"), fill_constant),
}
