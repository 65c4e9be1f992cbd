"""Field types for sizes: one number per axis, padding, shapes and orders of axes."""

from __future__ import annotations

from typing import Any

from cnncalc.layers.fields import EXPRESSION, LARGEST, PARAMETER, REQUIRED, Field
from cnncalc.layers.fields.notation import spell
from cnncalc.problem import Problem
from cnncalc.shape import Shape
from cnncalc.text import nearest, quoted, show

SIZE_PATTERN = r"^[0-9]+(x[0-9]+){1,2}$"


class Alike(int):
    """A number that was written for every axis, such as `3x3`. It equals 3, and `axes` is how often it was written."""

    axes: int

    def __new__(cls, number: int, axes: int) -> Alike:
        self = super().__new__(cls, number)
        self.axes = axes
        return self


def _per_axis(value: tuple[int, ...]) -> int | tuple[int, ...]:
    if len(value) == 1:
        return value[0]
    return value if len(set(value)) > 1 else Alike(value[0], len(value))


class Sizes(Field["int | tuple[int, ...]"]):
    """A whole number for all spatial axes, or one per axis: `3`, `1x7` (height x width)."""

    expects = "a whole number, or one per axis: `1x7`"

    def __init__(self, help: str, default: Any = REQUIRED, also: str = "", least: int = 1) -> None:
        super().__init__(help, default, also)
        self.least = least

    def read(self, value: Any) -> int | tuple[int, ...]:
        if isinstance(value, list):
            value = listed(value)
        if type(value) is int or type(value) is Alike:
            if self.least <= value <= LARGEST:
                return value
        elif type(value) is tuple and len(value) <= 3 and all(self.least <= number <= LARGEST for number in value):
            return _per_axis(value)
        if type(value) is int or (type(value) is tuple and len(value) <= 3):
            raise self.beyond(value, self.least)
        raise self.bad(value, "write one number per axis: `1x7`" if isinstance(value, (list, tuple)) else "")

    def schema(self) -> dict[str, Any]:
        number = {"type": "integer", "minimum": self.least, "maximum": LARGEST}
        return {
            "anyOf": [
                number,
                {"type": "string", "pattern": SIZE_PATTERN},
                {"type": "array", "items": {"anyOf": [number, EXPRESSION]}, "minItems": 1, "maxItems": 3},
                EXPRESSION,
            ]
        }


def listed(value: list[Any]) -> tuple[int, ...] | list[Any]:
    """Return a list of whole numbers as a size, `[1, 7]` as `1x7`, and any other list unchanged."""
    return tuple(value) if value and all(type(number) is int for number in value) else value


def _size_help(value: list[Any]) -> str:
    """Return help for a list of numbers that should be a size: `5x5`."""
    whole = 2 <= len(value) <= 4 and all(type(number) is int for number in value)
    return f"write `{'x'.join(map(str, value))}`" if whole else ""


SIDES = {
    "left": (-1, 0), "right": (-1, 1), "top": (-2, 0), "bottom": (-2, 1), "front": (-3, 0), "back": (-3, 1),
    "start": (-1, 0), "end": (-1, 1),
}  # fmt: skip


class Pad(Field["int | str | tuple[int, ...] | dict[str, int]"]):
    """Padding: a number, one number per axis, one of the `words`, or a mapping of sides."""

    def __init__(self, help: str, default: Any = REQUIRED, also: str = "", words: str = "same valid") -> None:
        super().__init__(help, default, also)
        self._words = tuple(words.split())
        named = "".join(f", `{word}`" for word in self._words)
        self.expects = f"a whole number, `0x3`{named} or sides (`{{top: 0, bottom: 1}}`)"

    def words(self) -> tuple[str, ...]:
        return self._words

    def read(self, value: Any) -> int | str | tuple[int, ...] | dict[str, int]:
        if isinstance(value, list):
            value = listed(value)
        if (type(value) is int or type(value) is Alike) and 0 <= value <= LARGEST:
            return value
        if type(value) is tuple and len(value) <= 3 and all(0 <= number <= LARGEST for number in value):
            return _per_axis(value)
        if type(value) is str and value in self.words():
            return 0 if value == "valid" else value
        if isinstance(value, dict) and value:
            for side, number in value.items():
                if side not in SIDES:
                    match = nearest(str(side), SIDES)
                    raise Problem(
                        "unknown-field",
                        f"{self.kind}.{self.name} has no side `{show(side)}`",
                        f"did you mean `{match}`?" if match else f"the sides are {quoted(SIDES, 'and')}",
                        field=self.name,
                    )
                if type(number) is not int or not 0 <= number <= LARGEST:
                    text = f"{self.kind}.{self.name}: `{side}` must be a whole number from 0 to {LARGEST:,}"
                    raise Problem("bad-value", f"{text}; got `{show(spell(number))}`", field=self.name)
            if {"left", "start"} <= set(value) or {"right", "end"} <= set(value):
                raise self.bad(value, "`start` and `end` are the sides of a sequence, `left` and `right` of an image")
            return dict(value)
        if type(value) is int or (type(value) is tuple and len(value) <= 3):
            raise self.beyond(value, 0)
        number = isinstance(value, (list, tuple))
        raise self.bad(value, "write one number per axis (`0x3`), or name the sides" if number else "")

    def schema(self) -> dict[str, Any]:
        side = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": LARGEST}, EXPRESSION]}
        axes = {"type": "array", "items": side, "minItems": 1, "maxItems": 3}
        words = [{"enum": list(self.words())}] if self.words() else []
        return {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": LARGEST},
                {"type": "string", "pattern": SIZE_PATTERN},
                *words,
                axes,
                {"type": "object", "properties": dict.fromkeys(SIDES, side), "additionalProperties": False},
                EXPRESSION,
            ]
        }


class To(Field[tuple[int, ...]]):
    """The shape of an output: `7x7x512`, or one number.

    With `axes` the value has only the spatial lengths, and may be a list. A list is refused for a whole shape, because its
    channels could be meant to come first.
    """

    expects = "a shape such as `7x7x512`"

    def __init__(self, help: str, default: Any = REQUIRED, also: str = "", axes: bool = False) -> None:
        super().__init__(help, default, also)
        self.axes = axes

    def read(self, value: Any) -> tuple[int, ...]:
        if self.axes and isinstance(value, list):
            value = listed(value)
        if type(value) is int and 1 <= value <= 2**50:
            return (value,)
        if type(value) is tuple and len(value) <= 8 and all(1 <= number <= 2**50 for number in value):
            return value
        if isinstance(value, list):
            raise self.bad(value, _size_help(value) or "join the numbers with `x`: `7x7x512`")
        raise self.bad(value)

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^[0-9]+(x[0-9]+)*$"},
                {"type": "array", "items": {"anyOf": [EXPRESSION, {"type": "integer", "minimum": 1}]}},
                EXPRESSION,
            ]
        }


class Axes(Field[tuple[int, ...]]):
    """An order of axes, counted from 0: `1x0` or `[1, 0]`."""

    expects = "the new order of the axes, counted from 0, such as `1x0`"

    def read(self, value: Any) -> tuple[int, ...]:
        if isinstance(value, list):
            value = tuple(value)
        if type(value) is int:
            value = (value,)
        if type(value) is tuple and all(type(axis) is int for axis in value):
            if sorted(value) == list(range(len(value))):
                return value
            raise self.bad(value, f"list every axis from 0 to {len(value) - 1} once")
        raise self.bad(value)

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]+(x[0-9]+)*$"},
                {"type": "integer", "minimum": 0},
                {"type": "array", "items": {"type": "integer", "minimum": 0}},
                PARAMETER,
            ]
        }


def each(value: int | tuple[int, ...], x: Shape, field: str) -> tuple[int, ...]:
    """Return a size for every spatial axis of `x`.

    Raises:
        Problem: `bad-value` if the size is for another number of axes.
    """
    rank = len(x) - 1
    if type(value) is int:
        return (value,) * rank
    if isinstance(value, Alike):
        value = (int(value),) * value.axes
    assert isinstance(value, tuple)
    if len(value) != rank:
        raise Problem(
            "bad-value",
            f"`{field}: {spell(value)}` is for {len(value)} axes, but the input has {rank} ({' x '.join(x.axes)})",
            "write one number, or one per axis",
            field=field,
        )
    return value
