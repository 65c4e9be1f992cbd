"""The receptive field: which part of the input one output cell sees, as the union over all paths.

Per spatial axis it is kept as (first, last, stride): output cell i sees the input cells first + i*stride to
last + i*stride. Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncalc.layers.base import Blur, Crop, Layer, Resample, View
from cnncalc.network import Network
from cnncalc.shape import Shape, TransposedWindow, Window

if TYPE_CHECKING:
    from fractions import Fraction

Axis = tuple["int | Fraction", "int | Fraction", "int | Fraction"]


class Whole:
    """Every cell sees the whole input."""

    __slots__ = ()


WHOLE = Whole()
Field = tuple[Axis, ...] | Whole | None  # None: not known


def receptive_fields(network: Network) -> list[Field]:
    """The field of every node, in the order of the nodes; None where it is not known."""
    fields: list[Field] = []
    cache: dict[tuple[int, Shape, Field], Field] = {}
    for node in network.nodes:
        layer = node.layer
        if layer is None:
            fields.append(((0, 0, 1),) * node.output.rank)
            continue
        seen = node.inputs[: len(node.inputs) - layer.lenders]
        below = fields[seen[0]]
        for index in seen[1:]:
            below = union(below, fields[index])
        if len(node.inputs) == 1:
            key = (id(layer), network.nodes[node.inputs[0]].output, below)
            if key not in cache:
                cache[key] = _through(layer, network.shapes(node), below)
            fields.append(cache[key])
        else:
            fields.append(_through(layer, network.shapes(node), below))
    return fields


def _through(layer: Layer, shapes: Sequence[Shape], below: Field) -> Field:
    views = layer.windows(*shapes)
    if views == ():
        return below
    if views is None:
        return WHOLE
    if below is None or isinstance(below, Whole):
        return below
    if len(views) != len(below) or any(isinstance(view, Blur) for view in views):
        return None
    return tuple([_axis(view, axis) for view, axis in zip(views, below, strict=True)])


def _axis(view: View, axis: Axis) -> Axis:
    first, last, stride = axis
    if isinstance(view, Window):
        start = first - view.before * stride
        return start, last + (view.reach - 1 - view.before) * stride, stride * view.stride
    if isinstance(view, Crop):
        return first + view.start * stride, last + view.start * stride, stride * view.step
    if isinstance(view, TransposedWindow):
        # output cell o is fed by the input cells i with 0 <= o + before - i*S < reach
        lowest = -((view.reach - 1 - view.before) // view.stride)
        cells = -(-view.reach // view.stride)
        return first + lowest * stride, last + (lowest + cells - 1) * stride, _divided(stride, view.stride)
    assert isinstance(view, Resample)
    behind = view.reach // 2
    return first - (view.reach - 1 - behind) * stride, last + behind * stride, _divided(stride * view.below, view.above)


def _divided(above: int | Fraction, below: int) -> int | Fraction:
    from fractions import Fraction

    quotient = Fraction(above) / below
    return quotient.numerator if quotient.denominator == 1 else quotient


def union(one: Field, other: Field) -> Field:
    """The field of a value that depends on both; None where the strides differ or either is unknown."""
    if one is other or one == other:
        return one
    if isinstance(one, Whole) or isinstance(other, Whole):
        return WHOLE
    if one is None or other is None or len(one) != len(other):
        return None
    if any(a[2] != b[2] for a, b in zip(one, other, strict=True)):
        return None
    return tuple((min(a[0], b[0]), max(a[1], b[1]), a[2]) for a, b in zip(one, other, strict=True))


def extent(field: Field, whole: Shape) -> tuple[list[int], list[float | int] | None] | None:
    """(sizes, strides) per axis for an input of shape `whole`; strides None where the whole input is seen; None unknown."""
    if field is None or field == () or whole.rank == 0:
        return None
    if isinstance(field, Whole):
        return list(whole.spatial), None
    sizes = [int(last - first) + 1 for first, last, _ in field]
    strides = [stride if isinstance(stride, int) else float(stride) for _, _, stride in field]
    return sizes, strides
