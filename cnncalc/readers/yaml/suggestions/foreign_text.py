"""Parser for layers in the notation of other tools, such as `nn.Conv2d(3, 16, kernel_size=(3, 3))`.

It never evaluates code.
"""

from __future__ import annotations

import re
from typing import Any

from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree, rejoined

LONGEST = 400  # characters of a call
MOST_DIGITS = 12
DEEPEST = 6
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)(?![\w.])|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<name>[A-Za-z_][\w.]*)|(?P<raw>\$[A-Za-z_]\w*)|(?P<sign>[()\[\]{},=:*]))"
)
WORDS = {"true": True, "false": False, "none": None, "null": None}
_ASSIGNED = re.compile(r"[A-Za-z_][\w.]*\s*=\s*(?=[A-Za-z_][\w.]*\s*\()")  # self.conv1 = nn.Conv2d(...)
_ADDED = re.compile(r"[A-Za-z_]\w*\.(?:add|append)\((?P<inside>.*)\)\Z")  # model.add(...)


class Raw(str):
    """An expression of cnncalc among the values, such as `$width`."""


class Foreign:
    """A layer of another tool: its name, its prefix (`nn`), and its values by position and by name."""

    __slots__ = ("keywords", "positional", "prefix", "word")

    def __init__(self, word: str, positional: list[Any], keywords: dict[str, Any], prefix: str = "") -> None:
        self.word = word
        self.positional = positional
        self.keywords = keywords
        self.prefix = prefix


class Unclear(Exception):
    """Raised if the text is not a call, or contains a value that no layer accepts."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def peek(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.place)
        kind = match.lastgroup if match else None
        return (kind, match.group(kind)) if match and kind else ("", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        match = _TOKEN.match(self.text, self.place)
        if match is None:
            raise Unclear
        self.place = match.end()
        return token

    def done(self) -> bool:
        return not self.text[self.place :].strip()

    def value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise Unclear
        kind, text = self.take()
        if kind == "number":
            return self.product(number(text))
        if kind == "text":
            return text[1:-1]
        if kind == "raw":
            return Raw(text)
        if kind == "name":
            if self.peek() == ("sign", "("):
                return self.call(text, depth)
            return WORDS.get(text.lower(), text)
        if text in ("(", "["):
            return self.items(")" if text == "(" else "]", depth)
        raise Unclear

    def product(self, first: Any) -> Any:
        """Read the rest of a product such as `3*32*32`, after its first number."""
        result = first
        while self.peek() == ("sign", "*"):
            self.take()
            kind, text = self.take()
            if kind != "number" or abs(result) > 10**12:
                raise Unclear
            result *= number(text)
        return result

    def items(self, closing: str, depth: int) -> tuple[Any, ...]:
        values = []
        while self.peek()[1] != closing or self.peek()[0] != "sign":
            values.append(self.value(depth + 1))
            if self.peek() == ("sign", ","):
                self.take()
        self.take()
        return tuple(values)

    def call(self, name: str, depth: int) -> Foreign:
        self.take()
        prefix, _, word = name.rpartition(".")
        layer = Foreign(word, [], {}, prefix.rpartition(".")[2])
        while self.peek() != ("sign", ")"):
            start = self.place
            kind, text = self.peek()
            if kind == "name":
                self.take()
                if self.peek() == ("sign", "="):
                    self.take()
                    layer.keywords[text] = self.value(depth + 1)
                else:
                    self.place = start
                    layer.positional.append(self.value(depth + 1))
            else:
                layer.positional.append(self.value(depth + 1))
            if self.peek() == ("sign", ","):
                self.take()
            elif self.peek() != ("sign", ")"):
                raise Unclear
        self.take()
        return layer


def number(text: str) -> Any:
    """Convert a whole number to an int and a decimal to a float."""
    if len(text) > MOST_DIGITS:
        raise Unclear
    try:
        return int(text)
    except ValueError:
        return float(text)


def parse_call(text: str) -> Foreign | None:
    """Parse a call such as `nn.Conv2d(3, 16, 3, padding=1)`. Return None if the text is not a call.

    >>> layer = parse_call("self.conv1 = nn.Conv2d(3, 16, (3, 3), padding='same')")
    >>> layer.prefix, layer.word, layer.positional, layer.keywords
    ('nn', 'Conv2d', [3, 16, (3, 3)], {'padding': 'same'})
    """
    if "(" not in text or len(text) > LONGEST:
        return None
    line = text.strip().rstrip(",;")
    line = _ASSIGNED.sub("", line, count=1)
    added = _ADDED.match(line)
    reader = _Reader(added.group("inside") if added else line)
    try:
        kind, name = reader.take()
        if kind != "name" or reader.peek() != ("sign", "("):
            return None
        layer = reader.call(name, 0)
        if reader.peek() == ("sign", "("):  # Conv2D(64, 3)(x)
            applied = reader.call("", 0)
            if any(not isinstance(value, str) for value in [*applied.positional, *applied.keywords.values()]):
                return None  # it is applied to another layer, which would be lost
        return layer if reader.done() else None
    except (Unclear, OverflowError):
        return None


def parse_step(word: str, body: Tree | None) -> Foreign | None:
    """Read a layer of another tool that is written as a step, such as `Conv2d: [3, 16, 3]`. None if it is unclear."""
    prefix, _, name = word.rpartition(".")
    layer = Foreign(name, [], {}, prefix.rpartition(".")[2])
    try:
        if isinstance(body, Map):
            for key, inner in fields_of(body):
                layer.keywords[key] = _value(inner, 0)
        elif isinstance(body, Seq):
            layer.positional = [_value(item, 0) for item in rejoined(body.items)]
        elif body is not None and (body.text or body.quoted):
            layer.positional = [_value(body, 0)]
    except (Unclear, OverflowError):
        return None
    return layer


def fields_of(body: Map) -> list[tuple[str, Tree]]:
    """The keys and values of a mapping, including those inside Caffe's `convolution_param: {...}`.

    YAML splits `{pool_size: (2, 2)}` at the comma inside the parentheses. Such values are joined again.
    """
    result: list[tuple[str, Tree]] = []
    for key, inner in body.items.items():
        last = result[-1][1] if result else None
        if isinstance(inner, Map) and key.endswith("_param"):
            result += inner.items.items()
        elif isinstance(last, Scalar) and opened(last.text) and isinstance(inner, Scalar) and not inner.text:
            result[-1] = (result[-1][0], Scalar(f"{last.text}, {key}", False, last.mark))
        else:
            result.append((key, inner))
    return result


def opened(text: str) -> bool:
    """Return whether a parenthesis is left open."""
    return text.count("(") > text.count(")")


def _value(tree: Tree, depth: int) -> Any:
    if depth > DEEPEST:
        raise Unclear
    if isinstance(tree, Seq):
        return tuple([_value(item, depth + 1) for item in tree.items])
    if isinstance(tree, Map):
        if len(tree.items) != 1:
            raise Unclear
        ((word, inner),) = tree.items.items()
        layer = parse_step(word, inner)
        if layer is None:
            raise Unclear
        return layer
    if tree.quoted:
        return tree.text
    if "$" in tree.text:
        if not re.fullmatch(r"[\w$*/+() .-]{1,40}", tree.text):
            raise Unclear
        return Raw(tree.text)
    if not tree.text or len(tree.text) > LONGEST:
        raise Unclear
    sizes = re.fullmatch(r"[0-9]{1,12}(x[0-9]{1,12})+", tree.text)
    if sizes:
        return tuple(map(int, tree.text.split("x")))
    reader = _Reader(tree.text)
    value = reader.value(depth)
    if not reader.done():
        raise Unclear
    return value
