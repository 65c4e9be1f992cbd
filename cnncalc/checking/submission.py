"""Checking of one submission: a stranger's file is read within limits, measured, and compared with a policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cnncalc import shelf
from cnncalc.analyses.budget import RULES, Finding, Limit, Measured, Policy, check, growth, measure, metrics
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.checking.history import Commit, NoHistory
from cnncalc.checking.paths import ANY_SUFFIX
from cnncalc.network import Network
from cnncalc.problem import Refused, Source
from cnncalc.readers import Missing, ReaderOptions, read_submission, reader_of_submission
from cnncalc.readers.files import decode, opened, text
from cnncalc.readers.limits import UNTRUSTED
from cnncalc.readers.yaml.reader import read
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import show

if TYPE_CHECKING:
    from cnncalc.advice.first import Suggestion

STANDARD_INPUT = "<stdin>"
LARGEST_PAST = 64 * 2**20  # bytes of a model at a git revision, including its weights
PASSED, FAILED, ERROR, UNREADABLE = "passed", "failed", "error", "unreadable"


class Checked(Record):
    """The result for one file.

    `status` is passed, failed (a rule is violated), error (the file is invalid) or unreadable (cnncalc could not check it).
    `metrics` is None if there is no network, and empty if the task does not ask for metrics.
    """

    path: str
    status: str
    metrics: dict[str, int | str | None] | None
    measured: tuple[Measured, ...]
    findings: tuple[Finding, ...]
    ranked: Measured | None = None  # the figure of the leaderboard, if the task asks for one and there is a network
    advice: Suggestion | None = None  # a change that would bring the network within its limits


class Task(Record):
    """What to check in every file. It is small, so that it can be sent to another process."""

    policy: Policy
    allowed: tuple[tuple[str, int], ...] = ()  # maximum growth by quantity, in hundredths of a percent
    before: tuple[tuple[str, int], ...] = ()  # figures of the baseline file, if it is one file
    commit: Commit | None = None  # the commit with the baseline of each file, if it is a git revision
    only: tuple[str, ...] = ()  # the rules to apply; empty means all
    metrics: bool = False  # whether to report all figures of a network, limited or not
    ranked: str = ""  # the quantity of the leaderboard
    advice: bool = False  # whether to look for a change that would bring a network that fails within its limits


def check_file(path: str, task: Task) -> Checked:
    """Read, analyse and check one file. No content of the file makes this raise."""
    if reader_of_submission(path).is_other_format:
        return _check(path, task, lambda: model(path, task.policy.input))
    try:
        source = text(path, UNTRUSTED, links=False)
    except OSError as error:
        return missing(path, f"cannot read the file: {error.strerror or error}")
    except Refused as refused:
        return unsound(path, refused)
    return check_source(source, task)


def check_source(source: Source, task: Task) -> Checked:
    """Check a text that has been read already. No content of the text makes this raise."""
    return _check(source.path, task, lambda: read(source, limits=UNTRUSTED))


def check_network(network: Network, path: str, task: Task) -> Checked:
    """Check a network that has been read already. `path` is its name in the report."""
    return _check(path, task, lambda: network)


def model(path: str, size: Shape | None = None, data: bytes | None = None, *, links: bool = False) -> Network:
    """Read the network in a stranger's file of another format. `size` is its input shape if the file leaves that open.

    Set `links` to follow links, which is safe only if the path does not come from the stranger.

    Raises:
        Refused, OSError, Missing: As the reader.
    """

    def read_with(inputs: dict[str, str]) -> Network:
        if data is not None:
            return read_submission(data, path, ReaderOptions(inputs, {}))
        with opened(path, links=links) as file:
            return read_submission(file, path, ReaderOptions(inputs, {}))

    try:
        return read_with({})
    except Refused as refused:
        if size is None or refused.problems[0].code != "unknown-size":
            raise
    return read_with({"": str(size)})


def _check(path: str, task: Task, load: Callable[[], Network]) -> Checked:
    try:
        return _apply_rules(load(), path, task)
    except Refused as refused:
        return unsound(path, refused)
    except OSError as error:
        return missing(path, f"cannot read the file: {error.strerror or error}")
    except Missing as error:
        return missing(path, str(error), "install it on the machine that runs the check")
    except Exception as error:  # an error in cnncalc itself, which must not stop the check of the other files
        return _internal_error(path, error)


def _internal_error(path: str, error: Exception) -> Checked:
    """The result for a file on which cnncalc itself fails. It is never a verdict about the file."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.split(".")[0] == "cnncalc":
            place = f" in {module}, line {trace.tb_lineno}"
        trace = trace.tb_next
    text = f"internal error: {type(error).__name__}{place}"
    help = "this is a bug in cnncalc and not a mistake in the file: please open an issue with this message and the file"
    return Checked(path, UNREADABLE, None, (), (Finding("sound", "internal-error", "error", text, help),))


def _apply_rules(network: Network, path: str, task: Task) -> Checked:
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
    all_findings, findings = findings, _limit_findings(findings)
    unreadable = any(finding.code == "not-compared" for finding in findings)
    failed = any(finding.level == "error" for finding in findings)
    status = UNREADABLE if unreadable else FAILED if failed else PASSED
    shown = metrics(analysis) if task.metrics else {}
    advice = _advice(analysis, all_findings, task) if task.advice and status == FAILED else None
    return Checked(path, status, shown, tuple(measured), tuple(findings), _ranked(analysis, task), advice)


def _advice(analysis: Analysis, findings: Sequence[Finding], task: Task) -> Suggestion | None:
    """A change that would bring a network within its limits. It is imported here, because files that pass need none."""
    if not any(finding.code == "over-budget" for finding in findings):
        return None
    from cnncalc.advice.first import first_suggestion

    return first_suggestion(analysis, task.policy, findings, task.only or RULES)


def _ranked(analysis: Analysis, task: Task) -> Measured | None:
    """The figure of the leaderboard, measured as the policy's limit on it, if there is one."""
    if not task.ranked:
        return None
    limits = [limit for limit in task.policy.limits if limit.quantity == task.ranked]
    return measure(analysis, limits[0] if limits else Limit(task.ranked))


def _of_model(finding: Finding, policy: Policy) -> Finding:
    """The same finding with help for a model, which is exported and not written by hand."""
    help = {
        "wrong-input": f"export the model for an input of {policy.input}",
        "wrong-output": f"end the network with an output of {policy.output}",
    }.get(finding.code)
    return finding if help is None else Finding(finding.rule, finding.code, finding.level, finding.message, help)


def _limit_findings(findings: list[Finding]) -> list[Finding]:
    """The first findings up to the limit, at least one for each rule, and the number of omitted findings."""
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


def missing(path: str, problem: str, help: str = "check the path and its permissions") -> Checked:
    """The result for a path without a file, or with a file that cannot be read."""
    if shelf.path(path) is not None:
        help = f"`check` reads files: write the shipped architecture to one with `cnncalc show {path} -o {path}.yaml`"
    finding = Finding("sound", "unreadable", "error", problem, help)
    return Checked(path, UNREADABLE, None, (), (finding,))


def not_looked_at(path: str) -> Checked:
    """The result for a file whose suffix `check` does not read, if that is an error."""
    text = "the file was not checked, because `check` does not read files with this suffix"
    finding = Finding("sound", "not-looked-at", "error", text, f"submit a {ANY_SUFFIX} file")
    return Checked(path, ERROR, None, (), (finding,))


def unsound(path: str, refused: Refused) -> Checked:
    """The result for a file that is not a valid specification. Its messages do not repeat the name of the file."""
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
    """The findings about growth over the baseline; none if the baseline has no such file."""
    try:
        before = dict(task.before) or (
            _baseline_figures(path, task.commit, task.allowed) if task.commit is not None else {}
        )
    except Uncomparable as error:
        help = "check the baseline and the repository"
        return [Finding("growth", "not-compared", "error", f"could not compare: {error}", help)]
    return growth(analysis, before, task.allowed) if before else []


class Uncomparable(Exception):
    """The figures of the baseline are unknown; the text is the reason."""


def _baseline_figures(path: str, commit: Commit, allowed: Sequence[tuple[str, int]]) -> dict[str, int]:
    """The figures of a file at the baseline's commit; none if the commit has no such file.

    Raises:
        Uncomparable: If git cannot provide the file, or the file was invalid.
    """
    if path == STANDARD_INPUT:
        raise Uncomparable("standard input has no git history: use a file as the baseline")
    binary = reader_of_submission(path).is_other_format
    try:
        data = commit.file(path, LARGEST_PAST if binary else UNTRUSTED.file_bytes)
        if data is None:
            return {}
        return figures(model(path, data=data) if binary else decode(data, path, UNTRUSTED), allowed)
    except (NoHistory, Missing) as error:
        raise Uncomparable(str(error)) from None
    except Refused as refused:
        raise Uncomparable(refused.problems[0].text) from None


def figures(baseline: Source | Network, allowed: Sequence[tuple[str, int]]) -> dict[str, int]:
    """The figures of a baseline for the quantities whose growth is limited.

    Raises:
        Uncomparable: If the baseline is invalid, or a figure is unknown.
    """
    try:
        analysis = analyze(baseline if isinstance(baseline, Network) else read(baseline, limits=UNTRUSTED))
    except Refused as refused:
        raise Uncomparable(f"the baseline is invalid: {refused.problems[0].text}") from None
    result = {}
    for quantity, _ in allowed:
        actual = measure(analysis, Limit(quantity)).actual
        if actual is None:
            raise Uncomparable(f"{quantity} of the baseline is unknown")
        result[quantity] = actual
    return result
