"""Blocks of convolutions. Each function takes a path, an input value and the block's own sizes, and returns its output."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.layers import activation as act
from cnncalc.layers.conv import Conv
from cnncalc.layers.norm import BatchNorm
from cnncalc.layers.pool import AvgPool, MaxPool
from cnncalc.layers.reshape import PixelUnshuffle, Slice
from cnncalc.readers.ultralytics.parts import Kernel, Parts

Inner = Callable[[str, int], int]


def bottleneck(
    parts: Parts, path: str, x: int, filters: int, shortcut: bool = True, groups: int = 1,
    kernels: tuple[Kernel, Kernel] = (3, 3), share: float = 0.5,
) -> int:  # fmt: skip
    """Two convolutions, and a shortcut if the channels stay the same."""
    y = parts.conv(f"{path}.cv1", x, parts.part(filters, share), kernels[0])
    y = parts.conv(f"{path}.cv2", y, filters, kernels[1], groups=groups)
    return parts.plus(path, x, y) if shortcut and parts.width(x) == filters else y


def split_stages(parts: Parts, path: str, x: int, filters: int, count: int, share: float, inner: Inner) -> int:
    """`C2f` and its relatives: half of the channels go through `count` blocks, and all results are joined."""
    width = parts.part(filters, share)
    found = parts.halves(f"{path}.split", parts.conv(f"{path}.cv1", x, 2 * width))
    for number in range(count):
        found.append(inner(f"{path}.m.{number}", found[-1]))
    return parts.conv(f"{path}.cv2", parts.concat(path, *found), filters)


def two_branches(parts: Parts, path: str, x: int, filters: int, count: int, share: float, inner: Inner) -> int:
    """`C3` and its relatives: one branch goes through `count` blocks, the other one past them."""
    width = parts.part(filters, share)
    y = parts.conv(f"{path}.cv1", x, width)
    for number in range(count):
        y = inner(f"{path}.m.{number}", y)
    past = parts.conv(f"{path}.cv2", x, width)
    return parts.conv(f"{path}.cv3", parts.concat(path, y, past), filters)


def c3k(parts: Parts, path: str, x: int, filters: int, shortcut: bool, groups: int) -> int:
    """`C3k` with two bottlenecks of 3x3 convolutions."""

    def inner(where: str, value: int) -> int:
        return bottleneck(parts, where, value, parts.width(value), shortcut, groups, (3, 3), 1.0)

    return two_branches(parts, path, x, filters, 2, 0.5, inner)


def csp_bottleneck(
    parts: Parts, path: str, x: int, filters: int, count: int, shortcut: bool, groups: int, share: float
) -> int:
    """`BottleneckCSP` of YOLOv3 and YOLOv5, whose branches are normalized together."""
    width = parts.part(filters, share)
    y = parts.conv(f"{path}.cv1", x, width)
    for number in range(count):
        y = bottleneck(parts, f"{path}.m.{number}", y, width, shortcut, groups, share=1.0)
    y = parts.plain_conv(f"{path}.cv3", y, width, bias=False)
    past = parts.plain_conv(f"{path}.cv2", x, width, bias=False)
    joined = parts.add(f"{path}.bn", BatchNorm(), parts.concat(path, y, past))
    return parts.conv(f"{path}.cv4", parts.add(f"{path}.act", act.SiLU(), joined), filters)


def halved_stages(parts: Parts, path: str, x: int, filters: int, count: int, share: float, inner: Inner) -> int:
    """`C2`: half of the channels go through the blocks, and only their last result is joined with the other half."""
    width = parts.part(filters, share)
    first, second = parts.halves(f"{path}.split", parts.conv(f"{path}.cv1", x, 2 * width))
    for number in range(count):
        first = inner(f"{path}.m.{number}", first)
    return parts.conv(f"{path}.cv2", parts.concat(path, first, second), filters)


def pyramid(
    parts: Parts, path: str, x: int, filters: int, kernel: int, count: int, shortcut: bool, active: bool
) -> int:
    """`SPPF`: the same max pooling several times, with all results joined."""
    channels = parts.width(x)
    found = [parts.conv(f"{path}.cv1", x, parts.part(channels, 0.5), act=active)]
    for number in range(count):
        found.append(_pooled(parts, f"{path}.m.{number}", found[-1], kernel))
    y = parts.conv(f"{path}.cv2", parts.concat(path, *found), filters)
    return parts.plus(path, x, y) if shortcut and channels == filters else y


def flat_pyramid(parts: Parts, path: str, x: int, filters: int, kernels: list[int]) -> int:
    """`SPP`: max poolings of several sizes side by side."""
    y = parts.conv(f"{path}.cv1", x, parts.part(parts.width(x), 0.5))
    found = [y, *[_pooled(parts, f"{path}.m.{number}", y, kernel) for number, kernel in enumerate(kernels)]]
    return parts.conv(f"{path}.cv2", parts.concat(path, *found), filters)


def pyramid_elan(parts: Parts, path: str, x: int, filters: int, inner: int, kernel: int) -> int:
    """`SPPELAN` of YOLOv9."""
    found = [parts.conv(f"{path}.cv1", x, inner)]
    for number in (2, 3, 4):
        found.append(_pooled(parts, f"{path}.cv{number}", found[-1], kernel))
    return parts.conv(f"{path}.cv5", parts.concat(path, *found), filters)


def _pooled(parts: Parts, path: str, x: int, kernel: int) -> int:
    return parts.add(path, MaxPool(kernel=kernel, stride=1, pad=kernel // 2), x)


def focus(parts: Parts, path: str, x: int, filters: int, kernel: int, stride: int) -> int:
    """`Focus`: 2x2 cells become channels before a convolution."""
    return parts.conv(f"{path}.conv", parts.add(f"{path}.space", PixelUnshuffle(factor=2), x), filters, kernel, stride)


def ghost_conv(
    parts: Parts, path: str, x: int, filters: int, kernel: int = 1, stride: int = 1, act: bool = True
) -> int:
    """`GhostConv`: half of the channels are made from the other half by a depthwise convolution."""
    width = parts.part(filters, 0.5)
    y = parts.conv(f"{path}.cv1", x, width, kernel, stride, act=act)
    return parts.concat(path, y, parts.conv(f"{path}.cv2", y, width, 5, groups=width, act=act))


def ghost_bottleneck(parts: Parts, path: str, x: int, filters: int, kernel: int = 3, stride: int = 1) -> int:
    """`GhostBottleneck`."""
    width = parts.part(filters, 0.5)
    y = ghost_conv(parts, f"{path}.conv.0", x, width)
    past = x
    if stride == 2:
        y = parts.depthwise(f"{path}.conv.1", y, width, kernel, 2, act=False)
        past = parts.depthwise(f"{path}.shortcut.0", x, parts.width(x), kernel, 2, act=False)
        past = parts.conv(f"{path}.shortcut.1", past, filters, act=False)
    y = ghost_conv(parts, f"{path}.conv.2", y, filters, act=False)
    return parts.plus(path, y, past)


def rep_conv(parts: Parts, path: str, x: int, filters: int) -> int:
    """`RepConv` as it is trained: the sum of a 3x3 and a 1x1 convolution. It becomes one convolution when it is fused."""
    y = parts.conv(f"{path}.conv1", x, filters, 3, act=False)
    y = parts.plus(path, y, parts.conv(f"{path}.conv2", x, filters, 1, act=False))
    return parts.act(f"{path}.act", y)


def rep_csp(parts: Parts, path: str, x: int, filters: int, count: int) -> int:
    """`RepCSP` of YOLOv9: a C3 whose bottlenecks begin with a RepConv."""

    def inner(where: str, value: int) -> int:
        width = parts.width(value)
        y = parts.conv(f"{where}.cv2", rep_conv(parts, f"{where}.cv1", value, width), width, 3)
        return parts.plus(where, value, y)

    return two_branches(parts, path, x, filters, count, 0.5, inner)


def elan(parts: Parts, path: str, x: int, filters: int, inner: int, width: int, count: int | None) -> int:
    """`RepNCSPELAN4`, or `ELAN1` without repeats, of YOLOv9."""
    found = parts.halves(f"{path}.split", parts.conv(f"{path}.cv1", x, inner))
    for name in ("cv2", "cv3"):
        if count is None:
            found.append(parts.conv(f"{path}.{name}", found[-1], width, 3))
        else:
            y = rep_csp(parts, f"{path}.{name}.0", found[-1], width, count)
            found.append(parts.conv(f"{path}.{name}.1", y, width, 3))
    return parts.conv(f"{path}.cv4", parts.concat(path, *found), filters)


def down(parts: Parts, path: str, x: int, filters: int) -> int:
    """`ADown` of YOLOv9: half of the channels are halved by a convolution, the others by a pooling."""
    width = parts.part(filters, 0.5)
    first, second = parts.halves(f"{path}.split", _averaged(parts, path, x))
    first = parts.conv(f"{path}.cv1", first, width, 3, 2)
    second = parts.add(f"{path}.pool", MaxPool(kernel=3, stride=2, pad=1), second)
    return parts.concat(path, first, parts.conv(f"{path}.cv2", second, width))


def averaged_conv(parts: Parts, path: str, x: int, filters: int) -> int:
    """`AConv` of YOLOv9."""
    return parts.conv(f"{path}.cv1", _averaged(parts, path, x), filters, 3, 2)


def _averaged(parts: Parts, path: str, x: int) -> int:
    return parts.add(f"{path}.mean", AvgPool(kernel=2, stride=1), x)


def separate_down(parts: Parts, path: str, x: int, filters: int, kernel: int, stride: int) -> int:
    """`SCDown` of YOLOv10: channels first, then a depthwise convolution with a stride."""
    y = parts.conv(f"{path}.cv1", x, filters)
    return parts.conv(f"{path}.cv2", y, filters, kernel, stride, groups=filters, act=False)


def inverted(parts: Parts, path: str, x: int, filters: int, shortcut: bool, large: bool) -> int:
    """`CIB` of YOLOv10, a block of depthwise and 1x1 convolutions."""
    channels = parts.width(x)
    wide = 2 * filters
    y = parts.conv(f"{path}.cv1.0", x, channels, 3, groups=channels)
    y = parts.conv(f"{path}.cv1.1", y, wide)
    if large:  # RepVGGDW as it is trained: the sum of a 7x7 and a 3x3 convolution
        big = parts.conv(f"{path}.cv1.2.conv", y, wide, 7, groups=wide, act=False)
        small = parts.conv(f"{path}.cv1.2.conv1", y, wide, 3, groups=wide, act=False)
        y = parts.add(f"{path}.cv1.2.act", act.SiLU(), parts.plus(f"{path}.cv1.2", big, small))
    else:
        y = parts.conv(f"{path}.cv1.2", y, wide, 3, groups=wide)
    y = parts.conv(f"{path}.cv1.3", y, filters)
    y = parts.conv(f"{path}.cv1.4", y, filters, 3, groups=filters)
    return parts.plus(path, x, y) if shortcut and channels == filters else y


def residual(parts: Parts, path: str, x: int, filters: int, stride: int, growth: int) -> int:
    """`ResNetBlock`, the bottleneck of ResNet."""
    wide = growth * filters
    past = (
        parts.conv(f"{path}.shortcut.0", x, wide, 1, stride, act=False) if stride != 1 or parts.width(x) != wide else x
    )
    y = parts.conv(f"{path}.cv2", parts.conv(f"{path}.cv1", x, filters), filters, 3, stride)
    y = parts.conv(f"{path}.cv3", y, wide, act=False)
    return parts.add(f"{path}.relu", act.ReLU(), parts.plus(path, y, past))


def several_convs(parts: Parts, path: str, x: int, widths: list[int], kernel: int, stride: int) -> list[int]:
    """`CBLinear` of YOLOv9: one convolution whose channels are cut into several values."""
    conv = Conv(filters=sum(widths), kernel=kernel, stride=stride, pad=kernel // 2)
    y = parts.add(f"{path}.conv", conv, x)
    found, start = [], 0
    for number, width in enumerate(widths):
        found.append(
            parts.add(f"{path}.part{number}", Slice(start=start, stop=start + width), y) if len(widths) > 1 else y
        )
        start += width
    return found
