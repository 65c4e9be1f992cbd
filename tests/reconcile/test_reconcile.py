"""What other tools print, compared with what they printed for torchvision's models, and the search for a printed number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

import cnncalc
from cnncalc.layers.attention import Attend
from cnncalc.layers.dense import Linear
from cnncalc.layers.operator import Stated
from cnncalc.layers.pool import AdaptiveAvgPool
from cnncalc.loading import LoadOptions, Spec, load
from cnncalc.network import Builder, Network
from cnncalc.reconcile import reconcile
from cnncalc.reconcile.printed import explain, parse_printed
from cnncalc.reconcile.tools import TOOLS
from cnncalc.shape import Shape
from tests.helpers import Ended

PRINTED = json.loads((Path(__file__).parent / "tool_counts.json").read_text(encoding="utf-8"))["networks"]
# name of the measured count -> tool
MEASURED = {
    "flop_counter": "flop_counter", "fvcore": "fvcore", "ptflops_aten": "ptflops-aten", "ptflops_pytorch": "ptflops",
    "thop": "thop", "torchinfo": "torchinfo",
}  # fmt: skip
VGG11_BN = (
    "224x224x3 -> CONV3-64 -> BATCHNORM -> RELU -> POOL2 -> CONV3-128 -> BATCHNORM -> RELU -> POOL2 "
    "-> [CONV3-256 -> BATCHNORM -> RELU]*2 -> POOL2 -> [[CONV3-512 -> BATCHNORM -> RELU]*2 -> POOL2]*2 "
    "-> [FC-4096 -> RELU]*2 -> FC-1000"
)
# torchvision's name -> (the network, how torchvision's code writes it, a pooling to its own size that the file leaves out)
NETWORKS: dict[str, tuple[str, dict[str, str], str]] = {
    "alexnet": ("alexnet_torchvision", {}, ""),
    "densenet121": ("densenet121", {"globalavgpool": "function", "relu2": "function"}, ""),
    "googlenet": ("googlenet_torchvision", {"relu": "function"}, ""),
    "mobilenet_v2": ("mobilenet_v2", {"globalavgpool": "function"}, ""),
    "mobilenet_v3_small": ("mobilenet_v3_small", {}, ""),
    "resnet18": ("resnet18", {}, ""),
    "resnet50": ("resnet50", {}, ""),
    "resnext50_32x4d": ("resnext50_32x4d", {}, ""),
    "squeezenet1_1": ("squeezenet1_1", {}, ""),
    "vgg11_bn": (VGG11_BN, {}, "7x7x512"),
    "vgg16": ("vgg16", {}, "7x7x512"),
    "vit_b_16": ("vit_b_16", {}, ""),
}


def network_of(text: str) -> Network:
    """A shipped network, or one in a line."""
    return load(Spec(text, line="->" in text), LoadOptions())


def pooling_to(size: str) -> Network:
    """An adaptive pooling to the size that its input has, which VGG and AlexNet of torchvision contain."""
    shape = Shape(map(int, size.split("x")))
    builder = Builder()
    return builder.finish([builder.add(AdaptiveAvgPool(output=shape[:-1]), [builder.input("input", shape)], "pool")])


def value_of(network: Network, tool: str, written: dict[str, str] | None = None, figure: int = 0) -> int | None:
    """What a tool prints."""
    return reconcile(network, [tool], written=written).results[figure].value


@pytest.mark.parametrize("name", NETWORKS)
def test_recorded_counts_of_the_tools(name: str) -> None:
    """Every count in tool_counts.json is equal. Swin needs PyTorch and is compared in tests/oracle."""
    spec, written, left_out = NETWORKS[name]
    network = network_of(spec)
    for measured, tool in MEASURED.items():
        value = value_of(network, tool, written)
        assert value is not None
        extra = value_of(pooling_to(left_out), tool) if left_out else 0
        assert value + (extra or 0) == PRINTED[name][measured], tool


@pytest.mark.parametrize(
    ("name", "macs", "flops"),
    [
        ("vgg16", 15_470_264_320, 30_973_778_432 - 25_088),  # less the pooling to its own size
        ("resnet50", 4_089_184_256, 8_211_108_352),
        ("mobilenet_v2", 300_774_272, 614_967_488),
        ("vit_b_16", 16_848_500_736, 33_723_326_208),
    ],
)
def test_recorded_counts_of_calflops(name: str, macs: int, flops: int) -> None:
    """Version 0.3.2 on torchvision 0.28."""
    assert value_of(network_of(name), "calflops") == macs
    assert value_of(network_of(name), "calflops", figure=1) == flops


@pytest.mark.parametrize(
    ("name", "macs"), [("vgg16", 15_503_523_304 - 25_088), ("resnet50", 4_117_342_184), ("mobilenet_v2", 319_949_192)]
)
def test_recorded_counts_of_onnx_tool(name: str, macs: int) -> None:
    """Version 1.0.1 on files of torch.onnx.export."""
    assert value_of(network_of(name), "onnx-tool") == macs


def test_addends_add_up_and_name_their_layers() -> None:
    """The sum that the report shows is the figure, for every tool."""
    network = network_of("resnet50")
    names = {node.name for node in network.nodes}
    for result in reconcile(network).results:
        assert result.value == sum(addend.value for addend in result.addends) == sum(dict(result.shares).values())
        assert all(names.issuperset(addend.layers) and addend.layers for addend in result.addends)
    thop = reconcile(network, ["thop"]).results[0]
    assert [(addend.coefficient, addend.count) for addend in thop.addends] == [
        (1, 4_089_184_256), (4, 11_113_984), (50, 2_048)
    ]  # fmt: skip


def test_keras_counts_running_statistics() -> None:
    """keras.applications.ResNet50().summary() prints 25,636,712 with biases; here the biases are left out of the file."""
    network = network_of("mobilenet_v2")
    total, trainable, rest = (result.value for result in reconcile(network, ["keras"]).results)
    assert (total, trainable, rest) == (3_538_984, 3_504_872, 34_112)  # keras.applications.MobileNetV2().summary()


def test_what_depends_on_the_program_is_unknown() -> None:
    """Attention without projections may be one call or three, which ptflops tells apart."""
    builder = Builder()
    x = builder.input("input", Shape((10, 16)))
    projected = builder.add(Linear(units=16), [x], "linear1")
    network = builder.finish([builder.add(Attend(heads=4), [projected] * 3, "attend1")])
    result = reconcile(network, ["ptflops"]).results[0]
    assert result.value is None
    assert result.at_least == 10 * 16 * 16 + 10 * 16
    assert [(gap.kind, gap.layers) for gap in result.gaps] == [("attend", ("attend1",))]
    assert value_of(network, "thop") == 10 * 16 * 16  # counts modules only, so that it makes no difference


def test_an_operation_of_a_file_is_unknown_to_every_tool() -> None:
    """Its name says nothing about what tools count, whatever it costs."""
    builder = Builder()
    x = builder.input("input", Shape((10, 16)))
    network = builder.finish([builder.add(Stated(op="mystery", cost=0), [x], "mystery1")])
    for result in reconcile(network).results:
        assert (result.value is None) == (result.unit != "params" or result.tool == "thop"), result.tool


def test_assumptions_are_stated_with_what_they_change() -> None:
    """`--written` gives the figure that the report announces."""
    network = network_of("mobilenet_v2")
    assumption = next(
        each for each in reconcile(network, ["thop"]).results[0].assumptions if each.kind == "globalavgpool"
    )
    for other in assumption.others:
        assert value_of(network, "thop", {"globalavgpool": other.style}) == other.value


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_names_its_version(tool: str) -> None:
    """A rule holds for one version."""
    assert TOOLS[tool].name == tool
    assert any(char.isdigit() for char in TOOLS[tool].version)


# -- printed numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "printed", "expected"),
    [
        ("resnet50", "4.1337G", ("thop", "MACs", ())),
        ("resnet50", "4.112 GMac", ("fvcore", "flops", ())),
        ("resnet50", "8,211,108,352", ("calflops", "FLOPs", ())),
        ("resnet50", "25,610,152", ("keras", "Total params", ())),
        ("resnet50", "8.2675G", ("thop", "MACs", ("times 2, for a multiplication and an addition",))),
        ("vgg16", "30.9405G", ("flop_counter", "FLOPs", ())),
        ("vgg16", "14.715M", ("cnncalc", "params", ())),
        ("resnet18", "1.8146G", None),
    ],
)
def test_a_printed_number_is_explained(
    spec: str, printed: str, expected: tuple[str, str, tuple[str, ...]] | None
) -> None:
    """By the tool, or by a change of its figure; or by nothing."""
    found = reconcile(network_of(spec), printed=printed).explanation
    assert found is not None
    if expected is None:
        assert found.matches == ()
        assert found.nearest is not None
    elif spec == "vgg16" and expected[1] == "params":
        assert any(match.changes == ("convolutions only",) for match in found.matches)
    else:
        assert expected in [(match.tool, match.figure, match.changes) for match in found.matches]


def test_no_lucky_matches() -> None:
    """Only about one in twenty unrelated numbers is explained."""
    draw = Random(4)
    network = network_of("resnet50")
    results = reconcile(network).results
    explained = sum(bool(explain(f"{draw.uniform(1, 10):.2f}G", network, results).matches) for _ in range(200))
    assert explained <= 20


@pytest.mark.parametrize("text", ["", "G", "four", "4.13Q", "1,5M", "-3", "0", "4.13G4", "NaN"])
def test_what_is_not_a_number_is_refused(text: str, ended: Callable[..., Ended]) -> None:
    """With the words of the user, and an example."""
    status, _, err = ended("reconcile", "lenet5", "--printed", text)
    assert status == 2
    assert "is not a printed number" in err


def test_units_of_tools_are_understood() -> None:
    """The words that tools print after a number."""
    assert {parse_printed(text).unit for text in ["4.13 GMac", "4.13G", "4.13 GFLOPs", "4.13g macs", "4.13B"]} == {
        10**9
    }


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_report_shows_the_sum(ended: Callable[..., Ended]) -> None:
    """The example of the issue."""
    status, out, _ = ended("reconcile", "resnet50", "--tool", "thop")
    assert status == 0
    for part in [
        "4,133,742,592",
        "4,089,184,256",
        "4 for each of 11,113,984 batchnorm outputs",
        "50 for each of 2,048",
    ]:
        assert part in out
    assert "0.1.1.post2209072238" in out


def test_json_holds_everything(ended: Callable[..., Ended]) -> None:
    """Unknown figures are null, and addends add up."""
    status, out, _ = ended("reconcile", "unet", "--format", "json", "--printed", "3.00T")
    answer = json.loads(out)
    assert status == 1
    assert answer["format"] == "cnncalc.reconcile/1"
    assert {figure["tool"] for figure in answer["figures"]} == set(TOOLS)
    for figure in answer["figures"]:
        assert figure["at_least"] == sum(addend["value"] for addend in figure["addends"])
        assert (figure["value"] is None) == bool(figure["unknown"])
    assert answer["printed"]["matches"] == []
    assert answer["printed"]["nearest"]["tool"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--written", "relu"), "is not of the form NAME=VALUE"),
        (("--written", "rleu=function"), "did you mean `relu`?"),
        (("--written", "relu=mean"), "write `module` or `function`"),
        (("--tool", "top"), "thop"),
    ],
)
def test_wrong_options_say_what_to_write(words: tuple[str, ...], message: str, ended: Callable[..., Ended]) -> None:
    """Suggestions for misspelled words."""
    status, _, err = ended("reconcile", "lenet5", *words)
    assert status == 2
    assert message in " ".join(err.split())


def test_python_and_the_command_line_agree(ended: Callable[..., Ended]) -> None:
    """The same data, the same text, and errors as one exception."""
    found = cnncalc.load("mobilenet_v2").reconcile("thop", "4.13G", written={"globalavgpool": "function"})
    words = ("reconcile", "mobilenet_v2", "--tool", "thop", "--printed", "4.13G", "--written", "globalavgpool=function")
    assert json.loads(ended(*words, "--format", "json").out) == json.loads(json.dumps(found.to_dict()))
    assert ended(*words).out == str(found)
    assert not found.explained
    assert repr(found) == "<Reconciliation of MobileNetV2 with thop>"
    with pytest.raises(ValueError, match="no tool named 'top'"):
        cnncalc.load("lenet5").reconcile("top")
    with pytest.raises(cnncalc.CnncalcError, match="is not a printed number"):
        cnncalc.load("lenet5").reconcile(printed="many")
