"""The figures of tests/foreign_cases.py, compared with PyTorch and Keras."""

from __future__ import annotations

from typing import Any

import pytest

from tests.foreign_cases import KERAS, MODULES, PYTORCH, Case


@pytest.mark.parametrize("case", PYTORCH, ids=[case.written for case in PYTORCH])
def test_pytorch(case: Case) -> None:
    torch = pytest.importorskip("torch")
    made: Any = eval(case.written.replace("nn.", "torch.nn."), {"torch": torch})
    *spatial, channels = map(int, case.input.split("x"))
    name = type(made).__name__
    if name == "Embedding":
        x = torch.zeros(1, channels, dtype=torch.long)
    elif name in (
        "Linear",
        "LazyLinear",
        "LSTM",
        "GRU",
        "RNN",
        "LayerNorm",
        "RMSNorm",
        "TransformerEncoderLayer",
        "Softmax",
        "GLU",
    ):
        made.batch_first = True
        x = torch.zeros(1, *spatial, channels)
    else:
        x = torch.zeros(1, channels, *spatial)
    y = made.eval()(x)
    y = y[0] if isinstance(y, tuple) else y
    moved = x.shape[1:] != (*spatial, channels) and y.dim() > 2
    shape = (*y.shape[2:], y.shape[1]) if moved else tuple(y.shape[1:])
    assert "x".join(map(str, shape)) == case.output
    assert sum(parameter.numel() for parameter in made.parameters()) == case.params


@pytest.mark.parametrize("case", KERAS, ids=[case.written for case in KERAS])
def test_keras(case: Case) -> None:
    keras = pytest.importorskip("keras")
    names = {name: getattr(keras.layers, name) for name in dir(keras.layers)}
    made = eval(case.written, {"layers": keras.layers, **names})
    inputs = keras.Input(tuple(map(int, case.input.split("x"))))
    model = keras.Model(inputs, made(inputs))
    assert "x".join(map(str, model.output_shape[1:])) == case.output
    assert sum(int(weight.shape.num_elements() if hasattr(weight.shape, "num_elements") else _size(weight.shape))
               for weight in model.trainable_weights) == case.params  # fmt: skip


def _size(shape: Any) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def test_all_modules_of_pytorch_are_listed() -> None:
    torch = pytest.importorskip("torch")
    kinds = [
        name for name, kind in vars(torch.nn).items() if isinstance(kind, type) and issubclass(kind, torch.nn.Module)
    ]
    assert set(kinds) <= set(MODULES.split())
