"""The measuring tool itself, compared with others' measurements, with real kernels, and with PyTorch's profiler."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read
from tests.helpers import TESTS

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from tests.oracle.storage import measure_inference, measure_training, random_network

REFERENCE = json.loads((TESTS / "reference" / "memory.json").read_text())
OPTIMIZERS = {"sgd": "sgd", "momentum": "sgd_momentum", "adam": "adam"}
pytestmark = pytest.mark.usefixtures("one_thread")


# -- torchvision's networks, with its nesting of modules, its in-place flags and its local variables ---------------------


class Classifier(nn.Module):
    """AlexNet or VGG: features, an adaptive pooling and a classifier."""

    def __init__(self, features: nn.Module, size: int, classifier: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d(size)
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        x = self.classifier(x)
        return x


def alexnet() -> nn.Module:
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(True),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(True),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    classifier = nn.Sequential(
        nn.Dropout(0.5), nn.Linear(9216, 4096), nn.ReLU(True),
        nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(True), nn.Linear(4096, 1000),
    )  # fmt: skip
    return Classifier(features, 6, classifier)


def vgg11(norm: bool = False) -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for filters in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        if not filters:
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1),
            *([nn.BatchNorm2d(filters)] if norm else []),
            nn.ReLU(True),
        ]
        channels = filters
    classifier = nn.Sequential(
        nn.Linear(25088, 4096), nn.ReLU(True), nn.Dropout(),
        nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(), nn.Linear(4096, 1000),
    )  # fmt: skip
    return Classifier(nn.Sequential(*layers), 7, classifier)


class BasicBlock(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample: nn.Module | None = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out: Tensor = self.conv1(x)
        out = self.bn1(out)
        out = self.relu(out)
        out = self.conv2(out)
        out = self.bn2(out)
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        out = self.relu(out)
        return out


class ResNet18(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        stages: list[nn.Module] = []
        before = 64
        for after, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            stages.append(nn.Sequential(BasicBlock(before, after, stride), BasicBlock(after, after, 1)))
            before = after
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = self.bn1(x)
        x = self.relu(x)
        x = self.maxpool(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        x = self.fc(x)
        return x


class Fire(nn.Module):
    def __init__(self, before: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(before, squeezed, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        return torch.cat(
            [self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1
        )


class SqueezeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 7, 2), nn.ReLU(True), nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(256, 32, 128), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256),
            nn.MaxPool2d(3, 2, ceil_mode=True), Fire(512, 64, 256),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(512, 1000, 1), nn.ReLU(True), nn.AdaptiveAvgPool2d((1, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = self.classifier(x)
        return torch.flatten(x, 1)


def conv_bn(before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Module:
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    def __init__(self, before: int, after: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = before * expand
        layers = [conv_bn(before, wide)] if expand != 1 else []
        layers += [conv_bn(wide, wide, 3, stride, wide), nn.Conv2d(wide, after, 1, bias=False), nn.BatchNorm2d(after)]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.conv(x) if self.shortcut else self.conv(x)
        return result


class MobileNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers = [conv_bn(3, 32, 3, 2)]
        before = 32
        for expand, after, count, stride in (
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
        ):  # fmt: skip
            for number in range(count):
                layers.append(InvertedResidual(before, after, stride if number == 0 else 1, expand))
                before = after
        self.features = nn.Sequential(*layers, conv_bn(before, 1280))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = functional.adaptive_avg_pool2d(x, (1, 1))
        x = torch.flatten(x, 1)
        x = self.classifier(x)
        return x


class DenseLayer(nn.Module):
    def __init__(self, before: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(before)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(before, 128, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(128)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(128, 32, 3, padding=1, bias=False)

    def bn_function(self, inputs: list[Tensor]) -> Tensor:
        concated_features = torch.cat(inputs, 1)
        bottleneck_output: Tensor = self.conv1(self.relu1(self.norm1(concated_features)))
        return bottleneck_output

    def forward(self, prev_features: list[Tensor]) -> Tensor:
        bottleneck_output = self.bn_function(prev_features)
        new_features: Tensor = self.conv2(self.relu2(self.norm2(bottleneck_output)))
        return new_features


class DenseBlock(nn.ModuleDict):
    def __init__(self, before: int, count: int) -> None:
        super().__init__({f"denselayer{number + 1}": DenseLayer(before + 32 * number) for number in range(count)})

    def forward(self, init_features: Tensor) -> Tensor:
        features = [init_features]
        for layer in self.values():
            new_features = layer(features)
            features.append(new_features)
        return torch.cat(features, 1)


class DenseNet121(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)
        ]  # fmt: skip
        channels = 64
        for count in (6, 12, 24, 16):
            layers.append(DenseBlock(channels, count))
            channels += 32 * count
            if count != 16:
                conv = nn.Conv2d(channels, channels // 2, 1, bias=False)
                layers.append(nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(True), conv, nn.AvgPool2d(2, 2)))
                channels //= 2
        self.features = nn.Sequential(*layers, nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, 1000)

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        out: Tensor = functional.relu(features, inplace=True)
        out = functional.adaptive_avg_pool2d(out, (1, 1))
        out = torch.flatten(out, 1)
        out = self.classifier(out)
        return out


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "alexnet": alexnet,
    "vgg11": vgg11,
    "vgg11_bn": lambda: vgg11(norm=True),
    "resnet18": ResNet18,
    "squeezenet1_0": SqueezeNet,
    "mobilenet_v2": MobileNetV2,
    "densenet121": DenseNet121,
}


RECORDS: list[dict[str, Any]] = [record for record in REFERENCE["records"] if record["model"] in NETWORKS]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record['model']}-{record['batch']}")
def test_records_to_the_byte(record: dict[str, Any]) -> None:
    with torch.device("meta"):
        network = NETWORKS[record["model"]]()
    shape, batch = (3, 224, 224), record["batch"]
    wanted = dict(record["train"])
    for optimizer, name in OPTIMIZERS.items():
        found = measure_training(network, shape, batch, optimizer)  # type: ignore[arg-type]
        figures = {**wanted, **wanted[name], **{key: record[key] for key in ("params_bytes", "buffers_bytes")}}
        for other in OPTIMIZERS.values():
            del figures[other]
        assert {key: found[key] for key in figures} == figures
    found = measure_inference(network, shape, batch)
    assert {key: found[key] for key in record["infer"]} == record["infer"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record['model']}-{record['batch']}")
def test_autocast_as_in_a_cuda_build(record: dict[str, Any]) -> None:
    with torch.device("meta"):
        network = NETWORKS[record["model"]]()
    shape, batch = (3, 224, 224), record["batch"]
    dtype, name = (torch.float16, "float16") if batch == 1 else (torch.bfloat16, "bfloat16")
    wanted = record["amp"][name]
    found = measure_training(network, shape, batch, amp=dtype)
    assert {key: found[key] for key in wanted["sgd"]} == wanted["sgd"]
    assert found["act_bytes_end_fwd"] == wanted["end_of_forward"]
    assert measure_inference(network, shape, batch, amp=dtype)["peak_bytes"] == wanted["infer_peak"]


# -- by hand, and against what runs without the tool --------------------------------------------------------------------


def test_every_byte_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    )
    found = measure_training(network, (3, 8, 8), 2)
    params, volume, scores = 4 * (3 * 3 * 3 * 4 + 4 + 4 * 5 + 5), 4 * 2 * 4 * 8 * 8, 4 * 2 * 5
    assert found["params_bytes"] == found["grads_bytes"] == params
    assert found["saved_input_bytes"] == 4 * 2 * 3 * 8 * 8 + 8 * 2
    # the ReLU's output (the convolution's, overwritten), the means, log-softmax, and the loss's total weight
    assert found["saved_bytes_hooks"] == volume + 4 * 2 * 4 + scores + 4
    assert found["act_bytes_end_fwd"] == found["saved_bytes_hooks"] + scores + 4
    # the ReLU's backward: its output, the gradient of it and the new one; the last layer's gradients, scores, loss, a one
    assert found["bwd_peak_extra"] == 3 * volume + 4 * (4 * 5 + 5) + scores + 4 + 4
    assert found["peak_op"] == "aten.threshold_backward.default"
    assert measure_inference(network, (3, 8, 8), 2)["act_peak_bytes"] == volume + 4 * 2 * 4  # for the means


@pytest.mark.parametrize(
    ("optimizer", "state", "made"),
    [("sgd", 0, 0), ("momentum", 1, 0), ("adagrad", 1, 2), ("rmsprop", 1, 1), ("adam", 2, 1), ("adamw", 2, 1)],
)
def test_optimizers(optimizer: Any, state: int, made: int) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 50), nn.Linear(50, 3))
    found = measure_training(network, (3, 2, 2), 1, optimizer)
    params = found["params_bytes"]
    assert found["opt_state_bytes"] == state * params
    assert found["at_peak"].get("opt_temp", 0) == made * params
    assert (found["opt_peak"] is None) == (made == 0)


def test_the_kernels_of_cuda() -> None:
    """Fake CUDA tensors in a CUDA build use one kernel each for the backward of Mish and for RMSNorm."""
    network = nn.Sequential(nn.Linear(8, 8), nn.RMSNorm(8), nn.Mish(), nn.Linear(8, 5))
    for dtype, figures in ((torch.float32, (568, 1228, 1536)), (torch.bfloat16, (292, 638, 792))):
        found = measure_training(network, (8,), 4, dtype=dtype)
        assert (found["act_bytes_end_fwd"], found["fwd_peak"], found["bwd_peak"]) == figures
    dropped = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5))
    masks = [measure_training(dropped, (8,), 4, dispatch=name)["saved_bytes_hooks"] for name in ("cuda", "cpu")]
    assert masks[1] - masks[0] == 4 * 8 * (4 - 1)
    with pytest.raises(NotImplementedError, match="depends on the card"):
        measure_inference(nn.LSTM(8, 8), (3, 8), 2)


def test_the_module_is_left_alone() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    measure_training(network, (3, 2, 2), 2, "adam", torch.float16, dispatch="cpu")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())


class Meeting(nn.Module):
    """A function of a weighted input: operations without scalars, whose kernels allocate only their results."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 6))
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x * self.weight)


def _held(x: Tensor) -> Tensor:
    passed, late = x.sin(), x.relu()
    return (x + passed).exp() + late.exp()


def _twice(x: Tensor) -> Tensor:
    x = x + x.relu().sin()
    return (x + x.relu().sin()).exp()


MEETINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "two": lambda x: x.relu() + x.sigmoid(),
    "three": lambda x: x.tanh() * x.relu() + x.sigmoid().exp(),
    "residual": lambda x: (x + x.relu().sin()).exp(),
    "residuals": _twice,
    "held by another": _held,
    "passed on": lambda x: (x + x.sin() + x.cos() + x.relu()).exp(),
    "concatenation": lambda x: torch.cat([x, x.sin(), x.relu()], 1).exp(),
    "along the batch": lambda x: torch.cat([x, x.sin(), x.relu()], 0).exp(),
    "concatenations": lambda x: torch.cat([torch.cat([x, x.sin()], 1).cos(), x], 1).exp(),
    "views": lambda x: x.view(-1).sin().view(4, 6) + x.t().cos().t(),
    "in place": lambda x: (x + x.sin()).relu_() + x,
    "gate": lambda x: x * x.sum(1, keepdim=True).sigmoid(),
}


@pytest.mark.parametrize("name", MEETINGS)
def test_gradients_are_added_as_without_the_tool(name: str) -> None:
    """The live bytes after every allocation of a run that only PyTorch's own profiler observes."""

    def loss(out: Tensor, y: Tensor | None) -> Tensor:
        return (out * out).sum()

    network, x = Meeting(MEETINGS[name]), torch.zeros(4, 6)
    found = measure_training(network, (6,), 4, dispatch="cpu", loss=loss)
    always = found["params_bytes"] + found["saved_input_bytes"]
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        out = network(x)
        error = loss(out, None)
        error.backward()  # type: ignore[no-untyped-call]
    events = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    live, seen = 0, []
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        if event.nbytes() > 0:
            seen.append(live)
    assert [moment.live - always for moment in found["moments"] if moment.fresh] == seen


# -- networks drawn at random ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_random_network(seed: int) -> None:
    module, text = random_network(seed)
    assert random_network(seed)[1] == text
    analysis = analyze(read(Source("net.yaml", text)))
    net = analysis.network
    assert not net.warnings, text
    assert analysis.totals.params == sum(parameter.numel() for parameter in module.parameters()), text
    buffers = sum(buffer.numel() for buffer in module.buffers() if buffer.is_floating_point())
    assert analysis.totals.buffers == buffers, text
    out = module.eval()(torch.empty(2, *module.x_shape, device="meta"))
    assert tuple(net.nodes[net.outputs[0]].output) == tuple(out.shape[1:]), text
    assert 2 <= len(net.nodes) - 1 <= 30, text


@pytest.mark.parametrize("seed", range(40))
def test_kernels_on_the_cpu_agree(seed: int) -> None:
    """Real numbers, where CPU and CUDA dispatch alike: no dropout, and no copies of gradients for cuDNN's batch norm."""
    module, text = random_network(seed)
    for batch in (1, 3):
        here = measure_training(module, module.x_shape, batch, dispatch="cpu")
        there = measure_training(module, module.x_shape, batch)
        keys = ("saved_bytes_hooks", "act_bytes_end_fwd", "fwd_peak", "bwd_peak", "n_inplace_acc", "n_outplace_acc")
        copied = any(moment.op == "aten.clone.default" and moment.phase == "bwd" for moment in there["moments"])
        if "dropout" not in text and not copied:
            assert {key: here[key] for key in keys} == {key: there[key] for key in keys}, text
        if "affine: false" not in text:  # the native batch norm makes statistics on CUDA in eval mode too
            inferred = [measure_inference(module, module.x_shape, batch, dispatch=name) for name in ("cpu", "cuda")]
            assert inferred[0]["peak_bytes"] == inferred[1]["peak_bytes"], text


# what the lists of autocast for the CPU treat in another way than those for CUDA, and a bias or a mask of another size there
UNLIKE = ("upsample", "reflect", "replicate", "pad: same", "dropout")


ALIKE = [seed for seed in range(80) if not any(word in random_network(seed)[1] for word in UNLIKE)]


@pytest.mark.parametrize("seed", ALIKE)
def test_autocast_on_the_cpu_agrees(seed: int) -> None:
    """PyTorch's own autocast with real kernels, for operations on both lists. The loss is on neither."""
    module, text = random_network(seed)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return (out * out).mean()

    for batch in (1, 3):
        here = measure_training(module, module.x_shape, batch, dispatch="cpu", amp=torch.bfloat16, loss=loss)
        there = measure_training(module, module.x_shape, batch, amp=torch.bfloat16, loss=loss)
        keys = ("act_bytes_end_fwd", "fwd_peak", "bwd_peak", "n_inplace_acc", "n_outplace_acc")
        assert {key: here[key] for key in keys} == {key: there[key] for key in keys}, text
