"""Translate a layer into the words of a specification: its kind, the values of its fields, and its own parameters."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import Any

from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.fields import Field, Name
from cnncalc.layers.fields.notation import spell
from cnncalc.layers.fields.sizes import Alike
from cnncalc.layers.operator import Operator, Stated
from cnncalc.layers.roles import sum_by_role
from cnncalc.layers.views import Unseen, View
from cnncalc.network import Network, Node
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.shape import Shape

DIGITS = 12  # decimals of a rate, and digits of a whole number without an operator in it
MOST = 10**DIGITS


class Unwritable(Exception):
    """No specification can express the network. The text is one line that names the layer."""


class LayerWords:
    """A layer as a step: `word`, its class, the values of all its fields, and its `holds`."""

    __slots__ = ("holds", "kind", "values", "word")

    def __init__(self, word: str, kind: type[Layer], values: dict[str, Any], holds: dict[str, int] | None) -> None:
        self.word = word
        self.kind = kind
        self.values = values
        self.holds = holds


def layer_words(network: Network, node: Node) -> LayerWords:
    """Translate the layer of a node.

    Raises:
        Unwritable: No kind can express the layer.
    """
    layer = node.layer
    assert layer is not None
    holds = None
    if isinstance(layer, Operator):
        shapes = network.shapes(node)
        inner: Layer | None = layer
        while isinstance(inner, Operator):
            inner = inner.like
        alike = inner is not None and inner.kind == node.kind and len(shapes) == (inner.inputs or len(shapes))
        if alike and inner is not None and inner.out(*shapes) == node.output:
            holds = _own_parameters(layer, inner, shapes)
            layer = inner
        else:
            holds = _own_parameters(layer, None, shapes)
            layer = _as_operator(layer, network, node)
    if layer.inputs is None and node.kind in MERGES and len(node.inputs) < layer.least_operands:
        layer = _as_operator(layer, network, node)  # a merge of a single value
    kind = type(layer)
    word = "operator" if kind is Stated else layer.kind
    if KINDS.get(word) is not kind:
        raise Unwritable(f"{node.kind} `{node.name}` cannot be expressed in a specification")
    values = {name: getattr(layer, name) for name, field in kind.fields.items() if not isinstance(field, Name)}
    values = {name: int(value) if isinstance(value, Alike) else value for name, value in values.items()}
    return LayerWords(word, kind, values, holds)


def _own_parameters(layer: Operator, like: Layer | None, shapes: tuple[Shape, ...]) -> dict[str, int] | None:
    """Return the parameters of an operation, with biases separate; None if the layer it is written as has the same ones."""

    def numbers(of: Layer) -> dict[str, int]:
        plain, biases = sum_by_role(of.weights(*shapes))
        return {"weight": plain, "bias": biases, "buffers": int(sum(of.buffers(*shapes).values()))}

    counts = numbers(layer)
    if counts == (numbers(like) if like is not None else dict.fromkeys(counts, 0)):
        return None
    return {name: number for name, number in counts.items() if number}


def _as_operator(layer: Layer, network: Network, node: Node) -> Stated:
    shapes = network.shapes(node)
    views = layer.windows(*shapes)
    if not (node.kind.isascii() and node.kind.isidentifier() and len(node.kind) <= 64):
        raise Unwritable(f"the operation of `{node.name}` has a name that cannot be written: {node.kind}")
    return Stated(
        op=node.kind,
        output=tuple(node.output),
        sees=_seen_word(views),
        overwrites=layer.in_place,
        **({"cost": int(layer.macs(*shapes))} if layer.known_cost else {}),
    )


def _seen_word(views: tuple[View, ...] | None) -> str:
    """Return the word for the input cells that an output cell depends on."""
    if views is None:
        return "all"
    return "cell" if not views else "nothing" if isinstance(views[0], Unseen) else "unknown"


def format_value(value: Any) -> str | dict[str, str]:
    """Format a value as it is written after a field.

    >>> format_value((1, 7)), format_value(True), format_value(0.1), format_value({"top": 1}), format_value(5 * 10**12 + 7)
    ('1x7', 'true', '0.1', {'top': '1'}, '5000000*1000000 + 7')
    """
    if isinstance(value, dict):
        return {side: str(number) for side, number in value.items()}
    if type(value) is int and value >= MOST:
        return f"{value // 10**6}*1000000 + {value % 10**6}"
    if isinstance(value, (float, Fraction)):
        return f"{rounded(float(value)):.{DIGITS}f}".rstrip("0").rstrip(".")
    return spell(value)


def rounded(rate: float) -> float:
    """Round a rate to the number of digits that a file may have."""
    return round(rate, DIGITS) if math.isfinite(rate) else rate


class FieldCounts:
    """Count the field values of the steps that are written, to find those that most steps share, for `defaults`."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Counter[Any]] = {}
        self._fields: dict[str, dict[str, Field[Any]]] = {}

    def count(self, words: LayerWords, literal: dict[str, Any]) -> None:
        """Count a step that is written with these literal values."""
        self._fields[words.word] = words.kind.fields
        for name in words.values:
            value = literal.get(name)
            usable = name in literal and value is not None and not isinstance(value, dict)
            self._seen.setdefault((words.word, name), Counter())[(type(value), value) if usable else None] += 1
            if name in literal and value is None:  # no step can override a default with None
                self._seen[words.word, name][None] += MOST

    def defaults(self) -> dict[str, dict[str, Any]]:
        """Return for each kind the values that most steps share, except those that are the kind's own defaults."""
        defaults: dict[str, dict[str, Any]] = {}
        for (word, name), counter in self._seen.items():
            field = self._fields[word][name]
            if word == "operator" or (field.required and name == next(iter(self._fields[word]))):
                continue  # a bare value sets the first field
            usual, count = counter.most_common(1)[0]
            if usual is None or count <= counter.total() / 2 or count < 3:
                continue
            if field.required or usual[1] != field.default:
                defaults.setdefault(word, {})[name] = usual[1]
        return defaults
