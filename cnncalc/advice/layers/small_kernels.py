"""Stacks of 3x3 convolutions for larger windows."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import SIMILAR, LayerRewrite
from cnncalc.advice.windows import square_kernel
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import ReLU
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.network import Node


class SmallKernels(LayerRewrite):
    """Two 3x3 convolutions for a 5x5 one, and three for a 7x7 one.

    Simonyan & Zisserman 2014, section 2.3.
    """

    name = "3x3-stack"
    title = "stack 3x3 convolutions instead of one 5x5 or 7x7"
    effect = (
        "the receptive field stays the same. There are more nonlinearities, and a large filter becomes a product of small "
        "ones."
    )
    harm = SIMILAR
    saves = ("params", "macs", "memory")
    structural = True

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = node.layer
        if not isinstance(layer, Conv) or wiring.network.shapes(node)[0].rank < 2:
            return None
        side = square_kernel(layer)
        if side not in (5, 7):
            return None
        if layer.pad in (0, "valid", "same"):
            pad = layer.pad
        elif layer.pad == side // 2:
            pad = 1
        else:
            return None
        chain: list[Layer] = []
        for number in range(side // 2, 0, -1):
            chain.append(
                Conv(
                    filters=layer.filters, kernel=3, pad=pad, bias=layer.bias, stride=layer.stride if number == 1 else 1
                )
            )
            if number > 1:
                chain.append(ReLU())
        return chain
