"""The working for the figures of one layer: every formula in letters, with numbers, and with its result."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.receptive import extent, format_number
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.layers.roles import has_bias_role
from cnncalc.product import Product
from cnncalc.record import Record
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.text import show
from cnncalc.units import format_bytes


class Fact(Record):
    """One line of working: `letters` = `numbers` = `result`; letters and numbers may be empty."""

    label: str
    letters: str
    numbers: str
    result: str
    remark: str = ""

    @property
    def formula(self) -> str:
        """What precedes the result: letters and numbers, without repeating the result."""
        parts = [part for part in (self.letters, self.numbers) if part]
        if parts and parts[-1].replace(",", "") == self.result.replace(",", ""):
            parts.pop()
        return " = ".join(parts)

    def line(self) -> str:
        """The fact as one line: `height: (W - F + 2P)/S + 1 = (100 - 4 + 2*0)/4 + 1 = 25`."""
        remark = f" ({self.remark})" if self.remark else ""
        return f"{self.label}: " + " = ".join(part for part in (self.formula, self.result) if part) + remark


def working(analysis: Analysis, row: Row) -> list[Fact]:
    """Return the working of one row, from its input to its receptive field."""
    node, layer = row.node, row.node.layer
    facts: list[Fact] = []
    if layer is None:
        facts.append(Fact("shape", "", "", str(node.output), node.output.words()))
        facts.append(_activations(row))
        return facts
    inputs = analysis.network.shapes(node)
    facts += [Fact("input", "", "", str(shape)) for shape in inputs]
    facts += _axes(row, inputs)
    facts.append(Fact("output", "", "", str(node.output)))
    facts += _params(analysis, row, inputs)
    facts.append(_activations(row))
    size = analysis.bytes(row.activations) * analysis.batch
    if row.activations:
        facts.append(
            Fact(
                "memory",
                "",
                "",
                f"{size:,} bytes",
                f"{format_bytes(size)} in {analysis.dtype}, batch {analysis.batch:,}",
            )
        )
    if row.macs:
        macs = layer.macs(*inputs)
        facts.append(Fact("MACs", macs.formula, macs.numbers, f"{int(macs):,}"))
    facts += _field(analysis, row)
    facts += _dense(row, inputs)
    return facts


def working_of(analysis: Analysis, row: Row, quantity: str) -> list[Fact]:
    """Return the facts that lead to one figure of a row: those with a formula, or else the figure itself."""
    layer = row.node.layer
    names = tuple(layer.weights(*analysis.network.shapes(row.node))) if layer is not None else ()
    labels = {
        "output": (*row.node.output.axes, "output", "shape"),
        "params": (*names, "params"),
        "weights": tuple(name for name in names if not has_bias_role(name)),
        "biases": tuple(name for name in names if has_bias_role(name)),
        "macs": ("MACs",),
        "activations": ("activations",),
        "memory": ("activations", "memory"),
        "receptive_field": ("receptive field",),
    }.get(quantity, ())
    facts = [fact for fact in working(analysis, row) if fact.label in labels]
    if quantity == "receptive_field":
        return _along_path(analysis, row) or facts
    if quantity == "memory" and row.activations:
        size = analysis.bytes(row.activations) * analysis.batch
        numbers = f"{row.activations:,}*{analysis.bytes(1)}" + (f"*{analysis.batch:,}" if analysis.batch > 1 else "")
        letters = "activations*bytes" + ("*batch" if analysis.batch > 1 else "")
        facts[-1:] = [Fact("memory", letters, numbers, f"{size:,}")]
    return [fact for fact in facts if fact.letters or fact.numbers] or facts[-1:]


def lines_of(facts: Sequence[Fact]) -> list[str]:
    """Return facts as lines. Axes with the same formula share one: `height and width: (W - F + 2P)/S + 1 = ...`."""
    labels: dict[str, list[str]] = {}
    for fact in facts:
        labels.setdefault(fact.line().removeprefix(f"{fact.label}: "), []).append(fact.label)
    return [f"{' and '.join(names)}: {line}" for line, names in labels.items()]


def _along_path(analysis: Analysis, row: Row) -> list[Fact]:
    """Return how the receptive field follows from the windows before; nothing if there is more than one path."""
    from cnncalc.analyses.receptive_path import LETTERS, numbers_of, path_to, size_of

    steps = path_to(analysis.network, row.node)
    seen = extent(analysis.field(row), analysis.extent)
    axes = analysis.extent.axes
    if not steps or seen is None or seen[0] != [size_of(steps, axis) for axis in range(len(axes))]:
        return []
    facts = [
        Fact(name, LETTERS, numbers_of(steps, axis), f"{size_of(steps, axis):,}") for axis, name in enumerate(axes)
    ]
    same = len({fact.numbers for fact in facts}) == 1
    return [Fact("receptive field", LETTERS, facts[0].numbers, facts[0].result)] if same else facts


def _axes(row: Row, inputs: tuple[Shape, ...]) -> list[Fact]:
    layer = row.node.layer
    assert layer is not None
    facts: list[Fact] = []
    views = layer.windows(*inputs) or ()
    for axis, view, width in zip(inputs[0].axes, views, inputs[0], strict=False):
        if isinstance(view, Window):
            remarks = []
            if view.remainder(width):
                remarks.append(f"{view.quotient(width)} rounded {'down' if view.remainder(width) > 0 else 'up'}")
            if view.dilation > 1:
                remarks.append(f"F = {view.dilation}*({view.kernel} - 1) + 1 = {view.reach}")
            if view.before != view.after:
                remarks.append(f"P = {view.before} before, P' = {view.after} after")
            facts.append(Fact(axis, view.formula, view.numbers(width), str(view.out(width)), "; ".join(remarks)))
        elif isinstance(view, TransposedWindow):
            facts.append(Fact(axis, view.formula, view.numbers(width), str(view.out(width))))
    return facts


def _params(analysis: Analysis, row: Row, inputs: tuple[Shape, ...]) -> list[Fact]:
    layer = row.node.layer
    assert layer is not None
    if row.node.shared is not None:
        owner = show(analysis.network.nodes[row.node.shared].name, 1000)
        return [Fact("params", "", "", "0", f"reuses the weights of {owner}")]
    counts = layer.weights(*inputs)
    facts = [Fact(name, count.formula, count.numbers, f"{int(count):,}") for name, count in counts.items()]
    if len(counts) > 1:
        facts.append(
            Fact(
                "params",
                " + ".join(counts),
                " + ".join(f"{int(count):,}" for count in counts.values()),
                f"{row.params:,}",
            )
        )
    elif not counts:
        facts.append(Fact("params", "", "", "0"))
    for name, count in layer.buffers(*inputs).items():
        facts.append(Fact(name, count.formula, count.numbers, f"{int(count):,}", "a buffer, not trained"))
    return facts


def _activations(row: Row) -> Fact:
    if not row.activations:
        return Fact("activations", "", "", "0", "it can overwrite its input, so it writes no new volume")
    shape = row.node.output
    factors = Product(*[("N", length) for length in shape])
    return Fact("activations", "", factors.numbers if len(shape) > 1 else "", f"{row.activations:,}")


def _field(analysis: Analysis, row: Row) -> list[Fact]:
    seen = extent(analysis.field(row), analysis.extent)
    if seen is None:
        return [Fact("receptive field", "", "", "?", "not known")] if analysis.extent.rank else []
    sizes, strides = seen
    size = "x".join(map(str, sizes))
    if strides is None:
        every = sizes == list(analysis.extent.spatial)
        return [Fact("receptive field", "", "", size, "the whole input" if every else "the same for every cell")]
    return [Fact("receptive field", "", "", size, f"stride {'x'.join(map(format_number, strides))} in input pixels")]


def _dense(row: Row, inputs: tuple[Shape, ...]) -> list[Fact]:
    """Return how many parameters a fully connected layer between the same volumes would need."""
    layer = row.node.layer
    if layer is None or not layer.convolves or not row.params:
        return []
    into, out = inputs[0].size, row.node.output.size
    params = into * out + out
    ratio = params / row.params
    times = f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"
    return [
        Fact(
            "for scale",
            "in*out + out",
            f"{into:,}*{out:,} + {out:,}",
            f"{params:,}",
            f"parameters of a fully connected layer between the same volumes, {times} times as many",
        )
    ]
