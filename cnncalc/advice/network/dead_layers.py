"""Layers that nothing depends on, or that do nothing."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import SAME, LayerRewrite
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import Identity, ReLU
from cnncalc.layers.base import Layer
from cnncalc.layers.pool import AdaptivePool
from cnncalc.network import Node


class DeadLayers(LayerRewrite):
    """Layers on which no output depends, and layers that return their input."""

    name = "dead-layers"
    title = "remove layers that change nothing"
    effect = "none: no output depends on these layers, or they return their input unchanged."
    harm = SAME
    saves = ("params", "macs", "memory")

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = node.layer
        if node.index not in wiring.used:
            return []
        if node.index in wiring.network.outputs or len(node.inputs) != 1:
            return None
        repeated = isinstance(layer, ReLU) and wiring.source(node).kind == "relu"
        whole = isinstance(layer, AdaptivePool) and node.output == wiring.network.shapes(node)[0]
        return [] if isinstance(layer, Identity) or repeated or whole else None
