"""A network and how it runs, with its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.analyses.memory.peak import infer, train
from cnncalc.analyses.memory.plan import Plan, plan
from cnncalc.analyses.quantities import LIMITS, Setting
from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.record import Record

USUAL = ("params", "macs", "memory")  # figures that rewrites are meant to lower
QUANTITIES = (*USUAL, *[name for name in LIMITS if name not in USUAL])  # what can be limited
SIZES = ("memory", *[name for name, quantity in LIMITS.items() if quantity.is_size])
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
    """A network, how it runs, and the layers that were replaced already, which other rewrites leave alone.

    `plans` are its operations by mode and type, which states that differ only in how they run share.
    """

    network: Network
    running: Running
    replaced: frozenset[str] = frozenset()
    plans: dict[tuple[str, str], Plan] | None = None

    def with_running(self, **values: object) -> State:
        """Return the same network with other settings."""
        return State(self.network, Running(**{**vars(self.running), **values}), self.replaced, self.plans)

    @property
    def plan(self) -> Plan:
        """The operations of a training step or of inference, without checkpoints."""
        how, plans = self.running, {} if self.plans is None else self.plans
        key = (how.mode, how.amp)
        if key not in plans:
            plans[key] = plan(self.network, training=how.mode == "train", amp=how.amp)
        return plans[key]

    def measure(self, quantities: Sequence[str]) -> dict[str, int | None]:
        """Return the figures of these quantities. One that is only known to be above a bound is unknown."""
        how = self.running
        analysis = analyze(self.network, how.batch, how.dtype)
        setting = Setting(how.optimizer, how.amp)
        figures: dict[str, int | None] = {}
        for quantity in quantities:
            figures[quantity] = self._peak() if quantity == "memory" else LIMITS[quantity].number(analysis, setting)
        return figures

    def _peak(self) -> int | None:
        how = self.running
        if how.mode == "infer":
            run = infer(self.network, how.batch, how.dtype, amp=how.amp, work=self.plan)
        else:
            work = self.plan.with_checkpoints(how.checkpoint)
            run = train(self.network, how.batch, how.dtype, how.optimizer, amp=how.amp, work=work)
        return None if run.bounded else run.peak.live
