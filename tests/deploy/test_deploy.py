"""What deployment needs: figures of ST's model zoo, sums by hand, and every order of small graphs."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

import cnncalc
from cnncalc.analyses.fusion import FusedGraph, fuse
from cnncalc.deploy import deploy
from cnncalc.deploy.device_file import device_named
from cnncalc.deploy.devices import DEVICES, Device
from cnncalc.deploy.memory import activation_memory
from cnncalc.deploy.sources import CHECKED
from cnncalc.layers import KINDS
from cnncalc.layers.activation import ReLU
from cnncalc.layers.conv import Conv
from cnncalc.layers.merge import Add, Concat
from cnncalc.loading import LoadOptions, Spec, load
from cnncalc.network import Builder, Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers.yaml.reader import Overrides, read
from cnncalc.reconcile import reconcile
from cnncalc.render.deploy import binary, data, report
from cnncalc.render.lines import UNICODE
from cnncalc.shape import Shape
from cnncalc.shelf import names
from cnncalc.units import DTYPES
from tests.helpers import ROOT, Ended


def network_of(text: str, size: str = "", *changes: str, **parameters: str) -> Network:
    """A shipped network, or one in a line, at another input size and with fields that are set."""
    options = LoadOptions(inputs={"": size} if size else {}, parameters=parameters, changes=changes)
    return load(Spec(text, line="->" in text), options)


# -- flash ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "printed"), [("0.25", "214.69 KiB"), ("0.5", "812.61 KiB")])
def test_flash_is_that_of_the_model_zoo(width: str, printed: str) -> None:
    """ST's model zoo, image classification, MobileNetV1 at 224x224x3 with 5 classes, int8: weights in flash."""
    found = deploy(network_of("mobilenet_v1", "224x224x3", "fc1.units=5", width=width))
    assert binary(found.flash) == printed
    assert found.flash_exact


def test_a_folded_batch_norm_adds_a_bias_and_nothing_else() -> None:
    """3*3*3*8 weights and 8 biases, whether the convolution has its own biases or not; 8*10 weights and 10 biases."""
    for conv in ("CONV3-8", "CONV3-8 -> BATCHNORM", "CONV3-8 -> BATCHNORM -> RELU"):
        found = deploy(network_of(f"8x8x3 -> {conv} -> FC-10"))
        assert (found.weights, found.biases) == (3 * 3 * 3 * 8 + 8 * 8 * 8 * 10, 8 + 10)
        assert found.flash == found.weights + 4 * found.biases


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_flash_of_floats_has_biases_of_the_same_width(dtype: str) -> None:
    """Only integers have wider biases."""
    found = deploy(network_of("lenet5"), dtype)
    assert found.flash == 61_706 * DTYPES[dtype]


def test_parameters_without_a_settled_integer_form_make_a_bound() -> None:
    """A layer norm between the layers cannot be folded."""
    found = deploy(network_of("8x8x3 -> BATCHNORM -> RELU -> CONV3-8"))
    assert (found.flash, found.flash_exact) == (3 + 3 + 3 * 3 * 3 * 8 + 4 * 8, False)
    assert not deploy(network_of("vit_b_16")).flash_exact
    assert deploy(network_of("vit_b_16"), "float16").flash_exact


# -- memory --------------------------------------------------------------------------------------------------------------


def test_memory_is_that_of_a_fused_graph() -> None:
    """MobileNetV1 0.25 at 96x96x1: 48*48*8 read and 48*48*16 written by the first pointwise convolution."""
    found = deploy(network_of("mobilenet_v1", "96x96x1", width="0.25"))
    assert (found.peak, found.peak_at) == (55_296, "Separable1.conv1")
    assert found.bound == 48 * 48 * 16
    assert found.best == 55_296


def test_a_skip_connection_is_held() -> None:
    """In a residual block, the input lives beside the input and output of the second convolution."""
    found = deploy(network_of("mlperf_tiny_ic"))
    assert (found.peak, found.peak_at) == (3 * 32 * 32 * 16, "Block1.conv2")


def test_batch_and_dtype_multiply_memory() -> None:
    """Two bytes for each of four examples."""
    network = network_of("mlperf_tiny_vww")
    assert deploy(network, "float16", 4).peak == 8 * deploy(network).peak


def random_graph(draw: Random) -> Network:
    """A network of seven convolutions and merges with random inputs."""
    builder = Builder()
    values = [builder.input("input", Shape((4, 4, draw.randint(1, 8))))]
    for number in range(7):
        if len(values) > 2 and draw.random() < 0.5:
            layer, inputs = Concat(), draw.sample(values, 2)
        else:
            layer, inputs = Conv(filters=draw.choice([1, 2, 8, 30]), kernel=1), [draw.choice(values[-3:])]
        values.append(builder.add(layer, inputs, f"layer{number}"))
    read = {index for node in builder.nodes for index in node.inputs}
    return builder.finish([index for index in values[1:] if index not in read])


def least_peak(graph: FusedGraph) -> int:
    """The least peak over all orders, one by one."""
    best = 10**12
    for order in permutations(graph.operations):
        done, exist, peak = set(graph.inputs), set(graph.inputs), 0
        for number, operation in enumerate(order):
            if not done.issuperset(operation.inputs):
                break
            exist.add(operation.value)
            done.add(operation.value)
            peak = max(peak, sum(graph.sizes[value] for value in exist))
            later = {value for other in order[number + 1 :] for value in other.inputs} | set(graph.outputs)
            exist &= later
        else:
            best = min(best, peak)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_the_best_order_is_the_best_of_all(seed: int) -> None:
    """Compared with all 5,040 orders of seven operations; and the order that is named has that peak."""
    graph = fuse(random_graph(Random(seed)))
    memory = activation_memory(graph)
    assert memory.best == least_peak(graph) <= memory.peak.numbers
    assert memory.bound <= memory.peak.numbers
    assert sorted(operation.value for operation in memory.order) == sorted(
        operation.value for operation in graph.operations
    )
    reordered = FusedGraph(memory.order, graph.sizes, graph.inputs, graph.outputs)
    assert activation_memory(reordered).peak.numbers == memory.best


def test_orders_without_branches_are_alike() -> None:
    """A chain has one order."""
    found = deploy(network_of("vgg16"))
    assert found.best == found.peak
    assert found.order == ()


@pytest.mark.parametrize("name", names())
def test_the_shelf_has_consistent_figures(name: str) -> None:
    """Each layer is in one kernel, parameters are kept, and the bounds are in order."""
    network = network_of(name)
    found = deploy(network)
    inside = [node.index for step in found.steps for node in step.operation.nodes]
    assert len(inside) == len(set(inside))
    assert found.bound <= (found.best or found.peak) <= found.peak
    assert all(step.moved > 0 and step.live <= found.peak for step in found.steps)
    assert sum(step.operation.macs or 0 for step in found.steps) == found.macs


# -- fusing --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kernels"),
    [
        ("8x8x3 -> CONV3-8 -> BATCHNORM -> RELU -> POOL2 -> FC-10", ["conv batchnorm relu", "maxpool", "fc"]),
        ("8x8x3 -> BATCHNORM -> RELU -> CONV3-8", ["batchnorm relu", "conv"]),
        ("8x8x3 -> RELU -> CONV3-8", ["relu", "conv"]),
        ("8x8x3 -> FC-10 -> DROPOUT -> SOFTMAX", ["fc", "softmax"]),
    ],
)
def test_layers_that_run_in_one_kernel(line: str, kernels: list[str]) -> None:
    """By the kinds of their layers."""
    operations = fuse(network_of(line)).operations
    assert [" ".join(node.kind for node in operation.nodes) for operation in operations] == kernels


def test_what_is_read_twice_is_not_overwritten() -> None:
    """An activation after a value that a skip connection reads, too, is a kernel of its own."""
    builder = Builder()
    x = builder.input("input", Shape((4, 4, 8)))
    first = builder.add(Conv(filters=8, kernel=1), [x], "conv1")
    relu = builder.add(ReLU(), [first], "relu1")
    network = builder.finish([builder.add(Add(), [relu, first], "add1")])
    assert [operation.name for operation in fuse(network).operations] == ["conv1", "relu1", "add1"]


def test_bytes_moved_by_hand() -> None:
    """Input, output, weights and 32-bit biases of one convolution; 2*3*3*3*8 operations at each of 8*8 places."""
    (step,) = deploy(network_of("8x8x3 -> CONV3-8 -> RELU")).steps
    assert step.moved == 8 * 8 * 3 + 8 * 8 * 8 + 3 * 3 * 3 * 8 + 4 * 8
    assert step.intensity == 2 * 8 * 8 * 3 * 3 * 3 * 8 / step.moved


def test_columns_of_analyze(ended: Callable[..., Ended]) -> None:
    """The same bytes as a column; layers inside another kernel have none."""
    _, out, _ = ended(
        "analyze", "-e", "8x8x3 -> CONV3-8 -> RELU", "--columns", "moved,intensity", "--dtype", "int8", "--exact"
    )
    rows = {words[0]: words[1:] for words in map(str.split, out.splitlines()) if words}
    assert rows["conv1"] == ["952", "29.0"]
    assert rows["relu1"] == []


# -- devices -------------------------------------------------------------------------------------------------------------


def test_every_device_has_sources_and_sensible_figures() -> None:
    """25 to 40 devices; none without a source, memory, or something to calculate a time from."""
    assert 25 <= len(DEVICES) <= 40
    for device in DEVICES.values():
        assert device.source
        assert device.peaks or device.bandwidth
        assert set(device.peaks) <= set(DTYPES)
        assert device.memory >= 64 * 2**10
        assert all(peak >= 10**8 for peak in device.peaks.values())


def test_every_figure_is_compared_with_a_page_or_unconfirmed(ended: Callable[..., Ended]) -> None:
    """Addresses are given for figures that the device has; the docs, the report and JSON name those without one."""
    table = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert set(CHECKED) <= set(DEVICES)
    for device in DEVICES.values():
        assert device.checked is not None
        stated = [name for name in ("memory", "storage", "bandwidth") if getattr(device, name) is not None]
        assert set(device.checked) <= {*stated, *device.peaks, "clock"}
        assert all(address.startswith("https://") for address in device.checked.values())
        assert {*device.unconfirmed, *device.checked} - {"clock"} == {*stated, *device.peaks}
        [row] = [line for line in table.splitlines() if line.startswith(f"| `{device.name}` |")]
        names = [{"storage": "flash"}.get(name, name) for name in device.unconfirmed]
        assert row.endswith(f"| {', '.join(names)} |")
        assert all(f"({address})" in row for address in device.checked.values())
    assert sum(not device.unconfirmed for device in DEVICES.values()) >= 6
    done = ended("deploy", "lenet5", "--device", "v100")
    assert " unconfirmed: memory, bandwidth: entered by hand" in done.out
    [found] = ended("deploy", "lenet5", "--device", "v100", "--format", "json").data["devices"]
    assert found["unconfirmed"] == ["memory", "bandwidth"]
    assert "developer.nvidia.com" in found["checked"]["float16"]
    assert "devices with unconfirmed figures" in ended("deploy", "lenet5", "--all").out


def test_time_is_the_roofline() -> None:
    """A device with a peak of 1,000 operations and 100 bytes per second."""
    device = Device("slow", "slow", "board", 10**6, None, 100, {"int8": 1_000}, "this test")
    network = network_of("8x8x3 -> CONV3-8 -> POOL2")
    (found,) = deploy(network, devices=[device]).devices
    conv = 2 * 8 * 8 * 27 * 8 / 1_000
    pool = (8 * 8 * 8 + 4 * 4 * 8) / 100
    assert found.seconds == pytest.approx(conv + pool)
    assert found.arithmetic_seconds == pytest.approx(conv)
    assert [reason for _, reason in found.slow] == ["arithmetic", "memory"]


@pytest.mark.parametrize(
    ("memory", "storage", "fits"),
    [
        (640, 48, "yes"),
        (639, 48, "only with overlap"),
        (512, 48, "only with overlap"),
        (511, 48, "no"),
        (640, 47, "no"),
    ],
)
def test_what_fits(memory: int, storage: int, fits: str) -> None:
    """128 numbers are read and 512 written by a convolution of 16 weights and 8 biases: the edge of each size."""
    network = network_of("8x8x2 -> CONV1-8")
    device = Device("edge", "edge", "microcontroller", memory, storage, None, {}, "this test")
    (found,) = deploy(network, devices=[device]).devices
    assert found.fits == fits
    assert found.seconds is None


def test_a_device_from_a_file(tmp_path: Path) -> None:
    """Sizes and counts with units."""
    file = tmp_path / "board.yaml"
    file.write_text("name: board\nmemory: 320KiB\nstorage: 1MiB\nbandwidth: 1.6GB/s\npeaks: {int8: 1.92G}\n")
    device = device_named(str(file))
    assert (device.memory, device.storage, device.bandwidth) == (320 * 2**10, 2**20, 1_600_000_000)
    assert device.peaks == {"int8": 1_920_000_000}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("memry: 1MB\n", "a device has no key `memry`"),
        ("storage: 1MB\n", "a device needs `memory`"),
        ("memory: lots\n", "memory must be a size, with a unit and greater than 0; got `lots`"),
        (
            "memory: 1MB\nbandwidth: 0GB/s\n",
            "bandwidth must be a size per second, with a unit and greater than 0; got `0GB/s`",
        ),
        ("memory: 1MB\npeaks: {int7: 1G}\n", "no dtype named `int7`"),
        (
            "memory: 1MB\npeaks: {int8: fast}\n",
            "must be a number of operations per second greater than 0; got `fast`",
        ),
        ("memory: 1MB\npeaks: 4\n", "peaks must map dtypes to numbers"),
        ("- 1\n", "a device must be a mapping"),
    ],
)
def test_mistakes_in_a_device_file(text: str, message: str, tmp_path: Path) -> None:
    """Each with its place and a help."""
    file = tmp_path / "board.yaml"
    file.write_text(text)
    with pytest.raises(Refused) as refused:
        device_named(str(file))
    problems = refused.value.problems
    assert any(message in problem.text for problem in problems)
    assert all(problem.help and problem.where for problem in problems)


def test_an_empty_device_file_says_what_to_write(tmp_path: Path) -> None:
    file = tmp_path / "board.yaml"
    file.write_text("")
    with pytest.raises(Refused) as refused:
        device_named(str(file))
    assert [problem.help for problem in refused.value.problems] == ["start with `memory: 320KiB`"]


def test_an_unknown_device_has_a_suggestion() -> None:
    """The nearest name."""
    with pytest.raises(Problem, match="no device named `stm32h734`") as error:
        device_named("stm32h734")
    assert error.value.help == "did you mean `stm32h743`?"


# -- the command ---------------------------------------------------------------------------------------------------------


def test_the_status_says_whether_it_fits(ended: Callable[..., Ended]) -> None:
    """1 if the network does not fit on a device that was named; --all names none."""
    assert ended("deploy", "mlperf_tiny_vww", "--device", "stm32h743").status == 0
    assert ended("deploy", "vgg16", "--device", "stm32h743").status == 1
    assert ended("deploy", "vgg16", "--all").status == 0
    assert ended("deploy", "vgg16", "--device", "nosuch").status == 2


def test_json_holds_everything(ended: Callable[..., Ended]) -> None:
    """Sums of the layers are the totals, and every device has its source."""
    answer = json.loads(ended("deploy", "unet", "--all", "--format", "json").out)
    assert answer["format"] == "cnncalc.deploy/1"
    assert set(answer["marks"].values()) <= {"exact", "bound", "unknown"}
    assert answer["flash"]["bytes"] == sum(layer["flash"] for layer in answer["layers"])
    assert answer["moved"] == sum(layer["moved"] for layer in answer["layers"])
    assert answer["ram"]["bytes"] == max(layer["ram"] for layer in answer["layers"])
    assert answer["ram"]["best_order_bytes"] < answer["ram"]["bytes"]
    assert len(answer["ram"]["best_order"]) == len(answer["layers"])
    assert {device["name"] for device in answer["devices"]} == set(DEVICES)
    assert all(device["source"] and len(device["bound_by"]) == len(answer["layers"]) for device in answer["devices"])


def test_the_report_marks_its_figures(ended: Callable[..., Ended]) -> None:
    """Exact, bound and unknown; `not faster than`."""
    out = ended("deploy", "vit_b_16", "--device", "pi4").out
    assert "bound" in out
    assert "unknown" in out
    assert "not faster than" in ended("deploy", "vit_b_16", "--device", "t4").out


def test_the_table_in_the_docs_names_every_device() -> None:
    """With its title and its source."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    for device in DEVICES.values():
        assert f"| `{device.name}` | {device.title} |" in text
        assert f"| {device.source}" in text


def test_a_network_of_views_needs_no_kernel() -> None:
    """Only its input exists."""
    found = deploy(network_of("8x8x3 -> FLATTEN"))
    assert (found.steps, found.flash, found.moved) == ((), 0, 0)
    assert found.peak == found.bound == found.best == 192
    assert found.intensity is None


@pytest.mark.parametrize("kind", sorted({layer.kind for layer in KINDS.values() if layer.example}))
def test_every_kind_of_layer(kind: str) -> None:
    """Each example of a kind has a report for all devices, and figures of all tools."""
    shape, _, step = KINDS[kind].example.partition("->")
    network = read(Source("net.yaml", f"input: {shape.strip()}\nlayers:\n  - {step.strip()}\n"), Overrides({}, {}))
    found = deploy(network, devices=list(DEVICES.values()))
    assert report(found, UNICODE, layers=True)
    assert data(found)["ram"]["bytes"] >= network.inputs[0].output.size
    for result in reconcile(network).results:
        assert (result.value is None) == bool(result.gaps)


def test_python_and_the_command_line_agree(ended: Callable[..., Ended], tmp_path: Path) -> None:
    """The same data, the same text, and errors as one exception."""
    file = tmp_path / "board.yaml"
    file.write_text("memory: 320KiB\n")
    network = cnncalc.load("mlperf_tiny_ic")
    found = network.deploy("float16", device=["stm32h743", file], batch=2)
    words = (
        "deploy",
        "mlperf_tiny_ic",
        "--dtype",
        "float16",
        "--device",
        "stm32h743",
        "--device",
        str(file),
        "--batch",
        "2",
    )
    assert json.loads(ended(*words, "--format", "json").out) == json.loads(json.dumps(found.to_dict()))
    assert ended(*words).out == str(found)
    assert network.deploy(device=found.devices[1].device).devices[0].fits == "yes"
    with pytest.raises(cnncalc.CnncalcError, match="no device named"):
        network.deploy(device="nosuch")
    with pytest.raises(ValueError, match="dtype must be one of"):
        network.deploy("int3")
