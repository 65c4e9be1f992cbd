"""Every help page as a reader sees it: no name of the program's own inside, and every example in it runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

from cnncalc.cli import COMMANDS, cli
from tests.help_examples import examples, needs, pages, prepare, type_in


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_no_page_shows_the_inside(name: str) -> None:
    """Neither modules nor reprs, which a careless search and replace leaves in a sentence."""
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
    """In a folder that has the files they name; those that need a framework are run beside the oracles."""
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    found = examples(name)
    assert found
    for command in found:
        if not needs(command):
            done = type_in(command, tmp_path, ended)
            assert done.status == 0, (command, done.err)
            assert "error" not in done.err
