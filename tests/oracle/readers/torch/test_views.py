"""What PyTorch's reductions see, and how operations without a rule arrange their axes."""

from __future__ import annotations

import os

import pytest

import cnncalc
from cnncalc.analyses.receptive import receptive_fields

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch
from torch import nn


class Reduced(nn.Module):
    """A convolution, and a reduction of its values."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return eval(self.how, {"torch": torch, "y": self.conv(x)})


@pytest.mark.parametrize(
    ("how", "axes"),
    [
        ("y.mean(1, keepdim=True)", 2), ("y.amax(1, keepdim=True)", 2), ("y.norm(dim=1, keepdim=True)", 2),
        ("y.std(1, keepdim=True)", 2), ("y.logsumexp(1, keepdim=True)", 2), ("y.sum((1, 2), keepdim=True)", 0),
        ("torch.einsum('bchw,oc->bohw', y, torch.ones(4, 8))", 0), ("y.topk(2, dim=1)[0]", 2),
    ],
)  # fmt: skip
def test_a_reduction_over_channels_sees_its_own_cell(how: str, axes: int) -> None:
    """Gradients of the middle cell reach 3x3 pixels. If a field cannot be followed, it is unknown and not everything."""
    network = cnncalc.from_torch(Reduced(how), (3, 16, 16))
    field = receptive_fields(network)[-1]
    assert field == (((-1, 1, 1),) * axes or None)
    x = torch.ones(1, 3, 16, 16, requires_grad=True)
    out = Reduced(how)(x)
    if axes:
        out[0, 0, 8, 8].backward()
        assert x.grad is not None
        assert (x.grad[0].abs().sum(0) > 0).any(0).sum() <= 3


def test_the_axes_of_an_operation_without_a_rule() -> None:
    """A Fourier transform keeps the order of its axes; channels are shown last."""
    network = cnncalc.from_torch(Reduced("torch.fft.rfft2(y).abs()"), (3, 16, 16))
    assert network.nodes[-1].output == (16, 9, 8)
