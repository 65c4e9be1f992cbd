"""Layers that random networks do not contain, between convolutions and at the start, compared with PyTorch's storages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="the oracle is PyTorch")

import torch
from torch import Tensor, nn

from cnncalc.analyses.memory.peak import infer, train
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read
from tests.oracle.storage import Fc, Mean, measure_inference, measure_training


class Factor(nn.Module):
    """One factor per channel, with or without an offset."""

    def __init__(self, bias: bool, shape: tuple[int, ...] = (4, 1, 1)) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))
        self.bias = nn.Parameter(torch.ones(shape)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.weight
        return x if self.bias is None else x + self.bias


class Offset(nn.Module):
    """One number for every element."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(*shape))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight


class PaddedPool(nn.Module):
    """A pooling that cannot pad by itself, because the two sides differ."""

    def __init__(self, pool: nn.Module, cells: Sequence[int], fill: float = 0) -> None:
        super().__init__()
        self.pool, self.cells, self.fill = pool, tuple(cells), fill

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.pool(nn.functional.pad(x, self.cells, value=self.fill))
        return result


class Token(nn.Module):
    """A learned step at the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 1, 8))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.weight.expand(x.shape[0], -1, -1), x], 1)


class Lambda(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "neg": torch.neg, "complement": lambda x: 1 - x, "abs": torch.abs, "exp": torch.exp, "log": torch.log,
    "square": torch.square, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal, "sin": torch.sin,
    "cos": torch.cos, "hardshrink": nn.functional.hardshrink, "softshrink": nn.functional.softshrink,
    "softsign": nn.functional.softsign, "tanhshrink": nn.functional.tanhshrink, "celu": nn.functional.celu,
    "celu: true": lambda x: nn.functional.celu(x, inplace=True), "hardtanh": nn.functional.hardtanh,
    "hardtanh: true": lambda x: nn.functional.hardtanh(x, inplace=True), "glu": lambda x: nn.functional.glu(x, 1),
    "crelu": lambda x: torch.cat((nn.functional.relu(x), nn.functional.relu(-x)), 1),
    "maxout: 2": lambda x: x.unflatten(1, (-1, 2)).amax(2),
}  # fmt: skip


STEPS: dict[str, Callable[[], nn.Module]] = {
    "layernorm": lambda: nn.LayerNorm(8),
    "rmsnorm": lambda: nn.RMSNorm(8),
    "linear: 8": lambda: nn.Linear(8, 8),
    "linear: {units: 8, bias: false}": lambda: nn.Linear(8, 8, bias=False),
    "positional": lambda: Offset(5, 8),
    "scale": lambda: Factor(False, (8,)),
    "classtoken": Token,
    "softmax": lambda: nn.Softmax(-1),
    "gelu": nn.GELU,
    "dropout: {alpha: true}": nn.AlphaDropout,
}
KINDS: dict[str, Callable[[], nn.Module]] = {
    "groupnorm: 2": lambda: nn.GroupNorm(2, 4),
    "instancenorm": lambda: nn.InstanceNorm2d(4),
    "instancenorm: {affine: true}": lambda: nn.InstanceNorm2d(4, affine=True),
    "layernorm: {per: element}": lambda: nn.LayerNorm((4, 6, 6)),
    "lrn: 3": lambda: nn.LocalResponseNorm(3),
    "softplus": nn.Softplus,
    "softmax": lambda: nn.Softmax(1),
    "logsoftmax": lambda: nn.LogSoftmax(1),
    "prelu": nn.PReLU,
    "prelu: channel": lambda: nn.PReLU(4),
    "scale": lambda: Factor(bias=False),
    "scale: {per: layer}": lambda: Factor(False, (1,)),
    "scale: {bias: true}": lambda: Factor(bias=True),
    "positional": lambda: Offset(4, 6, 6),
    **{
        f"dropout: {{rate: {rate}{fields}{', inplace: true' * inplace}}}": lambda m=module, r=rate, i=inplace: m(r, i)
        for fields, module in {
            "": nn.Dropout,
            ", channels: true": nn.Dropout2d,
            ", alpha: true": nn.AlphaDropout,
            ", channels: true, alpha: true": nn.FeatureAlphaDropout,
        }.items()
        for rate, inplace in ((0.2, False), (0.2, True), (1, False))
        if not (inplace and "alpha" in fields)  # their modules accept `inplace`, but copy anyway
    },
    **{kind: lambda f=function: Lambda(f) for kind, function in FUNCTIONS.items()},
    **{
        f"conv: {{filters: 4, kernel: 3, pad: 1, mode: {mode}}}": lambda m=mode: nn.Conv2d(
            4, 4, 3, 1, 1, padding_mode=m
        )
        for mode in ("reflect", "replicate")
    },
    "conv: {filters: 4, kernel: 4, pad: same, mode: reflect}": lambda: nn.Conv2d(
        4, 4, 4, padding="same", padding_mode="reflect"
    ),
    "pixelshuffle: 2": lambda: nn.PixelShuffle(2),
    "pixelunshuffle: 2": lambda: nn.PixelUnshuffle(2),
    "channelshuffle: 2": lambda: nn.ChannelShuffle(2),
    "convtranspose: {filters: 4, kernel: 2, stride: 2}": lambda: nn.ConvTranspose2d(4, 4, 2, 2),
    "upsample: {factor: 2, mode: bicubic}": lambda: nn.Upsample(scale_factor=2, mode="bicubic"),
    "resize: {to: 3, mode: area}": lambda: nn.Upsample((3, 3), mode="area"),
    "adaptivemaxpool: 3": lambda: nn.AdaptiveMaxPool2d(3),
    "maxpool: {kernel: 3, stride: 2, pad: same}": lambda: PaddedPool(nn.MaxPool2d(3, 2), (0, 1, 0, 1), -float("inf")),
    "avgpool: {kernel: 3, stride: 2, pad: same}": lambda: PaddedPool(nn.AvgPool2d(3, 2), (0, 1, 0, 1)),
    "avgpool: {kernel: 2, stride: 1, pad: {top: 1, left: 1}}": lambda: PaddedPool(nn.AvgPool2d(2, 1), (1, 0, 1, 0)),
    "maxpool: {kernel: 3, pad: {top: 1}, ceil: true}": lambda: PaddedPool(nn.MaxPool2d(3), (0, 0, 1, 2), -float("inf")),
}


def with_types(kinds: Iterable[str]) -> list[tuple[str, str]]:
    """Return every kind with and without autocast; norms and softmax, for which the two types differ, with both."""
    both = ("norm", "softmax")
    types = {kind: ["", "float16", *(["bfloat16"] if any(word in kind for word in both) else [])] for kind in kinds}
    return [(kind, amp) for kind in kinds for amp in types[kind]]


@pytest.mark.parametrize(("kind", "amp"), with_types(KINDS))
@pytest.mark.parametrize("first", [False, True], ids=["between", "first"])
def test_to_the_byte(kind: str, first: bool, amp: str) -> None:
    with torch.device("meta"):
        layer = KINDS[kind]()
        before = [] if first else [nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)]
        channels = layer(torch.zeros(2, 4, 6, 6)).shape[1]
        module = nn.Sequential(*before, layer, nn.Conv2d(channels, 3, 1), nn.ReLU(), Mean())
    steps = [] if first else ["conv: {filters: 4, kernel: 1}", "batchnorm"]
    agree(module, (4, 6, 6), "6x6x4", [*steps, kind, "conv: {filters: 3, kernel: 1}", "relu", "globalavgpool"], amp)


@pytest.mark.parametrize(("kind", "amp"), with_types(STEPS))
@pytest.mark.parametrize("first", [False, True], ids=["between", "first"])
def test_sequences_to_the_byte(kind: str, first: bool, amp: str) -> None:
    with torch.device("meta"):
        layer = STEPS[kind]()
        before = [] if first else [nn.Linear(8, 8), nn.ReLU()]
        numbers = layer(torch.zeros(2, 5, 8)).shape[1] * 8
        module = nn.Sequential(*before, layer, nn.Linear(8, 8), nn.Tanh(), Fc(numbers, 3))
    steps = [] if first else ["linear: 8", "relu"]
    agree(module, (5, 8), "5x8", [*steps, kind, "linear: 8", "tanh", "fc: 3"], amp)


def agree(
    module: nn.Module, shape: tuple[int, ...], size: str, steps: Sequence[str], amp: str, checkpoint: Sequence[str] = ()
) -> None:
    """Compare what remains after forward, and the peaks of forward, backward and inference."""
    text = "\n".join(f"  - {step}" for step in steps)
    network = read(Source("net.yaml", f"input: {size}\nlayers:\n{text}\n"))
    dtype = getattr(torch, amp) if amp else None
    for batch in (1, 3):
        measured = measure_training(module, shape, batch, amp=dtype)
        found = train(network, batch, amp=amp, checkpoint=checkpoint)
        peaks = [
            max(moment.live for moment in found.moments if moment.phase == phase) for phase in ("forward", "backward")
        ]
        assert not found.unknown
        assert [found.saved, *peaks] == [measured[key] for key in ("act_bytes_end_fwd", "fwd_peak", "bwd_peak")]
        eager = measure_inference(module, shape, batch, amp=dtype)["peak_bytes"]
        assert infer(network, batch, amp=amp).peak.live == eager
