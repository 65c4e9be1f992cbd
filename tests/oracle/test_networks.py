"""Networks of the shelf without a complete record in reference/, built by hand in PyTorch from papers and code.

Parameters come from the modules; multiply-adds are half of what `torch.utils.flop_counter` counts. The meta device
computes only shapes. Weights, biases, buffers, output shape and every convolution and fully connected layer must equal
exactly what cnncalc reads from architectures/.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import pytest

from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import Overrides, read
from tests.helpers import ROOT

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

SHELF = ROOT / "architectures"


# -- building blocks ------------------------------------------------------------------------------------------------


class Add(nn.Module):
    """The sum of two paths from the same input."""

    def __init__(self, main: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.main = main
        self.shortcut = shortcut or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.main(x) + self.shortcut(x)
        return total


class Cat(nn.Module):
    """The channels of several paths from the same input, concatenated."""

    def __init__(self, *paths: nn.Module) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([path(x) for path in self.paths], dim=1)


class Squeeze(nn.Module):
    """Squeeze-and-excitation: every channel times a gate that sees the mean of all channels."""

    def __init__(self, channels: int, squeezed: int, inner: nn.Module, outer: nn.Module) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, squeezed, 1), inner, nn.Conv2d(squeezed, channels, 1), outer
        )

    def forward(self, x: Tensor) -> Tensor:
        gated: Tensor = x * self.gate(x)
        return gated


class Mean(nn.Module):
    """The mean of every channel."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def conv_bn(before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias that keeps the size at stride 1, and its batch norm."""
    convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after))


def multiple_of_8(value: float) -> int:
    """MobileNet's rounding."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


# -- residual networks ----------------------------------------------------------------------------------------------


def residual_net(inner: int, groups: int = 1, stages: tuple[int, ...] = (3, 4, 6, 3)) -> nn.Module:
    """Return ResNet-50 (or deeper with `stages`) with 3x3 convolutions of `inner` channels in the first stage, in groups.

    He et al. 2015, table 1: 64 channels; blocks 3, 4, 23, 3 make ResNet-101 and 3, 8, 36, 3 ResNet-152.
    """
    layers: list[nn.Module] = [conv_bn(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, blocks in enumerate(stages):
        width, out = inner * 2**stage, 256 * 2**stage
        for number in range(blocks):
            stride = 2 if stage > 0 and number == 0 else 1
            main = nn.Sequential(
                conv_bn(channels, width),
                nn.ReLU(),
                conv_bn(width, width, 3, stride, groups),
                nn.ReLU(),
                conv_bn(width, out),
            )
            layers += [Add(main, conv_bn(channels, out, 1, stride) if number == 0 else None), nn.ReLU()]
            channels = out
    return nn.Sequential(*layers, Mean(), nn.Linear(channels, 1000))


class Grow(nn.Module):
    """The input followed by the result of a path."""

    def __init__(self, path: nn.Module) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.path(x)], 1)


def densenet161() -> nn.Module:
    """DenseNet-161 of Huang et al. 2016: growth 48, 96 channels at the start, blocks of 6, 12, 36 and 24 layers."""
    channels, growth = 96, 48
    layers: list[nn.Module] = [conv_bn(3, channels, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for block, count in enumerate((6, 12, 36, 24)):
        for _ in range(count):
            path = nn.Sequential(
                nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 4 * growth, 1, bias=False),
                nn.BatchNorm2d(4 * growth), nn.ReLU(), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
            )  # fmt: skip
            layers.append(Grow(path))
            channels += growth
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if block < 3:
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
    return nn.Sequential(*layers, Mean(), nn.Linear(channels, 1000))


def preact_resnet() -> nn.Module:
    """ResNet-164 of He et al. 2016 for CIFAR-10, stride in the first 1x1 (github.com/KaimingHe/resnet-1k-layers)."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False)]
    channels = 16
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        for number in range(18):
            step = stride if number == 0 else 1
            norm = [nn.BatchNorm2d(channels), nn.ReLU()]
            body = [
                nn.Conv2d(channels, width, 1, step, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                nn.Conv2d(width, 4 * width, 1, bias=False),
            ]  # fmt: skip
            if number == 0:  # norm and activation come before the fork
                shortcut = nn.Conv2d(channels, 4 * width, 1, step, bias=False)
                layers += [*norm, Add(nn.Sequential(*body), shortcut)]
            else:
                layers.append(Add(nn.Sequential(*norm, *body)))
            channels = 4 * width
    return nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU(), Mean(), nn.Linear(channels, 10))


# -- mobile networks ------------------------------------------------------------------------------------------------


def mobilenet_v3(rows: list[tuple[int, int, int, bool, type[nn.Module], int]], head: int) -> nn.Module:
    """MobileNetV3 from the rows of its table: kernel, expansion, channels, squeeze, non-linearity, stride."""
    layers: list[nn.Module] = [conv_bn(3, 16, 3, 2), nn.Hardswish()]
    channels = 16
    for kernel, wide, out, squeeze, act, stride in rows:
        main: list[nn.Module] = [conv_bn(channels, wide), act()] if wide != channels else []
        main += [conv_bn(wide, wide, kernel, stride, wide), act()]
        if squeeze:
            main.append(Squeeze(wide, multiple_of_8(wide / 4), nn.ReLU(), nn.Hardsigmoid()))
        main.append(conv_bn(wide, out))
        body = nn.Sequential(*main)
        layers.append(Add(body) if stride == 1 and out == channels else body)
        channels = out
    layers += [conv_bn(channels, 6 * channels), nn.Hardswish(), Mean()]
    return nn.Sequential(*layers, nn.Linear(6 * channels, head), nn.Hardswish(), nn.Dropout(), nn.Linear(head, 1000))


RE, HS = nn.ReLU, nn.Hardswish
LARGE = [
    (3, 16, 16, False, RE, 1), (3, 64, 24, False, RE, 2), (3, 72, 24, False, RE, 1), (5, 72, 40, True, RE, 2),
    (5, 120, 40, True, RE, 1), (5, 120, 40, True, RE, 1), (3, 240, 80, False, HS, 2), (3, 200, 80, False, HS, 1),
    (3, 184, 80, False, HS, 1), (3, 184, 80, False, HS, 1), (3, 480, 112, True, HS, 1), (3, 672, 112, True, HS, 1),
    (5, 672, 160, True, HS, 2), (5, 960, 160, True, HS, 1), (5, 960, 160, True, HS, 1),
]  # fmt: skip
SMALL = [
    (3, 16, 16, True, RE, 2), (3, 72, 24, False, RE, 2), (3, 88, 24, False, RE, 1), (5, 96, 40, True, HS, 2),
    (5, 240, 40, True, HS, 1), (5, 240, 40, True, HS, 1), (5, 120, 48, True, HS, 1), (5, 144, 48, True, HS, 1),
    (5, 288, 96, True, HS, 2), (5, 576, 96, True, HS, 1), (5, 576, 96, True, HS, 1),
]  # fmt: skip


class Shuffle(nn.Module):
    """The channels of two halves, alternating."""

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        return x.reshape(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(x.shape)


class HalfUnit(nn.Module):
    """ShuffleNetV2's unit of stride 1: one half of the channels is unchanged, and the other is processed."""

    def __init__(self, half: int) -> None:
        super().__init__()
        self.kept = half
        self.work = nn.Sequential(
            conv_bn(half, half), nn.ReLU(), conv_bn(half, half, 3, 1, half), conv_bn(half, half), nn.ReLU()
        )
        self.shuffle = Shuffle()

    def forward(self, x: Tensor) -> Tensor:
        joined: Tensor = self.shuffle(torch.cat([x[:, : self.kept], self.work(x[:, self.kept :])], dim=1))
        return joined


def shufflenet_v2() -> nn.Module:
    """ShuffleNetV2 1x of Ma et al. 2018, table 5."""
    layers: list[nn.Module] = [conv_bn(3, 24, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 24
    for out, units in ((116, 3), (232, 7), (464, 3)):
        half = out // 2
        left = nn.Sequential(conv_bn(channels, channels, 3, 2, channels), conv_bn(channels, half), nn.ReLU())
        right = nn.Sequential(
            conv_bn(channels, half), nn.ReLU(), conv_bn(half, half, 3, 2, half), conv_bn(half, half), nn.ReLU()
        )
        layers += [Cat(left, right), Shuffle(), *[HalfUnit(half) for _ in range(units)]]
        channels = out
    return nn.Sequential(*layers, conv_bn(channels, 1024), nn.ReLU(), Mean(), nn.Linear(1024, 1000))


def efficientnet_b0() -> nn.Module:
    """EfficientNet-B0 of Tan & Le 2019, table 1: expansion, kernel, channels, layers, stride."""
    layers: list[nn.Module] = [conv_bn(3, 32, 3, 2), nn.SiLU()]
    channels = 32
    for t, kernel, out, blocks, first in (
        (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2),
        (6, 5, 112, 3, 1), (6, 5, 192, 4, 2), (6, 3, 320, 1, 1),
    ):  # fmt: skip
        for number in range(blocks):
            stride, wide = (first if number == 0 else 1), t * channels
            main: list[nn.Module] = [conv_bn(channels, wide), nn.SiLU()] if t != 1 else []
            main += [conv_bn(wide, wide, kernel, stride, wide), nn.SiLU()]
            main += [Squeeze(wide, channels // 4, nn.SiLU(), nn.Sigmoid()), conv_bn(wide, out)]
            body = nn.Sequential(*main)
            layers.append(Add(body) if stride == 1 and out == channels else body)
            channels = out
    return nn.Sequential(*layers, conv_bn(channels, 1280), nn.SiLU(), Mean(), nn.Dropout(0.2), nn.Linear(1280, 1000))


# -- after the transformer ------------------------------------------------------------------------------------------


class ChannelsLast(nn.Module):
    """A module that works on the last axis, for images with channels first."""

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(*modules)

    def forward(self, x: Tensor) -> Tensor:
        moved: Tensor = self.inner(x.movedim(1, -1)).movedim(-1, 1)
        return moved


class Scale(nn.Module):
    """One learned factor per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


def convnext_tiny() -> nn.Module:
    """ConvNeXt-T of Liu et al. 2022: stages of 3, 3, 9 and 3 blocks of 96 to 768 channels."""
    layers: list[nn.Module] = [nn.Conv2d(3, 96, 4, 4), ChannelsLast(nn.LayerNorm(96))]
    for stage, blocks in enumerate((3, 3, 9, 3)):
        width = 96 * 2**stage
        if stage:
            layers += [ChannelsLast(nn.LayerNorm(width // 2)), nn.Conv2d(width // 2, width, 2, 2)]
        for _ in range(blocks):
            mlp = ChannelsLast(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
            layers.append(Add(nn.Sequential(nn.Conv2d(width, width, 7, padding=3, groups=width), mlp, Scale(width))))
    return nn.Sequential(*layers, Mean(), nn.LayerNorm(768), nn.Linear(768, 1000))


class Attention(nn.Module):
    """Self-attention spelled out as four products."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, width = x.shape
        parts = self.queries_keys_values(x).reshape(batch, steps, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        seen = (queries @ keys.transpose(-1, -2)).softmax(-1) @ values
        mixed: Tensor = self.out(seen.transpose(1, 2).reshape(batch, steps, width))
        return mixed


class VisionTransformer(nn.Module):
    """ViT-B/16 of Dosovitskiy et al. 2020: 12 encoders of width 768."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 768, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, 1, 768))
        self.places = nn.Parameter(torch.zeros(1, 197, 768))
        encoders: list[nn.Module] = []
        for _ in range(12):
            encoders.append(Add(nn.Sequential(nn.LayerNorm(768), Attention(768, 12))))
            mlp = nn.Sequential(nn.LayerNorm(768), nn.Linear(768, 3072), nn.GELU(), nn.Linear(3072, 768))
            encoders.append(Add(mlp))
        self.encoders = nn.Sequential(*encoders, nn.LayerNorm(768))
        self.head = nn.Linear(768, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.places
        answer: Tensor = self.head(self.encoders(x)[:, 0])
        return answer


# -- the others -----------------------------------------------------------------------------------------------------


class Crop(nn.Module):
    """The middle of an image."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        start = (x.shape[-1] - self.size) // 2
        return x[..., start : start + self.size, start : start + self.size]


def vgg16_features(first_pad: int, *, ceil: bool) -> tuple[list[nn.Module], int]:
    """The thirteen convolutions of VGG-16."""
    layers: list[nn.Module] = []
    channels, pad = 3, first_pad
    for width, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, width, 3, padding=pad), nn.ReLU()]
            channels, pad = width, 1
        layers.append(nn.MaxPool2d(2, ceil_mode=ceil))
    return layers, channels


def convolutional_head(channels: int, classes: int) -> list[nn.Module]:
    """VGG's fully connected layers as convolutions."""
    return [
        nn.Conv2d(channels, 4096, 7), nn.ReLU(), nn.Dropout(), nn.Conv2d(4096, 4096, 1), nn.ReLU(), nn.Dropout(),
        nn.Conv2d(4096, classes, 1),
    ]  # fmt: skip


def fcn32s() -> nn.Module:
    """FCN-32s of Long et al. 2015: 100 zeros around the image, 21 scores, fixed bilinear upsampling."""
    layers, channels = vgg16_features(100, ceil=True)
    upsampling = nn.Upsample(scale_factor=32, mode="bilinear")
    return nn.Sequential(*layers, *convolutional_head(channels, 21), upsampling, Crop(500))


def vgg16_conv() -> nn.Module:
    """VGG-16 with its fully connected layers as convolutions."""
    layers, channels = vgg16_features(1, ceil=False)
    return nn.Sequential(*layers, *convolutional_head(channels, 1000))


def dcgan_generator() -> nn.Module:
    """The generator of Radford et al. 2015, figure 1; 5x5 windows that double the size."""
    layers: list[nn.Module] = [
        nn.Linear(100, 4 * 4 * 1024, bias=False), nn.Unflatten(1, (1024, 4, 4)), nn.BatchNorm2d(1024), nn.ReLU(),
    ]  # fmt: skip
    for before, after in ((1024, 512), (512, 256), (256, 128), (128, 3)):
        layers.append(nn.ConvTranspose2d(before, after, 5, 2, padding=2, output_padding=1, bias=False))
        layers += [nn.BatchNorm2d(after), nn.ReLU()] if after != 3 else [nn.Tanh()]
    return nn.Sequential(*layers)


def mnist_cnn() -> nn.Module:
    """Two 5x5 convolutions with pooling, one fully connected layer."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(7 * 7 * 64, 10),
    )  # fmt: skip


def small_alexnet() -> nn.Module:
    """A student's network: 100x100x3, two convolutions, 300 units, 3 classes."""
    return nn.Sequential(
        nn.Conv2d(3, 12, 4, 4), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(12, 24, 5, padding=2), nn.ReLU(),
        nn.MaxPool2d(4, 2), nn.Flatten(), nn.Linear(600, 300), nn.ReLU(), nn.Linear(300, 3),
    )  # fmt: skip


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet50": (lambda: residual_net(64), (3, 224, 224)),  # the builder itself, compared with torchvision's record
    "resnet101": (lambda: residual_net(64, stages=(3, 4, 23, 3)), (3, 224, 224)),
    "resnet152": (lambda: residual_net(64, stages=(3, 8, 36, 3)), (3, 224, 224)),
    "densenet161": (densenet161, (3, 224, 224)),
    "resnext50_32x4d": (lambda: residual_net(128, groups=32), (3, 224, 224)),
    "wide_resnet50_2": (lambda: residual_net(128), (3, 224, 224)),
    "preact_resnet164": (preact_resnet, (3, 32, 32)),
    "mobilenet_v3_large": (lambda: mobilenet_v3(LARGE, 1280), (3, 224, 224)),
    "mobilenet_v3_small": (lambda: mobilenet_v3(SMALL, 1024), (3, 224, 224)),
    "shufflenet_v2_x1_0": (shufflenet_v2, (3, 224, 224)),
    "efficientnet_b0": (efficientnet_b0, (3, 224, 224)),
    "convnext_tiny": (convnext_tiny, (3, 224, 224)),
    "vit_b_16": (VisionTransformer, (3, 224, 224)),
    "fcn32s": (fcn32s, (3, 500, 500)),
    "vgg16_conv": (vgg16_conv, (3, 384, 384)),
    "dcgan_generator": (dcgan_generator, (100,)),
    "mnist_cnn": (mnist_cnn, (1, 28, 28)),
    "small_alexnet": (small_alexnet, (3, 100, 100)),
}
OTHER_SIZES = [
    ("resnext50_32x4d", (3, 160, 192)), ("mobilenet_v3_large", (3, 225, 227)), ("mobilenet_v3_small", (3, 96, 128)),
    ("shufflenet_v2_x1_0", (3, 160, 192)), ("efficientnet_b0", (3, 225, 227)), ("convnext_tiny", (3, 256, 320)),
    ("vgg16_conv", (3, 500, 400)),
]  # fmt: skip


# -- both sides -----------------------------------------------------------------------------------------------------


def ours(file: str, shape: tuple[int, ...]) -> Analysis:
    """Return cnncalc's analysis of the file, for an input with channels first."""
    size = "x".join(map(str, (*shape[1:], shape[0])))
    return analyze(read(Source(f"{file}.yaml", (SHELF / f"{file}.yaml").read_text()), Overrides({}, {"": size})))


def bare(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without axes of length 1, so that a 1x1 convolution of a mean is a fully connected layer."""
    return tuple(length for length in shape if length != 1)


Layers = Counter[tuple[tuple[int, ...], int]]


def run(network: nn.Module, shape: tuple[int, ...]) -> tuple[tuple[int, ...], int, Layers]:
    """Return output shape (channels last), multiply-adds, and (output, parameters) of every conv and fc outside attention."""
    seen: Layers = Counter()
    attention = {part for module in network.modules() if isinstance(module, Attention) for part in module.modules()}

    def note(module: nn.Module, _: object, output: Tensor) -> None:
        out = tuple(output.shape[1:])
        if not isinstance(module, nn.Linear):
            out = (*out[1:], out[0])
        seen[bare(out), sum(parameter.numel() for parameter in module.parameters())] += 1

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)) and module not in attention:
            module.register_forward_hook(note)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = network(torch.empty(1, *shape, device="meta"))
    out = tuple(output.shape[1:])
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return (*out[1:], out[0]), flops // 2, seen


CASES = [*((name, shape) for name, (_, shape) in NETWORKS.items()), *OTHER_SIZES]


@pytest.mark.parametrize(
    ("file", "shape"), CASES, ids=lambda part: part if isinstance(part, str) else "x".join(map(str, part))
)
def test_network(file: str, shape: tuple[int, ...]) -> None:
    """Parameters, multiply-adds, output and every layer with weights are exactly equal."""
    with torch.device("meta"):
        network = NETWORKS[file][0]().eval()
    out, macs, layers = run(network, shape)
    analysis = ours(file, shape)
    totals = analysis.totals
    named = {name: parameter.numel() for name, parameter in network.named_parameters()}
    biases = sum(numbers for name, numbers in named.items() if name.endswith("bias"))
    statistics = sum(buffer.numel() for name, buffer in network.named_buffers() if "running" in name)
    assert (totals.weights, totals.biases) == (sum(named.values()) - biases, biases)
    assert totals.buffers == statistics
    assert totals.macs == macs
    assert analysis.rows[-1].node.output == out
    kinds = ("conv", "depthwise", "convtranspose", "fc", "linear")
    rows = [row for row in analysis.rows if row.node.kind in kinds]
    assert Counter((bare(row.node.output), row.params) for row in rows) == layers
