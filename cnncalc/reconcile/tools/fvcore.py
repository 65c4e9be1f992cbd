"""fvcore: handles for the operations of a traced program. One multiply-add is one flop, biases and activations are 0."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.reconcile.calls import Call
from cnncalc.reconcile.rules import Figure, Part, Rule, Tool

INTERPOLATION = {"nearest": 1, "bilinear": 4}  # for each output; other modes and other numbers of axes count 0


def upsampling(call: Call) -> Iterable[Part]:
    """Operations for each output of a picture."""
    if len(call.output) == 3:
        yield Part(INTERPOLATION.get(call.field("mode"), 0), call.outputs, f"{call.op} outputs")


def average(call: Call) -> Iterable[Part]:
    """One operation for each input of adaptive pooling, which has a handle for pictures only."""
    if len(call.shapes[0]) == 3:
        yield Part(1, call.inputs, "inputs of adaptive pooling")


def products(call: Call) -> Iterable[Part]:
    """All products of attention but those of scaled_dot_product_attention, which has no handle."""
    yield Part(1, call.projections, "multiply-adds")


def projected(call: Call) -> Iterable[Part]:
    """The outputs of the four projections."""
    yield Part(4, call.inputs, "outputs of convolutions and products")


def convolution(call: Call) -> Iterable[Part]:
    """The multiply-adds, but nothing for `padding="same"`, which is an operation without a handle."""
    if call.node.written is None or not call.node.written.named_padding:
        yield Part(1, call.macs, "multiply-adds")


def convolved(call: Call) -> Iterable[Part]:
    """The outputs of a convolution, likewise."""
    if call.node.written is None or not call.node.written.named_padding:
        yield Part(1, call.outputs, "outputs of convolutions and products")


def attended(call: Call) -> Iterable[Part]:
    """The scores, and the outputs."""
    yield Part(1, call.scores + call.outputs, "outputs of convolutions and products")


def multiplied(call: Call) -> Iterable[Part]:
    """The outputs of a product."""
    yield Part(1, call.outputs, "outputs of convolutions and products")


FLOPS: dict[str, Rule] = {
    "conv depthwise": convolution,
    "convtranspose fc linear": "macs",
    "matmul dot": "macs",
    "attention attention/sdpa": products,
    "batchnorm": "2*outputs",
    "batchnorm-plain": "1*outputs",
    "layernorm groupnorm instancenorm": "5*outputs",
    "layernorm-plain groupnorm-plain instancenorm-plain": "4*outputs",
    "upsample resize": upsampling,
    "adaptiveavgpool globalavgpool": average,
    "globalavgpool/mean adaptiveavgpool/mean": "0",
    "attend/sdpa": "0",
    "attend/matmul": "macs",
    "local convlstm einsum": "?",
}
ACTIVATIONS: dict[str, Rule] = {
    "conv depthwise": convolved,
    "convtranspose fc linear matmul dot einsum": multiplied,
    "attention attention/sdpa": projected,
    "attend/sdpa": "0",
    "attend/matmul": attended,
    "local convlstm": "?",
}


class Fvcore(Tool):
    """fvcore's FlopCountAnalysis and ActivationCountAnalysis."""

    name = "fvcore"
    version = "0.1.5.post20221221"
    figures = (
        Figure("flops", "MACs", FLOPS, otherwise="0", note="one multiply-add is one flop"),
        Figure("activations", "activations", ACTIVATIONS, otherwise="0"),
    )  # fmt: skip
