"""A comparison as HTML: a sentence, totals side by side, and the layers as a diff."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from cnncalc.analyses.compare import Pair, Total
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.render.compare import MARKS, difference_text, ratio_text, sentence, source_names, value_text
from cnncalc.render.html.elements import Html, element, safe
from cnncalc.render.html.fragment import caveat, fragment, number
from cnncalc.render.html.layers import format_kind
from cnncalc.text import plural


def comparison_html(
    names: Sequence[str], analyses: Sequence[Analysis], totals: Sequence[Total], pairs: Sequence[Pair] | None
) -> str:
    """Return a comparison as HTML for a notebook. `pairs` is None if there are more than two networks."""
    found, blocks = comparison(names, analyses, totals, pairs)
    return fragment(*found, blocks=blocks)


def comparison(
    names: Sequence[str], analyses: Sequence[Analysis], totals: Sequence[Total], pairs: Sequence[Pair] | None
) -> tuple[list[Html], int]:
    """Return the parts of a comparison, and how many folds there are."""
    parts = (
        [element("p", element("b", safe(sentence(names, analyses, totals))), class_="lead")]
        if len(analyses) == 2
        else []
    )
    for analysis in analyses:
        parts += [element("p", "set: ", safe(change), class_="note") for change in analysis.network.changes]
        parts.append(caveat(analysis.network.one_run))
    parts.append(_totals(names, totals))
    if pairs is None:
        return parts, 0
    diff, folds = _diff(pairs, analyses)
    return [*parts, diff], folds


def _totals(names: Sequence[str], totals: Sequence[Total]) -> Html:
    extra = ["difference", "ratio"] if len(names) == 2 else [f"{name} / {names[0]}" for name in names[1:]]
    titles = [element("th", safe(title), scope="col", class_="n") for title in [*names, *extra]]
    rows = []
    for total in totals:
        cells = [value_text(total.quantity, value) for value in total.values]
        cells += [difference_text(total, 1)] if len(names) == 2 else []
        cells += [ratio_text(total, number) for number in range(1, len(names))]
        name = element("th", total.quantity.replace("_", " "), scope="row")
        look = None if total.differs else "dim"
        rows.append(element("tr", name, *[element("td", cell, class_="n") for cell in cells], class_=look))
    head = element("thead", element("tr", element("td"), *titles))
    return element("div", element("table", head, element("tbody", *rows)), class_="scroll")


def _diff(pairs: Sequence[Pair], analyses: Sequence[Analysis]) -> tuple[Html, int]:
    """Return the layers that differ with the identical ones between them, which are folded, and how many folds there are."""
    rows: list[Html] = []
    folds = 0
    for change, group in groupby(pairs, key=lambda pair: pair.change == "same"):
        if not change:
            rows += [row for pair in group for row in _changed(pair, analyses)]
            continue
        same = [pair.left for pair in group if pair.left is not None]
        summary = element("summary", plural(len(same), "identical layer"))
        name = element("th", element("details", summary, data_block=str(folds)), scope="row", colspan="4")
        rows.append(element("tr", element("td"), name, class_="dim"))
        rows += [_row(row, "", f"dim b{folds}") for row in same]
        folds += 1
    titles = [element("th", title, scope="col") for title in ("layer", "fields", "output")]
    head = element("tr", element("td"), *titles, element("th", "params", scope="col", class_="n"))
    table = element("table", element("thead", head), element("tbody", *rows), class_="diff")
    return element("div", table, class_="scroll"), folds


def _changed(pair: Pair, analyses: Sequence[Analysis]) -> list[Html]:
    """Return the row of a layer that was added or removed, or both rows of one that was changed."""
    rows = [row for row in (pair.left, pair.right) if row is not None]
    if len(rows) == 1:
        return [_row(rows[0], MARKS[pair.change], pair.change)]
    sources = ["", ""]
    if _figures(rows[0]) == _figures(rows[1]):  # only their inputs differ
        sources = [f"from {source_names(row, one.network)}" for row, one in zip(rows, analyses, strict=True)]
    return [_row(rows[0], MARKS["changed"], "changed", sources[0]), _row(rows[1], "", "changed", sources[1])]


def _figures(row: Row) -> tuple[str, str, int]:
    return format_kind(row.node), str(row.node.output), row.params


def _row(row: Row, mark: str, look: str, remark: str = "") -> Html:
    cells = [
        element("td", safe(format_kind(row.node)), *([" ", safe(remark)] if remark else [])),
        element("td", str(row.node.output)),
    ]
    params = number(f"{row.params:,}")
    return element(
        "tr", element("td", mark), element("th", safe(row.node.name), scope="row"), *cells, params, class_=look
    )
