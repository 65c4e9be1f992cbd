"""What a rewrite changes, as lines of a file: the step of every replaced layer before and after."""

from __future__ import annotations

from typing import Any

from cnncalc.advice.state import State
from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Name
from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.writers.yaml.fields import format_value


class Edit(Record):
    """Steps that are replaced alike.

    `old` is the step, and `new` what replaces it; empty if the layer is removed. `layers` are the names of the layers.
    `lines` are the lines of the file that they are written on, counted from 1, and `texts` what is written there.
    """

    old: str
    new: tuple[str, ...]
    layers: tuple[str, ...]
    lines: tuple[int, ...]
    texts: tuple[str, ...]


def replaced_layers(before: Network, after: Network) -> dict[str, list[Node]]:
    """Return for every layer of a network the layers that have taken its place; layers that were removed are missing."""
    old = {node.name for node in before.nodes}
    found: dict[str, list[Node]] = {}
    waiting: list[Node] = []
    for node in after.nodes:
        if node.layer is None:
            continue
        waiting.append(node)
        if node.name in old:
            found[node.name] = waiting
            waiting = []
    return found


def edits(before: State, after: State) -> tuple[Edit, ...]:
    """Return what differs between two states of a network."""
    old = {node.name: node for node in before.network.nodes}
    added = replaced_layers(before.network, after.network)
    found: dict[tuple[str, tuple[str, ...]], list[Node]] = {}
    for name, node in old.items():
        if node.layer is None:
            continue
        now = added.get(name, [])
        if len(now) == 1 and now[0].layer == node.layer:
            continue
        steps = tuple(step(new.layer) for new in now if new.layer is not None)
        found.setdefault((step(node.layer), steps), []).append(node)
    return tuple(_edit(one, many, nodes) for (one, many), nodes in found.items())


def _edit(old: str, new: tuple[str, ...], nodes: list[Node]) -> Edit:
    places = {node.where.line: node.where.source.line(node.where.line).strip() for node in nodes if node.where}
    lines = sorted(places)
    return Edit(old, new, tuple(node.name for node in nodes), tuple(lines), tuple(places[line] for line in lines))


def step(layer: Layer) -> str:
    """Return a layer as a step of a specification.

    >>> from cnncalc.layers.conv import Conv
    >>> step(Conv(filters=64, kernel=3, pad=1))
    'conv: {filters: 64, kernel: 3, pad: 1}'
    """
    fields = {
        name: value for name, value in layer.nondefault_fields.items() if not isinstance(layer.fields[name], Name)
    }
    if not fields:
        return layer.kind
    first = next(iter(layer.fields))
    if list(fields) == [first] and not isinstance(fields[first], dict):
        return f"{layer.kind}: {_value(fields[first])}"
    return f"{layer.kind}: {{{', '.join(f'{name}: {_value(value)}' for name, value in fields.items())}}}"


def _value(value: Any) -> str:
    shown = format_value(value)
    if isinstance(shown, dict):
        return "{" + ", ".join(f"{side}: {number}" for side, number in shown.items()) + "}"
    return shown
