"""Malicious and broken ONNX files, and networks that try to hide weights. Tests build them; they are never stored.

Usage: python tests/oracle/onnx_threats.py FOLDER writes them all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("onnx", reason="onnx, which writes these files, is not installed")

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
HOSTILE = "\x1b[2J\x1b[31m::error::pwned ##[error]x \u202e\r\n::error::x"
MEGABYTE = 2**20


def op(kind: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    """Return a node. Names are separated by spaces, and `_` is an omitted input."""
    sources = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(kind, sources, outputs.split(), **attributes)


def weight(name: str, *dims: int, kind: int = FLOAT) -> Any:
    """Return an initializer without numbers."""
    tensor = TensorProto(name=name, data_type=kind)
    tensor.dims.extend(dims)
    return tensor


def filled(name: str, array: Any) -> Any:
    """Return an initializer with its numbers."""
    return numpy_helper.from_array(np.asarray(array), name)


def model(
    nodes: Sequence[Any],
    weights: Sequence[Any] = (),
    shape: Sequence[int | str] = ("N", 3, 8, 8),
    functions: Sequence[Any] = (),
    output: str = "y",
    domains: Sequence[str] = (),
) -> Any:
    """Return a model of these nodes, from x to y."""
    graph = helper.make_graph(
        list(nodes), "net", [helper.make_tensor_value_info("x", FLOAT, list(shape))],
        [helper.make_empty_tensor_value_info(name) for name in output.split()], list(weights),
    )  # fmt: skip
    versions = [helper.make_opsetid("", 17), *[helper.make_opsetid(domain, 1) for domain in domains]]
    return helper.make_model(graph, opset_imports=versions, functions=list(functions), ir_version=8)


def dumped(made: Any) -> bytes:
    """Return a model as bytes."""
    return bytes(made.SerializeToString())


def small() -> Any:
    """Return a valid model: a convolution of 108 weights and 4 biases, and a fully connected layer of 1,450 parameters."""
    return model(
        [op("Conv", "x w b", "c"), op("Relu", "c", "r"), op("Flatten", "r", "f"), op("Gemm", "f v d", "y", transB=1)],
        [weight("w", 4, 3, 3, 3), weight("b", 4), weight("v", 10, 144), weight("d", 10)],
    )


def chain(count: int, kind: str = "Relu", name: str = "") -> bytes:
    """Return a chain of nodes."""
    names = ["x", *[f"v{number}" for number in range(count - 1)], "y"]
    nodes = [op(kind, names[number], names[number + 1], name=name) for number in range(count)]
    return dumped(model(nodes))


def repeated(count: int) -> bytes:
    """Return the same node many times."""
    return b"\x08\x08" + _sized(7, _sized(1, op("Relu", "x", "y").SerializeToString()) * count)


def nested(depth: int) -> bytes:
    """Return nested branches."""
    output = helper.make_empty_tensor_value_info("z")
    inside = helper.make_graph([op("Relu", "x", "z")], "inner", [], [output])
    for _ in range(depth):
        node = helper.make_node("If", ["t"], ["z"], then_branch=inside, else_branch=inside)
        inside = helper.make_graph([node], "inner", [], [output])
        if inside.ByteSize() > 4 * MEGABYTE:
            break
    other = helper.make_graph([op("Relu", "x", "z")], "e", [], [output])
    node = helper.make_node("If", ["t"], ["y"], then_branch=inside, else_branch=other)
    return dumped(model([node], [filled("t", np.asarray(True))]))


def narrow(depth: int) -> bytes:
    """Return deeply nested branches as bytes, because protobuf refuses to write them."""
    output = helper.make_empty_tensor_value_info("z")
    inside = helper.make_graph([op("Relu", "x", "z")], "g", [], [output]).SerializeToString()
    for _ in range(depth):
        attribute = b"\x0a\x0bthen_branch" + _sized(6, inside) + b"\xa0\x01\x05"
        node = b"\x0a\x01t\x12\x01z\x22\x02If" + _sized(5, attribute)
        inside = _sized(1, node) + _sized(12, output.SerializeToString())
    return b"\x08\x08" + _sized(7, inside)


def _sized(number: int, body: bytes) -> bytes:
    out, length = bytearray([number << 3 | 2]), len(body)
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    return bytes(out + bytes([length]) + body)


def function(name: str, nodes: Sequence[Any], domain: str = "own") -> Any:
    """Return a function of one input and one output."""
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_function(domain, name, ["a"], ["b"], list(nodes), versions)


def calls(depth: int, each: int = 2) -> bytes:
    """Return functions that each call the next one several times."""
    found = []
    for level in range(depth):
        inner = "Relu" if level == depth - 1 else f"F{level + 1}"
        names = ["a", *[f"v{number}" for number in range(each - 1)], "b"]
        domain = {} if inner == "Relu" else {"domain": "own"}
        nodes = [op(inner, names[number], names[number + 1], **domain) for number in range(each)]
        found.append(function(f"F{level}", nodes))
    return dumped(model([op("F0", "x", "y", domain="own")], functions=found, domains=["own"]))


def folded(nodes: Sequence[Any], weights: Sequence[Any] = (), last: str = "k") -> bytes:
    """Return a model with computed constants and one layer."""
    return dumped(model([*nodes, op("Shape", last, "s"), op("Relu", "x", "y")], weights, output="y s"))


def many_tensors(count: int) -> bytes:
    """Return a sum of many tensors without numbers."""
    weights = [weight(f"w{number}", 300, 300) for number in range(count)]
    nodes = [op("Add", "w0 w1", "k1")] + [op("Add", f"k{n - 1} w{n}", f"k{n}") for n in range(2, count)]
    return folded(nodes, weights, f"k{count - 1}")


def with_value(change: Callable[[Any], None]) -> bytes:
    """Return the valid model with a change."""
    made = small()
    change(made)
    return dumped(made)


def external(place: str) -> bytes:
    """Store the weights in another file."""

    def change(made: Any) -> None:
        for tensor in made.graph.initializer:
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", place), ("offset", "0"), ("length", str(2**62))):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, value

    return with_value(change)


def renamed(text: str) -> bytes:
    """Replace every name."""
    made = small()
    nodes = made.graph.node
    for number, node in enumerate(nodes):
        node.name = text + str(number)
    nodes[0].output[0] = nodes[1].input[0] = text
    nodes[1].output[0] = nodes[2].input[0] = text * 2
    made.graph.input[0].name = nodes[0].input[0] = text + "in"
    made.graph.initializer[0].name = nodes[0].input[1] = text + ".weight"
    made.graph.name = made.graph.doc_string = made.producer_name = text
    return dumped(made)


def _dims(made: Any, *dims: int) -> None:
    del made.graph.initializer[0].dims[:]
    made.graph.initializer[0].dims.extend(dims)


def _given(made: Any, name: str, value: Any) -> None:
    made.graph.node[0].attribute.append(helper.make_attribute(name, value))


def _input(made: Any, *dims: int) -> None:
    shape = made.graph.input[0].type.tensor_type.shape
    del shape.dim[:]
    for length in dims:
        shape.dim.add().dim_value = length


GOOD = dumped(small())
ONES = [
    filled("big", np.asarray([65536])),
    filled("column", np.asarray([65536, 1])),
    filled("row", np.asarray([1, 65536])),
]

# name -> bytes, and the code of the error they are refused with
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty-file"),
    "cut off": (GOOD[:-30], "bad-model"),
    "cut off in the middle": (GOOD[: len(GOOD) // 2], "bad-model"),
    "one byte": (b"\x08", "bad-model"),
    "text": (b"input: 3\nlayers: [relu]\n", "bad-model"),
    "zeros": (bytes(4096), "bad-model"),
    "a zip": (b"PK\x03\x04" + bytes(60), "bad-model"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "bad-model"),
    "no graph": (b"\x08\x08", "bad-model"),
    "a name in no encoding": (GOOD.replace(b"Relu", b"\xff\xfe\xfd\xfc"), "bad-model"),
    "a circle": (dumped(model([op("Add", "x b", "a"), op("Relu", "a", "b"), op("Relu", "b", "y")])), "bad-model"),
    "a node that reads itself": (dumped(model([op("Add", "x y", "y")])), "bad-model"),
    "made twice": (dumped(model([op("Relu", "x", "y"), op("Tanh", "x", "y")])), "bad-model"),
    "a missing weight": (with_value(lambda m: m.graph.initializer.pop(0)), "bad-model"),
    "a weight twice": (with_value(lambda m: m.graph.initializer.append(weight("w", 4, 3, 1, 1))), "bad-model"),
    "a shape from a text on": (
        dumped(model([op("Shape", "x", "s", start="x"), op("Reshape", "x s", "y")])), "bad-model",
    ),
    "an attribute twice": (with_value(lambda m: (_given(m, "strides", [1, 1]), _given(m, "strides", [6, 6]))), "bad-model"),
    "a missing output": (dumped(model([op("Relu", "x", "z")])), "bad-model"),
    "no input": (with_value(lambda m: m.graph.input.pop()), "bad-model"),
    "a negative size": (with_value(lambda m: _dims(m, 4, 3, -3, -3)), "bad-model"),
    "a size of nothing": (with_value(lambda m: _dims(m, 4, 3, 0, 3)), "bad-value"),
    "an enormous tensor": (with_value(lambda m: _dims(m, 2**40, 3, 3, 3)), "too-large"),
    "an overflowing tensor": (with_value(lambda m: _dims(m, 2**62, 2**62, 2**62, 2**62)), "too-large"),
    "many axes": (with_value(lambda m: _dims(m, *[1] * 100)), "too-large"),
    "an input of nothing": (with_value(lambda m: _input(m, 1, 3, 0, 8)), "bad-model"),
    "an input below nothing": (with_value(lambda m: _input(m, 1, 3, -8, 8)), "bad-model"),
    "an enormous input": (with_value(lambda m: _input(m, 1, 3, 10**9, 10**9)), "too-large"),
    "an overflowing input": (with_value(lambda m: _input(m, 1, 3, 2**62, 2**62)), "bad-model"),
    "a fixed batch": (with_value(lambda m: _input(m, 32, 3, 8, 8)), "batch-fixed"),
    "weights of another input": (with_value(lambda m: _dims(m, 4, 5, 3, 3)), "bad-model"),
    "a million nodes": (repeated(1_000_000), "too-large"),
    "many nodes": (chain(30_000), "too-large"),
    "many fields": (b"\x08\x08" + _sized(7, b"\x0a\x00" * 2_000_000), "too-large"),
    "many idle fields": (b"\x08\x08" * 3_000_000 + GOOD, "too-large"),
    "a long text": (b"\x08\x08" + _sized(7, _sized(2, b"n" * 5 * MEGABYTE)), "too-large"),
    "many metadata": (GOOD + _sized(14, b"") * 700_000, "too-large"),
    "deep branches": (narrow(40), "too-large"),
    "branches beyond protobuf": (narrow(2000), "too-large"),
    "branches that double": (nested(14), "too-large"),
    "a function that calls itself": (
        dumped(model([op("F", "x", "y", domain="own")], functions=[function("F", [op("F", "a", "b", domain="own")])],
                     domains=["own"])),
        "too-large",
    ),
    "functions that double": (calls(30), "too-large"),
    "deep functions": (calls(60, 1), "too-large"),
    "a function called as an operator": (
        dumped(model([op("Conv", "x", "y")], functions=[function("Conv", [op("Relu", "a", "b")], "")])), "bad-model",
    ),
    "a loop": (
        dumped(model([helper.make_node("Loop", ["m", "", "x"], ["y"], body=helper.make_graph([], "b", [], []))],
                     [filled("m", np.asarray(2**62))])),
        "unsupported",
    ),
    "a branch that depends on the input": (
        dumped(model([helper.make_node("If", ["x"], ["y"], then_branch=helper.make_graph([], "t", [], []),
                                       else_branch=helper.make_graph([], "e", [], []))])),
        "unsupported",
    ),
    "an unknown operator": (
        dumped(model([op("DeformConv", "x w o", "y")], [weight("w", 4, 3, 3, 3), weight("o", 1, 18, 6, 6)])),
        "unsupported",
    ),
    "an operator of an unknown domain": (dumped(model([op("Steal", "x", "y", domain="evil")], domains=["evil"])), "unsupported"),
    "an equation that is none": (dumped(model([op("Einsum", "x x", "y", equation="((((" * 99)])), "bad-model"),
    "constants beyond all memory": (
        folded([op("ConstantOfShape", "big", f"k{n}") for n in range(300)], ONES, "k0"), "unsupported",
    ),
    "more parts than there are": (
        dumped(model([helper.make_node("Split", ["x"], ["y"], axis=1, num_outputs=10**15)])), "bad-model",
    ),
    "fewer than nothing twice": (
        dumped(model([op("Expand", "x e", "y")], [filled("e", np.asarray([1, 3, -8, -8]))], ("N", 3, 1, 1))), "bad-model",
    ),
    "tiled below nothing": (dumped(model([op("Tile", "x e", "y")], [filled("e", np.asarray([1, 1, -1, -1]))])), "bad-model"),
    "more than the largest": (dumped(model([op("TopK", "x k", "y i")], [filled("k", np.asarray([99]))])), "bad-model"),
    "a sum of very many tensors": (many_tensors(3000), "too-large"),
    "a window of nothing": (dumped(model([op("MaxPool", "x", "y", kernel_shape=[0, 0])])), "bad-value"),
    "a stride of nothing": (with_value(lambda m: _given(m, "strides", [0, 0])), "bad-value"),
    "a window beyond the input": (dumped(model([op("MaxPool", "x", "y", kernel_shape=[9, 9])])), "window-does-not-fit"),
    "groups of nothing": (with_value(lambda m: _given(m, "group", 0)), "bad-model"),
    "scales without end": (
        dumped(model([op("Resize", "x _ s", "y")], [filled("s", np.asarray([1, 1, np.inf, np.nan], "float32"))])), "bad-model",
    ),
    "an enormous result": (
        dumped(model([op("Resize", "x _ s", "y")], [filled("s", np.asarray([1, 1, 1e9, 1e9], "float32"))])), "bad-value",
    ),
    "a range without end": (
        dumped(model([op("Range", "a b c", "r"), op("Shape", "r", "s"), op("Expand", "x s", "y")],
                     [filled(name, np.asarray(value, "float32")) for name, value in (("a", 0), ("b", 3e38), ("c", 1e-38))])),
        "unsupported",
    ),
}  # fmt: skip


# name -> bytes that are harmless because weights are not read, and the parameters that they have
def wide(count: int) -> bytes:
    """Return a model with as many inputs as outputs, each with a separate batch."""
    names = [f"x{number}" for number in range(count)]
    nodes = [op("Softmax", name, f"y{number}", axis=number % 2) for number, name in enumerate(names)]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info(name, FLOAT, [1, 3]) for name in names],
        [helper.make_empty_tensor_value_info(f"y{number}") for number in range(count)],
    )  # fmt: skip
    return dumped(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


def merged(count: int) -> bytes:
    """Return axes that are merged and split repeatedly."""
    nodes = [op("Reshape", "x" if number == 0 else f"r{number}", f"r{number + 1}") for number in range(count)]
    for number, node in enumerate(nodes):
        node.input.append("flat" if number % 2 == 0 else "deep")
    nodes.append(op("Softmax", f"r{count}", "y", axis=0))
    held = [filled("flat", np.asarray([256])), filled("deep", np.asarray([4] * 4))]
    return dumped(model(nodes, held, [4] * 4))


SOUND: dict[str, tuple[bytes, int]] = {
    "many inputs and outputs": (wide(4_000), 0),
    "axes that are merged again and again": (merged(4_000), 0),
    "small": (GOOD, 1562),
    "secrets as weights": (external("/etc/passwd"), 1562),
    "weights without end": (external("/dev/zero"), 1562),
    "weights up above": (external("../../../../etc/shadow"), 1562),
    "hostile names": (renamed(HOSTILE), 1562),
    "long names": (renamed("n" * 50_000), 1562),
    "the same name": (chain(9_000, name="again"), 0),
    "a payload that is too short": (with_value(lambda m: setattr(m.graph.initializer[0], "raw_data", b"x")), 1562),
    "a payload that is too long": (with_value(lambda m: setattr(m.graph.initializer[0], "raw_data", bytes(5 * MEGABYTE))), 1562),
    "shapes that are claimed": (
        with_value(lambda m: m.graph.value_info.append(helper.make_tensor_value_info("c", FLOAT, [1, 1, 1, 1]))), 1562,
    ),
    "spread constants": (
        folded([op("ConstantOfShape", "column", "a"), op("ConstantOfShape", "row", "b"), op("Equal", "a b", "e"),
                op("Where", "e a b", "w"), op("Div", "a b", "d"), op("Gather", "a i", "g"), op("Mod", "a b", "k")],
               [*ONES, filled("i", np.zeros((60, 60), "int64"))]),
        0,
    ),
    "a constant joined with itself": (
        folded([op("ConstantOfShape", "big", "a"), helper.make_node("Concat", ["a"] * 5_000, ["k"], axis=0)], ONES), 0,
    ),
}  # fmt: skip

# ways to keep 300 numbers out of the count: every one must have them as parameters
HIDDEN: dict[str, bytes] = {
    "cast to whole numbers and back": dumped(model(
        [op("Cast", "w", "i", to=INT), op("Cast", "i", "f", to=FLOAT), op("Conv", "x f", "y")],
        [filled("w", np.arange(300, dtype="float32").reshape(25, 3, 2, 2))])),
    "whole numbers": dumped(model(
        [op("Cast", "w", "f", to=FLOAT), op("Conv", "x f", "y")],
        [filled("w", np.arange(300, dtype="int64").reshape(25, 3, 2, 2))])),
    "compared": dumped(model(
        [op("Greater", "w z", "i"), op("Cast", "i", "f", to=FLOAT), op("Conv", "x f", "y")],
        [filled("w", np.arange(300, dtype="float32").reshape(25, 3, 2, 2)), filled("z", np.asarray(1, "float32"))])),
    "taken away": dumped(model([op("Sub", "x w", "y")], [weight("w", 3, 10, 10)], ("N", 3, 10, 10))),
    "divided by": dumped(model([op("Div", "x w", "y")], [weight("w", 3, 10, 10)], ("N", 3, 10, 10))),
    "the larger": dumped(model([op("Max", "x w", "y")], [weight("w", 3, 10, 10)], ("N", 3, 10, 10))),
    "to the power": dumped(model([op("Pow", "x w", "y")], [weight("w", 3, 10, 10)], ("N", 3, 10, 10))),
    "chosen": dumped(model(
        [op("Greater", "x z", "c"), op("Where", "c x w", "y")],
        [weight("w", 3, 10, 10), filled("z", np.asarray(0, "float32"))], ("N", 3, 10, 10))),
    "looked up": dumped(model(
        [op("Cast", "x", "i", to=INT), op("GatherElements", "w i", "y")], [weight("w", 300)], (1,))),
    "a table": dumped(model([op("Cast", "x", "i", to=INT), op("Gather", "w i", "y")], [weight("w", 30, 10)], ("N", 5))),
    "written over": dumped(model(
        [op("ScatterND", "x i w", "y")], [filled("i", np.zeros((1, 1), "int64")), weight("w", 1, 3, 10, 10)], (1, 3, 10, 10))),
    "a state to begin with": dumped(model(
        [op("RNN", "x w r _ _ h", "y", hidden_size=1)], [weight("w", 1, 1, 150), weight("r", 1, 1, 1), weight("h", 1, 1, 149)],
        (5, 1, 150))),
    "sparse": dumped(model([op("Add", "x w", "y")], (), ("N", 3, 10, 10))),
    "in a branch": dumped(model([helper.make_node(
        "If", ["t"], ["y"], then_branch=helper.make_graph(
            [op("Add", "x w", "z")], "t", [], [helper.make_empty_tensor_value_info("z")], [weight("w", 3, 10, 10)]),
        else_branch=helper.make_graph([op("Relu", "x", "z")], "e", [], [helper.make_empty_tensor_value_info("z")]))],
        [filled("t", np.asarray(True))], ("N", 3, 10, 10))),
    "in a function": dumped(model(
        [op("F", "x", "y", domain="own")], functions=[function("F", [
            helper.make_node("Constant", [], ["w"], value=filled("w", np.arange(300, dtype="float32").reshape(3, 10, 10))),
            op("Add", "a w", "b")])], shape=("N", 3, 10, 10), domains=["own"])),
    "added up first": dumped(model(
        [op("Add", "w v", "k"), op("Mul", "x k", "y")], [weight("w", 15, 10), weight("v", 15, 10)], ("N", 15, 10))),
}  # fmt: skip


def _sparse() -> bytes:
    made = model([op("Add", "x w", "y")], (), ("N", 3, 10, 10))
    sparse = made.graph.sparse_initializer.add()
    sparse.dims.extend([3, 10, 10])
    sparse.values.CopyFrom(filled("w", np.arange(300, dtype="float32")))
    sparse.indices.CopyFrom(filled("w_indices", np.arange(300)))
    return dumped(made)


HIDDEN["sparse"] = _sparse()


def files() -> dict[str, bytes]:
    """Return each file by its name on disk."""
    groups = {"refused": REFUSED, "sound": SOUND}
    found = {f"{group}-{n:03d}.onnx": data for group, of in groups.items() for n, (data, _) in enumerate(of.values())}
    return {**found, **{f"hidden-{n:03d}.onnx": data for n, data in enumerate(HIDDEN.values())}}


if __name__ == "__main__":
    for name, data in files().items():
        (Path(sys.argv[1]) / name).write_bytes(data)
