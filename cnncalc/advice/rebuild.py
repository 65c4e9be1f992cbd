"""Replace layers of a network, and propagate the shapes again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.network import Builder, Network, Node
from cnncalc.problem import Problem
from cnncalc.shape import Shape

# a node -> the layers that replace it, one after the other; none if the value of its input takes its place
Changes = Mapping[int, Sequence[Layer]]


def rebuild(network: Network, changes: Changes) -> tuple[Network, frozenset[str]] | None:
    """Return the changed network and the names of the layers that are new.

    None if a layer no longer fits, or an output has another shape. The figures that its author expects or that were
    published are left out, because they are those of the original.
    """
    builder = Builder()
    places: dict[int, int] = {}  # of the old values in the new network
    names = {node.name for node in network.nodes}
    new: set[str] = set()
    try:
        for node in network.nodes:
            inputs = [places[index] for index in node.inputs]
            if node.layer is None:
                place = builder.input(node.name, node.output, node.where)
                builder.nodes[place].width = node.width
            elif node.index in changes:
                place = _replace(builder, node, changes[node.index], inputs, names, new)
            else:
                place = _keep(builder, network, node, inputs, places)
            places[node.index] = place
        for index in network.outputs:
            if builder.shape(places[index]) != network.nodes[index].output:
                return None
        facts: dict[str, Any] = {
            "name": network.name, "description": network.description, "source": network.source, "spec": network.spec,
            "warnings": network.warnings, "line": network.line,
        }  # fmt: skip
        changed = builder.finish([places[index] for index in network.outputs], **facts)
    except Problem:
        return None
    return changed, frozenset(new)


def _replace(
    builder: Builder, node: Node, chain: Sequence[Layer], inputs: list[int], names: set[str], new: set[str]
) -> int:
    """Add the layers that replace a node. The last one has its name."""
    place = inputs[0]
    for number, layer in enumerate(chain, 1):
        name = node.name
        if number < len(chain):
            name = next(name for n in range(number, 10**6) if (name := f"{node.name}_{n}") not in names)
            names.add(name)
        new.add(name)
        place = builder.add(layer, inputs if number == 1 else [place], name, node.where)
        if node.is_frozen:
            builder.nodes[place].train(False)
    return place


def _keep(builder: Builder, network: Network, node: Node, inputs: list[int], places: dict[int, int]) -> int:
    assert node.layer is not None
    layer = _adapted(node.layer, network.shapes(node), [builder.shape(index) for index in inputs])
    place = builder.add(layer, inputs, node.name, node.where)
    copy = builder.nodes[place]
    copy.frozen = node.frozen
    copy.notes = node.notes
    copy.entering = None if node.entering is None else places[node.entering]
    if node.shared is not None:
        builder.share(place, places[node.shared])
    return place


def _adapted(layer: Layer, before: Sequence[Shape], after: Sequence[Shape]) -> Layer:
    """Return the layer for inputs that may have other channels: a depthwise convolution has one group for each of them."""
    if isinstance(layer, Conv) and layer.groups > 1 and layer.groups == before[0][-1] != after[0][-1]:
        channels = after[0][-1]
        filters = layer.filters // layer.groups * channels
        return Conv.from_values({**layer.nondefault_fields, "groups": channels, "filters": filters})
    return layer
