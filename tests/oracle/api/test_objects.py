"""Models of PyTorch, Keras and ONNX as objects: `cnncalc.load` reads them, with the figures of the frameworks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import cnncalc
from cnncalc import CnncalcError

torch = pytest.importorskip("torch")


class Net(torch.nn.Module):  # type: ignore[misc]
    """A small network with a block."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.Conv2d(3, width, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2))
        self.fc = torch.nn.Linear(width * 14 * 14, 10)

    def forward(self, x: Any) -> Any:
        """Return the scores."""
        return self.fc(torch.flatten(self.features(x), 1))


def params_of(module: Any) -> int:
    """Return PyTorch's own count."""
    return sum(parameter.numel() for parameter in module.parameters())


def test_a_module() -> None:
    """With a shape in PyTorch's order, a text with channels last, or example inputs."""
    module = Net()
    for options in ({"input": (3, 32, 32)}, {"input": "32x32x3"}, {"example_inputs": torch.zeros(1, 3, 32, 32)}):
        network = cnncalc.load(module, **options)
        assert network.analyze().totals.params == params_of(module)
        assert network.input_shapes == {"input": (32, 32, 3)}
        assert network["features.0"].output == (28, 28, 6)
    assert cnncalc.from_torch(module, (3, 32, 32)).to_json() == cnncalc.load(module, input=(3, 32, 32)).to_json()
    frozen = cnncalc.load(module, input=(3, 32, 32), freeze="features")
    assert frozen.analyze().totals.trainable == params_of(module.fc)


def test_another_input_of_a_module() -> None:
    """The module is read again; one that does not accept the shape is an error with a place in the model."""
    network = cnncalc.load(torch.nn.Conv2d(3, 8, 3), input=(3, 32, 32))
    assert network.with_input("64x48x3").output_shapes != network.output_shapes
    assert list(network.with_input("64x48x3").output_shapes.values()) == [(62, 46, 8)]
    with pytest.raises(CnncalcError):
        network.with_input("64x48x5")
    with pytest.raises(CnncalcError, match="load it with the other input shape"):
        cnncalc.load(Net(), example_inputs=torch.zeros(1, 3, 32, 32)).with_input("64x64x3")


def test_summary_of_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    """The habit of torchinfo: one line."""
    module = Net()
    analysis = cnncalc.summary(module, input_size=(3, 32, 32), depth=1)
    assert analysis.totals.params == params_of(module)
    assert f"{params_of(module):,}" in capsys.readouterr().out


def test_what_a_module_does_not_take() -> None:
    """Options of files are refused, and so is a module without an input."""
    with pytest.raises(TypeError, match=r"a torch\.nn\.Module takes no params"):
        cnncalc.load(Net(), input=(3, 32, 32), params={"width": 3})
    with pytest.raises(TypeError, match="does not store its input shape"):
        cnncalc.load(Net())
    with pytest.raises(TypeError, match="either input_shape or example_inputs"):
        cnncalc.from_torch(Net())
    with pytest.raises(TypeError, match="only for a torch"):
        cnncalc.load("vgg16", example_inputs=torch.zeros(1))


def test_modules_in_threads() -> None:
    """Eight threads read modules of different widths at the same time."""
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda width: cnncalc.load(Net(width), input=(3, 32, 32)).analyze().totals.params, range(1, 25))
        )
    assert found == [params_of(Net(width)) for width in range(1, 25)]


def test_a_keras_model() -> None:
    """Its JSON is read, and its weights are not."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Conv2D(6, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    network = cnncalc.load(model)
    assert network.analyze().totals.params == model.count_params()
    assert network.input_shapes == {"input_layer": (32, 32, 3)} or list(network.input_shapes.values()) == [(32, 32, 3)]


def test_an_onnx_model() -> None:
    """Its bytes are read as those of a file."""
    onnx = pytest.importorskip("onnx")
    data = cnncalc.load("lenet5").export("onnx")
    assert isinstance(data, bytes)
    network = cnncalc.load(onnx.load_from_string(data))
    assert network.analyze().totals.params == 61_706
    assert network.analyze().totals.macs == cnncalc.load("lenet5").analyze().totals.macs
