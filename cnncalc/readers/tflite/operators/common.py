"""Helpers for the rules of several families of TFLite operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.layers.reshape import Flatten, Reshape
from cnncalc.problem import Problem, Refused
from cnncalc.readers.axes import Dims, broadcast_dims, format_dims
from cnncalc.readers.tflite.graph import Operation, Reader, Value, shown
from cnncalc.text import show

Handler = Callable[[Reader, Operation], None]


def build_layer(step: Operation, kind: type[Layer], **fields: Any) -> Layer:
    """Return the layer with these fields.

    Raises:
        Refused: The fields are not valid for the layer.
    """
    try:
        return kind(**fields)
    except Problem as problem:
        problem.text = f"`{show(step.label)}`: {problem.text}"
        raise Refused([problem]) from None


def broadcast(step: Operation, *shapes: Dims) -> Dims:
    """Return the dimensions of shapes that are broadcast together.

    Raises:
        Refused: The shapes cannot be broadcast together.
    """
    dims = broadcast_dims(shapes)
    if dims is None:
        step.raise_invalid(f"it cannot broadcast {' and '.join(format_dims(dims) for dims in shapes)} together")
    return dims


def view(r: Reader, step: Operation, x: Value, dims: Dims) -> Value:
    """Return the same numbers in other dimensions. A layer is added only if the shown shape changes."""
    if x.index is None:
        return Value(dims, numbers=x.numbers, tensors=x.tensors, why=x.why)
    if shown(dims) == x.shape:
        return Value(dims, x.index)
    layer: Layer = Flatten() if len(shown(dims)) == 1 else Reshape(to=tuple(shown(dims)))
    return r.add_layer(step, layer, [x], dims=dims)
