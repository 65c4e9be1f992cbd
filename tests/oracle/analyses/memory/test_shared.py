"""Shared weights, with and without checkpointing and autocast, and float32 outputs, compared with PyTorch's storages."""

from __future__ import annotations

import os

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="the oracle is PyTorch")

import torch
from torch import Tensor, nn

from tests.oracle.analyses.memory.test_kinds import agree
from tests.oracle.storage import Fc, again

AMP = ["", "float16", "bfloat16"]
CONV = "conv: {filters: 4, kernel: 3, pad: 1}"


class Unrolled(nn.Module):
    """One convolution used repeatedly. Every use but the first is in a block that may be checkpointed."""

    def __init__(self, times: int, checkpointed: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = Fc(144, 3)
        self.times = times
        self.checkpointed = checkpointed

    def part(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = torch.relu(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = torch.relu(x)
        for _ in range(self.times):
            x = again(self.part, x) if self.checkpointed else self.part(x)
        return self.fc(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("amp", AMP)
@pytest.mark.parametrize("checkpointed", [False, True], ids=["kept", "checkpointed"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_convolution(times: int, checkpointed: bool, amp: str) -> None:
    with torch.device("meta"):
        module = Unrolled(times, checkpointed)
    parts = [f"{{as: part{n}, seq: [{{{CONV}, share: c}}, relu]}}" for n in range(times)]
    steps = [f"{{{CONV}, as: c}}", "relu", *parts, "fc: 3"]
    agree(module, (4, 6, 6), "6x6x4", steps, amp, ["part"] if checkpointed else [])


class Recurrent(nn.Module):
    """One product, used repeatedly."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.fc = nn.Linear(40, 40)
        self.last = nn.Linear(40, 3)
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = self.fc(x)
            x = torch.tanh(x)
        return self.last(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("amp", AMP)
@pytest.mark.parametrize("times", [2, 3, 4])
def test_a_product(times: int, amp: str) -> None:
    with torch.device("meta"):
        module = Recurrent(times)
    steps = ["{fc: 40, as: a}", "tanh", *["{fc: 40, share: a}", "tanh"] * (times - 1), "fc: 3"]
    agree(module, (40,), "40", steps, amp)


@pytest.mark.parametrize("amp", AMP)
def test_maps_of_scores(amp: str) -> None:
    """The loss of every pixel. Upsampled scores are float32 under autocast and need no cast."""
    with torch.device("meta"):
        convs = [nn.Conv2d(4, 8, 1), nn.ReLU(), nn.Conv2d(8, 3, 1)]
        larger = nn.Upsample(scale_factor=2, mode="bilinear")
    steps = ["conv: {filters: 8, kernel: 1}", "relu", "conv: {filters: 3, kernel: 1}"]
    agree(nn.Sequential(*convs), (4, 6, 6), "6x6x4", steps, amp)
    upsampled = [*steps, "upsample: {factor: 2, mode: bilinear}"]
    agree(nn.Sequential(*convs, larger), (4, 6, 6), "6x6x4", upsampled, amp)
