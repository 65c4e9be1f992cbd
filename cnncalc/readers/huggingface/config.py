"""The fields of a `config.json`, each read with its type and its limits. Errors name the field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.text import did_you_mean, quoted, show

MOST_CHARACTERS = 4 * 2**20  # of the file; a thousand names of classes take 50,000
LARGEST = 10_000_000  # of a size
MOST_LAYERS = 1000
MOST_STAGES = 4  # of the architectures that have stages


class Config:
    """A parsed `config.json`. `read` has the names of the fields that were looked up, and `changed` those set from outside."""

    def __init__(self, fields: Mapping[str, Any], path: str, changed: Mapping[str, str] | None = None) -> None:
        self.changed = {name: _typed(text) for name, text in (changed or {}).items()}
        self.fields = {**fields, **self.changed}
        self.path = path
        self.read: set[str] = set()

    def problem(self, name: str, text: str, help: str = "", code: str = "bad-value") -> Problem:
        """Return a problem of a field. `text` follows the name of the field."""
        return Problem(code, f"{show(self.path)}: `{name}` {text}", help, field=name)

    def value(self, *names: str) -> Any:
        """Return the value of the first of these fields that is present and not null; None if none is.

        Several names are several spellings of one field.
        """
        self.read.update(names)
        return next((self.fields[name] for name in names if self.fields.get(name) is not None), None)

    def name_of(self, *names: str) -> str:
        """Return which spelling of a field the file uses."""
        return next((name for name in names if self.fields.get(name) is not None), names[0])

    def integer(self, *names: str, default: int, least: int = 1, most: int = LARGEST) -> int:
        """Return a whole number, or the default if the field is missing.

        Raises:
            Problem: `bad-value`.
        """
        value = self.value(*names)
        return default if value is None else self._whole(self.name_of(*names), value, least, most)

    def layers(self, *names: str, default: int) -> int:
        """Return a number of layers."""
        return self.integer(*names, default=default, most=MOST_LAYERS)

    def _whole(self, name: str, value: Any, least: int, most: int) -> int:
        if type(value) is not int:
            raise self.problem(name, f"must be a whole number; got {spell(value)}")
        if not least <= value <= most:
            limit = f"at least {least:,}" if value < least else f"at most {most:,}"
            raise self.problem(name, f"must be {limit}; got {spell(value)}")
        return value

    def number(self, name: str, *, default: float, least: float, most: float) -> float:
        """Return a number, which may have a fraction.

        Raises:
            Problem: `bad-value`.
        """
        return self._number(name, self.value(name), default, least, most)

    def _number(self, name: str, value: Any, default: float, least: float, most: float) -> float:
        if value is None:
            return default
        if type(value) not in (int, float) or not least <= value <= most:
            raise self.problem(name, f"must be a number from {least:g} to {most:,g}; got {spell(value)}")
        number: float = value
        return number

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false.

        Raises:
            Problem: `bad-value`.
        """
        value = self.value(name)
        if value is None:
            return default
        if type(value) is not bool:
            raise self.problem(name, f"must be true or false; got {spell(value)}")
        return value

    def word(self, *names: str, default: str, known: Sequence[str]) -> str:
        """Return one of the words in `known`.

        Raises:
            Problem: `bad-value` or `unsupported`.
        """
        value = self.value(*names)
        if value is None:
            return default
        name = self.name_of(*names)
        if type(value) is not str:
            raise self.problem(name, f"must be a word; got {spell(value)}")
        if value not in known:
            help = did_you_mean(value, known) or f"cnncalc reads {quoted(known, 'and')}"
            raise self.problem(name, f"is `{show(value)}`, which cnncalc does not know", help, "unsupported")
        return value

    def list(self, name: str, *, default: Sequence[int], least: int = 1, most: int = LARGEST) -> list[int]:
        """Return a list of whole numbers, one for each stage.

        Raises:
            Problem: `bad-value`, or `unsupported` for more stages than the architecture has.
        """
        values = self._items(name, default)
        return [self._whole(f"{name}[{place}]", value, least, most) for place, value in enumerate(values)]

    def numbers(self, name: str, *, default: Sequence[float], least: float, most: float) -> Sequence[float]:
        """Return a list of numbers, one for each stage.

        Raises:
            Problem: As `list`.
        """
        values = self._items(name, default)
        return [
            self._number(f"{name}[{place}]", value, default[0] if value is None else value, least, most)
            for place, value in enumerate(values)
        ]

    def _items(self, name: str, default: Sequence[Any]) -> Sequence[Any]:
        value = self.value(name)
        if value is None:
            return default
        if type(value) is not list or not value:
            raise self.problem(name, f"must be a list with one number for each stage; got {spell(value)}")
        if len(value) > MOST_STAGES:
            text = f"has {len(value):,} stages, and cnncalc's architecture has at most {MOST_STAGES}"
            raise self.problem(name, text, code="unsupported")
        return value

    def size(self, name: str, *, default: int, most: int = 100_000) -> tuple[int, int]:
        """Return a height and a width, which the file writes as one number or as a list of two.

        Raises:
            Problem: `bad-value`.
        """
        value = self.value(name)
        if value is None:
            return default, default
        if type(value) is not list:
            length = self._whole(name, value, 1, most)
            return length, length
        if len(value) != 2:
            raise self.problem(name, f"must be one number, or height and width; got {spell(value)}")
        height, width = (self._whole(f"{name}[{place}]", length, 1, most) for place, length in enumerate(value))
        return height, width

    def classes(self, *, default: int = 2) -> int:
        """Return the number of classes: `num_labels`, or the entries of `id2label`.

        Raises:
            Problem: `bad-value`.
        """
        names = self.value("id2label")
        if names is not None and not isinstance(names, dict):
            raise self.problem("id2label", f"must be a mapping; got {spell(names)}")
        return self.integer("num_labels", default=default if names is None else len(names), least=0)

    def divides(self, parts: str, number: int, whole: str, total: int) -> None:
        """Check that a number of heads divides a width.

        Raises:
            Problem: `groups-do-not-divide`.
        """
        if total % number:
            text = f"is {number:,}, which does not divide `{whole}`, {total:,}"
            raise self.problem(parts, text, f"choose a number that divides {total:,}", "groups-do-not-divide")

    def refuse(self, name: str, why: str, *, unless: Sequence[Any] = ()) -> None:
        """Refuse a field that changes the network in a way that cnncalc does not describe.

        Raises:
            Problem: `unsupported`, unless the field is missing, null, false, empty, or one of the values `unless`.
        """
        value = self.value(name)
        if value and not any(value == harmless for harmless in unless):
            raise self.problem(name, f"is {spell(value)}, and {why}", code="unsupported")


def _typed(text: str) -> Any:
    """Return a value from the command line: a number, true, false, null, a list, or else a word.

    >>> _typed("12"), _typed("[4, 8]"), _typed("relu"), _typed("true")
    (12, [4, 8], 'relu', True)
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def spell(value: Any) -> str:
    """Format a value of the file for a message.

    >>> spell("x"), spell([1, 2]), spell(None), spell(True)
    ('`x`', '`[1, 2]`', '`null`', '`true`')
    """
    if isinstance(value, dict):
        return f"a mapping of {len(value):,} entries"
    if isinstance(value, list) and len(value) > 10:
        return f"a list of {len(value):,} items"
    if type(value) is int and abs(value) >= 10**15:
        return f"a number of {len(str(abs(value))):,} digits" if abs(value) < 10**4000 else "a very large number"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{show(text)}`"


def parse(text: str, path: str) -> dict[str, Any]:
    """Return the fields of a `config.json`.

    Raises:
        Refused: `bad-file` or `too-large`.
    """
    return parse_mapping(text, path, MOST_CHARACTERS, "fields of a configuration")


def parse_mapping(text: str, path: str, most: int, what: str) -> dict[str, Any]:
    """Return the mapping that a JSON text has at its top level. A key that is written twice is an error.

    Raises:
        Refused: `bad-file`, `duplicate-key` or `too-large`.
    """
    if len(text) > most:
        raise refused(path, f"has more than {most:,} characters", code="too-large")
    try:
        top = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise refused(path, f"is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise refused(path, "is nested too deeply", code="too-large") from None
    except _Twice as error:
        raise refused(path, f"has the key `{show(error)}` twice", "remove one of them", "duplicate-key") from None
    except ValueError:
        raise refused(path, "contains a number with too many digits", code="too-large") from None
    if not isinstance(top, dict):
        raise refused(path, f"does not contain the {what}", "write a mapping: `{...}`")
    return top


class _Twice(Exception):
    """A key occurs twice in one mapping."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        from collections import Counter

        raise _Twice(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return mapping


def refused(path: str, what: str, help: str = "", code: str = "bad-file") -> Refused:
    """Return the error for a file as a whole."""
    return Refused([Problem(code, f"{show(path)} {what}", help)])
