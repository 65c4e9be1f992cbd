"""The order of axes in frameworks with channels first: the layout is "first" for images and "last" for sequences."""

from __future__ import annotations

from cnncalc.layers.merge import axis_number
from cnncalc.shape import Shape


def move_axes(name: str, shape: Shape, layout: str, want: str) -> str:
    """Return an expression for a variable in the layout `want`, with its axes permuted if necessary.

    >>> move_axes("x", Shape((7, 7, 512)), "first", "last"), move_axes("x", Shape((10, 8)), "last", "first")
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
    """Return the lengths of a tensor's axes in a layout, without the batch."""
    return (shape[-1], *shape[:-1]) if layout == "first" else tuple(shape)


def axis_of(name: str, shape: Shape, layout: str) -> int:
    """Return the number of a named axis in a tensor of a layout, counting the batch."""
    axis = axis_number(name, shape)
    if layout == "last":
        return axis + 1
    return 1 if axis == len(shape) - 1 else axis + 2


def elementwise_layout(shape: Shape) -> str:
    """Return the fixed layout of layers with one weight for each number, which does not depend on their input."""
    return "last" if len(shape) == 2 else "first"


def common_layout(shapes: tuple[Shape, ...], layouts: list[str]) -> str:
    """Return the layout in which values are combined: channels first for an image, so that convolutions can follow."""
    large = [layout for shape, layout in zip(shapes, layouts, strict=True) if len(shape) > 1]
    return "first" if not large or (len(max(shapes, key=len)) > 2 and "first" in large) else large[0]
