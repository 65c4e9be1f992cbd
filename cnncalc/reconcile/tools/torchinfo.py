"""torchinfo: the parameters of a leaf module, times the positions of a convolution's output, or once for other modules."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.layers.conv import ConvTranspose
from cnncalc.layers.recurrent import Recurrent
from cnncalc.reconcile.calls import Call
from cnncalc.reconcile.rules import Figure, Part, Rule, Tool
from cnncalc.reconcile.tools.parameters import PARAMS
from cnncalc.reconcile.tools.recurrent import parameters_per_step


def transposed(call: Call) -> Iterable[Part]:
    """A transposed convolution counts its weights at every position of the output."""
    assert isinstance(call.layer, ConvTranspose)
    weights = int(call.layer.weights(*call.shapes)["weight"])
    yield Part(1, weights * call.positions, "weights of transposed convolutions at all outputs")
    yield Part(1, call.biases, "bias additions")


def once(call: Call) -> Iterable[Part]:
    """Every parameter once for each row of the output, not for each position."""
    name = {"fc": "linear"}.get(call.op, call.op)
    yield Part(call.rows, call.params, f"{name} parameters")


def steps(call: Call) -> Iterable[Part] | None:
    """Every parameter once for each step, if the layer has the biases that torch.nn has: two vectors per gate, or none."""
    assert isinstance(call.layer, Recurrent)
    return None if call.layer.bias == "single" else parameters_per_step(call)


MODULES: dict[str, Rule] = {
    "conv depthwise": "macs + biases",
    "convtranspose": transposed,
    "fc linear batchnorm layernorm groupnorm instancenorm rmsnorm prelu embedding": once,
    "fc/subclass linear/subclass batchnorm/subclass layernorm/subclass groupnorm/subclass prelu/subclass": once,
    "conv/subclass depthwise/subclass": "macs + biases",
    "lstm gru rnn": steps,
    "scale/module positional/module classtoken/module": once,
    "attention/sdpa": "?",  # the linear layers are modules, but how many there are depends on the program
    "scale/subclass positional/subclass classtoken/subclass convlstm local": "?",
}


class Torchinfo(Tool):
    """torchinfo, formerly torchsummary."""

    name = "torchinfo"
    version = "1.8.0"
    figures = (
        Figure(
            "mult-adds", "MACs", MODULES, otherwise="0", only="module",
            note="a linear layer counts its parameters once, whatever the number of positions",
        ),
        PARAMS,
    )  # fmt: skip
