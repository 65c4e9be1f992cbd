"""Forward passes that may not end or that depend on chance."""

from __future__ import annotations

import os

import pytest

import cnncalc

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch
from torch import nn

from cnncalc.readers.torch import trace


class Endless(nn.Module):
    """A loop whose condition stays true for placeholder numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while x.sum().item() > -1:
            x = self.linear(x)
        return x


def test_a_forward_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused after a number of operations."""
    monkeypatch.setattr(trace, "MOST_OPERATIONS", 500)
    with pytest.raises(cnncalc.CnncalcError) as error:
        cnncalc.from_torch(Endless(), (4,))
    (problem,) = error.value.problems
    assert (problem.code, problem.message) == ("too-large", "forward had not finished after 500 operations")


class Chance(nn.Module):
    """One layer or two, by chance."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.one(x)
        return x if torch.rand(1).item() < 0.5 else self.two(x)


class Noise(nn.Module):
    """Random numbers that do not affect the structure."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.one(x + torch.rand_like(x))


def test_a_forward_that_depends_on_chance_says_so() -> None:
    """The figures are those of one run, and every output has a note about it. Noise alone changes no figure."""
    assert "random numbers" in cnncalc.from_torch(Chance(), (4,)).one_run
    assert not cnncalc.from_torch(Noise(), (4,)).one_run
