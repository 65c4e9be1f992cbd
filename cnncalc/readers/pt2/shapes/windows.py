"""Shapes of convolutions, poolings, padding and resizing."""

from __future__ import annotations

from math import floor

from cnncalc.readers.aten.events import Dims, Var
from cnncalc.readers.aten.windows import MODES
from cnncalc.readers.pt2.shapes.arguments import Arguments, Rule

_RANKS = (1, 2, 3)
_WINDOW = 10**6


def _rank(arguments: Arguments) -> int:
    return int(next(letter for letter in arguments.op if letter.isdigit()))


def _image(arguments: Arguments, name: str, rank: int) -> Var:
    return arguments.tensor(name, rank + 1, rank + 2)


def _window(length: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    room = length + padding - dilation * (kernel - 1) - 1
    count = -(-room // stride) if ceil else room // stride
    return max(count + 1, 0)


def _convolution(arguments: Arguments) -> list[Dims] | None:
    rank = _rank(arguments)
    x, w, bias = (
        _image(arguments, "input", rank),
        arguments.tensor("weight", rank + 2, rank + 2),
        arguments.maybe("bias"),
    )
    groups = arguments.integer("groups", 1, _WINDOW)
    strides = arguments.per_axis("stride", rank, 1, _WINDOW)
    dilations = arguments.per_axis("dilation", rank, 1, _WINDOW)
    channels = x.dims[-rank - 1]
    transposed = "transpose" in arguments.op
    if (w.dims[0] if transposed else w.dims[1] * groups) != channels or 0 in w.dims or w.dims[0] % groups:
        raise arguments.wrong("weight", f"does not fit {channels:,} channels in {groups:,} groups")
    filters = w.dims[1] * groups if transposed else w.dims[0]
    if bias is not None and bias.dims != (filters,):
        raise arguments.wrong("bias", f"does not have one number for each of the {filters:,} filters")
    lengths = x.dims[-rank:]
    if transposed:
        pads = arguments.per_axis("padding", rank, 0, _WINDOW)
        extra = arguments.per_axis("output_padding", rank, 0, _WINDOW)
        after = [
            (length - 1) * stride - 2 * pad + dilation * (kernel - 1) + more + 1
            for length, stride, pad, dilation, kernel, more in zip(
                lengths, strides, pads, dilations, w.dims[2:], extra, strict=True
            )
        ]
        return [(*x.dims[: -rank - 1], filters, *after)]
    if isinstance(arguments.values.get("padding"), str):
        mode = arguments.values["padding"]
        if mode not in ("same", "valid") or (mode == "same" and set(strides) != {1}):
            raise arguments.wrong("padding", "is neither `same` with a stride of 1 nor `valid`")
        totals = [d * (k - 1) if mode == "same" else 0 for d, k in zip(dilations, w.dims[2:], strict=True)]
    else:
        totals = [2 * pad for pad in arguments.per_axis("padding", rank, 0, _WINDOW)]
    after = [
        _window(length, kernel, stride, total, dilation, False)
        for length, kernel, stride, total, dilation in zip(lengths, w.dims[2:], strides, totals, dilations, strict=True)
    ]
    return [(*x.dims[: -rank - 1], filters, *after)]


def _pooling(arguments: Arguments) -> list[Dims] | None:
    rank = _rank(arguments)
    x = _image(arguments, "self", rank)
    kernels = arguments.per_axis("kernel_size", rank, 1, _WINDOW)
    strides = arguments.per_axis("stride", rank, 1, _WINDOW) if arguments.values.get("stride") else kernels
    pads = arguments.per_axis("padding", rank, 0, _WINDOW)
    most = "max" in arguments.op
    dilations = arguments.per_axis("dilation", rank, 1, _WINDOW) if most else [1] * rank
    ceil = bool(arguments.values.get("ceil_mode"))
    after = []
    for length, kernel, stride, pad, dilation in zip(x.dims[-rank:], kernels, strides, pads, dilations, strict=True):
        count = _window(length, kernel, stride, 2 * pad, dilation, ceil)
        if ceil and (count - 1) * stride >= length + pad:  # no window starts in the padding at the end
            count -= 1
        after.append(count)
    return [(*x.dims[:-rank], *after)] * len(arguments.event.outs)


def _adaptive(arguments: Arguments) -> list[Dims] | None:
    rank = _rank(arguments)
    x = _image(arguments, "self", rank)
    sizes = arguments.values.get("output_size")
    if isinstance(sizes, list) and None in sizes:
        return None
    after = arguments.per_axis("output_size", rank, 0, _WINDOW)
    return [(*x.dims[:-rank], *after)] * len(arguments.event.outs)


def _pad(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self")
    cells = arguments.integers("pad", -_WINDOW, _WINDOW)
    if arguments.values.get("mode", "constant") not in ("constant", *MODES):
        raise arguments.wrong("mode", "is not a mode of padding")
    value = arguments.values.get("value")
    if value is not None and not isinstance(value, (int, float, Var)):
        raise arguments.wrong("value", "is not a number")
    if len(cells) % 2 or len(cells) > 2 * len(x.dims):
        raise arguments.wrong("pad", f"has {len(cells)} numbers for {len(x.dims)} axes")
    dims = list(x.dims)
    for place in range(len(cells) // 2):
        dims[-1 - place] += cells[2 * place] + cells[2 * place + 1]
    return [tuple(dims)]


def _resize(arguments: Arguments) -> list[Dims] | None:
    x = arguments.first()
    rank = _rank(arguments)
    if len(x.dims) != rank + 2:
        raise arguments.wrong("self", f"has {len(x.dims)} dimensions instead of {rank + 2}")
    if arguments.values.get("output_size") is not None:
        return [(*x.dims[:2], *arguments.per_axis("output_size", rank, 1, _WINDOW))]
    factors = arguments.values.get("scale_factors")
    if not isinstance(factors, list) or len(factors) != rank:
        raise arguments.wrong("scale_factors", f"does not have one number for each of {rank} axes")
    for factor in factors:
        if not isinstance(factor, (int, float)) or not 0 < factor < _WINDOW:
            raise arguments.wrong("scale_factors", "contains what is not a factor")
    return [(*x.dims[:2], *(floor(length * factor) for length, factor in zip(x.dims[2:], factors, strict=True)))]


def _shuffle(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self", 3)
    *lead, channels, height, width = x.dims
    if arguments.op == "channel_shuffle":
        arguments.integer("groups", 1, max(channels, 1))
        return [x.dims]
    if arguments.op == "pixel_shuffle":
        factor = arguments.integer("upscale_factor", 1, 10_000)
        if channels % factor**2:
            raise arguments.wrong("upscale_factor", f"does not divide {channels:,} channels")
        return [(*lead, channels // factor**2, height * factor, width * factor)]
    factor = arguments.integer("downscale_factor", 1, 10_000)
    return [(*lead, channels * factor**2, height // factor, width // factor)]


RULES: dict[str, Rule] = {
    **{f"conv{rank}d": _convolution for rank in _RANKS}, **{f"conv_transpose{rank}d": _convolution for rank in _RANKS},
    **{f"{kind}_pool{rank}d": _pooling for kind in ("avg", "max") for rank in _RANKS},
    **{f"max_pool{rank}d_with_indices": _pooling for rank in _RANKS},
    **{f"adaptive_{kind}_pool{rank}d": _adaptive for kind in ("avg", "max") for rank in _RANKS}, "pad": _pad,
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_linear1d",
                     "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d", "_upsample_nearest_exact2d",
                     "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"), _resize),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle", "channel_shuffle"), _shuffle),
}  # fmt: skip
