"""Explain why a published figure does not agree, if counting one thing differently gives exactly that figure.

A figure is explained only if the match is unlikely to be a coincidence. It needs three significant digits, or two digits of at
least 50 if it is the computed figure rounded down: a match is then at most 1 or 2 % wide. A row is named only if a
difference drawn at random, between half and twice the actual one, would match some row with a chance of at most 1 in 100.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.analyses.quantities import PUBLISHABLE
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.text import show
from cnncalc.units import Figure

EXPLAINED = tuple(name for name, quantity in PUBLISHABLE.items() if quantity.row)
FEWEST_DIGITS = 3
FEWEST_ROUNDED_DOWN = 50
LUCK = 100  # one in so many
NAMED = 3
_OTHER_UNIT = {10 ** (3 * power): 2 ** (10 * power) for power in range(1, 5)}
_OTHER_UNIT |= {binary: decimal for decimal, binary in _OTHER_UNIT.items()}
_POWERS = {unit: f"10^{3 * power}" for power, unit in enumerate((10**3, 10**6, 10**9, 10**12), 1)}
_POWERS |= {unit: f"2^{10 * power}" for power, unit in enumerate((2**10, 2**20, 2**30, 2**40), 1)}


def reason(analysis: Analysis, quantity: str, figure: Figure, computed: int) -> str:
    """Return what exactly explains the difference from the computed figure; empty if no single thing does.

    `computed` is for one example, in bytes if the quantity is memory.
    """
    if quantity not in EXPLAINED or (quantity == "macs" and analysis.totals.uncounted):
        return ""
    if figure.digits >= 10 ** (FEWEST_DIGITS - 1):
        for candidate, sentence in _ways(analysis, quantity, computed):
            if candidate != computed and figure.agrees(candidate):
                return sentence
        unit = _OTHER_UNIT.get(figure.unit)
        if unit and Figure(figure.text, figure.digits, figure.places, unit).agrees(computed):
            return f"the computed figure with a prefix that means {_POWERS[unit]} instead of {_POWERS[figure.unit]}"
    if figure.digits >= FEWEST_ROUNDED_DOWN and computed * 10**figure.places // figure.unit == figure.digits:
        return "the computed figure, rounded down"
    return _row(analysis, quantity, figure, computed) if figure.digits >= 10 ** (FEWEST_DIGITS - 1) else ""


def _ways(analysis: Analysis, quantity: str, computed: int) -> Iterator[tuple[int, str]]:
    """Yield (figure, description) for each alternative way of counting, most common first."""
    total = analysis.totals
    if quantity == "params":
        with_buffers = total.params + total.buffers
        sums = f"{total.params:,} + {total.buffers:,} = {with_buffers:,}"
        yield with_buffers, f"parameters and buffers together: {sums}"
        yield total.weights, f"weights without the biases: {total.weights:,}"
        yield total.trainable, f"trainable parameters only: {total.trainable:,}"
        yield total.trainable + total.buffers, f"trainable parameters and buffers: {total.trainable + total.buffers:,}"
    elif quantity == "weights":
        yield total.params, f"weights and biases together: {total.params:,}"
    elif quantity == "macs":
        yield 2 * computed, f"multiplications and additions counted separately: 2 x {computed:,} = {2 * computed:,}"
        added = sum(row.node.output.size for row in analysis.rows if row.macs and row.biases)
        yield computed + added, f"the addition of {added:,} biases counted as well: {computed + added:,}"
        yield (
            2 * computed + added,
            f"multiplications, additions and biases counted separately: {2 * computed + added:,}",
        )
    elif quantity == "activations":
        yield total.conv_activations, f"outputs of convolutions only: {total.conv_activations:,}"
    if quantity != "macs":
        yield 2 * computed, f"twice the computed figure: 2 x {computed:,} = {2 * computed:,}"
    if computed % 2 == 0:
        yield computed // 2, f"half the computed figure: {computed // 2:,}"


def _row(analysis: Analysis, quantity: str, figure: Figure, computed: int) -> str:
    """Return the row that was left out or counted twice."""
    rows: dict[int, list[Row]] = {}
    for row in analysis.rows:
        size = PUBLISHABLE[quantity].of_row(analysis, row)
        if size:
            rows.setdefault(size, []).append(row)
    if len(analysis.rows) < 3 or not rows:
        return ""
    scale = 10**figure.places
    apart = abs(computed * scale - figure.digits * figure.unit)
    near = sum(apart <= 2 * size * scale <= 4 * apart for size in rows)  # rows between half and twice the difference
    width = figure.unit if figure.unit > 1 or figure.places else scale
    if 2 * near * width * LUCK > 3 * apart:  # near * width / (3/2 * apart) > 1 / LUCK
        return ""
    fitting = [
        (size, candidate)
        for size in rows
        for candidate in (computed - size, computed + size)
        if figure.agrees(candidate)
    ]
    if len(fitting) != 1:
        return ""
    size, candidate = fitting[0]
    names = [show(row.node.name, 100) for row in rows[size]]
    named = names[0]
    if len(names) > 1:
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        named = f"one of {', '.join(names[:NAMED])}{more}"
    if candidate < computed:
        return f"the figure without {named}: {computed:,} - {size:,} = {candidate:,}"
    return f"the figure with {named} counted twice: {computed:,} + {size:,} = {candidate:,}"
