"""Layers that an option names, and the inputs of a layer that a picture shows."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.analyses.blocks import is_named
from cnncalc.network import Network, Node
from cnncalc.text import nearest, quoted, show

FEW = 12  # layers, which a message can list


class Undrawable(Exception):
    """The picture that was asked for cannot be drawn. The message is one sentence with its remedy."""


def highlighted(network: Network, names: Iterable[str]) -> set[int]:
    """Return the indexes of the layers with these names, and of the layers in blocks with these names.

    Raises:
        Undrawable: If a name is neither that of a layer nor that of a block.
    """
    found: set[int] = set()
    for name in names:
        named = {node.index for node in network.nodes if any(is_named(path, name) for path in _paths(node.name))}
        if not named:
            blocks = dict.fromkeys(path for node in network.nodes for path in _paths(node.name))
            raise unknown_layer(name, "layer or block", list(blocks))
        found |= named
    return found


def layer_named(network: Network, name: str) -> Node:
    """Return the layer with this name, or with this last part of a name if only one has it.

    Raises:
        Undrawable: If there is none, or several.
    """
    for node in network.nodes:
        if node.name == name:
            return node
    ends = [node for node in network.nodes if node.name.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        some = " or ".join(f"`{show(node.name)}`" for node in ends[:2])
        raise Undrawable(f"`{show(name)}` is the name of {len(ends)} layers: write the path, such as {some}")
    raise unknown_layer(name, "layer", [node.name for node in network.nodes])


def unknown_layer(name: str, what: str, known: list[str]) -> Undrawable:
    """Return the error for a name that is none of the known ones, with the nearest of them or of their last parts."""
    ends = {path.rpartition(".")[2]: path for path in reversed(known)}
    match = nearest(name, known) or ends.get(nearest(name, ends) or "")
    few = f"its layers are {quoted(known, 'and')}" if len(known) <= FEW else "`cnncalc analyze` lists the layers"
    help = f"did you mean `{show(match)}`?" if match else few
    return Undrawable(f"no {what} named `{show(name)}`: {help}")


def _paths(name: str) -> Iterable[str]:
    """Return the path of a layer and those of the blocks around it."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def operands_of(node: Node) -> list[int]:
    """Return the inputs of a node, each once, without those that are read for their shape only."""
    count = len(node.inputs) - (node.layer.reference_inputs if node.layer else 0)
    return list(dict.fromkeys(node.inputs[:count]))
