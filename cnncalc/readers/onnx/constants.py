"""Evaluate ONNX operators on small known arrays, as shape arithmetic needs. numpy is installed with onnx."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from cnncalc.readers.onnx.messages import Message
from cnncalc.readers.optional import import_optional

LARGEST = 2**16  # most numbers in an array that is evaluated
TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64",
}  # fmt: skip
# type -> the field of a tensor that has its numbers, unless their bytes are in `raw_data`; `int32_data` for all others
NUMBERS = {
    "float32": "float_data", "float64": "double_data", "int64": "int64_data", "uint32": "uint64_data",
    "uint64": "uint64_data",
}  # fmt: skip
# errors that numpy and the functions below raise if the arrays do not fit the operator
FOLDING = (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError)
Array = Any
Attributes = dict[str, Any]

UNARY = {
    "Neg": "negative", "Abs": "abs", "Floor": "floor", "Ceil": "ceil", "Round": "round", "Sqrt": "sqrt", "Exp": "exp",
    "Log": "log", "Not": "logical_not", "Sign": "sign", "Reciprocal": "reciprocal", "Sin": "sin", "Cos": "cos",
    "IsNaN": "isnan",
}  # fmt: skip
BINARY = {
    "Add": "add", "Sub": "subtract", "Mul": "multiply", "Pow": "power", "And": "logical_and", "Or": "logical_or",
    "Xor": "logical_xor", "Equal": "equal", "Less": "less", "Greater": "greater", "LessOrEqual": "less_equal",
    "GreaterOrEqual": "greater_equal", "Max": "maximum", "Min": "minimum", "Sum": "add",
}  # fmt: skip
REDUCE = {"ReduceProd": "prod", "ReduceSum": "sum", "ReduceMax": "max", "ReduceMin": "min", "ReduceMean": "mean"}
# operators whose output consists of the first input alone: the others are places, counts or sizes
REARRANGING = frozenset((
    "Reshape", "Expand", "Tile", "Slice", "Split", "Squeeze", "Unsqueeze", "Gather", "GatherElements", "Pad", *REDUCE,
))  # fmt: skip
PLAIN = ("Identity", "Cast", "CastLike", "Dropout")


def numpy() -> Any:
    """Return the package numpy."""
    return import_optional("numpy", "onnx")


def fold(op: str, xs: Sequence[Array | None], attributes: Attributes, opset: int) -> list[Array] | None:
    """Return the outputs of an operator on known arrays; None if it is not evaluated here or an output is too large.

    Raises:
        ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError: The numbers do not fit the operator.
    """
    np = numpy()
    with np.errstate(all="ignore"):
        results = _fold(np, op, xs, attributes, opset)
    return results if results is None or all(one.size <= LARGEST for one in results) else None


def _fold(np: Any, op: str, xs: Sequence[Array | None], attributes: Attributes, opset: int) -> list[Array] | None:
    if op in UNARY:
        return [np.asarray(getattr(np, UNARY[op])(xs[0]))]
    if op in BINARY:
        if prod(np.broadcast_shapes(*[x.shape for x in xs if x is not None])) > LARGEST:
            return None
        found = xs[0]
        for x in xs[1:]:
            found = getattr(np, BINARY[op])(found, x)
        return [np.asarray(found)]
    if op in REDUCE:
        axes = _axes(xs, attributes)
        if axes == () and attributes.get("noop_with_empty_axes"):
            return [np.asarray(xs[0])]
        return [
            np.asarray(getattr(np, REDUCE[op])(xs[0], axis=axes or None, keepdims=bool(attributes.get("keepdims", 1))))
        ]
    handler = HANDLERS.get(op)
    return handler(np, xs, attributes) if handler is not None and not _too_many(np, op, xs, attributes) else None


def _too_many(np: Any, op: str, xs: Sequence[Array | None], attributes: Attributes) -> bool:
    """Return whether the output of an operator that can be larger than its inputs is too large."""
    arrays = [x for x in xs if x is not None]
    if op == "Concat":
        return bool(sum(x.size for x in arrays) > LARGEST)
    if op == "Gather":
        many: int = arrays[0].size // max(arrays[0].shape[attributes.get("axis", 0)], 1) * arrays[1].size
        return many > LARGEST
    spread = op in ("Where", "Div", "Mod", "Clip")
    return bool(spread and prod(np.broadcast_shapes(*[x.shape for x in arrays])) > LARGEST)


def _axes(xs: Sequence[Array | None], attributes: Attributes) -> tuple[int, ...]:
    if len(xs) > 1 and xs[1] is not None:
        return tuple(int(axis) for axis in xs[1].reshape(-1))
    return tuple(attributes.get("axes", ()))


def _div(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    a, b = xs[0], xs[1]
    assert a is not None
    assert b is not None
    if a.dtype.kind in "iu":
        if not b.all():
            raise ZeroDivisionError("division by 0")
        return [_towards_zero(np, a, b)]
    return [np.asarray(a / b)]


def _towards_zero(np: Any, a: Array, b: Array) -> Array:
    quotient = np.floor_divide(np.abs(a), np.abs(b))
    return (np.sign(a) * np.sign(b) * quotient).astype(a.dtype)


def _mod(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.asarray((np.fmod if attributes.get("fmod") else np.mod)(xs[0], xs[1]))]


def _same(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.asarray(xs[0])]


def _cast(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array] | None:
    name = TYPES.get(attributes.get("to", 0))
    return [np.asarray(xs[0]).astype(name)] if name else [np.asarray(xs[0])]


def _required(xs: Sequence[Array | None], place: int) -> Array:
    """Return an input that the operator requires.

    Raises:
        ValueError: The input is missing.
    """
    array = xs[place] if place < len(xs) else None
    if array is None:
        raise ValueError(f"input {place + 1} is missing")
    return array


def _gather(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.asarray(np.take(_required(xs, 0), _required(xs, 1).astype("int64"), axis=attributes.get("axis", 0)))]


def _slice(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    x = np.asarray(xs[0])
    starts, ends, axes, steps = slice_arguments(xs, attributes, x.ndim)
    cuts = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cuts[axis] = slice(*slice_range(start, end, step, x.shape[axis], plain=True))
    return [x[tuple(cuts)]]


def slice_arguments(xs: Sequence[Array | None], attributes: Attributes, rank: int) -> tuple[list[int], ...]:
    """Return starts, ends, axes and steps of a Slice, from its inputs (since opset 10) or its attributes."""
    lists: list[list[int] | None] = []
    for place, name in enumerate(("starts", "ends", "axes", "steps"), 1):
        value = xs[place] if place < len(xs) else None
        lists.append([int(n) for n in value.reshape(-1)] if value is not None else attributes.get(name))
    starts, ends, axes, steps = lists
    if starts is None or ends is None or len(starts) != len(ends):
        raise ValueError("it needs as many starts as ends")
    axes = list(range(len(starts))) if axes is None else [axis + rank if axis < 0 else axis for axis in axes]
    if any(not 0 <= axis < rank for axis in axes) or len(axes) != len(starts):
        raise ValueError("it names an axis that its input does not have")
    return list(starts), list(ends), axes, list(steps or [1] * len(starts))


def slice_range(start: int, end: int, step: int, length: int, plain: bool = False) -> tuple[int | None, ...]:
    """Return start, end and step clamped to an axis as ONNX does; with `plain`, for use in a Python slice."""
    if step == 0:
        raise ValueError("its step is 0")
    low, high = (0, length) if step > 0 else (-1, length - 1)
    start = max(min(start + length if start < 0 else start, high), low if step > 0 else 0)
    end = max(min(end + length if end < 0 else end, high), low)
    return (start, None if plain and end < 0 else end, step)


def _concat(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.concatenate(list(xs), axis=attributes.get("axis", 0))]


def _unsqueeze(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    x = np.asarray(xs[0])
    return [np.expand_dims(x, _axes(xs, attributes))]


def _squeeze(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.squeeze(xs[0], _axes(xs, attributes) or None)]


def _reshape(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    x = np.asarray(xs[0])
    to = [int(n) for n in (xs[1].reshape(-1) if len(xs) > 1 and xs[1] is not None else attributes.get("shape") or ())]
    to = [x.shape[place] if n == 0 and not attributes.get("allowzero") else n for place, n in enumerate(to)]
    return [x.reshape(to)]


def _fill(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array] | None:
    dims = [int(n) for n in _required(xs, 0).reshape(-1)]
    if prod(dims) > LARGEST:
        return None
    value = attributes.get("value")
    if value is not None and (not isinstance(value, np.ndarray) or value.size != 1):
        raise ValueError("its value is not a single number")
    return [np.full(dims, 0.0 if value is None else value.reshape(-1)[0], "float32" if value is None else value.dtype)]


def _range(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array] | None:
    start, limit, delta = [x.reshape(-1)[0].item() for x in xs if x is not None]
    if delta == 0 or (limit - start) / delta > LARGEST:
        return None
    return [np.arange(start, limit, delta, dtype=_required(xs, 0).dtype)]


def _expand(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array] | None:
    x, to = _required(xs, 0), [int(n) for n in _required(xs, 1).reshape(-1)]
    dims = np.broadcast_shapes(x.shape, tuple(to))
    return [np.broadcast_to(x, dims)] if prod(dims) <= LARGEST else None


def _where(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.where(xs[0], xs[1], xs[2])]


def _tile(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array] | None:
    x, times = _required(xs, 0), [int(n) for n in _required(xs, 1).reshape(-1)]
    return [np.tile(x, times)] if x.size * prod(times) <= LARGEST else None


def _transpose(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.transpose(xs[0], attributes.get("perm"))]


def _nonzero(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    return [np.asarray(np.nonzero(xs[0]), dtype="int64")]


def _flatten(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    x, axis = np.asarray(xs[0]), attributes.get("axis", 1)
    return [x.reshape(prod(x.shape[:axis]), -1)]


def _split(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array] | None:
    x, axis = np.asarray(xs[0]), attributes.get("axis", 0)
    sizes = [int(n) for n in xs[1]] if len(xs) > 1 and xs[1] is not None else attributes.get("split")
    if sizes is None:
        return None
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes) - 1)]
    return list(np.split(x, ends, axis=axis))


def _clip(np: Any, xs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    x = np.asarray(xs[0])
    low = xs[1] if len(xs) > 1 else attributes.get("min")
    high = xs[2] if len(xs) > 2 else attributes.get("max")
    x = np.maximum(x, low) if low is not None else x
    return [np.asarray(np.minimum(x, high) if high is not None else x)]


HANDLERS: dict[str, Callable[[Any, Sequence[Array | None], Attributes], list[Array] | None]] = {
    **dict.fromkeys(PLAIN, _same), "Cast": _cast, "Div": _div, "Mod": _mod, "Gather": _gather, "Slice": _slice,
    "Concat": _concat, "Unsqueeze": _unsqueeze, "Squeeze": _squeeze, "Reshape": _reshape, "ConstantOfShape": _fill,
    "Range": _range, "Expand": _expand, "Where": _where, "Tile": _tile, "Transpose": _transpose, "NonZero": _nonzero,
    "Flatten": _flatten, "Split": _split, "Clip": _clip,
}  # fmt: skip


def array(tensor: Message) -> Array | None:
    """Return the numbers of a small tensor; None if they are not in the file or too many."""
    size = prod(tensor.dims)
    if size > LARGEST or tensor.data_location == 1 or tensor.data_type not in TYPES or tensor.has("segment"):
        return None
    np, name = numpy(), TYPES[tensor.data_type]
    stored = np.dtype(name).newbyteorder("<")
    if tensor.raw_data:
        if len(tensor.raw_data) != size * stored.itemsize:
            return None
        numbers = np.frombuffer(tensor.raw_data, stored).astype(name)
    else:
        listed = getattr(tensor, NUMBERS.get(name, "int32_data"))
        if len(listed) != size:
            return None
        if name in ("float16", "bool"):  # stored by their bits
            numbers = np.asarray(listed, "int64").astype("uint16" if name == "float16" else "uint8").view(name)
        else:
            wide = {"float_data": "float64", "double_data": "float64", "uint64_data": "uint64"}
            numbers = np.asarray(listed, wide.get(NUMBERS.get(name, ""), "int64")).astype(name)
    try:
        return numbers.reshape(tensor.dims)
    except ValueError:  # no numbers, but dimensions that are too large for numpy
        return None
