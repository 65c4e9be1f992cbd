"""docs/teaching.md: its commands print what it shows, and it lists every mistake that is recognized."""

from __future__ import annotations

import re
import shlex
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.mistakes.table import all_mistakes
from tests.helpers import ROOT

TEXT = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    """Return the blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_page_lists_every_mistake() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \| (.*) \|$", TEXT, re.MULTILINE)
    assert [row for row in rows if row[0] in all_mistakes()] == [
        (name, kind.title, kind.advice) for name, kind in all_mistakes().items()
    ]


def test_the_commands_print_what_the_page_shows(ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, in a folder with the files of the page; answers of the quiz are typed as shown."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exam.yaml").write_text(fenced("yaml")[0], encoding="utf-8")
    blocks = fenced("text")
    assert len(blocks) == 4
    for block in blocks:
        command, _, shown = block.partition("\n")
        answers = re.findall(r"^    > (.*)$", shown, re.MULTILINE)
        monkeypatch.setattr("sys.stdin", StringIO("".join(f"{answer}\n" for answer in answers)))
        (tmp_path / "answers.csv").write_text(fenced("csv")[0], encoding="utf-8")
        done = ended(*shlex.split(command.removeprefix("$ cnncalc ")))
        assert (done.status, done.err) == (0, "")
        assert done.out.rstrip() == shown.rstrip()
    # the students' table in the page has the rows of variant 1, filled in
    sheet = (tmp_path / "sheets.csv").read_text(encoding="utf-8")
    given = [line.split('"')[0].split(",")[:3] for line in sheet.splitlines() if line.startswith(",1,")]
    filled = [line.split('"')[0].split(",")[:3] for line in fenced("csv")[0].splitlines()[1:]]
    assert [row[1:] for row in filled] == [row[1:] for row in given]


def test_a_wrong_expectation_is_shown_as_on_the_page(ended: Any, tmp_path: Path) -> None:
    """The second file of the page, and the lines below it."""
    path = tmp_path / "homework.yaml"
    path.write_text(fenced("yaml")[1], encoding="utf-8")
    shown = re.search(r"```\n( expected of conv1\n.*?)```", TEXT, re.DOTALL)
    assert shown is not None
    assert shown[1] in ended("analyze", str(path)).out


def test_the_python_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints what the comments behind it say."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exam.yaml").write_text(fenced("yaml")[0], encoding="utf-8")
    (tmp_path / "answers.csv").write_text(fenced("csv")[0], encoding="utf-8")
    (code,) = fenced("python")
    exec(compile(code, "teaching.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"^ *print\(.*  # (.*)$", code, re.MULTILINE)
