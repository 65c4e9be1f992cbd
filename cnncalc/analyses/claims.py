"""Published and expected figures, compared with the computed ones."""

from __future__ import annotations

from cnncalc.analyses.quantities import EXPECTABLE, PUBLISHABLE, USUAL
from cnncalc.analyses.receptive import extent
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.problem import Where
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.units import Figure


class Claim(Record):
    """A checked claim. `computed` is exact (a count, bytes for memory, or a list), or None if it is not known."""

    source: str
    quantity: str
    claimed: str
    computed: int | list[int] | None
    agrees: bool
    where: Where | None
    working: tuple[str, ...] = ()  # how the right figure is worked out, if the claim about a single layer is wrong
    reason: str = ""  # the explanation of a figure that does not agree, if it is known


def published(analysis: Analysis) -> list[Claim]:
    """Compare published figures with computed ones. They agree if the exact figure rounds to the same digits."""
    claims = []
    single = analysis.at(1, analysis.dtype)
    for claim in analysis.network.published:
        computed = PUBLISHABLE[claim.quantity].value(single, USUAL)  # of MACs that are not all known, a lower bound
        assert isinstance(computed, int)
        agrees, why = claim.figure.agrees(computed), ""
        if not agrees:
            from cnncalc.analyses.reasons import reason

            why = reason(analysis, claim.quantity, claim.figure, computed)
        claims.append(Claim(claim.source, claim.quantity, claim.figure.text, computed, agrees, claim.where, reason=why))
    return claims


def expected(analysis: Analysis) -> list[Claim]:
    """Compare every `expect` in the file with the computed figures of its step."""
    claims = []
    for mark in analysis.network.expectations:
        rows = analysis.rows[mark.first : mark.last]
        computed: int | list[int] | None
        reason = ""
        if mark.quantity == "output":
            shape = analysis.network.nodes[mark.value].output
            computed = list(shape)
            agrees = isinstance(mark.figure, Shape) and computed == list(mark.figure)
            if not agrees and isinstance(mark.figure, Shape) and [*mark.figure[1:], mark.figure[0]] == computed:
                reason = f"the same shape with the channels first; cnncalc puts them last: write `expect: {shape}`"
        elif mark.quantity == "receptive_field":
            seen = extent(analysis.fields[mark.value], analysis.extent)
            computed = seen[0] if seen else None
            wanted = mark.figure if isinstance(mark.figure, tuple) else ()
            agrees = computed is not None and computed == list(wanted if len(wanted) > 1 else wanted * len(computed))
        else:
            computed = EXPECTABLE[mark.quantity].of_rows(rows)
            agrees = computed is not None and isinstance(mark.figure, Figure) and mark.figure.agrees(computed)
        shown = () if agrees or len(rows) != 1 else _working(analysis, rows[0], mark.quantity)
        claims.append(Claim(mark.label, mark.quantity, mark.text, computed, agrees, mark.where, shown, reason))
    return claims


def _working(analysis: Analysis, row: Row, quantity: str) -> tuple[str, ...]:
    """Return the lines of working that lead to a figure of one layer."""
    from cnncalc.analyses.working import working

    wanted = {
        "output": row.node.output.axes,
        "params": ("weight", "bias", "params"),
        "weights": ("weight",),
        "biases": ("bias",),
        "macs": ("MACs",),
        "activations": ("activations",),
    }.get(quantity, ())
    return tuple(
        fact.line() for fact in working(analysis, row) if fact.label in wanted and (fact.letters or fact.numbers)
    )
