"""How a PyTorch program may write a layer, where counting tools tell the ways apart.

A file describes layers, not code. `nn.ReLU()` and `F.relu(x)` compute the same, but thop and ptflops count them differently.
The first way of each kind is assumed unless the program was read or the user names another one.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnncalc.network import Network, Node
from cnncalc.problem import Problem
from cnncalc.text import nearest, quoted, show

MODULE, SUBCLASS, FUNCTION = "module", "subclass", "function"

_POOLS = {
    "maxpool": "max_pool2d", "avgpool": "avg_pool2d", "adaptiveavgpool": "adaptive_avg_pool2d",
    "adaptivemaxpool": "adaptive_max_pool2d",
}  # fmt: skip
_ACTIVATIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "leakyrelu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU", "gelu": "GELU",
    "silu": "SiLU", "softmax": "Softmax",
}  # fmt: skip
_POOL_MODULES = {
    "maxpool": "MaxPool2d", "avgpool": "AvgPool2d", "adaptiveavgpool": "AdaptiveAvgPool2d",
    "adaptivemaxpool": "AdaptiveMaxPool2d",
}  # fmt: skip
_PARAMETER = {"parameter": "a parameter of the enclosing module", MODULE: "a module with a parameter named `weight`"}

# kind -> the ways in which programs commonly write it, the assumed one first; "" means that none is assumed
COMMON: dict[str, dict[str, str]] = {
    **{kind: {MODULE: f"nn.{name}", FUNCTION: f"F.{name.lower()}"} for kind, name in _ACTIVATIONS.items()},
    **{kind: {MODULE: f"nn.{_POOL_MODULES[kind]}", FUNCTION: f"F.{name}"} for kind, name in _POOLS.items()},
    "globalavgpool": {MODULE: "nn.AdaptiveAvgPool2d(1)", FUNCTION: "F.adaptive_avg_pool2d", "mean": "x.mean"},
    "globalmaxpool": {MODULE: "nn.AdaptiveMaxPool2d(1)", FUNCTION: "F.adaptive_max_pool2d", "mean": "x.amax"},
    "upsample": {MODULE: "nn.Upsample", FUNCTION: "F.interpolate"},
    "resize": {FUNCTION: "F.interpolate", MODULE: "nn.Upsample"},
    "add": {"operator": "+", FUNCTION: "torch.add"},
    "mul": {"operator": "*", FUNCTION: "torch.mul"},
    "matmul": {"": "", "operator": "@", FUNCTION: "torch.matmul", "bmm": "torch.bmm"},
    "attention": {MODULE: "nn.MultiheadAttention", "sdpa": "nn.Linear and F.scaled_dot_product_attention"},
    "attend": {"": "", "sdpa": "F.scaled_dot_product_attention", "matmul": "two torch.matmul and a softmax"},
    "scale": _PARAMETER,
    "positional": _PARAMETER,
    "classtoken": _PARAMETER,
}
# kinds that are modules in nearly every program; `--written` may still name another way
_LAYERS = (
    "conv", "depthwise", "separableconv", "convtranspose", "fc", "linear", "batchnorm", "layernorm", "groupnorm",
    "instancenorm", "lrn", "rmsnorm", "embedding", "lstm", "gru", "rnn",
)  # fmt: skip
CHOICES: dict[str, dict[str, str]] = {
    **{kind: {MODULE: "a module of torch.nn", FUNCTION: "a function of torch.nn.functional"} for kind in _LAYERS},
    **COMMON,
}


class Writings:
    """The way in which each layer is written: as it was read, as the user states for it or its kind, or as assumed."""

    def __init__(self, stated: Mapping[str, str] | None = None) -> None:
        self.stated = dict(stated or {})

    def of(self, node: Node) -> str:
        """Return the way of a layer, or "" if it is not known and none is assumed."""
        if node.written is not None:
            return node.written.style
        stated = self.stated.get(node.name) or self.stated.get(node.kind)
        return stated or next(iter(CHOICES.get(node.kind, {"": ""})))

    def assumes(self, node: Node) -> bool:
        """Return whether the way of this layer is assumed although programs commonly write it in other ways."""
        if node.written is not None or node.name in self.stated or node.kind in self.stated:
            return False
        return len(COMMON.get(node.kind, ())) > 1

    def changed(self, kind: str, style: str) -> Writings:
        """Return the same ways, with another one for a kind."""
        return Writings({**self.stated, kind: style})


def parse(stated: Mapping[str, str], network: Network) -> dict[str, str]:
    """Check the ways of writing kinds, or single layers.

    Raises:
        Problem: `bad-value`.
    """
    layers = {node.name: node.kind for node in network.nodes if node.layer is not None}
    for name, style in stated.items():
        kind = layers.get(name, name)
        if kind not in CHOICES:
            match = nearest(name, [*CHOICES, *layers])
            help = f"did you mean `{show(match)}`?" if match else f"the kinds are {', '.join(CHOICES)}"
            raise Problem(
                "bad-value", f"tools count `{show(name)}` in one way only, or no layer or kind has that name", help
            )
        ways = [way for way in CHOICES[kind] if way]
        if style not in ways:
            raise Problem("bad-value", f"`{show(style)}` is not a way of writing {kind}", f"write {quoted(ways)}")
    return dict(stated)
