"""The volumes view: every network of the shelf is drawn without a flaw, and what is drawn is the network."""

from __future__ import annotations

from functools import cache, partial

import pytest

from cnncalc import shelf
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.drawing.options import A4, Options
from cnncalc.drawing.scene import Circle, Group, Path, Polygon, Scene, Text, bounds
from cnncalc.drawing.select import Undrawable, highlighted
from cnncalc.drawing.volumes.boxes import SIDE_POWER, scale_for
from cnncalc.drawing.volumes.trunk import skips_of, trunk_of
from cnncalc.drawing.volumes.view import volumes_view
from cnncalc.loading import Spec, load
from cnncalc.shape import Shape
from tests.drawing.geometry import drawn_in, flaws
from tests.helpers import network_of


@cache
def analysis_of(name: str) -> Analysis:
    """Return a shipped network with its figures."""
    return analyze(load(Spec(name)))


def line(text: str) -> Analysis:
    """Return the network of a one-line form."""
    return analyze(load(Spec(text, line=True)))


def texts(scene: Scene) -> list[str]:
    """Return what is written."""
    return [item.text for item, _ in scene.flat() if isinstance(item, Text)]


def fits_a4(scene: Scene) -> bool:
    """Return whether a picture fits on a page of A4 at its own size, either way up."""
    return any(scene.width <= width and scene.height <= height for width, height in (A4, A4[::-1]))


def bold(scene: Scene) -> list[str]:
    """Return the shapes below the groups."""
    return [item.text for item, _ in scene.flat() if isinstance(item, Text) and item.bold]


@pytest.mark.parametrize("name", shelf.names())
def test_the_shelf_is_drawn_without_a_flaw(name: str) -> None:
    """No overlapping texts, nothing outside the page, every layer in one group; on a page of A4, and quickly."""
    analysis = analysis_of(name)
    scene, seconds = drawn_in(partial(volumes_view, analysis, Options()))
    assert seconds < 0.5
    assert flaws(scene, analysis.network) == []
    assert fits_a4(scene)
    assert min(item.size for item, _ in scene.flat() if isinstance(item, Text)) >= 8


@pytest.mark.parametrize("name", ["vgg16", "unet", "resnet50", "mlp", "vit_b_16", "yolov3_tiny"])
@pytest.mark.parametrize("width", [150.0, 240.0, 510.0, 1500.0])
def test_every_width_is_drawn_without_a_flaw(name: str, width: float) -> None:
    """With all figures below the groups. A wide page is filled; a narrow one has several rows."""
    analysis = analysis_of(name)
    options = Options(width=width, show=("params", "macs", "memory", "rf"))
    scene = volumes_view(analysis, options)
    assert flaws(scene, analysis.network) == []
    assert scene.width >= width


def test_a_chain_of_50_layers_fits_a4() -> None:
    """At 8 pt, with a caption for every group."""
    analysis = line(
        "224x224x3 -> " + " -> ".join(["CONV3-64 -> CONV3-64 -> CONV3-64 -> CONV3-128 -> POOL2"] * 7 + ["FC-10"])
    )
    scene = volumes_view(analysis, Options())
    assert flaws(scene, analysis.network) == []
    assert fits_a4(scene)
    assert scene.width > scene.height


def test_vgg16_has_the_groups_of_its_paper() -> None:
    """The input, five sizes, the last pooling, and three vectors."""
    scene = volumes_view(analysis_of("vgg16"), Options())
    assert bold(scene) == [
        "224×224×3", "224×224×64", "112×112×128", "56×56×256", "28×28×512", "14×14×512", "7×7×512", "4096", "4096", "1000",
    ]  # fmt: skip
    assert "3×3 conv, 256 (×3)" in texts(scene)
    assert scene.description.startswith(
        "VGG-16 with 38 layers, 138,357,544 parameters and 15,470,264,320 multiply-accumulates"
    )


def test_sides_follow_the_law() -> None:
    """The legend states a power of the size; the boxes have it."""
    scale = scale_for([Shape((224, 224, 64)), Shape((7, 7, 512)), Shape((4096,))], 6)
    large, small = (scale.box(Shape((side, side, 512)), 1.0) for side in (224, 7))
    assert large.height / small.height == pytest.approx((224 / 7) ** SIDE_POWER)
    thick, thin = (scale.box(Shape((56, 56, channels)), 1.0) for channels in (512, 64))
    assert thick.width / thin.width == pytest.approx(8**SIDE_POWER)
    assert large.height / scale.box(Shape((8, 8, 224)), 1.0).width == pytest.approx(6)


def test_the_legend_can_be_left_out() -> None:
    """Colours and law are there, or both are not."""
    with_legend, without = (volumes_view(analysis_of("lenet5"), Options(legend=legend)) for legend in (True, False))
    assert {"convolution", "pooling", "fully connected"} <= set(texts(with_legend))
    assert any(f"size^{SIDE_POWER}" in text for text in texts(with_legend))
    assert not {"convolution", "pooling"} & set(texts(without))
    assert without.height < with_legend.height


def test_figures_are_sums_over_a_group() -> None:
    """Parameters and multiply-adds of the picture add up to those of the network, if nothing is beside the trunk."""
    analysis = analysis_of("lenet5")
    scene = volumes_view(analysis, Options(show=("params", "macs", "memory", "rf")))
    shown = texts(scene)
    assert "48.1K params" in shown
    assert "240K MACs" in shown
    assert "RF 32" in shown
    assert "18.8 kB" in shown


def test_unknown_figures_are_unknown() -> None:
    """An operator without a cost has no figure of 0."""
    from cnncalc.layers.operator import Unknown
    from cnncalc.network import Builder

    builder = Builder()
    image = builder.input("input", Shape((8, 8, 3)))
    network = builder.finish([builder.add(Unknown("deformconv", Shape((8, 8, 16))), [image], "mystery")])
    scene = volumes_view(analyze(network), Options(show=("macs", "rf")))
    assert "MACs unknown" in texts(scene)
    assert "RF unknown" in texts(scene)
    assert "at least 0 multiply-accumulates" in scene.description


def test_the_trunk_does_not_go_through_squeeze_and_excitation() -> None:
    """The feature maps stay large; the weights that are multiplied with them are beside the trunk."""
    network = analysis_of("efficientnet_b0").network
    trunk = trunk_of(network)
    assert all(network.nodes[index].output.spatial != (1, 1) for index in trunk[1:-8])
    beside = [index for skip in skips_of(network, trunk) for index in skip.nodes]
    assert sorted([*trunk, *beside]) == [node.index for node in network.nodes]


def test_what_is_highlighted_has_another_outline() -> None:
    """A block marks all its layers; an unknown name is an error that suggests one."""
    analysis = analysis_of("vgg16")
    scene = volumes_view(analysis, Options(highlight=("Stage2",)))
    marked = {
        group.name for group in scene.groups()
        if any(isinstance(item, Polygon) and item.style.stroke == "accent" for item in group.items)
    }  # fmt: skip
    assert marked == {"Stage2.conv1", "Stage2.conv2", "Stage2.maxpool1"}
    assert {analysis.network.nodes[index].name for index in highlighted(analysis.network, ["conv3"])} == {
        f"Stage{number}.conv3" for number in (3, 4, 5)
    }
    with pytest.raises(Undrawable, match="no layer or block named `Stage22`: did you mean `Stage2"):
        volumes_view(analysis, Options(highlight=("Stage22",)))


def test_tooltips_have_the_figures() -> None:
    """Shape, parameters and multiply-adds of a layer, and the layers that are drawn with it."""
    titles = {group.name: group.title for group in volumes_view(analysis_of("vgg16"), Options()).groups()}
    assert titles["Stage1.conv1"].splitlines() == [
        "Stage1.conv1: conv (filters 64, kernel 3, pad 1)", "output 224x224x64", "1,792 params", "86,704,128 MACs",
        "then Stage1.relu1",
    ]  # fmt: skip


def test_groups_have_the_names_of_layers() -> None:
    """A report finds the box of a layer by its name."""
    analysis = analysis_of("alexnet")
    scene = volumes_view(analysis, Options())
    named = {group.name: group for group in scene.groups() if group.name}
    for group in named.values():
        assert isinstance(group, Group)
        assert analysis.network.nodes[group.layers[0]].name == group.name


def test_a_small_perceptron_is_drawn_with_its_units() -> None:
    """As in the notes of CS231n: a circle for every unit, a line for every weight that is not a bias."""
    analysis = analysis_of("mlp")
    scene = volumes_view(analysis, Options(show=("params",), highlight=("fc2",)))
    assert flaws(scene, analysis.network) == []
    circles = [item for item, _ in scene.flat() if isinstance(item, Circle)]
    lines = [item for item, _ in scene.flat() if isinstance(item, Path)]
    assert len(circles) == 3 + 4 + 4 + 1
    assert len(lines) == analysis.totals.weights == 3 * 4 + 4 * 4 + 4
    assert sum(circle.style.stroke == "accent" for circle in circles) == 4
    assert texts(scene)[:2] == ["3", "input"]
    assert flaws(volumes_view(line("2 -> FC-16 -> RELU -> FC-3"), Options(width=600.0, color_by="params"))) == []


def test_larger_vectors_are_bars() -> None:
    """As soon as one vector is too long for circles, or a layer is not fully connected."""
    for text in ("2 -> FC-17 -> FC-3", "4 -> FC-4 -> dropout -> FC-400"):
        scene = volumes_view(line(text), Options())
        assert not any(isinstance(item, Circle) for item, _ in scene.flat())


def test_the_trunk_goes_past_a_pooled_branch() -> None:
    """A pyramid has a branch through a single cell; the feature maps stay large beside it."""
    network = network_of(
        "input: 32x32x8\nlayers:\n- {conv: {filters: 8, kernel: 3, pad: 1}, as: features}\n"
        "- concat:\n  - [globalavgpool, {reshape: 1x1x8}, {conv: {filters: 4, kernel: 1}}, relu, {resize: {to: 32x32}}]\n"
        "  - [{conv: {filters: 4, kernel: 1}}]\n- {conv: {filters: 2, kernel: 1}}\n"
    )
    trunk = trunk_of(network)
    assert all(network.nodes[index].output.spatial == (32, 32) for index in trunk)
    assert flaws(volumes_view(analyze(network), Options()), network) == []


def test_the_trunk_of_vectors_is_the_longest_path() -> None:
    """In a network without positions, the path goes through the layers of a residual block."""
    network = network_of("input: 8\nlayers:\n- residual: [{fc: 8}, relu, {fc: 8}]\n- {fc: 2}\n")
    assert [network.nodes[index].kind for index in trunk_of(network)] == ["input", "fc", "relu", "fc", "add", "fc"]


def test_connections_between_rows_are_counted() -> None:
    """Where a network needs two rows, the note says what is missing, and the legend explains no arcs."""
    one, two = (volumes_view(analysis_of("unet"), Options(width=width)) for width in (None, 250.0))
    assert not any("from one row" in text for text in texts(one))
    assert any("Arcs are" in text for text in texts(one))
    note = "4 connections from one row to another are not drawn. 4 layers on side branches: see the graph view."
    assert note in " ".join(texts(two))
    assert not any("Arcs are" in text for text in texts(two))


def test_labels_of_short_arcs_are_wider_than_the_arcs() -> None:
    """If nothing else is in their place: all three projections of ResNet-18 have one."""
    shown = texts(volumes_view(analysis_of("resnet18"), Options()))
    assert {"1×1 conv, 128, /2", "1×1 conv, 256, /2", "1×1 conv, 512, /2"} <= {*shown}


@pytest.mark.parametrize("name", shelf.names())
def test_captions_end_with_whole_patterns(name: str) -> None:
    """What is left out of a long caption is not cut in the middle of a bracket."""
    shown = texts(volumes_view(analysis_of(name), Options()))
    assert "".join(shown).count("[") == "".join(shown).count("]")


def test_several_rows_have_the_largest_boxes_that_need_no_more_rows() -> None:
    scene = volumes_view(analysis_of("vgg16"), Options(width=510.0))
    tallest = max(bounds(group)[3] - bounds(group)[1] for group in scene.groups())
    assert tallest > 140
    assert "2 connections" not in " ".join(texts(scene))
