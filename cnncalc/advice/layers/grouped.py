"""Grouped convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.windows import HiddenWindowRewrite
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv

GROUPS = 4


class Grouped(HiddenWindowRewrite):
    """Four groups of channels that do not see each other.

    Krizhevsky et al. 2012, AlexNet; Xie et al. 2017, ResNeXt.
    """

    name = "groups-4"
    title = "split the channels of convolutions into 4 groups"
    effect = (
        "a filter sees a quarter of the channels. Groups are mixed only by 1x1 convolutions and layers that stay whole."
    )

    def replace_window(self, layer: Conv, channels: int) -> Sequence[Layer] | None:
        if layer.filters % GROUPS or channels % GROUPS:
            return None
        return [Conv.from_values({**layer.nondefault_fields, "groups": GROUPS})]
