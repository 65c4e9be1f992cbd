"""The graph view: boxes, folding, templates, pictures of the whole shelf, and large networks."""

from __future__ import annotations

import gc
from functools import partial
from random import Random
from time import process_time

import pytest

from cnncalc import shelf
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.drawing.graph import graph_view
from cnncalc.drawing.graph.boxes import boxes_of, values_of
from cnncalc.drawing.graph.folding import Plan, plan
from cnncalc.drawing.graph.tree import Tree
from cnncalc.drawing.options import A4, Options
from cnncalc.drawing.scene import Group, Path, Rect, Scene, Style, Text
from cnncalc.drawing.select import Undrawable
from cnncalc.layers import KINDS
from cnncalc.layers.conv import Conv
from cnncalc.layers.merge import Add
from cnncalc.loading import Spec, load
from cnncalc.network import Builder
from cnncalc.shape import Shape
from tests.drawing.geometry import drawn_in, flaws


def analysis_of(name: str) -> Analysis:
    return analyze(load(Spec(name)))


def line(text: str) -> Analysis:
    return analyze(load(Spec(text, line=True)))


def plan_of(analysis: Analysis, depth: int | None = None) -> Plan:
    return plan(Tree(boxes_of(values_of(analysis), analysis.network.outputs)), depth)


def words(scene: Scene) -> list[str]:
    return [item.text for item, _ in scene.flat() if isinstance(item, Text)]


def lines_of(scene: Scene, layer: str) -> list[str]:
    """Return the text of the box of a layer."""
    group = next(group for group in scene.groups() if group.name == layer)
    return [item.text for item in group.items if isinstance(item, Text)]


@pytest.mark.parametrize("horizontal", [False, True])
def test_pictures_of_the_shelf_have_no_flaws(horizontal: bool) -> None:
    for name in shelf.names():
        analysis = analysis_of(name)
        if horizontal and len(analysis.rows) > 200:
            continue
        scene, seconds = drawn_in(partial(graph_view, analysis, Options(horizontal=horizontal)))
        assert seconds < 0.5, name
        assert flaws(scene, analysis.network) == [], name
        assert scene.title
        assert scene.description


def fits(scene: Scene, pages: int = 1) -> bool:
    """Return whether a picture fits on A4 pages side by side at its own size, either way up."""
    return any(scene.width <= width * pages and scene.height <= height for width, height in (A4, A4[::-1]))


def test_pictures_fit_pages() -> None:
    assert fits(graph_view(analysis_of("resnet50")))
    assert fits(graph_view(analysis_of("densenet121")), pages=2)
    chains = [name for name in shelf.names() if "vgg" in name or "alexnet" in name]
    assert all(fits(graph_view(analysis_of(name))) for name in chains)


def test_normalizations_and_activations_join_the_box_of_their_producer() -> None:
    analysis = analysis_of("resnet18")
    boxes = boxes_of(values_of(analysis), analysis.network.outputs)
    assert len(analysis.rows) == 69
    assert len(boxes) == 32
    assert lines_of(graph_view(analysis), "conv1.conv1") == ["7×7 conv, 64, /2", "BN, ReLU", "112×112×64"]


def test_a_normalization_before_its_layer_is_its_first_line() -> None:
    scene = graph_view(analysis_of("densenet121"))
    assert lines_of(scene, "Dense1.new.Pre1.conv1")[:3] == ["BN, ReLU", "1×1 conv, 128", "BN, ReLU"]


def test_a_value_that_is_read_twice_keeps_its_box() -> None:
    builder = Builder()
    image = builder.input("input", Shape((8, 8, 4)))
    conv = builder.add(Conv(filters=4, kernel=3, pad=1), [image], "conv")
    relu = builder.add(KINDS["relu"](), [conv], "relu")
    analysis = analyze(builder.finish([builder.add(Add(), [conv, relu], "add")]))
    boxes = boxes_of(values_of(analysis), analysis.network.outputs)
    assert [box.form for box in boxes] == ["box", "box", "box", "circle"]


def test_equal_neighbouring_blocks_are_one_stack() -> None:
    parts = {leaf.first: leaf for leaf in plan_of(analysis_of("densenet121")).tree.root.leaves()}
    scene = graph_view(analysis_of("densenet121"))
    assert [word for word in words(scene) if word.startswith("×")] == ["×6", "×12", "×24", "×16"]
    assert sum(len(leaf.rows) for leaf in parts.values()) == 427
    assert "concat, 56×56×96…256" in words(scene)


def test_blocks_that_differ_in_shape_are_not_folded() -> None:
    """Two stages of VGG have the same layers, but not the same feature maps."""
    assert not [item for item in plan_of(analysis_of("vgg16")).stretches if item.part.times > 1]


def test_distinct_blocks_are_drawn_once_with_symbols() -> None:
    scene = graph_view(analysis_of("resnet50"))
    found = words(scene)
    assert "Bottleneck A 512, /2" in found
    assert "Bottleneck B 512  ×3" in found
    assert {"Bottleneck A", "Bottleneck B", "C: channels out", "s: stride", "1×1 conv, C/4", "3×3 conv, C/4, /s"} <= {
        *found
    }
    shown = [group for group in scene.groups() if group.layers]
    assert sum(len(group.layers) for group in shown) == 175
    names = {group.name: len(group.layers) for group in shown}
    assert names["conv3_x.Bottleneck2"] == 3 * (3 + 3 + 2 + 2)


def test_numbers_without_a_rule_are_in_a_table() -> None:
    """The numbers are those of table 1 of the paper, Szegedy et al. 2014."""
    found = words(graph_view(analysis_of("googlenet")))
    start = found.index("3a", found.index("concat"))
    assert found[start : start + 9] == ["3a", "3b", "4a", "4b", "4c", "4d", "4e, 5a", "5b", "a"]
    column = found[start + 9 : start + 17]
    assert column == ["64", "128", "192", "160", "128", "112", "256", "384"]


def test_equal_branches_are_one_box() -> None:
    """C3 of LeNet-5 has twelve maps that read neighbouring maps, and three that read two pairs."""
    found = words(graph_view(analysis_of("lenet5_1998")))
    assert "12 branches:" in found
    assert "3 branches:" in found


def test_a_network_with_long_skips_is_drawn_in_two_halves() -> None:
    scene = graph_view(analysis_of("unet"))
    ends = [item.points[-1] for item, _ in scene.flat() if isinstance(item, Path) and item.role == "edge"]
    crops = [group.items[0] for group in scene.groups() if "crop" in group.name]
    assert len(crops) == 4
    for box in crops:
        assert isinstance(box, Rect)
        assert (box.x, box.y + box.height / 2) in [(x, pytest.approx(y)) for x, y in ends]
    assert fits(scene)


def test_what_is_read_for_its_shape_only_has_no_edge() -> None:
    """The last layer of FCN-32s crops to the size of the input; the picture is a chain."""
    scene = graph_view(analysis_of("fcn32s"), Options(depth=0))
    edges = [item for item, _ in scene.flat() if isinstance(item, Path) and item.arrow]
    assert len({edge.points[0] for edge in edges}) == len(edges)


@pytest.mark.parametrize("name", shelf.names())
def test_the_shelf_fits_a4(name: str) -> None:
    """At its own size, with text of 8 pt."""
    scene = graph_view(analysis_of(name))
    assert fits(scene)
    assert min(item.size for item, _ in scene.flat() if isinstance(item, Text)) >= 8


def test_what_follows_every_convolution_is_stated_once_to_save_space() -> None:
    """Inception v3 fits a page only if its boxes have no second line; with figures in them, it does not."""
    found = words(graph_view(analysis_of("inception_v3")))
    assert "Every convolution is followed by BN and ReLU." in found
    assert "BN, ReLU" not in found
    assert "BN, ReLU" in words(graph_view(analysis_of("inception_v3"), Options(legend=False)))
    assert "BN, ReLU" in words(graph_view(analysis_of("resnet50")))


@pytest.mark.parametrize("name", ["resnet50", "unet", "vgg16", "mobilenet_v2", "googlenet", "inception_v3"])
def test_a_width_is_kept(name: str) -> None:
    """That of a column and of a page of text, with the distinct blocks below the overview if they need to be."""
    for width in (300.0, 510.0):
        scene = graph_view(analysis_of(name), Options(width=width))
        assert flaws(scene, analysis_of(name).network) == []
        assert scene.width == pytest.approx(width) or name == "inception_v3"


def test_a_block_with_many_boxes_is_drawn_in_several_columns() -> None:
    """A stage that is drawn once, of sixty layers in an order that does not repeat."""
    dice = Random(1)
    kernels = [dice.choice([1, 3, 5]) for _ in range(60)]
    builder = Builder()
    value = builder.input("input", Shape((8, 8, 4)))
    for stage in range(4):
        for number, kernel in enumerate(kernels):
            layer = Conv(filters=8 * (stage + 1), kernel=kernel, pad=kernel // 2)
            value = builder.add(layer, [value], f"stage{stage}.conv{number}")
    analysis = analyze(builder.finish([value]))
    scene = graph_view(analysis)
    assert flaws(scene, analysis.network) == []
    found = words(scene)
    assert found.count("Stage") == 1
    assert sum("conv, C" in word for word in found) > 30
    assert fits(scene)


def test_a_block_within_a_block_of_its_own_is_named_after_the_outer_one() -> None:
    """The last stage of MobileNetV2 has one block, and its bracket has the name of the stage as the others do."""
    found = words(graph_view(analysis_of("mobilenet_v2"), Options(depth=3)))
    assert {f"Stage{number}" for number in range(1, 8)} <= {*found}
    assert "Inverted1" not in found


def test_networks_of_the_same_name_are_told_apart() -> None:
    """As with `--set`, which leaves the name of the network."""
    found = words(graph_view(chain(3, 2), Options(against=chain(3, 3))))
    assert "≠ changed from the other network to this network" in found


def test_depth_folds_blocks() -> None:
    analysis = analysis_of("resnet50")
    assert [item.part.key for item in plan_of(analysis, 0).items if item.part.children] == [
        "conv2_x", "conv3_x", "conv4_x", "conv5_x",
    ]  # fmt: skip
    assert len(plan_of(analysis, 1).items) == 3 + 8 + 2
    assert len(plan_of(analysis, 2).items) > 30
    for depth in range(4):
        assert flaws(graph_view(analysis, Options(depth=depth)), analysis.network) == []


def test_shown_figures_are_those_of_each_repetition() -> None:
    scene = graph_view(analysis_of("resnet18"), Options(show=("params", "macs", "memory", "rf")))
    first = lines_of(scene, "conv2_x.Block1.ConvBN1.conv1")
    assert first == ["3×3 conv, 64", "BN, ReLU", "37.0K params each", "116M MACs each", "803 kB each", "RF 35"]
    dense = graph_view(analysis_of("densenet121"), Options(show=("params",)))
    assert "114K params in all" in lines_of(dense, "Dense1.new.Pre1.conv1")


@pytest.mark.parametrize("how", ["params", "macs", "memory", "stage"])
def test_colors_say_what_the_text_says(how: str) -> None:
    analysis = analysis_of("resnet18")
    scene = graph_view(analysis, Options(color_by=how))
    assert flaws(scene, analysis.network) == []
    fills: dict[str, set[str]] = {}
    for group in scene.groups():
        box = next((item for item in group.items if isinstance(item, Rect) and item.role == "box"), None)
        if box is not None and group.layers and how != "stage":
            share = (
                next(item.text for item in group.items if isinstance(item, Text) and item.text.endswith("%"))
                if group.name != "input"
                else "0 %"
            )
            fills.setdefault(box.style.fill, set()).add(share)
    if how == "macs":
        assert {name: max(float(share.strip("<% ")) for share in shares) for name, shares in fills.items()}[
            "heat-0"
        ] <= 4


def test_unknown_costs_are_not_shown_as_nothing() -> None:
    from cnncalc.layers.operator import Unknown

    builder = Builder()
    image = builder.input("input", Shape((8, 8, 4)))
    strange = builder.add(Unknown("deformconv", Shape((8, 8, 4))), [image], "strange")
    analysis = analyze(builder.finish([builder.add(Conv(filters=4, kernel=3), [strange], "conv")]))
    scene = graph_view(analysis, Options(color_by="macs"))
    assert "?" in lines_of(scene, "strange")
    assert {"share of the known multiply-adds", "not known"} <= {*words(scene)}


def test_highlighted_layers_are_outlined() -> None:
    scene = graph_view(analysis_of("resnet18"), Options(highlight=("conv3_x",)))
    marked = [
        group.name
        for group in scene.groups()
        if any(getattr(item, "style", Style()).stroke == "accent" for item in group.items)
    ]
    assert len(marked) == 7
    assert all(name.startswith("conv3_x") for name in marked)
    with pytest.raises(Undrawable, match="conv9_x"):
        graph_view(analysis_of("resnet18"), Options(highlight=("conv9_x",)))


# -- two networks ----------------------------------------------------------------------------------------------------


def boxes_by_change(scene: Scene) -> dict[str, list[list[str]]]:
    """Return the texts of boxes, by the color of their change."""
    found: dict[str, list[list[str]]] = {}
    for group in scene.groups():
        box = next((item for item in group.items if isinstance(item, Rect) and item.role == "box"), None)
        if box is not None:
            found.setdefault(box.style.fill, []).append([item.text for item in group.items if isinstance(item, Text)])
    return found


def test_changes_show_in_text_and_border() -> None:
    before = line("32x32x3 -> CONV3-16 -> RELU -> POOL2 -> CONV3-32 -> FC-100 -> FC-10")
    after = line("32x32x3 -> CONV3-16 -> RELU -> POOL2 -> CONV5-32 -> CONV3-64 -> FC-10")
    scene = graph_view(after, Options(against=before))
    assert flaws(scene, after.network) == []
    found = boxes_by_change(scene)
    assert found["changed"][0][:2] == ["≠ 5×5 conv, 32", "was 3×3 conv, 32"]
    assert found["added"] == [["+ 3×3 conv, 64", "16×16×64"]]
    assert found["removed"] == [["− fc, 100"]]
    borders = {
        item.style.fill: (item.style.width, item.style.dash) for item, group in scene.flat()
        if isinstance(item, Rect) and item.role == "box" and group is not None
    }  # fmt: skip
    assert len(set(borders.values())) == 4
    assert scene.description == "1 layer added, 2 layers changed, 1 layer removed, 4 layers same."


def test_equal_networks_differ_in_nothing() -> None:
    scene = graph_view(analysis_of("resnet18"), Options(against=analysis_of("resnet18")))
    assert {*boxes_by_change(scene)} == {"same"}


@pytest.mark.parametrize(
    "names", [("resnet34", "resnet18"), ("resnet50", "resnet18"), ("vgg16", "unet"), ("unet", "vgg16")]
)
def test_any_two_networks_can_be_compared(names: tuple[str, str]) -> None:
    analysis, other = map(analysis_of, names)
    scene = graph_view(analysis, Options(against=other))
    assert flaws(scene, analysis.network) == []


# -- large and small networks ----------------------------------------------------------------------------------------


def chain(count: int, filters: int) -> Analysis:
    """Return a chain of convolutions in blocks of three; with more than one number of filters, blocks differ."""
    builder = Builder()
    value = builder.input("input", Shape((8, 8, 4)))
    layers = [Conv(filters=4 + number, kernel=3, pad=1) for number in range(filters)]
    for number in range(count):
        value = builder.add(
            layers[number * number % filters], [value], f"stage{number // 30}.block{number // 3}.conv{number % 3}"
        )
    return analyze(builder.finish([value]))


def test_large_networks_are_folded() -> None:
    analysis = chain(3000, 97)
    scene = graph_view(analysis)
    assert flaws(scene, analysis.network) == []
    assert sum(len(group.layers) for group in scene.groups()) == 3001


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.heavy)])
def test_very_large_networks_are_folded_or_refused(count: int) -> None:
    assert len(plan_of(chain(count, 1)).items) < 10
    with pytest.raises(Undrawable, match=r"boxes, and it may have 1,200 at most: it has no blocks"):
        graph_view(nameless(count))


def nameless(count: int) -> Analysis:
    """Return a chain without blocks and without repetitions."""
    builder = Builder()
    value = builder.input("input", Shape((8, 8, 4)))
    layers = [Conv(filters=4 + number, kernel=3, pad=1) for number in range(997)]
    for number in range(count):
        value = builder.add(layers[number * number % 997], [value], f"conv{number}")
    return analyze(builder.finish([value]))


def test_time_grows_with_the_number_of_layers() -> None:
    def seconds(count: int) -> float:
        analysis = chain(count, 1)
        gc.collect()
        gc.disable()
        start = process_time()
        plan_of(analysis)
        gc.enable()
        return process_time() - start

    assert seconds(16_000) < 10 * seconds(4000) + 0.1


def test_groups_of_examples_stand_for_no_layer() -> None:
    scene = graph_view(analysis_of("resnet50"))
    assert all(isinstance(group, Group) for group in scene.groups())
    assert any(not group.layers for group in scene.groups())


def test_blocks_without_names_can_have_a_table() -> None:
    """Repeated units of a network without blocks, whose numbers follow no rule."""
    builder = Builder()
    value = builder.input("input", Shape((8, 8, 4)))
    count = 0
    for widths in ((3, 5, 7), (4, 9, 6), (10, 2, 12), (5, 6, 7)):
        for _ in range(3):
            before = value = builder.add(Conv(filters=8, kernel=1), [value], f"in{count}")
            for width in widths:
                value = builder.add(Conv(filters=width, kernel=3, pad=1), [value], f"conv{count}_{width}")
            value = builder.add(Conv(filters=8, kernel=3, pad=1), [value], f"out{count}")
            value = builder.add(Add(), [value, before], f"add{count}")
            count += 1
    analysis = analyze(builder.finish([value]))
    for depth in (None, 0):
        assert flaws(graph_view(analysis, Options(depth=depth)), analysis.network) == []
