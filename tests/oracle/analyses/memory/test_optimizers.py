"""The state of optimizers and the memory of their step, compared with PyTorch."""

from __future__ import annotations

import os
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="the oracle is PyTorch")

import torch
from torch import nn

from cnncalc import from_torch
from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.analyses.memory.peak import Run, train
from cnncalc.analyses.memory.plan import plan
from cnncalc.analyses.parameters import learned
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read
from tests.oracle import storage
from tests.oracle.storage import measure_training, random_network

FOREACH = tuple(name for name in storage.OPTIMIZERS if name != "adafactor")


def perceptron() -> nn.Module:
    """Return a network that is mostly parameters, so that the peak is in the optimizer's step."""
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 40), nn.Tanh(), nn.Linear(40, 300), nn.Tanh(), nn.Linear(300, 7))


def convolutions() -> nn.Module:
    """Return parameters of one to five axes, with the largest in the middle."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 64, 3, padding=1), nn.PReLU(), nn.Conv2d(64, 4, (1, 3)),
        nn.ConvTranspose2d(4, 6, 2), nn.Flatten(), nn.Linear(90, 5),
    )  # fmt: skip


def step(run: Run) -> int:
    """Return the live bytes in the optimizer's step."""
    return max(moment.live for moment in run.moments if moment.phase == "optimizer")


@pytest.mark.parametrize("optimizer", FOREACH)
def test_a_step(optimizer: Any) -> None:
    for module in (perceptron(), convolutions()):
        network = from_torch(module, (3, 4, 4))
        measured = measure_training(module, (3, 4, 4), 2, optimizer)
        run = train(network, 2, optimizer=optimizer)
        assert run.exact
        assert run.fixed["optimizer state"] == measured["opt_state_bytes"]
        assert run.peak.live == measured["peak_bytes"]
        if measured["opt_peak"] is not None:
            assert step(run) == measured["opt_peak"]


@pytest.mark.parametrize("optimizer", FOREACH)
@pytest.mark.parametrize("seed", range(2))
def test_random_networks(seed: int, optimizer: Any) -> None:
    module, text = random_network(seed)
    measured = measure_training(module, module.x_shape, 2, optimizer)
    run = train(read(Source("net.yaml", text)), 2, optimizer=optimizer)
    assert run.fixed["optimizer state"] == measured["opt_state_bytes"]
    assert run.peak.live == measured["peak_bytes"]


@pytest.mark.parametrize("made", [perceptron, convolutions])
@pytest.mark.parametrize("frozen", [False, True], ids=["trained", "partly frozen"])
def test_adafactor(made: Any, frozen: bool) -> None:
    """Its state is factored along a parameter's last two axes, and the step visits one parameter after another."""
    module = made()
    if frozen:
        next(module.parameters()).requires_grad_(False)
    network = from_torch(module, (3, 4, 4))
    measured = measure_training(module, (3, 4, 4), 2, "adafactor", dispatch="cpu")
    run = train(network, 2, optimizer="adafactor")
    assert run.exact
    assert run.fixed["optimizer state"] == measured["opt_state_bytes"]
    assert step(run) == measured["opt_peak"]


@pytest.mark.parametrize("seed", range(12))
def test_adafactor_of_a_specification(seed: int) -> None:
    """Its parameters have PyTorch's dimensions, but their order is unknown, so the step has bounds."""
    module, text = random_network(seed)
    measured = measure_training(module, module.x_shape, 2, "adafactor", dispatch="cpu")
    run = train(read(Source("net.yaml", text)), 2, optimizer="adafactor")
    assert run.fixed["optimizer state"] == measured["opt_state_bytes"]
    assert step(run) <= measured["opt_peak"]


KINDS: dict[str, tuple[nn.Module, tuple[int, ...], str]] = {
    "conv": (nn.Conv2d(6, 8, (3, 1), groups=2), (6, 9, 9), "conv: {filters: 8, kernel: 3x1, groups: 2}"),
    "conv of a sequence": (nn.Conv1d(6, 8, 3), (6, 4), "conv: {filters: 8, kernel: 3}"),
    "depthwise": (nn.Conv2d(6, 12, 3, groups=6), (6, 9, 9), "depthwise: {kernel: 3, multiplier: 2}"),
    "transposed": (
        nn.ConvTranspose2d(6, 8, (3, 2), groups=2), (6, 9, 9), "convtranspose: {filters: 8, kernel: 3x2, groups: 2}"
    ),
    "fc": (nn.Linear(6, 8), (6,), "fc: 8"),
    "batchnorm": (nn.BatchNorm2d(6), (6, 9, 9), "batchnorm"),
    "layernorm": (nn.LayerNorm(6), (4, 6), "layernorm"),
    "groupnorm": (nn.GroupNorm(2, 6), (6, 9, 9), "groupnorm: 2"),
    "prelu": (nn.PReLU(6), (6, 9, 9), "prelu: channel"),
    "embedding": (nn.Embedding(10, 6), (4,), "embedding: {vocab: 10, dim: 6}"),
    "attention": (nn.MultiheadAttention(6, 2), (4, 6), "attention: 2"),
    "lstm": (nn.LSTM(6, 8), (4, 6), "lstm: {units: 8, bias: none}"),
    "gru": (nn.GRU(6, 8), (4, 6), "gru: {units: 8, bias: none}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_dimensions(kind: str) -> None:
    """Parameters of a specification have the dimensions of PyTorch's modules."""
    module, shape, step = KINDS[kind]
    last = (*shape[1:], shape[0]) if kind not in ("layernorm", "attention", "lstm", "gru") else shape
    network = read(Source("net.yaml", f"input: {'x'.join(map(str, last))}\nlayers: [{step}]\n"))
    found = learned(network, plan(network, training=True).learned)
    theirs = [tuple(parameter.shape) for name, parameter in module.named_parameters()]
    if kind in ("lstm", "gru"):
        theirs = theirs[:2]
    assert sorted(parameter.dims or () for parameter in found) == sorted(theirs)


@pytest.mark.parametrize(("optimizer", "copies"), [("lion", 1), ("lamb", 2)])
def test_published_rules(optimizer: str, copies: int) -> None:
    """PyTorch has neither. Their state is that of the papers, and their step has a lower bound of zero."""
    network = from_torch(perceptron(), (3, 4, 4))
    run = train(network, 2, optimizer=optimizer)
    assert run.fixed["optimizer state"] == copies * run.gradients
    assert run.unstated == (f"the step of {optimizer}",)


def test_every_optimizer_is_measured() -> None:
    published = {name for name, rule in OPTIMIZERS.items() if rule.published}
    assert set(OPTIMIZERS) - published == set(storage.OPTIMIZERS)
    assert not any(hasattr(torch.optim, name.capitalize()) for name in published)
