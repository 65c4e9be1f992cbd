"""Grades as text, CSV and JSON. Names and answers come from strangers: they stay text everywhere."""

from __future__ import annotations

import csv
from fractions import Fraction
from io import StringIO
from typing import Any

from cnncalc import __version__
from cnncalc.analyses.mistakes.table import all_mistakes
from cnncalc.render.lines import Line
from cnncalc.teaching.grading import Graded, Grades, Student
from cnncalc.teaching.tables import harmless
from cnncalc.text import plural, show

LONGEST = 100
TITLES_NAMED = 10


def points(number: Fraction) -> str:
    """Format points: whole numbers in full, others with at most two decimal places.

    >>> points(Fraction(3)), points(Fraction(7, 2)), points(Fraction(1, 3))
    ('3', '3.5', '0.33')
    """
    return str(number.numerator) if number.denominator == 1 else f"{float(number):.2f}".rstrip("0").rstrip(".")


def report(grades: Grades, glyphs: dict[str, str]) -> list[Line]:
    """Return every student with the answers that did not get all points, and the most frequent mistakes."""
    lines: list[Line] = []
    wide = max((len(show(student.name, LONGEST)) for student in grades.students), default=0)
    for student in grades.students:
        full = student.points == student.of
        variant = f"  variant {student.variant}" if student.variant else ""
        score = f"{points(student.points):>5} of {points(student.of)}"
        lines.append(
            [(f"{show(student.name, LONGEST):<{wide}}", "name"), (score, "good" if full else ""), (variant, "dim")]
        )
        for answer in student.answers:
            if not answer.full:
                lines += _wrong(answer, glyphs)
    if len(grades.students) > 1:
        of = max(student.of for student in grades.students)
        lines += [
            [],
            [(f"{plural(len(grades.students), 'student')}, mean {points(grades.mean)} of {points(of)}", "total")],
        ]
    frequent = grades.mistakes[:TITLES_NAMED]
    if frequent:
        lines += [[], [("most frequent mistakes", "name")]]
        for name, count in frequent:
            lines.append([(f"  {count:>3}  ", "total"), (f"{title(name)}", ""), (f"  {name}", "dim")])
    return lines


def _wrong(answer: Graded, glyphs: dict[str, str]) -> list[Line]:
    earned = f" ({points(answer.points)} of {points(answer.of)} points)" if answer.points else ""
    typed = show(answer.text, LONGEST) or "-"
    head = f"  {glyphs['wrong']} {show(answer.layer, LONGEST)} {answer.column}: {typed}"
    lines: list[Line] = [[(head, "bad"), (f", right is {show(answer.right, LONGEST)}{earned}", "")]]
    if answer.remark:
        lines.append([(f"      {'it is ' if answer.mistake else ''}{show(answer.remark, 400)}", "")])
    if answer.working:
        lines.append([(f"      {show(answer.working, 400)}", "dim")])
    return lines


def title(names: str) -> str:
    """Return the titles of mistakes by their names, which a teacher may have written, too."""
    kinds = all_mistakes()
    titles = [kinds[name].title if name in kinds else show(name) for name in names.split()]
    return " or ".join(titles)


def to_csv(grades: Grades) -> str:
    """Return a row per student with points and the wrong answers as text."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", "variant", "points", "of", "percent", "wrong answers"])
    for student in grades.students:
        percent = f"{float(100 * student.points / student.of):.1f}" if student.of else ""
        row = [
            student.name,
            str(student.variant),
            points(student.points),
            points(student.of),
            percent,
            _summary(student),
        ]
        writer.writerow([harmless(show(cell, 10_000)) for cell in row])
    return out.getvalue()


def _summary(student: Student) -> str:
    return "; ".join(
        f"{answer.layer} {answer.column}: {show(answer.text, LONGEST) or 'no answer'}"
        + (f" ({title(answer.mistake)})" if answer.mistake else "")
        for answer in student.answers
        if not answer.full
    )


def data(grades: Grades) -> dict[str, Any]:
    """Return grades as JSON data (the contract `cnncalc.grades/1`)."""
    return {
        "format": "cnncalc.grades/1",
        "cnncalc": __version__,
        "students": [
            {
                "student": student.name,
                "variant": student.variant,
                "points": _number(student.points),
                "of": _number(student.of),
                "answers": [_answer(answer) for answer in student.answers],
            }
            for student in grades.students
        ],
        "mistakes": [{"names": names.split(), "students": count} for names, count in grades.mistakes],
        "problems": [problem.text for problem in grades.problems],
    }


def _answer(answer: Graded) -> dict[str, Any]:
    return {
        "layer": answer.layer,
        "column": answer.column,
        "answer": answer.text,
        "right": answer.right,
        "points": _number(answer.points),
        "of": _number(answer.of),
        "mistakes": answer.mistake.split(),
        "remark": answer.remark or None,
    }


def _number(number: Fraction) -> int | float:
    return number.numerator if number.denominator == 1 else float(number)
