"""The network of a choice without expanding the file again: the layers of the network as written, with new shapes.

A choice that changes only inputs and fields of layers has the same layers and connections as the file, with two exceptions.
Expressions may ask for the shape that enters a step, and a residual runs its projection only where its main path changes the
shape. Files of the first kind are never replayed. For the second, a choice is replayed only if every residual changes the shape
where it did before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cnncalc.layers.base import Layer
from cnncalc.network import LARGEST_TENSOR, Network, Node
from cnncalc.problem import Problem, Refused
from cnncalc.readers.yaml.changes import Change
from cnncalc.search.template import Template
from cnncalc.shape import Shape

# what can make the layers depend on shapes, or makes a file unusual enough to be expanded every time
DEPENDENT = re.compile(r"\$in_|projection:\s*[\"']?none|operator|holds|share")


class Replay:
    """The nodes of a network as written, and the residuals whose structure depends on shapes."""

    def __init__(self, template: Template, network: Network) -> None:
        self.network = network
        self.fits = (
            not DEPENDENT.search(template.source.text)
            and all(node.shared is None and node.frozen is None for node in network.nodes)
            and not network.in_training
        )
        self._places = {node.name: node.index for node in network.nodes}
        # for every merge of branches: whether the first one changes the shape, and whether the branches have the same shape
        self._merges = {
            node.index: _shapes_of_merge(node, [other.output for other in network.nodes])
            for node in network.nodes
            if node.entering is not None
        }

    def network_with(
        self, inputs: Mapping[str, Shape], changes: Mapping[str, Sequence[Change]], parameters: Mapping[str, object]
    ) -> Network | None:
        """Return the network for these inputs and fields; None if it has to be expanded, which also explains misfits."""
        nodes: list[Node] = []
        outputs: list[Shape] = []
        layers: dict[int, Layer] = {}
        try:
            for name, found in changes.items():
                index = self._places[name]
                layer = self.network.nodes[index].layer
                assert layer is not None
                for change in found:
                    layer = change.apply(layer, name, parameters)
                layers[index] = layer
            for node in self.network.nodes:
                old = node.statistics
                if old is None:
                    shape = inputs.get(node.name, inputs.get("", node.output)) if inputs else node.output
                    nodes.append(Node(node.index, node.name, None, (), shape, node.where))
                    outputs.append(shape)
                    if not 1 <= shape.size <= LARGEST_TENSOR:
                        return None
                    continue
                shapes = tuple([outputs[index] for index in node.inputs])
                if node.index in layers or shapes != old.shapes:
                    statistics = layers.get(node.index, old.layer).statistics(shapes)
                    copy = Node(node.index, node.name, statistics, node.inputs, statistics.output, node.where)
                    copy.entering = node.entering
                    if not 1 <= statistics.size <= LARGEST_TENSOR:
                        return None
                    nodes.append(copy)
                    outputs.append(statistics.output)
                else:
                    nodes.append(node)
                    outputs.append(node.output)
        except (Problem, Refused, KeyError):
            return None
        if any(_shapes_of_merge(nodes[index], outputs) != before for index, before in self._merges.items()):
            return None
        return Network(
            name=self.network.name,
            source=self.network.source,
            spec=self.network.spec,
            nodes=tuple(nodes),
            outputs=self.network.outputs,
        )


def _shapes_of_merge(node: Node, outputs: Sequence[Shape]) -> tuple[bool, bool]:
    """Return whether the first branch changes the shape that enters it, and whether all branches end in the same shape."""
    assert node.entering is not None
    shapes = [outputs[index] for index in node.inputs]
    return shapes[0] != outputs[node.entering], len(set(shapes)) == 1
