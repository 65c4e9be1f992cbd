"""`cnncalc fit` as a command: what it prints, what it refuses, and that its answer can be reproduced."""

from __future__ import annotations

import io
import json
import shlex
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.helpers import ROOT, Ended

Run = Callable[..., Ended]
LINE = "32x32x3 -> CONV3-16 -> RELU -> POOL2 -> CONV3-32 -> RELU -> FC-10"
SCHEMA = json.loads((ROOT / "tests" / "schemas" / "fit.json").read_text(encoding="utf-8"))


def fitted(ended: Run, *words: str, status: int = 0) -> Any:
    """The answer as data, which has the form that it promises."""
    done = ended("fit", *words, "--format", "json")
    assert (done.status, done.err) == (status, "")
    assert done.out.isascii()
    jsonschema.validate(done.data, SCHEMA)
    return done.data


@pytest.mark.parametrize(
    "words",
    [
        ("mobilenet_v2", "--vary", "width=0.3..1.1/0.2", "--vary", "input=96,128x160x3", "--max-params", "2M"),
        ("-e", LINE, "--vary", "conv1.filters=1..64", "--vary", "input=8..64/7", "--max-params", "60k", "--max", "macs=1M"),
        ("-e", LINE, "--input", "40x40x3", "--set", "conv2.filters=8", "--vary", "fc1.units=1..99", "--max-params", "90k"),
    ],
)  # fmt: skip
def test_the_command_gives_the_figures(words: tuple[str, ...], ended: Run) -> None:
    data = fitted(ended, *words)
    for found in [data["best"], *data["front"]]:
        program, *line = shlex.split(found["command"])
        assert program == "cnncalc"
        totals = ended(*line, "--format", "json").data["totals"]
        assert {name: totals[name] for name in found["figures"]} == found["figures"]


def test_the_command_gives_the_memory(ended: Run) -> None:
    more = ("--batch", "4", "--optimizer", "adam", "--dtype", "float16")
    data = fitted(ended, "lenet5", "--vary", "input=32..80/4", "--max-memory", "3MB", "--maximize", "input", *more)
    _, *line = shlex.split(data["best"]["command"])
    peak = ended(*line, "--format", "json").data["training"]["peak_bytes"]
    assert peak == data["best"]["figures"]["memory"] <= 3_000_000
    data = fitted(
        ended, "lenet5", "--vary", "batch=1..5000", "--max-memory", "30MB", "--mode", "infer", "--maximize", "batch"
    )
    assert data["choices"]["growing"] == ["batch"]
    _, *line = shlex.split(data["best"]["command"])
    assert ended(*line, "--format", "json").data["inference"]["peak_bytes"] == data["best"]["figures"]["memory"]
    largest = ended("memory", "lenet5", "--mode", "infer", "--fit", "30MB", "--format", "json").data["fit"]
    assert int(data["best"]["values"]["batch"]) == largest["inference_batch"]


def test_what_it_prints(ended: Run) -> None:
    done = ended("fit", "mobilenet_v2", "--vary", "width=0.25..2/0.25", "--max-params", "2M")
    assert (done.status, done.err) == (0, "")
    assert done.lines[0] == "mobilenet_v2: the largest params with params <= 2,000,000"
    assert " width   0.5" in done.lines
    assert " params  1,968,680 (1.97M)   98.4 % of the limit" in done.lines
    assert "  cnncalc analyze mobilenet_v2 -p width=0.5" in done.lines
    assert done.lines[-1] == "tried 8 choices; 6 exceed a limit"


def test_nothing_fits(ended: Run) -> None:
    words = ("-e", "32x32x3 -> CONV3-16 -> FC-10", "--vary", "conv1.filters=1..8", "--max-params", "6")
    done = ended("fit", *words)
    assert done.status == 1
    assert "no choice meets the limits" in done.out
    assert "the closest is conv1.filters 1, with params 10,278" in done.out
    assert fitted(ended, *words, status=1)["best"] is None


def test_invalid_choices_are_counted(ended: Run) -> None:
    line = "8x8x3 -> CONV3-8 -> CONV5-4p0 -> FC-2"
    data = fitted(ended, "-e", line, "--vary", "input=1..9", "--maximize", "params")
    assert data["choices"] | {"growing": 0} == {
        "total": 9, "tried": 9, "valid": 5, "invalid": 4, "unmet": 0, "unknown": 0, "growing": 0,
    }  # fmt: skip
    done = ended("fit", "-e", line, "--vary", "input=1..3", "--maximize", "params")
    assert done.status == 1
    assert "tried 3 choices; 3 not valid networks" in done.out
    assert "the first problem is: conv: the 5-wide window does not fit the 1-wide input" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("lenet5", "nothing may change: add --vary"),
        ("lenet5 --vary input=8..9", "there is no goal: add a limit such as --max-params 500k"),
        ("lenet5 --vary width=1..2 --max-params 9", "has no parameter, input or field of that name"),
        ("mobilenet_v2 --vary widht=1..2 --max-params 9", "did you mean `width`?"),
        ("mobilenet_v2 --vary width=relu --max-params 9", "it must be a number; got `relu`"),
        ("lenet5 --vary conv9.filters=1..2 --max-params 9", "--vary conv9.filters=1: there is no layer named `conv9`"),
        ("lenet5 --vary C1.kernels=1..2 --max-params 9", "conv has no field `kernels`"),
        ("lenet5 --vary input=8..9 --vary input=8..9 --max-params 9", "it is varied twice"),
        ("lenet5 --vary input=8..9 --max-params 9q", "`9q` is not a limit for params: write it as 500k or 4G"),
        ("lenet5 --vary input=8..9 --max-memory 9", "`9` is not a limit for memory: write it as 8GB or 24GiB"),
        ("lenet5 --vary input=8..9 --max parms=9", "no quantity named `parms`: did you mean `params`?"),
        ("lenet5 --vary input=8..9 --max params", "is not of the form QUANTITY=N"),
        ("lenet5 --vary input=8..9 --max-params 9 --max params=8", "params has two maxima"),
        ("lenet5 --vary input=8..9 --max-params 9 --min params=10", "the minimum 10 is above the maximum 9"),
        ("lenet5 --vary input=8..9 --maximize speed", "`speed` is neither a figure nor varied"),
        ("lenet5 --vary input=8..9 --maximize macs --minimize macs", "cannot be used together"),
        ("lenet5 vgg11 --vary input=8..9 --maximize macs", "fit takes one network, not 2"),
        ("lenet5 --arg a=b --vary input=8..9 --maximize macs", "--arg is only for"),
        ("lenet5 --vary input=4..2 --maximize macs", "write input=2..4"),
        ("lenet5 --vary batch=0..2 --maximize macs", "`0` is not a batch size"),
        ("lenet5 --vary input=8..9 --maximize macs --plot a.png", "end the name in `.svg`"),
        ("mobilenet_v2 --vary width=0.0001..2 --vary input=1..999 --max-params 9", "at most 1,000,000 can be tried"),
    ],
)  # fmt: skip
def test_mistakes(words: str, said: str, ended: Run) -> None:
    done = ended("fit", *words.split())
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_a_picture(ended: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    words = ("--vary", "width=0.25..2/0.25", "--max-params", "2M", "--maximize", "macs", "--plot", str(file))
    assert ended("fit", "mobilenet_v2", *words).status == 0
    root = ElementTree.parse(file).getroot()
    space = "{http://www.w3.org/2000/svg}"
    data = fitted(ended, "mobilenet_v2", *words)
    circles = root.findall(f"{space}circle")
    assert len(circles) == data["choices"]["valid"] + 1 + 3  # each choice once, a ring at the best one, the legend
    texts = [text.text for text in root.findall(f"{space}text")]
    assert {"at most 2,000,000", "width 0.5", "MACs", "params"} <= set(texts)
    assert ended("fit", "lenet5", "--vary", "batch=2", "--maximize", "batch", "--plot", str(file)).status == 0
    ElementTree.parse(file)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("--plot", "no/such.svg"), "cannot write no/such.svg: No such file or directory"),
        (("-o", "no/such.json", "--format", "json"), "cannot write no/such.json: No such file or directory"),
        (("-o", "same", "--plot", "./same"), "-o and --plot both name ./same: name two files"),
    ],
)
def test_files_are_checked_before_the_search(
    files: tuple[str, ...], said: str, ended: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long search would be lost."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cnncalc.api.search.find", None)
    done = ended("fit", "lenet5", "--vary", "batch=1..2", "--max-memory", "1GB", *files)
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_standard_input_is_read_once(ended: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes could not read it again."""
    text = b"input: 8x8x3\nlayers: [conv: {filters: 3, kernel: 3}, fc: 2]\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    data = fitted(ended, "-", "--vary", "conv1.filters=1..100", "--maximize", "params", "--jobs", "3")
    assert data["choices"]["tried"] == 100
    assert data["best"]["values"] == {"conv1.filters": "100"}
