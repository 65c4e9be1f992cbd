"""What cnncalc says that other tools print, compared with the tools themselves, which run here.

Small modules for every rule, and the networks of the shelf as the PyTorch source that cnncalc exports. A network is read
twice: as the module, which shows how it is written, and from its file, with the ways of writing stated.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    for needed in ("torch", "thop", "ptflops", "fvcore", "torchinfo", "calflops", "onnx_tool", "onnx"):
        pytest.importorskip(needed, reason="a tool that these tests run is not installed")

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.loading import LoadOptions, Spec, load
from cnncalc.network import Network
from cnncalc.reconcile import reconcile
from cnncalc.writers.torch.writer import source

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore")]  # warnings of the tools


# -- the tools -----------------------------------------------------------------------------------------------------------


def thop(model: nn.Module, x: Tensor) -> list[int]:
    """MACs and parameters."""
    from thop import profile

    return [int(number) for number in profile(model, (x,), verbose=False)]


def ptflops(backend: str) -> Callable[[nn.Module, Tensor], list[int]]:
    """MACs, and parameters for the backend that hooks modules."""

    def run(model: nn.Module, x: Tensor) -> list[int]:
        from ptflops import get_model_complexity_info

        counted = get_model_complexity_info(
            model, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, backend=backend
        )
        return [int(number) for number in counted[: 2 if backend == "pytorch" else 1]]

    return run


def fvcore(model: nn.Module, x: Tensor) -> list[int]:
    """Flops and activations."""
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

    analyses = [FlopCountAnalysis(model, x), ActivationCountAnalysis(model, x)]
    return [int(a.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()) for a in analyses]


def torchinfo(model: nn.Module, x: Tensor) -> list[int]:
    """Mult-adds and parameters."""
    from torchinfo import summary

    statistics = summary(model, input_data=x, verbose=0)
    return [statistics.total_mult_adds, statistics.total_params]


def calflops(model: nn.Module, x: Tensor) -> list[int]:
    """MACs, FLOPs and parameters."""
    from calflops import calculate_flops

    flops, macs, params = calculate_flops(
        model, input_shape=tuple(x.shape), print_results=False, print_detailed=False, output_as_string=False
    )
    return [int(macs), int(flops), int(params)]


def flop_counter(model: nn.Module, x: Tensor) -> list[int]:
    """FLOPs in evaluation mode, without gradients."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x)
    return [counter.get_total_flops()]


def onnx_tool(model: nn.Module, x: Tensor) -> int:
    """MACs of the file that torch.onnx.export writes."""
    import onnx_tool

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(model, (x,), path, dynamo=False)
        graph = onnx_tool.Model(path).graph
        graph.shape_infer(None)
        graph.profile()
    return int(sum(graph.macs))


TOOLS: dict[str, Callable[[nn.Module, Tensor], list[int]]] = {
    "thop": thop,
    "ptflops": ptflops("pytorch"),
    "ptflops-aten": ptflops("aten"),
    "fvcore": fvcore,
    "torchinfo": torchinfo,
    "calflops": calflops,
    "flop_counter": flop_counter,
}


def printed(model: nn.Module, shape: tuple[int, ...], tool: str) -> list[int]:
    """What a tool counts on a copy of the model, because some tools leave something behind in it."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return TOOLS[tool](copy.deepcopy(model).eval(), torch.zeros(1, *shape))


def derived(network: Network, tool: str, written: dict[str, str] | None = None) -> list[int | None]:
    """The same figures, from cnncalc."""
    return [result.value for result in reconcile(network, [tool], written=written).results]


def agree(model: nn.Module, shape: tuple[int, ...], written: dict[str, str] | None = None) -> None:
    """All tools print what cnncalc says of the module."""
    network = cnncalc.from_torch(model, shape)
    expected: dict[str, list[int | None]] = {tool: [*printed(model, shape, tool)] for tool in TOOLS}
    assert {tool: derived(network, tool, written) for tool in TOOLS} == expected


# -- one rule after the other --------------------------------------------------------------------------------------------


class Then(nn.Module):
    """A layer with parameters, then a function."""

    def __init__(self, first: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first = first
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.first(x))


class First(nn.Module):
    """The first output of a module."""

    def __init__(self, inside: nn.Module, inputs: int = 1) -> None:
        super().__init__()
        self.inside, self.inputs = inside, inputs

    def forward(self, x: Tensor) -> Any:
        return self.inside(*[x] * self.inputs, **({"need_weights": False} if self.inputs == 3 else {}))[0]


class Projected(nn.Module):
    """Attention as timm writes it: a linear layer for queries, keys and values, and attention in one call."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Any:
        q, k, v = self.qkv(x).reshape(*x.shape[:2], 3, 4, 4).permute(2, 0, 3, 1, 4).unbind(0)
        return self.out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape))


IMAGE, VOLUME, SEQUENCE = (8, 14, 14), (4, 8, 8, 8), (10, 16)


def after_conv(*layers: nn.Module) -> nn.Module:
    """Layers after a convolution, because some tools need parameters."""
    return nn.Sequential(nn.Conv2d(8, 8, 1), *layers)


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose2d(8, 6, 3, 2, 1, 1)), IMAGE),
    "transposed, grouped": (lambda: nn.Sequential(nn.ConvTranspose2d(8, 6, 4, 2, 1, groups=2, bias=False)), IMAGE),
    "transposed, grouped, biased": (lambda: nn.Sequential(nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=2)), IMAGE),
    "transposed, dilated": (lambda: nn.Sequential(nn.ConvTranspose2d(8, 8, 3, dilation=2)), IMAGE),
    "one axis": (
        lambda: nn.Sequential(nn.Conv1d(8, 6, 3), nn.BatchNorm1d(6), nn.AdaptiveAvgPool1d(1), nn.MaxPool1d(1)), (8, 30),
    ),
    "three axes": (
        lambda: nn.Sequential(nn.Conv3d(4, 6, 3), nn.BatchNorm3d(6), nn.MaxPool3d(2), nn.AdaptiveAvgPool3d(1)), VOLUME,
    ),
    "same padding of an even kernel": (lambda: nn.Sequential(nn.Conv2d(8, 8, 4, padding="same")), IMAGE),
    "reflected padding": (lambda: nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")), IMAGE),
    "padded pooling": (lambda: after_conv(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, 2)), IMAGE),
    "pooling": (
        lambda: after_conv(nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.AdaptiveMaxPool2d(2)), IMAGE,
    ),
    "adaptive pooling": (lambda: after_conv(nn.AdaptiveAvgPool2d((3, 5))), IMAGE),
    "global pooling": (lambda: after_conv(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)), IMAGE),
    "local response": (lambda: after_conv(nn.LocalResponseNorm(5)), IMAGE),
    "linear and softmax": (
        lambda: nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 4, bias=False), nn.Softmax(-1)),
        SEQUENCE,
    ),
    "RMS norm": (lambda: nn.Sequential(nn.RMSNorm(16)), SEQUENCE),
    "norms": (
        lambda: after_conv(nn.BatchNorm2d(8), nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True)), IMAGE,
    ),
    "norms without parameters": (
        lambda: after_conv(nn.BatchNorm2d(8, affine=False), nn.GroupNorm(2, 8, affine=False), nn.InstanceNorm2d(8)), IMAGE,
    ),
    "layer norm without parameters": (
        lambda: nn.Sequential(nn.Linear(16, 16), nn.LayerNorm(16, elementwise_affine=False)), SEQUENCE,
    ),
    "attention": (lambda: First(nn.MultiheadAttention(16, 4, batch_first=True), 3), SEQUENCE),
    "attention without biases": (lambda: First(nn.MultiheadAttention(16, 4, bias=False, batch_first=True), 3), SEQUENCE),
    "attention in parts": (Projected, SEQUENCE),
    "gated linear unit": (lambda: after_conv(nn.GLU(1)), IMAGE),
    "pixel shuffle": (lambda: after_conv(nn.PixelShuffle(2)), IMAGE),
    "upsampling to a size": (lambda: after_conv(nn.Upsample(size=(20, 30), mode="bilinear")), IMAGE),
    **{
        f"upsampling, {mode}": (lambda mode=mode: after_conv(nn.Upsample(scale_factor=2, mode=mode)), IMAGE)
        for mode in ("nearest", "bilinear", "bicubic")
    },
    **{
        f"{name}, {index}": (lambda name=name, more=more: First(getattr(nn, name)(16, 5, batch_first=True, **more)), SEQUENCE)
        for name in ("LSTM", "GRU", "RNN")
        for index, more in enumerate([{}, {"bias": False}, {"bidirectional": True, "num_layers": 2}])
    },
    **{
        name: (lambda name=name: after_conv(getattr(nn, name)()), IMAGE)
        for name in (
            "ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "GELU", "SiLU", "SELU", "CELU", "Mish", "Sigmoid", "Tanh",
            "Hardswish", "Hardsigmoid", "Softplus", "Hardtanh", "Softsign", "LogSigmoid",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    """Classes of torch.nn."""
    build, shape = MODULES[name]
    agree(build(), shape)


FUNCTIONS: dict[str, tuple[Callable[[Tensor], Tensor], tuple[int, ...], dict[str, str]]] = {
    **{
        f"F.{name}": (lambda x, name=name: getattr(functional, name)(x), IMAGE, {})
        for name in ("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hardswish")
    },
    "F.max_pool2d": (lambda x: functional.max_pool2d(x, 2), IMAGE, {}),
    "F.adaptive_avg_pool2d": (lambda x: functional.adaptive_avg_pool2d(x, 1), IMAGE, {}),
    "F.interpolate": (lambda x: functional.interpolate(x, scale_factor=2.0), IMAGE, {}),
    "mean": (lambda x: x.mean((2, 3)), IMAGE, {}),
    "a gate": (lambda x: x * x.mean((2, 3), keepdim=True), IMAGE, {}),
    "+": (lambda x: x + x, IMAGE, {"add": "operator"}),
    "torch.add": (lambda x: torch.add(x, x), IMAGE, {"add": "function"}),
    "torch.mul": (lambda x: torch.mul(x, x), IMAGE, {"mul": "function"}),
    "@": (lambda x: x @ x.transpose(1, 2), SEQUENCE, {"matmul": "operator"}),
    "torch.matmul": (lambda x: torch.matmul(x, x.transpose(1, 2)), SEQUENCE, {"matmul": "function"}),
    "torch.bmm": (lambda x: torch.bmm(x, x.transpose(1, 2)), SEQUENCE, {}),
    "F.softmax": (lambda x: functional.softmax(x, -1), SEQUENCE, {}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    """Functions, methods and operators; what cannot be told apart is stated."""
    function, shape, written = FUNCTIONS[name]
    first = nn.Conv2d(8, 8, 1) if shape == IMAGE else nn.Linear(16, 16)
    agree(Then(first, function), shape, written)


# -- whole networks ------------------------------------------------------------------------------------------------------

# how exported source is written
EXPORTED = {
    "globalavgpool": "mean", "globalmaxpool": "mean", "positional": "module", "classtoken": "module", "scale": "module",
    "upsample": "module", "resize": "module", "attention": "module",
}  # fmt: skip
QUICK = ("lenet5", "cifar_resnet20", "squeezenet1_1", "mobilenet_v3_small")
# small enough that six tools run each of them in seconds; the tools do run the networks
NETWORKS = (
    "alexnet_torchvision", "resnet18", "densenet_bc_100_k12", "googlenet", "googlenet_torchvision", "mobilenet_v1",
    "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v2_x1_0", "efficientnet_b0", "dcgan_generator", "zfnet", "tf_cifar10",
    "mlp", "mlperf_tiny_kws", "mlperf_tiny_vww", "mlperf_tiny_ic",
)  # fmt: skip


@pytest.mark.parametrize("name", [*QUICK, *[pytest.param(name, marks=pytest.mark.heavy) for name in NETWORKS]])
def test_networks(name: str) -> None:
    """Networks of the shelf as exported source, read as a module and from the file."""
    network = load(Spec(name), LoadOptions())
    exported = source(network)
    names: dict[str, Any] = {"__name__": "exported"}
    exec(exported.text, names)  # source that cnncalc wrote
    model = names[exported.name]()
    size = network.inputs[0].output
    shape = (size[-1], *size[:-1]) if len(size) > 2 else tuple(size)
    agree(model, shape)
    for tool in TOOLS:
        assert derived(network, tool, EXPORTED) == printed(model, shape, tool), tool


ONNX = (
    "global pooling",
    "padded pooling",
    "pooling",
    "ReLU",
    "ReLU6",
    "LeakyReLU",
    "Sigmoid",
    "Tanh",
    "Hardswish",
)


@pytest.mark.parametrize("name", ONNX)
def test_onnx_tool(name: str) -> None:
    """Modules after a convolution."""
    build, shape = MODULES[name]
    model = build().eval()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        expected = onnx_tool(model, torch.zeros(1, *shape))
    network = cnncalc.from_torch(model, shape)
    assert derived(network, "onnx-tool") == [expected]


@pytest.mark.parametrize("name", ["lenet5", "cifar_resnet20", "squeezenet1_1", "mobilenet_v3_small"])
def test_onnx_tool_on_networks(name: str) -> None:
    """Batch norms are folded by the export."""
    network = load(Spec(name), LoadOptions())
    exported = source(network)
    names: dict[str, Any] = {"__name__": "exported"}
    exec(exported.text, names)  # source that cnncalc wrote
    size = network.inputs[0].output
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        expected = onnx_tool(names[exported.name]().eval(), torch.zeros(1, size[-1], *size[:-1]))
    assert derived(network, "onnx-tool", EXPORTED) == [expected]
