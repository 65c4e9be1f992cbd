"""Grading: points by the rules of the key, the mistake behind each wrong answer, and tables from any spreadsheet."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.mistakes.question import ask
from cnncalc.analyses.mistakes.recognition import known_mistakes, recognize
from cnncalc.problem import Refused, Source
from cnncalc.render.worksheets import render
from cnncalc.teaching.answers import parse_answer, plain_answer
from cnncalc.teaching.grading import Grades, grade
from cnncalc.teaching.key import read_key
from cnncalc.teaching.worksheet import worksheets
from cnncalc.units import parse_count
from tests.teaching.networks import exam, hostile

HEADER = "variant,layer,column,answer,points,accept,mistake,explanation\n"
KEY = HEADER + (
    "0,conv1,params,1216,2,separators,,F*F*C*K + K\n"
    "0,conv1,params,1200,0.5,,no-bias,weights without the biases\n"
    "0,conv1,output,32x32x16,1,,,\n"
    "0,conv1,output,28x28x16,0,,no-padding,the figure without padding\n"
)


def graded(answers: str, key: str = KEY, **options: Any) -> Grades:
    """Grade answers with a key."""
    return grade([Source("answers.csv", answers)], read_key(Source("key.csv", key)), **options)


def points_of(answer: str, column: str = "params", key: str = KEY, accept: str = "") -> tuple[Fraction, str]:
    """Return the points and remark of one answer."""
    table = StringIO()
    csv.writer(table).writerows([["student", "layer", column], ["Ada", "conv1", answer]])
    (student,) = graded(table.getvalue(), key, accept=accept).students
    (found,) = [one for one in student.answers if one.column == column]
    return found.points, found.remark


@pytest.mark.parametrize(
    ("answer", "accept", "points", "remark"),
    [
        ("1216", "exact", 2, ""),
        (" 1216 ", "exact", 2, ""),
        ("1,216", "exact", 0, "right, but with separators; only digits were asked for"),
        ("1,216", "", 2, ""),
        ("1.22k", "", 0, "right, but rounded; the exact number was asked for"),
        ("1.22k", "rounded", 2, ""),
        ("1.2k", "rounded", 2, ""),
        ("1k", "rounded", 0, "right, but rounded to fewer than two digits"),
        ("1216", "rounded", 2, ""),
        ("1200", "", Fraction(1, 2), "weights without the biases"),
        ("1,200", "exact", Fraction(1, 2), "weights without the biases"),
        ("1.20k", "", Fraction(1, 2), "weights without the biases"),
        ("1217", "", 0, ""),
        ("", "", 0, "no answer"),
        ("   ", "", 0, "no answer"),
        ("=1216", "", 0, "not a number"),
        ("=SUM(A1:A9)", "", 0, "not a number"),
        ("1e3", "", 0, "not a number"),
        ("1.216", "", 0, ""),
        ("12,16", "", 0, "not a number"),
        ("\x1b[31m1216", "", 0, "not a number"),
        ("1216" * 100, "", 0, "not a number"),
    ],
)
def test_numbers(answer: str, accept: str, points: Fraction, remark: str) -> None:
    """Separators and rounding only where the rule allows them; part of the points where the key gives them."""
    assert points_of(answer, accept=accept) == (points, remark)


@pytest.mark.parametrize(
    ("answer", "points", "remark"),
    [
        ("32x32x16", 1, ""),
        ("32 x 32 x 16", 1, ""),
        ("(32, 32, 16)", 1, ""),
        ("[32,32,16]", 1, ""),
        ("32 × 32 × 16", 1, ""),
        ("32*32*16", 1, ""),
        ("32X32X16", 1, ""),
        ("32 32 16", 1, ""),
        ("28x28x16", 0, "the figure without padding"),
        ("32x16", 0, ""),
        ("32x32", 0, ""),
        ("big", 0, "not a shape such as 32x32x3"),
        ("0x32x16", 0, "not a shape such as 32x32x3"),
        ("32x", 0, "not a shape such as 32x32x3"),
    ],
)  # fmt: skip
def test_shapes(answer: str, points: int, remark: str) -> None:
    """However their sizes are separated."""
    assert points_of(answer, "output") == (points, remark)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_of_any_spreadsheet(separator: str, end: str) -> None:
    """Other columns and empty rows are ignored, and columns may be in any order."""
    rows = [["Layer", "note", "PARAMS", "student"], ["conv1", "x; y", "1216", "Ada"], ["", "", "", ""]]
    text = end.join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    (student,) = graded(text.replace("\r\n", "\n")).students
    assert (student.name, student.points, student.of) == ("Ada", 2, 3)


def test_one_name_stands_for_the_rows_below() -> None:
    """And the name of the file, without its suffix, for rows above the first name."""
    text = "student,layer,output,params\n,conv1,32x32x16,\nBob,conv1,,1216\n,conv1,28x28x16,\n"
    found = graded(text)
    assert [(student.name, student.points) for student in found.students] == [("answers", 1), ("Bob", 2)]
    assert [problem.code for problem in found.problems] == ["answered-twice", "answered-twice"]


def test_a_table_without_the_columns_of_the_key_is_refused() -> None:
    """It would otherwise get no points for answers that are in other columns."""
    with pytest.raises(Refused, match="has no column `output` or `params`, which the key asks for"):
        graded("student,layer,column,answer\nAda,conv1,params,1216\n")
    assert graded("student,layer,params\nAda,conv1,1216\n").students[0].points == 2


def test_a_variant_that_the_key_does_not_have() -> None:
    """It is reported once, and the others are graded."""
    text = "student,variant,layer,params\nAda,0,conv1,1216\nBob,7,conv1,1\nBob,7,conv2,1\nEve,x,conv1,1\n"
    found = graded(text)
    assert [student.name for student in found.students] == ["Ada"]
    assert [problem.text for problem in found.problems] == [
        "Bob: the key has no variant `7`", "Eve: the key has no variant `x`",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "has no columns `variant`, `layer`, `column`, `answer` and `points`"),
        (HEADER, "has no answers"),
        (HEADER + "x,conv1,params,1,1,,,\n", "the variant `x` is not a number"),
        (HEADER + "0,conv1,parms,1,1,,,\n", "no column is named `parms`"),
        (HEADER + "0,conv1,params,many,1,,,\n", "the answer `many` cannot be read"),
        (HEADER + "0,conv1,output,5,x,,,\n", "`x` is not a number of points"),
        (HEADER + "0,conv1,output,5,1e9,,,\n", "`1e9` is not a number of points"),
        (HEADER + "0,conv1,output,5,-1,,,\n", "`-1` is not a number of points"),
        (HEADER + "0,conv1,output,5,1/0,,,\n", "`1/0` is not a number of points"),
        (HEADER + "0,conv1,params,1,1,loosely,,\n", "`loosely` is not a rule"),
        (HEADER + "0,conv1,params,1,0,,no-bias,\n", "the key has mistakes but no right answer"),
        (HEADER + '0,"conv1\n', "no column is named ``"),
    ],
)
def test_a_key_that_is_wrong(key: str, message: str) -> None:
    with pytest.raises(Refused) as caught:
        read_key(Source("key.csv", key))
    assert message in str(caught.value)


def test_the_key_of_a_worksheet_gives_all_points_to_its_own_answers() -> None:
    """For hostile names too; and each known mistake is explained as in the key."""
    sheets = worksheets(hostile(), ("output", "params", "memory", "rf"), variants=2, accept="exact")
    key = read_key(Source("key.csv", render("csv", sheets, key=True)))
    rows = list(csv.reader(StringIO(render("csv", sheets))))
    for row in rows[1:]:
        row[0] = "Ada"
        for number, column in enumerate(rows[0]):
            entry = key.get((int(row[1]), row[2].removeprefix("'"), column))
            if entry is not None:
                row[number] = plain_answer(entry.right)
    text = StringIO()
    csv.writer(text).writerows(rows)
    found = grade([Source("a.csv", text.getvalue())], key)
    assert [(student.points, student.of) for student in found.students] == [
        (len(sheet.blanks), len(sheet.blanks)) for sheet in sheets
    ]
    assert found.problems == ()


def test_known_mistakes_are_those_that_are_recognized() -> None:
    """The figures in a key, and what is recognized from an answer, cannot disagree."""
    (sheet,) = worksheets(exam(), ("output", "params", "macs", "activations", "rf"))
    for _, cell in sheet.blanks:
        assert cell.question is not None
        for figure, mistakes in known_mistakes(cell.question).items():
            answer = figure if isinstance(figure, tuple) else parse_count(str(figure))
            assert answer is not None
            names = [mistake.name for mistake in recognize(cell.question, answer)]
            assert [mistake.name for mistake in mistakes] == names
    question = ask(sheet.analysis, "params")
    assert question is not None
    assert question.right not in known_mistakes(question)


def test_a_total_that_follows() -> None:
    """The sum of the student's own figures, with points only if asked for."""
    (sheet,) = worksheets(exam(), ("params",))
    key = render("csv", [sheet], key=True)
    text = "student,layer,params\nAda,conv1,1200\n,conv2,4640\n,fc1,15690\n,total,21530\n"
    for follow, points in ((False, 2), (True, 3)):
        (student,) = graded(text, key, follow=follow).students
        assert student.points == points
        (total,) = [answer for answer in student.answers if answer.layer == "total"]
        assert total.remark == "the sum of the figures above, of which one is wrong"


@pytest.mark.parametrize("text", ["32x32x3", "1,792", "1.79k", "(1, 2)", "512 B", "x", "=1", "", "7"])
@pytest.mark.parametrize("quantity", ["output", "receptive_field", "params", "memory"])
def test_answers_are_read_or_refused(text: str, quantity: str) -> None:
    """No text raises an error."""
    answer = parse_answer(text, quantity)
    assert answer is None or isinstance(answer, tuple) == (quantity in ("output", "receptive_field"))


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def here(ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a command line in a folder with a key and answers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key.csv").write_text(KEY, encoding="utf-8")
    answers = "student,layer,output,params\n=HYPERLINK(1),conv1,28x28x16,1200\nAda\x1b[2J,conv1,32x32x16,1216\n"
    (tmp_path / "answers.csv").write_text(answers, encoding="utf-8-sig")
    return ended


def test_the_report(here: Any) -> None:
    done = here("grade", "answers.csv", "--key", "key.csv")
    assert (done.status, done.err) == (0, "")
    assert done.lines[:6] == [
        "=HYPERLINK(1)  0.5 of 3",
        "  ✗ conv1 params: 1200, right is 1,216 (0.5 of 2 points)",
        "      it is weights without the biases",
        "      F*F*C*K + K",
        "  ✗ conv1 output: 28x28x16, right is 32x32x16",
        "      it is the figure without padding",
    ]
    assert done.lines[6] == "Ada\\x1b[2J       3 of 3"
    assert "2 students, mean 1.75 of 3" in done.lines
    assert "    1  biases left out  no-bias" in done.lines


def test_csv_and_json(here: Any) -> None:
    """No cell is a formula; JSON has every answer."""
    rows = list(csv.reader(StringIO(here("grade", "answers.csv", "--key", "key.csv", "--format", "csv").out)))
    assert rows[1][:5] == ["'=HYPERLINK(1)", "0", "0.5", "3", "16.7"]
    assert rows[1][5] == "conv1 params: 1200 (biases left out); conv1 output: 28x28x16 (padding left out)"
    assert rows[2] == ["Ada\\x1b[2J", "0", "3", "3", "100.0", ""]
    data = json.loads(here("grade", "answers.csv", "--key", "key.csv", "--format", "json").out)
    assert data["format"] == "cnncalc.grades/1"
    assert [(one["student"], one["points"], one["of"]) for one in data["students"]] == [
        ("=HYPERLINK(1)", 0.5, 3), ("Ada\x1b[2J", 3, 3),
    ]  # fmt: skip
    assert data["students"][0]["answers"][0] == {
        "layer": "conv1", "column": "params", "answer": "1200", "right": "1,216", "points": 0.5, "of": 2,
        "mistakes": ["no-bias"], "remark": "weights without the biases",
    }  # fmt: skip
    assert data["mistakes"] == [{"names": ["no-bias"], "students": 1}, {"names": ["no-padding"], "students": 1}]


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("missing.csv --key key.csv", 2, "cannot read missing.csv"),
        ("answers.csv --key missing.csv", 2, "cannot read missing.csv"),
        ("answers.csv", 2, "missing option '--key'"),
        ("--key key.csv", 2, "missing argument 'ANSWERS...'"),
        (". --key key.csv", 2, ". is a folder"),
        ("sheet.csv --key key.csv", 0, ""),
        ("key.csv --key key.csv", 1, "key.csv has no column `output` or `params`, which the key asks for"),
        ("answers.csv --key answers.csv", 1, "[bad-table]"),
        ("other.csv --key key.csv", 1, "Bob: the key has no variant `3` [no-such-variant]"),
    ],
)
def test_exit_status(line: str, status: int, message: str, here: Any, tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text("student,layer,params\nAda,conv1,\n", encoding="utf-8")
    (tmp_path / "other.csv").write_text("student,variant,layer,params\nBob,3,conv1,1\n", encoding="utf-8")
    done = here("grade", *line.split())
    assert done.status == status
    assert message in done.err
    assert "Traceback" not in done.err
