"""`cnncalc import` of ONNX and Keras files: every recorded export and models built with Keras, number by number."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import TESTS

os.environ["KERAS_BACKEND"] = "torch"  # read when keras is imported
if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("onnx", reason="the package that reads ONNX files is not installed")
    pytest.importorskip("torch", reason="PyTorch, which computes for Keras here, is not installed")
    pytest.importorskip("keras", reason="Keras, which makes models here, is not installed")

import onnx

from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers import ReaderOptions, read, read_text, reader_of_text
from cnncalc.readers.yaml import reader
from cnncalc.writers.yaml.proof import difference
from cnncalc.writers.yaml.writer import write
from tests.oracle.test_verify import random_network

MODELS = sorted((TESTS / "reference" / "onnx").glob("*.onnx"))


def again(network: Network, flat: bool = False) -> str:
    """Return the text written from a network, after reading and comparing it."""
    found = write(network, flat=flat)
    assert difference(network, reader.read(Source("net.yaml", found.text)), found.order, found.names) == ""
    return found.text


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_onnx_files(path: Path) -> None:
    """Names are those of the module tree. Exports with grouped names become blocks, a fraction of the plain list."""
    network = read(str(path), ReaderOptions({}, {}))
    short, plain = again(network), again(network, flat=True)
    assert short.count("as:") <= plain.count("as:") + 12
    if not {"dynamo", "freshinit"} & set(path.name.split(".")) and any(
        word in path.name for word in ("resnet", "googlenet", "densenet", "squeezenet")
    ):
        assert "blocks:" in short
        assert len(short) < 0.75 * len(plain)


@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50V2", "DenseNet121", "Xception", "EfficientNetB0"])
def test_keras_files(name: str) -> None:
    """Functional models of keras.applications."""
    keras: Any = importlib.import_module("keras")
    source = Source("model.json", getattr(keras.applications, name)(weights=None).to_json())
    again(read_text(reader_of_text(source.text), source, ReaderOptions({}, {})))


@pytest.mark.parametrize("seed", range(150))
def test_random_networks(seed: int) -> None:
    """They contain every kind, in one to three dimensions, with weights used twice."""
    from cnncalc.layers import KINDS

    network = random_network(seed, [layer.kind for layer in KINDS.values() if layer.kind != "operator"])
    again(network, flat=True)
    again(network)


def test_names_from_outside(tmp_path: Path) -> None:
    """Control characters, YAML and expressions in an ONNX file arrive as plain names."""
    make: Any = onnx.helper
    hostile = ["a: [b", "x\\n- conv: 3", "${7*7}", "\x1b[31m", "\u202egpj", "!!python/object:os.system", "*a &b", "#"]
    nodes, value = [], "in: {}"
    for number, name in enumerate(hostile):
        nodes.append(make.make_node("Relu", [value], [f"{name}{number}"], name=name))
        value = f"{name}{number}"
    kind = onnx.TensorProto.FLOAT
    graph = make.make_graph(
        nodes,
        "g\nlayers: []",
        [make.make_tensor_value_info("in: {}", kind, [1, 3, 4, 4])],
        [make.make_tensor_value_info(value, kind, [1, 3, 4, 4])],
    )
    path = tmp_path / "model.onnx"
    onnx.save(make.make_model(graph), str(path))
    text = again(read(str(path), ReaderOptions({}, {})))
    assert text.isascii()
    assert not set("$!&*\x1b") & set(text)
