"""An output file whose suffix belongs to another format is refused before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from cnncalc.cli import cli

Run = Callable[..., Any]
COMMANDS = {
    "analyze": ("lenet5",), "check": ("n.yaml",), "compare": ("lenet5", "vgg16"), "completion": ("bash",),
    "draw": ("lenet5",), "fit": ("lenet5", "--vary", "batch=1..2"),
    "explain": ("lenet5",), "export": ("lenet5", "--to", "dot"), "import": ("lenet5",), "list": (), "memory": ("lenet5",),
    "reconcile": ("lenet5",), "deploy": ("lenet5",), "new": (), "schema": (), "show": ("lenet5",), "verify": ("lenet5",),
    "worksheet": ("lenet5",), "grade": ("a.csv", "--key", "k.csv"), "quiz": (), "report": ("lenet5",), "advise": ("lenet5",),
}  # fmt: skip


@pytest.fixture
def here(ended: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command line in a folder with one network."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "n.yaml").write_text("input: 8x8x3\nlayers: [fc: 10]\n")
    return ended


def test_every_command_that_writes_is_tested() -> None:
    context = click.Context(cli)
    found = set()
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        if any("-o" in option.opts for option in command.params):
            found.add(name)
    assert found == COMMANDS.keys()


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        (name, suffix) for name in COMMANDS for suffix in ("png", "PDF", "html", "csv", "onnx")
        if (name, suffix) not in (("draw", "png"), ("draw", "PDF"), ("report", "html"))
    ],
)  # fmt: skip
def test_a_suffix_that_is_not_written(name: str, suffix: str, here: Run, tmp_path: Path) -> None:
    """Exit status 2, no file, and a list of possible suffixes."""
    done = here(name, *COMMANDS[name], "-o", f"out.{suffix}")
    assert (done.status, done.out) == (2, "")
    assert f"`out.{suffix}` ends in `.{suffix.lower()}`, but " in done.err
    assert "end the name in `." in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["n.yaml"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "analyze lenet5 -o a.json",
            "--format table does not write that: use --format json, or end the name in `.txt`",
        ),
        ("analyze lenet5 -o a.yaml", "write the network with `cnncalc import`, or end the name in `.txt`"),
        ("analyze lenet5 -o a.onnx", "write the network with `cnncalc export`, or end the name in `.txt`"),
        ("memory lenet5 -o a.yaml", "--format table does not write that: end the name in `.txt`"),
        ("analyze lenet5 --format json -o a.md", "use --format markdown, or end the name in `.json` or `.txt`"),
        ("analyze lenet5 --get params -o a.csv", "the output is plain text: end the name in `.txt`"),
        ("check n.yaml --format junit -o a.json", "use --format json or sarif or gitlab or gradescope"),
        ("check n.yaml -o a.xml", "use --format junit"),
        ("export lenet5 --to keras -o a.onnx", "--to keras does not write that: use --to onnx"),
        ("export lenet5 --to onnx -o a.txt", "--to onnx does not write that: end the name in `.onnx`"),
        ("show lenet5 -o a.json", "the output is YAML: end the name in `.yaml`, `.yml` or `.txt`"),
        ("memory lenet5 --plot a.png", "invalid value for --plot: `a.png` ends in `.png`, but the output is SVG"),
        ("memory lenet5 --plot a.txt", "the output is SVG: end the name in `.svg`"),
    ],
)
def test_what_to_write_instead(line: str, said: str, here: Run) -> None:
    done = here(*line.split())
    assert done.status == 2
    assert said in done.err


@pytest.mark.parametrize(
    "line",
    [
        "analyze lenet5 -o a", "analyze lenet5 -o a.txt", "analyze lenet5 -o a.mine", "analyze lenet5 -o .json",
        "analyze lenet5 --format json -o a.JSON", "analyze lenet5 --format latex -o a.tex",
        "check n.yaml --format sarif -o a.sarif",
        "check n.yaml --format sarif -o a.json", "check n.yaml --format gradescope -o results.json", "schema -o a.json",
        "export lenet5 --to mermaid -o a.mmd", "export lenet5 --to torch -o a.py", "completion bash -o a.bash",
        "memory lenet5 --plot a.svg", "memory lenet5 --plot step", "new -o b.yml",
    ],
)  # fmt: skip
def test_what_is_written(line: str, here: Run, tmp_path: Path) -> None:
    """The format's own suffixes in any case, plain text, no suffix, and unknown suffixes."""
    assert here(*line.split()).status == 0
    assert (tmp_path / line.rsplit(maxsplit=1)[-1]).stat().st_size > 0
