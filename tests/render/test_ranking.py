"""`analyze --sort`, `--top` and `--get rf`: the largest layers first, complete sums, and unknown figures."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

UNKNOWN = """\
input: 8x8x3
layers:
  - conv: {filters: 4, kernel: 3}
  - operator: [prev]
    op: deformconv
    output: 6x6x4
  - fc: 10
"""


def table(text: str) -> list[list[str]]:
    """Return the rows between the rules, and the totals."""
    lines = text.splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith(" ─")]
    return [line.split() for line in lines[rules[0] + 1 : rules[1] + 2] if "─" not in line]


def test_the_largest_first(ended: Any) -> None:
    """All rows if no number is given. Equal ones stay in the order of the network, and names are complete."""
    rows = table(ended("analyze", "vgg16", "--sort", "params").out)
    params = [int(row[-1].replace(",", "")) for row in rows[:-1]]
    assert params == sorted(params, reverse=True)
    assert [row[0] for row in rows[:4]] == ["fc1", "fc2", "fc3", "Stage4.conv2"]
    assert len(rows) == 40
    assert sum(params) == 138_357_544


def test_the_rest_is_one_line(ended: Any) -> None:
    """The shown layers and the rest add up to the total of the network."""
    rows = table(ended("analyze", "vgg16", "--top", "2").out)
    assert [row[0] for row in rows] == ["fc1", "fc2", "37", "total"]
    assert rows[2] == ["37", "others", f"{15_237_608 - 8192:,}", f"{138_357_544 - 102_764_544 - 16_781_312:,}"]
    assert rows[3][-2:] == ["15,237,608", "138,357,544"]
    assert "others" not in ended("analyze", "vgg16", "--top", "39").out
    assert table(ended("analyze", "vgg16", "--depth", "1", "--top", "1").out)[1][:2] == ["12", "others"]


@pytest.mark.parametrize("column", ["macs", "activations", "memory", "weights", "biases", "saved", "live"])
def test_every_column_that_can_be_sorted(column: str, ended: Any) -> None:
    """A column that is not shown is added. CSV has plain numbers and no line for the rest."""
    found = ended("analyze", "resnet50", "--sort", column, "--top", "9", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(found.out)))
    figures = [int(row[column]) for row in rows]
    assert len(rows) == 9
    assert figures == sorted(figures, reverse=True)
    whole = list(csv.DictReader(io.StringIO(ended("analyze", "resnet50", "--columns", column, "--format", "csv").out)))
    assert figures == sorted([int(row[column]) for row in whole], reverse=True)[:9]


def test_in_documents_and_json(ended: Any) -> None:
    assert "| 37 others |" in ended("analyze", "vgg16", "--top", "2", "--format", "markdown").out
    assert "37 others" in ended("analyze", "vgg16", "--top", "2", "--format", "latex").out
    data = ended("analyze", "vgg16", "--sort", "macs", "--top", "2", "--format", "json").data
    assert data["ranking"] == {"by": "macs", "layers": ["Stage1.conv2", "Stage2.conv2"]}
    assert [row["index"] for row in data["layers"]] == list(range(39))
    assert "ranking" not in ended("analyze", "vgg16", "--format", "json").data


def test_unknown_figures_come_last(ended: Any, tmp_path: Any) -> None:
    """It is `?` in every format, and a sum with it is a bound."""
    file = tmp_path / "net.yaml"
    file.write_text(UNKNOWN, encoding="utf-8")
    rows = table(ended("analyze", str(file), "--sort", "macs").out)
    assert rows[-2][0], rows[-2][-1] == ("deformconv1", "?")
    lines = ended("analyze", str(file), "--columns", "macs", "--format", "csv").lines
    assert lines == ["layer,macs", "input,0", "conv1,3888", f"{rows[-2][0]},?", "fc1,1440"]
    found = ended("analyze", str(file), "--get", "macs")
    assert (found.out, found.err) == ("?\n", "note: the MACs of 1 layer are unknown; the total is at least 5,328\n")


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("32x32x3 -> CONV3-8 -> POOL2 -> CONV3-8", "8"),
        ("32x32x3 -> CONV3x5-8 -> RELU", "3x5"),
        ("32x32x3 -> CONV3-8 -> FC-10", "32"),
        ("32x16x3 -> GAP", "32x16"),
        ("100 -> FC-10", "?"),
    ],
)
def test_one_receptive_field(line: str, size: str, ended: Any) -> None:
    """3 + (2 - 1) + 2 * (3 - 1) = 8. After a layer that sees everything, it is the size of the input."""
    assert ended("analyze", "-e", line, "--get", "rf").out == size + "\n"


@pytest.mark.parametrize("words", [("--sort", "name"), ("--top", "0"), ("--top", "x"), ("--sort", "rf")])
def test_what_cannot_be_sorted(words: tuple[str, ...], ended: Any) -> None:
    found = ended("analyze", "vgg16", *words)
    assert (found.status, found.out) == (2, "")
    assert words[0] in found.err
