"""A row of the tables of mistakes."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.analyses.mistakes.question import Attempts, Question
from cnncalc.record import Record
from cnncalc.units import Figure


class Kind(Record):
    """A kind of mistake: a short `title`, `advice` on how to avoid it, and how to recognize it.

    `attempts` yields the figures that the mistake gives. `read` instead describes an answer that the mistake explains, for
    kinds that depend on how a figure is written. A `general` kind is considered only if no other kind explains the answer.
    """

    title: str
    advice: str
    attempts: Callable[[Question], Attempts] | None = None
    read: Callable[[Question, Figure], str] | None = None
    general: bool = False
