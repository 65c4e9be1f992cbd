"""Where the axes of a value are in frameworks with channels in front: "first" for images, "last" for steps x features."""

from __future__ import annotations

from cnncalc.layers.merge import axis_number
from cnncalc.shape import Shape


def moved(name: str, shape: Shape, layout: str, want: str) -> str:
    """A variable, its axes moved where it is wanted in the other layout.

    >>> moved("x", Shape((7, 7, 512)), "first", "last"), moved("x", Shape((10, 8)), "last", "first")
    ('x.permute(0, 2, 3, 1)', 'x.transpose(1, 2)')
    """
    rank = len(shape) - 1
    if layout == want or rank == 0:
        return name
    if rank == 1:
        return f"{name}.transpose(1, 2)"
    order = [0, *range(2, rank + 2), 1] if want == "last" else [0, rank + 1, *range(1, rank + 1)]
    return f"{name}.permute({', '.join(map(str, order))})"


def lengths(shape: Shape, layout: str) -> tuple[int, ...]:
    """The axes as a tensor of that layout has them."""
    return (shape[-1], *shape[:-1]) if layout == "first" else tuple(shape)


def axis_of(name: str, shape: Shape, layout: str) -> int:
    """The axis of the tensor for a named axis."""
    axis = axis_number(name, shape)
    if layout == "last":
        return axis + 1
    return 1 if axis == len(shape) - 1 else axis + 2


def steady(shape: Shape) -> str:
    """The layout of layers with one weight for every number, whatever comes in."""
    return "last" if len(shape) == 2 else "first"


def together(shapes: tuple[Shape, ...], layouts: list[str]) -> str:
    """The layout in which values are joined: channels first where an image is, so that convolutions can follow."""
    large = [layout for shape, layout in zip(shapes, layouts, strict=True) if len(shape) > 1]
    return "first" if not large or (len(max(shapes, key=len)) > 2 and "first" in large) else large[0]
