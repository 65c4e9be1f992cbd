"""A changed layer in the words of its old step.

One step of a file may stand for many layers of different sizes, because it is in a block or repeated. A changed field is then
written as an expression that is right for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncalc.advice.windows import rounded
from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Name
from cnncalc.writers.yaml.fields import format_value

SHARES = (75, 50, 25)  # percent of a width


class CannotKeep(Exception):
    """The lines of a file cannot express a change. The message states why."""


class OldStep:
    """A step of the file: its kind, the texts of its fields, and the layers that it stands for."""

    def __init__(self, kind: str, texts: Mapping[str, str], layers: Sequence[Layer]) -> None:
        self.kind = kind
        self.texts = texts
        self.layers = layers

    def values(self, field: str) -> list[Any]:
        """Return the values of a field, one for each layer."""
        return [getattr(layer, field) for layer in self.layers]


Defaults = Mapping[str, Mapping[str, str]]  # kind -> field -> text, from the file


def field_texts(old: OldStep, new: Sequence[Layer], defaults: Defaults) -> dict[str, str]:
    """Return the texts of the fields of a new step, which stands for as many layers as the old one.

    Fields that need not be written are left out.

    Raises:
        CannotKeep: No expression gives a field its values.
    """
    kind = type(new[0])
    texts = {}
    for name, field in kind.fields.items():
        if isinstance(field, Name):
            continue
        values = [getattr(layer, name) for layer in new]
        is_same_kind = kind.kind == old.kind
        if is_same_kind and values == old.values(name):
            if name in old.texts:
                texts[name] = old.texts[name]
            continue
        usual = defaults.get(kind.kind, {})
        if name not in usual and not field.required and all(_same(value, field.default) for value in values):
            continue
        texts[name] = _expression(old, name, values)
    return texts


def _same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


def _expression(old: OldStep, name: str, values: list[Any]) -> str:
    """Return an expression with these values: that of an old field, a number, or a part of an old field."""
    names = [name, *[other for other in old.texts if other != name]]
    open_names = [other for other in names if "$" in old.texts.get(other, "")]
    for other in open_names:
        if values == old.values(other):
            return old.texts[other]
    for other in open_names:
        found = _part(old.texts[other], old.values(other), values)
        if found and (other == name or not _is_constant(values)):
            return found
    if _is_constant(values):
        shown = format_value(values[0])
        if isinstance(shown, str):
            return shown
        return "{" + ", ".join(f"{side}: {number}" for side, number in shown.items()) + "}"
    raise CannotKeep(f"{name} would need another value for each of the {len(values)} layers of one line")


def _is_constant(values: list[Any]) -> bool:
    return all(_same(value, values[0]) for value in values)


def _part(text: str, before: list[Any], values: list[Any]) -> str:
    """Return an expression for a share of whole numbers, or twice as much; empty if there is none."""
    if not all(type(number) is int for number in (*before, *values)):
        return ""
    plain = _unquoted(text)
    inside = plain if plain.replace("$", "").isidentifier() or plain.isdecimal() else f"({plain})"
    for percent in SHARES:
        if [rounded(number, percent / 100) for number in before] == values:
            return f'"round_to({percent / 100:g}*{inside}, 8)"'
    if [2 * number for number in before] == values:
        return f'"2*{inside}"'
    return ""


def _unquoted(text: str) -> str:
    return text[1:-1] if text[:1] in ('"', "'") and text[-1:] == text[:1] else text


def step_text(kind: type[Layer], texts: Mapping[str, str]) -> str:
    """Return a step with these fields.

    >>> from cnncalc.layers.conv import Conv
    >>> step_text(Conv, {"filters": "$width"}), step_text(Conv, {"filters": "8", "kernel": "3"})
    ('conv: $width', 'conv: {filters: 8, kernel: 3}')
    """
    if not texts:
        return kind.kind
    first = next(iter(kind.fields))
    if list(texts) == [first] and not texts[first].startswith("{"):
        return f"{kind.kind}: {texts[first]}"
    return f"{kind.kind}: {fields_text(texts)}"


def fields_text(texts: Mapping[str, str]) -> str:
    """Return fields in braces."""
    return "{" + ", ".join(f"{name}: {text}" for name, text in texts.items()) + "}"
