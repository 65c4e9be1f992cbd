"""Reads a layer as other tools write it, `nn.Conv2d(3, 16, kernel_size=(3, 3))`, into values. Nothing is evaluated."""

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
    """An expression of ours among the values: `$width`."""


class Foreign:
    """A layer of another tool: its name, what stands before it (`nn`), and its values by place and by name."""

    __slots__ = ("named", "placed", "prefix", "word")

    def __init__(self, word: str, placed: list[Any], named: dict[str, Any], prefix: str = "") -> None:
        self.word = word
        self.placed = placed
        self.named = named
        self.prefix = prefix


class Unclear(Exception):
    """The text is no call, or holds what no layer takes."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def peek(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.place)
        kind = match.lastgroup if match else None
        return (kind, match.group(kind)) if match and kind else ("", "")

    def take(self) -> tuple[str, str]:
        found = self.peek()
        match = _TOKEN.match(self.text, self.place)
        if match is None:
            raise Unclear
        self.place = match.end()
        return found

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

    def product(self, found: Any) -> Any:
        """A number, or several multiplied: `3*32*32`."""
        while self.peek() == ("sign", "*"):
            self.take()
            kind, text = self.take()
            if kind != "number" or abs(found) > 10**12:
                raise Unclear
            found *= number(text)
        return found

    def items(self, closing: str, depth: int) -> tuple[Any, ...]:
        found = []
        while self.peek()[1] != closing or self.peek()[0] != "sign":
            found.append(self.value(depth + 1))
            if self.peek() == ("sign", ","):
                self.take()
        self.take()
        return tuple(found)

    def call(self, name: str, depth: int) -> Foreign:
        self.take()
        prefix, _, word = name.rpartition(".")
        found = Foreign(word, [], {}, prefix.rpartition(".")[2])
        while self.peek() != ("sign", ")"):
            start = self.place
            kind, text = self.peek()
            if kind == "name":
                self.take()
                if self.peek() == ("sign", "="):
                    self.take()
                    found.named[text] = self.value(depth + 1)
                else:
                    self.place = start
                    found.placed.append(self.value(depth + 1))
            else:
                found.placed.append(self.value(depth + 1))
            if self.peek() == ("sign", ","):
                self.take()
            elif self.peek() != ("sign", ")"):
                raise Unclear
        self.take()
        return found


def number(text: str) -> Any:
    """A number as it was written: whole, or a decimal."""
    if len(text) > MOST_DIGITS:
        raise Unclear
    try:
        return int(text)
    except ValueError:
        return float(text)


def call(text: str) -> Foreign | None:
    """The layer that a text such as `nn.Conv2d(3, 16, 3, padding=1)` makes; None where it is no such text.

    >>> found = call("self.conv1 = nn.Conv2d(3, 16, (3, 3), padding='same')")
    >>> found.prefix, found.word, found.placed, found.named
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
        found = reader.call(name, 0)
        if reader.peek() == ("sign", "("):  # Conv2D(64, 3)(x)
            applied = reader.call("", 0)
            if any(not isinstance(value, str) for value in [*applied.placed, *applied.named.values()]):
                return None  # to another layer, which would be lost
        return found if reader.done() else None
    except (Unclear, OverflowError):
        return None


def of_tree(word: str, body: Tree | None) -> Foreign | None:
    """The same layer where it is written as a step: `Conv2d: [3, 16, 3]`, `Conv2d: {out_channels: 16, kernel_size: 3}`."""
    prefix, _, name = word.rpartition(".")
    found = Foreign(name, [], {}, prefix.rpartition(".")[2])
    try:
        if isinstance(body, Map):
            for key, inner in pairs(body):
                found.named[key] = _value(inner, 0)
        elif isinstance(body, Seq):
            found.placed = [_value(item, 0) for item in rejoined(body.items)]
        elif body is not None and (body.text or body.quoted):
            found.placed = [_value(body, 0)]
    except (Unclear, OverflowError):
        return None
    return found


def pairs(body: Map) -> list[tuple[str, Tree]]:
    """The keys of a mapping with their values, those of Caffe's `convolution_param: {...}` among them.

    A value that a comma has cut in two inside braces is whole again: `{pool_size: (2, 2)}`.
    """
    found: list[tuple[str, Tree]] = []
    for key, inner in body.items.items():
        last = found[-1][1] if found else None
        if isinstance(inner, Map) and key.endswith("_param"):
            found += inner.items.items()
        elif isinstance(last, Scalar) and opened(last.text) and isinstance(inner, Scalar) and not inner.text:
            found[-1] = (found[-1][0], Scalar(f"{last.text}, {key}", False, last.mark))
        else:
            found.append((key, inner))
    return found


def opened(text: str) -> bool:
    """Is a parenthesis or bracket left open?"""
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
        found = of_tree(word, inner)
        if found is None:
            raise Unclear
        return found
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
    found = reader.value(depth)
    if not reader.done():
        raise Unclear
    return found
