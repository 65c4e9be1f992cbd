"""Grouped convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import LESS, LayerRewrite
from cnncalc.advice.windows import hidden_window
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.network import Node

GROUPS = 4


class Grouped(LayerRewrite):
    """Four groups of channels that do not see each other.

    Krizhevsky et al. 2012, AlexNet; Xie et al. 2017, ResNeXt.
    """

    name = "groups-4"
    title = "split the channels of convolutions into 4 groups"
    effect = (
        "a filter sees a quarter of the channels. Groups are mixed only by 1x1 convolutions and layers that stay whole."
    )
    harm = LESS
    saves = ("params", "macs", "memory")
    structural = True

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = hidden_window(node, wiring.network)
        if layer is None:
            return None
        if layer.filters % GROUPS or wiring.network.shapes(node)[0][-1] % GROUPS:
            return None
        return [Conv.from_values({**layer.nondefault_fields, "groups": GROUPS})]
