"""Bottlenecks."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.windows import HiddenWindowRewrite, rounded
from cnncalc.layers.activation import ReLU
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv


class Bottleneck(HiddenWindowRewrite):
    """A 1x1 convolution to a quarter of the channels, the window on those, and a 1x1 convolution back.

    He et al. 2015, ResNet, figure 5.
    """

    name = "bottleneck"
    title = "put convolutions between two 1x1 convolutions, on a quarter of the channels"
    effect = (
        "the window sees a quarter of the features, chosen by the first 1x1 convolution. There are more nonlinearities."
    )

    def replace_window(self, layer: Conv, channels: int) -> Sequence[Layer] | None:
        fewer = min(channels, layer.filters)
        narrow = rounded(fewer, 0.25)
        if narrow >= fewer:
            return None
        return [
            Conv(filters=narrow, kernel=1, bias=layer.bias),
            ReLU(),
            Conv.from_values({**layer.nondefault_fields, "filters": narrow}),
            ReLU(),
            Conv(filters=layer.filters, kernel=1, bias=layer.bias),
        ]
