"""Evaluate one operator on known arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from cnncalc.readers.onnx.constants import arithmetic, rearranging
from cnncalc.readers.onnx.constants.arithmetic import BINARY, REDUCTIONS, UNARY, binary, reduce, unary
from cnncalc.readers.onnx.constants.arrays import LARGEST, Array, BadConstants, broadcast_shapes

Inputs = Sequence[Array | None]
Attributes = dict[str, Any]
Results = list[Array] | Array | None

# operators whose output consists of the first input alone: the others are places, counts or sizes
REARRANGING = frozenset((
    "Reshape", "Expand", "Tile", "Slice", "Split", "Squeeze", "Unsqueeze", "Gather", "GatherElements", "Pad", *REDUCTIONS,
))  # fmt: skip
_BINARY = frozenset((*BINARY, "Div", "Mod", "Pow"))


def fold(op: str, xs: Inputs, attributes: Attributes) -> list[Array] | None:
    """Return the outputs of an operator on known arrays; None if it is not evaluated here or an output is too large.

    Raises:
        BadConstants: The numbers do not fit the operator.
    """
    if op in UNARY:
        results: Results = unary(op, _required(xs, 0))
    elif op in _BINARY:
        results = binary(op, [_required(xs, place) for place in range(max(len(xs), 1))], attributes)
    elif op in REDUCTIONS:
        results = _reduce(op, xs, attributes)
    elif op in _HANDLERS:
        results = _HANDLERS[op](xs, attributes)
    else:
        return None
    found = [results] if isinstance(results, Array) else results
    return found if found is None or all(one.size <= LARGEST for one in found) else None


def further_work(op: str, xs: Inputs) -> int:
    """Return how many numbers an operator reads or computes besides those of its outputs.

    Raises:
        BadConstants: The inputs cannot be broadcast together.
    """
    arrays = [x for x in xs if x is not None]
    if op in REDUCTIONS or op == "NonZero":
        return sum(x.size for x in arrays)
    if op in _BINARY and len(arrays) > 2:
        return (len(arrays) - 2) * prod(broadcast_shapes(*[x.shape for x in arrays]))
    return 0


def _required(xs: Inputs, place: int) -> Array:
    """Return an input that the operator requires.

    Raises:
        BadConstants: The input is missing.
    """
    array = xs[place] if place < len(xs) else None
    if array is None:
        raise BadConstants(f"input {place + 1} is missing")
    return array


def _numbers(xs: Inputs, place: int, attributes: Attributes, name: str) -> list[int] | None:
    """Return the whole numbers of an input, or else of an attribute; None if the node has neither."""
    x = xs[place] if place < len(xs) else None
    return x.whole_numbers() if x is not None else attributes.get(name)


def _reduce(op: str, xs: Inputs, attributes: Attributes) -> Results:
    axes = _numbers(xs, 1, attributes, "axes") or []
    if not axes and attributes.get("noop_with_empty_axes"):
        return _required(xs, 0)
    return reduce(op, _required(xs, 0), axes, bool(attributes.get("keepdims", 1)))


def _same(xs: Inputs, attributes: Attributes) -> Results:
    return _required(xs, 0)


def _cast(xs: Inputs, attributes: Attributes) -> Results:
    return arithmetic.cast(_required(xs, 0), attributes.get("to"))


def _cast_like(xs: Inputs, attributes: Attributes) -> Results:
    return _required(xs, 0).converted(_required(xs, 1).type)


def _gather(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.gather(_required(xs, 0), _required(xs, 1), attributes.get("axis", 0))


def _slice(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.cut(_required(xs, 0), xs, attributes)


def _concat(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.concat([_required(xs, place) for place in range(len(xs))], attributes.get("axis", 0))


def _unsqueeze(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.unsqueeze(_required(xs, 0), _numbers(xs, 1, attributes, "axes") or [])


def _squeeze(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.squeeze(_required(xs, 0), _numbers(xs, 1, attributes, "axes") or [])


def _reshape(xs: Inputs, attributes: Attributes) -> Results:
    to = _numbers(xs, 1, attributes, "shape") or []
    return rearranging.reshape(_required(xs, 0), to, bool(attributes.get("allowzero")))


def _flatten(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.flatten(_required(xs, 0), attributes.get("axis", 1))


def _fill(xs: Inputs, attributes: Attributes) -> Results:
    return arithmetic.fill(_required(xs, 0).whole_numbers(), attributes.get("value"))


def _range(xs: Inputs, attributes: Attributes) -> Results:
    return arithmetic.count_up(_required(xs, 0), _required(xs, 1), _required(xs, 2))


def _expand(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.expand(_required(xs, 0), tuple(_required(xs, 1).whole_numbers()))


def _where(xs: Inputs, attributes: Attributes) -> Results:
    return arithmetic.where(_required(xs, 0), _required(xs, 1), _required(xs, 2))


def _tile(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.tile(_required(xs, 0), _required(xs, 1).whole_numbers())


def _transpose(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.transpose(_required(xs, 0), attributes.get("perm"))


def _nonzero(xs: Inputs, attributes: Attributes) -> Results:
    return rearranging.nonzero(_required(xs, 0))


def _split(xs: Inputs, attributes: Attributes) -> Results:
    sizes = _numbers(xs, 1, attributes, "split")
    return rearranging.split(_required(xs, 0), sizes, attributes.get("axis", 0))


def _clip(xs: Inputs, attributes: Attributes) -> Results:
    x = _required(xs, 0)
    low = xs[1] if len(xs) > 1 else arithmetic.bound(x, attributes.get("min"))
    high = xs[2] if len(xs) > 2 else arithmetic.bound(x, attributes.get("max"))
    return arithmetic.clip(x, low, high)


_HANDLERS: dict[str, Callable[[Inputs, Attributes], Results]] = {
    "Identity": _same, "Dropout": _same, "Cast": _cast, "CastLike": _cast_like, "Gather": _gather, "Slice": _slice,
    "Concat": _concat, "Unsqueeze": _unsqueeze, "Squeeze": _squeeze, "Reshape": _reshape, "ConstantOfShape": _fill,
    "Range": _range, "Expand": _expand, "Where": _where, "Tile": _tile, "Transpose": _transpose, "NonZero": _nonzero,
    "Flatten": _flatten, "Split": _split, "Clip": _clip,
}  # fmt: skip
