"""The console blocks of README and docs are run and must show the program's output (`...` stands for any lines)."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.helpers import ROOT, environment

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = sorted((ROOT / "docs").glob("*.md"))
GUIDE = ROOT / "CONTRIBUTING.md"  # its example needs a changed package: test_contributing.py
DOCUMENTS = {str(file.relative_to(ROOT)): file for file in [*ROOT.glob("*.md"), *DOCS] if file != GUIDE}
REQUIRED = os.environ.get("CNNCALC_REQUIRE_ORACLES") == "1"


def blocks() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the console blocks by document and number: every `$ command` with the output shown below it."""
    found = []
    for name, file in DOCUMENTS.items():
        texts = re.findall(r"```console\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)
        for number, block in enumerate(texts, 1):
            parts = [part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
            found.append((f"{name}:{number}", [(command, shown) for command, _, shown in parts]))
    return found


def ran(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of a document; standard output has both streams in order."""
    words = shlex.split(command)
    assert words[0] == "cnncalc"
    return subprocess.run(
        [sys.executable, "-m", "cnncalc", *words[1:]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=environment(),
        check=False,
    )


def test_the_documents_have_console_blocks() -> None:
    named = [name.partition(":")[0] for name, _ in blocks()]
    assert named.count("README.md") >= 4
    assert {"docs/checking.md", "docs/import.md", "docs/memory.md", "docs/models.md"} <= set(named)


@pytest.mark.parametrize("block", [block for _, block in blocks()], ids=[name for name, _ in blocks()])
def test_console_block(block: list[tuple[str, str]], tmp_path: Path) -> None:
    """Commands run one after the other, in a temporary folder if they write files."""
    if any("onnx" in command for command, _ in block) and find_spec("onnx") is None and not REQUIRED:
        pytest.skip("onnx is not installed")
    folder = tmp_path if any(" -o " in command for command, _ in block) else ROOT
    for command, shown in block:
        pattern = ".*".join(re.escape(part) for part in shown.split("..."))
        output = ran(command, folder).stdout
        assert re.fullmatch(pattern.rstrip("\\\n") + r"\s*", output, re.DOTALL), output


def test_the_first_networks_work(tmp_path: Path) -> None:
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)):
        (tmp_path / f"net{number}.yaml").write_text(text, encoding="utf-8")
        done = ran(f"cnncalc analyze net{number}.yaml", tmp_path)
        assert done.returncode == 0, done.stdout


def test_the_number_of_kinds() -> None:
    from cnncalc.layers import KINDS

    kinds = {layer.kind for layer in KINDS.values()}
    assert f", {len(kinds)} in all: " in DOCUMENTS["CHANGELOG.md"].read_text(encoding="utf-8")


def test_the_number_of_architectures() -> None:
    shipped = len(list((ROOT / "architectures").glob("*.yaml")))
    assert f"A shelf of {shipped} architectures" in DOCUMENTS["CHANGELOG.md"].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_have_targets(name: str) -> None:
    file = DOCUMENTS[name]
    for target in re.findall(r"\]\(([^)]+)\)", file.read_text(encoding="utf-8")):
        if target.startswith("https://"):  # other sites are not looked at
            continue
        path, _, heading = target.partition("#")
        document = file.parent / path if path else file
        assert document.is_file(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [title.lower().replace(" ", "-") for title in titles], target


def test_the_readme_leads_to_every_document() -> None:
    """It also names every command, every column and every report format."""
    from cnncalc.cli import COMMANDS
    from cnncalc.cli.commands.analyze import COLUMN_NAMES
    from cnncalc.cli.commands.check import FORMATS

    for name in DOCUMENTS:
        assert name == "README.md" or f"]({name})" in README, name
    for command in COMMANDS:
        assert f"`cnncalc {command}" in README, command
    words = " ".join(README.split())
    assert f"All of them: {', '.join(COLUMN_NAMES)}." in words
    assert f"It can write reports as {', '.join(FORMATS)}." in words
