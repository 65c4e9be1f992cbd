"""Operators that compute numbers: unary and binary ones, reductions, and Cast."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import reduce as accumulate
from math import copysign, inf, isfinite, isinf, isnan, nan, prod

from cnncalc.readers.onnx.constants.arrays import (
    BOOL,
    FLOAT32,
    FLOAT64,
    LARGEST,
    TYPES,
    Array,
    BadConstants,
    Number,
    Type,
    broadcast_shapes,
    common_type,
    positions,
    round_number,
    rounded,
    spread,
    strides_of,
)

Attributes = dict[str, object]

# -- one number -------------------------------------------------------------------------------------------------------


def _to_whole(change: Callable[[float], int]) -> Callable[[Number], Number]:
    """Return a function that rounds a number to a whole one of the same type."""

    def apply(x: Number) -> Number:
        return copysign(change(x), x) if isinstance(x, float) and isfinite(x) else x

    return apply


def _sqrt(x: Number) -> float:
    return math.sqrt(x) if x >= 0 else nan


def _log(x: Number) -> float:
    return math.log(x) if x > 0 else -inf if x == 0 else nan


def _exp(x: Number) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def _sign(x: Number) -> Number:
    return x if isnan(x) else (x > 0) - (x < 0)


def _reciprocal(x: Number) -> Number:
    if isinstance(x, float):
        return _divide(1.0, x)
    return int(divide_towards_zero(1, x))


def _wave(function: Callable[[float], float]) -> Callable[[Number], float]:
    return lambda x: function(x) if isfinite(x) else nan


# operator -> its function, and whether the result is a floating-point number (`f`), a truth value (`b`) or of the same type
UNARY: dict[str, tuple[Callable[[Number], Number], str]] = {
    "Neg": (operator.neg, ""), "Abs": (abs, ""), "Floor": (_to_whole(math.floor), ""), "Ceil": (_to_whole(math.ceil), ""),
    "Round": (_to_whole(round), ""), "Sign": (_sign, ""), "Reciprocal": (_reciprocal, ""), "Sqrt": (_sqrt, "f"),
    "Exp": (_exp, "f"), "Log": (_log, "f"), "Sin": (_wave(math.sin), "f"), "Cos": (_wave(math.cos), "f"),
    "Not": (operator.not_, "b"), "IsNaN": (isnan, "b"),
}  # fmt: skip


def unary(op: str, x: Array) -> Array:
    """Return the result of an operator on every number."""
    function, kind = UNARY[op]
    type = BOOL if kind == "b" else FLOAT64 if kind == "f" and not x.type.is_float else x.type
    return rounded(type, x.shape, list(map(function, x.numbers)))


def cast(x: Array, to: object) -> Array:
    """Return the numbers in the type with this number in ONNX; unchanged if cnncalc does not compute in it."""
    type = TYPES.get(to) if isinstance(to, int) else None
    return x.converted(type) if type is not None else x


# -- two numbers ------------------------------------------------------------------------------------------------------


def _divide(a: Number, b: Number) -> float:
    if b:
        return a / b
    return nan if not a or isnan(a) else copysign(inf, a) * copysign(1.0, b)


def divide_towards_zero(a: Number, b: Number) -> Number:
    """Divide whole numbers as ONNX does.

    Raises:
        BadConstants: The divisor is 0.
    """
    if not b:
        raise BadConstants("it divides by 0")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _power(a: Number, b: Number) -> float:
    try:
        result = a**b
    except ZeroDivisionError:
        return inf
    except OverflowError:
        return -inf if a < 0 and b % 2 == 1 else inf
    return nan if isinstance(result, complex) else result


def _whole_power(a: Number, b: Number) -> int:
    if b < 0:
        raise BadConstants("it raises whole numbers to negative powers")
    return pow(int(a), int(b), 2**64)  # the lowest bits, which the result is wrapped to anyway


def _larger(a: Number, b: Number) -> Number:
    return a if a >= b or isnan(a) else b


def _smaller(a: Number, b: Number) -> Number:
    return a if a <= b or isnan(a) else b


def _modulo(a: Number, b: Number) -> Number:
    if isinstance(a, float) or isinstance(b, float):
        return a % b if b and isfinite(a) else nan
    if not b:
        raise BadConstants("it divides by 0")
    return a % b


def _c_modulo(a: Number, b: Number) -> Number:
    if isinstance(a, float) or isinstance(b, float):
        return math.fmod(a, b) if b and not isinf(a) else nan
    return a - b * divide_towards_zero(a, b)


COMPARISONS: dict[str, Callable[[Number, Number], bool]] = {
    "Equal": operator.eq, "Less": operator.lt, "Greater": operator.gt, "LessOrEqual": operator.le,
    "GreaterOrEqual": operator.ge, "And": lambda a, b: bool(a and b), "Or": lambda a, b: bool(a or b),
    "Xor": lambda a, b: bool(a) != bool(b),
}  # fmt: skip
BINARY: dict[str, Callable[[Number, Number], Number]] = {
    "Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "Max": _larger, "Min": _smaller, "Sum": operator.add,
    **COMPARISONS,
}  # fmt: skip


def binary(op: str, xs: Sequence[Array], attributes: Attributes) -> Array | None:
    """Return the result of an operator on arrays that are broadcast together; None if it would be too large.

    Raises:
        BadConstants: The arrays do not fit together.
    """
    if prod(broadcast_shapes(*[x.shape for x in xs])) > LARGEST:
        return None
    result = xs[0]
    for x in xs[1:]:
        result = _combine(op, result, x, attributes)
    return result


def _combine(op: str, a: Array, b: Array, attributes: Attributes) -> Array:
    type = common_type(a.type, b.type)
    function: Callable[[Number, Number], Number]
    if op == "Div":
        function = _divide if type.is_float else divide_towards_zero
    elif op == "Mod":
        function = _c_modulo if attributes.get("fmod") else _modulo
    elif op == "Pow":
        type = a.type  # of the base
        function = _power if type.is_float or b.type.is_float else _whole_power
    else:
        function = BINARY[op]
    if op in COMPARISONS:
        type = BOOL
    dims = broadcast_shapes(a.shape, b.shape)
    return rounded(type, dims, list(map(function, spread(a, dims), spread(b, dims))))


def where(condition: Array, yes: Array, no: Array) -> Array | None:
    """Return the numbers of `yes` where the condition holds, and those of `no` elsewhere; None if they are too many."""
    dims = broadcast_shapes(condition.shape, yes.shape, no.shape)
    if prod(dims) > LARGEST:
        return None
    type = common_type(yes.type, no.type)
    triples = zip(spread(condition, dims), spread(yes, dims), spread(no, dims), strict=True)
    return rounded(type, dims, [a if holds else b for holds, a, b in triples])


def clip(x: Array, low: Array | None, high: Array | None) -> Array | None:
    """Return the numbers between two bounds; None if they are too many."""
    result: Array | None = x
    for op, bound in (("Max", low), ("Min", high)):
        if bound is not None and result is not None:
            result = binary(op, [result, bound], {})
    return result


# -- reductions -------------------------------------------------------------------------------------------------------


def _sum(type: Type, numbers: Sequence[Number]) -> Number:
    return sum(numbers) if not type.is_float or not all(map(isfinite, numbers)) else math.fsum(numbers)


def _product(type: Type, numbers: Sequence[Number]) -> Number:
    result: Number = 1
    for number in numbers:
        result = round_number(type, result * number) if type.is_float else int(result * number) % 2**64
    return result


def _mean(type: Type, numbers: Sequence[Number]) -> Number:
    if not numbers:
        return nan
    total = _sum(type, numbers)
    return total / len(numbers) if type.is_float else divide_towards_zero(total, len(numbers))


def _extreme(choose: Callable[[Number, Number], Number]) -> Callable[[Type, Sequence[Number]], Number]:
    def apply(type: Type, numbers: Sequence[Number]) -> Number:
        if not numbers:
            raise BadConstants("it looks for the largest or smallest of no numbers")
        return accumulate(choose, numbers)

    return apply


REDUCTIONS: dict[str, Callable[[Type, Sequence[Number]], Number]] = {
    "ReduceProd": _product, "ReduceSum": _sum, "ReduceMax": _extreme(_larger), "ReduceMin": _extreme(_smaller),
    "ReduceMean": _mean,
}  # fmt: skip


def reduce(op: str, x: Array, axes: Sequence[int], keep: bool) -> Array | None:
    """Return the reduction of an array along axes, or along all if there are none; None if it would be too large."""
    rank = len(x.shape)
    reduced = {axis + rank if axis < 0 else axis for axis in axes} if axes else set(range(rank))
    if any(not 0 <= axis < rank for axis in reduced) or (axes and len(reduced) < len(axes)):
        raise BadConstants("it names an axis that its input does not have")
    kept = [axis for axis in range(rank) if axis not in reduced]
    dims = [1 if axis in reduced else x.shape[axis] for axis in range(rank) if keep or axis not in reduced]
    if prod(dims) > LARGEST:
        return None
    strides, numbers, function = strides_of(x.shape), x.numbers, REDUCTIONS[op]
    inner = positions([x.shape[axis] for axis in reduced], [strides[axis] for axis in reduced])
    starts = positions([x.shape[axis] for axis in kept], [strides[axis] for axis in kept])
    found = [function(x.type, [numbers[start + place] for place in inner]) for start in starts]
    return rounded(x.type, dims, found)


def bound(x: Array, attribute: object) -> Array | None:
    """Return a bound of Clip that is an attribute as an array."""
    if not isinstance(attribute, int | float):
        return None
    return Array(x.type if x.type.is_float else FLOAT64, (), (attribute,))


def fill(dims: Sequence[int], value: object) -> Array | None:
    """Return an array that consists of one number, 0 by default; None if it would be too large."""
    if prod(dims) > LARGEST:
        return None
    if min(dims, default=0) < 0:
        raise BadConstants("its shape has a negative dimension")
    if value is None:
        return Array(FLOAT32, dims, [0.0] * prod(dims))
    if not isinstance(value, Array) or value.size != 1:
        raise BadConstants("its value is not a single number")
    return Array(value.type, dims, [value.numbers[0]] * prod(dims))


def count_up(start: Array, limit: Array, delta: Array) -> Array | None:
    """Return the numbers from start to limit; None if they are too many, or if one of the three is not a finite number."""
    if any(one.size != 1 for one in (start, limit, delta)):
        return None
    first, last, step = (one.numbers[0] for one in (start, limit, delta))
    if not step or not all(map(isfinite, (first, last, step))) or (last - first) / step > LARGEST:
        return None
    count = max(0, math.ceil((last - first) / step))
    return rounded(start.type, (count,), [first + place * step for place in range(count)])
