"""The README's console blocks are run: what they show is what the program prints (`...` stands for anything)."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Every `$ command` of the README with the output shown below it."""
    found = []
    for block in BLOCKS:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append((command, shown))
    return found


def printed(command: str) -> str:
    """What a command of the README prints, both streams in order."""
    words = shlex.split(command)
    assert words[0] == "cnncalc"
    done = subprocess.run(
        [sys.executable, "-m", "cnncalc", *words[1:]],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env={"PYTHONPATH": ":".join([str(ROOT), *sys.path]), "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    return done.stdout


def test_the_readme_has_console_blocks() -> None:
    assert len(commands()) >= 5


@pytest.mark.parametrize(("command", "shown"), commands(), ids=[command for command, _ in commands()])
def test_console_block(command: str, shown: str) -> None:
    pattern = ".*".join(re.escape(part) for part in shown.split("..."))
    output = printed(command)
    assert re.fullmatch(pattern.rstrip("\\\n") + r"\s*", output, re.DOTALL), output


def test_the_first_network_works(tmp_path: Path) -> None:
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)):
        file = tmp_path / f"net{number}.yaml"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "cnncalc", "analyze", str(file)],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            env={"PYTHONPATH": ":".join([str(ROOT), *sys.path]), "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_number_of_kinds() -> None:
    from cnncalc.layers import KINDS

    kinds = {layer.kind for layer in KINDS.values()}
    assert f"lists the {len(kinds)} layer kinds" in README
