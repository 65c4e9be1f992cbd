"""Parse the text format of protocol buffers, without the definitions of the messages.

A message is a mapping from names to values that remember their places. Whoever reads a field states its type, as in
`message.integer("pad", 0)`, so that a mistake becomes an error with a line and a column. The time is linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from cnncalc.problem import Problem, Refused, Source, Where
from cnncalc.readers.limits import TRUSTED
from cnncalc.text import did_you_mean, nearest, quoted, show

LARGEST = 2**31 - 1  # of an int32
MOST_DIGITS = 40
_SKIPPED = re.compile(r"(?:[ \t\n\r\f\v]+|#[^\n]*)*")
_TOKEN = re.compile(
    r"""(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[-+]?[ \t]{0,20}
        (?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[fF]?|inf|nan)(?![A-Za-z0-9_.]))
    |(?P<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')
    |(?P<mark>[{}<>\[\]:;,])""",
    re.VERBOSE,
)
_UNREADABLE = re.compile(r"[^\s{}<>\[\]:;,#]{1,60}|.")
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|[0-9]+)")
_ESCAPE = re.compile(r"""\\(["'\\?abfnrtv]|[0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)""")
_CLOSING = {"{": "}", "<": ">"}
_TRUE, _FALSE = ("true", "True", "t", "1"), ("false", "False", "f", "0")


class Text:
    """The text of one file, and where its lines begin."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._lines: list[int] = []

    def where(self, offset: int) -> Where:
        """Return the place of a character."""
        if not self._lines:
            self._lines = [0, *(match.end() for match in re.finditer("\n", self.source.text))]
        line = bisect_right(self._lines, offset)
        return Where(self.source, line, offset - self._lines[line - 1] + 1)

    def refused(self, offset: int, text: str, help: str = "", code: str = "bad-file") -> Refused:
        """Return the error for a mistake in the syntax."""
        return Refused([Problem(code, text, help, where=self.where(offset))])


class Scalar:
    """A value that is a word, a number or a string, as written. `offset` is its place in the text."""

    __slots__ = ("kind", "offset", "text")

    def __init__(self, kind: str, text: str, offset: int) -> None:
        self.kind = kind
        self.text = text
        self.offset = offset

    @property
    def string(self) -> str:
        """The characters of a string, or a word or number as written."""
        if self.kind != "string":
            return self.text
        return self.text if "\\" not in self.text else _ESCAPE.sub(_unescape, self.text)


class Message:
    """The fields of a message. `title` begins its errors, and those of messages in it; `offset` is its place in the text."""

    __slots__ = ("fields", "offset", "read", "text", "title")

    def __init__(self, text: Text, offset: int, title: str = "") -> None:
        self.text = text
        self.title = title
        self.offset = offset
        self.fields: dict[str, list[Scalar | Message]] = {}
        self.read: set[str] = set()  # the names that were asked for

    @property
    def where(self) -> Where:
        """The place of the message."""
        return self.text.where(self.offset)

    def place(self, name: str) -> Where:
        """Return the place of a field, or that of the message if it does not have the field."""
        return self.text.where(self.fields[name][-1].offset) if name in self.fields else self.where

    def problem(self, text: str, help: str = "", field: str = "", code: str = "bad-value") -> Problem:
        """Return a problem at the message or at one of its fields."""
        return Problem(code, f"{self.title}{text}", help, where=self.place(field))

    def messages(self, name: str) -> list[Message]:
        """Return the messages in a repeated field.

        Raises:
            Problem: `bad-value` if a value is not a message.
        """
        found: list[Message] = []
        for value in self._values(name):
            if not isinstance(value, Message):
                raise self.problem(
                    f"`{name}` must be a message, but is `{show(value.text)}`", f"write `{name} {{ ... }}`", name
                )
            value.title = self.title
            found.append(value)
        return found

    def message(self, name: str) -> Message:
        """Return the message in a field, or an empty one if the field is missing.

        Raises:
            Problem: `bad-value` or `duplicate-key`.
        """
        found = self.messages(name)
        self._check_single(name)
        return found[0] if found else Message(self.text, self.offset, self.title)

    def strings(self, name: str) -> list[str]:
        """Return the texts in a repeated field.

        Raises:
            Problem: `bad-value` if a value is a message.
        """
        return [value.string for value in self._scalars(name, 'text, as in `{name}: "..."`')]

    def string(self, name: str, default: str = "") -> str:
        """Return the text in a field.

        Raises:
            Problem: `bad-value` or `duplicate-key`.
        """
        self._check_single(name)
        return next(iter(self.strings(name)), default)

    def integers(self, name: str, least: int = 0, most: int = LARGEST) -> list[int]:
        """Return the whole numbers in a repeated field.

        Raises:
            Problem: `bad-value`.
        """
        return [self._integer(name, value, least, most) for value in self._scalars(name, "a whole number")]

    def integer(self, name: str, default: int, least: int = 0, most: int = LARGEST) -> int:
        """Return the whole number in a field.

        Raises:
            Problem: `bad-value` or `duplicate-key`.
        """
        self._check_single(name)
        return next(iter(self.integers(name, least, most)), default)

    def _integer(self, name: str, value: Scalar, least: int, most: int) -> int:
        text = "".join(value.text.split())
        if value.kind != "number" or not _INTEGER.fullmatch(text) or len(text) > MOST_DIGITS:
            raise self.problem(f"`{name}` must be a whole number; got `{show(value.text)}`", "write digits only", name)
        digits = text.lstrip("+-")
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" and len(digits) > 1 else 10
        if base == 8 and not set(digits) <= set("01234567"):
            raise self.problem(f"`{name}` must be a whole number; got `{show(value.text)}`", "remove the first 0", name)
        number = int(text, base)
        if not least <= number <= most:
            limit = f"at least {least:,}" if number < least else f"at most {most:,}"
            raise self.problem(f"`{name}` must be {limit}; got `{number}`", field=name)
        return number

    def numbers(self, name: str) -> list[float]:
        """Return the numbers in a repeated field.

        Raises:
            Problem: `bad-value`.
        """
        return [self._number(name, value) for value in self._scalars(name, "a number")]

    def number(self, name: str, default: float) -> float:
        """Return the number in a field.

        Raises:
            Problem: `bad-value` or `duplicate-key`.
        """
        self._check_single(name)
        return next(iter(self.numbers(name)), default)

    def _number(self, name: str, value: Scalar) -> float:
        text = "".join(value.text.split()).rstrip("fF")
        if value.kind == "number" and len(text) <= MOST_DIGITS and "x" not in text.lower():
            return float(value.text if text.lstrip("+-") in ("in", "nan") else text)
        raise self.problem(f"`{name}` must be a number; got `{show(value.text)}`", "write digits only", name)

    def flag(self, name: str, default: bool) -> bool:
        """Return the truth value in a field.

        Raises:
            Problem: `bad-value` or `duplicate-key`.
        """
        self._check_single(name)
        for value in self._scalars(name, "`true` or `false`"):
            if value.kind != "string" and value.text in (*_TRUE, *_FALSE):
                return value.text in _TRUE
            raise self.problem(f"`{name}` must be `true` or `false`; got `{show(value.text)}`", field=name)
        return default

    def choice(self, name: str, default: str, known: Iterable[str]) -> str:
        """Return the word in a field. A number counts as the position of a word in `known`.

        Raises:
            Problem: `bad-value` or `duplicate-key`.
        """
        self._check_single(name)
        words = list(known)
        for value in self._scalars(name, f"one of {quoted(words)}"):
            if value.text in words:
                return value.text
            if value.text.isdecimal() and len(value.text) < 4 and int(value.text) < len(words):
                return words[int(value.text)]
            text = f"`{name}` must be one of {quoted(words)}; got `{show(value.text)}`"
            raise self.problem(text, did_you_mean(value.text, words), name)
        return default

    def missing(self, name: str, example: int) -> Problem:
        """Return the problem for a field that must be written.

        Raises:
            Problem: `unknown-field` if a misspelled name is there instead.
        """
        self.read.add(name)
        self.check_misspellings(frozenset())
        return self.problem(f"`{name}` is missing", f"write `{name}: {example}`", code="missing-field")

    def has(self, name: str) -> bool:
        """Return whether the field is written."""
        return bool(self._values(name))

    def _values(self, name: str) -> list[Scalar | Message]:
        self.read.add(name)
        return self.fields.get(name, [])

    def _check_single(self, name: str) -> None:
        if len(self._values(name)) > 1:
            text = f"`{name}` is written {len(self.fields[name])} times, but takes one value"
            raise self.problem(text, "remove the others", name, "duplicate-key")

    def _scalars(self, name: str, what: str) -> list[Scalar]:
        found: list[Scalar] = []
        for value in self._values(name):
            if isinstance(value, Message):
                raise self.problem(f"`{name}` must be {what.format(name=name)}, but is a message", field=name)
            found.append(value)
        return found

    def check_misspellings(self, ignored: frozenset[str]) -> list[str]:
        """Return the names of fields that nothing has read, except those that are `ignored` because they change no figure.

        Raises:
            Problem: `unknown-field` if such a name resembles one that was looked for.
        """
        unread = [name for name in self.fields if name not in self.read and name not in ignored]
        missing = [name for name in self.read if name not in self.fields and len(name) > 2]
        for name in unread:
            intended = nearest(name, missing)
            if intended is not None:
                written = self.text.source.text.rfind(
                    name, 0, self.fields[name][0].offset
                )  # the name, before its value
                text, help = f"{self.title}unknown field `{show(name)}`", f"did you mean `{intended}`?"
                raise Problem("unknown-field", text, help, where=self.text.where(written))
        return unread


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8))
    return {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}.get(code, code)


class Parser:
    """Parses one text into a Message."""

    def __init__(self, source: Source) -> None:
        self.text = Text(source)
        self.written = source.text
        self.position = 0
        self.values = 0
        self.kind = ""  # of the current token: word, number, string, mark, or "" at the end
        self.token = ""
        self.offset = 0
        self._advance()

    def parse(self) -> Message:
        """Return the message that the whole text is.

        Raises:
            Refused: `bad-file`, or `too-large` if there are too many values or they are nested too deeply.
        """
        top = Message(self.text, 0)
        waiting: list[tuple[Message, str, int]] = []  # messages around the current one, and how that is closed
        current, closing = top, ""
        while self.kind or closing:
            if self.kind == "mark" and self.token == closing:
                current, closing, _ = waiting.pop()
                self._advance()
                self._separator()
                continue
            if self.kind != "word":
                raise self._no_field(closing, waiting[-1][2] if waiting else 0)
            name, start = self.token, self.offset
            self._advance()
            colon = self._accept(":")
            if self.kind == "mark" and self.token in _CLOSING:
                inner = self._message(current, name, start)
                if len(waiting) >= TRUSTED.nesting:
                    text = f"more than {TRUSTED.nesting} messages are nested in one another"
                    raise self.text.refused(start, text, code="too-large")
                waiting.append((current, closing, start))
                current, closing = inner, _CLOSING[self.token]
                self._advance()
                continue
            if not colon:
                text = f"`{show(name)}` is followed by {self._found()}"
                raise self.text.refused(self.offset, text, "write `name: value` or `name { ... }`")
            self._value(current, name)
            self._separator()
        return top

    def _message(self, parent: Message, name: str, start: int) -> Message:
        self._count(start)
        inner = Message(self.text, start)
        parent.fields.setdefault(name, []).append(inner)
        return inner

    def _value(self, message: Message, name: str) -> None:
        values = message.fields.setdefault(name, [])
        if not self._accept("["):
            values.append(self._scalar(name))
            return
        while not self._accept("]"):
            values.append(self._scalar(name))
            if not self._accept(",") and not (self.kind == "mark" and self.token == "]"):
                text = f"the list `{show(name)}` continues with {self._found()}"
                raise self.text.refused(self.offset, text, "separate its values with commas and close it with `]`")

    def _scalar(self, name: str) -> Scalar:
        kind, token, offset = self.kind, self.token, self.offset
        if kind not in ("word", "number", "string"):
            text = f"`{show(name)}` needs a value, but is followed by {self._found()}"
            raise self.text.refused(offset, text, f"write a value after `{show(name)}:`")
        self._count(offset)
        self._advance()
        if kind != "string":
            return Scalar(kind, token, offset)
        parts = [token[1:-1]]
        while self.kind == "string":  # neighbouring strings are one
            parts.append(self.token[1:-1])
            self._advance()
        return Scalar(kind, "".join(parts), offset)

    def _count(self, offset: int) -> None:
        self.values += 1
        if self.values > TRUSTED.nodes:
            raise self.text.refused(offset, f"more than {TRUSTED.nodes:,} values", code="too-large")

    def _accept(self, mark: str) -> bool:
        if self.kind == "mark" and self.token == mark:
            self._advance()
            return True
        return False

    def _separator(self) -> None:
        if self.kind == "mark" and self.token in (",", ";"):
            self._advance()

    def _advance(self) -> None:
        skipped = _SKIPPED.match(self.written, self.position)
        assert skipped is not None
        self.offset = skipped.end()
        match = _TOKEN.match(self.written, self.offset)
        if match is not None:
            self.kind, self.token, self.position = str(match.lastgroup), match[0], match.end()
            return
        if self.offset < len(self.written):
            raise self._unreadable()
        self.kind, self.token, self.position = "", "", self.offset

    def _unreadable(self) -> Refused:
        start = self.written[self.offset]
        if start in "\"'":
            return self.text.refused(self.offset, "a text is not closed on its line", f"close it with `{start}`")
        match = _UNREADABLE.match(self.written, self.offset)
        written = match[0] if match else start
        help = "write digits only" if written[0].isdecimal() else "comments begin with `#`"
        return self.text.refused(self.offset, f"`{show(written)}` is not a name, a number or a text", help)

    def _no_field(self, closing: str, opened: int) -> Refused:
        if closing and not self.kind:
            text = "the file ends before the message that begins here is closed"
            return self.text.refused(opened, text, f"close it with `{closing}`")
        help = "remove it, or open a message before it" if self.token in ("}", ">") else "write `name: value`"
        return self.text.refused(self.offset, f"{self._found()} appears where the name of a field belongs", help)

    def _found(self) -> str:
        return f"`{show(self.token)}`" if self.kind else "the end of the file"


def parse(source: Source) -> Message:
    """Return the fields of a text.

    >>> net = parse(Source("net.prototxt", 'name: "net" layer { name: "conv1" type: "Convolution" }'))
    >>> net.string("name"), [layer.string("type") for layer in net.messages("layer")]
    ('net', ['Convolution'])

    Raises:
        Refused: `bad-file` or `too-large`, with the line and column.
    """
    return Parser(source).parse()
