"""A worksheet: the table of a network with blanks, each of which is a question."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.mistakes.question import SUMS, Question, Right, ask
from cnncalc.analyses.totals import Analysis, Row, analyze
from cnncalc.analyses.working import lines_of, working_of
from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.conv import ConvTranspose
from cnncalc.layers.lookup import families
from cnncalc.layers.window import Windowed
from cnncalc.network import Network
from cnncalc.record import Record
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.teaching.answers import format_answer
from cnncalc.text import did_you_mean, quoted, show

MOST_ADDENDS = 40  # of a total whose working is shown


class Column(Record):
    """A quantity that can be asked: its name in `analyses`, its title, and what counts as its value."""

    quantity: str
    title: str
    meaning: str


# what --hide accepts
COLUMNS = {
    "output": Column("output", "output", "the shape of the layer's output, height x width x channels"),
    "activations": Column(
        "activations", "activations",
        "the numbers that a layer writes to a new volume, for one example; layers that can work in place, such as relu, "
        "dropout and batchnorm, write none",
    ),
    "memory": Column("memory", "memory in bytes", "the bytes of the activations"),
    "params": Column("params", "params", "weights and biases, without running means and variances"),
    "weights": Column("weights", "weights", "the parameters that are multiplied with the input"),
    "biases": Column("biases", "biases", "the parameters that are added"),
    "macs": Column(
        "macs", "MACs", "multiply-accumulates for one example; biases, pooling, norms and activation functions count 0"
    ),
    "rf": Column("receptive_field", "receptive field", "how many input pixels a cell sees along each axis"),
}  # fmt: skip
HIDDEN = ("output", "params")  # by default
SAME = "as its input"
LONGEST_NAME = 1000
TOTAL = "total"  # the name of the last row


class Cell(Record):
    """One cell of the table. A blank has a `question`, and a working that leads to its answer; other cells have a `value`."""

    column: str
    text: str
    question: Question | None = None
    working: tuple[str, ...] = ()
    value: Right | None = None

    @property
    def answer(self) -> str:
        """The right answer of a blank, in the unit of the column."""
        if self.question is None:
            return self.text
        return format_answer(self.question.right, self.question.quantity).removesuffix(" bytes")


class SheetRow(Record):
    """One line of the table: the input, a layer, or the total."""

    name: str
    kind: str
    fields: str
    cells: tuple[Cell, ...]

    @property
    def label(self) -> str:
        """The name without characters that would be invisible or harmful in a file."""
        return show(self.name, LONGEST_NAME)


class Worksheet(Record):
    """One worksheet. `variant` is 0 for the network as it is. `accept` is the rule of its key, see `teaching.key.ACCEPT`."""

    title: str
    variant: int
    analysis: Analysis
    columns: tuple[str, ...]
    hidden: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    accept: str = "separators"

    @property
    def inputs(self) -> str:
        """The inputs in words."""
        nodes = self.analysis.network.inputs
        if len(nodes) == 1:
            return f"Input: {nodes[0].output.words()}"
        return "Inputs: " + "; ".join(f"{show(node.name)}: {node.output.words()}" for node in nodes)

    @property
    def blanks(self) -> list[tuple[SheetRow, Cell]]:
        """Every blank with its row."""
        return [(row, cell) for row in self.rows for cell in row.cells if cell.question is not None]

    @property
    def meanings(self) -> list[tuple[str, str]]:
        """The titles of the hidden columns with what counts as their values."""
        setting = ""
        if "memory" in self.hidden:
            setting = f", with {self.analysis.dtype} numbers and a batch of {self.analysis.batch:,}"
        return [
            (COLUMNS[name].title, COLUMNS[name].meaning + (setting if name == "memory" else ""))
            for name in self.columns
            if name in self.hidden
        ]


class NoSuchKind(Exception):
    """A word is not a kind or family of layers. The message names a similar one."""


class NothingToAsk(Exception):
    """A worksheet would have no blanks. The message states why."""


def worksheet(
    analysis: Analysis,
    hide: Sequence[str] = HIDDEN,
    only: Sequence[str] = (),
    *,
    variant: int = 0,
    accept: str = "separators",
) -> Worksheet:
    """Make the worksheet of a network with the quantities `hide` blank, in the rows of kinds or families `only`.

    Figures that are not known stay visible as `?`.

    Raises:
        NoSuchKind: If a word of `only` is not a kind or family.
        NothingToAsk: If no layer is of these kinds, or no figure is known.
    """
    columns = tuple(name for name in COLUMNS if name in hide or name == "output")
    chosen = kinds_named(only)
    rows: list[SheetRow] = []
    for row in analysis.rows:
        blank = row.node.layer is not None and (not only or row.node.kind in chosen)
        cells = tuple(
            _cell(analysis, name, [row], blank and name in hide)
            if blank or not _reveals(row, name, rows)
            else Cell(name, SAME)
            for name in columns
        )
        rows.append(SheetRow(row.node.name, row.node.kind, describe(analysis, row), cells))
    if not any(cell.question for row in rows for cell in row.cells):
        raise NothingToAsk(
            f"no layer of {quoted(only)} in this network" if only else "no figure of this network is known"
        )
    if any(name in SUMS for name in columns):
        rows.append(SheetRow(TOTAL, "", "", tuple(_total(analysis, name, name in hide) for name in columns)))
    return Worksheet(analysis.network.title, variant, analysis, columns, tuple(hide), tuple(rows), accept)


def _reveals(row: Row, column: str, before: Sequence[SheetRow]) -> bool:
    """Return whether the figure of a layer would give away the blank of the layer before, because it keeps the shape."""
    node = row.node
    if column not in ("output", "rf") or node.layer is None or len(node.inputs) != 1:
        return False
    cell = next(cell for cell in before[node.inputs[0]].cells if cell.column == column)
    hidden = cell.question is not None or cell.text == SAME
    return (
        hidden
        and node.statistics is not None
        and node.output == node.statistics.shapes[0]
        and not node.layer.windows(node.output)
    )


def kinds_named(words: Sequence[str]) -> set[str]:
    """Return the kinds that words mean: a kind, or the start of a family's name, such as `pool` for all poolings.

    Raises:
        NoSuchKind: A word is neither.
    """
    allowed = set()
    for word in words:
        meant = {KINDS[word].kind} if word in KINDS else set()
        for family, kinds in families().items():
            meant.update(kinds if family.startswith(word) and word not in KINDS else ())
        if not meant:
            help = did_you_mean(word, KINDS) or "`cnncalc explain` lists the kinds"
            raise NoSuchKind(f"no kind or family of layers is named `{show(word)}`: {help}")
        allowed |= meant
    return allowed


def _cell(analysis: Analysis, column: str, rows: Sequence[Row], blank: bool) -> Cell:
    quantity = COLUMNS[column].quantity
    question = ask(analysis, quantity, rows)
    if question is None:
        return Cell(column, "?")
    if not blank:
        return Cell(column, format_answer(question.right, quantity).removesuffix(" bytes"), value=question.right)
    facts = working_of(analysis, rows[0], quantity)
    return Cell(column, "", question, tuple(lines_of([fact for fact in facts if fact.formula or fact.remark])))


def _total(analysis: Analysis, column: str, blank: bool) -> Cell:
    quantity = COLUMNS[column].quantity
    if quantity not in SUMS:
        return Cell(column, "")
    cell = _cell(analysis, column, analysis.rows, False)
    question = ask(analysis, quantity)
    if not blank or question is None:
        return cell
    parts = [ask(analysis, quantity, [row]) for row in analysis.rows]
    addends = [f"{part.number:,}" for part in parts if part is not None and part.right]
    working = "the sum of the column"
    if 1 < len(addends) <= MOST_ADDENDS:
        working = f"{' + '.join(addends)} = {cell.text}"
    return Cell(column, "", question, (working,))


def describe(analysis: Analysis, row: Row) -> str:
    """Describe a layer with all numbers that its formulas need, in the letters of the lecture.

    A window is given with its stride and padding even where these are defaults.
    """
    layer = row.node.layer
    if layer is None:
        return ""
    if not isinstance(layer, (Windowed, ConvTranspose)):
        return layer.format_fields()
    shapes = analysis.network.shapes(row.node)
    named = {"filters": "K", "multiplier": "multiplier", "groups": "groups", "output_pad": "output_pad"}
    found = [
        f"{sign} = {getattr(layer, name)}"
        for name, sign in named.items()
        if name in layer.fields and _matters(layer, name)
    ]
    found[1:1] = _window_words(layer, shapes[0])
    if "bias" in layer.fields and layer.nondefault_fields.get("bias") is False:
        found.append("no bias")
    if layer.nondefault_fields.get("ceil"):
        found.append("rounded up")
    return ", ".join(found)


def _matters(layer: Layer, name: str) -> bool:
    return name == "filters" or name in layer.nondefault_fields


def _window_words(layer: Windowed | ConvTranspose, shape: Shape) -> list[str]:
    views = [view for view in layer.windows(shape) if isinstance(view, (Window, TransposedWindow))]

    def per_axis(numbers: Sequence[int]) -> str:
        return "x".join(map(str, numbers if len(set(numbers)) > 1 else numbers[:1]))

    words = [f"F = {per_axis([view.kernel for view in views])}", f"S = {per_axis([view.stride for view in views])}"]
    if all(view.before == view.after for view in views):
        words.append(f"P = {per_axis([view.before for view in views])}")
    else:
        words.append(
            f"P = {per_axis([view.before for view in views])} before and {per_axis([view.after for view in views])} after"
        )
    if any(view.dilation > 1 for view in views):
        words.append(f"dilation {per_axis([view.dilation for view in views])}")
    return words


def worksheets(
    network: Network,
    hide: Sequence[str] = HIDDEN,
    only: Sequence[str] = (),
    *,
    variants: int | None = None,
    seed: int | None = None,
    batch: int = 1,
    dtype: str = "float32",
    accept: str = "separators",
) -> list[Worksheet]:
    """Make the worksheet of a network, or those of its variants if there is a number of variants or a seed.

    Raises:
        NoSuchKind: If a word of `only` is not a kind or family.
        NothingToAsk: If there would be no blank.
        NoVariants: If there are fewer variants than requested.
    """
    if variants is None and seed is None:
        return [worksheet(analyze(network, batch, dtype), hide, only, accept=accept)]
    from cnncalc.teaching.variants import variants as vary

    worksheet(analyze(network, batch, dtype), hide, only)  # if there is nothing to ask, say so before anything else
    others = vary(network, variants or 1, seed or 0)
    return [
        worksheet(analyze(other, batch, dtype), hide, only, variant=number, accept=accept)
        for number, other in enumerate(others, 1)
    ]
