"""Freezing layers by name: parameters that are not trained, as in transfer learning."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from cnncalc.analyses.memory_plan import is_named, scopes_of
from cnncalc.network import Network, settle
from cnncalc.text import did_you_mean, show


class NothingToFreeze(Exception):
    """No layer, block or group of that name has parameters."""


def freeze(network: Network, names: Sequence[str]) -> None:
    """Freeze the parameters of all layers, blocks and named groups of these names, wherever they are used.

    A name is a path, its last part, or that without a number: `Stage` for Stage1, Stage2 and so on.

    Raises:
        NothingToFreeze: where a name is unknown, or nothing of that name has parameters.
    """
    nodes = network.nodes
    scopes = scopes_of(nodes)
    for name in names:
        found = [node for scope in scopes if is_named(scope.path, name) for node in nodes[scope.first : scope.last + 1]]
        found += [node for node in nodes if node.layer is not None and is_named(node.name, name)]
        if not found:
            known = [*[scope.path for scope in scopes], *[node.name for node in nodes if node.layer is not None]]
            help = did_you_mean(name, known) or "`cnncalc analyze` shows the names"
            raise NothingToFreeze(f"no layer or block named `{show(name)}`: {help}")
        owners = [node if node.shared is None else nodes[node.shared] for node in found]
        owners = [node for node in owners if node.layer is not None and node.layer.weights(*network.shapes(node))]
        if not owners:
            raise NothingToFreeze(f"`{show(name)}` has no parameters: name a layer or block that has some")
        for node in owners:
            node.train(False)
    settle(nodes)
    other = network.in_training() if network.in_training is not None else None
    if other is not None and other.nodes is not nodes:
        for name in names:
            with suppress(NothingToFreeze):  # a layer that training leaves out
                freeze(other, [name])
