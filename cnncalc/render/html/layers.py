"""The layer table: a row for each layer, a row for each block, which can be folded, and the totals.

On a page, the row of a layer also opens to show its calculation, and has the layer's number, which links it to the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.analyses.blocks import Scope, scopes_of
from cnncalc.analyses.claims import Claim
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.analyses.working import working
from cnncalc.network import Expectation, Node
from cnncalc.render.columns import COLUMNS, Folded
from cnncalc.render.html.elements import Html, element, joined, safe
from cnncalc.render.html.fragment import number
from cnncalc.text import show

SHOWN = ("output", "params", "activations", "macs", "rf")
MOST_OPEN = 60  # rows; the blocks of a longer table are folded at first
COLUMN_OF = {"weights": "params", "biases": "params", "receptive_field": "rf"}  # quantity of an `expect` -> column


class Table:
    """The layer table of an analysis, with columns that are useful in a browser. `working` adds the calculation of each layer."""

    def __init__(self, analysis: Analysis, claims: Sequence[Claim] = (), *, working: bool = False) -> None:
        self.analysis = analysis
        self.working = working
        self.columns = [*SHOWN, *(["saved", "live"] if analysis.saved is not None else [])]
        network = analysis.network
        self.blocks = sorted(scopes_of(network.nodes), key=lambda block: (block.first, block.path.count(".")))
        self.wrong = [pair for pair in zip(network.expectations, claims, strict=False) if not pair[1].agrees]

    def html(self) -> Html:
        """Return the whole table."""
        titles = [element("th", "layer", scope="col")]
        for name in self.columns:
            column = COLUMNS[name]
            titles.append(
                element(
                    "th", column.title, scope="col", class_="n" if column.right else None, title=column.help or None
                )
            )
        table = element(
            "table",
            element("thead", element("tr", *titles)),
            element("tbody", *self._body()),
            element("tfoot", self._totals()),
            class_="layers",
        )
        return element(
            "div",
            table,
            class_="scroll",
            tabindex="0",
            role="region",
            aria_label=f"layers of {show(self.analysis.network.title)}",
        )

    def _body(self) -> list[Html]:
        parts: list[Html] = []
        following = list(enumerate(self.blocks))
        around: list[tuple[int, Scope]] = []
        for row in self.analysis.rows:
            index = row.node.index
            around = [(place, block) for place, block in around if block.last >= index]
            while following and following[0][1].first == index:
                place, block = following.pop(0)
                parts.append(self._block(place, block, around))
                around.append((place, block))
            parts.append(self._layer(row, around))
            if self.working:
                parts.append(self._working(row, around))
        return parts

    def _block(self, place: int, block: Scope, around: Sequence[tuple[int, Scope]]) -> Html:
        label = safe(block.path.rpartition(".")[2])
        rows = self.analysis.rows[block.first : block.last + 1]
        wrong = self._wrong(block.first, block.last + 1)
        is_open = len(self.analysis.rows) <= MOST_OPEN or any(
            block.first <= mark.value <= block.last for mark, _ in self.wrong
        )
        name = element("details", element("summary", label), data_block=str(place), open=is_open)
        return self._line(name, Folded(block.path, len(around), rows), "block", around, wrong)

    def _layer(self, row: Row, around: Sequence[tuple[int, Scope]]) -> Html:
        node = row.node
        description = safe(_description(node))
        name = joined(
            [
                safe(node.name.rpartition(".")[2]),
                *([" ", element("span", description, class_="kind")] if description else []),
            ]
        )
        if self.working:
            name = element("details", element("summary", name), class_="layer")
        wrong = self._wrong(node.index, node.index + 1)
        return self._line(name, Folded(node.name, len(around), [row]), "", around, wrong)

    def _working(self, row: Row, around: Sequence[tuple[int, Scope]]) -> Html:
        """Return the row below a layer with its calculation, which is visible while the layer is open."""
        lines = []
        for fact in working(self.analysis, row):
            formula = f"{fact.formula} = " if fact.formula else ""
            remark = [element("span", safe(fact.remark), class_="dim")] if fact.remark else []
            label = element("span", safe(fact.label), class_="label")
            lines.append(element("li", label, " ", safe(formula), element("b", safe(fact.result)), " ", *remark))
        lines += [element("li", element("span", "note: ", class_="note"), safe(text)) for _, text in row.notes]
        cell = element("td", element("ul", *lines), colspan=str(1 + len(self.columns)))
        return element("tr", cell, class_=" ".join(["working", *[f"b{place}" for place, _ in around]]))

    def _wrong(self, first: int, last: int) -> list[Claim]:
        """Return the failed expectations of a block, or of a layer, which also gets those of groups that are not blocks."""
        blocks = {(block.first, block.last + 1) for block in self.blocks}

        def place(mark: Expectation) -> tuple[int, int]:
            return (mark.first, mark.last) if (mark.first, mark.last) in blocks else (mark.value, mark.value + 1)

        return [claim for mark, claim in self.wrong if place(mark) == (first, last)]

    def _line(
        self, name: Html, line: Folded, look: str, around: Sequence[tuple[int, Scope]], wrong: Sequence[Claim]
    ) -> Html:
        marks = dict.fromkeys((*self.columns, ""), Html())
        for claim in wrong:
            column = COLUMN_OF.get(claim.quantity, claim.quantity)
            column = column if column in marks else ""
            what = "expected" if column == claim.quantity or column == "rf" else f"expected {claim.quantity}"
            marks[column] = joined([marks[column], element("div", f"✗ {what} ", safe(claim.claimed), class_="bad")])
        classes = " ".join(
            [*([look] if look else []), *(["wrong"] if wrong else []), *[f"b{place}" for place, _ in around]]
        )
        indent = f"--level:{len(around)}" if around else None
        cells = [element("th", name, marks[""], scope="row", style=indent), *self._cells(line, marks)]
        layers = f"{line.rows[0].node.index}-{line.last.node.index}" if self.working else None
        return element("tr", *cells, class_=classes or None, data_layers=layers)

    def _cells(self, line: Folded, marks: Mapping[str, Html]) -> list[Html]:
        parts = []
        for name in self.columns:
            column = COLUMNS[name]
            text = column.text(line, self.analysis, True)
            if column.quantity:
                whole = getattr(self.analysis.totals, column.quantity)
                parts.append(number(text, line.total(column.quantity), whole, marks[name]))
            else:
                parts.append(element("td", text, marks[name], class_="n" if column.right else None))
        return parts

    def _totals(self) -> Html:
        every = Folded("total", 0, self.analysis.rows)
        network = self.analysis.network
        cells = [element("th", "total", scope="row")]
        for name in self.columns:
            column = COLUMNS[name]
            text = column.text(every, self.analysis, True) if column.quantity else ""
            if name == "output":
                text = ", ".join(str(network.nodes[index].output) for index in network.outputs)
            cells.append(element("td", text, class_="n" if column.right else None))
        return element("tr", *cells)


def _description(node: Node) -> str:
    """Return the kind and fields of a layer, without a kind that its name already states, such as `conv1`."""
    if node.layer is None or node.name.rpartition(".")[2].rstrip("0123456789") == node.kind:
        return node.layer.format_fields() if node.layer is not None else ""
    return format_kind(node)


def format_kind(node: Node) -> str:
    """Return the kind of a layer and its fields, such as `conv: filters 64, kernel 3`."""
    fields = node.layer.format_fields() if node.layer is not None else ""
    return node.kind + (f": {fields}" if fields else "")
