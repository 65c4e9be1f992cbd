"""Biases that a batch normalization removes."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import SAME, LayerRewrite
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv, ConvTranspose, Depthwise
from cnncalc.layers.dense import FC, Linear
from cnncalc.layers.norm import BatchNorm
from cnncalc.network import Node


class BiasBeforeNorm(LayerRewrite):
    """No bias in a layer whose output goes only to a batch normalization.

    Ioffe & Szegedy 2015, section 3.2.
    """

    name = "no-bias-before-batchnorm"
    title = "leave out biases before a batch normalization"
    effect = "none: the normalization subtracts the mean, and the bias with it."
    harm = SAME
    saves = ("params", "memory")

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = node.layer
        if not isinstance(layer, (Conv, Depthwise, ConvTranspose, FC, Linear)) or not layer.bias:
            return None
        reader = wiring.only_reader(node)
        if reader is None or not isinstance(reader.layer, BatchNorm):
            return None
        return [type(layer).from_values({**layer.nondefault_fields, "bias": False})]
