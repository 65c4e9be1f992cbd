"""Translate merges and views to PyTorch, mostly to expressions."""

from __future__ import annotations

from typing import Any

from cnncalc.layers.fields.sizes import each
from cnncalc.shape import Shape
from cnncalc.writers.layouts import axis_of, common_layout
from cnncalc.writers.registry import format_sizes, registrar
from cnncalc.writers.torch.leaf import Leaf, Lower, inline, module, padding

LOWER: dict[str, Lower] = {}
kind = registrar(LOWER)

# -- merges -----------------------------------------------------------------------------------------------------------


def spread(shapes: tuple[Shape, ...], layout: str) -> list[str]:
    """Return the operands. Smaller ones get axes of length 1 before their spatial axes."""
    largest = max(len(shape) for shape in shapes)
    leading = ":, :, " if layout == "first" else ":, "
    ones = [", ".join(["None"] * (largest - len(shape))) for shape in shapes]
    return [f"{{{number}}}" + (f"[{leading}{missing}]" if missing else "") for number, missing in enumerate(ones)]


@kind("add", "mul", "sub", "average", "maximum", "minimum")
def elementwise(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    layout = common_layout(shapes, layouts)
    wants = [layout] * len(shapes)
    first, *others = spread(shapes, layout)
    if layer.kind in ("maximum", "minimum"):
        for other in others:
            first = f"torch.{layer.kind}({first}, {other})"
        return inline(first, wants, layout)
    if getattr(layer, "inplace", False) and shapes[0] == out:
        return inline(first + "".join(f".add_({other})" for other in others), wants, layout)
    sign = {"mul": " * ", "sub": " - "}.get(layer.kind, " + ")
    joined = sign.join([first, *others])
    return inline(f"({joined}) / {len(shapes)}" if layer.kind == "average" else joined, wants, layout)


@kind("attend")
def attend(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    heads, fewer = layer.heads, layer.kvheads or layer.heads
    parts = [
        f"{{{number}}}.unflatten(-1, ({count}, -1)).transpose(-2, -3)"
        + (f".repeat_interleave({heads // fewer}, -3)" if number and heads != fewer else "")
        for number, count in enumerate((heads, fewer, fewer))
    ]
    code = f"F.scaled_dot_product_attention({', '.join(parts)}).transpose(-2, -3).flatten(-2)"
    return inline(code, ["last"] * 3, "last")


@kind("dot")
def dot(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    a, b = shapes
    length = a[layer.left]
    rows = f"{{0}}.movedim({layer.left + 1}, -1).reshape(-1, {a.size // length}, {length})"
    columns = f"{{1}}.movedim({layer.right + 1}, 1).reshape(-1, {length}, {b.size // length})"
    code = f"torch.bmm({rows}, {columns}).reshape(-1, {', '.join(map(str, out))})"
    return inline(code, ["last", "last"], "last" if len(out) > 1 else "first")


@kind("concat")
def concat(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    layout = common_layout(shapes, layouts)
    operands = ", ".join(f"{{{number}}}" for number in range(len(shapes))) + ("," if len(shapes) == 1 else "")
    axis = axis_of(layer.axis, shapes[0], layout)
    return inline(f"torch.cat(({operands}), dim={axis})", [layout] * len(shapes), layout)


# -- other shapes -----------------------------------------------------------------------------------------------------


@kind("flatten")
def flatten(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    if len(shapes[0]) == 1:
        return inline("{0}", ["first"], "first")
    return inline("torch.flatten({0}, 1)", ["last"], "first")


@kind("reshape")
def reshape(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    x = shapes[0]
    if len(x) > 2 and layouts[0] == "first" and tuple(out) == (x.size // x[-1], x[-1]):
        return inline("{0}.flatten(2).transpose(1, 2)", ["first"], "last")
    layout = "last" if len(out) > 1 else "first"
    return inline(f"{{0}}.reshape(-1, {', '.join(map(str, out))})", ["last"], layout)


@kind("permute")
def permute(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    if len(out) == 1:
        return inline("{0}", ["first"], "first")
    return inline(f"{{0}}.permute(0, {', '.join(str(axis + 1) for axis in layer.axes)})", ["last"], "last")


@kind("slice")
def slice_leaf(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    axis = axis_of(layer.axis, shapes[0], layouts[0])
    part = f"{layer.start or ''}:{layer.stop}" + (f":{layer.step}" if layer.step > 1 else "")
    return inline("{0}[" + ":, " * axis + part + "]", layouts, layouts[0])


@kind("channelshuffle")
def channelshuffle(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    return inline(f"{{0}}.unflatten(1, ({layer.groups}, -1)).transpose(1, 2).flatten(1, 2)", ["first"], "first")


@kind("pixelshuffle", "pixelunshuffle")
def pixelshuffle(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    which = "PixelShuffle" if layer.kind == "pixelshuffle" else "PixelUnshuffle"
    return module(f"nn.{which}({layer.factor})", "first", "factor")


@kind("pad")
def pad(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    mode = "" if layer.mode == "zeros" else f', mode="{layer.mode}"'
    return inline(f"F.pad({{0}}, {padding(layer.sides(*shapes))}{mode})", ["first"], "first")


@kind("crop")
def crop(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    cuts = []
    for width, length in zip(shapes[0][:-1], out[:-1], strict=True):
        start = (width - length) // 2
        cuts.append(":" if width == length else f"{start}:{start + length}")
    if not any(slice_leaf != ":" for slice_leaf in cuts):
        return inline("{0}", layouts[:1], layouts[0])
    before = ":, :, " if layouts[0] == "first" else ":, "
    return inline("{0}[" + before + ", ".join(cuts) + "]", layouts[:1], layouts[0])


@kind("channelpad")
def channelpad(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    more = layer.to - shapes[0][-1]
    rank = len(out) - 1 if layouts[0] == "first" else 0
    return inline(f"F.pad({{0}}, ({'0, ' * (2 * rank)}0, {more}))", layouts, layouts[0])


@kind("upsample")
def upsample(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    if layer.like is not None:
        return resize(layer, shapes, layouts, out)
    factor = format_sizes(each(layer.factor, shapes[0], "factor"))
    mode = f', mode="{layer.mode}"' if layer.mode != "nearest" else ""
    return module(f"nn.Upsample(scale_factor={factor}{mode})", "first", "factor n n")


@kind("resize")
def resize(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    mode = f', mode="{layer.mode}"' if layer.mode != "nearest" else ""
    return inline(f"F.interpolate({{0}}, size=({', '.join(map(str, out[:-1]))},){mode})", ["first"], "first")
