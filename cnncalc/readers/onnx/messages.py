"""Decode the protobuf messages of an ONNX model, as far as the reader uses them. No package is needed.

A message is a sequence of fields: a tag (number and wire type), then a varint, 4 or 8 bytes, or a length and its bytes. Fields
that are not in the table below are skipped. As in protobuf, the last value of a field that is not repeated counts, and
messages are merged.
"""

from __future__ import annotations

from struct import unpack, unpack_from
from typing import Any

DEEPEST = 100  # nested messages; protobuf has the same limit

_INT64, _INT32, _ENUM, _UINT64, _FLOAT, _DOUBLE, _BYTES, _TEXT = (
    "int64", "int32", "enum", "uint64", "float", "double", "bytes", "text",
)  # fmt: skip
# message -> number of a field -> its name and type; `*` is a repeated field (onnx.proto of IR version 11)
FIELDS: dict[str, dict[int, tuple[str, str]]] = {
    "Model": {
        2: ("producer_name", _TEXT), 7: ("graph", "Graph"), 8: ("opset_import", "*OperatorSetId"),
        25: ("functions", "*Function"),
    },
    "OperatorSetId": {1: ("domain", _TEXT), 2: ("version", _INT64)},
    "Graph": {
        1: ("node", "*Node"), 2: ("name", _TEXT), 5: ("initializer", "*Tensor"), 11: ("input", "*ValueInfo"),
        12: ("output", "*ValueInfo"), 13: ("value_info", "*ValueInfo"), 15: ("sparse_initializer", "*SparseTensor"),
    },
    "Node": {
        1: ("input", "*text"), 2: ("output", "*text"), 3: ("name", _TEXT), 4: ("op_type", _TEXT), 7: ("domain", _TEXT),
        5: ("attribute", "*Attribute"), 9: ("metadata_props", "*StringStringEntry"),
    },
    "Attribute": {
        1: ("name", _TEXT), 21: ("ref_attr_name", _TEXT), 20: ("type", _ENUM), 2: ("f", _FLOAT), 3: ("i", _INT64),
        4: ("s", _BYTES), 5: ("t", "Tensor"), 6: ("g", "Graph"), 22: ("sparse_tensor", "SparseTensor"),
        7: ("floats", "*float"), 8: ("ints", "*int64"), 11: ("graphs", "*Graph"),
    },
    "Tensor": {
        1: ("dims", "*int64"), 2: ("data_type", _INT32), 3: ("segment", "Other"), 4: ("float_data", "*float"),
        5: ("int32_data", "*int32"),
        7: ("int64_data", "*int64"), 8: ("name", _TEXT), 9: ("raw_data", _BYTES),
        13: ("external_data", "*StringStringEntry"), 14: ("data_location", _ENUM), 10: ("double_data", "*double"),
        11: ("uint64_data", "*uint64"),
    },
    "SparseTensor": {1: ("values", "Tensor"), 2: ("indices", "Tensor"), 3: ("dims", "*int64")},
    "StringStringEntry": {1: ("key", _TEXT), 2: ("value", _TEXT)},
    "ValueInfo": {1: ("name", _TEXT), 2: ("type", "Type")},
    "Type": {
        1: ("tensor_type", "Type.Tensor"), 4: ("sequence_type", "Other"), 5: ("map_type", "Other"),
        8: ("sparse_tensor_type", "Other"), 9: ("optional_type", "Other"),
    },
    "Type.Tensor": {1: ("elem_type", _INT32), 2: ("shape", "TensorShape")},
    "TensorShape": {1: ("dim", "*TensorShape.Dimension")},
    "TensorShape.Dimension": {1: ("dim_value", _INT64), 2: ("dim_param", _TEXT)},
    "Function": {
        1: ("name", _TEXT), 4: ("input", "*text"), 5: ("output", "*text"), 6: ("attribute", "*text"),
        11: ("attribute_proto", "*Attribute"), 7: ("node", "*Node"), 9: ("opset_import", "*OperatorSetId"),
        10: ("domain", _TEXT),
    },
    "Other": {},
}  # fmt: skip
# messages of which at most one field is set: a new one replaces the others
EITHER = ("Type", "TensorShape.Dimension")
LARGEST_ENUM = {"type": 14, "data_location": 1}  # a larger number is ignored, as by protobuf
_DEFAULTS = {_INT64: 0, _INT32: 0, _ENUM: 0, _FLOAT: 0.0, _BYTES: b"", _TEXT: ""}
_WIRES = {_INT64: 0, _INT32: 0, _ENUM: 0, _UINT64: 0, _DOUBLE: 1, _FLOAT: 5}  # other types have wire type 2
_FIXED = {_FLOAT: (4, "f"), _DOUBLE: (8, "d")}


class BadMessage(Exception):
    """The bytes are not a message."""


class BadText(BadMessage):
    """A text is not UTF-8."""


class Message:
    """A decoded message: its fields are attributes. One that the file does not set has its default: 0, empty or no items."""

    encoded = b""  # the bytes of the message, if it is not part of another

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.length = 0  # bytes of the message in the file

    def __getattr__(self, name: str) -> Any:
        for field, type in FIELDS[self.__dict__["_kind"]].values():
            if field == name:
                return () if type[0] == "*" else Message(type) if type in FIELDS else _DEFAULTS[type]
        raise AttributeError(name)

    def clear(self) -> None:
        """Forget all fields."""
        for name, _ in FIELDS[self._kind].values():
            self.__dict__.pop(name, None)

    def has(self, name: str) -> bool:
        """Return whether the file sets a field that is not repeated."""
        return name in self.__dict__

    @property
    def choice(self) -> str | None:
        """The field that is set in a message with only one, such as `tensor_type` in a type."""
        return next((name for name, _ in FIELDS[self._kind].values() if name in self.__dict__), None)


def decode(kind: str, data: bytes) -> Message:
    """Return the message of that kind.

    Raises:
        BadMessage, BadText: The bytes are not such a message.
    """
    message = Message(kind)
    message.encoded = data
    _read(message, data, 0, len(data), 0)
    return message


def _read(message: Message, data: bytes, place: int, end: int, depth: int) -> None:
    """Add the fields between `place` and `end` to a message."""
    if depth > DEEPEST:
        raise BadMessage
    kind = message._kind
    table, values = FIELDS[kind], message.__dict__
    message.length += end - place
    while place < end:
        tag, place = _varint(data, place, end)
        number, wire = tag >> 3, tag & 7
        start = place
        if wire == 0:
            value, place = _varint(data, place, end)
        elif wire == 2:
            value, start = _varint(data, place, end)
            place = start + value
        elif wire in (1, 5):
            place += 8 if wire == 1 else 4
        else:
            raise BadMessage
        if place > end or not 0 < number < 2**29:
            raise BadMessage
        name, type = table.get(number, ("", ""))
        repeated = type[:1] == "*"
        if repeated:
            type = type[1:]
        if type in _WIRES and wire == 2 and repeated:
            values.setdefault(name, []).extend(_packed(type, data, start, place))
            continue
        if not name or _WIRES.get(type, 2) != wire:
            continue
        if type in FIELDS:
            if kind in EITHER and name not in values:
                message.clear()
            inner = Message(type) if repeated or name not in values else values[name]
            _read(inner, data, start, place, depth + 1)
            found: Any = inner
        elif type == _TEXT:
            try:
                found = data[start:place].decode()
            except UnicodeDecodeError:
                raise BadText from None
        elif type == _BYTES:
            found = data[start:place]
        elif type in _FIXED:
            found = unpack_from("<" + _FIXED[type][1], data, start)[0]
        else:
            found = _whole(type, value)
            if type == _ENUM and not 0 <= found <= LARGEST_ENUM[name]:
                continue
        if repeated:
            values.setdefault(name, []).append(found)
            continue
        if kind in EITHER and name not in values:
            message.clear()
        values[name] = found


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """Return the number that starts at `place`, and the place after it."""
    value = shift = 0
    while place < end and shift < 70:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place
        shift += 7
    raise BadMessage


def _whole(type: str, value: int) -> int:
    """Return a varint as a number of that type: the lowest bits, with their sign."""
    if type == _UINT64:
        return value
    bits = 64 if type == _INT64 else 32
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _packed(type: str, data: bytes, place: int, end: int) -> list[Any]:
    """Return the numbers that a repeated field holds without tags between them."""
    if type in _FIXED:
        size, letter = _FIXED[type]
        count, rest = divmod(end - place, size)
        if rest:
            raise BadMessage
        return list(unpack(f"<{count}{letter}", data[place:end]))
    chunk = data[place:end]
    if chunk.isascii():  # a byte for each number, as for most shapes
        return list(chunk)
    numbers = []
    while place < end:
        value, place = _varint(data, place, end)
        numbers.append(_whole(type, value))
    return numbers
