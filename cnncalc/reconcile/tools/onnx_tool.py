"""onnx-tool: operations for every operator of the ONNX file that torch.onnx.export writes, with batch norms folded."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from cnncalc.analyses.folding import folded_norms
from cnncalc.layers.pool import Pool
from cnncalc.network import Network, Node
from cnncalc.reconcile.calls import Call, Calls
from cnncalc.reconcile.rules import Figure, Part, Rule, Tool

FOLDED = "folded"  # style of a convolution that has absorbed a batch norm, and with it a bias


def pooling(call: Call) -> Iterable[Part]:
    """One operation for each cell of the window, at every output. For a volume, only the first axis of the window counts."""
    assert isinstance(call.layer, Pool)
    kernels = [window.kernel for window in call.layer.windows(*call.shapes)]
    yield Part(prod(kernels) if len(kernels) == 2 else kernels[0], call.outputs, "pooled outputs")


def global_average(call: Call) -> Iterable[Part]:
    """An addition per input, and a division per output, which counts 4."""
    yield Part(1, call.inputs, "inputs of global pooling")
    yield Part(4, call.outputs, "globally pooled outputs")


def adaptive_average(call: Call) -> Iterable[Part]:
    """Global pooling, or else a pooling whose window is the quotient of the lengths."""
    cells = call.inputs // call.outputs
    if prod(call.output[:-1]) == 1:
        yield from global_average(call)
    else:
        yield Part(cells, call.outputs, "pooled outputs")


def adaptive_maximum(call: Call) -> Iterable[Part] | None:
    """A pooling whose window is the quotient of the lengths. Global pooling is a different operator."""
    if prod(call.output[:-1]) == 1:
        return None
    return [Part(call.inputs // call.outputs, call.outputs, "pooled outputs")]


def layer_norm(call: Call) -> Iterable[Part]:
    """7 operations for each element, and 29 for each mean and variance."""
    yield Part(7, call.outputs, "layernorm outputs")
    yield Part(29, call.outputs // call.output[-1], "layernorm rows")


def sum_of(call: Call) -> Iterable[Part]:
    """One operation for each element and each operand after the first."""
    yield Part(len(call.shapes) - 1, call.outputs, f"{call.op} outputs")


OPERATORS: dict[str, Rule] = {
    "conv depthwise fc linear": "macs + biases",
    "conv/folded depthwise/folded": "macs + outputs",
    "batchnorm batchnorm-plain": "31*outputs",
    "relu": "1*outputs",
    "relu6 leakyrelu prelu": "2*outputs",
    "hardsigmoid": "4*outputs",
    "hardswish": "5*outputs",
    "gelu": "7*outputs",
    "sigmoid": "32*outputs",
    "silu": "33*outputs",
    "tanh": "76*outputs",
    "softmax": "36*outputs",
    "layernorm layernorm-plain": layer_norm,
    "maxpool avgpool": pooling,
    "globalavgpool": global_average,
    "globalavgpool/mean": "1*inputs",
    "adaptiveavgpool": adaptive_average,
    "adaptivemaxpool": adaptive_maximum,
    "add mul": sum_of,
    "dropout droppath identity flatten reshape concat permute slice pad channelpad": "0",
}


class _FoldedCalls(Calls):
    every = True

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.norms = folded_norms(network)
        self.convolutions = {
            index for index in self.norms.values() if network.nodes[index].kind in ("conv", "depthwise")
        }

    def of(self, node: Node, style: str) -> tuple[Call, ...]:
        if self.norms.get(node.index) in self.convolutions:
            return ()
        return super().of(node, FOLDED if node.index in self.convolutions else style)


class OnnxTool(Tool):
    """onnx-tool."""

    name = "onnx-tool"
    version = "1.0.1"
    figures = (
        Figure(
            "MACs", "MACs", OPERATORS,
            note="for the file that torch.onnx.export writes, with batch norms folded into convolutions",
        ),
    )  # fmt: skip

    @classmethod
    def calls(cls, network: Network) -> Calls:
        """Return the calls, without batch norms that are folded."""
        return _FoldedCalls(network)
