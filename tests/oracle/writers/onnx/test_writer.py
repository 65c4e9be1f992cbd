"""Export to ONNX and read back: all shipped architectures, and random networks of each kind.

Shapes are checked with `onnx.shape_inference`, files with `onnx.checker`, and computed numbers with PyTorch.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import ROOT

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, an oracle of these tests, is not installed")
    pytest.importorskip("onnx", reason="onnx, the oracle of these tests, is not installed")

import numpy as np
import onnx
import torch
from click.testing import CliRunner
from onnx.reference import ReferenceEvaluator

from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.cli import cli
from cnncalc.layers import KINDS
from cnncalc.layers.conv import Conv
from cnncalc.layers.operator import Operator
from cnncalc.network import Builder, Network
from cnncalc.readers import Missing, ReaderOptions
from cnncalc.readers.onnx.reader import read_values
from cnncalc.shape import Shape
from cnncalc.writers.blocks import Unexportable
from cnncalc.writers.layouts import lengths
from cnncalc.writers.onnx.writer import HANDLERS, serialize
from cnncalc.writers.torch.writer import source
from cnncalc.writers.yaml.writer import write_checked
from tests.helpers import environment, network_of
from tests.oracle.test_verify import networks_with, random_network

SHELF = sorted((ROOT / "architectures").glob("*.yaml"))
NOWHERE = {"operator", "maxunpool"}  # ONNX cannot express these kinds
EVERY = sorted({layer.kind for layer in KINDS.values()} - NOWHERE)


def read_back(data: bytes, folder: Path) -> tuple[Network, dict[str, Any]]:
    """Return the network and the values in a file, after checking that nothing differs from shape inference."""
    path = folder / "net.onnx"
    path.write_bytes(data)
    network, found = read_values(str(path), ReaderOptions({}, {}, compare_shapes=True))
    assert [str(problem) for problem in network.warnings if problem.code != "batch-fixed"] == []
    return network, found


def parts(analysis: Analysis, name: str) -> Iterator[Any]:
    """Return the rows of the operators that a layer became."""
    return (row for row in analysis.rows if row.node.name == name or row.node.name.startswith(name + "."))


def same_layers(network: Network, data: bytes, folder: Path) -> tuple[Analysis, Analysis]:
    """Read a file back and compare shape, parameters, buffers and multiply-adds of every layer."""
    back, found = read_back(data, folder)
    ours, theirs = analyze(network), analyze(back)
    names = {node.name for node in network.nodes}
    several = {node.shared for node in network.nodes} | {
        node.index for node in network.nodes if node.shared is not None
    }
    covered: set[int] = set()  # layers that have the name of the end of an attention before them
    for row in ours.rows:
        node = row.node
        if node.layer is None or node.index in covered:
            continue
        dims = found[node.name].dims[1:]
        assert dims in {lengths(node.output, "first"), tuple(node.output)}, node.name
        if any(other != node.name and other.startswith(node.name + ".") for other in names):
            continue  # the names of its operators do not distinguish them from another layer's
        below = network.nodes[node.inputs[0]]
        if node.kind == "positional" and below.kind in ("conv", "linear") and not getattr(below.layer, "bias", True):
            several |= {node.index, below.index}  # a reader takes a vector added after a product for its bias
        users = [other.kind for other in network.nodes if node.index in other.inputs]
        if node.kind == "attention" and {"lstm", "gru", "rnn"} & set(users):
            covered |= {other.index for other in network.nodes if node.index in other.inputs}
            continue  # a reader takes the transpose that makes steps of its value for its end
        for quantity in (
            ("macs",) if node.index in several else ("params", "buffers", "macs")
        ):  # either of them can hold it
            figure = sum(getattr(part, quantity) for part in parts(theirs, node.name))
            lost = int(node.kind == "standardize" and quantity == "buffers" and node.shared is None)  # its counter
            assert figure == getattr(row, quantity) - lost, (node.name, quantity)
    return ours, theirs


def with_numbers(data: bytes, seed: int = 0) -> Any:
    """Return the model with random weights."""
    model = onnx.load_model_from_string(data)
    dice = np.random.default_rng(seed)
    for tensor in model.graph.initializer:
        if not (tensor.float_data or tensor.int64_data):
            drawn = dice.uniform(0.1, 0.5, tuple(tensor.dims)).astype("float32")
            tensor.raw_data = drawn.tobytes()
    return model


def shapes_inferred(data: bytes, strip: bool = True) -> dict[str, list[Any]]:
    """Return the shapes that onnx.shape_inference infers without the declared ones."""
    model = onnx.load_model_from_string(data)
    if strip:
        del model.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    found = {}
    for one in (*inferred.graph.value_info, *inferred.graph.output):
        found[one.name] = [dim.dim_value or dim.dim_param for dim in one.type.tensor_type.shape.dim]
    return found


# -- the shelf --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHELF, ids=lambda path: path.stem)
def test_the_whole_shelf_there_and_back(path: Path, tmp_path: Path) -> None:
    """Totals, receptive fields, and each layer's shape, parameters, buffers and multiply-adds survive."""
    network = network_of(path.read_text(encoding="utf-8"))
    data = serialize(network)
    ours, theirs = same_layers(network, data, tmp_path)
    quantities = ("weights", "biases", "params", "buffers", "macs", "activations", "conv_activations", "depth")
    differing = {name for name in quantities if getattr(ours.totals, name) != getattr(theirs.totals, name)}
    assert differing == set()
    assert ours.features == theirs.features
    again = analyze(network_of(write_checked(theirs.network).text))  # YAML -> ONNX -> YAML
    assert all(getattr(ours.totals, name) == getattr(again.totals, name) for name in quantities)
    outputs = zip(network.outputs, theirs.network.outputs, strict=True)
    assert all(ours.fields[mine] == theirs.fields[other] for mine, other in outputs)
    assert theirs.network.name == network.name
    inferred = shapes_inferred(data)
    for node in network.nodes:
        if node.layer is not None:
            assert inferred[node.name][1:] in (list(lengths(node.output, "first")), list(node.output)), node.name


# -- every kind -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVERY)
def test_every_kind_there_and_back(kind: str, tmp_path: Path) -> None:
    """Each kind survives in ten random networks, with an open and a fixed batch."""
    count = 0
    for seed, network, present in networks_with(kind, 400):
        data = serialize(network, None if seed % 2 else 3)
        onnx.checker.check_model(with_numbers(data), full_check=True)
        if seed % 2:
            same_layers(network, data, tmp_path)
        count += present
        if count >= 10:
            return
    raise AssertionError(f"{kind} appeared in {count} networks only")


@pytest.mark.parametrize("seed", range(1, 121, 2))
def test_random_networks_there_and_back(seed: int, tmp_path: Path) -> None:
    """Random networks of all kinds survive, in one to three dimensions, with branches and shared weights."""
    network = random_network(seed, EVERY)
    ours, theirs = same_layers(network, serialize(network), tmp_path)
    counters = sum(1 for node in network.nodes if node.kind == "standardize" and node.shared is None)
    assert theirs.totals.params == ours.totals.params
    assert theirs.totals.macs == ours.totals.macs
    assert theirs.totals.buffers == ours.totals.buffers - counters


def test_no_kind_is_left_out() -> None:
    """Each kind has operators."""
    assert set(EVERY) <= set(HANDLERS)


# -- the numbers that come out ----------------------------------------------------------------------------------------

NETWORKS = {
    "image": """
input: 18x20x3
layers:
  - conv: {filters: 8, kernel: 3, stride: 2, pad: same}
  - batchnorm
  - silu
  - depthwise: {kernel: 3, pad: {top: 1, left: 2}, dilation: 2}
  - hardswish
  - add: [[conv: {filters: 8, kernel: 1, groups: 2}, gelu], prev]
  - maxpool: {kernel: 3, stride: 2, ceil: true}
  - mul: {value: prev, gate: [globalavgpool, fc: 8, hardsigmoid]}
  - convtranspose: {filters: 12, kernel: 3, stride: 2, pad: 1, output_pad: 1}
  - mish
  - channelshuffle: 3
  - pixelunshuffle: 2
  - pixelshuffle: 2
  - concat: [[slice: 5, elu], [slice: {start: 5, stop: 12}, leakyrelu]]
  - upsample: {factor: 2, mode: bilinear}
  - avgpool: {kernel: 3, stride: 2, pad: 1}
  - prelu: channel
  - groupnorm: 4
  - instancenorm
  - scale: {bias: true}
  - lrn: 5
  - adaptiveavgpool: 3x2
  - layernorm
  - softplus
  - pad: {by: 1, mode: reflect}
  - adaptivemaxpool: 2
  - flatten
  - fc: 7
  - logsoftmax
""",
    "tokens": """
input: 6x6x4
layers:
  - conv: {filters: 12, kernel: 2, stride: 2}
  - reshape: 9x12
  - classtoken
  - positional
  - residual: [layernorm, attention: 3]
  - residual: [rmsnorm, linear: 24, selu, linear: 12]
  - softmax
  - permute: 1x0
  - conv: {filters: 3, kernel: 3}
  - relu6
  - resize: {to: 11, mode: linear}
  - globalmaxpool
  - {linear: 1, as: head}
""",
    "volume": """
input: 4x5x6x2
layers:
  - conv: {filters: 4, kernel: 2x3x3, pad: 1}
  - standardize
  - maxpool: {kernel: 2, stride: 1}
  - upsample: {factor: 2, mode: trilinear}
  - local: {filters: 3, kernel: 3, stride: 2, bias: false}
  - crop: prev
  - channelpad: 5
  - tanh
""",
}


def parameters_of(model: Any) -> dict[str, np.ndarray]:
    """Return the weights of an ONNX model with PyTorch's names and layouts."""
    given = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    turned = {node.input[1] for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in given}
    words = {"bias_in_proj": "in_proj_bias", "bias_out_proj": "out_proj.bias"}
    found = {}
    for name, numbers in given.items():
        path, _, role = name.rpartition(".")
        found[f"{path}.{words.get(role, role)}"] = numbers.T if name in turned and numbers.ndim == 2 else numbers
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_the_numbers_are_those_of_pytorch(name: str) -> None:
    """ONNX's reference evaluator and the exported module compute the same outputs for random weights."""
    network = network_of(NETWORKS[name])
    model = with_numbers(serialize(network, 2))
    made = source(network)
    space: dict[str, Any] = {"__name__": "net"}
    exec(compile(made.text, "net.py", "exec"), space)
    module = space[made.name]().eval()
    given, state = parameters_of(model), module.state_dict()
    for key, tensor in state.items():
        if key.rpartition(".")[2] not in ("num_batches_tracked", "count"):
            tensor.copy_(torch.from_numpy(given[key].copy()).reshape(tensor.shape))
    dims = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    fed = np.random.default_rng(1).uniform(-1, 1, dims).astype("float32")
    (theirs,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: fed})
    with torch.no_grad():
        ours = module(torch.from_numpy(fed)).numpy()
    assert theirs.shape == ours.shape
    assert np.allclose(theirs, ours, rtol=2e-3, atol=2e-4), float(np.abs(theirs - ours).max())


@pytest.mark.parametrize(("kind", "count"), [("lstm", 4), ("gru", 3), ("rnn", 1)])
@pytest.mark.parametrize("fields", ["", ", returns: last", ", bidirectional: true, layers: 2", ", bias: double"])
def test_recurrent_layers_run(kind: str, count: int, fields: str, tmp_path: Path) -> None:
    """The evaluated shape is right. Numbers are not compared, because the evaluator orders gates differently than PyTorch."""
    network = network_of(f"input: 5x3\nlayers:\n  - {kind}: {{units: 4{fields}}}\n")
    data = serialize(network, 2)
    same_layers(network, serialize(network), tmp_path)
    assert shapes_inferred(data)[network.nodes[-1].name] == [2, *network.nodes[-1].output]
    if "bidirectional" not in fields or kind == "lstm":  # which the evaluator has for LSTM only
        (out,) = ReferenceEvaluator(with_numbers(data)).run(None, {"input": np.zeros((2, 5, 3), "float32")})
        assert out.shape == (2, *network.nodes[-1].output)
    gates = {
        tuple(tensor.dims)[1] for tensor in onnx.load_model_from_string(data).graph.initializer if len(tensor.dims) == 3
    }
    assert gates == {count * 4}


# -- what the file looks like -----------------------------------------------------------------------------------------


def test_the_file_holds_no_weights() -> None:
    """VGG-16 with 138 million parameters takes a few thousand bytes, with names, shapes and an open batch."""
    network = network_of((SHELF[0].parent / "vgg16.yaml").read_text(encoding="utf-8"))
    data = serialize(network)
    assert len(data) < 16_384
    model = onnx.load_model_from_string(data)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 21)]
    assert model.producer_name == "cnncalc"
    assert [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [
        "N",
        3,
        224,
        224,
    ]
    assert [dim.dim_param or dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim] == ["N", 1000]
    names = [node.name for node in model.graph.node]
    assert "Stage1.conv1" in names
    assert len(set(names)) == len(names)
    first = model.graph.initializer[0]
    assert (first.name, list(first.dims), first.raw_data) == ("Stage1.conv1.weight", [64, 3, 3, 3], b"")
    shown = {
        one.name: [dim.dim_param or dim.dim_value for dim in one.type.tensor_type.shape.dim]
        for one in model.graph.value_info
    }
    assert shown["Stage1.conv1"] == ["N", 64, 224, 224]
    assert serialize(network) == data


def test_the_batch_can_be_fixed() -> None:
    """The batch is the first dimension of each value."""
    network = network_of("input: 8x8x3\nlayers: [conv: {filters: 4, kernel: 3}, fc: 2]\n")
    assert shapes_inferred(serialize(network, 16)) == {"conv1": [16, 4, 6, 6], "fc1.flatten": [16, 144], "fc1": [16, 2]}


def test_indices_are_whole_numbers() -> None:
    """The input of an embedding is an integer; it is cast if other layers read it, too."""
    model = onnx.load_model_from_string(serialize(network_of("input: 7\nlayers: [embedding: {vocab: 9, dim: 4}]\n")))
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT64
    model = onnx.load_model_from_string(
        serialize(network_of("input: 7\nlayers: [relu, embedding: {vocab: 9, dim: 4}]\n"))
    )
    assert [node.op_type for node in model.graph.node] == ["Relu", "Cast", "Gather"]


# -- what is refused --------------------------------------------------------------------------------------------------


def refusal(network: Network) -> str:
    """Return the error for a network that cannot be exported."""
    with pytest.raises(Unexportable) as caught:
        serialize(network)
    return str(caught.value)


def test_what_onnx_cannot_express() -> None:
    """Operators of other formats and too many uneven windows are refused with the layer's name."""
    builder = Builder()
    image = builder.input("input", Shape((8, 8, 3)))
    builder.add(Operator("conv", Shape((8, 8, 4))), [image], "deform\x1b[31m")
    text = (
        "conv `deform\\x1b[31m` cannot be exported: only its shapes and counts are known, which is not enough for ONNX"
    )
    assert refusal(builder.finish([1])) == text
    network = network_of("input: 301x4\nlayers: [{adaptiveavgpool: 100, as: wide}]\n")
    text = "adaptiveavgpool `wide` cannot be exported: an axis of 301 becomes 100 windows of uneven lengths, for which ONNX has "
    assert refusal(network) == text + "no operator"


def test_a_shape_that_differs_in_onnx_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Shapes are checked before a byte is written. Patched layers are cached, so no other test has 17 filters."""
    monkeypatch.setattr(Conv, "out", lambda self, *xs: Shape((9, 9, self.filters)))
    network = network_of("input: 8x8x3\nlayers: [{conv: {filters: 17, kernel: 3}, as: c}, globalavgpool]\n")
    text = "conv `c` cannot be exported: onnx.shape_inference infers Nx17x6x6, but cnncalc computes Nx17x9x9"
    assert refusal(network) == text
    spec, out = tmp_path / "net.yaml", tmp_path / "net.onnx"
    spec.write_text(
        "input: 8x8x3\nlayers: [{conv: {filters: 17, kernel: 3}, as: c}, globalavgpool]\n", encoding="utf-8"
    )
    done = CliRunner().invoke(cli, ["export", str(spec), "--to", "onnx", "-o", str(out)])
    assert done.exit_code == 2
    assert not out.exists()


def test_without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence states what to install."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(Missing, match=r"this needs onnx: pip install 'cnncalc\[onnx\]'"):
        serialize(network_of("input: 8x8x3\nlayers: [relu]\n"))


# -- the command ------------------------------------------------------------------------------------------------------


def cnncalc(*words: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a separate process, in another folder."""
    return subprocess.run(
        [sys.executable, "-m", "cnncalc", *words], cwd=folder, env=environment(), capture_output=True, check=False
    )


def test_the_command(tmp_path: Path) -> None:
    """A file and a pipe receive the same bytes, which can be analysed. Nothing is printed on standard error."""
    written = cnncalc("export", "lenet5", "--to", "onnx", "-o", "net.onnx", folder=tmp_path)
    assert (written.returncode, written.stdout, written.stderr) == (0, b"", b"")
    piped = cnncalc("export", "lenet5", "--to", "onnx", folder=tmp_path)
    assert piped.stdout == (tmp_path / "net.onnx").read_bytes()
    read_again = cnncalc("analyze", "net.onnx", "--get", "params", folder=tmp_path)
    assert (read_again.stdout, read_again.stderr) == (b"61706\n", b"")
    fixed = cnncalc("export", "lenet5", "--to", "onnx", "--batch", "4", folder=tmp_path)
    assert onnx.load_model_from_string(fixed.stdout).graph.input[0].type.tensor_type.shape.dim[0].dim_value == 4
    other = cnncalc("export", "lenet5", "--to", "torch", "--batch", "4", folder=tmp_path)
    assert (other.returncode, other.stdout) == (2, b"")
    assert b"--batch is only for onnx" in other.stderr


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_no_bytes_on_a_terminal(tmp_path: Path) -> None:
    """Binary data would change a terminal's colours, ring its bell and change its title."""
    ours, theirs = os.openpty()
    words = [sys.executable, "-m", "cnncalc", "export", "lenet5", "--to", "onnx"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), stdout=theirs, stderr=subprocess.PIPE, check=False)
    os.close(theirs)
    os.set_blocking(ours, False)
    with pytest.raises(OSError):  # noqa: PT011  # nothing came: would block, or the other end is closed
        os.read(ours, 1)
    os.close(ours)
    assert done.returncode == 2
    assert b"refusing to write binary data to a terminal" in done.stderr
