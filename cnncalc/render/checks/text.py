"""The report as plain lines: one per file, followed by what to do, and a summary at the end."""

from __future__ import annotations

from cnncalc.analyses.budget import Finding
from cnncalc.render.checks.dialect import advice_text, describe_unread, escape_command
from cnncalc.render.checks.leaderboard import places, title
from cnncalc.render.checks.report import Entry, Report
from cnncalc.text import plural, show, visible

WORDS = {"passed": "PASS", "failed": "FAIL", "error": "ERROR", "unreadable": "ERROR"}
MOST = 64 * 1024  # characters shown of one file


def render(report: Report) -> str:
    """Return the whole text."""
    lines: list[str] = []
    for entry in report.entries:
        lines += _entry(entry)
    limits = " (limits are inclusive)" if report.policy.limits else ""
    unread = describe_unread(report)
    lines += [summary(report) + limits, *([unread] if unread else []), *_leaderboard(report)]
    return "\n".join(map(escape_command, lines)) + "\n"


def _leaderboard(report: Report) -> list[str]:
    """Return the leaderboard as a table; nothing if it was not requested."""
    if not report.leaderboard:
        return []
    rows = [
        (
            "-" if place.rank is None else str(place.rank),
            "?" if place.figure is None else f"{place.figure:,}",
            show(report.entries[place.entry].path, 200),
        )
        for place in places(report)
    ]
    wide = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    table = [f"  {rank:>{wide[0]}}  {figure:>{wide[1]}}  {name}" for rank, figure, name in rows]
    return [title(report.leaderboard), *(table or ["  no file passes"])]


def summary(report: Report) -> str:
    """Return how many files passed, failed, or had an error."""
    counts = (
        f"{plural(len(report.entries), 'file')}: {report.count('passed'):,} passed, {report.count('failed'):,} failed"
    )
    return counts + (f", {plural(report.errors, 'error')}" if report.errors else "")


def _entry(entry: Entry) -> list[str]:
    figures = "; ".join(str(one) for one in entry.measured)
    head = f"{WORDS[entry.status]} {show(entry.path, 200)}" + (f"  {figures}" if figures else "")
    shown = {str(one) for one in entry.measured}
    lines = [head]
    length = len(head)
    for number, finding in enumerate(entry.findings):
        text = _finding(finding, shown)
        length += sum(map(len, text))
        if length > MOST:
            lines.append(f"  and {len(entry.findings) - number} more")
            break
        lines += text
    if entry.advice is not None:
        lines.append(f"  advice: {advice_text(entry.advice)}")
    return lines


def _finding(finding: Finding, shown: set[str]) -> list[str]:
    place = f"{finding.line}:{finding.column}: " if finding.line is not None else ""
    level = "warning: " if finding.level == "warning" else ""
    if finding.message in shown and finding.help and not level:
        name = f"{finding.rule}: " if len(shown) > 1 else ""
        return [f"  {name}{visible(finding.help)}"]
    lines = [f"  {place}{level}{visible(finding.message)} [{finding.code}]"]
    if finding.help:
        lines.append(f"    {visible(finding.help)}")
    return lines
