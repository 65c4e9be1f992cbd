"""The first change that would bring a network within the limits of a policy, found with bounded work.

`cnncalc check` shows it for a file that fails. Such files come from strangers, so the work is limited by the number of layers
that are looked at, which does not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cnncalc.advice.catalogue import CATALOGUE
from cnncalc.advice.edits import edits
from cnncalc.advice.rewrite import NetworkRewrite
from cnncalc.advice.state import Running, State
from cnncalc.analyses.budget import Finding, Measured, Policy, check
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.record import Record

OVER = "over-budget"  # the code of a finding about a maximum
MOST_LAYERS = 1_000  # of a network for which advice is sought
MOST_WORK = 20_000  # layers in all changed networks together
REPLAY = 5  # a layer of a network whose memory is limited counts as this many
SLOW = ("training-memory", "inference-memory", "receptive-field")
MOST_LINES = 20  # of a file that are named


class Suggestion(Record):
    """A change that brings a network within its limits.

    `figures` are the quantities that were over their limit, before and after. `lines` are the lines of the file to change,
    empty if they are not known or too many.
    """

    rewrite: str
    place: str
    title: str
    effect: str
    figures: tuple[tuple[str, int, int], ...]
    lines: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        """What to do, and where."""
        return self.title + (f", in {self.place}" if self.place else "")


def first_suggestion(
    analysis: Analysis, policy: Policy, findings: Collection[Finding], rules: Collection[str]
) -> Suggestion | None:
    """Return the least harmful single change with which no figure is over its limit; None if none was found.

    Nothing else that `policy` requires may be violated by the change. `findings` are those of the network as it is, and
    `rules` those that count.
    """
    over = {finding.rule for finding in findings if finding.code == OVER and finding.level == "error"}
    others = {(finding.rule, finding.code) for finding in findings if finding.code != OVER}
    if not over or len(analysis.network.nodes) > MOST_LAYERS:
        return None
    start = State(analysis.network, Running())
    before = {one.limit.quantity: one.actual for one in check(analysis, policy)[0]}
    best: tuple[tuple[int, float], NetworkRewrite, str, State, list[Measured]] | None = None
    for rewrite, place, after in _changes(start, REPLAY if over.intersection(SLOW) else 1):
        if best is not None and rewrite.harm > best[0][0]:  # they are in the order of their harm
            break
        measured, found = check(analyze(after.network), policy)
        left = {(one.rule, one.code) for one in found if one.level == "error" and one.rule in rules}
        if left - others:
            continue
        rank = rewrite.harm, _saved(before, measured)
        if best is None or rank < best[0]:
            best = rank, rewrite, place, after, measured
    if best is None:
        return None
    _, rewrite, place, after, measured = best
    figures = tuple(
        (quantity, old, one.actual)
        for one in measured
        for quantity in [one.limit.quantity]
        for old in [before[quantity]]
        if quantity in over and old is not None and one.actual is not None
    )
    lines = sorted({line for edit in edits(start, after) for line in edit.lines})
    return Suggestion(
        rewrite.name, place, rewrite.title, rewrite.effect, figures, tuple(lines if len(lines) <= MOST_LINES else ())
    )


def _changes(start: State, weight: int) -> Iterator[tuple[NetworkRewrite, str, State]]:
    """Yield changed networks, the least harmful first, until the work is done."""
    work = 0
    each = len(start.network.nodes) * weight
    rewrites = [one for one in CATALOGUE if isinstance(one, NetworkRewrite)]
    for rewrite in sorted(rewrites, key=lambda one: one.harm):
        for place in rewrite.places(start):
            work += each
            if work > MOST_WORK:
                return
            after = rewrite.apply(start, place)
            if after is not None:
                yield rewrite, place, after


def _saved(before: dict[str, int | None], measured: list[Measured]) -> float:
    """Return the share of all limited figures that is saved: of changes that are enough, the smallest is the best."""
    shares = [
        ((before[one.limit.quantity] or 0) - (one.actual or 0)) / (before[one.limit.quantity] or 1) for one in measured
    ]
    return sum(shares)
