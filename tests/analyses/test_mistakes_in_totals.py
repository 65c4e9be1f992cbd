"""Reasons why a published figure does not agree: found if a single cause explains it exactly, and not by coincidence."""

from __future__ import annotations

import random
from typing import Any

import pytest

from cnncalc import shelf
from cnncalc.analyses.claims import published
from cnncalc.analyses.mistakes.question import SUMS, ask
from cnncalc.analyses.mistakes.recognition import recognize
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read
from cnncalc.units import format_count, parse_count, parse_size
from tests.helpers import network_of

NET = """\
input: 64x64x3
published: [{{source: somebody, {}}}]
layers: [pad: 3, conv: {{filters: 32, kernel: 7}}, batchnorm, relu, maxpool: 2, conv: {{filters: 48, kernel: 3}}, fc: 10]
"""
# params of the network above: conv1 4,736 = 4,704 + 32, batchnorm1 64 (and 64 buffers), conv2 13,872, fc1 432,010
CONV1, CONV2, FC1 = 4736, 13_872, 48 * 30 * 30 * 10 + 10
PARAMS = CONV1 + 64 + CONV2 + FC1
BIASES = 32 + 32 + 48 + 10
ADDED = 64 * 64 * 32 + 30 * 30 * 48 + 10  # biases, one per output
MACS = 64 * 64 * 32 * 147 + 30 * 30 * 48 * 288 + 48 * 30 * 30 * 10


def why(claim: str) -> str:
    """Return the reason of the only claim, which does not agree."""
    (found,) = published(analyze(network_of(NET.format(claim))))
    assert not found.agrees
    return found.reason


def test_the_figures_in_the_comment_are_right() -> None:
    total = analyze(network_of(NET.format("depth: 3"))).totals
    assert (total.params, total.biases, total.buffers, total.macs) == (PARAMS, BIASES, 64, MACS)


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (f"params: {PARAMS + 64}", f"parameters and buffers together: {PARAMS:,} + 64 = {PARAMS + 64:,}"),
        (f"params: {PARAMS - BIASES}", f"weights without the biases: {PARAMS - BIASES:,}"),
        (f"weights: {PARAMS}", f"weights and biases together: {PARAMS:,}"),
        (f"params: {PARAMS - FC1}", f"the figure without fc1: {PARAMS:,} - {FC1:,} = {PARAMS - FC1:,}"),
        (f"params: {PARAMS + CONV2}", f"the figure with conv2 counted twice: {PARAMS:,} + {CONV2:,} = {PARAMS + CONV2:,}"),
        (f"params: {2 * PARAMS}", f"twice the computed figure: 2 x {PARAMS:,} = {2 * PARAMS:,}"),
        (f"macs: {format_count(2 * MACS)}", f"multiplications and additions counted separately: 2 x {MACS:,} = {2 * MACS:,}"),
        (f"macs: {MACS // 2}", f"half the computed figure: {MACS // 2:,}"),
        (f"macs: {MACS + ADDED}", f"the addition of {ADDED:,} biases counted as well: {MACS + ADDED:,}"),
        (f"params: {PARAMS / 1024:.1f}k", "the computed figure with a prefix that means 2^10 instead of 10^3"),
        ("params: 45.0k", ""),
        ("params: 450k", "the computed figure, rounded down"),
        (f"params: {PARAMS + 65}", ""),
        (f"params: {PARAMS - 1}", ""),
        ("params: 900k", ""),
        ("macs: 0.1G", ""),
        ("depth: 4", ""),
    ],
)  # fmt: skip
def test_a_single_cause_explains_it(claim: str, said: str) -> None:
    assert why(claim) == said


def test_feature_maps() -> None:
    """Memory in bytes and activations, where the input is one of the rows."""
    total = analyze(network_of(NET.format("depth: 3"))).totals
    image, conv1 = 64 * 64 * 3, 64 * 64 * 32
    assert why(f"activations: {total.activations - image}").startswith("the figure without input: ")
    assert why(f"memory: {4 * (total.activations - image)} B").startswith("the figure without input: ")
    assert why(f"activations: {total.conv_activations}").startswith("outputs of convolutions only: ")
    assert why(f"conv_activations: {total.conv_activations - conv1}").startswith("the figure without conv1: ")
    assert why(f"memory: {4 * total.activations / 2**20:.3f}MB").endswith("2^20 instead of 10^6")
    assert why(f"memory: {8 * total.activations} B").startswith("the size in float64 instead of float32: ")


def test_layers_of_the_same_size_are_named_together() -> None:
    text = "input: 8x8x16\npublished: [{{params: {}}}]\nlayers: [{{conv: {{filters: 16, kernel: 3, pad: 1}}, repeat: 5}}, fc: 10]"
    one, rest = 2320, 10_250
    (claim,) = published(analyze(network_of(text.format(4 * one + rest))))
    assert (
        claim.reason == f"the figure without one of conv1, conv2, conv3 and 2 more: {5 * one + rest:,} - 2,320 = 19,530"
    )


def test_keras_prints_params_and_buffers() -> None:
    """`model.summary()`: Total params 37,633 = 37,569 trainable + 64 moving statistics."""
    text = (
        "input: 64x64x3\npublished: [{source: 'Keras model.summary(), Total params', params: '37,633'}]\n"
        "layers: [pad: 3, conv: {filters: 32, kernel: 7}, batchnorm, relu, maxpool: 2, fc: 1]\n"
    )
    (claim,) = published(analyze(network_of(text)))
    assert (claim.computed, claim.agrees) == (37_569, False)
    assert claim.reason == "parameters and buffers together: 37,569 + 64 = 37,633"


def on_the_shelf(name: str) -> Analysis:
    """Return a shipped architecture."""
    path = shelf.path(name)
    assert path is not None
    with open(path, encoding="utf-8") as stream:
        return analyze(read(Source(path, stream.read())))


def test_the_lectures_total_is_not_explained() -> None:
    """No single row or factor turns 15.2M into 24M, or 61 MB into 93MB."""
    wrong = [claim for claim in published(on_the_shelf("vgg16")) if not claim.agrees]
    assert [(claim.claimed, claim.reason) for claim in wrong] == [("24M", ""), ("93MB", "")]


@pytest.mark.parametrize("name", ["vgg16", "resnet50", "lenet5"])
def test_coincidences_are_rare(name: str) -> None:
    """Hardly any random figure with three, four or all digits has an explanation."""
    analysis = on_the_shelf(name)
    dice = random.Random(7)
    tried = lucky = 0
    for quantity in SUMS:
        question = ask(analysis, quantity)
        if question is None:
            continue
        computed = question.number
        for _ in range(60):
            drawn = int(computed * 2.5 ** dice.uniform(-1, 1))
            for digits in (2, 3, 4, 20):
                unit = 10 ** max(len(str(drawn)) - digits, 0)
                places = 10**3 if unit > 1 else 1
                text = f"{drawn // unit * unit / places:.3f}".rstrip("0").rstrip(".") + ("k" if unit > 1 else "")
                figure = parse_size(text + "B") if quantity == "memory" else parse_count(text)
                assert figure is not None
                if not figure.agrees(computed):
                    tried += 1
                    lucky += bool(recognize(question, figure))
    assert tried > 1500
    assert lucky <= tried / 50


def test_the_reason_is_shown(ended: Any, tmp_path: Any) -> None:
    """It follows the figure in the table and in Markdown, and is a key in JSON, null if there is no reason."""
    path = tmp_path / "net.yaml"
    path.write_text(NET.format(f"params: {PARAMS + 64}, macs: 1G"))
    done = ended("analyze", str(path))
    assert f"     it is parameters and buffers together: {PARAMS:,} + 64 = {PARAMS + 64:,}" in done.lines
    reasons = {
        one["quantity"]: one["reason"] for one in ended("analyze", str(path), "--format", "json").data["published"]
    }
    assert reasons == {"params": f"parameters and buffers together: {PARAMS:,} + 64 = {PARAMS + 64:,}", "macs": None}
    assert "(parameters and buffers together" in ended("analyze", str(path), "--format", "markdown").out
