"""Parses YAML (or JSON) text into a tree with positions, checking limits at every parser event.

Scalars stay text: the reader decides what they mean, not YAML 1.1. Anchors, aliases, merge keys,
tags, directives and second documents are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml.events import (
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from cnncalc.problem import Problem, Refused, Source, Where
from cnncalc.readers.limits import TRUSTED, Limits
from cnncalc.text import show

try:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # in no type stub
except ImportError:  # a PyYAML built without libyaml
    from yaml import Loader as CParser  # type: ignore[assignment]  # the same `get_event`, slower


def new_parser(text: str) -> Any:
    """Return YAML's parser of events: the one written in C, if there is one."""
    return CParser(text)


class Scalar:
    """A word, number or quoted text, not yet interpreted."""

    __slots__ = ("mark", "quoted", "text")
    what = "a word or number"

    def __init__(self, text: str, quoted: bool, mark: Any) -> None:
        self.text = text
        self.quoted = quoted
        self.mark = mark


class Seq:
    """A list."""

    __slots__ = ("items", "mark")
    what = "a list"

    def __init__(self, mark: Any) -> None:
        self.items: list[Tree] = []
        self.mark = mark


class Map:
    """A mapping; `keys` holds the position of every key."""

    __slots__ = ("items", "keys", "mark")
    what = "a mapping"

    def __init__(self, mark: Any) -> None:
        self.items: dict[str, Tree] = {}
        self.keys: dict[str, Any] = {}
        self.mark = mark


Tree = Scalar | Seq | Map


def rejoined(items: list[Tree]) -> list[Tree]:
    """Return the items of a list, rejoining those cut by a comma in parentheses: `[Conv2d(1, 6, 5), ReLU()]`."""
    if True not in ["(" in item.text for item in items if type(item) is Scalar]:
        return items
    result: list[Tree] = []
    pieces: list[str] = []  # of the last item, while it has an open parenthesis
    opened = 0
    for item in [*items, None]:
        if pieces and not (opened and isinstance(item, Scalar)):
            last = result[-1]
            result[-1] = Scalar(", ".join(pieces), False, last.mark) if len(pieces) > 1 else last
            pieces, opened = [], 0
        if not pieces and item is not None:
            result.append(item)
        if isinstance(item, Scalar):
            pieces.append(item.text)
            opened = max(opened + item.text.count("(") - item.text.count(")"), 0)
    return result


class Mark:
    """A position created without the parser, with the attributes of YAML's marks (counted from 0)."""

    __slots__ = ("column", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column


def where(source: Source, mark: Any) -> Where:
    """Return a mark as a position, counted from 1."""
    return Where(source, mark.line + 1, mark.column + 1)


def place_after(source: Source, mark: Any) -> Where:
    """Return the place of a missing value: after the colon, wherever the parser expected it."""
    place = where(source, mark)
    return place.at_column(len(source.line(place.line)[: mark.column].rstrip()) + 1)


# a compiled set of all characters that YAML considers printable would take a tenth of the program's start-up time
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\n\r"
_NAMES = {
    0: "NUL",
    0x85: "NEL, a line break",
    0x2028: "a line break",
    0x2029: "a line break",
    0xFEFF: "a byte order mark",
}


def parse(source: Source, limits: Limits = TRUSTED, problems: list[Problem] | None = None) -> Tree:
    """Return the tree of a text. Duplicate keys are added to `problems` if it is given, instead of being raised.

    Raises:
        Refused: what is wrong with the YAML.
    """
    text = _check_characters(source)
    noted: list[Problem] = [] if problems is None else problems
    root: Tree | None = None
    documents = count = 0
    stack: list[Seq | Map] = []
    pending: list[str | None] = []  # the key without a value yet, for every mapping on the stack
    top: Seq | Map | None = None
    key: str | None = None
    node: Tree
    longest, longest_key = limits.scalar, limits.key
    try:
        next_event: Callable[[], Any] = CParser(text).get_event
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                if event.anchor is not None or event.tag is not None:
                    raise _forbidden(source, event)
                text = event.value
                if type(top) is Map and key is None:
                    key = text
                    if len(text) > longest_key and ("(" not in text or len(text) > longest):
                        raise _long(source, event, "key", limits.key)
                    if key == "<<" and not event.style:
                        raise _forbidden(source, event)
                    if key in top.items:
                        noted.append(_duplicate(source, event, top, key))
                        if len(noted) > limits.findings:
                            raise Refused(noted)
                    else:
                        top.keys[key] = event.start_mark
                    count += 1
                    continue
                if len(text) > longest:
                    raise _long(source, event, "text", limits.scalar)
                node = Scalar(text, bool(event.style), event.start_mark)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if event.anchor is not None or event.tag is not None:
                    raise _forbidden(source, event)
                if type(top) is Map and key is None:
                    raise _at(source, event, "bad-key", "a key must be a word", "write `name: value`")
                if len(stack) >= limits.nesting:
                    raise _at(source, event, *_nesting(limits))
                node = Map(event.start_mark) if kind is MappingStartEvent else Seq(event.start_mark)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                stack.pop()
                key = pending.pop()
                top = stack[-1] if stack else None
                continue
            elif kind is StreamEndEvent:
                break
            else:
                if kind is DocumentStartEvent:
                    documents += 1
                    if documents > 1:
                        raise _at(
                            source,
                            event,
                            "second-document",
                            "a second document starts here",
                            "keep one network per file",
                        )
                    if event.version or event.tags:
                        raise _at(source, event, "no-tags", "YAML directives are not supported", "delete the line")
                elif hasattr(event, "anchor"):
                    raise _forbidden(source, event)
                continue
            count += 1
            if count > limits.nodes:
                raise _at(source, event, "too-large", f"more than {limits.nodes:,} values", "use `repeat:` and blocks")
            if top is None:
                root = node
            elif type(top) is Map:
                assert key is not None
                top.items[key] = node
                key = None
            else:
                top.items.append(node)  # type: ignore[union-attr]  # a Seq: the only other container
            if kind is not ScalarEvent:
                stack.append(node)  # type: ignore[arg-type]  # a container: scalars are excluded one line above
                pending.append(key)
                top, key = node, None  # type: ignore[assignment]  # a container, as above
    except yaml.YAMLError as error:
        from cnncalc.readers.yaml.suggestions.yaml_errors import explain_error

        # libyaml 0.2.6 and later limits nesting itself, and fails before an event shows the depth
        raise _too_deep(source, limits) or Refused([explain_error(source, error)]) from None
    if root is None:
        raise Refused(
            [Problem("empty-file", f"{show(source.path)} is empty", "`cnncalc new` prints a file to start from")]
        )
    if noted and problems is None:
        raise Refused(noted)
    return root


def _too_deep(source: Source, limits: Limits) -> Refused | None:
    """Return the error for brackets that are nested too deeply in a text that the parser could not finish."""
    depth = 0
    for match in re.finditer(r"[\[\]{}]", source.text):
        depth = depth + 1 if match[0] in "[{" else max(depth - 1, 0)
        if depth > limits.nesting:
            return _character(source, match.start(), *_nesting(limits))
    return None


def _nesting(limits: Limits) -> tuple[str, str, str]:
    """Return code, message and help for a text that is nested too deeply."""
    return "too-large", f"nested deeper than {limits.nesting} levels", "use blocks"


def _check_characters(source: Source) -> str:
    """Return the text, after refusing characters that the two parsers treat differently."""
    text = source.text
    if text.isascii():
        unreadable = text.encode().translate(None, _PLAIN).decode()
    else:
        unreadable = "".join(char for char in set(text) if _is_unreadable(char))
    if unreadable:
        place = min(text.index(char) for char in set(unreadable))
        code = ord(text[place])
        name = f"U+{code:04X}" + (f", {_NAMES[code]}" if code in _NAMES else "")
        help = "retype the line end" if "line break" in name else "delete it"
        raise _character(source, place, "bad-character", f"there is an invisible character here ({name})", help)
    if "\t" not in text:
        return text
    if text.lstrip().startswith(("{", "[")):
        return text.replace("\t", " ")  # JSON allows tabs as white space
    for match in re.finditer("\t", text):
        start = text.rfind("\n", 0, match.start()) + 1
        if "#" not in text[start : match.start()]:
            raise _character(source, match.start(), "no-tabs", "there is a tab here", "use spaces, not tabs")
    return text


def _is_unreadable(char: str) -> bool:
    """Return whether YAML does not allow the character, or it is an unusual line break or a byte order mark."""
    code = ord(char)
    return (
        (code < 0x20 and char not in "\t\n\r")
        or 0x7F <= code < 0xA0
        or 0xD800 <= code <= 0xDFFF
        or code in (0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)
    )


def _character(source: Source, index: int, code: str, what: str, help: str) -> Refused:
    before = source.text[:index]
    place = Where(source, before.count("\n") + 1, index - before.rfind("\n"))
    return Refused([Problem(code, what, help, where=place)])


def _at(source: Source, event: Any, code: str, text: str, help: str) -> Refused:
    return Refused([Problem(code, text, help, where=where(source, event.start_mark))])


def _long(source: Source, event: Any, what: str, most: int) -> Refused:
    return _at(
        source,
        event,
        "too-large",
        f"this {what} has {len(event.value):,} characters; at most {most:,} are allowed",
        "shorten it",
    )


def _duplicate(source: Source, event: Any, top: Map, key: str) -> Problem:
    first = top.keys[key].line + 1
    place = "on this line" if first == event.start_mark.line + 1 else f"on line {first}"
    return Problem(
        "duplicate-key",
        f"`{show(key)}` is written twice; the first is {place}",
        "keep one of the two",
        where=where(source, event.start_mark),
    )


def _forbidden(source: Source, event: Any) -> Refused:
    tag, anchor = getattr(event, "tag", None), getattr(event, "anchor", None)
    if tag is not None:
        written = show(tag.replace("tag:yaml.org,2002:", "!!", 1))
        return _at(source, event, "no-tags", f"the YAML tag `{written}` is not supported", "delete it")
    if anchor is None:
        return _at(source, event, "no-anchors", "the merge key `<<` is not supported", "use `defaults:` or `blocks:`")
    if type(event).__name__ == "AliasEvent":
        return _at(
            source,
            event,
            "no-anchors",
            f"the YAML alias `*{show(anchor)}` is not supported",
            f"write `${show(anchor)}` for a parameter; use `blocks:` for repeated steps",
        )
    return _at(
        source,
        event,
        "no-anchors",
        f"the YAML anchor `&{show(anchor)}` is not supported",
        "use `blocks:` for repeated steps, `defaults:` for fields, `params:` for numbers",
    )
