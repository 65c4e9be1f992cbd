"""The report as GitLab's code quality artifact: a list of findings."""

from __future__ import annotations

from json import dumps
from typing import Any

from cnncalc.analyses.budget import Finding
from cnncalc.render.checks.dialect import describe_unread, fingerprints, relative, sentence
from cnncalc.render.checks.report import Report
from cnncalc.text import visible


def render(report: Report) -> str:
    """Return the whole text, ASCII only. GitLab requires a line, so a finding without one is on line 1."""
    issues = []
    for entry, prints in zip(report.entries, fingerprints(report), strict=True):
        path = visible(relative(entry.path))
        issues += [_issue(path, finding, name) for finding, name in zip(entry.findings, prints, strict=True)]
    if report.unread:
        issues.append(_unread(report))
    return dumps(issues, indent=2) + "\n"


def _unread(report: Report) -> dict[str, Any]:
    """Return one entry for all files that were not looked at, at the first of them."""
    from hashlib import sha256

    path = relative(report.unread[0])
    return {
        "description": describe_unread(report),
        "check_name": "sound/not-looked-at",
        "fingerprint": sha256(f"not looked at\0{path}".encode("utf-8", "surrogatepass")).hexdigest()[:32],
        "severity": "info",
        "location": {"path": visible(path), "lines": {"begin": 1}},
    }


def _issue(path: str, finding: Finding, name: str) -> dict[str, Any]:
    return {
        "description": sentence(finding),
        "check_name": f"{finding.rule}/{finding.code}",
        "fingerprint": name,
        "severity": "minor" if finding.level == "warning" else "critical" if finding.rule == "sound" else "major",
        "location": {"path": path, "lines": {"begin": finding.line or 1}},
    }
