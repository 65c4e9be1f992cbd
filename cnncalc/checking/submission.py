"""One submission: a file from a stranger, read within limits, measured, and held against a policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnncalc.analyses.budget import RULES, Finding, Limit, Measured, Policy, check, growth, measure, metrics
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.checking.history import NoHistory, Past
from cnncalc.network import Network
from cnncalc.problem import Refused, Source
from cnncalc.readers import Missing, ReaderOptions, read_submission, reader_of_submission
from cnncalc.readers.files import decode, opened, text
from cnncalc.readers.limits import UNTRUSTED
from cnncalc.readers.yaml.reader import read
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import show

STANDARD_INPUT = "<stdin>"
LARGEST_PAST = 64 * 2**20  # bytes of such a file as it was at a git revision, weights included
PASSED, FAILED, ERROR, UNREADABLE = "passed", "failed", "error", "unreadable"


class Checked(Record):
    """What became of one file.

    `status` is passed, failed (a rule does not hold), error (the file is unsound) or unreadable (nothing could be said).
    `metrics` are None where there is no network, and empty where nobody asked for them.
    """

    path: str
    status: str
    metrics: dict[str, int | str | None] | None
    measured: tuple[Measured, ...]
    findings: tuple[Finding, ...]


class Task(Record):
    """What every file is held against; small, so that it can be sent to another process."""

    policy: Policy
    allowed: tuple[tuple[str, int], ...] = ()  # growth in hundredths of a percent, by quantity
    before: tuple[tuple[str, int], ...] = ()  # the figures of the one file that all are compared with
    past: Past | None = None  # or the commit at which each file's own past is found
    only: tuple[str, ...] = ()  # the rules that count; empty: all
    metrics: bool = False  # are the figures of every network wanted, limited or not?


def check_file(path: str, task: Task) -> Checked:
    """Read, analyse and check one file. Never raises for what is in it."""
    if reader_of_submission(path).is_other_format:
        return _checked(path, task, lambda: model(path, task.policy.input))
    try:
        source = text(path, UNTRUSTED, links=False)
    except OSError as error:
        return missing(path, f"cannot read the file: {error.strerror or error}")
    except Refused as refused:
        return unsound(path, refused)
    return check_source(source, task)


def check_source(source: Source, task: Task) -> Checked:
    """Check a text that is read already. Never raises for what is in it."""
    return _checked(source.path, task, lambda: read(source, limits=UNTRUSTED))


def model(path: str, size: Shape | None = None, data: bytes | None = None, *, links: bool = False) -> Network:
    """The network in a stranger's file of another format; `size` is its input where the file leaves that open.

    Links are followed only where the path is not the stranger's (`links`).

    Raises:
        Refused, OSError, Missing: as the reader.
    """

    def made(inputs: dict[str, str]) -> Network:
        if data is not None:
            return read_submission(data, path, ReaderOptions(inputs, {}))
        with opened(path, links=links) as file:
            return read_submission(file, path, ReaderOptions(inputs, {}))

    try:
        return made({})
    except Refused as refused:
        if size is None or refused.problems[0].code != "unknown-size":
            raise
    return made({"": str(size)})


def _checked(path: str, task: Task, made: Callable[[], Network]) -> Checked:
    try:
        return _judged(made(), path, task)
    except Refused as refused:
        return unsound(path, refused)
    except OSError as error:
        return missing(path, f"cannot read the file: {error.strerror or error}")
    except Missing as error:
        return missing(path, str(error), "install it where the check runs")
    except Exception as error:  # a fault of ours: said for this file, while the others are still checked
        finding = Finding(
            "sound", "internal-error", "error", f"internal error: {type(error).__name__}", "please report the file"
        )
        return Checked(path, UNREADABLE, None, (), (finding,))


def _judged(network: Network, path: str, task: Task) -> Checked:
    analysis = analyze(network)
    measured, findings = check(analysis, task.policy)
    if reader_of_submission(path).is_other_format:
        findings = [_of_model(finding, task.policy) for finding in findings]
    if task.allowed:
        findings += _growth(analysis, path, task)
        findings.sort(key=lambda finding: RULES.index(finding.rule))
    if task.only:
        measured = [one for one in measured if one.limit.quantity in task.only]
        findings = [finding for finding in findings if finding.rule in task.only]
    findings = _first(findings)
    unreadable = any(finding.code == "not-compared" for finding in findings)
    failed = any(finding.level == "error" for finding in findings)
    status = UNREADABLE if unreadable else FAILED if failed else PASSED
    return Checked(path, status, metrics(analysis) if task.metrics else {}, tuple(measured), tuple(findings))


def _of_model(finding: Finding, policy: Policy) -> Finding:
    """The same finding with help for who exports a model instead of writing a specification."""
    help = {
        "wrong-input": f"export the model for an input of {policy.input}",
        "wrong-output": f"end the network with an output of {policy.output}",
    }.get(finding.code)
    return finding if help is None else Finding(finding.rule, finding.code, finding.level, finding.message, help)


def _first(findings: list[Finding]) -> list[Finding]:
    """The first findings, up to the limit; no rule loses its last one, and what is left out is counted."""
    if len(findings) <= UNTRUSTED.findings:
        return findings
    kept: list[Finding] = []
    more: dict[str, int] = {}
    for finding in findings:
        if len(kept) < UNTRUSTED.findings or not any(one.rule == finding.rule for one in kept):
            kept.append(finding)
        else:
            more[finding.rule] = more.get(finding.rule, 0) + 1
    left = [Finding(rule, "more", "error", f"and {count:,} more") for rule, count in more.items()]
    return sorted([*kept, *left], key=lambda finding: RULES.index(finding.rule))


def missing(path: str, problem: str, help: str = "check path and permissions") -> Checked:
    """The result for a path that leads to no file, or to one that nobody here can read."""
    finding = Finding("sound", "unreadable", "error", problem, help)
    return Checked(path, UNREADABLE, None, (), (finding,))


def not_looked_at(path: str) -> Checked:
    """The result for a file in a folder whose suffix is not read, where that is an error."""
    text = "the file was not looked at: its suffix is not one that `check` reads"
    finding = Finding("sound", "not-looked-at", "error", text, "submit a .yaml, .yml or .onnx file")
    return Checked(path, ERROR, None, (), (finding,))


def unsound(path: str, refused: Refused) -> Checked:
    """The result for a file that is no sound specification. Its messages do not name the file again."""
    name = f"{show(path)} "
    findings = tuple(
        Finding(
            "sound",
            problem.code,
            "error",
            f"the file {problem.text.removeprefix(name)}" if problem.text.startswith(name) else problem.text,
            problem.help,
            problem.where.line if problem.where is not None else None,
            problem.where.column if problem.where is not None else None,
        )
        for problem in refused.problems
    )
    return Checked(path, ERROR, None, (), findings)


def _growth(analysis: Analysis, path: str, task: Task) -> list[Finding]:
    """Growth against the base; none where the base has no such file."""
    try:
        before = dict(task.before) or (_before(path, task.past, task.allowed) if task.past is not None else {})
    except Uncomparable as error:
        help = "check the base and the repository"
        return [Finding("growth", "not-compared", "error", f"could not compare: {error}", help)]
    return growth(analysis, before, task.allowed) if before else []


class Uncomparable(Exception):  # said in words, not an error of the program
    """There is no telling what the base was; the text is why."""


def _before(path: str, past: Past, allowed: Sequence[tuple[str, int]]) -> dict[str, int]:
    """The figures of a file as it was; none where there was no such file.

    Raises:
        Uncomparable: where git cannot say, or the file was unsound.
    """
    if path == STANDARD_INPUT:
        raise Uncomparable("standard input has no past; name a file as the base")
    binary = reader_of_submission(path).is_other_format
    try:
        data = past.file(path, LARGEST_PAST if binary else UNTRUSTED.file_bytes)
        if data is None:
            return {}
        return figures(model(path, data=data) if binary else decode(data, path, UNTRUSTED), allowed)
    except (NoHistory, Missing) as error:
        raise Uncomparable(str(error)) from None
    except Refused as refused:
        raise Uncomparable(refused.problems[0].text) from None


def figures(base: Source | Network, allowed: Sequence[tuple[str, int]]) -> dict[str, int]:
    """What a base measures, of the quantities whose growth is limited.

    Raises:
        Uncomparable: where it is unsound, or a figure is not known.
    """
    try:
        analysis = analyze(base if isinstance(base, Network) else read(base, limits=UNTRUSTED))
    except Refused as refused:
        raise Uncomparable(f"the base is unsound: {refused.problems[0].text}") from None
    found = {}
    for quantity, _ in allowed:
        actual = measure(analysis, Limit(quantity)).actual
        if actual is None:
            raise Uncomparable(f"{quantity} of the base is not known")
        found[quantity] = actual
    return found
