"""PyTorch source written by cnncalc: which parameters are frozen."""

from __future__ import annotations

import os
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

from torch import nn

import cnncalc
from cnncalc.writers.blocks import Unexportable
from cnncalc.writers.torch.writer import text


def frozen_names(source: str) -> list[str]:
    """Return the frozen parameters of the model that a source builds."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(source, names)
    model = next(kind for name, kind in names.items() if name == "Sequential")()
    return [name for name, value in model.named_parameters() if not value.requires_grad]


def test_a_layer_that_is_frozen_in_part_stays_so() -> None:
    """Biases of a convolution and of a norm and weights of a linear layer, in a model that is otherwise trained."""
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU()),
        nn.Flatten(),
        nn.Linear(144, 2),
    )
    for parameter in (module[0].bias, module[1].bias, module[2][0].bias, module[4].weight):
        parameter.requires_grad_(False)
    names = frozen_names(text(cnncalc.from_torch(module, (3, 8, 8))))
    kinds = [name.rpartition(".")[2] for name in names]
    assert kinds == ["bias", "bias", "bias", "weight"], names


def test_a_layer_whose_frozen_parameters_have_no_name_is_refused() -> None:
    """torch.nn has different names for the parameters of an LSTM."""
    module = nn.Sequential(nn.LSTM(4, 5, batch_first=True))
    module[0].bias_ih_l0.requires_grad_(False)
    with pytest.raises(Unexportable, match="only some of its parameters are frozen, and cnncalc does not know"):
        text(cnncalc.from_torch(module, (6, 4)))
