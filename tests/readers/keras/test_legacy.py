"""Older forms of Keras models: Keras 1, JSON encoded twice, TensorFlow.js, and code with a stated output shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.cli import cli
from cnncalc.cli.run import run
from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers.keras.recognition import recognizes
from tests.readers.keras.test_file import chain, graph, layer, network, source

# the MNIST example of Keras 1.2, as `model.to_json()` wrote it, channels first
MNIST: dict[str, Any] = {
    "class_name": "Sequential",
    "keras_version": "1.2.2",
    "config": [
        {
            "class_name": "Convolution2D",
            "config": {
                "name": "convolution2d_1", "nb_filter": 32, "nb_row": 3, "nb_col": 5, "subsample": [1, 2],
                "border_mode": "valid", "dim_ordering": "th", "activation": "relu", "bias": False,
                "batch_input_shape": [None, 1, 28, 28], "init": "glorot_uniform", "W_regularizer": None,
            },
        },
        {
            "class_name": "MaxPooling2D",
            "config": {"name": "p", "pool_size": [2, 2], "strides": [2, 2], "border_mode": "same", "dim_ordering": "th"},
        },
        {"class_name": "AtrousConvolution2D", "config": {
            "name": "a", "nb_filter": 8, "nb_row": 3, "nb_col": 3, "atrous_rate": [2, 2], "border_mode": "same",
            "dim_ordering": "th", "activation": "linear", "bias": True,
        }},
        {"class_name": "SpatialDropout2D", "config": {"name": "d", "p": 0.25, "dim_ordering": "th"}},
        {"class_name": "Flatten", "config": {"name": "f"}},
        {"class_name": "Dense", "config": {"name": "e", "output_dim": 10, "activation": "softmax", "input_dim": 4}},
    ],
}  # fmt: skip


def shown(net: Network) -> list[tuple[str, str, int]]:
    return [(row.node.kind, str(row.node.output), row.params) for row in analyze(net).rows]


def test_keras_1() -> None:
    """28x28: rows 3 wide at stride 1, columns 5 wide at stride 2; then half of it, a dilated convolution and a product."""
    net = network(MNIST)
    assert shown(net) == [
        ("input", "28x28x1", 0),
        ("conv", "26x12x32", 3 * 5 * 1 * 32),
        ("relu", "26x12x32", 0),
        ("maxpool", "13x6x32", 0),
        ("conv", "13x6x8", 3 * 3 * 32 * 8 + 8),
        ("dropout", "13x6x8", 0),
        ("flatten", "624", 0),
        ("fc", "10", 624 * 10 + 10),
        ("softmax", "10", 0),
    ]
    dropout = next(node.layer for node in net.nodes if node.kind == "dropout")
    assert dropout is not None
    assert dropout.nondefault_fields == {"rate": 0.25, "channels": True}


def test_sequences_of_keras_1() -> None:
    steps = [
        {"class_name": "Embedding", "config": {"name": "e", "input_dim": 50, "output_dim": 8, "batch_input_shape": [None, 20]}},
        {"class_name": "Convolution1D", "config": {
            "name": "c", "nb_filter": 6, "filter_length": 3, "subsample_length": 2, "border_mode": "valid"}},
        {"class_name": "MaxPooling1D", "config": {"name": "p", "pool_length": 2, "stride": 2, "border_mode": "valid"}},
        {"class_name": "UpSampling1D", "config": {"name": "u", "length": 3}},
        {"class_name": "LSTM", "config": {"name": "l", "output_dim": 5, "inner_activation": "hard_sigmoid"}},
    ]  # fmt: skip
    net = network({"class_name": "Sequential", "config": steps})
    assert shown(net)[1:] == [
        ("embedding", "20x8", 400),
        ("conv", "9x6", 3 * 8 * 6 + 6),
        ("maxpool", "4x6", 0),
        ("upsample", "12x6", 0),
        ("lstm", "5", 4 * (6 * 5 + 5 * 5 + 5)),
    ]


def test_merge_of_keras_1() -> None:
    def merged(mode: str) -> Network:
        one = {**layer("Dense", "a"), "inbound_nodes": [[["x", 0, 0]]], "config": {"name": "a", "output_dim": 4}}
        both = {
            "class_name": "Merge", "name": "m", "config": {"name": "m", "mode": mode, "concat_axis": -1},
            "inbound_nodes": [[["x", 0, 0], ["a", 0, 0]]],
        }  # fmt: skip
        return network(graph(source("x", 4), one, both))

    assert shown(merged("concat"))[-1] == ("concat", "8", 0)
    assert shown(merged("sum"))[-1] == ("add", "4", 0)
    with pytest.raises(Refused) as refused:
        merged("cos")
    assert refused.value.problems[0].code == "unknown-layer"


DENSE = layer("Dense", "d", units=3, batch_input_shape=[None, 8])


@pytest.mark.parametrize(
    "model",
    [
        json.dumps(chain(DENSE)),
        {"format": "layers-model", "modelTopology": {"keras_version": "2.4.0", "model_config": chain(DENSE)}},
        {"modelTopology": {**chain(DENSE), "keras_version": "tfjs-layers 4.2.0"}, "weightsManifest": [{"paths": []}]},
        {"modelTopology": {"model_config": json.dumps(chain(DENSE))}},
        {"model_config": chain(DENSE)},
    ],
    ids=["encoded twice", "converted", "saved by TensorFlow.js", "as text", "within"],
)
def test_models_within(model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model))
    assert recognizes(path.read_text())
    assert run(cli, ["analyze", str(path), "--get", "params"]) == 0
    assert capsys.readouterr().out == "27\n"


@pytest.mark.parametrize("model", [{"format": "graph-model", "modelTopology": {}}, {"modelTopology": {"node": []}}])
def test_a_graph_of_operations_is_refused(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.json").write_text(json.dumps(model))
    assert run(cli, ["analyze", "model.json"]) == 1
    shown = capsys.readouterr().err
    assert "model.json is a TensorFlow.js graph, which contains operations instead of Keras layers" in shown
    assert "tfjs_layers_model" in shown


@pytest.mark.parametrize(
    "text", ['"x"', '"{\\"input\\": 3}"', '{"modelTopology": 3}', '{"modelTopology": {"x": 1}}', '"\\"\\""']
)
def test_what_is_not_a_model(text: str) -> None:
    assert not recognizes(text)


def test_code_with_a_stated_shape_is_a_layer_of_unknown_cost() -> None:
    for stated in ([4, 4, 6], {"class_name": "__tuple__", "items": [4, 4, 6]}):
        net = network(graph(source(), layer("Lambda", "l", "x", output_shape=stated), layer("Flatten", "f", "l")))
        assert shown(net)[1:] == [("lambda", "4x4x6", 0), ("flatten", "96", 0)]
        assert analyze(net).totals.uncounted
    net = network(graph(source(), layer("Lambda", "l", "x", output_shape=7)))
    assert shown(net)[-1] == ("lambda", "7", 0)


def test_code_with_a_stated_shape_channels_first() -> None:
    conv = layer("Conv2D", "c", "x", filters=4, kernel_size=3, data_format="channels_first")
    code = layer("Lambda", "l", "c", output_shape=[2, 6, 5])
    last = layer("Conv2D", "e", "l", filters=3, kernel_size=1, data_format="channels_first")
    net = network(graph(source("x", 3, 8, 9), conv, code, last))
    assert shown(net)[1:] == [("conv", "6x7x4", 112), ("lambda", "6x5x2", 0), ("conv", "6x5x3", 9)]


@pytest.mark.parametrize("shape", [None, [4, None], [], "code", [0], [True], {"class_name": "__lambda__"}, [[3]]])
def test_code_without_a_shape_is_refused(shape: Any) -> None:
    with pytest.raises(Refused) as refused:
        network(graph(source(), layer("Lambda", "l", "x", output_shape=shape)))
    [problem] = refused.value.problems
    assert problem.code == "unknown-layer"
    assert "contains Python code, which cnncalc does not run" in problem.text
    assert "output_shape" in problem.help
