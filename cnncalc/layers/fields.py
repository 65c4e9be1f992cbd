"""Field types of layers: what a value may be, said once for reader, schema, `explain` and error messages.

`read` takes a value as the reader resolved it: int, Fraction, bool, str, tuple for `1x7`, list, dict. It knows no YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncalc.layers.spelling import decimal, flag_help, number_help, spell
from cnncalc.problem import Problem
from cnncalc.shape import Shape
from cnncalc.text import nearest, quoted, show

if TYPE_CHECKING:
    from typing import Generic, TypeVar

    T = TypeVar("T")

    class Typed(Generic[T]):
        """At run time the class keeps the field's default in the field's place; type checkers see the value's type."""

        def __get__(self, layer: object, owner: type) -> T: ...
else:
    T = None

    class Typed:
        """Nothing: generic classes cost a millisecond each to define."""

        def __class_getitem__(cls, item):
            return cls


REQUIRED: Any = object()
LARGEST = 1_000_000  # dimension, kernel, stride, groups


class Field(Typed[T]):
    """One field of a layer kind: type, bounds, help, default and the names other tools use for it.

    Written in a class body (`filters = Count("number of filters")`), it types the attribute of the instances.
    """

    numeric = True  # may be written as an expression
    expects = "a value"

    def __init__(self, help: str, default: Any = REQUIRED, also: str = "") -> None:
        self.help = help
        self.default = default
        self._also = also
        self.name = ""
        self.kind = ""

    def of(self, kind: str, name: str) -> Field[T]:
        """This field as part of a kind; a copy where it is part of another one already."""
        field = self
        if self.kind:
            field = object.__new__(type(self))
            field.__dict__.update(self.__dict__)
        field.kind, field.name = kind, name
        return field

    @property
    def also(self) -> list[str]:
        """The names of the field in other tools."""
        return self._also.split()

    @property
    def required(self) -> bool:
        """Must the field be written?"""
        return self.default is REQUIRED

    def read(self, value: Any) -> T:
        """The value as the layer keeps it.

        Raises:
            Problem: `bad-value`.
        """
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """The field as JSON Schema."""
        raise NotImplementedError

    def bad(self, value: Any, help: str = "") -> Problem:
        """The error for a value that is none of what the field expects."""
        words = self.words()
        if isinstance(value, str):
            match = nearest(value, words) if words else None
            help = help or (f"did you mean `{match}`?" if match else number_help(value) if self.numeric else "")
        got = "a list" if isinstance(value, list) else f"`{show(spell(value))}`"
        return Problem("bad-value", f"{self.kind}.{self.name} must be {self.expects}; got {got}", help, field=self.name)

    def beyond(self, value: int | tuple[int, ...], least: int, most: int = LARGEST) -> Problem:
        """The error for a number, or one of a size, that is too small or too large."""
        lowest = min(value) if isinstance(value, tuple) else value
        limit = f"at least {least:,}" if lowest < least else f"at most {most:,}"
        text = f"{self.kind}.{self.name} must be {limit}; got `{spell(value)}`"
        return Problem("bad-value", text, field=self.name)

    def words(self) -> tuple[str, ...]:
        """The words the field accepts."""
        return ()

    def show(self, value: Any) -> str:
        """The value as a specification writes it."""
        return spell(value)


class Count(Field[int]):
    """A whole number within bounds."""

    def __init__(self, help: str, default: Any = REQUIRED, also: str = "", least: int = 1, most: int = LARGEST) -> None:
        super().__init__(help, default, also)
        self.least = least
        self.most = most

    @property
    def expects(self) -> str:  # type: ignore[override]  # a sentence that depends on the bounds
        if self.most == LARGEST:
            return f"a whole number of at least {self.least}"
        return f"a whole number from {self.least} to {self.most:,}"

    def read(self, value: Any) -> int:
        if type(value) is not int:
            raise self.bad(
                value, "write one number; several layers are several steps" if isinstance(value, list) else ""
            )
        if not self.least <= value <= self.most:
            raise self.beyond(value, self.least, self.most)
        return value

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": self.least, "maximum": self.most}, EXPRESSION]}


EXPRESSION: dict[str, Any] = {"type": "string", "pattern": r"[$*/+%(-]"}
SIZE_PATTERN = r"^[0-9]+(x[0-9]+){1,2}$"


class Alike(int):
    """One number written once for every axis, `3x3`: it equals 3, and remembers how many axes it was written for."""

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
    """One whole number for every spatial axis, or one per axis: `3`, `1x7` (height x width)."""

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
    """The numbers of a list as a size, one per axis: `[1, 7]` is `1x7`. A list of anything else stays as it is."""
    return tuple(value) if value and all(type(number) is int for number in value) else value


def _joined(value: list[Any]) -> str:
    """What to write for a list of numbers: `5x5`."""
    whole = 2 <= len(value) <= 4 and all(type(number) is int for number in value)
    return f"write `{'x'.join(map(str, value))}`" if whole else ""


SIDES = {
    "left": (-1, 0), "right": (-1, 1), "top": (-2, 0), "bottom": (-2, 1), "front": (-3, 0), "back": (-3, 1),
    "start": (-1, 0), "end": (-1, 1),
}  # fmt: skip


class Pad(Field["int | str | tuple[int, ...] | dict[str, int]"]):
    """Padding: a number, one per axis, one of the `words`, or a mapping of sides."""

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


class Flag(Field[bool]):
    """`true` or `false`."""

    numeric = False
    expects = "`true` or `false`"

    def words(self) -> tuple[str, ...]:
        return ("true", "false")

    def read(self, value: Any) -> bool:
        if value is True or value is False:
            return bool(value)
        raise self.bad(value, flag_help(str(value)) if isinstance(value, (str, int)) else "")

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "boolean"}, PARAMETER]}


PARAMETER: dict[str, Any] = {"type": "string", "pattern": r"^\$"}


class Choice(Field[str]):
    """One of a few words."""

    numeric = False

    def __init__(self, help: str, options: str, default: Any = REQUIRED, also: str = "") -> None:
        super().__init__(help, default, also)
        self._options = options

    @property
    def options(self) -> tuple[str, ...]:
        """The words."""
        return tuple(self._options.split())

    @property
    def expects(self) -> str:  # type: ignore[override]  # a sentence made of the words
        return quoted(self.options)

    def words(self) -> tuple[str, ...]:
        return self.options

    def read(self, value: Any) -> str:
        if type(value) is str and value in self.options:
            return value
        if value is False and "none" in self.options:
            raise self.bad(value, "write `none`")
        raise self.bad(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.options)}, PARAMETER]}


class Rate(Field[float]):
    """A probability, 0 and 1 included."""

    expects = "a probability from 0 to 1, such as `0.5`"

    def read(self, value: Any) -> float:
        if isinstance(value, (bool, str, tuple, list, dict)):
            raise self.bad(value)
        if not 0 <= value <= 1:
            raise self.bad(value, f"write `{decimal(value / 100)}` for {spell(value)} %" if 1 < value <= 100 else "")
        return float(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, EXPRESSION]}

    def show(self, value: Any) -> str:
        return f"{value:g}"


class To(Field[tuple[int, ...]]):
    """A shape to become: `7x7x512`, or one number.

    With `axes` it is the spatial lengths only, which may be a list too; a list of a whole shape could be in another order.
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
            raise self.bad(value, _joined(value) or "join the numbers by x: `7x7x512`")
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
            raise self.bad(value, f"name every axis from 0 to {len(value) - 1} once")
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


class Name(Field[str]):
    """The name of a value above; the layer takes it as a further input."""

    numeric = False
    expects = "the name of a value above"

    def read(self, value: Any) -> str:
        if type(value) is str:
            return value
        raise self.bad(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class Word(Field[str]):
    """What something is called elsewhere: letters, digits and `_`."""

    numeric = False
    expects = "a word of letters, digits and `_`"

    def read(self, value: Any) -> str:
        if type(value) is str and value.isascii() and value.isidentifier() and len(value) <= 64:
            return value
        raise self.bad(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^([A-Za-z_][A-Za-z0-9_]*|[$].*)$"}


def each(value: int | tuple[int, ...], x: Shape, field: str) -> tuple[int, ...]:
    """A size for every spatial axis of `x`.

    Raises:
        Problem: `bad-value` where it names another number of axes.
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
            f"`{field}: {spell(value)}` names {len(value)} axes, but the input has {rank} ({' x '.join(x.axes)})",
            "write one number, or one per axis",
            field=field,
        )
    return value
