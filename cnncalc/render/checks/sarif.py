"""The report as SARIF 2.1.0, for code scanning: one rule per rule, one result per finding, and relative URIs."""

from __future__ import annotations

import os
from json import dumps
from typing import Any
from urllib.parse import quote

from cnncalc import __version__
from cnncalc.analyses.budget import RULES, Finding
from cnncalc.render.checks.dialect import advice, describe_rule, describe_unread, fingerprints, relative, sentence
from cnncalc.render.checks.report import Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
# characters that need no escape in a path, besides letters, digits and -._~; a colon would start a scheme
_PLAIN = "/!$&'()*+,;=@"


def render(report: Report) -> str:
    """Return the whole text, ASCII only."""
    found = {finding.rule for entry in report.entries for finding in entry.findings}
    rules = [rule for rule in RULES if rule in report.rules or rule in found]
    numbers = {rule: number for number, rule in enumerate(rules)}
    results = []
    files: dict[str, int] = {}
    for entry, prints in zip(report.entries, fingerprints(report), strict=True):
        uri = quote(os.fsencode(relative(entry.path)), safe=_PLAIN)
        place = {"uri": uri, "uriBaseId": ROOT, "index": files.setdefault(uri, len(files))}
        results += [
            _result(finding, numbers[finding.rule], place, name)
            for finding, name in zip(entry.findings, prints, strict=True)
        ]
    run = {
        "tool": {
            "driver": {
                "name": "cnncalc",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(report, rule) for rule in rules],
            }
        },
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {ROOT: {"description": {"text": "the folder in which `cnncalc check` was run"}}},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": uri, "uriBaseId": ROOT}, "roles": ["analysisTarget"]} for uri in files],
        "results": results,
    }
    return dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _invocation(report: Report) -> dict[str, Any]:
    invocation: dict[str, Any] = {"executionSuccessful": not report.count("unreadable")}
    unread = describe_unread(report)
    if unread:
        invocation["toolExecutionNotifications"] = [{"level": "note", "message": {"text": unread.replace("](", "] (")}}]
    return invocation


def _rule(report: Report, rule: str) -> dict[str, Any]:
    text = describe_rule(report, rule) if rule in report.rules else "the file can be read, computed and compared"
    levels = [limit.level for limit in report.policy.limits if limit.quantity == rule]
    return {
        "id": rule,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": advice(rule)},
        "defaultConfiguration": {"level": levels[0] if levels else "error"},
    }


def _result(finding: Finding, number: int, place: dict[str, Any], name: str) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": place}
    prints = {"cnncalc/v1": name}
    if finding.line is not None:
        location["region"] = {"startLine": finding.line}
        if finding.column is not None:
            location["region"]["startColumn"] = finding.column
    else:  # GitHub computes its own fingerprint from the line, and here there is no line
        prints["primaryLocationLineHash"] = f"{name}:1"
    return {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": finding.level,
        "message": {"text": sentence(finding).replace("](", "] (")},  # `[text](uri)` is a link in SARIF
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": prints,
        "properties": {"code": finding.code},
    }
