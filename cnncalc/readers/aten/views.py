"""Read operations that move, cut, join or reduce values."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.layers import dense, merge, pool, reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.layers.views import Blur, reduction
from cnncalc.readers.aten.elementwise import HANDLERS as ELEMENTWISE
from cnncalc.readers.aten.events import Dims, Event, Var
from cnncalc.readers.aten.graph import Graph
from cnncalc.readers.aten.layers import Handler
from cnncalc.readers.aten.memory import amax_operations
from cnncalc.readers.axes import visible
from cnncalc.shape import Shape

# -- views ------------------------------------------------------------------------------------------------------------


def groups(old: Dims, new: Dims) -> list[tuple[list[int], list[int]]]:
    """Return which old axes become which new axes in a view. Axes of length 1 are left out.

    >>> groups((1, 64, 7, 7), (1, 64, 49)), groups((1, 12, 5), (1, 3, 4, 5))
    ([([1], [1]), ([2, 3], [2])], [([1], [1, 2]), ([2], [3])])
    """
    a = [axis for axis, length in enumerate(old) if length != 1]
    b = [axis for axis, length in enumerate(new) if length != 1]
    pairs = []
    i = j = 0
    while i < len(a) and j < len(b):
        left, right = [a[i]], [b[j]]
        m, n = old[a[i]], new[b[j]]
        i, j = i + 1, j + 1
        while m != n:
            if m < n:
                left.append(a[i])
                m, i = m * old[a[i]], i + 1
            else:
                right.append(b[j])
                n, j = n * new[b[j]], j + 1
        pairs.append((left, right))
    return pairs


def view(graph: Graph, event: Event, x: Var, k: int = 0, index: int | None = None) -> None:
    """Add a reshape, or nothing if the shape that cnncalc shows stays the same."""
    out = event.outs[k]
    new = out.dims
    if x.dims == new and index is None:
        graph.alias(event, x, k=k)
        return
    pairs = groups(x.dims, new)
    long = [axis for axis in x.order if x.dims[axis] != 1]
    first = {left[0]: (left, right) for left, right in pairs}
    contiguous = all(left == long[long.index(left[0]) : long.index(left[0]) + len(left)] for left, _ in pairs)
    source = x.index
    if not contiguous and len([axis for axis, length in enumerate(new) if length != 1]) > 1:
        mapped = {axis: left for left, _ in pairs for axis in left}
        joined: list[int] = []
        for axis in long:
            joined += [each for each in mapped[axis] if each not in joined]
        wanted = (*[axis for axis in x.order if x.dims[axis] == 1], *joined)
        source = graph.arrange(x, wanted, event.call)
        long = joined
    order = [axis for start in long if start in first for axis in first[start][1]]
    if not contiguous and source == x.index:  # all in one axis
        order = [axis for axis, length in enumerate(new) if length != 1]
    ones = [axis for axis, length in enumerate(new) if length == 1 and axis]
    full = sorted([*order, *ones]) if order == sorted(order) else [*ones, *order]
    assert source is not None
    shape = graph.builder.shape(source)
    for candidate in (order, full):
        if visible(new, candidate) == shape and len(candidate or [0]) == len(shape):
            out.index, out.order = source, tuple(candidate)
            return
    wide = graph.channels_last_order(out)
    if (
        out.channels_first and [axis for axis in wide if new[axis] != 1] == order
    ):  # an image of one channel, or of one row
        order = list(wide)
    elif event.call.leaf or not order:
        order = full
    to, target = visible(new, order), tuple(order)
    layer: Layer = reshape.Flatten() if len(to) == 1 else reshape.Reshape(to=tuple(to))
    graph.emit(event, layer, [source], target, k=k)


def reshape_view(graph: Graph, event: Event) -> None:
    """Read view, reshape, flatten, unflatten, squeeze and unsqueeze, also of each tensor of a list as in hstack."""
    for k, _ in enumerate(event.outs):
        view(graph, event, event.inputs[k], k)


def same_value(graph: Graph, event: Event) -> None:
    """Read copies and views of a whole value: they are the same value. A view of another size is an unknown part."""
    x = event.inputs[0]
    if x.dims == event.out.dims:
        graph.alias(event, x)
    else:
        graph.operator(event, in_place=True, views=(Blur(),))


def permute(graph: Graph, event: Event) -> None:
    """Read permute, transpose and similar operations: the order of the axes changes, the node stays."""
    x, args = event.inputs[0], event.args
    rank = len(x.dims)
    axes = list(range(rank))
    if event.op == "permute":
        axes = [axis % rank for axis in args["dims"]]
    elif event.op in ("movedim", "moveaxis"):
        source, target = ([axis % rank for axis in _listed(args[name])] for name in ("source", "destination"))
        rest = iter([axis for axis in axes if axis not in source])
        axes = [source[target.index(place)] if place in target else next(rest) for place in range(rank)]
    elif event.op in ("numpy_T", "t", "mH", "H"):
        axes = axes[::-1]
    else:
        names = {"transpose": ("dim0", "dim1"), "swapaxes": ("axis0", "axis1"), "swapdims": ("dim0", "dim1")}
        a, b = (args[name] % rank for name in names[event.op]) if event.op in names else (rank - 2, rank - 1)
        axes[a], axes[b] = axes[b], axes[a]
    if axes[:1] != [0]:
        graph.memory.hidden = True  # if the batch axis moves, several examples are laid out differently from one
    graph.alias(event, x, tuple(axes.index(axis) for axis in x.order))


def _listed(value: int | list[int]) -> list[int]:
    return [value] if isinstance(value, int) else value


def expand(graph: Graph, event: Event) -> None:
    """Read expand, repeat and similar operations."""
    x = event.inputs[0]
    if x.dims == event.out.dims:
        graph.alias(event, x)
        return
    shift = len(event.out.dims) - len(x.dims)
    order = tuple(axis + shift for axis in x.order)
    order = (*[a for a in range(len(event.out.dims)) if a not in order and event.out.dims[a] != 1], *order)
    graph.operator(event, order, in_place=event.op.startswith("expand"), views=(Blur(),))


# -- slices and concatenation -----------------------------------------------------------------------------------------


def _slice(
    graph: Graph, event: Event, x: Var, axis: int, part: tuple[int, int, int], k: int, drop: bool = False
) -> None:
    """Add a slice of a value along an axis. With `drop`, the axis is removed."""
    start, stop, step = part
    out = event.outs[k]
    if not (out.users or out in graph.record.outputs):
        return
    length = x.dims[axis]
    dims = (*x.dims[:axis], len(range(start, stop, step)), *x.dims[axis + 1 :])
    if dims == x.dims and (start, step) == (0, 1):
        if drop:
            view(graph, event, x, k, axis)
        else:
            graph.alias(event, x, k=k)
        return
    if axis not in x.order or len(x.order) > 4 or not 0 <= start < stop <= length or step < 1:
        graph.operator(event, None, k=k, in_place=True, views=(Blur(),))
        return
    names = [*Shape(visible(x.dims, x.order)).axes, "channels"]
    layer = reshape.Slice(start=start, stop=stop, step=step, axis=names[x.order.index(axis)])
    assert x.index is not None
    if not drop:
        graph.emit(event, layer, [x.index], x.order, k=k)
        return
    between = Var(dims)
    between.memory = out.memory
    part_of = Event("slice", event.args, event.inputs, [between], event.call)
    graph.emit(part_of, layer, [x.index], x.order)
    view(graph, event, between, k, axis)


def slice_axis(graph: Graph, event: Event) -> None:
    """Read slice and narrow."""
    x, args = event.args["self"], event.args
    axis = args["dim"] % len(x.dims)
    length = x.dims[axis]
    if event.op == "narrow":
        start = args["start"]
        if isinstance(start, Var):
            graph.operator(event, x.order, in_place=True, views=(Blur(),))
            return
        bounds = (start % length if start < 0 else start, start + args["length"], 1)
    else:
        bounds = slice(args["start"], args["end"], args["step"]).indices(length)
    _slice(graph, event, x, axis, bounds, 0)


def select(graph: Graph, event: Event) -> None:
    """Read select: one index along an axis, which is removed."""
    x = event.args["self"]
    axis = event.args["dim"] % len(x.dims)
    place = event.args["index"]
    if isinstance(place, Var):
        graph.operator(event, None, in_place=True, views=(Blur(),))
        return
    place %= x.dims[axis]
    _slice(graph, event, x, axis, (place, place + 1, 1), 0, drop=True)


def split(graph: Graph, event: Event) -> None:
    """Read split, chunk and unbind: consecutive parts along an axis."""
    x = event.args["self"]
    axis = event.args["dim"] % len(x.dims)
    start = 0
    for k, out in enumerate(event.outs):
        drop = event.op == "unbind"
        size = 1 if drop else out.dims[axis]
        _slice(graph, event, x, axis, (start, start + size, 1), k, drop)
        start += size


def concat(graph: Graph, event: Event) -> None:
    """Read cat along an axis. A learned token before a sequence is a layer of kind classtoken."""
    xs = [x for x in event.args["tensors"] if x.size]
    out = event.out
    axis = event.args["dim"] % len(out.dims)
    active = [x for x in xs if x.index is not None]
    main = active[0]
    order = main.order if axis in main.order else tuple(sorted((*main.order, axis)))
    if len(active) == len(xs) and len(order) <= 4:
        names = [*Shape(visible(main.dims, order)).axes, "channels"]
        layer = merge.Concat(axis=names[order.index(axis)])
        graph.emit(event, layer, [graph.arrange(x, order, event.call) for x in active], order)
        return
    alone = len(xs) == 2 and xs[1] is main and len(main.order) == 2 and main.order[0] == axis
    if (
        alone
        and sum(tensor.size for tensor in xs[0].tensors) == xs[0].size == out.dims[-1]
        and main.order[1] == len(out.dims) - 1
    ):
        graph.emit(event, dense.ClassToken(), [main.index], main.order, {"weight": xs[0]})
        return
    graph.operator(event, order if all(x.order == main.order for x in active) else None, views=(Blur(),))


def gather(graph: Graph, event: Event) -> None:
    """Read operations that select parts of a value by index, or rows of a learned table by an input."""
    graph.operator(event, None, views=(Blur(),))


def select_by_value(graph: Graph, event: Event) -> None:
    """Read operations whose output size depends on values, and others that select, sort or look up values."""
    for k, out in enumerate(event.outs):
        if k == 0 or out.users or out in graph.record.outputs:
            graph.operator(event, None, {} if k else None, k, views=(Blur(),))


def pack_sequence(graph: Graph, event: Event) -> None:
    """Read _pack_padded_sequence. A single sequence of full length stays as it is."""
    x = event.args["input"]
    if x.index is not None and x.size == event.out.size:
        view(graph, event, x)
    else:
        select_by_value(graph, event)


def shift(graph: Graph, event: Event) -> None:
    """Read roll, flip and cumulative sums: values move along an axis."""
    graph.operator(event, event.inputs[0].order, views=(Blur(),))


def copy_value(graph: Graph, event: Event) -> None:
    """Read copy_ and fill_: the result is the value of the source."""
    source = event.args.get("src", event.args.get("value"))
    if isinstance(source, Var) and source.dims == event.out.dims:
        graph.alias(event, source)
    elif isinstance(source, Var) and source.index is not None:
        event.inputs = [source]
        graph.operator(event, None, views=(Blur(),))


# -- reductions -------------------------------------------------------------------------------------------------------


def reduce(graph: Graph, event: Event) -> None:
    """Read mean, sum, amax and similar reductions. Over all axes but the channels, mean and amax are global poolings."""
    x = event.inputs[0]
    rank = len(x.dims)
    dim = event.args.get("dim")
    axes = list(range(rank)) if dim in (None, []) else [axis % rank for axis in _listed(dim)]
    keeps_axes = len(event.out.dims) == rank  # with keepdim=True, and always for sort and topk
    places = {axis: axis if keeps_axes else axis - sum(1 for each in axes if each < axis) for axis in range(rank)}
    order = tuple(places[axis] for axis in x.order if keeps_axes or axis not in axes)
    long = {axis for axis in x.order if x.dims[axis] != 1}
    spatial = x.order[:-1]
    whole = 1 <= len(spatial) <= 3 and x.order[-1] not in axes and (set(axes) & long) == (set(spatial) & long)
    whole = whole and set(spatial) <= set(axes)
    layer: Layer | None = None
    if whole and event.op in ("mean", "amax"):
        if keeps_axes:
            layer = pool.AdaptiveAvgPool(output=1) if event.op == "mean" else pool.AdaptiveMaxPool(output=1)
        else:
            layer = pool.GlobalAvgPool() if event.op == "mean" else pool.GlobalMaxPool()
    if layer is not None and x.index is not None:
        if event.op == "amax":
            layer = Operator(layer.kind, layer.out(visible(x.dims, x.order)), like=layer, ops=amax_operations(event))
        graph.emit(event, layer, [x.index], order)
        return
    views = reduction(axes, [axis for axis in spatial if x.dims[axis] > 1], keeps_axes)
    for k, _ in enumerate(event.outs):
        graph.operator(event, order, k=k, views=views)


def names(text: str) -> Sequence[str]:
    """Split a text into names."""
    return text.split()


HANDLERS: dict[str, Handler] = {
    **ELEMENTWISE,
    **dict.fromkeys(names(
        "view reshape flatten unflatten squeeze unsqueeze _unsafe_view _reshape_alias view_as reshape_as ravel "
        "atleast_1d atleast_2d atleast_3d"), reshape_view),
    **dict.fromkeys(names(
        "contiguous clone detach alias to _to_copy type_as lift_fresh lift_fresh_copy data float double half requires_grad "
        "as_strided view_as_real view_as_complex real imag resolve_conj resolve_neg positive cpu cuda pin_memory"), same_value),
    **dict.fromkeys(names(
        "permute transpose swapaxes swapdims movedim moveaxis t numpy_T mT mH adjoint"), permute),
    **dict.fromkeys(names("expand expand_as repeat repeat_interleave tile broadcast_to"), expand),
    **dict.fromkeys(names("slice narrow"), slice_axis), "select": select,
    **dict.fromkeys(names("split split_with_sizes chunk unbind tensor_split unsafe_split unsafe_chunk"), split),
    **dict.fromkeys(names("cat concat concatenate"), concat),
    **dict.fromkeys(names("index index_select gather take_along_dim take stack diagonal tril triu unfold im2col col2im "
                          "overwrite _embedding_bag _embedding_bag_forward_only max_unpool2d max_unpool3d fractional_max_pool2d "
                "fractional_max_pool3d slice_scatter select_scatter index_add index_put scatter index_copy"), gather),
    **dict.fromkeys(names("nonzero nonzero_numpy masked_select masked_scatter unique_dim _unique2 unique_consecutive bincount "
                          "searchsorted bucketize argsort msort histc isin kthvalue mode scatter_add scatter_reduce index_fill "
                          "put nms roi_align roi_pool ps_roi_align ps_roi_pool _pad_packed_sequence one_hot"), select_by_value),
    "_pack_padded_sequence": pack_sequence,
    **dict.fromkeys(names("roll flip rot90 fliplr flipud cumsum cumprod cummax cummin logcumsumexp"), shift),
    **dict.fromkeys(names("copy fill zero"), copy_value),
    **dict.fromkeys(names(
        "mean sum amax amin max min var std prod logsumexp norm linalg_vector_norm var_mean std_mean any all argmax argmin "
        "count_nonzero topk sort median"), reduce),
}  # fmt: skip
