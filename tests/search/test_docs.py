"""The examples of docs/fit.md: files, commands and what they print are those of the page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers import ROOT, Ended

PAGE = (ROOT / "docs" / "fit.md").read_text(encoding="utf-8")


def test_the_worked_example(ended: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [file] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [command] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    [printed] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "net.yaml").write_text(file)
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(command.replace("\\\n", ""))
    done = ended(*words, "--plot", "fit.svg")
    assert (program, done.out, done.err) == ("cnncalc", printed, "")
    picture = (ROOT / "docs" / "pictures" / "fit.svg").read_text(encoding="utf-8")
    assert (tmp_path / "fit.svg").read_text(encoding="utf-8") == picture
    figures = {row.split()[-1]: row.split()[-2] for row in printed.splitlines() if row.startswith((" 64", " 56"))}
    third = int(figures["165,178"].replace(",", "")) / int(figures["465,578"].replace(",", ""))
    assert 165_178 / 500_000 < 0.34
    assert 0.59 < third < 0.62  # "a third of the budget already buys three fifths"


def test_the_example_in_python(capsys: pytest.CaptureFixture[str]) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"print\(.*\) +# (.*)", code)
