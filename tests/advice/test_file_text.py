"""`--apply` keeps the text of a file: comments, parameters and order stay, and only the lines of changed layers change."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest

import cnncalc
from cnncalc.readers.yaml.editing.spans import parse_spans
from tests.helpers import ROOT, Ended

FILE = """\
# homework 3, by hand
name: Homework
input: 32x32x8         # not RGB
params: {width: 32, wide: 100}
defaults: {conv: {pad: 1}}
blocks:
  Double(filters):     # two of them
    - conv: {filters: $filters, kernel: 3}   # first
    - relu
    - {conv: {kernel: 3, filters: $filters}, as: last}
    - relu
layers:
  - Double: $width
  - maxpool: 2
  - conv:
      filters: $wide
      kernel: 5        # large
      pad: 2
    expect: {params: 80100}
  - batchnorm
  - relu
  - maxpool: 2
  - seq: [dropout: 0.5, fc: 96, relu]
  - fc: 10             # the classes
"""


def changed_lines(text: str, rewrite: str, place: str = "") -> tuple[list[str], cnncalc.Network]:
    """The lines of the file that a rewrite removes and adds, and the network of the new file, which has the promised figures."""
    network = cnncalc.parse(text)
    found = network.advise({"params": 0, "macs": 0, "memory": 0})
    number = next(
        number for number, one in enumerate(found.advice, 1) if (one.rewrite.name, one.place) == (rewrite, place)
    )
    applied = found.apply(number)
    assert (applied.keeps_file, applied.reason) == (True, "")
    again = cnncalc.parse(applied.text)
    totals = again.analyze().totals
    after = found.advice[number - 1].after
    assert (totals.params, totals.macs) == (after["params"], after["macs"])
    assert not [claim for claim in (*again.analyze().expected, *again.analyze().published) if not claim.agrees]
    lines = difflib.unified_diff(text.splitlines(), applied.text.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))], again


@pytest.mark.parametrize(
    ("rewrite", "place", "lines"),
    [
        ("width-50", "", [
            "-    - conv: {filters: $filters, kernel: 3}   # first",
            '+    - conv: {filters: "round_to(0.5*$filters, 8)", kernel: 3}   # first',
            "-    - {conv: {kernel: 3, filters: $filters}, as: last}",
            '+    - {conv: {kernel: 3, filters: "round_to(0.5*$filters, 8)"}, as: last}',
        ]),
        ("no-bias-before-batchnorm", "conv1", [
            "-    expect: {params: 80100}",
            "+      bias: false",
        ]),
        ("nx1-and-1xn", "conv1", []),
        ("groups-4", "", []),
        ("global-average-pooling", "fc1", [
            "-  - seq: [dropout: 0.5, fc: 96, relu]",
            "+  - seq: [dropout: 0.5, globalavgpool, fc: 96, relu]",
        ]),
        ("depthwise-separable", "Double1", [
            "-    - conv: {filters: $filters, kernel: 3}   # first",
            "+    - depthwise: {kernel: 3, pad: 1, bias: false}",
            "+    - conv: {filters: $filters, kernel: 1, pad: 0}   # first",
            "-    - {conv: {kernel: 3, filters: $filters}, as: last}",
            "+    - depthwise: {kernel: 3, pad: 1, bias: false}",
            "+    - {conv: {filters: $filters, kernel: 1, pad: 0}, as: last}",
        ]),
    ],
)  # fmt: skip
def test_only_changed_lines_change(rewrite: str, place: str, lines: list[str]) -> None:
    found, _ = changed_lines(FILE, rewrite, place)
    assert found[: len(lines)] == lines
    kept = [line for line in FILE.splitlines() if f"-{line}" not in found]
    for comment in ("# homework 3, by hand", "# not RGB", "# two of them", "# the classes"):
        assert any(comment in line for line in kept)


def test_claims_that_no_longer_hold_are_removed() -> None:
    """Those of the original would be wrong."""
    text = (ROOT / "architectures" / "alexnet_torchvision.yaml").read_text(encoding="utf-8")
    lines, again = changed_lines(text, "width-50")
    assert lines[:2] == ["-published:", '-  - {source: torchvision 0.28, params: "61,100,840", macs: 0.714G}']
    assert again.analyze().totals.params == 16_308_104
    assert "# does nothing at 224x224" not in "".join(lines)


def test_a_step_that_cannot_express_a_change_says_so(ended: Callable[..., Ended], tmp_path: Path) -> None:
    """One of two layers of a line changes. The note comes before the file is written, and the figures are right."""
    file, new = tmp_path / "net.yaml", tmp_path / "new.yaml"
    file.write_text(
        FILE.replace("expect: {params: 80100}", "").replace("- Double: $width", "- Double: $width\n  - Double: 24")
    )
    places = [(one.rewrite.name, one.place) for one in cnncalc.load(file).advise({"params": 0}).advice]
    number = places.index(("width-50", "Double1")) + 1
    done = ended("advise", str(file), "--max-params", "0", "--apply", str(number), "-o", str(new))
    assert done.status == 0
    assert "a new specification was generated, without comments and parameters" in " ".join(done.err.split())
    assert "(line 8: filters would need another value for each of the 2 layers of one line)" in " ".join(
        done.err.split()
    )
    assert "#" not in new.read_text()
    done = ended("advise", str(file), "--max-params", "0", "-p", "width=16", "--apply", "1")
    assert "-p, --input or --freeze changed the network, not the file" in " ".join(done.err.split())


def test_removed_steps() -> None:
    """Whole lines in blocks, and entries with their commas in brackets."""
    text = "input: 8x8x8\nlayers:\n  - conv: {filters: 8, kernel: 3}\n  - relu\n  - relu   # twice\n  - fc: 4\n"
    assert changed_lines(text, "duplicate-layers", "relu2")[0] == ["-  - relu   # twice"]
    text = "input: 8x8x8\nlayers: [conv: {filters: 8, kernel: 3}, batchnorm, batchnorm, fc: 4]  # all\n"
    assert changed_lines(text, "duplicate-layers", "batchnorm1")[0][1] == (
        "+layers: [conv: {filters: 8, kernel: 3}, batchnorm, fc: 4]  # all"
    )


@pytest.mark.parametrize(
    "text", [FILE, '{"input": "8", "layers": [{"fc": 4}, "relu", {"fc": {"units": 2}}]}', FILE.replace("\n", "\r\n")]
)
def test_spans_are_where_the_values_are(text: str) -> None:
    """The text of every scalar is what it means, apart from quotes."""
    scalars = [span for span in parse_spans(text).walk() if span.kind == "scalar"]
    assert len(scalars) > 3
    for span in scalars:
        assert text[span.start : span.end].strip().strip('"') == span.value
