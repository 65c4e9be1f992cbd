"""Memory of modules that cnncalc reads, compared with their storages: equal, or marked as a bound."""

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
from cnncalc.analyses.freezing import freeze
from cnncalc.analyses.memory.peak import columns, infer, train
from cnncalc.analyses.totals import analyze
from tests.oracle.storage import Mean, measure_inference, measure_training

SHAPE = (4, 8, 8)


class Does(nn.Module):
    """A function between convolutions, with modules of its own."""

    def __init__(self, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.parts)


def conv(inputs: int = 4, outputs: int = 4, kernel: int = 3, **fields: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **fields)


OPERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "exp": torch.exp,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal,
    "expm1": torch.expm1,
    "softmax": lambda x: x.softmax(2),
    "log_softmax": lambda x: x.log_softmax(2),
    "pow": lambda x: x**3,
    "square": torch.square,
    "abs": torch.abs,
    "log": torch.log,
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "log1p": torch.log1p,
    "hardtanh": lambda x: functional.hardtanh(x, -2, 2),
    "celu": functional.celu,
    "hardshrink": functional.hardshrink,
    "softshrink": functional.softshrink,
    "threshold": lambda x: functional.threshold(x, 0.1, 0.0),
    "glu": lambda x: torch.cat([functional.glu(x, 1)] * 2, 1),
    "neg": lambda x: -x,
    "roll": lambda x: x.roll(1, 2),
    "flip": lambda x: x.flip(2),
    "mean": lambda x: x.mean(2, keepdim=True) * x,
    "sum": lambda x: x.sum(1, keepdim=True) + x,
    "amax": lambda x: x.amax((2, 3), keepdim=True) * x,
    "repeat": lambda x: x.repeat(1, 1, 2, 1),
    "expand": lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 8, 8) * 2,
    "expand_as": lambda x: x.mean((2, 3), keepdim=True).expand_as(x) * x,
    "times a number": lambda x: x * 0.5,
    "a number less": lambda x: 1 - x,
    "over a number": lambda x: x / 3,
    "plus a number": lambda x: x + 3,
    "overwritten": lambda x: x.mul_(0.5).add_(1),
    "stack": lambda x: torch.stack([x, x * 2], 1).sum(1),
}


@pytest.mark.parametrize("amp", ["", "float16"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation(name: str, amp: str) -> None:
    with torch.device("meta"):
        module = nn.Sequential(conv(), nn.BatchNorm2d(4), Does(OPERATIONS[name]), conv(outputs=3), Mean())
    agree(module, amp, exact=True)


@pytest.mark.parametrize(
    ("module", "peak"),
    [
        (nn.Dropout(), 472_376),
        (nn.Dropout2d(), 439_736),
        (nn.FeatureAlphaDropout(), 439_736),
        (nn.AlphaDropout(), 570_680),
    ],
    ids=["plain", "channels", "both", "alpha"],
)
def test_dropouts(module: nn.Module, peak: int) -> None:
    """Dropout keeps a bit for every number, dropout of channels a number for each channel, AlphaDropout all numbers."""
    with torch.device("meta"):
        layers = [conv(3, 16), module, conv(16, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)]
        network = nn.Sequential(*layers)
    assert measure_training(network, (3, 32, 32), 2)["peak_bytes"] == peak
    found = train(from_torch(network, (3, 32, 32)), 2)
    assert (found.peak.live, found.exact) == (peak, True)


DROPOUTS: dict[str, Callable[[Tensor, bool], Tensor]] = {
    "1d": lambda x, on: functional.dropout1d(x.flatten(2), 0.5, on).view(x.shape),
    "3d": lambda x, on: functional.dropout3d(x[:, :, None], 0.5, on)[:, :, 0],
    "a vector": lambda x, on: functional.feature_alpha_dropout(x.flatten(1), 0.5, on).view(x.shape),
    "alpha in place": lambda x, on: functional.alpha_dropout(x, 0.5, on, inplace=True),
    "of steps": lambda x, on: functional.dropout1d(x.flatten(2).transpose(1, 2), 0.5, on).transpose(1, 2).view(x.shape),
    "of rows": lambda x, on: functional.dropout1d(x.flatten(0, 1), 0.5, on).view(x.shape),
}


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropouts_of_other_shapes(name: str) -> None:
    with torch.device("meta"):
        part = Does(lambda x, switch: DROPOUTS[name](x, switch.training), nn.Identity())
        module = nn.Sequential(conv(), nn.BatchNorm2d(4), part, conv(outputs=3), Mean())
    agree(module, "", exact=name != "of rows")


def residual(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    short = x
    x = functional.relu(first(x), inplace=True)
    x = second(x)
    x += short
    return x


def split(x: Tensor, *parts: nn.Module) -> Tensor:
    pieces = torch.split(x, 1, 1)
    done = [pieces[0], pieces[1]]
    for part, piece in zip(parts, pieces[2:], strict=True):
        done.append(part(piece) + done[-1])
    return torch.cat(done, 1)


def half(x: Tensor, part: nn.Module) -> Tensor:
    return part(x.chunk(2, 1)[1])


def shuffled(x: Tensor, part: nn.Module) -> Tensor:
    a, b = x.chunk(2, 1)
    x = torch.cat([a, part(b)], 1)
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


def dense(x: Tensor, *parts: nn.Module) -> Tensor:
    features = [x]
    for part in parts:
        features.append(part(torch.cat(features, 1)))
    return torch.cat(features, 1)


def selective(x: Tensor, first: nn.Module, second: nn.Module, gate: nn.Module) -> Tensor:
    both = torch.stack([first(x), second(x)], 1)
    weights = gate(both.sum(1).mean((2, 3), keepdim=True)).reshape(-1, 2, 4, 1, 1).softmax(1)
    return (both * weights).sum(1)


def channels_behind(x: Tensor, norm: nn.Module, narrow: nn.Module) -> Tensor:
    return narrow(norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


def held(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    large = torch.cat([x] * 6, 1)
    x = first(large)
    return second(torch.cat([x] * 8, 1))


def scaled(x: Tensor, part: nn.Module) -> Tensor:
    return functional.dropout(part(x), 0.2, part.training) * 0.5 + x.clone()


def standardized(x: Tensor, part: nn.Module) -> Tensor:
    weight = part.weight - part.weight.mean((1, 2, 3), keepdim=True)
    return functional.conv2d(x, weight, part.bias, 1, 1)


def moved(x: Tensor, part: nn.Module) -> Tensor:
    n, c, h, w = x.shape
    x = x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).contiguous()
    return part(x.view(n, 4 * c, h // 2, w // 2))


def attended(x: Tensor, qkv: nn.Module) -> Tensor:
    q, k, v = qkv(x.flatten(2).transpose(1, 2)).chunk(3, -1)
    return ((q @ k.transpose(1, 2)).softmax(-1) @ v).transpose(1, 2).reshape(x.shape)


def rows(x: Tensor, narrow: nn.Module) -> Tensor:
    n, c, h, w = x.shape
    return narrow(x.permute(0, 2, 3, 1).reshape(-1, c)).reshape(n, h, w, c).permute(0, 3, 1, 2)


def everywhere(x: Tensor, narrow: nn.Module) -> Tensor:
    return narrow(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def steps_first(x: Tensor, narrow: nn.Module) -> Tensor:
    return narrow(x.flatten(2).permute(2, 0, 1)).permute(1, 2, 0).reshape(x.shape)


class Blurred(nn.Module):
    """A fixed filter that is not part of the state dict."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", torch.ones(4, 1, 3, 3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.filter, groups=4)


class Tied(nn.Module):
    """Two products with the same weights, one of them without the bias."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(torch.relu(self.linear(x)), self.linear.weight)


def masked(x: Tensor, part: nn.Module) -> Tensor:
    return part(x + torch.ones(8, 8, device=x.device))


# how a block is made, and whether all that it does in memory is known
BLOCKS: dict[str, tuple[Callable[[], nn.Module], bool]] = {
    "residual": (lambda: Does(residual, conv(), conv()), True),
    "split": (lambda: Does(split, conv(1, 1), conv(1, 1)), True),
    "half": (lambda: Does(half, conv(2, 4)), True),
    "shuffled": (lambda: Does(shuffled, conv(2, 2)), True),
    "dense": (lambda: Does(dense, conv(4, 2), conv(6, 2)), True),
    "selective": (lambda: Does(selective, conv(), conv(), conv(4, 8, 1)), True),
    "channels behind": (lambda: Does(channels_behind, nn.LayerNorm(4), conv(4, 4, 3, stride=2)), True),
    "held": (lambda: Does(held, conv(24, 2), conv(16, 4)), True),
    "scaled": (lambda: Does(scaled, conv()), False),
    "standardized": (lambda: Does(standardized, conv()), False),
    "moved": (lambda: Does(moved, conv(16)), False),
    "attended": (lambda: Does(attended, nn.Linear(4, 12)), False),
    "rows": (lambda: Does(rows, nn.Linear(4, 4)), False),
    "everywhere": (lambda: Does(everywhere, nn.Linear(4, 4)), False),
    "steps first": (lambda: Does(steps_first, nn.Linear(4, 4)), False),
    "blurred": (Blurred, False),
    "tied": (Tied, False),
    "masked": (lambda: Does(masked, conv()), False),
}


@pytest.mark.parametrize("amp", ["", "float16"])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_block(name: str, amp: str) -> None:
    made, exact = BLOCKS[name]
    with torch.device("meta"):
        before = [conv(), nn.BatchNorm2d(4), nn.ReLU(inplace=True)]
        module = nn.Sequential(*before, made(), nn.ReLU(), nn.LazyConv2d(3, 1), Mean())
        module(torch.zeros(2, *SHAPE))
    agree(module, amp, exact)


# -- code that runs in training only --------------------------------------------------------------------------------


def path_dropped(x: Tensor, rate: float) -> Tensor:
    mask = x.new_empty((x.shape[0], 1, 1, 1)).bernoulli_(1 - rate)
    return x.div(1 - rate) * mask


class Trains(nn.Module):
    """A module that does something else in training than in evaluation."""

    def __init__(self, training: Callable[..., Any], evaluating: Callable[..., Tensor] = lambda x, y: y) -> None:
        super().__init__()
        self.first = conv()
        self.training_function, self.function = training, evaluating

    def forward(self, x: Tensor) -> Any:
        return (self.training_function if self.training else self.function)(x, self.first(x))


# what is done in training, and whether all that it does in memory is known
TRAINED: dict[str, tuple[Callable[[], nn.Module], bool]] = {
    "nothing": (lambda: Trains(lambda x, y: y), True),
    "widened": (lambda: Trains(lambda x, y: torch.cat([y, y * 2], 1)[:, :4]), True),
    "added": (lambda: Trains(lambda x, y: y * 2 + x), True),
    "dropped": (lambda: Trains(lambda x, y: functional.dropout(y, 0.2) * 2), True),
    "not in training": (lambda: Trains(lambda x, y: y, lambda x, y: y.softmax(1)), True),
    "path dropped": (lambda: Trains(lambda x, y: x + path_dropped(y, 0.2), lambda x, y: x + y), False),
    "noise": (lambda: Trains(lambda x, y: y + torch.randn_like(y) * 0.1), False),
    "by chance": (lambda: Trains(lambda x, y: y * 2 if random.random() < 0.0 else y), False),
    "by chance of PyTorch": (lambda: Trains(lambda x, y: y * 2 if torch.rand(1) < 0.0 else y), False),
}


@pytest.mark.parametrize("name", TRAINED)
def test_what_runs_in_training_only(name: str) -> None:
    made, exact = TRAINED[name]
    with torch.device("meta"):
        module = nn.Sequential(conv(), nn.BatchNorm2d(4), made(), conv(outputs=3), Mean())
    agree(module, "", exact, eager_exact=True)


def test_what_runs_in_training_only_is_frozen_too() -> None:
    module = nn.Sequential(conv(), TRAINED["widened"][0](), conv(outputs=3), Mean())
    network = from_torch(module, SHAPE)
    freeze(network, ["0", "1"])
    run = train(network, 2)
    for part in (module[0], module[1]):
        part.requires_grad_(False)
    measured = measure_training(module, SHAPE, 2)
    assert (run.saved, run.peak.live, run.exact) == (measured["act_bytes_end_fwd"], measured["peak_bytes"], True)


def test_training_that_cannot_be_followed() -> None:
    def demanding(x: Tensor, y: Tensor) -> Tensor:
        raise ValueError("targets should not be None")

    network = from_torch(nn.Sequential(Trains(demanding), Mean()), SHAPE)
    run = train(network)
    assert not run.exact
    assert run.unknown == ("forward in training mode",)
    assert infer(network).exact


def test_an_auxiliary_output_trains() -> None:
    class Auxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head, self.auxiliary = conv(), nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Any:
            x = self.body(x).mean((2, 3))
            return (self.head(x), self.auxiliary(x)) if self.training else self.head(x)

    def loss(found: Any, wanted: Tensor) -> Tensor:
        return functional.cross_entropy(found[0], wanted) + 0.3 * functional.cross_entropy(found[1], wanted)

    module = Auxiliary()
    network = from_torch(module, SHAPE)
    assert [str(problem) for problem in network.warnings] == [
        "15 parameters are not used by forward on this input: those of `auxiliary` [unused-parameters]"
    ]
    run = train(network, 3)
    measured = measure_training(module, SHAPE, 3, loss=loss)
    assert (run.saved, run.exact) == (measured["act_bytes_end_fwd"], True)
    assert run.peak.live == measured["peak_bytes"]


def test_the_saved_column_counts_what_only_training_does() -> None:
    network = from_torch(nn.Sequential(conv(), TRAINED["widened"][0](), Mean()), SHAPE)
    analysis = columns(analyze(network))
    names = {node.name for node in network.nodes}
    assert set(analysis.saved or ()) <= names
    assert sum((analysis.saved or {}).values()) == sum(train(network).saved_by_layer.values())


def agree(module: nn.Module, amp: str, exact: bool, eager_exact: bool | None = None) -> None:
    """Saved memory and all peaks equal PyTorch's, or are lower and marked as bounds."""
    network = from_torch(module, SHAPE)
    dtype = getattr(torch, amp) if amp else None
    for batch in (1, 3):
        measured = measure_training(module, SHAPE, batch, amp=dtype)
        run, eager = train(network, batch, amp=amp), infer(network, batch, amp=amp)
        peaks = [
            max(moment.live for moment in run.moments if moment.phase == phase) for phase in ("forward", "backward")
        ]
        found = [run.saved, *peaks, eager.peak.live]
        wanted = [measured[key] for key in ("act_bytes_end_fwd", "fwd_peak", "bwd_peak")]
        wanted.append(measure_inference(module, SHAPE, batch, amp=dtype)["peak_bytes"])
        assert (run.exact, eager.exact) == (exact, exact if eager_exact is None else eager_exact)
        if exact:
            assert found == wanted
        else:
            assert all(a <= b for a, b in zip(found, wanted, strict=True))
