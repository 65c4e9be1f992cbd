"""The columns of the layer table: the text of each cell, and the quantity that the totals add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnncalc.analyses.quantities import PER_LAYER, Quantity
from cnncalc.analyses.receptive import Field, extent, format_number
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.record import Record
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.units import format_bytes, format_count


class Folded:
    """A line of the table: one row, or several folded into one. Without `whole`, they need not belong to one block."""

    __slots__ = ("level", "name", "rows", "whole")

    def __init__(self, name: str, level: int, rows: list[Row], whole: bool = True) -> None:
        self.name = name
        self.level = level
        self.rows = rows
        self.whole = whole

    @property
    def last(self) -> Row:
        """The last row, whose output is the output of the line."""
        return self.rows[-1]

    def total(self, quantity: str) -> int:
        """Return the sum of a figure over the rows."""
        return sum([getattr(row, quantity) for row in self.rows])


class Column(Record):
    """A column. `text` formats the cell of a line; `quantity` is added up for the totals, unless it is empty."""

    title: str
    right: bool
    text: Callable[[Folded, Analysis, bool], str]
    quantity: str = ""
    help: str = ""


def amount(quantity: str) -> Callable[[Folded, Analysis, bool], str]:
    """Return a function that formats an exact count."""
    return lambda line, analysis, exact: f"{line.total(quantity):,}"


def _output(line: Folded, analysis: Analysis, exact: bool) -> str:
    return str(line.last.node.output) if line.whole else ""


def _kind(line: Folded, analysis: Analysis, exact: bool) -> str:
    if not line.whole:
        return ""
    return line.last.node.kind if len(line.rows) == 1 else f"{len(line.rows)} layers"


def _fields(line: Folded, analysis: Analysis, exact: bool) -> str:
    layer = line.last.node.layer
    return layer.format_fields() if layer is not None and len(line.rows) == 1 else ""


def figure(name: str, quantity: Quantity) -> Column:
    """Return the column of a figure to which every layer contributes."""

    def text(line: Folded, analysis: Analysis, exact: bool) -> str:
        number = line.total(quantity.row)
        if quantity.is_size:
            number = analysis.bytes(number) * analysis.batch
        shown = f"{number:,}" if exact else format_bytes(number) if quantity.is_size else format_count(number)
        unknown = sum(not row.counted for row in line.rows) if quantity.uncounted is not None else 0
        return "?" if unknown == len(line.rows) else f">= {shown}" if unknown else shown

    title = quantity.noun if name == "macs" else name
    return Column(title, True, text if quantity.rounded else amount(quantity.row), quantity.row, quantity.help)


def _share(line: Folded, analysis: Analysis, exact: bool) -> str:
    return percent(line.total("params"), analysis.totals.params)


def percent(part: int, whole: int) -> str:
    """Format a share in percent, such as `74.3 %`. A share above zero is never shown as 0, and one below the whole
    never as 100.

    >>> percent(1, 3), percent(1, 10**6), percent(0, 5)
    ('33.3 %', '<0.1 %', '0 %')
    """
    if not whole or not part:
        return "0 %"
    tenths = (2000 * part + whole) // (2 * whole)
    if tenths == 0:
        return "<0.1 %"
    if tenths >= 1000:
        return "100 %" if part == whole else ">99.9 %"
    return f"{tenths // 10}.{tenths % 10} %"


def receptive_field(field: Field, whole: Shape) -> str:
    """Format a field as size/stride, such as `212/32`, with one number if all axes agree.

    `all` means the whole input, and `?` a field that is not known.

    `31` means that every cell sees the same 31 cells.
    """
    if field == ():
        return "-"
    seen = extent(field, whole)
    if seen is None:
        return "?" if whole.rank else "-"
    sizes, strides = seen
    if strides is None:
        return "all" if sizes == list(whole.spatial) else _axes(sizes)
    return f"{_axes(sizes)}/{_axes(strides)}"


def _axes(numbers: Sequence[float | int | None]) -> str:
    texts = [format_number(number) for number in numbers]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def _field(line: Folded, analysis: Analysis, exact: bool) -> str:
    if not line.whole:
        return ""
    return receptive_field(analysis.field(line.last), analysis.extent)


def formula(row: Row, inputs: tuple[Shape, ...]) -> str:
    """Return how spatial axes were computed, such as `(227 - 11 + 2*0)/4 + 1 = 55`. Equal axes are shown once."""
    layer = row.node.layer
    if layer is None:
        return ""
    texts: list[str] = []
    for view, width in zip(layer.windows(*inputs) or (), inputs[0], strict=False):
        if isinstance(view, (Window, TransposedWindow)):
            text = f"{view.numbers(width)} = {view.out(width)}"
            if text not in texts:
                texts.append(text)
    return "; ".join(texts)


def _formula(line: Folded, analysis: Analysis, exact: bool) -> str:
    return formula(line.last, analysis.network.shapes(line.last.node)) if len(line.rows) == 1 else ""


def _saved_text(line: Folded, analysis: Analysis, exact: bool) -> str:
    if analysis.saved is None:
        return "?"
    return _bounded(sum(analysis.saved.get(row.node.name, 0) for row in line.rows), analysis, exact)


def _live(line: Folded, analysis: Analysis, exact: bool) -> str:
    if analysis.live is None:
        return "?"
    return _bounded(max(analysis.live.get(row.node.name, 0) for row in line.rows), analysis, exact)


def _bounded(size: int, analysis: Analysis, exact: bool) -> str:
    return (">= " if analysis.unruled else "") + (f"{size:,}" if exact else format_bytes(size))


def moved(line: Folded, analysis: Analysis) -> int | None:
    """Return the bytes that the kernels of a line move, or None if all of its layers run inside other kernels."""
    sizes = [analysis.kernels[row.node.index][0] for row in line.rows if row.node.index in analysis.kernels]
    return sum(sizes) if sizes else None


def _moved_text(line: Folded, analysis: Analysis, exact: bool) -> str:
    size = moved(line, analysis)
    return "" if size is None else f"{size:,}" if exact else format_bytes(size)


def _intensity(line: Folded, analysis: Analysis, exact: bool) -> str:
    size = moved(line, analysis)
    if size is None:
        return ""
    operations = [analysis.kernels[row.node.index][1] for row in line.rows if row.node.index in analysis.kernels]
    counts = [number for number in operations if number is not None]
    return "?" if len(counts) < len(operations) else f"{sum(counts) / size:.1f}"


COLUMNS: dict[str, Column] = {
    "kind": Column("kind", False, _kind, help="the layer kind"),
    "fields": Column("fields", False, _fields, help="fields that differ from their defaults"),
    "output": Column("output", False, _output, help="height x width x channels"),
    **{name: figure(name, quantity) for name, quantity in PER_LAYER.items()},
    "rf": Column("receptive field", True, _field, help="size/stride"),
    "formula": Column("formula", False, _formula, help="(W - F + 2P)/S + 1 with the numbers"),
    "saved": Column("saved", True, _saved_text, help="bytes saved for backward"),
    "live": Column("live", True, _live, help="bytes alive while the layer runs in training"),
    "moved": Column(
        "moved", True, _moved_text, help="bytes that a kernel reads and writes if batch norms and activations are fused"
    ),
    "intensity": Column("per byte", True, _intensity, help="operations per byte moved, two per multiply-add"),
    "share": Column("of params", True, _share, help="share of all parameters"),
}
DEFAULT = ("output", "activations", "params")
