"""Receptive fields compared with loops that trace every output cell back to the input cells that it sees.

For each cell of a layer, the loops track the first and last input cell under it, and whether a border was met on the
way (padding, or a cell that an earlier layer left out). Cells that met no border must see exactly what `receptive_fields`
returns. tests/oracle/analyses/test_receptive.py does the same with gradients.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from cnncalc.analyses.receptive import Axis, Cycle, Field, Whole, extent, of_features, receptive_fields
from cnncalc.analyses.receptive_span import Reach, Span
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv, ConvTranspose, Depthwise
from cnncalc.layers.dense import FC, ClassToken
from cnncalc.layers.merge import Add, Concat, Mul
from cnncalc.layers.norm import BatchNorm
from cnncalc.layers.operator import Operator, Unknown
from cnncalc.layers.pool import AdaptiveAvgPool, AvgPool, GlobalAvgPool, MaxPool
from cnncalc.layers.recurrent import ConvLSTM
from cnncalc.layers.reshape import CropLike, Flatten, Padding, Permute, PixelShuffle, Reshape, Resize, Slice, Upsample
from cnncalc.layers.views import Unseen
from cnncalc.network import Builder
from cnncalc.problem import Problem
from cnncalc.render.columns import receptive_field
from cnncalc.shape import Shape
from tests.helpers import TESTS, network_of

LENGTH = 240
Cell = tuple[int | None, int | None, bool]  # first and last input cell (None: sees nothing), met a border
NOTHING: Cell = (None, None, True)


# -- the loops -------------------------------------------------------------------------------------------------------


def hull(cells: Sequence[Cell], places: Sequence[int]) -> Cell:
    """Return what a cell sees that is made of the cells at `places`. Places outside the input are padding."""
    met = [cells[place] if 0 <= place < len(cells) else NOTHING for place in places]
    firsts = [first for first, _, _ in met if first is not None]
    lasts = [last for _, last, _ in met if last is not None]
    return (min(firsts, default=None), max(lasts, default=None), any(border for _, _, border in met))


def slid(layer: Any, cells: Sequence[Cell], count: int) -> list[Cell]:
    """Return the cells of a sliding window, one by one."""
    stride, dilation = layer.stride or layer.kernel, getattr(layer, "dilation", 1)
    return [
        hull(cells, [place * stride - layer.pad + number * dilation for number in range(layer.kernel)])
        for place in range(count)
    ]


def scattered(layer: Any, cells: Sequence[Cell], count: int) -> list[Cell]:
    """Return the cells of a transposed window: every input cell, and those of a longer input, spread under the window."""
    under: dict[int, list[int]] = {}
    for cell in range(-40, len(cells) + 40):
        for number in range(layer.kernel):
            under.setdefault(cell * layer.stride + number * layer.dilation - layer.pad, []).append(cell)
    return [hull(cells, under.get(place, [])) for place in range(count)]


def adapted(cells: Sequence[Cell], count: int) -> list[Cell]:
    """Return adaptive windows as in PyTorch: from the floor of one bound to the ceiling of the next."""
    steps = len(cells)
    return [
        hull(cells, range(place * steps // count, ((place + 1) * steps + count - 1) // count)) for place in range(count)
    ]


def mixed(mode: str, cells: Sequence[Cell], count: int) -> list[Cell]:
    """Return the cells of a resampling to `count` cells: the nearest cell below, or the two around the aligned centre."""
    found = []
    for place in range(count):
        if mode == "nearest":
            found.append(hull(cells, [place * len(cells) // count]))
            continue
        above, below = (2 * place + 1) * len(cells) - count, 2 * count  # (place + 1/2)*old/new - 1/2
        found.append(hull(cells, [above // below, -(-above // below)]))
    return found


def seen(layer: Any, cells: Sequence[Cell], count: int) -> list[Cell]:
    """Return what each of the `count` output cells of a layer sees."""
    if isinstance(layer, (Conv, Depthwise, MaxPool, AvgPool)):
        return slid(layer, cells, count)
    if isinstance(layer, ConvTranspose):
        return scattered(layer, cells, count)
    if isinstance(layer, AdaptiveAvgPool) or getattr(layer, "mode", "") == "area":
        return adapted(cells, count)
    if isinstance(layer, (Upsample, Resize)):
        return mixed(layer.mode, cells, count)
    if isinstance(layer, Slice):
        return list(cells[layer.start : layer.stop : layer.step])
    if isinstance(layer, Padding):
        by = dict(layer.by) if isinstance(layer.by, dict) else {"left": int(layer.by), "right": int(layer.by)}  # type: ignore[call-overload]
        return [*[NOTHING] * by.get("left", 0), *cells, *[NOTHING] * by.get("right", 0)]
    if isinstance(layer, ClassToken):
        return [NOTHING, *cells]
    raise NotImplementedError(layer.kind)


def predicted(axis: Axis, place: int) -> tuple[int, int] | None:
    """Return what an output cell sees according to the analysis."""
    if not isinstance(axis, Cycle):
        first, last, stride = axis
        return first + place * stride, last + place * stride
    turn, number = divmod(place, len(axis.seen))
    one = axis.seen[number]
    return None if one is None else (one[0] + turn * axis.period, one[1] + turn * axis.period)


def compared(field: Field, cells: Sequence[Cell]) -> int:
    """Compare cell by cell, and return how many cells were far enough from the borders."""
    assert field is not None
    assert not isinstance(field, Whole)
    (axis,) = field
    inside = [place for place, (_, _, border) in enumerate(cells) if not border]
    for place in inside:
        first, last, _ = cells[place]
        assert (None if first is None or last is None else (first, last)) == predicted(axis, place), f"cell {place}"
    sizes = [last - first + 1 for first, last, border in cells if not border and first is not None and last is not None]
    if len(inside) > 60 and not (
        isinstance(axis, Cycle) and len(axis.seen) > 60
    ):  # enough cells to cover every place of the cycle
        found = extent(field, Shape((LENGTH, 1)))
        assert found is not None
        assert found[0] == [max(sizes, default=0)]
    return len(inside)


# -- random networks -------------------------------------------------------------------------------------------------


def conv(random: Random, most: int = 3) -> Layer:
    """Draw a convolution with a stride of at most `most`."""
    return Conv(
        filters=1, kernel=random.randint(1, 5), stride=random.randint(1, most), pad=random.randint(0, 3),
        dilation=random.randint(1, 3),
    )  # fmt: skip


def pool(random: Random) -> Layer:
    """Draw a pooling, rounded up or down."""
    kernel = random.randint(1, 4)
    kind: type[Layer] = random.choice([MaxPool, AvgPool])
    return kind(
        kernel=kernel, stride=random.randint(1, 3), pad=random.randint(0, kernel // 2), ceil=random.random() < 0.5
    )


def transposed(random: Random) -> Layer:
    """Draw a transposed convolution: with gaps (stride larger than the kernel), dilation or output padding, too."""
    stride = random.randint(1, 3)
    return ConvTranspose(
        filters=1, kernel=random.randint(1, 5), stride=stride, pad=random.randint(0, 2),
        output_pad=random.randint(0, stride - 1), dilation=random.choice([1, 1, 2, 3]),
    )  # fmt: skip


def larger(random: Random) -> Layer:
    """Draw an upsampling by a whole factor."""
    return Upsample(factor=random.randint(1, 4), mode=random.choice(["nearest", "linear"]))


def resized(random: Random) -> Layer:
    """Draw a resize to any length."""
    return Resize(to=(random.randint(20, 2 * LENGTH),), mode=random.choice(["nearest", "linear", "area"]))


def adaptive(random: Random) -> Layer:
    """Draw an adaptive pooling, mostly with windows of different sizes."""
    return AdaptiveAvgPool(output=(random.choice([2, 3, 5, 7, 8, 12, 30, 40]),))


def skipping(random: Random) -> Layer:
    """Draw a window whose stride skips cells, or that only looks back."""
    kernel, dilation = random.randint(1, 3), random.randint(1, 4)
    if random.random() < 0.5:
        return Conv(filters=1, kernel=kernel, stride=random.randint(1, 6), pad=random.randint(0, 4), dilation=dilation)
    return Padding(by={"left": random.randint(1, 9)})


def moved(random: Random) -> Layer:
    """Draw a layer that cuts off or adds cells."""
    return random.choice(
        [
            Slice(axis="steps", start=random.randint(0, 5), stop=random.randint(30, 60), step=random.randint(1, 3)),
            Padding(by=random.randint(1, 4)),
            ClassToken(),
        ]
    )


FAMILIES: dict[str, tuple[Callable[[Random], Layer], ...]] = {
    "windows": (conv, pool),
    "upsampled": (conv, pool, larger),
    "transposed": (conv, transposed),
    "resized": (conv, pool, resized),
    "moved": (conv, moved),
    "adaptive": (conv, pool, adaptive),
    "skipping": (conv, moved, skipping, transposed),
    "all": (conv, pool, transposed, larger, moved),
}


class Walk:
    """A network built layer by layer, together with its loops."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.builder.input("input", Shape((LENGTH, 1)))
        self.cells: list[list[Cell]] = [[(place, place, False) for place in range(LENGTH)]]

    def add(self, layer: Layer, value: int) -> int | None:
        """Return the value after the layer, or None if it does not fit or becomes too long."""
        try:
            after = self.builder.add(layer, [value], f"layer{len(self.cells)}")
        except Problem:
            return None
        count = self.builder.shape(after)[0]
        self.cells.append(seen(layer, self.cells[value], count))
        assert len(self.cells[-1]) == count
        return after

    def grown(self, random: Random, family: Sequence[Callable[[Random], Layer]], value: int, depth: int) -> int:
        """Add a few layers to a value."""
        for _ in range(depth):
            if self.builder.shape(value)[0] > 1500:
                break
            after = self.add(random.choice(family)(random), value)
            value = value if after is None else after
        return value

    def spans(self) -> None:
        """Compare what every value sees as a whole, from the first to the last cell that any of its cells sees."""
        reach = Reach(self.builder.finish([len(self.cells) - 1]))
        for value, cells in enumerate(self.cells):
            first, last, _ = hull(cells, range(len(cells)))
            span = reach.spans(value)
            wanted = () if first is None or last is None else (Span(first, last, LENGTH),)
            assert span == wanted, [node.layer for node in self.builder.nodes]

    def fields(self) -> list[Field]:
        """Return the receptive field of every value."""
        return receptive_fields(self.builder.finish([len(self.cells) - 1]))


@pytest.mark.heavy
@pytest.mark.parametrize("family", FAMILIES)
def test_chains(family: str) -> None:
    """Every layer of random chains of up to five layers."""
    cells = 0
    for seed in range(60):
        random = Random(f"{family}{seed}")
        walk = Walk()
        walk.grown(random, FAMILIES[family], 0, random.randint(1, 5))
        walk.spans()
        for field, loops in zip(walk.fields(), walk.cells, strict=True):
            if field is None:
                assert family in ("resized", "adaptive")  # only their pattern may be too long to follow
                continue
            cells += compared(field, loops)
    assert cells > 5000


@pytest.mark.heavy
@pytest.mark.parametrize("family", ["windows", "upsampled", "transposed"])
def test_branches(family: str) -> None:
    """Two branches of one value, cropped to the same length and added: the union, or unknown if the strides differ."""
    known = unknown = 0
    for seed in range(80):
        random = Random(f"branches of {family}{seed}")
        walk = Walk()
        fork = walk.grown(random, FAMILIES[family], 0, 1)
        ends = [walk.grown(random, FAMILIES[family], fork, random.randint(0, 3)) for _ in range(2)]
        short, long = sorted(ends, key=lambda value: walk.builder.shape(value)[0])
        rest = walk.builder.shape(long)[0] - walk.builder.shape(short)[0]
        cropped = walk.builder.add(CropLike(like="other"), [long, short], "crop")
        walk.cells.append(walk.cells[long][rest // 2 :][: len(walk.cells[short])])
        joined = walk.builder.add(Add(), [cropped, short], "add")
        walk.cells.append([hull((a, b), (0, 1)) for a, b in zip(walk.cells[cropped], walk.cells[short], strict=True)])
        walk.grown(random, FAMILIES[family], joined, 2)
        walk.spans()
        fields = walk.fields()
        whole = Shape((LENGTH, 1))
        strides = [found[1] for end in ends if (found := extent(fields[end], whole)) is not None]
        assert (fields[joined] is None) == (strides[0] != strides[1])
        for field, loops in zip(fields, walk.cells, strict=True):
            if field is None:
                unknown += 1
            else:
                known += compared(field, loops) > 0
    assert known > 200
    assert unknown > 10


# -- facts -----------------------------------------------------------------------------------------------------------

RECEPTIVE_FIELD = json.loads((TESTS / "reference" / "receptive_field.json").read_text())


@pytest.mark.parametrize(("record", "convs"), [("vgg_a", (1, 1, 2, 2, 2)), ("vgg_16", (2, 2, 3, 3, 3))])
def test_vgg(record: str, convs: tuple[int, ...]) -> None:
    """Size, stride and padding are those of google-research/receptive_field at its endpoints."""
    builder = Builder()
    value = builder.input("input", Shape((224, 224, 3)))
    for stage, count in enumerate(convs, 1):
        for number in range(1, count + 1):
            value = builder.add(Conv(filters=8, kernel=3, pad=1), [value], f"conv{stage}_{number}")
        value = builder.add(MaxPool(kernel=2), [value], f"pool{stage}")
    network = builder.finish([value])
    fields = {node.name: field for node, field in zip(network.nodes, receptive_fields(network), strict=True)}
    for name, (size, stride, pad) in RECEPTIVE_FIELD[record]["endpoints"].items():
        assert fields[name] == ((-pad, size - pad - 1, stride),) * 2, name


def field_of(shape: tuple[int, ...], *layers: Layer) -> Field:
    """Return the field after a chain of layers."""
    builder = Builder()
    value = builder.input("input", Shape(shape))
    for number, layer in enumerate(layers):
        value = builder.add(layer, [value], f"layer{number}")
    return receptive_fields(builder.finish([value]))[-1]


def test_axes_are_kept_apart() -> None:
    """A 1x7 window sees one row and seven columns."""
    field = field_of((32, 32, 3), Conv(filters=8, kernel=(1, 7), stride=(1, 2), pad=(0, 3)))
    assert field == ((0, 0, 1), (-3, 3, 2))
    assert extent(field, Shape((32, 32, 3))) == ([1, 7], [1, 2])


def test_same_padding_of_an_even_window_looks_further_ahead_than_back() -> None:
    """TensorFlow's `SAME` puts the odd zero at the end."""
    assert field_of((32, 1), Conv(filters=1, kernel=4, pad="same")) == ((-1, 2, 1),)


def test_position_by_position_layers_change_nothing() -> None:
    """Layers that work on single cells do not change the field."""
    before = field_of((32, 32, 3), Conv(filters=8, kernel=3))
    assert field_of((32, 32, 3), Conv(filters=8, kernel=3), BatchNorm()) == before


def test_an_upsampling_that_is_undone_leaves_the_field_of_every_cell() -> None:
    """After upsampling by 3, a 3-wide window at stride 3 covers one input cell, or two."""
    inside = field_of((32, 1), Upsample(factor=3), Conv(filters=1, kernel=3, stride=3))
    across = field_of((32, 1), Upsample(factor=3), Conv(filters=1, kernel=3, stride=3, pad=1))
    assert inside == ((0, 0, 1),)
    assert across == ((-1, 0, 1),)


def test_neighbours_after_an_upsampling_see_different_numbers_of_cells() -> None:
    """Two cells cover one input cell or two. The size is the larger one, and the stride half a cell."""
    field = field_of((32, 1), Upsample(factor=2), Conv(filters=1, kernel=2))
    assert field == (Cycle(((0, 0), (0, 1)), 1),)
    assert extent(field, Shape((32, 1))) == ([2], [0.5])


def test_cells_between_the_windows_of_a_transposed_convolution_see_nothing() -> None:
    """With kernel 1 at stride 2, every second output cell is only a bias."""
    field = field_of((32, 1), ConvTranspose(filters=1, kernel=1, stride=2))
    assert field == (Cycle(((0, 0), None), 1),)
    assert extent(field, Shape((32, 1))) == ([1], [0.5])


def test_pixels_made_of_channels_see_what_their_cell_saw() -> None:
    """Pixel shuffle divides the stride."""
    field = field_of((8, 8, 16), Conv(filters=16, kernel=3, pad=1), PixelShuffle(factor=4))
    assert extent(field, Shape((8, 8, 16))) == ([3, 3], [0.25, 0.25])


def test_a_stride_that_becomes_whole_again_is_a_whole_number() -> None:
    """2 in JSON, not 2.0."""
    found = extent(field_of((32, 1), Upsample(factor=2), Conv(filters=1, kernel=4, stride=4)), Shape((32, 1)))
    assert found == ([2], [2])
    assert type((found[1] or [None])[0]) is int


@pytest.mark.parametrize("layer", [FC(units=3), GlobalAvgPool(), AdaptiveAvgPool(output=(1, 1))])
def test_the_whole_input(layer: Layer) -> None:
    """A layer that sees every cell sees the whole input, however large it is."""
    field = field_of((20, 30, 3), layer)
    assert isinstance(field, Whole)
    assert extent(field, Shape((20, 30, 3))) == ([20, 30], None)


@pytest.mark.parametrize(
    "layers",
    [
        (Flatten(),),
        (Reshape(to=(30, 20, 3)),),
        (Flatten(), Slice(start=3, stop=900), FC(units=3)),  # the remaining positions are unknown
        (Reshape(to=(30, 20, 3)), Slice(axis="height", start=3, stop=9), FC(units=3)),
        (Upsample(factor=1000), Conv(filters=1, kernel=3)),  # a pattern of 1000 cells is not followed
    ],
)
def test_unknown_fields(layers: tuple[Layer, ...]) -> None:
    """If positions lose their order or windows have several sizes, the field is None and never a guess."""
    assert field_of((20, 30, 3), *layers) is None
    assert extent(None, Shape((20, 30, 3))) is None


def test_a_layer_that_takes_all_positions_sees_everything() -> None:
    """A layer that takes all positions sees everything, even if their order or one branch is unknown."""
    assert isinstance(field_of((20, 30, 3), Flatten(), FC(units=3)), Whole)
    builder = Builder()
    image = builder.input("input", Shape((20, 30, 3)))
    gate = builder.add(GlobalAvgPool(), [image], "gate")
    mixed = builder.add(Reshape(to=(30, 20, 3)), [image], "mixed")
    rest = builder.add(Slice(axis="height", stop=1), [mixed], "rest")
    both = [builder.add(Mul(), [value, gate], value_name) for value, value_name in ((rest, "a"), (mixed, "b"))]
    fields = receptive_fields(builder.finish([both[1]]))
    assert fields[mixed] is None
    assert all(isinstance(fields[value], Whole) for value in both)


def test_fully_connected_and_global_layers_see_what_their_inputs_see() -> None:
    """After a slice, a crop or a stride that skips cells, this is not the whole image."""
    assert field_of((9, 1), Slice(axis="steps", start=2, stop=4), FC(units=3)) == (Span(2, 3, 9),)
    assert extent(field_of((9, 1), Slice(axis="steps", start=2, stop=4), FC(units=3)), Shape((9, 1))) == ([2], None)
    last = [Conv(filters=1, kernel=3, pad={"left": 2}), Slice(axis="steps", start=8, stop=9), Flatten(), FC(units=3)]
    assert field_of((9, 1), *last) == (Span(6, 8, 9),)
    assert field_of((33, 32, 1), MaxPool(kernel=2), GlobalAvgPool()) == (Span(0, 31, 33), Span(0, 31, 32))
    # padding after a cut is not part of the image
    cut = [Slice(axis="steps", start=4, stop=6), Conv(filters=1, kernel=5, pad=2), FC(units=3), BatchNorm()]
    assert field_of((9, 1), *cut) == (Span(4, 5, 9),)
    # later layers do not see more
    assert field_of((9, 1), *cut, Reshape(to=(3, 1)), Conv(filters=1, kernel=3)) == (Span(4, 5, 9),)


def test_axes_of_length_1_come_and_go() -> None:
    """CRNN turns its map into a sequence and back."""
    pooled = field_of((8, 26, 16), AvgPool(kernel=(8, 1)))
    assert pooled == ((0, 7, 8), (0, 0, 1))
    assert field_of((8, 26, 16), AvgPool(kernel=(8, 1)), Reshape(to=(26, 16))) == pooled
    steps = [AvgPool(kernel=(8, 1)), Reshape(to=(26, 16)), Conv(filters=1, kernel=3)]
    assert field_of((8, 26, 16), *steps) == ((0, 7, 8), (0, 2, 1))
    assert field_of((8, 26, 16), *steps, Reshape(to=(24, 1, 1)), AvgPool(kernel=(2, 1))) == ((0, 7, 8), (0, 3, 2))
    assert field_of((8, 8, 3), Conv(filters=4, kernel=8), Flatten()) == ((0, 7, 1), (0, 7, 1))
    turned = field_of(
        (8, 9, 3), Conv(filters=4, kernel=(1, 3)), Permute(axes=(1, 0, 2)), Conv(filters=1, kernel=(2, 1))
    )
    assert turned == ((0, 0, 1), (0, 3, 1))
    assert field_of((8, 1, 3), Permute(axes=(1, 0, 2))) == ((0, 0, 1), (0, 0, 1))
    assert field_of((8, 9, 3), Permute(axes=(0, 2, 1))) is None


def test_a_gate_on_one_axis() -> None:
    """A mean over each row, spread over all columns, sees rows separately and columns together."""
    builder = Builder()
    image = builder.input("input", Shape((8, 9, 4)))
    rows = builder.add(AvgPool(kernel=(1, 9)), [image], "rows")
    gated = builder.add(Mul(), [image, rows], "gated")
    fields = receptive_fields(builder.finish([gated]))
    assert fields[gated] == ((0, 0, 1), Span(0, 8, 9))
    assert extent(fields[gated], Shape((8, 9, 4))) == ([1, 9], [1, None])
    assert receptive_field(fields[gated], Shape((8, 9, 4))) == "1x9/1x-"


def test_a_constant_sees_nothing() -> None:
    """A learned table that is added does not change the field. The field of an unknown operator is unknown."""
    builder = Builder()
    image = builder.input("input", Shape((8, 9, 4)))
    table = builder.add(Operator("constant", Shape((8, 9, 4)), views=(Unseen(),)), [image], "table")
    added = builder.add(Add(), [image, table], "added")
    strange = builder.add(Unknown("deformconv", Shape((8, 9, 4))), [added], "strange")
    ends = [builder.add(FC(units=2), [value], f"fc{value}") for value in (added, table, strange)]
    fields = receptive_fields(builder.finish(ends))
    assert fields[added] == ((0, 0, 1),) * 2
    assert (fields[table], fields[strange]) == ((), None)
    assert isinstance(fields[ends[0]], Whole)
    assert fields[ends[1] : ends[2] + 1] == [(), None]
    assert receptive_field((), Shape((8, 9, 4))) == "-"


def test_a_convolution_of_the_state_sees_further_with_every_step() -> None:
    """In a few steps it does not reach the whole frame."""
    assert isinstance(field_of((9, 8, 8, 2), ConvLSTM(filters=3, kernel=3, pad="same")), Whole)
    assert field_of((3, 8, 8, 2), ConvLSTM(filters=3, kernel=3, pad="same")) is None
    assert field_of((3, 8, 8, 2), ConvLSTM(filters=3, kernel=3, returns="last"), GlobalAvgPool()) is None


def test_inputs_of_several_sizes() -> None:
    """A layer that sees all of each input sees everything. A part of one input has no common size."""
    for stop, whole in ((5, True), (4, False)):
        builder = Builder()
        one = builder.input("one", Shape((9, 1)))
        two = builder.add(Slice(axis="steps", stop=stop), [builder.input("two", Shape((5, 1)))], "slice")
        ends = [builder.add(FC(units=3), [value], f"fc{value}") for value in (one, two)]
        field = receptive_fields(builder.finish([builder.add(Concat(), ends, "concat")]))[-1]
        assert isinstance(field, Whole)
        joined = builder.add(Concat(axis="steps"), [one, two], "joined")
        field = receptive_fields(builder.finish([builder.add(FC(units=1), [joined], "fc")]))[-1]
        assert isinstance(field, Whole) if whole else field is None


def test_a_vector_has_no_field() -> None:
    """A vector has no spatial axis."""
    assert extent(field_of((784,), FC(units=3)), Shape((784,))) is None


def test_a_layer_does_not_see_a_value_of_which_it_uses_only_the_shape() -> None:
    """`crop` uses only the size of the other value."""
    builder = Builder()
    image = builder.input("input", Shape((32, 1)))
    wide = builder.add(Conv(filters=1, kernel=9), [image], "wide")
    cropped = builder.add(CropLike(like="wide"), [image, wide], "crop")
    assert receptive_fields(builder.finish([cropped]))[-1] == ((4, 4, 1),)


def test_branches_of_the_same_stride_are_joined() -> None:
    """GoogLeNet's branches: 1x1, 3x3 and 5x5 together see 5x5."""
    builder = Builder()
    image = builder.input("input", Shape((28, 28, 16)))
    sizes = (1, 3, 5)
    branches = [builder.add(Conv(filters=4, kernel=size, pad=size // 2), [image], f"conv{size}") for size in sizes]
    joined = builder.add(Concat(), branches, "concat")
    assert receptive_fields(builder.finish([joined]))[-1] == ((-2, 2, 1),) * 2


def test_the_largest_field_of_any_feature_map() -> None:
    """Only values before the first layer that sees everything count, and no vectors."""
    image, map_ = Shape((32, 32, 3)), Shape((15, 15, 8))
    fields: list[tuple[Field, Shape]] = [(((0, 0, 1),) * 2, image), (((0, 2, 2),) * 2, map_), (None, Shape((10,)))]
    assert of_features(fields) == [3, 3]
    assert of_features([*fields, (None, map_)]) is None
    assert of_features([((Cycle(((0, 0), (0, 3)), 1),), Shape((30, 1)))]) == [4]
    assert of_features([((), Shape((10,)))]) is None
    assert of_features([*fields, ((), Shape((128, 64)))]) == [3, 3]  # a table that indices select rows of


def test_values_joined_along_an_axis() -> None:
    """Each cell sees the same as in its own part. The field is known if each part starts where the last one ended."""
    conv = "input: 32x32x3\nlayers:\n- {conv: {filters: 4, kernel: 3, pad: 1}, as: a}\n"
    part = "- {{slice: {{axis: width, start: {}, stop: {}}}, from: a, as: {}}}\n"
    whole = conv + part.format(0, 8, "l") + part.format(8, 32, "r") + "- {concat: [l, r], axis: width}\n"
    assert receptive_fields(network_of(whole))[-1] == ((-1, 1, 1), (-1, 1, 1))
    gap = conv + part.format(0, 8, "l") + part.format(24, 32, "r") + "- {concat: [l, r], axis: width}\n"
    assert receptive_fields(network_of(gap))[-1] is None
    over_channels = conv + "- {concat: [a, input]}\n"
    assert receptive_fields(network_of(over_channels))[-1] == ((-1, 1, 1), (-1, 1, 1))


def test_an_unpooling_of_unknown_windows() -> None:
    """`like` does not say which windows the pooling had; `kernel` does."""
    text = "input: 16x16x3\nlayers:\n- {conv: {filters: 8, kernel: 3, pad: 1}, as: a}\n- maxpool: 2\n- maxunpool: "
    assert receptive_fields(network_of(text + "{like: a}"))[-1] is None
    assert receptive_fields(network_of(text + "2"))[-1] is not None
