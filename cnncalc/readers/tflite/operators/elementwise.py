"""Read elementwise TFLite operators."""

from __future__ import annotations

from cnncalc.layers import activation, merge, norm
from cnncalc.layers.base import Layer
from cnncalc.layers.dense import Positional
from cnncalc.layers.operator import Operator
from cnncalc.problem import Problem
from cnncalc.readers.axes import Dims
from cnncalc.readers.tflite.graph import Operation, Reader, Value, shown
from cnncalc.readers.tflite.model import OperatorInfo
from cnncalc.readers.tflite.operators.activations import ACTIVATIONS, BINARY, UNARY
from cnncalc.readers.tflite.operators.common import Handler, broadcast, build_layer

MERGES: dict[str, type[Layer]] = {
    "SUB": merge.Sub, "MUL": merge.Mul, "MAXIMUM": merge.Maximum, "MINIMUM": merge.Minimum,
}  # fmt: skip


def unary(r: Reader, step: Operation) -> None:
    """Read an operator whose output has the shape of its first input."""
    x = step.required(0)
    kind = ACTIVATIONS.get(step.kind)
    if x.index is None:
        r.set_output(step, Value(x.dims, tensors=x.tensors, why=x.why or "they are computed from weights"))
        return
    if step.kind == "LOGISTIC" and (product := _silu_product(step)) is not None:
        value = r.add_layer(step, activation.SiLU(), [x], dims=x.dims)
        step.scope.results[id(product)] = value
    elif kind is not None:
        value = r.add_layer(step, kind(), [x], dims=x.dims)
    else:
        active = [one for one in step.inputs if one is not None and one.index is not None]
        value = r.add_operator(step, x.dims, active, in_place=len(active) == 1)
    r.conclude(step, value)


def _silu_product(step: Operation) -> OperatorInfo | None:
    """Return the MUL of a sigmoid's input and output, if it is the only reader of the output: both form a SiLU."""
    output, users = step.info.outputs[0], step.scope.users.get(step.info.outputs[0], [])
    if len(users) != 1 or users[0].kind != "MUL" or output in step.scope.outputs or users[0].options["fused"]:
        return None
    return users[0] if sorted(users[0].inputs) == sorted((step.info.inputs[0], output)) else None


def cast(r: Reader, step: Operation) -> None:
    """Read CAST, QUANTIZE and DEQUANTIZE, which only change the type of the numbers."""
    x = step.required(0)
    if x.index is None or step.kind == "CAST":
        r.set_output(step, Value(x.dims, x.index, tensors=x.tensors, why=x.why or "they are computed from weights"))
    else:
        r.set_output(step, r.add_operator(step, x.dims, [x], in_place=True))


def binary(r: Reader, step: Operation) -> None:
    """Read an operator that broadcasts its inputs: a sum, a product or a comparison."""
    result = step.scope.results.get(id(step.info))
    if result is not None:  # the product of a SiLU
        r.set_output(step, result)
        return
    xs = [x for x in step.inputs if x is not None]
    if not xs:
        step.raise_invalid("it has no inputs")
    spread = xs[1:] if step.kind == "SELECT" else xs  # SELECT takes one condition per row
    dims = broadcast(step, *[x.dims for x in spread])
    active = [x for x in xs if x.index is not None]
    if not active:
        r.set_output(step, Value(dims, tensors=r.tensors_of(xs), why="they are computed from weights"))
        return
    learned = [x for x in xs if x.is_learned or (r.strict and x.index is None and x.size > 1)]
    if len(active) == len(xs) > 1:
        value = _merge(r, step, dims, active)
    elif len(learned) == len(active) == 1 and dims == active[0].dims:
        value = _add_learned(r, step, active[0], learned[0])
    else:
        value = r.add_operator(step, dims, active, _roles(r, step, learned), in_place=_keeps(active, dims))
    r.conclude(step, value)


def _keeps(active: list[Value], dims: Dims) -> bool:
    return len(active) == 1 and active[0].dims == dims


def _roles(r: Reader, step: Operation, learned: list[Value]) -> dict[str, Value | None]:
    if not learned:
        return {}
    return {"bias" if step.kind in ("ADD", "ADD_N") else "weight": Value((), tensors=r.tensors_of(learned))}


def _merge(r: Reader, step: Operation, dims: Dims, xs: list[Value]) -> Value:
    """Add the layer that combines several values, or an operator if cnncalc has no such layer."""
    layer: Layer | None = None
    if step.kind in ("ADD", "ADD_N"):
        layer = merge.Add(broadcast=len({x.shape for x in xs}) > 1)
    elif step.kind in MERGES:
        layer = MERGES[step.kind]()
    if layer is not None:
        try:
            fits = layer.out(*[x.shape for x in xs]) == shown(dims)
        except Problem:
            fits = False
        if fits:
            return r.add_layer(step, layer, xs, dims=dims)
    return r.add_operator(step, dims, xs)


def _add_learned(r: Reader, step: Operation, x: Value, other: Value) -> Value:
    """Add a factor per channel, a table of positions, or an operator with the numbers of the file."""
    shape = x.shape
    shift = len(x.dims) - len(other.dims)
    long = [axis + shift for axis, length in enumerate(other.dims) if length != 1]
    fresh = not any(r.is_counted(tensor) for tensor in other.tensors)
    if step.kind == "MUL" and long == list(x.order[-1:]) and other.size == shape.channels:
        return r.add_layer(step, norm.Scale(), [x], {"weight": other}, dims=x.dims)
    if step.kind == "ADD" and other.size == shape.size and len(shape) > 1 and fresh:
        return r.add_layer(step, Positional(), [x], {"weight": other}, dims=x.dims)
    if step.kind in ("ADD", "MUL") or r.strict:
        return r.add_operator(step, x.dims, [x], _roles(r, step, [other]), in_place=True)
    value = r.add_operator(step, x.dims, [x], in_place=True)
    r.count_buffers(value, other)
    return value


def prelu(r: Reader, step: Operation) -> None:
    """Read PRELU with one slope, one per channel or one per element."""
    x, slope = step.required(0), step.required(1)
    if x.index is None or slope.index is not None:
        r.set_output(step, r.add_operator(step, broadcast(step, x.dims, slope.dims), [x, slope]))
        return
    if broadcast(step, x.dims, slope.dims) != x.dims:
        step.raise_invalid("its slopes do not fit its input")
    last = slope.size == x.shape.channels and slope.dims[-1:] == x.dims[-1:]
    per = "layer" if slope.size == 1 else "channel" if last else "element" if slope.size == x.size else ""
    if per:
        r.set_output(step, r.add_layer(step, activation.PReLU(per=per), [x], {"weight": slope}, dims=x.dims))
    else:
        like = activation.PReLU()
        layer = Operator(like.kind, x.shape, like=like)
        r.set_output(step, r.add_layer(step, layer, [x], {"weight": slope}, dims=x.dims))


def local_response(r: Reader, step: Operation) -> None:
    """Read LOCAL_RESPONSE_NORMALIZATION over the neighbouring channels within a radius."""
    x = step.required(0)
    layer = build_layer(step, norm.LRN, size=2 * step.option("radius") + 1)
    r.set_output(step, r.add_layer(step, layer, [x], dims=x.dims))


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys([*ACTIVATIONS, *UNARY], unary), **dict.fromkeys(BINARY, binary),
    **dict.fromkeys(("CAST", "QUANTIZE", "DEQUANTIZE", "DENSIFY"), cast), "PRELU": prelu,
    "LOCAL_RESPONSE_NORMALIZATION": local_response,
}  # fmt: skip
