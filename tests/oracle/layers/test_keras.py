"""Layer rules compared with Keras 3: shapes and parameters, especially where PyTorch has no equivalent.

These are `pad: same` with strides (TensorFlow's ceil(W/S)), convolutions with several filters for each channel,
transposed convolutions that return W*S, recurrent layers with one bias vector, and one slope for each element. Each kind gets
hundreds of seeded random configurations. If Keras raises, cnncalc must raise its error.

These differences are intended and tested: Keras refuses strides together with dilation (PyTorch does not).
Its transposed convolution with `valid` padding returns (W - 1)*S + max(F, S) instead of (W - 1)*S + F, which is
`output_pad: S - F` in cnncalc. It requires an output padding below the stride, while PyTorch allows one below the dilation.
"""

from __future__ import annotations

import importlib
import json
import os
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from cnncalc.layers import kind_named
from cnncalc.shape import Shape, TransposedWindow, Window
from tests.helpers import TESTS
from tests.oracle.plans import Facts, Plans, sizes, stated

os.environ["KERAS_BACKEND"] = "torch"  # read when keras is imported
if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, which computes for Keras here, is not installed")
    pytest.importorskip("keras", reason="Keras, the oracle of these tests, is not installed")
import torch

layers: Any = importlib.import_module("keras").layers  # Keras is not typed
REFUSALS = (ValueError, TypeError)
pytestmark = pytest.mark.usefixtures("one_thread")


class Trial(NamedTuple):
    """One configuration: how cnncalc and Keras build it, and the input shapes."""

    kind: str
    fields: dict[str, Any]
    layer: Callable[[], Any]
    shapes: tuple[tuple[int, ...], ...]


def judge(trial: Trial) -> Facts | None:
    """Return Keras' figures for a configuration, or None if it raises."""
    shapes: Any = [(None, *shape) for shape in trial.shapes]
    if len(shapes) == 1:
        shapes = shapes[0]
    try:
        layer = trial.layer()
        out = layer.compute_output_shape(shapes)
        layer.build(shapes)
    except REFUSALS:
        return None
    return Facts(tuple(out[1:]), *parameters(layer))


def parameters(layer: Any) -> tuple[int, int, int]:
    """Return weights, biases and state that is not trained."""
    biases = sum(value.value.numel() for value in layer.trainable_weights if value.name in ("bias", "beta"))
    buffers = sum(value.value.numel() for value in layer.non_trainable_weights)
    weights = layer.count_params() - biases - buffers
    return weights, biases, buffers


def ours(trial: Trial) -> Facts | None:
    """Return cnncalc's figures, without the multiply-adds that Keras does not count; None if it raises its error."""
    found = stated(trial)
    return found and found._replace(macs=None)


PLANS = Plans(200)
plan = PLANS.plan


def keras_class(name: str, rank: int) -> Any:
    """Return a class by name and rank: `Conv{}` and 2 give `keras.layers.Conv2D`."""
    return getattr(layers, name.format(f"{rank}D"))


def image(rng: random.Random, rank: int, most: int = 0) -> tuple[int, ...]:
    """Draw a small shape."""
    most = most or (20, 40, 20, 9)[rank]
    return (*[rng.randint(1, most) for _ in range(rank)], rng.choice((1, 2, 3, 4, 6, 8, 12)))


def sliding(rng: random.Random, rank: int) -> dict[str, Any]:
    """Draw kernel, stride, padding and dilation, never strides and dilation together."""
    fields: dict[str, Any] = {"kernel": sizes(rng, rank, 1, 5), "pad": rng.choice(("same", "valid"))}
    if rng.random() < 0.6:
        fields["stride"] = sizes(rng, rank, 1, 4)
    elif rng.random() < 0.6:
        fields["dilation"] = sizes(rng, rank, 1, 3)
    return fields


def keras_sliding(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the same as Keras' arguments."""
    return {
        "kernel_size": fields["kernel"],
        "strides": fields.get("stride", 1),
        "padding": fields["pad"],
        "dilation_rate": fields.get("dilation", 1),
        "use_bias": fields["bias"],
    }


@plan("Conv{}", (1, 2, 3), refuses=True, count=300)
def conv(rng: random.Random, rank: int) -> Trial:
    shape = image(rng, rank)
    groups = rng.choice((1, 1, 1, 2, 3, shape[-1]))
    filters = rng.choice((rng.randint(1, 12), groups * rng.randint(1, 3)))
    fields = {**sliding(rng, rank), "filters": filters, "groups": groups, "bias": rng.random() < 0.5}
    return Trial(
        "conv",
        fields,
        lambda: keras_class("Conv{}", rank)(filters, groups=groups, **keras_sliding(fields)),
        (shape,),
    )


@plan("Conv1D causal", (1,), refuses=False, count=300)
def causal(rng: random.Random, rank: int) -> Trial:
    """Draw causal padding: all F - 1 zeros are at the start."""
    shape = image(rng, rank)
    kernel, dilation, filters = rng.randint(1, 6), rng.randint(1, 4), rng.randint(1, 9)
    fields = {"filters": filters, "kernel": kernel, "dilation": dilation, "pad": {"start": dilation * (kernel - 1)}}
    return Trial(
        "conv", fields, lambda: layers.Conv1D(filters, kernel, padding="causal", dilation_rate=dilation), (shape,)
    )


@plan("DepthwiseConv{}", (1, 2), refuses=True, count=300)
def depthwise(rng: random.Random, rank: int) -> Trial:
    shape, multiplier = image(rng, rank), rng.choice((1, 1, 2, 3))
    fields = {**sliding(rng, rank), "multiplier": multiplier, "bias": rng.random() < 0.5}
    return Trial(
        "depthwise",
        fields,
        lambda: keras_class("DepthwiseConv{}", rank)(depth_multiplier=multiplier, **keras_sliding(fields)),
        (shape,),
    )


def per_axis(value: Any, rank: int) -> tuple[int, ...]:
    """Draw a size for every axis."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


@plan("Conv{}Transpose", (1, 2, 3), refuses=True, count=300)
def convtranspose(rng: random.Random, rank: int) -> Trial:
    shape, filters = image(rng, rank, (0, 12, 9, 5)[rank]), rng.randint(1, 9)
    fields = {**sliding(rng, rank), "filters": filters, "bias": rng.random() < 0.5}
    words = keras_sliding(fields)
    kernels = per_axis(fields["kernel"], rank)
    strides, dilations = (per_axis(fields.get(name, 1), rank) for name in ("stride", "dilation"))
    if len(kernels) == len(strides) == len(dilations) == rank:
        reaches = [space * (kernel - 1) + 1 for kernel, space in zip(kernels, dilations, strict=True)]
        if rng.random() < 0.3:
            # Keras: (W - 1)*S + F + extra, and F % 2 in place of F with "same"
            extra = tuple(rng.randint(0, 3) if space == 1 else 0 for space in dilations)
            words["output_padding"] = fields["output_pad"] = extra
            if fields["pad"] == "same":
                fields["pad"] = tuple(reach // 2 for reach in reaches)
        elif fields["pad"] == "valid":
            # Keras: (W - 1)*S + max(F, S)
            short = [max(stride - reach, 0) for reach, stride in zip(reaches, strides, strict=True)]
            fields["output_pad"] = tuple(short)
    return Trial("convtranspose", fields, lambda: keras_class("Conv{}Transpose", rank)(filters, **words), (shape,))


def pooling(name: str, kind: str) -> None:
    @plan(name + "Pooling{}", (1, 2, 3), refuses=True)
    def draw(rng: random.Random, rank: int) -> Trial:
        fields: dict[str, Any] = {"kernel": sizes(rng, rank, 1, 5), "pad": rng.choice(("same", "valid"))}
        if rng.random() < 0.6:
            fields["stride"] = sizes(rng, rank, 1, 4)

        def layer() -> Any:
            return keras_class(name + "Pooling{}", rank)(fields["kernel"], fields.get("stride"), fields["pad"])

        return Trial(kind, fields, layer, (image(rng, rank),))

    @plan(f"Global{name}Pooling{{}}", (1, 2, 3), refuses=False, count=50)
    def draw_global(rng: random.Random, rank: int) -> Trial:
        return Trial("global" + kind, {}, keras_class(f"Global{name}Pooling{{}}", rank), (image(rng, rank),))

    @plan(f"Adaptive{name}Pooling{{}}", (1, 2, 3), refuses=True)
    def draw_adaptive(rng: random.Random, rank: int) -> Trial:
        output = sizes(rng, rank, 1, 9)
        if rng.random() < 0.2:
            output = tuple(rng.randint(1, 9) for _ in range(3 if rank == 2 else 2))

        def layer() -> Any:
            return keras_class(f"Adaptive{name}Pooling{{}}", rank)(output)

        return Trial("adaptive" + kind, {"output": output}, layer, (image(rng, rank),))


pooling("Max", "maxpool")
pooling("Average", "avgpool")


@plan("Dense", (0, 1, 2, 3), refuses=False)
def dense(rng: random.Random, rank: int) -> Trial:
    """On a vector it is `fc`. On other inputs the same weights apply at every position."""
    units, bias = rng.randint(1, 40), rng.random() < 0.5
    kind = "linear" if rank or rng.random() < 0.5 else "fc"
    return Trial(
        kind, {"units": units, "bias": bias}, lambda: layers.Dense(units, use_bias=bias), (image(rng, rank, 5),)
    )


@plan("Embedding", (0, 1), refuses=False)
def embedding(rng: random.Random, rank: int) -> Trial:
    vocab, dim = rng.randint(1, 900), rng.randint(1, 40)
    shape = tuple(rng.randint(1, 30) for _ in range(rank + 1))
    return Trial("embedding", {"vocab": vocab, "dim": dim}, lambda: layers.Embedding(vocab, dim), (shape,))


RECURRENT = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}


def recurrent(name: str, kind: str) -> None:
    @plan(name, (1,), refuses=False, count=300)
    def draw(rng: random.Random, rank: int) -> Trial:
        shape = (rng.randint(1, 30), rng.randint(1, 20))
        units, last, both, use_bias = rng.randint(1, 20), rng.random() < 0.5, rng.random() < 0.4, rng.random() < 0.7
        words = {"return_sequences": not last, "use_bias": use_bias}
        bias = "single" if use_bias else "none"
        if kind == "gru":
            words["reset_after"] = rng.random() < 0.5
            if use_bias and words["reset_after"]:
                bias = "double"
        fields = {"units": units, "returns": "last" if last else "sequence", "bias": bias, "bidirectional": both}

        def layer() -> Any:
            inner = getattr(layers, name)(units, **words)
            return layers.Bidirectional(inner) if both else inner

        return Trial(kind, fields, layer, (shape,))


for _name, _kind in RECURRENT.items():
    recurrent(_name, _kind)


@plan("MultiHeadAttention", (1,), refuses=False)
def attention(rng: random.Random, rank: int) -> Trial:
    heads, width, bias = rng.randint(1, 6), rng.randint(1, 8), rng.random() < 0.5
    shape = (rng.randint(1, 20), heads * width)

    class Self(layers.MultiHeadAttention):  # type: ignore[misc]
        """Attention of a value to itself."""

        def build(self, shape: Any) -> None:
            super().build(shape, shape)

        def compute_output_shape(self, shape: Any) -> Any:
            return super().compute_output_shape(shape, shape)

    return Trial("attention", {"heads": heads, "bias": bias}, lambda: Self(heads, width, use_bias=bias), (shape,))


@plan("UpSampling{}", (1, 2, 3), refuses=True)
def upsampling(rng: random.Random, rank: int) -> Trial:
    factor = rng.randint(1, 4) if rank == 1 else sizes(rng, rank, 1, 4)
    if rank > 1 and rng.random() < 0.15:
        factor = tuple(rng.randint(1, 4) for _ in range(5 - rank))
    return Trial("upsample", {"factor": factor}, lambda: keras_class("UpSampling{}", rank)(factor), (image(rng, rank),))


@plan("ZeroPadding{}", (1, 2, 3), refuses=True)
def zeropadding(rng: random.Random, rank: int) -> Trial:
    names = {1: ("start", "end"), 2: ("top", "bottom", "left", "right")}.get(
        rank, ("front", "back", "top", "bottom", "left", "right")
    )
    cells = [rng.randint(0, 5) for _ in names]
    by: Any = dict(zip(names, cells, strict=True))
    padding: Any = tuple(zip(cells[::2], cells[1::2], strict=True))
    if rank == 1:
        padding = padding[0]
    luck = rng.random()
    if luck < 0.3:
        by = padding = cells[0]
    elif luck < 0.6 and rank > 1:
        # one number per axis; Keras reads two numbers for one axis as its two sides
        count = rank if luck < 0.5 else 5 - rank
        by = padding = tuple(rng.randint(0, 5) for _ in range(count))
    return Trial("pad", {"by": by}, lambda: keras_class("ZeroPadding{}", rank)(padding), (image(rng, rank),))


@plan("PReLU", (0, 1, 2, 3), refuses=False)
def prelu(rng: random.Random, rank: int) -> Trial:
    per = rng.choice(("element", "channel", "layer"))
    shared = {"element": None, "channel": list(range(1, rank + 1)), "layer": list(range(1, rank + 2))}[per]
    return Trial("prelu", {"per": per}, lambda: layers.PReLU(shared_axes=shared or None), (image(rng, rank, 6),))


@plan("LayerNormalization", (0, 1, 2, 3), refuses=False)
def layernorm(rng: random.Random, rank: int) -> Trial:
    affine = rng.random() < 0.5
    return Trial(
        "layernorm",
        {"affine": affine},
        lambda: layers.LayerNormalization(center=affine, scale=affine),
        (image(rng, rank, 6),),
    )


@plan("BatchNormalization", (0, 1, 2, 3), refuses=False)
def batchnorm(rng: random.Random, rank: int) -> Trial:
    affine = rng.random() < 0.5
    return Trial(
        "batchnorm",
        {"affine": affine},
        lambda: layers.BatchNormalization(center=affine, scale=affine),
        (image(rng, rank, 6),),
    )


@plan("GroupNormalization", (1, 2, 3), refuses=True)
def groupnorm(rng: random.Random, rank: int) -> Trial:
    affine, groups = rng.random() < 0.5, rng.choice((1, 2, 3, 4, 6))
    return Trial(
        "groupnorm",
        {"affine": affine, "groups": groups},
        lambda: layers.GroupNormalization(groups, center=affine, scale=affine),
        (image(rng, rank, 6),),
    )


@plan("GroupNormalization of one channel each", (1, 2, 3), refuses=False, count=100)
def instancenorm(rng: random.Random, rank: int) -> Trial:
    affine = rng.random() < 0.5
    shape = (*[rng.randint(2, 6) for _ in range(rank)], rng.randint(1, 9))
    return Trial(
        "instancenorm",
        {"affine": affine},
        lambda: layers.GroupNormalization(-1, center=affine, scale=affine),
        (shape,),
    )


@plan("RMSNormalization", (0, 1, 2, 3), refuses=False, count=50)
def rmsnorm(rng: random.Random, rank: int) -> Trial:
    return Trial("rmsnorm", {}, layers.RMSNormalization, (image(rng, rank, 6),))


@plan("Flatten", (0, 1, 2, 3), refuses=False, count=50)
def flatten(rng: random.Random, rank: int) -> Trial:
    return Trial("flatten", {}, layers.Flatten, (image(rng, rank, 6),))


@plan("Reshape", (1, 2, 3), refuses=True)
def reshape(rng: random.Random, rank: int) -> Trial:
    shape = image(rng, rank, 6)
    size = Shape(shape).size
    first = rng.choice([divisor for divisor in range(1, size + 1) if size % divisor == 0])
    to = (first, size // first + (rng.random() < 0.3))
    return Trial("reshape", {"to": to}, lambda: layers.Reshape(to), (shape,))


@plan("Permute", (1, 2, 3), refuses=True)
def permute(rng: random.Random, rank: int) -> Trial:
    axes = list(range(rank + 1))
    rng.shuffle(axes)
    if rng.random() < 0.3:
        axes[0] = rng.randint(0, rank + 1)
    return Trial(
        "permute",
        {"axes": tuple(axes)},
        lambda: layers.Permute([axis + 1 for axis in axes]),
        (image(rng, rank, 6),),
    )


@plan("Concatenate", (0, 1, 2, 3), refuses=True)
def concat(rng: random.Random, rank: int) -> Trial:
    axis = rng.randrange(rank + 1)
    shape = list(image(rng, rank, 5))
    operands = [tuple(shape)]
    for _ in range(rng.randint(1, 3)):
        other = shape.copy()
        other[axis] = rng.randint(1, 9)
        if rng.random() < 0.2:
            other[rng.randrange(rank + 1)] = rng.randint(1, 9)
        operands.append(tuple(other))
    names = {0: (), 1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}[rank]
    return Trial(
        "concat",
        {"axis": (*names, "channels")[axis]},
        lambda: layers.Concatenate(axis=axis + 1),
        tuple(operands),
    )


@plan("Multiply", (0, 1, 2, 3), refuses=True)
def multiply(rng: random.Random, rank: int) -> Trial:
    shape = tuple(rng.randint(1, 4) for _ in range(rank + 1))
    operands = [shape]
    for _ in range(rng.randint(1, 2)):
        other = [1 if rng.random() < 0.3 else length for length in shape]
        if rng.random() < 0.4:
            other[rng.randrange(rank + 1)] = rng.randint(1, 5)
        operands.append(tuple(other))
    return Trial("mul", {}, layers.Multiply, tuple(operands))


@pytest.mark.parametrize("name", PLANS)
def test_layer_agrees_with_keras(name: str) -> None:
    PLANS.hold(name, judge, ours)


@pytest.mark.filterwarnings("ignore:You might experience inconsistencies", "ignore:Torch backend requires")
@pytest.mark.parametrize("name", ["Conv{}", "DepthwiseConv{}", "Conv{}Transpose", "MaxPooling{}", "AveragePooling{}"])
def test_keras_returns_the_shapes_that_it_announces(name: str) -> None:
    """`compute_output_shape` is the oracle above; this test runs the layers.

    Average pooling of volumes is left out, because PyTorch limits it: see test_torch.py.
    """
    ran = 0
    for rank in PLANS[name].ranks if name != "AveragePooling{}" else (1, 2):
        for trial in PLANS.trials(name, rank)[:60]:
            expected = judge(trial)
            if expected:
                out = trial.layer()(torch.zeros(1, *trial.shapes[0]))
                assert tuple(out.shape[1:]) == expected.out, (trial.fields, trial.shapes)
                ran += 1
    assert ran >= 50


def test_same_padding_is_where_keras_puts_it() -> None:
    """A kernel of different powers of two over ones shows which of its cells are inside the input."""
    rng = random.Random(1)
    uneven = 0
    for _ in range(150):
        width, kernel, stride = rng.randint(1, 20), rng.randint(1, 7), rng.randint(1, 4)
        dilation = rng.randint(1, 3) if stride == 1 else 1
        layer = layers.Conv1D(1, kernel, stride, "same", dilation_rate=dilation, use_bias=False)
        layer.build((None, width, 1))
        layer.kernel.assign(torch.tensor([2.0**cell for cell in range(kernel)]).reshape(kernel, 1, 1))
        conv = kind_named("conv")(filters=1, kernel=kernel, stride=stride, dilation=dilation, pad="same")
        (window,) = conv.windows(Shape((width, 1))) or ()
        assert isinstance(window, Window)
        sums = []
        for place in range(window.out(width)):
            start = place * stride - window.before
            sums.append(sum(2**cell for cell in range(kernel) if 0 <= start + cell * dilation < width))
        assert layer(torch.ones(1, width, 1)).flatten().tolist() == sums, (width, kernel, stride, dilation)
        uneven += window.before != window.after
    assert uneven >= 30


@pytest.mark.filterwarnings("ignore:You might experience inconsistencies", "ignore:Torch backend requires")
def test_the_same_crop_of_a_transposed_convolution_is_where_keras_puts_it() -> None:
    """The reverse: ones are spread by a kernel of different numbers."""
    rng = random.Random(2)
    uneven = 0
    for _ in range(150):
        width, kernel, stride = rng.randint(1, 9), rng.randint(1, 7), rng.randint(1, 5)
        layer = layers.Conv1DTranspose(1, kernel, stride, "same", use_bias=False)
        layer.build((None, width, 1))
        layer.kernel.assign(torch.tensor([100.0 + 7 * cell for cell in range(kernel)]).reshape(kernel, 1, 1))
        up = kind_named("convtranspose")(filters=1, kernel=kernel, stride=stride, pad="same")
        (window,) = up.windows(Shape((width, 1))) or ()
        assert isinstance(window, TransposedWindow)
        spread = [0] * ((width - 1) * stride + kernel + window.extra)
        for cell in range(width):
            for number in range(kernel):
                spread[cell * stride + number] += 100 + 7 * number
        cut = spread[window.before : len(spread) - window.after]
        assert layer(torch.ones(1, width, 1)).flatten().tolist() == cut, (width, kernel, stride)
        uneven += window.before != window.after
    assert uneven >= 20


def test_strides_with_dilation_are_refused_by_keras_only() -> None:
    with pytest.raises(ValueError, match=r"`strides > 1` not supported in conjunction with `dilation_rate > 1`"):
        layers.Conv2D(8, 3, strides=2, dilation_rate=2)
    conv = kind_named("conv")(filters=8, kernel=3, stride=2, dilation=2, pad="same")
    assert conv.out(Shape((13, 14, 4))) == (7, 7, 8)


def test_short_transposed_kernels_leave_no_tail_unless_asked() -> None:
    """PyTorch's rule is (W - 1)*S + F; Keras fills up to (W - 1)*S + S."""
    announced = layers.Conv2DTranspose(4, 2, strides=3).compute_output_shape((None, 5, 5, 1))
    assert tuple(announced) == (None, 15, 15, 4)
    assert kind_named("convtranspose")(filters=4, kernel=2, stride=3).out(Shape((5, 5, 1))) == (14, 14, 4)
    filled = kind_named("convtranspose")(filters=4, kernel=2, stride=3, output_pad=1)
    assert filled.out(Shape((5, 5, 1))) == (15, 15, 4)


def test_output_padding_below_the_dilation_is_pytorchs() -> None:
    with pytest.raises(ValueError, match="`output_padding` must be strictly less than `strides`"):
        layers.Conv2DTranspose(4, 3, strides=1, dilation_rate=2, output_padding=1)
    assert kind_named("convtranspose")(filters=4, kernel=3, dilation=2, output_pad=1).out(Shape((5, 5, 1))) == (
        10,
        10,
        4,
    )


def test_recorded_layers_equal_those_of_the_installed_keras() -> None:
    """The records that test_layers.py uses, compared with the installed Keras."""
    records = json.loads((TESTS / "oracle" / "keras_layers.json").read_text())["layers"]
    assert len(records) >= 11
    for record in records:
        layer = getattr(layers, record["layer"])(**record["args"])
        shape = (None, *record["input"])
        layer.build(shape)
        assert (layer.compute_output_shape(shape)[1:], layer.count_params()) == (
            tuple(record["output"]),
            record["params"],
        )
