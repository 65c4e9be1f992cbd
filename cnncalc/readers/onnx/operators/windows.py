"""Read ONNX operators with windows, convolutions and poolings, and padding."""

from __future__ import annotations

from typing import Any

from cnncalc.layers import conv, pool, reshape
from cnncalc.layers.operator import Operator
from cnncalc.layers.views import Blur
from cnncalc.layers.window import same
from cnncalc.problem import Problem, Refused
from cnncalc.readers.axes import Dims, format_dims, sizes_of, visible
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.onnx.operators.common import Handler, build_layer, following_bias
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.text import show

SIDES = {1: ("start", "end"), 2: ("top", "bottom", "left", "right"),
         3: ("front", "back", "top", "bottom", "left", "right")}  # fmt: skip


def convolution(r: Reader, step: Operation, w_at: int = 1, b_at: int = 2) -> None:
    """Read Conv, QLinearConv and ConvInteger, which differ in the places of weight and bias."""
    x, w, b = r.channels_last(step.required(0)), step.required(w_at), step.input(b_at)
    if len(w.dims) != len(x.dims) or len(w.dims) < 3:
        step.raise_invalid(f"weights of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    groups = step.attributes.get("group", 1)
    if groups < 1 or w.dims[1] * groups != x.dims[1]:
        step.raise_invalid(
            f"weights of {format_dims(w.dims)} in {groups} groups need {w.dims[1] * groups} channels, not {x.dims[1]}"
        )
    kernel = _kernel(step, w.dims[2:])
    bias = b is not None or following_bias(r, step, w.dims[0], len(x.dims) - 2)
    fields = _window_fields(r, step, x, kernel)
    layer = build_layer(step, conv.Conv, filters=w.dims[0], groups=groups, bias=bool(bias), **fields)
    parameters = {"weight": w, "bias": b if b is not None else bias if isinstance(bias, Value) else None}
    r.add_layer(step, layer, [x], x.order, len(x.dims), parameters)


def transposed_convolution(r: Reader, step: Operation) -> None:
    """Read ConvTranspose with output_padding, output_shape and auto_pad."""
    x, w, b = r.channels_last(step.required(0)), step.required(1), step.input(2)
    rank, groups = len(x.dims) - 2, step.attributes.get("group", 1)
    if len(w.dims) != len(x.dims) or rank < 1 or w.dims[0] != x.dims[1] or groups < 1:
        step.raise_invalid(f"weights of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    kernel = _kernel(step, w.dims[2:])
    strides, dilations = _per_axis(step, "strides", rank), _per_axis(step, "dilations", rank)
    extra = _per_axis(step, "output_padding", rank, 0)
    pads = list(step.attributes.get("pads") or [0] * 2 * rank)
    if len(pads) != 2 * rank:
        step.raise_invalid(f"pads {show(pads)} do not fit {rank} axes")
    auto, target = step.attributes.get("auto_pad", "NOTSET"), step.attributes.get("output_shape")
    if target and len(target) not in (rank, rank + 2):
        step.raise_invalid(f"output_shape {show(target)} does not fit {rank} axes")
    if not target and auto in ("SAME_UPPER", "SAME_LOWER"):
        target = [x.dims[axis + 2] * strides[axis] for axis in range(rank)]
    if auto == "VALID":
        pads = [0] * 2 * rank
    if target:
        for axis, length in enumerate(list(target)[-rank:]):
            reach = dilations[axis] * (kernel[axis] - 1) + 1
            total = strides[axis] * (x.dims[axis + 2] - 1) + extra[axis] + reach - length
            if total < 0:
                extra[axis], total = extra[axis] - total, 0
            small, large = total // 2, total - total // 2
            upper = auto == "SAME_UPPER"  # an odd cell is cut off at the end; otherwise ONNX cuts it off at the start
            pads[axis], pads[axis + rank] = (small, large) if upper else (large, small)
    if x.dims[0] != 1:
        step.raise_unsupported(
            f"its input has a batch of {x.dims[0]} that the network itself creates", "export the model for one example"
        )
    if min(pads) < 0:
        step.raise_unsupported("its pads are negative")
    filters = w.dims[1] * groups
    fields: dict[str, Any] = {"kernel": sizes_of(kernel), "stride": sizes_of(strides), "dilation": sizes_of(dilations)}
    fields |= {"filters": filters, "groups": groups, "bias": b is not None, "pad": _pad(rank, pads)}
    parameters = {"weight": w, "bias": b}
    if all(cells < max(strides[a], dilations[a]) for a, cells in enumerate(extra)):
        layer = build_layer(step, conv.ConvTranspose, output_pad=sizes_of(extra), **fields)
    else:  # PyTorch does not allow that much
        windows = [
            TransposedWindow(kernel[a], strides[a], pads[a], pads[a + rank], dilations[a], extra[a])
            for a in range(rank)
        ]
        like = build_layer(step, conv.ConvTranspose, **fields)
        lengths = [window.out(x.dims[a + 2]) for a, window in enumerate(windows)]
        layer = Operator(like.kind, Shape((*lengths, filters)), like=like)
    r.add_layer(step, layer, [x], x.order, len(x.dims), parameters)


def pooling(r: Reader, step: Operation) -> None:
    """Read MaxPool, AveragePool and LpPool."""
    x = r.channels_last(step.required(0))
    kernel = list(step.attributes.get("kernel_shape") or [])
    fields = _window_fields(r, step, x, kernel)
    fields["ceil"] = bool(step.attributes.get("ceil_mode", 0)) and step.attributes.get("auto_pad", "NOTSET") == "NOTSET"
    most = step.op == "MaxPool"
    dilation = fields["dilation"]
    if not most:
        del fields["dilation"]
    layer = build_layer(step, pool.MaxPool if most else pool.AvgPool, **fields)
    windows = layer.windows(visible(x.dims, x.order))
    assert windows is not None
    if not most and dilation != 1:
        each = dilation if isinstance(dilation, tuple) else (dilation,) * len(windows)
        windows = tuple(
            Window(one.kernel, one.stride, one.before, one.after, d, one.ceil)
            for one, d in zip(windows, each, strict=True)
            if isinstance(one, Window)
        )
    loose = dilation != 1 and not most
    plain = [one for one in windows if isinstance(one, Window)]
    for one in plain:
        if max(one.before, one.after) >= one.reach:
            step.raise_invalid(
                f"its padding of {max(one.before, one.after)} is not smaller than its window of {one.reach}"
            )
        loose = loose or max(one.before, one.after) > one.kernel // 2
    if loose or step.op == "LpPool":
        shape = visible(x.dims, x.order)
        try:
            lengths = [one.out(width) for one, width in zip(plain, shape, strict=False)]
        except Problem as problem:
            problem.text = f"`{show(step.label)}`: {problem.text}"
            raise Refused([problem]) from None
        kind = layer.kind if step.op != "LpPool" else "lppool"
        layer = Operator(kind, Shape((*lengths, shape[-1])), views=tuple(plain))
    value = r.add_layer(step, layer, [x], x.order, len(x.dims))
    r.set_output(step, value, 1)  # the indices of the maxima have the same shape


def global_pooling(r: Reader, step: Operation) -> None:
    """Read GlobalAveragePool and GlobalMaxPool, which keep the axes with length 1."""
    x = r.channels_last(step.required(0))
    if len(x.dims) < 3:
        step.raise_invalid(f"its input of {format_dims(x.dims)} has no axes to pool")
    kind = pool.AdaptiveMaxPool if "Max" in step.op else pool.AdaptiveAvgPool
    if len(x.order) <= 4 and x.dims[0] == 1:
        r.add_layer(step, build_layer(step, kind, output=1), [x], x.order, len(x.dims))
    else:
        r.add_operator(step, (*x.dims[:2], *[1] * (len(x.dims) - 2)), [x], x.order, views=None)


def _window_fields(r: Reader, step: Operation, x: Value, kernel: list[int]) -> dict[str, Any]:
    """Return kernel, stride, pad and dilation of a layer with windows. A batch other than 1 becomes an axis with kernel 1."""
    rank, given = len(x.dims) - 2, step.attributes
    if rank < 1 or rank > 3 or len(kernel) != rank:
        step.raise_invalid(f"a window with {len(kernel)} axes does not fit an input with {len(x.dims)} dimensions")
    strides = _per_axis(step, "strides", rank)
    dilations = _per_axis(step, "dilations", rank)
    pads = list(given.get("pads") or [0] * 2 * rank)
    if len(pads) != 2 * rank or min(pads) < 0:
        step.raise_invalid(
            f"pads {show(pads)} do not fit {rank} axes", "export it with one number of at least 0 for each side"
        )
    auto = given.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        found = [same(x.dims[a + 2], dilations[a] * (kernel[a] - 1) + 1, max(strides[a], 1)) for a in range(rank)]
        found = [pair[::-1] for pair in found] if auto == "SAME_LOWER" else found
        pads = [pair[0] for pair in found] + [pair[1] for pair in found]
    elif auto == "VALID":
        pads = [0] * 2 * rank
    elif auto != "NOTSET":
        step.raise_invalid(f"ONNX has no auto_pad {show(auto)}")
    if x.dims[0] != 1:  # a batch that the network itself creates
        kernel, strides, dilations = [1, *kernel], [1, *strides], [1, *dilations]
        pads = [0, *pads[:rank], 0, *pads[rank:]]
        rank += 1
    fields = {"kernel": sizes_of(kernel), "stride": sizes_of(strides), "dilation": sizes_of(dilations)}
    return {**fields, "pad": _pad(rank, pads) if rank <= 3 else tuple(pads)}


def _per_axis(step: Operation, name: str, rank: int, otherwise: int = 1) -> list[int]:
    numbers = list(step.attributes.get(name) or [otherwise] * rank)
    if len(numbers) != rank:
        step.raise_invalid(f"{name} {show(numbers)} do not fit {rank} axes")
    return numbers


def _pad(rank: int, pads: list[int]) -> Any:
    before, after = pads[:rank], pads[rank:]
    if before == after:
        return sizes_of(before)
    both = [cells for pair in zip(before, after, strict=True) for cells in pair]
    return dict(zip(SIDES[rank], both, strict=True))


def _kernel(step: Operation, dims: Dims) -> list[int]:
    kernel = list(step.attributes.get("kernel_shape") or dims)
    if kernel != list(dims):
        step.raise_invalid(f"kernel_shape {show(kernel)} differs from the weights' {format_dims(dims)}")
    return kernel


def pad(r: Reader, step: Operation) -> None:
    """Read Pad along any axes."""
    x = step.required(0)
    rank = len(x.dims)
    pads = step.numbers(1, "pads") or step.attributes.get("paddings") or []
    axes = list(range(rank))
    if step.input(3) is not None:
        axes = [axis + rank if axis < 0 else axis for axis in step.numbers(3) or []]
    if len(pads) != 2 * len(axes) or any(not 0 <= axis < rank for axis in axes):
        step.raise_invalid(f"pads {show(pads)} do not fit {len(axes)} axes")
    before, after = [0] * rank, [0] * rank
    for place, axis in enumerate(axes):
        before[axis], after[axis] = pads[place], pads[place + len(axes)]
    dims = tuple(length + a + b for length, a, b in zip(x.dims, before, after, strict=True))
    if dims == x.dims and not any(before):
        r.set_output(step, x)
        return
    if min(dims, default=1) < 1:
        step.raise_invalid(f"its output would be empty: {show(dims)}")
    changed = [axis for axis in range(rank) if before[axis] or after[axis]]
    if x.index is not None and rank > 2 and 1 not in changed and rank - 1 in changed and x.order[-1:] == (rank - 1,):
        x = r.channels_last(x)
    order, mode = (
        x.order,
        {"constant": "zeros", "reflect": "reflect", "edge": "replicate"}.get(
            str(step.attributes.get("mode", "constant"))
        ),
    )
    spatial = len(order) - 1
    if mode and 1 <= spatial <= 3 and min(pads) >= 0 and all(axis in order[:-1] for axis in changed):
        sides = [cells for axis in order[:-1] for cells in (before[axis], after[axis])]
        by = dict(zip(SIDES[spatial], sides, strict=True))
        layer = reshape.Padding(by=sides[0] if len(set(sides)) == 1 else by, mode=mode)
        r.add_layer(step, layer, [x], order, rank)
    else:
        shown = order + tuple(axis for axis in changed if axis not in order)
        deeper = x.order[-1:] == tuple(changed)  # only channels are added
        r.add_operator(step, dims, [x], shown if x.index is not None else None, views=() if deeper else (Blur(),))


HANDLERS: dict[str, Handler] = {
    "Conv": convolution, "FusedConv": convolution, "ConvInteger": lambda r, s: convolution(r, s, 1, 99),
    "QLinearConv": lambda r, s: convolution(r, s, 3, 8), "ConvTranspose": transposed_convolution, "MaxPool": pooling,
    "AveragePool": pooling, "LpPool": pooling, "GlobalAveragePool": global_pooling, "GlobalMaxPool": global_pooling,
    "GlobalLpPool": global_pooling, "Pad": pad,
}  # fmt: skip
