"""Networks checked against limits: what `cnncalc check` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from cnncalc.analyses.budget import Policy
from cnncalc.api.errors import CnncalcError, check_mapping, diagnostics
from cnncalc.checking.paths import collect
from cnncalc.checking.run import WorkerKilled, check_files
from cnncalc.checking.submission import ERROR, FAILED, UNREADABLE, Checked, Task, check_network, not_looked_at
from cnncalc.checking.task import TaskError, extend_policy, load_policy, make_task, rules_of
from cnncalc.loading import LoadError
from cnncalc.network import Network
from cnncalc.render.checks import FORMATS as RENDERERS
from cnncalc.render.checks import Entry, Report, render

FORMATS = tuple(RENDERERS)
Paths = str | os.PathLike[str]


class CheckReport(Report):
    """The result of a check. `str()` is the report of `cnncalc check`.

    Attributes
    ----------
    policy : cnncalc.analyses.budget.Policy
        The limits.
    entries : tuple of Entry
        One for each file: its `path`, the `status` (passed, failed, error or unreadable), the `metrics`, every limit with
        its figure (`measured`), the `findings`, which say what is wrong, and the `advice`, a change that would bring it
        within its limits, or None.
    unread : tuple of str
        Files in the folders that were not checked because of their suffix.
    """

    @property
    def passed(self) -> bool:
        """True if every file was read, computed and passed."""
        return all(entry.status == "passed" for entry in self.entries)

    @property
    def is_complete(self) -> bool:
        """True if every file could be read."""
        return not self.count(UNREADABLE)

    @property
    def has_findings(self) -> bool:
        """True if a file is invalid or violates a rule."""
        return self.count(FAILED, ERROR) > 0

    @property
    def is_limited(self) -> bool:
        """True if the check had any limit."""
        return bool(self.policy.limits) or self.rules != ("sound", "expect")

    def without_names(self) -> CheckReport:
        """Return the report with numbers instead of the names of files. The numbers reveal nothing about the names."""
        from cnncalc.render.checks.anonymous import without_names

        return CheckReport(**vars(without_names(self)))

    def to_text(self, format: str = "text") -> str:
        """Return the report in one of the formats of `cnncalc check --format`."""
        return render(format, self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as in `cnncalc check --format json`."""
        import json

        data: dict[str, Any] = json.loads(render("json", self))
        return data

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        counts = {status: self.count(status) for status in ("passed", "failed", "error", "unreadable")}
        return f"<CheckReport: {', '.join(f'{count} {status}' for status, count in counts.items() if count)}>"


def check(
    paths: Paths | Iterable[Paths],
    policy: str | os.PathLike[str] | Policy | None = None,
    *,
    limits: Mapping[str, int | str] | None = None,
    input: str | Sequence[int] | None = None,
    output: str | Sequence[int] | None = None,
    baseline: str | os.PathLike[str] | None = None,
    max_growth: str | Sequence[str] = (),
    only: Sequence[str] | None = None,
    unread: str = "note",
    metrics: bool = True,
    leaderboard: str | None = None,
    advice: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Check files from strangers against limits, which are inclusive.

    Nothing in the files is executed, and the size, nesting and steps of each are limited.

    Parameters
    ----------
    paths : path or iterable of paths
        Files, folders, patterns, or `-` for standard input.
    policy : path or Policy, optional
        A policy file.
    limits : mapping, optional
        Maximum values by the name of the limit, such as `{"params": "500k", "training-memory": "1GB"}`. Whole numbers are
        counts or bytes.
    input, output : str or sequence of int, optional
        Shapes that every network must have, channels last.
    baseline : path or str, optional
        A file, or a git revision with each file's own version, for `max_growth`.
    max_growth : str or sequence of str
        Maximum growth relative to the baseline, such as `5%` or `macs=2.5%`.
    only : sequence of str, optional
        The rules to apply; by default all.
    unread : str
        How files that are skipped because of their suffix are reported: `note` or `error`.
    metrics : bool
        Compute all figures of every network, even those without a limit.
    leaderboard : str, optional
        The quantity by which the files that pass are ranked.
    advice : bool
        Look for a change that would bring each file that is over a limit within it.
    progress : callable, optional
        Called with the number of files checked so far and the total number.

    Returns
    -------
    CheckReport
        `bool()` is True if every file passed.

    Raises
    ------
    CnncalcError
        If the policy is invalid, the baseline cannot be used, or options do not go together. A problem with a file is a
        finding, not an error.

    Examples
    --------
    >>> import cnncalc
    >>> report = cnncalc.check("architectures/lenet5.yaml", limits={"params": "100k"})
    >>> bool(report), report.entries[0].metrics["params"]
    (True, 61706)
    """
    budget = make_policy(policy, limits, input=input, output=output)
    growth = (max_growth,) if isinstance(max_growth, str) else tuple(max_growth)
    with _public_errors():
        base = None if baseline is None else os.fspath(baseline)
        task = make_task(budget, base, growth, only, metrics=metrics, ranked=leaderboard or "", advice=advice)
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not listed:
        raise CnncalcError.of("no PATH: name files or folders", "option")
    files, skipped = collect([os.fspath(path) for path in listed])
    checked = []
    with _public_errors():
        for result in check_files(files, task):
            checked.append(result)
            if progress is not None:
                progress(len(checked), len(files))
    if unread == "error":
        checked += map(not_looked_at, skipped)
        skipped = []
    return _report(budget, task, checked, skipped)


def check_one(network: Network, policy: Policy, only: Sequence[str] | None = None) -> CheckReport:
    """Check one network that is already loaded."""
    with _public_errors():
        task = make_task(policy, only=only, metrics=True, advice=True)
    return _report(policy, task, [check_network(network, network.spec, task)], [])


def make_policy(
    policy: str | os.PathLike[str] | Policy | None = None,
    limits: Mapping[str, int | str] | None = None,
    *,
    input: str | Sequence[int] | None = None,
    output: str | Sequence[int] | None = None,
) -> Policy:
    """Return a policy from a file, with limits and shapes added. `check` describes the arguments.

    Raises
    ------
    CnncalcError
        If the policy is invalid, or already sets one of the limits.
    """
    with _public_errors():
        loaded = (
            policy if isinstance(policy, Policy) else Policy() if policy is None else load_policy(os.fspath(policy))
        )
        texts = {
            name: str(bound) if isinstance(bound, str) else _exact(name, bound)
            for name, bound in check_mapping("limits", limits, '{"params": "500k"}').items()
        }
        return extend_policy(loaded, texts, _shape(input), _shape(output))


def _exact(name: str, bound: int) -> str:
    """Return a whole number as the text of a limit: bytes for a size."""
    from cnncalc.analyses.quantities import LIMITS

    if name not in LIMITS:
        raise ValueError(f"no limit named {name!r}: the limits are {', '.join(LIMITS)}")
    return f"{bound}B" if LIMITS[name].is_size else str(bound)


def _shape(shape: str | Sequence[int] | None) -> str | None:
    return shape if shape is None or isinstance(shape, str) else "x".join(map(str, shape))


def _report(policy: Policy, task: Task, checked: Sequence[Checked], skipped: Sequence[str]) -> CheckReport:
    entries = [Entry(**vars(one)) for one in checked]
    return CheckReport(policy, rules_of(task), tuple(entries), tuple(skipped), task.ranked)


@contextmanager
def _public_errors() -> Iterator[None]:
    """Turn errors about the options of a check into CnncalcError."""
    try:
        yield
    except TaskError as error:
        if error.problems:
            raise CnncalcError(diagnostics(error.problems), "policy") from error
        raise CnncalcError.of(str(error), "option" if error.usage or error.option else "limit", error.option) from error
    except LoadError as error:
        raise CnncalcError.of(str(error), "source") from error
    except WorkerKilled as error:
        raise CnncalcError.of(str(error), "limit") from error
