"""Published and expected figures, compared with the computed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncalc.analyses.quantities import EXPECTABLE, PUBLISHABLE, USUAL
from cnncalc.analyses.receptive import extent
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.problem import Where
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.units import Figure

MOST_ROWS = 100  # of a step whose wrong figure is explained: a sum over more has too many possible mistakes
MOST_EXPLAINED = 50  # wrong figures of a file that are explained, because each takes time

if TYPE_CHECKING:
    from cnncalc.analyses.mistakes.recognition import Mistake


class Claim(Record):
    """A checked claim. `computed` is exact (a count, bytes for memory, or a list), or None if it is not known."""

    source: str
    quantity: str
    claimed: str
    computed: int | list[int] | None
    agrees: bool
    where: Where | None
    working: tuple[str, ...] = ()  # how the right figure is worked out, if the claim about a single layer is wrong
    mistakes: tuple[Mistake, ...] = ()  # those that give exactly the figure that was claimed, if it is wrong

    @property
    def reason(self) -> str:
        """What the wrong figure exactly is, as in "it is ..."; empty if no mistake explains it."""
        if not self.mistakes:
            return ""
        from cnncalc.analyses.mistakes.recognition import describe

        return describe(self.mistakes)


def published(analysis: Analysis) -> list[Claim]:
    """Compare published figures with computed ones. They agree if the exact figure rounds to the same digits."""
    claims = []
    single = analysis.at(1, analysis.dtype)
    for claim in analysis.network.published:
        computed = PUBLISHABLE[claim.quantity].value(single, USUAL)  # of MACs that are not all known, a lower bound
        assert isinstance(computed, int)
        agrees = claim.figure.agrees(computed)
        mistakes = () if agrees else _mistakes(single, claim.quantity, analysis.rows, claim.figure, whole=True)
        claims.append(
            Claim(claim.source, claim.quantity, claim.figure.text, computed, agrees, claim.where, mistakes=mistakes)
        )
    return claims


def expected(analysis: Analysis) -> list[Claim]:
    """Compare every `expect` in the file with the computed figures of its step."""
    claims = []
    explained = 0
    for mark in analysis.network.expectations:
        rows = analysis.rows[mark.first : mark.last]
        computed: int | list[int] | None
        if mark.quantity == "output":
            computed = list(analysis.network.nodes[mark.value].output)
            agrees = isinstance(mark.figure, Shape) and computed == list(mark.figure)
        elif mark.quantity == "receptive_field":
            seen = extent(analysis.fields[mark.value], analysis.extent)
            computed = seen[0] if seen else None
            wanted = mark.figure if isinstance(mark.figure, tuple) else ()
            agrees = computed is not None and computed == list(wanted if len(wanted) > 1 else wanted * len(computed))
        else:
            computed = EXPECTABLE[mark.quantity].of_rows(rows)
            agrees = computed is not None and isinstance(mark.figure, Figure) and mark.figure.agrees(computed)
        shown: tuple[str, ...] = ()
        mistakes: tuple[Mistake, ...] = ()
        if not agrees:
            shown = _working(analysis, rows[0], mark.quantity) if len(rows) == 1 else ()
            claimed = [analysis.rows[mark.value]] if mark.quantity in ("output", "receptive_field") else rows
            if len(claimed) <= MOST_ROWS and explained < MOST_EXPLAINED:
                mistakes = _mistakes(analysis, mark.quantity, claimed, mark.figure)
                explained += 1
        claims.append(Claim(mark.label, mark.quantity, mark.text, computed, agrees, mark.where, shown, mistakes))
    return claims


def _mistakes(
    analysis: Analysis, quantity: str, rows: list[Row], figure: Figure | tuple[int, ...], *, whole: bool = False
) -> tuple[Mistake, ...]:
    """Return the mistakes that give a wrong figure of some rows, or of the whole network."""
    from cnncalc.analyses.mistakes.question import ASKED, ask
    from cnncalc.analyses.mistakes.recognition import recognize

    question = ask(analysis, quantity, None if whole else rows) if quantity in ASKED else None
    return recognize(question, figure) if question is not None else ()


def _working(analysis: Analysis, row: Row, quantity: str) -> tuple[str, ...]:
    """Return the formulas that lead to a figure of one layer."""
    from cnncalc.analyses.working import working_of

    return tuple(fact.line() for fact in working_of(analysis, row, quantity) if fact.letters or fact.numbers)
