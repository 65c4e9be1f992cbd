"""Layers that already see the whole input."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.advice.rewrite import LESS, NetworkRewrite, Replacements
from cnncalc.advice.state import State
from cnncalc.advice.windows import hidden_window
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import Activation
from cnncalc.layers.norm import BatchNorm


class LayersBeyondInput(NetworkRewrite):
    """Removes convolutions that keep the shape, where every value that is read already depends on the whole input.

    The normalization and the activation after such a convolution are removed with it. Richter et al. 2021, "Should You Go
    Deeper?".
    """

    name = "layers-beyond-input"
    title = "remove convolutions whose receptive field exceeds the input"
    effect = (
        "there are fewer layers. Those that are removed see nothing new of the input; Richter et al. found that such layers "
        "hardly change the accuracy."
    )
    harm = LESS
    saves = ("params", "macs", "memory")

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        for node in state.network.nodes:
            layer = hidden_window(node, wiring.network)
            if layer is None or wiring.source(node).index not in wiring.complete:
                continue
            if node.output != wiring.network.shapes(node)[0] or node.index in wiring.network.outputs:
                continue
            unit: Replacements = {node.index: []}
            reader = wiring.only_reader(node)
            while reader is not None and isinstance(reader.layer, (BatchNorm, Activation)):
                if reader.index in wiring.network.outputs:
                    break
                unit[reader.index] = []
                if isinstance(reader.layer, Activation):
                    break
                reader = wiring.only_reader(reader)
            yield unit
