"""Encoders and decoders with skips between them: one half on each side, found from the connections and not from names."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cnncalc import shelf
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.drawing.options import Options
from cnncalc.drawing.scene import Box, Path, Scene, Text, bounds
from cnncalc.drawing.volumes.groups import groups_of, slabs_of
from cnncalc.drawing.volumes.halves import halves_of
from cnncalc.drawing.volumes.trunk import skips_of, trunk_of
from cnncalc.drawing.volumes.view import volumes_view
from cnncalc.layers import KINDS
from cnncalc.layers.conv import Conv
from cnncalc.layers.merge import Add, Concat
from cnncalc.loading import Spec, load
from cnncalc.network import Builder, Network
from cnncalc.shape import Shape
from tests.drawing.geometry import flaws


def u_net(depth: int, merge: str, stem: bool = False, more: int = 0) -> Analysis:
    """Return an encoder and a decoder of `depth` levels. A stem has no skip. `more` layers are between the halves."""
    builder = Builder()
    size = 2 ** (depth + 2)
    value = builder.input("input", Shape((size, size, 3)))
    count = 0

    def conv(value: int, filters: int, stride: int = 1) -> int:
        nonlocal count
        count += 1
        return builder.add(Conv(filters=filters, kernel=3, pad=1, stride=stride), [value], f"layer{count}")

    if stem:
        value = conv(value, 8, 2)
    skips = []
    for level in range(depth):
        value = conv(conv(value, 8 << level), 8 << level)
        skips.append(value)
        value = conv(value, 16 << level, 2)
    for _ in range(more):
        value = conv(value, 8 << depth)
    for level, skip in reversed([*enumerate(skips)]):
        value = builder.add(KINDS["upsample"](factor=2), [conv(value, 8 << level)], f"up{level}")
        value = builder.add(Add() if merge == "add" else Concat(), [value, skip], f"join{level}")
        value = conv(value, 8 << level)
    if stem:
        value = builder.add(KINDS["upsample"](factor=2), [value], "up")
    return analyze(builder.finish([conv(value, 2)]))


def halves(network: Network) -> list[tuple[list[int], list[int]]]:
    trunk = trunk_of(network)
    found = halves_of(groups_of(network, slabs_of(network, trunk)), skips_of(network, trunk))
    return [([*down], [*up]) for down, up in found]


def arcs(scene: Scene) -> list[Box]:
    """Return the rectangles of the skips, which leave a box at its top and enter another from above, from top to bottom."""
    paths = [item for item, _ in scene.flat() if isinstance(item, Path) and item.curved]
    above = [path for path in paths if bounds(path)[1] < min(path.points[0][1], path.points[-1][1]) - 1]
    return sorted(map(bounds, above), key=lambda box: box[1])


@pytest.mark.parametrize("merge", ["add", "concat"])
@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize("stem", [False, True])
def test_skips_go_straight_across(depth: int, merge: str, stem: bool) -> None:
    """One for each level, from the left half to the right one, and each is below the one before."""
    analysis = u_net(depth, merge, stem, more=2)
    scene = volumes_view(analysis, Options())
    assert flaws(scene, analysis.network) == []
    found = arcs(scene)
    assert len(found) == depth
    for upper, lower in pairwise(found):
        assert upper[1] < lower[1]
        assert upper[0] < lower[2]
        assert lower[0] < upper[2]
    assert not any("from one row" in item.text for item, _ in scene.flat() if isinstance(item, Text))


@pytest.mark.parametrize("width", [300.0, 420.0, 510.0, 900.0])
def test_every_width_has_both_halves(width: float) -> None:
    analysis = u_net(3, "concat")
    scene = volumes_view(analysis, Options(width=width, show=("params",)))
    assert flaws(scene, analysis.network) == []
    assert scene.width == pytest.approx(width)
    assert len(arcs(scene)) == 3


def test_unet_fits_the_text_of_a_page_with_its_skips() -> None:
    """180 mm, with the four arrows of figure 1 of the paper, each through a crop."""
    analysis = analyze(load(Spec("unet")))
    scene = volumes_view(analysis, Options(width=510.0))
    assert flaws(scene, analysis.network) == []
    assert scene.width == pytest.approx(510)
    assert [item.text for item, _ in scene.flat() if isinstance(item, Text)].count("crop") == len(arcs(scene)) == 4


def test_floors_have_the_groups_of_both_ends() -> None:
    assert halves(u_net(2, "add").network) == [([0, 1], [5]), ([2], [4]), ([3], [])]
    assert halves(u_net(2, "concat", stem=True).network) == [([0, 1], [5, 6]), ([2], [4]), ([3], [])]


@pytest.mark.parametrize("name", [name for name in shelf.names() if name != "unet"])
def test_other_networks_have_no_halves(name: str) -> None:
    assert halves(load(Spec(name))) == []


def test_one_skip_makes_no_halves() -> None:
    assert halves(u_net(1, "concat", more=1).network) == []
