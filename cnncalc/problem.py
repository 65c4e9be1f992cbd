"""The one error type, and where in the input it points. Knows nothing of YAML, layers or terminals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnncalc.record import Record

ONE_LINE = "<-e>"  # the path of a source that is a one-line network


class Source:
    """A text that was read, with the name to show for it."""

    __slots__ = ("_lines", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        """Line `number`, counted from 1; empty beyond the end."""
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines[number - 1].rstrip("\r") if 1 <= number <= len(self._lines) else ""


class Where:
    """A place in a source; line and column count from 1."""

    __slots__ = ("column", "line", "source")

    def __init__(self, source: Source, line: int, column: int) -> None:
        self.source = source
        self.line = line
        self.column = column

    def at_column(self, column: int) -> Where:
        """Another place on the same line."""
        return Where(self.source, self.line, column)


class Call(Record):
    """One step of the trail: the block that was entered, and where it was called."""

    block: str
    where: Where | None


class Problem(Exception):
    """One thing that is wrong: a stable `code`, a sentence with the user's numbers, and what to do.

    A layer raises it with the `field` at fault and no place; whoever knows the place adds `where` and `trail`.
    """

    def __init__(
        self,
        code: str,
        text: str,
        help: str = "",
        *,
        field: str | None = None,
        where: Where | None = None,
        trail: Iterable[Call] = (),
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
    """The input cannot be analysed: every problem found, and the network as far as it was built (or None)."""

    def __init__(self, problems: Iterable[Problem], partial: Any = None) -> None:
        self.problems = tuple(problems)
        self.partial = partial
        super().__init__("; ".join(str(problem) for problem in self.problems))
