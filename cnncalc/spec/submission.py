"""One submission: a file from a stranger, read within limits, measured, and held against a policy."""

from __future__ import annotations

import errno
import os
import stat

from cnncalc.analyses.budget import Finding, Limit, Measured, Policy, check, growth, measure, metrics
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.problem import Problem, Refused, Source
from cnncalc.record import Record
from cnncalc.spec.file import read
from cnncalc.spec.limits import UNTRUSTED
from cnncalc.spec.tree import decode

PASSED, FAILED, ERROR, UNREADABLE = "passed", "failed", "error", "unreadable"


class Checked(Record):
    """What became of one file.

    `status` is passed, failed (a rule does not hold), error (the file is unsound) or unreadable (nothing could be said).
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
    base: Source | None = None  # the one file that all are compared with
    revision: str = ""  # or the git revision at which each file's own past is found
    only: tuple[str, ...] = ()  # the rules that count; empty: all


def check_file(path: str, task: Task) -> Checked:
    """Read, analyse and check one file. Never raises for what is in it."""
    try:
        source = decode(_bytes(path), path, UNTRUSTED)
    except OSError as error:
        finding = Finding(
            "sound",
            "unreadable",
            "error",
            f"cannot read the file: {error.strerror or error}",
            "check path and permissions",
        )
        return Checked(path, UNREADABLE, None, (), (finding,))
    except Refused as refused:
        return unsound(path, refused)
    return check_source(source, task)


def check_source(source: Source, task: Task) -> Checked:
    """Check a text that is read already."""
    try:
        analysis = analyze(read(source, limits=UNTRUSTED))
    except Refused as refused:
        return unsound(source.path, refused)
    except Exception as error:  # a fault of ours: said for this file, while the others are still checked
        finding = Finding(
            "sound", "internal-error", "error", f"internal error: {type(error).__name__}", "please report the file"
        )
        return Checked(source.path, UNREADABLE, None, (), (finding,))
    measured, findings = check(analysis, task.policy)
    if task.allowed:
        findings += _growth(analysis, source, task)
    if task.only:
        measured = [one for one in measured if one.limit.quantity in task.only]
        findings = [finding for finding in findings if finding.rule in task.only]
    unreadable = any(finding.code == "not-compared" for finding in findings)
    failed = any(finding.level == "error" for finding in findings)
    status = UNREADABLE if unreadable else FAILED if failed else PASSED
    return Checked(source.path, status, metrics(analysis), tuple(measured), tuple(findings))


def _bytes(path: str) -> bytes:
    """The bytes of a regular file, at most one more than the limit; links, pipes and devices are refused.

    Raises:
        OSError: where it cannot be read.
        Refused: `not-regular`.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK) or os.path.islink(path):
            raise _irregular("a symbolic link") from None
        if error.errno == errno.ENXIO:
            raise _irregular("a pipe or socket") from None
        raise
    with os.fdopen(handle, "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise _irregular("a folder" if stat.S_ISDIR(mode) else "a pipe or device")
        return stream.read(UNTRUSTED.file_bytes + 1)


def _irregular(what: str) -> Refused:
    return Refused([Problem("not-regular", f"the file is {what}", "submit the file itself")])


def unsound(path: str, refused: Refused) -> Checked:
    """The result for a file that is no sound specification."""
    findings = tuple(
        Finding(
            "sound",
            problem.code,
            "error",
            problem.text,
            problem.help,
            problem.where.line if problem.where is not None else None,
            problem.where.column if problem.where is not None else None,
        )
        for problem in refused.problems
    )
    return Checked(path, ERROR, None, (), findings)


def _growth(analysis: Analysis, source: Source, task: Task) -> list[Finding]:
    """Growth against the base; passing plainly where the base has no such file."""
    try:
        base = task.base if task.base is not None else at_revision(source.path, task.revision)
    except Uncomparable as error:
        return [
            Finding(
                "growth", "not-compared", "error", f"could not compare: {error}", "check the base and the repository"
            )
        ]
    if base is None:
        return []
    try:
        before = analyze(read(base, limits=UNTRUSTED))
    except Refused as refused:
        first = refused.problems[0]
        return [
            Finding(
                "growth",
                "not-compared",
                "error",
                f"could not compare: the base is unsound: {first.text}",
                "mend the base",
            )
        ]
    unknown = [quantity for quantity, _ in task.allowed if measure(before, Limit(quantity)).actual is None]
    if unknown:
        return [Finding("growth", "not-compared", "error", f"could not compare: {unknown[0]} of the base is not known")]
    return growth(analysis, before, task.allowed)


class Uncomparable(Exception):
    """The base could not be read."""


def at_revision(path: str, revision: str) -> Source | None:
    """A file as it was at a git revision, or None where that revision has no such file.

    Raises:
        Uncomparable: where git cannot say.
    """
    folder, name = os.path.split(os.path.abspath(path))
    if _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")[0]:
        raise Uncomparable(f"there is no revision {revision} in a repository around the file")
    status, listed = _git(folder, "ls-tree", "-z", "--name-only", revision, "--", f"./{name}")
    if status:
        raise Uncomparable("git could not list the revision")
    if not listed:
        return None
    status, data = _git(folder, "show", f"{revision}:./{name}")
    if status:
        raise Uncomparable("git could not read the file at the revision")
    try:
        return decode(data, f"{path}@{revision}", UNTRUSTED)
    except Refused as refused:
        raise Uncomparable(refused.problems[0].text) from None


def _git(folder: str, *words: str) -> tuple[int, bytes]:
    import subprocess

    try:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise Uncomparable(f"git: {error.strerror}") from None
    return done.returncode, done.stdout
