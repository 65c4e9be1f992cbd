"""The ONNX reader: real exports node by node, each construct as a small model, and refused files.

Shapes are judged by `onnx.shape_inference`, by the exports' recorded runs and by ONNX's own operator tests; parameters and
multiply-adds by PyTorch's figures for the exports, and by hand for the small models.
"""

from __future__ import annotations

import json
import os
import random
import time
import tracemalloc
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers import Missing, ReaderOptions, read
from cnncalc.readers.limits import UNTRUSTED
from cnncalc.readers.onnx.names import labels, path_of
from tests.helpers import TESTS

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("onnx", reason="onnx, the oracle of these tests, is not installed")

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cnncalc.readers.onnx.reader import read_values

REFERENCE = TESTS / "reference"
EXPORTS: dict[str, Any] = json.loads((REFERENCE / "onnx_models.json").read_text(encoding="utf-8"))
FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
NOTHING = ReaderOptions({}, {}, compare_shapes=True)
Node = Any


# -- small models ----------------------------------------------------------------------------------------------------


def weight(name: str, *dims: int, kind: int = FLOAT) -> Any:
    """Return an initializer without numbers."""
    tensor = TensorProto(name=name, data_type=kind)
    tensor.dims.extend(dims)
    return tensor


def numbers(name: str, *given: float, kind: str = "int64", dims: Sequence[int] | None = None) -> Any:
    """Return an initializer with these numbers."""
    array = np.asarray(given, dtype=kind)
    return numpy_helper.from_array(array if dims is None else array.reshape(dims), name)


def op(kind: str, inputs: str, outputs: str, **attributes: Any) -> Node:
    """Return a node. Names are separated by spaces, and `_` is an omitted input."""
    sources = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(kind, sources, outputs.split(), name=attributes.pop("label", ""), **attributes)


class Small:
    """A model of a few nodes, written to a file and read."""

    def __init__(
        self,
        nodes: Sequence[Node],
        shape: Sequence[int | str] | dict[str, Sequence[int | str]] = (1, 3, 8, 8),
        weights: Sequence[Any] = (),
        *,
        output: str = "y",
        opset: int = 17,
        functions: Sequence[Any] = (),
        kind: int = FLOAT,
        domains: Sequence[str] = (),
    ) -> None:
        shapes = shape if isinstance(shape, dict) else {"x": shape}
        inputs = [helper.make_tensor_value_info(name, kind, list(dims)) for name, dims in shapes.items()]
        outputs = [helper.make_empty_tensor_value_info(name) for name in output.split()]
        graph = helper.make_graph(list(nodes), "main", inputs, outputs, list(weights))
        versions = [helper.make_opsetid("", opset), *[helper.make_opsetid(domain, 1) for domain in domains]]
        self.model = helper.make_model(graph, opset_imports=versions, functions=list(functions), ir_version=8)


def save(model: Any, folder: Path) -> str:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return str(path)


def facts(small: Small, folder: Path, asked: ReaderOptions = NOTHING) -> tuple[Analysis, dict[str, Any]]:
    """Return the analysis and the values of a small model, after checking that no shape differs from shape inference."""
    network, found = read_values(save(small.model, folder), asked)
    assert [
        str(problem) for problem in network.warnings if problem.code not in ("batch-fixed", "quantized-weights")
    ] == []
    for value in found.values():
        if value.index is not None:
            shown = tuple(value.dims[axis] for axis in value.order) or (1,)
            assert network.nodes[value.index].output == shown
            assert prod(value.dims) == prod(shown)
    return analyze(network), found


def refusal(small: Small, folder: Path, asked: ReaderOptions = NOTHING) -> Any:
    """Return the only problem for which a small model is refused."""
    with pytest.raises(Refused) as caught:
        read(save(small.model, folder), asked)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def kinds(analysis: Analysis) -> list[str]:
    """Return the kinds of the nodes without the inputs."""
    return [row.node.kind for row in analysis.rows if row.node.layer is not None]


CONV = weight("w", 4, 3, 3, 3)


def conv(**attributes: Any) -> list[Node]:
    return [op("Conv", "x w", "y", **attributes)]


# what is built -> ONNX dimensions of y, parameters, multiply-adds
CASES: dict[str, tuple[Small, tuple[int, ...], int, int]] = {
    # 4*3*3*3 = 108 weights at every one of 6*6, 4*4, 8*8 places
    "conv": (Small(conv(), weights=[CONV]), (1, 4, 6, 6), 108, 108 * 36),
    "conv-bias": (
        Small([op("Conv", "x w b", "y", pads=[1, 1, 1, 1], strides=[2, 2])], weights=[CONV, weight("b", 4)]),
        (1, 4, 4, 4), 112, 108 * 16,
    ),
    "asymmetric-pads": (Small(conv(pads=[0, 1, 2, 0]), weights=[CONV]), (1, 4, 8, 7), 108, 108 * 56),
    "dilated": (Small(conv(dilations=[2, 3]), weights=[CONV]), (1, 4, 4, 2), 108, 108 * 8),
    "same-upper": (Small(conv(auto_pad="SAME_UPPER", strides=[2, 2]), weights=[CONV]), (1, 4, 4, 4), 108, 108 * 16),
    "same-lower": (Small(conv(auto_pad="SAME_LOWER", strides=[3, 2]), weights=[CONV]), (1, 4, 3, 4), 108, 108 * 12),
    "valid": (Small(conv(auto_pad="VALID"), weights=[CONV]), (1, 4, 6, 6), 108, 108 * 36),
    "depthwise": (Small(conv(group=3), weights=[weight("w", 6, 1, 3, 3)]), (1, 6, 6, 6), 54, 54 * 36),
    "conv1d": (Small(conv(), (1, 3, 20), [weight("w", 5, 3, 4)]), (1, 5, 17), 60, 60 * 17),
    "conv3d": (Small(conv(), (1, 2, 5, 6, 7), [weight("w", 4, 2, 1, 2, 3)]), (1, 4, 5, 5, 5), 48, 48 * 125),
    # multiply-adds of a transposed convolution are counted per input cell
    "transposed": (
        Small([op("ConvTranspose", "x w b", "y", strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])],
              weights=[weight("w", 3, 4, 3, 3), weight("b", 4)]),
        (1, 4, 16, 16), 112, 108 * 64,
    ),
    "transposed-output-shape": (
        Small([op("ConvTranspose", "x w", "y", strides=[3, 3], output_shape=[24, 25])], weights=[weight("w", 3, 4, 3, 3)]),
        (1, 4, 24, 25), 108, 108 * 64,
    ),
    "transposed-same": (
        Small([op("ConvTranspose", "x w", "y", strides=[2, 2], auto_pad="SAME_UPPER")], weights=[weight("w", 3, 4, 3, 3)]),
        (1, 4, 16, 16), 108, 108 * 64,
    ),
    "transposed-groups": (
        Small([op("ConvTranspose", "x w", "y", group=3)], weights=[weight("w", 3, 2, 2, 2)]), (1, 6, 9, 9), 24, 24 * 64,
    ),
    "maxpool-ceil": (
        Small([op("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)]), (1, 3, 4, 4), 0, 0,
    ),
    "maxpool-dilated": (Small([op("MaxPool", "x", "y", kernel_shape=[2, 2], dilations=[3, 2])]), (1, 3, 5, 6), 0, 0),
    "avgpool-wide-pads": (
        Small([op("AveragePool", "x", "y", kernel_shape=[3, 3], pads=[2, 2, 2, 2])]), (1, 3, 10, 10), 0, 0,
    ),
    "avgpool-same": (
        Small([op("AveragePool", "x", "y", kernel_shape=[3, 3], strides=[3, 3], auto_pad="SAME_LOWER")]),
        (1, 3, 3, 3), 0, 0,
    ),
    "global-pool": (Small([op("GlobalAveragePool", "x", "y")]), (1, 3, 1, 1), 0, 0),
    "reduce-mean-keep": (Small([op("ReduceMean", "x", "y", axes=[2, 3], keepdims=1)]), (1, 3, 1, 1), 0, 0),
    "reduce-mean": (Small([op("ReduceMean", "x", "y", axes=[-1, -2], keepdims=0)]), (1, 3), 0, 0),
    "reduce-mean-opset-18": (
        Small([op("ReduceMean", "x a", "y")], weights=[numbers("a", -1, -2)], opset=18), (1, 3, 1, 1), 0, 0,
    ),
    "gemm": (
        Small([op("Flatten", "x", "f"), op("Gemm", "f w b", "y", transB=1)], weights=[weight("w", 10, 192), weight("b", 10)]),
        (1, 10), 1930, 1920,
    ),
    "matmul-add": (
        Small([op("MatMul", "x w", "m"), op("Add", "m b", "y")], (1, 7, 5), [weight("w", 5, 6), weight("b", 6)]),
        (1, 7, 6), 36, 7 * 30,
    ),
    "add-matmul": (
        Small([op("MatMul", "x w", "m"), op("Add", "b m", "y")], (1, 7, 5), [weight("w", 5, 6), weight("b", 6)]),
        (1, 7, 6), 36, 7 * 30,
    ),
    "conv-add": (
        Small([op("Conv", "x w", "m"), op("Add", "m b", "y")], weights=[CONV, weight("b", 1, 4, 1, 1)]),
        (1, 4, 6, 6), 112, 108 * 36,
    ),
    # 12 steps in 4 heads of 8: scores 12*12*32, weighted sum the same
    "attention": (
        Small(
            [
                op("MatMul", "x w", "qkv"), op("Reshape", "qkv s", "r"), op("Transpose", "r", "t", perm=[2, 0, 3, 1, 4]),
                op("Split", "t", "q k v", axis=0), op("Squeeze", "q zero", "q1"), op("Squeeze", "k zero", "k1"),
                op("Squeeze", "v zero", "v1"), op("Transpose", "k1", "kt", perm=[0, 1, 3, 2]), op("MatMul", "q1 kt", "a"),
                op("Div", "a root", "d"), op("Softmax", "d", "p"), op("MatMul", "p v1", "o"),
                op("Transpose", "o", "ot", perm=[0, 2, 1, 3]), op("Reshape", "ot back", "y"),
            ],
            (1, 12, 32),
            [weight("w", 32, 96), numbers("s", 0, -1, 3, 4, 8), numbers("zero", 0), numbers("root", 2.83, kind="float32"),
             numbers("back", 0, 0, 32)],
        ),
        (1, 12, 32), 32 * 96, 12 * 32 * 96 + 2 * 12 * 12 * 32,
    ),
    "einsum": (
        Small([op("Einsum", "x z", "y", equation="bhid,bhjd->bhij")], {"x": (1, 2, 5, 4), "z": (1, 2, 7, 4)}),
        (1, 2, 5, 7), 0, 2 * 5 * 7 * 4,
    ),
    "einsum-weights": (
        Small([op("Einsum", "x w", "y", equation="...d,de->...e")], (1, 7, 5), [weight("w", 5, 6)]), (1, 7, 6), 30, 210,
    ),
    "batchnorm": (
        Small([op("BatchNormalization", "x s b m v", "y")], weights=[weight(name, 3) for name in "sbmv"]),
        (1, 3, 8, 8), 6, 0,
    ),
    "layernorm": (
        Small([op("LayerNormalization", "x s b", "y")], (1, 7, 6), [weight("s", 6), weight("b", 6)]), (1, 7, 6), 12, 0,
    ),
    "layernorm-gain": (Small([op("LayerNormalization", "x s", "y")], (1, 7, 6), [weight("s", 6)]), (1, 7, 6), 6, 0),
    "layernorm-written-out": (
        Small(
            [
                op("ReduceMean", "x", "mean", axes=[-1]), op("Sub", "x mean", "c"), op("Pow", "c two", "sq"),
                op("ReduceMean", "sq", "var", axes=[-1]), op("Add", "var eps", "ve"), op("Sqrt", "ve", "sd"),
                op("Div", "c sd", "n"), op("Mul", "n g", "ng"), op("Add", "ng b", "y"),
            ],
            (1, 7, 6),
            [weight("g", 6), weight("b", 6), numbers("two", 2, kind="float32"), numbers("eps", 1e-5, kind="float32")],
        ),
        (1, 7, 6), 12, 0,
    ),
    "group-norm": (
        Small([op("GroupNormalization", "x s b", "y", num_groups=2)], (1, 4, 5, 5), [weight("s", 4), weight("b", 4)], opset=21),
        (1, 4, 5, 5), 8, 0,
    ),
    "instance-norm": (
        Small([op("InstanceNormalization", "x s b", "y")], weights=[weight("s", 3), weight("b", 3)]), (1, 3, 8, 8), 6, 0,
    ),
    # PyTorch's group norm: ones and zeros as Constants, then gain and offset
    "group-norm-written-out": (
        Small(
            [
                op("Reshape", "x s", "r"), op("Constant", "", "one", value=numbers("", 1, 1, kind="float32")),
                op("Constant", "", "nil", value=numbers("", 0, 0, kind="float32")),
                op("InstanceNormalization", "r one nil", "n"), op("Shape", "x", "d"), op("Reshape", "n d", "m"),
                op("Mul", "m g", "mg"), op("Add", "mg b", "y"),
            ],
            (1, 4, 5, 5),
            [numbers("s", 0, 2, -1), weight("g", 4, 1, 1), weight("b", 4, 1, 1)],
        ),
        (1, 4, 5, 5), 8, 0,
    ),
    "silu": (Small([op("Sigmoid", "x", "s"), op("Mul", "x s", "y")]), (1, 3, 8, 8), 0, 0),
    "relu6-attributes": (Small([op("Clip", "x", "y", min=0.0, max=6.0)], opset=7), (1, 3, 8, 8), 0, 0),
    "prelu": (Small([op("PRelu", "x s", "y")], weights=[weight("s", 3, 1, 1)]), (1, 3, 8, 8), 3, 0),
    "layer-scale": (Small([op("Mul", "x g", "y")], (1, 7, 6), [weight("g", 6)]), (1, 7, 6), 6, 0),
    "positions": (Small([op("Add", "x p", "y")], (1, 7, 6), [weight("p", 1, 7, 6)]), (1, 7, 6), 42, 0),
    "class-token": (Small([op("Concat", "c x", "y", axis=1)], (1, 7, 6), [weight("c", 1, 1, 6)]), (1, 8, 6), 6, 0),
    "embedding": (Small([op("Gather", "w x", "y")], (1, 7), [weight("w", 50, 6)], kind=INT), (1, 7, 6), 300, 0),
    # 2 directions of 4 gates of 5 units over 3 features, two bias vectors; 6 steps
    "lstm": (
        Small([op("LSTM", "x w r b", "y", hidden_size=5, direction="bidirectional")], (6, 1, 3),
              [weight("w", 2, 20, 3), weight("r", 2, 20, 5), weight("b", 2, 40)]),
        (6, 2, 1, 5), 2 * 20 * 10, 6 * 2 * 20 * 8,
    ),
    "gru-state": (
        Small([op("GRU", "x w r", "all y", hidden_size=5)], (6, 1, 3), [weight("w", 1, 15, 3), weight("r", 1, 15, 5)]),
        (1, 1, 5), 15 * 8, 6 * 15 * 8,
    ),
    "rnn-no-bias": (
        Small([op("RNN", "x w r", "y", hidden_size=5)], (6, 1, 3), [weight("w", 1, 5, 3), weight("r", 1, 5, 5)]),
        (6, 1, 1, 5), 40, 240,
    ),
    "lstm-batch-first": (
        Small(
            [op("Transpose", "x", "t", perm=[1, 0, 2]), op("LSTM", "t w r b", "l", hidden_size=5),
             op("Squeeze", "l one", "s"), op("Transpose", "s", "y", perm=[1, 0, 2])],
            (1, 6, 3), [weight("w", 1, 20, 3), weight("r", 1, 20, 5), weight("b", 1, 40), numbers("one", 1)],
        ),
        (1, 6, 5), 20 * 10, 6 * 20 * 8,
    ),
    "resize-scales": (
        Small([op("Resize", "x _ s", "y", mode="linear")], weights=[numbers("s", 1, 1, 2, 2.5, kind="float32")]),
        (1, 3, 16, 20), 0, 0,
    ),
    "resize-sizes": (Small([op("Resize", "x _ _ s", "y")], weights=[numbers("s", 1, 3, 5, 24)]), (1, 3, 5, 24), 0, 0),
    "upsample-7": (Small([op("Upsample", "x", "y", scales=[1.0, 1.0, 2.0, 2.0])], opset=7), (1, 3, 16, 16), 0, 0),
    "upsample-9": (
        Small([op("Upsample", "x s", "y")], weights=[numbers("s", 1, 1, 2, 3, kind="float32")], opset=9), (1, 3, 16, 24), 0, 0,
    ),
    "pad-2": (Small([op("Pad", "x", "y", pads=[0, 0, 1, 2, 0, 0, 3, 4])], opset=9), (1, 3, 12, 14), 0, 0),
    "pad": (
        Small([op("Pad", "x p", "y", mode="reflect")], weights=[numbers("p", 0, 0, 1, 2, 0, 0, 3, 4)]), (1, 3, 12, 14), 0, 0,
    ),
    "pixel-shuffle": (Small([op("DepthToSpace", "x", "y", blocksize=2)], (1, 8, 4, 4)), (1, 2, 8, 8), 0, 0),
    "space-to-depth": (Small([op("SpaceToDepth", "x", "y", blocksize=2)]), (1, 12, 4, 4), 0, 0),
    "channel-shuffle": (
        Small([op("Reshape", "x a", "r"), op("Transpose", "r", "t", perm=[0, 2, 1, 3, 4]), op("Reshape", "t b", "c"),
               op("Conv", "c w", "y")], (1, 8, 5, 5),
              [numbers("a", 1, 2, 4, 5, 5), numbers("b", 1, 8, 5, 5), weight("w", 2, 8, 1, 1)]),
        (1, 2, 5, 5), 16, 16 * 25,
    ),
    "slice": (
        Small([op("Slice", "x a b c d", "y")],
              weights=[numbers("a", 1, 0), numbers("b", -1, 9999), numbers("c", 2, 3), numbers("d", 1, 2)]),
        (1, 3, 6, 4), 0, 0,
    ),
    "slice-attributes": (Small([op("Slice", "x", "y", starts=[1], ends=[3], axes=[1])], opset=9), (1, 2, 8, 8), 0, 0),
    "split-concat": (
        Small([op("Split", "x s", "a b", axis=1), op("Concat", "b a", "y", axis=1)], weights=[numbers("s", 1, 2)]),
        (1, 3, 8, 8), 0, 0,
    ),
    # Shape -> Gather -> Unsqueeze -> Concat -> Reshape, as TorchScript flattens
    "shape-arithmetic": (
        Small(
            [
                op("Shape", "x", "d"), op("Gather", "d zero", "n"), op("Unsqueeze", "n axes", "n1"),
                op("Concat", "n1 rest", "to", axis=0), op("Reshape", "x to", "y"),
            ],
            weights=[numbers("zero", 0, dims=()), numbers("axes", 0), numbers("rest", -1)],
        ),
        (1, 192), 0, 0,
    ),
    "shape-mathematics": (
        Small(
            [
                op("Shape", "x", "d"), op("Slice", "d two four", "hw"), op("Cast", "hw", "f", to=FLOAT),
                op("Mul", "f scale", "g"), op("Floor", "g", "h"), op("Cast", "h", "i", to=INT),
                op("Slice", "d zero two", "nc"), op("Concat", "nc i", "to", axis=0), op("Resize", "x _ _ to", "y"),
            ],
            weights=[numbers("zero", 0), numbers("two", 2), numbers("four", 4), numbers("scale", 1.5, kind="float32")],
        ),
        (1, 3, 12, 12), 0, 0,
    ),
    "expand-where": (
        Small(
            [
                op("ConstantOfShape", "three", "m", value=numbers("", -1)), op("Equal", "to m", "e"),
                op("Where", "e ones to", "real"), op("Expand", "x real", "y"),
            ],
            (1, 1, 8),
            [numbers("three", 3), numbers("to", -1, 5, -1), numbers("ones", 1, 1, 1)],
        ),
        (1, 5, 8), 0, 0,
    ),
    "range-positions": (
        Small([op("Shape", "x", "d"), op("Gather", "d one", "t"), op("Range", "zero t one", "r"),
               op("Gather", "w r", "p"), op("Add", "x p", "y")], (1, 7, 6),
              [numbers("zero", 0, dims=()), numbers("one", 1, dims=()), weight("w", 9, 6)]),
        (1, 7, 6), 54, 0,
    ),
    # a folded quantized convolution, and the same between (de)quantization nodes: scales are not parameters
    "qlinearconv": (
        Small([op("QLinearConv", "x xs xz w ws wz ys yz b", "y")], weights=[
            weight("w", 4, 3, 3, 3, kind=TensorProto.INT8), weight("b", 4, kind=TensorProto.INT32),
            weight("ws", 4), weight("wz", 4, kind=TensorProto.INT8),
            *[numbers(name, 0.1, kind="float32", dims=()) for name in ("xs", "ys")],
            *[numbers(name, 3, kind="uint8", dims=()) for name in ("xz", "yz")]], kind=TensorProto.UINT8),
        (1, 4, 6, 6), 112, 108 * 36,
    ),
    "qdq": (
        Small(
            [op("QuantizeLinear", "x s z", "q"), op("DequantizeLinear", "q s z", "d"),
             op("DequantizeLinear", "w ws wz", "wd", axis=0), op("Conv", "d wd", "y")],
            weights=[weight("w", 4, 3, 3, 3, kind=TensorProto.INT8), weight("ws", 4), weight("wz", 4, kind=TensorProto.INT8),
                     numbers("s", 0.1, kind="float32", dims=()), numbers("z", 3, kind="uint8", dims=())],
        ),
        (1, 4, 6, 6), 108, 108 * 36,
    ),
    # weight norm: direction and length are the parameters, the quotient is not another one
    "weight-norm": (
        Small([op("ReduceL2", "v", "n", axes=[1, 2, 3]), op("Div", "v n", "u"), op("Mul", "u g", "k"), op("Conv", "x k", "y")],
              weights=[weight("v", 4, 3, 3, 3), weight("g", 4, 1, 1, 1)]),
        (1, 4, 6, 6), 112, 108 * 36,
    ),
    # one table for looking up and for scoring
    "tied": (
        Small([op("Gather", "w x", "e"), op("Transpose", "w", "t", perm=[1, 0]), op("MatMul", "e t", "y")], (1, 7),
              [weight("w", 50, 6)], kind=INT),
        (1, 7, 50), 300, 7 * 300,
    ),
    "shared-conv": (
        Small([op("Conv", "x w b", "a", pads=[1, 1, 1, 1]), op("Conv", "a w b", "y", pads=[1, 1, 1, 1])],
              weights=[weight("w", 3, 3, 3, 3), weight("b", 3)]),
        (1, 3, 8, 8), 84, 2 * 81 * 64,
    ),
    "shared-bias": (
        Small([op("Identity", "b", "c"), op("Conv", "x w b", "a"), op("Conv", "x v c", "d"), op("Add", "a d", "y")],
              weights=[CONV, weight("v", 4, 3, 3, 3), weight("b", 4)]),
        (1, 4, 6, 6), 220, 2 * 108 * 36,
    ),
    # Keras: channels last, transposed before every convolution
    "keras-layout": (
        Small([op("Transpose", "x", "a", perm=[0, 3, 1, 2]), op("Conv", "a w", "b"), op("Relu", "b", "c"),
               op("Transpose", "c", "y", perm=[0, 2, 3, 1])], (1, 8, 8, 3), [CONV]),
        (1, 6, 6, 4), 108, 108 * 36,
    ),
    "weights-as-constants": (
        Small([op("Constant", "", "w", value=numbers("", *[0.5] * 108, kind="float32", dims=(4, 3, 3, 3))), *conv()]),
        (1, 4, 6, 6), 108, 108 * 36,
    ),
    "weights-as-inputs": (
        Small([op("Conv", "x w b", "y")], {"x": (1, 3, 8, 8), "w": (4, 3, 3, 3), "b": (4,)}), (1, 4, 6, 6), 112, 108 * 36,
    ),
    "out-of-order": (
        Small([op("Relu", "m", "y"), op("Conv", "x w", "m")], weights=[CONV]), (1, 4, 6, 6), 108, 108 * 36,
    ),
    "fixed-batch": (
        Small([*conv(), op("Reshape", "y s", "z"), op("Gemm", "z v", "o", transB=1)], (8, 3, 8, 8),
              [CONV, numbers("s", 8, 144), weight("v", 5, 144)]),
        (1, 4, 6, 6), 108 + 720, 108 * 36 + 720,
    ),
    "normalized-input": (
        Small([op("Sub", "x m", "a"), op("Div", "a s", "y")], weights=[weight("m", 1, 3, 1, 1), weight("s", 1, 3, 1, 1)]),
        (1, 3, 8, 8), 0, 0,
    ),
    "attention-23": (
        Small([op("Attention", "x k v", "y")], {"x": (1, 4, 12, 8), "k": (1, 4, 10, 8), "v": (1, 4, 10, 6)}, opset=23),
        (1, 4, 12, 6), 0, 4 * 12 * 10 * 14,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_constructs(name: str, tmp_path: Path) -> None:
    """Each construct has the right output dimensions, parameters and multiply-adds."""
    small, dims, params, macs = CASES[name]
    analysis, found = facts(small, tmp_path)
    assert found["y"].dims == dims
    assert (analysis.totals.params, analysis.totals.macs) == (params, macs)


def test_kinds(tmp_path: Path) -> None:
    """Common patterns become the usual layers."""
    wanted = {
        "matmul-add": ["linear"], "conv-add": ["conv"], "gemm": ["flatten", "fc"], "relu6-attributes": ["relu6"],
        "keras-layout": ["conv", "relu"], "global-pool": ["adaptiveavgpool"], "reduce-mean": ["globalavgpool"],
        "layer-scale": ["scale"], "positions": ["positional"], "class-token": ["classtoken"], "upsample-7": ["upsample"],
        "embedding": ["embedding"], "resize-sizes": ["resize"], "qdq": ["quantizelinear", "dequantizelinear", "conv"],
        "silu": ["silu"], "pixel-shuffle": ["pixelshuffle"], "split-concat": ["slice", "slice", "concat"],
    }  # fmt: skip
    assert {name: kinds(facts(CASES[name][0], tmp_path)[0]) for name in wanted} == wanted


def test_running_statistics_are_buffers(tmp_path: Path) -> None:
    """Mean and variance of a batch norm and of a normalized input are buffers."""
    assert facts(CASES["batchnorm"][0], tmp_path)[0].totals.buffers == 6
    assert facts(CASES["normalized-input"][0], tmp_path)[0].totals.buffers == 6


def test_biases_and_sharing(tmp_path: Path) -> None:
    """Biases are separate from weights, and a shared tensor names the layer that counts it."""
    rows = {row.node.name: row for row in facts(CASES["shared-bias"][0], tmp_path)[0].rows}
    assert (rows["a"].weights, rows["a"].biases, rows["d"].weights, rows["d"].biases) == (108, 4, 108, 0)
    assert rows["d"].notes == [("note", "parameters shared with `a`")]
    analysis, _ = facts(CASES["shared-conv"][0], tmp_path)
    assert [row.node.shared for row in analysis.rows] == [None, None, 1]


# -- the shared exports ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPORTS)
def test_exports(name: str) -> None:
    """torchvision's networks from both exporters have the right parameters, buffers, MACs, shapes and figures per node."""
    export = EXPORTS[name]
    network, found = read_values(str(REFERENCE / "onnx" / f"{name}.onnx"), NOTHING)
    analysis = analyze(network)
    totals = analysis.totals
    assert (totals.params, totals.buffers, totals.macs) == (export["params"], export["buffers"], export["macs"])
    assert network.warnings == ()
    counted: dict[int, tuple[int, int]] = {}
    for kind, outputs, params, macs in export["nodes"]:
        for output, dims in outputs.items():
            value = found[output]
            assert list(value.dims) == dims, output
            if kind in ("Identity", "Constant"):
                continue
            assert value.index is not None
            assert network.nodes[value.index].output == (tuple(value.dims[axis] for axis in value.order) or (1,))
            before = counted.get(value.index, (0, 0))
            counted[value.index] = (before[0] + params, before[1] + macs)
    shared = "freshinit" in name  # where the exporter merged equal tensors, the first reader holds them
    for index, figures in counted.items():
        row = analysis.rows[index]
        assert int(row.macs) == figures[1]
        assert shared or row.params == figures[0], row.node.name


def test_names() -> None:
    """Layers have unique names, which are module paths for each exporter."""
    network = read(str(REFERENCE / "onnx" / "tv_mobilenet_v2.nofold.onnx"), NOTHING)
    names = [node.name for node in network.nodes]
    assert len(set(names)) == len(names)
    assert names[:6] == [
        "input",
        "features.0.0",
        "features.0.1",
        "features.0.2",
        "features.1.conv.0.0",
        "features.1.conv.0.1",
    ]
    assert "features.3.add" in names
    assert names[-2:] == ["flatten", "classifier.1"]
    dynamo = read(str(REFERENCE / "onnx" / "tv_resnet18.dynamo.onnx"), NOTHING)
    assert [node.name for node in dynamo.nodes][:5] == ["input", "conv1", "relu", "max_pool2d", "layer1.0.conv1"]
    assert path_of("StatefulPartitionedCall/model/conv2d/Conv2D") == ("StatefulPartitionedCall.model.conv2d", "Conv2D")
    nodes = [op("Relu", "x", "y", label="bad name\x1b[31m"), op("Relu", "y", "z")]
    assert labels(nodes, [], "") == ["bad_name_31m", "z"]


# -- sizes -----------------------------------------------------------------------------------------------------------


def pyramid(dims: Sequence[int | str]) -> Small:
    return Small(conv(pads=[1, 1, 1, 1]), dims, [CONV])


def test_dimensions_by_name(tmp_path: Path) -> None:
    """The batch is 1. Other open sizes come from --dim or --input, or an error requests them."""
    small = pyramid(("batch", 3, "height", "width"))
    problem = refusal(small, tmp_path)
    assert problem.code == "unknown-size"
    assert "`height`" in problem.text
    assert "`--dim height=224 --dim width=224`" in problem.help
    by_name, _ = facts(small, tmp_path, ReaderOptions({}, {"height": 10, "width": 12}, compare_shapes=True))
    assert by_name.rows[-1].node.output == (10, 12, 4)
    by_input, _ = facts(small, tmp_path, ReaderOptions({"": "20x24x3"}, {}, compare_shapes=True))
    assert by_input.rows[-1].node.output == (20, 24, 4)
    named, _ = facts(small, tmp_path, ReaderOptions({"x": "20x24x3"}, {}, compare_shapes=True))
    assert named.rows[-1].node.output == (20, 24, 4)
    assert refusal(small, tmp_path, ReaderOptions({"z": "20x24x3"}, {}, compare_shapes=True)).code == "unknown-input"
    assert refusal(small, tmp_path, ReaderOptions({"": "20x24"}, {}, compare_shapes=True)).code == "bad-argument"
    assert refusal(small, tmp_path, ReaderOptions({}, {"depth": 10}, compare_shapes=True)).code == "unknown-size"
    assert (
        refusal(small, tmp_path, ReaderOptions({}, {"batch": 4, "height": 10, "width": 12}, compare_shapes=True)).code
        == "bad-argument"
    )


def test_fixed_sizes_can_be_changed(tmp_path: Path) -> None:
    """A fully convolutional export can be read at another size."""
    assert facts(pyramid((1, 3, 8, 8)), tmp_path, ReaderOptions({"": "16x32x3"}, {}, compare_shapes=True))[0].rows[
        -1
    ].node.output == (
        16,
        32,
        4,
    )


def test_a_fixed_batch_is_read_as_one(tmp_path: Path) -> None:
    """A fixed batch is removed, also from the target of a reshape. An axis that is not a batch stays."""
    assert facts(CASES["fixed-batch"][0], tmp_path)[0].totals.macs == 108 * 36 + 720
    small = Small([op("Slice", "x a b", "y")], (8, 6), [numbers("a", 2), numbers("b", 5)])
    assert facts(small, tmp_path)[1]["y"].dims == (3, 6)


def test_windows_in_the_batch(tmp_path: Path) -> None:
    """A batch that the network itself creates, as in Swin, is counted in full."""
    nodes = [op("Reshape", "x s", "r"), op("Conv", "r w", "y")]
    analysis, found = facts(Small(nodes, (1, 12, 8, 8), [numbers("s", 4, 3, 8, 8), CONV]), tmp_path)
    assert found["y"].dims == (4, 4, 6, 6)
    assert analysis.totals.macs == 4 * 108 * 36


# -- functions, branches, what is unknown ----------------------------------------------------------------------------


def branches(condition: Node, *names: str) -> Small:
    one = helper.make_graph([op("Relu", "x", "t")], "then", [], [helper.make_empty_tensor_value_info("t")])
    other = helper.make_graph([op("Conv", "x w", "e")], "else", [], [helper.make_empty_tensor_value_info("e")])
    return Small([condition, op("If", "c", "y", then_branch=one, else_branch=other)], weights=[CONV])


def test_branches(tmp_path: Path) -> None:
    """A constant condition selects its branch. Otherwise the more expensive branch is read, or the one that `--branch` names."""
    taken = op("Constant", "", "c", value=numbers("", 0, kind="bool", dims=()))
    analysis, found = facts(branches(taken), tmp_path)
    assert (kinds(analysis), found["y"].dims) == (["conv"], (1, 4, 6, 6))
    fed = branches(op("Cast", "x", "c", to=TensorProto.BOOL))
    network, found = read_values(save(fed.model, tmp_path), NOTHING)
    assert (int(analyze(network).totals.macs), found["y"].dims) == (108 * 36, (1, 4, 6, 6))
    assert [problem.code for problem in network.warnings if problem.code != "shapes-disagree"] == ["branch-chosen"]
    assert "`else`, which has the most multiply-adds" in network.warnings[-1].text
    assert "--branch y=then" in network.warnings[-1].help
    for name in ("", "y"):
        network, found = read_values(
            save(fed.model, tmp_path), ReaderOptions({}, {}, branches={name: "then"}, compare_shapes=True)
        )
        assert (int(analyze(network).totals.macs), found["y"].dims) == (0, (1, 3, 8, 8))
        assert "branch-chosen" not in {problem.code for problem in network.warnings}
    assert (
        refusal(fed, tmp_path, ReaderOptions({}, {}, branches={"other": "then"}, compare_shapes=True)).code
        == "bad-argument"
    )
    same = branches(op("Cast", "x", "c", to=TensorProto.BOOL))
    for one in same.model.graph.node[1].attribute:
        one.g.node[0].op_type = "Relu" if one.name == "then_branch" else "Sigmoid"
        del one.g.node[0].input[1:]
    assert facts(same, tmp_path)[1]["y"].dims == (1, 3, 8, 8)
    body = helper.make_graph([], "body", [], [])
    assert "loops" in refusal(Small([op("Loop", "_ _ x", "y", body=body)]), tmp_path).text


def function(name: str, nodes: Sequence[Node], inputs: str, outputs: str, **more: Any) -> Any:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, inputs.split(), outputs.split(), list(nodes), opsets, **more)


def test_functions(tmp_path: Path) -> None:
    """Local functions can be nested and have attributes. Recursive and exponentially growing ones are refused."""
    node = op("LeakyRelu", "a", "b")
    node.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    block = function("Block", [op("Conv", "p w", "a", label="conv"), node], "p w", "b", attributes=["slope"])
    outer = function("Outer", [op("Block", "p w", "q", domain="own", label="first")], "p w", "q")
    calls = [op("Outer", "x w", "y", domain="own", label="stage")]
    analysis, found = facts(Small(calls, weights=[CONV], functions=[block, outer], domains=["own"]), tmp_path)
    assert [row.node.name for row in analysis.rows] == ["x", "stage.first.conv", "stage.first.b"]
    assert found["y"].dims == (1, 4, 6, 6)
    itself = function("Itself", [op("Itself", "p", "q", domain="own")], "p", "q")
    small = Small([op("Itself", "x", "y", domain="own")], functions=[itself], domains=["own"])
    assert refusal(small, tmp_path).code == "too-large"
    bomb = [
        function(f"F{n}", [op(f"F{n + 1}", f"v{k}", f"v{k + 1}", domain="own") for k in range(10)], "v0", "v10")
        for n in range(9)
    ]
    bomb.append(function("F9", [op("Relu", "v0", "v10")], "v0", "v10"))
    path = save(Small([op("F0", "x", "y", domain="own")], functions=bomb, domains=["own"]).model, tmp_path)
    from cnncalc.readers.onnx.reader import read as within

    with pytest.raises(Refused) as caught:
        within(path, NOTHING, UNTRUSTED)
    assert caught.value.problems[0].code == "too-large"


def test_operators_without_a_rule(tmp_path: Path) -> None:
    """Unknown operators have the inferred shape and an unknown cost. They are refused if there is no inferred shape."""
    small = Small([op("GridSample", "x g", "m"), op("Relu", "m", "y")], {"x": (1, 3, 8, 8), "g": (1, 5, 6, 2)})
    analysis, found = facts(small, tmp_path)
    node = network_node(analysis, "gridsample")
    assert (found["m"].dims, node.output, node.layer.known_cost) == ((1, 3, 5, 6), (5, 6, 3), False)
    assert "unknown" in analysis.rows[node.index].notes[0][1]
    assert network_node(analysis, "relu").layer.known_cost
    problem = refusal(Small([op("Strange", "x", "y", domain="own")], domains=["own"]), tmp_path)
    assert problem.code == "unsupported"
    assert "Strange" in problem.text


def network_node(analysis: Analysis, kind: str) -> Any:
    return next(row.node for row in analysis.rows if row.node.kind == kind)


def test_differences_are_warnings(tmp_path: Path) -> None:
    """A warning reports a shape that differs from the one declared in the file."""
    small = Small(conv(), weights=[CONV])
    small.model.graph.value_info.append(helper.make_tensor_value_info("m", FLOAT, [1, 4, 5, 5]))
    small.model.graph.node[0].output[0] = "m"
    small.model.graph.node.append(op("Relu", "m", "y"))
    network = read(save(small.model, tmp_path), NOTHING)
    assert [problem.level for problem in network.warnings] == ["warning"] * len(network.warnings)
    assert network.warnings


# -- bad files -------------------------------------------------------------------------------------------------------


def broken(change: Callable[[Any], Any], code: str, *words: str) -> tuple[Callable[[Any], Any], str, tuple[str, ...]]:
    return change, code, words


def without_weights(model: Any) -> None:
    del model.graph.initializer[:]


def negative(model: Any) -> None:
    model.graph.initializer[0].dims[0] = -4


def enormous(model: Any) -> None:
    model.graph.initializer[0].dims[0] = 2**60


def circle(model: Any) -> None:
    model.graph.node[0].input[0] = "y"


def twice(model: Any) -> None:
    model.graph.node.append(op("Relu", "x", "y"))


def no_output(model: Any) -> None:
    model.graph.output[0].name = "z"


def negative_input(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = -8


def huge_input(model: Any) -> None:
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = 900_000_000


def other_channels(model: Any) -> None:
    model.graph.initializer[0].dims[1] = 5


def no_stride(model: Any) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("strides", [0, 1]))


def too_small(model: Any) -> None:
    model.graph.initializer[0].dims[2] = 99


def sparse_map(model: Any) -> None:
    model.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = FLOAT


def no_equation(model: Any) -> None:
    node = op("Einsum", "x w", "z", equation="...?,de->...e")  # onnx.shape_inference 1.23 never returns
    model.graph.node.append(node)


BROKEN = {
    "no-equation": broken(no_equation, "bad-model", "Einsum"),
    "missing-initializer": broken(without_weights, "bad-model", "`w`"),
    "negative-dims": broken(negative, "bad-model", "-4"),
    "enormous": broken(enormous, "too-large", "`w`"),
    "circle": broken(circle, "bad-model", "cycle"),
    "made-twice": broken(twice, "bad-model", "two nodes compute"),
    "no-output": broken(no_output, "bad-model", "`z`"),
    "negative-input": broken(negative_input, "bad-model", "-8"),
    "huge-input": broken(huge_input, "too-large"),
    "other-channels": broken(other_channels, "bad-model", "15"),
    "no-stride": broken(no_stride, "bad-value", "stride"),
    "window": broken(too_small, "window-does-not-fit", "99-wide"),
    "sequence": broken(sparse_map, "unsupported", "sequence"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bad_models(name: str, tmp_path: Path) -> None:
    """Each of these models has one clear error."""
    change, code, words = BROKEN[name]
    small = Small(
        conv(group=3) if name == "other-channels" else conv(),
        weights=[weight("w", 3 if name == "other-channels" else 4, 3, 3, 3)],
    )
    change(small.model)
    problem = refusal(small, tmp_path)
    assert problem.code == code
    assert all(word in problem.text for word in words)


FILES = {
    "empty": (b"", "empty-file"),
    "text": (b"this is not a model\n" * 20, "bad-model"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "bad-model"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "bad-model"),
    "zeros": (bytes(1000), "bad-model"),
    "zip": (b"PK\x03\x04" + bytes(range(256)), "bad-model"),
    "only-a-version": (b"\x08\x08", "bad-model"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_not_models(name: str, tmp_path: Path) -> None:
    """Each of these files has one clear error."""
    path = tmp_path / "model.onnx"
    path.write_bytes(FILES[name][0])
    with pytest.raises(Refused) as caught:
        read(str(path), NOTHING)
    assert [problem.code for problem in caught.value.problems] == [FILES[name][1]]


def test_truncated(tmp_path: Path) -> None:
    """A truncated file is refused or read as a smaller model."""
    data = (REFERENCE / "onnx" / "tv_alexnet.onnx").read_bytes()
    path = tmp_path / "model.onnx"
    for length in range(1, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(Refused):
            read(str(path), NOTHING)


def test_scrambled(tmp_path: Path) -> None:
    """A file with random changes gives a network or one error."""
    data = (REFERENCE / "onnx" / "tv_squeezenet1_0.onnx").read_bytes()
    chance = random.Random(7)
    path = tmp_path / "model.onnx"
    refused = 0
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 3, 20))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            analyze(read(str(path), NOTHING))
        except Refused:
            refused += 1
    assert 0 < refused < 300


def test_scrambled_models(tmp_path: Path) -> None:
    """A valid model with odd numbers gives a network or one error."""
    chance = random.Random(11)
    refused = 0
    odd = (-(2**63), -7, -1, 0, 1, 2, 3, 1000, 2**31, 2**62)
    for small, *_ in CASES.values():
        for _ in range(12):
            model = onnx.ModelProto()
            model.CopyFrom(small.model)
            graph = model.graph
            places: list[tuple[Any, int]] = [(t.dims, n) for t in graph.initializer for n in range(len(t.dims))]
            places += [(a.ints, n) for node in graph.node for a in node.attribute for n in range(len(a.ints))]
            for numbers_, place in chance.sample(places, min(2, len(places))):
                numbers_[place] = chance.choice(odd)
            if chance.random() < 0.3:
                node = chance.choice(list(graph.node))
                if node.input:
                    node.input[chance.randrange(len(node.input))] = chance.choice(["", "x", "y", *node.input])
            try:
                analyze(read(save(model, tmp_path), NOTHING))
            except Refused:
                refused += 1
    assert refused


def test_only_the_comparison_needs_onnx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error without onnx explains how to install it. An operator without a rule names it, too."""
    import sys

    path = save(Small(conv(), weights=[CONV]).model, tmp_path)
    unknown = Small([op("GridSample", "x g", "m"), op("Relu", "m", "y")], {"x": (1, 3, 8, 8), "g": (1, 5, 6, 2)})
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(Missing, match=r"cnncalc\[onnx\]"):
        read(path, NOTHING)
    assert analyze(read(path, ReaderOptions({}, {}))).totals.params == 108
    assert "cnncalc[onnx]" in refusal(unknown, tmp_path, ReaderOptions({}, {})).help
    unknown.model.graph.value_info.append(helper.make_tensor_value_info("m", FLOAT, [1, 3, 5, 6]))
    network = read(save(unknown.model, tmp_path), ReaderOptions({}, {}))
    assert str(network.nodes[-1].output) == "5x6x3"


def test_shapes_in_the_file_are_compared(tmp_path: Path) -> None:
    """Sizes with names have the sizes of the inputs. If an option changes a size, the file states nothing about it."""
    small = Small([op("Conv", "x w", "m"), op("Relu", "m", "y")], ("N", 3, "H", 8), [CONV])
    small.model.graph.value_info.append(helper.make_tensor_value_info("m", FLOAT, ["N", 4, "other", 5]))
    path = save(small.model, tmp_path)
    (warning,) = read(path, ReaderOptions({}, {"H": 8})).warnings
    assert (warning.code, warning.level) == ("shapes-disagree", "warning")
    assert "computes 1x4x6x6 for `m`, but the file states 1x4x?x5" in warning.text
    assert read(path, ReaderOptions({"": "8x9x3"}, {})).warnings == ()
    small.model.graph.value_info[0].CopyFrom(helper.make_tensor_value_info("m", FLOAT, ["N", 4, "H", 6]))
    (warning,) = read(save(small.model, tmp_path), ReaderOptions({}, {"H": 8})).warnings
    assert "the file states 1x4x8x6" in warning.text


# -- size and speed --------------------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def test_weights_are_not_loaded(tmp_path: Path) -> None:
    """A sparse file of 500 MB is read in a few MB of memory."""
    payload = 500_000_000
    tensor = weight("w", 500_000, 250, 1, 1).SerializeToString()
    rest = Small(conv(), (1, 250, 8, 8)).model
    (tmp_path / "small").mkdir()
    graph = rest.graph.SerializeToString()
    inner = len(tensor) + 1 + len(varint(payload)) + payload
    head = b"\x2a" + varint(inner) + tensor + b"\x4a" + varint(payload)
    rest.ClearField("graph")
    path = tmp_path / "model.onnx"
    with open(path, "wb") as file:
        file.write(rest.SerializeToString() + b"\x3a" + varint(len(graph) + len(head) + payload) + graph + head)
        file.truncate(file.tell() + payload)
    assert path.stat().st_size > payload
    read(save(pyramid((1, 3, 8, 8)).model, tmp_path / "small"), NOTHING)  # imports what is imported once
    tracemalloc.start()
    started = time.perf_counter()
    network = read(str(path), NOTHING)
    assert time.perf_counter() - started < 2
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert analyze(network).totals.params == payload // 4


def test_two_thousand_nodes(tmp_path: Path) -> None:
    """A large model is read and analysed in a few seconds."""
    nodes, weights = [], []
    for number in range(1000):
        weights.append(weight(f"l{number}.weight", 3, 3, 3, 3))
        source = f"r{number - 1}" if number else "x"
        nodes.append(op("Conv", f"{source} l{number}.weight", f"c{number}", pads=[1, 1, 1, 1]))
        nodes.append(op("Relu", f"c{number}", f"r{number}" if number < 999 else "y"))
    path = save(Small(nodes, weights=weights).model, tmp_path)
    started = time.perf_counter()
    network: Network = read(path, NOTHING)
    assert analyze(network).totals.params == 81_000
    assert time.perf_counter() - started < 5


# -- ONNX's own operator tests -----------------------------------------------------------------------------------------


def test_operator_tests(tmp_path: Path) -> None:
    """The conformance tests of the onnx package: each output has the shape of the recorded run.

    Left out are what cnncalc refuses: sequences, loops, empty tensors, sizes that depend on numbers.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        cases: list[Any] = list(collect_testcases(None))
    agreed = 0
    differ = []
    for case in cases:
        inputs, outputs = case.data_sets[0]
        try:
            found = read_case(case.model, inputs, tmp_path)
        except Refused:
            continue
        batch = (*getattr(inputs[0], "shape", ())[:1], 1)
        for info, array in zip(case.model.graph.output, outputs, strict=False):
            value = found.get(info.name)
            if value is None or not hasattr(array, "shape"):
                continue
            other = [(a, b) for a, b in zip(value.dims, array.shape, strict=False) if a != b]
            # a batch of several is read as one example; a recurrent layer's batch is the second axis
            as_one = len(other) == 1 and (other[0][0] == 1 or other[0][0] * batch[0] == other[0][1])
            if len(value.dims) != len(array.shape) or (other and not as_one):
                differ.append((case.name, value.dims, array.shape))
            agreed += 1
    assert differ == []
    assert agreed > 0.85 * len(cases)


def read_case(model: Any, inputs: Sequence[Any], folder: Path) -> dict[str, Any]:
    """Return the values of a test model. If its numbers are needed, all inputs but the first become initializers."""
    try:
        return read_values(save(model, folder), NOTHING)[1]
    except Refused:
        fed = onnx.ModelProto()
        fed.CopyFrom(model)
        for info, array in list(zip(fed.graph.input, inputs, strict=False))[1:]:
            if isinstance(array, np.ndarray) and array.dtype.kind in "iufb":
                fed.graph.initializer.append(numpy_helper.from_array(array, info.name))
        return read_values(save(fed, folder), NOTHING)[1]


def test_an_unknown_cost_stays_unknown_with_weights(tmp_path: Path) -> None:
    """The weights of a deformable convolution are counted, and its multiply-adds are unknown rather than 0."""
    nodes = [op("DeformConv", "x w o", "y")]
    small = Small(nodes, (1, 3, 8, 8), [weight("w", 4, 3, 3, 3), weight("o", 1, 18, 6, 6)], opset=22)
    analysis, _ = facts(small, tmp_path)
    assert analysis.totals.uncounted == 1
    assert analysis.totals.params == 108 + 18 * 36


def test_a_fixed_batch_is_reported(tmp_path: Path) -> None:
    """A fixed batch above 1 gives a warning. An open batch and a batch of 1 do not."""
    for batch, said in ((8, ["input `x` has a fixed batch of 8; the figures are for one example"]), (1, []), ("N", [])):
        network = read(save(Small(conv(), (batch, 3, 8, 8), [CONV]).model, tmp_path), NOTHING)
        assert [problem.text for problem in network.warnings] == said
        assert {problem.level for problem in network.warnings} <= {"warning"}


def test_the_bias_of_a_single_unit(tmp_path: Path) -> None:
    """A single number is a bias if it is added after a product of one unit."""
    one = [numbers("b", 0.5, kind="float32")]
    for nodes, held in (
        ([op("Gemm", "x w b", "y", transB=1)], [weight("w", 1, 5)]),
        ([op("MatMul", "x w", "m"), op("Add", "m b", "y")], [weight("w", 5, 1)]),
    ):
        for bias in (one, [weight("b", 1)]):
            analysis, _ = facts(Small(nodes, (1, 5), [*held, *bias]), tmp_path)
            assert (analysis.totals.weights, analysis.totals.biases) == (5, 1)


def test_one_tensor_in_two_roles(tmp_path: Path) -> None:
    """PyTorch's exporter stores equal tensors once: gain and variance, offset and mean of a new batch norm."""
    once = [op("Identity", "g", "v"), op("Identity", "o", "m"), op("BatchNormalization", "x g o m v", "y")]
    analysis, found = facts(Small(once, (1, 3, 8, 8), [weight("g", 3), weight("o", 3)]), tmp_path)
    assert found["y"].dims == (1, 3, 8, 8)
    assert (analysis.totals.weights, analysis.totals.biases, analysis.totals.buffers) == (3, 3, 0)
    assert analysis.rows[-1].notes == []


def test_sizes_and_places_are_not_weights(tmp_path: Path) -> None:
    """In an export without folded constants, shapes of factors and places in tables are not parameters."""
    nodes = [op("Reshape", "f s", "g"), op("Mul", "x g", "y")]
    small = Small(nodes, (1, 3, 8, 8), [numbers("f", 1, 2, 3, kind="float32"), numbers("s", 1, 3, 1, 1)])
    assert facts(small, tmp_path)[0].totals.params == 3
    for name, table in (("small", numbers("t", *range(12), kind="float32", dims=(3, 4))), ("large", weight("t", 3, 4))):
        for operator, places in (("Gather", (4,)), ("GatherElements", (3, 4))):
            held = numbers("i", *([3, 0, 1, 2] * (len(places) * 2 - 1))[: np.prod(places)], dims=places)
            nodes = [op(operator, "t i", "b", axis=1), op("Add", "x b", "y")]
            assert facts(Small(nodes, (3, 4), [table, held]), tmp_path)[0].totals.params == 12, (name, operator)


@pytest.mark.parametrize(
    ("name", "params"), [("block.lab.scale", 1), ("onnx::Mul_12", 0), ("/lab/Constant_output_0", 0)]
)
def test_a_single_number(name: str, params: int, tmp_path: Path) -> None:
    """A single number with a name from a PyTorch state dict is a parameter. One with a name from an exporter is a constant."""
    for tensor in (numbers(name, 0.5, kind="float32"), numbers(name, 0.5, kind="float32", dims=())):
        for operator in ("Mul", "Add"):
            small = Small([onnx.helper.make_node(operator, ["x", name], ["y"])], (1, 3, 8, 8), [tensor])
            assert facts(small, tmp_path)[0].totals.params == params


def test_standardised_weights(tmp_path: Path) -> None:
    """A batch norm of a convolution's weights, as in BiT and NF-Nets, has no parameters if its ones and zeros are Constants."""
    ones = [op("Constant", "", name, value=numbers("", *[1.0] * 4, kind="float32")) for name in ("one", "mean", "var")]
    nodes = [
        *ones,
        op("Reshape", "w there", "flat"),
        op("BatchNormalization", "flat one gain mean var", "even", training_mode=1),
        op("Reshape", "even back", "v"),
        op("Conv", "x v", "y"),
    ]
    held = [CONV, weight("gain", 4), numbers("there", 1, 4, 27), numbers("back", 4, 3, 3, 3)]
    analysis, found = facts(Small(nodes, (1, 3, 8, 8), held), tmp_path)
    assert found["y"].dims == (1, 4, 6, 6)
    assert (analysis.totals.params, analysis.totals.buffers, analysis.totals.macs) == (108 + 4, 0, 108 * 36)
    assert kinds(analysis) == ["conv"]


def test_work_on_constants(tmp_path: Path) -> None:
    """Layers that read only tensors in the file, such as a network for positions, run in each forward pass."""
    grid = numbers("", *range(48), kind="float32", dims=(1, 3, 4, 4))
    nodes = [op("Constant", "", "grid", value=grid), op("Conv", "grid w", "p"), op("Add", "x p", "y")]
    analysis, found = facts(Small(nodes, (1, 4, 2, 2), [CONV]), tmp_path)
    assert found["y"].dims == (1, 4, 2, 2)
    assert (analysis.totals.params, analysis.totals.macs) == (108, 108 * 4)
    table = numbers("", *range(10), kind="float32", dims=(5, 2))
    nodes = [op("Constant", "", "table", value=table), op("MatMul", "table w", "p"), op("Add", "x p", "y")]
    analysis, _ = facts(Small(nodes, (5, 3), [weight("w", 2, 3)]), tmp_path)
    assert (analysis.totals.params, analysis.totals.macs) == (6, 30)


# -- which axis is the batch -------------------------------------------------------------------------------------------

GRU = [weight("t", 11, 4), weight("w", 1, 15, 4), weight("r", 1, 15, 5)]
RECURRENT = [op("Gather", "t x", "e"), op("GRU", "e w r", "y", hidden_size=5)]
# scores and sums of 5 steps, one head of 4: every product with weights is 5*4*4, scores and sums are 5*5*4
ATTENTION = [
    *[op("MatMul", f"x {name}", f"{name}0") for name in "qkv"],
    *[op("Transpose", f"{name}0", f"{name}1", perm=[1, 0, 2]) for name in "qv"],
    op("Transpose", "k0", "k1", perm=[1, 2, 0]), op("MatMul", "q1 k1", "s"), op("Softmax", "s", "p", axis=-1),
    op("MatMul", "p v1", "o"), op("Transpose", "o", "y", perm=[1, 0, 2]),
]  # fmt: skip
FOLDED = [
    op("Transpose", "x", "t", perm=[1, 0, 2]), op("Reshape", "t s", "r"), op("MatMul", "r w", "y"),
]  # fmt: skip
# what is built -> the shape that is shown for the input, multiply-adds, the batch that the file fixes
BATCHES: dict[str, tuple[Small, tuple[int, ...], int, int]] = {
    # 3 gates of 5 units over 4 features and 5 units at every step: 135
    "steps first": (Small(RECURRENT, (7, 1), GRU, kind=INT), (7,), 7 * 135, 1),
    "steps first, a batch": (Small(RECURRENT, (7, 2), GRU, kind=INT), (7,), 7 * 135, 2),
    "one step, a batch": (Small(RECURRENT, (1, 7), GRU, kind=INT), (1,), 135, 7),
    "batch first": (
        Small([op("Gather", "t x", "e"), op("Transpose", "e", "f", perm=[1, 0, 2]), op("GRU", "f w r", "y", hidden_size=5)],
              (2, 7), GRU, kind=INT),
        (7,), 7 * 135, 2,
    ),
    "batch first, by the layout": (
        Small([op("Gather", "t x", "e"), op("GRU", "e w r", "y", hidden_size=5, layout=1)], (2, 7), GRU, kind=INT),
        (7,), 7 * 135, 2,
    ),
    "turned around": (Small(FOLDED, (3, 15, 4), [numbers("s", 15, 3, 4), weight("w", 4, 6)]), (15, 4), 15 * 24, 3),
    "attention, steps first": (
        Small(ATTENTION, (5, 3, 4), [weight(name, 4, 4) for name in "qkv"]), (5, 4), 3 * 5 * 16 + 2 * 5 * 5 * 4, 3,
    ),
    "a state": (
        Small([op("GRU", "x w r _ _ h", "y", hidden_size=5)], {"x": (7, 2, 4), "h": (1, 2, 5)}, GRU[1:]),
        (7, 4), 7 * 135, 2,
    ),
    "two states in one": (
        Small([op("Gather", "h i", "g"), op("GRU", "x w r _ _ g", "y", hidden_size=5)],
              {"x": (7, "n", 4), "h": (2, "n", 5)}, [*GRU[1:], numbers("i", 1)]),
        (7, 4), 7 * 135, 1,
    ),
    "frames": (
        Small([op("Conv", "x c", "f"), op("ReduceMean", "f", "m", axes=[2, 3]), op("Flatten", "m", "e"),
               op("Unsqueeze", "e one", "u"), op("GRU", "u w r", "y", hidden_size=5)], (7, 3, 8, 8),
              [weight("c", 4, 3, 3, 3), numbers("one", 1), *GRU[1:]]),
        (7, 8, 8, 3), 7 * (108 * 36 + 135), 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHES)
def test_the_batch_axis(name: str, tmp_path: Path) -> None:
    """The batch is the axis along which nothing is mixed, at any position."""
    small, shown, macs, batch = BATCHES[name]
    network, _ = read_values(save(small.model, tmp_path), NOTHING)
    assert (tuple(network.nodes[0].output), int(analyze(network).totals.macs)) == (shown, macs)
    fixed = [problem.text for problem in network.warnings]
    assert len(fixed) == (batch > 1)
    assert all(f" of {batch}; the figures are for one example" in text for text in fixed)


def test_the_batch_axis_by_option(tmp_path: Path) -> None:
    """`--batch-axis` overrides the choice, and `none` counts every example."""
    small, _, _, _ = BATCHES["steps first, a batch"]

    def macs(word: str, input: str = "") -> int:
        network, _ = read_values(
            save(small.model, tmp_path), ReaderOptions({}, {}, batch_axes={input: word}, compare_shapes=True)
        )
        return int(analyze(network).totals.macs)

    assert [macs("1"), macs("none"), macs("1", "x")] == [945, 2 * 945, 945]
    assert (
        refusal(small, tmp_path, ReaderOptions({}, {}, batch_axes={"": "2"}, compare_shapes=True)).code
        == "bad-argument"
    )
    assert (
        refusal(small, tmp_path, ReaderOptions({}, {}, batch_axes={"z": "1"}, compare_shapes=True)).code
        == "unknown-input"
    )


def test_two_readings_of_the_batch(tmp_path: Path) -> None:
    """If an operator treats an axis as the batch and nothing shows what axis 0 is, the model is refused."""
    nodes = [op("Transpose", "x", "t", perm=[1, 2, 0]), op("BatchNormalization", "t s b m v", "y")]
    small = Small(nodes, (4, 7, 6), [weight(name, 6) for name in "sbmv"])
    problem = refusal(small, tmp_path)
    assert problem.code == "ambiguous-batch"
    assert "either axis 0 or axis 1" in problem.text
    assert "`--batch-axis x=0`" in problem.help
    for axis, shown in (("0", (7, 6)), ("1", (4, 6)), ("none", (4, 7, 6))):
        network, _ = read_values(
            save(small.model, tmp_path), ReaderOptions({}, {}, batch_axes={"x": axis}, compare_shapes=True)
        )
        assert tuple(network.nodes[0].output) == shown


def test_unknown_sizes_of_several_inputs(tmp_path: Path) -> None:
    """One error lists all unknown sizes and the options that set them, and these options work."""
    nodes = [op("Concat", "a b", "c", axis=1), op("Conv", "c w", "d"), op("Conv", "e v", "f")]
    shapes: dict[str, Sequence[int | str]] = {
        "a": ("n", 1, "height", "width"),
        "b": ("n", 2, "height", "width"),
        "e": (1, 3, "length"),
    }
    small = Small(nodes, shapes, [CONV, weight("v", 5, 3, 4)], output="d f")
    problem = refusal(small, tmp_path)
    assert problem.code == "unknown-size"
    assert all(f"`{name}`" in problem.text for name in ("a", "b", "e", "height", "width", "length"))
    words = problem.help.split("`")[1].split()
    dims = dict(word.split("=") for word in words if word != "--dim")
    assert list(dims) == ["height", "width", "length"]
    assert facts(
        small, tmp_path, ReaderOptions({}, {name: int(size) for name, size in dims.items()}, compare_shapes=True)
    )
    # a shape that is given for one input gives the named sizes of the others
    assert facts(small, tmp_path, ReaderOptions({"a": "20x30x1", "e": "9x3"}, {}, compare_shapes=True))[1][
        "b"
    ].dims == (1, 2, 20, 30)


# -- parameters and buffers --------------------------------------------------------------------------------------------


def scored(*nodes: Node, **more: Any) -> Small:
    """Return attention of 4 heads and 5 steps, whose scores `s` pass through `nodes` to `t` and a softmax."""
    before = [op("Transpose", "x", "xt", perm=[0, 1, 3, 2]), op("MatMul", "x xt", "s")]
    after = [op("Softmax", "t", "p", axis=-1), op("MatMul", "p x", "y")]
    return Small([*before, *nodes, *after], (1, 4, 5, 8), **more)


ADD, MUL = op("Add", "s m", "t"), op("Mul", "s m", "t")
# what is done to the scores -> parameters, buffers, a word of the note
MASKS: dict[str, tuple[Small, int, int, str]] = {
    "mask for all heads": (scored(ADD, weights=[weight("m", 1, 1, 5, 5)]), 0, 25, "`m` counts as a buffer"),
    "causal": (scored(ADD, weights=[weight("m", 5, 5)]), 0, 25, "`m` counts as a buffer"),
    "of keys": (scored(ADD, weights=[weight("m", 1, 1, 1, 5)]), 0, 5, "`m` counts as a buffer"),
    "a part of a mask": (
        scored(op("Slice", "all a b", "m", label="cut"), ADD,
               weights=[weight("all", 9, 9), numbers("a", 0, 0), numbers("b", 5, 5)]),
        0, 81, "`all` counts as a buffer",
    ),
    "multiplied": (scored(MUL, weights=[weight("m", 5, 5)]), 0, 25, "`m` counts as a buffer"),
    "windows": (
        scored(op("Reshape", "s to", "w"), op("Add", "w m", "v"), op("Reshape", "v back", "t"),
               weights=[weight("m", 1, 1, 1, 5, 5), numbers("to", 1, 1, 4, 5, 5), numbers("back", 1, 4, 5, 5)]),
        0, 25, "`m` counts as a buffer",
    ),
    "masked, then scaled": (
        scored(op("Add", "s m", "u"), op("Mul", "u f", "t"),
               weights=[weight("m", 5, 5), numbers("f", 0.25, kind="float32")]),
        0, 25, "`m` counts as a buffer",
    ),
    "slopes of the graph": (
        scored(op("Constant", "", "m", value=numbers("", *range(100), kind="float32", dims=(4, 5, 5))), ADD),
        0, 100, "`m` counts as a buffer: it is a constant",
    ),
    "relative positions": (scored(ADD, weights=[weight("m", 1, 4, 5, 5)]), 100, 0, "`m` counts as parameters"),
    "a table of relative positions": (
        scored(op("Gather", "table i", "g", axis=1), op("Reshape", "g to", "m"), ADD,
               weights=[weight("table", 4, 9), numbers("i", *[0, 1, 2, 3, 4] * 5), numbers("to", 4, 5, 5)]),
        36, 0, "",
    ),
    "a learned temperature": (scored(MUL, weights=[weight("m", 4, 1, 1)]), 4, 0, ""),
    "a temperature that is bounded": (
        scored(op("Constant", "", "most", value=numbers("", 4.6, kind="float32", dims=())), op("Clip", "m _ most", "c"),
               op("Exp", "c", "e"), op("Mul", "s e", "t"),
               weights=[numbers("m", 1, 2, 3, 4, kind="float32", dims=(4, 1, 1))]),
        4, 0, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MASKS)
def test_masks_are_buffers(name: str, tmp_path: Path) -> None:
    """A tensor that is added to attention scores equally for every head is a buffer. In doubt, a note says so."""
    small, params, buffers, note = MASKS[name]
    analysis, _ = facts(small, tmp_path)
    assert (analysis.totals.params, analysis.totals.buffers) == (params, buffers)
    notes = [text for row in analysis.rows for _, text in row.notes]
    assert [note in text for text in notes] == [True] * bool(note)


def test_what_is_added_elsewhere_stays_a_parameter(tmp_path: Path) -> None:
    """A square table is a parameter if it is added to a value that does not reach a softmax."""
    nodes = [op("Transpose", "x", "xt", perm=[0, 1, 3, 2]), op("MatMul", "x xt", "s"), op("Add", "s m", "y")]
    analysis, _ = facts(Small(nodes, (1, 4, 5, 8), [weight("m", 5, 5)]), tmp_path)
    assert (analysis.totals.params, analysis.totals.buffers) == (25, 0)


def test_data_of_layers_on_constants(tmp_path: Path) -> None:
    """Coordinates that pass through separate layers, as in Swin V2, are a buffer. A weight in their place is a parameter."""
    for name, params, buffers in (("attn.coords", 2 * 4 + 4, 50), ("attn.lora_B.weight", 2 * 4 + 4 + 50, 0)):
        nodes = [op("MatMul", f"{name} w", "h"), op("Add", "h b", "r"), op("Relu", "r", "g"), op("Transpose", "g", "i"),
                 op("Reshape", "i to", "m"), ADD]  # fmt: skip
        held = [weight(name, 25, 2), weight("w", 2, 4), weight("b", 4), numbers("to", 4, 5, 5)]
        analysis, _ = facts(scored(*nodes, weights=held), tmp_path)
        assert (analysis.totals.params, analysis.totals.buffers) == (params, buffers)


# -- operators of ONNX Runtime -----------------------------------------------------------------------------------------


def ms(kind: str, inputs: str, outputs: str, **attributes: Any) -> Node:
    """Return a node of the domain com.microsoft."""
    return op(kind, inputs, outputs, domain="com.microsoft", **attributes)


SCALES = [numbers("s", 0.1, kind="float32", dims=()), numbers("z", 3, kind="uint8", dims=())]
HELD = [weight("w", 8, 24), weight("b", 24)]
# what is built -> dimensions of y, parameters, multiply-adds, kinds
CONTRIBUTED: dict[str, tuple[Small, tuple[int, ...], int, int, list[str]]] = {
    "concat": (Small([ms("QLinearConcat", "s z x s z x s z", "y", axis=1)], weights=SCALES), (1, 6, 8, 8), 0, 0, ["concat"]),
    "add": (Small([ms("QLinearAdd", "x s z x s z s z", "y")], weights=SCALES), (1, 3, 8, 8), 0, 0, ["add"]),
    "mul": (Small([ms("QLinearMul", "x s z x s z s z", "y")], weights=SCALES), (1, 3, 8, 8), 0, 0, ["mul"]),
    "leaky": (Small([ms("QLinearLeakyRelu", "x s z s z", "y", alpha=0.1)], weights=SCALES), (1, 3, 8, 8), 0, 0, ["leakyrelu"]),
    "sigmoid": (Small([ms("QLinearSigmoid", "x s z s z", "y")], weights=SCALES), (1, 3, 8, 8), 0, 0, ["sigmoid"]),
    "softmax": (Small([ms("QLinearSoftmax", "x s z s z", "y", axis=1)], weights=SCALES), (1, 3, 8, 8), 0, 0, ["softmax"]),
    "global": (
        Small([ms("QLinearGlobalAveragePool", "x s z s z", "y")], weights=SCALES), (1, 3, 1, 1), 0, 0, ["adaptiveavgpool"],
    ),
    "average": (
        Small([ms("QLinearAveragePool", "x s z s z", "y", kernel_shape=[2, 2], strides=[2, 2])], weights=SCALES),
        (1, 3, 4, 4), 0, 0, ["avgpool"],
    ),
    "mean": (
        Small([ms("QLinearReduceMean", "x s z s z", "y", axes=[2, 3], keepdims=0)], weights=SCALES),
        (1, 3), 0, 0, ["globalavgpool"],
    ),
    "gemm": (
        Small([ms("QGemm", "x s z w s z b s z", "y", transB=1)], (1, 6),
              [weight("w", 5, 6, kind=TensorProto.INT8), weight("b", 5, kind=TensorProto.INT32), *SCALES]),
        (1, 5), 35, 30, ["fc"],
    ),
    "matmul": (
        Small([ms("MatMulIntegerToFloat", "x w s s z z", "y")], (1, 7, 6), [weight("w", 6, 5, kind=TensorProto.INT8), *SCALES]),
        (1, 7, 5), 30, 7 * 30, ["linear"],
    ),
    "matmul and bias": (
        Small([ms("MatMulIntegerToFloat", "x w s s z z b", "y")], (1, 7, 6),
              [weight("w", 6, 5, kind=TensorProto.INT8), weight("b", 5), *SCALES]),
        (1, 7, 5), 35, 7 * 30, ["linear"],
    ),
    "dynamic matmul and bias": (
        Small([ms("DynamicQuantizeMatMul", "x w s z b", "y")], (1, 7, 6),
              [weight("w", 6, 5, kind=TensorProto.INT8), weight("b", 5), *SCALES]),
        (1, 7, 5), 35, 7 * 30, ["linear"],
    ),
    "fused product": (
        Small([ms("FusedMatMul", "x k", "y", transB=1, alpha=0.5)], {"x": (1, 2, 7, 4), "k": (1, 2, 5, 4)}),
        (1, 2, 7, 5), 0, 2 * 7 * 5 * 4, ["fusedmatmul"],
    ),
    # one product to query, key and value of 8 features each; scores and sums of 7 x 7
    "attention": (
        Small([ms("Attention", "x w b", "y", num_heads=2)], (1, 7, 8), HELD),
        (1, 7, 8), 8 * 24 + 24, 7 * 8 * 24 + 2 * 7 * 7 * 8, ["attention"],
    ),
    "heads": (
        Small([ms("MultiHeadAttention", "x k v", "y", num_heads=2)], {"x": (1, 7, 8), "k": (1, 5, 8), "v": (1, 5, 8)}),
        (1, 7, 8), 0, 2 * 7 * 5 * 8, ["multiheadattention"],
    ),
    "skip": (
        Small([ms("SkipLayerNormalization", "x x g c d", "y")], (1, 7, 8), [weight(name, 8) for name in "gcd"]),
        (1, 7, 8), 24, 0, ["skiplayernormalization"],
    ),
    "embedded": (
        Small([ms("EmbedLayerNormalization", "x _ t p _ g c", "y")], (1, 7),
              [weight("t", 50, 8), weight("p", 9, 8), weight("g", 8), weight("c", 8)], kind=INT),
        (1, 7, 8), 59 * 8 + 16, 0, ["embedlayernormalization"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRIBUTED)
def test_operators_of_a_runtime(name: str, tmp_path: Path) -> None:
    """A quantized operator is read as the plain one. Scales and zero points are not parameters."""
    small, dims, params, macs, names = CONTRIBUTED[name]
    small.model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    network, found = read_values(save(small.model, tmp_path), NOTHING)
    totals = analyze(network).totals
    assert found["y"].dims == dims
    assert (totals.params, totals.macs, totals.buffers) == (params, macs, 0)
    assert [node.kind for node in network.nodes if node.layer is not None] == names


def test_initial_states(tmp_path: Path) -> None:
    """A learned initial state is a parameter. Zeros and inputs are not."""
    nodes = [op("GRU", "x w r _ _ h", "y", hidden_size=5)]
    base = 15 * 9
    for state, params in (
        (numbers("h", *[0.0] * 5, kind="float32", dims=(1, 1, 5)), base),
        (numbers("h", *range(5), kind="float32", dims=(1, 1, 5)), base + 5),
        (weight("h", 1, 1, 5), base + 5),
    ):
        assert facts(Small(nodes, (7, 1, 4), [*GRU[1:], state]), tmp_path)[0].totals.params == params
    assert facts(Small(nodes, {"x": (7, 1, 4), "h": (1, 1, 5)}, GRU[1:]), tmp_path)[0].totals.params == base


def test_the_state_of_a_detector(tmp_path: Path) -> None:
    """A state as in Silero: 2 x batch x units with an unnamed batch, split in two and read in both branches."""
    body = [op("Split", "h", "h0 c0", axis=0), op("LSTM", "u w r b _ h0 c0", "all _ c1", hidden_size=5)]
    made = {}
    for name in ("then", "else"):
        out = helper.make_empty_tensor_value_info("all")
        made[f"{name}_branch"] = helper.make_graph([*body], name, [], [out])
    nodes = [op("Unsqueeze", "x zero", "u"), op("Equal", "sr rate", "is"), op("If", "is", "y", **made)]
    shapes: dict[str, Sequence[int | str]] = {"x": (0, 3), "h": (2, 0, 5), "sr": ()}
    held = [weight("w", 1, 20, 3), weight("r", 1, 20, 5), weight("b", 1, 40), numbers("zero", 0)]
    small = Small(nodes, shapes, [*held, numbers("rate", 1, kind="float32", dims=())])
    for name in ("x", "h"):
        index = list(shapes).index(name)
        for dim in small.model.graph.input[index].type.tensor_type.shape.dim:
            if dim.dim_value == 0:
                dim.Clear()
    network, found = read_values(save(small.model, tmp_path), NOTHING)
    assert [tuple(node.output) for node in network.inputs] == [(3,), (2, 5), (1,)]
    assert found["y"].dims == (1, 1, 1, 5)
    assert int(analyze(network).totals.macs) == 4 * 5 * 8
    assert network.warnings == ()


def test_an_unknown_size_of_onnx_is_not_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """onnx writes -1 for an unknown size; this is not a difference."""
    small = Small(conv(), weights=[CONV])
    inferred = onnx.ModelProto()
    inferred.CopyFrom(small.model)
    inferred.graph.value_info.append(helper.make_tensor_value_info("m", FLOAT, [-1, 4]))
    inferred.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", FLOAT, [1, 4, -1, 6]))
    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", lambda *_, **__: inferred)
    assert read(save(small.model, tmp_path), NOTHING).warnings == ()
