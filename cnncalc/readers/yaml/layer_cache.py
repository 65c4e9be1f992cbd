"""Cache of layers: the same fields give the same layer object, whose facts are already computed.

The cache is cleared when the layers and nodes counted exceed a bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.readers.yaml.tree import Scalar, Tree

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


def key_of(kind: type[Layer], trees: Mapping[str, Tree]) -> tuple[Any, ...] | None:
    """Return the written fields as a cache key; None if their meaning depends on the rest of the file."""
    key: list[Any] = [kind]
    for name, tree in trees.items():
        if name in kind.reference_fields:  # the field names a value
            return None
        if type(tree) is not Scalar or "$" in tree.text:
            return None
        key += (name, tree.text, tree.quoted)
    return tuple(key)


def find(key: tuple[Any, ...] | None) -> tuple[dict[str, Any], Layer | None] | None:
    """Return the values of a key that was read before, and the layer if they are complete without defaults."""
    return written.get(key) if key is not None else None


def store(key: tuple[Any, ...], values: dict[str, Any], layer: Layer | None) -> None:
    """Store the values and the layer of a key."""
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
