"""What several rewrites of convolutions need to know about a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.advice.rewrite import LESS, LayerRewrite
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import Activation, Softmax
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.layers.norm import BatchNorm
from cnncalc.network import Network, Node

FEWEST = 8  # minimum number of input channels for which it makes sense to treat them separately
Padding = int | str | tuple[int, ...] | Mapping[str, int]


def square_kernel(layer: Conv) -> int | None:
    """Return the side of a square window without dilation and groups; None for any other."""
    kernel = layer.kernel
    if isinstance(kernel, tuple):
        if len(set(kernel)) != 1:
            return None
        kernel = kernel[0]
    dilation = layer.dilation if isinstance(layer.dilation, tuple) else (layer.dilation,)
    plain = layer.groups == 1 and layer.mode == "zeros" and set(dilation) == {1}
    return kernel if plain else None


def is_hidden(node: Node, network: Network) -> bool:
    """Return whether a layer reads more channels than an image has."""
    return network.shapes(node)[0][-1] >= FEWEST


def hidden_window(node: Node, network: Network) -> Conv | None:
    """Return a hidden convolution without groups whose window is larger than one cell; None for any other layer."""
    layer = node.layer
    if not isinstance(layer, Conv) or layer.groups != 1 or not is_hidden(node, network):
        return None
    kernel = layer.kernel if isinstance(layer.kernel, tuple) else (layer.kernel,)
    return layer if set(kernel) != {1} else None


class HiddenWindowRewrite(LayerRewrite):
    """A rewrite that replaces every hidden convolution with a window by cheaper ones, which can represent less."""

    harm = LESS
    saves = ("params", "macs", "memory")
    structural = True

    def replace_window(self, layer: Conv, channels: int) -> Sequence[Layer] | None:
        """Return the layers that replace a convolution of this many input channels; None if it stays."""
        raise NotImplementedError  # every kind of rewrite has its own

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        layer = hidden_window(node, wiring.network)
        return None if layer is None else self.replace_window(layer, wiring.network.shapes(node)[0][-1])


def producer_of(node: Node, wiring: Wiring) -> Node | None:
    """Return the layer that calculates what a layer reads, through layers that treat each cell separately.

    None if anything else reads a value on the way.
    """
    before = wiring.source(node)
    while wiring.only_reader(before) is not None:
        if not isinstance(before.layer, (Activation, BatchNorm)) or isinstance(before.layer, Softmax):
            return before
        before = wiring.source(before)
    return None


def rounded(filters: int, most: float, least: int = 8) -> int:
    """Return a share of the filters, rounded to a multiple of 8 as `round_to` of a specification does, at least `least`.

    >>> rounded(100, 0.5), rounded(36, 0.5), rounded(10, 0.5)
    (48, 24, 8)
    """
    value = filters * most
    multiple = max(least, int(value + 4) // 8 * 8)
    return multiple + 8 if 10 * multiple < 9 * value else multiple
