"""A report as Markdown: a section of a README, or a comment on a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from cnncalc.render.compare import markdown as comparison_markdown
from cnncalc.render.markup import markdown_text, pipe, to_markdown
from cnncalc.render.memory import format_peak, place, setting
from cnncalc.render.report import Options, totals_rows
from cnncalc.reports.report import Report, compare_reports
from cnncalc.text import show

COLUMNS = ("output", "params", "activations", "macs", "rf")


def report_markdown(reports: Sequence[Report], pictures: Sequence[str] = ()) -> str:
    """Return the reports as GitHub-flavoured Markdown, with the comparison first if there are several.

    `pictures` are the addresses of the pictures, one for each network; without them there are no pictures.
    """
    parts = []
    if len(reports) > 1:
        both = compare_reports(reports)
        parts.append(f"## {markdown_text(' and '.join(both.names))}\n")
        parts.append(comparison_markdown(both.names, both.analyses, both.totals, both.pairs))
    for number, report in enumerate(reports):
        parts.append(_network(report, pictures[number] if pictures else "", folded=len(reports) > 1))
    return "\n".join(parts)


def _network(report: Report, picture: str, *, folded: bool) -> str:
    network = report.analysis.network
    title, _, table = to_markdown(report.analysis, Options(COLUMNS, exact=True)).partition("\n")
    lines = [title, ""]
    if picture:
        lines += [f"![{markdown_text(show(network.title))}]({quote(picture)})", ""]
    lines += [pipe(["", "", ""]), pipe(["---", "---:", "---"])]
    for name, figure, words in totals_rows(report.analysis, Options()):
        lines.append(pipe([name, f"{figure:,}", markdown_text(words)]))
    memory = report.memory
    for name, run, how in (
        ("training peak", memory.training, f", {memory.optimizer}"),
        ("inference peak", memory.inference, ""),
    ):
        if run is not None:
            where = f"{place(run.peak)}; {setting(memory)}{how}"
            lines.append(pipe([name, markdown_text(format_peak(run, run.peak.live)), markdown_text(where)]))
    lines += _limits(report)
    table = table.strip("\n")
    if folded:
        table = f"<details><summary>layers</summary>\n\n{table}\n\n</details>"
    return "\n".join([*lines, "", table]) + "\n"


def _limits(report: Report) -> list[str]:
    """Return the limits with their figures, and the first change that meets them or comes closest."""
    if report.advised is None:
        return []
    from cnncalc.render.advise import brief

    advice = brief(report.advised)
    lines = ["", *[f"* {markdown_text(text)}" for text in advice.limits]]
    if advice.todo:
        meets = (
            "What to change to meet the limits:" if advice.holds else "No change meets the limits. This comes closest:"
        )
        lines += ["", meets, "", *[f"1. {markdown_text(text)}" for text in advice.todo]]
        lines += ["", markdown_text("; ".join(advice.figures))]
        if advice.edits:
            lines += ["", "```diff", *advice.edits, "```"]
        if advice.more:
            lines += ["", f"and {advice.more}"]
        lines += [line for effect in advice.effects for line in ("", markdown_text(f"Effect: {effect}"))]
    elif report.advised.over:
        lines += ["", "No change that cnncalc knows helps."]
    return lines
