"""What every layer kind is in PyTorch: the module that is made, the line that calls it, and the layout it works in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cnncalc.layers.fields import each
from cnncalc.layers.merge import axis_number
from cnncalc.layers.window import sides
from cnncalc.record import Record
from cnncalc.shape import Shape, Window


class Leaf(Record):
    """One layer. `init` makes its module ("" where it has none), `code` is its line with {me}, {out} and operands {0}...

    `wants` is the layout each operand is read in, `layout` that of the value; `hints` name the numbers of `init`.
    """

    init: str
    code: str
    wants: tuple[str, ...]
    layout: str
    hints: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()


Lower = Callable[[Any, tuple[Shape, ...], list[str], Shape], Leaf]
LOWER: dict[str, Lower] = {}


def kind(*names: str) -> Callable[[Lower], Lower]:
    """Register what kinds become."""

    def keep(lower: Lower) -> Lower:
        LOWER.update(dict.fromkeys(names, lower))
        return lower

    return keep


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


def sized(values: Iterable[int]) -> str:
    """A number for every axis, written once where all are the same."""
    found = list(values)
    return str(found[0]) if len(set(found)) == 1 else "(" + ", ".join(map(str, found)) + ")"


def padding(pads: Sequence[tuple[int, int]], channels: tuple[int, int] = (0, 0)) -> str:
    """The numbers of F.pad for (N, C, ...): the last axis first."""
    numbers = [number for pair in reversed(pads) for number in pair]
    if channels != (0, 0):
        numbers += channels
    return "(" + ", ".join(map(str, numbers)) + ")"


def words(**values: tuple[object, object]) -> str:
    """Keyword arguments that differ from their defaults."""
    return "".join(f", {name}={value}" for name, (value, default) in values.items() if value != default)


def module(init: str, layout: str, hints: str = "", helpers: tuple[str, ...] = ()) -> Leaf:
    """A layer that is a module of one input, in one layout."""
    return Leaf(init, "{out} = {me}({0})", (layout,), layout, tuple(hints.split()), helpers)


def inline(code: str, wants: Sequence[str], layout: str) -> Leaf:
    """A layer that is an expression."""
    return Leaf("", "{out} = " + code, tuple(wants), layout)


# -- windows ----------------------------------------------------------------------------------------------------------


def windowed(
    init: str, arguments: str, windows: Sequence[Window], fill: str, hints: str, plain: bool = True, most: bool = False
) -> Leaf:
    """A module with padding of its own where both sides are alike, and F.pad in front of it where they are not."""
    pads = [(window.before, window.after) for window in windows]
    kernels = [window.kernel for window in windows]
    small = not most or all(before <= kernel // 2 for (before, _), kernel in zip(pads, kernels, strict=True))
    if plain and small and all(before == after for before, after in pads):
        own = words(padding=(sized(before for before, _ in pads), "0"))
        return module(f"{init}{own}{arguments})", "first", hints)
    code = "{out} = {me}(F.pad({0}, " + padding(pads) + fill + "))"
    return Leaf(f"{init}{arguments})", code, ("first",), "first", tuple(hints.split()))


@kind("conv", "depthwise")
def conv(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    x = shapes[0]
    windows = layer.windows(x)
    rank = len(windows)
    stride, kernel = sized(w.stride for w in windows), sized(w.kernel for w in windows)
    groups = layer.groups if layer.kind == "conv" else x[-1]
    init = f"nn.Conv{rank}d({x[-1]}, {out[-1]}, {kernel}" + words(stride=(stride, "1"))
    rest = words(dilation=(sized(w.dilation for w in windows), "1"), groups=(groups, 1), bias=(layer.bias, True))
    return windowed(init, rest, windows, "", "channels filters kernel kernel_2 kernel_3")


@kind("local")
def local(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    windows = layer.windows(shapes[0])

    def axes(values: Iterable[int]) -> str:
        return f"({', '.join(map(str, values))}{',' if len(windows) == 1 else ''})"

    kernels, strides = axes(w.kernel for w in windows), axes(w.stride for w in windows)
    init = f"Local({shapes[0][-1]}, {out[-1]}, {kernels}, {strides}, {axes(out[:-1])}{words(bias=(layer.bias, True))})"
    pads = [(window.before, window.after) for window in windows]
    padded = f"F.pad({{0}}, {padding(pads)})" if any(any(pair) for pair in pads) else "{0}"
    return Leaf(init, "{out} = {me}(" + padded + ")", ("first",), "first", ("channels", "filters"), ("Local",))


@kind("convtranspose")
def convtranspose(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    x = shapes[0]
    windows = layer.windows(x)
    own, extra, cut = [], [], []
    for window in windows:
        both = min(window.before, window.after)
        front, back = window.before - both, window.after - both
        if front == 0 and back and back <= window.extra:
            back, more = 0, window.extra - back
        else:
            more = window.extra
        own.append(both)
        extra.append(more)
        cut.append((-front, -back))
    init = f"nn.ConvTranspose{len(windows)}d({x[-1]}, {out[-1]}, {sized(w.kernel for w in windows)}" + words(
        stride=(sized(w.stride for w in windows), "1"),
        padding=(sized(own), "0"),
        output_padding=(sized(extra), "0"),
        dilation=(sized(w.dilation for w in windows), "1"),
        groups=(layer.groups, 1),
        bias=(layer.bias, True),
    )
    code = "{out} = {me}({0})"
    if any(any(pair) for pair in cut):
        code = "{out} = F.pad({me}({0}), " + padding(cut) + ")"
    return Leaf(init + ")", code, ("first",), "first", ("channels", "filters", "kernel", "kernel_2", "kernel_3"))


@kind("maxpool", "avgpool")
def pool(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    windows = list(layer.windows(shapes[0]))
    rank = len(windows)
    kernel, stride = sized(w.kernel for w in windows), sized(w.stride for w in windows)
    most = layer.kind == "maxpool"
    even = all(w.before == w.after and w.before <= w.kernel // 2 for w in windows)
    if rank == 3 and not most:  # AvgPool3d asks the input for a whole window before it pads
        even = even and all(w.kernel <= width for w, width in zip(windows, shapes[0], strict=False))
    ceil = layer.ceil and even
    if layer.ceil and not even:  # what rounding up adds is padding behind: `ceil_mode` would count the front twice
        windows = [
            Window(w.kernel, w.stride, w.before, (length - 1) * w.stride + w.reach - w.before - width, w.dilation)
            for w, width, length in zip(windows, shapes[0], out, strict=False)
        ]
    init = f"nn.{'Max' if most else 'Avg'}Pool{rank}d({kernel}" + words(stride=(stride, kernel))
    rest = words(dilation=(sized(w.dilation for w in windows), "1"), ceil_mode=(ceil, False))
    fill = ', value=float("-inf")' if most else ""
    return windowed(init, rest, windows, fill, "kernel kernel_2 kernel_3", even, True)


@kind("globalavgpool", "globalmaxpool")
def globalpool(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    start = 2 if layouts[0] == "first" else 1
    axes = ", ".join(str(start + axis) for axis in range(len(shapes[0]) - 1))
    which = "mean" if layer.kind == "globalavgpool" else "amax"
    return inline("{0}." + f"{which}(dim=({axes}{',' if len(shapes[0]) == 2 else ''}))", layouts, "first")


@kind("adaptiveavgpool", "adaptivemaxpool")
def adaptive(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    which = "Avg" if layer.kind == "adaptiveavgpool" else "Max"
    return module(f"nn.Adaptive{which}Pool{len(out) - 1}d({sized(out[:-1])})", "first", "n n n")


# -- dense ------------------------------------------------------------------------------------------------------------


@kind("fc")
def fc(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    init = f"nn.Linear({shapes[0].size}, {layer.units}" + words(bias=(layer.bias, True)) + ")"
    flat = "{0}" if len(shapes[0]) == 1 else "torch.flatten({0}, 1)"
    return Leaf(init, "{out} = {me}(" + flat + ")", tuple(layouts), "first", ("features", "units"))


@kind("linear")
def linear(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    init = f"nn.Linear({shapes[0][-1]}, {layer.units}" + words(bias=(layer.bias, True)) + ")"
    return module(init, "last", "features units")


@kind("embedding")
def embedding(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    init = f"nn.Embedding({layer.vocab}, {layer.dim})"
    return Leaf(init, "{out} = {me}({0}.long())", ("last",), "last", ("rows", "features"))


def steady(shape: Shape) -> str:
    """The layout of layers with one weight for every number, whatever comes in."""
    return "last" if len(shape) == 2 else "first"


def lengths(shape: Shape, layout: str) -> tuple[int, ...]:
    """The axes as a tensor of that layout has them."""
    return (shape[-1], *shape[:-1]) if layout == "first" else tuple(shape)


@kind("positional")
def positional(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    layout = steady(out)
    return module(f"Positional({', '.join(map(str, lengths(out, layout)))})", layout, "n " * 8, ("Positional",))


@kind("classtoken")
def classtoken(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    return module(f"ClassToken({out[-1]})", "last", "features", ("ClassToken",))


@kind("attention")
def attention(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    init = f"nn.MultiheadAttention({out[-1]}, {layer.heads}" + words(bias=(layer.bias, True)) + ", batch_first=True)"
    code = "{out}, _ = {me}({0}, {0}, {0}, need_weights=False)"
    return Leaf(init, code, ("last",), "last", ("features", "heads"))


@kind("lstm", "gru", "rnn")
def recurrent(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    name = layer.kind.upper()
    single = layer.bias == "single"
    init = f"{f'OneBias{name}' if single else f'nn.{name}'}({shapes[0][-1]}, {layer.units}" + words(
        num_layers=(layer.layers, 1), bias=(layer.bias != "none", True), bidirectional=(layer.bidirectional, False)
    )
    state = "(h, _)" if name == "LSTM" else "h"
    if layer.returns == "sequence":
        code = "{out}, _ = {me}({0})"
    elif layer.bidirectional:  # the last state of the pass forward and that of the pass backward
        code = f"_, {state} = {{me}}({{0}}); {{out}} = torch.cat((h[-2], h[-1]), dim=1)"
    else:
        code = f"_, {state} = {{me}}({{0}}); {{out}} = h[-1]"
    helpers = ("OneBias", f"OneBias{name}") if single else ()
    return Leaf(init + ", batch_first=True)", code, ("last",), "last", ("features", "units", "n"), helpers)


# -- norms ------------------------------------------------------------------------------------------------------------


@kind("batchnorm", "instancenorm")
def batchnorm(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    rank = len(out) - 1
    affine = words(affine=(layer.affine, layer.kind == "batchnorm"))
    which = "BatchNorm" if layer.kind == "batchnorm" else "InstanceNorm"
    init = f"nn.{which}{max(rank, 1) if rank <= 3 else 1}d({out[-1]}{affine})"
    if rank <= 3:
        return module(init, "first", "channels")
    code = "{out} = {me}({0}.flatten(2)).unflatten(2, (" + ", ".join(map(str, out[:-1])) + "))"
    return Leaf(init, code, ("first",), "first", ("channels",))


@kind("layernorm", "rmsnorm")
def layernorm(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    which = "LayerNorm" if layer.kind == "layernorm" else "RMSNorm"
    over = (
        f"({', '.join(map(str, out))})" if getattr(layer, "per", "channel") == "element" and len(out) > 1 else out[-1]
    )
    return module(f"nn.{which}({over}{words(elementwise_affine=(layer.affine, True))})", "last", "channels")


@kind("groupnorm")
def groupnorm(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    return module(
        f"nn.GroupNorm({layer.groups}, {out[-1]}{words(affine=(layer.affine, True))})", "first", "groups channels"
    )


@kind("lrn")
def lrn(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    view = ".contiguous()" if len(out) > 3 else ""  # of volumes it takes a view
    return Leaf(f"nn.LocalResponseNorm({layer.size})", "{out} = {me}({0}" + view + ")", ("first",), "first", ("size",))


@kind("scale")
def scale(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    behind = len(out) - 1 if layouts[0] == "first" else 0
    init = f"Scale({out[-1]}" + words(axes=(behind, 0), bias=(layer.bias, False)) + ")"
    return module(init, layouts[0], "channels n", ("Scale",))


@kind("standardize")
def standardize(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    behind = len(out) - 1 if layouts[0] == "first" else 0
    init = f"Standardize({out[-1] if layer.per == 'channel' else 1}{words(axes=(behind, 0))})"
    return module(init, layouts[0], "channels n", ("Standardize",))


# -- activations ------------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "leakyrelu": "LeakyReLU", "elu": "ELU", "selu": "SELU", "gelu": "GELU",
    "silu": "SiLU", "mish": "Mish", "sigmoid": "Sigmoid", "tanh": "Tanh", "hardswish": "Hardswish",
    "hardsigmoid": "Hardsigmoid", "softplus": "Softplus", "identity": "Identity",
}  # fmt: skip


@kind(*ACTIVATIONS)
def activation(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    inplace = "inplace=True" if getattr(layer, "inplace", False) else ""
    return module(f"nn.{ACTIVATIONS[layer.kind]}({inplace})", layouts[0])


@kind("softmax", "logsoftmax")
def softmax(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    which = "Softmax" if layer.kind == "softmax" else "LogSoftmax"
    return Leaf(
        f"nn.{which}(dim={1 if layouts[0] == 'first' else -1})",
        "{out} = {me}({0})",
        (layouts[0],),
        layouts[0],
        ("dim",),
    )


@kind("prelu")
def prelu(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    if layer.per == "layer":
        return module("nn.PReLU()", layouts[0])
    if layer.per == "channel":
        return module(f"nn.PReLU({out[-1]})", "first", "channels")
    layout = steady(out)
    axes = ", ".join(map(str, lengths(out, layout)))
    return module(f"ElementPReLU({axes})", layout, "n " * 8, ("ElementPReLU",))


@kind("dropout")
def dropout(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    return module(f"nn.Dropout({layer.rate!r}{words(inplace=(layer.inplace, False))})", layouts[0])


@kind("droppath")
def droppath(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    return module(f"DropPath({layer.rate!r})", layouts[0], "", ("DropPath",))


# -- merges -----------------------------------------------------------------------------------------------------------


def together(shapes: tuple[Shape, ...], layouts: list[str]) -> str:
    """The layout in which values are joined: channels first where an image is, so that convolutions can follow."""
    large = [layout for shape, layout in zip(shapes, layouts, strict=True) if len(shape) > 1]
    return "first" if not large or (len(max(shapes, key=len)) > 2 and "first" in large) else large[0]


def spread(shapes: tuple[Shape, ...], layout: str) -> list[str]:
    """The operands, with axes of length 1 where a smaller one has none: in front, but behind the channels."""
    largest = max(len(shape) for shape in shapes)
    kept = ":, :, " if layout == "first" else ":, "
    ones = [", ".join(["None"] * (largest - len(shape))) for shape in shapes]
    return [f"{{{number}}}" + (f"[{kept}{missing}]" if missing else "") for number, missing in enumerate(ones)]


@kind("add", "mul", "sub", "average", "maximum", "minimum")
def elementwise(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    layout = together(shapes, layouts)
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


def axis_of(name: str, shape: Shape, layout: str) -> int:
    """The axis of the tensor for a named axis."""
    axis = axis_number(name, shape)
    if layout == "last":
        return axis + 1
    return 1 if axis == len(shape) - 1 else axis + 2


@kind("concat")
def concat(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    layout = together(shapes, layouts)
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
def cut(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
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
    return inline(f"F.pad({{0}}, {padding(sides(layer, layer.by, shapes[0]))}{mode})", ["first"], "first")


@kind("crop")
def crop(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    cuts = []
    for width, length in zip(shapes[0][:-1], out[:-1], strict=True):
        start = (width - length) // 2
        cuts.append(":" if width == length else f"{start}:{start + length}")
    if not any(cut != ":" for cut in cuts):
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
    factor = sized(each(layer.factor, shapes[0], "factor"))
    mode = f', mode="{layer.mode}"' if layer.mode != "nearest" else ""
    return module(f"nn.Upsample(scale_factor={factor}{mode})", "first", "factor n n")


@kind("resize")
def resize(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    mode = f', mode="{layer.mode}"' if layer.mode != "nearest" else ""
    return inline(f"F.interpolate({{0}}, size=({', '.join(map(str, out[:-1]))},){mode})", ["first"], "first")


# -- what torch.nn does not have --------------------------------------------------------------------------------------

_RECURRENT = '''class OneBias{0}(OneBias, nn.{0}):
    """nn.{0} with one bias vector per gate."""
'''
HELPERS = {
    "Local": '''class Local(nn.Module):
    """A convolution with filters of its own at every place of the output."""

    def __init__(
        self, channels: int, filters: int, kernel: tuple[int, ...], stride: tuple[int, ...], places: tuple[int, ...],
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.windows, self.places = list(zip(kernel, stride)), places
        count, cells = torch.Size(places).numel(), channels * torch.Size(kernel).numel()
        self.weight = nn.Parameter(0.02 * torch.randn(count, cells, filters))
        self.bias = nn.Parameter(torch.zeros(filters, *places)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rank = len(self.places)
        for axis, (kernel, stride) in enumerate(self.windows):
            x = x.unfold(axis + 2, kernel, stride)
        order = (*range(2, rank + 2), 0, 1, *range(rank + 2, 2 * rank + 2))
        x = x.permute(order).flatten(rank + 1).flatten(0, rank - 1)  # places x N x cells under the window
        x = torch.bmm(x, self.weight).permute(1, 2, 0).unflatten(2, self.places)
        return x if self.bias is None else x + self.bias
''',
    "Standardize": '''class Standardize(nn.Module):
    """Mean 0 and variance 1 by figures gathered beforehand; `axes` of the tensor lie behind the channels."""

    def __init__(self, channels: int, axes: int = 0) -> None:
        super().__init__()
        self.shape = (channels, *[1] * axes)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.mean.view(self.shape)) / self.variance.view(self.shape).sqrt().clamp_min(1e-7)
''',
    "Positional": '''class Positional(nn.Module):
    """A learned table, added to the input."""

    def __init__(self, *lengths: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(lengths))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight
''',
    "ClassToken": '''class ClassToken(nn.Module):
    """One learned token in front of a sequence."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1, features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.weight.expand(x.shape[0], -1, -1), x), dim=1)
''',
    "Scale": '''class Scale(nn.Module):
    """One learned factor per channel, and an offset where there is a bias; `axes` of the tensor lie behind the channels."""

    def __init__(self, channels: int, axes: int = 0, bias: bool = False) -> None:
        super().__init__()
        self.shape = (channels, *[1] * axes)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x * self.weight.view(self.shape)
        return x if self.bias is None else x + self.bias.view(self.shape)
''',
    "ElementPReLU": '''class ElementPReLU(nn.Module):
    """A leaky ReLU with a learned slope for every element."""

    def __init__(self, *lengths: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(lengths, 0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x >= 0, x, x * self.weight)
''',
    "DropPath": '''class DropPath(nn.Module):
    """Stochastic depth: the branch of an example is dropped at random while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.rate == 0:
            return x
        kept = torch.rand(x.shape[0], *[1] * (x.dim() - 1), device=x.device) >= self.rate
        return x * kept / max(1 - self.rate, 1e-12)
''',
    "OneBias": '''class OneBias:
    """One bias vector per gate, as in textbooks and Keras: the second one of torch.nn stays zero and is no parameter."""

    def __init__(self, *args: int, **kwargs: bool) -> None:
        super().__init__(*args, **kwargs)
        for name in [name for name in self._flat_weights_names if name.startswith("bias_hh")]:
            zeros = torch.zeros_like(getattr(self, name).detach())
            delattr(self, name)
            self.register_buffer(name, zeros, persistent=False)
        self._flat_weights = [getattr(self, name) for name in self._flat_weights_names]
''',
    **{f"OneBias{name}": _RECURRENT.format(name) for name in ("LSTM", "GRU", "RNN")},
}
