"""Published networks in Caffe's notation have the published parameters, and the shapes and multiply-adds of the shelf."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnncalc
from cnncalc.analyses.totals import analyze
from cnncalc.loading import Spec, load
from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.caffe.reader import read_text
from tests.readers.caffe.nets import NETS

NOTHING = ReaderOptions({}, {})
# parameters, and the most typical shape; sources are in the docstrings of `nets`
FIGURES = {
    "lenet": (431_080, {"pool2": "4x4x50"}),
    "alexnet": (60_965_224, {"conv1": "55x55x96", "pool1": "27x27x96", "pool5": "6x6x256"}),
    "caffenet": (60_965_224, {"norm2": "13x13x256"}),
    "vgg16": (138_357_544, {"pool5": "7x7x512"}),
    "vgg19": (143_667_240, {"pool5": "7x7x512"}),
    "googlenet": (
        6_998_552,
        {"pool1.3x3_s2": "56x56x64", "inception_4e.output": "14x14x832", "pool5.7x7_s1": "1x1x1024"},
    ),
    "resnet50": (25_557_032, {"pool1": "56x56x64", "res5c": "7x7x2048"}),
    "squeezenet": (1_248_424, {"pool1": "55x55x96", "pool8": "13x13x512", "conv10": "13x13x1000"}),
    "mobilenet": (4_231_976, {"conv14.sep": "7x7x1024", "fc7": "1x1x1000"}),
}
# of the shelf -> same quantities
SHELF = {
    "vgg16": ("vgg16", ("params", "macs", "activations", "depth")),
    "googlenet": ("googlenet", ("params", "macs", "depth")),
    "squeezenet": ("squeezenet1_0", ("params",)),
}


def network(name: str) -> Network:
    """Return a published network."""
    return read_text(Source(f"{name}.prototxt", NETS[name]()), NOTHING)


@pytest.mark.parametrize("name", NETS)
def test_published_figures(name: str) -> None:
    """Parameters are those of the .caffemodel files, without the buffers of BatchNorm."""
    net = network(name)
    params, shapes = FIGURES[name]
    assert analyze(net).totals.params == params
    outputs = {node.name: str(node.output) for node in net.nodes}
    assert {layer: outputs[layer] for layer in shapes} == shapes


@pytest.mark.parametrize("name", SHELF)
def test_figures_of_the_shelf(name: str) -> None:
    """The same network as a specification has the same figures."""
    other, quantities = SHELF[name]
    ours, theirs = analyze(network(name)).totals, analyze(load(Spec(other))).totals
    for quantity in quantities:
        assert getattr(ours, quantity) == getattr(theirs, quantity), quantity


def test_batch_norm_has_three_buffers() -> None:
    """Mean, variance and the factor that scales both; gain and offset are in `Scale`."""
    totals = analyze(network("resnet50")).totals
    norms = [node for node in network("resnet50").nodes if node.kind == "batchnorm"]
    assert totals.buffers == sum(2 * node.output[-1] + 1 for node in norms) == 53_120 + 53
    assert totals.params == analyze(load(Spec("resnet50"))).totals.params


@pytest.mark.parametrize("name", NETS)
def test_imported_networks(name: str, tmp_path: Path) -> None:
    """The specification that `import` writes has the same figures."""
    path = tmp_path / f"{name}.prototxt"
    path.write_text(NETS[name]())
    first = cnncalc.load(path)
    again = cnncalc.parse(first.to_yaml())
    for quantity in ("params", "buffers", "macs", "activations", "depth"):
        assert getattr(again.analyze().totals, quantity) == getattr(first.analyze().totals, quantity), quantity
    assert [layer.output for layer in again.analyze()] == [layer.output for layer in first.analyze()]
