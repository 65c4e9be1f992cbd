"""ONNX operators that are layers here: norms, recurrent layers, lookups, resizing."""

from __future__ import annotations

import re
from math import isfinite, prod

from cnncalc.layers import activation, dense, merge, norm, recurrent, reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.layers.views import Blur
from cnncalc.product import Product
from cnncalc.readers.axes import Dims, Order, visible
from cnncalc.readers.onnx.graph import Reader, Step, Value
from cnncalc.readers.onnx.operators.windows import Handler, broadcast, made, said, sizes_of
from cnncalc.shape import Shape
from cnncalc.text import show

_AUTOMATIC = re.compile(r"onnx::|/|\d")  # names that exporters make up

# -- norms ------------------------------------------------------------------------------------------------------------


def batch_norm(r: Reader, step: Step) -> None:
    """BatchNormalization; running mean and variance are buffers."""
    x = step.need(0)
    if len(x.dims) < 2 or step.need(1).size != x.dims[1]:
        step.wrong(f"{step.need(1).size} factors for an input of {said(x.dims)}")
    if x.index is None:  # weights that are standardised, by statistics of their own
        tensors = [tensor for tensor in r.union([x, *step.xs[1:3]]) if not tensor.fixed]
        r.put(step, Value(x.dims, tensors=tuple(tensors), why="it is worked out from weights"))
        return
    x = r.channels_last(x)
    held, fields = _gains(step)
    buffers = {"running_mean": step.x(3), "running_var": step.x(4)}
    r.emit(step, norm.BatchNorm(**fields), [x], x.order, len(x.dims), held, buffers)


def _gains(step: Step) -> tuple[dict[str, Value | None], dict[str, bool]]:
    """Gain and offset, and what they say of the layer; those that no tensor of the file holds are no parameters."""
    held = {"weight": step.x(1), "bias": step.x(2)}
    gain, offset = (one is not None and bool(one.tensors) for one in held.values())
    fields = {"affine": gain or offset, "gain": gain, "offset": offset} if gain or offset else {"affine": False}
    return held, fields


def instance_norm(r: Reader, step: Step) -> None:
    """InstanceNormalization; ones and zeros given as Constants, are no parameters: PyTorch's group norm."""
    x, scale, bias = r.channels_last(step.need(0)), step.need(1), step.need(2)
    grouped = any(node.op_type == "Reshape" for node in step.scope.users.get(step.outputs[0], ()))
    fixed = all(
        one.array is not None
        and (grouped or all(tensor.fixed for tensor in one.tensors))
        and set(one.array.reshape(-1).tolist()) == {wanted}
        for one, wanted in ((scale, 1.0), (bias, 0.0))
    )
    held, fields = ({}, {"affine": False}) if fixed else _gains(step)
    layer: Layer = norm.InstanceNorm(**fields)
    shape = visible(x.dims, x.order)
    if shape.size == shape.channels:
        layer = Operator(layer.kind, shape)
    r.emit(step, layer, [x], x.order, len(x.dims), held)


def group_norm(r: Reader, step: Step) -> None:
    """GroupNormalization."""
    x = r.channels_last(step.need(0))
    held, fields = _gains(step)
    layer = made(step, norm.GroupNorm, groups=step.given.get("num_groups", 1), **fields)
    r.emit(step, layer, [x], x.order, len(x.dims), held)


def layer_norm(r: Reader, step: Step) -> None:
    """LayerNormalization and RMSNormalization (ONNX Runtime's SimplifiedLayerNormalization) over the last axes."""
    x = step.need(0)
    axis = step.given.get("axis", -1)
    axis += len(x.dims) if axis < 0 else 0
    if not 0 <= axis < len(x.dims):
        step.wrong(f"an input of {said(x.dims)} has no axis {axis}")
    held, fields = _gains(step)
    kind: Layer = norm.RMSNorm() if "RMS" in step.op or "Simplified" in step.op else norm.LayerNorm(**fields)
    if axis == len(x.dims) - 1 and x.index is not None:
        if x.order[-1:] != (axis,):
            x = r.aligned(x, tuple(sorted(x.order)))
        r.emit(step, kind, [x], x.order, len(x.dims), held)
    elif x.index is not None:
        like = Operator(kind.kind, visible(x.dims, x.order), views=None)
        r.emit(step, like, [x], x.order, len(x.dims), held)
    else:
        r.operator(step, x.dims, [x])


def local_response(r: Reader, step: Step) -> None:
    """LRN over neighbouring channels."""
    x = r.channels_last(step.need(0))
    r.emit(step, made(step, norm.LRN, size=step.given.get("size", 1)), [x], x.order, len(x.dims))


# -- recurrent --------------------------------------------------------------------------------------------------------


def recurring(r: Reader, step: Step) -> None:
    """LSTM, GRU and RNN: steps x batch x features in, steps x directions x batch x units out."""
    x, w, b, peep = step.need(0), step.need(1), step.x(3), step.x(7)
    batch_first = step.given.get("layout", 0) == 1
    if len(x.dims) != 3 or len(w.dims) != 3 or len(step.need(2).dims) != 3:
        step.wrong(f"an input of {said(x.dims)} with weights of {said(w.dims)}")
    at, batch = (1, 0) if batch_first else (0, 1)
    many = x.dims[batch]  # examples that the network makes itself, side by side
    if many == 1:
        x = r.aligned(x, (at, 2))
    units, both = step.need(2).dims[2], step.given.get("direction", "forward") == "bidirectional"
    directions = 2 if both else 1
    kind = {"LSTM": recurrent.LSTM, "GRU": recurrent.GRU, "RNN": recurrent.RNN}[step.op]
    if w.dims != (directions, kind.gates * units, x.dims[2]):
        step.wrong(f"weights of {said(w.dims)} do not suit {units} units and an input of {said(x.dims)}")
    double = b is not None and sum(tensor.size for tensor in b.tensors) > directions * kind.gates * units
    bias = "none" if b is None else "double" if double else "single"
    used = [bool(name and (step.scope.users.get(name) or name in step.scope.outputs)) for name in step.outputs]
    layer = made(step, kind, units=units, bias=bias, bidirectional=both)
    length = x.dims[at]
    held = {"weight_ih": w, "weight_hh": step.need(2), "bias": b, "weight_peephole": peep}
    held |= {f"state_{place}": state for place in (5, 6) if (state := step.x(place)) is not None and _begins(state)}
    full: Dims = (many, length, directions, units) if batch_first else (length, directions, many, units)
    order: Order = (1, 2, 3) if batch_first else (0, 1, 3)
    last: Dims = (many, directions, units) if batch_first else (directions, many, units)
    short: Order = (1, 2) if batch_first else (0, 2)
    if many != 1:
        gates = ("gates x units", kind.gates * units)
        macs = Product(
            ("batch", many),
            ("steps", length),
            ("directions", directions),
            gates,
            ("features + units", x.dims[2] + units),
        )
        name, only = layer.kind, used[1:] == [True] and not used[0]
        value = r.operator(
            step, last if only else full, [x], None, held, k=1 if only else 0, macs=macs, views=None, name=name
        )
        for k in range(1, len(step.outputs)):
            if used[k] and not only:
                r.operator(step, last, [value], None, k=k, in_place=True, views=None)
        return
    like = Operator(layer.kind, visible(full, order), like=layer)
    if used[1:] == [True] and not used[0]:  # only the last state is read
        layer = made(step, kind, units=units, bias=bias, bidirectional=both, returns="last")
        found = r.emit(step, Operator(layer.kind, visible(last, short), like=layer), [x], short, 3, held)
        step.scope.values.pop(step.outputs[0], None)
        r.put(step, found, 1)
        return
    value = r.emit(step, like, [x], order, 4, held)
    for k in range(1, len(step.outputs)):
        if used[k]:
            r.operator(step, last, [value], short, k=k, in_place=True, views=None)


def _begins(state: Value) -> bool:
    """Return whether an initial state is learned: not all alike, and not written into the graph."""
    if state.index is not None or not state.learned or all(tensor.fixed for tensor in state.tensors):
        return False
    if state.array is not None:
        return bool((state.array != state.array.flat[0]).any())
    return any(not _AUTOMATIC.match(tensor.name) for tensor in state.tensors)  # what is folded is mostly zeros


# -- the rest ---------------------------------------------------------------------------------------------------------


def embedding(r: Reader, step: Step) -> bool:
    """Gather of rows of a table of weights by a fed index; says whether it was that."""
    table, x = step.need(0), step.need(1)
    axis = step.given.get("axis", 0)
    if table.index is not None or x.index is None or len(table.dims) < 1 or axis not in (0, -len(table.dims)):
        return False
    dims = (*x.dims, *table.dims[1:])
    order = (*x.order, *range(len(x.dims), len(dims)))
    if len(table.dims) == 2 and x.order:
        layer = made(step, dense.Embedding, vocab=table.dims[0], dim=table.dims[1])
        r.emit(step, layer, [x], order, len(dims), {"weight": table})
    else:
        r.operator(step, dims, [x], order, {"weight": table})
    return True


def prelu(r: Reader, step: Step) -> None:
    """PRelu with one slope, one per channel or one per number."""
    x, slope = step.need(0), step.need(1)
    if x.index is None or slope.index is not None:
        r.operator(step, broadcast(step, x.dims, slope.dims), [x, slope], x.order if x.index is not None else None)
        return
    if len(x.dims) > 2 or slope.size > 1:
        x = r.channels_last(x) if slope.dims[:1] == (x.dims[1:2] or (0,)) and len(slope.dims) == len(x.dims) - 1 else x
    shape = visible(x.dims, x.order)
    per = "layer" if slope.size == 1 else "element" if slope.size == shape.size else "channel"
    r.emit(step, activation.PReLU(per=per), [x], x.order, len(x.dims), {"weight": slope})


def dropout(r: Reader, step: Step) -> None:
    """Dropout; the ratio is an attribute up to opset 11."""
    x = step.need(0)
    rate = step.given.get("ratio", 0.5)
    given = step.x(1)
    if given is not None and given.array is not None and given.array.size:
        rate = float(given.array.reshape(-1)[0])
    if x.index is None:
        r.put(step, x)
        return
    rate = round(float(rate), 6)
    layer = activation.Dropout(rate=rate) if 0 <= rate <= 1 else activation.Dropout()
    r.put(step, r.emit(step, layer, [x], x.order, len(x.dims)), 1)


def upsampled(r: Reader, step: Step) -> None:
    """Resize and Upsample, by factors or to sizes."""
    x = step.need(0)
    rank = len(x.dims)
    axes = [axis + rank if axis < 0 else axis for axis in step.given.get("axes") or range(rank)]
    if any(not 0 <= axis < rank for axis in axes):
        step.wrong(f"an input of {said(x.dims)} has no axes {show(axes)}")
    late = step.op == "Resize" and r.opset >= 11
    scale_at, size_at = (2, 3) if late else (1, -1)
    dims, factors = list(x.dims), [1.0] * rank
    if size_at > 0 and (sizes := step.numbers(size_at) if step.x(size_at) is not None else None):
        if len(sizes) != len(axes):
            step.wrong(f"{len(sizes)} sizes for {len(axes)} axes")
        policy = step.given.get("keep_aspect_ratio_policy", "stretch")
        ratios = [size / x.dims[axis] for size, axis in zip(sizes, axes, strict=True)]
        for size, axis in zip(sizes, axes, strict=True):
            ratio = min(ratios) if policy == "not_larger" else max(ratios)
            dims[axis] = size if policy == "stretch" else int(ratio * x.dims[axis] + 0.5)
            if axis == 0 and x.dims[0] == 1 and size == r.batch:
                dims[axis] = 1
    else:
        scale = step.x(scale_at)
        scales = step.given.get("scales") if scale is None else step.array(scale_at).reshape(-1).tolist()
        if not scales or len(scales) != len(axes):
            step.wrong(f"{len(scales or [])} scales for {len(axes)} axes")
        if not all(isfinite(factor) for factor in scales):
            step.wrong(f"a scale is not a finite number: {show(scales)}")
        for factor, axis in zip(scales, axes, strict=True):
            factors[axis] = factor
            dims[axis] = int(x.dims[axis] * _exact(factor))
    if min(dims) < 1:
        step.wrong(f"nothing is left: {said(tuple(dims))}")
    changed = [axis for axis in range(rank) if dims[axis] != x.dims[axis]]
    if x.index is not None and rank > 2 and 1 not in changed and x.order[-1:] != (1,) and rank - 1 in changed:
        x = r.channels_last(x)
    spatial = len(x.order) - 1
    word = {1: "linear", 2: "bilinear", 3: "trilinear"}.get(spatial, "")
    mode = {"nearest": "nearest", "linear": word, "cubic": "bicubic" if spatial == 2 else ""}.get(
        str(step.given.get("mode", "nearest")), ""
    )
    if x.index is None or not mode or not 1 <= spatial <= 3 or any(axis not in x.order[:-1] for axis in changed):
        r.operator(step, tuple(dims), [x], x.order if x.index is not None else None, views=(Blur(),))
        return
    shape = visible(x.dims, x.order)
    to = visible(dims, x.order)
    whole = [b // a for a, b in zip(shape[:-1], to[:-1], strict=True)]
    if all(a * f == b for a, b, f in zip(shape, to, whole, strict=False)):
        layer = made(step, reshape.Upsample, factor=sizes_of(whole), mode=mode)
    else:
        layer = made(step, reshape.Resize, to=tuple(to[:-1]), mode=mode)
    r.emit(step, layer, [x], x.order, rank)


def _exact(factor: float) -> float:
    """A factor stored in 32 bits as it was meant: 1.3333334 is 4/3."""
    from fractions import Fraction

    near = Fraction(factor).limit_denominator(1000)
    return float(near) if factor and abs(float(near) / factor - 1) < 1e-7 else factor


def shuffled(r: Reader, step: Step) -> None:
    """DepthToSpace and SpaceToDepth."""
    x = r.channels_last(step.need(0))
    block = step.given.get("blocksize", 1)
    if len(x.dims) != 4 or block < 1:
        step.wrong(f"an input of {said(x.dims)} with blocks of {block}")
    batch, channels, height, width = x.dims
    if step.op == "DepthToSpace" and batch == 1:
        r.emit(step, made(step, reshape.PixelShuffle, factor=block), [x], x.order, 4)
    elif step.op == "DepthToSpace" and channels % block**2 == 0:
        r.operator(step, (batch, channels // block**2, height * block, width * block), [x], x.order, views=(Blur(),))
    elif height % block == width % block == 0 and step.op == "SpaceToDepth":
        r.operator(step, (batch, channels * block**2, height // block, width // block), [x], x.order, views=(Blur(),))
    else:
        step.wrong(f"{said(x.dims)} cannot be cut into blocks of {block}")


def joined(r: Reader, step: Step, dims: Dims, axis: int, xs: list[Value]) -> bool:
    """Concat as a layer of its own, where the axis has a name; says whether it was done."""
    active = [x for x in xs if x.index is not None]
    if not active:
        return False
    main = active[0]
    if axis not in main.order:
        return False
    place = main.order.index(axis)
    if len(active) == len(xs) > 1 and len(main.order) <= 4:
        names = [*Shape(visible(main.dims, main.order)).axes, "channels"]
        layer: Layer = merge.Concat(axis=names[place])
    elif len(xs) == 2 and xs[1] is main and len(main.order) == 2 and place == 0 and prod(xs[0].dims) == dims[-1]:
        r.emit(step, dense.ClassToken(), [main], main.order, len(dims), {"weight": xs[0]})
        return True
    else:
        return False
    r.emit(step, layer, [r.aligned(x, main.order) for x in active], main.order, len(dims))
    return True


HANDLERS: dict[str, Handler] = {
    "BatchNormalization": batch_norm, "InstanceNormalization": instance_norm, "GroupNormalization": group_norm,
    "LayerNormalization": layer_norm, "RMSNormalization": layer_norm,
    "SimplifiedLayerNormalization": layer_norm, "LRN": local_response, "LSTM": recurring,
    "GRU": recurring, "RNN": recurring, "PRelu": prelu, "Dropout": dropout, "Resize": upsampled, "Upsample": upsampled,
    "DepthToSpace": shuffled, "SpaceToDepth": shuffled,
}  # fmt: skip
