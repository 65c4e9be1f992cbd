"""Models that ONNX Runtime quantizes: their figures are those of the model before, and the note states what the file stores."""

from __future__ import annotations

import logging
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime, which quantizes the models of these tests, is not installed")
pytest.importorskip("onnx", reason="onnx, which writes the models of these tests, is not installed")

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from cnncalc.analyses.totals import Totals, analyze
from cnncalc.readers import ReaderOptions, read

NOTHING = ReaderOptions({}, {})


class Samples(CalibrationDataReader):
    """Two random inputs."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        dice = np.random.default_rng(0)
        self.rest = iter([{"x": dice.random(shape, dtype=np.float32)} for _ in range(2)])

    def get_next(self) -> Any:
        """Return the next one."""
        return next(self.rest, None)


def saved(path: Path, nodes: list[Any], shape: tuple[int, ...], **weights: tuple[int, ...]) -> Path:
    """Write a model with random weights."""
    dice = np.random.default_rng(1)
    tensors = [
        numpy_helper.from_array(dice.normal(size=dims).astype("float32"), name) for name, dims in weights.items()
    ]
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "net", [value], [helper.make_empty_tensor_value_info("y")], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def op(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), [output], name=output, **attributes)


@pytest.fixture
def image(tmp_path: Path) -> tuple[Path, tuple[int, ...]]:
    """Convolutions, one of them in groups, and a fully connected layer."""
    nodes = [
        op("Conv", "x c1 b1", "a", pads=[1] * 4), op("Relu", "a", "b"),
        op("MaxPool", "b", "c", kernel_shape=[2, 2], strides=[2, 2]),
        op("Conv", "c c2 b2", "d", group=4), op("Relu", "d", "e"), op("Add", "e e", "f"), op("GlobalAveragePool", "f", "g"),
        op("Flatten", "g", "h"), op("Gemm", "h w v", "y", transB=1),
    ]  # fmt: skip
    shape = (1, 3, 16, 16)
    weights = {"c1": (8, 3, 3, 3), "b1": (8,), "c2": (16, 2, 3, 3), "b2": (16,), "w": (10, 16), "v": (10,)}
    return saved(tmp_path / "image.onnx", nodes, shape, **weights), shape


@pytest.fixture
def steps(tmp_path: Path) -> tuple[Path, tuple[int, ...]]:
    """Products with matrices, with and without a bias."""
    nodes = [op("MatMul", "x w1", "a"), op("Relu", "a", "b"), op("MatMul", "b w2", "c"), op("Add", "c v", "y")]
    return saved(tmp_path / "steps.onnx", nodes, (1, 7, 32), w1=(32, 64), w2=(64, 32), v=(32,)), (1, 7, 32)


WAYS = [
    (form, type, each)
    for form in (QuantFormat.QDQ, QuantFormat.QOperator, None)
    for type in (QuantType.QInt8, QuantType.QUInt8)
    for each in (False, True)
    if form is not None or (type == QuantType.QUInt8 and not each)
]


@pytest.mark.parametrize(("form", "type", "each"), WAYS)
@pytest.mark.parametrize("which", ["image", "steps"])
def test_figures_of_the_model_before(
    form: QuantFormat | None, type: QuantType, each: bool, which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Parameters and multiply-adds, and the bytes in the note are those of the tensors in the file."""
    logging.disable()
    path, shape = request.getfixturevalue(which)
    if form is None:
        quantize_dynamic(path, tmp_path / "q.onnx", weight_type=type)
    else:
        types = {"weight_type": type, "activation_type": type}
        quantize_static(path, tmp_path / "q.onnx", Samples(shape), quant_format=form, per_channel=each, **types)
    logging.disable(logging.NOTSET)
    before, network = analyze(read(str(path), NOTHING)).totals, read(str(tmp_path / "q.onnx"), NOTHING)
    after = analyze(network).totals
    assert figures(after) == figures(before)
    (text,) = [problem.text for problem in network.warnings if problem.code == "quantized-weights"]
    found = {
        type: int(size.replace(",", "")) for type, size in re.findall(r"weights as (\w+) \(([\d,]+) bytes\)", text)
    }
    stored: Counter[str] = Counter()
    for tensor in onnx.load(tmp_path / "q.onnx").graph.initializer:
        if not tensor.name.endswith(("_scale", "_zero_point")) and np.prod(tensor.dims) > 1:
            array = numpy_helper.to_array(tensor)
            if array.dtype != "int64":  # a shape
                stored[array.dtype.name] += array.nbytes
    assert found == stored


def figures(totals: Totals) -> tuple[int, int, int, int]:
    return totals.params, totals.buffers, int(totals.macs), totals.uncounted
