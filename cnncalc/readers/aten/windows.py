"""Read operations with a sliding window: convolutions, poolings, and the padding around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncalc.layers import conv, pool, reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.views import Blur
from cnncalc.readers.aten.events import Event, Var
from cnncalc.readers.aten.graph import Graph
from cnncalc.readers.aten.layers import Handler, per_axis, single_if_equal, window_order
from cnncalc.readers.axes import visible

SIDES = {1: ("start", "end"), 2: ("top", "bottom", "left", "right"),
         3: ("front", "back", "top", "bottom", "left", "right")}  # fmt: skip

MODES = {mode: mode for mode in ("reflect", "replicate", "circular")}


def is_absorbed(event: Event) -> bool:
    """Return whether a `pad` becomes the padding of the only layer that reads its result.

    It does not if that layer would pad with other values, or if the padding is a module.
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
        kernel = per_axis(user.args["kernel_size"], rank)[::-1]
        small = all(max(cells[2 * i : 2 * i + 2]) < kernel[i] for i in range(len(cells) // 2))
        if fill != float("-inf") or not small or user.args["ceil_mode"]:
            return False
    elif user.op not in ("conv1d", "conv2d", "conv3d") or fill != 0 or user.args["padding"] == "same":
        return False
    # padding that the layer could have done itself, in part or in full, is an additional copy in memory
    padding = user.args["padding"]
    uneven = any(before != after for before, after in _sides(event, rank))
    return uneven and (padding == "valid" or not any(per_axis(padding, rank)))


def _pads_itself(event: Event, user: Event) -> bool:
    """Return whether this is the padding that a convolution module with a `padding_mode` does itself."""
    rank = int(next((letter for letter in user.op if letter.isdigit()), "0"))
    cells = list(event.args["pad"])
    return (
        event.call.leaf
        and event.call is user.call
        and user.op in ("conv1d", "conv2d", "conv3d")
        and user.inputs[0] is event.out
        and len(cells) <= 2 * rank
        and not any(per_axis(user.args["padding"], rank))
    )


def _sides(pad: Event, rank: int) -> list[tuple[int, int]]:
    """Return the cells before and after each spatial axis."""
    cells = list(pad.args["pad"])
    pairs = [(cells[i], cells[i + 1]) for i in range(0, len(cells), 2)][::-1]
    return [(0, 0)] * (rank - len(pairs)) + pairs


def _fields(
    event: Event, x: Var, rank: int, kernel: Sequence[int], padding: Any, around: Sequence[tuple[int, int]] = ()
) -> dict[str, Any] | None:
    """Return the fields kernel, stride, pad and dilation, or None if there are too many axes.

    A batch that forward creates is an axis with a window of 1. `around` adds cells before and after each axis.
    """
    strides = per_axis(event.args.get("stride") or kernel, rank)
    dilations = per_axis(event.args.get("dilation", 1), rank)
    kernel = list(kernel)
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
        pads = [(total // 2, total - total // 2) for total in totals]
    else:
        pads = [(p, p) for p in per_axis(0 if padding == "valid" else padding, rank)]
    if around:
        pads = [(a + c, b + d) for (a, b), (c, d) in zip(pads, around, strict=True)]
    if len(window_order(x, rank)) > rank + 1:
        kernel, strides, dilations, pads = [1, *kernel], [1, *strides], [1, *dilations], [(0, 0), *pads]
        rank += 1
    if rank > 3 or len(window_order(x, rank)) < 2:
        return None
    if all(before == after for before, after in pads):
        pad: Any = single_if_equal([before for before, _ in pads])
    elif padding == "same" and not around:  # only the additional cells of one side are a copy in memory
        pad = "same"
    else:
        pad = dict(zip(SIDES[rank], [cells for pair in pads for cells in pair], strict=True))
    return {
        "kernel": single_if_equal(kernel),
        "stride": single_if_equal(strides),
        "dilation": single_if_equal(dilations),
        "pad": pad,
    }


def convolution(graph: Graph, event: Event) -> None:
    """Read conv1d to conv3d, and their transposed variants."""
    x, w, bias = event.args["input"], event.args["weight"], event.args.get("bias")
    rank = len(w.dims) - 2
    parameters = {"weight": w, "bias": bias}
    transposed = "transpose" in event.op
    groups = event.args["groups"]
    order = window_order(x, rank)
    around: Sequence[tuple[int, int]] = ()
    mode = "zeros"
    target = event
    if transposed:
        target, around = _with_crop(graph, event, rank)
    elif x.event is not None and id(x.event) in graph.absorbed:
        mode = MODES.get(x.event.args.get("mode", "constant"), "zeros")
        x, around = x.event.inputs[0], _sides(x.event, rank)
    fields = _fields(event, x, rank, w.dims[2:], event.args["padding"], around)
    if fields is None or x.index is None or w.index is not None or (transposed and len(order) > rank + 1):
        graph.operator(
            event,
            window_order(event.out, rank),
            parameters=parameters,
            name="convtranspose" if transposed else "conv",
            views=None,
        )
        return
    learned = bias is not None
    if transposed:
        extra = per_axis(event.args["output_padding"], rank)
        layer: Layer = conv.ConvTranspose(
            filters=w.dims[1] * groups, groups=groups, bias=learned, output_pad=single_if_equal(extra), **fields
        )
    else:
        layer = conv.Conv(filters=w.dims[0], groups=groups, bias=learned, mode=mode, **fields)
    graph.emit(target, layer, [graph.arrange(x, order, event.call)], order, parameters)


def _with_crop(graph: Graph, event: Event, rank: int) -> tuple[Event, list[tuple[int, int]]]:
    """Return a transposed convolution merged with a `pad` after it that crops its output, and the cells cropped."""
    none = [(0, 0)] * rank
    pad = event.out.users[0] if len(event.out.users) == 1 else None
    if pad is None or pad.op != "pad" or event.out in graph.record.outputs or pad.call.leaf:
        return event, none
    cells = list(pad.args["pad"])
    if pad.args.get("mode", "constant") != "constant" or len(cells) > 2 * rank or max(cells) > 0:
        return event, none
    graph.skipped.add(id(pad))
    whole = Event(event.op, event.args, event.inputs, pad.outs, event.call)
    whole.macs = event.macs
    return whole, [(-before, -after) for before, after in _sides(pad, rank)]


def pooling(graph: Graph, event: Event) -> None:
    """Read max_pool and avg_pool."""
    x = event.args["self"]
    most = "max" in event.op
    rank = int(next(letter for letter in event.op if letter.isdigit()))
    order = window_order(x, rank)
    kernel = per_axis(event.args["kernel_size"], rank)
    around: Sequence[tuple[int, int]] = ()
    if x.event is not None and id(x.event) in graph.absorbed:
        x, around = x.event.inputs[0], _sides(x.event, rank)
    fields = _fields(event, x, rank, kernel, event.args["padding"], around)
    if fields is None:
        graph.operator(event, order, views=(Blur(),))
        return
    if not most:
        del fields["dilation"]
    layer = (pool.MaxPool if most else pool.AvgPool)(ceil=bool(event.args["ceil_mode"]), **fields)
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order)
    for out in event.outs[1:]:  # the positions of the maxima have the same shape
        out.index, out.order = event.out.index, event.out.order


def adaptive(graph: Graph, event: Event) -> None:
    """Read adaptive_avg_pool and adaptive_max_pool."""
    x = event.args["self"]
    rank = int(next(letter for letter in event.op if letter.isdigit()))
    order = window_order(x, rank)
    if not 2 <= len(order) <= 4:
        graph.operator(event, order, views=None)
        return
    kind = pool.AdaptiveMaxPool if "max" in event.op else pool.AdaptiveAvgPool
    layer = kind(output=tuple(visible(event.out.dims, order)[:-1]))
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order)
    for out in event.outs[1:]:
        out.index, out.order = event.out.index, event.out.order


def pad(graph: Graph, event: Event) -> None:
    """Read pad: cells around the spatial axes, or channels of zeros at the end."""
    x, pads = event.args["self"], list(event.args["pad"])
    mode = event.args.get("mode", "constant")
    pairs = [(0, 0)] * (len(x.dims) - len(pads) // 2) + [(pads[i], pads[i + 1]) for i in range(0, len(pads), 2)][::-1]
    changed = [axis for axis, pair in enumerate(pairs) if pair != (0, 0)]
    if not changed or is_absorbed(event):
        graph.absorbed.add(id(event))
        graph.alias(event, x)
        return
    word = {"constant": "zeros", **MODES}.get(mode)
    order = x.order if set(changed) <= set(x.order[:-1]) else graph.channels_last_order(x)
    spatial = order[:-1]
    negative = min(pads) < 0
    if set(changed) <= set(spatial) and 1 <= len(spatial) <= 3 and word and not negative and x.index is not None:
        cells = [number for axis in spatial for number in pairs[axis]]
        by: Any = dict(zip(SIDES[len(spatial)], cells, strict=True))
        if len(set(cells)) == 1:
            by = cells[0]
        graph.emit(event, reshape.Padding(by=by, mode=word), [graph.arrange(x, order, event.call)], order)
    elif changed == list(x.order[-1:]) and pairs[changed[0]][0] == 0 and word == "zeros" and not negative:
        layer = reshape.ChannelPad(to=event.out.dims[changed[0]])
        graph.emit(event, layer, [x.index] if x.index is not None else [], x.order)
    else:
        order = x.order if set(changed) <= set(x.order) else graph.default_order(event.out.dims)
        graph.operator(event, order, views=(Blur(),))


RANKS = (1, 2, 3)
HANDLERS: dict[str, Handler] = {
    **dict.fromkeys([f"conv{rank}d" for rank in RANKS], convolution), "pad": pad,
    **dict.fromkeys([f"conv_transpose{rank}d" for rank in RANKS], convolution),
    **dict.fromkeys([f"{kind}_pool{rank}d" for kind in ("max", "avg") for rank in RANKS], pooling),
    **dict.fromkeys([f"max_pool{rank}d_with_indices" for rank in RANKS], pooling),
    **dict.fromkeys([f"adaptive_{kind}_pool{rank}d" for kind in ("max", "avg") for rank in RANKS], adaptive),
}  # fmt: skip
