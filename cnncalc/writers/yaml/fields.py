"""A layer in the words of a specification: its kind, every field with its value, and the parameters that it holds itself."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import Any

from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.fields import Field, Name
from cnncalc.layers.notation import spell
from cnncalc.layers.operator import Operator, Stated
from cnncalc.layers.roles import sum_by_role
from cnncalc.layers.sizes import Alike
from cnncalc.layers.views import Unseen, View
from cnncalc.network import Network, Node
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.shape import Shape

DIGITS = 12  # of a rate, and of a whole number without an operator in it
MOST = 10**DIGITS


class Unwritable(Exception):
    """A network that no specification can say: one line that names the layer."""


class Worded:
    """What stands behind a step: `word`, its class, the values of all its fields, and `holds`."""

    __slots__ = ("holds", "kind", "values", "word")

    def __init__(self, word: str, kind: type[Layer], values: dict[str, Any], holds: dict[str, int] | None) -> None:
        self.word = word
        self.kind = kind
        self.values = values
        self.holds = holds


def worded(network: Network, node: Node) -> Worded:
    """The layer of a node.

    Raises:
        Unwritable: where no kind has these facts.
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
            holds = _held(layer, inner, shapes)
            layer = inner
        else:
            holds = _held(layer, None, shapes)
            layer = _stated(layer, network, node)
    if layer.inputs is None and node.kind in MERGES and len(node.inputs) < layer.least_operands:
        layer = _stated(layer, network, node)  # a join of one value
    kind = type(layer)
    word = "operator" if kind is Stated else layer.kind
    if KINDS.get(word) is not kind:
        raise Unwritable(f"{node.kind} `{node.name}` has no word in a specification")
    values = {name: getattr(layer, name) for name, field in kind.fields.items() if not isinstance(field, Name)}
    values = {name: int(value) if isinstance(value, Alike) else value for name, value in values.items()}
    return Worded(word, kind, values, holds)


def _held(layer: Operator, like: Layer | None, shapes: tuple[Shape, ...]) -> dict[str, int] | None:
    """The parameters of an operation, biases apart; None where it has what the layer that it is written as has."""

    def numbers(of: Layer) -> dict[str, int]:
        plain, biases = sum_by_role(of.weights(*shapes))
        return {"weight": plain, "bias": biases, "buffers": int(sum(of.buffers(*shapes).values()))}

    found = numbers(layer)
    if found == (numbers(like) if like is not None else dict.fromkeys(found, 0)):
        return None
    return {name: number for name, number in found.items() if number}


def _stated(layer: Layer, network: Network, node: Node) -> Stated:
    shapes = network.shapes(node)
    views = layer.windows(*shapes)
    if not (node.kind.isascii() and node.kind.isidentifier() and len(node.kind) <= 64):
        raise Unwritable(f"`{node.name}` is an operation whose name is no word: {node.kind}")
    return Stated(
        op=node.kind,
        output=tuple(node.output),
        sees=_seen_by(views),
        overwrites=layer.in_place,
        **({"cost": int(layer.macs(*shapes))} if layer.known_cost else {}),
    )


def _seen_by(views: tuple[View, ...] | None) -> str:
    """The word for what an output cell sees."""
    if views is None:
        return "all"
    return "cell" if not views else "nothing" if isinstance(views[0], Unseen) else "unknown"


def text_of(value: Any) -> str | dict[str, str]:
    """A value as it stands behind a field.

    >>> text_of((1, 7)), text_of(True), text_of(0.1), text_of({"top": 1}), text_of(5 * 10**12 + 7)
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
    """A rate with as many digits as a file may have."""
    return round(rate, DIGITS) if math.isfinite(rate) else rate


class Usual:
    """What most layers of a kind have in common: counted over the steps that are written, to become `defaults`."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Counter[Any]] = {}
        self._fields: dict[str, dict[str, Field[Any]]] = {}

    def count(self, words: Worded, literal: dict[str, Any]) -> None:
        """A step is written, with these values that are no expressions."""
        self._fields[words.word] = words.kind.fields
        for name in words.values:
            value = literal.get(name)
            usable = name in literal and value is not None and not isinstance(value, dict)
            self._seen.setdefault((words.word, name), Counter())[(type(value), value) if usable else None] += 1
            if name in literal and value is None:  # which no step can write over a default
                self._seen[words.word, name][None] += MOST

    def defaults(self) -> dict[str, dict[str, Any]]:
        """For every kind the fields with one value in most steps, where it is not what the kind says anyway."""
        found: dict[str, dict[str, Any]] = {}
        for (word, name), counter in self._seen.items():
            field = self._fields[word][name]
            if word == "operator" or (field.required and name == next(iter(self._fields[word]))):
                continue  # the first field is the one that a bare value fills
            usual, count = counter.most_common(1)[0]
            if usual is None or count <= counter.total() / 2 or count < 3:
                continue
            if field.required or usual[1] != field.default:
                found.setdefault(word, {})[name] = usual[1]
        return found
