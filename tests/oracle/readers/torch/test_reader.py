"""PyTorch models compared with PyTorch itself: parameters, buffers, multiply-adds, every leaf module's shape.

The modules are written as people write them, one for every construct that a reader can stumble over. The oracle runs the
module once more on its own, with forward hooks and torch.utils.flop_counter.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.analyses.memory.peak import train
from cnncalc.analyses.totals import analyze
from cnncalc.layers.recurrent import Recurrent
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import Missing, ReaderOptions
from cnncalc.readers.yaml.reader import Overrides, read
from cnncalc.writers.torch.writer import source
from cnncalc.writers.yaml.writer import write_checked
from tests.helpers import ROOT

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnncalc.readers.torch import reader
from cnncalc.readers.torch.load import parse_argument
from tests.oracle.storage import measure_training

SHELF = sorted((ROOT / "architectures").glob("*.yaml"))
Shape = tuple[int, ...]


class Oracle:
    """PyTorch's figures for a module: counts, and the output shapes of leaf modules by path."""

    def __init__(self, module: nn.Module, *sizes: Shape) -> None:
        self.params = sum(parameter.numel() for parameter in module.parameters())
        kept = dict(module.state_dict(keep_vars=True))
        buffers = {id(b): b for name, b in module.named_buffers() if name in kept and "num_batches_tracked" not in name}
        self.buffers = sum(buffer.numel() for buffer in buffers.values())
        self.shapes: dict[str, list[Shape]] = defaultdict(list)
        module = module.to("meta").eval().requires_grad_(False)
        for path, part in module.named_modules():
            if path and not any(True for _ in part.children()) and "parametrizations" not in path:
                part.register_forward_hook(self._hook(path))
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), torch.device("meta"), counter:
            module(*[torch.empty(1, *size) for size in sizes])
        self.macs = counter.get_total_flops() / 2

    def _hook(self, path: str) -> Callable[..., None]:
        def keep(_: nn.Module, __: Any, out: Any) -> None:
            out = out[0] if isinstance(out, tuple) else out
            self.shapes[path].append(tuple(out.shape))

        return keep


def forms(dims: Shape) -> set[Shape]:
    """Return the ways to show a tensor's dimensions: without a batch of 1, unchanged or channels last."""
    each = dims[1:] if dims[0] == 1 else dims
    found = {each, (*each[1:], each[0])}
    return found if dims[0] == 1 else found | {(dims[0], *dims[2:], dims[1])}


def agree(make: Callable[[], nn.Module], *sizes: Shape) -> Network:
    """Read a module, compare every figure with PyTorch's, and return the network."""
    module = make()
    names = list(signature(module.forward).parameters)
    network = cnncalc.from_torch(module, dict(zip(names, sizes, strict=False)) if len(sizes) > 1 else sizes[0])
    assert not [str(w) for w in network.warnings if w.code != "unused-parameters"]
    oracle = Oracle(make(), *sizes)
    totals = analyze(network).totals
    assert (totals.params, totals.buffers, totals.macs) == (oracle.params, oracle.buffers, oracle.macs)
    assert totals.uncounted == 0
    nodes = {node.name: node for node in network.nodes}
    for path, shapes in oracle.shapes.items():
        for number, theirs in enumerate(shapes, 1):
            own = nodes.get(path if number == 1 else f"{path}_{number}")
            if isinstance(own.layer if own else None, Recurrent) and own.layer.returns == "last":
                assert own.output[-1] == theirs[-1]  # the state is used, not the sequence
                continue
            inside = [own] if own is not None else [n for name, n in nodes.items() if name.startswith(path + ".")]
            assert any(tuple(node.output) in forms(theirs) for node in inside), (path, theirs, inside)
    return network


def kinds(network: Network) -> list[str]:
    """Return the kinds of all layers, in order."""
    return [node.kind for node in network.nodes if node.layer is not None]


class Forward(nn.Module):
    """Modules by name, and a forward that is given as a function of the module and its inputs."""

    def __init__(self, forward: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            if isinstance(part, torch.Tensor) and not isinstance(part, nn.Parameter):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self, x)


class Residual(nn.Module):
    def __init__(self, before: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        same = stride == 1 and before == width
        self.down = (
            None if same else nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.down is None else self.down(x)
        return self.relu(y)


class Tied(nn.Module):
    """An embedding whose table is the classifier's weight."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.table(x.long()))


class Standardized(nn.Conv2d):
    """A convolution whose weight is computed from its parameters."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.gain = nn.Parameter(torch.ones(self.out_channels, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        var, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        return F.conv2d(x, self.gain * (self.weight - mean) / torch.sqrt(var + 1e-5), self.bias, 1, 1)


class Windowed(nn.Module):
    """Attention in windows with a table of relative positions, as in Swin."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("places", torch.zeros(window**4, dtype=torch.long))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        s = self.window
        x = torch.roll(x.permute(0, 2, 3, 1), (-1, -1), (1, 2))
        x = x.view(n, h // s, s, w // s, s, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, s * s, c)
        q, k, v = self.qkv(x).reshape(len(x), s * s, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.table[self.places].view(s * s, s * s, -1).permute(2, 0, 1).unsqueeze(0)
        attention = (q @ k.transpose(-2, -1) + bias).softmax(-1)
        return self.proj((attention @ v).transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    """A small vision transformer: class token, positions, layer scale, scaled dot product attention."""

    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 17, width))
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.gamma = nn.Parameter(torch.ones(width))
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(len(x), -1, -1), x), dim=1) + self.positions
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in self.qkv(self.norm(x)).chunk(3, dim=-1))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.head((x + self.gamma * y)[:, 0])


class Looped(nn.Module):
    """Control flow that symbolic tracing cannot follow: a loop whose length depends on the shape."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while x.shape[-1] > 4:
            x = F.max_pool2d(F.relu(self.conv(x)), 2)
        return x


class OneBias(nn.LSTM):
    """An LSTM whose second bias is not a parameter."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes, batch_first=True)
        del self.bias_hh_l0
        self.register_buffer("bias_hh_l0", torch.zeros(4 * self.hidden_size), persistent=False)
        self._flat_weights = [getattr(self, name) for name in self._flat_weights_names]


def shuffle(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


def overwrite(m: Any, x: torch.Tensor) -> torch.Tensor:
    x = m.conv(x)
    x[:, :2] = F.relu(x[:, 2:4])
    return x * 2


def both_ends(m: Any, state: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return m.f(torch.cat((state[-2], state[-1]), 1))


def sequence_and_state(sequence: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    return sequence[:, -1] + state[0]


def weight_normed() -> nn.Module:
    return Forward(lambda m, x: m.conv(x), conv=nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3)))


def dynamic(m: Any, x: torch.Tensor) -> torch.Tensor:
    """A convolution whose weights depend on the input."""
    weight = m.route(x.mean((2, 3))).view(8, 3, 3, 3)
    return F.conv2d(x, weight, padding=1)


def parameter(*sizes: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(sizes))


SHARED = nn.Linear(8, 8)
CONSTRUCTS: dict[str, tuple[Callable[[], nn.Module], tuple[Shape, ...], str]] = {
    "residual": (lambda: nn.Sequential(Residual(3, 8), Residual(8, 16, 2)), ((3, 16, 16),), "add"),
    "functional": (
        lambda: Forward(lambda m, x: F.relu(m.c(x)) + torch.sigmoid(m.c(x)), c=nn.Conv2d(3, 3, 1)),
        ((3, 8, 8),),
        "relu",
    ),
    "cat and flatten": (
        lambda: Forward(
            lambda m, x: m.f(torch.cat([x, m.c(x)], 1).flatten(1)),
            c=nn.Conv2d(3, 5, 3, padding=1),
            f=nn.Linear(512, 10),
        ),
        ((3, 8, 8),),
        "concat",
    ),
    "mean": (
        lambda: Forward(lambda m, x: m.f(m.c(x).mean((2, 3))), c=nn.Conv2d(3, 5, 3), f=nn.Linear(5, 2)),
        ((3, 8, 8),),
        "globalavgpool",
    ),
    "mean, axes kept": (
        lambda: Forward(lambda m, x: x * m.c(x.mean((2, 3), keepdim=True)).sigmoid(), c=nn.Conv2d(6, 6, 1)),
        ((6, 8, 8),),
        "mul",
    ),
    "interpolate to a size": (
        lambda: Forward(lambda m, x: F.interpolate(m.c(x), (13, 15), mode="bilinear"), c=nn.Conv2d(3, 4, 1)),
        ((3, 8, 8),),
        "resize",
    ),
    "interpolate by a factor": (
        lambda: Forward(lambda m, x: F.interpolate(m.c(x), scale_factor=2), c=nn.Conv2d(3, 4, 1)),
        ((3, 8, 8),),
        "upsample",
    ),
    "chunk and split": (
        lambda: Forward(lambda m, x: m.c(torch.chunk(x, 2, 1)[0]) + x.split(3, 1)[1], c=nn.Conv2d(3, 3, 1)),
        ((6, 8, 8),),
        "slice",
    ),
    "shuffled channels": (lambda: Forward(shuffle), ((8, 6, 6),), "channelshuffle"),
    "pixel shuffle": (lambda: nn.Sequential(nn.PixelShuffle(2), nn.PixelUnshuffle(4)), ((8, 8, 8),), "pixelunshuffle"),
    "padding modes": (
        lambda: nn.Sequential(
            nn.ReflectionPad2d(2), nn.Conv2d(3, 4, 3, padding=1, padding_mode="replicate"), nn.ZeroPad2d((1, 2, 3, 4))
        ),
        ((3, 8, 8),),
        "pad",
    ),
    "padding same": (lambda: nn.Conv2d(3, 4, 4, padding="same"), ((3, 8, 9),), "conv"),
    "uneven padding in front": (
        lambda: Forward(lambda m, x: m.c(F.pad(x, (0, 1, 0, 1))), c=nn.Conv2d(3, 4, 3, 2)),
        ((3, 8, 8),),
        "conv",
    ),
    "grouped and dilated": (
        lambda: nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 12, 3, groups=4, dilation=2)),
        ((8, 16, 16),),
        "conv",
    ),
    "transposed": (
        lambda: nn.ConvTranspose2d(8, 6, 4, 2, 1, output_padding=1, groups=2),
        ((8, 7, 7),),
        "convtranspose",
    ),
    "one axis": (
        lambda: nn.Sequential(
            nn.Conv1d(4, 8, 5),
            nn.BatchNorm1d(8),
            nn.MaxPool1d(2),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(8, 2),
        ),
        ((4, 64),),
        "maxpool",
    ),
    "three axes": (
        lambda: nn.Sequential(nn.Conv3d(2, 4, 3), nn.BatchNorm3d(4), nn.AvgPool3d(2), nn.AdaptiveAvgPool3d(1)),
        ((2, 8, 8, 8),),
        "avgpool",
    ),
    "pooling that rounds up": (lambda: nn.MaxPool2d(3, 2, ceil_mode=True), ((3, 8, 8),), "maxpool"),
    "a pooling with places": (
        lambda: Forward(lambda m, x: m.p(x)[0], p=nn.AdaptiveMaxPool2d((3, 2), return_indices=True)),
        ((3, 8, 8),),
        "adaptivemaxpool",
    ),
    "norms": (
        lambda: nn.Sequential(
            nn.GroupNorm(2, 6),
            nn.InstanceNorm2d(6, affine=True),
            nn.BatchNorm2d(6, affine=False),
            nn.LocalResponseNorm(5),
        ),
        ((6, 8, 8),),
        "lrn",
    ),
    "no running statistics": (lambda: nn.BatchNorm2d(6, track_running_stats=False), ((6, 8, 8),), "batchnorm"),
    "layer norms": (
        lambda: nn.Sequential(nn.LayerNorm(6), nn.LayerNorm((5, 6)), nn.RMSNorm(6), nn.LayerNorm(6, bias=False)),
        ((5, 6),),
        "layernorm",
    ),
    "layer norm of images": (
        lambda: Forward(lambda m, x: m.n(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), n=nn.LayerNorm(6)),
        ((6, 8, 8),),
        "layernorm",
    ),
    "activations": (
        lambda: nn.Sequential(
            nn.ReLU6(),
            nn.Hardtanh(0.0, 6.0),
            nn.GELU(),
            nn.SiLU(inplace=True),
            nn.Mish(),
            nn.ELU(),
            nn.SELU(),
            nn.Hardswish(),
            nn.Hardsigmoid(),
            nn.Softplus(),
            nn.LeakyReLU(0.1),
            nn.PReLU(),
            nn.PReLU(6),
            nn.Tanh(),
            nn.CELU(),
            nn.Softsign(),
            nn.Softmax(-1),
        ),
        ((6, 8, 8),),
        "hardswish",
    ),
    "gated": (lambda: nn.GLU(1), ((6, 8, 8),), "glu"),
    "dropout": (
        lambda: nn.Sequential(
            nn.Dropout(0.3), nn.Dropout2d(0.2, inplace=True), nn.AlphaDropout(), nn.FeatureAlphaDropout(), nn.Identity()
        ),
        ((6, 8, 8),),
        "dropout",
    ),
    "shared module": (lambda: Forward(lambda m, x: m.f(m.f(x)), f=nn.Linear(8, 8)), ((8,),), "fc"),
    "shared under two names": (lambda: nn.Sequential(SHARED, nn.ReLU(), SHARED), ((8,),), "fc"),
    "tied weights": (Tied, ((7,),), "embedding"),
    "layer scale": (
        lambda: Forward(lambda m, x: x + m.g * m.c(x), c=nn.Conv2d(4, 4, 1), g=parameter(4, 1, 1)),
        ((4, 8, 8),),
        "scale",
    ),
    "transformer": (Transformer, ((3, 32, 32),), "classtoken"),
    "windows of attention": (lambda: Windowed(8, 2, 4), ((8, 8, 8),), "roll"),
    "attention module": (
        lambda: Forward(
            lambda m, x: m.a(x, x, x, need_weights=False)[0], a=nn.MultiheadAttention(16, 4, batch_first=True)
        ),
        ((9, 16),),
        "attention",
    ),
    "attention of two values": (
        lambda: Forward(
            lambda m, x: m.a(x[:, :3], x, x)[0], a=nn.MultiheadAttention(16, 4, bias=False, batch_first=True)
        ),
        ((9, 16),),
        "matmul",
    ),
    "encoder layer": (lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), ((9, 16),), "attention"),
    "decoder layer": (
        lambda: Forward(lambda m, x: m.d(x, x[:, :4]), d=nn.TransformerDecoderLayer(16, 4, 32, batch_first=True)),
        ((9, 16),),
        "attention",
    ),
    "products": (
        lambda: Forward(lambda m, x: torch.einsum("bij,bkj->bik", x @ m.w, torch.bmm(x, x.mT) @ x), w=parameter(6, 6)),
        ((5, 6),),
        "einsum",
    ),
    "product with a vector": (lambda: Forward(lambda m, x: m.f(x).squeeze(-1), f=nn.Linear(6, 1)), ((5, 6),), "linear"),
    "standardized weights": (lambda: Standardized(3, 8, 3), ((3, 8, 8),), "conv"),
    "weight norm": (weight_normed, ((3, 8, 8),), "conv"),
    "weights that depend on the input": (lambda: Forward(dynamic, route=nn.Linear(3, 216)), ((3, 8, 8),), "conv"),
    "lstm": (
        lambda: Forward(
            lambda m, x: m.f(m.l(x)[0]), l=nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True), f=nn.Linear(16, 3)
        ),
        ((12, 6),),
        "lstm",
    ),
    "last state": (
        lambda: Forward(lambda m, x: m.f(m.l(x)[1][-1]), l=nn.GRU(6, 8, batch_first=True), f=nn.Linear(8, 3)),
        ((12, 6),),
        "gru",
    ),
    "both last states": (
        lambda: Forward(
            lambda m, x: both_ends(m, *m.l(x)[1]),
            l=nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True),
            f=nn.Linear(16, 3),
        ),
        ((12, 6),),
        "lstm",
    ),
    "sequence and state": (
        lambda: Forward(lambda m, x: sequence_and_state(*m.l(x)), l=nn.RNN(6, 8, batch_first=True)),
        ((12, 6),),
        "rnn",
    ),
    "projected state": (
        lambda: Forward(lambda m, x: m.l(x)[0], l=nn.LSTM(6, 8, proj_size=3, batch_first=True)),
        ((12, 6),),
        "lstm",
    ),
    "one bias": (lambda: Forward(lambda m, x: m.l(x)[0], l=OneBias(6, 8)), ((12, 6),), "lstm"),
    "loop": (Looped, ((4, 32, 32),), "maxpool"),
    "in place": (lambda: Forward(overwrite, conv=nn.Conv2d(4, 4, 1)), ((4, 6, 6),), "overwrite"),
    "buffers": (
        lambda: Forward(lambda m, x: (x - m.mean) / m.std, mean=torch.zeros(3, 1, 1), std=torch.ones(3, 1, 1)),
        ((3, 8, 8),),
        "sub",
    ),
    "constants": (
        lambda: Forward(lambda m, x: m.c(x) + torch.arange(8.0) * torch.ones(4, 8, 8), c=nn.Conv2d(3, 4, 1)),
        ((3, 8, 8),),
        "add",
    ),
    "unused parameters": (
        lambda: Forward(lambda m, x: m.c(x), c=nn.Conv2d(3, 4, 1), aux=nn.Linear(9, 9), g=parameter(7)),
        ((3, 8, 8),),
        "unused",
    ),
    "a learned constant through layers": (
        lambda: Forward(lambda m, x: x + m.f(m.t), f=nn.Linear(4, 6), t=parameter(5, 4)),
        ((5, 6),),
        "constant",
    ),
    "windows of a sequence": (
        lambda: Forward(lambda m, x: m.f(x.unfold(1, 4, 2)), f=nn.Linear(4, 3)),
        ((10, 6),),
        "unfold",
    ),
    "a batch made on the way": (
        lambda: Forward(lambda m, x: m.c(x.view(4, 3, 8, 8)).mean(0), c=nn.Conv2d(3, 5, 3)),
        ((12, 8, 8),),
        "conv",
    ),
    "several outputs": (
        lambda: Forward(lambda m, x: {"a": m.c(x), "b": [x.amax((2, 3))]}, c=nn.Conv2d(3, 5, 3)),
        ((3, 8, 8),),
        "globalmaxpool",
    ),
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_construct(name: str) -> None:
    make, sizes, kind = CONSTRUCTS[name]
    assert kind in kinds(agree(make, *sizes))


def test_inputs_are_like_the_parameters() -> None:
    network = cnncalc.from_torch(nn.Conv2d(3, 4, 3).half(), (3, 8, 8))
    assert analyze(network).totals.macs == 6 * 6 * 4 * 27


def test_constants_have_numbers() -> None:
    """A forward may read the values of tensors that it creates, but not those of its inputs."""

    def half(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return x[..., : int(torch.ceil(torch.tensor(x.shape[-1] / 2)).item())]

    assert shown(cnncalc.from_torch(Forward(half), (3, 8, 9))) == [("input", "8x9x3"), ("slice", "8x5x3")]


def test_batch_after_the_steps() -> None:
    network = cnncalc.from_torch(nn.GRU(6, 4), (5, 6))
    assert [(node.kind, str(node.output)) for node in network.nodes[:2]] == [("input", "5x6"), ("gru", "5x4")]
    assert analyze(network).totals.macs == 5 * 3 * 4 * 10


def test_products_with_a_vector_count() -> None:
    """PyTorch's own count leaves these products out."""
    network = cnncalc.from_torch(Forward(lambda m, x: x @ m.w, w=parameter(6)), (5, 6))
    assert not network.warnings
    assert analyze(network).totals.macs == 30


@pytest.mark.filterwarnings("ignore")
def test_scripted_and_compiled() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    for module in (torch.jit.script(plain), torch.compile(plain), nn.DataParallel(plain)):
        totals = analyze(cnncalc.from_torch(module, (3, 8, 8))).totals
        assert (totals.params, totals.macs) == (112, 6 * 6 * 4 * 27)


@pytest.mark.parametrize(
    "function",
    [lambda m, x: torch.vmap(m.f)(x), lambda m, x: m.f(x[x > 2])],
)
def test_what_cannot_be_followed(function: Callable[..., Any]) -> None:
    with pytest.raises(cnncalc.CnncalcError) as caught:
        cnncalc.from_torch(Forward(function, f=nn.Linear(6, 3)), (5, 6))
    assert [problem.code for problem in caught.value.problems] == ["unsupported"]


def test_inputs_are_named() -> None:
    class Two(nn.Module):
        def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return image * mask

    network = agree(Two, (3, 8, 8), (1, 8, 8))
    assert [(node.name, tuple(node.output)) for node in network.inputs] == [("image", (8, 8, 3)), ("mask", (8, 8, 1))]


def test_names_are_those_of_the_module_tree() -> None:
    network = agree(lambda: nn.Sequential(Residual(3, 8), nn.Sequential(nn.Flatten(), nn.Linear(512, 10))), (3, 8, 8))
    names = ["conv1", "bn1", "relu", "conv2", "bn2", "down.0", "down.1", "add", "relu_2"]
    assert [node.name for node in network.nodes] == ["input", *(f"0.{name}" for name in names), "1.0", "1.1"]
    inplace = [node.layer.nondefault_fields for node in network.nodes if node.kind in ("relu", "add") and node.layer]
    assert inplace == [{"inplace": True}] * 3


def test_the_module_stays_as_it_is() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    cnncalc.from_torch(module, (3, 8, 8))
    assert module.training
    assert not module[0]._forward_hooks
    assert not module[0]._forward_pre_hooks
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_no_number_is_computed() -> None:
    """A billion weights take no time and no memory, because only their sizes are read."""
    with torch.device("meta"):
        module = nn.Sequential(nn.Linear(32768, 32768), nn.ReLU(), nn.Linear(32768, 10))
    assert analyze(cnncalc.from_torch(module, (32768,))).totals.params == 32768 * 32769 + 32769 * 10


def test_what_is_not_known_is_not_zero() -> None:
    def warped(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return F.grid_sample(x, torch.zeros(1, 5, 5, 2), align_corners=False)

    network = cnncalc.from_torch(Forward(warped), (3, 8, 8))
    row = next(row for row in analyze(network).rows if row.node.kind == "grid_sampler_2d")
    assert not row.counted
    assert tuple(row.node.output) == (5, 5, 3)
    assert "unknown" in row.notes[0][1]
    assert analyze(network).totals.uncounted == 1


def test_a_difference_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a rule that is wrong on purpose, a warning shows PyTorch's shape and count and cnncalc's."""
    from cnncalc.layers.conv import Conv
    from cnncalc.product import Product
    from cnncalc.shape import Shape as Size

    monkeypatch.setattr(Conv, "out", lambda self, *xs: Size((5, 5, self.filters)))
    monkeypatch.setattr(Conv, "macs", lambda self, *xs: Product(("wrong", 7)))
    network = cnncalc.from_torch(nn.Conv2d(3, 4, 3), (3, 8, 8))
    assert [problem.code for problem in network.warnings] == ["shapes-disagree", "macs-disagree"]
    assert "5x5x4" in network.warnings[0].text
    assert "6x6x4" in network.warnings[0].text
    assert "7 multiply-adds in cnncalc, but 3,888 in PyTorch" in network.warnings[1].text


def wandered(seed: int, x: torch.Tensor) -> torch.Tensor:
    """A random walk of operations that move, cut, join and multiply; the same for the same seed and shape."""
    rng = random.Random(seed)
    for _ in range(rng.randint(3, 12)):
        x = stepped(rng, x)
    return x


def stepped(rng: random.Random, x: torch.Tensor) -> torch.Tensor:
    rank = x.dim()
    axis = rng.randrange(rank)
    length = x.shape[axis]
    steps: list[Callable[[], torch.Tensor]] = [
        lambda: x.permute(rng.sample(range(rank), rank)),
        lambda: x.transpose(axis, rng.randrange(rank)),
        lambda: x.reshape(*divided(rng, x.numel())),
        lambda: x.narrow(axis, length // 3, length - length // 3),
        lambda: x.select(axis, length // 2) if rank > 2 else x.exp(),
        lambda: torch.cat([x, x.relu()], axis),
        lambda: x.chunk(2, axis)[-1],
        lambda: x.unsqueeze(axis) if rank < 5 else x.squeeze(),
        lambda: x + x.mean(axis, keepdim=True),
        lambda: x.mean(axis) if rank > 1 else x.tanh(),
        lambda: x.flatten(axis),
        lambda: torch.stack([x, x * 2], axis) if rank < 4 else x.roll(1, axis),
        lambda: x @ x.mT if rank > 1 else x,
        lambda: x.softmax(axis),
        lambda: F.pad(x, (1, 0)),
        lambda: x.unsqueeze(0).expand(2, *x.shape) if rank < 4 else x,
        lambda: added(x),
    ]
    return rng.choice(steps)()


def divided(rng: random.Random, numbers: int) -> list[int]:
    """Return sizes of a tensor with this many numbers."""
    found = []
    while numbers > 1 and len(found) < 4:
        found.append(rng.choice([n for n in range(1, numbers + 1) if numbers % n == 0][:6]))
        numbers //= found[-1]
    return [*found, numbers]


def added(x: torch.Tensor) -> torch.Tensor:
    """A copy, changed in part."""
    y = x.clone()
    y.select(0, 0).add_(1)
    return y


@pytest.mark.parametrize("size", [(3, 4, 6), (5, 6), (7,), (2, 3, 4, 5), (1, 6, 4), (4, 1)])
def test_random_walks(size: Shape) -> None:
    """However axes are moved, cut and joined, the final shapes and the count are PyTorch's."""
    for seed in range(30):
        network = cnncalc.from_torch(Forward(lambda _, x, seed=seed: wandered(seed, x)), size)
        assert not network.warnings, seed
        with FlopCounterMode(display=False) as counter:
            theirs = wandered(seed, torch.empty(1, *size, device="meta"))
        ours = network.nodes[network.outputs[0]].output
        assert sorted(n for n in ours if n > 1) == sorted(n for n in theirs.shape if n > 1), seed
        assert analyze(network).totals.macs == counter.get_total_flops() / 2, seed


MOVED = {"flatten", "reshape", "permute", "slice", "crop", "identity", "input"}


def layers(network: Network) -> Counter[tuple[str, Shape, int, int]]:
    """Count the layers that do more than move values, by kind, shape, weights and multiply-adds."""
    return Counter(
        (row.node.kind.replace("depthwise", "conv"), tuple(row.node.output), row.weights, int(row.macs))
        for row in analyze(network).rows
        if row.node.kind not in MOVED
    )


@pytest.mark.parametrize("path", SHELF, ids=lambda path: path.stem)
def test_shelf_to_torch_and_back(path: Path) -> None:
    network = read(Source(str(path), path.read_text(encoding="utf-8")), Overrides({}, {}))
    exported = source(network)
    names: dict[str, Any] = {"__name__": "exported"}
    exec(exported.text, names)
    with torch.device("meta"):
        module = names[exported.name]()
    arguments = list(signature(module.forward).parameters)
    sizes = {
        name: (node.output[-1], *node.output[:-1]) if exported.layouts[node.index] == "first" else tuple(node.output)
        for name, node in zip(arguments, network.inputs, strict=True)
    }
    back = cnncalc.from_torch(module, sizes)
    assert not back.warnings
    again = read(Source("again.yaml", write_checked(back).text))  # YAML -> PyTorch -> YAML
    ours, theirs = analyze(network).totals, analyze(back).totals
    for quantity in ("depth", "activations", "conv_activations", "weights", "biases", "buffers", "macs"):
        assert getattr(theirs, quantity) == getattr(ours, quantity), quantity
        assert getattr(analyze(again).totals, quantity) == getattr(ours, quantity), quantity
    assert not layers(network) - layers(back)
    extra = layers(back) - layers(network)
    assert all(kind == "add" and not weights + macs for kind, _, weights, macs in extra), extra  # offsets after factors


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda x: x.cumsum(1), "cumsum"), (lambda x: x.cumprod(-1), "cumprod"), (lambda x: x.sort(2)[0], "sort"),
        (lambda x: x.topk(3, 2)[0], "topk"), (lambda x: torch.hstack([x, x]), "concat"),
    ],
)  # fmt: skip
def test_what_keeps_its_axes(function: Callable[..., Any], kind: str) -> None:
    """Cumulative sums, sorting and hstack keep the axes of the input, on which later layers depend."""

    class Small(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(channels, 4, 1)

        def forward(self, x: Any) -> Any:
            return self.conv(function(x))

    given = function(torch.zeros(1, 3, 8, 6)).shape
    network = cnncalc.from_torch(Small(given[1]), (3, 8, 6))
    made = next(node for node in network.nodes if node.kind == kind)
    assert tuple(made.output) == (given[2], given[3], given[1])
    assert network.nodes[-1].kind == "conv"
    assert not {"constant", "reshape", "permute"} & {node.kind for node in network.nodes}
    assert not network.warnings


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.pad(x, (1, 1, 1, 1)),
        lambda x: F.pad(x, (0, 1, 0, 1)),
        lambda x: F.max_pool2d(F.pad(x, (1, 1, 1, 1), value=float("-inf")), 3, 1),
        lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 3, 1),
        lambda x: F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 2, 1),
        lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True)).expand_as(x),
        lambda x: torch.where(x > 0, x, 0.5 * x),
        lambda x: x + x.roll(1, 2),
        lambda x: torch.cat([x[:, :4], x[:, 4:] * 2], 1),
    ],
)
def test_memory(function: Callable[..., Any]) -> None:
    """Training peak: padding is a copy that is saved for backward; an expansion is not, and its gradient is summed at once."""

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
            self.head = nn.Linear(8, 5)

        def forward(self, x: Any) -> Any:
            x = self.first(x)
            return self.head(self.second(function(x)).mean((2, 3)))

    module = Small()
    predicted = train(cnncalc.from_torch(module, (3, 8, 8)), 2)
    measured = measure_training(module, (3, 8, 8), 2)["peak_bytes"]
    assert predicted.peak.live == measured if predicted.exact else predicted.peak.live <= measured, (
        predicted.exact,
        measured,
    )


# -- torch:module:callable --------------------------------------------------------------------------------------------

MODELS = '''
import torch
from torch import nn

print("the module is imported")


class Net(nn.Module):
    def __init__(self, width=8, act="relu"):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.act = getattr(torch, act)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.act(self.conv(x)).mean((2, 3)))


class Steps(nn.Module):
    def __init__(self, first=True):
        super().__init__()
        self.lstm = nn.LSTM(16, 32, batch_first=first)

    def forward(self, x):
        return self.lstm(x)[0]


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(100, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, words):
        return self.head(self.table(words).mean(1))


class Decides(nn.Module):
    def forward(self, x):
        if x.sum() < 1e9:
            raise ValueError("too small")
        return x


class Ends(nn.Module):
    def forward(self, x):
        raise SystemExit(0)


class Pair(nn.Module):
    def forward(self, left, right):
        return left + right


class Last(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(5, 7)

    def forward(self, x):
        return self.linear(x)


class Numbers(nn.Module):
    """Reads values of tensors while it is built."""

    def __init__(self):
        super().__init__()
        rates = [rate.item() for rate in torch.linspace(0, 0.5, 3)]
        self.layers = nn.Sequential(*[nn.Dropout(rate) for rate in rates], nn.LazyLinear(4))

    def forward(self, x):
        return self.layers(x)


built = nn.Sequential(nn.Conv1d(4, 6, 3), nn.ReLU())


def fails():
    raise ValueError("no luck")


def number():
    return 3


def downloads():
    import urllib.request

    urllib.request.urlopen("http://127.0.0.1:9/weights.pth")


class Fetches(nn.Module):
    def forward(self, x):
        downloads()


def leaves():
    raise SystemExit(3)
'''


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module of models in the current folder, which is not on Python's path."""
    name = f"models_{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{name}.py").write_text(MODELS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return name


def loaded(spec: str, inputs: Mapping[str, str], **arguments: str) -> Network:
    """Read `torch:...` like the command line does."""
    return reader.read(spec, ReaderOptions(inputs, {}, tuple(arguments.items())))


def shown(network: Network) -> list[tuple[str, str]]:
    return [(node.name, str(node.output)) for node in network.nodes]


def test_callable_in_the_current_folder(models: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = list(sys.path)
    network = loaded(f"torch:{models}:Net", {"": "32x24x3"}, width="16", act="tanh")
    names = [("input", "32x24x3"), ("conv", "32x24x16"), ("tanh", "32x24x16"), ("globalavgpool", "16"), ("head", "10")]
    assert shown(network) == names
    assert sys.path == path
    printed = capsys.readouterr()
    assert printed.out == ""  # what a module prints must not get between the lines of a table or JSON
    assert "the module is imported" in printed.err


@pytest.mark.parametrize(
    ("name", "given", "arguments", "expected"),
    [
        ("Steps", "100x16", {}, [("input", "100x16"), ("lstm", "100x32")]),
        ("Steps", "100x16", {"first": "false"}, [("input", "100x16"), ("lstm", "100x32")]),
        ("built", "100x4", {}, [("input", "100x4"), ("0", "98x6"), ("1", "98x6")]),
        ("Words", "12", {}, [("input", "12"), ("table", "12x8"), ("globalavgpool", "8"), ("head", "2")]),
        ("Last", "9x8x5", {}, [("input", "9x8x5"), ("linear", "9x8x7")]),
        ("Numbers", "9", {}, [("input", "9"), *[(f"layers.{k}", "9") for k in range(3)], ("layers.3", "4")]),
    ],
)
def test_layouts(
    models: str, name: str, given: str, arguments: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert shown(loaded(f"torch:{models}:{name}", {"": given}, **arguments)) == expected


def refused(spec: str, inputs: Mapping[str, str], **arguments: str) -> Problem:
    with pytest.raises(Refused) as caught:
        loaded(spec, inputs, **arguments)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("name", "inputs", "arguments", "code", "words"),
    [
        ("Nett", {"": "8x8x3"}, {}, "bad-argument", "has no `Nett` -> did you mean `Net`?"),
        ("fails", {"": "8x8x3"}, {}, "bad-model", "fails with ValueError: no luck"),
        ("number", {"": "8x8x3"}, {}, "bad-model", "returns a value of type int, not a torch.nn.Module"),
        ("downloads", {"": "8x8x3"}, {}, "bad-model", "which cnncalc does not allow -> turn pretrained weights off"),
        ("Fetches", {"": "8x8x3"}, {}, "bad-model", "forward of torch:"),
        ("Fetches", {"": "8x8x3"}, {}, "bad-model", "which cnncalc does not allow -> remove the download"),
        ("leaves", {"": "8x8x3"}, {}, "bad-model", "fails with SystemExit: 3"),
        ("Ends", {"": "8x8x3"}, {}, "bad-model", "fails on a tensor of 1x3x8x8: SystemExit: 0"),
        ("Net", {"": "8x8x3"}, {"wide": "3"}, "bad-model", "are `width` and `act`"),
        ("built", {"": "8x3"}, {"wide": "3"}, "bad-model", "`--arg` has no effect on it"),
        ("Net", {}, {}, "unknown-size", "--input 224x224x3"),
        ("Net", {"": "3x8x8"}, {}, "bad-argument", "write `8x8x3`"),
        ("Net", {"": "8x8x5"}, {}, "bad-model", "fails on a tensor of 1x5x8x8"),
        ("Net", {"y": "8x8x3"}, {}, "unknown-input", "its arguments are `x`"),
        ("Pair", {"": "8x8x3"}, {}, "unknown-input", "forward also needs `right`"),
        ("Decides", {"": "8x8x3"}, {}, "unsupported", "fails on made-up values: ValueError: too small"),
        ("built", {"": "4x100"}, {}, "ambiguous-input", "--input 100x4"),
    ],
)
def test_errors(
    models: str, name: str, inputs: dict[str, str], arguments: dict[str, str], code: str, words: str
) -> None:
    problem = refused(f"torch:{models}:{name}", inputs, **arguments)
    assert problem.code == code
    assert words in str(problem).replace(f"[{code}] ", "")


def test_errors_of_the_spec_itself(models: str) -> None:
    assert "write `torch:package.module:callable`" in refused("torch:models", {"": "8"}).help
    assert refused("torch:nets/net.py:Net", {"": "8"}).help == "write `torch:nets.net:Net`"
    absent = refused("torch:absent_models:Net", {"": "8"})
    assert absent.code == "bad-argument"  # exit status 2, as for a missing file
    assert "no Python module `absent_models`" in absent.text
    with pytest.raises(Refused, match="write `--arg name=value`"):
        reader.read(f"torch:{models}:Net", ReaderOptions({"": "8x8x3"}, {"width": 3}))
    with pytest.raises(cnncalc.CnncalcError, match=r"this is a value of type int, not a torch\.nn\.Module"):
        cnncalc.from_torch(3, (3, 8, 8))


def test_arguments() -> None:
    texts = ("64", "-1", "0.5", "1e-3", "true", "False", "null", "wide", "[2, 2]", '"64"', "x=y")
    assert [parse_argument(text) for text in texts] == [
        64,
        -1,
        0.5,
        0.001,
        True,
        False,
        None,
        "wide",
        [2, 2],
        "64",
        "x=y",
    ]


def test_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(Missing, match=r"this needs PyTorch: pip install 'cnncalc\[torch\]'"):
        loaded("torch:models:Net", {"": "8x8x3"})


def test_command_line(models: str) -> None:
    """Console scripts do not search the current folder, but cnncalc imports models from it."""

    def run(*words: str) -> tuple[int, str, str]:
        code = "import sys; from cnncalc.cli import main; sys.exit(main())"
        paths = os.pathsep.join([str(Path(cnncalc.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-c", code, *words],
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    spec = f"torch:{models}:Net"
    asked = ["--input", "32x32x3", "--arg", "width=16"]
    assert run("analyze", spec, *asked, "--get", "params")[:2] == (0, f"{3 * 9 * 16 + 16 + 16 * 10 + 10}\n")
    status, out, _ = run(
        "compare", spec, "-e", "32x32x3 -> CONV3-16 -> FC-10", "--input", "32x32x3", "--only", "params"
    )
    assert status == 0, out
    status, _, said = run("analyze", "resnet18", "--arg", "width=16")
    assert status == 2
    assert "--arg is only for torch:MODULE:CALLABLE" in said
    status, _, said = run("check", spec)
    assert status == 2
    assert "the module is imported" not in said


@pytest.mark.parametrize("padding", [1, "same"])
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_a_padding_mode_is_part_of_the_convolution(mode: str, padding: Any) -> None:
    """It is one layer with PyTorch's counts, and exact memory except for circular padding, which has no rule."""
    with torch.device("meta"):
        module = nn.Sequential(
            nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 4, padding=padding, padding_mode=mode), nn.GLU(1), nn.Hardtanh(),
            nn.Flatten(), nn.Linear(2 * (9 if padding == "same" else 8) ** 2, 3),
        )  # fmt: skip
    network = cnncalc.from_torch(module, (3, 9, 9))
    layers = [node.layer for node in network.nodes if node.layer is not None]
    assert [layer.kind for layer in layers] == ["conv", "conv", "glu", "hardtanh", "flatten", "fc"]
    assert getattr(layers[1], "mode", "") == mode
    oracle = Oracle(module, (3, 9, 9))
    totals = analyze(network).totals
    assert (totals.params, totals.macs) == (oracle.params, oracle.macs)
    found, measured = train(network), measure_training(module.requires_grad_(), (3, 9, 9), 1)
    assert bool(found.unknown) is (mode == "circular")
    if mode != "circular":
        assert found.saved == measured["act_bytes_end_fwd"]
        assert found.peak.live == max(measured["fwd_peak"], measured["bwd_peak"])
