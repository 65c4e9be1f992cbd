"""Helpers for the rules of several families of ONNX operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.problem import Problem, Refused
from cnncalc.readers.axes import Dims, broadcast_dims, format_dims
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.yaml import layer_cache
from cnncalc.text import show

Handler = Callable[[Reader, Operation], None]


def build_layer(step: Operation, kind: type[Layer], **fields: Any) -> Layer:
    """Return the layer with these fields. Equal layers are built only once, so that their statistics are shared.

    Raises:
        Refused: The fields are not valid for the layer.
    """
    key: tuple[Any, ...] | None = (build_layer, kind, *[(name, type(value), value) for name, value in fields.items()])
    if any(type(value) is dict for value in fields.values()):  # padding for each side
        key = None
    layer = layer_cache.layers.get(key) if key is not None else None
    if layer is not None:
        return layer
    try:
        layer = kind(**fields)
    except Problem as problem:
        problem.text = f"`{show(step.label)}`: {problem.text}"
        raise Refused([problem]) from None
    if key is not None:
        layer_cache.count_entries(1)
        layer_cache.layers[key] = layer
    return layer


def broadcast(step: Operation, *shapes: Dims) -> Dims:
    """Return the dimensions of shapes that are broadcast together.

    Raises:
        Refused: The shapes cannot be broadcast together.
    """
    dims = broadcast_dims(shapes)
    if dims is None:
        step.raise_invalid(f"it cannot broadcast {' and '.join(format_dims(dims) for dims in shapes)} together")
    return dims


def following_bias(r: Reader, step: Operation, size: int, trailing: int) -> Value | bool:
    """Return the vector that the only reader of a product adds to each channel: a bias that was exported as an Add."""
    users = step.scope.users.get(step.outputs[0], [])
    if len(users) != 1 or users[0].op_type != "Add" or step.outputs[0] in step.scope.outputs or len(users[0].input) < 2:
        return False
    names = [name for name in users[0].input if name != step.outputs[0]]
    other = step.scope.find(names[0]) if len(names) == 1 else None
    if other is None or not (other.is_learned or is_single_number(other)) or other.size != size:
        return False
    if any(r.is_counted(tensor) for tensor in other.tensors):
        return False
    dims = other.dims
    if len(dims) <= trailing or dims[len(dims) - 1 - trailing] != size:
        return False
    r.fused.add(id(users[0]))
    return other


def is_single_number(x: Value) -> bool:
    """Return whether a value is a vector of one number in the file, such as the bias of a single unit."""
    return x.dims != () and x.size == 1 and any(tensor.real and not tensor.fixed for tensor in x.tensors)
