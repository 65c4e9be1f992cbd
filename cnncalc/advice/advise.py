"""Apply every rewrite, keep those that help, and combine them until the limits hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from cnncalc.advice.catalogue import catalogue
from cnncalc.advice.edits import Edit, edits
from cnncalc.advice.rebuild import rebuild
from cnncalc.advice.rewrite import Rewrite
from cnncalc.advice.state import QUANTITIES, USUAL, Figures, Running, State
from cnncalc.analyses.memory.checkpoints import recomputed_macs
from cnncalc.network import Network
from cnncalc.record import Record

MOST_STEPS = 8  # of a combination
MOST_ALIKE = 8  # changes of the same kind that are tried instead of one that saves more
MOST_TRIED = 12  # changes that are tried again in each step of a combination


class Advice(Record):
    """One change, with the figures before and after it.

    `place` is the block or layer that it is applied to, "" for the whole network. `closed` is the share of the gap to the
    limits that it closes, or without a gap the share of the figures that it saves. `meets` are the quantities whose limit
    holds only after it. `edits` are empty for a change of how the network runs.
    """

    rewrite: Rewrite
    place: str
    before: Figures
    after: Figures
    closed: Fraction
    meets: tuple[str, ...]
    edits: tuple[Edit, ...]
    state: State

    @property
    def recomputed(self) -> int:
        """The multiply-adds of a batch that run twice because of checkpoints."""
        how = self.state.running
        return how.batch * recomputed_macs(self.state.network, how.checkpoint) if how.checkpoint else 0

    def misses(self, limits: Mapping[str, int]) -> tuple[str, ...]:
        """Return the quantities that are over their limit after the change."""
        return exceeded(self.after, limits)


class Combination(Record):
    """Changes that are applied one after the other, with the figures after all of them."""

    steps: tuple[Advice, ...]
    after: Figures
    holds: bool
    state: State


class Advised(Record):
    """The advice for a network, best first, and a combination if one change is not enough."""

    network: Network
    running: Running
    limits: Mapping[str, int]
    before: Figures
    advice: tuple[Advice, ...]
    combination: Combination | None

    @property
    def over(self) -> tuple[str, ...]:
        """The quantities that are over their limit before any change, or unknown."""
        return exceeded(self.before, self.limits)

    @property
    def holds(self) -> bool:
        """True if the limits hold before or after a change."""
        if not self.over or any(not one.misses(self.limits) for one in self.advice):
            return True
        return self.combination is not None and self.combination.holds


def exceeded(figures: Figures, limits: Mapping[str, int]) -> tuple[str, ...]:
    """Return the quantities that are over their limit. An unknown figure never meets a limit."""
    found = []
    for quantity, limit in limits.items():
        figure = figures[quantity]
        if figure is None or figure > limit:
            found.append(quantity)
    return tuple(found)


def advise(network: Network, limits: Mapping[str, int], running: Running) -> Advised:
    """Find what to change in a network so that it meets the limits, or without limits, what would save the most."""
    start = State(_as_specification(network), running, plans={})
    wanted = tuple(limits) or ("params", "macs")
    measured = tuple(name for name in QUANTITIES if name in (*wanted, "params", "macs"))
    search = _Search(limits, wanted, measured)
    before = start.measure(measured)
    found = search.candidates(start, before, [(rewrite, None) for rewrite in catalogue(limits)])
    combination = search.combine(start, before, found) if exceeded(before, limits) else None
    return Advised(network, running, dict(limits), before, tuple(found), combination)


def _as_specification(network: Network) -> Network:
    """Return a network that was read by running it as its specification describes it, so that memory can be compared."""
    if network.in_training is None and all(node.seen is None for node in network.nodes):
        return network
    plain = rebuild(network, {})
    return network if plain is None else plain[0]


class _Search:
    def __init__(self, limits: Mapping[str, int], wanted: Sequence[str], measured: Sequence[str]) -> None:
        self.limits = limits
        self.wanted = wanted
        self.measured = measured

    def candidates(self, state: State, before: Figures, tried: Sequence[tuple[Rewrite, str | None]]) -> list[Advice]:
        """Return the changes that help, best first. A place of None stands for all places."""
        found = []
        for rewrite, only in tried:
            sought = exceeded(before, self.limits) or self.wanted
            if not any(name in rewrite.saves or name not in USUAL for name in sought):
                continue
            for place in rewrite.places(state) if only is None else [only]:
                advice = self._attempt(state, before, rewrite, place)
                if advice is not None and advice.closed > 0:
                    found.append(advice)
        found.sort(key=self._order)
        once = {one.rewrite: one for one in reversed(found) if one.rewrite.exclusive}
        return [one for one in found if once.get(one.rewrite, one) is one]

    def _attempt(self, state: State, before: Figures, rewrite: Rewrite, place: str) -> Advice | None:
        after_state = rewrite.apply(state, place)
        if after_state is None:
            return None
        after = after_state.measure(self.measured)
        over = exceeded(before, self.limits)
        still = exceeded(after, self.limits)
        if set(still) - set(over):  # it would break another limit
            return None
        changed = edits(state, after_state) if after_state.network is not state.network else ()
        meets = tuple(name for name in over if name not in still)
        return Advice(rewrite, place, before, after, self._closed(before, after, over), meets, changed, after_state)

    def _closed(self, before: Figures, after: Figures, over: Sequence[str]) -> Fraction:
        """Return the mean fraction of the gaps that is closed, or of the figures that is saved if nothing is over a limit."""
        shares = []
        for name in over or self.wanted:
            old, new = before[name], after[name]
            if old is None or new is None or not old:
                shares.append(Fraction(0))
            else:
                gap = old - self.limits[name] if over else old
                shares.append(Fraction(min(old - new, gap), gap))
        return sum(shares, Fraction(0)) / len(shares)

    def _order(self, advice: Advice) -> tuple[object, ...]:
        """Order by the share that is closed; among equals, what harms, recomputes and changes the figures least."""
        saved = sum(
            (Fraction((advice.before[name] or 0) - (advice.after[name] or 0), advice.before[name] or 1))
            for name in self.measured
        )
        return -advice.closed, advice.rewrite.harm, advice.recomputed, saved if advice.closed == 1 else -saved

    def combine(self, start: State, before: Figures, first: Sequence[Advice]) -> Combination | None:
        """Apply the best change again and again until the limits hold, then leave out what was not needed."""
        tried: list[tuple[Rewrite, str | None]] = [(one.rewrite, one.place) for one in first[:MOST_TRIED]]
        steps: list[Advice] = []
        state, figures, found = start, before, list(first)
        while exceeded(figures, self.limits) and found and len(steps) < MOST_STEPS:
            best = found[0]
            steps.append(best)
            state, figures = best.state, best.after
            if not exceeded(figures, self.limits):
                break
            tried = [one for one in tried if not _overlap(one, (best.rewrite, best.place))]
            found = self.candidates(state, figures, tried)
        if len(steps) < 2:
            return None
        for number in range(len(steps) - 2, -1, -1):  # the last one was needed
            fewer = self._replay(start, before, [*steps[:number], *steps[number + 1 :]])
            if fewer is not None and not exceeded(fewer[-1].after, self.limits):
                steps = fewer
        if not exceeded(steps[-1].after, self.limits):
            steps = self._gentler(start, before, steps, first)
        last = steps[-1]
        return Combination(tuple(steps), last.after, not exceeded(last.after, self.limits), last.state)

    def _gentler(self, start: State, before: Figures, steps: list[Advice], first: Sequence[Advice]) -> list[Advice]:
        """Replace each change by one of the same kind that saves less, where the limits still hold."""
        for number, step in enumerate(steps):
            alike = [one for one in first if type(one.rewrite) is type(step.rewrite) and one.closed < step.closed]
            for other in alike[:MOST_ALIKE]:
                less = self._replay(start, before, [*steps[:number], other, *steps[number + 1 :]])
                if less is None or exceeded(less[-1].after, self.limits):
                    break
                steps = less
        return steps

    def _replay(self, state: State, before: Figures, steps: Sequence[Advice]) -> list[Advice] | None:
        """Apply changes one after the other to another state; None if one of them does not apply."""
        done = []
        for old in steps:
            advice = self._attempt(state, before, old.rewrite, old.place)
            if advice is None:
                return None
            done.append(advice)
            state, before = advice.state, advice.after
        return done


def _overlap(one: tuple[Rewrite, str | None], other: tuple[Rewrite, str | None]) -> bool:
    """Return whether two changes are the same kind of rewrite of places that overlap."""
    return type(one[0]) is type(other[0]) and (one[1] == other[1] or one[0].exclusive or "" in (one[1], other[1]))
