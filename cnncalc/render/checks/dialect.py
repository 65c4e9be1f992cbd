"""What the report formats share: names of files, descriptions of rules, sentences, verdicts and fingerprints."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnncalc.analyses.budget import Finding, Limit
from cnncalc.analyses.quantities import LIMITS
from cnncalc.render.checks.report import Entry, Report
from cnncalc.text import plural, quoted, show, visible

if TYPE_CHECKING:
    from cnncalc.advice.first import Suggestion

PASSED, FAILED, ERROR = "passed", "failed", "error"
NAMED = 10  # the most files that were not looked at to name
MOST = 64 * 1024  # characters shown of one file, or of one test over all files

_HELP = {
    "sound": "fix the first problem in the file; `cnncalc analyze FILE` shows where it is",
    "input": "use the input that the policy requires",
    "output": "end with a layer that has the required output",
    "params": "use fewer filters or units, or a global average pooling before the first fc",
    "trainable": "freeze more layers, or use fewer filters or units in those that are trained",
    "weights": "use fewer filters or units, or a global average pooling before the first fc",
    "biases": "write `bias: false` where a batchnorm follows",
    "activations": "reduce height and width earlier, with a stride or a pooling",
    "activation-memory": "reduce height and width earlier, with a stride or a pooling",
    "training-memory": "use a smaller batch, or reduce height and width earlier",
    "inference-memory": "use a smaller batch, or reduce height and width earlier",
    "macs": "use fewer filters, grouped convolutions, or a stride earlier",
    "layers": "add or remove layers",
    "depth": "add or remove convolutions and fc layers",
    "conv-layers": "add or remove convolutions",
    "receptive-field": "use larger kernels, strides, dilation or more layers",
    "growth": "shrink what has grown, or ask for a larger budget",
    "kinds": "replace the forbidden layers, and add the required ones",
    "expect": "`cnncalc explain FILE LAYER` shows how the right figure is worked out",
}
_FIGURE = re.compile(r"(?<!\w)[0-9][0-9x,.]*")


def relative(path: str) -> str:
    """Return the path relative to the current folder, with `/` and without `./`."""
    if os.path.isabs(path):
        try:
            path = os.path.relpath(path)
        except (OSError, ValueError):  # the current folder is gone, or on another drive
            path = os.path.basename(path)
    return os.path.normpath(path).replace(os.sep, "/")


def names(report: Report) -> list[str]:
    """Return a distinct name for every file of the report, each one visible line."""
    taken: set[str] = set()
    sentences = []
    for entry in report.entries:
        name = only = visible(relative(entry.path))
        number = 1
        while only in taken:
            number += 1
            only = f"{name} ({number})"
        taken.add(only)
        sentences.append(only)
    return sentences


def describe_unread(report: Report) -> str:
    """Return the sentence about files that were not looked at; empty if there are none."""
    if not report.unread:
        return ""
    named = [show(relative(path), 100) for path in report.unread[:NAMED]]
    more = len(report.unread) - len(named)
    named += [f"and {more:,} more"] if more else []
    return f"{plural(len(report.unread), 'file')} not looked at: {', '.join(named)}"


def verdict(entry: Entry, rule: str) -> str:
    """Return whether a rule holds for a file: `passed`, `failed`, or `error` if that is not known."""
    if entry.metrics is None:
        return ERROR
    findings = [finding for finding in entry.findings if finding.rule == rule]
    if any(finding.code == "not-compared" for finding in findings):
        return ERROR
    return FAILED if any(finding.level == "error" for finding in findings) else PASSED


def findings_of(report: Report, entry: Entry, rule: str) -> list[Finding]:
    """Return the findings of a rule in a file. If the file is not sound, they state why nothing is known."""
    if entry.metrics is not None or rule == "sound":
        return [finding for finding in entry.findings if finding.rule == rule]
    if "sound" not in report.rules:
        return list(entry.findings)
    return [Finding(rule, "not-checked", "error", "not checked: the file is not sound", "see `sound`")]


def figures(entry: Entry, rule: str) -> list[str]:
    """Return the figures that decided a rule, such as `params 41,098 <= 500,000`."""
    return [str(one) for one in entry.measured if one.limit.quantity == rule]


def shared_folder(report: Report) -> str:
    """Return the innermost folder that all files are in, empty if that is the current one."""
    paths = [relative(entry.path).split("/") for entry in report.entries]
    first, last = min(paths), max(paths)  # what these two share, all of them share
    shared = 0
    while shared < min(len(first), len(last)) - 1 and first[shared] == last[shared]:
        shared += 1
    return "/".join(first[:shared])


def submissions(report: Report) -> list[str]:
    """Return the submission that every file belongs to: its folder below the folder that all files share, or its name.

    The files `alice/net.yaml` and `alice/b/net.yaml` belong to `alice`, and `bob.yaml` to `bob`.
    """
    paths = [relative(entry.path).split("/") for entry in report.entries]
    shared = len(shared_folder(report).split("/")) if shared_folder(report) else 0
    names = []
    for path in paths:
        name = path[shared]
        names.append(visible(os.path.splitext(name)[0] if shared == len(path) - 1 else name))
    return names


def outcome(report: Report, entry: Entry, rule: str) -> str:
    """Return what became of a rule, in a word for tables: `pass`, `warning`, `fail` or `not known`."""
    if rule == "sound" and entry.status == ERROR:
        return "fail"
    outcome = verdict(entry, rule)
    if outcome == PASSED and findings_of(report, entry, rule):
        return "warning"
    return {PASSED: "pass", FAILED: "fail", ERROR: "not known"}[outcome]


def first_finding(entry: Entry) -> Finding | None:
    """Return the first error of a file, or its first warning if it has no error; None if nothing was found."""
    errors = [finding for finding in entry.findings if finding.level == "error"]
    return next(iter([*errors, *entry.findings]), None)


def earned(report: Report, entry: Entry, rule: str) -> int:
    """Return the points of one file for a rule: all if the file is sound and has no finding of the rule, otherwise none.

    A limit with `level: warning` does not fail a file, but it earns nothing if it is exceeded.
    """
    holds = entry.metrics is not None and verdict(entry, rule) == PASSED and not findings_of(report, entry, rule)
    return dict(report.policy.points).get(rule, 0) if holds else 0


def worth(report: Report) -> dict[str, int]:
    """Return the most points for each of the applied rules that has points."""
    points = dict(report.policy.points)
    return {rule: points[rule] for rule in report.rules if points.get(rule)}


def sentence(finding: Finding) -> str:
    """Return a finding in one line: what is wrong, what to do, and its code."""
    line = visible(finding.message) + (f"; {visible(finding.help)}" if finding.help else "")
    return f"{line} [{finding.code}]"


def lines(name: str, finding: Finding) -> Iterator[str]:
    """Yield a finding as compilers print it, followed by its help."""
    place = "" if finding.line is None else f":{finding.line}" + (f":{finding.column}" if finding.column else "")
    level = "warning: " if finding.level == "warning" else ""
    yield escape_command(f"{name}{place}: {level}{visible(finding.message)} [{finding.code}]")
    if finding.help:
        yield escape_command(f"  {visible(finding.help)}")


def escape_command(line: str) -> str:
    """Escape a line that GitHub's runner would take for a command, which begins with `::` after optional blanks.

    >>> escape_command("  ::error::boo")
    '  \\\\::error::boo'
    """
    start = line.lstrip()
    return line[: len(line) - len(start)] + "\\" + start if start.startswith("::") else line


def describe_rule(report: Report, rule: str) -> str:
    """Describe what a rule requires of a file."""
    policy = report.policy
    if rule in LIMITS:
        return "; ".join(_bounds(limit) for limit in policy.limits if limit.quantity == rule)
    if rule == "kinds":
        without = f"without {quoted(policy.forbidden, 'and')}" if policy.forbidden else ""
        having = f"with {quoted(policy.required, 'and')}" if policy.required else ""
        return "layers " + ", ".join(part for part in (having, without) if part)
    return {
        "sound": "the file describes a network that can be computed",
        "input": f"the input is {policy.input}",
        "output": f"the output is {policy.output}",
        "growth": "no more growth over the baseline than allowed",
        "expect": "every `expect` in the file holds",
    }[rule]


def _bounds(limit: Limit) -> str:
    quantity = LIMITS[limit.quantity]
    size = quantity.is_size
    unit = " bytes" if size else ""
    bounds = [
        f"{word} {bound:,}{unit}"
        for word, bound in (("at least", limit.least), ("at most", limit.most))
        if bound is not None
    ]
    counted = " with buffers" if limit.count == "all" else ""
    setting = f" for a batch of {limit.batch:,} in {limit.dtype}" if size else ""
    setting += f" under autocast to {limit.amp}" if limit.amp else ""
    setting += f" with {limit.optimizer}" if limit.quantity == "training-memory" else ""
    return f"{quantity.noun}{counted} {' and '.join(bounds)}{setting}"


def advice(rule: str) -> str:
    """Return what to do if a rule does not hold."""
    return _HELP[rule]


def fingerprints(report: Report) -> Iterator[list[str]]:
    """Yield, for each file, a distinct name for each of its findings.

    A name depends on path, rule, code and the words of the message, so it stays the same when lines move or figures
    change.
    """
    from hashlib import sha256

    seen: dict[str, int] = {}
    for entry in report.entries:
        path = relative(entry.path)
        own = []
        for finding in entry.findings:
            key = "\0".join((path, finding.rule, finding.code, _FIGURE.sub("#", finding.message)))
            seen[key] = seen.get(key, 0) + 1
            own.append(sha256(f"{key}\0{seen[key]}".encode("utf-8", "surrogatepass")).hexdigest()[:32])
        yield own


def advice_text(advice: Suggestion) -> str:
    """Return advice in one line: what to do, the figures before and after, and the lines to change."""
    figures = []
    for quantity, before, after in advice.figures:
        unit = " bytes" if LIMITS[quantity].is_size else ""
        figures.append(f"{LIMITS[quantity].noun} {before:,} -> {after:,}{unit}")
    where = ""
    if advice.lines:
        numbers = ", ".join(map(str, advice.lines))
        where = f" (line {numbers})" if len(advice.lines) == 1 else f" (lines {numbers})"
    return f"{show(advice.sentence, 200)}{where}: {'; '.join(figures)}"
