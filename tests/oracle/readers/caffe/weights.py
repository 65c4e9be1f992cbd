"""Write .caffemodel files whose blobs hold zeros, because OpenCV only works out shapes if it has weights.

The fields are those of caffe.proto: NetParameter.layer 100; LayerParameter.name 1, type 2, blobs 7; BlobProto.shape 7, data 5;
BlobShape.dim 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def varint(number: int) -> bytes:
    """Return a number in base 128."""
    digits = bytearray()
    while True:
        number, low = number >> 7, number & 127
        digits.append(low | (128 if number else 0))
        if not number:
            return bytes(digits)


def field(number: int, data: bytes) -> bytes:
    """Return a field whose value is text, a message or packed numbers."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def blob(dims: Sequence[int]) -> bytes:
    """Return a blob of ones."""
    count = 1
    for length in dims:
        count *= length
    shape = field(1, b"".join(map(varint, dims)))
    return field(7, shape) + field(5, b"\x00\x00\x80\x3f" * count)


def caffemodel(layers: Mapping[str, tuple[str, Sequence[Sequence[int]]]]) -> bytes:
    """Return a file with the blobs of every layer, by the layer's name: its type, and the dimensions of its blobs."""
    parts = []
    for name, (kind, blobs) in layers.items():
        text = field(1, name.encode()) + field(2, kind.encode())
        parts.append(field(100, text + b"".join(field(7, blob(dims)) for dims in blobs)))
    return b"".join(parts)
