"""Ultralytics' model files: published figures, the choice of a scale, blocks worked out by hand, and errors with their lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import cnncalc
from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.ultralytics.reader import read_text
from cnncalc.readers.ultralytics.recognition import recognizes
from tests.helpers import Ended
from tests.readers.ultralytics.models import SCALES, text, yolo11, yolov5, yolov8

# parameters as `model.info()` of ultralytics prints them, before layers are fused
PUBLISHED = {
    "v8": {"n": 3_157_200, "s": 11_166_560, "m": 25_902_640, "l": 43_691_520, "x": 68_229_648},
    "11": {"n": 2_624_080, "s": 9_458_752, "m": 20_114_688, "l": 25_372_160, "x": 56_966_176},
}
GIGAFLOPS = {"v8": {"n": 8.9, "s": 28.8}, "11": {"n": 6.6, "s": 21.7}}  # that it prints, of 640x640 images


def network(written: str, name: str = "net.yaml", size: str = "", **parameters: str) -> Network:
    """Return the network of a file."""
    inputs = {"": size} if size else {}
    return read_text(Source(name, written), ReaderOptions(inputs, {}, parameters=parameters))


@pytest.mark.parametrize(("name", "scale"), [(name, scale) for name in PUBLISHED for scale in PUBLISHED[name]])
def test_published_parameters(name: str, scale: str) -> None:
    """Of all scales, chosen by the option."""
    written = {"v8": yolov8, "11": yolo11}[name]()
    totals = analyze(network(written, scale=scale)).totals
    assert totals.params == PUBLISHED[name][scale]
    if scale in GIGAFLOPS[name]:  # with norms and activations
        assert 0.95 < 2 * totals.macs / 1e9 / GIGAFLOPS[name][scale] < 1.01


def test_yolov5_with_anchors() -> None:
    """YOLOv5s has 7,235,389 parameters for 80 classes, and 25,200 boxes of 85 numbers (Jocher 2021)."""
    net = network(yolov5(0.33, 0.5))
    assert analyze(net).totals.params == 7_235_389
    assert [str(net.nodes[index].output) for index in net.outputs] == ["25200x85"]


def test_the_scale_is_that_of_the_name() -> None:
    """As in Ultralytics: `yolov8s.yaml`. Without one, the first scale is read, with a warning; an option wins."""
    assert analyze(network(yolov8(), "yolov8s.yaml")).totals.params == PUBLISHED["v8"]["s"]
    assert network(yolov8(), "yolov8s.yaml").warnings == ()
    assert network(yolov8(), "yolov8s.yaml", scale="n").source == "Ultralytics YOLO, scale n"
    net = network(yolov8(), "yolov8.yaml")
    assert analyze(net).totals.params == PUBLISHED["v8"]["n"]
    assert [warning.code for warning in net.warnings] == ["scale-chosen"]
    assert "`n` is read, as in Ultralytics" in net.warnings[0].text


def test_classes_and_input_sizes() -> None:
    """`nc` and the image can be set."""
    net = network(yolov8(), scale="n", nc="2", size="320x640x3")
    assert str(net.nodes[0].output) == "320x640x3"
    assert [str(net.nodes[index].output) for index in net.outputs] == ["4200x6"]
    # the branch of classes has max(64, min(nc, 100)) = 64 instead of 80 channels
    assert analyze(net).totals.params == 3_011_238


def test_other_heads() -> None:
    """Masks, key points and angles come from a third branch."""
    for head, outputs, params in (
        ("Segment, [nc, 32, 256]", ["8400x116", "160x160x32"], 3_409_968), ("Pose, [1, [17, 3]]", ["8400x56"], 3_295_470),
        ("OBB, [nc, 1]", ["8400x85"], 3_228_867), ("v10Detect, [nc]", ["300x6", "8400x64", "8400x80"], None),
    ):  # fmt: skip
        net = network(yolov8(head), scale="n")
        assert [str(net.nodes[index].output) for index in net.outputs] == outputs
        if params:
            assert analyze(net).totals.params == params, head


CONV_64 = 3 * 3 * 3 * 64 + 2 * 64


@pytest.mark.parametrize(
    ("row", "shape", "params"),
    [
        ("-1, 1, Conv, [32, 3, 2]", "4x4x32", 64 * 32 * 9 + 64),
        ("-1, 1, Conv, [32, [1, 3]]", "8x8x32", 64 * 32 * 3 + 64),
        ("-1, 2, Conv, [64, 1]", "8x8x64", 2 * (64 * 64 + 128)),
        ("-1, 1, DWConv, [128, 3]", "8x8x128", 128 * 9 + 256),
        ("-1, 1, Bottleneck, [64]", "8x8x64", 2 * 64 * 32 * 9 + 64 + 128),
        ("-1, 1, C2f, [64]", "8x8x64", 64 * 64 + 128 + 2 * (32 * 32 * 9 + 64) + 96 * 64 + 128),
        ("-1, 1, C3, [64]", "8x8x64", 2 * (64 * 32 + 64) + 32 * 32 + 64 + 32 * 32 * 9 + 64 + 64 * 64 + 128),
        ("-1, 1, SPP, [64, [5, 9]]", "8x8x64", 64 * 32 + 64 + 96 * 64 + 128),
        ("-1, 1, SPPF, [64, 5]", "8x8x64", 64 * 32 + 64 + 128 * 64 + 128),
        ("-1, 1, Focus, [64, 1]", "4x4x64", 256 * 64 + 128),
        ("-1, 1, GhostConv, [64]", "8x8x64", 64 * 32 + 64 + 32 * 25 + 64),
        ("-1, 1, SCDown, [32, 3, 2]", "4x4x32", 64 * 32 + 64 + 32 * 9 + 64),
        ("-1, 1, ADown, [64]", "4x4x64", 32 * 32 * 9 + 64 + 32 * 32 + 64),
        ("-1, 1, AConv, [64]", "4x4x64", 64 * 64 * 9 + 128),
        ("-1, 1, nn.MaxPool2d, [2, 2, 0]", "4x4x64", 0),
        ("-1, 1, nn.ZeroPad2d, [[0, 1, 0, 2]]", "10x9x64", 0),
        ("-1, 1, nn.Upsample, [None, 2, nearest]", "16x16x64", 0),
        ("-1, 1, nn.ConvTranspose2d, [32, 2, 2]", "16x16x32", 64 * 32 * 4 + 32),
        ("-1, 1, ConvTranspose, [32, 2, 2]", "16x16x32", 64 * 32 * 4 + 64),
        ("-1, 1, nn.Identity, []", "8x8x64", 0),
        (
            "-1, 1, ResNetLayer, [64, 16, 2, False, 1]",
            "4x4x64",
            64 * 16 + 32 + 16 * 16 * 9 + 32 + 16 * 64 + 128 + 64 * 64 + 128,
        ),
        ("-1, 1, Classify, [10]", "10", 64 * 1280 + 2560 + 1280 * 10 + 10),
    ],
)
def test_single_modules(row: str, shape: str, params: int) -> None:
    """After a convolution with 64 channels, on 8x8 positions."""
    net = network(text("", ["-1, 1, Conv, [64, 3, 2]"], [row]), size="16x16x3")
    assert str(net.nodes[-1].output) == shape
    assert analyze(net).totals.params == CONV_64 + params


def test_multiples() -> None:
    """Widths are rounded up to a multiple of 8 after the largest one is limited, and repeats are rounded, at least to 1."""
    top = "scales:\n  n: [0.34, 0.3, 100]\n"
    net = network(text(top, ["-1, 1, Conv, [128, 1]", "-1, 4, C2f, [64]"], ["-1, 2, Conv, [64]"]))
    assert [str(node.output) for node in net.nodes if node.name in ("Conv_0.conv", "C2f_1.cv2.conv")] == [
        "640x640x32",
        "640x640x24",
    ]
    assert sum(node.name.startswith("C2f_1.m.") and node.name.endswith("cv1.conv") for node in net.nodes) == 1
    assert sum(node.name.startswith("Conv_2") and node.name.endswith(".conv") for node in net.nodes) == 1


def test_activations() -> None:
    """`activation` replaces SiLU."""
    net = network(text("activation: nn.LeakyReLU(0.1)\n", ["-1, 1, Conv, [8, 1]"], ["-1, 1, Conv, [8]"]))
    assert [node.kind for node in net.nodes][3::3] == ["leakyrelu", "leakyrelu"]


def problem(written: str, name: str = "net.yaml", **options: str) -> str:
    """Return the first problem of a file after its line."""
    with pytest.raises(Refused) as caught:
        network(written, name, **options)
    found = caught.value.problems[0]
    return (f"{found.where.line}: " if found.where else "") + str(found)


CONV = "-1, 1, Conv, [8, 3]"


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (
            text("", [CONV], ["-1, 1, Convv, [8]"]),
            "4: row 1 (Convv): cnncalc does not know this module [unknown-layer] -> did you mean `Conv`?",
        ),
        (
            text("", [CONV], ["[1], 1, Detect, [nc]"]),
            "4: row 1 (Detect): reads layer 1, but the layers above are 0 to 0 [unknown-name] -> count from 0,"
            " or write -1 for the layer just above",
        ),
        (
            text("", [CONV], ["[-1, 0], 1, Conv, [8]"]),
            "4: row 1 (Conv): takes one layer, but `from` lists 2 [bad-value] -> join them with a row `Concat`",
        ),
        (
            text("", [CONV], ["-1, 0, Conv, [8]"]),
            "4: row 1 (Conv): the number of repeats must be from 1 to 1,000; got `0` [bad-value]",
        ),
        (
            text("", [CONV], ["-1, 1, Conv, []"]),
            "4: row 1 (Conv): argument 1, the number of channels, is missing [missing-field] -> add it",
        ),
        (
            text("", [CONV], ["-1, 1, Conv, [8, 1.5]"]),
            "4: row 1 (Conv): argument 2, the kernel, must be a whole number from 1 to 1,000,000; got `1.5`"
            " [bad-value]",
        ),
        (
            text("", [CONV], ["-1, 1, Conv"]),
            "4: row 1 must be [from, number, module, [arguments]] [bad-step] -> write for example `[-1, 1, Conv,"
            " [64, 3, 2]]`",
        ),
        (
            text("", [CONV], ["-1, 1, RTDETRDecoder, [nc]"]),
            "4: row 1 (RTDETRDecoder): cnncalc does not read this module: RT-DETR is not supported [unsupported]"
            " -> install ultralytics, and read the model with `torch:ultralytics.nn.tasks:DetectionModel --arg"
            " cfg=FILE`",
        ),
        (
            text("", [CONV], ["-1, 1, C2PSA, [16]"]),
            "4: row 1 (C2PSA): needs as many output as input channels, but has 16 and 8 [sizes-differ] -> write"
            " 8 before the width multiple",
        ),
        (
            text("activation: nn.Foo()\n", [CONV], [CONV]),
            "1: `nn.Foo()` is not a supported activation [unknown-layer] -> use one of `nn.SiLU()`, `nn.ReLU()`,"
            " `nn.LeakyReLU()`, `nn.Hardswish()`, `nn.GELU()`, `nn.Mish()`, `nn.ELU()`, `nn.ReLU6()`,"
            " `nn.Sigmoid()`, `nn.Tanh()` or `nn.Identity()`",
        ),
        (
            text("depth_multiple: x\n", [CONV], [CONV]),
            "1: `depth_multiple` must be a positive number; got `x` [bad-value]",
        ),
        (
            "backbone: 3\nhead: []\n",
            "1: `backbone` must be a list of rows [from, number, module, args] [bad-file] -> write `backbone:`"
            " with one row for each layer",
        ),
        (
            text("", [CONV], ["[-1, 0], 1, Concat, [2]"]),
            "4: row 1 (Concat): joins along another axis than the channels [unsupported] -> write `[1]`",
        ),
        (
            text("", [CONV, "0, 1, Conv, [8, 3, 2]"], ["[0, 1], 1, Concat, [1]"]),
            "5: row 2 (Concat): concat along channels needs values with the same length along every other axis:"
            " 640x640x8 and 320x320x8 differ [shapes-differ] -> check the stride and padding of the branches;"
            " `pad: same` keeps height and width",
        ),
    ],
)  # fmt: skip
def test_errors(written: str, wanted: str) -> None:
    """Each names the row, at its line."""
    assert problem(written) == wanted


def test_wrong_options() -> None:
    """A scale that the file does not have, and parameters that no file has."""
    assert problem(yolov8(), scale="q").startswith("3: there is no scale `q` [bad-argument]")
    assert (
        problem(yolov5(1, 1), scale="n")
        == "the file has no `scales`, so it has one size [bad-argument] -> leave out `-p scale`"
    )
    assert problem(yolov8(), nc="x") == "`x` is not a number of classes [bad-argument] -> write `-p nc=80`"
    assert (
        problem(yolov8(), scal="n")
        == "an Ultralytics model has no parameter `scal` [bad-argument] -> did you mean `scale`?"
    )


def test_recognition() -> None:
    """The lists of rows decide."""
    assert all(recognizes(written) for written in (yolov8(), yolo11(), yolov5(1, 1)))
    assert recognizes(
        "backbone:\n  [[-1, 1, Conv, [32, 3, 1]],\n   [-1, 1, Conv, [64]],\n  ]\nhead:\n  [[[0, 1], 1, Detect, [nc]],\n  ]\n"
    )
    assert not recognizes("blocks:\n  backbone: [relu]\nlayers: [backbone]\n")
    assert not recognizes("backbone: a\nhead: b\n")


def test_commands(ended: Callable[..., Ended], tmp_path: Path) -> None:
    """Every command reads such files, and `check` does not."""
    path = tmp_path / "yolov8n.yaml"
    path.write_text(yolov8())
    assert ended("analyze", str(path), "--get", "params").out == "3157200\n"
    assert ended("analyze", str(path), "-p", "scale=s", "-p", "nc=2", "--get", "params").out == "11136374\n"
    done = ended("check", str(path))
    assert done.status == 1
    assert "is an Ultralytics YOLO network instead of a specification" in done.out
    first = cnncalc.load(path, input=(64, 64, 3))
    again = cnncalc.parse(first.to_yaml())
    for quantity in ("params", "buffers", "macs", "activations", "depth"):
        assert getattr(again.analyze().totals, quantity) == getattr(first.analyze().totals, quantity)


def test_scales_are_published() -> None:
    """Every scale of the tables is tested."""
    assert {name: set(scales) for name, scales in SCALES.items()} == {
        name: set(params) for name, params in PUBLISHED.items()
    }
