"""What is public, what it costs to import, and that all of it is described."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import cnncalc
from tests.helpers import Ended


def test_names_are_those_of_the_list() -> None:
    """Every public name exists, and `dir` shows nothing else."""
    assert sorted(cnncalc.__all__) == dir(cnncalc)
    for name in cnncalc.__all__:
        assert getattr(cnncalc, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = cnncalc.nothing


def test_everything_public_is_described() -> None:
    """Names and their public methods have docstrings, and functions say what they raise."""
    missing = []
    for name in cnncalc.__all__:
        value = getattr(cnncalc, name)
        if not callable(value):
            continue
        members = [(name, value)]
        if inspect.isclass(value):
            members += [
                (f"{name}.{member}", inner) for member, inner in vars(value).items()
                if not member.startswith("_") and (callable(inner) or isinstance(inner, (property, classmethod)))
            ]  # fmt: skip
        missing += [place for place, inner in members if not inspect.getdoc(inner)]
    assert missing == []


def test_importing_costs_nothing() -> None:
    """`import cnncalc` imports no other module of cnncalc and no package."""
    code = "import sys; before = set(sys.modules); import cnncalc; print(sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "['__future__', 'cnncalc']"


def test_loading_a_specification_imports_no_heavy_package() -> None:
    """Neither the command line's packages nor a framework are imported to read YAML."""
    code = (
        "import sys, cnncalc; cnncalc.load('vgg16').analyze().totals; "
        "print([name for name in ('click', 'rich', 'torch', 'onnx', 'numpy', 'keras') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


@pytest.mark.heavy
def test_a_script_with_types_passes_mypy(tmp_path: Path) -> None:
    """The types are those that the documentation promises, under `mypy --strict`."""
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(
        "import cnncalc\n"
        "network: cnncalc.Network = cnncalc.load('vgg16', input=(224, 224, 3))\n"
        "params: int = network.analyze(batch=2).totals.params\n"
        "macs: int | None = network['Stage1.conv1'].macs\n"
        "peak: int | None = network.memory(32, optimizer='adam').training_peak\n"
        "largest: int = network.fit('24GiB')\n"
        "for layer in network:\n"
        "    shape: tuple[int, ...] = layer.output\n"
        "report: cnncalc.CheckReport = cnncalc.check('.', limits={'params': 10})\n"
        "try:\n"
        "    cnncalc.parse('x')\n"
        "except cnncalc.CnncalcError as error:\n"
        "    line: int | None = error.problems[0].line\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.10", "--no-incremental", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("architecture", [one.name for one in cnncalc.architectures()])
def test_the_same_json_as_the_command_line(architecture: str, ended: Callable[..., Ended]) -> None:
    """The API and the command print the same text for every architecture."""
    status, out, err = ended("analyze", architecture, "--format", "json")
    assert (status, err) == (0, "")
    assert cnncalc.load(architecture).to_json() == out
    assert json.loads(out) == cnncalc.load(architecture).to_dict()
