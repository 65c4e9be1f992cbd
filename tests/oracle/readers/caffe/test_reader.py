"""Shapes and multiply-adds of Caffe's networks are those of OpenCV's importer."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.network import Network, Node
from cnncalc.problem import Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.caffe.reader import read_text
from cnncalc.shape import Shape
from tests.oracle.readers.caffe.weights import caffemodel
from tests.readers.caffe.nets import NETS, Net

cv2: Any = pytest.importorskip("cv2", reason="OpenCV, the oracle of these tests, is not installed")
if not hasattr(cv2.dnn, "readNetFromCaffe"):
    pytest.skip("this OpenCV does not read Caffe's files (version 5 no longer does)", allow_module_level=True)

NOTHING = ReaderOptions({}, {})
Blobs = dict[str, tuple[str, list[tuple[int, ...]]]]


def blobs_of(net: Network, text: str) -> Blobs:
    """Return the blobs of every layer in Caffe's order, from our parameters by name and Caffe's order of dimensions."""
    types = dict(re.findall(r'name: "([^"]+)" type: "([^"]+)"', text))
    by_path = {name.replace("/", "."): name for name in types}
    blobs: Blobs = {}
    for node in net.nodes:
        written = by_path.get(node.name)
        if written is None or node.layer is None:
            continue
        shapes = [net.nodes[place].output for place in node.inputs]
        blobs[written] = (types[written], _dims(types[written], node, shapes[0]))
    return blobs


def _dims(kind: str, node: Node, x: Shape) -> list[tuple[int, ...]]:
    layer: Any = node.layer
    if kind in ("Convolution", "Deconvolution"):
        kernel = layer.kernel if isinstance(layer.kernel, tuple) else (layer.kernel, layer.kernel)
        ends = (layer.filters, x[-1] // layer.groups)
        if kind == "Deconvolution":
            ends = (x[-1], layer.filters // layer.groups)
        return [(*ends, *kernel), *([(layer.filters,)] if layer.bias else [])]
    if kind == "InnerProduct":
        return [(layer.units, x.size), *([(layer.units,)] if layer.bias else [])]
    if kind == "BatchNorm":
        return [(x[-1],), (x[-1],), (1,)]
    if kind == "Scale":
        return [(x[-1],), *([(x[-1],)] if layer.bias else [])]
    if kind == "PReLU":
        return [(x[-1],)]
    return []


def read(text: str, tmp_path: Path) -> tuple[Network, dict[str, tuple[int, ...]], int]:
    """Return our network, and OpenCV's shapes by layer and its floating-point operations."""
    net = read_text(Source("net.prototxt", text), NOTHING)
    path = tmp_path / "net.caffemodel"
    path.write_bytes(caffemodel(blobs_of(net, text)))
    (tmp_path / "net.prototxt").write_text(text)
    other = cv2.dnn.readNetFromCaffe(str(tmp_path / "net.prototxt"), str(path))
    x = net.nodes[0].output
    size = [1, x[-1], *x[:-1]]
    places, _, outputs = other.getLayersShapes(size)
    shapes = {
        other.getLayer(int(place)).name: tuple(int(length) for length in shapes[0])
        for place, shapes in zip(places, outputs, strict=True)
    }
    return net, shapes, other.getFLOPS(size)


def compare(net: Network, theirs: dict[str, tuple[int, ...]]) -> int:
    """Compare the shape of every layer that both name, and return how many there are."""
    by_path = {name.replace("/", "."): dims for name, dims in theirs.items()}
    compared = 0
    for node in net.nodes[1:]:
        dims = by_path.get(node.name)
        if dims is not None:
            lengths = [length for length in dims if length != 1]
            ours = [length for length in (node.output[-1], *node.output[:-1]) if length != 1]
            assert ours == lengths, (node.name, str(node.output), dims)
            compared += 1
    return compared


@pytest.mark.parametrize("name", [name for name in NETS if name != "vgg19"])
def test_published_networks(name: str, tmp_path: Path) -> None:
    """Every layer has the same shape and, except that OpenCV ignores groups, the convolutions the same multiply-adds."""
    text = NETS[name]()
    net, theirs, flops = read(text, tmp_path)
    assert compare(net, theirs) > 0.9 * (len(net.nodes) - 1)
    macs = analyze(net).totals.macs
    if "group: 2" not in text and "group: 32" not in text and macs > 10**8:
        assert abs(flops / 2 - macs) / macs < 0.02  # OpenCV also counts biases, activations and poolings


def random_net(seed: int) -> str:
    """Return a network of random layers that change sizes."""
    draw = random.Random(seed)
    net = Net("random", 1, draw.choice([1, 3, 4]), draw.randint(20, 60), draw.randint(20, 60))
    channels = 0
    for number in range(draw.randint(3, 9)):
        kind = draw.choice(["conv", "conv", "pool", "pool", "deconv", "lrn", "prelu", "concat", "eltwise", "crop"])
        name = f"{kind}{number}"
        if kind in ("conv", "deconv") or not channels:
            groups = draw.choice([1, 1, 2, 4]) if channels else 1
            channels = 4 * draw.randint(1, 5)
            kernel, dilation = draw.randint(1, 4), draw.choice([1, 1, 1, 2])
            sizes = f"num_output: {channels} group: {groups} bias_term: {draw.choice(['true', 'false'])} "
            if draw.random() < 0.3 and kind != "deconv":
                sizes += (
                    f"kernel_h: {kernel} kernel_w: {draw.randint(1, 4)} stride_h: {draw.randint(1, 2)} stride_w: 1 "
                )
                sizes += "pad_h: 1 pad_w: 2"
            else:
                stride = draw.randint(1, 2) if kind == "conv" else draw.randint(1, 3)
                pad = draw.randint(0, kernel // 2)
                sizes += f"kernel_size: {kernel} stride: {stride} pad: {pad}"
                sizes += f" dilation: {dilation}" if kind == "conv" else ""
            net.layer("Deconvolution" if kind == "deconv" else "Convolution", name, f"convolution_param {{ {sizes} }}")
        elif kind == "pool":
            kernel = draw.randint(2, 4)
            stride = draw.randint(1, kernel)
            net.pool(name, kernel, stride, draw.randint(0, kernel // 2), draw.choice(["MAX", "AVE"]))
        elif kind == "lrn":
            net.lrn(name)
        elif kind == "prelu":
            net.layer("PReLU", name, "prelu_param { }")
        else:
            start = net.last
            first = net.conv(f"{name}_a", 8, 3, 1, 1, of=start)
            second = net.conv(f"{name}_b", 8, 1, of=start)
            channels = {"concat": 16}.get(kind, 8)
            type = {"concat": "Concat", "eltwise": "Eltwise", "crop": "Crop"}[kind]
            net.layer(type, name, of=[first, second])
    if draw.random() < 0.5:
        net.layer("Flatten", "flat")
        net.layer("InnerProduct", "fc", "inner_product_param { num_output: 7 }")
    return net.text()


def outreaches(net: Network) -> bool:
    """Return whether a pooling window is longer than its input, which OpenCV, unlike Caffe, does not allow."""
    for node in net.nodes:
        layer: Any = node.layer
        if node.kind in ("maxpool", "avgpool"):
            x = net.nodes[node.inputs[0]].output
            kernel, pad = layer.kernel, layer.pad
            if any(kernel > length + 2 * pad for length in x[:-1]):
                return True
    return False


@pytest.mark.parametrize("seed", range(80))
def test_random_networks(seed: int, tmp_path: Path) -> None:
    """Random sizes give the same shapes."""
    text = random_net(seed)
    net = None
    with suppress(Refused):  # a window that does not fit
        net = read_text(Source("net.prototxt", text), NOTHING)
    if net is not None and not outreaches(net):
        net, theirs, _ = read(text, tmp_path)
        assert compare(net, theirs) >= len(net.nodes) - 2
