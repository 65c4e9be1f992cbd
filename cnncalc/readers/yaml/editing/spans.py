"""Where every value of a YAML text begins and ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from cnncalc.readers.yaml.tree import new_parser


class Span:
    """A value in a text: `text[start:end]`, on `line` and in `column` counted from 1.

    A list has `items`, and a mapping `pairs` of keys and values. `flow` is true if it is written in brackets. `value` is what
    a scalar means, without quotes.
    """

    __slots__ = ("column", "end", "flow", "items", "kind", "line", "pairs", "start", "value")

    def __init__(self, kind: str, start: int, end: int, mark: Any, flow: bool = False, value: str = "") -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.line: int = mark.line + 1
        self.column: int = mark.column + 1
        self.flow = flow
        self.value = value
        self.items: list[Span] = []
        self.pairs: list[tuple[Span, Span]] = []

    def find(self, key: str) -> tuple[Span, Span] | None:
        """Return the key and the value of a mapping; None if there is no such key."""
        return next((pair for pair in self.pairs if pair[0].value == key), None)

    def walk(self) -> Iterator[Span]:
        """Yield this value and all values inside of it, without keys."""
        waiting = [self]
        while waiting:
            span = waiting.pop()
            yield span
            waiting += reversed([*span.items, *[value for _, value in span.pairs]])


def parse_spans(text: str) -> Span:
    """Return the spans of a text that has been read as a specification before.

    >>> top = parse_spans("layers: [conv: 8, relu]  # two")
    >>> [top.find("layers")[1].kind, *[item.kind for item in top.find("layers")[1].items]]
    ['list', 'mapping', 'scalar']
    """
    lines = [0]
    for line in text.split("\n"):
        lines.append(lines[-1] + len(line) + 1)

    def at(mark: Any) -> int:
        place: int = lines[mark.line] + mark.column
        return min(place, len(text))

    open_spans: list[Span] = []
    keys: list[Span | None] = []
    root: Span | None = None
    parser = new_parser(text)
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            span = open_spans.pop()
            keys.pop()
            inside = [*span.items, *[value for _, value in span.pairs]]
            span.end = at(event.end_mark) if span.flow else max([one.end for one in inside], default=span.end)
            continue
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            kind = "mapping" if isinstance(event, MappingStartEvent) else "list"
            # a pair in a flow list has no braces of its own
            flow = bool(event.flow_style) and text[at(event.start_mark) : at(event.start_mark) + 1] in ("{", "[")
            span = Span(kind, at(event.start_mark), at(event.end_mark), event.start_mark, flow)
        elif isinstance(event, (ScalarEvent, AliasEvent)):
            span = Span(
                "scalar", at(event.start_mark), at(event.end_mark), event.start_mark, value=getattr(event, "value", "")
            )
        else:
            continue
        _add(span, open_spans, keys)
        root = root or span
        if span.kind != "scalar":
            open_spans.append(span)
            keys.append(None)
    assert root is not None
    return root


def _add(span: Span, open_spans: list[Span], keys: list[Span | None]) -> None:
    """Add a value to the innermost open list or mapping; in a mapping, keys and values alternate."""
    if not open_spans:
        return
    top, key = open_spans[-1], keys[-1]
    if top.kind == "list":
        top.items.append(span)
    elif key is None:
        keys[-1] = span
    else:
        top.pairs.append((key, span))
        keys[-1] = None
