"""Two ways to search: try every choice, or divide boxes of choices in which every figure is proven to grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from cnncalc.loading import LoadOptions, Spec
from cnncalc.problem import Refused
from cnncalc.search.family import INPUT, Axis, Choice, Family
from cnncalc.search.front import Candidate
from cnncalc.search.question import NAMES, Question, measure
from cnncalc.search.ranges import Range
from cnncalc.shape import Shape

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

CHUNK = 32  # choices that a process tries at a time
Tried = Candidate | str  # or why the choice is not a valid network
Progress = Callable[[int, int], None]


class Searcher:
    """Tries choices of a family for a question."""

    def __init__(self, family: Family, question: Question) -> None:
        self.family = family
        self.question = question
        name = question.goal.name
        self._goal_axis = None if name in NAMES else [axis.name for axis in family.axes].index(name)

    def choice(self, number: int) -> Choice:
        """Return a choice by its number; the last axis changes fastest."""
        places = []
        for axis in reversed(self.family.axes):
            number, place = divmod(number, len(axis.values))
            places.append(place)
        return tuple(reversed(places))

    def attempt(self, choice: Choice) -> Tried:
        """Return the figures of a choice, or why it is not a valid network."""
        try:
            network = self.family.measured_network(choice)
        except Refused as refused:
            return refused.problems[0].text
        figures, keeps = measure(network, self.question, self.family.batch(choice))
        if self._goal_axis is None:
            goal: int | Fraction | None = figures.get(self.question.goal.name)
        else:
            goal = size_of(self.family.axes[self._goal_axis], choice[self._goal_axis])
        return Candidate(choice, figures, goal, keeps and goal is not None)


def size_of(axis: Axis, place: int) -> Fraction | int:
    """Return how large a varied value is: the number itself, or the positions of an input."""
    if axis.kind == INPUT:
        shape: Shape = axis.values[place]
        return shape.size // shape[-1] if shape.rank else shape.size
    numbers = axis.range.numbers
    assert numbers is not None
    return numbers[place]


# -- every choice ----------------------------------------------------------------------------------------------------


def try_all(searcher: Searcher, jobs: int, progress: Progress) -> Iterator[Tried]:
    """Yield the result of every choice, in their order whatever the number of processes."""
    total = searcher.family.size
    pool = _pool(searcher, jobs) if jobs > 1 and total > CHUNK else None
    if pool is None:
        for number in range(total):
            yield searcher.attempt(searcher.choice(number))
            progress(number + 1, total)
        return
    try:
        done = 0
        starts = range(0, total, CHUNK)
        for results in pool.map(_attempt_chunk, starts):
            yield from results
            done += len(results)
            progress(done, total)
    finally:
        pool.shutdown(cancel_futures=True)


_worker: list[Searcher] = []  # of a worker process


def _pool(searcher: Searcher, jobs: int) -> ProcessPoolExecutor | None:
    """Return processes that read the specification themselves; None if the system has no semaphores."""
    from concurrent.futures import ProcessPoolExecutor

    family = searcher.family
    arguments = (family.spec, family.options, family.ranges, searcher.question)
    try:
        return ProcessPoolExecutor(jobs, initializer=_start_worker, initargs=arguments)
    except (OSError, ImportError, NotImplementedError):
        return None


def _start_worker(spec: Spec, options: LoadOptions, ranges: Sequence[Range], question: Question) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker.append(Searcher(Family(spec, options, ranges), question))


def _attempt_chunk(start: int) -> list[Tried]:
    searcher = _worker[0]
    end = min(start + CHUNK, searcher.family.size)
    return [searcher.attempt(searcher.choice(number)) for number in range(start, end)]


# -- division --------------------------------------------------------------------------------------------------------


Reached = tuple[
    str | int, int, int | Fraction
]  # the goal, a cost or an axis; 1 or -1 if larger is better; its best value


class Division:
    """Finds the best choice without trying all of them.

    Along the axes `growing`, whose values ascend, no figure ever falls. In a box of choices, the lowest corner then has the
    smallest figures and the highest corner the largest. A box is skipped if its lowest corner exceeds a maximum, its highest
    corner misses a minimum, or its best corner is no better than what is known. The other axes are tried value by value.
    """

    def __init__(self, searcher: Searcher, growing: Sequence[int], progress: Progress) -> None:
        self.searcher = searcher
        self.growing = growing
        self.progress = progress
        self.tried: dict[Choice, Tried] = {}

    def run(self) -> None:
        """Try choices until the best one is among them: of equally good ones the cheapest, and of those the first."""
        question = self.searcher.question
        axes = range(len(self.searcher.family.axes))
        names: list[str | int] = ["", *question.costs, *axes]  # "" is the goal, and a number is an axis
        reached: list[Reached] = []
        for name in names:
            sign = question.goal.sign if name == "" else -1
            best = self._best(name, sign, reached)
            if best is None:
                return
            reached.append((name, sign, best))

    def _attempt(self, choice: Choice) -> Candidate | None:
        if choice not in self.tried:
            self.tried[choice] = self.searcher.attempt(choice)
            self.progress(len(self.tried), 0)
        found = self.tried[choice]
        return found if isinstance(found, Candidate) else None

    @staticmethod
    def _value(candidate: Candidate, name: str | int) -> int | Fraction | None:
        if isinstance(name, int):
            return candidate.choice[name]
        return candidate.goal if name == "" else candidate.figures.get(name)

    def _best(self, name: str | int, sign: int, reached: Sequence[Reached]) -> int | Fraction | None:
        """Return the best value of the goal or a cost among choices that meet the limits, and what was reached before."""
        best: int | Fraction | None = None
        axes = self.searcher.family.axes
        boxes = []
        others = [range(1) if place in self.growing else range(len(axis.values)) for place, axis in enumerate(axes)]
        from itertools import product

        for start in product(*others):
            end = tuple(
                len(axis.values) - 1 if place in self.growing else start[place] for place, axis in enumerate(axes)
            )
            boxes.append((tuple(start), end))
        boxes.reverse()
        while boxes:
            low, high = boxes.pop()
            bottom, top = self._attempt(low), self._attempt(high)
            for corner in (bottom, top):
                value = self._value(corner, name) if corner is not None and self._allowed(corner, reached) else None
                if value is not None and (best is None or sign * value > sign * best):
                    best = value
            if low == high or self._skips(bottom, top, name, sign, best, reached):
                continue
            lower, upper = _halves(low, high)
            boxes += [lower, upper] if sign > 0 else [upper, lower]  # the promising half is taken first
        return best

    def _allowed(self, candidate: Candidate, reached: Sequence[Reached]) -> bool:
        if not candidate.keeps:
            return False
        values = [(self._value(candidate, name), sign, best) for name, sign, best in reached]
        return all(value is not None and sign * value >= sign * best for value, sign, best in values)

    def _skips(
        self,
        bottom: Candidate | None,
        top: Candidate | None,
        name: str | int,
        sign: int,
        best: int | Fraction | None,
        reached: Sequence[Reached],
    ) -> bool:
        """Return whether nothing inside a box can be better than `best`."""
        for bound in self.searcher.question.bounds:
            lowest = bottom.figures.get(bound.quantity) if bottom is not None else None
            highest = top.figures.get(bound.quantity) if top is not None else None
            if bound.most is not None and lowest is not None and lowest > bound.most:
                return True
            if bound.least is not None and highest is not None and highest < bound.least:
                return True
        for other, other_sign, value in [*reached, *([] if best is None else [(name, sign, best)])]:
            corner = top if other_sign > 0 else bottom
            reach = self._value(corner, other) if corner is not None else None
            if reach is None:
                continue
            # what was reached must be reached again, while the value that is sought must be improved
            short = other_sign * reach < other_sign * value or (other == name and reach == value)
            if short:
                return True
        return False


def _halves(low: Choice, high: Choice) -> tuple[tuple[Choice, Choice], tuple[Choice, Choice]]:
    """Return the two halves of a box along its longest side."""
    side = max(range(len(low)), key=lambda place: high[place] - low[place])
    middle = (low[side] + high[side]) // 2
    lower = (low, (*high[:side], middle, *high[side + 1 :]))
    upper = ((*low[:side], middle + 1, *low[side + 1 :]), high)
    return lower, upper
