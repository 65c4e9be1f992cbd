"""Worksheets, grades, quizzes and mistakes in Python: the same as on the command line, and typed."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from tests.teaching.networks import EXAM


def exam() -> cnncalc.Network:
    """Return the network of an exam."""
    return cnncalc.parse(EXAM)


@pytest.mark.parametrize(
    ("layer", "quantity", "answer", "names"),
    [
        ("conv1", "params", 1200, ["no-bias"]),
        ("conv1", "params", "1,200", ["no-bias"]),
        ("conv1", "params", "1.20k", ["no-bias", "one-bias", "bias-per-input"]),
        ("conv1", "params", 1216, []),
        ("conv1", "params", 1217, []),
        ("conv1", "output", "28x28x16", ["no-padding"]),
        ("conv1", "output", (28, 28, 16), ["no-padding"]),
        ("conv1", "output", [32, 32, 16], []),
        ("conv2", "receptive_field", 9, ["field-without-one"]),
        (None, "params", 5856, ["convolutions-only", "no-last-layer"]),
    ],
)
def test_a_mistake_is_recognized(layer: str | None, quantity: str, answer: Any, names: list[str]) -> None:
    found = exam().explain_mistake(layer, quantity, answer)
    assert [mistake.name for mistake in found] == names
    assert all(isinstance(mistake, cnncalc.Mistake) and mistake.text and mistake.advice for mistake in found)


def test_a_mistake_with_a_batch() -> None:
    (found,) = exam().explain_mistake("conv1", "memory", 65536, batch=32)
    assert found.text == "the memory of one example instead of a batch of 32: 65,536"


def test_what_cannot_be_asked() -> None:
    network = exam()
    with pytest.raises(KeyError, match="no layer named `conv9`"):
        network.explain_mistake("conv9", "params", 1)
    with pytest.raises(ValueError, match="quantity must be one of output, "):
        network.explain_mistake("conv1", "parms", 1)
    with pytest.raises(ValueError, match="'many' is not an answer about params"):
        network.explain_mistake("conv1", "params", "many")
    with pytest.raises(ValueError, match="the receptive_field of conv1 is not known"):
        cnncalc.parse("input: 8\nlayers: [{fc: 4, as: conv1}]").explain_mistake("conv1", "receptive_field", 1)


def test_worksheets_are_those_of_the_command(ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exam.yaml").write_text(EXAM, encoding="utf-8")
    sheets = exam().worksheet(["output", "macs"], ["conv"], variants=3, seed=7)
    words = ("exam.yaml", "--hide", "output,macs", "--only", "conv", "--variants", "3", "--seed", "7")
    for form in ("markdown", "latex", "html", "csv", "json"):
        assert sheets.to_text(form) == ended("worksheet", *words, "--format", form, "--key", "key.txt").out
        assert sheets.key(form) == (tmp_path / "key.txt").read_text(encoding="utf-8")
    assert str(sheets) == sheets.to_text()
    assert [sheet.variant for sheet in sheets] == [1, 2, 3]
    assert len(sheets) == 3
    assert sheets.to_dict()["format"] == "cnncalc.worksheet/1"
    assert repr(sheets) == "<Worksheets: 3 about 'Exam', 15 blanks>"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"hide": ["parms"]}, ValueError, "hide must be one of output, "),
        ({"accept": "all"}, ValueError, "accept must be one of exact, separators, rounded"),
        ({"variants": 0}, ValueError, "variants must be from 1 to 500"),
        ({"only": ["convs"]}, cnncalc.CnncalcError, "did you mean `conv`"),
        ({"only": ["lstm"]}, cnncalc.CnncalcError, "no layer of `lstm` in this network"),
    ],
)
def test_worksheets_that_cannot_be_made(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        exam().worksheet(**options)
    with pytest.raises(ValueError, match="format must be one of markdown, "):
        exam().worksheet().key("pdf")


def test_grades(tmp_path: Path, ended: Any) -> None:
    """A worksheet that is filled in with the answers of its key gets all points."""
    sheets = exam().worksheet(["params"], variants=2)
    key = tmp_path / "key.csv"
    key.write_text(sheets.key("csv"), encoding="utf-8")
    right = {
        (row["variant"], row["layer"]): row["answer"]
        for row in csv.DictReader(StringIO(sheets.key("csv")))
        if not row["mistake"]
    }
    rows = list(csv.DictReader(StringIO(sheets.to_text("csv"))))
    for row in rows:
        row["student"] = f"student {row['variant']}"
        row["params"] = right.get((row["variant"], row["layer"]), row["params"])
    answers = tmp_path / "answers.csv"
    with answers.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    found = cnncalc.grade(answers, key)
    assert [(student.name, student.points, student.of) for student in found] == [
        ("student 1", 8, 8),
        ("student 2", 8, 8),
    ]
    assert str(found) == ended("grade", str(answers), "--key", str(key)).out
    assert found.to_csv().splitlines()[1] == "student 1,1,8,8,100.0,"
    assert found.to_dict()["format"] == "cnncalc.grades/1"
    assert (len(found), repr(found)) == (2, "<GradeReport: 2 students>")
    with pytest.raises(cnncalc.CnncalcError, match=r"cannot read .*: No such file"):
        cnncalc.grade(tmp_path / "missing.csv", key)
    with pytest.raises(ValueError, match="accept must be one of"):
        cnncalc.grade(answers, key, accept="all")


def test_a_quiz() -> None:
    """About layers that are made up, and about those of a network."""
    questions = cnncalc.quiz(5, topic="shapes", seed=1)
    assert len(questions) == 5
    for question in questions:
        assert question.check(question.answer).right
        assert question.hint.startswith("height = (W - F + 2P)/S + 1")
        assert str(question).endswith("height x width x channels?")
    assert all(
        one.row.node.name in ("conv1", "conv2", "fc1") for one in cnncalc.quiz(9, topic="params", network=exam())
    )
    with pytest.raises(cnncalc.CnncalcError, match="suitable for the topic shapes"):
        cnncalc.quiz(1, topic="shapes", network=cnncalc.parse("input: 8\nlayers: [relu]"))
    with pytest.raises(ValueError, match="topic must be one of shapes, "):
        cnncalc.quiz(1, topic="shape")
