"""Small arrays of numbers with the types of ONNX."""

from __future__ import annotations

from array import array as packed
from collections.abc import Sequence
from math import copysign, inf, isfinite, prod
from struct import pack, unpack
from typing import NamedTuple

from cnncalc.readers.axes import Dims, broadcast_dims

LARGEST = 2**16  # maximum number of numbers in an array that is evaluated
MOST_AXES = 64
_FEW = 64  # numbers that are kept as they are; more are packed into 8 bytes each

Number = int | float


class BadConstants(Exception):
    """Numbers do not fit an operator. The message is the reason, as a sentence about the operator (`it ...`, `its ...`)."""


class Type(NamedTuple):
    """A type of numbers: its letter in `struct`, its bytes, and its kind, `b`, `u`, `i` or `f`."""

    name: str
    letter: str
    width: int
    kind: str

    @property
    def is_float(self) -> bool:
        """Whether its numbers are floating-point numbers."""
        return self.kind == "f"

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest whole number of the type."""
        bits = 8 * self.width
        return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if self.kind == "i" else (0, (1 << bits) - 1)


BOOL, FLOAT32, FLOAT64, INT64 = (
    Type("bool", "?", 1, "b"), Type("float32", "f", 4, "f"), Type("float64", "d", 8, "f"), Type("int64", "q", 8, "i"),
)  # fmt: skip
# number of a type in ONNX -> the type
TYPES = {
    1: FLOAT32, 2: Type("uint8", "B", 1, "u"), 3: Type("int8", "b", 1, "i"), 4: Type("uint16", "H", 2, "u"),
    5: Type("int16", "h", 2, "i"), 6: Type("int32", "i", 4, "i"), 7: INT64, 9: BOOL, 10: Type("float16", "e", 2, "f"),
    11: FLOAT64, 12: Type("uint32", "I", 4, "u"), 13: Type("uint64", "Q", 8, "u"),
}  # fmt: skip
_BY_SIZE = {(type.kind, type.width): type for type in TYPES.values()}


class Array:
    """Numbers, in rows, with their dimensions and type. Those of a file are decoded when they are first needed."""

    __slots__ = ("_encoded", "_numbers", "_uniform", "shape", "type")

    def __init__(self, type: Type, shape: Sequence[int], numbers: Sequence[Number], encoded: bytes = b"") -> None:
        self.type = type
        self.shape: Dims = tuple(shape)
        self._numbers = numbers if len(numbers) <= _FEW else _pack(type, numbers)
        self._encoded = encoded
        self._uniform: bool | None = None

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return prod(self.shape)

    @property
    def numbers(self) -> Sequence[Number]:
        """The numbers, row by row."""
        if self._encoded:
            self._numbers = unpack(f"<{self.size}{self.type.letter}", self._encoded)
            self._encoded = b""
        return self._numbers

    @property
    def is_uniform(self) -> bool:
        """Whether all numbers are equal."""
        if self._uniform is None:
            numbers = self.numbers
            self._uniform = all(number == numbers[0] for number in numbers)
        return self._uniform

    def whole_numbers(self) -> list[int]:
        """Return the numbers as whole numbers, for axes and sizes.

        Raises:
            BadConstants: One of them is infinite or not a number.
        """
        if self.type.is_float and not all(map(isfinite, self.numbers)):
            raise BadConstants("it reads axes or sizes that are not finite numbers")
        return list(map(int, self.numbers))

    def converted(self, type: Type) -> Array:
        """Return the numbers in another type."""
        return self if type == self.type else rounded(type, self.shape, self.numbers)


def rounded(type: Type, shape: Sequence[int], numbers: Sequence[Number]) -> Array:
    """Return an array of numbers that are rounded to a type, or wrapped around if they are whole."""
    if type.is_float:
        try:
            count = len(numbers)
            return Array(
                type, shape, unpack(f"<{count}{type.letter}", pack(f"<{count}{type.letter}", *map(float, numbers)))
            )
        except OverflowError:  # a number that is larger than the largest of the type
            return Array(type, shape, [round_number(type, float(number)) for number in numbers])
    if type.kind == "b":
        return Array(type, shape, [number != 0 for number in numbers])
    least, most = type.limits
    if not any(isinstance(number, float) for number in numbers[:1]) and _fit(numbers, least, most):
        return Array(type, shape, numbers)
    return Array(type, shape, [_wrap(type, number) for number in numbers])


def _fit(numbers: Sequence[Number], least: int, most: int) -> bool:
    return not numbers or (least <= min(numbers) and max(numbers) <= most)


def round_number(type: Type, number: Number) -> float:
    """Return the nearest number of a floating-point type."""
    letter = type.letter
    try:
        nearest: float = unpack(letter, pack(letter, number))[0]
    except OverflowError:
        return copysign(inf, number)
    return nearest


def _wrap(type: Type, number: Number) -> int:
    """Return the number of a type with the same lowest bits. One that is too large becomes the smallest number, as on x86."""
    bits = 8 * type.width
    if isinstance(number, float) and not -(2.0**63) <= number < 2.0**63:
        return -(1 << (bits - 1)) if type.kind == "i" and type.width >= 4 else 0
    value = int(number) & ((1 << bits) - 1)
    return value - (1 << bits) if type.kind == "i" and value >> (bits - 1) else value


def _pack(type: Type, numbers: Sequence[Number]) -> Sequence[Number]:
    letter = "d" if type.is_float else "Q" if type.kind == "u" else "q"
    return packed(letter, numbers)


def common_type(a: Type, b: Type) -> Type:
    """Return the type of the result of an operator on numbers of two types, which ONNX requires to be equal."""
    if a == b or b.kind == "b":
        return a
    if a.kind == "b":
        return b
    if a.kind == b.kind:
        return a if a.width >= b.width else b
    if "f" in (a.kind, b.kind):
        real, whole = (a, b) if a.is_float else (b, a)
        return _BY_SIZE["f", max(real.width, min(2 * whole.width, 8))]
    signed, other = (a, b) if a.kind == "i" else (b, a)
    return signed if signed.width > other.width else _BY_SIZE.get(("i", 2 * other.width), FLOAT64)


def broadcast_shapes(*shapes: Dims) -> Dims:
    """Return the dimensions of arrays that are broadcast together.

    Raises:
        BadConstants: They cannot be.
    """
    dims = broadcast_dims(shapes)
    if dims is None:
        raise BadConstants("it cannot broadcast its inputs together")
    return dims


def strides_of(shape: Dims) -> list[int]:
    """Return for each axis how many numbers apart its neighbours are."""
    strides, step = [0] * len(shape), 1
    for axis in reversed(range(len(shape))):
        strides[axis], step = step, step * shape[axis]
    return strides


def positions(dims: Sequence[int], strides: Sequence[int], start: int = 0) -> list[int]:
    """Return the position of every number of a view, row by row.

    >>> positions((2, 3), (1, 2))
    [0, 2, 4, 1, 3, 5]
    """
    if 0 in dims:
        return []
    places = [start]
    for length, stride in zip(dims, strides, strict=True):
        if length > 1:
            steps = range(0, length * stride, stride) if stride else [0] * length
            places = [place + step for place in places for step in steps]
    return places


def view(x: Array, dims: Sequence[int], strides: Sequence[int], start: int = 0) -> Array:
    """Return a view of an array as an array."""
    numbers = x.numbers
    return Array(x.type, dims, [numbers[place] for place in positions(dims, strides, start)])


def spread(x: Array, dims: Dims) -> Sequence[Number]:
    """Return the numbers of an array that is broadcast to dimensions."""
    if x.shape == dims:
        return x.numbers
    if x.size == 1:
        return [x.numbers[0]] * prod(dims)
    lead = len(dims) - len(x.shape)
    strides = [0] * lead + [
        0 if length == 1 else stride for length, stride in zip(x.shape, strides_of(x.shape), strict=True)
    ]
    return view(x, dims, strides).numbers
