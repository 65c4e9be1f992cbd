"""What tools count for recurrent layers: the products, and a number of elementwise operations for each state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cnncalc.layers.recurrent import Recurrent
from cnncalc.reconcile.calls import Call
from cnncalc.reconcile.rules import Part


def states(layer: Recurrent, call: Call) -> int:
    """Return how many numbers the states of all steps, directions and stacked layers have."""
    return call.shapes[0][0] * layer.units * (2 if layer.bidirectional else 1) * layer.layers


def recurrent(each: Mapping[str, tuple[int, int]], macs: int = 1) -> Callable[[Call], Iterable[Part]]:
    """Return a rule: `macs` for each multiply-add, and for each number of a state the operations without and for biases."""

    def rule(call: Call) -> Iterable[Part]:
        layer = call.layer
        assert isinstance(layer, Recurrent)
        plain, biases = each[layer.kind]
        if macs:
            yield Part(macs, call.macs, "multiply-adds")
        extra = plain + (biases if layer.bias != "none" else 0)
        yield Part(extra, states(layer, call), f"{layer.kind} states")

    return rule


def parameters_per_step(call: Call) -> Iterable[Part]:
    """Every parameter once for each step."""
    yield Part(call.shapes[0][0], call.params, f"{call.op} parameters")
