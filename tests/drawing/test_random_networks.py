"""Pictures of random networks with blocks, repetitions, long skips, dead ends and several inputs have no flaws."""

from __future__ import annotations

from random import Random

import pytest

from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.drawing.graph import graph_view
from cnncalc.drawing.options import Options
from cnncalc.layers import KINDS
from cnncalc.layers.conv import Conv
from cnncalc.layers.merge import Add, Concat, Mul
from cnncalc.network import Builder
from cnncalc.shape import Shape
from tests.drawing.geometry import flaws

OPERATIONS = ("conv", "conv", "relu", "batchnorm", "add", "concat", "mul", "maxpool", "gelu", "last")


def network(seed: int) -> Analysis:
    """Return a random network; its blocks are runs of layers whose names share a path, as in any model."""
    dice = Random(seed)
    builder = Builder()
    values = [builder.input("input", Shape((8, 8, 4)))]
    if dice.random() < 0.2:
        values.append(builder.input("other", Shape((8, 8, 4))))
    path: list[str] = []
    size = dice.choice([5, 12, 30, 80])
    while len(values) < size:
        if dice.random() < 0.3:
            path = (
                path[:-1] if path and dice.random() < 0.5 else [*path[:3], f"{dice.choice('abc3')}{dice.randrange(3)}"]
            )
        times = dice.choice([1, 1, 1, 3])
        operations = dice.choices(OPERATIONS, k=dice.randrange(1, 6))
        for operation in operations * times:
            name = ".".join([*path, f"layer{len(values)}"])
            values.append(add(builder, operation, values, name, dice))
    outputs = {values[-1], dice.choice(values)} if dice.random() < 0.3 else {values[-1]}
    return analyze(builder.finish(sorted(outputs)))


def add(builder: Builder, operation: str, values: list[int], name: str, dice: Random) -> int:
    """Add a layer that reads one of the last values, or several."""
    near = values[-1] if operation == "last" else values[-min(dice.choice([1, 1, 1, 2, 3, 8]), len(values))]
    if operation in ("conv", "last"):
        return builder.add(Conv(filters=4, kernel=3, pad=1), [near], name)
    if operation == "maxpool":
        return builder.add(KINDS["maxpool"](kernel=3, stride=1, pad=1), [near], name)
    if operation not in ("add", "mul", "concat"):
        return builder.add(KINDS[operation](), [near], name)
    sources = list(
        dict.fromkeys([*dice.sample(values[-6:], k=min(dice.randrange(1, 4), len(values[-6:]))), values[-1]])
    )
    if operation == "concat":
        joined = builder.add(Concat(), sources, f"{name}_joined")
        return builder.add(Conv(filters=4, kernel=1), [joined], name)
    return builder.add({"add": Add, "mul": Mul}[operation](), sources, name)


@pytest.mark.parametrize("seeds", [range(8), pytest.param(range(8, 120), marks=pytest.mark.heavy)], ids=["few", "many"])
def test_pictures_have_no_flaws(seeds: range) -> None:
    for seed in seeds:
        analysis = network(seed)
        for options in (
            Options(), Options(horizontal=True), Options(depth=seed % 3), Options(color_by="macs", show=("params", "rf")),
        ):  # fmt: skip
            assert flaws(graph_view(analysis, options), analysis.network) == [], (seed, options)
