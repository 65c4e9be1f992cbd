"""Layers that repeat the layer before them."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.advice.rewrite import SAME, NetworkRewrite, Replacements
from cnncalc.advice.state import State
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import Dropout
from cnncalc.layers.norm import BatchNorm
from cnncalc.network import Node

# kinds that change nothing when applied a second time
IDEMPOTENT = frozenset(("relu", "relu6", "hardtanh", "abs", "globalavgpool", "globalmaxpool", "flatten"))


class DuplicateLayers(NetworkRewrite):
    """One layer instead of two of the same kind in a row, where the second one adds nothing.

    These are activations such as ReLU, a batch normalization of normalized values, and dropouts, whose rates are combined.
    """

    name = "duplicate-layers"
    title = "remove layers that repeat the layer before them"
    effect = "none: two such layers in a row can represent nothing that one cannot. Rates of dropout are combined."
    harm = SAME
    saves = ("params", "macs", "memory")

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        changed: set[int] = set()
        for node in state.network.nodes:
            if node.layer is None or len(node.inputs) != 1 or node.index not in wiring.used:
                continue
            before = wiring.source(node)
            if before.kind != node.kind or before.index in changed:
                continue
            unit = _merged(before, node, wiring)
            if unit is not None:
                changed.update(unit)
                yield unit


def _merged(before: Node, node: Node, wiring: Wiring) -> Replacements | None:
    """Return what replaces two layers of the same kind; None if both are needed."""
    first, second = before.layer, node.layer
    if node.kind in IDEMPOTENT and node.index not in wiring.network.outputs:
        return {node.index: []}
    if wiring.only_reader(before) is None:
        return None
    if isinstance(first, BatchNorm) and isinstance(second, BatchNorm):
        return {before.index: []} if _learns_all(second, first) else None
    if isinstance(first, Dropout) and isinstance(second, Dropout):
        if (first.channels, first.alpha) != (second.channels, second.alpha):
            return None
        kept = (1 - first.rate) * (1 - second.rate)
        both = {**second.nondefault_fields, "rate": round(float(1 - kept), 12)}
        return {before.index: [], node.index: [type(second).from_values(both)]}
    return None


def _learns_all(one: BatchNorm, other: BatchNorm) -> bool:
    """Return whether a norm has every kind of parameter that the other one has."""
    mine = {"gain": one.affine and one.gain, "offset": one.affine and one.offset}
    theirs = {"gain": other.affine and other.gain, "offset": other.affine and other.offset}
    return all(mine[name] or not theirs[name] for name in mine)
