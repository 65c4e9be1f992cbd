"""thop: hooks on modules of exactly the classes in its table. Everything else counts 0, and so do its parameters."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from cnncalc.layers.conv import ConvTranspose
from cnncalc.reconcile.calls import Call
from cnncalc.reconcile.rules import Figure, Part, Rule, Tool
from cnncalc.reconcile.tools.recurrent import recurrent


def transposed(call: Call) -> Iterable[Part]:
    """A transposed convolution counts as if its kernel were applied at every output."""
    assert isinstance(call.layer, ConvTranspose)
    kernel = prod(window.kernel for window in call.layer.windows(*call.shapes))
    yield Part(kernel * (call.shapes[0][-1] // call.layer.groups), call.outputs, "transposed-convolution outputs")


def adaptive(call: Call) -> Iterable[Part]:
    """Inputs per output as a quotient of floating-point numbers, plus 1, for each output; cut to a whole number."""
    before, after = call.shapes[0][:-1], call.output[:-1] or (1,) * len(call.shapes[0][:-1])
    share = 1.0
    for length, shorter in zip(before, after, strict=True):
        share *= length / shorter
    if share == int(share):
        yield Part(int(share) + 1, call.outputs, "pooled outputs")
    else:
        yield Part(1, int((share + 1) * call.outputs), "operations of adaptive pooling")


def softmax(call: Call) -> Iterable[Part]:
    """An exponential and a division per element, and one addition fewer."""
    yield Part(3 * call.output[-1] - 1, call.positions, "softmax rows")


UPSAMPLING = {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}  # operations for each output


def upsampling(call: Call) -> Iterable[Part]:
    """A fixed number of operations for each output, or nothing for a mode without one."""
    yield Part(UPSAMPLING.get(call.field("mode"), 0), call.outputs, f"{call.op} outputs")


CONVOLUTIONS = "conv depthwise fc linear"
MODULES: dict[str, Rule] = {
    CONVOLUTIONS: "macs",
    "conv/subclass depthwise/subclass fc/subclass linear/subclass": "0",
    "convtranspose": transposed,
    "batchnorm layernorm instancenorm": "4*outputs",
    "batchnorm-plain layernorm-plain instancenorm-plain": "2*outputs",
    "prelu": "1*outputs",
    "softmax": softmax,
    "avgpool": "1*outputs",
    "globalavgpool adaptiveavgpool": adaptive,
    "upsample resize": upsampling,
    "attention/sdpa": "projections",
    "rnn gru lstm": recurrent({"rnn": (1, 2), "gru": (7, 6), "lstm": (8, 8)}),
}
COUNTED = (
    f"{CONVOLUTIONS} convtranspose batchnorm layernorm instancenorm batchnorm-plain layernorm-plain instancenorm-plain prelu "
    "lstm gru rnn"
)


class Thop(Tool):
    """thop, also known as pytorch-OpCounter."""

    name = "thop"
    version = "0.1.1.post2209072238"
    figures = (
        Figure("MACs", "MACs", {**MODULES, "convlstm": "?"}, otherwise="0", only="module"),
        Figure(
            "params", "params", {COUNTED: "params", "attention/sdpa": "params"}, otherwise="0", only="module",
            note="parameters of classes that thop has no rule for are left out",
        ),
    )  # fmt: skip
