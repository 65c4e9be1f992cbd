"""Choices that change only inputs and fields are replayed; every figure is that of the expanded file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from cnncalc import shelf
from cnncalc.analyses.totals import analyze
from cnncalc.loading import LoadOptions, Spec
from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.search.family import Choice, Family
from cnncalc.search.ranges import read_range
from cnncalc.writers.yaml.proof import difference

QUICK = ("lenet5", "cifar_resnet20", "squeezenet1_1", "unet", "resnet18")
FIELDS = {"conv": "filters=1..40", "fc": "units=1..40", "maxpool": "kernel=1..4", "avgpool": "stride=1..4"}


def families(name: str, draw: Random) -> list[Family]:
    """One for the input, and one for a field of a random layer together with it."""
    spec = Spec(name)
    base = Family(spec, LoadOptions(), [read_range("batch=1..2")]).base
    if len(base.inputs) != 1:
        return []
    side = base.inputs[0].output[0]
    ranges = [[f"input=1..{side + 40}"]]
    nodes = [node for node in base.nodes if node.kind in FIELDS]
    if nodes:
        node = draw.choice(nodes)
        ranges.append([f"{node.name}.{FIELDS[node.kind]}", f"input={max(side // 2, 1)}..{side + 40}"])
    return [Family(spec, LoadOptions(), [read_range(text) for text in texts]) for texts in ranges]


def attempt(read: Callable[[Choice], Network], choice: Choice) -> Network | str:
    """A network, or why it is refused."""
    try:
        return read(choice)
    except Refused as refused:
        return refused.problems[0].text


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one in QUICK else pytest.mark.heavy) for one in shelf.names()]
)
def test_every_figure_is_that_of_the_file(name: str) -> None:
    """Layer by layer, for random choices; those that are not valid are refused for the same reason."""
    draw = Random(name)
    for family in families(name, draw):
        for _ in range(12):
            choice = tuple(draw.randrange(len(axis.values)) for axis in family.axes)
            expanded, replayed = attempt(family.network, choice), attempt(family.measured_network, choice)
            if isinstance(expanded, str) or isinstance(replayed, str):
                assert expanded == replayed
                continue
            names = [node.name for node in expanded.nodes]
            assert difference(replayed, expanded, range(len(names)), names) == ""
            assert analyze(replayed).totals == analyze(expanded).totals


@pytest.mark.parametrize(
    ("text", "is_replayed"),
    [
        ("layers: [conv: {filters: 8, kernel: 3}, fc: 4]", True),
        ("layers: [conv: {filters: $in_channels, kernel: 3}, fc: 4]", False),
        ("layers: [residual: {main: [conv: {filters: 3, kernel: 3, pad: 1}], projection: none}, fc: 4]", False),
    ],
)
def test_files_whose_layers_depend_on_shapes_are_expanded(text: str, is_replayed: bool, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(f"input: 16x16x3\n{text}\n")
    family = Family(Spec(str(file)), LoadOptions(), [read_range("input=8..16")])
    assert (family._replay_of_base() is not None) is is_replayed


def test_a_residual_that_begins_to_need_its_projection_is_expanded(tmp_path: Path) -> None:
    """A stride that keeps 1x1 as it is changes larger inputs."""
    file = tmp_path / "net.yaml"
    main = "conv: {filters: 8, kernel: 1, stride: 2}"
    file.write_text(
        f"input: {{height: 1, width: 1, channels: 8}}\nlayers:\n  - residual: {{main: [{main}], projection: [{main}]}}\n"
    )
    family = Family(Spec(str(file)), LoadOptions(), [read_range("input=1..4")])
    assert [len(family.measured_network((place,)).nodes) for place in range(4)] == [3, 4, 4, 4]


def test_it_is_quick() -> None:
    """Thousands of choices a second, if nothing else runs: no choice is expanded again."""
    family = Family(Spec("resnet50"), LoadOptions(), [read_range("input=64..264")])
    family.measured_network((0,))
    expanded = 0

    def expand(choice: object) -> object:
        nonlocal expanded
        expanded += 1
        raise AssertionError(choice)

    family.network = expand  # type: ignore[method-assign,assignment]
    for place in range(200):
        family.measured_network((place,))
    assert expanded == 0
