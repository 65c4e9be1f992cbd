"""The trunk of a network, the longest path from input to output, and the skips beside it."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.drawing.select import operands_of
from cnncalc.network import Network, Node
from cnncalc.record import Record


class Skip(Record):
    """A connection beside the trunk, from one of its nodes to a later one. `nodes` are the layers on it; often none.

    `start` is None for another input, and `end` is None for another output.
    """

    start: int | None
    end: int | None
    nodes: tuple[int, ...] = ()
    branches: int = 1


def trunk_of(network: Network, end: int | None = None) -> list[int]:
    """Return the nodes on the longest path from an input to an output, or to the node `end`.

    A value that is broadcast, such as the weights of squeeze-and-excitation, and one that is read for its shape only do not
    carry the path. Vectors do not lengthen it, so that it goes past the pooled branch of a pyramid, not through it; in a
    network of vectors they do.
    """
    vectors = all(length == 1 for node in network.inputs for length in node.output.spatial)
    lengths: list[tuple[int, int]] = []  # of the longest path to a node: its feature maps, and its vectors below 0
    before: list[int | None] = []
    for node in network.nodes:
        sources = carriers(network, node)
        best = max(sources, key=lambda index: (*lengths[index], -index), default=None)
        maps, others = (0, 0) if best is None else lengths[best]
        counts = vectors or any(length > 1 for length in node.output.spatial)
        lengths.append((maps + 1, others) if counts else (maps, others - 1))
        before.append(best)
    last = max(network.outputs, key=lambda index: (lengths[index], index)) if end is None else end
    place: int | None = last
    path = []
    while place is not None:
        path.append(place)
        place = before[place]
    return path[::-1]


def carriers(network: Network, node: Node) -> list[int]:
    """Return the inputs of a node that can be on the trunk."""
    operands = operands_of(node)
    full = [index for index in operands if network.nodes[index].output.spatial == node.output.spatial]
    return full if node.layer is not None and node.layer.inputs is None and full else operands


def skips_of(network: Network, trunk: list[int]) -> list[Skip]:
    """Return the connections beside the trunk. Those from and to the same nodes are one, with several branches."""
    place = {index: number for number, index in enumerate(trunk)}
    parent = {node.index: node.index for node in network.nodes if node.index not in place}

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    direct: list[Skip] = []
    for node in network.nodes:
        for source in operands_of(node):
            if node.index not in place and source not in place:
                parent[root(source)] = root(node.index)
            elif node.index in place and source in place and place[node.index] != place[source] + 1:
                direct.append(Skip(source, node.index))
    members: dict[int, list[int]] = {}
    for index in parent:
        members.setdefault(root(index), []).append(index)
    feeds: dict[int, list[int]] = {}
    for index in trunk:
        for source in operands_of(network.nodes[index]):
            if source not in place:
                feeds.setdefault(root(source), []).append(index)
    beside = []
    for key, nodes in members.items():
        sources = [source for index in nodes for source in operands_of(network.nodes[index]) if source in place]
        start = min(sources, key=place.__getitem__, default=None)
        end = max(feeds.get(key, ()), key=place.__getitem__, default=None)
        beside.append(Skip(start, end, tuple(nodes)))
    return _together([*direct, *beside])


def _together(skips: Iterable[Skip]) -> list[Skip]:
    """Return one skip for all with the same ends."""
    found: dict[tuple[int | None, int | None], Skip] = {}
    for skip in skips:
        key = (skip.start, skip.end)
        same = found.get(key)
        nodes = (*same.nodes, *skip.nodes) if same else skip.nodes
        found[key] = Skip(*key, nodes, (same.branches if same else 0) + 1)
    return list(found.values())
