"""Narrower layers."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.advice.rewrite import LESS, NetworkRewrite, Replacements
from cnncalc.advice.state import State
from cnncalc.advice.windows import rounded
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.conv import Conv, ConvTranspose, SeparableConv
from cnncalc.layers.dense import FC, Linear


class Narrower(NetworkRewrite):
    """Fewer filters and units, in multiples of 8.

    Howard et al. 2017, MobileNets: the width multiplier.
    """

    harm = LESS
    saves = ("params", "macs", "memory")

    def __init__(self, percent: int) -> None:
        self.percent = percent
        self.name = f"width-{percent}"
        self.title = f"narrow layers to {percent} % of their width, in multiples of 8"
        self.effect = "there are fewer features at each level; depth and receptive field stay the same."

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        fixed = self._outputs(wiring)
        for node in state.network.nodes:
            layer = node.layer
            if node.index in fixed or not isinstance(layer, (Conv, ConvTranspose, SeparableConv, FC, Linear)):
                continue
            field = "units" if isinstance(layer, (FC, Linear)) else "filters"
            width: int = getattr(layer, field)
            if isinstance(layer, Conv) and layer.groups > 1 and layer.groups == wiring.network.shapes(node)[0][-1]:
                continue  # follows its input
            less = rounded(width, self.percent / 100)
            if less < width:
                yield {node.index: [type(layer).from_values({**layer.nondefault_fields, field: less})]}

    @staticmethod
    def _outputs(wiring: Wiring) -> set[int]:
        """Return the layers whose width is that of an output."""
        fixed = set()
        open_values = list(wiring.network.outputs)
        seen = set(open_values)
        while open_values:
            node = wiring.nodes[open_values.pop()]
            if isinstance(node.layer, (Conv, ConvTranspose, SeparableConv, FC, Linear)):
                fixed.add(node.index)
                continue
            for index in node.inputs:
                if index not in seen:
                    seen.add(index)
                    open_values.append(index)
        return fixed
