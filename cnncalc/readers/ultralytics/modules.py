"""What each module of a row does: its arguments, as the constructor of Ultralytics' class takes them, and its block."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd

from cnncalc.layers import activation as act
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import ConvTranspose
from cnncalc.layers.merge import Add
from cnncalc.layers.norm import BatchNorm
from cnncalc.layers.pool import AvgPool, MaxPool
from cnncalc.layers.reshape import Padding, Resize, Upsample
from cnncalc.readers.ultralytics import attention, blocks
from cnncalc.readers.ultralytics.heads import Head
from cnncalc.readers.ultralytics.parts import Kernel
from cnncalc.readers.ultralytics.row import LARGEST, Row

Module = Callable[[Head, Row, str, int], int]  # of one input; the path is the row's, or that of one of its repeats


def _kernel(row: Row, place: int, default: int = 1) -> Kernel:
    value = row.value(place, default)
    if isinstance(value, list):
        pair = row.numbers(place, "kernel")
        if len(pair) == 2 and min(pair) > 0:
            return pair[0], pair[1]
    return row.integer(place, "kernel", default)


def _pad(row: Row, place: int) -> int | None:
    return None if row.value(place, None) is None else row.integer(place, "padding", least=0)


def _activation(row: Row, place: int) -> bool:
    value = row.value(place, True)
    if not isinstance(value, bool):
        raise row.problem(f"the activation must be True or False; got `{value}`"[:200])
    return value


def conv(head: Head, row: Row, path: str, x: int) -> int:
    """`Conv(c1, c2, k, s, p, g, d, act)`."""
    return head.conv(
        path, x, row.width(), _kernel(row, 1), row.integer(2, "stride", 1), pad=_pad(row, 3),
        groups=row.integer(4, "number of groups", 1), dilation=row.integer(5, "dilation", 1), act=_activation(row, 6),
    )  # fmt: skip


def depthwise(head: Head, row: Row, path: str, x: int) -> int:
    """`DWConv(c1, c2, k, s, d, act)`."""
    filters, dilation = row.width(), row.integer(3, "dilation", 1)
    return head.conv(
        path, x, filters, _kernel(row, 1), row.integer(2, "stride", 1), groups=gcd(head.width(x), filters),
        dilation=dilation, act=_activation(row, 4),
    )  # fmt: skip


def transposed(head: Head, row: Row, path: str, x: int) -> int:
    """`ConvTranspose(c1, c2, k, s, p, bn, act)`."""
    filters, norm = row.width(), row.flag(4, "batch normalization", True)
    kernel, stride, pad = row.integer(1, "kernel", 2), row.integer(2, "stride", 2), row.integer(3, "padding", 0, 0)
    layer = ConvTranspose(filters=filters, kernel=kernel, stride=stride, pad=pad, bias=not norm)
    y = head.add(f"{path}.conv_transpose", layer, x)
    y = head.add(f"{path}.bn", BatchNorm(), y) if norm else y
    return head.act(f"{path}.act", y) if _activation(row, 5) else y


def torch_transposed(head: Head, row: Row, path: str, x: int) -> int:
    """`nn.ConvTranspose2d(c1, c2, k, s, p)`, or one with groups."""
    filters = row.width()
    groups = gcd(head.width(x), filters) if row.module == "DWConvTranspose2d" else 1
    kernel, stride, pad = row.integer(1, "kernel", 1), row.integer(2, "stride", 1), row.integer(3, "padding", 0, 0)
    return head.add(path, ConvTranspose(filters=filters, kernel=kernel, stride=stride, pad=pad, groups=groups), x)


def focus(head: Head, row: Row, path: str, x: int) -> int:
    """`Focus(c1, c2, k, s)`."""
    return blocks.focus(head, path, x, row.width(), row.integer(1, "kernel", 1), row.integer(2, "stride", 1))


def ghost_conv(head: Head, row: Row, path: str, x: int) -> int:
    """`GhostConv(c1, c2, k, s)`."""
    return blocks.ghost_conv(head, path, x, row.width(), row.integer(1, "kernel", 1), row.integer(2, "stride", 1))


def ghost_bottleneck(head: Head, row: Row, path: str, x: int) -> int:
    """`GhostBottleneck(c1, c2, k, s)`."""
    return blocks.ghost_bottleneck(head, path, x, row.width(), row.integer(1, "kernel", 3), row.integer(2, "stride", 1))


def bottleneck(head: Head, row: Row, path: str, x: int) -> int:
    """`Bottleneck(c1, c2, shortcut, g, k, e)`."""
    shortcut, groups = row.flag(1, "shortcut", True), row.integer(2, "number of groups", 1)
    kernels: tuple[Kernel, Kernel] = (3, 3)
    if len(row.args) > 3:
        pair = row.numbers(3, "kernels")
        if len(pair) != 2:
            raise row.problem("argument 4, the kernels, must have two sizes")
        kernels = (pair[0], pair[1])
    return blocks.bottleneck(head, path, x, row.width(), shortcut, groups, kernels, row.rate(4, "expansion", 0.5))


def _bottlenecks(head: Head, row: Row, kernels: tuple[Kernel, Kernel]) -> blocks.Inner:
    shortcut, groups = row.flag(1, "shortcut", row.module != "C2f"), row.integer(2, "number of groups", 1)

    def inner(path: str, x: int) -> int:
        return blocks.bottleneck(head, path, x, head.width(x), shortcut, groups, kernels, 1.0)

    return inner


def c2(head: Head, row: Row, path: str, x: int) -> int:
    """`C2(c1, c2, n, shortcut, g, e)`."""
    inner = _bottlenecks(head, row, (3, 3))
    return blocks.halved_stages(head, path, x, row.width(), row.number, row.rate(3, "expansion", 0.5), inner)


def c2f(head: Head, row: Row, path: str, x: int) -> int:
    """`C2f(c1, c2, n, shortcut, g, e)`, without shortcuts unless they are written."""
    inner = _bottlenecks(head, row, (3, 3))
    return blocks.split_stages(head, path, x, row.width(), row.number, row.rate(3, "expansion", 0.5), inner)


def c2f_cib(head: Head, row: Row, path: str, x: int) -> int:
    """`C2fCIB(c1, c2, n, shortcut, lk, g, e)`."""
    head.legacy = False
    shortcut, large = row.flag(1, "shortcut", False), row.flag(2, "large kernel", False)

    def inner(where: str, value: int) -> int:
        return blocks.inverted(head, where, value, head.width(value), shortcut, large)

    return blocks.split_stages(head, path, x, row.width(), row.number, row.rate(4, "expansion", 0.5), inner)


def c3(head: Head, row: Row, path: str, x: int) -> int:
    """`C3(c1, c2, n, shortcut, g, e)`, and `C3x` with crossed kernels."""
    inner = _bottlenecks(head, row, ((1, 3), (3, 1)) if row.module == "C3x" else (1, 3))
    return blocks.two_branches(head, path, x, row.width(), row.number, row.rate(3, "expansion", 0.5), inner)


def c3_ghost(head: Head, row: Row, path: str, x: int) -> int:
    """`C3Ghost(c1, c2, n, shortcut, g, e)`."""

    def inner(where: str, value: int) -> int:
        return blocks.ghost_bottleneck(head, where, value, head.width(value))

    return blocks.two_branches(head, path, x, row.width(), row.number, row.rate(3, "expansion", 0.5), inner)


def c3k2(head: Head, row: Row, path: str, x: int) -> int:
    """`C3k2(c1, c2, n, c3k, e, attn, g, shortcut)`. The scales m, l and x always use C3k."""
    head.legacy = False
    large = row.sizes.scale in ("m", "l", "x") or row.flag(1, "C3k", False)
    attends = row.flag(3, "attention", False)
    groups, shortcut = row.integer(4, "number of groups", 1), row.flag(5, "shortcut", True)

    def inner(where: str, value: int) -> int:
        width = head.width(value)
        if attends:
            y = blocks.bottleneck(head, f"{where}.0", value, width, shortcut, groups)
            return attention.attention_block(head, f"{where}.1", y)
        if large:
            return blocks.c3k(head, where, value, width, shortcut, groups)
        return blocks.bottleneck(head, where, value, width, shortcut, groups)

    return blocks.split_stages(head, path, x, row.width(), row.number, row.rate(2, "expansion", 0.5), inner)


def csp_bottleneck(head: Head, row: Row, path: str, x: int) -> int:
    """`BottleneckCSP(c1, c2, n, shortcut, g, e)`."""
    shortcut, groups = row.flag(1, "shortcut", True), row.integer(2, "number of groups", 1)
    share = row.rate(3, "expansion", 0.5)
    return blocks.csp_bottleneck(head, path, x, row.width(), row.number, shortcut, groups, share)


def spp(head: Head, row: Row, path: str, x: int) -> int:
    """`SPP(c1, c2, k)`."""
    kernels = row.numbers(1, "kernels") if len(row.args) > 1 else [5, 9, 13]
    return blocks.flat_pyramid(head, path, x, row.width(), kernels)


def sppf(head: Head, row: Row, path: str, x: int) -> int:
    """`SPPF(c1, c2, k, n, shortcut)`. Without `n`, its first convolution has an activation, as before YOLO26."""
    kernel, count = row.integer(1, "kernel", 5), row.integer(2, "number of poolings", 3, 1, 100)
    return blocks.pyramid(head, path, x, row.width(), kernel, count, row.flag(3, "shortcut", False), len(row.args) < 3)


def spp_elan(head: Head, row: Row, path: str, x: int) -> int:
    """`SPPELAN(c1, c2, c3, k)`."""
    inner, kernel = row.integer(1, "inner channels"), row.integer(2, "kernel", 5)
    return blocks.pyramid_elan(head, path, x, row.width(), inner, kernel)


def elan(head: Head, row: Row, path: str, x: int) -> int:
    """`RepNCSPELAN4(c1, c2, c3, c4, n)` and `ELAN1(c1, c2, c3, c4)`."""
    inner, width = row.integer(1, "inner channels"), row.integer(2, "width of the branches")
    count = None if row.module == "ELAN1" else row.integer(3, "number of repeats", 1, 1, 1000)
    return blocks.elan(head, path, x, row.width(), inner, width, count)


def down(head: Head, row: Row, path: str, x: int) -> int:
    """`ADown(c1, c2)`."""
    return blocks.down(head, path, x, row.width())


def averaged_conv(head: Head, row: Row, path: str, x: int) -> int:
    """`AConv(c1, c2)`."""
    return blocks.averaged_conv(head, path, x, row.width())


def separate_down(head: Head, row: Row, path: str, x: int) -> int:
    """`SCDown(c1, c2, k, s)`."""
    return blocks.separate_down(head, path, x, row.width(), row.integer(1, "kernel"), row.integer(2, "stride"))


def resnet(head: Head, row: Row, path: str, x: int) -> int:
    """`ResNetLayer(c1, c2, s, is_first, n, e)`, whose widths are not multiplied."""
    filters, stride = row.integer(1, "width"), row.integer(2, "stride", 1)
    if row.integer(0, "number of input channels") != head.width(x):
        raise row.problem(f"states {row.args[0]} input channels, but gets {head.width(x)}", code="sizes-differ")
    if row.flag(3, "first layer", False):
        y = head.conv(f"{path}.layer.0", x, filters, 7, 2)
        return head.add(f"{path}.layer.1", MaxPool(kernel=3, stride=2, pad=1), y)
    y = x
    for number in range(row.integer(4, "number of blocks", 1, 1, 1000)):
        growth = row.integer(5, "expansion", 4, 1, 100)
        y = blocks.residual(head, f"{path}.layer.{number}", y, filters, stride if number == 0 else 1, growth)
    return y


def psa(head: Head, row: Row, path: str, x: int) -> int:
    """`PSA(c1, c2, e)`."""
    return attention.half_attention(head, path, x, row.width(), None, row.rate(1, "expansion", 0.5))


def c2psa(head: Head, row: Row, path: str, x: int) -> int:
    """`C2PSA(c1, c2, n, e)`."""
    return attention.half_attention(head, path, x, row.width(), row.number, row.rate(1, "expansion", 0.5))


def c2f_psa(head: Head, row: Row, path: str, x: int) -> int:
    """`C2fPSA(c1, c2, n, e)`."""

    def inner(where: str, value: int) -> int:
        return attention.attention_block(head, where, value)

    return blocks.split_stages(head, path, x, row.width(), row.number, row.rate(1, "expansion", 0.5), inner)


def a2c2f(head: Head, row: Row, path: str, x: int) -> int:
    """`A2C2f(c1, c2, n, a2, area, residual, mlp_ratio, e, g, shortcut)`. The scales l and x have residuals and narrower MLPs."""
    head.legacy = False
    if row.sizes.scale in ("l", "x"):
        row.args = [*row.args, True, 1.2]
    areas = row.integer(2, "number of areas", 1, -1, 1000) if row.flag(1, "attention", True) else None
    return attention.area_stages(
        head, path, x, row.width(), row.number, areas=areas, residual=row.flag(3, "residual", False),
        growth=row.rate(4, "ratio of the MLP", 2.0), share=row.rate(5, "expansion", 0.5),
        groups=row.integer(6, "number of groups", 1), shortcut=row.flag(7, "shortcut", True),
    )  # fmt: skip


def upsample(head: Head, row: Row, path: str, x: int) -> int:
    """`nn.Upsample(size, scale_factor, mode)`."""
    mode = {"nearest": "nearest", "bilinear": "bilinear", "bicubic": "bicubic"}.get(row.value(2, "nearest"))
    if mode is None:
        raise row.problem(f"`{row.value(2, '')}` is not a supported mode"[:200], "write `nearest`")
    if row.value(0, None) is not None:
        size = row.integer(0, "size")
        return head.add(path, Resize(to=(size, size), mode=mode), x)
    return head.add(path, Upsample(factor=row.integer(1, "factor", None, 1, 1000), mode=mode), x)


def pool(head: Head, row: Row, path: str, x: int) -> int:
    """`nn.MaxPool2d(k, s, p)` and `nn.AvgPool2d(k, s, p)`."""
    kernel = row.integer(0, "kernel")
    stride, pad = row.integer(1, "stride", kernel), row.integer(2, "padding", 0, 0)
    kind: type[Layer] = MaxPool if row.module == "nn.MaxPool2d" else AvgPool
    return head.add(path, kind(kernel=kernel, stride=stride, pad=pad), x)


def zero_pad(head: Head, row: Row, path: str, x: int) -> int:
    """`nn.ZeroPad2d([left, right, top, bottom])`."""
    if isinstance(row.value(0, None), int):
        return head.add(path, Padding(by=row.integer(0, "padding", least=0)), x)
    left, right, top, bottom = [*row.numbers(0, "padding"), 0, 0, 0, 0][:4]
    return head.add(path, Padding(by={"left": left, "right": right, "top": top, "bottom": bottom}), x)


def identity(head: Head, row: Row, path: str, x: int) -> int:
    """`nn.Identity()`."""
    return head.add(path, act.Identity(), x)


def batch_norm(head: Head, row: Row, path: str, x: int) -> int:
    """`nn.BatchNorm2d`, whose channels are those of the layer above."""
    return head.add(path, BatchNorm(), x)


def several_convs(head: Head, row: Row, path: str, x: int) -> list[int]:
    """`CBLinear(c1, c2s, k, s)`, which returns several values."""
    widths = row.numbers(0, "channels")
    if min(widths) < 1 or sum(widths) > LARGEST:
        raise row.problem(f"the channels must be at least 1, and at most {LARGEST:,} together")
    return blocks.several_convs(head, path, x, widths, row.integer(1, "kernel", 1), row.integer(2, "stride", 1))


def fuse(head: Head, row: Row, chosen: list[int], last: int) -> int:
    """`CBFuse(idx)`: values that are resized to the last one, and their sum."""
    height, width, _ = head.shape(last)
    same = []
    for number, value in enumerate(chosen):
        fits = head.shape(value)[:2] == (height, width)
        resize = Resize(to=(height, width))
        same.append(value if fits else head.add(f"{row.path}.resize{number}", resize, value))
    return head.add(f"{row.path}.add", Add(), *same, last)
