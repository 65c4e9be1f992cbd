"""Bottlenecks."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import LESS, LayerRewrite
from cnncalc.advice.windows import hidden_window, rounded
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import ReLU
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.network import Node


class Bottleneck(LayerRewrite):
    """A 1x1 convolution to a quarter of the channels, the window on those, and a 1x1 convolution back.

    He et al. 2015, ResNet, figure 5.
    """

    name = "bottleneck"
    title = "put convolutions between two 1x1 convolutions, on a quarter of the channels"
    effect = (
        "the window sees a quarter of the features, chosen by the first 1x1 convolution. There are more nonlinearities."
    )
    harm = LESS
    saves = ("params", "macs", "memory")
    structural = True

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = hidden_window(node, wiring.network)
        if layer is None:
            return None
        channels = min(wiring.network.shapes(node)[0][-1], layer.filters)
        narrow = rounded(channels, 0.25)
        if narrow >= channels:
            return None
        return [
            Conv(filters=narrow, kernel=1, bias=layer.bias),
            ReLU(),
            Conv.from_values({**layer.nondefault_fields, "filters": narrow}),
            ReLU(),
            Conv(filters=layer.filters, kernel=1, bias=layer.bias),
        ]
