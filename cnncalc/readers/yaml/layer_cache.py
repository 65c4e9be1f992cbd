"""Layers that were made before, in this file or another: the same fields give the same layer, whose facts are known.

What is kept is bounded: after so many layers and nodes of networks everything is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.readers.yaml.tree import Scalar, Tree

MOST = 50_000  # entries, each of them less than a kilobyte

_PLAIN = frozenset({int, float, bool, str, tuple})  # what a key tells apart by type and value
layers: dict[tuple[Any, ...], Layer] = {}
written: dict[tuple[Any, ...], tuple[dict[str, Any], Layer | None]] = {}
_seen = 0


def layer_of(kind: type[Layer], values: dict[str, Any]) -> Layer:
    """The layer with these values, which the fields have read already."""
    key: list[Any] = [kind]
    for name, value in values.items():
        if type(value) not in _PLAIN:
            return kind.from_values(values)
        key += (name, type(value), value)
    known = tuple(key)
    layer = layers.get(known)
    if layer is None:
        count(1)
        layer = layers[known] = kind.from_values(values)
    return layer


def words(kind: type[Layer], trees: Mapping[str, Tree]) -> tuple[Any, ...] | None:
    """What is written in a layer, to look it up by; None where its meaning could depend on the rest of the file."""
    key: list[Any] = [kind]
    for name, tree in trees.items():
        if name in kind.reference_fields:  # it names a value
            return None
        if type(tree) is not Scalar or "$" in tree.text:
            return None
        key += (name, tree.text, tree.quoted)
    return tuple(key)


def find(key: tuple[Any, ...] | None) -> tuple[dict[str, Any], Layer | None] | None:
    """The values that these words were read as, without a problem, and their layer where they make one by themselves."""
    return written.get(key) if key is not None else None


def keep(key: tuple[Any, ...], values: dict[str, Any], layer: Layer | None) -> None:
    """Remember what words mean."""
    count(1)
    written[key] = values, layer


def count(entries: int) -> None:
    """So many layers, or nodes with facts of a layer, came to be; everything is forgotten once there were too many."""
    global _seen  # noqa: PLW0603  # the bound of the tables above
    _seen += entries
    if _seen > MOST:
        _seen = 0
        layers.clear()
        written.clear()
