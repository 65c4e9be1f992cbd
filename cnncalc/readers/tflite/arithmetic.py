"""Evaluate TFLite operators on small known numbers, as the arithmetic of shapes needs."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from math import ceil, floor, prod
from typing import Any

from cnncalc.readers.axes import Dims
from cnncalc.readers.tflite.graph import Numbers, Operation, Value
from cnncalc.readers.tflite.slices import Part, slice_cuts, strided_cuts, taken_numbers

LARGEST = 256  # most numbers in a tensor that is evaluated
LARGEST_NUMBER = 2**62


class Unfit(Exception):
    """The numbers do not fit the operator; the text is the reason."""


def _divide(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int):
        quotient = abs(a) // abs(b)
        return quotient if (a < 0) == (b < 0) else -quotient
    return a / b


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "ADD": operator.add, "SUB": operator.sub, "MUL": operator.mul, "DIV": _divide, "FLOOR_DIV": operator.floordiv,
    "FLOOR_MOD": operator.mod, "MAXIMUM": max, "MINIMUM": min, "EQUAL": operator.eq, "NOT_EQUAL": operator.ne,
    "LESS": operator.lt, "LESS_EQUAL": operator.le, "GREATER": operator.gt, "GREATER_EQUAL": operator.ge,
    "LOGICAL_AND": lambda a, b: bool(a and b), "LOGICAL_OR": lambda a, b: bool(a or b),
}  # fmt: skip
UNARY: dict[str, Callable[[Any], Any]] = {
    "NEG": operator.neg, "ABS": abs, "FLOOR": lambda a: float(floor(a)), "CEIL": lambda a: float(ceil(a)),
    "LOGICAL_NOT": operator.not_,
}  # fmt: skip
REDUCED: dict[str, Callable[[Sequence[Any]], Any]] = {
    "SUM": sum,
    "REDUCE_PROD": prod,
    "REDUCE_MAX": max,
    "REDUCE_MIN": min,
}
WHOLE_TYPES = frozenset((2, 3, 4, 6, 7, 9, 12, 15, 16))


def fold(step: Operation) -> Value | None:
    """Return the result of an operator on known numbers; None if it is not evaluated here.

    Raises:
        Unfit: The numbers do not fit the operator.
    """
    xs = [x for x in step.inputs if x is not None]
    if any(x.numbers is None for x in xs) or len(step.info.outputs) != 1 or step.info.options.get("fused"):
        return None
    known = [(x.dims, x.numbers) for x in xs if x.numbers is not None]
    if any(len(numbers) > LARGEST for _, numbers in known):
        return None
    try:
        result = _fold(step, known)
    except (ArithmeticError, ValueError, IndexError) as error:
        raise Unfit(str(error)) from None
    if result is None or len(result[1]) > LARGEST or len(result[1]) != prod(result[0]):
        return None
    if any(abs(n) > LARGEST_NUMBER for n in result[1]):
        raise Unfit(f"a result exceeds {LARGEST_NUMBER:,}")
    for place in range(len(step.inputs)):
        step.shape_places.add(place)
    return Value(result[0], numbers=tuple(result[1]), tensors=tuple(tensor for x in xs for tensor in x.tensors))


def _fold(step: Operation, xs: list[tuple[Dims, Numbers]]) -> tuple[Dims, Numbers] | None:
    kind = step.kind
    if kind in BINARY and len(xs) == 2:
        return _pairs(BINARY[kind], *xs)
    if kind in UNARY and len(xs) == 1:
        return xs[0][0], tuple(UNARY[kind](n) for n in xs[0][1])
    if kind == "CAST" and len(xs) == 1:
        stored = step.stored()
        whole = stored is not None and stored.type in WHOLE_TYPES
        return xs[0][0], tuple(int(n) if whole else float(n) for n in xs[0][1])
    if kind in REDUCED and len(xs[0][0]) == 1 and xs[0][1]:
        keep = step.option("keep_dims")
        return (1,) if keep else (), (REDUCED[kind](xs[0][1]),)
    if kind == "PACK":
        return _pack(step, xs)
    if kind == "CONCATENATION" and all(len(dims) == 1 for dims, _ in xs):
        joined = tuple(n for _, numbers in xs for n in numbers)
        return (len(joined),), joined
    if kind == "SLICE" and len(xs) == 3:
        return _taken(xs[0], slice_cuts(xs[0][0], xs[1][1], xs[2][1]))
    if kind == "STRIDED_SLICE" and len(xs) == 4:
        return _taken(xs[0], strided_cuts(xs[0][0], [numbers for _, numbers in xs[1:]], step.info.options))
    if kind == "GATHER" and len(xs) == 2 and len(xs[0][0]) == 1:
        places = [int(n) for n in xs[1][1]]
        if min(places, default=0) < 0:
            raise IndexError("an index is negative")
        return xs[1][0], tuple(xs[0][1][place] for place in places)
    if kind == "FILL" and len(xs) == 2 and len(xs[1][1]) == 1 and 0 <= prod(xs[0][1]) <= LARGEST:
        return tuple(xs[0][1]), xs[1][1] * prod(xs[0][1])
    if kind == "RANGE" and len(xs) == 3 and all(len(n) == 1 and type(n[0]) is int for _, n in xs):
        cells = range(xs[0][1][0], xs[1][1][0], xs[2][1][0])
        return ((len(cells),), tuple(cells)) if len(cells) <= LARGEST else None
    if kind in ("SELECT", "SELECT_V2") and len(xs) == 3 and len(xs[0][1]) == 1:
        return xs[1] if xs[0][1][0] else xs[2]
    return None


def _pairs(
    function: Callable[[Any, Any], Any], a: tuple[Dims, Numbers], b: tuple[Dims, Numbers]
) -> tuple[Dims, Numbers] | None:
    if a[0] == b[0]:
        return a[0], tuple(function(x, y) for x, y in zip(a[1], b[1], strict=True))
    if len(b[1]) == 1 and len(b[0]) <= len(a[0]):
        return a[0], tuple(function(x, b[1][0]) for x in a[1])
    if len(a[1]) == 1 and len(a[0]) <= len(b[0]):
        return b[0], tuple(function(a[1][0], y) for y in b[1])
    return None


def _pack(step: Operation, xs: list[tuple[Dims, Numbers]]) -> tuple[Dims, Numbers] | None:
    if len({dims for dims, _ in xs}) != 1 or step.option("axis") not in (0, -1 if not xs[0][0] else 0):
        return None
    return (len(xs), *xs[0][0]), tuple(n for _, numbers in xs for n in numbers)


def _taken(x: tuple[Dims, Numbers], part: Part) -> tuple[Dims, Numbers] | None:
    numbers = taken_numbers(x[1], x[0], part, LARGEST)
    return None if numbers is None else (part.dims, numbers)
