"""The one-line form: the same network as the file, and the column of every mistake."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncalc.analyses.pattern import pattern
from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers.yaml.oneline import parse
from cnncalc.readers.yaml.reader import NO_OVERRIDES, Overrides, read_tree
from tests.helpers import ROOT, network_of


def line(text: str, overrides: Overrides = NO_OVERRIDES) -> Network:
    source = Source("<-e>", text)
    return read_tree(parse(source), source, overrides)


def file(shape: str, layers: str) -> Network:
    return network_of(f"input: {shape}\nlayers: {layers}")


def facts(network: Network) -> list[tuple[object, ...]]:
    """Return everything that matters about a network: names, kinds, fields, shapes, weights, connections."""
    rows = [(row.node, row.params) for row in analyze(network).rows]
    return [
        (node.name, node.kind, node.layer and node.layer.nondefault_fields, node.output, node.inputs, params)
        for node, params in rows
    ]


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("32x32x3 -> RELU", "[relu]"),
        ("32x32x3 -> relu", "[relu]"),
        ("32x32x3->RELU->TANH", "[relu, tanh]"),
        ("32x32x3 \u2192 RELU \u2192 TANH", "[relu, tanh]"),
        ("  32x32x3  ->  RELU  ", "[relu]"),
        ("INPUT 32x32x3 -> RELU", "[relu]"),
        ("INPUT:32x32x3 -> RELU", "[relu]"),
        ("INPUT[32x32x3] -> RELU", "[relu]"),
        ("32X32X3 -> RELU", "[relu]"),
        ("32x32x3 -> CONV3-16", "[conv: {filters: 16, kernel: 3, pad: same}]"),
        ("32x32x3 -> conv5-16/2", "[conv: {filters: 16, kernel: 5, stride: 2, pad: same}]"),
        ("32x32x3 -> CONV3-16p0", "[conv: {filters: 16, kernel: 3}]"),
        ("32x32x3 -> CONV7-64/2p3", "[conv: {filters: 64, kernel: 7, stride: 2, pad: 3}]"),
        ("32x32x3 -> CONV1x7-16", "[conv: {filters: 16, kernel: 1x7, pad: same}]"),
        ("32x32x3 -> POOL2", "[maxpool: 2]"),
        ("32x32x3 -> MAXPOOL3/2", "[maxpool: {kernel: 3, stride: 2}]"),
        ("32x32x3 -> AVGPOOL3/2p1", "[avgpool: {kernel: 3, stride: 2, pad: 1}]"),
        ("32x32x3 -> FC-10", "[fc: 10]"),
        ("32x32x3 -> FC10", "[fc: 10]"),
        ("32x32x3 -> DENSE-10", "[fc: 10]"),
        ("32x32x3 -> GAP -> FC-10 -> SOFTMAX", "[globalavgpool, fc: 10, softmax]"),
        ("32x32x3 -> BN -> RELU6 -> DROPOUT0.25", "[batchnorm, relu6, dropout: 0.25]"),
        ("32x32x3 -> DROPOUT-0.25", "[dropout: 0.25]"),
        ("32x32x3 -> LRN5 -> FLATTEN", "[lrn: 5, flatten]"),
        ("32x32x3 -> [CONV3-16 -> RELU]*2", "[{seq: [conv: {filters: 16, kernel: 3, pad: same}, relu], repeat: 2}]"),
        ("32x32x3 -> [RELU] * 0 -> TANH", "[tanh]"),
        ("32x32x3 -> [RELU]", "[relu]"),
        (
            "32x32x3 -> [[CONV3-16 -> RELU]*2 -> POOL2]*3 -> [FC-100 -> RELU]*2 -> FC-10",
            "[{seq: [{seq: [conv: {filters: 16, kernel: 3, pad: same}, relu], repeat: 2}, maxpool: 2], repeat: 3}, "
            "{seq: [fc: 100, relu], repeat: 2}, fc: 10]",
        ),
    ],
)
def test_the_same_network_as_the_file(text: str, layers: str) -> None:
    assert facts(line(text)) == facts(file("32x32x3", layers))


@pytest.mark.parametrize("shape", ["784", "100x300", "8x32x32x3"])
def test_other_inputs(shape: str) -> None:
    assert facts(line(f"{shape} -> RELU -> FC-10")) == facts(file(shape, "[relu, fc: 10]"))


def test_the_lectures_network() -> None:
    """CS231n: INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC, as in VGG-16 (138,357,544 parameters)."""
    text = (
        "224x224x3 -> [CONV3-64 -> RELU]*2 -> POOL2 -> [CONV3-128 -> RELU]*2 -> POOL2 -> [CONV3-256 -> RELU]*3 "
        "-> POOL2 -> [[CONV3-512 -> RELU]*3 -> POOL2]*2 -> [FC-4096 -> RELU]*2 -> FC-1000"
    )
    assert analyze(line(text)).totals.params == 138_357_544


LECTURE = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC"
NUMBERS = {"N": "2", "M": "3", "K": "1", "filters": "64", "pool": "true", "units": "256", "classes": "10"}


def filled(text: str, **numbers: str) -> Network:
    """Return a pattern with its numbers, on 32x32x3."""
    source, overrides = Source("<-e>", text), Overrides(numbers, {"": "32x32x3"})
    return read_tree(parse(source, overrides.parameters, size="48x48x3"), source, overrides)


def test_the_lectures_pattern_with_numbers() -> None:
    same = "[[CONV3-64 -> RELU]*2 -> POOL2]*3 -> FC-256 -> RELU -> FC-10"
    assert facts(filled(LECTURE, **NUMBERS)) == facts(line(f"32x32x3 -> {same}"))
    without = "[[CONV5-64 -> RELU]*2]*3 -> FC-10"
    changed = {**NUMBERS, "pool": "false", "K": "0", "kernel": "5"}
    assert facts(filled(LECTURE, **changed)) == facts(line(f"32x32x3 -> {without}"))


def test_one_dense_layer_alone_is_the_classifier() -> None:
    assert facts(filled("INPUT -> [CONV -> RELU]*N -> FC", N="1", filters="8", classes="7")) == facts(
        line("32x32x3 -> CONV3-8 -> RELU -> FC-7")
    )


def test_the_error_of_an_open_pattern_has_a_complete_command() -> None:
    problem = mistake(LECTURE)
    assert problem.text == "`filters`, `N`, `pool`, `M`, `units`, `K` and `classes` have no value"
    command = problem.help.removeprefix("fill in your numbers: ")
    assert command.startswith(f'cnncalc analyze -e "{LECTURE}" --input 32x32x3 -p ')
    words = dict(word.split("=") for word in command.split(" -p ")[1:])
    assert len(filled(LECTURE, **words).nodes) == 19
    with pytest.raises(Refused) as refused:
        filled(LECTURE, **{name: number for name, number in NUMBERS.items() if name != "K"})
    assert "-p K=1" in refused.value.problems[0].help
    assert "--input 48x48x3 " in refused.value.problems[0].help


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("N", "two", "bad-argument"),
        ("N", "-1", "bad-argument"),
        ("N", "9" * 13, "bad-argument"),
        ("filters", "1.5", "bad-argument"),
        ("pool", "yes", "bad-argument"),
        ("filters", "0", "bad-value"),
        ("N", "99999999", "too-large"),
        ("kernl", "3", "unknown-parameter"),
    ],
)
def test_numbers_that_a_pattern_cannot_use(name: str, value: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        filled(LECTURE, **{**NUMBERS, name: value})
    assert refused.value.problems[0].code == code


def test_a_shape_in_the_middle_of_a_line() -> None:
    assert line("100 -> FC-16384 -> RESHAPE-4x4x1024").nodes[-1].output == (4, 4, 1024)


def test_padding_that_the_line_adds_is_noted_once() -> None:
    notes = [sentence for node in line("32x32x3 -> [CONV3-8 -> RELU]*2 -> FC-10").nodes for _, sentence in node.notes]
    assert notes == [
        "padded as `pad: same`, which the one-line form does and a file does not; `CONV3-8p0` does not pad"
    ]
    unpadded = line("32x32x3 -> CONV1-4 -> CONV3-8p0 -> CONV3-8p1")
    assert [node.notes for node in unpadded.nodes if node.notes] == []


# -- the pattern of a network -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ("32x32x3 -> [[CONV3-8 -> RELU]*2 -> POOL2]*3 -> [FC-100 -> RELU]*2 -> FC-10",
         "INPUT -> [[CONV -> RELU]*2 -> POOL]*3 -> [FC -> RELU]*2 -> FC"),
        ("32x32x3 -> CONV3-8 -> RELU -> CONV3-16 -> RELU -> FC-10", "INPUT -> [CONV -> RELU]*2 -> FC"),
        ("32x32x3 -> CONV3-8 -> BN -> FC-10", "INPUT -> CONV -> BN -> FC"),
        ("32x32x3 -> RELU -> RELU -> RELU", "INPUT -> [RELU]*3"),
        ("32x32x3 -> [[CONV3-4]*2 -> POOL2]*2 -> [CONV3-4]*3 -> FC-10", "INPUT -> [[CONV]*2 -> POOL]*2 -> [CONV]*3 -> FC"),
    ],
)  # fmt: skip
def test_the_pattern_that_a_network_follows(text: str, follows: str) -> None:
    assert pattern(line(text)) == follows


def test_the_pattern_of_shipped_networks() -> None:
    text = "INPUT -> [[CONV -> RELU]*2 -> POOL]*2 -> [[CONV -> RELU]*3 -> POOL]*3 -> [FC -> RELU -> DROPOUT]*2 -> FC"
    assert pattern(network_of((ROOT / "architectures" / "vgg16.yaml").read_text(encoding="utf-8"))) == text
    assert pattern(network_of((ROOT / "architectures" / "resnet18.yaml").read_text(encoding="utf-8"))) is None


def test_what_is_not_a_chain_has_no_pattern() -> None:
    assert pattern(network_of("input: 8x8x4\nlayers:\n  - {relu: {}, as: a}\n  - tanh\n  - add: [prev, a]\n")) is None
    assert pattern(network_of("input: 8\nlayers:\n  - {relu: {}, as: a}\n  - tanh\noutputs: [a]\n")) is None
    assert pattern(network_of("input: 8\nlayers:\n  - {relu: {}, repeat: 500}\n")) is None


def test_the_input_may_be_an_option() -> None:
    network = line("INPUT -> FC-10", Overrides({}, {"": "5x5x3"}))
    assert network.nodes[1].output == (10,)


PIECES = {
    "CONV3-4": "conv: {filters: 4, kernel: 3, pad: same}",
    "CONV1-2/2p0": "conv: {filters: 2, kernel: 1, stride: 2}",
    "POOL3/1p1": "maxpool: {kernel: 3, stride: 1, pad: 1}",
    "DROPOUT0.5": "dropout: 0.5",
    "BN": "batchnorm",
    "RELU": "relu",
}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.recursive(
        st.sampled_from(sorted(PIECES)).map(lambda piece: (piece, PIECES[piece])),
        lambda inner: st.tuples(st.lists(inner, min_size=1, max_size=3), st.integers(0, 2)).map(
            lambda group: (
                f"[{' -> '.join(one for one, _ in group[0])}]*{group[1]}",
                f"{{seq: [{', '.join(other for _, other in group[0])}], repeat: {group[1]}}}",
            )
        ),
        max_leaves=8,
    )
)
def test_groups_as_in_the_file(chain: tuple[str, str]) -> None:
    assert facts(line(f"32x32x3 -> {chain[0]} -> TANH")) == facts(file("32x32x3", f"[{chain[1]}, tanh]"))


# -- mistakes ---------------------------------------------------------------------------------------------------------


def mistake(text: str) -> Problem:
    with pytest.raises(Refused) as error:
        line(text)
    return error.value.problems[0]


@pytest.mark.parametrize(
    ("text", "culprit", "says"),
    [
        ("", "", "the line must begin with the input shape"),
        ("CONV3-16 -> FC-10", "CONV3", "the line must begin with the input shape"),
        ("-> FC-10", "->", "the line must begin with the input shape"),
        ("32xx3 -> FC-10", "32xx3", "`32xx3` is not a shape"),
        ("32x32x3 ->", "", "a layer is missing after the last arrow"),
        ("32x32x3 -> RELU -> ", "", "a layer is missing after the last arrow"),
        ("32x32x3 -> -> RELU", "-> RELU", "a layer is missing here"),
        ("32x32x3 RELU", "RELU", "an arrow is missing here"),
        ("32x32x3 -> RELU TANH", "TANH", "an arrow is missing here"),
        ("32x32x3 => RELU", "=> RELU", "an arrow is missing here"),
        ("32x32x3 -> [RELU] TANH", "TANH", "an arrow is missing here"),
        ("32x32x3 -> [RELU -> TANH", "[RELU", "this bracket is not closed"),
        ("32x32x3 -> [[RELU] -> TANH", "[[RELU", "this bracket is not closed"),
        ("32x32x3 -> RELU]", "]", "`]` closes nothing"),
        ("32x32x3 -> []", "]", "a layer is missing here"),
        ("32x32x3 -> [RELU]*N", "N", "`N` has no value"),
        ("32x32x3 -> [RELU]*-1", "-1", "a number is missing after `*`"),
        ("32x32x3 -> [RELU] *", "", "a number is missing after `*`"),
        ("32x32x3 -> POOL2? -> RELU", "POOL2?", "`pool` has no value"),
        ("32x32x3 -> CONV -> RELU", "CONV", "`CONV` needs a window and a number of filters"),
        ("32x32x3 -> CONV3", "CONV3", "`CONV3` needs a window and a number of filters"),
        ("32x32x3 -> CONV-64", "CONV-64", "`CONV-64` needs a window and a number of filters"),
        ("32x32x3 -> POOL", "POOL", "`POOL` needs a number: window size F"),
        ("32x32x3 -> FC", "FC", "`FC` needs a number: number of units"),
        ("32x32x3 -> ADD", "ADD", "`ADD` joins several values, but a line is a single chain"),
        ("32x32x3 -> CROP", "CROP", "`CROP` joins several values, but a line is a single chain"),
        (
            "100 -> EMBEDDING",
            "EMBEDDING",
            "`EMBEDDING` needs `vocab` and `dim`, which the one-line form cannot express",
        ),
        (
            "9 -> ALPHADROPOUT-0.5",
            "A",
            "`ALPHADROPOUT` is dropout with `alpha: true`, which the one-line form cannot express",
        ),
        ("32x32x3 -> RLU", "RLU", "no layer named `RLU`"),
        ("32x32x3 -> CNV3-16 -> RELU", "CNV3-16", "no layer named `CNV3-16`"),
        ("32x32x3 -> RELU\n-> TANH", "\n", "the one-line form is one line"),
        ("32x32x3 -> \x1b[31m", "\x1b", r"no layer named `\x1b`"),
        ("32x32x3 -> " + "[" * 40, "[" * 7, "brackets are nested more than 32 levels deep"),
    ],
)
def test_mistakes(text: str, culprit: str, says: str) -> None:
    problem = mistake(text)
    assert (problem.code, problem.text) == ("bad-line", says)
    assert problem.where is not None
    assert text[problem.where.column - 1 :].startswith(culprit)
    assert culprit or problem.where.column == len(text) + 1
    assert problem.help


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("32x32x3 -> CNV3-16", "did you mean `CONV3-16`?"),
        ("32x32x3 -> RLU", "did you mean `RELU`?"),
        ("32x32x3 -> POOL", "write, for example, `POOL2`"),
        ("32x32x3 -> FC", "write, for example, `FC-10`"),
        ("32x32x3 -> AVGPOOL", "write, for example, `AVGPOOL2`"),
        ("32x32x3 -> Conv2d(3, 16, 3)", "write `CONV3-16p0`"),
        ("32x32x3 -> nn.Conv2d(3, 16, 3, stride=2, padding=1) -> ReLU()", "write `CONV3-16/2p1`"),
        ("32x32x3 -> Conv2D(16, 3, padding='same')", "write `CONV3-16`"),
        ("32x32x3 -> MaxPool2d(2)", "write `MAXPOOL-2`"),
        ("32x32x3 -> MaxPool2d(3, 2, 1)", "write `POOL3/2p1`"),
        ("32x32x3 -> FC(10)", "write `FC-10`"),
        ("32x32x3 -> DROPOUT(0.2)", "write `DROPOUT-0.2`"),
        ("32x32x3 -> ReLU()", "write `RELU`"),
        ("32x32x3 -> GLOBALPOOL", "write `GAP` for the mean, `GMP` for the largest"),
        ("32x32x3 -> [RELU]*", "fill in how often the group is repeated: `*3`"),
        ("32x32x3 -> [RELU]*N", 'fill in your numbers: cnncalc analyze -e "32x32x3 -> [RELU]*N" -p N=2'),
        ("100 -> FC-16384 -> 4x4x1024", "write `RESHAPE-4x4x1024` to arrange the numbers like this"),
        ("32x32x3 -> CONV3", "write `CONV3-64`: 3x3, 64 filters; a trailing `/2` sets the stride"),
        ("32x32x3 -> (CONV3-16 -> RELU)*2 -> FC-10", "write `[CONV3-16 -> RELU]*2`"),
        ("32x32x3 -> (CONV3-16 RELU) x2", "write `[CONV3-16 -> RELU]*2`"),
        ("32x32x3 -> (CONV3-16)", "write `[CONV3-16]`"),
        ("32x32x3 -> 2*[CONV3-16 -> RELU] -> FC-10", "write `[CONV3-16 -> RELU]*2`"),
        ("32x32x3 -> 2 x (CONV3-16)", "write `[CONV3-16]*2`"),
        ("32x32x3 -> CONV 3-16 -> RELU", "write `CONV3-16` without it"),
        ("32x32x3 -> POOL 2/2", "write `POOL2/2` without it"),
        ("32x32x3 -> FC 10", "write `FC10` without it"),
    ],
)
def test_help(text: str, help: str) -> None:
    assert mistake(text).help == help


@pytest.mark.parametrize(
    ("text", "culprit", "code"),
    [
        ("3x32x32 -> RELU", "3x32x32", "ambiguous-input"),
        ("0x32x3 -> RELU", "0x32x3", "bad-value"),
        ("32x32x3 -> CONV40-16p0", "40-16p0", "window-does-not-fit"),
        ("32x32x3 -> [CONV3-16 -> POOL2]*9", "2]*9", "window-does-not-fit"),
        ("32x32x3 -> POOL2p2", "2", "pad-too-large"),
        ("32x32x3 -> FC-0", "0", "bad-value"),
        ("32x32x3 -> CONV3-016", "016", "bad-value"),
        ("32x32x3 -> CONV3-16/0", "0", "bad-value"),
        ("32x32x3 -> DROPOUT-50", "50", "bad-value"),
        ("32x32x3 -> FC-10 -> CONV3-16", "CONV3-16", "needs-image"),
        ("32x32x3 -> [RELU]*9999999", "9999999", "too-large"),
        ("32x32x3 -> LSTM-5", "LSTM-5", "needs-sequence"),
    ],
)
def test_errors_of_the_reader_have_a_place(text: str, culprit: str, code: str) -> None:
    problem = mistake(text)
    assert problem.code == code
    assert problem.where is not None
    assert text[problem.where.column - 1 :].startswith(culprit)


def test_length() -> None:
    assert len(line("32x32x3" + " -> RELU" * 1000).nodes) == 1001
    assert mistake("32x32x3" + " -> RELU" * 2000).text == "the line has 16,007 characters; at most 10,000 are allowed"


def test_an_input_alone_is_not_a_network() -> None:
    assert mistake("32x32x3").code == "no-layers"
    assert mistake("32x32x3 -> [RELU]*0").code == "no-layers"


def test_a_heading_to_read(ended: Any) -> None:
    """The line itself with single blanks, shortened if it is long. Errors still name the argument."""
    assert ended("analyze", "-e", " 8x8x3  ->  FC-10 ").lines[0] == "8x8x3 -> FC-10"
    long = "8x8x3" + " -> FC-10" * 20
    assert ended("analyze", "-e", long).lines[0] == long[:57] + "..."
    assert ended("memory", "-e", "8x8x3 -> FC-10").lines[0] == "8x8x3 -> FC-10"
    assert "### 8x8x3 -\\> FC-10" in ended("analyze", "-e", "8x8x3 -> FC-10", "--format", "markdown").out
    assert ended("analyze", "-e", "8x8x3 -> FC-").err.startswith("<-e>:1:")
    data = ended("analyze", "-e", "8x8x3 -> FC-10", "--format", "json").data
    assert (data["name"], data["spec"]) == ("", "<-e>")


# -- at the command line ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["analyze", "memory", "explain", "export"])
def test_a_missing_option_e_is_recognized(command: str, ended: Any) -> None:
    more = ("--to", "torch") if command == "export" else ()
    done = ended(command, "32x32x3 -> CONV3-16/2 -> FC-10", *more)
    assert (done.status, done.out) == (2, "")
    assert done.err == 'error: write -e before a one-line network: -e "32x32x3 -> CONV3-16/2 -> FC-10"\n'


def test_a_line_without_quotes_is_recognized(ended: Any) -> None:
    """The shell takes `-> FC-10` for a redirection to a file."""
    done = ended("analyze", "32x32x3", "-")
    assert '`32x32x3` is a shape: write the whole line in quotes after -e, as in -e "32x32x3 -> FC-10"' in done.err


def test_pattern_and_notes_are_printed_and_in_json(ended: Any) -> None:
    words = ("analyze", "-e", LECTURE, "--input", "32x32x3", *[f"-p{name}={value}" for name, value in NUMBERS.items()])
    done = ended(*words)
    assert done.status == 0
    assert " pattern     INPUT -> [[CONV -> RELU]*2 -> POOL]*3 -> FC -> RELU -> FC" in done.lines
    assert " note: conv1: CONV is padded as `pad: same`, and 3x3 unless `-p kernel=5` sets another size" in done.lines
    data = ended(*words, "--format", "json").data
    assert data["pattern"] == "INPUT -> [[CONV -> RELU]*2 -> POOL]*3 -> FC -> RELU -> FC"
    assert data["layers"][1]["notes"] == [
        "CONV is padded as `pad: same`, and 3x3 unless `-p kernel=5` sets another size"
    ]
    assert ended("analyze", "resnet18", "--format", "json").data["pattern"] is None


def test_missing_numbers_exit_with_a_finding_and_wrong_ones_with_a_failure(ended: Any) -> None:
    assert ended("analyze", "-e", LECTURE).status == 1
    assert ended("analyze", "-e", LECTURE, "-p", "N=two").status == 2


@pytest.mark.parametrize(
    ("word", "help"),
    [
        ("SEPARABLECONV3-16", "write a file, with a step such as `separableconv: {filters: 100, kernel: 5}`"),
        ("SEPCONV3-8", "write a file, with a step such as `separableconv: {filters: 100, kernel: 5}`"),
        ("CONVTRANSPOSE3-16", "write a file, with a step such as `convtranspose: {filters: 64, kernel: 2, stride: 2}`"),
        ("LOCAL3-16", "write a file, with a step such as `local: {filters: 256, kernel: 3, pad: 1}`"),
        ("CONV3-16*2", "write `[CONV3-16]*2`"),
        ("[CONV3-16]x2", "write `*2` after the bracket"),
        ("CNV3-5", "did you mean `CONV3-5`?"),
    ],
)
def test_help_never_names_another_layer(word: str, help: str, ended: Any) -> None:
    """A convolution is not a separable one, and the suggestion is not the text that was written."""
    done = ended("analyze", "-e", f"32x32x3 -> {word} -> FC-10")
    assert done.status == 1
    assert done.err.rstrip().endswith(f"= help: {help}")


def test_a_reshape_is_suggested_in_the_form_of_a_line(ended: Any) -> None:
    done = ended("analyze", "-e", "32x32x3 -> CONV3-16 -> LSTM-5")
    assert "`RESHAPE-1024x16`" in done.err
    assert ended("analyze", "-e", "32x32x3 -> CONV3-16 -> RESHAPE-1024x16 -> LSTM-5").status == 0
