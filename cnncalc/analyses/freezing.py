"""Freezing layers by name: parameters that are not trained, as in transfer learning."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.blocks import is_named, scopes_of
from cnncalc.network import Network, Node, settle
from cnncalc.text import did_you_mean, show


class NothingToFreeze(Exception):
    """No layer, block or group with that name has parameters."""


def freeze(network: Network, names: Sequence[str]) -> None:
    """Freeze the parameters of all layers, blocks and named groups with these names, wherever they are used.

    A name is a path, its last part, or that without a number: `Stage` for Stage1, Stage2 and so on.

    Raises:
        NothingToFreeze: A name is unknown, or nothing with that name has parameters.
    """
    for name in names:
        nodes = _find_nodes(network, name)
        if not nodes:
            existing = [*[scope.path for scope in scopes_of(network.nodes)], *[node.name for node in _layers(network)]]
            help = did_you_mean(name, existing) or "`cnncalc analyze` shows the names"
            raise NothingToFreeze(f"no layer or block named `{show(name)}`: {help}")
        if not _freeze_nodes(network, nodes):
            raise NothingToFreeze(f"`{show(name)}` has no parameters: name a layer or block that has some")
    settle(network.nodes)
    other = network.in_training() if network.in_training is not None else None
    if other is not None and other.nodes is not network.nodes:
        for name in names:
            _freeze_nodes(other, _find_nodes(other, name))
        settle(other.nodes)


def _layers(network: Network) -> list[Node]:
    return [node for node in network.nodes if node.layer is not None]


def _find_nodes(network: Network, name: str) -> list[Node]:
    """Return the layers with that name, and those inside blocks with that name."""
    nodes = [node for node in _layers(network) if is_named(node.name, name)]
    for scope in scopes_of(network.nodes):
        if is_named(scope.path, name):
            nodes += network.nodes[scope.first : scope.last + 1]
    return nodes


def _freeze_nodes(network: Network, nodes: Sequence[Node]) -> bool:
    """Freeze the parameters of these nodes; return whether there are any."""
    owners = [node if node.shared is None else network.nodes[node.shared] for node in nodes]
    owners = [node for node in owners if node.layer is not None and node.layer.weights(*network.shapes(node))]
    for node in owners:
        node.train(False)
    return bool(owners)
