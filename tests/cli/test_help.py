"""Every help page as a user sees it: no internal name in it, and every example runs."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest

from cnncalc.cli import COMMANDS, cli
from tests.help_examples import examples, needs, pages, prepare, type_in


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_no_page_contains_internal_names(name: str) -> None:
    """Neither modules nor reprs, which a careless search and replace can leave in a sentence."""
    page = pages()[name]
    assert not re.findall(r"\b(?:click|cnncalc)\.[a-z_]+(?!\.md)", page)
    assert not re.findall(r"[a-z_]+\.[a-z_]+\.[A-Z]\w*|<[a-z]+ |\bNone\b|__", page)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_sentence(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.help.endswith((".", ".  ")), option.help


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_example_runs(name: str, ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with the files that they name. The tests in oracle/ run those that need a framework."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO())  # a quiz ends at once
    prepare(tmp_path)
    found = examples(name)
    assert found
    for command in found:
        if not needs(command):
            done = type_in(command, tmp_path, ended)
            assert done.status == 0, (command, done.err)
            assert "error" not in done.err


MEANT = {
    "vgg16": "write `cnncalc analyze vgg16`",
    "net.onnx": "write `cnncalc analyze net.onnx`",
    "VGG-16": "did you mean `cnncalc analyze vgg16`?",
    "32x32x3 -> FC-10": 'write `cnncalc analyze -e "32x32x3 -> FC-10"`',
    "torch:models:Net": "write `cnncalc analyze torch:models:Net --input SHAPE`",
    "help": "write `cnncalc --help`",
    "version": "write `cnncalc --version`",
    "analyse": "did you mean `analyze`?",
    "frobnicate": "`cnncalc --help` lists the commands",
    "-e": "options follow the command",
    "analyze vgg16 --get flops": "did you mean `macs`? (FLOPs are 2 x MACs)",
    "analyze vgg16 --columns flops": "did you mean `macs`? (FLOPs are 2 x MACs)",
    "analyze vgg16 --sort parameters": "did you mean `params`?",
    "analyze vgg16 --dtype fp16": "did you mean `float16`?",
    "export vgg16 --to pytorch": "did you mean `torch`?",
    "analyze vgg16 --format xml": "see `cnncalc analyze --help`",
    "analyze VGG-16": "did you mean `vgg16`?",
    "analyze model.pt": "there is no file model.pt",
    "analyze .": ". is a folder: name a file in it, or check every file in it with `cnncalc check .`",
}


@pytest.mark.parametrize("line", MEANT)
def test_first_mistakes(line: str, ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors of a user's first minutes lead to commands that work."""
    monkeypatch.chdir(tmp_path)
    done = ended(*([line] if "->" in line else line.split()))
    assert (done.status, done.out) == (2, "")
    assert MEANT[line] in done.err
