"""Notation of other tools and lectures. Every suggestion, pasted into the file, makes the same layer."""

from __future__ import annotations

import re

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.problem import Problem, Refused
from cnncalc.readers.yaml.suggestions import foreign
from cnncalc.readers.yaml.suggestions.foreign_text import parse_call
from tests.foreign_cases import KERAS, MODULES, OTHERS, PYTORCH, Case
from tests.helpers import network_of

CASES = [*PYTORCH, *KERAS, *OTHERS]


def mistake(text: str) -> Problem:
    """The first problem of a file."""
    with pytest.raises(Refused) as refused:
        network_of(text)
    return refused.value.problems[0]


def suggestion(step: str, shape: str) -> str:
    """The replacement that the help suggests for a step."""
    problem = mistake(f"input: {shape}\nlayers:\n  - {step}\n")
    found = re.match(r"(?:write|cnncalc calls it) `(.*?)`", problem.help)
    assert found is not None, problem.help
    return found.group(1)


@pytest.mark.parametrize("case", CASES, ids=[case.written for case in CASES])
def test_what_is_suggested_is_the_same_layer(case: Case) -> None:
    line = suggestion(case.written, case.input)
    network = network_of(f"input: {case.input}\nlayers:\n  - {line}\n")
    assert (str(network.nodes[-1].output), analyze(network).totals.params) == (case.output, case.params), line


def test_there_are_enough() -> None:
    assert len({case.written for case in CASES}) >= 140


@pytest.mark.parametrize("name", MODULES.split())
def test_every_module_of_pytorch_has_specific_help(name: str) -> None:
    """The bare name of a module gets a name, an example or a remedy, but never the advice to define a block."""
    help = mistake(f"input: 8x8x4\nlayers:\n  - {name}\n").help
    assert re.match(r"write|leave it out|cnncalc calls it|did you mean|cnncalc has no kind for it", help), help
    assert "blocks" not in help


@pytest.mark.parametrize(
    ("step", "help"),
    [
        ("Conv2d: [3, 16, 3]", "write `conv: {filters: 16, kernel: 3}`, taking the values in PyTorch's order"),
        ("conv: [3, 16, 3]", "write `conv: {filters: 16, kernel: 3}` if it is PyTorch's order (in, out, kernel), "
         "or `conv: {filters: 3, kernel: 16, stride: 3}` if it is Keras' order"),
        ("fc: 4096, relu", "write each as a step: `seq: [fc: 4096, relu]`"),
        ("conv: {filters: [16, 32], kernel: 3}", "write one number; several layers need several steps"),
        ("conv2d_1: {filters: 3, kernel: 3}",
         "write `conv` (layers are numbered automatically), with `as: conv2d_1` if you want this name"),
        ("nn.AdaptiveAvgPool2d((None, 7))", "write, for example, `adaptiveavgpool: 7`"),
        ("conv2d: [16, 3]", "write `conv: {filters: 16, kernel: 3}`, taking the values in Keras' order"),
        ("conv2d: [3, 16, 3]", "write `conv: {filters: 16, kernel: 3}` if it is PyTorch's order, "
         "or `conv: {filters: 3, kernel: 16, stride: 3}` if it is Keras' order"),
        ("nn.Conv2D(3, 16, 3)", "write `conv: {filters: 16, kernel: 3}`"),
        ("F.interpolate(x, scale_factor=2)", "write `upsample: 2`"),
        ("conv3x3: 64", "write `conv: {filters: 64, kernel: 3}`, with `pad: same` to keep height and width"),
        ("conv1x1: 64", "write `conv: {filters: 64, kernel: 1}`"),
        ("norm", "write `batchnorm`, `layernorm`, `groupnorm: 32`, or `lrn` for local response normalization"),
        ("globalpool", "write `globalavgpool` for the mean or `globalmaxpool` for the maximum"),
        ("Attention", "write `attend: [query, key, value]` for attention without weights, or `attention: 8` with projections"),
        ("conv: {filters: 4, kernel_size: [3, 5]}", "write `kernel: 3x5`"),
        ("type: Convolution\n    num_output: 20\n    kernel_size: 5", "write `conv: {filters: 20, kernel: 5}`"),
        ("{class_name: Conv2D, config: {filters: 16, kernel_size: [3, 3], activation: relu}}",
         "write `seq: [conv: {filters: 16, kernel: 3}, relu]`"),
        ("{lstm: {units: 4, return_sequences: false}}", "write `returns: last`"),
        ("{lstm: {units: 4, use_bias: false}}", "write `bias: none`"),
        ("CrossEntropyLoss", "leave it out: a loss is not part of the network"),
        ("Input: 28x28x1", "leave it out: the input is written once, above `layers:`, as in `input: 28x28x1`"),
        ("Add: [a, b]", "write `add: [a, b]`"),
        ("leakyrelu: {slope: 0.1}", "leave it out: `slope` does not affect shapes or counts"),
        ("conv: {filters: 4, kernel: 3, border_mode: same}", "cnncalc calls it `pad`"),
        ("maxpool: {pool_size: (2, 2)}", "write `kernel: 2x2`"),
        ("conv: {filters: 1,024, kernel: 3}", "write `filters: 1024`"),
        ("conv: {filters: 1,024,000, kernel: 3}", "write `filters: 1024000`"),
        ("conv: {filters: 16,, kernel: 3}", "add the item, or delete the extra comma"),
        ("fc: 10,", "write `10`, without the comma"),
        ("Sequential: [relu, conv: {filters: 3, kernel: 3}]",
         "write `seq:` instead of `Sequential:`, with the steps as a list"),
    ],
)  # fmt: skip
def test_help(step: str, help: str) -> None:
    assert mistake(f"input: 32x32x3\nlayers:\n  - {step}\n").help == help


@pytest.mark.parametrize(
    "step",
    [
        "nn.ConvTranspose2d(3, 16, 3, padding_mode='circular')",
        "nn.Conv2d(3, 16)",
        "nn.Conv2d(3, 16, 3, zz=1)",
        "nn.LSTM(10, 16, proj_size=4)",
        "nn.BatchNorm2d(8, track_running_stats=False)",
        "GRU(16, reset_after=False)",
        "Conv2DTranspose(4, 2, strides=3)",
        "Bidirectional(LSTM(16), merge_mode='sum')",
        "nn.Conv2d(3, 16, k)",
        "nn.Conv2d(3, f(x), 3)",
        "slim.conv2d(net, 64, [3, 3])",
        "tf.layers.conv2d(x, 64, 3)",
        "F.conv2d(x, w, padding=1)",
        "F.relu(self.bn1(x))",
    ],
)
def test_unclear_layers_are_not_translated(step: str) -> None:
    """Arguments that no field can express, or that are unknown, prevent a translation."""
    layer = parse_call(step)
    assert layer is not None
    assert foreign.translate(layer) is None


def test_a_layer_applied_to_another_is_not_taken_alone() -> None:
    assert parse_call("Conv2D(64, 3)(x)") is not None
    assert parse_call("Conv2D(64, 3)(Dense(10)(x))") is None


def test_the_tables_name_kinds_and_fields() -> None:
    """A misspelled kind or field in the tables would only show up in use. Kinds that do not exist yet are skipped."""
    from cnncalc.layers import KINDS

    for name in foreign.names():
        for row in foreign.rows_for(name):
            kind = KINDS.get(row.kind)
            if kind is None:
                continue
            for parameter in row.parameters:
                field = parameter.split("=")[0].partition(">")[2].partition(".")[0]
                assert not field or field in kind.fields, (name, parameter)


# -- shapes and numbers -----------------------------------------------------------------------------------------------


def test_shapes_of_other_tools() -> None:
    """Shapes with a batch, with channels first, in a list or in parentheses."""
    for written, meant in [
        ("[1, 3, 224, 224]", "224x224x3"),
        ("[8, 224, 224, 3]", "224x224x3"),
        ("(3, 224, 224)", "224x224x3"),
        ("(1, 3, 224, 224)", "224x224x3"),
        ("(224, 224, 3)", "224x224x3"),
        ("Nonex28x28x1", "28x28x1"),
    ]:
        assert f"write `{meant}`" in mistake(f"input: {written}\nlayers: [fc: 10]\n").help, written


@pytest.mark.parametrize(
    ("shape", "meant"),
    [
        ("1x3x224x224", "224x224x3"),
        ("32x3x224x224", "224x224x3"),
        ("1x224x224x3", "224x224x3"),
        ("8x1x28x28", "28x28x1"),
    ],
)
def test_a_leading_batch_is_not_read_as_depth(shape: str, meant: str) -> None:
    problem = mistake(f"input: {shape}\nlayers: [fc: 10]\n")
    assert problem.code == "ambiguous-input"
    assert f"write `{meant}`" in problem.help
    words = re.findall(r"`(\{.*?\})`", problem.help)
    assert str(network_of(f"input: {words[0]}\nlayers: [fc: 10]").nodes[0].output) == shape


@pytest.mark.parametrize("name", ["width", "depth", "channels", "height", "steps"])
def test_an_undefined_parameter_is_not_replaced_by_a_size_of_the_input(name: str) -> None:
    """`$in_width` would be valid, but means something else."""
    problem = mistake(f"input: 32x32x3\nlayers:\n  - conv: {{filters: ${name}, kernel: 3}}\n")
    assert problem.text == f"unknown parameter ${name}"
    assert problem.help.startswith(f"define it under `params:`, as in `params: {{{name}: 64}}`")


def test_a_size_of_the_input_misspelt_is_still_found() -> None:
    problem = mistake("input: 32x32x3\nlayers:\n  - conv: {filters: $in_chanels, kernel: 3}\n")
    assert problem.help == "did you mean `$in_channels`?"


def test_one_cell_too_many_is_not_mended_by_a_convolution() -> None:
    """With the shapes of a feature pyramid on an odd width, both suggestions of the help make the sum possible."""
    text = "input: 100x167x8\nlayers:\n  - conv: {filters: 8, kernel: 3, stride: 2, pad: 1}\n"
    text += "  - upsample: 2\n  - add: [prev, input]\n"
    help = mistake(text).help
    assert help == "resize both to 100x167: write `resize: 100x167` before this step, or in place of an `upsample`"
    assert network_of(text.replace("upsample: 2", "resize: 100x167")).nodes[-1].output == (100, 167, 8)
    assert network_of(text.replace("  - add", "  - resize: 100x167\n  - add")).nodes[-1].output == (100, 167, 8)


# -- notes on assumptions ---------------------------------------------------------------------------------------------


def notes(text: str) -> list[str]:
    """The notes of the reader for each layer."""
    return [sentence for node in network_of(text).nodes for _, sentence in node.notes]


def test_an_image_of_two_numbers_under_a_convolution() -> None:
    found = notes("input: 32x32\nlayers: [conv: {filters: 4, kernel: 3}, conv: {filters: 4, kernel: 3}]")
    assert found == [
        "slides over 32 steps of 32 features, because the input has two numbers; a grey image is written 32x32x1"
    ]
    assert notes("input: 100x300\nlayers: [conv: {filters: 4, kernel: 3}]") == []
    assert notes("input: 32x32x1\nlayers: [conv: {filters: 4, kernel: 3}]") == []
    assert notes("input: 32x32\nlayers: [lstm: 4]") == []


def test_a_batch_of_images_read_as_a_volume() -> None:
    found = notes("input: 64x32x32x3\nlayers: [relu, conv: {filters: 4, kernel: 3}, maxpool: 2]")
    assert found == [
        "slides over a depth of 64, too, because the input has four numbers; "
        "a batch of 64 images is `input: 32x32x3` with `--batch 64`"
    ]
    assert notes("input: 64x32x32x3\nlayers: [conv: {filters: 4, kernel: 3x3x3}]") == []
    assert notes("input: 16x32x32x3\nlayers: [conv: {filters: 4, kernel: 1x3x3}]") == []
    assert notes("input: 32x32x32x1\nlayers: [conv: {filters: 4, kernel: 3}]") == []
    assert notes("input: 32x32x3\nlayers: [conv: {filters: 4, kernel: 3}]") == []


def test_a_sequence_flattened_into_an_fc() -> None:
    found = notes("input: 100x32\nlayers: [lstm: 64, dropout, fc: 10]")
    assert found == [
        "flattens all 100 steps of lstm1, 6,400 numbers; write `returns: last` in lstm1 if only its last step is meant"
    ]
    assert notes("input: 100x32\nlayers: [lstm: {units: 64, returns: last}, fc: 10]") == []
    assert notes("input: 100x32\nlayers: [lstm: 64, linear: 10]") == []
    assert notes("input: 100x32\nlayers: [lstm: 64, flatten, fc: 10]") == []
