"""Grade completed worksheets: points for every student, and the common mistake behind each wrong answer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from cnncalc.analyses.mistakes.question import Answer, Right
from cnncalc.problem import Problem, Refused, Source, Where
from cnncalc.record import Record
from cnncalc.teaching.answers import SHAPES, format_answer, parse_answer
from cnncalc.teaching.key import Entry
from cnncalc.teaching.tables import read_table
from cnncalc.teaching.worksheet import COLUMNS, TOTAL
from cnncalc.text import quoted, show
from cnncalc.units import Figure

Key = Mapping[tuple[int, str, str], Entry]
LEAST_ROUNDED = 10  # two significant digits
EXACT_MISTAKE = 100  # a rounded wrong answer is explained only with three
LONGEST_NAME = 100


class Graded(Record):
    """One answer with its points. `mistake` has the names of the mistakes that explain it, `remark` states what is wrong."""

    layer: str
    column: str
    text: str
    right: str
    points: Fraction
    of: Fraction
    mistake: str = ""
    remark: str = ""
    working: str = ""

    @property
    def full(self) -> bool:
        """True if the answer gets all points."""
        return self.points == self.of


class Student(Record):
    """The graded worksheet of a student."""

    name: str
    variant: int
    answers: tuple[Graded, ...]

    @property
    def points(self) -> Fraction:
        """Points of all answers."""
        return sum((answer.points for answer in self.answers), Fraction(0))

    @property
    def of(self) -> Fraction:
        """Points of all questions."""
        return sum((answer.of for answer in self.answers), Fraction(0))


class Grades(Record):
    """All students in the order of their names' first appearance, and the rows that could not be graded."""

    students: tuple[Student, ...]
    problems: tuple[Problem, ...]

    @property
    def mistakes(self) -> list[tuple[str, int]]:
        """The mistakes with the number of students who made them, the most frequent first."""
        counts: dict[str, int] = {}
        for student in self.students:
            for name in dict.fromkeys(answer.mistake for answer in student.answers if answer.mistake):
                counts[name] = counts.get(name, 0) + 1
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    @property
    def mean(self) -> Fraction:
        """The mean of the points."""
        total = sum((student.points for student in self.students), Fraction(0))
        return total / len(self.students) if self.students else Fraction(0)


class _Sheet:
    """The answers of one student to one variant, by layer and column, and the sums of the columns above the total."""

    def __init__(self, name: str, variant: int) -> None:
        self.name = name
        self.variant = variant
        self.answers: dict[tuple[str, str], str] = {}
        self.sums: dict[str, int] = {}

    def add(self, row: Mapping[str, str]) -> None:
        """Add the figures of a row to the sums, whether they were given or filled in."""
        for column in COLUMNS:
            figure = parse_answer(row.get(column, ""), COLUMNS[column].quantity)
            if isinstance(figure, Figure) and figure.value is not None:
                self.sums[column] = self.sums.get(column, 0) + figure.value


def grade(sources: Sequence[Source], key: Key, accept: str = "", *, follow: bool = False) -> Grades:
    """Grade worksheets that students have filled in.

    `accept` overrides the rules of the key for how answers are written. With `follow`, a total that is the sum of the
    student's own figures gets its points even if one of these is wrong.

    Raises:
        Refused: A file is not a table of answers.
    """
    sheets: dict[tuple[str, int], _Sheet] = {}
    problems: list[Problem] = []
    for source in sources:
        problems += _collect(source, key, sheets)
    variants: dict[int, list[Entry]] = {}
    for entry in key.values():
        variants.setdefault(entry.variant, []).append(entry)
    students = [
        Student(
            sheet.name,
            sheet.variant,
            tuple(_graded(sheet, entry, accept, follow) for entry in variants[sheet.variant]),
        )
        for sheet in sheets.values()
    ]
    return Grades(tuple(students), tuple(problems))


def _graded(sheet: _Sheet, entry: Entry, accept: str, follow: bool) -> Graded:
    text = sheet.answers.get((entry.layer, entry.column), "")
    graded = grade_answer(entry, text, accept)
    if entry.layer != TOTAL or graded.full or graded.points or not text.strip():
        return graded
    answer = parse_answer(text, COLUMNS[entry.column].quantity)
    if not isinstance(answer, Figure) or answer.value is None or answer.value != sheet.sums.get(entry.column):
        return graded
    points = graded.of if follow else graded.points
    remark = "the sum of the figures above, of which one is wrong"
    return Graded(graded.layer, graded.column, text, graded.right, points, graded.of, "", remark, graded.working)


def _collect(source: Source, key: Key, sheets: dict[tuple[str, int], _Sheet]) -> Iterator[Problem]:
    """Add the answers of one file, and return the rows that the key does not have."""
    student = os.path.splitext(os.path.basename(source.path))[0]
    variants = {entry.variant for entry in key.values()}
    unknown: set[str] = set()
    columns = [column for column in COLUMNS if any(entry.column == column for entry in key.values())]
    for number, row in read_table(
        source, required=("layer",), optional=("student", "variant"), what="a filled worksheet"
    ):
        if columns and not any(column in row for column in columns):
            text = f"{show(source.path)} has no column {quoted(columns)}, which the key asks for"
            help = "write the answers into the worksheet that `cnncalc worksheet --format csv` wrote"
            raise Refused([Problem("bad-table", text, help, where=Where(source, 1, 1))])
        student = row["student"] or student  # a name also applies to the rows below it
        where = Where(source, number, 1)
        name = show(student, LONGEST_NAME)
        text = row["variant"].strip() or (str(min(variants)) if len(variants) == 1 else "")
        if not text.isdecimal() or len(text) > 6 or int(text) not in variants:
            if text not in unknown:
                unknown.add(text)
                problem = (
                    f"{name}: the key has no variant `{show(text)}`" if text else f"{name}: the variant is missing"
                )
                yield Problem("no-such-variant", problem, "keep the column `variant` as it was", where=where)
            continue
        variant = int(text)
        sheet = sheets.setdefault((student, variant), _Sheet(student, variant))
        if row["layer"] != TOTAL:
            sheet.add(row)
        for column in COLUMNS:
            if (variant, row["layer"], column) in key and column in row:
                if (row["layer"], column) in sheet.answers:
                    yield Problem(
                        "answered-twice",
                        f"{name}: {show(row['layer'])} {column} is answered twice",
                        "keep one row",
                        where=where,
                    )
                sheet.answers.setdefault((row["layer"], column), row[column])


def grade_answer(entry: Entry, text: str, accept: str = "") -> Graded:
    """Grade one answer by an entry of the key."""
    quantity = COLUMNS[entry.column].quantity
    right = format_answer(entry.right, quantity)

    def graded(points: Fraction, mistake: str = "", remark: str = "") -> Graded:
        working = entry.working if points < entry.points else ""
        return Graded(entry.layer, entry.column, text, right, points, entry.points, mistake, remark, working)

    nothing = Fraction(0)
    if not text.strip():
        return graded(nothing, remark="no answer")
    answer = parse_answer(text, quantity)
    if answer is None:
        return graded(nothing, remark="not a shape such as 32x32x3" if quantity in SHAPES else "not a number")
    if _equal(entry.right, answer):
        rule = accept or entry.accept
        remark = _form(answer, rule)
        return graded(nothing, remark=remark) if remark else graded(entry.points)
    matching = [wrong for wrong in entry.wrong if _equal(wrong.figure, answer) and _precise(answer)]
    if matching:
        first = matching[0]
        return graded(min(first.points, entry.points), first.mistake, first.explanation)
    return graded(nothing)


def _equal(right: Right, answer: Answer) -> bool:
    """Return whether an answer is the right one, perhaps rounded."""
    if isinstance(right, int):
        return isinstance(answer, Figure) and answer.agrees(right)
    if not isinstance(answer, tuple):
        return False
    return answer == right or (len(answer) == 1 and answer * len(right) == right)


def _precise(answer: Answer) -> bool:
    return not isinstance(answer, Figure) or _is_exact(answer) or answer.digits >= EXACT_MISTAKE


def _is_exact(answer: Figure) -> bool:
    return answer.unit == 1 and not answer.places


def _form(answer: Answer, rule: str) -> str:
    """Return what is wrong with the way in which a right answer is written; empty if the rule allows it."""
    if not isinstance(answer, Figure) or rule == "rounded":
        rounded = isinstance(answer, Figure) and not _is_exact(answer) and answer.digits < LEAST_ROUNDED
        return "right, but rounded to fewer than two digits" if rounded else ""
    if not _is_exact(answer):
        return "right, but rounded; the exact number was asked for"
    return "right, but with separators; only digits were asked for" if rule == "exact" and "," in answer.text else ""
