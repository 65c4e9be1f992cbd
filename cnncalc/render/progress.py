"""Progress on standard error, for work that takes longer than a second: a bar on a terminal, a line of text in a notebook.

A pipe or a file gets none.
"""

from __future__ import annotations

import sys
import time
from threading import Lock, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.status import Status

AFTER = 1.0  # seconds


def in_notebook() -> bool:
    """Return whether this runs in the kernel of a notebook."""
    return "ipykernel" in sys.modules


class ProgressBar:
    """Context manager: call it with the number of steps done and in total, 0 if that is not known."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._start = time.monotonic()
        self._shown = sys.stderr is not None and (sys.stderr.isatty() or in_notebook())
        self._written = False  # a line of text
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._written:
            sys.stderr.write("\n")

    def __call__(self, done: int, total: int) -> None:
        """Show how much is done."""
        if not self._shown or time.monotonic() - self._start < AFTER:
            return
        if not sys.stderr.isatty():
            sys.stderr.write(f"\r{self._what} {done:,}" + (f" of {total:,}" if total else ""))
            self._written = True
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._what, total=None)
            self._bar.start()
        assert self._task is not None
        self._bar.update(self._task, completed=done, total=total or None)


class Waiting:
    """Context manager that shows a spinner on a terminal if the work inside takes longer than a second."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._timer = Timer(AFTER, self._show)
        self._timer.daemon = True
        self._lock = Lock()
        self._ended = False
        self._status: Status | None = None

    def __enter__(self) -> Waiting:
        if sys.stderr is not None and sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._status is not None:
                self._status.stop()

    def _show(self) -> None:
        from rich.console import Console

        with self._lock:
            if not self._ended:
                self._status = Console(stderr=True).status(self._what)
                self._status.start()
