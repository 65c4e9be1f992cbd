"""Reports without names: a number takes the place of every path."""

from __future__ import annotations

import os
from collections.abc import Callable

from cnncalc.analyses.budget import Finding
from cnncalc.render.checks.dialect import relative
from cnncalc.render.checks.report import Entry, Report
from cnncalc.text import show, visible

STATUSES = ("passed", "failed", "error", "unreadable")


def without_names(report: Report) -> Report:
    """Return the report with `submission 1` instead of the first path, and so on.

    The files are ordered by what the report shows about them, so that their order reveals nothing about their names. Every
    format numbers the same files alike if the entries have their metrics.
    """
    entries = sorted(map(_nameless, report.entries), key=_sort_key)
    digits = len(str(len(entries)))
    numbered = [
        Entry(
            f"submission {number:0{digits}}",
            one.status,
            one.metrics,
            one.measured,
            one.findings,
            one.ranked,
            one.advice,
        )
        for number, one in enumerate(entries, 1)
    ]
    unread = tuple(f"file {number}" for number, _ in enumerate(report.unread, 1))
    return Report(report.policy, report.rules, numbered, unread, report.leaderboard, True)


def _sort_key(entry: Entry) -> tuple[object, ...]:
    figures = [(one.actual is None, one.actual or 0) for one in entry.measured]
    ranked = entry.ranked.actual if entry.ranked is not None else None
    return (
        STATUSES.index(entry.status),
        figures,
        repr(entry.findings),
        repr(entry.advice),
        repr(entry.metrics),
        ranked is None,
        ranked or 0,
    )


def _nameless(entry: Entry) -> Entry:
    hide = _hider(entry.path)
    findings = tuple(
        Finding(
            one.rule, one.code, one.level, hide(one.message), hide(one.help), one.line, one.column, one.limit, one.actual
        )
        for one in entry.findings
    )  # fmt: skip
    return Entry("", entry.status, entry.metrics, entry.measured, findings, entry.ranked, entry.advice)


def _hider(path: str) -> Callable[[str], str]:
    """Return a function that replaces a path in a text, in full or only the name of the file."""
    plain = {path, relative(path), os.path.basename(path)} - {"", "."}
    written = {form for name in plain for form in (name, show(name), show(name, 200), visible(name))}
    longest_first = sorted(written, key=len, reverse=True)

    def hide(text: str) -> str:
        for name in longest_first:
            text = text.replace(name, "the file")
        return text

    return hide
