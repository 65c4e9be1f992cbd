"""Memory of networks in which some parameters are not trained, compared with the storages of the same modules."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="the oracle is PyTorch")

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnncalc import from_torch
from cnncalc.analyses.memory.peak import infer, train, was_run
from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read
from cnncalc.writers.torch import writer
from tests.oracle.storage import Fc, Mean, measure_inference, measure_training, random_network

OPTIMIZERS = ("sgd", "adam", "rmsprop")


def few(first: int, most: int) -> list[Any]:
    """Return seeds; all but the first ones belong to the long sweep."""
    return [seed if seed < first else pytest.param(seed, marks=pytest.mark.heavy) for seed in range(most)]


def layers(module: nn.Module) -> list[nn.Module]:
    """Return the modules that hold parameters themselves."""
    return [part for part in module.modules() if any(True for _ in part.parameters(recurse=False))]


def freeze(module: nn.Module, seed: int) -> None:
    """Freeze a part of the network: its beginning, any layers, all norms, or any parameters."""
    draw = random.Random(seed)
    own = layers(module)
    last = own.pop()  # at least one parameter is trained
    way = draw.randrange(4)
    if way == 0:
        for part in own[: draw.randint(0, len(own))]:
            part.requires_grad_(False)
    elif way == 1:
        for part in own:
            part.requires_grad_(draw.random() < 0.4)
    elif way == 2:
        for part in own:
            part.requires_grad_(not isinstance(part, nn.BatchNorm2d))
    for part in (*own, last) if way == 3 else ():
        for parameter in part.parameters():
            parameter.requires_grad_(draw.random() < 0.5)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        last.requires_grad_(True)


def agree(network: Network, module: Any, shape: tuple[int, ...], batch: int, optimizer: Any, amp: str = "") -> None:
    """Check that the peaks of forward, backward and the step, what is kept between them, and gradients equal PyTorch's."""
    dtype = getattr(torch, amp) if amp else None
    measured = measure_training(module, shape, batch, optimizer, amp=dtype)
    run = train(network, batch, optimizer=optimizer, amp=amp)
    assert not run.bounded
    assert run.exact or not was_run(network)  # for a file, a peak in forward is an estimate
    assert run.gradients == measured["grads_bytes"]
    assert run.fixed["optimizer state"] == measured["opt_state_bytes"]
    assert run.saved == measured["act_bytes_end_fwd"]
    for phase, key in (("forward", "fwd_peak"), ("backward", "bwd_peak")):
        assert max(moment.live for moment in run.moments if moment.phase == phase) == measured[key]
    assert run.peak.live == measured["peak_bytes"]
    eager = measure_inference(module, shape, batch, amp=dtype)["peak_bytes"]
    assert infer(network, batch, amp=amp).peak.live == eager


@pytest.mark.parametrize("seed", few(16, 120))
def test_random_networks_as_modules(seed: int) -> None:
    module, _ = random_network(seed)
    freeze(module, seed)
    network = from_torch(module, module.x_shape)
    amp = ("", "", "float16", "bfloat16")[seed // 4 % 4]
    agree(network, module, module.x_shape, 1 + seed % 3, OPTIMIZERS[seed % 3], amp)


@pytest.mark.parametrize("seed", few(8, 60))
def test_random_networks_as_specifications(seed: int) -> None:
    module, text = random_network(seed)
    network = read(Source(f"random{seed}.yaml", text))
    draw = random.Random(seed)
    own = layers(module)
    nodes = [node for node in network.nodes if node.layer is not None and node.layer.weights(*network.shapes(node))]
    for part, node in zip(own[:-1], nodes[:-1], strict=True):
        assert node.layer is not None
        sizes = sum(node.layer.weights(*network.shapes(node)).values())
        assert sizes == sum(parameter.numel() for parameter in part.parameters())
        trainable = draw.random() < 0.5
        part.requires_grad_(trainable)
        node.train(trainable)
    agree(network, module, module.x_shape, 2, "adam")


class Does(nn.Module):
    """A function of two convolutions and a head."""

    def __init__(self, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.parts = nn.ModuleList(parts)
        self.head = Fc(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.function(x, self.first, self.second, *self.parts).mean((2, 3)))
        return out


def without_gradients(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    with torch.no_grad():
        x = first(x).relu()
    return second(x)


def views_without_gradients(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    x = first(x)
    with torch.no_grad():
        y = x.flatten(2).view(x.shape)
    return second(x) + y


def detached_beside(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    x = first(x)
    y = x.detach()
    return second(x) * y


def detached_first(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    y = first(x)
    z = y.detach()
    w = z[:, :2]
    v = y[:, :2]
    return second(y) + torch.cat([w * 2, v.sigmoid()], 1)


def straight_through(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    x = first(x)
    return second(x + (torch.sign(x) - x).detach())


def detached_weights(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    x = first(x)
    return functional.conv2d(second(x), second.weight.detach(), second.bias, 1, 1)


def used_again_without_gradients(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    x = first(x)
    with torch.no_grad():
        target = second(x)
    return second(x) * target


def gradients_again(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    with torch.no_grad():
        x = first(x)
        with torch.enable_grad():
            x = second(x)
    return x


FUNCTIONS: dict[str, tuple[Callable[..., Tensor], bool]] = {
    "without gradients": (without_gradients, True),
    "views without gradients": (views_without_gradients, True),
    "detached beside": (detached_beside, True),
    "detached first": (detached_first, True),
    "straight through": (straight_through, False),
    "detached weights": (detached_weights, True),
    "used again": (used_again_without_gradients, True),
    "gradients again": (gradients_again, True),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function(name: str) -> None:
    function, exact = FUNCTIONS[name]
    bounded(Does(function), exact)


def bounded(module: nn.Module, exact: bool, amp: str = "") -> None:
    """Check that a figure equals PyTorch's, or is lower and marked as a bound."""
    network = from_torch(module, (3, 8, 8))
    dtype = getattr(torch, amp) if amp else None
    for batch in (2, 3):
        measured = measure_training(module, (3, 8, 8), batch, "adam", amp=dtype)
        run = train(network, batch, optimizer="adam", amp=amp)
        peaks = [
            max(moment.live for moment in run.moments if moment.phase == phase) for phase in ("forward", "backward")
        ]
        found = [run.gradients, run.saved, *peaks, run.peak.live]
        keys = ("grads_bytes", "act_bytes_end_fwd", "fwd_peak", "bwd_peak", "peak_bytes")
        wanted = [measured[key] for key in keys]
        assert run.exact == exact
        if exact:
            assert found == wanted
        else:
            assert all(a <= b for a, b in zip(found, wanted, strict=True))


# layers with parameters, partly or wholly frozen, before and after trained ones
KINDS: dict[str, Callable[[], nn.Module]] = {
    "conv": lambda: nn.Conv2d(4, 4, 3, padding=1),
    "transposed": lambda: nn.ConvTranspose2d(4, 4, 3, padding=1),
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(256, 256), nn.Unflatten(1, (4, 8, 8))),
    "linear of steps": lambda: nn.Sequential(nn.Flatten(2), nn.Linear(64, 64), nn.Unflatten(2, (8, 8))),
    "batch norm": lambda: nn.BatchNorm2d(4),
    "batch norm of a vector": lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(256), nn.Unflatten(1, (4, 8, 8))),
    "layer norm": lambda: nn.LayerNorm((4, 8, 8)),
    "group norm": lambda: nn.GroupNorm(2, 4),
    "instance norm": lambda: nn.InstanceNorm2d(4, affine=True),
    "rms norm": lambda: nn.RMSNorm(8),
    "prelu": lambda: nn.PReLU(4),
    "one slope": nn.PReLU,
}


@pytest.mark.parametrize("amp", ["", pytest.param("float16", marks=pytest.mark.heavy)])
@pytest.mark.parametrize("before", [False, True], ids=["frozen before", "trained before"])
@pytest.mark.parametrize("trained", ["nothing", "weight", "bias", "all"])
@pytest.mark.parametrize("name", KINDS)
def test_a_kind(name: str, trained: str, before: bool, amp: str) -> None:
    part = KINDS[name]()
    for own, parameter in part.named_parameters():
        parameter.requires_grad_(trained == "all" or own.rpartition(".")[2] == trained)
    first, last = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1)
    first.requires_grad_(before)
    bounded(nn.Sequential(first, part, last, Mean()), True, amp)


BACKBONE = "seq: [{conv: {filters: 4, kernel: 3}, as: a}, batchnorm, relu], as: backbone"


@pytest.mark.parametrize(
    "layers",
    [
        f"{{{BACKBONE}, trainable: false}}, globalavgpool, {{fc: 4, as: mid}}, fc: 3",
        f"{{{BACKBONE}}}, globalavgpool, {{fc: 4, as: mid, trainable: false}}, fc: 3",
        f"{{seq: [{{{BACKBONE}}}, globalavgpool, {{fc: 4, as: mid}}, {{fc: 3, trainable: true}}], trainable: false}}",
    ],
)
def test_exported_sources_freeze_the_same(layers: str) -> None:
    """The written PyTorch module has the same trainable parameters and the same memory as the file."""
    network = read(Source("net.yaml", f"input: 9x9x3\nlayers: [{layers}]\n"))
    written = writer.source(network)
    scope: dict[str, Any] = {"__name__": "written"}
    exec(written.text, scope)
    module = scope[written.name]()
    trained = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    assert trained == analyze(network).totals.trainable < analyze(network).totals.params
    assert analyze(from_torch(module, (3, 9, 9))).totals.trainable == trained
    agree(network, module, (3, 9, 9), 2, "adam")


def test_a_frozen_backbone() -> None:
    """Transfer learning: only the head is trained. The figure is also worked out by hand."""
    module = nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)
    )  # fmt: skip
    module[0].requires_grad_(False)
    module[2].requires_grad_(False)
    network = from_torch(module, (3, 32, 32))
    assert train(network, 2, optimizer="adam").peak.live == 299_848
    agree(network, module, (3, 32, 32), 2, "adam")
