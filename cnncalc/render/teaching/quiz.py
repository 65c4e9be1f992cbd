"""The lines of a quiz: questions, verdicts with the working, and the score."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.mistakes.recognition import describe
from cnncalc.analyses.working import lines_of
from cnncalc.render.lines import Line
from cnncalc.teaching.answers import SHAPES
from cnncalc.teaching.quiz import Asked, Verdict
from cnncalc.text import plural, show

INDENT = "    "


def opening(count: int) -> list[Line]:
    """Return how to answer."""
    questions = plural(count, "question")
    return [[(f"{questions}. Enter ? for the formula, nothing to skip a question, q to stop.", "dim")]]


def question(asked: Asked, number: int, count: int) -> list[Line]:
    """Return a question with its number."""
    first, *others = asked.text
    lines: list[Line] = [[], [(f"{number}/{count} ", "name"), (first, "")]]
    return [*lines, *[[(f"{INDENT}{line}", "")] for line in others]]


def hint(asked: Asked) -> Line:
    """Return the formula in letters."""
    return [(f"{INDENT}{asked.hint or 'there is no formula for this figure'}", "note")]


def unreadable(asked: Asked) -> Line:
    """Return what an answer looks like."""
    form = {
        "output": "a shape such as 32x32x16",
        "receptive_field": "a number of pixels such as 7, or 1x7",
        "memory": "a number of bytes such as 50,176 or 50.2 kB",
    }.get(asked.question.quantity, "a number such as 1,792 or 1.79k")
    return [(f"{INDENT}That cannot be read: type {form}.", "note")]


def verdict(asked: Asked, text: str, result: Verdict) -> list[Line]:
    """Return whether an answer is right, and if not, why not and how the right one is worked out."""
    if result.right:
        exact = f", exactly {asked.answer}" if asked.question.quantity not in SHAPES and not _is_exact(text) else ""
        return [[(f"{INDENT}Right{exact}.", "good")]]
    lines: list[Line] = [[(f"{INDENT}No, it is {asked.answer}.", "bad")]]
    if result.mistakes:
        lines.append([(f"{INDENT}{show(text, 100)} is {describe(result.mistakes)}.", "")])
        advice = list(dict.fromkeys(mistake.advice for mistake in result.mistakes))
        lines += [[(f"{INDENT}{sentence}", "note")] for sentence in advice[:2]]
    return [*lines, *working(asked)]


def skipped(asked: Asked) -> list[Line]:
    """Return the right answer of a question that was skipped."""
    return [[(f"{INDENT}It is {asked.answer}.", "")], *working(asked)]


def working(asked: Asked) -> list[Line]:
    """Return the working of the right answer."""
    return [[(f"{INDENT}  {line}", "dim")] for line in lines_of(asked.facts)]


def _is_exact(text: str) -> bool:
    return not any(char.isalpha() or char == "." for char in text)


def score(right: int, answered: int, count: int, mistakes: Sequence[str]) -> list[Line]:
    """Return the score, and the mistake that was made most often, if it was made more than once."""
    left = count - answered
    rest = f"; {plural(left, 'question was', 'questions were')} not answered" if left else ""
    lines: list[Line] = [[], [(f"Score: {right} of {count}{rest}", "total")]]
    most = max(mistakes, key=mistakes.count, default="")
    if mistakes.count(most) > 1:
        lines.append([(f"Most frequent mistake: {most} ({mistakes.count(most)} times)", "")])
    return lines
