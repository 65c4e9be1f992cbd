"""How axes are read by layers that move cells or resample them."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.layers.base import Adaptive, Mixed, Moved, Resample, View
from cnncalc.shape import Shape

REACH = {"nearest": 1, "linear": 2, "bilinear": 2, "bicubic": 4, "trilinear": 2}


def reordered(x: Shape, to: Shape) -> tuple[View, ...]:
    """How axes are read where the same numbers get another shape: axes of length 1 come and go, all else is mixed."""
    if x[-1] != to[-1] or [n for n in x[:-1] if n > 1] != [n for n in to[:-1] if n > 1]:
        return (Mixed(),)
    if x == to:
        return ()
    left = iter([axis for axis, length in enumerate(x[:-1]) if length > 1])
    return (Moved(tuple(next(left) if length > 1 else None for length in to[:-1])),)


def only_units_move(x: Shape, axes: Sequence[int]) -> bool:
    """True if all axes longer than 1 stay in their order."""
    return sorted(long := [axis for axis in axes if x[axis] > 1]) == long


def resampling(mode: str, x: Shape, out: Shape) -> tuple[View, ...]:
    """How axes are read that are brought to other lengths."""
    reach = REACH.get(mode)
    return tuple(
        Resample(new, old, reach if new != old else 1) if reach else Adaptive(old, new)
        for old, new in zip(x.spatial, out, strict=False)
    )
