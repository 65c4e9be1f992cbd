"""Find the mistakes that give exactly a particular wrong answer."""

from __future__ import annotations

from cnncalc.analyses.mistakes.kind import Kind
from cnncalc.analyses.mistakes.question import Answer, Attempt, Question, Right, is_precise
from cnncalc.analyses.mistakes.table import mistakes_about
from cnncalc.record import Record
from cnncalc.units import Figure

NAMED = 3


class Mistake(Record):
    """A mistake that gives exactly the answer. `text` is a noun phrase with the arithmetic, as in "it is TEXT"."""

    name: str
    title: str
    text: str
    advice: str


def recognize(question: Question, answer: Answer) -> tuple[Mistake, ...]:
    """Return every mistake that gives exactly the answer; nothing if the answer is right.

    A rounded figure is explained only if it has three significant digits, or two digits of at least 50 if it is the right
    figure cut off. A match is then at most 1 or 2 % wide, and unlikely to be a coincidence.
    """
    if question.accepts(answer):
        return ()
    for general in (False, True):
        mistakes: list[Mistake] = []
        for name, kind in mistakes_about(question):
            text = _explanation(kind, question, answer) if kind.general is general else ""
            if text and text not in [mistake.text for mistake in mistakes]:
                mistakes.append(Mistake(name, kind.title, text, kind.advice))
                if general:
                    break  # one general explanation is enough
        if mistakes:
            return tuple(mistakes)
    return ()


def _explanation(kind: Kind, question: Question, answer: Answer) -> str:
    if kind.read is not None and isinstance(answer, Figure):
        text = kind.read(question, answer)
        if text:
            return text
    if kind.attempts is not None and is_precise(answer):
        for attempt in kind.attempts(question):
            if attempt.figure != question.right and _gives(question, attempt, answer):
                return _sentence(attempt)
    return ""


def _gives(question: Question, attempt: Attempt, answer: Answer) -> bool:
    other = Question(question.analysis, question.quantity, question.rows, attempt.figure)
    return other.accepts(answer)


def _sentence(attempt: Attempt) -> str:
    shown = attempt.shown or (f"{attempt.figure:,}" if isinstance(attempt.figure, int) else "")
    return f"{attempt.text}: {shown}" if shown else attempt.text


def describe(mistakes: tuple[Mistake, ...]) -> str:
    """Join the explanations of one answer, as in "it is ..."; empty if there is none.

    If several mistakes give the same figure, all are named, at most three of them in full.
    """
    texts = [mistake.text for mistake in mistakes[:NAMED]]
    if len(texts) < 2:
        return "".join(texts)
    more = f", or one of {len(mistakes) - NAMED:,} other mistakes" if len(mistakes) > NAMED else ""
    return "either " + ", or ".join(texts) + more


def known_mistakes(question: Question) -> dict[Right, tuple[Mistake, ...]]:
    """Return the wrong figures that mistakes give, in the order of the table, each with its mistakes.

    Mistakes that depend on how a figure is written are left out.
    """
    answers: dict[Right, list[Mistake]] = {}
    for general in (False, True):
        for name, kind in mistakes_about(question):
            if kind.attempts is None or kind.general is not general:
                continue
            for attempt in kind.attempts(question):
                mistakes = answers.setdefault(attempt.figure, [])
                if name not in [mistake.name for mistake in mistakes] and not (general and mistakes):
                    mistakes.append(Mistake(name, kind.title, _sentence(attempt), kind.advice))
    answers.pop(question.right, None)
    return {figure: tuple(mistakes) for figure, mistakes in answers.items()}
