"""What a report of `check` is made from: the files that were checked, and the policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncalc.analyses.budget import Finding, Measured, Policy
from cnncalc.record import Record

if TYPE_CHECKING:
    from cnncalc.advice.first import Suggestion


class Entry(Record):
    """One file of the report. `status` is passed, failed, error or unreadable."""

    path: str
    status: str
    metrics: dict[str, int | str | None] | None
    measured: tuple[Measured, ...]
    findings: tuple[Finding, ...]
    ranked: Measured | None = None  # the figure of the leaderboard
    advice: Suggestion | None = None  # a change that would bring the network within its limits


class Report(Record):
    """Everything that was checked. `rules` are the applied rules in order.

    `unread` are the files in the folders whose suffix `check` does not read. `leaderboard` is the quantity by which the
    files that pass are ranked, if one was requested. `anonymous` is true if the entries have numbers instead of paths.
    """

    policy: Policy
    rules: tuple[str, ...]
    entries: Sequence[Entry]
    unread: tuple[str, ...] = ()
    leaderboard: str = ""
    anonymous: bool = False

    def count(self, *statuses: str) -> int:
        """Return the number of files with one of these statuses."""
        return sum(entry.status in statuses for entry in self.entries)

    @property
    def errors(self) -> int:
        """The number of files without a verdict, which are not sound or not readable."""
        return self.count("error", "unreadable")
