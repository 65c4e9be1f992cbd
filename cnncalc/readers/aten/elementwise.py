"""Read elementwise operations."""

from __future__ import annotations

from cnncalc.layers import merge, norm
from cnncalc.layers.base import Layer
from cnncalc.layers.dense import Positional
from cnncalc.problem import Problem
from cnncalc.readers.aten.events import Dims, Event, Var
from cnncalc.readers.aten.gradients import is_bias
from cnncalc.readers.aten.graph import Graph
from cnncalc.readers.aten.layers import Handler
from cnncalc.readers.axes import visible

# elementwise, of one value; none of them has multiply-adds
UNARY = (
    "acos acosh asin asinh atan atanh bernoulli bitwise_not ceil cosh deg2rad erf erfc exp2 expm1 floor frac isinf "
    "isnan lgamma log10 log1p log2 logical_not logit nan_to_num round rrelu sgn sign sinc sinh softsign tan "
    "tanhshrink threshold trunc clamp clamp_min clamp_max clip masked_fill isfinite normal uniform bernoulli_"
)
BINARY = (
    "add sub mul div floor_divide remainder fmod pow maximum minimum max_other where eq ne gt ge lt le logical_and "
    "logical_or logical_xor bitwise_and bitwise_or bitwise_xor rsub true_divide subtract multiply divide atan2 addcmul "
    "addcdiv lerp copysign float_power xlogy __and__ __or__ greater less greater_equal less_equal not_equal"
)
MERGED: dict[str, type[Layer]] = {"add": merge.Add, "mul": merge.Mul, "multiply": merge.Mul, "sub": merge.Sub,
                                  "subtract": merge.Sub, "maximum": merge.Maximum, "minimum": merge.Minimum}  # fmt: skip


def unary(graph: Graph, event: Event) -> None:
    """Read an elementwise operation with one input."""
    x = event.inputs[0]
    if x.index is None:  # a constant, filled where a mask is true
        graph.operator(event, None, in_place=True)
    elif x.dims == event.out.dims:
        graph.operator(event, x.order, in_place=True)
    else:
        graph.operator(event, x.order)


def binary(graph: Graph, event: Event) -> None:
    """Read sums, products, comparisons: operations that broadcast values to one shape."""
    out = event.out
    xs = event.inputs
    active = [x for x in xs if x.index is not None]
    main = max(active, key=lambda x: (x.size, len(x.dims)))
    shift = len(out.dims) - len(main.dims)
    order = tuple(axis + shift for axis in main.order)
    order = (*[axis for axis in range(len(out.dims)) if axis not in order and out.dims[axis] != 1], *order)
    if len(active) == len(xs) > 1 and event.op in MERGED and _add_merge(graph, event, active, order):
        return
    constants = [x for x in xs if x.index is None and x.tensors]
    if (
        len(constants) == len(active) == 1
        and out.dims == main.dims
        and _add_learned(graph, event, main, constants[0], order)
    ):
        return
    whole = all(sum(tensor.size for tensor in x.tensors) == x.size for x in constants)  # not rows of a table
    added = event.op in ("add", "sub", "subtract", "rsub") and whole
    role = {"bias" if added else "weight": graph.tensors_of(xs)}
    graph.operator(event, order, role, in_place=len(active) == 1 and out.dims == main.dims)


def _add_merge(graph: Graph, event: Event, active: list[Var], order: Dims) -> bool:
    """Add a merge layer for a sum or product of values; return whether that was possible."""
    rank = len(event.out.dims)
    out = visible(event.out.dims, order)
    orders = []
    for x in active:
        shift = rank - len(x.dims)
        axes = tuple(axis - shift for axis in order if axis >= shift)
        if any(axis not in axes and length != 1 for axis, length in enumerate(x.dims)):
            return False
        mine = tuple(axis + shift for axis in x.order)
        tail = order[len(order) - len(mine) :]
        if mine == tail and all(x.dims[axis - shift] == 1 for axis in order[: len(order) - len(mine)] if axis >= shift):
            axes = x.order
        orders.append(axes)
    shapes = [visible(x.dims, axes) for x, axes in zip(active, orders, strict=True)]
    kind = MERGED[event.op]
    spread = any(shape != out for shape in shapes)
    fields = {"broadcast": True} if kind is merge.Add and spread else {}
    if kind is merge.Add and event.inplace:
        fields["inplace"] = True
    layer = kind(**fields)
    try:
        if layer.out(*shapes) != out:
            return False
    except Problem:
        return False
    graph.emit(
        event, layer, [graph.arrange(x, axes, event.call) for x, axes in zip(active, orders, strict=True)], order
    )
    return True


def _add_learned(graph: Graph, event: Event, main: Var, other: Var, order: Dims) -> bool:
    """Add a layer for a sum or product with a parameter: a factor per channel, or a table of positions.

    Return whether that was possible.
    """
    shape = visible(main.dims, order)
    shift = len(main.dims) - len(other.dims)
    long = [axis + shift for axis, length in enumerate(other.dims) if length != 1]
    parameters = [tensor for tensor in other.tensors if tensor.learned and id(tensor) not in graph.counted]
    if (
        sum(tensor.size for tensor in parameters) != other.size
        or len(parameters) != len(other.tensors)
        or main.index is None
    ):
        return False
    if event.op == "mul" and other.size > 1 and long == list(order[-1:]):
        layer: Layer = norm.Scale()
    elif event.op == "mul" and other.size == 1:
        layer = norm.Scale(per="layer")
    elif event.op == "add" and other.size == shape.size and len(shape) > 1 and not is_bias(parameters[0]):
        layer = Positional()
    else:
        return False
    graph.emit(event, layer, [graph.arrange(main, order, event.call)], order, {"weight": other})
    return True


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(UNARY.split(), unary), **dict.fromkeys(BINARY.split(), binary),
}  # fmt: skip
