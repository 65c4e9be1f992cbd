"""An analysis as HTML: the layer table, totals, published and expected figures, notes."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.claims import Claim, expected, published
from cnncalc.analyses.totals import Analysis
from cnncalc.network import Network
from cnncalc.render.html.elements import Html, element, joined, safe
from cnncalc.render.html.fragment import caveat, definitions, fragment
from cnncalc.render.html.layers import Table
from cnncalc.render.report import Options, figure, merge_notes, totals_rows


def analysis_html(analysis: Analysis) -> str:
    """Return an analysis as HTML for a notebook."""
    checked = expected(analysis)
    table = Table(analysis, checked)
    return fragment(
        element("h3", safe(analysis.network.title)),
        network_lines(analysis.network),
        table.html(),
        totals(analysis),
        claims("published by", published(analysis)),
        claims("expected of", checked),
        notes(analysis),
        blocks=len(table.blocks),
    )


def network_lines(network: Network) -> Html:
    """Return the source of a network, its inputs, and what was set in it."""
    inputs = [
        f"input{'' if node.name == 'input' else ' ' + node.name}: {node.output.words()}" for node in network.inputs
    ]
    lines = [element("p", safe(line), class_="dim") for line in (network.source, *inputs) if line]
    changes = [element("p", "set: ", safe(change), class_="note") for change in network.changes]
    return joined([*lines, *changes, caveat(network.one_run)])


def totals(analysis: Analysis) -> Html:
    """Return the totals with their units and parts."""
    return definitions([(name, f"{figure:,}", words) for name, figure, words in totals_rows(analysis, Options())])


def claims(by: str, checked: Sequence[Claim], heading: str = "h4") -> Html:
    """Return claims with the computed figures, grouped by source below headings; nothing if there are none."""
    parts: list[Html] = []
    for source in dict.fromkeys(claim.source for claim in checked):
        rows = [_claim(claim, by) for claim in checked if claim.source == source]
        parts.append(element(heading, by, " ", safe(source) or "an unnamed source"))
        parts.append(element("div", element("table", element("tbody", *rows)), class_="scroll"))
    return joined(parts)


def _claim(claim: Claim, by: str) -> Html:
    wrong = "does not agree" if by.startswith("published") else "is wrong"
    verdict = element("td", "✓ agrees" if claim.agrees else f"✗ {wrong}", class_="good" if claim.agrees else "bad")
    remarks = [*claim.working, *([f"it is {claim.reason}"] if claim.reason else [])]
    return element(
        "tr",
        element("th", claim.quantity.replace("_", " "), scope="row"),
        element("td", safe(claim.claimed), class_="n"),
        element("td", "computed ", figure(claim), class_="n"),
        verdict,
        element("td", joined([safe(remark) for remark in remarks], "<br>"), class_="dim"),
    )


def notes(analysis: Analysis, heading: str = "h4") -> Html:
    """Return the notes of the layers below a heading, with equal ones merged; nothing if there are none."""
    lines = [element("li", f"{names}: {sentence}") for names, sentence in merge_notes(analysis.rows)]
    return joined([element(heading, "notes"), element("ul", *lines)]) if lines else Html()
