"""Find out how a printed number came about: by which tool, and with which changes, such as a factor of two.

A match agrees with the printed number at all of its digits. Many combinations would explain almost any number, so changes
are only considered as long as few numbers with as many digits would be explained by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from math import log, sqrt

from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Problem
from cnncalc.reconcile.rules import Result
from cnncalc.record import Record
from cnncalc.text import show
from cnncalc.units import Figure, parse_count

MOST_CHANCE = 0.05  # share of numbers with as many digits that may be explained by chance
BATCHES = tuple(2**power for power in range(1, 11))
_WORDS = re.compile(r"(?i)^(?P<number>[\d.,]+\s*[kmgtb]?)\s*(?:mult-adds?|macs?|flops?|ops|param(?:eter)?s?)?$")


class Candidate(Record):
    """A number that a tool prints, or one that follows from it by the changes named."""

    tool: str
    figure: str
    unit: str
    value: int
    changes: tuple[str, ...] = ()
    binary: bool = False  # K, M and G are powers of 1,024


class Explanation(Record):
    """What agrees with a printed number. `lucky` are matches that are rejected because they may be due to chance."""

    text: str
    low: int
    high: int
    matches: tuple[Candidate, ...]
    lucky: tuple[Candidate, ...]
    compared: int
    chance: float  # share of numbers with as many digits that the combinations compared would explain
    nearest: Candidate | None


def parse_printed(text: str) -> Figure:
    """Parse a number as tools print it, such as `4.13G`, `4.13 GMac`, `25.6M params` or `4,133,742,592`.

    Raises:
        Problem: `bad-value`.

    >>> parse_printed("4.13 GMac").unit
    1000000000
    """
    match = _WORDS.match(text.strip())
    figure = parse_count(match["number"]) if match else None
    if figure is None or not figure.digits:
        raise Problem(
            "bad-value", f"`{show(text)}` is not a printed number", "write it as printed: 4.13G, 25.6M or 4,133,742,592"
        )
    return figure


def explain(text: str, network: Network, results: Sequence[Result]) -> Explanation:
    """Find what agrees with a printed number: the figures themselves, then with one change, then with two.

    Raises:
        Problem: `bad-value`.
    """
    figure = parse_printed(text)
    levels = candidates(network, results)
    compared: list[Candidate] = []
    share = 0.0
    matches: list[Candidate] = []
    lucky: list[Candidate] = []
    for level, found in enumerate(levels):
        compared += found
        here = [candidate for candidate in found if _agrees(figure, candidate)]
        share = chance(figure, compared)
        if here:
            if level == 0 or share <= MOST_CHANCE:
                matches = here
            else:
                lucky = here
            break
        if share > MOST_CHANCE:
            break
    written = figure.digits * figure.unit
    scale = 10**figure.places
    half = figure.unit if figure.unit > 1 or figure.places else 0
    near = min(levels[0], key=lambda candidate: abs(candidate.value * scale - written), default=None)
    return Explanation(
        text=text.strip(),
        low=-((half - 2 * written) // (2 * scale)),
        high=(2 * written + half) // (2 * scale),
        matches=tuple(matches),
        lucky=tuple(lucky),
        compared=len(compared),
        chance=share,
        nearest=near,
    )


def candidates(network: Network, results: Sequence[Result]) -> list[list[Candidate]]:
    """Return what tools print, then what follows from it by one change, then by two."""
    candidates = [result for result in results if result.value is not None]
    plain = [*_own_candidates(network), *[_candidate_of(result) for result in candidates]]
    once = [change for result in candidates for change in _omissions(network, result)]
    once += [change for result in candidates for change in _other_writings(result)]
    changed = [*once, *[change for candidate in plain for change in _rescaled(candidate)]]
    twice = [change for candidate in changed for change in _rescaled(candidate)]
    twice += [change for candidate in plain for change in _batches(candidate)]
    return [_distinct(plain), _distinct(changed), _distinct(twice)]


def chance(figure: Figure, compared: Iterable[Candidate]) -> float:
    """Return the share of numbers with as many digits, in the decade around it, that agree with any of the candidates."""
    scale: int = 10**figure.places
    value = figure.digits * figure.unit / scale
    rounded = set()
    for candidate in compared:
        unit = _unit(figure, candidate)
        if value / sqrt(10) <= candidate.value * figure.unit / unit <= value * sqrt(10):
            rounded.add(round(candidate.value * scale / unit))
    return min(1.0, sum([1 / digits for digits in rounded if digits]) / log(10))


def _unit(figure: Figure, candidate: Candidate) -> int:
    if not candidate.binary:
        return figure.unit
    return int(1024 ** (len(str(figure.unit)) // 3))


def _agrees(figure: Figure, candidate: Candidate) -> bool:
    if candidate.binary and figure.unit == 1:
        return False
    return Figure(figure.text, figure.digits, figure.places, _unit(figure, candidate)).agrees(candidate.value)


def _own_candidates(network: Network) -> Iterator[Candidate]:
    total = analyze(network).totals
    if not total.uncounted:
        yield Candidate("cnncalc", "MACs", "MACs", total.macs)
    yield Candidate("cnncalc", "params", "params", total.params)
    yield Candidate("cnncalc", "activations", "activations", total.activations)


def _candidate_of(result: Result) -> Candidate:
    assert result.value is not None
    return Candidate(result.tool, result.figure, result.unit, result.value)


def _omissions(network: Network, result: Result) -> Iterator[Candidate]:
    """Yield the figure without the last layer with weights, and for convolutions only."""
    if result.unit == "activations":
        return
    shares = dict(result.shares)
    weighted = [node for node in network.nodes if node.layer is not None and node.layer.counts_for_depth]
    if weighted and weighted[-1].kind in ("fc", "linear"):
        last = weighted[-1].name
        value = sum(shares.values()) - shares.get(last, 0)
        yield _changed(_candidate_of(result), value, f"without the last layer, {show(last)}")
    convolved = sum(shares.get(node.name, 0) for node in weighted if node.layer is not None and node.layer.convolves)
    yield _changed(_candidate_of(result), convolved, "convolutions only")


def _other_writings(result: Result) -> Iterator[Candidate]:
    for assumption in result.assumptions:
        for other in assumption.others:
            if other.value is not None:
                yield _changed(_candidate_of(result), other.value, f"with {assumption.kind} written as {other.code}")


def _rescaled(candidate: Candidate) -> Iterator[Candidate]:
    if candidate.unit == "MACs":
        yield _changed(candidate, 2 * candidate.value, "times 2, for a multiplication and an addition", unit="FLOPs")
    elif candidate.unit == "FLOPs" and not any(change.startswith("times 2") for change in candidate.changes):
        yield _changed(candidate, candidate.value // 2, "divided by 2, for multiply-adds", unit="MACs")
    if not candidate.binary:
        yield _changed(candidate, candidate.value, "in powers of 1,024", binary=True)


def _batches(candidate: Candidate) -> Iterator[Candidate]:
    if candidate.unit != "params":
        for batch in BATCHES:
            yield _changed(candidate, candidate.value * batch, f"for a batch of {batch}")


def _changed(
    candidate: Candidate, value: int, change: str, unit: str | None = None, binary: bool | None = None
) -> Candidate:
    return Candidate(
        candidate.tool,
        candidate.figure,
        unit or candidate.unit,
        value,
        (*candidate.changes, change),
        candidate.binary if binary is None else binary,
    )


def _distinct(found: Iterable[Candidate]) -> list[Candidate]:
    """Return candidates that are not 0, each value and change once for each tool and figure."""
    return list(dict.fromkeys(candidate for candidate in found if candidate.value > 0))
