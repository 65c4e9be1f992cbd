"""Values joined number by number, products of two values, and lookups in tables, compared with PyTorch's storages."""

from __future__ import annotations

import os
from collections.abc import Callable
from unittest.mock import patch

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="the oracle is PyTorch")

import torch
from torch import Tensor, nn

from tests.oracle.analyses.memory.test_kinds import agree
from tests.oracle.storage import Fc, Mean

Join = Callable[[Tensor, Tensor], Tensor]
CONV = "conv: {filters: 4, kernel: 1}"
JOINS: dict[str, Join] = {
    "add": torch.add,
    "mul": torch.mul,
    "sub": torch.sub,
    "average": torch.add,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}
# channels of the convolution that makes each operand: 0 is the value itself, -1 a number per channel
OPERANDS = {
    "two": (4, 4),
    "and the value": (4, 0),
    "the value and": (0, 4),
    "three": (4, 0, 4),
    "a gate": (4, -1),
    "a gate first": (-1, 4),
    "two gates": (-1, -1, 4),
    "one channel": (1, 4),
}


class Joined(nn.Module):
    """Operands and their sum, product or the like; `mean` divides it by their number."""

    def __init__(self, join: Join, operands: tuple[int, ...], mean: bool) -> None:
        super().__init__()
        self.join = join
        self.mean = mean
        self.operands = nn.ModuleList(nn.ModuleList(_parts(channels)) for channels in operands)

    def forward(self, x: Tensor) -> Tensor:
        values = []
        for parts in self.operands:
            value = x
            for part in parts:  # type: ignore[attr-defined]
                value = part(value)
            values.append(value)
            del value
        total = values.pop(0)
        while values:
            total = self.join(total, values.pop(0))
        return total / len(self.operands) if self.mean else total


def _parts(channels: int) -> list[nn.Module]:
    pooled: list[nn.Module] = [nn.AdaptiveAvgPool2d(1)] if channels < 0 else []
    return [*pooled, nn.Conv2d(4, 4 if channels < 0 else channels, 1)] if channels else []


def _said(channels: int) -> str:
    if not channels:
        return "prev"
    count = 4 if channels < 0 else channels
    return "[" + "{adaptiveavgpool: 1}, " * (channels < 0) + f"{{conv: {{filters: {count}, kernel: 1}}}}]"


@pytest.mark.parametrize(("first", "amp"), [(False, ""), (True, ""), (False, "float16")])
@pytest.mark.parametrize("operands", OPERANDS)
@pytest.mark.parametrize("kind", JOINS)
def test_joins(kind: str, operands: str, first: bool, amp: str) -> None:
    channels = OPERANDS[operands]
    with torch.device("meta"):
        before = [] if first else [nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)]
        joined = Joined(JOINS[kind], channels, kind == "average")
        module = nn.Sequential(*before, joined, nn.Conv2d(4, 3, 1), nn.ReLU(), Mean())
    spread = ", broadcast: true" if (kind == "add" and min(channels) < 0) or (1 in channels and kind == "add") else ""
    step = f"{{{kind}: [{', '.join(map(_said, channels))}]{spread}}}"
    steps = [*([] if first else [CONV, "batchnorm"]), step, "conv: {filters: 3, kernel: 1}", "relu", "globalavgpool"]
    agree(module, (4, 6, 6), "6x6x4", steps, amp)


class Product(nn.Module):
    """Two linear layers, and the product of their outputs along one axis. It copies operands that are not in rows."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(8, 8)
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        a = self.first(x)
        b = self.second(x)
        length = x.shape[self.axis + 1]
        rest = x[0].numel() // length
        rows = a.movedim(self.axis + 1, -1).reshape(-1, rest, length)
        columns = b.movedim(self.axis + 1, 1).reshape(-1, length, rest)
        return torch.bmm(rows, columns)


@pytest.mark.parametrize("amp", ["", "float16"])
@pytest.mark.parametrize(("shape", "axis"), [((5, 8), 0), ((5, 8), 1), ((6, 5, 8), 0), ((6, 5, 8), 1), ((6, 5, 8), 2)])
def test_dot(shape: tuple[int, ...], axis: int, amp: str) -> None:
    rest = torch.Size(shape).numel() // shape[axis]
    with torch.device("meta"):
        module = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), Product(axis), Fc(rest * rest, 3))
    step = f"{{dot: [[{{linear: 8}}], [{{linear: 8}}]], left: {axis}, right: {axis}}}"
    agree(module, shape, "x".join(map(str, shape)), ["linear: 8", "relu", step, "fc: 3"], amp)


@pytest.mark.parametrize("amp", ["", "float16", "bfloat16"])
def test_embedding(amp: str) -> None:
    """Indices have 8 bytes each, and the gradient is as large as the table."""
    with torch.device("meta"):
        module = nn.Sequential(nn.Embedding(50, 8), nn.Linear(8, 4), nn.ReLU(), Fc(28, 3))
    zeros = torch.zeros

    def indices(*sizes: int, **options: object) -> Tensor:
        return zeros(*sizes, **{**options, **({"dtype": torch.int64} if sizes[1:] == (7,) else {})})  # type: ignore[arg-type]

    with patch.object(torch, "zeros", indices):
        agree(module, (7,), "7", ["embedding: {vocab: 50, dim: 8}", "linear: 4", "relu", "fc: 3"], amp)
