"""Compare two networks number by number: the imported one and the one that the written specification describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncalc.analyses.receptive import Field
from cnncalc.analyses.totals import Row, analyze
from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Name
from cnncalc.layers.operator import Operator, Stated
from cnncalc.network import Network
from cnncalc.text import show
from cnncalc.writers.yaml.fields import rounded


def difference(one: Network, other: Network, order: Sequence[int], names: Sequence[str]) -> str:
    """Describe the first difference between two networks; return an empty text if they agree in everything.

    It compares, layer by layer, name, kind, fields, inputs, output shape, weights, biases, buffers, multiply-adds, activations
    (hence what works in place), receptive field and shared parameters, and then outputs and totals. For each node of `other`,
    `order` holds the node of `one` and `names` the name that it must have.
    """
    if len(other.nodes) != len(order):
        return f"the specification has {len(other.nodes):,} layers, the source {len(order):,}"
    place = {index: number for number, index in enumerate(order)}
    first, second = analyze(one), analyze(other)
    for number, (index, name) in enumerate(zip(order, names, strict=True)):
        mine, theirs = first.rows[index], second.rows[number]
        problem = _node(mine, theirs, place, name) or _figures(mine, theirs, first.field(mine), second.field(theirs))
        if problem:
            return f"`{show(name)}`: {problem}"
    if tuple(place[index] for index in one.outputs) != other.outputs:
        return "the outputs are not the same layers"
    for quantity, value in vars(first.totals).items():
        if value != getattr(second.totals, quantity):
            return f"total {quantity}: the source has {value:,}, the specification {getattr(second.totals, quantity):,}"
    return ""


def _node(mine: Row, theirs: Row, place: dict[int, int], name: str) -> str:
    one, other = mine.node, theirs.node
    shared = None if one.shared is None else place[one.shared]
    facts: list[tuple[str, Any, Any]] = [
        ("name", name, other.name),
        ("kind", one.kind, other.kind),
        ("inputs", tuple(place[index] for index in one.inputs), other.inputs),
        ("output", one.output, other.output),
        ("shared parameters", shared, other.shared),
    ]
    if not isinstance(_represented_layer(other.layer), Stated):
        facts.append(("fields", _fields(one.layer), _fields(other.layer)))
    return _first(facts)


def _figures(mine: Row, theirs: Row, ours: Field, other: Field) -> str:
    facts: list[tuple[str, Any, Any]] = [
        (quantity, getattr(mine, quantity), getattr(theirs, quantity))
        for quantity in ("weights", "biases", "trainable", "buffers", "macs", "counted", "activations")
    ]
    if other is not None:  # unknown after an operation of which only the source knows what it reads
        facts.append(("receptive field", ours, other))
    return _first(facts)


def _first(facts: list[tuple[str, Any, Any]]) -> str:
    return next(
        (
            f"{what}: the source has {show(mine)}, the specification {show(theirs)}"
            for what, mine, theirs in facts
            if mine != theirs
        ),
        "",
    )


def _fields(layer: Layer | None) -> Any:
    """Return the fields that differ from their defaults as text, except those with names, which may have been changed."""
    layer = _represented_layer(layer)
    if layer is None:
        return None
    plain = {
        name: rounded(value)
        if isinstance(value, float)
        else sorted(value.items())
        if isinstance(value, dict)
        else value
        for name, value in layer.nondefault_fields.items()
        if not isinstance(layer.fields[name], Name)
    }
    return ", ".join(f"{name} {value}" for name, value in sorted(plain.items()))


def _represented_layer(layer: Layer | None) -> Layer | None:
    """Return the layer that an operator represents."""
    while isinstance(layer, Operator):
        layer = layer.like
    return layer
