"""Global average pooling before a fully connected layer."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import LESS, LayerRewrite
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.base import Layer
from cnncalc.layers.dense import FC
from cnncalc.layers.pool import GlobalAvgPool
from cnncalc.layers.reshape import Flatten
from cnncalc.network import Node


class GlobalPooling(LayerRewrite):
    """Average each channel over the image instead of flattening it.

    Lin et al. 2013, Network in Network.
    """

    name = "global-average-pooling"
    title = "average each channel before the fully connected layer instead of flattening"
    effect = (
        "the fully connected layer sees how strong each channel is, not where in the image. In return the network accepts "
        "other input sizes."
    )
    harm = LESS
    saves = ("params", "macs", "memory")

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = node.layer
        if not isinstance(layer, (FC, Flatten)):
            return None
        x = wiring.network.shapes(node)[0]
        if not 2 <= x.rank <= 3 or x.size == x[-1]:
            return None
        if isinstance(layer, FC):
            return [GlobalAvgPool(), layer]
        return [GlobalAvgPool()] if len(node.output) == 1 else None
