"""Read an ONNX file without its weights: their bytes are skipped before anything is parsed.

ONNX files are protobuf: nested messages of fields (number, wire type, value). Only fields that contain tensors are entered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.readers.files import FileBytes
from cnncalc.readers.onnx.messages import BadMessage, BadText, Message, decode

KEPT = 8192  # bytes of the largest numbers that are kept: shapes, axes and pads are small
KEPT_OF_STRANGERS = 2048
FIELDS = 600_000  # maximum number of fields in a stranger's file; 4 bytes of text count as a field
SHORT = 64  # bytes of a message that is not entered; 2 bytes of it count as a field
LARGEST_TEXT = 4096
DEEPEST = 64
PAGE = 16_384

# message -> its fields that contain messages; payloads are numbers of tensors, idle fields are never read
_PAYLOAD, _IDLE = "payload", "idle"
_KEEP, _DROP, _FOLLOW = "keep", "drop", "follow"
MESSAGES: dict[str, dict[int, str]] = {
    "model": {6: _IDLE, 7: "graph", 20: _IDLE, 25: "function"},
    "graph": {1: "node", 5: "tensor", 10: _IDLE, 14: _IDLE, 11: "value", 12: "value",
              15: "sparse"},
    "node": {5: "attribute", 6: _IDLE},
    "attribute": {4: _PAYLOAD, 5: "tensor", 6: "graph", 7: _PAYLOAD, 8: _PAYLOAD, 10: "tensor", 11: "graph",
                  13: _IDLE, 22: "sparse", 23: "sparse"},
    "function": {7: "node", 8: _IDLE, 11: "attribute"},
    "sparse": {1: "tensor", 2: "tensor"},
    "value": {2: "type", 3: _IDLE},
    "type": {1: "declared", 4: "list", 5: "map", 8: "declared", 9: "list"},
    "list": {1: "type"},
    "map": {2: "type"},
    "declared": {2: "shape"},
    "shape": {1: "dim"},
    "dim": {},
    "tensor": {4: _PAYLOAD, 5: _PAYLOAD, 6: _PAYLOAD, 7: _PAYLOAD, 9: _PAYLOAD, 10: _PAYLOAD, 11: _PAYLOAD, 12: _IDLE},
}  # fmt: skip
# fields of strangers' files that are ignored: declared shapes, training, quantization
IGNORED = {("graph", 13), ("function", 12), ("model", 20), ("graph", 14)}
_LFS = b"version https://git-lfs"


def bad_model(text: str, help: str = "") -> Refused:
    """Return the error for a file that is not a valid ONNX model."""
    return Refused([Problem("bad-model", text, help)])


def strip_payloads(data: bytes | Paged, most: int, fields: int | None = None) -> bytes:
    """Return the file without payloads, if that takes at most `most` bytes and at most `fields` fields.

    Raises:
        Refused: `empty-file`, `too-large`, or `bad-model` if the file is not protobuf or ends early.
        OSError: The file cannot be read.
    """
    if len(data) == 0:
        raise Refused([Problem("empty-file", "the file is empty", "export the model again")])
    if bytes(data[: len(_LFS)]) == _LFS:
        raise bad_model("this is a Git LFS pointer, not the model itself", "run `git lfs pull`")
    out = _PayloadSkipper(data, most, fields)
    out.message("model", 0, len(data), 0)
    return bytes(out.bytes)


class Paged(FileBytes):
    """A file that is read page by page."""

    def __init__(self, handle: int) -> None:
        super().__init__(handle)
        self._start = 0
        self._page = b""

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            start, stop, _ = key.indices(self._size)
            return self._read(start, stop - start)
        place = key - self._start
        if not 0 <= place < len(self._page):
            self._start, self._page = key, self._read(key, min(PAGE, self._size - key))
            place = 0
        return self._page[place]

    def _read(self, start: int, length: int) -> bytes:
        data = self.read(start, length)
        if len(data) < length:
            raise bad_model("the file became shorter while cnncalc read it", "copy it again")
        return data


class _PayloadSkipper:
    """Copies a protobuf file without its payloads. With `fields`, it enters every message and counts the fields."""

    def __init__(self, data: Any, most: int, fields: int | None = None) -> None:
        self.data = data
        self.most = most
        self.fields = fields
        self.kept = KEPT if fields is None else KEPT_OF_STRANGERS
        self.bytes = bytearray()

    def message(self, kind: str, start: int, end: int, depth: int) -> None:
        """Append the message between `start` and `end`, without its payloads."""
        if depth > DEEPEST:
            text = f"the graphs are nested more than {DEEPEST} levels deep"
            raise Refused([Problem("too-large", text, "export the model without nested control flow")])
        copied = start  # everything before it is in `bytes` already
        for number, wire, field, inner, after in self._fields(start, end):
            if field - copied > self.most:
                self._copy(copied, field)  # which refuses that many bytes
            inside = MESSAGES[kind].get(number)
            fate = self._fate((kind, number), inside, after - inner if wire == 2 else 0)
            if wire != 2 or fate == _KEEP:
                continue
            self._copy(copied, field)
            if fate == _FOLLOW and inside is not None:
                tag = bytes(self.data[field : self._varint(field, end)[1]])
                mark = len(self.bytes)
                self.message(inside, inner, after, depth + 1)
                body = bytes(self.bytes[mark:])
                del self.bytes[mark:]
                self.bytes += tag + _varint_bytes(len(body)) + body
            copied = after
        self._copy(copied, end)

    def _fate(self, place: tuple[str, int], inside: str | None, length: int) -> str:
        """Return whether to keep a field as it is, to drop it, or to enter it."""
        if self.fields is not None:
            if place in IGNORED:
                return _DROP
            self._count(inside, length)
        if inside is None:
            return _KEEP
        if inside in (_PAYLOAD, _IDLE):
            return _KEEP if length <= (LARGEST_TEXT if inside == _IDLE else self.kept) else _DROP
        return _FOLLOW if length > (KEPT if self.fields is None else SHORT) else _KEEP

    def _count(self, inside: str | None, length: int) -> None:
        assert self.fields is not None
        self.fields -= 1
        if inside == _PAYLOAD:
            self.fields -= min(length, self.kept) // 64
        elif length <= SHORT:
            self.fields -= length // 2
        elif inside in (None, _IDLE):
            self.fields -= min(length, self.most) // 4
        if self.fields < 0:
            text = f"the model has more than {FIELDS:,} fields and words besides its weights"
            raise Refused([Problem("too-large", text, "export a smaller model; this limit cannot be raised")])

    def _copy(self, start: int, end: int) -> None:
        if len(self.bytes) + end - start > self.most:
            text = f"the model has more than {self.most:,} bytes besides its weights"
            raise Refused([Problem("too-large", text, "export a smaller model; this limit cannot be raised")])
        self.bytes += self.data[start:end]

    def _fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield each field: its number, wire type, start, start of the value, and end."""
        place = start
        while place < end:
            field = place
            tag, place = self._varint(place, end)
            number, wire = tag >> 3, tag & 7
            value = place
            if wire == 0:
                _, place = self._varint(place, end)
            elif wire == 1:
                place += 8
            elif wire == 5:
                place += 4
            elif wire == 2:
                length, value = self._varint(place, end)
                place = value + length
            else:
                raise _not_onnx(f"wire type {wire} at byte {field:,}")
            if number == 0:
                raise _not_onnx(f"field 0 at byte {field:,}")
            if place > end:
                raise bad_model(
                    f"the file ends early or is damaged: {place - end:,} bytes are missing after byte {end:,}",
                    "copy or download it again",
                )
            yield number, wire, field, value, place

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        data, value, shift = self.data, 0, 0
        while place < end and shift < 70:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, place
            shift += 7
        if place >= end:
            raise bad_model("the file ends early or is damaged", "copy or download it again")
        raise _not_onnx(f"the number at byte {place:,} has no end")


def _not_onnx(what: str) -> Refused:
    return bad_model(
        f"this is not an ONNX model: {what}", "pass a file that `torch.onnx.export` or another exporter wrote"
    )


def _varint_bytes(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def parse(data: bytes) -> Message:
    """Return the model in the bytes of a file without payloads.

    Raises:
        Refused: `bad-model`.
    """
    try:
        model = decode("Model", data)
    except BadText:
        raise bad_model(
            "a name in the file is not valid UTF-8", "the file is damaged; copy or download it again"
        ) from None
    except BadMessage:
        raise _not_onnx("its parts are inconsistent") from None
    if not model.has("graph") or not (model.graph.node or model.graph.output):
        raise _not_onnx("it contains no graph")
    return model
