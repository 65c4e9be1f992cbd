"""Layers and operations that combine values or move numbers. `elementwise` uses these functions too."""

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


def align(call: Call, values: Sequence[Value]) -> list[Value]:
    """Bring values to the same order of axes.

    Values of different shapes are brought to Keras' order, in which broadcasting aligns the last axes.
    """
    if len({value.order for value in values}) == 1 and len({call.shape(value) for value in values}) == 1:
        return list(values)
    return [call.in_keras_order(value) for value in values]


def merge_layer(call: Call) -> list[Value]:
    return [combine(call, MERGES[call.spec.cls], call.values)]


def combine(call: Call, kind: type[Layer], values: Sequence[Value]) -> Value:
    """Combine values elementwise, broadcasting shorter ones."""
    if len(values) < 2:
        return call.add_identity(values[0])
    values = align(call, values)
    if kind is merge.Add:
        layer = merge.Add(broadcast=len({call.shape(value) for value in values}) > 1)
        return call.add("add", layer, *values, order=max((value.order for value in values), key=len))
    return call.add(kind.kind, kind(), *values, order=max((value.order for value in values), key=len))


def concatenate(call: Call) -> list[Value]:
    if len(call.values) < 2:
        return [call.add_identity(call.value)]
    return [join_along(call, call.values, call.spec.integers("axis", -1)[0])]


def join_along(call: Call, values: Sequence[Value], key: int) -> Value:
    """Concatenate values along one of Keras' axes."""
    values = [
        call.reorder(value, values[0].order) if len(value.order) == len(values[0].order) else value for value in values
    ]
    place = values[0].order[call.axis(values[0], key)]
    axes = len(values[0].order)
    if place == axes - 1:
        return call.add("concat", merge.Concat(), *values)
    if axes - 1 not in AXES:
        text = f"concatenates values with {axes} axes along an axis other than the last, which is not supported"
        raise call.spec.problem(text, code="unknown-layer")
    return call.add("concat", merge.Concat(axis=AXES[axes - 1][place]), *values)


def dot(call: Call) -> list[Value]:
    if len(call.values) != 2:
        raise call.spec.problem(f"takes two inputs, but gets {len(call.values)}")
    values = [call.in_keras_order(value) for value in call.values]
    keys = call.spec.integers("axes")
    keys = keys * 2 if len(keys) == 1 else keys
    left, right = (call.axis(value, key, "axes") for value, key in zip(values, keys, strict=False))
    product = call.add("dot", Dot(left=left, right=right), *values)
    return [Value(product.index, range(len(call.shape(product))))]


def flatten(call: Call) -> list[Value]:
    value = call.only_value()
    if call.lead:
        shape = call.shape(value)
        return [
            call.add("flatten", Reshape(to=(*shape[: call.lead], prod(shape[call.lead :]))), call.in_keras_order(value))
        ]
    return [call.add("flatten", Flatten(), value, order=(0,))]


def reshape(call: Call) -> list[Value]:
    target = call.spec.config.get("target_shape")
    if not isinstance(target, list):
        raise call.spec.problem("has no `target_shape`")
    return [reshape_to(call, call.only_value(), target)]


def reshape_to(call: Call, value: Value, target: list[Any]) -> Value:
    """Reshape a value to a shape in Keras' order, in which one number may be -1."""
    front = list(call.shape(value)[: call.lead])
    size = call.shape(value).size // prod(front)
    stated = [length for length in target if length not in (-1, None)]
    if not all(type(length) is int and 1 <= length <= 2**50 for length in stated) or len(target) > len(stated) + 1:
        text = f"has the target shape {show(target)}: it must be whole numbers of at least 1, and at most one -1"
        raise call.spec.problem(text)
    rest = size // prod(stated) if prod(stated) else 0
    lengths = [*front, *[rest if length in (-1, None) else length for length in target]]
    if prod(lengths) != call.shape(value).size or not lengths:
        text = f"cannot reshape {call.describe(value)}, which holds {size:,} numbers, to {show(target)}"
        raise call.spec.problem(text, code="sizes-differ")
    order = call.usual_order(len(lengths))
    to = [0] * len(lengths)
    for axis, place in enumerate(order):
        to[place] = lengths[axis]
    return call.add("reshape", Reshape(to=tuple(to)), value, order=order)


def permute(call: Call) -> list[Value]:
    value = call.only_value()
    dims = call.spec.integers("dims")
    if sorted(dims) != list(range(1, len(value.order) - call.lead + 1)):
        raise call.spec.problem(f"has `dims` {show(dims)}, but its input is {call.describe(value)}")
    return [transpose(call, value, [*range(call.lead), *[key - 1 + call.lead for key in dims]])]


def transpose(call: Call, value: Value, keys: list[int]) -> Value:
    """Permute Keras' axes of a value. Axes are counted from 0 without the batch."""
    order = call.usual_order(len(keys))
    axes = [0] * len(keys)
    for axis, place in enumerate(order):
        axes[place] = value.order[keys[axis]]
    return call.add("permute", Permute(axes=tuple(axes)), value, order=order)


def repeat_vector(call: Call) -> list[Value]:
    value = call.add("row", Reshape(to=(1, *call.shape(call.only_value()))), call.value)
    return [call.add("repeat", Upsample(factor=call.spec.count("n")), value)]


MERGES: dict[str, type[Layer]] = {
    "Add": merge.Add, "Subtract": merge.Sub, "Multiply": merge.Mul, "Average": merge.Average,
    "Maximum": merge.Maximum, "Minimum": merge.Minimum,
}  # fmt: skip
