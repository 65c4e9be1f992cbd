"""Read elementwise ONNX operators. The sets of operators here also serve other modules."""

from __future__ import annotations

from typing import Any

from cnncalc.layers import activation, elementwise, merge, norm
from cnncalc.layers.base import Layer
from cnncalc.layers.dense import Positional
from cnncalc.layers.operator import Operator
from cnncalc.problem import Problem
from cnncalc.product import Number, Product
from cnncalc.readers.axes import Dims, Order, visible
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.onnx.operators.common import Handler, broadcast
from cnncalc.readers.onnx.scores import is_mask, mask_note, on_scores, table_note

ACTIVATIONS: dict[str, type[Layer]] = {
    "Relu": activation.ReLU, "LeakyRelu": activation.LeakyReLU, "Elu": activation.ELU, "Selu": activation.SELU,
    "Gelu": activation.GELU, "FastGelu": activation.GELU, "Swish": activation.SiLU, "Mish": activation.Mish,
    "Sigmoid": activation.Sigmoid, "Tanh": activation.Tanh, "HardSwish": activation.HardSwish,
    "HardSigmoid": activation.HardSigmoid, "Softplus": activation.Softplus, "Softmax": activation.Softmax,
    "LogSoftmax": activation.LogSoftmax, "Identity": activation.Identity, "Softsign": elementwise.Softsign,
    "Celu": elementwise.CELU, "Neg": elementwise.Neg, "Abs": elementwise.Abs, "Exp": elementwise.Exp,
    "Log": elementwise.Log, "Sqrt": elementwise.Sqrt, "Reciprocal": elementwise.Reciprocal, "Sin": elementwise.Sin,
    "Cos": elementwise.Cos,
}  # fmt: skip
SCALE = "they scale quantized numbers"
CLIPPED: dict[tuple[float | None, float | None], type[Layer]] = {
    (0.0, 6.0): activation.ReLU6, (-1.0, 1.0): elementwise.HardTanh,
}  # fmt: skip


def words(text: str) -> frozenset[str]:
    """Return the set of words in a text."""
    return frozenset(text.split())


# elementwise, without multiply-adds
UNARY = words(
    "Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast CastLike Ceil Cosh DequantizeLinear DynamicQuantizeLinear "
    "Erf Floor Hardmax IsInf IsNaN LpNormalization MeanVarianceNormalization Not QuantizeLinear Round Shrink Sign Sinh "
    "Tan ThresholdedRelu Bernoulli CumSum Trilu QuickGelu ReverseSequence ScatterElements ScatterND "
    "RandomNormalLike RandomUniformLike EyeLike Clip RotaryEmbedding"
)
BINARY = words(
    "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min "
    "Mod Mul Or Pow Sub Sum Where Xor BiasGelu"
)
REDUCED = words(
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare"
)


def unary(r: Reader, step: Operation) -> None:
    """Read an operator whose output has the shape of its first input."""
    x = step.required(0)
    kind = ACTIVATIONS.get(step.op)
    if x.index is None:
        r.set_output(step, Value(x.dims, tensors=x.tensors, why=x.why or "they are computed from weights"))
    elif step.op == "Cast" or (step.op == "Identity" and step.outputs[0] not in step.scope.outputs):
        r.set_output(step, x)
    elif step.op == "Sigmoid" and (product := _silu_product(step)) is not None:
        r.fused.add(id(product))
        r.add_layer(step, activation.SiLU(), [x], x.order, len(x.dims))
    elif kind is not None:
        r.add_layer(step, kind(), [x], x.order, len(x.dims))
    elif step.op == "Clip" and _bounds(step) in CLIPPED:
        r.add_layer(step, CLIPPED[_bounds(step)](), [x], x.order, len(x.dims))
    elif step.op == "Shrink":
        shrink = elementwise.SoftShrink() if step.attributes.get("bias") else elementwise.HardShrink()
        r.add_layer(step, shrink, [x], x.order, len(x.dims))
    elif step.op == "DynamicQuantizeLinear":
        r.set_output(step, r.add_operator(step, x.dims, [x], x.order, in_place=True))
        r.set_output(step, Value((), why=SCALE), 1)
        r.set_output(step, Value(()), 2)
    else:
        r.add_operator(step, x.dims, [x], x.order, in_place=True)


def _silu_product(step: Operation) -> Any:
    """Return the Mul of a sigmoid's input and output, if it is the only reader of the output: both form a SiLU."""
    users, name = step.scope.users.get(step.outputs[0], []), step.node.input[0]
    if len(users) == 1 and users[0].op_type == "Mul" and step.outputs[0] not in step.scope.outputs:
        return users[0] if sorted(users[0].input) == sorted((name, step.outputs[0])) else None
    return None


def _bounds(step: Operation) -> tuple[float | None, float | None]:
    found: list[float | None] = []
    for place, name in enumerate(("min", "max"), 1):
        x = step.input(place)
        known = x.array.numbers if x is not None and x.array is not None else None
        found.append(float(known[0]) if known is not None and len(known) else step.attributes.get(name))
    return found[0], found[1]


def quantize(r: Reader, step: Operation) -> None:
    """Read QuantizeLinear and DequantizeLinear. A quantized weight is the weight; scales and zero points are not learned."""
    x = step.required(0)
    if x.index is None:
        if step.op == "DequantizeLinear":
            x.dequantize()
        r.set_output(step, Value(x.dims, tensors=x.tensors, why="they are computed from weights"))
    else:
        r.add_operator(step, x.dims, [x], x.order, in_place=True)


def binary(r: Reader, step: Operation) -> None:
    """Read an operator that broadcasts its inputs: a sum, a product or a comparison."""
    if id(step.node) in r.fused:  # the bias of a product that is read already, or the product of a SiLU
        r.set_output(
            step, max((x for x in step.inputs if x is not None and x.index is not None), key=lambda x: x.index or 0)
        )
        return
    xs = [x for x in step.inputs if x is not None]
    dims = broadcast(step, *[x.dims for x in xs])
    active = [x for x in xs if x.index is not None]
    if not active and not r.strict and any(x.why == SCALE for x in xs):  # the product of two scales
        r.set_output(step, Value(dims, why=SCALE))
        return
    if not active:
        r.set_output(step, Value(dims, tensors=r.tensors_of(learned_values(xs)), why="they are computed from weights"))
        return
    main = max(active, key=lambda x: (x.size, len(x.dims)))
    order = spread_order(main, dims)
    known = [x for x in xs if x.is_learned]
    if len(active) == len(xs) > 1 and _add_merge(r, step, active, main, dims, order):
        return
    if len(active) == len(xs) == 1:
        r.add_layer(step, activation.Identity(), active, order, len(dims))
        return
    if known and not r.strict and _add_to_scores(r, step, dims, active, order, known):
        return
    alone = len(known) == len(active) == 1 and dims == main.dims and step.op in ("Add", "Mul")
    if alone and _add_learned_layer(r, step, main, known[0], order):
        return
    parameters: dict[str, Value | None] = {}
    if known and step.op in ("Add", "Sum", "BiasGelu"):
        parameters = {"bias": merge_values(r, known)}
    elif known and step.op == "Mul":
        parameters = {"weight": merge_values(r, known)}
    value = _add_elementwise(r, step, dims, active, order, parameters)
    if known and not parameters and value.index is not None and not r.strict:
        _as_buffer(r, value.index, known)


def _add_to_scores(
    r: Reader, step: Operation, dims: Dims, active: list[Value], order: Order, known: list[Value]
) -> bool:
    """Read an operator that adds a mask or a table to attention scores, or scales them. Return whether it does."""
    if step.op not in ("Add", "Mul") or not on_scores(r, step, active):
        return False
    masks = [x for x in known if is_mask(x, dims, step.op) or all(tensor.fixed for tensor in x.tensors)]
    others = [x for x in known if x not in masks]
    parameters = {"weight" if step.op == "Mul" else "bias": merge_values(r, others)} if others else {}
    doubtful = [x for x in others if step.op == "Add" and any(tensor.dims == x.dims for tensor in x.tensors)]
    if not masks and not doubtful:
        return False
    note, in_place = table_note(doubtful) if doubtful else "", dims == active[0].dims
    value = r.add_operator(step, dims, active, order, parameters, in_place=in_place, note=note)
    if masks and value.index is not None:
        _as_buffer(r, value.index, masks, mask_note(masks))
    return True


def learned_values(xs: list[Value]) -> list[Value]:
    """Return the values that consist of weights, or all values if none does."""
    return [x for x in xs if x.is_learned] or xs


def merge_values(r: Reader, xs: list[Value]) -> Value:
    return xs[0] if len(xs) == 1 else Value((), tensors=r.tensors_of(xs))


def _add_elementwise(
    r: Reader, step: Operation, dims: Dims, active: list[Value], order: Order, parameters: dict[str, Value | None]
) -> Value:
    return r.add_operator(step, dims, active, order, parameters, in_place=len(active) == 1 and dims == active[0].dims)


def _as_buffer(r: Reader, index: int, known: list[Value], note: str = "") -> None:
    """Number tensors that are not parameters as buffers of a node, each once."""
    found: dict[str, Number] = {}
    for tensor in r.tensors_of(known):
        if tensor.real and any(x.is_weight(tensor) for x in known) and r.count_at(tensor, index) is None:
            found[f"constant_{len(found)}"] = Product(*[("N", length) for length in tensor.dims])
    if found:
        layer = r.builder.nodes[index].layer
        assert isinstance(layer, Operator)
        r.builder.replace(index, layer.with_parameters(layer.weights(), found, note))


def spread_order(main: Value, dims: Dims) -> Order:
    """Return the order of the largest input. Axes that it is broadcast along come first."""
    shift = len(dims) - len(main.dims)
    order = tuple(axis + shift for axis in main.order)
    return tuple(axis for axis in range(len(dims)) if axis not in order and dims[axis] != 1) + order


def _add_merge(r: Reader, step: Operation, active: list[Value], main: Value, dims: Dims, order: Order) -> bool:
    if step.op in ("Add", "Sum") and all(has_full_dims(x.dims, dims) for x in active):
        layer: Layer = merge.Add()
    elif step.op == "Mul":
        layer = merge.Mul()
    else:
        return False
    xs = []
    for x in active:
        shift = len(dims) - len(x.dims)
        own = tuple(axis - shift for axis in order if axis >= shift)
        if any(axis not in own and x.dims[axis] != 1 for axis in range(len(x.dims))):
            return False
        xs.append((x, own))
    shapes = [visible(x.dims, own) for x, own in xs]
    try:
        if layer.out(*shapes) != visible(dims, order):
            return False
    except Problem:
        return False
    r.add_layer(step, layer, [r.align_value(x, own) for x, own in xs], order, len(dims))
    return True


def has_full_dims(dims: Dims, full: Dims) -> bool:
    """Return whether these are the full dimensions, apart from leading ones."""
    return (1,) * (len(full) - len(dims)) + dims == full


def _add_learned_layer(r: Reader, step: Operation, main: Value, other: Value, order: Order) -> bool:
    """Add a layer for a factor per channel or a table of positions. Return whether it is one."""
    shape = visible(main.dims, order)
    shift = len(main.dims) - len(other.dims)
    long = [axis + shift for axis, length in enumerate(other.dims) if length != 1]
    parameters: dict[str, Value | None]
    if step.op == "Mul" and long == list(order[-1:]) and other.size == shape.channels:
        layer: Layer = norm.Scale()
        parameters = {"weight": other}
    elif (
        step.op == "Add"
        and other.size == shape.size
        and len(shape) > 1
        and not any(r.is_counted(tensor) for tensor in other.tensors)
    ):
        layer, parameters = Positional(), {"weight": other}
    else:
        return False
    r.add_layer(step, layer, [main], order, len(main.dims), parameters)
    return True


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys([*ACTIVATIONS, *UNARY], unary), **dict.fromkeys(BINARY, binary),
    "QuantizeLinear": quantize, "DequantizeLinear": quantize,
}  # fmt: skip
