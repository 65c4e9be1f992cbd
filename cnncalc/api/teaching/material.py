"""Worksheets, grades and questions: what `cnncalc worksheet`, `grade` and `quiz` do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from cnncalc.analyses.mistakes.recognition import Mistake
from cnncalc.api.errors import CnncalcError, check_count, check_text, check_whole
from cnncalc.api.guard import public_errors
from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.record import Record
from cnncalc.render.worksheets import FORMATS, render
from cnncalc.teaching.grading import Grades
from cnncalc.teaching.grading import grade as grade_sources
from cnncalc.teaching.key import ACCEPT
from cnncalc.teaching.quiz import MOST_QUESTIONS, QUESTIONS, TOPICS, Asked, NoQuestions, Verdict, judge
from cnncalc.teaching.quiz import quiz as make_quiz
from cnncalc.teaching.worksheet import Worksheet

__all__ = ["FORMATS", "TOPICS", "GradeReport", "Mistake", "QuizQuestion", "Verdict", "Worksheets", "grade", "quiz"]

Paths = str | os.PathLike[str]
LARGEST_TABLE = 256 * 2**20  # bytes


class Worksheets(Record):
    """Worksheets about a network or its variants. `str()` is what `cnncalc worksheet` prints.

    Attributes
    ----------
    sheets : tuple of Worksheet
        One for each variant, with its `title`, `variant`, `rows` and `blanks`.
    """

    sheets: tuple[Worksheet, ...]

    def to_text(self, format: str = "markdown") -> str:
        """Return the worksheets as markdown, latex, html, csv or json."""
        return render(check_word("format", format, FORMATS), self.sheets)

    def key(self, format: str = "markdown") -> str:
        """Return the answers with their working in one of these formats. `cnncalc.grade` reads csv."""
        return render(check_word("format", format, FORMATS), self.sheets, key=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the worksheets as plain data: the contract `cnncalc.worksheet/1`."""
        from cnncalc.render.worksheets.json import data

        return data(self.sheets, False)

    def __iter__(self) -> Iterator[Worksheet]:
        return iter(self.sheets)

    def __len__(self) -> int:
        return len(self.sheets)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        blanks = sum(len(sheet.blanks) for sheet in self.sheets)
        return f"<Worksheets: {len(self)} about {self.sheets[0].title!r}, {blanks} blanks>"


class GradeReport(Grades):
    """The grades of students. `str()` is the report of `cnncalc grade`.

    Attributes
    ----------
    students : tuple of Student
        Each with `name`, `variant`, `points`, `of` and `answers`. An answer has its `text`, its `points`, the `right` answer,
        the names of the mistakes that explain it (`mistake`), and a `remark`.
    problems : tuple of Problem
        Rows that could not be graded.
    """

    def to_csv(self) -> str:
        """Return a row per student with points and the wrong answers."""
        from cnncalc.render.teaching.grades import to_csv

        return to_csv(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data: the contract `cnncalc.grades/1`."""
        from cnncalc.render.teaching.grades import data

        return data(self)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.students)

    def __len__(self) -> int:
        return len(self.students)

    def __str__(self) -> str:
        from cnncalc.render.lines import UNICODE, plain
        from cnncalc.render.teaching.grades import report

        return plain(report(self, UNICODE))

    def __repr__(self) -> str:
        return f"<GradeReport: {len(self)} students>"


class QuizQuestion(Asked):
    """One question of a quiz: the lines that state it (`text`), its right `answer`, and a `hint` with the formula."""

    def check(self, answer: str) -> Verdict:
        """Judge a typed answer.

        Returns
        -------
        Verdict
            Whether the answer is `readable` and `right`, and the `mistakes` that give exactly this answer.
        """
        check_text("an answer", answer)
        return judge(self, answer)

    def __str__(self) -> str:
        return "\n".join(self.text)


def grade(
    answers: Paths | Iterable[Paths], key: Paths, *, accept: str | None = None, follow: bool = False
) -> GradeReport:
    """Grade worksheets that students have filled in.

    Parameters
    ----------
    answers : path or iterable of paths
        CSV files that `Network.worksheet(...).to_text("csv")` wrote, filled in.
    key : path
        The CSV file that `Network.worksheet(...).key("csv")` wrote, possibly with edited points.
    accept : str, optional
        How numbers may be written, overriding the key: `exact`, `separators` or `rounded`.
    follow : bool
        Give the points for a total that is the sum of the student's own figures, even if one of them is wrong.

    Raises
    ------
    CnncalcError
        If a file cannot be read, or is not a worksheet or key.
    """
    from cnncalc.teaching.key import read_key

    if accept is not None:
        check_word("accept", accept, ACCEPT)
    paths = [answers] if isinstance(answers, (str, os.PathLike)) else list(answers)
    with public_errors():
        entries = read_key(_source(key))
        grades = grade_sources([_source(path) for path in paths], entries, accept or "", follow=follow)
    return GradeReport(grades.students, grades.problems)


def _source(path: Paths) -> Source:
    """Read a table, which may be as long as the key for many variants of a deep network.

    Raises:
        CnncalcError, Refused: It cannot be read.
    """
    from cnncalc.problem import Refused
    from cnncalc.readers.files import text
    from cnncalc.readers.limits import Limits
    from cnncalc.text import show

    try:
        return text(os.fspath(path), Limits(file_bytes=LARGEST_TABLE))
    except OSError as error:
        raise CnncalcError.of(f"cannot read {show(os.fspath(path))}: {error.strerror}", "source") from None
    except Refused as refused:
        for problem in refused.problems:
            if problem.code == "too-large":
                problem.help = "split it into several files"
        raise


def quiz(
    count: int = QUESTIONS, *, topic: str | None = None, seed: int = 0, network: Network | None = None
) -> list[QuizQuestion]:
    """Return questions about made-up layers, or about the layers of a network.

    Parameters
    ----------
    count : int
        How many questions. A network may have fewer.
    topic : str, optional
        `shapes`, `params`, `receptive-field` or `memory`; by default all in turn.
    seed : int
        The same seed gives the same questions everywhere.

    Raises
    ------
    CnncalcError
        If the network offers no questions on the topic.

    Examples
    --------
    >>> import cnncalc
    >>> (question,) = cnncalc.quiz(1, topic="params", seed=5)
    >>> print(question)
    conv, K = 6, F = 3, S = 1, P = 1, on an input of 64x64x48
    How many parameters does it have?
    >>> [mistake.name for mistake in question.check("2592").mistakes]
    ['no-bias']
    """
    if topic is not None:
        check_word("topic", topic, TOPICS)
    check_count("count", count, MOST_QUESTIONS)
    check_whole("seed", seed)
    try:
        return [QuizQuestion(**vars(asked)) for asked in make_quiz(count, seed, topic or "", network)]
    except NoQuestions as error:
        raise CnncalcError.of(str(error), "limit") from None


def check_word(name: str, value: str, known: Iterable[str]) -> str:
    """Return an argument if it is one of the known words.

    Raises:
        ValueError: It is not.
    """
    words = list(known)
    if value not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}, not {value!r}")
    return value
