"""The slides of a lecture: windows, sizes and receptive fields are those of the network, checked by brute force."""

from __future__ import annotations

import pytest

from cnncalc.analyses.receptive import extent
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.drawing.draw import draw
from cnncalc.drawing.lecture.field import part_seen
from cnncalc.drawing.lecture.strip import Axis, axis_of, shown_cells, strip
from cnncalc.drawing.options import Options
from cnncalc.drawing.scene import Rect, Scene, Text
from cnncalc.drawing.select import Undrawable
from cnncalc.loading import Spec, load
from cnncalc.shape import TransposedWindow, Window
from tests.drawing.geometry import flaws
from tests.helpers import network_of

SHELF = (
    "alexnet",
    "lenet5",
    "vgg16",
    "unet",
    "dcgan_generator",
    "resnet18",
    "squeezenet1_0",
    "stacked_lstm",
    "convnext_tiny",
)


def analysis_of(name: str) -> Analysis:
    """Return a shipped network with its figures."""
    return analyze(load(Spec(name)))


def drawn(analysis: Analysis, options: Options) -> Scene | None:
    """Return a picture, or None if it cannot be drawn."""
    try:
        return draw(analysis, options)
    except Undrawable:
        return None


def texts(scene: Scene) -> list[str]:
    """Return what is written."""
    return [item.text for item, _ in scene.flat() if isinstance(item, Text)]


@pytest.mark.parametrize("name", SHELF)
@pytest.mark.parametrize("width", [None, 260.0])
def test_every_layer_has_its_slides(name: str, width: float | None) -> None:
    """Without a flaw, for each layer that has a window or a field; the others are refused with a reason."""
    analysis = analysis_of(name)
    found = 0
    for node in analysis.network.nodes[:: 1 if len(analysis.network.nodes) < 50 else 5]:
        for options in (Options(layer=node.name, width=width), Options(receptive_field=node.name, width=width)):
            scene = drawn(analysis, options)
            found += scene is not None
            assert scene is None or flaws(scene) == [], node.name
    assert found


def test_the_formula_has_the_numbers() -> None:
    """The picture of AlexNet's first convolution: size, parameters and multiply-adds of CS231n."""
    scene = draw(analysis_of("alexnet"), Options(layer="conv1"))
    found = texts(scene)
    for words in (
        "conv1: 11×11 conv, 96, /4", "96 filters of 11×11×3", "stride S = 4", "padding P = 0", "height, width",
        "(W - F + 2P)/S + 1 = (227 - 11 + 2*0)/4 + 1 = 55", "weight + bias = 34,848 + 96 = 34,944", "cell 54",
    ):  # fmt: skip
        assert words in found
    assert "(227 - 11 + 2*0)/4 + 1 = 55" in scene.description


def test_rounding_is_said() -> None:
    """What the layer's notes say is on the slide, too."""
    network = network_of("input: 12x12x3\nlayers: [{conv: {filters: 4, kernel: 3, stride: 2}, as: odd}]\n")
    found = " ".join(texts(draw(analyze(network), Options(layer="odd"))))
    assert "rounded down to 5; the last cell of the input is not read" in found


@pytest.mark.parametrize("width", [1, 5, 12, 33, 200])
@pytest.mark.parametrize("kernel", [1, 2, 3, 7])
@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 1), (0, 2)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_windows_are_where_the_layer_reads(
    width: int, kernel: int, stride: int, before: int, after: int, dilation: int
) -> None:
    """Every drawn window covers the cells of its output cell, and every drawn cell is input or padding as it should be."""
    window = Window(kernel, stride, before, after, dilation)
    if width + before + after < window.reach:
        return
    check_strip(axis_of(window, width))
    transposed = TransposedWindow(kernel, stride, before, after, dilation)
    if (width - 1) * stride + transposed.reach > before + after:
        check_strip(axis_of(transposed, width))


def check_strip(axis: Axis) -> None:
    """Compare the drawn cells and windows with the axis."""
    items, height = strip(axis, "conv", 0, 0, 400)
    left, right = shown_cells(axis)
    positions = [*range(left), *range(axis.total - right, axis.total)]
    cells = [item for item in items if isinstance(item, Rect) and item.y == 0]
    assert len(cells) == len(positions) == len(set(positions))
    place_of = {round(cell.x, 3): position for cell, position in zip(cells, positions, strict=True)}
    for cell, position in zip(cells, positions, strict=True):
        assert (cell.style.dash == ()) == (axis.before <= position < axis.before + axis.length)
    bars: dict[float, list[int]] = {}
    for item in items:
        if isinstance(item, Rect) and item.y > 0:
            bars.setdefault(item.y, []).append(place_of[round(item.x, 3)])
    labels = [int(item.text.removeprefix("cell ")) for item in items if isinstance(item, Text) and item.text != "0"]
    assert len(bars) == len(labels)
    assert labels[0] == 0
    assert labels[-1] == axis.windows - 1
    for taps, number in zip(bars.values(), labels, strict=True):
        assert taps == [number * axis.stride + tap * axis.dilation for tap in range(axis.kernel)]
    assert height > 0


CHAINS = (
    "input: 40x40x1\nlayers: [conv: {filters: 1, kernel: 3}, conv: {filters: 1, kernel: 5, stride: 2}, maxpool: 2]\n",
    "input: 40x40x1\nlayers: [conv: {filters: 1, kernel: 3, pad: 1, dilation: 2}, avgpool: {kernel: 3, stride: 2}]\n",
    "input: 41x41x1\nlayers: [maxpool: 2, upsample: 2, conv: {filters: 1, kernel: 3}]\n",
)


@pytest.mark.parametrize("text", CHAINS)
def test_the_part_that_is_seen_is_found_by_following_the_windows(text: str) -> None:
    """Trace the cells of every layer back to the input, one by one."""
    analysis = analyze(network_of(text))
    nodes = analysis.network.nodes
    for node in nodes[1:]:
        for cell in range(node.output[0]):
            cells = {cell}
            for step in reversed(nodes[1 : node.index + 1]):
                assert step.layer is not None
                (view, _) = step.layer.windows(*analysis.network.shapes(step)) or ()
                if isinstance(view, Window):
                    cells = {
                        one * view.stride - view.before + tap * view.dilation
                        for one in cells
                        for tap in range(view.kernel)
                    }
                else:
                    cells = {source for one in cells for source in view.taps(one)}  # type: ignore[union-attr]
            assert part_seen(analysis.fields[node.index], 0, 40, cell) == (min(cells), max(cells))


def test_growth_is_that_of_the_table() -> None:
    """Every bar has the size of `cnncalc analyze --columns rf`, and the last one that of the layer."""
    analysis = analysis_of("vgg16")
    scene = draw(analysis, Options(receptive_field="Stage3.conv3"))
    assert {"One cell of Stage3.conv3 sees 40×40 of 224×224", "40, stride 4", "16, stride 4", "6, stride 2"} <= set(
        texts(scene)
    )
    widths = {
        group.name: next(item.width for item in group.items if isinstance(item, Rect))
        for group in scene.groups() if group.name != "Stage3.conv3" and len(group.items) == 3
    }  # fmt: skip
    sizes = {}
    for node in analysis.network.nodes:
        seen = extent(analysis.fields[node.index], analysis.extent)
        assert seen is not None
        sizes[node.name] = seen[0][0]
    scale = widths["Stage1.conv1"] / 3
    assert widths == {name: pytest.approx(sizes[name] * scale) for name in widths}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lenet5", Options(layer="tanh1"), "`tanh1` has no window: --layer draws convolutions and poolings"),
        ("lenet5", Options(layer="input"), "`input` has no window"),
        ("lenet5", Options(layer="c2"), "no layer named `c2`: its layers are `input`, `C1`, "),
        (
            "vgg16",
            Options(layer="conv3"),
            "`conv3` is the name of 3 layers: write the path, such as `Stage3.conv3` or ",
        ),
        ("vgg16", Options(layer="Stage9.conv1"), "no layer named `Stage9.conv1`: did you mean `Stage"),
        ("mlp", Options(receptive_field="fc1"), "the input 3 has no positions"),
    ],
)
def test_what_cannot_be_drawn(name: str, options: Options, message: str) -> None:
    """One sentence with its remedy."""
    with pytest.raises(Undrawable) as error:
        draw(analysis_of(name), options)
    assert message in str(error.value)


def test_a_layer_is_found_by_the_end_of_its_name() -> None:
    """Where only one layer has it."""
    assert texts(draw(analysis_of("unet"), Options(layer="dec1.up")))[0].startswith("dec1.up: 2×2 transposed conv")
    assert (
        texts(draw(analysis_of("vgg16"), Options(receptive_field="fc3")))[0] == "One cell of fc3 sees the whole input"
    )
