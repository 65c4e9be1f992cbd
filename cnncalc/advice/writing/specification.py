"""Write a changed network as a specification."""

from __future__ import annotations

import re

from cnncalc.network import Network, Node
from cnncalc.writers.yaml.writer import write_checked


def write(network: Network, before: Network) -> str:
    """Return the specification of a changed network, checked by reading it again.

    Layers whose names are only their kind and number are numbered again, as the file numbers them.

    Raises:
        Unwritable: No specification can express a layer.
    """
    return write_checked(_renumbered(network, _automatic(before))).text


def _automatic(network: Network) -> set[str]:
    """Return the names that need not be written in a file, because they are the kind with a running number."""
    counts: dict[tuple[str, str], int] = {}
    found = set()
    for node in network.nodes:
        path, _, label = node.name.rpartition(".")
        number = counts[path, node.kind] = counts.get((path, node.kind), 0) + 1
        if label == f"{node.kind}{number}":
            found.add(node.name)
    return found


def _renumbered(network: Network, automatic: set[str]) -> Network:
    taken = {node.name for node in network.nodes if not _free(node, automatic)}
    counts: dict[tuple[str, str], int] = {}
    nodes = []
    for node in network.nodes:
        copy = Node(node.index, node.name, node.statistics, node.inputs, node.output, node.where)
        for field in ("frozen", "shared", "notes", "entering", "width"):
            setattr(copy, field, getattr(node, field))
        if _free(node, automatic):
            path, dot, _ = node.name.rpartition(".")
            number = counts.get((path, node.kind), 0) + 1
            while f"{path}{dot}{node.kind}{number}" in taken:
                number += 1
            counts[path, node.kind] = number
            copy.name = f"{path}{dot}{node.kind}{number}"
        nodes.append(copy)
    facts = {name: getattr(network, name) for name in Network._names}
    return Network(**{**facts, "nodes": tuple(nodes)})


def _free(node: Node, automatic: set[str]) -> bool:
    """Return whether a layer may get another name: it has no name of its own."""
    return node.layer is not None and (node.name in automatic or re.sub(r"_\d+$", "", node.name) in automatic)
