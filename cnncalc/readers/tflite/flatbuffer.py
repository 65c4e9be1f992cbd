"""Read flatbuffers as data. Every offset is checked, and all bytes that are read count against a limit.

A table starts with the distance back to its vtable, which has the place of each field in the table; place 0 means that the
field has its default. Texts, vectors and other tables are at relative places (FlatBuffers, "FlatBuffer Internals").
"""

from __future__ import annotations

from struct import Struct, unpack
from typing import Any, Protocol

TABLE_COST = 32  # bytes that a table counts besides its own, so that the time stays within the limit, too
_U16, _U32, _I32 = Struct("<H"), Struct("<I"), Struct("<i")
_SIZES = {"?": 1, "b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8, "f": 4, "d": 8, "e": 2}


class Damaged(Exception):
    """The bytes are not a valid flatbuffer; the text is the reason."""


class TooLarge(Exception):
    """More bytes would have to be read than the limit allows."""


class Source(Protocol):
    """Bytes that can be read at any place."""

    def __len__(self) -> int: ...

    def take(self, start: int, length: int) -> bytes:
        """Return these bytes, which must exist."""
        ...


class Flatbuffer:
    """A flatbuffer of which at most `most` bytes are read."""

    def __init__(self, source: Source, most: int) -> None:
        self.source = source
        self.size = len(source)
        self.left = most
        self._vtables: dict[int, tuple[tuple[int, ...], int]] = {}

    def read(self, place: int, length: int, cost: int = 0) -> bytes:
        """Return bytes.

        Raises:
            Damaged: The file does not have them.
            TooLarge: The limit is reached.
        """
        if place < 0 or length < 0 or place + length > self.size:
            raise Damaged(f"it refers to bytes {place:,} to {place + length:,}, but has only {self.size:,}")
        self.left -= length + cost
        if self.left < 0:
            raise TooLarge
        return self.source.take(place, length)

    def root(self) -> Table:
        """Return the table at the root."""
        return Table(self, _U32.unpack(self.read(0, 4))[0])

    def vtable(self, place: int) -> tuple[tuple[int, ...], int]:
        """Return the places of the fields of a table, and its size. A vtable that several tables share is read once."""
        known = self._vtables.get(place)
        if known is None:
            own, size = unpack("<HH", self.read(place, 4))
            if own < 4 or own % 2 or size < 4:
                raise Damaged(f"the table description at byte {place:,} is not valid")
            known = self._vtables[place] = (unpack(f"<{own // 2 - 2}H", self.read(place + 4, own - 4)), size)
        return known


class Table:
    """A table. Fields are numbered from 0 in the order of the schema."""

    __slots__ = ("_body", "_file", "_place", "_places")

    def __init__(self, file: Flatbuffer, place: int) -> None:
        self._file = file
        self._place = place
        self._places, size = file.vtable(place - _I32.unpack(file.read(place, 4, TABLE_COST))[0])
        self._body = file.read(place, size)

    def _at(self, field: int, size: int) -> int:
        """Return the place of a field within the table, or 0 if it has its default."""
        at = self._places[field] if field < len(self._places) else 0
        if at and (at < 4 or at + size > len(self._body)):
            raise Damaged(f"field {field} of the table at byte {self._place:,} is outside of the table")
        return at

    def number(self, field: int, kind: str, default: Any) -> Any:
        """Return a number. `kind` is a letter of the module struct."""
        at = self._at(field, _SIZES[kind])
        if not at:
            return default
        return unpack("<" + kind, self._body[at : at + _SIZES[kind]])[0]

    def _target(self, field: int) -> int | None:
        at = self._at(field, 4)
        return self._place + at + int(_U32.unpack_from(self._body, at)[0]) if at else None

    def table(self, field: int) -> Table | None:
        """Return another table, or None if the field is missing."""
        place = self._target(field)
        return None if place is None else Table(self._file, place)

    def vector(self, field: int, width: int) -> tuple[int, int]:
        """Return where a vector starts and how many elements of `width` bytes it has. It is empty if it is missing."""
        place = self._target(field)
        if place is None:
            return 0, 0
        count = _U32.unpack(self._file.read(place, 4))[0]
        if place + 4 + count * width > self._file.size:
            raise Damaged(f"a list at byte {place:,} has {count:,} elements, which do not fit the file")
        return place + 4, count

    def numbers(self, field: int, kind: str) -> tuple[Any, ...]:
        """Return the numbers of a vector."""
        width = _SIZES[kind]
        start, count = self.vector(field, width)
        return unpack(f"<{count}{kind}", self._file.read(start, count * width, count)) if count else ()

    def tables(self, field: int) -> list[Table]:
        """Return the tables of a vector."""
        start, count = self.vector(field, 4)
        if count * TABLE_COST > self._file.left:
            raise TooLarge
        offsets = unpack(f"<{count}I", self._file.read(start, 4 * count)) if count else ()
        return [Table(self._file, start + 4 * number + offset) for number, offset in enumerate(offsets)]

    def text(self, field: int, most: int = 1000) -> str:
        """Return a text, cut off after `most` bytes. Bytes that are not UTF-8 are replaced."""
        start, count = self.vector(field, 1)
        return self._file.read(start, min(count, most)).decode("utf-8", "replace") if count else ""
