"""Follow the worked example in CONTRIBUTING.md literally, in a copy of the package."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cnncalc
from tests.helpers import ROOT, environment

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Return the only code block in a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return text


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a package that has the new kind, and the example's network."""
    folder = tmp_path_factory.mktemp("contribution")
    shutil.copytree(Path(cnncalc.__file__).parent, folder / "cnncalc", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "architectures", folder / "architectures")
    with open(folder / "cnncalc" / "layers" / "pool.py", "a", encoding="utf-8") as file:
        file.write("\n\n" + block("python"))
    (folder / "net.yaml").write_text(block("yaml"), encoding="utf-8")
    return folder


def run(copy: Path, *words: str) -> str:
    """Return what the changed package prints."""
    env = environment(PYTHONPATH=f"{copy}:{environment()['PYTHONPATH']}")
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, env=env, capture_output=True, check=False, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_new_kind_prints_the_table(copy: Path) -> None:
    """One class is enough for `analyze`; the figures are those of torch.nn.LPPool2d(2, 3, 2) and Linear(1014, 10)."""
    command, _, shown = block("console").removeprefix("$ cnncalc ").partition("\n")
    head, _, _ = shown.partition("...")
    assert run(copy, "-m", "cnncalc", *command.split()).startswith(head)
    assert 13 * 13 * 6 * 10 + 10 == 10_150


def test_everything_else_follows_from_the_class(copy: Path) -> None:
    """`explain`, the schema, names of other tools, policies and the doctest."""
    assert "Power-average pooling" in run(copy, "-m", "cnncalc", "explain", "lppool")
    assert '"lppool"' in run(copy, "-m", "cnncalc", "schema")
    memory = run(copy, "-m", "cnncalc", "memory", "net.yaml")
    assert "at least" in memory
    assert run(copy, "-m", "doctest", "cnncalc/layers/pool.py") == ""
    (copy / "other.yaml").write_text(block("yaml").replace("lppool", "LPPool2d"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "cnncalc", "analyze", "other.yaml"],
        cwd=copy, env=environment(PYTHONPATH=f"{copy}:{environment()['PYTHONPATH']}"), capture_output=True,
        check=False, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 1
    assert "`lppool`" in done.stderr


def test_the_files_that_it_names_exist() -> None:
    """Every file that the guide names exists."""
    for path in re.findall(r"`((?:cnncalc|tests|architectures)/[\w/.]+)`", GUIDE):
        if path != "architectures/NAME.yaml":
            assert (ROOT / path).exists(), path
