"""Every layer kind: one table of cases, the documentation of the kinds, and the errors for misuse.

The numbers in the table are worked out by hand from the papers in the comments. They are not copies of what the program
prints. In tests/oracle the frameworks themselves check the same rules.
"""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

import jsonschema  # type: ignore[import-untyped]
import pytest

import cnncalc
from cnncalc.layers import KINDS, Layer, kind_named
from cnncalc.layers.lookup import foreign_names, unknown_layer
from cnncalc.layers.reshape import CropLike, Slice
from cnncalc.problem import Problem
from cnncalc.product import Product, Sum
from cnncalc.shape import Shape
from tests.helpers import TESTS


class Case(NamedTuple):
    """A layer, its input shapes and the expected facts. `windows` is the number of windows, None if it sees everything."""

    kind: str
    fields: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    out: tuple[int, ...]
    weights: int = 0
    biases: int = 0
    macs: int = 0
    windows: int | None = 0
    buffers: int = 0


def case(kind: str, fields: dict[str, Any], shape: tuple[int, ...], out: tuple[int, ...], *facts: Any) -> Case:
    """Return a case with one input."""
    return Case(kind, fields, (shape,), out, *facts)


IMAGE = (56, 56, 64)
KEEPERS = (
    "relu", "relu6", "leakyrelu", "elu", "selu", "gelu", "silu", "swish", "mish", "sigmoid", "tanh", "hardswish",
    "hardsigmoid", "softplus", "softmax", "logsoftmax", "dropout", "identity",
)  # fmt: skip
FUNCTIONS = (
    "neg", "complement", "abs", "exp", "log", "square", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "hardshrink",
    "softshrink", "softsign", "tanhshrink", "logsigmoid", "hardtanh", "celu",
)  # fmt: skip
# weights, biases, multiply-adds, windows, buffers
CASES = [
    # Krizhevsky et al. 2012, AlexNet: conv1, and conv2 in two groups
    case(
        "conv",
        {"filters": 96, "kernel": 11, "stride": 4},
        (227, 227, 3),
        (55, 55, 96),
        11 * 11 * 3 * 96,
        96,
        55 * 55 * 96 * 11 * 11 * 3,
        2,
    ),
    case(
        "conv",
        {"filters": 256, "kernel": 5, "pad": 2, "groups": 2},
        (27, 27, 96),
        (27, 27, 256),
        5 * 5 * 48 * 256,
        256,
        27 * 27 * 256 * 5 * 5 * 48,
        2,
    ),
    # CS231n, convolution demo: 5x5x3, K = 2, F = 3, S = 2, P = 1
    case(
        "conv",
        {"filters": 2, "kernel": 3, "stride": 2, "pad": 1},
        (5, 5, 3),
        (3, 3, 2),
        54,
        2,
        3 * 3 * 2 * 3 * 3 * 3,
        2,
    ),
    # Szegedy et al. 2015, Inception v3: 1x7
    case(
        "conv",
        {"filters": 128, "kernel": (1, 7), "pad": (0, 3), "bias": False},
        (17, 17, 128),
        (17, 17, 128),
        7 * 128 * 128,
        0,
        17 * 17 * 128 * 7 * 128,
        2,
    ),
    # Tran et al. 2015, C3D: conv1a
    case(
        "conv",
        {"filters": 64, "kernel": 3, "pad": "same"},
        (16, 112, 112, 3),
        (16, 112, 112, 64),
        3 * 3 * 3 * 3 * 64,
        64,
        16 * 112 * 112 * 64 * 3 * 3 * 3 * 3,
        3,
    ),
    # a sequence; ceil(101/2) = 51
    case(
        "conv",
        {"filters": 8, "kernel": 3, "stride": 2, "pad": "same", "bias": False},
        (101, 16),
        (51, 8),
        3 * 16 * 8,
        0,
        51 * 8 * 3 * 16,
        1,
    ),
    # TensorFlow's ResNet: padding only at the bottom and on the right; with dilation 2 a window of 3 cells spans 5
    case(
        "conv",
        {"filters": 4, "kernel": 3, "stride": 2, "dilation": 2, "pad": {"bottom": 1, "right": 2}},
        (10, 10, 3),
        (4, 4, 4),
        3 * 3 * 3 * 4,
        4,
        4 * 4 * 4 * 3 * 3 * 3,
        2,
    ),
    # Howard et al. 2017, MobileNet: first depthwise layer
    case(
        "depthwise",
        {"kernel": 3, "pad": 1, "bias": False},
        (112, 112, 32),
        (112, 112, 32),
        3 * 3 * 32,
        0,
        112 * 112 * 32 * 3 * 3,
        2,
    ),
    case(
        "depthwise",
        {"kernel": 5, "stride": 2, "pad": "same", "multiplier": 2},
        (15, 14, 3),
        (8, 7, 6),
        5 * 5 * 3 * 2,
        6,
        8 * 7 * 6 * 5 * 5,
        2,
    ),
    # Ronneberger et al. 2015, U-Net: first up-convolution
    case(
        "convtranspose",
        {"filters": 512, "kernel": 2, "stride": 2},
        (28, 28, 1024),
        (56, 56, 512),
        2 * 2 * 1024 * 512,
        512,
        28 * 28 * 1024 * 2 * 2 * 512,
        2,
    ),
    # Radford et al. 2015, DCGAN: 4x4x1024 to 8x8x512 by 5x5 windows at stride 2; (4 - 1)*2 + 5 - 2*2 + 1 = 8
    case(
        "convtranspose",
        {"filters": 512, "kernel": 5, "stride": 2, "pad": 2, "output_pad": 1, "bias": False},
        (4, 4, 1024),
        (8, 8, 512),
        5 * 5 * 1024 * 512,
        0,
        4 * 4 * 1024 * 5 * 5 * 512,
        2,
    ),
    case(
        "convtranspose",
        {"filters": 6, "kernel": 3, "stride": 2, "pad": "same", "groups": 2},
        (7, 4),
        (14, 6),
        3 * 4 * 3,
        6,
        7 * 4 * 3 * 3,
        1,
    ),
    # if the kernel is shorter than the stride, the rest of W*S is trailing zeros
    case(
        "convtranspose",
        {"filters": 6, "kernel": 2, "stride": 5, "pad": "same", "groups": 3},
        (7, 3),
        (35, 6),
        2 * 3 * 2,
        6,
        7 * 3 * 2 * 2,
        1,
    ),
    # PyTorch: output_padding smaller than the dilation, but not than the stride; (5 - 1)*1 + 5 + 1 = 10
    case(
        "convtranspose",
        {"filters": 1, "kernel": 3, "dilation": 2, "output_pad": 1, "bias": False},
        (5, 1),
        (10, 1),
        3,
        0,
        5 * 3,
        1,
    ),
    # AlexNet: overlapping pooling; GoogLeNet: rounded up, (112 - 3)/2 + 1 = 55.5
    case("maxpool", {"kernel": 3, "stride": 2}, (55, 55, 96), (27, 27, 96), 0, 0, 0, 2),
    case("maxpool", {"kernel": 3, "stride": 2, "ceil": True}, (112, 112, 64), (56, 56, 64), 0, 0, 0, 2),
    case("maxpool", {"kernel": (1, 2)}, (9, 8, 3), (9, 4, 3), 0, 0, 0, 2),
    # LeCun et al. 1998, LeNet-5
    case("avgpool", {"kernel": 2}, (28, 28, 6), (14, 14, 6), 0, 0, 0, 2),
    # Hugging Face's EfficientNet: AvgPool2d(1280, ceil_mode=True) on 7x7, one window that extends far beyond the input
    case("avgpool", {"kernel": 1280, "ceil": True}, (7, 7, 1280), (1, 1, 1280), 0, 0, 0, 2),
    case("globalavgpool", {}, (7, 7, 2048), (2048,), 0, 0, 0, None),
    case("globalmaxpool", {}, (100, 64), (64,), 0, 0, 0, None),
    case("adaptiveavgpool", {"output": 7}, (10, 12, 512), (7, 7, 512), 0, 0, 0, 2),
    case("adaptiveavgpool", {"output": (6, 5)}, (13, 13, 256), (6, 5, 256), 0, 0, 0, 2),
    case("adaptivemaxpool", {"output": 1}, (13, 13, 256), (1, 1, 256), 0, 0, 0, None),
    # Simonyan & Zisserman 2014, VGG-16: fc6 has 102,760,448 weights
    case("fc", {"units": 4096}, (7, 7, 512), (4096,), 102_760_448, 4096, 102_760_448, None),
    case("fc", {"units": 10, "bias": False}, (84,), (10,), 840, 0, 840, None),
    # Dosovitskiy et al. 2020, ViT-B/16: 197 tokens of 768
    case("linear", {"units": 3072}, (197, 768), (197, 3072), 768 * 3072, 3072, 197 * 768 * 3072, 0),
    case("linear", {"units": 1000}, (768,), (1000,), 768_000, 1000, 768_000, None),
    case(
        "attention",
        {"heads": 12},
        (197, 768),
        (197, 768),
        4 * 768 * 768,
        4 * 768,
        4 * 197 * 768**2 + 2 * 197**2 * 768,
        None,
    ),
    case("positional", {}, (197, 768), (197, 768), 151_296),
    case("classtoken", {}, (196, 768), (197, 768), 768, 0, 0, 1),
    # Devlin et al. 2018, BERT-base: word embeddings
    case("embedding", {"vocab": 30_522, "dim": 768}, (128,), (128, 768), 23_440_896),
    # Keras, LSTM(128) on 20 steps of 64: 98,816 parameters; the others follow the formulas in the documentation
    case("lstm", {"units": 128}, (20, 64), (20, 128), 4 * 128 * (128 + 64), 4 * 128, 20 * 4 * 128 * (128 + 64), None),
    case(
        "lstm",
        {"units": 5, "returns": "last", "bias": "double", "bidirectional": True, "layers": 2},
        (7, 3),
        (10,),
        2 * 4 * 5 * (5 + 3) + 2 * 4 * 5 * (5 + 10),
        2 * (2 * 4 * 2 * 5),
        7 * (2 * 4 * 5 * (5 + 3) + 2 * 4 * 5 * (5 + 10)),
        None,
    ),
    case("gru", {"units": 32, "bias": "double"}, (7, 10), (7, 32), 3 * 32 * 42, 2 * 3 * 32, 7 * 3 * 32 * 42, None),
    case("rnn", {"units": 32, "bias": "none", "returns": "last"}, (7, 10), (32,), 32 * 42, 0, 7 * 32 * 42, None),
    case("batchnorm", {}, IMAGE, IMAGE, 64, 64, 0, 0, 128),
    case("batchnorm", {"affine": False}, (512,), (512,), 0, 0, 0, 0, 1024),
    # Keras: BatchNormalization(scale=False) and (center=False)
    case("batchnorm", {"gain": False}, IMAGE, IMAGE, 0, 64, 0, 0, 128),
    case("batchnorm", {"offset": False}, IMAGE, IMAGE, 64, 0, 0, 0, 128),
    case("layernorm", {}, (197, 768), (197, 768), 768, 768),
    case("layernorm", {"per": "element", "offset": False}, (4, 4, 3), (4, 4, 3), 48, 0, 0, None),
    # Keras: Normalization keeps mean and variance of each channel and one count
    case("standardize", {}, (224, 224, 3), (224, 224, 3), 0, 0, 0, 0, 7),
    case("standardize", {"per": "layer"}, (224, 224, 3), (224, 224, 3), 0, 0, 0, 0, 3),
    # Redmon et al. 2015, YOLO: the locally connected layer of Darknet's yolov1
    case(
        "local",
        {"filters": 256, "kernel": 3, "pad": 1},
        (7, 7, 1024),
        (7, 7, 256),
        49 * 9 * 1024 * 256,
        49 * 256,
        49 * 9 * 1024 * 256,
        2,
    ),
    case("pixelunshuffle", {"factor": 2}, (26, 26, 64), (13, 13, 256), 0, 0, 0, 2),
    case("groupnorm", {"groups": 32}, IMAGE, IMAGE, 64, 64, 0, None),
    case("instancenorm", {}, IMAGE, IMAGE, 0, 0, 0, None),
    case("instancenorm", {"affine": True}, IMAGE, IMAGE, 64, 64, 0, None),
    case("rmsnorm", {}, (197, 768), (197, 768), 768),
    case("lrn", {}, (55, 55, 96), (55, 55, 96)),
    # LeCun et al. 1998: one coefficient and one bias per map
    case("scale", {"bias": True}, (14, 14, 6), (14, 14, 6), 6, 6),
    case("scale", {}, (56, 56, 96), (56, 56, 96), 96),
    case("scale", {"per": "layer"}, (56, 56, 96), (56, 56, 96), 1),
    case("prelu", {}, IMAGE, IMAGE, 1),
    case("prelu", {"per": "channel"}, IMAGE, IMAGE, 64),
    case("prelu", {"per": "element"}, IMAGE, IMAGE, 56 * 56 * 64),
    case("prelu", {"per": "element"}, (7, 5), (7, 5), 35),
    *[case(kind, {}, IMAGE, IMAGE) for kind in KEEPERS],
    case("droppath", {"rate": Fraction(1, 10)}, IMAGE, IMAGE),
    case("flatten", {}, (7, 7, 512), (25_088,), 0, 0, 0, 1),
    case("flatten", {}, (4096,), (4096,)),
    case("reshape", {"to": (196, 768)}, (14, 14, 768), (196, 768), 0, 0, 0, 1),
    case("permute", {"axes": (2, 0, 1)}, (5, 6, 7), (7, 5, 6), 0, 0, 0, 1),
    # Ma et al. 2018, ShuffleNet v2: the channel split
    case("slice", {"stop": 58}, (28, 28, 116), (28, 28, 58)),
    case("slice", {"axis": "height", "start": 1, "stop": 9, "step": 3}, (9, 7, 2), (3, 7, 2), 0, 0, 0, 2),
    case("channelshuffle", {"groups": 2}, (28, 28, 116), (28, 28, 116)),
    # Shi et al. 2016, ESPCN
    case("pixelshuffle", {"factor": 3}, (17, 20, 27), (51, 60, 3), 0, 0, 0, 2),
    case("pad", {"by": 2}, (28, 28, 1), (32, 32, 1), 0, 0, 0, 2),
    case("pad", {"by": {"left": 3, "bottom": 1}, "mode": "reflect"}, (4, 4, 1), (5, 7, 1), 0, 0, 0, 2),
    # U-Net: 64x64 cropped to the 56x56 of the first up-convolution
    Case("crop", {"like": "up"}, ((64, 64, 512), (56, 56, 512)), (56, 56, 512), windows=2),
    # He et al. 2015, CIFAR networks, option A
    case("channelpad", {"to": 32}, (16, 16, 16), (16, 16, 32)),
    # Redmon & Farhadi 2018, YOLOv3
    case("upsample", {"factor": 2}, (13, 13, 256), (26, 26, 256), 0, 0, 0, 2),
    case("upsample", {"factor": 2, "mode": "linear"}, (13, 256), (26, 256), 0, 0, 0, 1),
    case("resize", {"to": (64, 48), "mode": "bilinear"}, (13, 13, 256), (64, 48, 256), 0, 0, 0, 2),
    Case("add", {}, ((56, 56, 256), (56, 56, 256), (56, 56, 256)), (56, 56, 256)),
    # Hu et al. 2017, squeeze-and-excitation
    Case("add", {"broadcast": True}, ((56, 56, 256), (256,)), (56, 56, 256)),
    Case("mul", {}, ((56, 56, 256), (256,)), (56, 56, 256)),
    Case("mul", {}, ((1, 1, 256), (56, 56, 256)), (56, 56, 256)),
    # Szegedy et al. 2014, GoogLeNet: inception 3a
    Case("concat", {}, ((28, 28, 64), (28, 28, 128), (28, 28, 32), (28, 28, 32)), (28, 28, 256)),
    Case("concat", {"axis": "steps"}, ((1, 768), (196, 768)), (197, 768)),
    Case("sub", {}, ((56, 56, 256), (256,)), (56, 56, 256)),
    Case("average", {}, ((56, 56, 256), (56, 56, 256)), (56, 56, 256)),
    Case("maximum", {}, ((56, 56, 256), (56, 56, 256)), (56, 56, 256)),
    Case("minimum", {}, ((56, 56, 256), (1, 1, 256)), (56, 56, 256)),
    # Vaswani et al. 2017: scores T*S*K and weighted sums T*S*V of every head
    Case(
        "attend", {"heads": 8}, ((10, 512), (20, 512), (20, 256)), (10, 256), macs=10 * 20 * (512 + 256), windows=None
    ),
    Case("dot", {"left": 1, "right": 1}, ((10, 32), (20, 32)), (10, 20), macs=10 * 20 * 32, windows=None),
    # Chollet 2016, Xception: 25*10 depthwise weights, then 10*100 + 100
    case(
        "separableconv",
        {"filters": 100, "kernel": 5},
        (416, 416, 10),
        (412, 412, 100),
        1250,
        100,
        412 * 412 * (25 * 10 + 10 * 100),
        2,
    ),
    # keras.io, next-frame prediction: 12 frames of 40x40x1, gates of 3*3*(1 + 40)*160 weights
    case(
        "convlstm",
        {"filters": 40, "kernel": 3, "pad": "same"},
        (12, 40, 40, 1),
        (12, 40, 40, 40),
        9 * 41 * 160,
        160,
        12 * 40 * 40 * 9 * 41 * 160,
        1,  # in 12 steps the state does not reach the whole frame
    ),
    case(
        "convlstm",
        {"filters": 2, "kernel": 3, "stride": 2, "returns": "last", "bias": False},
        (5, 9, 4),
        (4, 2),
        3 * (4 + 2) * 8,
        0,
        5 * 4 * 3 * 6 * 8,
        None,
    ),
    # Badrinarayanan et al. 2015, SegNet
    case("maxunpool", {"kernel": 2}, (14, 14, 512), (28, 28, 512), 0, 0, 0, 2),
    case("maxunpool", {"kernel": 3, "stride": 2, "pad": 1}, (14, 14, 512), (27, 27, 512), 0, 0, 0, 2),
    Case("maxunpool", {"like": "pooled"}, ((14, 14, 512), (29, 28, 256)), (29, 28, 512), windows=2),
    Case("pad", {"like": "skip"}, ((44, 44, 8), (45, 47, 16)), (45, 47, 8), windows=2),
    Case("resize", {"like": "f"}, ((1, 1, 256), (33, 33, 2048)), (33, 33, 256), windows=2),
    Case("upsample", {"like": "f"}, ((16, 16, 256), (33, 33, 2048)), (33, 33, 256), windows=2),
    # van den Oord et al. 2016, WaveNet
    case(
        "conv",
        {"filters": 32, "kernel": 2, "dilation": 2, "pad": "causal"},
        (16000, 1),
        (16000, 32),
        64,
        32,
        16000 * 64,
        1,
    ),
    *[case(kind, {}, IMAGE, IMAGE) for kind in FUNCTIONS],
    # Dauphin et al. 2016; Shang et al. 2016; Goodfellow et al. 2013
    case("glu", {}, (100, 512), (100, 256)),
    case("crelu", {}, (56, 56, 32), (56, 56, 64)),
    case("maxout", {"pieces": 5}, (1200,), (240,)),
    Case("operator", {"op": "fft", "output": (4, 9)}, ((16,),), (4, 9), windows=1),
    Case("operator", {"op": "fft", "output": (9,), "cost": 144, "sees": "all"}, ((9,),), (9,), macs=144, windows=None),
]


def test_every_kind_has_a_case() -> None:
    assert {found.kind for found in CASES} == set(KINDS)


@pytest.mark.parametrize("found", CASES, ids=[f"{found.kind}{number}" for number, found in enumerate(CASES)])
def test_case(found: Case) -> None:
    layer = kind_named(found.kind)(**found.fields)
    xs = tuple(map(Shape, found.shapes))
    assert layer.inputs in (len(xs), None)
    out = layer.out(*xs)
    weights = layer.weights(*xs)
    windows = layer.windows(*xs)
    assert type(out) is Shape
    assert out == found.out
    assert sum(number for name, number in weights.items() if not name.startswith("bias")) == found.weights
    assert sum(number for name, number in weights.items() if name.startswith("bias")) == found.biases
    assert sum(layer.buffers(*xs).values()) == found.buffers
    assert layer.macs(*xs) == found.macs
    assert (None if windows is None else len(windows)) == found.windows
    if layer.in_place and found.kind not in ("slice", "crop"):  # those two are views of a part
        assert out.size == prod(found.shapes[0])
    for number in (*weights.values(), *layer.buffers(*xs).values(), layer.macs(*xs)):
        tells_how_it_was_made(number)


def tells_how_it_was_made(number: Product | Sum) -> None:
    """Check that the product of the factors shown with a number is that number, and that each factor has a name."""
    terms = number.terms if isinstance(number, Sum) else (number,)
    assert sum(prod(map(int, term.numbers.split("*"))) for term in terms) == number
    assert number.numbers == " + ".join(term.numbers for term in terms)
    assert all(name for term in terms for name, _ in term.factors) or number == 0


def test_formulas_name_their_factors() -> None:
    conv = kind_named("conv")(filters=128, kernel=3, groups=2)
    weight = conv.weights(Shape((8, 8, 64)))["weight"]
    assert (weight.formula, weight.numbers) == ("F*F*C/groups*K", "3*3*32*128")
    macs = kind_named("attention")(heads=2).macs(Shape((5, 8)))
    assert (macs.formula, macs.numbers) == ("steps*4*D*D + 2*steps*steps*D", "5*4*8*8 + 2*5*5*8")
    lstm = kind_named("lstm")(units=3, bidirectional=True).macs(Shape((5, 8)))
    assert (lstm.formula, lstm.numbers) == ("directions*gates*steps*units*(features+units)", "2*4*5*3*11")


def modules() -> list[str]:
    """Return every module of cnncalc except the one that runs the program."""
    names = [found.name for found in pkgutil.walk_packages(cnncalc.__path__, "cnncalc.")]
    return ["cnncalc", *[name for name in names if not name.endswith("__main__")]]


@pytest.mark.parametrize("name", modules())
def test_doctests(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("kind", KINDS)
def test_documentation_of_a_kind(kind: str) -> None:
    layer = KINDS[kind]
    assert layer.__doc__
    text = layer.__doc__.partition(">>>")[0]
    assert re.match(r"[^\n]+\.( |\n|$)", text)
    finder = doctest.DocTestFinder(recurse=False)
    (tests,) = finder.find(layer, layer.__name__, globs=vars(importlib.import_module(layer.__module__)))
    assert any(f"{layer.__name__}(" in example.source for example in tests.examples)
    assert doctest.DocTestRunner().run(tests).attempted == len(tests.examples)
    assert re.fullmatch(rf"[0-9]+(x[0-9]+)* -> .*\b{layer.kind}\b.*", layer.example)


@pytest.mark.parametrize("kind", KINDS)
def test_fields_of_a_kind(kind: str) -> None:
    layer = KINDS[kind]
    names: list[str] = []
    required = [field.required for field in layer.fields.values()]
    assert required == sorted(required, reverse=True)
    for name, field in layer.fields.items():
        assert (field.name, field.kind) == (name, layer.kind)
        assert field.help
        assert not field.help.endswith(".")
        assert name.islower()
        names += [name, *field.also]
        schema = field.schema()
        jsonschema.Draft202012Validator.check_schema(schema)
        if not field.required and field.default is not None:
            written = field.default
            jsonschema.validate(written, schema)
            assert field.read(field.default) == field.default
    assert len(names) == len(set(names)), "two fields share a name"


def test_no_name_of_another_tool_means_two_kinds() -> None:
    owners: dict[str, str] = {}
    for name, layer in KINDS.items():
        if name == layer.kind:
            for also in layer.elsewhere.split():
                assert owners.setdefault(also.casefold(), name) == name
                assert KINDS.get(also.casefold(), layer) is layer
    assert foreign_names() == owners | {also.casefold(): "swish" for also in KINDS["swish"].elsewhere.split()}


def problem(make: Callable[[], object]) -> Problem:
    """Return the error that a call raises."""
    with pytest.raises(Problem) as caught:
        make()
    return caught.value


def make(kind: str, shapes: tuple[tuple[int, ...], ...] = (), **fields: Any) -> Callable[[], object]:
    """Return a function that builds a layer and, with shapes, computes its output."""

    def run() -> object:
        layer = kind_named(kind)(**fields)
        return layer.out(*map(Shape, shapes)) if shapes else layer

    return run


VECTOR, SEQUENCE, SMALL, VOLUME = (4096,), (100, 300), (32, 30, 3), (8, 9, 10, 4)
MISUSE: list[tuple[Callable[[], object], str, str, str, str | None]] = [
    (
        make("conv", (VECTOR,), filters=8, kernel=3),
        "needs-image",
        "conv slides a window over an image or a sequence, but gets a vector of 4096",
        "move it before the layer that turns its input into a vector, or put a `reshape:` between the two",
        None,
    ),
    (
        make("globalavgpool", (VECTOR,)),
        "needs-image",
        "globalavgpool slides a window over an image or a sequence, but gets a vector of 4096",
        "move it before the layer that turns its input into a vector, or put a `reshape:` between the two",
        None,
    ),
    (
        make("maxpool", ((2, 3, 4, 5, 6),), kernel=2),
        "needs-image",
        "maxpool works on one to three spatial axes, but gets 2x3x4x5x6",
        "",
        None,
    ),
    (
        make("lrn", (VECTOR,)),
        "needs-image",
        "lrn works on images and sequences, but gets a vector of 4096",
        "remove the layer",
        None,
    ),
    (
        make("instancenorm", ((1, 1, 64),)),
        "needs-image",
        "instancenorm averages over positions, but 1x1x64 has only one",
        "use `layernorm` or `batchnorm`",
        None,
    ),
    (
        make("pixelshuffle", (SEQUENCE,), factor=2),
        "needs-image",
        "pixelshuffle needs height x width x channels, but gets 100x300",
        "",
        None,
    ),
    (
        make("lstm", (SMALL,), units=8),
        "needs-sequence",
        "lstm needs steps x features, such as 100x300, but gets 32x30x3",
        "put `reshape: 960x3` before it, for 960 steps of 3 features",
        None,
    ),
    (
        make("attention", (SMALL,), heads=1),
        "needs-sequence",
        "attention needs steps x features, such as 197x768, but gets 32x30x3",
        "put `reshape: 960x3` before it, for 960 steps of 3 features",
        None,
    ),
    (
        make("classtoken", (SMALL,)),
        "needs-sequence",
        "classtoken needs steps x features, but gets 32x30x3",
        "put `reshape: 960x3` before it, for 960 steps of 3 features",
        None,
    ),
    (
        make("conv", (SMALL,), filters=8, kernel=3, groups=2),
        "groups-do-not-divide",
        "conv: 3 input channels cannot be split into 2 groups: 3 = 2*1 + 1",
        "3 input channels can be split into 1 or 3 groups",
        "groups",
    ),
    (
        make("convtranspose", (SMALL,), filters=8, kernel=3, groups=3),
        "groups-do-not-divide",
        "convtranspose: 8 filters cannot be split into 3 groups: 8 = 3*2 + 2",
        "8 filters can be split into 2 or 4 groups",
        "groups",
    ),
    (
        make("groupnorm", ((8, 8, 10),), groups=4),
        "groups-do-not-divide",
        "groupnorm: 10 channels cannot be split into 4 groups: 10 = 4*2 + 2",
        "10 channels can be split into 2 or 5 groups",
        "groups",
    ),
    (
        make("attention", ((5, 10),), heads=4),
        "groups-do-not-divide",
        "attention: 10 features cannot be split into 4 heads: 10 = 4*2 + 2",
        "10 features can be split into 2 or 5 heads",
        "heads",
    ),
    (
        make("pixelshuffle", ((4, 4, 10),), factor=2),
        "groups-do-not-divide",
        "pixelshuffle: 10 channels cannot be split into 2*2 = 4 groups: 10 = 4*2 + 2",
        "choose a factor whose square divides 10",
        "factor",
    ),
    (
        make("maxpool", (SMALL,), kernel=3, pad=2),
        "pad-too-large",
        "maxpool: padding 2 is more than half of the kernel 3",
        "pad by at most 1",
        "pad",
    ),
    (
        make("maxpool", (SMALL,), kernel=3, dilation=3, pad=2),
        "pad-too-large",
        "maxpool: padding 2 is more than half of the kernel 3",
        "pad by at most 1",
        "pad",
    ),
    (
        make("avgpool", (SMALL,), kernel=3, pad={"top": 3}),
        "pad-too-large",
        "avgpool: padding 3 is more than 2, so a window would contain nothing but padding",
        "pad by at most 2",
        "pad",
    ),
    (
        make("avgpool", (SMALL,), kernel=3, pad={"right": 4, "left": 1}),
        "pad-too-large",
        "avgpool: padding 4 is more than 2, so a window would contain nothing but padding",
        "pad by at most 2",
        "pad",
    ),
    (
        make("pad", ((3, 9, 1),), by=3, mode="reflect"),
        "pad-too-large",
        "pad: 3 cells cannot be mirrored from an axis of length 3",
        "pad by at most 2",
        "by",
    ),
    (
        make("conv", (SMALL,), filters=8, kernel=33),
        "window-does-not-fit",
        "the 33-wide window does not fit the 32-wide input: (W - F + 2P)/S + 1 = (32 - 33 + 2*0)/1 + 1 = 0",
        "pad by at least 1 on each side, or use a kernel of at most 32",
        "kernel",
    ),
    (
        make("convtranspose", ((2, 2, 1),), filters=1, kernel=3, pad=4),
        "window-does-not-fit",
        "the padding cuts off everything: (W - 1)*S + F - 2P = (2 - 1)*1 + 3 - 2*4 = -4",
        "use less padding",
        "pad",
    ),
    (
        make("crop", ((56, 56, 8), (56, 57, 3)), like="up"),
        "window-does-not-fit",
        "crop: 56x56x8 cannot be cropped to the size of 56x57x3",
        "crop the larger value to the smaller one",
        "like",
    ),
    (
        make("add", ((32, 32, 16), (16, 16, 32))),
        "shapes-differ",
        "add needs values of the same shape: 32x32x16 and 16x16x32 differ",
        "check the stride and padding of the layers above; `pad: same` keeps height and width",
        None,
    ),
    (
        make("mul", ((32, 32, 16), (32,))),
        "shapes-differ",
        "mul needs values of the same shape, or a gate with one number per channel: 32x32x16 and 32 differ",
        "a gate for 32x32x16 is a vector of 16",
        None,
    ),
    (
        make("concat", ((28, 28, 64), (27, 28, 64))),
        "shapes-differ",
        "concat along channels needs values with the same length along every other axis: 28x28x64 and 27x28x64 differ",
        "resize both to 27x28: write `resize: 27x28` before this step, or in place of an `upsample`",
        None,
    ),
    # the first value without its channels has the shape of the second one
    (
        make("concat", ((28, 28, 64), (28, 28))),
        "shapes-differ",
        "concat along channels needs values with the same length along every other axis: 28x28x64 and 28x28 differ",
        "check the stride and padding of the branches; `pad: same` keeps height and width",
        None,
    ),
    (
        make("concat", (SEQUENCE, SEQUENCE), axis="height"),
        "bad-value",
        "100x300 has no axis named height",
        "its axes are `steps` and `channels`",
        "axis",
    ),
    (
        make("reshape", ((7, 7, 512),), to=(49, 500)),
        "sizes-differ",
        "reshape: 7x7x512 has 25,088 numbers, but 49x500 has 24,500",
        "choose a shape with 25,088 numbers",
        "to",
    ),
    (
        make("permute", (SMALL,), axes=(1, 0)),
        "bad-value",
        "permute lists 2 axes, but 32x30x3 has 3",
        "list every axis from 0 to 2 once",
        "axes",
    ),
    (
        make("permute", axes=[1, 1]),
        "bad-value",
        "permute.axes must be the new order of the axes, counted from 0, such as `1x0`; got `1x1`",
        "list every axis from 0 to 1 once",
        "axes",
    ),
    (
        make("slice", (SMALL,), stop=4),
        "bad-value",
        "slice from 0 to 4 is not within the 3 cells of the axis channels",
        "choose a stop of at most 3, and a start below the stop",
        "stop",
    ),
    (
        make("slice", (SMALL,), start=2, stop=2),
        "bad-value",
        "slice from 2 to 2 is not within the 3 cells of the axis channels",
        "choose a stop of at most 3, and a start below the stop",
        "stop",
    ),
    (
        make("channelpad", (SMALL,), to=2),
        "bad-value",
        "channelpad to 2 channels, but the input already has 3",
        "use `slice:` to drop channels",
        "to",
    ),
    (
        make("upsample", (SEQUENCE,), factor=2, mode="bilinear"),
        "bad-value",
        "upsample: mode bilinear is for 2 spatial axes, but 100x300 has 1",
        "use `linear`",
        "mode",
    ),
    (
        make("convtranspose", (SMALL,), filters=1, kernel=3, stride=2, output_pad=2),
        "bad-value",
        "output_pad 2 must be smaller than the stride 2 or the dilation 1",
        "use at most 1",
        "output_pad",
    ),
    (
        make("convtranspose", (SMALL,), filters=1, kernel=3, stride=2, pad="same", output_pad=1),
        "bad-value",
        "with `pad: same` the output has length 32*2, which leaves no room for output_pad 1",
        "remove one of the two",
        "output_pad",
    ),
    # sizes for another number of axes
    (
        make("conv", (SEQUENCE,), filters=8, kernel=(1, 7)),
        "bad-value",
        "`kernel: 1x7` is for 2 axes, but the input has 1 (steps)",
        "write one number, or one per axis",
        "kernel",
    ),
    (
        make("conv", (SEQUENCE,), filters=8, kernel=(3, 3)),
        "bad-value",
        "`kernel: 3x3` is for 2 axes, but the input has 1 (steps)",
        "write one number, or one per axis",
        "kernel",
    ),
    (
        make("conv", (SMALL,), filters=8, kernel=3, stride=(1, 1, 1)),
        "bad-value",
        "`stride: 1x1x1` is for 3 axes, but the input has 2 (height x width)",
        "write one number, or one per axis",
        "stride",
    ),
    (
        make("maxpool", (VOLUME,), kernel=3, pad=(1, 1)),
        "bad-value",
        "`pad: 1x1` is for 2 axes, but the input has 3 (depth x height x width)",
        "write one number, or one per axis",
        "pad",
    ),
    (
        make("adaptiveavgpool", (SEQUENCE,), output=(7, 7)),
        "bad-value",
        "`output: 7x7` is for 2 axes, but the input has 1 (steps)",
        "write one number, or one per axis",
        "output",
    ),
    (
        make("conv", (SEQUENCE,), filters=8, kernel=3, pad={"top": 1}),
        "bad-value",
        "an input of 100x300 has no top side",
        "its sides are `start` and `end`",
        "pad",
    ),
    (
        make("conv", (SMALL,), filters=8, kernel=3, pad={"start": 1}),
        "bad-value",
        "an input of 32x30x3 has no start side",
        "its sides are `top`, `bottom`, `left` and `right`",
        "pad",
    ),
    # values that no field accepts
    (
        make("conv", filters=8, kernel=3, pad="sme"),
        "bad-value",
        "conv.pad must be a whole number, `0x3`, `same`, `valid`, `causal` or sides (`{top: 0, bottom: 1}`); got `sme`",
        "did you mean `same`?",
        "pad",
    ),
    (
        make("conv", filters=8, kernel=[3, "x"]),
        "bad-value",
        "conv.kernel must be a whole number, or one per axis: `1x7`; got a list",
        "write one number per axis: `1x7`",
        "kernel",
    ),
    (
        make("conv", filters=8, kernel=0),
        "bad-value",
        "conv.kernel must be at least 1; got `0`",
        "",
        "kernel",
    ),
    (
        make("conv", filters=1_000_001, kernel=3),
        "bad-value",
        "conv.filters must be at most 1,000,000; got `1000001`",
        "",
        "filters",
    ),
    (
        make("conv", filters=True, kernel=3),
        "bad-value",
        "conv.filters must be a whole number of at least 1; got `true`",
        "",
        "filters",
    ),
    (
        make("conv", filters="0x10", kernel=3),
        "bad-value",
        "conv.filters must be a whole number of at least 1; got `0x10`",
        "write the number in decimal",
        "filters",
    ),
    (
        make("conv", filters=Fraction(5, 2), kernel=3),
        "bad-value",
        "conv.filters must be a whole number of at least 1; got `2.5`",
        "",
        "filters",
    ),
    (
        make("conv", filters=8, kernel=3, bias="yes"),
        "bad-value",
        "conv.bias must be `true` or `false`; got `yes`",
        "write `true`",
        "bias",
    ),
    (
        make("lstm", units=8, bias=False),
        "bad-value",
        "lstm.bias must be `single`, `double` or `none`; got `false`",
        "write `none`",
        "bias",
    ),
    (
        make("lstm", units=8, layers=1001),
        "bad-value",
        "lstm.layers must be at most 1,000; got `1001`",
        "",
        "layers",
    ),
    (
        make("dropout", rate=50),
        "bad-value",
        "dropout.rate must be a probability from 0 to 1, such as `0.5`; got `50`",
        "write `0.5` for 50 %",
        "rate",
    ),
    (
        make("prelu", per="chanel"),
        "bad-value",
        "prelu.per must be `layer`, `channel` or `element`; got `chanel`",
        "did you mean `channel`?",
        "per",
    ),
    (
        make("reshape", to=[7, 7, 512]),
        "bad-value",
        "reshape.to must be a shape such as `7x7x512`; got a list",
        "write `7x7x512`",
        "to",
    ),
    (
        make("conv", filters=8, kernel=3, pad={"top": 1, "botom": 1}),
        "unknown-field",
        "conv.pad has no side `botom`",
        "did you mean `bottom`?",
        "pad",
    ),
    (
        make("conv", filters=8, kernel=3, pad={"top": -1}),
        "bad-value",
        "conv.pad: `top` must be a whole number from 0 to 1,000,000; got `-1`",
        "",
        "pad",
    ),
    (
        make("pad", by="same"),
        "bad-value",
        "pad.by must be a whole number, `0x3` or sides (`{top: 0, bottom: 1}`); got `same`",
        "",
        "by",
    ),
    # fields by the names of other tools
    (
        make("conv", kernel_size=3),
        "unknown-field",
        "conv has no field `kernel_size`",
        "cnncalc calls it `kernel`",
        "kernel_size",
    ),
    (make("conv", padding=1), "unknown-field", "conv has no field `padding`", "cnncalc calls it `pad`", "padding"),
    (make("conv", strides=2), "unknown-field", "conv has no field `strides`", "cnncalc calls it `stride`", "strides"),
    (make("conv", K=2), "unknown-field", "conv has no field `K`", "cnncalc calls it `filters`", "K"),
    (make("conv", F=2), "unknown-field", "conv has no field `F`", "cnncalc calls it `kernel`", "F"),
    (
        make("fc", out_features=2),
        "unknown-field",
        "fc has no field `out_features`",
        "cnncalc calls it `units`",
        "out_features",
    ),
    (make("conv", fitlers=2), "unknown-field", "conv has no field `fitlers`", "did you mean `filters`?", "fitlers"),
    (
        make("conv", activation="relu"),
        "unknown-field",
        "conv has no field `activation`",
        "activations are layers: write `relu` as the step after conv",
        "activation",
    ),
    (make("fc", zzz=2), "unknown-field", "fc has no field `zzz`", "its fields are `units`, `bias`", "zzz"),
    (
        make("sigmoid", slope=2),
        "unknown-field",
        "sigmoid has no fields, but got `slope`",
        "write the bare word `sigmoid`",
        "slope",
    ),
    (
        make("conv", filters=8),
        "missing-field",
        "conv needs `kernel`: window size F: `3`, or `1x7` (height x width)",
        "for example `conv: {filters: 64, kernel: 3, pad: 1}`",
        "kernel",
    ),
    (
        make("maxpool"),
        "missing-field",
        "maxpool needs `kernel`: window size F",
        "for example `maxpool: 2`",
        "kernel",
    ),
    # kinds
    (make("rlu"), "unknown-layer", "no layer named `rlu`", "did you mean `relu`?", None),
    (make("ReLU"), "unknown-layer", "no layer named `ReLU`", "did you mean `relu`?", None),
    (make("Linear"), "unknown-layer", "no layer named `Linear`", "did you mean `linear`?", None),
    (make("Conv2d"), "unknown-layer", "no layer named `Conv2d`", "cnncalc calls it `conv`", None),
    (make("dense"), "unknown-layer", "no layer named `dense`", "cnncalc calls it `fc`", None),
    (make("MaxPooling2D"), "unknown-layer", "no layer named `MaxPooling2D`", "cnncalc calls it `maxpool`", None),
    (make("qqqq"), "unknown-layer", "no layer named `qqqq`", "`cnncalc explain` lists the kinds", None),
    (make("\x1b[31m"), "unknown-layer", "no layer named `\\x1b[31m`", "`cnncalc explain` lists the kinds", None),
]


@pytest.mark.parametrize(
    ("run", "code", "text", "help", "field"), MISUSE, ids=[f"{entry[1]}{number}" for number, entry in enumerate(MISUSE)]
)
def test_misuse(run: Callable[[], object], code: str, text: str, help: str, field: str | None) -> None:
    found = problem(run)
    assert found.text == text
    assert found.help == help
    assert (found.code, found.field) == (code, field)
    assert str(found) == f"{text} [{code}]" + (f" -> {help}" if help else "")


def test_help_of_a_misuse_is_followed() -> None:
    """The numbers in the help are accepted."""
    for fields in ({"pad": 1}, {"pad": 1, "dilation": 3}, {"pad": {"top": 2}}, {"pad": {"right": 2, "left": 1}}):
        make("maxpool", (SMALL,), kernel=3, **fields)()
    for field in ("kernel", "stride"):
        make("conv", (SEQUENCE,), **{"filters": 8, "kernel": 3, field: (3,)})()
    make("pad", ((3, 9, 1),), by=2, mode="reflect")()
    make("convtranspose", (SMALL,), filters=1, kernel=3, stride=2, output_pad=1)()


def test_blocks_are_among_the_words_that_could_be_meant() -> None:
    assert unknown_layer("Satge", ("Stage",)).help == "did you mean `Stage`?"


def test_same_padding_of_a_dilated_pool_may_be_long() -> None:
    """Half of the kernel is PyTorch's limit for a number. `same` comes from TensorFlow and has no limit."""
    pool = kind_named("maxpool")(kernel=3, stride=1, dilation=4, pad="same")
    assert pool.out(Shape((20, 20, 2))) == (20, 20, 2)


def test_layers_are_immutable() -> None:
    conv = kind_named("conv")(filters=8, kernel=3)
    for name in ("filters", "pad", "colour"):
        with pytest.raises(AttributeError, match="conv is immutable"):
            setattr(conv, name, 4)
    assert conv.nondefault_fields == {"filters": 8, "kernel": 3}


def test_nondefault_fields() -> None:
    kind = kind_named("conv")
    conv = kind(bias=False, pad="valid", kernel=(1, 7), stride=1, filters=64)
    assert list(conv.nondefault_fields.items()) == [("filters", 64), ("kernel", (1, 7)), ("bias", False)]
    assert conv.format_fields() == "filters 64, kernel 1x7, bias false"
    assert kind(filters=1, kernel=1, pad={"top": 0, "bottom": 1}).format_fields() == (
        "filters 1, kernel 1, pad {top: 0, bottom: 1}"
    )
    assert kind_named("dropout")(rate=Fraction(1, 2)).format_fields() == ""
    assert kind_named("dropout")(rate=Fraction(1, 5)).format_fields() == "rate 0.2"
    assert kind_named("relu")().format_fields() == ""
    assert kind_named("reshape")(to=(7, 7, 512)).format_fields() == "to 7x7x512"


def test_one_number_for_every_axis_may_be_written_out() -> None:
    """`3x3` equals 3 in output and comparisons, and still has the number of axes that it was written for."""
    kind = kind_named("conv")
    short, long = kind(filters=8, kernel=3, pad=1), kind(filters=8, kernel=(3, 3), stride=(1, 1), pad=(1, 1))
    assert short == long
    assert short.nondefault_fields == long.nondefault_fields
    assert long.format_fields() == "filters 8, kernel 3, pad 1"
    assert json.dumps(long.nondefault_fields) == '{"filters": 8, "kernel": 3, "pad": 1}'
    assert long.out(Shape(SMALL)) == short.out(Shape(SMALL))
    assert kind(**long.nondefault_fields) == long
    for again in (long, kind(**long.nondefault_fields)):
        assert problem(lambda layer=again: layer.out(Shape(SEQUENCE))).code == "bad-value"  # type: ignore[misc]


def test_layers_compare_by_kind_and_fields() -> None:
    conv = kind_named("conv")
    assert conv(filters=8, kernel=3) == conv(kernel=3, filters=8, stride=1)
    assert conv(filters=8, kernel=3) != conv(filters=8, kernel=5)
    assert kind_named("relu")() != kind_named("relu6")()
    assert conv(filters=8, kernel=3) != "conv"
    assert repr(conv(filters=8, kernel=(1, 7))) == "Conv(filters=8, kernel=(1, 7))"
    assert kind_named("swish") is kind_named("silu")


NOTES = [
    # ResNet's first layer: one zero on the right is never read
    (
        ("conv", {"filters": 64, "kernel": 7, "stride": 2, "pad": 3}, (224, 224, 3)),
        [
            (
                "rounded-down",
                "height and width: (224 - 7 + 2*3)/2 + 1 = 112.5, rounded down to 112; only padding is not read",
            )
        ],
    ),
    (
        ("conv", {"filters": 64, "kernel": 11, "stride": 4}, (224, 227, 3)),
        [
            (
                "rounded-down",
                "height: (224 - 11 + 2*0)/4 + 1 = 54.25, rounded down to 54; the last cell of the input is not read",
            )
        ],
    ),
    (
        ("maxpool", {"kernel": 3, "stride": 3, "pad": {"bottom": 1}}, (10, 11, 3)),
        [
            (
                "rounded-down",
                "height: (10 - 3 + 0 + 1)/3 + 1 = 3.6666..., rounded down to 3; the last cell of the input is not read",
            ),
            (
                "rounded-down",
                "width: (11 - 3 + 2*0)/3 + 1 = 3.6666..., rounded down to 3; the last 2 cells of the input are not read",
            ),
        ],
    ),
    (
        ("maxpool", {"kernel": 3, "stride": 2, "ceil": True}, (112, 112, 64)),
        [
            (
                "rounded-up",
                "height and width: (112 - 3 + 2*0)/2 + 1 = 55.5, rounded up to 56; "
                "the last window extends 1 cell beyond the padded input",
            )
        ],
    ),
    (
        ("conv", {"filters": 8, "kernel": 3, "stride": 2, "pad": "same"}, (224, 225, 3)),
        [("uneven-padding", "height: `same` adds 0 before and 1 after, as in TensorFlow")],
    ),
    (("conv", {"filters": 8, "kernel": 3, "pad": 1}, (224, 225, 3)), []),
    (("fc", {"units": 8}, (224, 225, 3)), []),
]


@pytest.mark.parametrize(
    ("layer", "notes"), NOTES, ids=[f"{entry[0][0]}{number}" for number, entry in enumerate(NOTES)]
)
def test_notes_of_rounding(layer: tuple[str, dict[str, Any], tuple[int, ...]], notes: list[tuple[str, str]]) -> None:
    kind, fields, shape = layer
    assert kind_named(kind)(**fields).notes(Shape(shape)) == notes


def test_sides_of_padding_reach_the_axes_they_name() -> None:
    by = {"front": 1, "back": 2, "top": 3, "bottom": 4, "left": 5, "right": 6}
    assert kind_named("pad")(by=by).out(Shape((10, 10, 10, 2))) == (13, 17, 21, 2)
    starts = [view.start for view in kind_named("pad")(by=by).windows(Shape((10, 10, 10, 2))) or ()]  # type: ignore[union-attr]
    assert starts == [-1, -3, -5]
    assert kind_named("pad")(by={"start": 1, "end": 2}).out(Shape((10, 2))) == (13, 2)
    assert kind_named("pad")(by={"left": 1, "right": 2}).out(Shape((10, 2))) == (13, 2)
    assert problem(make("pad", by={"left": 1, "start": 2})).help == (
        "`start` and `end` are the sides of a sequence, `left` and `right` of an image"
    )


def test_crop_takes_the_middle() -> None:
    """U-Net: cropping 64 to 56 cuts 4 cells off each side. An odd cell is cut off at the end."""
    views = CropLike(like="up").windows(Shape((64, 65, 512)), Shape((56, 56, 512)))
    assert views is not None
    assert [view.start for view in views] == [4, 4]  # type: ignore[union-attr]
    cut = Slice(start=2, stop=9, step=3, axis="width").windows(Shape((10, 10, 4)))
    assert cut is not None
    assert [(view.start, view.step) for view in cut] == [(0, 1), (2, 3)]  # type: ignore[union-attr]


RECORDED = json.loads((TESTS / "oracle" / "keras_layers.json").read_text())


@pytest.mark.parametrize("record", RECORDED["layers"], ids=str)
def test_recorded_keras_layers(record: dict[str, Any]) -> None:
    args = record["args"]
    layer = kind_named(record["layer"].lower())(
        units=args["units"],
        returns="sequence" if args.get("return_sequences") else "last",
        bias="single" if args.get("use_bias", True) else "none",
    )
    x = Shape(record["input"])
    assert (list(layer.out(x)), sum(layer.weights(x).values())) == (record["output"], record["params"])


@pytest.mark.parametrize("kind", RECORDED["recurrent"])
def test_recorded_recurrent_parameters(kind: str) -> None:
    records = RECORDED["recurrent"][kind]
    assert len(records) == 8
    for record in records:
        x = Shape((7, record["features"]))
        expected: list[tuple[int, dict[str, Any]]] = [
            (record["keras"], {"bias": "double" if kind == "gru" else "single"}),
            (record["torch"], {"bias": "double"}),
        ]
        if kind == "lstm":
            expected.append((record["keras_bidirectional"], {"bidirectional": True}))
        if kind == "gru":
            expected.append((record["keras_reset_after_false"], {"bias": "single"}))
        for params, fields in expected:
            assert sum(kind_named(kind)(units=record["units"], **fields).weights(x).values()) == params


def test_the_contract_of_the_base_class() -> None:
    layer = Layer()
    x = Shape((4, 4, 2))
    assert (layer.out(x), layer.weights(x), layer.buffers(x), int(layer.macs(x)), layer.windows(x), layer.notes(x)) == (
        x, {}, {}, 0, (), [],
    )  # fmt: skip
