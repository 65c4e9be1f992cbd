"""One tried choice, and the choices that no other one beats in everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from cnncalc.record import Record
from cnncalc.search.family import Choice
from cnncalc.search.question import Question


class Candidate(Record):
    """A valid choice. `goal` is what should be as good as possible, None if it is not known or was not measured.

    `keeps` is true if it meets all limits. Figures that the limits make irrelevant may be missing.
    """

    choice: Choice
    figures: dict[str, int | None]
    goal: int | Fraction | None
    keeps: bool


Score = tuple[int | Fraction, ...]


def score(candidate: Candidate, question: Question) -> Score | None:
    """Return what is better the larger it is: the goal, then each cost. None if the goal is not known.

    A cost that is not known counts as the largest of all.
    """
    if candidate.goal is None:
        return None
    costs = [candidate.figures.get(name) for name in question.costs]
    return (question.goal.sign * candidate.goal, *[-(1 << 200) if cost is None else -cost for cost in costs])


def front(candidates: Iterable[Candidate], question: Question) -> list[Candidate]:
    """Return the candidates that meet the limits and are not beaten. No other is as good in every figure and better in one.

    The best one comes first. Of candidates with equal figures the first is kept.
    """
    scored: dict[Score, Candidate] = {}
    for candidate in candidates:
        result = score(candidate, question) if candidate.keeps else None
        if result is not None:
            scored.setdefault(result, candidate)
    scores: list[Score] = []
    # a candidate is only beaten by one that comes before it in this order
    for one in sorted(scored, reverse=True):
        if not any(_beats(other, one) for other in reversed(scores)):
            scores.append(one)
    return [scored[one] for one in scores]


def _beats(a: Sequence[int | Fraction], b: Sequence[int | Fraction]) -> bool:
    return all(x >= y for x, y in zip(a, b, strict=True))
