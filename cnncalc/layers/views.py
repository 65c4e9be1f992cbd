"""Views: which input cells an output cell of a layer sees along an axis."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cnncalc.shape import Shape, TransposedWindow, Window

REACH = {"nearest": 1, "linear": 2, "bilinear": 2, "bicubic": 4, "trilinear": 2}


class Resample:
    """An axis with `above` output cells for every `below` input cells, where each output cell sees `reach` input cells."""

    __slots__ = ("above", "below", "reach")

    def __init__(self, above: int, below: int, reach: int = 1) -> None:
        self.above = above
        self.below = below
        self.reach = reach

    def taps(self, cell: int) -> range:
        """Return the input cells that an output cell is computed from: the nearest one, or the nearest `reach` ones.

        With a reach of 2 or 4, the centres of the cells are aligned (PyTorch 2, align_corners=False). An output cell whose
        centre is that of an input cell is a copy of it.
        """
        if self.reach == 1:
            nearest = cell * self.below // self.above
            return range(nearest, nearest + 1)
        # (cell + 1/2)*below/above - 1/2
        whole, rest = divmod((2 * cell + 1) * self.below - self.above, 2 * self.above)
        half = self.reach // 2
        return range(whole - half + 1, whole + half + 1) if rest else range(whole, whole + 1)


class Adaptive:
    """An axis of `width` cells that is read through `length` windows that cover all of it, as in adaptive pooling."""

    __slots__ = ("length", "width")

    def __init__(self, width: int, length: int) -> None:
        self.width = width
        self.length = length

    def taps(self, cell: int) -> range:
        """Return the input cells of an output cell (PyTorch 2, `AdaptiveAveragePooling.cpp`)."""
        return range(cell * self.width // self.length, -(-(cell + 1) * self.width // self.length))


class Blur:
    """An axis for which the cells that are seen are unknown."""

    __slots__ = ()


class Mixed:
    """All axes together: all numbers are kept, but not the order of their positions."""

    __slots__ = ()


class Moved:
    """All axes together, in another order.

    `places` has the input axis for each output axis, or None for a new axis of length 1. Input axes that are not among them
    have length 1.
    """

    __slots__ = ("places",)

    def __init__(self, places: tuple[int | None, ...]) -> None:
        self.places = places


class Unseen:
    """All axes together: no input cell is seen, as in a constant."""

    __slots__ = ()


class Crop:
    """An axis whose first `start` cells are cut off. A negative `start` adds cells before the first one."""

    __slots__ = ("start", "step")

    def __init__(self, start: int, step: int = 1) -> None:
        self.start = start
        self.step = step


View = Window | TransposedWindow | Resample | Adaptive | Crop | Blur | Mixed | Moved | Unseen


def reshape_views(x: Shape, to: Shape) -> tuple[View, ...]:
    """Return the views of a reshape: axes of length 1 may be added or removed, and any other change mixes the cells."""
    if x[-1] != to[-1] or [n for n in x[:-1] if n > 1] != [n for n in to[:-1] if n > 1]:
        return (Mixed(),)
    if x == to:
        return ()
    left = iter([axis for axis, length in enumerate(x[:-1]) if length > 1])
    return (Moved(tuple(next(left) if length > 1 else None for length in to[:-1])),)


def only_units_move(x: Shape, axes: Sequence[int]) -> bool:
    """Return whether all axes longer than 1 keep their order."""
    return sorted(long := [axis for axis in axes if x[axis] > 1]) == long


def resize_views(mode: str, x: Shape, out: Shape) -> tuple[View, ...]:
    """Return the views of a resizing from `x` to `out`."""
    reach = REACH.get(mode)
    return tuple(
        Resample(new, old, reach if new != old else 1) if reach else Adaptive(old, new)
        for old, new in zip(x.spatial, out, strict=False)
    )


def reduction(axes: Collection[int], spatial: Collection[int], kept: bool) -> tuple[View, ...] | None:
    """Return the views of a sum, mean or maximum over some axes of a value whose spatial axes are `spatial`.

    Over the channels alone, every cell sees its own cell, provided that the axis is kept (`kept`). Over all spatial axes, every
    cell sees all of them. Otherwise, what a cell sees is not known.
    """
    crossed = set(axes) & set(spatial)
    if crossed == set(spatial):
        return None
    return () if not crossed and kept else (Blur(),)
