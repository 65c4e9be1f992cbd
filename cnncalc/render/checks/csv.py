"""The report as a table for spreadsheets: one row per file, with every rule, its points and the first finding."""

from __future__ import annotations

import re

from cnncalc.analyses.quantities import LIMITS
from cnncalc.render.checks.dialect import earned, escape_command, first_finding, names, outcome, submissions, worth
from cnncalc.render.checks.leaderboard import places
from cnncalc.render.checks.report import Entry, Report
from cnncalc.text import visible

Cell = str | int | None
# A spreadsheet evaluates a cell that begins with one of these signs, also in their wide form. Programs that expect another
# separator than a comma begin a cell after that separator, or after a quotation mark.
_FORMULA = re.compile(r"""(^|[;,|"'\t])(\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])""")
MARK = "\ufeff"  # makes Excel read a file as UTF-8


def render(report: Report) -> str:
    """Return the whole text. It begins with a byte order mark if it is not ASCII."""
    import csv
    from io import StringIO

    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = list(_rows(report))
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    text = out.getvalue()
    return text if text.isascii() else MARK + text


def harmless(text: str) -> str:
    """Return a text that no spreadsheet evaluates: an apostrophe comes before every sign that begins a formula.

    A log of GitHub Actions that shows the table does not take the text for a command either.

    >>> harmless("=1+1"), harmless("a;@b"), harmless("3 - 2")
    ("'=1+1", "a;'@b", '3 - 2')
    """
    return _FORMULA.sub(r"\1\2'", escape_command(visible(text)))


def _rows(report: Report) -> list[dict[str, Cell]]:
    ranks = {place.entry: place.rank for place in places(report)}
    rows = []
    for index, (submission, name, entry) in enumerate(
        zip(submissions(report), names(report), report.entries, strict=True)
    ):
        row: dict[str, Cell] = {} if report.anonymous else {"submission": harmless(submission)}
        row["file"] = harmless(name)
        row["status"] = "error" if entry.status == "unreadable" else entry.status
        if report.leaderboard:
            figure = entry.ranked.actual if entry.ranked is not None else None
            row["rank"] = ranks.get(index)
            row[f"rank by {report.leaderboard}"] = _figure(entry, figure)
        most = worth(report)
        if most:
            row["points"] = sum(earned(report, entry, rule) for rule in most)
            row["points at most"] = sum(most.values())
        for rule in report.rules:
            row.update(_rule(report, entry, rule))
        row["findings"] = len(entry.findings)
        finding = first_finding(entry)
        row["first finding"] = harmless(finding.message) if finding is not None else ""
        row["help"] = harmless(finding.help) if finding is not None else ""
        row["line"] = finding.line if finding is not None else None
        rows.append(row)
    return rows


def _figure(entry: Entry, figure: int | None) -> Cell:
    """Return a figure, `?` if it is not known, and nothing if there is no network."""
    return figure if figure is not None or entry.metrics is None else "?"


def _rule(report: Report, entry: Entry, rule: str) -> dict[str, Cell]:
    """Return the cells of one rule: figure and bounds if it is a limit, the outcome, and the points if it has any."""
    cells: dict[str, Cell] = {}
    for limit in report.policy.limits:
        if limit.quantity == rule:
            actual = next((one.actual for one in entry.measured if one.limit == limit), None)
            unit = " (bytes)" if LIMITS[rule].is_size else ""
            cells[rule + unit] = _figure(entry, actual)
            if limit.least is not None:
                cells[f"{rule} at least"] = limit.least
            if limit.most is not None:
                cells[f"{rule} at most"] = limit.most
    cells[f"{rule} result"] = outcome(report, entry, rule)
    if rule in worth(report):
        cells[f"{rule} points"] = earned(report, entry, rule)
    return cells
