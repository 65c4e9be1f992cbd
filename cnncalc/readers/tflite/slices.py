"""The cells that SLICE and STRIDED_SLICE take along each axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from cnncalc.readers.axes import Dims
from cnncalc.text import show


class Cut:
    """Cells from `start` to before `stop`, in steps of `step`, which may be negative."""

    __slots__ = ("start", "step", "stop")

    def __init__(self, start: int, stop: int, step: int) -> None:
        self.start = start
        self.stop = stop
        self.step = step

    @property
    def cells(self) -> range:
        """The places of the cells."""
        return range(self.start, self.stop, self.step)

    @property
    def length(self) -> int:
        """The number of cells."""
        return len(self.cells)

    def is_whole(self, length: int) -> bool:
        """Return whether these are all cells of an axis in their order."""
        return self.start == 0 and self.step == 1 and self.stop >= length


class Part:
    """A cut along each axis, and the dimensions after axes are removed or inserted."""

    __slots__ = ("cuts", "dims")

    def __init__(self, cuts: tuple[Cut, ...], dims: Dims) -> None:
        self.cuts = cuts
        self.dims = dims


def taken_numbers(numbers: Sequence[Any], dims: Dims, part: Part, most: int) -> tuple[Any, ...] | None:
    """Return the numbers that a part of known numbers has; None if there are more than `most`."""
    if prod(cut.length for cut in part.cuts) > most:
        return None
    strides = [prod(dims[axis + 1 :]) for axis in range(len(dims))]
    places = product(*[cut.cells for cut in part.cuts])
    return tuple(numbers[sum(a * b for a, b in zip(place, strides, strict=True))] for place in places)


def slice_cuts(dims: Dims, begins: Sequence[int], sizes: Sequence[int]) -> Part:
    """Return what SLICE takes. A size of -1 means all cells up to the end.

    Raises:
        ValueError: The numbers do not fit the dimensions.
    """
    if not len(begins) == len(sizes) == len(dims):
        raise ValueError(f"{len(begins)} begins and {len(sizes)} sizes do not fit {len(dims)} axes")
    cuts = []
    for begin, size, length in zip(begins, sizes, dims, strict=True):
        stop = length if size == -1 else begin + size
        if not 0 <= begin <= stop <= length:
            raise ValueError(f"cells {begin} to {stop} are not within an axis of length {length}")
        cuts.append(Cut(begin, stop, 1))
    return Part(tuple(cuts), tuple(cut.length for cut in cuts))


def strided_cuts(dims: Dims, numbers: Sequence[Sequence[int]], options: Mapping[str, Any]) -> Part:
    """Return what STRIDED_SLICE takes, with its masks (TensorFlow, `tf.strided_slice`).

    >>> part = strided_cuts((1, 8, 6), [[0, -3], [0, 8], [1, 2]], {"begin": 1, "end": 1})
    >>> part.dims
    (1, 2, 6)

    Raises:
        ValueError: The numbers do not fit the dimensions.
    """
    begins, ends, steps = numbers
    if not len(begins) == len(ends) == len(steps):
        raise ValueError(f"it has {len(begins)} begins, {len(ends)} ends and {len(steps)} strides")
    masks = {name: options.get(name, 0) for name in ("begin", "end", "ellipsis", "new_axis", "shrink")}
    count = len(begins)
    bits = {name: [bool(mask >> place & 1) for place in range(count)] for name, mask in masks.items()}
    new = sum(n and not e for n, e in zip(bits["new_axis"], bits["ellipsis"], strict=True))
    dotted = len(dims) - (count - new - sum(bits["ellipsis"]))  # axes that the ellipsis stands for
    if sum(bits["ellipsis"]) > 1 or dotted < 0:
        raise ValueError(f"it names more axes than its {len(dims)}")
    cuts: list[Cut] = []
    result: list[int] = []
    for place in range(count):
        if bits["ellipsis"][place]:
            for _ in range(dotted):
                result.append(dims[len(cuts)])
                cuts.append(Cut(0, dims[len(cuts)], 1))
        elif bits["new_axis"][place]:
            result.append(1)
        else:
            length = dims[len(cuts)]
            begin, end, step = begins[place], ends[place], steps[place]
            end += begin if options.get("offset") else 0
            if bits["shrink"][place]:
                begin += length if begin < 0 else 0
                if not 0 <= begin < length:
                    raise ValueError(f"its place {begin} is not within an axis of length {length}")
                cuts.append(Cut(begin, begin + 1, 1))
                continue
            cut = _clamped(None if bits["begin"][place] else begin, None if bits["end"][place] else end, step, length)
            cuts.append(cut)
            result.append(cut.length)
    for length in dims[len(cuts) :]:
        cuts.append(Cut(0, length, 1))
        result.append(length)
    return Part(tuple(cuts), tuple(result))


def _clamped(begin: int | None, end: int | None, step: int, length: int) -> Cut:
    if step == 0:
        raise ValueError(f"its stride is {show(step)}")
    start, stop, by = slice(begin, end, step).indices(length)
    cells = range(start, stop, by)
    return Cut(start, stop, by) if len(cells) != length or by != 1 else Cut(0, length, 1)
