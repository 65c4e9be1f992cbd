"""Attention over the positions of a feature map."""

from __future__ import annotations

from cnncalc.layers.attention import Attend
from cnncalc.layers.norm import Scale
from cnncalc.layers.reshape import Reshape, Slice
from cnncalc.readers.ultralytics.blocks import c3k
from cnncalc.readers.ultralytics.parts import Parts

MOST_PER_HEAD = 64  # channels for each head of attention


def attention(parts: Parts, path: str, x: int, share: float, heads: int) -> int:
    """`Attention`: queries and keys have a share of the channels of the values, to whose result a convolution is added."""
    channels = parts.width(x)
    if channels % heads:
        raise parts.row.problem(f"cannot split {channels} channels into {heads} heads", code="groups-do-not-divide")
    keys = heads * parts.part(channels // heads, share)
    return _attend(parts, path, x, keys, heads, 1, 3)


def _attend(parts: Parts, path: str, x: int, keys: int, heads: int, areas: int, kernel: int) -> int:
    height, width, channels = parts.shape(x)
    positions = height * width
    if positions % areas:
        text = f"cannot split {height}x{width} positions into {areas} areas"
        raise parts.row.problem(text, "use an input whose sides are multiples of 64", "groups-do-not-divide")
    lead = (areas, positions // areas) if areas > 1 else (positions,)
    three = parts.conv(f"{path}.qkv", x, channels + 2 * keys, act=False)
    cuts, images = [], []
    for name, start, length in (("query", 0, keys), ("key", keys, keys), ("value", 2 * keys, channels)):
        images.append(parts.add(f"{path}.{name}", Slice(start=start, stop=start + length), three))
        cuts.append(parts.add(f"{path}.{name}.steps", Reshape(to=(*lead, length)), images[-1]))
    y = parts.add(f"{path}.attend", Attend(heads=heads), *cuts)
    y = parts.add(f"{path}.image", Reshape(to=(height, width, channels)), y)
    place = parts.conv(f"{path}.pe", images[-1], channels, kernel, groups=channels, act=False)
    return parts.conv(f"{path}.proj", parts.plus(path, y, place), channels, act=False)


def attention_block(parts: Parts, path: str, x: int) -> int:
    """`PSABlock`: attention and two 1x1 convolutions, each with a shortcut."""
    channels = parts.width(x)
    y = attention(parts, f"{path}.attn", x, 0.5, max(channels // MOST_PER_HEAD, 1))
    return feed_forward(parts, path, "ffn", parts.plus(f"{path}.attn_sum", x, y), 2 * channels)


def feed_forward(parts: Parts, path: str, name: str, x: int, wide: int) -> int:
    """Two 1x1 convolutions with a shortcut."""
    y = parts.conv(f"{path}.{name}.0", x, wide)
    y = parts.conv(f"{path}.{name}.1", y, parts.width(x), act=False)
    return parts.plus(f"{path}.{name}_sum", x, y)


def half_attention(parts: Parts, path: str, x: int, filters: int, count: int | None, share: float) -> int:
    """`C2PSA`, or `PSA` with one block that is not in a list: half of the channels go through attention."""
    channels = parts.width(x)
    if channels != filters:
        text = f"needs as many output as input channels, but has {filters} and {channels}"
        raise parts.row.problem(text, f"write {channels} before the width multiple", "sizes-differ")
    width = parts.part(channels, share)
    first, second = parts.halves(f"{path}.split", parts.conv(f"{path}.cv1", x, 2 * width))
    if count is None:
        second = attention_block(parts, path, second)
    for number in range(count or 0):
        second = attention_block(parts, f"{path}.m.{number}", second)
    return parts.conv(f"{path}.cv2", parts.concat(path, first, second), channels)


def area_stages(
    parts: Parts, path: str, x: int, filters: int, count: int, *, areas: int | None, residual: bool, growth: float,
    share: float, groups: int, shortcut: bool,
) -> int:  # fmt: skip
    """`A2C2f` of YOLO12: blocks with attention within areas, or C3k without it (`areas` None)."""
    width = parts.part(filters, share)
    if width % 32:
        raise parts.row.problem(
            f"has {width} inner channels, which must be a multiple of 32", code="groups-do-not-divide"
        )
    found = [parts.conv(f"{path}.cv1", x, width)]
    for number in range(count):
        y = found[-1]
        if areas is None:
            found.append(c3k(parts, f"{path}.m.{number}", y, width, shortcut, groups))
            continue
        for half in range(2):
            block = f"{path}.m.{number}.{half}"
            attended = _attend(parts, f"{block}.attn", y, width, width // 32, areas, 7)
            y = feed_forward(parts, block, "mlp", parts.plus(f"{block}.attn_sum", y, attended), int(width * growth))
        found.append(y)
    y = parts.conv(f"{path}.cv2", parts.concat(path, *found), filters)
    if areas is None or not residual:
        return y
    return parts.plus(path, x, parts.add(f"{path}.gamma", Scale(), y))
