"""What several rewrites of convolutions need to know about a window."""

from __future__ import annotations

from collections.abc import Mapping

from cnncalc.layers.conv import Conv
from cnncalc.network import Network, Node

FEWEST = 8  # input channels from which it makes sense to treat them apart
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


def rounded(filters: int, most: float, least: int = 8) -> int:
    """Return a share of the filters, rounded to a multiple of 8; never fewer than `least`.

    >>> rounded(100, 0.5), rounded(10, 0.5)
    (48, 8)
    """
    return max(least, int(filters * most + 4) // 8 * 8)
