"""A step of cnncalc that is translated from a layer of another tool."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.fields import Choice, Field, Flag
from cnncalc.layers.fields.notation import spell
from cnncalc.layers.fields.sizes import Pad
from cnncalc.layers.sized_like import SizedLike
from cnncalc.problem import Problem
from cnncalc.readers.yaml import values as value_of
from cnncalc.readers.yaml.suggestions.foreign_text import Raw
from cnncalc.readers.yaml.tree import Scalar


class Unknown(Exception):
    """Raised if the meaning of a parameter or value is not known."""


class Step:
    """A step that is being translated: its kind, its fields, and the steps that follow it."""

    def __init__(self, tool: str, kind: str) -> None:
        self.tool = tool
        self.kind = kind
        self.fields: dict[str, Any] = {}
        self.after: list[str] = []
        self.whole = ""  # the text, if it is not made from the fields

    def text(self) -> str:
        """The step, to be written after a dash.

        Raises:
            Unknown: if a field does not accept its value, or a required field is missing.
        """
        line = self.whole or self._line()
        return f"seq: [{', '.join([line, *self.after])}]" if self.after else line

    def _line(self) -> str:
        kind = KINDS.get(self.kind)
        if (
            kind is None or kind.inputs is None or kind.inputs - kind.reference_inputs != 1
        ):  # its operands are not known
            raise Unknown
        written = {}
        for name, value in self.fields.items():
            field = kind.fields.get(name)
            if field is None:
                raise Unknown
            text = _spell_value(field, value)
            if text != _default_text(field):
                written[name] = text
        if any(field.required and name not in written for name, field in kind.fields.items()):
            raise Unknown
        if not _is_complete(kind, written):
            raise Unknown
        if not written:
            return kind.kind
        first = next(iter(kind.fields))
        if list(written) == [first] and not isinstance(kind.fields[first], Flag) and written[first][0] != "{":
            return f"{kind.kind}: {written[first]}"
        ordered = [f"{name}: {written[name]}" for name in kind.fields if name in written]
        return f"{kind.kind}: {{{', '.join(ordered)}}}"


def _is_complete(kind: type[Layer], written: Iterable[str]) -> bool:
    """Return whether a layer that can borrow its size from another value has a field for the size."""
    return not issubclass(kind, SizedLike) or not set(kind.size_fields).isdisjoint(written)


def _default_text(field: Field[Any]) -> str | None:
    return None if field.required or field.default is None else field.show(field.default)


def _spell_value(field: Field[Any], value: Any) -> str:
    """Write a value in the notation of the field.

    Raises:
        Unknown: if the field does not accept the value.
    """
    if isinstance(value, Raw):
        return str(value)
    if not isinstance(value, (int, float, str, tuple, dict)):
        raise Unknown
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(field, Choice) and isinstance(value, bool):  # the bias of a recurrent layer is a word here
        value = field.default if value else "none"
    if isinstance(value, str):
        value = value.lower()
        if isinstance(field, Pad) and value == "half":
            value = "same"
    if isinstance(value, dict) and not all(type(number) is int for number in value.values()):
        raise Unknown
    if isinstance(value, tuple):
        if not value or not all(type(number) is int for number in value):
            raise Unknown
        value = value[0] if len(set(value)) == 1 and field.name != "to" else value
    text = spell(value) if not isinstance(value, float) else f"{value:g}"
    try:
        return field.show(
            field.read(value_of.constant(Scalar(text, False, None)) if not isinstance(value, dict) else value)
        )
    except Problem:
        raise Unknown from None
