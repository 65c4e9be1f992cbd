"""The parameters of a network with the dimensions and the order that they have in PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from cnncalc.analyses.memory.optimizers import Learned
from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Operator
from cnncalc.layers.roles import has_bias_role
from cnncalc.network import Network
from cnncalc.product import Product
from cnncalc.shape import Shape

VECTORS = frozenset(("batchnorm", "groupnorm", "instancenorm", "rmsnorm"))
WITH_BIAS = frozenset((
    *VECTORS, "conv", "depthwise", "convtranspose", "fc", "linear", "attention", "layernorm", "lstm", "gru", "rnn",
))  # fmt: skip


def learned(network: Network, keys: Iterable[tuple[int, str]]) -> list[Learned]:
    """Return the parameters of these nodes and names."""
    parameters = []
    for index, name in sorted(keys):
        node = network.nodes[index]
        assert node.layer is not None
        shapes = network.shapes(node)
        size = int(node.layer.weights(*shapes)[name])
        seen = node.seen
        if seen is not None and name in seen.dims and prod(seen.dims[name]) == size:
            parameters.append(Learned(node.name, size, seen.dims[name], seen.places.get(name)))
        else:
            parameters.append(Learned(node.name, size, dimensions(node.layer, name, shapes)))
    return parameters


def dimensions(layer: Layer, name: str, shapes: tuple[Shape, ...]) -> tuple[int, ...] | None:
    """Return the dimensions of a layer's parameter in PyTorch; None if PyTorch has no such layer or leaves them open."""
    if isinstance(layer, Operator):
        return None
    count = layer.weights(*shapes)[name]
    size, kind = int(count), layer.kind
    if kind in WITH_BIAS and (has_bias_role(name) or kind in VECTORS):
        return (size,)
    if kind == "layernorm":
        return (size,) if size == shapes[0][-1] or len(shapes[0]) == 1 else None
    if kind == "prelu":
        return (size,) if size in (1, shapes[0].channels) else None
    factors = [number for _, number in count.factors] if isinstance(count, Product) else []
    if kind == "conv":
        return (factors[-1], factors[-2], *factors[:-2])
    if kind == "depthwise":
        window = factors[: len(shapes[0]) - 1]
        return (size // prod(window), 1, *window)
    if kind == "convtranspose":
        return (factors[-2], factors[-1], *factors[:-2])
    if kind in ("fc", "linear"):
        return (factors[-1], size // factors[-1])
    if kind == "embedding":
        return (factors[0], factors[1])
    if kind == "attention":
        return (size // shapes[0][-1], shapes[0][-1])
    if kind in ("lstm", "gru", "rnn") and factors[0] * factors[-1] != 0 and "directions" not in count.formula:
        return (size // factors[-1], factors[-1])
    return None
