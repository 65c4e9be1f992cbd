"""The dialogue of a quiz: prints questions and reads answers from standard input, one per line."""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncalc.cli.display import show_lines
from cnncalc.cli.request import Request
from cnncalc.cli.run import write
from cnncalc.render.lines import Line, plain
from cnncalc.render.teaching import quiz as render

if TYPE_CHECKING:
    from cnncalc.api.teaching.material import QuizQuestion

PROMPT = "    > "
LONGEST = 10_000  # characters of an answer that are read at once
UNREADABLE = 3  # answers to one question that cannot be read before it counts as skipped


class Dialogue:
    """Asks questions and keeps the score. `copy` has the text of the dialogue."""

    def __init__(self, request: Request) -> None:
        self.copy: list[str] = []
        self.right = self.answered = self.count = 0
        self._mistakes: list[str] = []
        self._request = copy.copy(request)
        self._request.file = None  # the dialogue goes to the terminal, a copy of it to the file

    def run(self, questions: Sequence[QuizQuestion]) -> None:
        """Ask until the last question, the end of the input, or `q`."""
        self.count = len(questions)
        self._print(render.opening(self.count))
        for number, asked in enumerate(questions, 1):
            self._print(render.question(asked, number, self.count))
            if not self._ask(asked):
                return

    def finish(self, *, stopped: bool = False) -> None:
        """Print the score, on a new line if Ctrl-C stopped the dialogue in the middle of one."""
        if stopped:
            self._print([[]])
        self._print(render.score(self.right, self.answered, self.count, self._mistakes))

    def _ask(self, asked: QuizQuestion) -> bool:
        """Ask one question. Return whether to go on."""
        unreadable = 0
        while True:
            text = self._read()
            if text is None or text.lower() in ("q", "quit", "exit"):
                return False
            if text in ("?", "h", "help"):
                self._print([render.hint(asked)])
                continue
            if not text:
                self._print(render.skipped(asked))
                return True
            result = asked.check(text)
            if result.readable:
                break
            unreadable += 1
            if unreadable == UNREADABLE:
                self._print(render.skipped(asked))
                return True
            self._print([render.unreadable(asked)])
        self.answered += 1
        self.right += result.right
        self._mistakes += [mistake.title for mistake in result.mistakes[:1]]
        self._print(render.verdict(asked, text, result))
        return True

    def _read(self) -> str | None:
        """Read an answer; None at the end of the input."""
        write(PROMPT, None)
        line = sys.stdin.readline(LONGEST)
        text = line.strip()
        typed = sys.stdin.isatty()
        if not typed or not line.endswith("\n"):  # only a terminal shows what is typed, and the end of the line
            from cnncalc.text import show

            show_lines([[(show(text, 100), "")]], self._request)
        self.copy.append(PROMPT + text + "\n")
        return text if line else None

    def _print(self, lines: list[Line]) -> None:
        self.copy.append(plain(lines))
        show_lines(lines, self._request)
