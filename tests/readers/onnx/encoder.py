"""Write ONNX models as bytes without the package onnx, so that its absence can be tested, and wrong models, too."""

from __future__ import annotations

import struct
from collections.abc import Sequence

FLOAT, UINT8, INT8, INT32, INT64 = 1, 2, 3, 6, 7


def varint(value: int) -> bytes:
    """Encode a number of any size; a negative one has 10 bytes."""
    value &= 2**64 - 1 if value < 0 else value
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | float | str | bytes) -> bytes:
    """Encode a field of a message: a number, a 32-bit float, or a text or message with its length."""
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    body = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(body)) + body


def attribute(name: str, value: int | float | str | Sequence[int] | bytes) -> bytes:
    """Encode an attribute. Bytes are a tensor."""
    if isinstance(value, bytes):
        return field(1, name) + field(5, value) + field(20, 4)
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, 1)
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    return field(1, name) + b"".join(field(8, one) for one in value) + field(20, 7)


def node(
    kind: str, inputs: str, outputs: str, domain: str = "", **attributes: int | float | str | Sequence[int] | bytes
) -> bytes:
    """Encode a node. Names are separated by spaces, and `_` is an omitted input."""
    sources = b"".join(field(1, "" if name == "_" else name) for name in inputs.split())
    targets = b"".join(field(2, name) for name in outputs.split())
    rest = b"".join(field(5, attribute(name, value)) for name, value in attributes.items())
    return sources + targets + field(4, kind) + rest + (field(7, domain) if domain else b"")


def tensor(name: str, dims: Sequence[int], type: int = FLOAT, numbers: Sequence[int | float] | None = None) -> bytes:
    """Encode a tensor, without its numbers or with them."""
    letter = {FLOAT: "f", UINT8: "B", INT8: "b", INT32: "i", INT64: "q"}.get(type, "B")
    raw = b"" if numbers is None else field(9, struct.pack(f"<{len(numbers)}{letter}", *numbers))
    return b"".join(field(1, length) for length in dims) + field(2, type) + field(8, name) + raw


def value(name: str, dims: Sequence[int | str] | None, type: int = FLOAT) -> bytes:
    """Encode an input, an output or the shape of another value. Names are dimensions without a size."""
    shape = b""
    if dims is not None:
        shape = field(2, b"".join(field(1, field(2 if isinstance(dim, str) else 1, dim)) for dim in dims))
    return field(1, name) + field(2, field(1, field(1, type) + shape))


def model(
    nodes: Sequence[bytes],
    tensors: Sequence[bytes] = (),
    dims: Sequence[int | str] = ("N", 3, 8, 8),
    output: bytes = b"",
    shapes: Sequence[bytes] = (),
    sparse: Sequence[bytes] = (),
    functions: Sequence[bytes] = (),
    rest: bytes = b"",
) -> bytes:
    """Encode a model of these nodes, from x to y."""
    graph = b"".join(field(1, one) for one in nodes) + field(2, "net") + b"".join(field(5, one) for one in tensors)
    graph += field(11, value("x", dims)) + field(12, output or value("y", None))
    graph += b"".join(field(13, one) for one in shapes) + b"".join(field(15, one) for one in sparse)
    opsets = field(8, field(2, 17)) + field(8, field(1, "com.microsoft") + field(2, 1))
    return field(1, 8) + field(7, graph) + opsets + b"".join(field(25, one) for one in functions) + rest
