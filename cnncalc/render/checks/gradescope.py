"""The report as Gradescope's results.json: one test per rule, scored with the `points` of the policy."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from typing import Any

from cnncalc.analyses.quantities import LIMITS
from cnncalc.render.checks import text
from cnncalc.render.checks.dialect import (
    MOST,
    PASSED,
    describe_rule,
    describe_unread,
    figures,
    findings_of,
    lines,
    names,
    verdict,
)
from cnncalc.render.checks.leaderboard import LARGEST_FIRST, places
from cnncalc.render.checks.report import Entry, Report
from cnncalc.text import plural

Files = Sequence[tuple[str, Entry]]


def render(report: Report) -> str:
    """Return the whole text, ASCII only.

    A rule earns its points if every file is sound and no file has a finding of the rule, not even a warning.
    Without `points`, there is one test for all rules.
    """
    files = sorted(zip(names(report), report.entries, strict=True), key=lambda pair: not pair[1].findings)
    points = dict(report.policy.points)
    if points:
        tests = [_test(report, files, rule, points.get(rule, 0)) for rule in report.rules]
    else:
        passed = report.count("passed") == len(report.entries)
        tests = [_test_result("every rule", passed, int(passed), 1, _output(report, files, report.rules))]
    unread = describe_unread(report)
    summary = text.summary(report) + (f"; {unread}" if unread else "")
    data = {
        "score": sum(test["score"] for test in tests),
        "output": summary + ("; no points are given while a file is not sound" if points and report.errors else ""),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    if report.leaderboard:  # of the best file that passes
        name = LIMITS[report.leaderboard].noun
        order = "desc" if report.leaderboard in LARGEST_FIRST else "asc"
        figures = [place.figure for place in places(report) if place.figure is not None]
        data["leaderboard"] = [{"name": name, "value": figure, "order": order} for figure in figures[:1]]
    return dumps(data, indent=2) + "\n"


def _test(report: Report, files: Files, rule: str, worth: int) -> dict[str, Any]:
    outcomes = [verdict(entry, rule) for entry in report.entries]
    holds = all(outcome == PASSED for outcome in outcomes)
    if worth:  # a limit with `level: warning` does not fail, but earns nothing if it is exceeded
        holds = holds and not any(findings_of(report, entry, rule) for entry in report.entries)
    sound = all(entry.metrics is not None for entry in report.entries)
    name = describe_rule(report, rule) if rule in LIMITS else f"{rule}: {describe_rule(report, rule)}"
    return _test_result(name, holds, worth if holds and sound else 0, worth, _output(report, files, (rule,)))


def _test_result(name: str, passed: bool, score: int, worth: int, output: str) -> dict[str, Any]:
    return {
        "name": name,
        "name_format": "text",
        "score": score,
        "max_score": worth,
        "status": "passed" if passed else "failed",
        "output": output,
        "output_format": "text",
        "visibility": "visible",
    }


def _output(report: Report, files: Files, rules: Sequence[str]) -> str:
    """Return the findings of the rules, and the figures of files without any."""
    shown: list[str] = []
    length = 0
    for number, (name, entry) in enumerate(files):
        findings = entry.findings if len(rules) > 1 else findings_of(report, entry, rules[0])
        found = [line for finding in findings for line in lines(name, finding)]
        if not found:
            measured = [figure for rule in rules for figure in figures(entry, rule)]
            found = [f"{name}: {'; '.join(measured) or 'passed'}"]
        length += sum(map(len, found))
        if length > MOST:
            return "\n".join([*shown, f"and {plural(len(files) - number, 'more file')}"])
        shown += found
    return "\n".join(shown)
