"""One linear layer for two without a nonlinearity between them."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.advice.rewrite import SAME, NetworkRewrite, Replacements
from cnncalc.advice.state import State
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.layers.dense import FC, Linear
from cnncalc.network import Node
from cnncalc.shape import Shape


class MergedLinear(NetworkRewrite):
    """The product of two matrices is a matrix: one layer with weights can do what two in a row do.

    Fully connected layers are merged, and a convolution with a 1x1 convolution before or after it. A narrow layer between two
    wide ones stays, because a single layer would have more weights.
    """

    name = "merged-linear"
    title = "merge layers with weights that have no nonlinearity between them"
    effect = "none: without a nonlinearity between them, two such layers can represent nothing that one cannot."
    harm = SAME
    saves = ("params", "macs", "memory")

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        merged: set[int] = set()
        for node in state.network.nodes:
            if node.layer is None or len(node.inputs) != 1:
                continue
            before = wiring.source(node)
            if before.layer is None or before.index in merged or wiring.only_reader(before) is None:
                continue
            if before.is_frozen or node.is_frozen:
                continue
            layer = _product(before.layer, node.layer)
            if layer is not None and _costs_less(layer, before, node, wiring):
                merged.update((before.index, node.index))
                yield {before.index: [], node.index: [layer]}


def _product(first: Layer, second: Layer) -> Layer | None:
    """Return the layer that does what two layers do one after the other; None if there is none."""
    if isinstance(first, FC) and isinstance(second, (FC, Linear)):
        return FC(units=second.units, bias=first.bias or second.bias)
    if isinstance(first, Linear) and isinstance(second, Linear):
        return Linear(units=second.units, bias=first.bias or second.bias)
    if not isinstance(first, Conv) or not isinstance(second, Conv) or first.groups != 1 or second.groups != 1:
        return None
    bias = first.bias or second.bias
    if _is_pointwise(second):
        return Conv.from_values({**first.nondefault_fields, "filters": second.filters, "bias": bias})
    # the zeros around the input of the second layer are not what the bias of the first would give there
    if _is_pointwise(first) and (not first.bias or second.pad in (0, "valid")):
        return Conv.from_values({**second.nondefault_fields, "bias": bias})
    return None


def _is_pointwise(layer: Conv) -> bool:
    """Return whether a convolution works on each position separately."""
    sizes = [size if isinstance(size, tuple) else (size,) for size in (layer.kernel, layer.stride)]
    return all(set(size) == {1} for size in sizes) and layer.pad in (0, "valid", "same")


def _costs_less(layer: Layer, before: Node, node: Node, wiring: Wiring) -> bool:
    x: Shape = wiring.network.shapes(before)[0]
    assert before.layer is not None
    assert node.layer is not None
    pairs = [(before.layer, x), (node.layer, before.output)]
    apart = sum(int(sum(one.weights(shape).values())) + int(one.macs(shape)) for one, shape in pairs)
    return int(sum(layer.weights(x).values())) + int(layer.macs(x)) < apart
