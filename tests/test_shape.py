"""Check (W - F + 2P)/S + 1 against loops that move a window over cells, or scatter cells under a window.

The loops do not use the formula. Rules of other tools are cited next to their tests.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnncalc.layers.window import same
from cnncalc.problem import Problem
from cnncalc.shape import Shape, TransposedWindow, Window

WIDTHS = st.integers(1, 60)
KERNELS = st.integers(1, 12)
STRIDES = st.integers(1, 9)
PADS = st.integers(0, 12)
DILATIONS = st.integers(1, 4)
MANY = settings(max_examples=500, deadline=None, derandomize=True)


def walk(window: Window, width: int) -> list[list[int]]:
    """Return the cells of the padded axis under every position of the window, by sliding it from the start.

    With `ceil` there is one more position while cells are left over, as long as it starts inside the input or the
    padding before it (PyTorch 2, `pooling_output_shape`: "ensure that the last pooling starts inside the image").
    """
    padded = window.before + width + window.after
    places: list[list[int]] = []
    start = 0
    while True:
        cells = [start + window.dilation * number for number in range(window.kernel)]
        whole = cells[-1] < padded
        left_over = places[-1][-1] < padded - 1 if places else True
        late = start >= window.before + width
        # without a first position, the window must be too long by less than a stride
        near = places or cells[-1] - window.stride < padded - 1
        if not whole and not (window.ceil and left_over and not late and near):
            return places
        places.append(cells)
        if not whole:
            return places
        start += window.stride


def scatter(window: TransposedWindow, width: int) -> list[int]:
    """Count the input cells that are added to each output cell."""
    touched: dict[int, int] = {}
    for cell in range(width):
        for number in range(window.kernel):
            place = cell * window.stride + number * window.dilation
            touched[place] = touched.get(place, 0) + 1
    full = [touched.get(place, 0) for place in range(max(touched) + 1)] + [0] * window.extra
    return full[window.before : len(full) - window.after]


@given(WIDTHS, KERNELS, STRIDES, PADS, PADS, DILATIONS)
@MANY
def test_out_counts_the_positions_of_a_walk(
    width: int, kernel: int, stride: int, before: int, after: int, dilation: int
) -> None:
    window = Window(kernel, stride, before, after, dilation)
    places = walk(window, width)
    if places:
        assert window.out(width) == len(places)
        assert window.remainder(width) == before + width + after - 1 - places[-1][-1]
        assert places[0][-1] - places[0][0] + 1 == window.reach
    else:
        with pytest.raises(Problem) as caught:
            window.out(width)
        assert caught.value.code == "window-does-not-fit"


@pytest.mark.heavy
@given(WIDTHS, KERNELS, STRIDES, PADS, PADS, DILATIONS)
@MANY
def test_out_rounded_up_counts_the_positions_of_a_walk(
    width: int, kernel: int, stride: int, before: int, after: int, dilation: int
) -> None:
    window = Window(kernel, stride, before, after, dilation, ceil=True)
    assume(before < window.reach and after < window.reach)  # pooling refuses windows that contain only padding
    places = walk(window, width)
    if places:
        assert window.out(width) == len(places)
        assert window.remainder(width) == before + width + after - 1 - places[-1][-1]
    else:
        with pytest.raises(Problem):
            window.out(width)


def test_every_small_window() -> None:
    refused = 0
    for width in range(1, 9):
        for kernel in range(1, 5):
            for stride in range(1, 5):
                for before in range(3):
                    for after in range(3):
                        for dilation in range(1, 4):
                            for ceil in (False, True):
                                window = Window(kernel, stride, before, after, dilation, ceil)
                                if ceil and max(before, after) >= window.reach:
                                    continue
                                places = len(walk(window, width))
                                try:
                                    out = window.out(width)
                                except Problem:
                                    out = 0
                                    refused += 1
                                assert out == places, (width, kernel, stride, before, after, dilation, ceil)
    assert refused > 500


@pytest.mark.parametrize(
    ("width", "kernel", "stride", "pad", "out", "quotient"),
    # CS231n, "Convolutional Neural Networks": the examples of its section on spatial arrangement, AlexNet's first layer
    # and the slide on strides that do not fit
    [
        (7, 3, 1, 0, 5, "5"),
        (7, 3, 2, 0, 3, "3"),
        (5, 3, 1, 1, 5, "5"),
        (5, 3, 2, 1, 3, "3"),
        (10, 3, 2, 0, 4, "4.5"),
        (7, 3, 3, 0, 2, "2.3333..."),
        (227, 11, 4, 0, 55, "55"),
        (224, 11, 4, 0, 54, "54.25"),
        (224, 7, 2, 3, 112, "112.5"),
        (32, 5, 1, 2, 32, "32"),
    ],
)
def test_out_of_the_lecture(width: int, kernel: int, stride: int, pad: int, out: int, quotient: str) -> None:
    window = Window(kernel, stride, pad)
    assert window.out(width) == out
    assert window.quotient(width) == quotient
    assert window.formula == "(W - F + 2P)/S + 1"
    assert window.numbers(width) == f"({width} - {kernel} + 2*{pad})/{stride} + 1"


@pytest.mark.parametrize(
    ("window", "width", "floor", "up"),
    # last pair: PyTorch 2, torch.nn.MaxPool2d(2, 2, padding=1, ceil_mode=True) on 5 cells: 3, as the fourth window
    # would start in the trailing padding
    [
        (Window(3, 2, ceil=True), 6, 2, 3),
        (Window(3, 2, ceil=True), 7, 3, 3),
        (Window(3, 2, ceil=True), 2, 0, 1),
        (Window(2, 2, 1, ceil=True), 5, 3, 3),
    ],
)
def test_rounding_up(window: Window, width: int, floor: int, up: int) -> None:
    assert window.out(width) == up
    down = Window(window.kernel, window.stride, window.before, window.after, window.dilation)
    assert len(walk(down, width)) == floor
    assert len(walk(window, width)) == up


@given(WIDTHS, KERNELS, STRIDES, PADS, PADS, DILATIONS)
@MANY
def test_quotient_is_the_formula_as_a_decimal(
    width: int, kernel: int, stride: int, before: int, after: int, dilation: int
) -> None:
    window = Window(kernel, stride, before, after, dilation)
    exact = Fraction(width - (dilation * (kernel - 1) + 1) + before + after, stride) + 1
    text = window.quotient(width)
    shown = Fraction(text.removesuffix("..."))
    if text.endswith("..."):
        assert 0 < abs(exact) - abs(shown) < Fraction(1, 10**4)
        assert len(text.removesuffix("...").partition(".")[2]) in range(1, 5)
        assert text.startswith("-") is (exact < 0)
    else:
        assert shown == exact
    assert Fraction(eval_formula(window.numbers(width))) == exact


def eval_formula(numbers: str) -> Fraction:
    """Return the value of a text such as `(227 - 11 + 2*0)/4 + 1`."""
    above, _, below = numbers.removesuffix(" + 1").rpartition("/")
    total = Fraction(0)
    for sign, term in zip(
        "+" + "".join(char for char in above[1:-1] if char in "+-"), split_terms(above[1:-1]), strict=True
    ):
        worth = Fraction(1)
        for factor in term.split("*"):
            worth *= int(factor)
        total += worth if sign == "+" else -worth
    return total / int(below) + 1


def split_terms(text: str) -> list[str]:
    """Return the terms between ` + ` and ` - `."""
    return text.replace(" - ", " + ").split(" + ")


def test_quotient_never_looks_whole_when_it_is_not() -> None:
    assert Window(1, 30_000).quotient(2) == "1.0000..."
    assert Window(5, 3).quotient(1) == "-0.3333..."
    assert Window(4, 4).quotient(3) == "0.75"


MISFITS = [
    # the design's example, with the quotient left as it is instead of rounded
    (
        Window(4, 4),
        3,
        "the 4-wide window does not fit the 3-wide input: (W - F + 2P)/S + 1 = (3 - 4 + 2*0)/4 + 1 = 0.75",
        "pad by at least 1 on each side, or use a kernel of at most 3",
    ),
    (
        Window(7, 1, 1),
        3,
        "the 7-wide window does not fit the 5-wide padded input: (W - F + 2P)/S + 1 = (3 - 7 + 2*1)/1 + 1 = -1",
        "pad by at least 2 on each side, or use a kernel of at most 5",
    ),
    (
        Window(3, 2, dilation=4),
        6,
        "the 9-wide window (3 cells at dilation 4) does not fit the 6-wide input: "
        "(W - F + 2P)/S + 1 = (6 - 9 + 2*0)/2 + 1 = -0.5",
        "pad by at least 2 on each side, or use a kernel of at most 2",
    ),
    (
        Window(5, 1, 0, 3),
        1,
        "the 5-wide window does not fit the 4-wide padded input: (W - F + P + P')/S + 1 = (1 - 5 + 0 + 3)/1 + 1 = 0",
        "pad by at least 2 on each side, or use a kernel of at most 4",
    ),
]


@pytest.mark.parametrize(("window", "width", "text", "help"), MISFITS)
def test_text_of_a_misfit(window: Window, width: int, text: str, help: str) -> None:
    with pytest.raises(Problem) as caught:
        window.out(width)
    assert (caught.value.code, caught.value.field) == ("window-does-not-fit", "kernel")
    assert caught.value.text == text
    assert caught.value.help == help


@pytest.mark.heavy
@given(WIDTHS, st.integers(1, 40), STRIDES, PADS, PADS, DILATIONS, st.booleans())
@MANY
def test_help_of_a_misfit_is_true_and_the_least(
    width: int, kernel: int, stride: int, before: int, after: int, dilation: int, ceil: bool
) -> None:
    window = Window(kernel, stride, before, after, dilation, ceil)
    try:
        window.out(width)
    except Problem as problem:
        words = problem.help.replace(",", "").split()
    else:
        assume(False)
    pad, most = int(words[4]), int(words[-1])
    assert walk(Window(kernel, stride, pad, pad, dilation, ceil), width)
    assert not walk(Window(kernel, stride, pad - 1, pad - 1, dilation, ceil), width)
    assert walk(Window(most, stride, before, after, dilation, ceil), width)
    assert not walk(Window(most + 1, stride, before, after, dilation, ceil), width)


@given(WIDTHS, KERNELS, STRIDES, PADS, PADS, DILATIONS, st.integers(0, 5))
@MANY
def test_transposed_out_counts_the_cells_of_a_scatter(
    width: int, kernel: int, stride: int, before: int, after: int, dilation: int, extra: int
) -> None:
    window = TransposedWindow(kernel, stride, before, after, dilation, extra)
    length = (width - 1) * stride + (kernel - 1) * dilation + 1 + extra
    if before + after < length:
        assert window.out(width) == len(scatter(window, width))
    else:
        with pytest.raises(Problem) as caught:
            window.out(width)
        assert (caught.value.code, caught.value.field) == ("window-does-not-fit", "pad")


@given(WIDTHS, KERNELS, STRIDES, PADS, DILATIONS)
@MANY
def test_transposed_undoes_a_convolution_up_to_its_remainder(
    width: int, kernel: int, stride: int, pad: int, dilation: int
) -> None:
    window = Window(kernel, stride, pad, pad, dilation)
    assume(walk(window, width))
    back = TransposedWindow(kernel, stride, pad, pad, dilation)
    places = window.out(width)
    lost = window.remainder(width)
    full = TransposedWindow(kernel, stride, 0, 0, dilation).out(places)
    assert full + lost == width + 2 * pad
    if width - lost >= 1:
        assert back.out(places) == width - lost


def test_text_of_a_transposed_misfit() -> None:
    with pytest.raises(Problem) as caught:
        TransposedWindow(3, 2, 4).out(2)
    assert caught.value.text == "the padding cuts off everything: (W - 1)*S + F - 2P = (2 - 1)*2 + 3 - 2*4 = -3"
    assert caught.value.help == "use less padding"
    with pytest.raises(Problem) as caught:
        TransposedWindow(3, 2, 4, 3, extra=1).out(2)
    assert caught.value.text == (
        "the padding cuts off everything: (W - 1)*S + F - P - P' + output_pad = (2 - 1)*2 + 3 - 4 - 3 + 1 = -1"
    )


@given(st.integers(1, 300), st.integers(1, 30), st.integers(1, 12))
@MANY
def test_same_is_tensorflows_rule(width: int, reach: int, stride: int) -> None:
    """TensorFlow, "SAME": ceil(W/S) outputs, no more zeros than necessary, and an odd one at the end."""
    before, after = same(width, reach, stride)
    places = 0
    while places * stride < width:  # ceil(W/S), counted
        places += 1
    window = Window(reach, stride, before, after)
    assert window.out(width) == places
    assert after - before in (0, 1)
    if before + after:  # the padding is minimal: with one zero fewer, a position is lost
        assert len(walk(Window(reach, stride, before, after - 1), width)) == places - 1
        assert window.remainder(width) == 0
    assert max(before, after) < reach


@pytest.mark.parametrize(
    ("width", "reach", "stride", "pads"),
    # TensorFlow's documentation of "SAME" (tf.nn): with stride 1 a 3-wide window gets one zero on either side; ResNet's
    # 7-wide window with stride 2 on 224 gets 2 before and 3 after
    [
        (224, 3, 1, (1, 1)),
        (224, 3, 2, (0, 1)),
        (224, 7, 2, (2, 3)),
        (13, 6, 5, (1, 2)),
        (10, 1, 3, (0, 0)),
        (5, 2, 1, (0, 1)),
    ],
)
def test_same_by_hand(width: int, reach: int, stride: int, pads: tuple[int, int]) -> None:
    assert same(width, reach, stride) == pads


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((480, 640, 3), "height 480, width 640, 3 channels"),
        ((28, 28, 1), "height 28, width 28, 1 channel"),
        ((784,), "a vector of 784"),
        ((100, 300), "100 steps of 300 features"),
        ((16, 112, 112, 3), "depth 16, height 112, width 112, 3 channels"),
        ((2, 3, 4, 5, 6), "2x3x4x5x6"),
    ],
)
def test_shapes_in_words(shape: tuple[int, ...], words: str) -> None:
    assert Shape(shape).words() == words


def test_shape_facts() -> None:
    shape = Shape((224, 160, 64))
    assert (str(shape), shape.size, shape.channels, shape.rank) == ("224x160x64", 224 * 160 * 64, 64, 2)
    assert (shape.spatial, shape.axes) == ((224, 160), ("height", "width"))
    assert Shape((1, 2, 3, 4, 5)).axes == ("axis 0", "axis 1", "axis 2", "axis 3")
    assert Shape((7,)).axes == ()
