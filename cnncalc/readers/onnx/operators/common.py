"""Helpers for the rules of several families of ONNX operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.problem import Problem, Refused
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.yaml import layer_cache
from cnncalc.text import show

Handler = Callable[[Reader, Operation], None]


def build_layer(step: Operation, kind: type[Layer], **fields: Any) -> Layer:
    """The layer with these fields; the same one as before where all fields are the same, whose facts are known.

    Raises:
        Refused: where the fields do not suit the layer.
    """
    key: tuple[Any, ...] | None = (build_layer, kind, *[(name, type(value), value) for name, value in fields.items()])
    if any(type(value) is dict for value in fields.values()):  # a pad for each side
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
        layer_cache.count(1)
        layer_cache.layers[key] = layer
    return layer


def sizes_of(lengths: list[int]) -> int | tuple[int, ...]:
    return lengths[0] if len(set(lengths)) == 1 else tuple(lengths)


def broadcast(step: Operation, *shapes: Dims) -> Dims:
    """The dimensions that shapes are spread to, aligned at their ends.

    Raises:
        Refused: where they do not go together.
    """
    rank = max((len(dims) for dims in shapes), default=0)
    found = []
    for column in zip(*[(1,) * (rank - len(dims)) + tuple(dims) for dims in shapes], strict=True):
        lengths = {length for length in column if length != 1}
        if len(lengths) > 1:
            step.raise_invalid(f"{' and '.join(format_dims(dims) for dims in shapes)} do not go together")
        found.append(lengths.pop() if lengths else 1)
    return tuple(found)


def following_bias(r: Reader, step: Operation, size: int, behind: int) -> Value | bool:
    """The vector that the next node, the only one, adds to every channel: a bias exported on its own."""
    users = step.scope.users.get(step.outputs[0], [])
    if len(users) != 1 or users[0].op_type != "Add" or step.outputs[0] in step.scope.outputs or len(users[0].input) < 2:
        return False
    names = [name for name in users[0].input if name != step.outputs[0]]
    other = step.scope.find(names[0]) if len(names) == 1 else None
    if other is None or not (other.learned or is_single_number(other)) or other.size != size:
        return False
    if any(r.is_counted(tensor) for tensor in other.tensors):
        return False
    dims = other.dims
    if len(dims) <= behind or dims[len(dims) - 1 - behind] != size:
        return False
    r.fused.add(id(users[0]))
    return other


def is_single_number(x: Value) -> bool:
    """Is it a vector of one number that the file holds, such as the bias of a single unit?"""
    return x.dims != () and x.size == 1 and any(tensor.real and not tensor.fixed for tensor in x.tensors)
