"""Receptive fields compared with gradients: a cell sees the input cells for which its derivative is not 0.

Random networks have positive weights, so that no two paths cancel, and run on a strip of ones. Average pooling represents both
poolings, because the gradient of a maximum reaches only one cell.
"""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest

from cnncalc.analyses.receptive import Cycle, Whole, receptive_fields
from cnncalc.analyses.receptive_span import Span
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv, ConvTranspose
from cnncalc.layers.dense import FC
from cnncalc.layers.merge import Add
from cnncalc.layers.pool import AdaptiveAvgPool, AvgPool, GlobalAvgPool
from cnncalc.layers.reshape import Resize, Slice, Upsample
from cnncalc.network import Builder
from cnncalc.problem import Problem
from cnncalc.shape import Shape

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch
from torch import Tensor, nn

LENGTH = 90
pytestmark = pytest.mark.usefixtures("one_thread")


def drawn(random: Random) -> tuple[Layer, nn.Module]:
    """Draw a layer and its equivalent in PyTorch."""
    kernel, stride, pad, dilation = (
        random.randint(1, 5),
        random.randint(1, 3),
        random.randint(0, 2),
        random.randint(1, 2),
    )
    kind = random.choice(["conv", "conv", "avgpool", "convtranspose", "upsample"])
    if kind == "conv":
        return (
            Conv(filters=1, kernel=kernel, stride=stride, pad=pad, dilation=dilation),
            nn.Conv1d(1, 1, kernel, stride, pad, dilation),
        )
    if kind == "avgpool":
        return AvgPool(kernel=kernel, stride=stride, pad=kernel // 2), nn.AvgPool1d(kernel, stride, kernel // 2)
    if kind == "convtranspose":
        return (
            ConvTranspose(filters=1, kernel=kernel, stride=stride, pad=pad, dilation=dilation),
            nn.ConvTranspose1d(1, 1, kernel, stride, pad, dilation=dilation),
        )
    mode = random.choice(["nearest", "linear"])
    return Upsample(factor=stride, mode=mode), nn.Upsample(scale_factor=stride, mode=mode)


class Both:
    """A network in cnncalc and in PyTorch: a chain, or two chains that are added."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.builder.input("input", Shape((LENGTH, 1)))
        self.modules: list[tuple[nn.Module | None, tuple[int, ...]]] = [(None, ())]

    def add(self, layer: Layer, module: nn.Module | None, *values: int) -> int:
        """Add a layer."""
        after = self.builder.add(layer, values, f"layer{len(self.modules)}")
        self.modules.append((module, values))
        return after

    def chain(self, random: Random, value: int) -> int:
        """Add a few layers that fit and do not grow too long."""
        for _ in range(random.randint(1, 4)):
            layer, module = drawn(random)
            if self.builder.shape(value)[0] > 250:
                break
            try:
                value = self.add(layer, module, value)
            except Problem:
                continue
        return value

    def forward(self, x: Tensor) -> Tensor:
        """Return the values in order, computed by PyTorch."""
        found = [x]
        for module, values in self.modules[1:]:
            found.append(module(found[values[0]]) if module is not None else found[values[0]] + found[values[1]])
        return found[-1]


def supports(network: Both) -> list[tuple[int, int] | None]:
    """Return the first and last input cell with a gradient, for every output cell."""
    for module, _ in network.modules[1:]:
        if module is not None:
            module.double()
        for parameter in module.parameters() if module is not None else ():
            nn.init.uniform_(parameter, 0.5, 1.0)
            parameter.requires_grad_(False)
    x = torch.ones(1, 1, LENGTH, dtype=torch.float64, requires_grad=True)
    y = network.forward(x)
    found: list[tuple[int, int] | None] = []
    for cell in range(y.shape[-1]):
        (gradient,) = torch.autograd.grad(y[0, 0, cell], x, retain_graph=True)
        places = (gradient[0, 0] > 1e-9).nonzero().flatten().tolist()  # rounding leaves 1e-16 next to an aligned centre
        found.append((places[0], places[-1]) if places else None)
    return found


def predicted(field: Any, place: int) -> tuple[int, int] | None:
    """Return what an output cell sees according to the analysis."""
    (axis,) = field
    if not isinstance(axis, Cycle):
        return axis[0] + place * axis[2], axis[1] + place * axis[2]
    turn, number = divmod(place, len(axis.seen))
    one = axis.seen[number]
    return None if one is None else (one[0] + turn * axis.period, one[1] + turn * axis.period)


def agreeing(network: Both) -> int:
    """Compare all output cells and return how many are away from the borders. Cells at a border may see fewer cells."""
    built = network.builder.finish([len(network.modules) - 1])
    field = receptive_fields(built)[-1]
    if field is None:
        return 0
    assert not isinstance(field, Whole)
    inside = 0
    found = supports(network)
    assert len(found) == built.nodes[-1].output[0]
    for place, theirs in enumerate(found):
        ours = predicted(field, place)
        if theirs is None or ours is None:
            assert ours is None or theirs is None  # a cell that sees only padding, or a gap
            continue
        assert ours[0] <= theirs[0] <= theirs[1] <= ours[1], f"cell {place} of {[m for m, _ in network.modules]}"
        # in the middle third no border is in reach
        if ours[0] >= LENGTH // 3 and ours[1] < 2 * LENGTH // 3:
            assert ours == theirs, f"cell {place} of {[m for m, _ in network.modules]}"
            inside += 1
    return inside


def test_chains_against_gradients() -> None:
    """Random chains of convolutions, poolings, transposed convolutions and upsamplings."""
    compared = 0
    for seed in range(60):
        network = Both()
        network.chain(Random(seed), 0)
        compared += agreeing(network)
    assert compared > 1000


class Take(nn.Module):
    """A part of a strip."""

    def __init__(self, start: int, stop: int, step: int) -> None:
        super().__init__()
        self.part = slice(start, stop, step)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, self.part]


def cut(random: Random, length: int) -> tuple[Layer, nn.Module]:
    """Return a layer that skips cells or only looks back, and its equivalent in PyTorch."""
    kernel, dilation = random.randint(1, 3), random.randint(1, 4)
    kind = random.choice(["slice", "skip", "causal", "adaptive", "smaller"])
    if kind == "slice":
        start = random.randint(0, length // 2)
        stop, step = random.randint(start + 1, length), random.randint(1, 3)
        return Slice(axis="steps", start=start, stop=stop, step=step), Take(start, stop, step)
    if kind == "skip":
        stride, pad = random.randint(1, 7), random.randint(0, 4)
        return (
            Conv(filters=1, kernel=kernel, stride=stride, pad=pad, dilation=dilation),
            nn.Conv1d(1, 1, kernel, stride, pad, dilation),
        )
    if kind == "causal":
        before = dilation * (kernel - 1)
        return (
            Conv(filters=1, kernel=kernel, pad={"left": before}, dilation=dilation),
            nn.Sequential(nn.ConstantPad1d((before, 0), 0.0), nn.Conv1d(1, 1, kernel, dilation=dilation)),
        )
    to = random.randint(1, length)
    if kind == "adaptive":
        return AdaptiveAvgPool(output=(to,)), nn.AdaptiveAvgPool1d(to)
    mode = random.choice(["nearest", "linear", "area"])
    return Resize(to=(to,), mode=mode), nn.Upsample(to, mode=mode)


def test_what_fully_connected_and_global_layers_see() -> None:
    """After slices, crops, large strides, causal padding and uneven windows: exactly the cells with a gradient."""
    parts = 0
    for seed in range(400):
        random = Random(f"cut{seed}")
        network, value = Both(), 0
        for _ in range(random.randint(1, 5)):
            length = network.builder.shape(value)[0]
            layer, module = drawn(random) if random.random() < 0.4 or length < 4 else cut(random, length)
            try:
                value = network.add(layer, module, value)
            except Problem:
                continue
            if network.builder.shape(value)[0] > 400:
                break
        ends: list[tuple[Layer, nn.Module]] = [
            (GlobalAvgPool(), nn.AdaptiveAvgPool1d(1)),
            (
                FC(units=1),
                nn.Sequential(nn.Flatten(1), nn.Linear(network.builder.shape(value)[0], 1), nn.Unflatten(1, (1, 1))),
            ),
        ]
        network.add(*random.choice(ends), value)
        field = receptive_fields(network.builder.finish([len(network.modules) - 1]))[-1]
        [theirs] = supports(network)
        if isinstance(field, Whole):
            assert theirs == (0, LENGTH - 1), [module for module, _ in network.modules]
        elif theirs is None:
            assert field == ()
        else:
            assert field == (Span(*theirs, LENGTH),), [module for module, _ in network.modules]
            parts += 1
    assert parts > 150


def test_branches_against_gradients() -> None:
    """Two chains of the same length, added."""
    compared = 0
    for seed in range(3000):  # most pairs differ in length
        random = Random(f"branches{seed}")
        network = Both()
        one, other = network.chain(random, 0), network.chain(random, 0)
        if network.builder.shape(one) == network.builder.shape(other):
            network.add(Add(), None, one, other)
            compared += agreeing(network)
    assert compared > 200
