"""Field types of layers. The reader, the schema, `explain` and error messages all use them.

`read` takes a value that a reader has resolved: an int, Fraction, bool, str, list, dict, or a tuple for `1x7`. This module
does not depend on YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncalc.layers.fields.notation import decimal, flag_help, number_help, spell
from cnncalc.problem import Problem
from cnncalc.text import nearest, quoted, show

if TYPE_CHECKING:
    from typing import Generic, TypeVar

    T = TypeVar("T")

    class Typed(Generic[T]):
        """Type of a field's value for type checkers. At run time the class attribute is the field's default."""

        def __get__(self, layer: object, owner: type) -> T: ...
else:
    T = None

    class Typed:
        """Empty stand-in, because each generic class takes a millisecond to define."""

        def __class_getitem__(cls, item):
            return cls


REQUIRED: Any = object()
LARGEST = 1_000_000  # dimension, kernel, stride, groups


class Field(Typed[T]):
    """One field of a layer kind, with its type, bounds, help, default and names in other tools.

    In a class body, `filters = Count("number of filters")` also gives the attribute of the instances its type.
    """

    numeric = True  # the value can be an expression
    expects = "a value"

    def __init__(self, help: str, default: Any = REQUIRED, also: str = "") -> None:
        self.help = help
        self.default = default
        self._also = also
        self.name = ""
        self.kind = ""

    def of(self, kind: str, name: str) -> Field[T]:
        """Return this field as a field of a kind, or a copy if it already belongs to another kind."""
        field = self
        if self.kind:
            field = object.__new__(type(self))
            field.__dict__.update(self.__dict__)
        field.kind, field.name = kind, name
        return field

    @property
    def also(self) -> list[str]:
        """Names of the field in other tools."""
        return self._also.split()

    @property
    def required(self) -> bool:
        """True if the field must be written."""
        return self.default is REQUIRED

    def read(self, value: Any) -> T:
        """Check a value and return what the layer stores.

        Raises:
            Problem: `bad-value`.
        """
        raise NotImplementedError  # every kind of field has its own

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the field."""
        raise NotImplementedError  # every kind of field has its own

    def bad(self, value: Any, help: str = "") -> Problem:
        """Return the error for a value of a type or form that the field does not accept."""
        words = self.words()
        if isinstance(value, str):
            match = nearest(value, words) if words else None
            help = help or (f"did you mean `{match}`?" if match else number_help(value) if self.numeric else "")
        got = "a list" if isinstance(value, list) else f"`{show(spell(value))}`"
        return Problem("bad-value", f"{self.kind}.{self.name} must be {self.expects}; got {got}", help, field=self.name)

    def beyond(self, value: int | tuple[int, ...], least: int, most: int = LARGEST) -> Problem:
        """Return the error for a number that is too small or too large, or for a size with such a number."""
        lowest = min(value) if isinstance(value, tuple) else value
        limit = f"at least {least:,}" if lowest < least else f"at most {most:,}"
        text = f"{self.kind}.{self.name} must be {limit}; got `{spell(value)}`"
        return Problem("bad-value", text, field=self.name)

    def words(self) -> tuple[str, ...]:
        """Return the words that the field accepts."""
        return ()

    def show(self, value: Any) -> str:
        """Format the value as in a specification."""
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
                value, "write one number; several layers need several steps" if isinstance(value, list) else ""
            )
        if not self.least <= value <= self.most:
            raise self.beyond(value, self.least, self.most)
        return value

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": self.least, "maximum": self.most}, EXPRESSION]}


EXPRESSION: dict[str, Any] = {"type": "string", "pattern": r"[$*/+%(-]"}


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
        """Words that can be chosen."""
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
            percent = type(value) is int and 1 < value <= 100
            raise self.bad(
                value, f"write `{decimal(value / 100)}` for {value} %" if percent else "write `0.5` for one half"
            )
        return float(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, EXPRESSION]}

    def show(self, value: Any) -> str:
        return f"{value:g}"


class Name(Field[str]):
    """Name of a value above, which becomes a further input of the layer."""

    numeric = False
    expects = "the name of a value above"

    def read(self, value: Any) -> str:
        if type(value) is str:
            return value
        raise self.bad(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class Word(Field[str]):
    """Name of an operation: letters, digits and `_`."""

    numeric = False
    expects = "a word of letters, digits and `_`"

    def read(self, value: Any) -> str:
        if type(value) is str and value.isascii() and value.isidentifier() and len(value) <= 64:
            return value
        raise self.bad(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^([A-Za-z_][A-Za-z0-9_]*|[$].*)$"}
