"""Fully connected layers as convolutions: every weight keeps its place, and larger inputs fit.

CS231n notes, "Converting FC layers to CONV layers": a layer on 7x7x512 becomes a 7x7 convolution, and an image
of 384x384 instead of 224x224 gives 6x6 answers at once, (12 - 7)/1 + 1.
"""

from __future__ import annotations

import pytest

from cnncalc import shelf
from cnncalc.analyses.as_conv import as_conv
from cnncalc.analyses.claims import expected, published
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.network import Network
from cnncalc.problem import Refused, Source
from cnncalc.readers.yaml.reader import read
from cnncalc.shape import Shape
from tests.helpers import network_of


def shipped(name: str) -> Network:
    """Return a network of the shelf."""
    path = shelf.path(name)
    assert path is not None
    with open(path, encoding="utf-8") as stream:
        return read(Source(path, stream.read()))


def kinds(result: Analysis) -> dict[str, str]:
    """Return the kind of every layer by name."""
    return {row.node.name: row.node.kind for row in result.rows}


# VGG-16, written differently than on the shelf, so that this test does not depend on the shelf
VGG16 = "input: 224x224x3\ndefaults: {conv: {kernel: 3, pad: 1}}\nlayers:\n" + "".join(
    f"  - seq: [{{seq: [conv: {filters}, relu], repeat: {count}}}, maxpool: 2]\n"
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
) + "  - seq: [fc: 4096, relu, dropout, fc: 4096, relu, dropout, fc: 1000]\n"  # fmt: skip


def test_vgg16_on_a_larger_image() -> None:
    """384x384 gives 6x6x1000, like 36 evaluations on crops 32 pixels apart."""
    network = as_conv(network_of(VGG16), {"": Shape((384, 384, 3))})
    result = analyze(network)
    assert network.nodes[network.outputs[0]].output == (6, 6, 1000)
    assert result.totals.params == 138_357_544
    rows = {row.node.name: row for row in result.rows}
    assert rows["fc1"].node.kind == rows["fc2"].node.kind == rows["fc3"].node.kind == "conv"
    assert rows["fc1"].node.output == (6, 6, 4096)
    assert result.field(rows["fc1"]) == ((-90, 212 + 6 * 32 - 91, 32),) * 2  # 7x7 cells of 32 pixels on top of 212
    assert (rows["fc1"].params, rows["fc2"].params) == (7 * 7 * 512 * 4096 + 4096, 4096 * 4096 + 4096)


@pytest.mark.parametrize(
    "name", ["vgg16", "vgg11", "alexnet", "alexnet_torchvision", "lenet5", "zfnet", "mnist_cnn", "small_alexnet", "mlp"]
)
def test_nothing_changes_at_the_original_size(name: str) -> None:
    """Only the output shape differs: 1x1x1000 instead of a vector of 1000."""
    network = shipped(name)
    dense, conv = analyze(network), analyze(as_conv(network))
    assert conv.totals.params == dense.totals.params
    for before, after in zip(dense.rows, conv.rows, strict=True):
        assert after.node.name == before.node.name
        assert (after.weights, after.biases, int(after.macs)) == (before.weights, before.biases, int(before.macs))
        assert after.activations == before.activations
        assert after.node.output.size == before.node.output.size
    assert conv.totals.depth == dense.totals.depth
    assert conv.totals.macs == dense.totals.macs


@pytest.mark.parametrize("name", ["resnet50", "googlenet", "densenet121", "mobilenet_v2", "squeezenet1_0"])
def test_nothing_is_converted_after_a_global_pooling(name: str) -> None:
    """These fc layers get a vector, so any image fits. Channel gates do not change either."""
    network = shipped(name)
    turned = as_conv(network)
    assert kinds(analyze(turned)) == kinds(analyze(network))
    assert turned.nodes[turned.outputs[0]].output == network.nodes[network.outputs[0]].output


@pytest.mark.parametrize(
    ("layers", "params"),
    [
        ("[conv: {filters: 4, kernel: 3}, flatten, fc: 10]", 4 * 27 + 4 + 6 * 6 * 4 * 10 + 10),
        ("[flatten, fc: 10]", 192 * 10 + 10),
        ("[fc: {units: 10, bias: false}]", 1920),
    ],
)
def test_an_explicit_flatten_is_removed(layers: str, params: int) -> None:
    """It would remove the positions that the convolution needs."""
    network = network_of(f"input: 8x8x3\nlayers: {layers}")
    turned = as_conv(network, {"": Shape((10, 12, 3))})
    assert turned.nodes[turned.outputs[0]].output == (3, 5, 10)
    assert analyze(turned).totals.params == analyze(network).totals.params == params
    assert "flatten" not in [node.kind for node in turned.nodes]


@pytest.mark.parametrize(
    ("shape", "larger", "out"),
    [("20x3", (25, 3), (6, 7)), ("4x6x8x2", (5, 7, 9, 2), (2, 2, 2, 7)), ("9x5x1", (9, 9, 1), (1, 5, 7))],
)
def test_sequences_volumes_and_oblong_images(shape: str, larger: tuple[int, ...], out: tuple[int, ...]) -> None:
    """The window is as large as the layer's input along every axis."""
    network = network_of(f"input: {shape}\nlayers: [fc: 7]")
    turned = as_conv(network, {"": Shape(larger)})
    assert turned.nodes[-1].output == out
    assert analyze(turned).totals.params == analyze(network).totals.params


def test_shared_weights_stay_shared() -> None:
    """Two towers share one set of weights."""
    text = """
input: {left: 8x8x1, right: 8x8x1}
layers:
  - {fc: 10, from: left, as: one}
  - {fc: 10, from: right, as: two, share: one}
  - add: [one, two]
"""
    turned = as_conv(network_of(text), {"left": Shape((9, 9, 1)), "right": Shape((9, 9, 1))})
    result = analyze(turned)
    assert result.totals.params == 8 * 8 * 10 + 10
    assert turned.nodes[3].shared == 2
    assert turned.nodes[-1].output == (2, 2, 10)


def test_published_figures_stay_and_expectations_go() -> None:
    """The parameters are the same, but the expected shapes were those of the original network."""
    text = (
        "input: 8x8x3\npublished: {source: me, params: 1930}\n"
        "layers:\n  - {fc: 10, expect: {output: 10, params: 1930}}\n"
    )
    network = network_of(text)
    assert len(expected(analyze(network))) == 2
    result = analyze(as_conv(network))
    assert expected(result) == []
    assert [claim.agrees for claim in published(result)] == [True]


def test_a_network_of_vectors_does_not_change() -> None:
    """No layer is converted, even if the new size is an image."""
    network = network_of("input: 192\nlayers: [fc: 10]")
    turned = as_conv(network, {"": Shape((8, 8, 3))})
    assert turned.nodes[-1].kind == "fc"
    assert turned.nodes[-1].output == (10,)


# -- what does not fit -----------------------------------------------------------------------------------------------


def refusal(network: Network, inputs: dict[str, Shape]) -> Refused:
    """Return the error for the network."""
    with pytest.raises(Refused) as caught:
        as_conv(network, inputs)
    return caught.value


def test_a_smaller_image_gets_the_formula() -> None:
    """It is the usual error of a convolution, on the line of the fc layer, with the network up to there."""
    refused = refusal(network_of(VGG16), {"": Shape((192, 192, 3))})
    (problem,) = refused.problems
    assert problem.code == "window-does-not-fit"
    assert (
        "the 7-wide window does not fit the 6-wide input: (W - F + 2P)/S + 1 = (6 - 7 + 2*0)/1 + 1 = 0" in problem.text
    )
    assert problem.where is not None
    assert problem.where.source.line(problem.where.line).strip().startswith("- seq: [fc: 4096")
    assert refused.partial.nodes[-1].output == (6, 6, 512)
    assert analyze(refused.partial).totals.params > 0


def test_another_number_of_axes() -> None:
    """A 7x7 window cannot slide over a sequence."""
    refused = refusal(network_of("input: 7x7x3\nlayers: [fc: 5]"), {"": Shape((20, 3))})
    assert [problem.code for problem in refused.problems] == ["bad-value"]


def test_unknown_inputs() -> None:
    """The error names the input and lists those of the file."""
    two = network_of("input: {zebra: 8x8x3, ape: 10}\nlayers: [fc: 5]")
    for name, text in (("lion", "the network has no input `lion`"), ("", "the network has several inputs")):
        (problem,) = refusal(two, {name: Shape((9, 9, 3))}).problems
        assert problem.code == "unknown-input"
        assert problem.text == text
        assert "`zebra` and `ape`" in problem.help
