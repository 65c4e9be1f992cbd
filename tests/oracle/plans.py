"""Shared code of tests that compare layer rules with a framework: seeded configurations of layers, and the comparison."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from cnncalc.layers import kind_named
from cnncalc.problem import Problem
from cnncalc.shape import Shape

Draw = Callable[[random.Random, int], Any]
Says = Callable[[Any], "Facts | None"]


class Facts(NamedTuple):
    """The figures that must agree; `macs` is None if the framework does not count multiply-adds."""

    out: tuple[int, ...]
    weights: int
    biases: int
    buffers: int
    macs: int | None = None


class Plan(NamedTuple):
    """The configurations of one layer: how to draw one, how many for each spatial rank, and whether any can be invalid."""

    draw: Draw
    ranks: tuple[int, ...]
    refuses: bool
    amount: int


class Plans(dict[str, Plan]):
    """The plans of a framework's layers by name; `plan` registers how configurations are drawn."""

    def __init__(self, amount: int) -> None:
        super().__init__()
        self.amount = amount

    def plan(self, name: str, ranks: tuple[int, ...], refuses: bool, count: int = 0) -> Callable[[Draw], Draw]:
        """Register how configurations of a layer are drawn."""

        def keep(draw: Draw) -> Draw:
            assert name not in self
            self[name] = Plan(draw, ranks, refuses, count or self.amount)
            return draw

        return keep

    def trials(self, name: str, rank: int) -> list[Any]:
        """Return the configurations of a layer for a number of spatial axes; they are the same in every run."""
        found = self[name]
        rng = random.Random(zlib.crc32(f"{name} {rank}".encode()))
        return [found.draw(rng, rank) for _ in range(found.amount)]

    def hold(self, name: str, judge: Says, ours: Says) -> None:
        """Assert that both sides agree on every configuration, and that there were enough valid and invalid ones."""
        found = self[name]
        accepted = refused = 0
        for rank in found.ranks:
            for trial in self.trials(name, rank):
                expected = judge(trial)
                assert ours(trial) == expected, (trial.fields, trial.shapes)
                accepted += expected is not None
                refused += expected is None
        assert accepted >= 100
        assert refused >= 20 if found.refuses else refused == 0


def sizes(rng: random.Random, rank: int, least: int, most: int) -> Any:
    """Draw a size: mostly one number, often one per axis, sometimes one for another number of axes."""
    luck = rng.random()
    if luck < 0.55:
        return rng.randint(least, most)
    count = rank if luck < 0.96 else rng.choice([axes for axes in (2, 3) if axes != rank])
    return tuple(rng.randint(least, most) for _ in range(count))


def stated(trial: Any) -> Facts | None:
    """Return cnncalc's figures for a configuration, or None if it raises its error."""
    xs = tuple(map(Shape, trial.shapes))
    try:
        layer = kind_named(trial.kind)(**trial.fields)
        out = layer.out(*xs)
    except Problem as problem:
        said = problem
    else:
        assert type(out) is Shape
        found = layer.weights(*xs)
        biases = sum(number for name, number in found.items() if name.startswith("bias"))
        buffers = sum(layer.buffers(*xs).values())
        return Facts(tuple(out), sum(found.values()) - biases, biases, buffers, int(layer.macs(*xs)))
    assert said.code
    assert said.text[0] == said.text[0].lower()
    return None
