"""Printed tables, word for word, and checked sums: the columns add up to the totals.

`pytest --overwrite tests/render/test_golden.py` stores the current output as the expected one; read the diff before committing.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from functools import cache
from io import StringIO
from typing import Any

import pytest

from cnncalc import shelf
from cnncalc.cli import cli
from cnncalc.cli.run import run
from tests.helpers import TESTS

GOLDEN = TESTS / "golden"
# file -> the command that prints it, run from the folder
COMMANDS = {
    "vgg16.txt": "analyze vgg16",
    "vgg16-exact.txt": "analyze vgg16 --exact --columns kind,activations,memory,weights,biases,params,macs",
    "vgg16-partial.txt": "analyze vgg16 --input 10x10x3",
    "vgg16-as-conv.txt": "analyze vgg16 --as-conv --input 384x384x3 --depth 1 --columns kind,output,params,rf",
    "resnet50-depth2.txt": "analyze resnet50 --depth 2 --exact --columns output,params,buffers,macs",
    "googlenet-depth1.txt": "analyze googlenet --depth 1 --columns output,macs,rf,share",
    "unet.txt": "analyze unet --columns fields,output,rf",
    "lenet5-formulas.txt": "analyze lenet5 --columns fields,formula,output,params",
    "densenet121-batch.txt": "analyze densenet121 --depth 1 --batch 32 --dtype float16 --columns output,memory,params",
    "stacked_lstm.txt": "analyze stacked_lstm --columns output,params,macs,rf",
    "siamese.txt": "analyze siamese.yaml",
    "line.txt": 'analyze -e "32x32x3 -> [CONV3-16 -> RELU -> POOL2]*2 -> FC-10" --columns fields,output,params',
    "lenet5.md": "analyze lenet5 --format markdown --columns output,params,macs,share",
    "lenet5.tex": "analyze lenet5 --format latex --columns output,params,macs,share",
    "lenet5.csv": "analyze lenet5 --format csv --columns kind,fields,output,activations,memory,params,macs,rf,share",
    "lenet5.json": "analyze lenet5 --format json",
}


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a command in the folder of the stored outputs and returns what it prints."""
    monkeypatch.chdir(GOLDEN)

    def printed(line: str) -> str:
        status = run(cli, shlex.split(line))
        captured = capsys.readouterr()
        assert status in (0, 1), captured.err
        return captured.out

    return printed


def portable(text: str) -> str:
    """Return the text without what depends on the machine and version: the place of the shelf, and our version."""
    text = text.replace(json.dumps(shelf.folder())[1:-1], "SHELF").replace(shelf.folder(), "SHELF")
    return re.sub(r'("cnncalc": )"[^"]+"', r'\1"VERSION"', text)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_printed(name: str, out: Any, overwrite: bool) -> None:
    """Word for word, without blanks at line ends."""
    text = portable(out(COMMANDS[name]))
    file = GOLDEN / name
    if overwrite:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert "\x1b" not in text


def test_every_stored_output_is_used() -> None:
    """Every file in golden/ belongs to a command."""
    assert {file.name for file in GOLDEN.iterdir()} == {*COMMANDS, "siamese.yaml"}


# -- added up again --------------------------------------------------------------------------------------------------

COLUMNS = ("activations", "memory", "params", "weights", "biases", "buffers", "macs")


def cells(text: str) -> tuple[list[list[str]], list[str]]:
    """Return the rows of a printed table and its totals: the lines between the rules, split at wide gaps."""
    lines = text.splitlines()
    top, bottom = [number for number, line in enumerate(lines) if re.fullmatch(r" [─-]+", line)]
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines[top + 1 : bottom]]
    return [row for row in rows if len(row) > 1], re.split(r"\s{2,}", lines[bottom + 1].strip())


@cache
def totals(name: str) -> dict[str, int]:
    """Return the totals of a shipped network from its JSON."""
    from cnncalc.analyses.totals import analyze
    from cnncalc.loading import Spec, load
    from cnncalc.render.data import analysis

    found: dict[str, int] = analysis(analyze(load(Spec(name))))["totals"]
    return {**found, "memory": found["activation_bytes"]}


@pytest.mark.parametrize("depth", ["", "--depth 1", "--depth 2"])
@pytest.mark.parametrize("name", shelf.names())
def test_the_printed_columns_add_up_to_the_printed_totals(name: str, depth: str, out: Any) -> None:
    """Every column of figures of every shipped network, folded or not. JSON has the same totals."""
    rows, total = cells(out(f"analyze {name} --exact {depth} --columns {','.join(COLUMNS)}"))
    assert total[0] == "total"
    for number, column in enumerate(COLUMNS, 1):
        figures = [int(row[number].replace(",", "")) for row in rows]
        assert f"{sum(figures):,}" == total[number], column
        assert sum(figures) == totals(name)[column], column


@pytest.mark.parametrize("depth", ["", "--depth 1"])
@pytest.mark.parametrize("name", shelf.names())
def test_shares_add_up(name: str, depth: str, out: Any) -> None:
    """They add up to 100 %, except for the rounding of each."""
    rows, _ = cells(out(f"analyze {name} {depth} --columns params,share"))
    sum_, slack = 0.0, 1e-9
    for _, params, share in rows:
        assert (share == "0 %") == (params == "0")
        if share == "<0.1 %":
            slack += 0.05
        elif share == ">99.9 %":
            sum_, slack = sum_ + 100, slack + 0.05
        else:
            sum_, slack = sum_ + float(share.removesuffix(" %")), slack + (0 if share in ("0 %", "100 %") else 0.05)
    assert abs(sum_ - 100) <= slack


@pytest.mark.parametrize("depth", ["", "--depth 1"])
@pytest.mark.parametrize("name", shelf.names())
def test_csv_adds_up(name: str, depth: str, out: Any) -> None:
    """Plain numbers without a line of totals."""
    text = out(f"analyze {name} {depth} --format csv --columns {','.join(COLUMNS)},share")
    rows = list(csv.DictReader(StringIO(text)))
    for column in COLUMNS:
        assert sum(int(row[column]) for row in rows) == totals(name)[column], column
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1, abs=len(rows) * 5e-7)


def test_rounded_figures_are_those_of_the_exact_ones(out: Any) -> None:
    """`--exact` prints the same figures in full."""
    short, _ = cells(out("analyze vgg16 --columns memory,macs"))
    full, _ = cells(out("analyze vgg16 --exact --columns memory,macs"))
    from cnncalc.units import format_bytes, format_count

    for (_, size, macs), (_, exact_size, exact_macs) in zip(short, full, strict=True):
        assert size == format_bytes(int(exact_size.replace(",", "")))
        assert macs == format_count(int(exact_macs.replace(",", "")))
