"""The report as GitHub workflow commands: at most ten annotations, one per file, then the plain text."""

from __future__ import annotations

from cnncalc.analyses.budget import Finding
from cnncalc.render.checks import text
from cnncalc.render.checks.dialect import describe_unread, first_finding, relative
from cnncalc.render.checks.report import Entry, Report
from cnncalc.text import plural, visible

MOST = 10  # GitHub shows at most this many per step


def render(report: Report) -> str:
    """Return the whole text. Files with errors come first, and no line of the plain text is a command."""
    annotated = [(entry, first) for entry in report.entries if (first := first_finding(entry)) is not None]
    annotated.sort(key=lambda pair: pair[1].level != "error")
    shown = [_annotation(entry, finding) for entry, finding in annotated[:MOST]]
    if len(annotated) > MOST:
        shown.append(
            f"{plural(len(annotated) - MOST, 'more file')} with findings, listed below; GitHub shows ten annotations"
        )
    unread = describe_unread(report)
    if unread:
        shown.append(f"::notice title=not looked at::{_data(unread)}")
    return "".join(f"{line}\n" for line in shown) + text.render(report)


def _annotation(entry: Entry, finding: Finding) -> str:
    properties = [f"file={_property(visible(relative(entry.path)))}"]
    if finding.line is not None:
        properties.append(f"line={finding.line}")
        if finding.column is not None:
            properties.append(f"col={finding.column}")
    properties.append(f"title={_property(f'{finding.rule}: {finding.code}')}")
    message = visible(finding.message) + (f"\n{visible(finding.help)}" if finding.help else "")
    more = len(entry.findings) - 1
    if more:
        message += f"\nand {plural(more, 'more finding')} in this file"
    return f"::{finding.level} {','.join(properties)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
