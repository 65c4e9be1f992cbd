"""Fully connected layers as the equivalent convolutions, so that a network takes larger inputs.

CS231n notes, "Converting FC layers to CONV layers": a layer that sees 7x7x512 becomes a 7x7 convolution, and the layers
after it become 1x1 convolutions, with the same weights.
"""

from __future__ import annotations

from typing import Any

from cnncalc.layers.activation import Identity
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.layers.dense import FC
from cnncalc.layers.reshape import Flatten
from cnncalc.network import Builder, Network
from cnncalc.problem import Problem, Refused
from cnncalc.shape import Shape
from cnncalc.text import quoted, show


def as_conv(network: Network, inputs: dict[str, Shape] | None = None) -> Network:
    """Turn every fully connected layer on an image into a convolution with the same parameters.

    `inputs` are new sizes by name ("" for the only input). Layers after a global pooling see a vector and stay as they are. The
    `expect` figures of the file are dropped, because they apply to the network as written.

    Raises:
        Refused: A layer does not fit the new size.
    """
    names = [node.name for node in network.inputs]
    for name in inputs or {}:
        if name not in names and (name or len(names) > 1):
            raise Refused(
                [
                    Problem(
                        "unknown-input",
                        f"the network has no input `{show(name)}`" if name else "the network has several inputs",
                        f"its inputs are {quoted(names, 'and')}: write `--input NAME=SHAPE`",
                    )
                ]
            )
    convolutions = _replay(network, {}, None)[1]
    return _replay(network, inputs or {}, convolutions)[0]


def _replay(
    network: Network, inputs: dict[str, Shape], known: dict[int, Layer] | None
) -> tuple[Network, dict[int, Layer]]:
    """Build the network again, index by index, with the `known` convolutions; create new ones if that is None."""
    builder = Builder()
    replaced: dict[int, Layer] = dict(known or {})
    facts: dict[str, Any] = {
        "name": network.name,
        "description": network.description,
        "source": network.source,
        "spec": network.spec,
        "published": network.published,
        "warnings": network.warnings,
        "changes": network.changes,
    }
    for node in network.nodes:
        try:
            if node.layer is None:
                shape = inputs.get(node.name, inputs.get("", node.output))
                builder.input(node.name, shape, node.where)
                continue
            layer = node.layer
            if node.index in replaced:
                layer = replaced[node.index]
            elif isinstance(layer, (FC, Flatten)) and known is None:
                layer = _converted(layer, builder.shape(node.inputs[0]))
                if layer is not node.layer:
                    replaced[node.index] = layer
            builder.add(layer, node.inputs, node.name, node.where)
            builder.nodes[node.index].frozen = node.frozen
            if node.shared is not None:
                builder.share(node.index, node.shared)
        except Problem as problem:
            problem.where = node.where
            if not problem.text.startswith(node.kind):
                problem.text = f"{node.name}: {problem.text}"
            raise Refused([problem], builder.partial(**facts)) from None
    return builder.finish(network.outputs, **facts), replaced


def _converted(layer: FC | Flatten, x: Shape) -> Layer:
    if not 1 <= x.rank <= 3:
        return layer
    if isinstance(layer, Flatten):
        return Identity()
    return Conv(filters=layer.units, kernel=tuple(x.spatial), bias=layer.bias)
