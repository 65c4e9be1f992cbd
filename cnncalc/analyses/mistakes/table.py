"""All kinds of mistakes, in the order in which they are considered, and those that a question can meet."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.analyses.mistakes.kind import Kind
from cnncalc.analyses.mistakes.question import PARAMETERS, SUMS, Question


def all_mistakes() -> dict[str, Kind]:
    """Return every kind of mistake by its name."""
    from cnncalc.analyses.mistakes import counts, field, totals, volumes, windows

    return {**windows.MISTAKES, **counts.MISTAKES, **volumes.MISTAKES, **field.MISTAKES, **totals.MISTAKES}


def mistakes_about(question: Question) -> Iterator[tuple[str, Kind]]:
    """Yield the kinds that can explain an answer to a question. Modules about anything else are not imported."""
    if question.single or question.quantity == "output":
        from cnncalc.analyses.mistakes import windows

        yield from windows.MISTAKES.items()
    if question.quantity in (*PARAMETERS, "macs"):
        from cnncalc.analyses.mistakes import counts

        yield from counts.MISTAKES.items()
    if question.quantity in SUMS:
        from cnncalc.analyses.mistakes import volumes

        yield from volumes.MISTAKES.items()
    if question.quantity == "receptive_field":
        from cnncalc.analyses.mistakes import field

        yield from field.MISTAKES.items()
    if question.quantity in SUMS:
        from cnncalc.analyses.mistakes import totals

        yield from totals.MISTAKES.items()
