"""ptflops, whose two backends count different things: hooks on modules and functions, or operations that PyTorch dispatches.

The backend `pytorch` counts a module such as nn.ReLU twice: its hook counts it, and so does the function that it calls.
"""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.reconcile.calls import Call
from cnncalc.reconcile.rules import Figure, Part, Rule, Tool
from cnncalc.reconcile.tools.local_response import local_response
from cnncalc.reconcile.tools.parameters import TRAINABLE_PARAMS
from cnncalc.reconcile.tools.recurrent import recurrent


def attention(call: Call) -> Iterable[Part]:
    """Scaling of the queries, and the softmax, besides products and biases. The output projection always has a bias."""
    steps, width = call.shapes[0]
    yield Part(1, call.macs, "multiply-adds")
    yield Part(1, (4 if call.has_bias else 1) * steps * width, "bias additions")
    yield Part(1, steps * width, "scaled queries")
    yield Part(1, call.scores, "attention scores in softmax")


def attention_biases(call: Call) -> Iterable[Part]:
    """Projections with their biases; scaled_dot_product_attention is not counted."""
    yield Part(1, call.projections, "multiply-adds")
    if call.has_bias:
        yield Part(1, 4 * call.inputs, "bias additions")


def gated(call: Call) -> Iterable[Part] | None:
    """Products and biases of recurrent layers that run as matrix products. An LSTM runs as one operation, which counts 0."""
    if call.field("bias") == "single":  # torch.nn has two bias vectors per gate, or none
        return None
    biases = sum(int(count) for name, count in call.layer.weights(*call.shapes).items() if name.startswith("bias"))
    return [Part(1, call.macs, "multiply-adds"), Part(call.shapes[0][0], biases, f"{call.op} biases")]


CONVOLUTIONS = "conv depthwise convtranspose fc linear"
POOLS = "maxpool avgpool adaptiveavgpool adaptivemaxpool globalavgpool globalmaxpool"
TWICE = "relu prelu elu gelu"
NORMS = "batchnorm groupnorm instancenorm"


def written(kinds: str, *styles: str) -> str:
    """Return the keys of kinds in certain styles.

    >>> written("relu elu", "function")
    'relu/function elu/function'
    """
    return " ".join(f"{kind}/{style}" for kind in kinds.split() for style in styles)


PYTORCH: dict[str, Rule] = {
    CONVOLUTIONS: "macs + biases",
    written(f"{CONVOLUTIONS} {NORMS} layernorm layernorm-plain leakyrelu relu6", "subclass"): "0",
    written(CONVOLUTIONS, "function"): "0",
    TWICE: "2*outputs",
    written(f"{TWICE} relu6", "function"): "1*outputs",
    written(TWICE, "subclass"): "1*outputs",
    "leakyrelu relu6 silu softmax": "1*outputs",
    "leakyrelu/function": "0",
    POOLS: "2*inputs",
    written(POOLS, "function", "subclass"): "1*inputs",
    written(POOLS, "mean"): "0",
    NORMS: "2*outputs",
    "batchnorm-plain groupnorm-plain instancenorm-plain layernorm layernorm-plain": "1*outputs",
    written(f"{NORMS} layernorm batchnorm-plain groupnorm-plain instancenorm-plain layernorm-plain", "function"): "0",
    "upsample resize": "2*outputs",
    written("upsample resize", "function", "subclass"): "1*outputs",
    "add/function mul/function": "1*outputs",
    "matmul/function matmul/bmm dot": "macs",
    "matmul/operator": "0",
    "attention": attention,
    "attention/sdpa": attention_biases,
    "lrn": local_response,
    "rnn gru lstm": recurrent({"rnn": (1, 2), "gru": (7, 6), "lstm": (10, 8)}),
    "attend/sdpa": "0",
    "attend/matmul": "macs + scores",
    "add mul rmsnorm embedding scale positional classtoken einsum": "0",
}
ATEN: dict[str, Rule] = {
    CONVOLUTIONS: "macs + biases",
    "attention attention/sdpa": attention_biases,
    "matmul einsum dot": "macs",
    "attend/sdpa": "0",
    "attend/matmul": "macs",
}


class PtflopsPytorch(Tool):
    """ptflops with its default backend until 0.7.3, `pytorch`."""

    name = "ptflops"
    version = "0.7.5, backend pytorch"
    figures = (Figure("MACs", "MACs", PYTORCH), TRAINABLE_PARAMS)


class PtflopsAten(Tool):
    """ptflops with its backend `aten`."""

    name = "ptflops-aten"
    version = "0.7.5, backend aten"
    figures = (Figure("MACs", "MACs", {**ATEN, "gru rnn": gated, "lstm": "0", "local convlstm": "?"}, otherwise="0"),)
