"""Keras' merges, and layers that only move numbers: also what bare operations are made of."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from cnncalc.layers import merge
from cnncalc.layers.attention import Dot
from cnncalc.layers.base import Layer
from cnncalc.layers.reshape import Flatten, Permute, Reshape, Upsample
from cnncalc.readers.keras.call import Call, Value
from cnncalc.text import show

AXES = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def alike(call: Call, values: Sequence[Value]) -> list[Value]:
    """Values with their axes in one order; those of unequal shapes in Keras' own, where shorter ones fit in behind."""
    if len({value.order for value in values}) == 1 and len({call.shape(value) for value in values}) == 1:
        return list(values)
    return [call.plain(value) for value in values]


def merged(call: Call) -> list[Value]:
    return [joined(call, MERGES[call.spec.cls], call.values)]


def joined(call: Call, kind: type[Layer], values: Sequence[Value]) -> Value:
    """Values joined number by number, spread where they are shorter."""
    if len(values) < 2:
        return call.passed(values[0])
    values = alike(call, values)
    if kind is merge.Add:
        kind_of = merge.Add(broadcast=len({call.shape(value) for value in values}) > 1)
        return call.add("add", kind_of, *values, order=max((value.order for value in values), key=len))
    return call.add(kind.kind, kind(), *values, order=max((value.order for value in values), key=len))


def concatenated(call: Call) -> list[Value]:
    if len(call.values) < 2:
        return [call.passed(call.value)]
    return [concatenation(call, call.values, call.spec.integers("axis", -1)[0])]


def concatenation(call: Call, values: Sequence[Value], key: int) -> Value:
    """Values joined along one of Keras' axes."""
    values = [
        call.ordered(value, values[0].order) if len(value.order) == len(values[0].order) else value for value in values
    ]
    place = values[0].order[call.axis(values[0], key)]
    axes = len(values[0].order)
    if place == axes - 1:
        return call.add("concat", merge.Concat(), *values)
    if axes - 1 not in AXES:
        raise call.spec.problem(f"joins along an axis of {axes}, which is not read", code="unknown-layer")
    return call.add("concat", merge.Concat(axis=AXES[axes - 1][place]), *values)


def dot(call: Call) -> list[Value]:
    if len(call.values) != 2:
        raise call.spec.problem(f"takes two values, but gets {len(call.values)}")
    values = [call.plain(value) for value in call.values]
    keys = call.spec.integers("axes")
    keys = keys * 2 if len(keys) == 1 else keys
    left, right = (call.axis(value, key, "axes") for value, key in zip(values, keys, strict=False))
    found = call.add("dot", Dot(left=left, right=right), *values)
    return [Value(found.index, range(len(call.shape(found))))]


def flatten(call: Call) -> list[Value]:
    value = call.only()
    if call.lead:
        shape = call.shape(value)
        return [call.add("flatten", Reshape(to=(*shape[: call.lead], prod(shape[call.lead :]))), call.plain(value))]
    return [call.add("flatten", Flatten(), value, order=(0,))]


def reshape(call: Call) -> list[Value]:
    target = call.spec.config.get("target_shape")
    if not isinstance(target, list):
        raise call.spec.problem("has no `target_shape`")
    return [reshaped(call, call.only(), target)]


def reshaped(call: Call, value: Value, target: list[Any]) -> Value:
    """A value in a shape of Keras' order, one of whose numbers may be -1."""
    front = list(call.shape(value)[: call.lead])
    size = call.shape(value).size // prod(front)
    known = [length for length in target if length not in (-1, None)]
    if not all(type(length) is int and 1 <= length <= 2**50 for length in known) or len(target) > len(known) + 1:
        raise call.spec.problem(f"has the target shape {show(target)}: one number at most may be -1")
    rest = size // prod(known) if prod(known) else 0
    lengths = [*front, *[rest if length in (-1, None) else length for length in target]]
    if prod(lengths) != call.shape(value).size or not lengths:
        text = f"makes {show(target)} of {call.said(value)}, which holds {size:,} numbers"
        raise call.spec.problem(text, code="sizes-differ")
    order = call.usual(len(lengths))
    to = [0] * len(lengths)
    for axis, place in enumerate(order):
        to[place] = lengths[axis]
    return call.add("reshape", Reshape(to=tuple(to)), value, order=order)


def permuted(call: Call) -> list[Value]:
    value = call.only()
    dims = call.spec.integers("dims")
    if sorted(dims) != list(range(1, len(value.order) - call.lead + 1)):
        raise call.spec.problem(f"has `dims` {show(dims)}, but its input is {call.said(value)}")
    return [transposition(call, value, [*range(call.lead), *[key - 1 + call.lead for key in dims]])]


def transposition(call: Call, value: Value, keys: list[int]) -> Value:
    """A value with Keras' axes in another order, counted from 0 without the batch."""
    order = call.usual(len(keys))
    axes = [0] * len(keys)
    for axis, place in enumerate(order):
        axes[place] = value.order[keys[axis]]
    return call.add("permute", Permute(axes=tuple(axes)), value, order=order)


def repeated(call: Call) -> list[Value]:
    value = call.add("row", Reshape(to=(1, *call.shape(call.only()))), call.value)
    return [call.add("repeat", Upsample(factor=call.spec.count("n")), value)]


MERGES: dict[str, type[Layer]] = {
    "Add": merge.Add, "Subtract": merge.Sub, "Multiply": merge.Mul, "Average": merge.Average,
    "Maximum": merge.Maximum, "Minimum": merge.Minimum,
}  # fmt: skip
