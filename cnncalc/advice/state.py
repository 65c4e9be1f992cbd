"""A network with the way it runs, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.analyses.memory.peak import infer, train
from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.record import Record

QUANTITIES = ("params", "macs", "memory")  # what can be limited
MODES = ("train", "infer")

Figures = Mapping[str, "int | None"]  # by quantity; None is unknown


class Running(Record):
    """How a network runs. `memory` is the peak of a training step or of inference, by `mode`."""

    batch: int = 1
    dtype: str = "float32"
    optimizer: str = "sgd"
    amp: str = ""
    mode: str = "train"
    checkpoint: tuple[str, ...] = ()

    def options(self) -> list[str]:
        """Return the options of `cnncalc memory` that set this."""
        words = ["--mode", self.mode, "--batch", str(self.batch)]
        if self.dtype != "float32":
            words += ["--dtype", self.dtype]
        if self.mode == "train" and self.optimizer != "sgd":
            words += ["--optimizer", self.optimizer]
        if self.amp:
            words += ["--amp", self.amp]
        for block in self.checkpoint:
            words += ["--checkpoint", block]
        return words


class State(Record):
    """A network, how it runs, and the layers that were replaced already, which other rewrites leave alone."""

    network: Network
    running: Running
    replaced: frozenset[str] = frozenset()

    def with_running(self, **values: object) -> State:
        """Return the same network with other settings."""
        return State(self.network, Running(**{**vars(self.running), **values}), self.replaced)

    def measure(self, quantities: Sequence[str]) -> dict[str, int | None]:
        """Return the figures of these quantities. One that is only known to be above a bound is unknown."""
        totals = analyze(self.network).totals
        figures: dict[str, int | None] = {}
        for quantity in quantities:
            if quantity == "params":
                figures[quantity] = totals.params
            elif quantity == "macs":
                figures[quantity] = None if totals.uncounted else totals.macs
            else:
                figures[quantity] = self._peak()
        return figures

    def _peak(self) -> int | None:
        how = self.running
        if how.mode == "infer":
            run = infer(self.network, how.batch, how.dtype, amp=how.amp)
        else:
            run = train(self.network, how.batch, how.dtype, how.optimizer, checkpoint=how.checkpoint, amp=how.amp)
        return None if run.bounded else run.peak.live
