"""Replace pieces of a text, and remove or add entries of its lists and mappings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cnncalc.readers.yaml.editing.spans import Span


class Editing:
    """A text with changes to pieces of it, which must not overlap. Every place is one of the text before any change."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._changes: list[tuple[int, int, str]] = []

    def replace(self, start: int, end: int, new: str) -> None:
        """Replace `text[start:end]`. White space at the end of a value stays."""
        self._changes.append((start, start + len(self.text[start:end].rstrip()), new))

    def remove_entry(self, entries: Sequence[tuple[int, int]], place: int, flow: bool) -> None:
        """Remove an entry of a list or mapping, whose entries are given as their starts and ends.

        In brackets, its comma is removed with it, and in a block, its lines.
        """
        start, end = entries[place]
        if not flow:
            start = self.text.rfind("\n", 0, start) + 1
            following = self.text.find("\n", start + len(self.text[start:end].rstrip()))
            self._changes.append((start, len(self.text) if following < 0 else following + 1, ""))
        elif place + 1 < len(entries):
            self._changes.append((start, entries[place + 1][0], ""))
        else:
            self._changes.append((entries[place - 1][1] if place else start, end, ""))

    def remove_pair(self, mapping: Span, key: str) -> None:
        """Remove a key of a mapping with its value."""
        entries = [(name.start, value.end) for name, value in mapping.pairs]
        place = next(number for number, (name, _) in enumerate(mapping.pairs) if name.value == key)
        if mapping.flow or place:
            self.remove_entry(entries, place, mapping.flow)
        elif len(entries) > 1:  # the dash of a list may be before it
            self._changes.append((entries[0][0], entries[1][0], ""))

    def add_pair(self, mapping: Span, text: str) -> None:
        """Add a pair at the end of a mapping."""
        name, last = mapping.pairs[-1]
        if mapping.flow:
            self._changes.append((last.end, last.end, f", {text}"))
        else:
            end = last.start + len(self.text[last.start : last.end].rstrip()) if last.end > last.start else name.end + 1
            self._changes.append((end, end, f"\n{' ' * (name.column - 1)}{text}"))

    def add_before(self, item: Span, texts: Sequence[str], flow: bool) -> None:
        """Add entries of a list before one of them."""
        if flow:
            self._changes.append((item.start, item.start, "".join(f"{text}, " for text in texts)))
            return
        line = self.text.rfind("\n", 0, item.start) + 1
        dash = self.text.rfind("-", line, item.start)
        indent = self.text[line:dash]
        lines = "".join(f"- {text}\n{indent}" for text in texts)
        self._changes.append((dash, dash, lines))

    def result(self) -> str:
        """Return the changed text."""
        text = self.text
        for start, end, new in sorted(self._changes, key=lambda change: change[:2], reverse=True):
            text = text[:start] + new + text[end:]
        return text

    @property
    def overlaps(self) -> bool:
        """True if two changes are about the same piece."""
        pieces = sorted(self._changes, key=lambda change: change[:2])
        return any(one[1] > other[0] for one, other in pairwise(pieces))
