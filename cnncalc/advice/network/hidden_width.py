"""Narrower hidden layers."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.advice.network.narrower import Narrower
from cnncalc.advice.rewrite import Replacements
from cnncalc.advice.state import State
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import Activation
from cnncalc.layers.conv import Conv, Depthwise, SeparableConv
from cnncalc.layers.dense import FC, Linear
from cnncalc.layers.norm import BatchNorm
from cnncalc.network import Node


class HiddenWidth(Narrower):
    """Fewer filters and units in layers whose values only other weights read, so that sums and outputs keep their width."""

    def __init__(self, percent: int) -> None:
        super().__init__(percent)
        self.name = f"hidden-width-{percent}"
        self.title = f"narrow hidden layers to {percent} % of their width, in multiples of 8"
        self.effect = (
            "there are fewer features between two layers with weights; sums, poolings and outputs keep their width."
        )

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        for unit in super().units(state, wiring):
            [index] = unit
            if _is_hidden(wiring.nodes[index], wiring):
                yield unit


def _is_hidden(node: Node, wiring: Wiring) -> bool:
    """Return whether only weights read a value, directly or after activations and normalizations."""
    reader = wiring.only_reader(node)
    while reader is not None and isinstance(reader.layer, (Activation, BatchNorm, Depthwise)):
        reader = wiring.only_reader(reader)
    return reader is not None and isinstance(reader.layer, (Conv, SeparableConv, FC, Linear))
