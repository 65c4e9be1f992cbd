"""Numbers stored in a model, which most tools count alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cnncalc.analyses.totals import Row
from cnncalc.reconcile.rules import Parameters

Counts = Mapping[str, Callable[[Row], int]]


def _frozen(row: Row) -> int:
    return row.params - row.trainable


EVERY: Counts = {"weights": lambda row: row.weights, "biases": lambda row: row.biases}
TRAINABLE: Counts = {"trainable parameters": lambda row: row.trainable}
STORED: Counts = {**EVERY, "running means and variances": lambda row: row.buffers}
NOT_TRAINABLE: Counts = {"running means and variances": lambda row: row.buffers, "frozen parameters": _frozen}

PARAMS = Parameters("params", EVERY)
TRAINABLE_PARAMS = Parameters("params", TRAINABLE, note="frozen parameters are left out")
