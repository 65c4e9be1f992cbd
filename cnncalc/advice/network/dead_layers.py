"""Layers that nothing depends on, or that do nothing."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import SAME, LayerRewrite
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import Dropout, Identity, ReLU
from cnncalc.layers.base import Layer
from cnncalc.layers.pool import AdaptivePool, AvgPool, GlobalPool, MaxPool
from cnncalc.layers.reshape import Flatten
from cnncalc.network import Node

NEVER_NEGATIVE = frozenset(("relu", "relu6", "sigmoid", "hardsigmoid", "softmax", "softplus", "square", "abs", "exp"))


class DeadLayers(LayerRewrite):
    """Layers on which no output depends, and layers that return their input,

    such as a ReLU of values that are never negative because they come from a ReLU, possibly through poolings.
    """

    name = "dead-layers"
    title = "remove layers that change nothing"
    effect = "none: no output depends on these layers, or they return their input unchanged."
    harm = SAME
    saves = ("params", "macs", "memory")

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        if node.index not in wiring.used:
            return []
        if node.index in wiring.network.outputs or len(node.inputs) != 1:
            return None
        return [] if _returns_input(node, wiring) else None


def _returns_input(node: Node, wiring: Wiring) -> bool:
    layer, x = node.layer, wiring.network.shapes(node)[0]
    if wiring.source(node).kind == node.kind:  # duplicate-layers explains these better
        return False
    if isinstance(layer, ReLU):
        return _never_negative(wiring.source(node), wiring)
    if isinstance(layer, Dropout):
        return layer.rate == 0
    if isinstance(layer, Flatten):
        return len(x) == 1
    if isinstance(layer, AdaptivePool):
        return node.output == x
    if isinstance(layer, (MaxPool, AvgPool)):
        return all(
            (window.reach, window.stride, window.before, window.after) == (1, 1, 0, 0) for window in layer.windows(x)
        )
    return isinstance(layer, Identity)


def _never_negative(node: Node, wiring: Wiring) -> bool:
    """Return whether no number of a value can be negative."""
    while isinstance(node.layer, (MaxPool, AvgPool, AdaptivePool, GlobalPool, Flatten, Dropout, Identity)):
        node = wiring.source(node)
    return node.kind in NEVER_NEGATIVE
