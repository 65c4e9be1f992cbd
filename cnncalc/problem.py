"""The error type for mistakes in the input, and the places in the input it points to.

This module does not depend on YAML, layers or terminals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnncalc.record import Record

ONE_LINE = "<-e>"  # the path of a source that is a one-line network


class Source:
    """A text that was read, with the path or name to show for it."""

    __slots__ = ("_lines", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        """Return line `number`, counted from 1. Empty past the end of the text."""
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines[number - 1].rstrip("\r") if 1 <= number <= len(self._lines) else ""


class Where:
    """A place in a source. Lines and columns are counted from 1."""

    __slots__ = ("column", "line", "source")

    def __init__(self, source: Source, line: int, column: int) -> None:
        self.source = source
        self.line = line
        self.column = column

    def at_column(self, column: int) -> Where:
        """Return another place on the same line."""
        return Where(self.source, self.line, column)


class BlockCall(Record):
    """One entry of the trail of a problem: a block, and the place that calls it."""

    block: str
    where: Where | None


class Problem(Exception):
    """One mistake in the input: a stable `code`, a sentence with the user's numbers, and a remedy.

    A layer raises it with the name of the wrong `field`. The reader that catches it adds `where` and `trail`.
    """

    def __init__(
        self,
        code: str,
        text: str,
        help: str = "",
        *,
        field: str | None = None,
        where: Where | None = None,
        trail: Iterable[BlockCall] = (),
        level: str = "error",
    ) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.help = help
        self.field = field
        self.where = where
        self.trail = tuple(trail)
        self.level = level

    def __str__(self) -> str:
        return f"{self.text} [{self.code}]" + (f" -> {self.help}" if self.help else "")


class Refused(Exception):
    """Raised if the input cannot be analyzed, with all its problems and the part of the network built so far, or None.

    `stored` are the parameters that a checkpoint of the model stores, if they are known although the network is not.
    """

    def __init__(self, problems: Iterable[Problem], partial: Any = None, stored: Any = None) -> None:
        self.problems = tuple(problems)
        self.partial = partial
        self.stored = stored
        super().__init__("; ".join(str(problem) for problem in self.problems))
