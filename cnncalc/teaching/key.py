"""The key of worksheets as a CSV file: right answers with points, and common mistakes with their explanations.

A teacher may edit the file: change points, give part of the points for a mistake, or add a row for another answer.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from fractions import Fraction
from io import StringIO

from cnncalc.analyses.mistakes.question import Right
from cnncalc.analyses.mistakes.recognition import describe, known_mistakes
from cnncalc.problem import Problem, Refused, Source, Where
from cnncalc.record import Record
from cnncalc.teaching.answers import parse_answer, plain_answer
from cnncalc.teaching.tables import harmless, read_table
from cnncalc.teaching.worksheet import COLUMNS, Worksheet
from cnncalc.text import did_you_mean, quoted, show
from cnncalc.units import Figure

HEADER = ("variant", "layer", "column", "answer", "points", "accept", "mistake", "explanation")
ACCEPT = {
    "exact": "digits only, such as 1792",
    "separators": "also 1,792",
    "rounded": "also figures such as 1.8k that are rounded correctly to at least two digits",
}
MOST_POINTS = 1000


class WrongAnswer(Record):
    """A wrong answer that the key knows, with the names of its mistakes."""

    figure: Right
    points: Fraction
    mistake: str
    explanation: str


class Entry(Record):
    """One blank of a worksheet: the right answer, its points, how it may be written, and known wrong answers."""

    variant: int
    layer: str
    column: str
    right: Right
    points: Fraction
    accept: str
    working: str
    wrong: tuple[WrongAnswer, ...]


def key_csv(sheets: Iterable[Worksheet]) -> str:
    """Write the key of some worksheets."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for sheet in sheets:
        for row, cell in sheet.blanks:
            question = cell.question
            assert question is not None
            place = (str(sheet.variant), row.label, cell.column)
            rows = [(*place, plain_answer(question.right), "1", sheet.accept, "", "; ".join(cell.working))]
            for figure, mistakes in known_mistakes(question).items():
                names = " ".join(mistake.name for mistake in mistakes)
                rows.append((*place, plain_answer(figure), "0", "", names, describe(mistakes)))
            writer.writerows([harmless(text) for text in line] for line in rows)
    return out.getvalue()


def read_key(source: Source) -> dict[tuple[int, str, str], Entry]:
    """Read a key by variant, layer and column.

    Raises:
        Refused: If it is not a key, or a row is wrong.
    """
    table = read_table(source, required=HEADER[:5], optional=HEADER[5:], what="a key")
    right: dict[tuple[int, str, str], tuple[Sequence[str], int]] = {}
    wrong: dict[tuple[int, str, str], list[WrongAnswer]] = {}
    order: list[tuple[int, str, str]] = []
    problems: list[Problem] = []
    for number, row in table:
        try:
            place, answer, points = _row(row)
        except Problem as problem:
            problem.where = Where(source, number, 1)
            problems.append(problem)
            continue
        if row["mistake"] or (place in right and not points):
            wrong.setdefault(place, []).append(WrongAnswer(answer, points, row["mistake"], row["explanation"]))
        elif place in right:  # another answer that gets points
            wrong.setdefault(place, []).append(WrongAnswer(answer, points, "", row["explanation"]))
        else:
            right[place] = (tuple(row.values()), number)
            order.append(place)
    if problems:
        raise Refused(problems)
    entries = {}
    for place in order:
        row = dict(zip(HEADER, right[place][0], strict=True))
        _, answer, points = _row(row)
        accept = row["accept"] or "separators"
        entries[place] = Entry(*place, answer, points, accept, row["explanation"], tuple(wrong.get(place, ())))
    orphans = [place for place in wrong if place not in entries]
    if orphans:
        variant, layer, column = orphans[0]
        text = f"variant {variant}, {show(layer)} {column}: the key has mistakes but no right answer"
        raise Refused([Problem("bad-answer-key", text, "add a row with an empty `mistake`", where=Where(source, 1, 1))])
    if not entries:
        raise Refused(
            [Problem("bad-answer-key", f"{show(source.path)} has no answers", "write it with `worksheet --key`")]
        )
    return entries


def _row(row: dict[str, str]) -> tuple[tuple[int, str, str], Right, Fraction]:
    if not row["variant"].isdecimal() or len(row["variant"]) > 6:
        raise Problem(
            "bad-answer-key", f"the variant `{show(row['variant'])}` is not a number", "write 0 if there is only one"
        )
    column = row["column"].strip().lower()
    if column not in COLUMNS:
        help = did_you_mean(column, COLUMNS) or f"the columns are {quoted(COLUMNS)}"
        raise Problem("bad-answer-key", f"no column is named `{show(column)}`", help)
    answer = parse_answer(row["answer"], COLUMNS[column].quantity)
    right = answer.value if isinstance(answer, Figure) else answer
    if right is None:
        what = "a shape such as `32x32x3`" if column in ("output", "rf") else "a number such as `1792`"
        raise Problem("bad-answer-key", f"the answer `{show(row['answer'])}` cannot be read", f"write {what}")
    if row.get("accept", "") not in ("", *ACCEPT):
        raise Problem("bad-answer-key", f"`{show(row['accept'])}` is not a rule", f"the rules are {quoted(ACCEPT)}")
    return (int(row["variant"]), row["layer"], column), right, _points(row["points"])


def _points(text: str) -> Fraction:
    """Read points such as `1`, `0.5` or `1/2`."""
    try:
        points = Fraction(text.strip()) if len(text) < 10 and "e" not in text.lower() else Fraction(-1)
    except (ValueError, ZeroDivisionError):
        points = Fraction(-1)
    if not 0 <= points <= MOST_POINTS:
        help = f"write a number from 0 to {MOST_POINTS:,}, such as 1 or 0.5"
        raise Problem("bad-answer-key", f"`{show(text)}` is not a number of points", help)
    return points
