"""Read the norms of ONNX, embeddings, PRelu and Dropout."""

from __future__ import annotations

from cnncalc.layers import activation, dense, norm
from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.readers.axes import format_dims, visible
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.onnx.operators.common import Handler, broadcast, build_layer

# -- norms ------------------------------------------------------------------------------------------------------------


def batch_norm(r: Reader, step: Operation) -> None:
    """Read BatchNormalization, whose running mean and variance are buffers."""
    x = step.required(0)
    if len(x.dims) < 2 or step.required(1).size != x.dims[1]:
        step.raise_invalid(f"{step.required(1).size} factors do not fit an input of {format_dims(x.dims)}")
    if x.index is None:  # standardised weights: the statistics are their own
        tensors = [tensor for tensor in r.tensors_of([x, *step.inputs[1:3]]) if not tensor.fixed]
        r.set_output(step, Value(x.dims, tensors=tuple(tensors), why="they are computed from weights"))
        return
    x = r.channels_last(x)
    parameters, fields = _gains(step)
    buffers = {"running_mean": step.input(3), "running_var": step.input(4)}
    r.add_layer(step, norm.BatchNorm(**fields), [x], x.order, len(x.dims), parameters, buffers)


def _gains(step: Operation) -> tuple[dict[str, Value | None], dict[str, bool]]:
    """Return gain and offset, and the fields of the layer. Without a tensor in the file they are not parameters."""
    parameters = {"weight": step.input(1), "bias": step.input(2)}
    gain, offset = (one is not None and bool(one.tensors) for one in parameters.values())
    fields = {"affine": gain or offset, "gain": gain, "offset": offset} if gain or offset else {"affine": False}
    return parameters, fields


def instance_norm(r: Reader, step: Operation) -> None:
    """Read InstanceNormalization. Constant ones and zeros are not parameters: PyTorch exports group norms with them."""
    x, scale, bias = r.channels_last(step.required(0)), step.required(1), step.required(2)
    grouped = any(node.op_type == "Reshape" for node in step.scope.users.get(step.outputs[0], ()))
    fixed = all(
        one.array is not None
        and (grouped or all(tensor.fixed for tensor in one.tensors))
        and one.array.size > 0
        and one.array.is_uniform
        and one.array.numbers[0] == wanted
        for one, wanted in ((scale, 1.0), (bias, 0.0))
    )
    parameters, fields = ({}, {"affine": False}) if fixed else _gains(step)
    layer: Layer = norm.InstanceNorm(**fields)
    shape = visible(x.dims, x.order)
    if shape.size == shape.channels:
        layer = Operator(layer.kind, shape)
    r.add_layer(step, layer, [x], x.order, len(x.dims), parameters)


def group_norm(r: Reader, step: Operation) -> None:
    """Read GroupNormalization."""
    x = r.channels_last(step.required(0))
    parameters, fields = _gains(step)
    layer = build_layer(step, norm.GroupNorm, groups=step.attributes.get("num_groups", 1), **fields)
    r.add_layer(step, layer, [x], x.order, len(x.dims), parameters)


def layer_norm(r: Reader, step: Operation) -> None:
    """Read LayerNormalization, RMSNormalization and SimplifiedLayerNormalization of ONNX Runtime, over the last axes."""
    x = step.required(0)
    axis = step.attributes.get("axis", -1)
    axis += len(x.dims) if axis < 0 else 0
    if not 0 <= axis < len(x.dims):
        step.raise_invalid(f"its input of {format_dims(x.dims)} has no axis {axis}")
    parameters, fields = _gains(step)
    kind: Layer = norm.RMSNorm() if "RMS" in step.op or "Simplified" in step.op else norm.LayerNorm(**fields)
    if axis == len(x.dims) - 1 and x.index is not None:
        if x.order[-1:] != (axis,):
            x = r.align_value(x, tuple(sorted(x.order)))
        r.add_layer(step, kind, [x], x.order, len(x.dims), parameters)
    elif x.index is not None:
        like = Operator(kind.kind, visible(x.dims, x.order), views=None)
        r.add_layer(step, like, [x], x.order, len(x.dims), parameters)
    else:
        r.add_operator(step, x.dims, [x])


def local_response(r: Reader, step: Operation) -> None:
    """Read LRN, over neighbouring channels."""
    x = r.channels_last(step.required(0))
    r.add_layer(step, build_layer(step, norm.LRN, size=step.attributes.get("size", 1)), [x], x.order, len(x.dims))


# -- the rest ---------------------------------------------------------------------------------------------------------


def embedding(r: Reader, step: Operation) -> bool:
    """Read Gather if the input selects rows of a table of weights. Return whether it does."""
    table, x = step.required(0), step.required(1)
    axis = step.attributes.get("axis", 0)
    if table.index is not None or x.index is None or len(table.dims) < 1 or axis not in (0, -len(table.dims)):
        return False
    dims = (*x.dims, *table.dims[1:])
    order = (*x.order, *range(len(x.dims), len(dims)))
    if len(table.dims) == 2 and x.order:
        layer = build_layer(step, dense.Embedding, vocab=table.dims[0], dim=table.dims[1])
        r.add_layer(step, layer, [x], order, len(dims), {"weight": table})
    else:
        r.add_operator(step, dims, [x], order, {"weight": table})
    return True


def prelu(r: Reader, step: Operation) -> None:
    """Read PRelu with one slope, one per channel or one per element."""
    x, slope = step.required(0), step.required(1)
    if x.index is None or slope.index is not None:
        r.add_operator(step, broadcast(step, x.dims, slope.dims), [x, slope], x.order if x.index is not None else None)
        return
    if len(x.dims) > 2 or slope.size > 1:
        x = r.channels_last(x) if slope.dims[:1] == (x.dims[1:2] or (0,)) and len(slope.dims) == len(x.dims) - 1 else x
    shape = visible(x.dims, x.order)
    per = "layer" if slope.size == 1 else "element" if slope.size == shape.size else "channel"
    r.add_layer(step, activation.PReLU(per=per), [x], x.order, len(x.dims), {"weight": slope})


def dropout(r: Reader, step: Operation) -> None:
    """Read Dropout. Its ratio is an attribute up to opset 11."""
    x = step.required(0)
    rate = step.attributes.get("ratio", 0.5)
    given = step.input(1)
    if given is not None and given.array is not None and given.array.size:
        rate = float(given.array.numbers[0])
    if x.index is None:
        r.set_output(step, x)
        return
    rate = round(float(rate), 6)
    layer = activation.Dropout(rate=rate) if 0 <= rate <= 1 else activation.Dropout()
    r.set_output(step, r.add_layer(step, layer, [x], x.order, len(x.dims)), 1)


HANDLERS: dict[str, Handler] = {
    "BatchNormalization": batch_norm, "InstanceNormalization": instance_norm, "GroupNormalization": group_norm,
    "LayerNormalization": layer_norm, "RMSNormalization": layer_norm,
    "SimplifiedLayerNormalization": layer_norm, "LRN": local_response, "PRelu": prelu, "Dropout": dropout,
}  # fmt: skip
