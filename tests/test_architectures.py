"""The shelf: every file in architectures/ can be read, is short, and has the numbers of sources other than cnncalc.

The sources are in reference/: networks.json (papers, lecture notes, TensorFlow's and Keras' own counts, Darknet),
torchvision.json (the library's modules, layer by layer) and receptive_field.json (supports of gradients). Each record
names its source. oracle/test_torch_networks.py builds the networks without a record in PyTorch.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from cnncalc.analyses.claims import expected, published
from cnncalc.analyses.receptive import Whole, receptive_fields
from cnncalc.analyses.totals import Analysis, Row, analyze
from cnncalc.problem import Refused, Source
from cnncalc.readers.yaml.reader import Overrides, read
from cnncalc.shelf import names
from tests.helpers import network_of

HERE = Path(__file__).parent
SHELF = HERE.parent / "architectures"
SCHEMA_LINE = "# yaml-language-server: $schema=schema.json"
FILES = sorted(path.stem for path in SHELF.glob("*.yaml"))

NETWORKS: dict[str, Any] = json.loads((HERE / "reference" / "networks.json").read_text())
TORCHVISION: dict[str, Any] = json.loads((HERE / "reference" / "torchvision.json").read_text())
RECEPTIVE_FIELD: dict[str, Any] = json.loads((HERE / "reference" / "receptive_field.json").read_text())


@cache
def analysis(file: str, parameters: str = "", size: str = "") -> Analysis:
    """Return the analysis of a file with `parameters` ("n=18 growth=40") and another input size."""
    given = Overrides(dict(pair.split("=") for pair in parameters.split()), {"": size} if size else {})
    return analyze(read(Source(f"{file}.yaml", (SHELF / f"{file}.yaml").read_text()), given))


def rows_of(result: Analysis, step: str) -> list[Row]:
    """Return the rows of the step named `step` with `as:`."""
    return [row for row in result.rows if row.node.name == step or row.node.name.startswith(step + ".")]


def figures(result: Analysis) -> dict[str, int]:
    """Return our totals under the names that the reference files use."""
    totals = result.totals
    convolutions = [row for row in result.rows if row.node.layer is not None and row.node.layer.convolves]
    return {
        "params": totals.params,
        "weights": totals.weights,
        "biases": totals.biases,
        "macs": totals.macs,
        "macs_conv": sum(int(row.macs) for row in convolutions),
        "act_conv": totals.conv_activations,
        "buffers": totals.buffers,
    }


# -- the files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_short_and_says_what_it_is(file: str) -> None:
    """A file fits on a projected page, names its source, and has the line that tells an editor its schema."""
    lines = (SHELF / f"{file}.yaml").read_text().splitlines()
    assert lines[0] == SCHEMA_LINE
    assert len(lines) <= 60
    assert max(len(line) for line in lines) <= 110
    assert file == file.lower()
    network = analysis(file).network
    assert network.name
    assert network.source
    assert network.warnings == ()


def _keys(tree: object) -> list[object]:
    """Return every key of nested mappings."""
    if isinstance(tree, dict):
        return [*tree, *(key for inner in tree.values() for key in _keys(inner))]
    return [key for inner in tree for key in _keys(inner)] if isinstance(tree, list) else []


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_plain_yaml(file: str) -> None:
    """Other YAML readers, such as an editor with the schema, read every key as text, never as a number or a truth value."""
    tree = yaml.safe_load((SHELF / f"{file}.yaml").read_text())
    assert all(type(key) is str for key in _keys(tree))


@pytest.mark.parametrize("file", FILES)
def test_what_a_file_expects_holds(file: str) -> None:
    """Every `expect:` on the shelf was worked out by hand by the author of a paper or of lecture notes."""
    assert [claim for claim in expected(analysis(file)) if not claim.agrees] == []


def test_the_shelf_finds_every_file() -> None:
    """`cnncalc analyze NAME` accepts the name of each file."""
    assert names() == FILES


# -- totals ---------------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """A file, with or without parameters, and the record of its totals. `depth` is the number in the paper's name."""

    file: str
    record: str
    depth: int | None = None
    parameters: str = ""
    size: str = ""


CASES = [
    Case("lenet5", "lenet5.classic", 5),
    Case("lenet5_1998", "lenet5.lecun98"),
    Case("alexnet", "alexnet.paper", 8),
    Case("alexnet_torchvision", "alexnet.torchvision", 8),
    Case("zfnet", "zfnet", 8),
    Case("vgg11", "vgg11.totals", 11),
    Case("vgg13", "vgg13.totals", 13),
    Case("vgg16", "vgg16.totals", 16),
    Case("vgg16c", "vgg16c.totals", 16),
    Case("vgg19", "vgg19.totals", 19),
    Case("googlenet", "googlenet.table1", 22),
    Case("googlenet_torchvision", "googlenet.torchvision", 22),
    Case("inception_v3", "inception_v3.without_aux"),
    Case("resnet18", "resnet18.v1_5_torchvision", 18),
    Case("resnet34", "resnet34.v1_5_torchvision", 34),
    Case("resnet50", "resnet50.v1_5_torchvision", 50),
    Case("resnet50", "resnet50.v1_stride_in_1x1", 50, "stride_in_1x1=true"),
    Case("resnet50", "keras.ResNet50", 50, "stride_in_1x1=true"),
    Case("resnet101", "resnet101.v1_5_torchvision", 101),
    Case("resnet101", "resnet101.v1_stride_in_1x1", 101, "stride_in_1x1=true"),
    Case("resnet152", "resnet152.v1_5_torchvision", 152),
    Case("resnet152", "resnet152.v1_stride_in_1x1", 152, "stride_in_1x1=true"),
    Case("cifar_resnet20", "cifar_resnet20.optionA", 20),
    Case("cifar_resnet20", "cifar_resnet32.optionA", 32, "n=5"),
    Case("cifar_resnet20", "cifar_resnet44.optionA", 44, "n=7"),
    Case("cifar_resnet20", "cifar_resnet56.optionA", 56, "n=9"),
    Case("cifar_resnet20", "cifar_resnet110.optionA", 110, "n=18"),
    Case("cifar_resnet20", "cifar_resnet1202.optionA", 1202, "n=200"),
    # the record has the stride in the 3x3; the authors' code and the file have it in the first 1x1
    Case("preact_resnet164", "preact_resnet164", 164, "stride_in_1x1=false"),
    Case("preact_resnet164", "preact_resnet1001", 1001, "n=111 stride_in_1x1=false"),
    Case("resnext50_32x4d", "torchvision.meta.resnext50_32x4d", 50),
    Case("wide_resnet50_2", "torchvision.meta.wide_resnet50_2", 50),
    Case("squeezenet1_0", "squeezenet1_0.at224"),
    Case("squeezenet1_0", "squeezenet1_0.at227", size="227x227x3"),
    Case("squeezenet1_1", "squeezenet1_1"),
    Case("mobilenet_v1", "mobilenet_v1.1.224", 28),  # "MobileNet has 28 layers", section 3.2
    Case("mobilenet_v1", "mobilenet_v1.0.75.224", 28, "width=0.75"),
    Case("mobilenet_v1", "mobilenet_v1.0.5.224", 28, "width=0.5"),
    Case("mobilenet_v1", "mobilenet_v1.0.25.224", 28, "width=0.25"),
    Case("mobilenet_v1", "mobilenet_v1.1.192", 28, size="192x192x3"),
    Case("mobilenet_v1", "mobilenet_v1.1.160", 28, size="160x160x3"),
    Case("mobilenet_v1", "mobilenet_v1.1.128", 28, size="128x128x3"),
    Case("mobilenet_v2", "mobilenet_v2.1"),
    Case("mobilenet_v2", "mobilenet_v2.1.4", None, "width=1.4"),
    Case("mobilenet_v2", "keras.MobileNetV2-a035-96", None, "width=0.35", "96x96x3"),
    Case("mobilenet_v3_small", "torchvision.meta.mobilenet_v3_small"),
    Case("mobilenet_v3_large", "torchvision.meta.mobilenet_v3_large"),
    Case("shufflenet_v2_x1_0", "torchvision.meta.shufflenet_v2_x1_0"),
    Case("efficientnet_b0", "torchvision.meta.efficientnet_b0"),
    Case("densenet121", "densenet121", 121),
    Case("densenet161", "densenet161", 161),
    Case("densenet169", "densenet169", 169),
    Case("densenet201", "densenet201", 201),
    Case("densenet_bc_100_k12", "densenet_bc_100_k12_cifar", 100),
    Case("densenet_bc_100_k12", "densenet_bc_250_k24_cifar", 250, "depth=250 growth=24"),
    Case("densenet_bc_100_k12", "densenet_bc_190_k40_cifar", 190, "depth=190 growth=40"),
    Case("convnext_tiny", "torchvision.meta.convnext_tiny"),
    Case("vit_b_16", "torchvision.meta.vit_b_16"),
    Case("unet", "unet.c1.k2", 23),
    Case("yolov3_tiny", "darknet.yolov3-tiny"),
    Case("deep_mnist", "tf.mnist_expert"),
    Case("tf_cifar10", "tf.cifar10"),
    Case("vgg16_conv", "vgg16.params", 16),
    Case("mlperf_tiny_kws", "mlperf_tiny.kws"),
    Case("mlperf_tiny_vww", "mlperf_tiny.vww"),
    Case("mlperf_tiny_ic", "mlperf_tiny.ic", 8),
    Case("mlperf_tiny_ad", "mlperf_tiny.ad", 10),
]
BY_HAND = {"source": "VGG-16 holds the same parameters, whatever the image: CS231n notes", "params": 138357544}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}-{case.record}")
def test_totals(case: Case) -> None:
    """Parameters, weights, biases, multiply-adds and conv activations, integer for integer; depth by name."""
    record = BY_HAND if case.record == "vgg16.params" else NETWORKS[case.record]
    result = analysis(case.file, case.parameters, case.size)
    ours = figures(result)
    assert record["source"]
    known = {name: record[name] for name in ours if name in record}
    assert known
    assert {name: ours[name] for name in known} == known
    if case.depth is not None:
        assert result.totals.depth == case.depth


def test_every_file_has_a_source_for_its_totals() -> None:
    """A new file needs a record, a module in oracle/, or arithmetic below."""
    arithmetic = {
        "linear_classifier", "mlp", "three_3x3", "one_7x7", "bottleneck", "fc_head", "gap_head", "stacked_lstm",
    }  # fmt: skip
    oracle = {"dcgan_generator", "fcn32s", "mnist_cnn", "small_alexnet"}  # oracle/test_torch_networks.py
    assert {case.file for case in CASES} | arithmetic | oracle == set(FILES)


def test_reference_files_stay_small() -> None:
    """They are read in every run of the tests."""
    assert sum(path.stat().st_size for path in (HERE / "reference").rglob("*") if path.is_file()) < 1_600_000


# -- layer by layer -------------------------------------------------------------------------------------------------

KINDS = {
    "conv": "conv", "depthwise": "conv", "convtranspose": "convtranspose", "fc": "linear", "linear": "linear",
    "batchnorm": "batchnorm", "maxpool": "maxpool", "avgpool": "avgpool",
}  # fmt: skip
LIKE_TORCHVISION = {
    "alexnet_torchvision": "alexnet",
    "googlenet_torchvision": "googlenet",
    **{name: name for name in (
        "densenet121", "mobilenet_v2", "resnet18", "resnet50", "squeezenet1_0", "vgg11", "vgg13", "vgg16", "vgg19",
    )},
}  # fmt: skip
LIKE_NETWORKS = {
    "lenet5": "lenet5.classic", "alexnet": "alexnet.paper", "zfnet": "zfnet", "unet": "unet.c1.k2",
    "deep_mnist": "tf.mnist_expert", "tf_cifar10": "tf.cifar10",
}  # fmt: skip


def leaves(result: Analysis) -> list[list[Any]]:
    """Return convolutions, fully connected layers, batch norms and windowed poolings in order: [kind, output, params, macs].

    Global pooling is left out: torchvision does it by a module, by a function or by `mean`, and VGG's adaptive pooling
    does nothing at 224x224.
    """
    return [
        [KINDS[row.node.kind], list(row.node.output), row.params, int(row.macs)]
        for row in result.rows
        if row.node.kind in KINDS
    ]


@pytest.mark.parametrize("file", LIKE_TORCHVISION)
def test_every_layer_of_torchvision(file: str) -> None:
    """The layers and their order are those of the library, branches included."""
    record = TORCHVISION[LIKE_TORCHVISION[file]]
    result = analysis(file)
    assert list(result.extent) == record["input"]
    assert leaves(result) == record["leaves"]
    ours = figures(result)
    assert {name: ours[name] for name in ours} == {name: record[name] for name in ours}


@pytest.mark.parametrize("file", LIKE_NETWORKS)
def test_every_layer_of_a_paper(file: str) -> None:
    """The layers and their order are those of the networks of papers and tutorials, built in PyTorch for the record."""
    assert leaves(analysis(file)) == NETWORKS[LIKE_NETWORKS[file]]["leaves"]


@pytest.mark.parametrize("key", [key for key in TORCHVISION if "@" in key or "/" in key])
def test_other_sizes_and_widths_of_torchvision(key: str) -> None:
    """Other widths and other input sizes, some of them not square or odd."""
    record = TORCHVISION[key]
    name, _, width = key.partition("/w")
    name = name.partition("@")[0]
    file = {theirs: ours for ours, theirs in LIKE_TORCHVISION.items()}[name]
    result = analysis(file, f"width={width}" if width else "", "x".join(map(str, record["input"])))
    ours = figures(result)
    names_ = set(ours)
    if name == "vgg16" and result.rows[-7].node.output != (7, 7, 512):
        # torchvision's VGG pools every image to 7x7 before its fully connected layers, and the paper's does not
        names_ = {"macs_conv", "act_conv", "buffers"}
    assert {name: ours[name] for name in names_} == {name: record[name] for name in names_}


def test_cs231n_vgg16_table() -> None:
    """The lecture notes' table of VGG-16: activations and weights of every row, and the true totals."""
    record = NETWORKS["vgg16.cs231n"]
    result = analysis("vgg16")
    rows = [row for row in result.rows if row.node.kind in ("input", "conv", "maxpool", "fc")]
    ours = [[list(row.node.output), row.activations, row.weights] for row in rows]
    theirs = [[[size for size in out if size != 1], memory, weights] for _, out, memory, weights in record["rows"]]
    assert ours == theirs
    assert result.totals.activations == record["activations"]
    assert result.totals.weights == record["weights"]
    assert result.totals.params == record["params"]


def test_googlenet_table_1() -> None:
    """Every inception module: output, weights, biases and multiply-adds."""
    result = analysis("googlenet")
    modules = {name: found for name, found in NETWORKS["googlenet.table1"]["modules"].items() if "inception" in name}
    assert len(modules) == 9
    for name, (out, weights, biases, macs) in modules.items():
        rows = rows_of(result, name.removeprefix("inception"))
        sums = [sum(int(getattr(row, figure)) for row in rows) for figure in ("weights", "biases", "macs")]
        assert [list(rows[-1].node.output), *sums] == [out, weights, biases, macs], name


def test_lenet5_1998() -> None:
    """Trainable parameters and connections of every layer as the paper prints them."""
    record = NETWORKS["lenet5.lecun98"]
    result = analysis("lenet5_1998")
    steps = record["params_of"]
    assert {step: sum(row.params for row in rows_of(result, step)) for step in steps} == steps
    for step in ("C1", "C3", "C5", "F6"):  # a connection for every multiply-add and for every added bias
        rows = [row for row in rows_of(result, step) if row.params]
        connections = sum(int(row.macs) + row.node.output.size for row in rows)
        assert connections == record["connections_of"][step], step


def test_lenet5_1998_table_1() -> None:
    """Which maps of S2 each of the sixteen maps of C3 sees: the crosses of the paper's table I, column by column."""
    columns = [
        "012", "123", "234", "345", "450", "501", "0123", "1234", "2345", "3450", "4501", "5012",
        "0134", "1245", "0235", "012345",
    ]  # fmt: skip
    result = analysis("lenet5_1998")
    for number, column in enumerate(columns):
        slices = [row.node.layer for row in rows_of(result, f"C3.map{number}") if row.node.kind == "slice"]
        written = [layer.__dict__ for layer in slices]
        seen = [cell % 6 for part in written for cell in range(part.get("start", 0), part["stop"])]
        assert len(seen) == len(set(seen))
        assert set(seen) == {int(digit) for digit in column}, number


def test_squeezenet_modules() -> None:
    """Parameters of every fire module, and the paper's sizes at the 227x227 they need."""
    record = NETWORKS["squeezenet1_0.modules"]
    result = analysis("squeezenet1_0", size="227x227x3")
    steps = record["params_of"]
    assert {step: sum(row.params for row in rows_of(result, step)) for step in steps} == steps
    sizes = record["paper_sizes"]
    ours = {step: list(rows_of(result, step)[-1].node.output) for step in sizes if step in steps}
    assert ours == {step: size for step, size in sizes.items() if step in steps}


# -- receptive fields -----------------------------------------------------------------------------------------------

VGG = {f"conv{stage}_{number}": f"Stage{stage}.conv{number}" for stage in range(1, 6) for number in (1, 2)}
VGG |= {f"pool{stage}": f"Stage{stage}.maxpool1" for stage in range(1, 6)}
RESNET = {"conv1": "conv1.conv1", "maxpool": "maxpool1"}
ENDPOINTS: dict[tuple[str, str], dict[str, str]] = {
    ("vgg11", "vgg_a"): VGG,
    ("vgg16", "vgg_16"): VGG,
    ("vgg11", "vgg11"): {
        "features.0": "Stage1.conv1", "features.2": "Stage1.maxpool1", "features.5": "Stage2.maxpool1",
        "features.10": "Stage3.maxpool1", "features.15": "Stage4.maxpool1", "features.20": "Stage5.maxpool1",
    },
    ("vgg16", "vgg16"): {
        "features.0": "Stage1.conv1", "features.2": "Stage1.conv2", "features.4": "Stage1.maxpool1",
        "features.9": "Stage2.maxpool1", "features.16": "Stage3.maxpool1", "features.23": "Stage4.maxpool1",
        "features.30": "Stage5.maxpool1",
    },
    ("vgg19", "vgg19"): {
        "features.4": "Stage1.maxpool1", "features.9": "Stage2.maxpool1", "features.18": "Stage3.maxpool1",
        "features.27": "Stage4.maxpool1", "features.36": "Stage5.maxpool1",
    },
    ("alexnet_torchvision", "alexnet"): {
        "features.0": "conv1", "features.2": "maxpool1", "features.3": "conv2", "features.5": "maxpool2",
        "features.6": "conv3", "features.8": "conv4", "features.10": "conv5", "features.12": "maxpool3",
    },
    ("resnet18", "resnet18"): RESNET | {f"layer{n}": f"conv{n + 1}_x.Block2.add1" for n in range(1, 5)},
    ("resnet50", "resnet50"): RESNET | {
        f"layer{n}": f"conv{n + 1}_x.Bottleneck{blocks}.add1" for n, blocks in ((1, 3), (2, 4), (3, 6), (4, 3))
    },
    ("googlenet_torchvision", "googlenet"): {
        "conv1": "Conv1.conv1", "maxpool1": "maxpool1", "conv3": "Conv3.conv1", "maxpool2": "maxpool2",
        "maxpool3": "maxpool3", "maxpool4": "maxpool4",
        **{f"inception{module}": f"{module}.concat1" for module in ("3a", "3b", "4a", "4e", "5a", "5b")},
    },
    ("squeezenet1_0", "squeezenet1_0"): {
        "features.0": "conv1", "features.2": "maxpool1", "features.3": "fire2.concat1", "features.5": "fire4.concat1",
        "features.6": "maxpool2", "features.12": "fire9.concat1",
    },
    ("mobilenet_v2", "mobilenet_v2"): {
        "features.0": "ConvBN1.conv1", "features.1": "Stage1.Inverted1.ConvBN1.conv1", "features.18": "ConvBN2.conv1",
        **{
            f"features.{number}": f"Stage{stage}.Inverted1.ConvBN2.conv1"
            for number, stage in ((2, 2), (4, 3), (7, 4), (11, 5), (14, 6), (17, 7))
        },
    },
    ("densenet121", "densenet121"): {
        "features.pool0": "maxpool1",
        **{f"features.denseblock{n}": f"Dense{n}.concat{layers}" for n, layers in ((1, 6), (2, 12), (3, 24), (4, 16))},
        **{f"features.transition{n}": f"Transition{n}.avgpool1" for n in (1, 2, 3)},
    },
}  # fmt: skip


@pytest.mark.parametrize(("file", "record"), ENDPOINTS)
def test_receptive_fields(file: str, record: str) -> None:
    """Size, stride and left edge at every endpoint."""
    theirs = RECEPTIVE_FIELD[record]["endpoints"]
    names_ = ENDPOINTS[file, record]
    network = analysis(file).network
    fields = dict(zip((node.name for node in network.nodes), receptive_fields(network), strict=True))
    ours = {}
    for endpoint in theirs:
        field = fields[names_[endpoint]]
        assert field is not None
        assert not isinstance(field, Whole)
        (first, last, stride), across = field
        assert across == (first, last, stride)
        ours[endpoint] = [last - first + 1, stride, -first]
    assert ours == theirs


# -- published figures ----------------------------------------------------------------------------------------------

# figures in the sources to which the exact figure does not round: (file with parameters, quantity, printed)
NOT_SO = {
    ("vgg16", "activations", "24M"),  # 15,237,608: the notes' own rows do not add up to 24M
    ("vgg16", "memory", "93MB"),  # 60,950,432 bytes; 93 MB is 24M * 4 bytes in MiB
    ("alexnet", "params", "60M"),  # 60,965,224
    ("googlenet", "macs", "1.5G"),  # 1,582,671,872; "a budget of 1.5 billion"
    ("inception_v3", "macs", "5G"),  # 5,713,216,096
    ("inception_v3", "params", "27,161,264"),  # counts the training head, which the file leaves out
    ("resnet34", "macs", "3.6G"),  # 3,663,761,408: the paper cuts off
    ("resnet50", "macs", "3.8G"),  # 4,089,184,256; of the stride in the 1x1 3,857,973,248: the paper cuts off
    ("resnet50 stride_in_1x1=true", "macs", "3.8G"),
    ("resnet101", "macs", "7.6G"),  # agrees with the stride in the 1x1
    ("resnet152", "macs", "11.3G"),  # agrees with the stride in the 1x1
    ("preact_resnet164 n=111", "params", "10.2M"),  # 10,327,706; 10,178,490 without batch norms
    ("mobilenet_v2", "params", "3.4M"),  # 3,504,872
    ("mobilenet_v2", "macs", "300M"),  # 300,774,272
    ("mobilenet_v2 width=1.4", "params", "6.9M"),  # 6,108,776
    ("mobilenet_v2 width=1.4", "macs", "585M"),  # 582,195,824
    ("mobilenet_v3_large", "params", "5.4M"),  # 5,483,032
    ("mobilenet_v3_large", "macs", "219M"),  # 216,589,760
    ("mobilenet_v3_small", "macs", "56M"),  # 56,510,400
    ("shufflenet_v2_x1_0", "macs", "146M"),  # 144,907,992
    ("vit_b_16", "params", "86M"),  # 86,567,656: the paper cuts off
    ("tf_cifar10", "macs", "19.5M"),  # 18,470,784; with the 1,068,298 parameters added it would be 19.5M
}
VARIANTS = [
    "resnet50 stride_in_1x1=true", "resnet101 stride_in_1x1=true", "resnet152 stride_in_1x1=true",
    "preact_resnet164 n=111", "mobilenet_v2 width=1.4", "mobilenet_v2 width=0.5", "mobilenet_v1 width=0.75",
    "mobilenet_v1 width=0.5", "mobilenet_v1 width=0.25", "densenet_bc_100_k12 depth=250 growth=24",
    "densenet_bc_100_k12 depth=190 growth=40", *[f"cifar_resnet20 n={n}" for n in (5, 7, 9, 18, 200)],
]  # fmt: skip


@pytest.mark.parametrize("variant", [*FILES, *VARIANTS])
def test_published_figures(variant: str) -> None:
    """Each printed figure agrees with the exact one, except for those listed above."""
    file, _, parameters = variant.partition(" ")
    claims = published(analysis(file, parameters))
    assert {(variant, claim.quantity, claim.claimed) for claim in claims if not claim.agrees} == {
        claim for claim in NOT_SO if claim[0] == variant
    }
    assert all(claim.source for claim in claims)


def test_vgg16_published_figures() -> None:
    """The lecture's 24M and 93MB do not agree; its 138M and the paper's do."""
    claims = {(claim.quantity, claim.claimed): (claim.computed, claim.agrees) for claim in published(analysis("vgg16"))}
    assert claims == {
        ("activations", "24M"): (15_237_608, False),
        ("memory", "93MB"): (60_950_432, False),
        ("weights", "138M"): (138_344_128, True),
        ("params", "138M"): (138_357_544, True),
        ("depth", "16"): (16, True),
    }


def test_published_figures_speak_of_their_variant() -> None:
    """`when:` selects the figures that were published for the network with these parameters."""
    claims = published(analysis("cifar_resnet20", "n=18"))
    assert [(claim.quantity, claim.claimed) for claim in claims] == [("params", "1.7M"), ("depth", "110")]
    assert published(analysis("cifar_resnet20", "n=4")) == []


@pytest.mark.parametrize(
    ("when", "help"), [("3", "true, false"), ("$m == 1", "unknown parameter"), ("[]", "true, false")]
)
def test_published_when_is_checked(when: str, help: str) -> None:
    """Anything that is not a condition is refused."""
    text = f"input: 8\nparams: {{n: 1}}\npublished: [{{source: x, when: {when}, params: 9}}]\nlayers: [fc: 1]"
    with pytest.raises(Refused, match=help):
        network_of(text)


# -- arithmetic -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [32, 64, 128])
def test_small_filters(channels: int) -> None:
    """CS231n: 27 C^2 weights instead of 49 C^2 for the same receptive field. A bottleneck has 3.25 C^2."""
    parameters = f"channels={channels}"
    three, one = analysis("three_3x3", parameters), analysis("one_7x7", parameters)
    assert three.totals.weights == 27 * channels**2
    assert one.totals.weights == 49 * channels**2
    assert three.fields[-1] == one.fields[-1] == ((-3, 3, 1), (-3, 3, 1))
    assert 4 * analysis("bottleneck", parameters).totals.weights == 13 * channels**2


def test_fully_connected_layers_as_convolutions() -> None:
    """CS231n, "Converting FC layers to CONV layers": one answer from 224x224 as before, 6x6 from 384x384."""
    small, large, dense = analysis("vgg16_conv", size="224x224x3"), analysis("vgg16_conv"), analysis("vgg16")
    assert small.rows[-1].node.output == (1, 1, 1000)
    assert large.rows[-1].node.output == (6, 6, 1000)
    assert small.totals.params == large.totals.params == dense.totals.params
    assert small.totals.macs == dense.totals.macs


def test_heads() -> None:
    """500 classes from 7x7x64: 7*7*64*500 weights, or 64*500 after a pooling without weights."""
    assert analysis("fc_head").totals.weights == 7 * 7 * 64 * 500 == 1_568_000
    assert analysis("gap_head").totals.weights == 64 * 500
    assert analysis("gap_head").rows[1].params == 0


def test_first_networks_of_the_lecture() -> None:
    """CS231n: W is 10x3072 and b is 10x1; 4 + 4 + 1 neurons have 12 + 16 + 4 weights and 9 biases."""
    totals = analysis("linear_classifier").totals
    assert (totals.weights, totals.biases, totals.macs) == (10 * 3072, 10, 10 * 3072)
    totals = analysis("mlp").totals
    assert (totals.weights, totals.biases, totals.depth) == (12 + 16 + 4, 4 + 4 + 1, 3)


def test_stacked_lstm() -> None:
    """Keras' LSTM(u) on f features has 4*(u*(u + f) + u) parameters: 128, 144 and 24."""
    rows = analysis("stacked_lstm").rows[1:]
    assert [row.params for row in rows] == [4 * (u * (u + f) + u) for u, f in ((4, 3), (4, 4), (1, 4))]
    assert [list(row.node.output) for row in rows] == [[5, 4], [5, 4], [1]]
