"""Recurrent layers. Their blobs are steps x batch x features, and a second bottom blob marks where sequences begin."""

from __future__ import annotations

from cnncalc.layers import recurrent as cells
from cnncalc.layers.activation import Tanh
from cnncalc.layers.base import Layer
from cnncalc.layers.dense import Linear
from cnncalc.readers.axes import Order
from cnncalc.readers.caffe.blobs import Blob, Call, shape_text
from cnncalc.readers.caffe.windows import LARGEST

TIMED = ("LSTM", "RNN")


def _recurrent(call: Call, kind: type[cells.Recurrent]) -> tuple[int, int, Blob]:
    if len(call.inputs) != 2:
        text = f"with {len(call.inputs)} bottom blobs is not supported"
        raise call.problem(
            text,
            "give the layer two bottom blobs: the sequence, and the markers of where it continues",
            "unsupported",
            "bottom",
        )
    blob, param = call.inputs[0], call.param("recurrent_param")
    if param.flag("expose_hidden", False):
        raise param.problem("`expose_hidden` is not supported", field="expose_hidden", code="unsupported")
    units = param.integer("num_output", 0, 1, LARGEST)
    if not units:
        raise param.missing("num_output", 256)
    if len(blob.dims) < 2 or blob.dims[1] != 1:
        text = f"needs steps x batch x features, but gets {shape_text(blob.dims)}"
        raise call.problem(text, "begin the shape with the steps, then the batch", "needs-sequence")
    vector: Order = tuple(range(2, len(blob.dims)))
    if len(vector) != 1:
        text = f"needs steps x batch x features, but gets {shape_text(blob.dims)}"
        raise call.problem(text, "put a `Reshape` before it", "needs-sequence")
    return call.add(kind(units=units), call.aligned(blob, (0, 2))), units, blob


def lstm(call: Call) -> list[Blob]:
    """`LSTM`: one bias for each gate."""
    node, units, blob = _recurrent(call, cells.LSTM)
    call.parameters = [(node, name) for name in ("weight_ih_l0", "bias_l0", "weight_hh_l0")]
    return [Blob(node, (*blob.dims[:2], units), (0, 2))]


def rnn(call: Call) -> list[Blob]:
    """`RNN`: a plain recurrent layer, and a fully connected one with a tanh at every step."""
    node, units, blob = _recurrent(call, cells.RNN)
    last: Layer = Linear(units=units)
    dense = call.add(last, node)
    call.parameters = [(node, name) for name in ("weight_ih_l0", "bias_l0", "weight_hh_l0")]
    call.parameters += [(dense, name) for name in ("weight", "bias")]
    return [Blob(call.add(Tanh(), dense), (*blob.dims[:2], units), (0, 2))]
