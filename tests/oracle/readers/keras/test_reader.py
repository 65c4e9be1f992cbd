"""Keras models read from `to_json()` and `.keras`, compared with Keras 3: shapes, parameters and totals of all layers.

There is a handwritten model for each construct, random models, and keras.applications without weights.
"""

from __future__ import annotations

import importlib
import json
import os
import random
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers import ReaderOptions
from cnncalc.readers.keras import reader as reading
from cnncalc.readers.keras.graph import Reader
from cnncalc.readers.keras.recognition import recognizes
from tests.helpers import TESTS

os.environ["KERAS_BACKEND"] = "torch"  # read when keras is imported
if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, which computes for Keras here, is not installed")
    pytest.importorskip("keras", reason="Keras, the oracle of these tests, is not installed")

keras: Any = importlib.import_module("keras")
layers: Any = keras.layers
REFERENCE = json.loads((TESTS / "reference" / "keras_models.json").read_text())["records"]
NOTHING = ReaderOptions({}, {})
pytestmark = pytest.mark.usefixtures("one_thread")


def weights(model: Any) -> tuple[int, int]:
    """Return the numbers of trainable and other weights, as Keras' summary counts them."""
    trainable = sum(int(weight.value.numel()) for weight in model.trainable_weights)
    return trainable, model.count_params() - trainable


def theirs(reader: Reader, value: Any) -> tuple[int, ...]:
    """Return a value's shape in Keras' order."""
    shape = reader.builder.shape(value.index)
    return tuple(shape[axis] for axis in value.order)


def compare(model: Any, frozen: bool = False) -> Network:
    """Read a model, compare it with Keras layer by layer, and return the network."""
    reader = Reader("model", "model")
    net = reader.read(json.loads(model.to_json()), NOTHING)
    found = analyze(net)
    trainable, rest = weights(model)
    totals = found.totals
    assert totals.params + totals.buffers == trainable + rest
    assert totals.trainable == trainable
    if not frozen:
        assert (totals.params, totals.buffers) == (trainable, rest)
    counts: dict[str, int] = {}
    for node, row in zip(net.nodes, found.rows, strict=True):
        parts = node.name.split(".")
        for depth in range(len(parts)):
            name = ".".join(parts[: depth + 1])
            counts[name] = counts.get(name, 0) + row.params + row.buffers
    walk(reader, model, "", counts)
    sizes = {prod(output.shape[1:]) for output in model.outputs if None not in output.shape[1:]}
    assert {net.nodes[index].output.size for index in net.outputs} >= sizes
    return net


def walk(reader: Reader, model: Any, path: str, counts: dict[str, int]) -> None:
    """Compare the layers of a model and of the models inside it."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    inside = {id(node) for node in graph._nodes}
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        name = path + layer.name
        if isinstance(layer, keras.Model):
            assert counts[name] == layer.count_params(), name
            walk(reader, layer, name + ".", counts)
            continue
        assert counts.get(name, 0) == layer.count_params(), name
        nodes = [node for node in layer._inbound_nodes if id(node) in inside]
        for number, node in enumerate(nodes, 1):
            made = reader.made[name if number == 1 else f"{name}_{number}"]
            wanted = [tuple(tensor.shape[1:]) for tensor in node.output_tensors]
            found = [theirs(reader, value) for value in made]
            assert found[0] == wanted[0], name
            used = {tensor for _, tensor in uses(graph, layer, node)}
            assert all(found[tensor] == wanted[tensor] for tensor in used), name


def uses(graph: Any, layer: Any, node: Any) -> list[tuple[int, int]]:
    """Return which outputs of a call other layers use."""
    found = []
    for other in graph._nodes:
        for tensor in other.input_tensors:
            history = tensor._keras_history
            if history.operation is layer and layer._inbound_nodes[history.node_index] is node:
                found.append((history.node_index, history.tensor_index))
    return found


def sequential(shape: tuple[int, ...], *inside: Any) -> Any:
    """Return a chain of layers."""
    return keras.Sequential([layers.Input(shape), *inside])


def functional(*shapes: tuple[int, ...]) -> Callable[[Callable[..., Any]], Any]:
    """Return a model of a function of its inputs."""

    def made(function: Callable[..., Any]) -> Any:
        inputs = [layers.Input(shape, name=f"in{number}") for number, shape in enumerate(shapes)]
        return keras.Model(inputs, function(*inputs))

    return made


# one model for every construct ---------------------------------------------------------------------------------------


def shared() -> Any:
    """Return a model with a layer called three times and a nested model called twice."""
    inner = sequential((8, 8, 3), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.GlobalAveragePooling2D())
    dense = layers.Dense(5, name="head")

    @functional((8, 8, 3), (8, 8, 3))
    def model(left: Any, right: Any) -> Any:
        a, b = inner(left), inner(right)
        return [dense(a), dense(b), dense(layers.Subtract()([a, b]))]

    return model


def nested() -> Any:
    """Return a model in a model in a model."""
    core = functional((4, 4, 8))(lambda x: [layers.Conv2D(8, 1, name="c")(x), layers.MaxPooling2D(name="p")(x)])

    @functional((4, 4, 8))
    def middle(x: Any) -> Any:
        a, b = core(x)
        return layers.Concatenate()([layers.GlobalMaxPooling2D()(a), layers.Flatten()(b)])

    return functional((4, 4, 8))(lambda x: layers.Dense(2, activation="softmax")(middle(layers.ReLU()(x))))


def states() -> Any:
    """Return an encoder and a decoder joined by the states of an LSTM and a GRU."""

    @functional((7, 6), (5, 6))
    def model(source: Any, target: Any) -> Any:
        _, h, c = layers.LSTM(8, return_state=True)(source)
        sequence, last = layers.GRU(8, return_sequences=True, return_state=True)(target)
        decoded = layers.LSTM(8, return_sequences=True)(target, initial_state=[h, c])
        both = layers.Bidirectional(layers.LSTM(4, return_state=True))(source)
        joined = layers.Concatenate()([last, layers.Concatenate()(list(both)[1:])])
        return [layers.Add()([decoded, sequence]), layers.Dense(3)(joined)]

    return model


def attention() -> Any:
    """Return self and cross attention of several widths, and those of Luong and Bahdanau."""

    @functional((10, 16), (6, 12))
    def model(x: Any, y: Any) -> Any:
        a = layers.MultiHeadAttention(4, 4)(x, x)
        b = layers.MultiHeadAttention(2, 8, value_dim=5, use_bias=False, output_shape=7)(query=x, value=y)
        c = layers.MultiHeadAttention(3, 4)(x, y, key=y)
        d = layers.GroupQueryAttention(6, 4, 2)(x, layers.Dense(16)(y))
        e = layers.Dense(16)(y)
        f = layers.Attention(use_scale=True)([x, e])
        g = layers.AdditiveAttention()([x, e])
        h = layers.Attention(score_mode="concat")([x, e])
        return [layers.Add()([a, c, d, f, g, h]), b]

    return model


def operations() -> Any:
    """Return a model with Python's operators and functions of keras.ops."""
    ops = keras.ops

    @functional((8, 8, 6), (6,))
    def model(x: Any, y: Any) -> Any:
        a = ops.relu(x * 2.0 + 1.0) / 3.0
        b = ops.mean(a, axis=(1, 2)) - y
        c = ops.reshape(x, (-1, 64, 6))
        d = ops.transpose(c, (0, 2, 1))
        e = ops.concatenate([x, x], axis=-1)[:, 1:5, ::2, 3:]
        f = ops.squeeze(ops.expand_dims(b, 1), 1)
        g = ops.mean(x, axis=(1, 2), keepdims=True) * x
        return [d, e, f, ops.sigmoid(g), x[:, 0], ops.max(x, axis=(1, 2))]

    return model


def first() -> Any:
    """Return a channels-first model with the same numbers."""
    of: dict[str, Any] = {"data_format": "channels_first"}

    @functional((3, 16, 12))
    def model(x: Any) -> Any:
        x = layers.Conv2D(8, 3, padding="same", strides=2, activation="relu", **of)(x)
        x = layers.BatchNormalization(axis=1)(x)
        y = layers.SeparableConv2D(8, 3, padding="same", **of)(x)
        x = layers.Concatenate(axis=1)([x, y])
        x = layers.PReLU(shared_axes=[2, 3])(x)
        x = layers.ZeroPadding2D(((1, 0), (2, 1)), **of)(layers.UpSampling2D(2, **of)(x))
        z = layers.MaxPooling2D(2, **of)(x)
        gate = layers.Reshape((16, 1, 1))(layers.Dense(16)(layers.GlobalAveragePooling2D(**of)(z)))
        z = layers.Multiply()([z, gate])
        rows = layers.Permute((2, 3, 1))(z)
        return [
            layers.Dense(5)(layers.Flatten()(z)),
            layers.Conv2D(4, 1)(rows),
            layers.GlobalMaxPooling2D(keepdims=True, **of)(z),
        ]

    return model


def mixed() -> Any:
    """Return layers of both layouts in one model, and layers without a layout on channels-first values."""

    @functional((4, 6, 8))
    def model(x: Any) -> Any:
        a = layers.Conv2D(5, 3, padding="same", data_format="channels_first")(x)
        b = layers.Conv2D(8, 3, padding="same")(x)
        c = layers.Dense(7)(a)
        d = layers.LayerNormalization()(c)
        return [layers.Concatenate(axis=2)([d, c]), layers.Add()([b, x]), layers.AveragePooling2D(2)(a)]

    return model


def distributed() -> Any:
    """Return layers and a whole model applied to every step of a sequence."""
    net = sequential(
        (12, 12, 3),
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dense(6),
    )
    each = layers.TimeDistributed

    @functional((5, 12, 12, 3))
    def model(x: Any) -> Any:
        a = each(layers.SeparableConv2D(4, 3, padding="same"))(x)
        b = each(layers.GlobalAveragePooling2D())(each(layers.DepthwiseConv2D(2, depth_multiplier=2))(a))
        c = each(layers.Reshape((9, 16)))(each(layers.Cropping2D(((2, 4), (3, 3))))(each(layers.ZeroPadding2D(0))(a)))
        return [layers.LSTM(4)(each(net)(x)), b, c, each(layers.AveragePooling2D(2, strides=1, padding="same"))(x)]

    return model


def kinds() -> dict[str, Any]:
    """Return chains of layers: the input shape and the layers."""
    each: dict[str, Any] = {
        "conv1d": (
            (20, 4),
            layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu"),
            layers.Conv1D(6, 5, strides=2, padding="same", groups=2, use_bias=False),
            layers.MaxPooling1D(3, 2, padding="same"),
            layers.AveragePooling1D(2),
            layers.GlobalMaxPooling1D(),
        ),
        "conv3d": (
            (8, 9, 10, 2),
            layers.Conv3D(4, (1, 2, 3), strides=(2, 1, 2), padding="same", activation="tanh"),
            layers.MaxPooling3D((1, 2, 2)),
            layers.Conv3DTranspose(3, 3, strides=2),
            layers.AveragePooling3D(2, padding="same"),
            layers.Cropping3D(1),
            layers.ZeroPadding3D(((1, 0), (0, 2), (1, 1))),
            layers.UpSampling3D((1, 2, 2)),
            layers.GlobalAveragePooling3D(),
        ),
        "separable": (
            (9, 11, 3),
            layers.SeparableConv2D(8, (3, 5), depth_multiplier=3, padding="same", strides=2, use_bias=False),
            layers.DepthwiseConv2D(3, depth_multiplier=2, dilation_rate=2, padding="same", activation="relu6"),
        ),
        "separable1d": (
            (21, 3),
            layers.SeparableConv1D(8, 4, strides=2, activation="gelu"),
            layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same"),
        ),
        "transposes": (
            (7, 6, 3),
            layers.Conv2DTranspose(4, 2, strides=3),
            layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
            layers.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1),
            layers.Conv2DTranspose(2, 4, strides=3, output_padding=0),
        ),
        "transpose1d": (
            (7, 3),
            layers.Conv1DTranspose(4, 2, strides=4, activation="selu"),
            layers.Conv1DTranspose(2, 3, padding="same"),
        ),
        "norms": (
            (6, 6, 12),
            layers.BatchNormalization(scale=False),
            layers.BatchNormalization(center=False),
            layers.LayerNormalization(scale=False),
            layers.LayerNormalization(axis=[1, 2, 3]),
            layers.GroupNormalization(4),
            layers.GroupNormalization(-1, scale=False),
            layers.RMSNormalization(),
            layers.UnitNormalization(),
            layers.LayerNormalization(axis=1),
            layers.BatchNormalization(axis=2),
        ),
        "activations": (
            (6, 5, 4),
            layers.PReLU(),
            layers.PReLU(shared_axes=[1, 2]),
            layers.PReLU(shared_axes=[1]),
            layers.PReLU(shared_axes=[1, 2, 3]),
            layers.LeakyReLU(),
            layers.ELU(),
            layers.ReLU(max_value=6),
            layers.ReLU(negative_slope=0.1),
            layers.Softmax(),
            layers.Activation("hard_silu"),
            layers.Activation(keras.activations.mish),
            layers.Dropout(0.3),
            layers.SpatialDropout2D(0.2),
            layers.GaussianNoise(0.1),
            layers.AlphaDropout(0.1),
        ),
        "dense": (
            (4, 5, 6),
            layers.Dense(7, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, use_bias=False),
            layers.RepeatVector(4),
            layers.Permute((2, 1)),
            layers.Reshape((-1, 2, 3)),
            layers.Reshape((12,)),
        ),
        "embedding": (
            (12,),
            layers.Embedding(50, 8),
            layers.Bidirectional(layers.LSTM(6, return_sequences=True)),
            layers.Bidirectional(layers.GRU(5, return_sequences=True, reset_after=False), merge_mode="sum"),
            layers.Bidirectional(layers.SimpleRNN(4, use_bias=False), merge_mode="ave"),
            layers.Dense(2),
        ),
        "recurrent": (
            (12, 5),
            layers.GRU(6, return_sequences=True),
            layers.GRU(6, reset_after=False, return_sequences=True),
            layers.LSTM(5, use_bias=False, return_sequences=True, go_backwards=True),
            layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_sequences=True),
            layers.RNN(layers.SimpleRNNCell(3), return_sequences=True),
            layers.TimeDistributed(layers.Dense(4)),
            layers.SimpleRNN(2),
        ),
        "convlstm": (
            (4, 9, 8, 3),
            layers.ConvLSTM2D(5, 3, return_sequences=True),
            layers.ConvLSTM2D(2, (1, 3), padding="same", strides=2, use_bias=False),
        ),
        "preprocessing": (
            (20, 22, 3),
            layers.Rescaling(1 / 255),
            layers.Normalization(),
            layers.RandomFlip(),
            layers.RandomRotation(0.1),
            layers.Resizing(18, 17),
            layers.CenterCrop(16, 16),
            layers.RandomContrast(0.1),
            layers.Conv2D(2, 3),
        ),
        "normalization": (
            (6, 3),
            layers.Normalization(axis=None),
            layers.Normalization(mean=1.0, variance=2.0),
            layers.Normalization(axis=1),
        ),
        "pools": (
            (15, 13, 4),
            layers.MaxPooling2D(3, 2, padding="same"),
            layers.AveragePooling2D((2, 3), strides=1),
            layers.AdaptiveAveragePooling2D((4, 3)),
            layers.AdaptiveMaxPooling2D(2),
            layers.GlobalAveragePooling2D(keepdims=True),
            layers.GlobalMaxPooling2D(),
        ),
        "einsum": (
            (6, 8),
            layers.EinsumDense("abc,cd->abd", output_shape=(None, 10), bias_axes="d"),
            layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 5), bias_axes="de", activation="relu"),
            layers.EinsumDense("abde,def->abf", output_shape=(None, 7)),
            layers.EinsumDense("...x,xy->...y", output_shape=4, bias_axes="y"),
        ),
        "cropping": (
            (9, 4),
            layers.Cropping1D((1, 2)),
            layers.ZeroPadding1D((0, 3)),
            layers.UpSampling1D(2),
            layers.Identity(),
            layers.Masking(),
            layers.ActivityRegularization(),
        ),
    }
    return each


@pytest.mark.parametrize("name", list(kinds()))
def test_chains(name: str) -> None:
    """Every class of layer in a chain."""
    shape, *inside = kinds()[name]
    compare(sequential(shape, *inside))


@pytest.mark.parametrize(
    "make", [shared, nested, states, attention, operations, first, mixed, distributed], ids=lambda f: f.__name__
)
def test_graphs(make: Callable[[], Any]) -> None:
    """Every construct that a chain cannot express."""
    compare(make if isinstance(make, keras.Model) else make())


def test_merges() -> None:
    """Sums and other merges of values, some of which are broadcast, and dot products."""

    @functional((6, 6, 4), (6, 6, 4), (4,), (5, 7), (3, 7))
    def model(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
        found = [
            kind()([a, b])
            for kind in (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)
        ]
        wide = [layers.Multiply()([a, c]), layers.Add()([a, layers.Reshape((1, 1, 4))(c)])]
        joined = [layers.Concatenate(axis=axis)([a, b]) for axis in (1, 2, 3, -1, -2)]
        dots = [
            layers.Dot(axes=2)([d, e]),
            layers.Dot(axes=(1, 1))([c, c]),
            layers.Dot(axes=(2, 2), normalize=True)([e, d]),
        ]
        return [*found, *wide, *joined, *dots]

    compare(model)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # a warning of Keras when it saves
def test_frozen_layers_and_archives(tmp_path: Path) -> None:
    """A `.keras` archive gives the same result, and frozen layers still count as parameters."""
    model = nested()
    model.layers[-1].trainable = False
    compare(model, frozen=True)
    path = tmp_path / "model.keras"
    model.save(path)
    net = reading.read(str(path), NOTHING)
    assert [(node.name, node.output) for node in net.nodes] == [
        (node.name, node.output) for node in compare(model, True).nodes
    ]
    json_path = tmp_path / "model.json"
    json_path.write_text(model.to_json())
    assert recognizes(json_path.read_text())
    assert len(reading.read(str(json_path), NOTHING).nodes) == len(net.nodes)
    twice = shared()
    twice.save(path)
    assert analyze(reading.read(str(path), NOTHING)).totals.params == weights(twice)[0]


def test_open_sizes() -> None:
    """An input of open size gets its size from `--input`; otherwise the error says so."""
    model = sequential(
        (None, None, 3), layers.Conv2D(4, 3, strides=2), layers.GlobalAveragePooling2D(), layers.Dense(2)
    )
    text = json.loads(model.to_json())
    with pytest.raises(Refused, match=r"no fixed size: \?x\?x3.*--input"):
        Reader("m", "m").read(text, NOTHING)
    net = Reader("m", "m").read(text, ReaderOptions({"": "33x31x3"}, {}))
    assert str(net.nodes[1].output) == "16x15x4"
    with pytest.raises(Refused, match="no input `nope`"):
        Reader("m", "m").read(text, ReaderOptions({"nope": "33x31x3", "": "33x31x3"}, {}))


class Dice:
    """Random models: a graph of images that grows by one layer at a time."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.format = self.rng.choice(["channels_last", "channels_last", "channels_first"])
        self.of: dict[str, Any] = {"data_format": self.format}

    def channels(self, x: Any) -> int:
        """Return the channels of a value."""
        return int(x.shape[-1] if self.format == "channels_last" else x.shape[1])

    def step(self, x: Any, seen: list[Any]) -> Any:
        """Add a layer."""
        rng, of = self.rng, self.of
        axis = -1 if self.format == "channels_last" else 1
        pad, size = rng.choice(["same", "valid"]), rng.choice([1, 2, 3, (1, 3), (3, 2)])
        stride, many, c = rng.choice([1, 1, 2]), rng.randint(1, 9), self.channels(x)
        words, groups = [None, "relu", "silu", "gelu"], [g for g in (1, 2, 3, c) if c % g == 0]
        even = stride if isinstance(size, int) else 1
        same = [y for y in seen if y.shape == x.shape and y is not x]
        made: list[Callable[[], Any]] = [
            lambda: layers.Conv2D(many * 2, size, stride, pad, use_bias=rng.random() < 0.7, activation=rng.choice(words), **of),
            lambda: layers.Conv2D(c * 2, size, 1, pad, groups=rng.choice(groups), dilation_rate=rng.choice([1, 2]), **of),
            lambda: layers.DepthwiseConv2D(size, even, pad, depth_multiplier=rng.randint(1, 3), **of),
            lambda: layers.SeparableConv2D(many, size, 1, pad, depth_multiplier=rng.randint(1, 2), **of),
            lambda: layers.Conv2DTranspose(many, size, stride, pad, **of),
            lambda: layers.MaxPooling2D(2, rng.choice([None, 1]), pad, **of),
            lambda: layers.AveragePooling2D(2, 1, "same", **of),
            lambda: layers.BatchNormalization(axis=axis, scale=rng.random() < 0.5, center=rng.random() < 0.5),
            lambda: layers.LayerNormalization(axis=axis),
            lambda: layers.ZeroPadding2D((rng.randint(0, 2), rng.randint(0, 2)), **of),
            lambda: layers.UpSampling2D(2, **of),
            lambda: layers.PReLU(shared_axes=rng.choice([[1, 2], [2, 3], None])),
            layers.ReLU,
            lambda: layers.Dropout(0.5),
        ]  # fmt: skip
        if same and rng.random() < 0.5:
            return rng.choice([layers.Add, layers.Multiply, layers.Average, layers.Maximum])()([x, rng.choice(same)])
        if same and rng.random() < 0.5:
            return layers.Concatenate(axis=axis)([x, rng.choice(same)])
        if rng.random() < 0.1:
            gate = layers.GlobalAveragePooling2D(keepdims=True, **of)(x)
            return layers.Multiply()([x, layers.Conv2D(c, 1, activation="sigmoid", **of)(gate)])
        return rng.choice(made)()(x)

    def model(self) -> Any:
        """Return a model of up to twelve layers with a classifier."""
        rng = self.rng
        side = (rng.randint(8, 24), rng.randint(8, 24))
        shape = (*side, 4) if self.format == "channels_last" else (4, *side)
        x = inputs = layers.Input(shape)
        seen = [x]
        for _ in range(rng.randint(3, 12)):
            try:
                y = self.step(x, seen)
            except (ValueError, ZeroDivisionError, RuntimeError):
                continue
            if min(y.shape[1:]) < 1 or max(y.shape[1:]) > 200:
                continue
            x = y
            seen.append(x)
        x = rng.choice([layers.Flatten(), layers.GlobalMaxPooling2D(**self.of)])(x)
        return keras.Model(inputs, layers.Dense(rng.randint(1, 9), activation="softmax")(x))


@pytest.mark.parametrize("seed", range(8))
def test_random_models(seed: int) -> None:
    """Twenty random models for each seed."""
    for number in range(20):
        compare(Dice(1000 * seed + number).model())


def test_recorded_models() -> None:
    """Recorded figures of keras.applications: shapes, parameters and multiply-adds of every layer, without Keras."""
    made = {
        "VGG16": lambda: keras.applications.VGG16(weights=None),
        "VGG19": lambda: keras.applications.VGG19(weights=None),
        "ResNet50": lambda: keras.applications.ResNet50(weights=None),
        "MobileNetV2": lambda: keras.applications.MobileNetV2(weights=None),
        "DenseNet121": lambda: keras.applications.DenseNet121(weights=None),
        "VGG16-notop": lambda: keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3)),
        "ResNet50-notop": lambda: keras.applications.ResNet50(weights=None, include_top=False, input_shape=(224, 224, 3)),
        "MobileNetV2-a035-96": lambda: keras.applications.MobileNetV2(weights=None, alpha=0.35, input_shape=(96, 96, 3)),
    }  # fmt: skip
    for name, record in REFERENCE.items():
        keras.utils.clear_session()  # numbers in layer names start again
        net = compare(made[name]())
        found = analyze(net)
        totals = found.totals
        assert (totals.params, totals.buffers, totals.macs) == (
            record["params_trainable"],
            record["params_non_trainable"],
            record["macs"],
        )
        rows: dict[str, list[Any]] = {}
        for node, row in zip(net.nodes, found.rows, strict=True):
            head = node.name.split(".")[0]
            params, macs = rows.get(head, [None, 0, 0])[1:]
            rows[head] = [list(node.output), params + row.params + row.buffers, macs + row.macs]
        for layer, out, params, macs in record["layers"][1:]:
            assert rows[layer] == [out, params, macs], (name, layer)


@pytest.mark.parametrize(
    "name",
    [
        "Xception", "InceptionV3", "InceptionResNetV2", "ResNet101V2", "ResNet50V2", "MobileNet", "MobileNetV3Small",
        "MobileNetV3Large", "EfficientNetB0", "EfficientNetB3", "EfficientNetV2B0", "EfficientNetV2S", "ConvNeXtTiny",
        "DenseNet169", "ResNet152",
    ],
)  # fmt: skip
def test_applications(name: str) -> None:
    """Models whose layers were not chosen for the tests."""
    compare(
        getattr(keras.applications, name)(
            weights=None, input_shape=(299, 299, 3) if name.startswith("Inception") else (224, 224, 3)
        )
    )


def test_an_ignored_state_is_reported() -> None:
    """The initial state of a recurrent layer costs nothing and is ignored, which a warning reports."""
    network = compare(states())
    assert [warning.level for warning in network.warnings] == ["warning"] * len(network.warnings)
    assert any("initial state is ignored" in warning.text for warning in network.warnings)
