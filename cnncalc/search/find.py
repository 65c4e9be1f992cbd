"""The search itself: choose how to search, try the choices, and keep the best ones."""

from __future__ import annotations

import os

from cnncalc.problem import Problem, Refused
from cnncalc.record import Record
from cnncalc.search.family import Family
from cnncalc.search.front import Candidate, front
from cnncalc.search.order import growing_axes
from cnncalc.search.question import NAMES, Question
from cnncalc.search.strategies import Division, Progress, Searcher, Tried, try_all
from cnncalc.text import did_you_mean, quoted, show

MOST = 1_000_000  # choices that are tried one by one
LONG = 500_000  # layers of all choices together from which several processes are faster
FEW = 50_000  # layers of all choices together up to which every choice is tried in any case


class Answer(Record):
    """What was found.

    `best` is None if no choice meets the limits. `front` are the choices that no other one that was tried beats, best first.
    `growing` are the names of the axes along which ranges were skipped, empty if every choice was tried. `invalid` counts
    the choices that are not valid networks, `unmet` those that exceed a limit and `unknown` those with an unknown figure.
    `reason` is why the first invalid choice is not valid, and `reason_of` the values of that choice.
    """

    family: Family
    question: Question
    tried: int
    invalid: int
    unmet: int
    unknown: int
    best: Candidate | None
    front: tuple[Candidate, ...]
    candidates: tuple[Candidate, ...]
    growing: tuple[str, ...] = ()
    reason: str = ""

    @property
    def valid(self) -> int:
        """The tried choices that are valid networks."""
        return self.tried - self.invalid


def find(
    family: Family,
    question: Question,
    *,
    every: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Find the best choice of a family.

    With `every`, every choice is tried even where ranges could be skipped. `jobs` is the number of processes, by default one
    for each core if there is much to try. `progress` is called with the number of choices
    tried so far and the number to try, 0 if that is not known.

    Raises:
        Refused: If the goal is not a figure or an axis with numbers, or there are too many choices.
    """
    _check_goal(family, question)
    report = progress or _ignore
    searcher = Searcher(family, question)
    growing: list[int] = []
    if not every and _work(family) > FEW:
        growing = growing_axes(
            family, [question.goal.name, *(bound.quantity for bound in question.bounds), *question.costs]
        )
    if growing:
        division = Division(searcher, growing, report)
        division.run()
        tried: list[Tried] = [division.tried[choice] for choice in sorted(division.tried)]
    else:
        if family.size > MOST:
            text = f"there are {family.size:,} choices; at most {MOST:,} can be tried"
            raise Refused([Problem("bad-argument", text, "use larger steps, or vary fewer values")])
        tried = list(try_all(searcher, _jobs(family, jobs), report))
    return _answer(family, question, tried, tuple(family.axes[place].name for place in growing))


def _ignore(done: int, total: int) -> None:
    """Report no progress."""


def _work(family: Family) -> int:
    """Return about how many layers all choices have together."""
    try:
        layers = len(family.base.nodes)
    except Refused:  # the file as it is written is not valid, but other choices may be
        layers = 100
    return family.size * layers


def _jobs(family: Family, jobs: int | None) -> int:
    """Return the number of processes for a search. Processes cannot read standard input again."""
    if family.spec.text == "-" or family.spec.reader.runs_code:
        return 1
    if jobs is not None:
        return jobs
    if _work(family) < LONG:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_goal(family: Family, question: Question) -> None:
    name = question.goal.name
    if name in NAMES:
        return
    axes = {axis.name: axis for axis in family.axes}
    word = "--maximize" if question.goal.largest else "--minimize"
    if name not in axes:
        goals = [*NAMES, *axes]
        help = did_you_mean(name, goals) or f"choose from {quoted(goals)}"
        raise Refused([Problem("bad-argument", f"{word}: `{show(name)}` is neither a figure nor varied", help)])
    axis = axes[name]
    if axis.kind != "input" and axis.range.numbers is None:
        raise Refused(
            [Problem("bad-argument", f"{word}: the values of `{show(name)}` are not numbers", "choose a figure")]
        )


def _answer(family: Family, question: Question, tried: list[Tried], growing: tuple[str, ...]) -> Answer:
    candidates = tuple(one for one in tried if isinstance(one, Candidate))
    reasons = [one for one in tried if isinstance(one, str)]
    best_choices = front(candidates, question)
    unknown = sum(
        not one.keeps and (None in one.figures.values() or (one.goal is None and question.goal.name in one.figures))
        for one in candidates
    )
    unmet = sum(not one.keeps for one in candidates) - unknown
    return Answer(
        family=family,
        question=question,
        tried=len(tried),
        invalid=len(reasons),
        unmet=unmet,
        unknown=unknown,
        best=best_choices[0] if best_choices else None,
        front=tuple(best_choices),
        candidates=candidates,
        growing=growing,
        reason=reasons[0] if reasons else "",
    )
