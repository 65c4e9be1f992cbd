"""Activations that overwrite their input."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import SAME, LayerRewrite
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import Dropout, InPlace
from cnncalc.layers.base import Layer
from cnncalc.network import Node

SAFE = ("conv", "batchnorm", "fc", "linear", "add")  # backward of these layers does not need their output


class InPlaceActivations(LayerRewrite):
    """Activations in place, where nothing else reads what they overwrite."""

    name = "in-place"
    title = "let activations overwrite their input"
    effect = "none: the results are the same."
    harm = SAME
    saves = ("memory",)

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = node.layer
        if not isinstance(layer, InPlace) or isinstance(layer, Dropout) or layer.inplace:
            return None
        source = wiring.source(node)
        if source.kind not in SAFE or wiring.only_reader(source) is not node:
            return None
        return [type(layer).from_values({**layer.nondefault_fields, "inplace": True})]
