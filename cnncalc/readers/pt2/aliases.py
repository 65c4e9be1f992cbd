"""Find out whether the result of an operator shares memory with its first input, as its strides show."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.readers.aten.events import Dims

# operators whose result is always a view of their first input
VIEWS = frozenset((
    "view", "_unsafe_view", "view_as", "_reshape_alias", "expand", "expand_as", "broadcast_to", "permute", "transpose", "t",
    "numpy_T", "mT", "mH", "H", "adjoint", "swapaxes", "swapdims", "movedim", "moveaxis", "slice", "select", "narrow", "split",
    "split_with_sizes", "chunk", "unbind", "tensor_split", "hsplit", "vsplit", "unsafe_split", "unsafe_chunk", "squeeze",
    "unsqueeze", "unflatten", "detach", "alias", "as_strided", "diagonal", "unfold", "real", "imag", "view_as_real",
    "view_as_complex", "positive",
))  # fmt: skip
# operators that copy only if they must
IF_POSSIBLE = frozenset((
    "reshape", "flatten", "reshape_as", "ravel", "contiguous", "to", "type_as", "atleast_1d", "atleast_2d", "atleast_3d",
))  # fmt: skip


def is_view(op: str, x: Layout, out: Layout) -> bool:
    """Return whether the result shares memory with the input."""
    if op in VIEWS:
        return True
    if op not in IF_POSSIBLE or x.dtype != out.dtype:
        return False
    if op in ("contiguous", "to", "type_as"):
        return x.strides == out.strides
    return can_view(x.dims, x.strides, out.dims)


class Layout:
    """How a tensor lies in memory."""

    __slots__ = ("dims", "dtype", "offset", "strides")

    def __init__(self, dims: Dims, strides: Dims, offset: int, dtype: int) -> None:
        self.dims = dims
        self.strides = strides or contiguous_strides(dims)
        self.offset = offset
        self.dtype = dtype

    @property
    def is_contiguous(self) -> bool:
        """Whether its cells are stored in the order of its dimensions."""
        return _match(self.dims, self.strides, contiguous_strides(self.dims))

    @property
    def is_channels_last(self) -> bool:
        """Whether the channels of a cell of an image are stored next to each other."""
        if len(self.dims) not in (4, 5) or self.is_contiguous:
            return False
        order = (*range(2, len(self.dims)), 1)
        moved = contiguous_strides((self.dims[0], *(self.dims[axis] for axis in order)))
        last = dict(zip((0, *order), moved, strict=True))
        return _match(self.dims, self.strides, tuple(last[axis] for axis in range(len(self.dims))))


def _match(dims: Dims, strides: Dims, wanted: Dims) -> bool:
    return all(length == 1 or a == b for length, a, b in zip(dims, strides, wanted, strict=True))


def contiguous_strides(dims: Sequence[int]) -> Dims:
    """Return the strides of a tensor whose cells are stored in the order of its dimensions.

    >>> contiguous_strides((1, 3, 8, 8))
    (192, 64, 8, 1)
    """
    strides, step = [], 1
    for length in reversed(dims):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))


def can_view(dims: Dims, strides: Dims, new: Dims) -> bool:
    """Return whether a tensor can be read with other lengths without moving its cells.

    Axes that are stored as one run of cells can be divided in any way. A new axis must not cross the end of a run.

    >>> can_view((2, 3, 4), (12, 4, 1), (6, 4)), can_view((2, 4, 3), (12, 1, 4), (2, 12))
    (True, False)
    """
    axes = [(length, step) for length, step in zip(dims, strides, strict=True) if length != 1]
    runs: list[list[int]] = []  # the number of cells and the step of the last axis
    for length, step in axes:
        if runs and runs[-1][1] == length * step:
            runs[-1] = [runs[-1][0] * length, step]
        else:
            runs.append([length, step])
    place, left = 0, runs[0][0] if runs else 1
    for length in new:
        if length == 1:
            continue
        if left == 1 and place + 1 < len(runs):
            place += 1
            left = runs[place][0]
        if length == 0 or left % length:
            return length == 0
        left //= length
    return True
