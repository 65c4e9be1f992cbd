"""Cache of layers: the same fields give the same layer object, whose facts are already computed.

The cache is cleared when the layers and nodes counted exceed a bound.
"""

from __future__ import annotations

from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.readers.yaml.tree import Map, Scalar, Tree

MOST = 50_000  # entries of less than a kilobyte each

_PLAIN = frozenset({int, float, bool, str, tuple})  # types whose values can be part of a key
layers: dict[tuple[Any, ...], Layer] = {}
written: dict[tuple[Any, ...], tuple[dict[str, Any], Layer | None]] = {}
_seen = 0


def layer_of(kind: type[Layer], values: dict[str, Any]) -> Layer:
    """Return the layer with these values, which the fields have already checked."""
    key: list[Any] = [kind]
    for name, value in values.items():
        if type(value) not in _PLAIN:
            return kind.from_values(values)
        key += (name, type(value), value)
    known = tuple(key)
    layer = layers.get(known)
    if layer is None:
        count_entries(1)
        layer = layers[known] = kind.from_values(values)
    return layer


def fields_of(kind: type[Layer], body: Tree | None) -> dict[str, Tree]:
    """Return the fields that a step writes after its kind. A value alone, as in `fc: 10`, is the first field."""
    if isinstance(body, Map):
        return body.items
    if body is None or (isinstance(body, Scalar) and body.text == "" and not body.quoted):
        return {}
    return {next(iter(kind.fields)): body}


def key_of(kind: type[Layer], body: Tree | None) -> tuple[Any, ...] | None:
    """Return what a step writes after its kind as a cache key; None if its meaning depends on the rest of the file."""
    if body is None:
        return (kind,)
    if type(body) is Map:
        key: list[Any] = [kind]
        for name, tree in body.items.items():
            if type(tree) is not Scalar or "$" in tree.text:
                return None
            key += (name, tree.text, tree.quoted)
    elif type(body) is Scalar and "$" not in body.text:
        key = [kind, body.text, body.quoted]
    else:
        return None
    return None if kind.reference_fields else tuple(key)  # such a field names a value


def store(key: tuple[Any, ...], values: dict[str, Any], layer: Layer | None) -> None:
    """Store the values of a key, and their layer if they are complete without defaults."""
    count_entries(1)
    written[key] = values, layer


def count_entries(entries: int) -> None:
    """Count new layers, or nodes that hold their facts; clear the cache once there are too many."""
    global _seen  # noqa: PLW0603  # the bound of the tables above
    _seen += entries
    if _seen > MOST:
        _seen = 0
        layers.clear()
        written.clear()
