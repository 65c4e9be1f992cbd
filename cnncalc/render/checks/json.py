"""The report as JSON, the contract `cnncalc.check/1`."""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Any

from cnncalc import __version__
from cnncalc.analyses.budget import Finding, Limit
from cnncalc.render.checks.dialect import earned, outcome, worth
from cnncalc.render.checks.leaderboard import order, places
from cnncalc.render.checks.report import Entry, Report

if TYPE_CHECKING:
    from cnncalc.advice.first import Suggestion

MOST = 1000  # maximum number of names of files that were not looked at


def render(report: Report) -> str:
    """Return the whole text, ASCII only."""
    policy = report.policy
    data = {
        "format": "cnncalc.check/1",
        "cnncalc": __version__,
        "policy": {
            "input": list(policy.input) if policy.input is not None else None,
            "output": list(policy.output) if policy.output is not None else None,
            "limits": [_limit(limit) for limit in policy.limits],
            "kinds": {"forbid": list(policy.forbidden), "require": list(policy.required)},
            "points": dict(policy.points),
            "rules": list(report.rules),
        },
        "summary": {
            "files": len(report.entries),
            "passed": report.count("passed"),
            "failed": report.count("failed"),
            "errors": report.errors,
            "unread": len(report.unread),
        },
        "files": [_entry(report, entry) for entry in report.entries],
        "unread": list(report.unread[:MOST]),
        "anonymous": report.anonymous,
        "leaderboard": _leaderboard(report),
    }
    # a CI runner would interpret `##[...]` in a path, even here
    return dumps(data, indent=2).replace("\x7f", "\\u007f").replace("##", "#\\u0023") + "\n"


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "quantity": limit.quantity,
        "min": limit.least,
        "max": limit.most,
        "level": limit.level,
        "batch": limit.batch,
        "dtype": limit.dtype,
        "optimizer": limit.optimizer,
        "amp": limit.amp or None,
        "count": limit.count,
    }


def _leaderboard(report: Report) -> dict[str, Any] | None:
    if not report.leaderboard:
        return None
    return {
        "quantity": report.leaderboard,
        "order": order(report.leaderboard),
        "places": [
            {"rank": place.rank, "path": report.entries[place.entry].path, "figure": place.figure}
            for place in places(report)
        ],
    }


def _entry(report: Report, entry: Entry) -> dict[str, Any]:
    most = worth(report)
    return {
        "path": entry.path,
        "status": "error" if entry.status == "unreadable" else entry.status,
        "metrics": entry.metrics,
        "measured": {one.limit.quantity: one.actual for one in entry.measured},
        "results": {rule: outcome(report, entry, rule) for rule in report.rules},
        "points": {rule: earned(report, entry, rule) for rule in most} if most else None,
        "findings": [_finding(finding) for finding in entry.findings],
        "advice": None if entry.advice is None else _advice(entry.advice),
    }


def _advice(advice: Suggestion) -> dict[str, Any]:
    return {
        "rewrite": advice.rewrite,
        "place": advice.place or None,
        "title": advice.sentence,
        "effect": advice.effect,
        "before": {quantity: before for quantity, before, _ in advice.figures},
        "after": {quantity: after for quantity, _, after in advice.figures},
        "lines": list(advice.lines),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "code": finding.code,
        "level": finding.level,
        "message": finding.message,
        "help": finding.help,
        "line": finding.line,
        "column": finding.column,
        "limit": finding.limit,
        "actual": finding.actual,
    }
