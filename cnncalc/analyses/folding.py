"""Batch norms that can be folded into the layer before them, because at inference both are one linear function."""

from __future__ import annotations

from cnncalc.network import Network

LINEAR = frozenset(("conv", "depthwise", "separableconv", "convtranspose", "fc", "linear"))


def consumers(network: Network) -> list[list[int]]:
    """Return the nodes that read each value."""
    readers: list[list[int]] = [[] for _ in network.nodes]
    for node in network.nodes:
        for index in dict.fromkeys(node.inputs):
            readers[index].append(node.index)
    return readers


def folded_norms(network: Network) -> dict[int, int]:
    """Return the batch norms that can be folded, with the layer into which each is folded.

    That layer must be linear, nothing else may read its output, and it may not share its weights with another layer.

    >>> from cnncalc.layers.conv import Conv
    >>> from cnncalc.layers.norm import BatchNorm
    >>> from cnncalc.network import Builder
    >>> from cnncalc.shape import Shape
    >>> builder = Builder()
    >>> conv = builder.add(Conv(filters=8, kernel=3), [builder.input("input", Shape((8, 8, 3)))], "conv1")
    >>> folded_norms(builder.finish([builder.add(BatchNorm(), [conv], "bn1")]))
    {2: 1}
    """
    readers = consumers(network)
    shared = {node.shared for node in network.nodes if node.shared is not None}
    outputs = set(network.outputs)
    folded: dict[int, int] = {}
    for node in network.nodes:
        if node.kind != "batchnorm":
            continue
        source = network.nodes[node.inputs[0]]
        alone = len(readers[source.index]) == 1 and source.index not in outputs
        if source.kind in LINEAR and alone and source.shared is None and source.index not in shared:
            folded[node.index] = source.index
    return folded
