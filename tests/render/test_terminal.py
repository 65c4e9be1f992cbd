"""Output on real terminals of 40, 80 and 200 columns: lines fit, break between words, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnncalc import shelf
from cnncalc.text import cells
from tests.helpers import ROOT, environment, run_on_terminal

if os.name != "posix":
    pytest.skip("terminals of POSIX", allow_module_level=True)

WIDTHS = (40, 80, 200)
SEVERAL = """\
import json, sys
from cnncalc.cli import cli
from cnncalc.cli.run import run
for line in json.load(open(sys.argv[1])):
    print("$", line[0], flush=True)
    run(cli, line)
"""
FIGURES = re.compile(r"\d(?:[,.x]?\d)*[KMGT]?|[^\W\d_]+")  # what must not be broken


def on_terminal(columns: int, commands: list[list[str]], folder: Path, **env: str) -> str:
    """Return both streams of the commands on a terminal of this width, in one process for all; escapes are removed."""
    (folder / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
    environ = environment(TERM="xterm-256color", KERAS_BACKEND="torch", **env)
    words = [sys.executable, "-c", SEVERAL, str(folder / "commands.json")]
    text = run_on_terminal(words, columns, environ, folder).decode()
    assert "\x1b" not in text or not env.get("NO_COLOR")
    return re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r\n", "\n")


def piped(commands: list[list[str]], folder: Path) -> str:
    """Return the same without a terminal."""
    import json

    (folder / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
    words = [sys.executable, "-c", SEVERAL, str(folder / "commands.json")]
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
        encoding="utf-8",
    )
    return done.stdout


def check(commands: list[list[str]], folder: Path) -> None:
    """Check that no line is longer than the terminal, and that every number and word of the piped text is there, unbroken."""
    whole = set(FIGURES.findall(piped(commands, folder)))
    for columns in WIDTHS:
        for env in ({}, {"NO_COLOR": "1"}):
            text = on_terminal(columns, commands, folder, **env)
            long = [line for line in text.split("\n") if cells(line.rstrip()) > columns]
            assert not long
            assert sorted(whole - set(FIGURES.findall(text))) == [], columns


def tables(names: list[str]) -> list[list[str]]:
    """Return the commands that show these shipped networks."""
    columns = ("--columns", "kind,output,activations,params,macs,rf")
    return [["analyze", name, *more] for name in names for more in ((), columns)]


def test_some_of_the_shelf(tmp_path: Path) -> None:
    """tests/oracle/render/test_terminal_shelf.py tests all of it."""
    check(tables(shelf.names()[::18]), tmp_path)


COMMANDS = [
    "analyze resnet50 --columns fields,output,formula,memory,saved,live,share",
    "analyze vgg16 --sort params --top 5",
    "explain vgg16",
    "explain conv lstm attention concat",
    "explain",
    "explain window-does-not-fit bad-yaml",
    "memory resnet50 --fit 8GB --optimizer adam",
    "memory unet --timeline",
    "compare vgg16 resnet18",
    "compare vgg11 vgg13 vgg16 vgg19",
    "check . --max-params 62k",
    "check lenet5.yaml missing.yaml broken.yaml --max-macs 1k",
    "analyze broken.yaml",
    "analyze resnet5 resnet50.yaml lenet5 --sort nothing",
]


def test_every_command(tmp_path: Path) -> None:
    """Reports and messages. Commands that print a file (`import`, `show`, `export`) do not wrap it."""
    for name in ("lenet5", "mnist_cnn"):
        (tmp_path / f"{name}.yaml").write_text((ROOT / "architectures" / f"{name}.yaml").read_text(encoding="utf-8"))
    (tmp_path / "broken.yaml").write_text("input: 32x32x3\nlayers:\n  - conv: {filters: 8, kernl: 3}\n  - rlu\n")
    check([line.split() for line in COMMANDS], tmp_path)


def test_the_list_leaves_sources_out(tmp_path: Path) -> None:
    for columns in WIDTHS:
        text = on_terminal(columns, [["list"]], tmp_path)
        assert max(cells(line.rstrip()) for line in text.split("\n")) <= columns
        assert ("Simonyan" in text) == (columns == 200)
        assert set(shelf.names()) <= set(re.findall(r"\w+", text))


def test_help_pages(tmp_path: Path) -> None:
    """No word of an explanation is broken. Only the commands at the end, which can be copied, may be longer."""
    pages = [[*name, "--help"] for name in ([], ["analyze"], ["memory"], ["check"], ["export"], ["import"], ["list"])]
    whole = set(FIGURES.findall(piped(pages, tmp_path)))
    for columns in WIDTHS:
        text = on_terminal(columns, pages, tmp_path)
        long = [line for line in text.split("\n") if cells(line.rstrip()) > columns]
        assert not [line for line in long if not line.startswith("  cnncalc ") and not line.startswith("    cnncalc ")]
        assert sorted(whole - set(FIGURES.findall(text))) == []


LINES = {
    "long": "  - conv: {filters: 3, kernel: 3} # " + "many words " * 30 + "@",
    "wide": "  - conv: {filters: 3, kernel: 3, 漢字: 3} # 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
    "combining": "  - conv: {filters: 3, kernel: 3, ए\u0941क\u0941ए\u0941क\u0941: 3}",
    "escaped": "  - {'\u200b\u200b##[x]': 3, conv: 3, rlu: 3}",
    "far": "  - conv: {filters: 3, kernel: 3, pad: 1, stride: 1, dilation: 1, groups: 1, bias: true, kernl: 3}",
    "far and wide": "  - conv: {filters: 3, kernel: 3, " + "漢字" * 17 + ": 3, kernl: 3}",
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("columns", [30, 40, 80, 200])
def test_the_caret_points_at_its_place(name: str, columns: int) -> None:
    """It is below the first character of the wrong word, counted in cells of the terminal."""
    from cnncalc.problem import Refused, Source
    from cnncalc.readers.yaml.reader import read
    from cnncalc.render.problems import lines
    from cnncalc.text import visible

    source = Source("net.yaml", f"input: 8x8x3\nlayers:\n{LINES[name]}\n  - fc: [1]\n")
    with pytest.raises(Refused) as caught:
        read(source)
    for problem in caught.value.problems:
        shown = lines(problem, columns)
        assert all(cells(line) <= columns for line in shown)
        caret = next(number for number, line in enumerate(shown) if line.strip(" |") == "^")
        assert problem.where is not None
        fault = visible(source.line(problem.where.line)[problem.where.column - 1])
        before = cells(shown[caret].rstrip("^"))
        ends = [number for number in range(len(shown[caret - 1])) if cells(shown[caret - 1][:number]) == before]
        assert any(shown[caret - 1].startswith(fault, number) for number in ends)
