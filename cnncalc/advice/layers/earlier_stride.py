"""An earlier stride."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.rewrite import LESS, LayerRewrite
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.network import Node


class EarlierStride(LayerRewrite):
    """Twice the stride in a convolution that reads an input.

    Everything after it works on a quarter of the positions. It applies only if the outputs keep their shapes, as before a
    global pooling.
    """

    name = "earlier-stride"
    title = "double the stride of the first convolution"
    effect = "all later layers see half the resolution, so that small details are lost. Receptive fields cover twice the length."
    harm = LESS
    saves = ("macs", "memory", "params")

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = node.layer
        if not isinstance(layer, Conv) or wiring.source(node).layer is not None or layer.pad == "same":
            return None
        stride = layer.stride
        double = tuple(2 * step for step in stride) if isinstance(stride, tuple) else 2 * stride
        return [Conv.from_values({**layer.nondefault_fields, "stride": double})]
