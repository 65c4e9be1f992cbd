"""What is looked for: limits, a goal, and the figures of one choice."""

from __future__ import annotations

from cnncalc.analyses.quantities import LIMITS, Quantity, Setting
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.network import Network
from cnncalc.record import Record

MODES = ("train", "infer")


class Run(Record):
    """How the network runs, for figures that depend on it. `mode` decides what `memory` is: a training step or inference."""

    batch: int = 1
    dtype: str = "float32"
    optimizer: str = "sgd"
    amp: str = ""
    mode: str = "train"


class Bound(Record):
    """A limit on a figure; both bounds are inclusive."""

    quantity: str
    least: int | None = None
    most: int | None = None

    def holds(self, figure: int | None) -> bool:
        """Return whether a figure is within the bounds. An unknown figure never is."""
        return (
            figure is not None
            and (self.least is None or figure >= self.least)
            and (self.most is None or figure <= self.most)
        )


class Goal(Record):
    """The figure, or the name of a varied value, to make as large or as small as possible."""

    name: str
    largest: bool = True

    @property
    def sign(self) -> int:
        """1 if larger is better, -1 if smaller is."""
        return 1 if self.largest else -1


class Question(Record):
    """Limits and a goal, and how the network runs."""

    bounds: tuple[Bound, ...]
    goal: Goal
    run: Run = Run()

    @property
    def measured(self) -> tuple[str, ...]:
        """The figures that every report shows: the goal, those that are limited, and always params and MACs."""
        goal = [self.goal.name] if self.goal.name in NAMES else []
        return tuple(dict.fromkeys([*goal, *(bound.quantity for bound in self.bounds), "params", "macs"]))

    @property
    def costs(self) -> tuple[str, ...]:
        """The figures that should be small: those with a maximum, and params and MACs, unless they are the goal."""
        limited = [bound.quantity for bound in self.bounds if bound.most is not None]
        wanted = [bound.quantity for bound in self.bounds if bound.most is None]
        names = dict.fromkeys([*limited, "params", "macs"])
        return tuple(name for name in names if name != self.goal.name and name not in wanted)


def _training_peak(analysis: Analysis, setting: Setting) -> int | None:
    """The peak of a training step in PyTorch's eager mode, as `cnncalc memory` calculates it."""
    from cnncalc.analyses.memory.peak import train

    run = train(analysis.network, analysis.batch, analysis.dtype, setting.optimizer, amp=setting.amp)
    return None if run.bounded else run.peak.live


def _inference_peak(analysis: Analysis, setting: Setting) -> int | None:
    """The peak of inference in PyTorch's eager mode."""
    from cnncalc.analyses.memory.peak import infer

    run = infer(analysis.network, analysis.batch, analysis.dtype, amp=setting.amp)
    return None if run.bounded else run.peak.live


PEAKS = {
    "train": Quantity("memory", _training_peak, is_size=True),
    "infer": Quantity("memory", _inference_peak, is_size=True),
}
# every figure that can be limited or be the goal
NAMES = (*LIMITS, "memory")
SIZES = (*(name for name, quantity in LIMITS.items() if quantity.is_size), "memory")
# figures that take longer: they are measured only for choices that keep the other limits
SLOW = ("receptive-field", "training-memory", "inference-memory", "memory")


def quantity_of(name: str, mode: str = "train") -> Quantity:
    """Return a figure by its name."""
    return PEAKS[mode] if name == "memory" else LIMITS[name]


def measure(network: Network, question: Question, batch: int = 0) -> tuple[dict[str, int | None], bool]:
    """Return the figures of a network, and whether it meets the limits. A network that does not may lack figures that
    are slow to calculate.

    A `batch` replaces that of the question.
    """
    run = question.run
    analysis = analyze(network, batch or run.batch, run.dtype)
    setting = Setting(run.optimizer, run.amp)
    figures: dict[str, int | None] = {}
    for slow in (False, True):
        for name in question.measured:
            if (name in SLOW) is slow:
                figures[name] = quantity_of(name, run.mode).number(analysis, setting)
        if not all(bound.holds(figures[bound.quantity]) for bound in question.bounds if bound.quantity in figures):
            return figures, False
    return figures, True
