"""`--set LAYER.FIELD=VALUE`: one field of one layer is changed, everything below follows, and the output shows what was set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

LINE = "32x32x3 -> [CONV3-16 -> RELU -> POOL2]*2 -> FC-10"
NET = """\
input: 32x32x3
blocks:
  Unit(width, stride=1):
    - residual:
        main: [conv: {filters: $width, kernel: 3, stride: $stride, pad: 1}, batchnorm]
        projection: [conv: {filters: $width, kernel: 1, stride: $in_height // 16}]
    - relu
layers:
  - conv: {filters: 8, kernel: 3, pad: 1}
    as: stem
    expect: 32x32x8
  - {Unit: 8, repeat: 2}
  - fc: 10
published: {source: a blog, params: 3.1M}
"""


@pytest.fixture
def cnncalc(ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    (tmp_path / "net.cfg").write_text("[net]\nheight=8\nwidth=8\nchannels=3\n[maxpool]\nsize=2\nstride=2\n")
    return ended


def rows(ended: Any) -> dict[str, list[int]]:
    return {row["name"]: row["output"] for row in ended.data["layers"]}


def test_the_layers_below_follow(cnncalc: Any) -> None:
    """As if the file had the value: 32x32 is 16x16 after the changed convolution, and the padding is still `same`."""
    found = cnncalc("analyze", "-e", LINE, "--set", "conv2.stride=2", "--set", "conv2.filters=32", "--format", "json")
    written = cnncalc("analyze", "-e", LINE.replace("]*2", "] -> CONV3-32/2 -> RELU -> POOL2"), "--format", "json")
    assert rows(found) == rows(written)
    assert found.data["totals"] == written.data["totals"]
    assert found.data["set"] == [
        {"layer": "conv2", "field": "stride", "value": 2, "was": 1},
        {"layer": "conv2", "field": "filters", "value": 32, "was": 16},
    ]
    assert "set: conv2.stride = 2 (was 1)\n" in cnncalc("analyze", "-e", LINE, "--set", "conv2.stride=2").out


def test_one_call_of_a_block(cnncalc: Any) -> None:
    """Only the second call changes. Its shortcut now needs the projection, whose stride depends on its input."""
    plain = rows(cnncalc("analyze", "net.yaml", "--format", "json"))
    assert not any("projection" in name for name in plain)
    changed = rows(cnncalc("analyze", "net.yaml", "--set", "Unit2.conv1.stride=2", "--format", "json"))
    assert changed["Unit1.conv1"] == [32, 32, 8]
    assert changed["Unit2.conv1"] == changed["Unit2.projection.conv1"] == [16, 16, 8]
    # expectations and published figures are those of the unchanged network
    data = cnncalc("analyze", "net.yaml", "--set", "stem.pad=0", "--format", "json").data
    assert (data["expected"], data["published"]) == ([], [])


@pytest.mark.parametrize(
    ("change", "macs"),
    [
        ("fc1.units=512", 15_365_668_864),  # 104,595,456 fewer: (25088 + 4096) * 3584
        ("Stage1.conv1.kernel=5 Stage1.conv1.pad=2", 15_470_264_320 + 224 * 224 * 64 * 3 * (25 - 9)),
        ("Stage1.conv1.filters=2*32", 15_470_264_320),
        ("Stage1.conv1.filters=$in_channels*20+4", 15_470_264_320),
        ('Stage1.conv1.pad={"top":1,"bottom":1,"left":1,"right":1}', 15_470_264_320),
        ("fc3.bias=false", 15_470_264_320),
    ],
)
def test_shipped_networks_and_values_of_all_kinds(change: str, macs: int, cnncalc: Any) -> None:
    """Values can be expressions and mappings, as in a file."""
    given = [word for one in change.split(" ") for word in ("--set", one)]
    assert cnncalc("analyze", "vgg16", *given, "--get", "macs").out == f"{macs}\n"


REFUSED = {
    "conv1.stride=2": ("`conv1` could be any of 5 layers", "`Stage1.conv1`, `Stage2.conv1`, `Stage3.conv1` and 2 more"),
    "Stage1.conv1.strid=2": ("conv has no field `strid`", "did you mean `stride`?"),
    "Stage1.conv1.out_channels=2": ("conv has no field `out_channels`", "cnncalc calls it `filters`"),
    "Stage1.conv1.stride=0": ("conv.stride must be at least 1; got `0`", ""),
    "Stage1.conv1.stride=two": ("conv.stride must be a whole number", ""),
    "Stage1.conv1.filters=$widht": ("$widht", ""),
    "Stage1.conv1.bias={a: 1}": ("`{a: 1}` is a mapping", "write one word or number"),
    "Stage1.conv1.pad={a": ("", ""),
    "Stage1.conv1=2": ("`Stage1.conv1` is a layer; its field is missing", "`Stage1.conv1.FIELD=VALUE`"),
    "Stage1.kernel=2": ("`Stage1` is a block", "name a layer in it: `Stage1.conv1`"),
    "input.kernel=2": ("`input` is an input", "`--input 64x64x3`"),
    "fc5.units=2": ("there is no layer named `fc5`", "did you mean `fc1`, `fc2` or `fc3`?"),
    "Stage1.conf1.kernel=2": ("there is no layer named `Stage1.conf1`", "did you mean `Stage1.conv1`?"),
    "width=2": ("`width=2` is not LAYER.FIELD=VALUE", "`-p width=2` sets a parameter"),
    "conv1.kernel": ("`conv1.kernel` is not LAYER.FIELD=VALUE", "write `--set conv2.stride=2`"),
    "conv1.kernel=": ("is not LAYER.FIELD=VALUE", ""),
    "=": ("is not LAYER.FIELD=VALUE", ""),
    ".=3": ("is not LAYER.FIELD=VALUE", ""),
    "relu1.slope=3": ("", ""),
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_cannot_be_set(change: str, cnncalc: Any) -> None:
    """Status 2, one message with the option in it, and nothing on standard output."""
    found = cnncalc("analyze", "vgg16", "--set", change)
    assert (found.status, found.out) == (2, "")
    assert "--set" in found.err
    for part in REFUSED[change]:
        assert part in found.err


def test_a_change_that_does_not_fit(cnncalc: Any) -> None:
    """The error has the place in the file and mentions the change, and the table lists what was set."""
    found = cnncalc("analyze", "net.yaml", "--set", "stem.kernel=40")
    assert found.status == 1
    assert "net.yaml:9:32: error: conv: the 40-wide window" in found.err
    assert "--set has changed this layer" in found.err
    below = cnncalc("analyze", "-e", LINE, "--set", "conv1.stride=16")
    assert below.status == 1
    assert "set: conv1.stride = 16 (was 1)" in below.out


def test_a_name_that_exists_only_with_another_change(cnncalc: Any) -> None:
    """The projection exists only with the first change."""
    both = ("--set", "Unit2.conv1.stride=2", "--set", "Unit2.projection.conv1.bias=false")
    assert cnncalc("analyze", "net.yaml", *both).status == 0
    assert cnncalc("analyze", "net.yaml", *both[2:]).status == 2


@pytest.mark.parametrize("command", ["analyze", "explain", "memory", "compare", "import", "export --to mermaid"])
def test_every_command_that_takes_a_network(command: str, cnncalc: Any) -> None:
    """The change is in the output, or in a note. `compare` with one network compares it with its original."""
    name, *rest = command.split()
    found = cnncalc(name, "-e", LINE, *rest, "--set", "conv2.filters=24")
    assert found.status == 0
    assert "conv2.filters" in found.out + found.err
    assert "24" in found.out


def test_json_of_the_others(cnncalc: Any) -> None:
    changed = [{"layer": "conv2", "field": "filters", "value": 24, "was": 16}]
    assert cnncalc("memory", "-e", LINE, "--set", "conv2.filters=24", "--format", "json").data["set"] == changed
    found = cnncalc("compare", "-e", LINE, "--set", "conv2.filters=24", "--format", "json").data
    assert found["set"] == [[], changed]
    assert found["totals"][0]["difference"] == 24 * (9 * 16 + 1) - 16 * (9 * 16 + 1) + 8 * 8 * 8 * 10
    assert json.loads(cnncalc("analyze", "-e", LINE, "--format", "json").out)["set"] == []


def test_models_in_other_formats(cnncalc: Any) -> None:
    """They have no fields of a file, and the error names what to do instead."""
    found = cnncalc("analyze", "net.cfg", "--set", "maxpool1.kernel=3")
    assert found.status == 2
    assert "`cnncalc import net.cfg -o net.yaml`" in found.err
