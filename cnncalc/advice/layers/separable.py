"""Depthwise separable convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.windows import HiddenWindowRewrite
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv, Depthwise


class Separable(HiddenWindowRewrite):
    """A depthwise convolution and a 1x1 convolution instead of a full one.

    Howard et al. 2017, MobileNets.
    """

    name = "depthwise-separable"
    title = "split convolutions into a depthwise and a 1x1 convolution"
    effect = (
        "positions and channels are filtered one after the other, so that a filter is a product of the two. The receptive "
        "field stays the same."
    )

    def replace_window(self, layer: Conv, channels: int) -> Sequence[Layer] | None:
        window = {name: getattr(layer, name) for name in ("kernel", "stride", "pad", "dilation", "mode")}
        return [
            Depthwise.from_values({**window, "bias": False}),
            Conv(filters=layer.filters, kernel=1, bias=layer.bias),
        ]
