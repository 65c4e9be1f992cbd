"""The numbers of a tensor in the file."""

from __future__ import annotations

from math import prod

from cnncalc.readers.onnx.constants.arrays import LARGEST, MOST_AXES, TYPES, Array, Type, rounded
from cnncalc.readers.onnx.messages import Message

# type -> the field of a tensor that has its numbers, unless their bytes are in `raw_data`; `int32_data` for all others
_FIELDS = {
    "float32": "float_data", "float64": "double_data", "int64": "int64_data", "uint32": "uint64_data",
    "uint64": "uint64_data",
}  # fmt: skip
_HALF, _UINT16 = TYPES[10], TYPES[4]


def array(tensor: Message) -> Array | None:
    """Return the numbers of a small tensor; None if they are not in the file or too many."""
    dims = tensor.dims
    if (
        len(dims) > MOST_AXES  # whose product would take long
        or min(dims, default=0) < 0
        or prod(dims) > LARGEST
        or tensor.data_location == 1
        or tensor.data_type not in TYPES
        or tensor.has("segment")
    ):
        return None
    type, size = TYPES[tensor.data_type], prod(dims)
    if tensor.raw_data:
        return Array(type, dims, (), tensor.raw_data) if len(tensor.raw_data) == size * type.width else None
    listed = getattr(tensor, _FIELDS.get(type.name, "int32_data"))
    return _of_list(type, dims, listed) if len(listed) == size else None


def _of_list(type: Type, dims: list[int], numbers: list[float]) -> Array:
    if type != _HALF:
        return rounded(type, dims, numbers)
    bits = rounded(_UINT16, dims, numbers).numbers  # half-precision numbers are listed by their bits
    return Array(type, dims, (), b"".join(int(number).to_bytes(2, "little") for number in bits))
