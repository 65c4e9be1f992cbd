"""A question about a figure and its right answer, and the figure that a mistake would give instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from cnncalc.analyses.quantities import EXPECTABLE, PUBLISHABLE, Quantity
from cnncalc.analyses.receptive import extent
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.layers.base import Layer, Statistics
from cnncalc.layers.roles import has_bias_role
from cnncalc.network import Node
from cnncalc.problem import Problem
from cnncalc.product import Number, Product, Sum
from cnncalc.record import Record
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.units import DTYPES, Figure

# quantities that are sums over layers, by the name that a file, a worksheet and a quiz use
SUMS: dict[str, Quantity] = {
    name: quantity for name, quantity in {**PUBLISHABLE, **EXPECTABLE}.items() if quantity.row
}  # fmt: skip
ASKED = ("output", *SUMS, "receptive_field")
PARAMETERS = ("params", "weights", "biases")
FEWEST_DIGITS = 3
VOLUMES = ("activations", "conv_activations", "memory")

Right = int | tuple[int, ...]
Answer = Figure | tuple[int, ...]


class Attempt(Record):
    """What one mistake gives. `text` is a noun phrase for the figure, `shown` its arithmetic, which may be empty."""

    figure: int | tuple[int, ...]
    text: str
    shown: str = ""


Attempts = Iterator[Attempt]


class Question(Record):
    """A figure that was asked for, of one layer or of several, with the right answer.

    Memory is in bytes, for the batch and dtype of the analysis. A shape or receptive field is a tuple.
    """

    analysis: Analysis
    quantity: str
    rows: tuple[Row, ...]
    right: Right

    @property
    def single(self) -> bool:
        """True if the question is about one layer or input."""
        return len(self.rows) == 1

    @property
    def node(self) -> Node:
        """The node that was asked about; the last one of several."""
        return self.rows[-1].node

    @property
    def layer(self) -> Layer | None:
        """The layer, if the question is about exactly one."""
        return self.node.layer if self.single else None

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The input shapes of the layer."""
        return self.analysis.network.shapes(self.node)

    @property
    def number(self) -> int:
        """The right answer of a question about a number."""
        assert isinstance(self.right, int)
        return self.right

    def accepts(self, answer: Answer) -> bool:
        """Return whether an answer is right. A rounded figure is right if the exact one rounds to the same digits."""
        if isinstance(self.right, int):
            return isinstance(answer, Figure) and answer.agrees(self.right)
        if isinstance(answer, Figure):
            return False
        same = self.quantity == "receptive_field" and len(answer) == 1
        return tuple(answer) == self.right or (same and tuple(answer) * len(self.right) == self.right)


def ask(analysis: Analysis, quantity: str, rows: Sequence[Row] | None = None) -> Question | None:
    """Return the question about some rows, or about the whole network; None if the right answer is not known."""
    if rows is None:
        rows = analysis.rows
        outputs = analysis.network.outputs
        if quantity not in SUMS and len(outputs) == 1:
            rows = [analysis.rows[outputs[0]]]
    right: Right | None
    if quantity == "output":
        right = tuple(rows[-1].node.output)
    elif quantity == "receptive_field":
        seen = extent(analysis.field(rows[-1]), analysis.extent)
        right = tuple(seen[0]) if seen is not None else None
    else:
        right = SUMS[quantity].of_rows(rows)
        if right is not None and SUMS[quantity].is_size:
            right = analysis.bytes(right) * analysis.batch
    return None if right is None else Question(analysis, quantity, tuple(rows), right)


def is_precise(answer: Answer) -> bool:
    """Return whether an answer is a shape, an exact number, or rounded to at least three significant digits."""
    if not isinstance(answer, Figure):
        return True
    return answer.digits >= 10 ** (FEWEST_DIGITS - 1) or (answer.unit == 1 and not answer.places)


def equation(numbers: str, result: int) -> str:
    """Format arithmetic with its result, without repeating a number that is its own result.

    >>> equation("3*3*3*64", 1728), equation("64", 64)
    ('3*3*3*64 = 1,728', '64')
    """
    return f"{result:,}" if numbers == str(result) else f"{numbers} = {result:,}"


def terms(number: Number) -> tuple[Product, ...]:
    """Return the products that a count is the sum of."""
    return number.terms if isinstance(number, Sum) else (number,)


def replaced(number: Number, name: str, lengths: Sequence[int]) -> Number:
    """Return a count in which the factors with that name are replaced in turn."""
    questions = []
    for term in terms(number):
        left = list(lengths)
        questions.append(
            Product(*[(key, left.pop(0) if key == name and left else value) for key, value in term.factors])
        )
    return questions[0] if len(questions) == 1 else Sum(*questions)


def changed(layer: Layer, **values: object) -> Layer | None:
    """Return the layer with other values in some fields; None if it has no such fields, or has these values already."""
    if not values.keys() <= layer.fields.keys():
        return None
    other = type(layer).from_values({**layer.nondefault_fields, **values})
    return None if other == layer else other


def attempt(
    question: Question,
    text: str,
    layer: Layer | None,
    shapes: tuple[Shape, ...] = (),
    *,
    lengths: Sequence[int] = (),
    channels: int = 0,
    shown: str = "",
) -> Attempts:
    """Yield the figure for another layer, other input shapes, or other spatial lengths or channels of the output.

    `shown` is the arithmetic of an output shape; numbers show their own. Nothing is yielded if the figure cannot be worked
    out, does not depend on the lengths or channels, or is about parameters that the layer shares.
    """
    node, quantity = question.node, question.quantity
    if layer is None or not question.single or (quantity in PARAMETERS and node.shared is not None):
        return
    shapes = shapes or question.shapes
    try:
        statistics = Statistics(layer, shapes)
        statistics.count()
    except Problem:
        return
    output = statistics.output
    output = Shape((*(lengths or output.spatial), channels or output.channels))
    if min(output) < 1:
        return
    if quantity == "output":
        yield Attempt(tuple(output), text, shown or ("" if lengths or channels else _window(question, layer, shapes)))
    elif quantity in VOLUMES:
        if question.number and not layer.in_place:
            yield volume(question, output, text)
    elif quantity in PARAMETERS and not lengths and not channels:
        counts = [count for name, count in layer.weights(*shapes).items() if counts_towards(quantity, name)]
        if counts:
            yield Attempt(sum(counts), text, equation(" + ".join(count.numbers for count in counts), sum(counts)))
    elif quantity == "macs" and not channels:
        macs = replaced(layer.macs(*shapes), "out", lengths)
        yield Attempt(int(macs), text, equation(macs.numbers, macs))


def counts_towards(quantity: str, parameter: str) -> bool:
    """Return whether a parameter of that name counts towards params, weights or biases."""
    return quantity == "params" or has_bias_role(parameter) == (quantity == "biases")


def volume(question: Question, shape: Sequence[int], text: str) -> Attempt:
    """Return the attempt that counts the numbers of a volume, in bytes if the question is about memory."""
    analysis, factors = question.analysis, list(shape)
    if question.quantity == "memory":
        factors += [DTYPES[analysis.dtype], *([analysis.batch] if analysis.batch > 1 else [])]
    return Attempt(prod(factors), text, equation("*".join(map(str, factors)), prod(factors)))


def _window(question: Question, layer: Layer, shapes: tuple[Shape, ...]) -> str:
    """Return the arithmetic of the first axis that differs from the right answer."""
    assert isinstance(question.right, tuple)
    for view, width, right in zip(layer.windows(*shapes) or (), shapes[0], question.right, strict=False):
        if isinstance(view, (Window, TransposedWindow)) and view.out(width) != right:
            return f"{view.numbers(width)} = {view.out(width)}"
    return ""
