"""A column and a row instead of a square window."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import LESS, LayerRewrite
from cnncalc.advice.windows import is_hidden, square_kernel
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.network import Node


class Factorized(LayerRewrite):
    """An Nx1 and a 1xN convolution instead of an NxN one.

    Szegedy et al. 2015, "Rethinking the Inception architecture", section 3.2.
    """

    name = "nx1-and-1xn"
    title = "split square windows into a column and a row"
    effect = "a filter is a product of a column and a row. The receptive field stays the same."
    harm = LESS
    saves = ("params", "macs", "memory")
    structural = True

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = node.layer
        if not isinstance(layer, Conv) or not is_hidden(node, wiring.network):
            return None
        side = square_kernel(layer)
        stride, pad = layer.stride, layer.pad
        if side is None or side < 3 or wiring.network.shapes(node)[0].rank != 2:
            return None
        if not isinstance(stride, int) or not (isinstance(pad, int) or pad in ("same", "valid")):
            return None
        column, row = ((pad, 0), (0, pad)) if isinstance(pad, int) else (pad, pad)
        return [
            Conv(filters=layer.filters, kernel=(side, 1), stride=(stride, 1), pad=column, bias=False),
            Conv(filters=layer.filters, kernel=(1, side), stride=(1, stride), pad=row, bias=layer.bias),
        ]
