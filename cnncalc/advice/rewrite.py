"""The contract of a rewrite: one way to change a network, or how it runs, so that it costs less."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cnncalc.advice.rebuild import rebuild
from cnncalc.advice.state import State
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.base import Layer
from cnncalc.network import Node

# how much a rewrite changes: the same function, the same up to rounding or the statistics of a batch, another network of
# the same kind, or a network that can represent less
SAME, NUMERICS, SIMILAR, LESS = range(4)

Replacements = dict[int, Sequence[Layer]]


class Rewrite:
    """One kind of change.

    `name` is its word for commands and JSON, `title` describes what to do, and `effect` what this changes in what the
    network can learn. `harm` orders them: of two changes that close a gap, the less harmful one is preferred. `saves`
    are the quantities that it may lower.
    """

    name: str
    title: str
    effect: str
    harm: int
    saves: ClassVar[tuple[str, ...]]
    exclusive: ClassVar[bool] = False  # True if it can be applied only once, wherever that is
    structural: ClassVar[bool] = False  # True if it does not touch what another structural rewrite has made

    def places(self, state: State) -> list[str]:
        """Return where it can be applied: "" for everywhere, a block, or a layer."""
        raise NotImplementedError  # every kind of rewrite has its own

    def apply(self, state: State, place: str) -> State | None:
        """Return the changed state; None if it does not apply there."""
        raise NotImplementedError  # every kind of rewrite has its own


class NetworkRewrite(Rewrite):
    """A rewrite that replaces layers. A subclass yields units, whose layers can only be replaced together."""

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        """Yield the layers to replace, by index, with what replaces them."""
        raise NotImplementedError  # every kind of rewrite has its own

    def _units(self, state: State) -> list[Replacements]:
        nodes = state.network.nodes
        wiring = Wiring(state.network)
        units = []
        for unit in self.units(state, wiring):
            replaced = self.structural and any(nodes[index].name in state.replaced for index in unit)
            if not replaced and not wiring.shared.intersection(unit):
                units.append(unit)
        return units

    def places(self, state: State) -> list[str]:
        nodes = state.network.nodes
        tops = dict.fromkeys(top_of(nodes[min(unit)]) for unit in self._units(state))
        return [*([""] if len(tops) > 1 else []), *tops]

    def apply(self, state: State, place: str) -> State | None:
        nodes = state.network.nodes
        changes: Replacements = {}
        for unit in self._units(state):
            if place in ("", top_of(nodes[min(unit)])):
                changes |= unit
        if not changes:
            return None
        found = rebuild(state.network, changes)
        if found is None:
            return None
        network, new = found
        return State(network, state.running, state.replaced | new if self.structural else state.replaced, {})


class LayerRewrite(NetworkRewrite):
    """A rewrite that replaces layers one by one."""

    def replace(self, node: Node, wiring: Wiring) -> Sequence[Layer] | None:
        """Return the layers that replace a node; None if it stays."""
        raise NotImplementedError  # every kind of rewrite has its own

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        for node in state.network.nodes:
            if node.layer is not None:
                chain = self.replace(node, wiring)
                if chain is not None:
                    yield {node.index: chain}


def top_of(node: Node) -> str:
    """Return the outermost block of a node, or the name of a layer outside of blocks."""
    return node.name.partition(".")[0]
