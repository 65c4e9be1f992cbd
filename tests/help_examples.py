"""The help pages, their examples, and the folder in which the examples work as printed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click

from cnncalc.cli import COMMANDS, cli
from tests.helpers import Ended, git

NET = """\
input: 16x16x3
layers:
  - conv: {filters: 4, kernel: 3, pad: 1}
  - relu
  - conv: {filters: 8, kernel: 3, pad: 1}
  - maxpool: 2
  - fc: 10
"""
DARKNET = "[net]\nheight=16\nwidth=16\nchannels=3\n[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=leaky\n"
# word of an example -> package that it needs
FRAMEWORKS = {"verify": "torch", "keras": "keras", "onnx": "onnx", "pdf": "cairosvg", "png": "cairosvg"}


def pages() -> dict[str, str]:
    """Return every help page by its command; "" is the page of the program."""
    group = click.Context(cli, info_name="cnncalc", max_content_width=80, terminal_width=80, **cli.context_settings)
    found = {"": cli.get_help(group)}
    for name in COMMANDS:
        command = cli.get_command(group, name)
        assert command is not None
        with click.Context(command, parent=group, info_name=name, terminal_width=80) as context:
            found[name] = command.get_help(context)
    return found


def examples(name: str) -> list[str]:
    """Return the commands at the end of a page, in order."""
    end = re.split(r"^\s*(?:Examples?|Start with):\n", pages()[name], maxsplit=1, flags=re.MULTILINE)[-1]
    return [line.strip() for line in end.splitlines() if "cnncalc " in line]


def needs(command: str) -> str:
    """Return the framework that an example needs; empty for most."""
    words = set(re.findall(r"\w+", command))
    return next((framework for word, framework in FRAMEWORKS.items() if word in words), "")


def prepare(folder: Path) -> None:
    """Write files with the names that the examples use. The first one has two versions in git."""
    (folder / "submissions").mkdir()
    for name in ("a", "b", "c", "net", "submissions/one"):
        (folder / f"{name}.yaml").write_text(NET, encoding="utf-8")
    (folder / "budget.yaml").write_text("cnncalc-policy: 1\nlimits: {params: {max: 500k}}\n", encoding="utf-8")
    (folder / "yolov3.cfg").write_text(DARKNET, encoding="utf-8")
    (folder / "key.csv").write_text("variant,layer,column,answer,points\n0,conv1,params,112,1\n", encoding="utf-8")
    (folder / "answers.csv").write_text("student,variant,layer,params\nAda,0,conv1,108\n", encoding="utf-8")
    git(folder, "init", "-q")
    for message in ("first", "second"):
        (folder / "net.yaml").write_text(NET + f"# {message}\n", encoding="utf-8")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", message)


def type_in(command: str, folder: Path, run: Callable[..., Ended]) -> Ended:
    """Run an example as a shell would: with `> FILE`, or inside `eval "$(...)"`."""
    inside = re.fullmatch(r'eval "\$\((.*)\)"', command)
    words = shlex.split(inside[1] if inside else command)
    assert words.pop(0) == "cnncalc"
    target = words[-1] if words[-2:-1] == [">"] else None
    ended = run(*(words[:-2] if target else words))
    if target:
        (folder / target).write_text(ended.out, encoding="utf-8")
    return ended
