"""Progress: for terminals and notebooks, and only for work that takes longer than a second."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncalc.render import progress
from tests.helpers import Ended


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def replace_stderr(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, after: float) -> None:
    """Let standard error be a stream, and progress start after so many seconds."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "AFTER", after)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
@pytest.mark.parametrize("after", [0.0, 60.0])
def test_a_bar(stream: io.StringIO, after: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets it after a second, a pipe never."""
    stream.seek(0)
    stream.truncate()
    replace_stderr(monkeypatch, stream, after)
    with progress.ProgressBar("trying") as bar:
        for done in range(5):
            bar(done, 5)
    assert ("trying" in stream.getvalue()) is (isinstance(stream, Terminal) and after == 0)


def test_a_notebook_gets_a_line_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its standard error is no terminal."""
    stream = io.StringIO()
    replace_stderr(monkeypatch, stream, 0.0)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    with progress.ProgressBar("checking") as bar:
        bar(1, 2000)
        bar(2000, 2000)
    assert stream.getvalue() == "\rchecking 1 of 2,000\rchecking 2,000 of 2,000\n"


@pytest.mark.parametrize(("after", "shown"), [(0.0, True), (60.0, False)])
def test_waiting(after: float, shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spinner while a model is read, if that takes long."""
    stream = Terminal()
    replace_stderr(monkeypatch, stream, after)
    with progress.Waiting("reading torch:models:Net"):
        deadline = time.monotonic() + 5
        while shown and "reading" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert ("reading torch:models:Net" in stream.getvalue()) is shown


def test_check_shows_progress(ended: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the files, and leaves the report as it is."""
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text("input: 3\nlayers: [fc: 2]", encoding="utf-8")
    plain = ended("check", str(tmp_path), "--max-params", "10").out
    stream = Terminal()
    replace_stderr(monkeypatch, stream, 0.0)
    assert ended("check", str(tmp_path), "--max-params", "10").out == plain
    assert "checking" in stream.getvalue()
