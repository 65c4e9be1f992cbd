"""The blocks of a network, which are the paths in the names of its layers."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.network import Network, Node


class Scope:
    """A block: its path, its first and last node, and the nodes outside whose values it reads."""

    __slots__ = ("first", "inputs", "last", "path")

    def __init__(self, path: str, first: int, last: int, inputs: set[int]) -> None:
        self.path = path
        self.first = first
        self.last = last
        self.inputs = inputs


def scopes_of(nodes: Sequence[Node]) -> list[Scope]:
    """Return every block of the network."""
    scopes: list[Scope] = []
    open_blocks: list[tuple[str, int]] = []

    def close(level: int, last: int) -> None:
        while len(open_blocks) > level:
            path = ".".join(name for name, _ in open_blocks)
            _, first = open_blocks.pop()
            inside = nodes[first : last + 1]
            scopes.append(
                Scope(path, first, last, {index for node in inside for index in node.inputs if index < first})
            )

    for node in nodes:
        path = node.name.split(".")[:-1]
        same = 0
        while same < min(len(path), len(open_blocks)) and open_blocks[same][0] == path[same]:
            same += 1
        close(same, node.index - 1)
        open_blocks += [(name, node.index) for name in path[same:]]
    close(0, len(nodes) - 1)
    return scopes


def blocks_named(network: Network, name: str) -> bool:
    """Return whether there is a block with that path, label or kind."""
    return any(is_named(scope.path, name) for scope in scopes_of(network.nodes))


def is_named(path: str, name: str) -> bool:
    """Return whether a name means the block or layer with this path: it is the path, its label, or the label without a number."""
    label = path.rpartition(".")[2]
    return name in (path, label, label.rstrip("0123456789").rstrip("_"))
