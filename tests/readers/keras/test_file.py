"""Read Keras files without Keras: configurations of Keras 2 and 3 that are written here, archives, and broken files."""

from __future__ import annotations

import copy
import io
import json
import random
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.layers.attention import Attend, Dot
from cnncalc.layers.merge import Average, Maximum, Minimum, Sub
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.keras import reader
from cnncalc.readers.keras.recognition import recognizes
from cnncalc.shape import Shape

NOTHING = ReaderOptions({}, {})


def layer(cls: str, name: str, *calls: Any, **config: Any) -> dict[str, Any]:
    """A layer of a graph, called with other layers."""
    nodes = [
        {"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": {}}
        for tensors in [[tensor(one) for one in (call if isinstance(call, list) else [call])] for call in calls]
    ]
    return {
        "class_name": cls,
        "module": "keras.layers",
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": nodes,
    }


def tensor(name: str) -> dict[str, Any]:
    """Return a reference to the output of a layer's first call, or of a later one: `name:1`."""
    name, _, call = name.partition(":")
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, int(call or 0), 0]}}


def source(name: str = "x", *shape: int | None) -> dict[str, Any]:
    """An input."""
    return layer("InputLayer", name, batch_shape=[None, *(shape or (8, 8, 3))])


def graph(*layers: dict[str, Any], ins: Any = None, outs: Any = None) -> dict[str, Any]:
    """A functional model. Its output is its last layer unless `outputs` is given."""
    ins = ins or [[one["name"], 0, 0] for one in layers if one["class_name"] == "InputLayer"]
    config = {
        "name": "net",
        "layers": list(layers),
        "input_layers": ins,
        "output_layers": outs or [[layers[-1]["name"], 0, 0]],
    }
    return {"class_name": "Functional", "config": config}


def chain(*layers: dict[str, Any]) -> dict[str, Any]:
    """A sequential model."""
    return {"class_name": "Sequential", "config": {"name": "net", "layers": list(layers)}}


def network(model: Any, **inputs: str) -> Network:
    """The network of a configuration."""
    text = model if isinstance(model, str) else json.dumps(model)
    return reader.read_text(
        Source("net.json", text), ReaderOptions({name.strip("_"): size for name, size in inputs.items()}, {})
    )


def names(net: Network) -> list[tuple[str, str]]:
    """Every node and its shape."""
    return [(node.name, str(node.output)) for node in net.nodes]


def test_blocks_and_names() -> None:
    """A layer of several nodes is a block, and an activation is a separate layer."""
    conv = layer("Conv2D", "conv", "x", filters=4, kernel_size=[3, 3], padding="same", activation="relu")
    net = network(graph(source(), conv, layer("Flatten", "flat", "conv"), layer("Dense", "fc", "flat", units=10)))
    shapes = [("x", "8x8x3"), ("conv.conv", "8x8x4"), ("conv.relu", "8x8x4"), ("flat", "256"), ("fc", "10")]
    assert names(net) == shapes
    assert analyze(net).totals.params == 3 * 9 * 4 + 4 + 256 * 10 + 10


def old(cls: str, name: str, calls: Any, **config: Any) -> dict[str, Any]:
    """A layer as Keras 2 writes it."""
    return {"class_name": cls, "name": name, "inbound_nodes": calls, "config": {"name": name, **config}}


def test_keras_2() -> None:
    """Configurations of Keras 2: lists in place of mappings, old names of fields."""
    layers = [
        old("InputLayer", "x", [], batch_input_shape=[None, 12, 5]),
        old("GRU", "gru", [[["x", 0, 0, {}]]], units=6, return_sequences=True),
        old("CuDNNLSTM", "lstm", [[["gru", 0, 0, {}]]], units=4, return_sequences=False),
        old("Dense", "fc", [[["lstm", 0, 0, {}]], [["lstm", 0, 0, {}]]], units=3),
        old("TFOpLambda", "tf.math.add", [["fc", 0, 0, {"y": ["fc", 1, 0], "name": None}]], function="math.add"),
        old("TFOpLambda", "tf.math.multiply", [["tf.math.add", 0, 0, {"y": 0.5}]], function="math.multiply"),
        old("Add", "sum", [[["tf.math.multiply", 0, 0, {}], ["fc", 1, 0, {}]]]),
    ]
    config = {"name": "old", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["sum", 0, 0]]}
    net = network({"class_name": "Model", "config": config})
    shapes = [
        ("gru", "12x6"),
        ("lstm", "4"),
        ("fc", "3"),
        ("fc_2", "3"),
        ("tf_math_add", "3"),
        ("tf_math_multiply", "3"),
    ]
    assert names(net)[1:] == [*shapes, ("sum", "3")]
    # a GRU of Keras 2.0 has one bias vector; CuDNN has two
    assert analyze(net).totals.params == 3 * (30 + 36 + 6) + 4 * (24 + 16 + 8) + 15
    local = old("LocallyConnected2D", "l", [], filters=2, kernel_size=[3, 3], batch_input_shape=[None, 5, 6, 3])
    net = network({"class_name": "Sequential", "config": [local]})
    assert (names(net)[-1], analyze(net).totals.params) == (("l", "3x4x2"), 12 * (27 * 2 + 2))
    built = chain({"class_name": "Dense", "config": {"name": "d", "units": 2}})
    built["config"]["build_input_shape"] = [None, 7]
    assert names(network(built)) == [("input", "7"), ("d", "2")]
    inner = {**graph(source("i", 7), layer("Dense", "e", "i", units=5)), "name": "inner"}
    assert names(network(chain(inner, layer("Dense", "d", units=2)))) == [("input", "7"), ("inner.e", "5"), ("d", "2")]


def test_open_sizes() -> None:
    """Open sizes are given with --input, for one input and for several."""
    one = graph(source("x", None, None, 3), layer("GlobalAveragePooling2D", "pool", "x"))
    assert names(network(one, **{"": "16x9x3"}))[0] == ("x", "16x9x3")
    assert names(network(one, x="16x9x3"))[0] == ("x", "16x9x3")
    assert "as in `--input 224x224x3`" in refusal(one)[1]
    two = graph(source("a", None, 4), source("b", 5, 4), layer("Concatenate", "c", ["a", "b"], axis=1))
    assert "as in `--input a=224x4`" in refusal(two)[1]
    assert names(network(two, a="3x4"))[-1] == ("c", "8x4")
    assert refusal(two, a="3x4", nope="3")[0] == "unknown-input"
    assert refusal(two, a="3x4x5")[0] == "bad-argument"
    assert refusal(chain(layer("Dense", "d", units=3)))[0] == "missing-field"
    first = layer("Conv2D", "c", "x", filters=2, kernel_size=3, data_format="channels_first")
    turned = graph(source("x", 3, None, None), first)
    assert "no fixed size: ?x?x3" in refusal(turned)[1]
    assert names(network(turned, **{"": "9x8x3"})) == [("x", "9x8x3"), ("c", "7x6x2")]


def test_joins() -> None:
    """Merges and products that only importers create."""
    shapes = (Shape((4, 4, 6)), Shape((6,)))
    assert [kind().out(*shapes) for kind in (Sub, Average, Maximum, Minimum)] == [(4, 4, 6)] * 4
    for kind in (Sub, Average, Maximum, Minimum):
        with pytest.raises(Problem, match="differ"):
            kind().out(Shape((4, 4, 6)), Shape((5,)))
    attend = Attend(heads=4, kvheads=2)
    query, key, value = Shape((10, 32)), Shape((7, 16)), Shape((7, 10))
    assert (attend.out(query, key, value), attend.macs(query, key, value)) == ((10, 20), 4 * 10 * 7 * (8 + 5))
    with pytest.raises(Problem, match="do not match"):
        attend.out(query, Shape((7, 18)), value)
    with pytest.raises(Problem, match="do not match"):
        attend.out(query, key, Shape((6, 10)))
    dot = Dot(left=1, right=0)
    assert (dot.out(Shape((3, 4)), Shape((4, 5))), dot.macs(Shape((3, 4)), Shape((4, 5)))) == ((3, 5), 60)
    with pytest.raises(Problem, match="same length"):
        dot.out(Shape((3, 4)), Shape((5, 4)))


def refusal(model: Any, **inputs: str) -> tuple[str, str]:
    """Code and sentence of the one problem."""
    with pytest.raises(Refused) as caught:
        network(model, **inputs)
    (problem,) = caught.value.problems
    return problem.code, f"{problem.text} -> {problem.help}"


def dense(*calls: Any, **config: Any) -> dict[str, Any]:
    """A fully connected layer."""
    return layer("Dense", "d", *calls, **{"units": 3, **config})


DEEP: Any = dense("x")
for _ in range(50):
    DEEP = chain(DEEP)
BAD: list[tuple[Any, str, str]] = [
    ("", "bad-file", "is not valid JSON"),
    ("{", "bad-file", "line 1, column 2"),
    ("[1, 2]", "bad-file", "does not contain a Keras model"),
    ('{"class_name": 3, "config": {}}', "bad-file", "does not contain a Keras model"),
    ("[" * 100_000, "too-large", "nested"),
    ('{"class_name": "Sequential", "config": ' + "[" * 300 + "]" * 300 + "}", "too-large", "200 levels"),
    ('{"class_name": "Sequential", "config": {"layers": ' + "9" * 5000 + "}}", "too-large", "digits"),
    ({"class_name": "MyModel", "config": {}}, "unknown-layer", "a subclassed model"),
    ({"class_name": "Sequential", "config": {}}, "bad-value", "has no layers"),
    ({"class_name": "Sequential", "config": {"layers": [3]}}, "bad-file", "no `class_name`"),
    ({"class_name": "Functional", "config": {"layers": [source()]}}, "missing-field", "no output layers"),
    (chain(source(), DEEP), "too-large", "nested deeper"),
    (graph(source(), dense("y")), "unknown-name", "reads the layer `y`, which does not exist"),
    (graph(source(), dense("x:7")), "unknown-name", "call 7"),
    (graph(source(), dense("d")), "bad-file", "cycle"),
    (graph(source(), layer("ReLU", "a", "b"), layer("ReLU", "b", "a")), "bad-file", "cycle"),
    (graph(source(), source(), dense("x")), "duplicate-name", "two layers named `x`"),
    (graph(source(), dense("x"), outs=[["nope", 0, 0]]), "unknown-name", "nope"),
    (graph(source("x", -3), dense("x")), "bad-value", "size 1 or more"),
    (graph(source("x", 0), dense("x")), "bad-value", "size 1 or more"),
    (graph(source(), dense("x", units=-1)), "bad-value", "layer `d` (Dense) has `units` -1"),
    (graph(source(), dense("x", units=2.5)), "bad-value", "whole number"),
    (graph(source(), dense("x", units="3")), "bad-value", "whole number"),
    (graph(source(), dense("x", units=10**9)), "bad-value", "1,000,000"),
    (graph(source(), dense("x", use_bias="yes")), "bad-value", "true or false"),
    (graph(source(), dense("x", activation="mine")), "unknown-layer", "activation `mine`"),
    (graph(source(), dense(["x", "x"])), "bad-value", "takes one input, but gets 2"),
    (graph(source(), layer("Lambda", "l", "x")), "unknown-layer", "contains Python code, which cnncalc does not run"),
    (graph(source(), layer("my>Thing", "l", "x")), "unknown-layer", "layer `l` (Thing)"),
    (graph(source(), layer("Conv2d", "l", "x")), "unknown-layer", "did you mean `Conv2D`?"),
    (graph(source(), layer("Conv2D", "c", "x", filters=3, kernel_size=[3])), "ok", ""),
    (graph(source(), layer("Conv2D", "c", "x", filters=3, kernel_size=[3, 3, 3])), "bad-value", "2 numbers"),
    (
        graph(source(), layer("Conv2D", "c", "x", filters=3, kernel_size=11)),
        "window-does-not-fit",
        "layer `c` (Conv2D)",
    ),
    (graph(source(), layer("Conv2D", "c", "x", filters=3, kernel_size=1, groups=2)), "groups-do-not-divide", "groups"),
    (graph(source(), layer("Conv2D", "c", "x", filters=3, kernel_size=1, padding="causal")), "bad-value", "causal"),
    (
        graph(source(), layer("Conv1D", "c", "x", filters=3, kernel_size=1)),
        "needs-image",
        "needs an input with 2 axes, but gets 8x8x3",
    ),
    (graph(source(), layer("Reshape", "r", "x", target_shape=[-1, -1])), "bad-value", "at most one -1"),
    (graph(source(), layer("Reshape", "r", "x", target_shape=[7, -1])), "sizes-differ", "192 numbers"),
    (graph(source(), layer("Permute", "p", "x", dims=[1, 1, 2])), "bad-value", "dims"),
    (graph(source(), layer("LSTM", "l", "x", units=3)), "needs-sequence", "steps x features"),
    (graph(source(), layer("Cropping2D", "c", "x", cropping=4)), "window-does-not-fit", "crops 4 and 4 cells"),
    (graph(source(), layer("BatchNormalization", "b", "x", axis=9)), "bad-value", "`axis` 9"),
    (graph(source(), layer("LayerNormalization", "b", "x", axis=[])), "bad-value", "empty `axis`"),
    (graph(source("x", 4), source("y", 5), layer("Add", "a", ["x", "y"])), "shapes-differ", "4 and 5"),
    (graph(source(), layer("TimeDistributed", "t", "x")), "bad-file", "`layer` of `t`"),
    (
        graph(source(), layer("TimeDistributed", "t", "x", layer=layer("LSTM", "l", units=3))),
        "needs-sequence",
        "layer `t` (TimeDistributed)",
    ),
    (graph(source("x", 10**6, 10**6, 10**6), dense("x")), "too-large", "numbers"),
    (graph(source(), layer("Dropout", "d", "x", rate=3)), "bad-value", "from 0 to 1"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_refusals(number: int) -> None:
    """One clear problem for each, naming the layer."""
    model, code, words = BAD[number]
    if code == "ok":
        assert network(model).nodes
        return
    found, said = refusal(model)
    assert found == code, said
    assert words in said


def archive(path: Path, content: bytes, name: str = "config.json", method: int = zipfile.ZIP_DEFLATED) -> str:
    """A `.keras` file."""
    with zipfile.ZipFile(path, "w", method) as made:
        made.writestr("metadata.json", "{}")
        made.writestr(name, content)
        made.writestr("model.weights.h5", b"\x00" * 5000)
    return str(path)


def test_archives(tmp_path: Path) -> None:
    """Sound archives, truncated ones, bombs, other kinds of archives, and files that are not archives."""
    path = tmp_path / "net.keras"
    good = json.dumps(graph(source(), dense("x"))).encode()
    assert names(reader.read(archive(path, good), NOTHING)) == [("x", "8x8x3"), ("d", "8x8x3")]
    data = path.read_bytes()
    broken = {
        "not a zip archive": b"hello",
        "HDF5": b"\x89HDF\r\n",
        "damaged": data[: len(data) // 2],
        "no `config.json`": Path(archive(tmp_path / "a.zip", good, "other.json")).read_bytes(),
        "a compression method that Keras does not use": Path(
            archive(tmp_path / "b.zip", good, method=zipfile.ZIP_LZMA)
        ).read_bytes(),
        "`config.json` of": Path(archive(tmp_path / "c.zip", b" " * (40 * 2**20))).read_bytes(),
        "UTF-8": Path(archive(tmp_path / "d.zip", b"\xff\xfe\x00")).read_bytes(),
        "is not valid JSON": Path(archive(tmp_path / "e.zip", b"nothing")).read_bytes(),
    }
    for words, content in broken.items():
        path.write_bytes(content)
        with pytest.raises(Refused, match=words):
            reader.read(str(path), NOTHING)
    with pytest.raises(Refused, match="not-regular"):
        reader.read("/dev/null", NOTHING)
    with pytest.raises(FileNotFoundError):
        reader.read(str(tmp_path / "none.keras"), NOTHING)


def test_a_size_that_lies(tmp_path: Path) -> None:
    """If the list of files understates a size, reading stops at the limit."""
    path = Path(archive(tmp_path / "net.keras", b" " * (17 * 2**20)))
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x01\x02", 0, data.rfind(b"config.json"))
    data[place + 24 : place + 28] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(Refused):
        reader.read(str(path), NOTHING)


def test_recognized_text() -> None:
    """Which text is read as a Keras model and which as a specification."""
    assert recognizes(json.dumps(chain(dense())))
    assert not recognizes('{"input": "8x8x3", "layers": ["relu"]}')
    assert not recognizes('{"layers": [{"class_name": "x", "config": {}}]}')
    assert not recognizes("name: class_name config")


LAST = {"data_format": "channels_last"}
STEPS = layer("GRU", "g", units=3, return_sequences=True, reset_after=True)
WHOLE = graph(
    source("x", 9, 8, 4),
    layer(
        "Conv2D",
        "c",
        "x",
        filters=4,
        kernel_size=[3, 3],
        strides=[1, 1],
        padding="same",
        dilation_rate=[1, 1],
        groups=1,
        activation="relu",
        data_format="channels_last",
    ),
    layer("BatchNormalization", "b", "c", axis=-1, scale=True),
    layer("PReLU", "p", "b", shared_axes=[1, 2]),
    layer("Add", "a", ["p", "x"]),
    layer("Concatenate", "j", ["a", "x"], axis=-1),
    layer("Conv2DTranspose", "t", "j", filters=2, kernel_size=[2, 2], strides=[2, 2], output_padding=None),
    layer("ZeroPadding2D", "z", "t", padding=[[1, 0], [0, 1]]),
    layer("Cropping2D", "k", "z", cropping=[[1, 1], [2, 0]]),
    layer("MaxPooling2D", "m", "k", pool_size=[2, 2], strides=None),
    layer("Reshape", "r", "m", target_shape=[-1, 4]),
    layer("MultiHeadAttention", "h", ["r", "r"], num_heads=2, key_dim=3),
    layer("Permute", "q", "h", dims=[2, 1]),
    layer(
        "Bidirectional",
        "i",
        "h",
        merge_mode="concat",
        layer=STEPS,
    ),
    layer("TimeDistributed", "y", "i", layer=layer("Dense", "n", units=2)),
    layer("LayerNormalization", "l", "y", axis=[-1]),
    layer("EinsumDense", "e", "l", equation="abc,cd->abd", output_shape=[None, 3]),
    layer("Flatten", "f", "e"),
    dense("f"),
)


@pytest.mark.heavy
def test_broken_configurations_are_refused_and_nothing_else() -> None:
    """Two thousand damaged configurations result in a network or in Refused."""
    rng = random.Random(7)
    assert len(network(WHOLE).nodes) == 25
    wild = [
        None,
        -1,
        0,
        1,
        3,
        2.5,
        10**7,
        10**30,
        "",
        "x",
        "same",
        True,
        [],
        [1],
        [2, 2],
        [[1]],
        {},
        {"a": 1},
        float("nan"),
    ]
    for _ in range(2000):
        model = copy.deepcopy(WHOLE)
        for _ in range(rng.randint(1, 3)):
            spot: Any = model
            while True:
                keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
                if not keys:
                    break
                key = rng.choice(keys)
                if isinstance(spot[key], (dict, list)) and spot[key] and rng.random() < 0.85:
                    spot = spot[key]
                    continue
                if rng.random() < 0.3:
                    del spot[key]
                else:
                    spot[key] = copy.deepcopy(rng.choice(wild))
                break
        with suppress(Refused):
            network(model)


@pytest.mark.heavy
def test_damaged_archives_are_refused_and_nothing_else(tmp_path: Path) -> None:
    """Archives with changed or missing bytes result in a network or in Refused."""
    rng = random.Random(3)
    path = tmp_path / "net.keras"
    whole = Path(archive(path, json.dumps(WHOLE).encode())).read_bytes()
    assert zipfile.is_zipfile(io.BytesIO(whole))
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.3 else data)
        with suppress(Refused):
            reader.read(str(path), NOTHING)
