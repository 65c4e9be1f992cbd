"""The page of `cnncalc report`: one file with everything about a network, and the comparison of several.

The page may load nothing and run nothing but its own two scripts, which its content security policy names by their hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cnncalc import __version__
from cnncalc.render.html.analysis import network_lines, notes
from cnncalc.render.html.assets import SORT, STYLE, script, style
from cnncalc.render.html.comparison import comparison
from cnncalc.render.html.document import document
from cnncalc.render.html.elements import Html, element, joined, safe
from cnncalc.render.html.layers import Table
from cnncalc.render.html.memory import peaks, terms
from cnncalc.reports.curve import curve_with_moments
from cnncalc.reports.report import Report, compare_reports, report_titles
from cnncalc.reports.sections import claims_section, figures, limits_section, receptive_field
from cnncalc.text import show

HERE = Path(__file__).parent
SCOPE = "#report"
MEANINGS = (
    ("activations", "numbers that layers write to new volumes, for one example, the input included. Layers that can work in "
     "place, such as relu, dropout and batchnorm, write none."),
    ("params", "weights and biases, without running means and variances."),
    ("MACs", "multiply-accumulates for one example, without biases, norms and pooling. FLOPs are 2 x MACs."),
    ("receptive field", "size/stride in input pixels; all: the whole input; ?: not known."),
    ("MB", "10^6 bytes."),
)  # fmt: skip


def report_page(reports: Sequence[Report]) -> str:
    """Return a whole page about these networks, which compares them if there are several."""
    names = report_titles(reports)
    tables = [Table(report.analysis, report.expected, working=True) for report in reports]
    folds = max(len(table.blocks) for table in tables)
    parts: list[Html] = []
    if len(reports) > 1:
        both = compare_reports(reports)
        compared, diff_folds = comparison(both.names, both.analyses, both.totals, both.pairs)
        folds = max(folds, diff_folds)
        links = [element("a", safe(name), href=f"#network-{number}") for number, name in enumerate(names, 1)]
        parts += [element("h1", safe(" and ".join(names))), element("nav", *links, aria_label="networks")]
        parts.append(element("section", *compared))
    for number, (report, table) in enumerate(zip(reports, tables, strict=True), 1):
        parts.append(_network(report, table, number, several=len(reports) > 1))
    parts += [_meanings(), element("footer", f"cnncalc {__version__}", class_="dim")]
    return document(
        f"{', '.join(names)} - cnncalc",
        element("main", *parts, id=SCOPE[1:]),
        style(SCOPE, STYLE, HERE / "page.css", blocks=folds),
        [script(SCOPE, SORT), script(SCOPE, HERE / "page.js")],
    )


def _network(report: Report, table: Table, number: int, *, several: bool) -> Html:
    analysis = report.analysis
    network = analysis.network
    name, inner = ("h2", "h3") if several else ("h1", "h2")
    curve_title = "Memory during one training step" if report.memory.training else "Memory during inference"
    return element(
        "section",
        element(name, safe(network.title), id=f"network-{number}"),
        network_lines(network),
        element("p", safe(network.description)) if network.description else Html(),
        figures(report),
        limits_section(report, inner),
        element(inner, "Picture"),
        _picture(report),
        element(inner, "Layers"),
        element("p", "Unfold a layer to see how its figures are calculated.", class_="dim screen"),
        table.html(),
        claims_section(analysis, inner),
        receptive_field(analysis, inner),
        element(inner, curve_title),
        element("p", safe(terms(report.memory)), class_="dim"),
        curve_with_moments(report.memory),
        peaks(report.memory, "h4" if several else "h3"),
        notes(analysis, inner),
    )


def _picture(report: Report) -> Html:
    label = f"picture of {show(report.analysis.network.title)}"
    return element("div", Html(report.svg("inherit")), class_="picture", tabindex="0", role="region", aria_label=label)


def _meanings() -> Html:
    lines = [element("li", element("b", word), f": {meaning}") for word, meaning in MEANINGS]
    return joined([element("h2", "What the words mean"), element("ul", *lines)])
