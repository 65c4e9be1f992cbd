"""Small modules with what makes a graph difficult to draw: long skips, several inputs and outputs, recurrence, attention."""

from __future__ import annotations

import os

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, which these modules need, is not installed")

import torch
from torch import Tensor, nn


class Tagger(nn.Module):
    """Words to tags: an embedding and a bidirectional LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(1000, 32)
        self.lstm = nn.LSTM(32, 64, num_layers=2, bidirectional=True, batch_first=True)
        self.tags = nn.Linear(128, 17)

    def forward(self, words: Tensor) -> Tensor:
        states, _ = self.lstm(self.embed(words.long()))
        return self.tags(states)


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )  # fmt: skip


class Nested(nn.Module):
    """A U-Net++: every level is joined with all levels before it and the level below."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = conv(3, 8), conv(8, 16, 2), conv(16, 32, 2)
        self.up_second, self.up_first, self.up_last = conv(48, 16), conv(24, 8), conv(32, 8)
        self.head = nn.Conv2d(8, 2, 1)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        x00 = self.first(x)
        x10 = self.second(x00)
        x20 = self.third(x10)
        x01 = self.up_first(torch.cat([x00, self.up(x10)], 1))
        x11 = self.up_second(torch.cat([x10, self.up(x20)], 1))
        x02 = self.up_last(torch.cat([x00, x01, self.up(x11)], 1))
        return self.head(x02)


class Siamese(nn.Module):
    """Two inputs through the same layers, compared."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, 16, 2), conv(16, 32, 2), nn.Flatten(), nn.Linear(2048, 64))
        self.head = nn.Linear(64, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.head((self.body(left) - self.body(right)).abs())


class Encoder(nn.Module):
    """A stack of equal transformer layers."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Pyramid(nn.Module):
    """A feature pyramid with an output at each of three levels."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList([conv(3, 16, 2), conv(16, 32, 2), conv(32, 64, 2)])
        self.lateral = nn.ModuleList([nn.Conv2d(width, 32, 1) for width in (16, 32, 64)])
        self.smooth = nn.ModuleList([nn.Conv2d(32, 32, 3, padding=1) for _ in range(3)])
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        top = self.lateral[2](found[2])
        middle = self.lateral[1](found[1]) + self.up(top)
        bottom = self.lateral[0](found[0]) + self.up(middle)
        return self.smooth[0](bottom), self.smooth[1](middle), self.smooth[2](top)


class Shared(nn.Module):
    """The same residual layer three times, with a gate that reads the input."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 16)
        self.step = conv(16, 16)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 16, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        value = self.stem(x)
        for _ in range(3):
            value = value + self.step(value) * self.gate(x)
        return value
