"""The examples of the help pages that need a framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cnncalc.cli import COMMANDS
from tests.help_examples import examples, needs, prepare, type_in

EXAMPLES = [command for name in COMMANDS for command in examples(name) if needs(command)]


@pytest.mark.parametrize("command", EXAMPLES)
def test_an_example_that_needs_a_framework(
    command: str, ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(needs(command))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    if "model.onnx" in command:
        assert ended("export", "net.yaml", "--to", "onnx", "-o", "model.onnx").status == 0
    done = type_in(command, tmp_path, ended)
    assert done.status == 0, done.err
