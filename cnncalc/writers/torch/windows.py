"""Translate convolutions and poolings to PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cnncalc.shape import Shape, Window
from cnncalc.writers.registry import WITHOUT_PLACES, Unsupported, format_sizes, keywords, registrar
from cnncalc.writers.torch.leaf import Leaf, Lower, inline, module, padding

LOWER: dict[str, Lower] = {}
kind = registrar(LOWER)


def module_with_padding(
    init: str, arguments: str, windows: Sequence[Window], fill: str, hints: str, plain: bool = True, most: bool = False
) -> Leaf:
    """Translate a layer to a module that pads itself if both sides are equal, or else to F.pad and the module."""
    pads = [(window.before, window.after) for window in windows]
    kernels = [window.kernel for window in windows]
    small = not most or all(before <= kernel // 2 for (before, _), kernel in zip(pads, kernels, strict=True))
    if plain and small and all(before == after for before, after in pads):
        own = keywords(padding=(format_sizes(before for before, _ in pads), "0"))
        return module(f"{init}{own}{arguments})", "first", hints)
    code = "{out} = {me}(F.pad({0}, " + padding(pads) + fill + "))"
    return Leaf(f"{init}{arguments})", code, ("first",), "first", tuple(hints.split()))


@kind("conv", "depthwise")
def conv(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    x = shapes[0]
    windows = layer.windows(x)
    rank = len(windows)
    stride, kernel = format_sizes(w.stride for w in windows), format_sizes(w.kernel for w in windows)
    groups = layer.groups if layer.kind == "conv" else x[-1]
    init = f"nn.Conv{rank}d({x[-1]}, {out[-1]}, {kernel}" + keywords(stride=(stride, "1"))
    even = all(w.before == w.after for w in windows)
    mode = layer.mode if even and layer.mode != "zeros" else ""
    rest = keywords(
        dilation=(format_sizes(w.dilation for w in windows), "1"),
        groups=(groups, 1),
        bias=(layer.bias, True),
        padding_mode=(f'"{mode}"', '""'),
    )
    fill = f', mode="{layer.mode}"' if layer.mode != "zeros" else ""
    return module_with_padding(init, rest, windows, fill, "channels filters kernel kernel_2 kernel_3")


@kind("separableconv")
def separable(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    deep, wide = layer.parts()
    between = deep.out(shapes[0])
    first = conv(deep, shapes, layouts, between)
    second = conv(wide, (between,), layouts, out)
    return Leaf(f"nn.Sequential({first.init}, {second.init})", first.code, ("first",), "first")


@kind("convlstm")
def convlstm(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    whole = layer.of_frame()
    windows = whole.windows(layer.frame(shapes[0]))
    kernel, stride = format_sizes(w.kernel for w in windows), format_sizes(w.stride for w in windows)
    init = f"ConvLSTM({len(windows)}, {shapes[0][-1]}, {layer.filters}, {kernel}" + keywords(
        stride=(stride, "1"),
        pads=(padding([(w.before, w.after) for w in windows]), padding([(0, 0)] * len(windows))),
        dilation=(format_sizes(w.dilation for w in windows), "1"),
        bias=(layer.bias, True),
        last=(layer.returns == "last", False),
    )
    return Leaf(init + ")", "{out} = {me}({0})", ("first",), "first", (), ("ConvLSTM",))


@kind("maxunpool")
def maxunpool(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    raise Unsupported(WITHOUT_PLACES)


@kind("local")
def local(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    windows = layer.windows(shapes[0])

    def axes(values: Iterable[int]) -> str:
        return f"({', '.join(map(str, values))}{',' if len(windows) == 1 else ''})"

    kernels, strides = axes(w.kernel for w in windows), axes(w.stride for w in windows)
    init = (
        f"Local({shapes[0][-1]}, {out[-1]}, {kernels}, {strides}, {axes(out[:-1])}{keywords(bias=(layer.bias, True))})"
    )
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
    init = f"nn.ConvTranspose{len(windows)}d({x[-1]}, {out[-1]}, {format_sizes(w.kernel for w in windows)}" + keywords(
        stride=(format_sizes(w.stride for w in windows), "1"),
        padding=(format_sizes(own), "0"),
        output_padding=(format_sizes(extra), "0"),
        dilation=(format_sizes(w.dilation for w in windows), "1"),
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
    kernel, stride = format_sizes(w.kernel for w in windows), format_sizes(w.stride for w in windows)
    most = layer.kind == "maxpool"
    even = all(w.before == w.after and w.before <= w.kernel // 2 for w in windows)
    if rank == 3 and not most:  # AvgPool3d requires a whole window in the input before padding
        even = even and all(w.kernel <= width for w, width in zip(windows, shapes[0], strict=False))
    ceil = layer.ceil and even
    if layer.ceil and not even:  # pad the end for rounding up: `ceil_mode` would count the padding at the start twice
        windows = [
            Window(w.kernel, w.stride, w.before, (length - 1) * w.stride + w.reach - w.before - width, w.dilation)
            for w, width, length in zip(windows, shapes[0], out, strict=False)
        ]
    init = f"nn.{'Max' if most else 'Avg'}Pool{rank}d({kernel}" + keywords(stride=(stride, kernel))
    rest = keywords(dilation=(format_sizes(w.dilation for w in windows), "1"), ceil_mode=(ceil, False))
    fill = ', value=float("-inf")' if most else ""
    return module_with_padding(init, rest, windows, fill, "kernel kernel_2 kernel_3", even, True)


@kind("globalavgpool", "globalmaxpool")
def globalpool(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    start = 2 if layouts[0] == "first" else 1
    axes = ", ".join(str(start + axis) for axis in range(len(shapes[0]) - 1))
    which = "mean" if layer.kind == "globalavgpool" else "amax"
    return inline("{0}." + f"{which}(dim=({axes}{',' if len(shapes[0]) == 2 else ''}))", layouts, "first")


@kind("adaptiveavgpool", "adaptivemaxpool")
def adaptive(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    which = "Avg" if layer.kind == "adaptiveavgpool" else "Max"
    return module(f"nn.Adaptive{which}Pool{len(out) - 1}d({format_sizes(out[:-1])})", "first", "n n n")
