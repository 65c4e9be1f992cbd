"""calflops: replaced functions of torch.nn.functional, which modules call, too. FLOPs are 2 per multiply-add, and more."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from cnncalc.layers.conv import ConvTranspose
from cnncalc.reconcile.calls import Call
from cnncalc.reconcile.rules import Figure, Part, Rule, Tool
from cnncalc.reconcile.tools.local_response import local_response
from cnncalc.reconcile.tools.parameters import TRAINABLE_PARAMS
from cnncalc.reconcile.tools.ptflops import written
from cnncalc.reconcile.tools.recurrent import recurrent
from cnncalc.shape import Window


def _transposed_macs(call: Call) -> int:
    """With groups, calflops divides by their number twice."""
    assert isinstance(call.layer, ConvTranspose)
    layer, x = call.layer, call.shapes[0]
    kernel = prod(window.kernel for window in layer.windows(x))
    return kernel * x[-1] * (layer.filters // layer.groups // layer.groups) * prod(x[:-1])


def transposed_macs(call: Call) -> Iterable[Part]:
    """Multiply-adds of a transposed convolution, as calflops counts them."""
    yield Part(1, _transposed_macs(call), "multiply-adds")


def transposed_flops(call: Call) -> Iterable[Part]:
    """Twice these, and a bias for each output that a convolution with the same fields, not transposed, would have."""
    assert isinstance(call.layer, ConvTranspose)
    layer, x = call.layer, call.shapes[0]
    yield Part(2, _transposed_macs(call), "multiply-adds")
    if layer.bias:
        places = prod(
            (width + 2 * min(window.before, window.after) - (window.dilation * (window.kernel - 1) + 1))
            // window.stride
            + 1
            for window, width in zip(layer.windows(x), x, strict=False)
        )
        yield Part(1, layer.filters // layer.groups * places, "bias additions of transposed convolutions")


def convolution(factor: int) -> Rule:
    """Return the rule of a convolution: multiply-adds, and for FLOPs also biases.

    With `padding="same"` and an odd number of cells to pad, calflops assumes that every axis is one shorter than it is.
    """

    def rule(call: Call) -> Iterable[Part]:
        positions = call.positions
        if call.node.written is not None and call.node.written.named_padding:
            windows = call.layer.windows(*call.shapes) or ()
            odd = [isinstance(window, Window) and (window.before + window.after) % 2 for window in windows]
            positions = prod(length - cut for length, cut in zip(call.output, odd, strict=False))
        yield Part(factor, call.macs // call.positions * positions, "multiply-adds")
        if factor > 1 and call.has_bias:
            yield Part(1, call.output[-1] * positions, "bias additions")

    return rule


def projections(factor: int) -> Rule:
    """Return the rule of attention: its projections, without scaled_dot_product_attention."""

    def rule(call: Call) -> Iterable[Part]:
        yield Part(factor, call.projections, "multiply-adds")

    return rule


def scaled(call: Call) -> Iterable[Part] | None:
    """One operation for each input, or for each position of the output if the program gives the size as a tuple."""
    if call.op == "upsample" and getattr(call.layer, "factor", None) is not None:
        return [Part(1, call.inputs, "upsample inputs")]
    if len(call.shapes) > 1 or len(set(call.output[:-1])) > 1 or len(call.output) == 2:
        return [Part(1, call.positions, f"positions of {call.op} outputs")]
    return None  # of equal sides, `size=52` counts 52, and `size=(52, 52)` counts 52*52


POOLS = "maxpool avgpool adaptiveavgpool adaptivemaxpool globalavgpool globalmaxpool"
MACS: dict[str, Rule] = {
    "fc linear matmul/function": "macs",
    "conv depthwise": convolution(1),
    "convtranspose": transposed_macs,
    "attention attention/sdpa": projections(1),
    "matmul/operator matmul/bmm attend/sdpa": "0",
    "attend/matmul": "macs",
    "matmul convlstm local": "?",
}
FLOPS: dict[str, Rule] = {
    "conv depthwise": convolution(2),
    "fc linear matmul/function": "2*macs",
    "convtranspose": transposed_flops,
    "attention attention/sdpa": projections(2),
    "matmul/operator matmul/bmm attend/sdpa": "0",
    "batchnorm": "2*outputs",
    "batchnorm-plain": "1*outputs",
    "layernorm groupnorm instancenorm": "5*outputs",
    "layernorm-plain groupnorm-plain instancenorm-plain": "4*outputs",
    "relu leakyrelu prelu elu silu gelu softmax crelu": "1*outputs",
    written("relu6", "function", "subclass"): "1*outputs",
    POOLS: "1*inputs",
    written(POOLS, "mean"): "0",
    "upsample resize": scaled,
    "add/function mul/function": "1*outputs",
    "lrn": local_response,
    "rnn gru lstm": recurrent({"rnn": (-1, 2), "gru": (1, 6), "lstm": (2, 8)}, macs=2),
    "attend/matmul": "2*macs + scores",
    "matmul convlstm local einsum": "?",
}


class Calflops(Tool):
    """calflops, which prints MACs and FLOPs."""

    name = "calflops"
    version = "0.3.2"
    figures = (
        Figure("MACs", "MACs", MACS, otherwise="0"),
        Figure("FLOPs", "FLOPs", FLOPS, otherwise="0"),
        TRAINABLE_PARAMS,
    )
