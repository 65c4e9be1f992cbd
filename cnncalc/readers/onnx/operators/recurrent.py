"""Read the recurrent operators of ONNX."""

from __future__ import annotations

import re

from cnncalc.layers import recurrent
from cnncalc.layers.operator import Operator
from cnncalc.product import Product
from cnncalc.readers.axes import Dims, Order, format_dims, visible
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.onnx.operators.common import Handler, build_layer

_AUTOMATIC = re.compile(r"onnx::|/|\d")  # names that exporters invent


def recurrent_layer(r: Reader, step: Operation) -> None:
    """Read LSTM, GRU and RNN: steps x batch x features to steps x directions x batch x units."""
    x, w, b, peep = step.required(0), step.required(1), step.input(3), step.input(7)
    batch_first = step.attributes.get("layout", 0) == 1
    if len(x.dims) != 3 or len(w.dims) != 3 or len(step.required(2).dims) != 3:
        step.raise_invalid(f"weights of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    at, batch = (1, 0) if batch_first else (0, 1)
    many = x.dims[batch]  # a batch that the network itself creates
    if many == 1:
        x = r.align_value(x, (at, 2))
    units, both = step.required(2).dims[2], step.attributes.get("direction", "forward") == "bidirectional"
    directions = 2 if both else 1
    kind = {"LSTM": recurrent.LSTM, "GRU": recurrent.GRU, "RNN": recurrent.RNN}[step.op]
    if w.dims != (directions, kind.gates * units, x.dims[2]):
        step.raise_invalid(
            f"weights of {format_dims(w.dims)} do not fit {units} units and an input of {format_dims(x.dims)}"
        )
    double = b is not None and sum(tensor.size for tensor in b.tensors) > directions * kind.gates * units
    bias = "none" if b is None else "double" if double else "single"
    used = [bool(name and (step.scope.users.get(name) or name in step.scope.outputs)) for name in step.outputs]
    layer = build_layer(step, kind, units=units, bias=bias, bidirectional=both)
    length = x.dims[at]
    parameters = {"weight_ih": w, "weight_hh": step.required(2), "bias": b, "weight_peephole": peep}
    parameters |= {
        f"state_{place}": state
        for place in (5, 6)
        if (state := step.input(place)) is not None and _is_learned_state(state)
    }
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
        value = r.add_operator(
            step, last if only else full, [x], None, parameters, k=1 if only else 0, macs=macs, views=None, name=name
        )
        for k in range(1, len(step.outputs)):
            if used[k] and not only:
                r.add_operator(step, last, [value], None, k=k, in_place=True, views=None)
        return
    like = Operator(layer.kind, visible(full, order), like=layer)
    if used[1:] == [True] and not used[0]:  # only the last state is read
        layer = build_layer(step, kind, units=units, bias=bias, bidirectional=both, returns="last")
        found = r.add_layer(step, Operator(layer.kind, visible(last, short), like=layer), [x], short, 3, parameters)
        step.scope.values.pop(step.outputs[0], None)
        r.set_output(step, found, 1)
        return
    value = r.add_layer(step, like, [x], order, 4, parameters)
    for k in range(1, len(step.outputs)):
        if used[k]:
            r.add_operator(step, last, [value], short, k=k, in_place=True, views=None)


def _is_learned_state(state: Value) -> bool:
    """Return whether an initial state is learned: its numbers differ, and it is not a Constant of the graph."""
    if state.index is not None or not state.is_learned or all(tensor.fixed for tensor in state.tensors):
        return False
    if state.array is not None:
        return not state.array.is_uniform
    return any(
        not _AUTOMATIC.match(tensor.name) for tensor in state.tensors
    )  # a state that the exporter folded is usually zero


HANDLERS: dict[str, Handler] = {
    "LSTM": recurrent_layer, "GRU": recurrent_layer, "RNN": recurrent_layer,
}  # fmt: skip
