"""Mistakes with sums over layers: layers left out or counted twice, and other ways of counting.

Any layer can be left out, so a layer is named only if the match is unlikely to be a coincidence: a difference drawn at
random, between half and twice the actual one, would match some layer with a chance of at most 1 in 100.
"""

from __future__ import annotations

from cnncalc.analyses.mistakes.kind import Kind
from cnncalc.analyses.mistakes.question import FEWEST_DIGITS, SUMS, Attempt, Attempts, Question
from cnncalc.analyses.totals import Row
from cnncalc.record import Record
from cnncalc.text import show
from cnncalc.units import Figure

LUCK = 100  # a chance of one in this many
FEWEST_ROUNDED_DOWN = 50
NAMED = 3


def trainable_only(question: Question) -> Attempts:
    """Parameters that are not frozen."""
    trainable = sum(row.trainable for row in question.rows)
    if question.quantity == "params" and trainable != question.right:
        yield Attempt(trainable, "trainable parameters only")


def trainable_and_buffers(question: Question) -> Attempts:
    """Parameters that are not frozen, with the buffers."""
    trainable, buffers = sum(row.trainable for row in question.rows), sum(row.buffers for row in question.rows)
    if question.quantity == "params" and buffers and trainable != question.right:
        yield Attempt(trainable + buffers, "trainable parameters and buffers")


def convolutions_only(question: Question) -> Attempts:
    """The figure of the convolutions."""
    if question.single or question.quantity not in ("params", "weights", "macs", "activations"):
        return
    rows = [row for row in question.rows if row.node.layer is not None and row.node.layer.convolves]
    if question.quantity == "activations":
        yield Attempt(sum(row.activations for row in rows), "outputs of convolutions only")
    elif rows:
        yield Attempt(_sum(question, rows), "the figure of the convolutions only")


def _sum(question: Question, rows: list[Row]) -> int:
    analysis = question.analysis
    number = sum(SUMS[question.quantity].of_row(analysis, row) for row in rows)
    return number * analysis.batch if question.quantity == "memory" else number


def shared_twice(question: Question) -> Attempts:
    """Parameters that several layers share, counted for each of them."""
    if question.quantity != "params":
        return
    extra = 0
    for row in question.rows:
        if row.node.shared is not None and row.node.layer is not None:
            extra += sum(map(int, row.node.layer.weights(*question.analysis.network.shapes(row.node)).values()))
    if extra:
        total = question.number + extra
        yield Attempt(
            total, "the figure with shared parameters counted again", f"{question.number:,} + {extra:,} = {total:,}"
        )


def no_input(question: Question) -> Attempts:
    """The input left out of the activations."""
    for row in question.rows:
        if row.node.layer is None and not question.single and question.quantity in ("activations", "memory"):
            yield _less(question, row)


def input_twice(question: Question) -> Attempts:
    """The input counted twice: as the input, and as a volume."""
    for row in question.rows:
        if row.node.layer is None and not question.single and question.quantity in ("activations", "memory"):
            yield _more(question, row)


def no_last_layer(question: Question) -> Attempts:
    """The last layer that has a share in the sum, such as the classifier."""
    if not question.single and question.quantity in ("params", "weights", "biases", "macs"):
        last = next((row for row in reversed(question.rows) if _sum(question, [row])), None)
        if last is not None:
            yield _less(question, last)


def _less(question: Question, row: Row) -> Attempt:
    size = _sum(question, [row])
    left = question.number - size
    return Attempt(left, f"the figure without {_name(row)}", f"{question.number:,} - {size:,} = {left:,}")


def _more(question: Question, row: Row) -> Attempt:
    size = _sum(question, [row])
    more = question.number + size
    return Attempt(more, f"the figure with {_name(row)} counted twice", f"{question.number:,} + {size:,} = {more:,}")


def _name(row: Row) -> str:
    return show(row.node.name, 100)


def twice(question: Question) -> Attempts:
    """Twice the right figure, for whatever reason."""
    if question.quantity in SUMS and question.quantity != "macs":
        number = question.number
        yield Attempt(2 * number, "twice the computed figure", f"2 x {number:,} = {2 * number:,}")


def half(question: Question) -> Attempts:
    """Half of the right figure, for whatever reason."""
    if question.quantity in SUMS and question.number and question.number % 2 == 0:
        yield Attempt(question.number // 2, "half the computed figure")


def read_rounded_down(question: Question, figure: Figure) -> str:
    """Describe a figure that was cut off instead of rounded."""
    if question.quantity not in SUMS or figure.digits < FEWEST_ROUNDED_DOWN:
        return ""
    cut = question.number * 10**figure.places // figure.unit == figure.digits
    return "the computed figure, rounded down" if cut else ""


class Difference(Record):
    """The only layer, or layers of one size, whose share is the difference between an answer and the right figure."""

    rows: list[Row]
    size: int
    figure: int


def _difference(question: Question, figure: Figure) -> Difference | None:
    if question.single or figure.digits < 10 ** (FEWEST_DIGITS - 1):
        return None
    computed = question.number
    rows: dict[int, list[Row]] = {}
    for row in question.rows:
        size = _sum(question, [row])
        if size:
            rows.setdefault(size, []).append(row)
    if len(question.rows) < 3 or not rows:
        return None
    scale = 10**figure.places
    apart = abs(computed * scale - figure.digits * figure.unit)
    near = sum(apart <= 2 * size * scale <= 4 * apart for size in rows)  # rows between half and twice the difference
    width = figure.unit if figure.unit > 1 or figure.places else scale
    if 2 * near * width * LUCK > 3 * apart:  # near * width / (3/2 * apart) > 1 / LUCK
        return None
    fitting = [
        Difference(rows[size], size, candidate)
        for size in rows
        for candidate in (computed - size, computed + size)
        if figure.agrees(candidate)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _is_more(question: Question, figure: Figure) -> bool:
    scale: int = 10**figure.places
    return figure.digits * figure.unit > question.number * scale


def _join_names(rows: list[Row]) -> str:
    names = [_name(row) for row in rows]
    if len(names) == 1:
        return names[0]
    return f"one of {', '.join(names[:NAMED])}" + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")


def read_layer_left_out(question: Question, figure: Figure) -> str:
    """Describe a sum without one of its layers."""
    difference = _difference(question, figure) if question.quantity in SUMS and not _is_more(question, figure) else None
    if difference is None:
        return ""
    return f"the figure without {_join_names(difference.rows)}: {question.number:,} - {difference.size:,} = {difference.figure:,}"


def read_layer_twice(question: Question, figure: Figure) -> str:
    """Describe a sum with one of its layers counted twice."""
    difference = _difference(question, figure) if question.quantity in SUMS and _is_more(question, figure) else None
    if difference is None:
        return ""
    named = _join_names(difference.rows)
    return f"the figure with {named} counted twice: {question.number:,} + {difference.size:,} = {difference.figure:,}"


MISTAKES: dict[str, Kind] = {
    "trainable-only": Kind("frozen parameters left out", "params includes frozen parameters.", trainable_only),
    "trainable-and-buffers": Kind(
        "frozen parameters left out, buffers counted",
        "params includes frozen parameters, but no buffers.",
        trainable_and_buffers,
    ),
    "convolutions-only": Kind("convolutions only", "Fully connected layers count as well.", convolutions_only),
    "shared-twice": Kind(
        "shared parameters counted again", "Layers that share parameters have them once.", shared_twice
    ),
    "no-input": Kind("input left out", "The input is a volume in memory, too.", no_input),
    "input-twice": Kind("input counted twice", "The input counts once.", input_twice),
    "no-last-layer": Kind("last layer left out", "The last layer counts as well.", no_last_layer),
    "layer-left-out": Kind("a layer left out", "Every layer counts.", read=read_layer_left_out, general=True),
    "layer-twice": Kind("a layer counted twice", "Every layer counts once.", read=read_layer_twice, general=True),
    "rounded-down": Kind(
        "cut off instead of rounded", "Round to the nearest digit.", read=read_rounded_down, general=True
    ),
    "twice": Kind("twice the right figure", "Count everything once.", twice, general=True),
    "half": Kind("half the right figure", "Check for a factor of 2.", half, general=True),
}
