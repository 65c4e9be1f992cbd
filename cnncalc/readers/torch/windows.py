"""Operations of PyTorch that slide a window: convolutions, poolings, and the padding around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncalc.layers import conv, pool, reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.views import Blur
from cnncalc.readers.axes import visible
from cnncalc.readers.torch.events import Event, Var
from cnncalc.readers.torch.graph import Book
from cnncalc.readers.torch.layers import Handler, each, last, sizes_of

SIDES = {1: ("start", "end"), 2: ("top", "bottom", "left", "right"),
         3: ("front", "back", "top", "bottom", "left", "right")}  # fmt: skip

MODES = {mode: mode for mode in ("reflect", "replicate", "circular")}


def absorbed(event: Event) -> bool:
    """Are the cells that a `pad` puts around a value for the next layer alone that layer's own padding?

    They are not where they hold something else than the layer itself would put there, or where the padding is a module of
    its own.
    """
    user = event.out.users[0] if len(event.out.users) == 1 else None
    if user is not None and event.args.get("mode", "constant") in MODES and _pads_itself(event, user):
        return True
    if (
        user is None
        or event.args.get("mode", "constant") != "constant"
        or (event.call.leaf and event.call is not user.call)
    ):
        return False
    cells, fill = list(event.args["pad"]), event.args.get("value") or 0
    rank = int(next((letter for letter in user.op if letter.isdigit()), "0"))
    if not user.inputs or user.inputs[0] is not event.out or len(cells) > 2 * rank or min(cells) < 0:
        return False
    if user.op.startswith("max_pool"):
        kernel = each(user.args["kernel_size"], rank)[::-1]
        small = all(max(cells[2 * i : 2 * i + 2]) < kernel[i] for i in range(len(cells) // 2))
        if fill != float("-inf") or not small or user.args["ceil_mode"]:
            return False
    elif user.op not in ("conv1d", "conv2d", "conv3d") or fill != 0 or user.args["padding"] == "same":
        return False
    # what the layer could pad by itself, in part or whole, is a copy more in memory
    own = user.args["padding"]
    uneven = any(before != after for before, after in _sides(event, rank))
    return uneven and (own == "valid" or not any(each(own, rank)))


def _pads_itself(event: Event, user: Event) -> bool:
    """Return whether it is the padding of a convolution's own module, which has a `padding_mode`."""
    rank = int(next((letter for letter in user.op if letter.isdigit()), "0"))
    cells = list(event.args["pad"])
    return (
        event.call.leaf
        and event.call is user.call
        and user.op in ("conv1d", "conv2d", "conv3d")
        and user.inputs[0] is event.out
        and len(cells) <= 2 * rank
        and not any(each(user.args["padding"], rank))
    )


def _sides(pad: Event, rank: int) -> list[tuple[int, int]]:
    """Cells in front of and behind every spatial axis."""
    cells = list(pad.args["pad"])
    pairs = [(cells[i], cells[i + 1]) for i in range(0, len(cells), 2)][::-1]
    return [(0, 0)] * (rank - len(pairs)) + pairs


def _fields(
    event: Event, x: Var, rank: int, kernel: Sequence[int], padding: Any, around: Sequence[tuple[int, int]] = ()
) -> dict[str, Any] | None:
    """Kernel, stride, pad, dilation; a batch made on the way is an axis with a window of 1. None where there are too many.

    `around` are further cells in front of and behind every axis.
    """
    strides = each(event.args.get("stride") or kernel, rank)
    dilations = each(event.args.get("dilation", 1), rank)
    kernel = list(kernel)
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
        pads = [(total // 2, total - total // 2) for total in totals]
    else:
        pads = [(p, p) for p in each(0 if padding == "valid" else padding, rank)]
    if around:
        pads = [(a + c, b + d) for (a, b), (c, d) in zip(pads, around, strict=True)]
    if len(last(x, rank)) > rank + 1:
        kernel, strides, dilations, pads = [1, *kernel], [1, *strides], [1, *dilations], [(0, 0), *pads]
        rank += 1
    if rank > 3 or len(last(x, rank)) < 2:
        return None
    if all(before == after for before, after in pads):
        pad: Any = sizes_of([before for before, _ in pads])
    elif padding == "same" and not around:  # only what one side has more is a copy in memory
        pad = "same"
    else:
        pad = dict(zip(SIDES[rank], [cells for pair in pads for cells in pair], strict=True))
    return {"kernel": sizes_of(kernel), "stride": sizes_of(strides), "dilation": sizes_of(dilations), "pad": pad}


def convolution(book: Book, event: Event) -> None:
    """conv1d to conv3d, and their transposes."""
    x, w, bias = event.args["input"], event.args["weight"], event.args.get("bias")
    rank = len(w.dims) - 2
    held = {"weight": w, "bias": bias}
    transposed = "transpose" in event.op
    groups = event.args["groups"]
    order = last(x, rank)
    around: Sequence[tuple[int, int]] = ()
    mode = "zeros"
    target = event
    if transposed:
        target, around = _cut_off(book, event, rank)
    elif x.event is not None and id(x.event) in book.absorbed:
        mode = MODES.get(x.event.args.get("mode", "constant"), "zeros")
        x, around = x.event.inputs[0], _sides(x.event, rank)
    fields = _fields(event, x, rank, w.dims[2:], event.args["padding"], around)
    if fields is None or x.index is None or w.index is not None or (transposed and len(order) > rank + 1):
        book.operator(
            event, last(event.out, rank), held=held, name="convtranspose" if transposed else "conv", views=None
        )
        return
    learned = bias is not None
    if transposed:
        extra = each(event.args["output_padding"], rank)
        layer: Layer = conv.ConvTranspose(
            filters=w.dims[1] * groups, groups=groups, bias=learned, output_pad=sizes_of(extra), **fields
        )
    else:
        layer = conv.Conv(filters=w.dims[0], groups=groups, bias=learned, mode=mode, **fields)
    book.emit(target, layer, [book.aligned(x, order, event.call)], order, held)


def _cut_off(book: Book, event: Event, rank: int) -> tuple[Event, list[tuple[int, int]]]:
    """A transposed convolution together with the pad behind it that cuts cells off, and these cells."""
    none = [(0, 0)] * rank
    pad = event.out.users[0] if len(event.out.users) == 1 else None
    if pad is None or pad.op != "pad" or event.out in book.record.outputs or pad.call.leaf:
        return event, none
    cells = list(pad.args["pad"])
    if pad.args.get("mode", "constant") != "constant" or len(cells) > 2 * rank or max(cells) > 0:
        return event, none
    book.skipped.add(id(pad))
    whole = Event(event.op, event.args, event.inputs, pad.outs, event.call)
    whole.macs = event.macs
    return whole, [(-before, -after) for before, after in _sides(pad, rank)]


def pooling(book: Book, event: Event) -> None:
    """max_pool and avg_pool."""
    x = event.args["self"]
    most = "max" in event.op
    rank = int(next(letter for letter in event.op if letter.isdigit()))
    order = last(x, rank)
    kernel = each(event.args["kernel_size"], rank)
    around: Sequence[tuple[int, int]] = ()
    if x.event is not None and id(x.event) in book.absorbed:
        x, around = x.event.inputs[0], _sides(x.event, rank)
    fields = _fields(event, x, rank, kernel, event.args["padding"], around)
    if fields is None:
        book.operator(event, order, views=(Blur(),))
        return
    if not most:
        del fields["dilation"]
    layer = (pool.MaxPool if most else pool.AvgPool)(ceil=bool(event.args["ceil_mode"]), **fields)
    book.emit(event, layer, [book.aligned(x, order, event.call)], order)
    for out in event.outs[1:]:  # the places of the maxima are as many
        out.index, out.order = event.out.index, event.out.order


def adaptive(book: Book, event: Event) -> None:
    """adaptive_avg_pool and adaptive_max_pool."""
    x = event.args["self"]
    rank = int(next(letter for letter in event.op if letter.isdigit()))
    order = last(x, rank)
    if not 2 <= len(order) <= 4:
        book.operator(event, order, views=None)
        return
    kind = pool.AdaptiveMaxPool if "max" in event.op else pool.AdaptiveAvgPool
    layer = kind(output=tuple(visible(event.out.dims, order)[:-1]))
    book.emit(event, layer, [book.aligned(x, order, event.call)], order)
    for out in event.outs[1:]:
        out.index, out.order = event.out.index, event.out.order


def padded(book: Book, event: Event) -> None:
    """pad: cells around the spatial axes, or channels of zeros behind."""
    x, pads = event.args["self"], list(event.args["pad"])
    mode = event.args.get("mode", "constant")
    pairs = [(0, 0)] * (len(x.dims) - len(pads) // 2) + [(pads[i], pads[i + 1]) for i in range(0, len(pads), 2)][::-1]
    changed = [axis for axis, pair in enumerate(pairs) if pair != (0, 0)]
    if not changed or absorbed(event):
        book.absorbed.add(id(event))
        book.same(event, x)
        return
    word = {"constant": "zeros", **MODES}.get(mode)
    order = x.order if set(changed) <= set(x.order[:-1]) else book.channels_last(x)
    spatial = order[:-1]
    negative = min(pads) < 0
    if set(changed) <= set(spatial) and 1 <= len(spatial) <= 3 and word and not negative and x.index is not None:
        cells = [number for axis in spatial for number in pairs[axis]]
        by: Any = dict(zip(SIDES[len(spatial)], cells, strict=True))
        if len(set(cells)) == 1:
            by = cells[0]
        book.emit(event, reshape.Padding(by=by, mode=word), [book.aligned(x, order, event.call)], order)
    elif changed == list(x.order[-1:]) and pairs[changed[0]][0] == 0 and word == "zeros" and not negative:
        layer = reshape.ChannelPad(to=event.out.dims[changed[0]])
        book.emit(event, layer, [x.index] if x.index is not None else [], x.order)
    else:
        order = x.order if set(changed) <= set(x.order) else book.natural(event.out.dims)
        book.operator(event, order, views=(Blur(),))


RANKS = (1, 2, 3)
HANDLERS: dict[str, Handler] = {
    **dict.fromkeys([f"conv{rank}d" for rank in RANKS], convolution), "pad": padded,
    **dict.fromkeys([f"conv_transpose{rank}d" for rank in RANKS], convolution),
    **dict.fromkeys([f"{kind}_pool{rank}d" for kind in ("max", "avg") for rank in RANKS], pooling),
    **dict.fromkeys([f"max_pool{rank}d_with_indices" for rank in RANKS], pooling),
    **dict.fromkeys([f"adaptive_{kind}_pool{rank}d" for kind in ("max", "avg") for rank in RANKS], adaptive),
}  # fmt: skip
