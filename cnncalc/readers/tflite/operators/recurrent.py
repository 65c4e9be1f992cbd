"""Read the recurrent operators of TFLite, and SVDF.

Each matrix of a recurrent operator is multiplied once per step, so that its multiply-adds are the sizes of the matrices
times the steps. Peephole weights, biases and layer norms are vectors and cost none.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnncalc.layers import recurrent
from cnncalc.layers.base import Layer
from cnncalc.product import Product, Sum
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.tflite.graph import Operation, Reader, Value
from cnncalc.readers.tflite.operators.common import Handler

LSTM_BIASES = (12, 13, 14, 15, 17)
LSTM_NORMS = (20, 21, 22, 23)


def lstm(r: Reader, step: Operation) -> None:
    """Read UNIDIRECTIONAL_SEQUENCE_LSTM, and LSTM for a single step. The input gate's weights are missing in a CIFG LSTM."""
    if step.kind == "LSTM" and step.option("kernel") == 1:
        _basic_lstm(r, step)
        return
    single = step.kind == "LSTM"
    x, forget, recurrent_weights = step.required(0), step.required(2), step.required(6)
    projection = step.input(16)
    units = forget.dims[0] if len(forget.dims) == 2 else 0
    wide = recurrent_weights.dims[1] if len(recurrent_weights.dims) == 2 else 0
    if not units or not wide or forget.dims[1:] != x.dims[-1:]:
        step.raise_invalid(f"weights of {format_dims(forget.dims)} do not fit an input of {format_dims(x.dims)}")
    parameters = {f"weight_{place}": step.input(place) for place in (*range(1, 12), 16)}
    parameters |= {f"bias_{place}": step.input(place) for place in (*LSTM_BIASES, *LSTM_NORMS)}
    parameters = {role: value for role, value in parameters.items() if value is not None and value.index is None}
    extras = [place for place in (9, 10, 11, 16, 17, *LSTM_NORMS) if step.input(place) is not None]
    plain = step.input(1) is not None and not extras and all(step.input(place) is not None for place in LSTM_BIASES[:4])
    layer = recurrent.LSTM(units=units) if plain and wide == units else None
    _add(r, step, x, wide if projection is None else projection.dims[0], parameters, layer, "lstm", single)


def _basic_lstm(r: Reader, step: Operation) -> None:
    """Read the basic kernel of LSTM, with all weights in one matrix of (4 * units) x (inputs + units)."""
    x, w, b, state = step.required(0), step.required(2), step.input(3), step.required(4)
    if len(w.dims) != 2 or not state.dims or w.dims[0] != 4 * state.dims[-1]:
        step.raise_invalid(f"weights of {format_dims(w.dims)} do not fit a state of {format_dims(state.dims)}")
    _add(r, step, x, state.dims[-1], {"weight": w, "bias": b}, None, "lstm", single=True)
    value = step.scope.values[step.info.outputs[0]]
    for k in range(1, len(step.info.outputs)):
        r.set_output(step, value if k == 1 else Value(()), k)


def rnn(r: Reader, step: Operation) -> None:
    """Read RNN for a single step and UNIDIRECTIONAL_SEQUENCE_RNN."""
    x, w, hidden, b = step.required(0), step.required(1), step.required(2), step.input(3)
    if len(w.dims) != 2 or w.dims[1:] != x.dims[-1:] or hidden.dims != (w.dims[0], w.dims[0]):
        step.raise_invalid(f"weights of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    layer = recurrent.RNN(units=w.dims[0], bias="single" if b is not None else "none")
    found = {"weight_ih": w, "weight_hh": hidden, "bias": b}
    _add(r, step, x, w.dims[0], found, layer, "rnn", step.kind == "RNN")


def bidirectional(r: Reader, step: Operation) -> None:
    """Read BIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_LSTM."""
    x = step.required(0)
    deep = step.kind.endswith("LSTM")
    places = range(1, 35) if deep else (1, 2, 3, 5, 6, 7)
    biases = (12, 13, 14, 15, 17, 29, 30, 31, 32, 34) if deep else (3, 7)
    parameters = {
        f"{'bias' if place in biases else 'weight'}_{place}": value
        for place in places if (value := step.input(place)) is not None and value.index is None
    }  # fmt: skip
    ends = [_width(step, start) for start in ((1, 18) if deep else (1, 5))]
    merged = step.option("merge")
    _add(r, step, x, sum(ends) if merged else ends[0], parameters, None, "lstm" if deep else "rnn", single=False)
    if not merged and len(step.info.outputs) > 1:
        value = step.scope.values[step.info.outputs[0]]
        r.set_output(step, Value((*value.dims[:-1], ends[1]), value.index) if ends[0] == ends[1] else value, 1)


def _width(step: Operation, start: int) -> int:
    """Return the length of the output of the direction whose weights start at an input."""
    projection = step.input(start + 15) if step.kind.endswith("LSTM") else None
    hidden = step.required(start + 5 if step.kind.endswith("LSTM") else start + 1)
    w, axis = (hidden, 1) if projection is None else (projection, 0)
    if len(w.dims) != 2:
        step.raise_invalid(f"weights of {format_dims(w.dims)} are not a matrix")
    return w.dims[axis]


def _add(
    r: Reader, step: Operation, x: Value, wide: int, parameters: Mapping[str, Value | None], layer: Layer | None, name: str,
    single: bool,
) -> None:  # fmt: skip
    """Add a recurrent layer for a sequence of one example, or else an operator with the same multiply-adds."""
    if len(x.dims) != (2 if single else 3):
        step.raise_invalid(f"its input of {format_dims(x.dims)} has {len(x.dims)} axes, not {2 if single else 3}")
    dims: Dims = (*x.dims[:-1], wide)
    first = single or not step.info.options.get("time_major")
    if layer is not None and not single and first and x.dims[0] == 1 and x.index is not None:
        value = r.add_layer(step, layer, [x], parameters, dims=dims)
    else:
        matrices = [one.dims for one in parameters.values() if one is not None and len(one.dims) == 2]
        rows = [("steps", n) for n in x.dims[:-1] if n != 1]
        macs = Sum(*[Product(*rows, ("units", a), ("inputs", b)) for a, b in matrices]) if matrices else None
        value = r.add_operator(step, dims, [x], parameters, macs=macs, views=None, name=name)
    r.set_output(step, value)  # the fused activation runs inside of each step


def svdf(r: Reader, step: Operation) -> None:
    """Read SVDF: every filter sees the input of one step, and then its own results of the last steps (Nakkiran et al. 2015)."""
    x, features, time, b = step.required(0), step.required(1), step.required(2), step.input(3)
    rank = step.option("rank")
    if len(x.dims) != 2 or len(features.dims) != 2 or len(time.dims) != 2 or rank < 1 or features.dims[0] % rank:
        step.raise_invalid(f"filters of {format_dims(features.dims)} do not fit an input of {format_dims(x.dims)}")
    if features.dims[1] != x.dims[1] or time.dims[0] != features.dims[0]:
        step.raise_invalid(f"filters of {format_dims(features.dims)} do not fit an input of {format_dims(x.dims)}")
    filters, memory = time.dims
    rows = [("batch", x.dims[0])] if x.dims[0] != 1 else []
    macs = Sum(
        Product(*rows, ("filters", filters), ("inputs", x.dims[1])),
        Product(*rows, ("filters", filters), ("steps", memory)),
    )
    parameters = {"weight_feature": features, "weight_time": time, "bias": b}
    dims = (x.dims[0], filters // rank)
    r.conclude(step, r.add_operator(step, dims, [x], parameters, macs=macs, views=None))


HANDLERS: dict[str, Handler] = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm, "LSTM": lstm, "RNN": rnn, "UNIDIRECTIONAL_SEQUENCE_RNN": rnn,
    "BIDIRECTIONAL_SEQUENCE_LSTM": bidirectional, "BIDIRECTIONAL_SEQUENCE_RNN": bidirectional, "SVDF": svdf,
}  # fmt: skip
