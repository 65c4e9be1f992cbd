"""Every kind of common mistake gives a figure that is recognized, and a right figure is never explained."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import pytest

from cnncalc.analyses.mistakes.question import Answer, Question, ask
from cnncalc.analyses.mistakes.recognition import describe, recognize
from cnncalc.analyses.mistakes.table import all_mistakes, mistakes_about
from cnncalc.analyses.totals import analyze
from cnncalc.layers import KINDS
from cnncalc.problem import Problem
from cnncalc.units import parse_count, parse_size
from tests.helpers import network_of


class Case(NamedTuple):
    """A one-step network, what was asked of its last layer (`whole`: of the network), the answer, and how it is explained."""

    kind: str
    shape: str
    layers: str
    quantity: str
    answer: str
    text: str
    batch: int = 1
    whole: bool = False


CONV = "conv: {filters: 64, kernel: 3, pad: 1}"
STRIDED = "conv: {filters: 96, kernel: 11, stride: 4}"
LENET = "conv: {filters: 6, kernel: 5}, maxpool: 2, conv: {filters: 16, kernel: 5}"
DEEP = "conv: {filters: 8, kernel: 3, pad: 1}, relu, maxpool: 2, conv: {filters: 16, kernel: 3}"
TINY = "conv: {filters: 3, kernel: 3, pad: 1}"
NET = "conv: {filters: 8, kernel: 3, pad: 1}, batchnorm, relu, maxpool: 2, fc: 10"

# every number is worked out by hand with the formula of the mistake
CASES = [
    Case("no-padding", "224x224x3", CONV, "output", "222x222x64", "the figure without padding: (224 - 3 + 2*0)/1 + 1 = 222"),
    Case("no-padding", "8x8x3", CONV, "activations", str(6 * 6 * 64), "the figure without padding: 6*6*64 = 2,304"),
    Case("no-padding", "8x8x3", CONV, "macs", str(6 * 6 * 64 * 27), "the figure without padding: 6*6*64*3*3*3 = 62,208"),
    Case("padding-once", "224x224x3", CONV, "output", "223x223x64",
         "either the figure with P instead of 2P: (224 - 3 + 1 + 0)/1 + 1 = 223, "
         "or the figure without the + 1: (224 - 3 + 2*1)/1 = 223"),
    Case("padding-once", "32x32x3", "conv: {filters: 8, kernel: 5, pad: 2}", "output", "30x30x8",
         "the figure with P instead of 2P: (32 - 5 + 2 + 0)/1 + 1 = 30"),
    Case("no-plus-one", "227x227x3", STRIDED, "output", "54x54x96", "the figure without the + 1: (227 - 11 + 2*0)/4 = 54"),
    Case("rounding", "224x224x3", "conv: {filters: 8, kernel: 3, stride: 2}", "output", "112x112x8",
         "the figure rounded up instead of down: (224 - 3 + 2*0)/2 + 1 = 111.5"),
    Case("rounding", "7x7x4", "maxpool: {kernel: 2, ceil: true}", "output", "3x3x4",
         "either the figure without the + 1: (7 - 2 + 2*0)/2 = 2.5, "
         "or the figure rounded down instead of up: (7 - 2 + 2*0)/2 + 1 = 3.5"),
    Case("no-stride", "28x28x6", "maxpool: 2", "output", "27x27x6",
         "the figure with stride 1 instead of 2: (28 - 2 + 2*0)/1 + 1 = 27"),
    Case("stride-of-kernel", "55x55x96", "maxpool: {kernel: 3, stride: 2}", "output", "18x18x96",
         "the figure with stride 3, the size of the window, instead of 2: (55 - 3 + 2*0)/3 + 1 = 18"),
    Case("no-dilation", "32x32x3", "conv: {filters: 8, kernel: 3, dilation: 2}", "output", "30x30x8",
         "the figure without dilation: (32 - 3 + 2*0)/1 + 1 = 30"),
    Case("kernel-axes", "32x40x3", "conv: {filters: 8, kernel: 1x7}", "output", "26x40x8",
         "the figure for a window of 7x1 instead of 1x7: (32 - 7 + 2*0)/1 + 1 = 26"),
    Case("axes-exchanged", "480x640x3", "maxpool: 2", "output", "320x240x3",
         "the same shape with height and width exchanged"),
    Case("channels-first", "32x32x3", "conv: {filters: 8, kernel: 5}", "output", "8x28x28",
         "the same shape with the channels first; cnncalc puts them last: 28x28x8"),
    Case("size-unchanged", "32x32x3", "conv: {filters: 8, kernel: 5}", "output", "32x32x8",
         "the figure for an output of 32x32, the size of the input"),
    Case("channels-unchanged", "32x32x3", "conv: {filters: 8, kernel: 5}", "output", "28x28x3",
         "the figure with the 3 channels of the input instead of the 8 filters"),
    Case("channels-multiplied", "32x32x3", "conv: {filters: 8, kernel: 5}", "output", "28x28x24",
         "the figure with 3*8 = 24 channels, one for each input channel and filter"),
    Case("positions-kept", "7x7x512", "fc: 4096", "output", "7x7x4096",
         "the shape of a layer that works on every position, but fc flattens its input"),
    Case("not-transposed", "28x28x128", "convtranspose: {filters: 64, kernel: 2, stride: 2}", "output", "14x14x64",
         "the figure for a convolution that is not transposed: (28 - 2 + 2*0)/2 + 1 = 14"),
    Case("earlier-size", "32x32x1", LENET, "output", "24x24x16",
         "the figure for the 28x28 input of maxpool1 instead of its 14x14 output: (28 - 5 + 2*0)/1 + 1 = 24"),
    Case("earlier-channels", "32x32x3", LENET, "params", str(25 * 3 * 16 + 16),
         "the figure with 3 input channels, as before conv1, instead of 6: 5*5*3*16 + 16 = 1,216"),
    Case("no-bias", "32x32x3", CONV, "params", "1728", "weights without the biases: 3*3*3*64 = 1,728"),
    Case("bias-counted", "32x32x3", CONV, "weights", "1792", "weights and biases together: 1,792"),
    Case("one-bias", "32x32x3", CONV, "params", "1729", "the figure with one bias for the whole layer: 1,728 + 1 = 1,729"),
    Case("bias-per-input", "32x32x3", CONV, "params", "1731",
         "the figure with one bias for each channel of the input: 1,728 + 3 = 1,731"),
    Case("bias-per-position", "8x8x3", CONV, "params", str(1728 + 8 * 8 * 64),
         "the figure with one bias for each number of the output: 1,728 + 4,096 = 5,824"),
    Case("bias-added", "32x32x3", "conv: {filters: 64, kernel: 3, bias: false}", "params", "1792",
         "the figure with a bias, but the layer has none: 3*3*3*64 + 64 = 1,792"),
    Case("one-filter", "32x32x3", CONV, "params", "28", "the figure for one filter instead of 64, with its bias: 3*3*3 + 1 = 28"),
    Case("one-filter", "32x32x3", CONV, "params", "91", "the figure for one filter instead of 64: 3*3*3 + 64 = 91"),
    Case("one-filter", "32x32x3", CONV, "weights", "27", "the figure for one filter instead of 64: 3*3*3 = 27"),
    Case("no-input-channels", "32x32x5", CONV, "params", "640",
         "the figure without the 5 channels of the input: 3*3*64 + 64 = 640"),
    Case("no-input-channels", "32x32x3", CONV, "params", "576",
         "either the figure without the 3 channels of the input: 3*3*64 = 576, "
         "or the figure with F instead of F*F: 3*3*64 = 576"),
    Case("one-side", "32x32x5", CONV, "params", str(3 * 5 * 64 + 64), "the figure with F instead of F*F: 3*5*64 + 64 = 1,024"),
    Case("groups-ignored", "8x8x32", "conv: {filters: 64, kernel: 3, groups: 8}", "weights", str(9 * 32 * 64),
         "the figure for filters over all channels of the input, without groups: 3*3*32*64 = 18,432"),
    Case("groups-ignored", "8x8x32", "depthwise: {kernel: 3, pad: 1, bias: false}", "params", str(9 * 32 * 32),
         "the figure for filters over all channels of the input, which a depthwise convolution does not have: "
         "3*3*32*32 = 9,216"),
    Case("not-flattened", "7x7x512", "fc: 4096", "params", str(512 * 4096 + 4096),
         "the figure for the channels of the input only, without its positions: 512*4096 + 4096 = 2,101,248"),
    Case("pool-with-weights", "28x28x6", "maxpool: 2", "params", str(2 * 2 * 6 * 6 + 6),
         "the figure of a convolution with this window, but maxpool has no parameters: 2*2*6*6 + 6 = 150"),
    Case("pool-with-weights", "28x28x6", "avgpool: 2", "params", "4",
         "the figure of a convolution with this window, but avgpool has no parameters: 2*2 = 4"),
    Case("one-gate", "100x300", "lstm: {units: 64, bias: single}", "params", str(64 * 300 + 64 * 64 + 64),
         "the figure for one gate instead of 4: 64*300 + 64*64 + 1*64 = 23,360"),
    Case("buffers-counted", "8x8x3", "conv: {filters: 8, kernel: 3}, batchnorm", "params", "32",
         "parameters and buffers together: 16 + 16 = 32"),
    Case("one-position", "9x9x3", CONV, "macs", "1728",
         "the figure for one position instead of 9*9: 64*3*3*3 = 1,728"),
    Case("input-positions", "227x227x3", STRIDED, "macs", str(227 * 227 * 96 * 363),
         "the figure for the 227x227 positions of the input instead of those of the output: "
         "227*227*96*11*11*3 = 1,795,682,592"),
    Case("flops", "8x8x3", CONV, "macs", str(2 * 64 * 64 * 27),
         "multiplications and additions counted separately: 2 x 110,592 = 221,184"),
    Case("bias-additions", "8x8x3", CONV, "macs", str(64 * 64 * 27 + 64 * 64),
         "the addition of 4,096 biases counted as well: 114,688"),
    Case("flops-with-biases", "8x8x3", CONV, "macs", str(2 * 64 * 64 * 27 + 64 * 64),
         "multiplications, additions and biases counted separately: 225,280"),
    Case("other-quantity", "8x8x3", CONV, "macs", "1792", "the number of parameters, not of MACs: 1,792"),
    Case("in-place-counted", "8x8x3", f"{CONV}, relu", "activations", str(8 * 8 * 64),
         "the size of the output, but relu can overwrite its input and writes no new volume: 8*8*64 = 4,096"),
    Case("in-place-counted", "8x8x3", f"{CONV}, relu, fc: 10", "activations", str(192 + 2 * 4096 + 10),
         "the figure with the in-place layers counted: 4,298 + 4,096 = 8,394", whole=True),
    Case("input-volume", "8x8x3", "maxpool: 4", "activations", "192", "the size of the input, not of the output: 8*8*3 = 192"),
    Case("channels-unchanged", "8x8x3", CONV, "activations", "192",
         "the figure with the 3 channels of the input instead of the 64 filters: 8*8*3 = 192"),
    Case("no-channels", "8x8x3", CONV, "activations", "64", "the positions of the output without its 64 channels: 8*8 = 64"),
    Case("bytes", "8x8x3", CONV, "params", str(4 * 1792), "the size in bytes of float32, not the count: 4 x 1,792 = 7,168"),
    Case("numbers", "8x8x3", CONV, "memory", "4096 B", "the count of numbers, each of which takes 4 bytes in float32: 4,096"),
    Case("other-dtype", "8x8x3", CONV, "memory", "32768 B", "the size in float64 instead of float32: 8 x 4,096 = 32,768"),
    Case("batch", "8x8x3", CONV, "activations", str(32 * 4096),
         "the figure for the whole batch of 32: 32 x 4,096 = 131,072", batch=32),
    Case("batch", "8x8x3", CONV, "params", str(32 * 1792),
         "the figure multiplied by the batch of 32, which shares all parameters: 32 x 1,792 = 57,344", batch=32),
    Case("no-batch", "8x8x3", CONV, "memory", "16384 B", "the memory of one example instead of a batch of 32: 16,384", batch=32),
    Case("prefix", "224x224x3", CONV, "memory", "12.25 MB",
         "the computed figure with a prefix that means 2^20 instead of 10^6"),
    Case("prefix", "10x10x3", CONV, "activations", "6250", "the figure with 10^3 for 2^10: 6,400 x 1,000 / 1,024 = 6,250"),
    Case("field-without-strides", "32x32x3", DEEP, "receptive_field", "6",
         "the figure without the strides of the previous layers"),
    Case("field-sum-of-windows", "32x32x3", "conv: {filters: 8, kernel: 5}, conv: {filters: 8, kernel: 3}",
         "receptive_field", "8",
         "the sum of the window sizes"),
    Case("field-own-stride", "64x64x3", "conv: {filters: 8, kernel: 5, stride: 2}, conv: {filters: 8, kernel: 3}",
         "receptive_field", "13", "the figure with each layer's own stride applied to its own window"),
    Case("field-without-pooling", "64x64x3", "conv: {filters: 8, kernel: 5}, maxpool: 2, conv: {filters: 8, kernel: 3}",
         "receptive_field", "7x7", "the figure without the pooling layers"),
    Case("field-own-window", "32x32x3", DEEP, "receptive_field", "3", "the window of this layer alone"),
    Case("field-without-one", "32x32x3", DEEP, "receptive_field", "7", "the figure without the 1 that it starts from"),
    Case("field-without-dilation", "64x64x3", "conv: {filters: 8, kernel: 5}, conv: {filters: 8, kernel: 3, dilation: 4}",
         "receptive_field", "7", "the figure without the dilation of the windows"),
    Case("field-stride", "64x64x3", "conv: {filters: 8, kernel: 7, stride: 2}, maxpool: 2", "receptive_field", "4",
         "the stride between neighbouring cells, not the size"),
    Case("trainable-only", "8x8x3", "{conv: {filters: 8, kernel: 3}, trainable: false}, batchnorm, fc: 10", "params",
         str(16 + 36 * 8 * 10 + 10), "trainable parameters only: 2,906", whole=True),
    Case("trainable-and-buffers", "8x8x3", "{conv: {filters: 8, kernel: 3}, trainable: false}, batchnorm, fc: 10", "params",
         str(16 + 36 * 8 * 10 + 10 + 16), "trainable parameters and buffers: 2,922", whole=True),
    Case("convolutions-only", "8x8x3", NET, "params", "224", "the figure of the convolutions only: 224", whole=True),
    Case("convolutions-only", "8x8x3", NET, "activations", "512", "outputs of convolutions only: 512", whole=True),
    Case("shared-twice", "8x8x3", f"{{{TINY}, as: a}}, {{{TINY}, share: a}}, fc: 10", "params", str(2 * 84 + 1930),
         "the figure with shared parameters counted again: 2,014 + 84 = 2,098", whole=True),
    Case("no-input", "8x8x3", NET, "activations", str(512 + 128 + 10), "the figure without input: 842 - 192 = 650", whole=True),
    Case("input-twice", "8x8x3", NET, "activations", str(842 + 192), "the figure with input counted twice: 842 + 192 = 1,034",
         whole=True),
    Case("no-last-layer", "8x8x3", f"{NET}, relu, fc: 10", "params", "1530",
         "the figure without fc2: 1,640 - 110 = 1,530", whole=True),
    Case("layer-left-out", "8x8x3", f"{NET}, relu, fc: 10", "params", "1416", "the figure without conv1: 1,640 - 224 = 1,416",
         whole=True),
    Case("layer-twice", "8x8x3", f"{NET}, relu, fc: 10", "params", "1864",
         "the figure with conv1 counted twice: 1,640 + 224 = 1,864", whole=True),
    Case("rounded-down", "32x32x3", CONV, "params", "1.7k", ""),
    Case("rounded-down", "32x32x3", "conv: {filters: 77, kernel: 5}", "weights", "5.7k", "the computed figure, rounded down"),
    Case("twice", "32x32x3", CONV, "params", str(2 * 1792), "twice the computed figure: 2 x 1,792 = 3,584"),
    Case("half", "32x32x3", CONV, "params", "896", "half the computed figure: 896"),
]  # fmt: skip


def question_of(case: Case) -> Question:
    """The question of a case."""
    analysis = analyze(network_of(f"input: {case.shape}\nlayers: [{case.layers}]\n"), case.batch)
    found = ask(analysis, case.quantity, None if case.whole else analysis.rows[-1:])
    assert found is not None
    return found


def parsed(text: str, quantity: str) -> Answer:
    """An answer as a file writes it."""
    if quantity in ("output", "receptive_field"):
        return tuple(map(int, text.split("x")))
    figure = parse_size(text) if quantity == "memory" else parse_count(text)
    assert figure is not None
    return figure


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}-{case.answer}" for case in CASES])
def test_a_usual_mistake(case: Case) -> None:
    """Its kind is among those recognized, and the text is the arithmetic that a student would write."""
    found = recognize(question_of(case), parsed(case.answer, case.quantity))
    assert describe(found) == case.text
    assert not case.text or case.kind in [mistake.name for mistake in found]


def test_every_kind_has_a_case() -> None:
    assert {case.kind for case in CASES if case.text} == set(all_mistakes())
    for name, kind in all_mistakes().items():
        assert name == name.lower()
        assert kind.title == kind.title.rstrip(".")
        assert kind.advice.endswith(".")
        assert (kind.attempts or kind.read) is not None


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}-{case.answer}" for case in CASES])
def test_what_is_right_is_never_explained(case: Case) -> None:
    """Exact or rounded, for a layer and for the whole network."""
    question = question_of(case)
    if isinstance(question.right, tuple):
        assert recognize(question, question.right) == ()
        return
    unit = " B" if case.quantity == "memory" else ""
    for text in (str(question.right), f"{question.right:,}"):
        assert recognize(question, parsed(text + unit, case.quantity)) == ()
    rounded = f"{question.right / 1000:.2f}k"
    assert recognize(question, parsed(rounded + ("B" if unit else ""), case.quantity)) == ()


def test_random_wrong_numbers_are_seldom_explained() -> None:
    """Among numbers within a fifth of the right one, hardly any count and few shapes are explained."""
    dice = random.Random(3)
    text = "input: 64x64x16\nlayers: [conv: {filters: 48, kernel: 5, stride: 2, pad: 2}]\n"
    analysis = analyze(network_of(text))
    for quantity, most in (("params", 0.01), ("macs", 0), ("activations", 0.01)):
        question = ask(analysis, quantity, analysis.rows[-1:])
        assert question is not None
        lucky = 0
        for _ in range(200):
            drawn = parse_count(str(dice.randint(question.number * 4 // 5, question.number * 6 // 5)))
            assert drawn is not None
            lucky += bool(recognize(question, drawn))
        assert lucky <= 200 * most


@pytest.mark.parametrize("kind", sorted({layer.kind for layer in KINDS.values() if layer.example}))
def test_every_mistake_can_be_tried_on_every_kind(kind: str) -> None:
    """Every mistake can be tried on every kind of layer, and yields whole numbers or shapes, or nothing."""
    shape, _, step = KINDS[kind].example.partition(" -> ")
    try:
        network = network_of(f"input: {shape}\nlayers:\n  - {step}\n")
    except Problem:
        pytest.skip("the example needs more than one step")
    analysis = analyze(network, batch=2)
    for quantity in ("output", "params", "weights", "biases", "macs", "activations", "memory", "receptive_field"):
        for rows in (analysis.rows[-1:], analysis.rows):
            question = ask(analysis, quantity, rows)
            if question is None:
                continue
            considered = dict(mistakes_about(question))
            for name, row in all_mistakes().items():
                for attempt in row.attempts(question) if row.attempts else ():
                    assert name in considered or attempt.figure == question.right, (kind, quantity, attempt)
                    assert type(attempt.figure) is type(question.right), (kind, quantity, attempt)
                    assert attempt.text


def test_a_wrong_expectation_names_the_mistake(ended: Any, tmp_path: Any) -> None:
    """The mistake is named in the table, in Markdown, in JSON, and in the finding of check."""
    path = tmp_path / "net.yaml"
    path.write_text(
        "input: 32x32x3\nlayers:\n  - conv: {filters: 64, kernel: 3, pad: 1}\n    expect: {output: 30x30x64, params: 1728}\n"
    )
    done = ended("analyze", str(path))
    assert done.status == 1
    assert "     it is the figure without padding: (32 - 3 + 2*0)/1 + 1 = 30" in done.lines
    assert "     it is weights without the biases: 3*3*3*64 = 1,728" in done.lines
    claims = {one["quantity"]: one for one in ended("analyze", str(path), "--format", "json").data["expected"]}
    assert claims["output"]["mistakes"] == ["no-padding"]
    assert claims["params"]["mistakes"] == ["no-bias"]
    assert claims["params"]["reason"] == "weights without the biases: 3*3*3*64 = 1,728"
    assert "weights without the biases" in ended("analyze", str(path), "--format", "markdown").out
    assert "1728 is weights without the biases: 3*3*3*64 = 1,728" in ended("check", str(path)).out


def test_explaining_is_limited() -> None:
    """A step with thousands of layers gets no explanation, and a file only so many: both take time."""
    from time import process_time

    from cnncalc.analyses.claims import MOST_EXPLAINED, expected
    from cnncalc.analyses.totals import analyze
    from tests.helpers import network_of

    head = "input: 4x4x3\nlayers:\n"
    many = "".join("- {conv: {filters: 3, kernel: 1}, expect: {params: 9}}\n" for _ in range(MOST_EXPLAINED + 30))
    claims = expected(analyze(network_of(head + many)))
    assert sum(1 for claim in claims if claim.reason) == MOST_EXPLAINED
    long = (
        head
        + "- {seq: [{conv: {filters: 3, kernel: 1}, repeat: 9000}], expect: {params: 1, macs: 1, activations: 1}}\n"
    )
    analysis = analyze(network_of(long))
    start = process_time()
    assert [claim.agrees for claim in expected(analysis)] == [False, False, False]
    assert process_time() - start < 0.2
