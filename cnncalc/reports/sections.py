"""The sections of the page that notebooks do not show: the totals, large, and what the outputs see of the input."""

from __future__ import annotations

from cnncalc.analyses.claims import expected, published
from cnncalc.analyses.receptive import extent, format_number
from cnncalc.analyses.totals import Analysis
from cnncalc.render.html.analysis import claims
from cnncalc.render.html.elements import Html, element, joined, safe
from cnncalc.render.memory import setting
from cnncalc.render.report import Options, totals_rows
from cnncalc.reports.report import Report
from cnncalc.units import format_bytes, format_count


def figures(report: Report) -> Html:
    """Return the totals, large and rounded, with the exact number and what it consists of."""
    analysis, memory = report.analysis, report.memory
    parts = [
        _figure(name, format_count(figure), f"{figure:,}", words)
        for name, figure, words in totals_rows(analysis, Options())
    ]
    for name, run, how in (
        ("training peak", memory.training, f", {memory.optimizer}"),
        ("inference peak", memory.inference, ""),
    ):
        if run is not None:
            exact = " ".join([*[run.bound] * bool(run.bound), f"{run.peak.live:,} B"])
            parts.append(_figure(name, format_bytes(run.peak.live), exact, f"{setting(memory)}{how}"))
    return element("dl", *parts, class_="figures")


def _figure(name: str, rounded: str, exact: str, words: str) -> Html:
    return element(
        "div",
        element("dt", name),
        element("dd", rounded),
        element("dd", exact if exact != rounded else ""),
        element("dd", safe(words)),
    )


def claims_section(analysis: Analysis, heading: str) -> Html:
    checked = [("published by", published(analysis)), ("expected of", expected(analysis))]
    if not any(found for _, found in checked):
        return Html()
    inner = "h" + str(int(heading[1]) + 1)
    return joined(
        [element(heading, "Published and expected figures"), *[claims(by, found, inner) for by, found in checked]]
    )


def limits_section(report: Report, heading: str) -> Html:
    """Return the limits with their figures, and the first change that meets them or comes closest."""
    if report.advised is None:
        return Html()
    from cnncalc.render.advise import brief

    advice = brief(report.advised)
    parts = [element(heading, "Limits"), element("ul", *[element("li", safe(text)) for text in advice.limits])]
    if advice.todo:
        meets = (
            "What to change to meet the limits:" if advice.holds else "No change meets the limits. This comes closest:"
        )
        items = [element("li", safe(text)) for text in advice.todo]
        parts += [element("p", meets), element("ol" if len(items) > 1 else "ul", *items)]
        parts.append(element("p", safe("; ".join(advice.figures))))
        if advice.edits:
            parts.append(element("pre", joined([safe(line) for line in advice.edits], "\n")))
        if advice.more:
            parts.append(element("p", f"and {advice.more}", class_="dim"))
        parts += [element("p", safe(f"Effect: {effect}"), class_="dim") for effect in advice.effects]
    elif report.advised.over:
        parts.append(element("p", "No change that cnncalc knows helps."))
    return joined(parts)


def receptive_field(analysis: Analysis, heading: str) -> Html:
    """Return what a cell of each output sees, and of the feature map with the largest field."""
    if not analysis.extent.rank:
        return Html()
    whole = "x".join(map(str, analysis.extent.spatial))
    lines = []
    for index in analysis.network.outputs:
        seen = extent(analysis.fields[index], analysis.extent)
        name = safe(analysis.network.nodes[index].name)
        if seen is None:
            lines.append(element("li", "what a cell of ", name, " sees is not known"))
            continue
        size, stride = seen
        apart = (
            ""
            if stride is None
            else f"; neighbouring cells are {'x'.join(map(format_number, stride))} input cells apart"
        )
        text = f" sees {'x'.join(map(str, size))} of the {whole} input{apart}"
        lines.append(element("li", "a cell of ", name, text))
    if analysis.features is not None:
        largest = "x".join(map(str, analysis.features))
        lines.append(
            element("li", f"the largest field of a feature map that does not see the whole input is {largest}")
        )
    return joined([element(heading, "Receptive field"), element("ul", *lines)])
