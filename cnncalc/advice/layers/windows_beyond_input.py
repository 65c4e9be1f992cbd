"""Windows of layers that already see the whole input."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import LESS, LayerRewrite
from cnncalc.advice.windows import hidden_window
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.network import Node


class WindowsBeyondInput(LayerRewrite):
    """1x1 convolutions where every value that is read already depends on the whole input.

    Richter et al. 2021, "Should You Go Deeper? Optimizing Convolutional Neural Network Architectures without Training by
    Receptive Field Analysis".
    """

    name = "1x1-beyond-input"
    title = "use 1x1 convolutions where the receptive field already covers the input"
    effect = "these layers no longer combine positions. A larger window would show them nothing new of the input."
    harm = LESS
    saves = ("params", "macs", "memory")
    structural = True

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = hidden_window(node, wiring.network)
        if layer is None or wiring.source(node).index not in wiring.complete:
            return None
        return [Conv.from_values({**layer.nondefault_fields, "kernel": 1, "pad": 0, "dilation": 1, "mode": "zeros"})]
