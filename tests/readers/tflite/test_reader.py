"""Whole TFLite models: inputs, batches, weights, graphs that call others, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.tflite.reader import read_submission
from tests.readers.tflite.files import Graph, Op, Tensor, ints, model, one_op, weights
from tests.readers.tflite.helpers import read

PLAIN = {"padding": 1, "stride_w": 1, "stride_h": 1}
SAME = {"padding": 0, "stride_w": 1, "stride_h": 1}


def rows(network: Network) -> list[tuple[str, str, str]]:
    """Return name, kind and shape of each node."""
    return [(node.name, node.kind, str(node.output)) for node in network.nodes]


def totals(network: Network) -> tuple[int, int, int | None]:
    """Return parameters, buffers and multiply-adds."""
    found = analyze(network).totals
    return found.params, found.buffers, found.macs


def refused(data: bytes, **options: Any) -> Any:
    """Return the problem that a file is refused with."""
    with pytest.raises(Refused) as caught:
        read(data, **options)
    return caught.value.problems[0]


def conv_net(size: Sequence[int] = (1, 8, 8, 3), **given: Any) -> bytes:
    """Return a convolution with a fused ReLU6 and a fully connected layer."""
    cells = size[1] * size[2]
    tensors = [
        Tensor(size, name="serving_default_image:0", **given), weights(4, 3, 3, 3), weights(4), weights(10, cells * 4),
        weights(10), Tensor((*size[:3], 4), name="net/conv1/Relu6;net/conv1/Conv2D"),
        Tensor((size[0], 10), name="StatefulPartitionedCall:0"),
    ]  # fmt: skip
    ops = [Op("CONV_2D", [0, 1, 2], [5], {**SAME, "fused": 3}), Op("FULLY_CONNECTED", [5, 3, 4], [6])]
    return model(Graph(tensors, ops, [0], [6]))


def test_names_and_fused_activations() -> None:
    """Layers are named after the tensors that they write, and a fused activation is a layer of its own."""
    found = rows(read(conv_net()))
    assert found == [
        ("image", "input", "8x8x3"), ("conv1.conv", "conv", "8x8x4"), ("conv1.relu6", "relu6", "8x8x4"),
        ("fully_connected", "fc", "10"),
    ]  # fmt: skip
    assert totals(read(conv_net())) == (112 + 2570, 0, 64 * 108 + 2560)


def test_commands_read_the_file(tmp_path: Path, ended: Any) -> None:
    """The suffix selects the reader, and the written YAML has the same figures."""
    path, text = str(tmp_path / "net.tflite"), str(tmp_path / "net.yaml")
    Path(path).write_bytes(conv_net())
    assert ended("analyze", path, "--get", "params").out == "2682\n"
    assert ended("import", path, "-o", text).status == 0
    assert ended("analyze", text, "--get", "macs").out == f"{64 * 108 + 2560}\n"
    assert ended("check", path).status == 0
    assert isinstance(cnncalc.load(path), cnncalc.Network)


def test_a_fixed_batch() -> None:
    """Images of a fixed batch are read for one example, with a warning. `--batch-axis none` counts them all."""
    network = read(conv_net((4, 8, 8, 3)))
    assert rows(network) == rows(read(conv_net()))
    assert [problem.code for problem in network.warnings] == ["batch-fixed"]
    whole = read(conv_net((4, 8, 8, 3)), batch_axes={"": "none"})
    assert [shape for _, _, shape in rows(whole)] == ["4x8x8x3", "4x8x8x4", "4x8x8x4", "4x256", "4x10"]
    assert totals(whole)[2] == 4 * (64 * 108 + 2560)
    strict = read_submission(conv_net((4, 8, 8, 3)), "net.tflite", ReaderOptions({}, {}))
    assert totals(strict) == totals(whole)
    assert refused(conv_net(), batch_axes={"": "1"}).code == "bad-argument"


def test_sizes_that_may_change() -> None:
    """The first axis is the batch. Other lengths that may change must be given, without the batch."""
    dynamic = [Tensor((1, 1, 1, 3), signature=(-1, -1, -1, 3)), weights(4, 3, 3, 3), weights(4), Tensor((1, 1, 1, 4))]
    data = model(Graph(dynamic, [Op("CONV_2D", [0, 1, 2], [3], SAME)], [0], [3]))
    problem = refused(data)
    assert (problem.code, problem.help) == ("unknown-size", "set them, for example with `--input t0=224x224x3`")
    assert rows(read(data, inputs={"t0": "20x30x3"}))[-1][2] == "20x30x4"
    assert rows(read(data, inputs={"": "2x20x30x3"}))[-1][2] == "2x20x30x4"
    assert refused(data, inputs={"x": "20x30x3"}).code == "unknown-input"
    assert refused(data, inputs={"": "20x30"}).code == "bad-argument"
    assert refused(data, dims={"height": 20}).code == "unknown-size"
    with pytest.raises(Refused, match=r"convert the model with fixed sizes, or set `input` in the policy"):
        read_submission(data, "net.tflite", ReaderOptions({}, {}))
    only_batch = [Tensor((1, 8, 8, 3), signature=(-1, 8, 8, 3)), weights(4, 3, 3, 3), weights(4), Tensor((1, 8, 8, 4))]
    assert rows(read(model(Graph(only_batch, [Op("CONV_2D", [0, 1, 2], [3], SAME)], [0], [3]))))[-1][2] == "8x8x4"


def test_shapes_that_disagree() -> None:
    """A stored shape that differs from the rule is a warning with both."""
    data = one_op("CONV_2D", [Tensor((1, 8, 8, 3)), weights(4, 3, 3, 3), weights(4)], [(1, 7, 6, 4)], PLAIN)
    (warning,) = read(data).warnings
    assert (warning.code, warning.text) == (
        "shapes-disagree", "cnncalc computes 1x6x6x4 for `t3`, but the file states 1x7x6x4"
    )  # fmt: skip


def test_shape_arithmetic() -> None:
    """A target that is computed from the shape of a value is evaluated."""
    tensors = [
        Tensor((1, 4, 6, 2)), Tensor((4,), type="int32"), ints(1), ints(3), ints(1), Tensor((2,), type="int32"), ints(0),
        Tensor((), type="int32"), ints(-1, dims=()), ints(1, dims=()), Tensor((3,), type="int32"), Tensor((1, 24, 2)),
        ints(2, dims=()),
    ]  # fmt: skip
    ops = [
        Op("SHAPE", [0], [1]), Op("STRIDED_SLICE", [1, 2, 3, 4], [5]),
        Op("REDUCE_PROD", [5, 6], [7]), Op("PACK", [9, 7, 12], [10], {"count": 3}), Op("RESHAPE", [0, 10], [11]),
    ]  # fmt: skip
    network = read(model(Graph(tensors, ops, [0], [11])))
    assert rows(network)[-1][1:] == ("reshape", "24x2")


def test_quantized_and_half_precision_weights() -> None:
    """Weights count once, whatever their type, also behind DEQUANTIZE. Scales are not parameters."""
    tensors = [
        Tensor((1, 8, 8, 3)), weights(4, 3, 3, 3, type="float16"), weights(4, type="float16"), Tensor((4, 3, 3, 3)),
        Tensor((4,)), Tensor((1, 6, 6, 4)),
    ]  # fmt: skip
    ops = [Op("DEQUANTIZE", [1], [3]), Op("DEQUANTIZE", [2], [4]), Op("CONV_2D", [0, 3, 4], [5], PLAIN)]
    assert totals(read(model(Graph(tensors, ops, [0], [5])))) == (112, 0, 36 * 108)
    for type in ("int8", "int4"):
        tensors = [
            Tensor((1, 8, 8, 3), type="int8"),
            weights(4, 3, 3, 3, type=type),
            weights(4, type="int32"),
            Tensor((1, 6, 6, 4)),
        ]
        assert totals(read(model(Graph(tensors, [Op("CONV_2D", [0, 1, 2], [3], PLAIN)], [0], [3])))) == (
            112,
            0,
            36 * 108,
        )


def test_sparse_weights() -> None:
    """They count by their dense shape. More bytes than that would hide numbers."""
    kernel = Tensor((4, 8), [1.0] * 20, sparse=True)
    network = read(one_op("FULLY_CONNECTED", [Tensor((1, 8)), kernel, None], [(1, 4)]))
    assert totals(network) == (32, 0, 32)
    assert network.nodes[1].notes == (("note", "weights are stored without their zeros, which count here"),)
    kernel = Tensor((4, 8), [1.0] * 33, sparse=True)
    assert (
        "has 132 bytes in the file" in refused(one_op("FULLY_CONNECTED", [Tensor((1, 8)), kernel, None], [(1, 4)])).text
    )


def test_shared_weights_and_equal_biases() -> None:
    """Two layers with the same weights share them. A bias that only happens to be stored once counts for each layer."""
    tensors = [Tensor((1, 8)), weights(8, 8), weights(8), weights(8, 8), *[Tensor((1, 8)) for _ in range(3)]]
    shared = [Op("FULLY_CONNECTED", [0, 1, 2], [4]), Op("FULLY_CONNECTED", [4, 1, 2], [5])]
    assert totals(read(model(Graph(tensors, shared, [0], [5])))) == (72, 0, 128)
    other = [Op("FULLY_CONNECTED", [0, 1, 2], [4]), Op("FULLY_CONNECTED", [4, 3, 2], [5])]
    assert totals(read(model(Graph(tensors, other, [0], [5])))) == (144, 0, 128)


def test_constants_that_are_not_trained() -> None:
    """A mean that is subtracted is a buffer, and a single number is part of a formula. In a submission, the mean counts."""
    tensors = [Tensor((1, 4, 4, 3)), weights(3), Tensor((), [0.5]), Tensor((1, 4, 4, 3)), Tensor((1, 4, 4, 3))]
    data = model(Graph(tensors, [Op("SUB", [0, 1], [3]), Op("MUL", [3, 2], [4])], [0], [4]))
    assert totals(read(data)) == (0, 3, 0)
    assert totals(read_submission(data, "net.tflite", ReaderOptions({}, {})))[:2] == (3, 0)


def test_dilated_convolutions_of_old_files() -> None:
    """SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND are one dilated convolution."""
    tensors = [
        Tensor((1, 9, 9, 3)), ints(2, 2), ints(2, 3, 2, 3, dims=(2, 2)), Tensor((4, 7, 7, 3)), weights(4, 3, 3, 3),
        weights(4), Tensor((4, 5, 5, 4)), ints(0, 1, 0, 1, dims=(2, 2)), Tensor((1, 9, 9, 4), name="out"),
    ]  # fmt: skip
    ops = [
        Op("SPACE_TO_BATCH_ND", [0, 1, 2], [3]),
        Op("CONV_2D", [3, 4, 5], [6], PLAIN),
        Op("BATCH_TO_SPACE_ND", [6, 1, 7], [8]),
    ]
    network = read(model(Graph(tensors, ops, [0], [8])))
    assert [node.kind for node in network.nodes] == ["input", "conv"]
    layer = network.nodes[1].layer
    assert layer is not None
    assert layer.format_fields() == "filters 4, kernel 3, pad same, dilation 2"
    assert totals(network) == (112, 0, 81 * 108)
    assert not network.warnings


def test_sigmoid_times_its_input() -> None:
    """LOGISTIC and MUL of the same value are a SiLU."""
    tensors = [Tensor((1, 8)), Tensor((1, 8)), Tensor((1, 8))]
    ops = [Op("LOGISTIC", [0], [1]), Op("MUL", [0, 1], [2])]
    assert [node.kind for node in read(model(Graph(tensors, ops, [0], [2]))).nodes] == ["input", "silu"]


def composite(depth: int = 1, wide: int = 1) -> bytes:
    """Return graphs that call each other."""
    graphs = []
    for number in range(depth):
        tensors = [Tensor((1, 8)) for _ in range(wide + 1)]
        ops = [Op("STABLEHLO_COMPOSITE", [k], [k + 1], {"subgraph": number + 1}) for k in range(wide)]
        graphs.append(Graph(tensors, ops, [0], [wide]))
    last = Graph([Tensor((1, 8)), Tensor((1, 8), name="inner")], [Op("RELU", [0], [1])], [0], [1])
    return model(*graphs, last)


def test_graphs_that_are_called() -> None:
    """A composite is read by its decomposition, as a block."""
    assert rows(read(composite())) == [("t0", "input", "8"), ("t1.inner", "relu", "8")]
    assert refused(composite(depth=40)).code == "too-large"
    with pytest.raises(Refused, match="too-large"):
        read_submission(composite(depth=30, wide=2), "net.tflite", ReaderOptions({}, {}))


@pytest.mark.parametrize("kind", ["IF", "WHILE", "STABLEHLO_WHILE", "STABLEHLO_CASE"])
def test_control_flow(kind: str) -> None:
    """It is refused, and the error names the operator and the reason."""
    problem = refused(one_op(kind, [Tensor((1, 8))], [(1, 8)]))
    assert problem.code == "unsupported"
    assert f"({kind}): cnncalc does not read control flow, because" in problem.text


def test_graphs_that_run_once() -> None:
    """They may only set variables."""
    main = Graph(
        [Tensor((1, 8)), Tensor((1, 8))], [Op("CALL_ONCE", [], [], {"subgraph": 1}), Op("RELU", [0], [1])], [0], [1]
    )
    start = Graph([Tensor((1,), type="resource")], [Op("HASHTABLE", [], [0])], [], [])
    assert "only if it does nothing but set variables" in refused(model(main, start)).text


def variables(value: Tensor, kind: str = "CONCATENATION") -> bytes:
    """Return a model that joins its input with a variable, which runs once before the first run set."""
    main = Graph(
        [Tensor((1, 2, 8)), Tensor((), type="resource"), Tensor((1, 3, 8)), Tensor((1, 5, 8))],
        [Op("CALL_ONCE", [], [], {"subgraph": 1}), Op("VAR_HANDLE", [], [1], {"name": "state"}),
         Op("READ_VARIABLE", [1], [2]), Op(kind, [2, 0], [3], {"axis": 1})], [0], [3],
    )  # fmt: skip
    names = {"name": "state"}
    start = Graph(
        [Tensor((), type="resource"), value],
        [Op("VAR_HANDLE", [], [0], names), Op("ASSIGN_VARIABLE", [0, 1], [])], [], [],
    )  # fmt: skip
    return model(main, start)


def test_states_of_streaming_models() -> None:
    """A variable that the file sets is a state without parameters. A submission must not have any."""
    data = variables(weights(1, 3, 8))
    assert rows(read(data)) == [("t0", "input", "2x8"), ("t2", "state", "3x8"), ("t3", "concat", "5x8")]
    with pytest.raises(Refused, match="a submission must not keep a state"):
        read_submission(data, "net.tflite", ReaderOptions({}, {}))


def test_weights_that_are_not_in_the_file() -> None:
    """A variable that nothing sets would be weights that are missing, and would not count."""
    main = Graph(
        [Tensor((1, 8)), Tensor((), type="resource"), Tensor((4, 8)), Tensor((1, 4))],
        [Op("VAR_HANDLE", [], [1], {"name": "kernel"}), Op("READ_VARIABLE", [1], [2]), Op("FULLY_CONNECTED", [0, 2, -1], [3])],
        [0], [3],
    )  # fmt: skip
    problem = refused(model(main))
    assert "no operator sets the variable `kernel`, so the file does not hold its numbers" in problem.text


def test_stripped_weights() -> None:
    """Weights without numbers count by their shapes, with a warning."""
    tensors = [Tensor((1, 8)), Tensor((4, 8), name="kernel"), Tensor((1, 4))]
    network = read(model(Graph(tensors, [Op("FULLY_CONNECTED", [0, 1, -1], [2])], [0], [2])))
    assert totals(network) == (32, 0, 32)
    assert [(one.code, "`kernel`" in one.text) for one in network.warnings] == [("stripped", True)]


def channels_first(perm: tuple[int, ...] = (0, 2, 3, 1), **given: Any) -> bytes:
    """Return a model as LiteRT Torch writes it: the first operator moves the channels to the last axis."""
    name = "net.Net/torch.nn.modules.container.Sequential_features/torch.nn.modules.{}"
    tensors = [
        Tensor((1, 3, 8, 10), **given), ints(*perm), Tensor((1, 8, 10, 3)), weights(4, 1, 1, 3), weights(4),
        Tensor((1, 8, 10, 4), name=f"{name.format('activation.ReLU_1')};;{name.format('conv.Conv2d_0')};"),
    ]  # fmt: skip
    ops = [Op("TRANSPOSE", [0, 1], [2]), Op("CONV_2D", [2, 3, 4], [5], {**SAME, "fused": 1})]
    return model(Graph(tensors, ops, [0], [5]))


def test_models_from_pytorch() -> None:
    """Images are shown channels last, and layers are named after the modules."""
    expected = [("t0", "input", "8x10x3"), ("features.0.conv", "conv", "8x10x4"), ("features.0.relu", "relu", "8x10x4")]
    assert rows(read(channels_first())) == expected
    dynamic = channels_first(signature=(-1, 3, -1, -1))
    assert refused(dynamic).help == "set them, for example with `--input t0=224x224x3`"
    assert [shape for _, _, shape in rows(read(dynamic, inputs={"": "20x30x3"}))] == ["20x30x3", "20x30x4", "20x30x4"]


def test_custom_operators() -> None:
    """A custom operator has the stored shape and an unknown cost. In a submission it is refused."""
    data = one_op("CUSTOM", [Tensor((1, 8))], [(1, 6)], custom="MyOp")
    network = read(data)
    assert rows(network)[1] == ("t1", "myop", "6")
    assert analyze(network).totals.uncounted == 1
    with pytest.raises(Refused, match=r"custom operator MyOp\): cnncalc has no rule for this operator"):
        read_submission(data, "net.tflite", ReaderOptions({}, {}))


def test_detections() -> None:
    """The number of detections is in the options of the operator, which are a flexbuffer. The cost is unknown."""
    # flatbuffers.flexbuffers.Dumps({"max_classes_per_detection": 1, "max_detections": 10, "use_regular_nms": False,
    #                                "y_scale": 10.0}) of flatbuffers 25.12
    raw = bytes.fromhex(
        "6d61785f636c61737365735f7065725f646574656374696f6e006d61785f646574656374696f6e73007573655f726567756c61725f6e6d7300"
        "795f7363616c65000442291b0c0000060000000100000004000000010000000a000000000000000000204106066a0e142601"
    )
    inputs = [Tensor((1, 50, 4)), Tensor((1, 50, 3)), weights(50, 4)]
    for custom in (raw, b"", raw[:-3], bytes(40)):
        data = one_op("CUSTOM", inputs, [()] * 4, custom="TFLite_Detection_PostProcess", raw=custom)
        if custom != raw:
            assert refused(data).code == "unsupported"
            continue
        network = read(data)
        assert [shape for _, _, shape in rows(network)[2:]] == ["10x4", "10", "10", "1"]
        assert totals(network) == (0, 200, 0)
        assert analyze(network).totals.uncounted == 1


def test_signatures() -> None:
    """The first signature is read, with a warning if others have graphs of their own. A submission has one."""
    graphs = [Graph([Tensor((1, 8)), Tensor((1, 8))], [Op(kind, [0], [1])], [0], [1]) for kind in ("RELU", "TANH")]
    network = read(model(*graphs, signatures=[("decode", 1), ("encode", 0)]))
    assert network.nodes[1].kind == "tanh"
    assert [one.code for one in network.warnings] == ["signature-chosen"]
    with pytest.raises(Refused, match="the file has 2 entry points: `decode` and `encode`"):
        read_submission(model(*graphs, signatures=[("decode", 1), ("encode", 0)]), "n.tflite", ReaderOptions({}, {}))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"PK\x03\x04" + bytes(40), "it is a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer, not the model itself"),
        (b"\x08\x07\x12\x07pytorch" + bytes(40), "bytes 5 to 8 are `pyto`, not `TFL3`"),
        (one_op("RELU", [Tensor((1, 8))], [(1, 8)])[:60], "the file ends early or is damaged"),
        (model(Graph([Tensor((1, 8)), Tensor((1, 8))], [Op("RELU", [0], [1])], [0], [1]), version=2), "version 2"),
        (model(Graph([Tensor((1, 8)), Tensor((1, 8))], [Op("RELU", [0], [7])], [0], [1])), "the graph refers to tensor 7"),
        (model(Graph([Tensor((1, 8)), Tensor((1, 8))], [Op("RELU", [1], [1])], [0], [1])), "no operator before it computes it"),
        (model(Graph([Tensor((1, 8)), Tensor((1, 8))], [Op("RELU", [0], [0])], [0], [1])), "two operators compute `t0`"),
        (one_op("CONV_2D", [Tensor((1, 8, 8, 3)), weights(4, 3, 3, 2), weights(4)], [(1, 6, 6, 4)], PLAIN), "do not fit"),
        (one_op("RESHAPE", [Tensor((1, 8)), ints(3, 3)], [(3, 3)]), "8 numbers cannot take the shape 3x3"),
        (one_op("WHERE", [Tensor((1, 8))], [(1, 8)]), "the shape of its output depends on data"),
        (one_op("RELU", [Tensor((1, 8), [1.0, 2.0])], [(1, 8)]), "has 8 bytes in the file, but 1x8 numbers"),
    ],
)  # fmt: skip
def test_broken_files(data: bytes, text: str) -> None:
    """Each error names what is wrong."""
    assert text in refused(data).text
