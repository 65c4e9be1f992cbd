"""The report as JUnit XML for Jenkins, GitLab and the actions of GitHub: one suite per file, one test case per rule."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from cnncalc.analyses.budget import Finding
from cnncalc.render.checks.dialect import (
    ERROR,
    FAILED,
    describe_unread,
    figures,
    findings_of,
    lines,
    names,
    sentence,
    verdict,
)
from cnncalc.render.checks.report import Report

TIME = "0.000"  # the report does not depend on a clock


def render(report: Report) -> str:
    """Return the whole text, ASCII only, with other characters as references.

    Only attributes in the schema of Jenkins' xunit plugin (junit-10.xsd) are used, so a case has no `file`.
    """
    root = Element("testsuites", name="cnncalc check")
    for name, entry in zip(names(report), report.entries, strict=True):
        suite = SubElement(root, "testsuite", name=name)
        for rule in report.rules:
            _case(suite, name, rule, verdict(entry, rule), findings_of(report, entry, rule), figures(entry, rule))
        _count(suite, [suite])
        suite.set("skipped", "0")
    if report.unread:
        suite = SubElement(root, "testsuite", name="files not looked at")
        case = SubElement(suite, "testcase", classname="files not looked at", name="unread", time=TIME)
        SubElement(case, "skipped", message=describe_unread(report)).text = describe_unread(report)
        _count(suite, [suite])
        suite.set("skipped", "1")
    _count(root, list(root))
    indent(root)
    body = tostring(root, encoding="us-ascii").decode("ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _count(element: Element, suites: list[Element]) -> None:
    cases = [case for suite in suites for case in suite]
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", str(sum(case.find("error") is not None for case in cases)))
    element.set("time", TIME)


def _case(suite: Element, name: str, rule: str, outcome: str, found: list[Finding], measured: list[str]) -> None:
    case = SubElement(suite, "testcase", classname=name, name=rule, time=TIME)
    details = "\n".join(line for finding in found for line in lines(name, finding))
    if outcome in (FAILED, ERROR):
        first = next(finding for finding in found if finding.level == "error")
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        tag = "failure" if outcome == FAILED else "error"
        SubElement(case, tag, type=first.code, message=sentence(first) + more).text = details
    elif found or measured:
        SubElement(case, "system-out").text = "\n".join([*measured, details] if details else measured)
