"""`cnncalc explain`: every line of a calculation is right, and every kind and error code has its page."""

from __future__ import annotations

import re
import shlex
from fractions import Fraction
from functools import partial
from math import ceil, floor
from pathlib import Path
from typing import Any

import pytest

from cnncalc import shelf
from cnncalc.analyses.quantities import EXPECTABLE, PRINTED, PUBLISHABLE
from cnncalc.analyses.totals import Analysis, Row, analyze
from cnncalc.analyses.working import Fact, working
from cnncalc.api.pages import entry, example_network, names
from cnncalc.cli.commands.analyze import COLUMN_NAMES
from cnncalc.codes import CODES
from cnncalc.layers import KINDS
from cnncalc.readers.yaml.expression import _FUNCTIONS as FUNCTIONS
from cnncalc.readers.yaml.suggestions.misspelled import STEP_WORDS
from cnncalc.readers.yaml.vocabulary import ATTRIBUTES, IN_NAMES, KEYS, RESERVED
from cnncalc.words import WORDS
from tests.helpers import Ended, network_of


@pytest.fixture
def explain(ended: Any) -> Any:
    """Return a function that runs the command in this process."""
    return partial(ended, "explain")


def lines(ended: Ended) -> list[str]:
    """Return the printed lines, without blanks at both ends and with single blanks inside."""
    return [" ".join(line.split()) for line in ended.lines]


def analysis(text: str) -> Analysis:
    """Return the analysis of a specification."""
    return analyze(network_of(text))


def layer(text: str) -> tuple[Analysis, Row]:
    """Return the last layer of a network written `shape -> step`."""
    result = analysis(example_network(text))
    return result, result.rows[-1]


def facts(text: str) -> dict[str, Fact]:
    """Return the calculation of the last layer, by label."""
    return {fact.label: fact for fact in working(*layer(text))}


def value(text: str) -> Fraction:
    """Return the result of printed arithmetic; `/` divides exactly."""
    assert re.fullmatch(r"[0-9 ()*/+,-]+", text), text
    found = eval(
        re.sub(r"[0-9][0-9,]*", lambda match: f"Fraction({match[0].replace(',', '')})", text), {"Fraction": Fraction}
    )
    assert isinstance(found, Fraction)
    return found


def number(text: str) -> int:
    """Return a printed whole number."""
    return int(text.replace(",", "").removesuffix(" bytes"))


# -- the working is right --------------------------------------------------------------------------------------------


def check(result: Analysis, row: Row) -> None:
    """Check that every line of a calculation is right and agrees with the table."""
    found = working(result, row)
    node, figures = row.node, {fact.label: fact for fact in found}
    lengths = dict(zip(node.output.axes, node.output, strict=False))
    for fact in found:
        if fact.numbers:
            exact = value(fact.numbers)
            rounding = ceil if "rounded up" in fact.remark else floor
            assert rounding(exact) == number(fact.result), fact
            assert (exact.denominator == 1) == ("rounded" not in fact.remark), fact
        if fact.letters:
            assert fact.numbers
            assert len(re.findall(r"\d+", fact.numbers.replace(",", ""))) >= len(fact.letters.split("*")) > 0
        if fact.label in lengths and fact.numbers:
            assert number(fact.result) == lengths[fact.label]
    assert number(figures["activations"].result) == row.activations
    if node.layer is None:
        assert figures["shape"].result == str(node.output)
        return
    assert figures["output"].result == str(node.output)
    assert [fact.result for fact in found if fact.label == "input"] == [str(x) for x in result.network.shapes(node)]
    weights = [fact for fact in found if fact.label in node.layer.weights(*result.network.shapes(node))]
    if node.shared is None:
        assert sum(number(fact.result) for fact in weights) == row.params
        assert "params" not in figures or number(figures["params"].result) == row.params
    else:
        assert weights == []
        assert figures["params"].result == "0"
    assert number(figures["MACs"].result) == row.macs if row.macs else "MACs" not in figures


@pytest.mark.parametrize("kind", KINDS)
def test_the_working_of_every_kind(kind: str) -> None:
    """On the example of the kind."""
    result = analysis(example_network(KINDS[kind].example))
    assert KINDS[kind] in [type(row.node.layer) for row in result.rows]
    for row in result.rows:
        check(result, row)


@pytest.mark.parametrize(
    "name", ["alexnet", "googlenet", "resnet50", "mobilenet_v2", "unet", "dcgan_generator", "vit_b_16", "yolov3_tiny"]
)
def test_the_working_of_whole_networks(name: str) -> None:
    """Networks with branches, strides, groups, transposed convolutions and attention."""
    path = shelf.path(name)
    assert path is not None
    result = analysis(Path(path).read_text(encoding="utf-8"))
    for row in result.rows:
        check(result, row)


@pytest.mark.parametrize(
    ("example", "label", "expected"),
    [
        # AlexNet, conv1
        ("227x227x3 -> conv: {filters: 96, kernel: 11, stride: 4}", "height",
         ("(W - F + 2P)/S + 1", "(227 - 11 + 2*0)/4 + 1", "55", "")),
        # a dilated window is as long as from its first to its last cell
        ("32x32x3 -> conv: {filters: 8, kernel: 3, dilation: 2, pad: 2}", "width",
         ("(W - F + 2P)/S + 1", "(32 - 5 + 2*2)/1 + 1", "32", "F = 2*(3 - 1) + 1 = 5")),
        # TensorFlow's `SAME`: the odd zero is at the end
        ("224x224x3 -> conv: {filters: 8, kernel: 3, stride: 2, pad: same}", "height",
         ("(W - F + P + P')/S + 1", "(224 - 3 + 0 + 1)/2 + 1", "112", "P = 0 before, P' = 1 after")),
        # torchvision's ResNet, conv1
        ("224x224x3 -> conv: {filters: 64, kernel: 7, stride: 2, pad: 3}", "height",
         ("(W - F + 2P)/S + 1", "(224 - 7 + 2*3)/2 + 1", "112", "112.5 rounded down")),
        # Caffe's pooling
        ("112x112x64 -> maxpool: {kernel: 3, stride: 2, ceil: true}", "height",
         ("(W - F + 2P)/S + 1", "(112 - 3 + 2*0)/2 + 1", "56", "55.5 rounded up")),
        ("7x7x8 -> convtranspose: {filters: 8, kernel: 4, stride: 2, pad: 1}", "height",
         ("(W - 1)*S + F - 2P", "(7 - 1)*2 + 4 - 2*1", "14", "")),
        ("7x7x8 -> convtranspose: {filters: 8, kernel: 3, stride: 2, pad: 1, output_pad: 1}", "width",
         ("(W - 1)*S + F - 2P + output_pad", "(7 - 1)*2 + 3 - 2*1 + 1", "14", "")),
        # AlexNet, conv2: two groups
        ("27x27x96 -> conv: {filters: 256, kernel: 5, pad: 2, groups: 2}", "weight",
         ("F*F*C/groups*K", "5*5*48*256", "307,200", "")),
        ("27x27x96 -> conv: {filters: 256, kernel: 5, pad: 2, groups: 2}", "MACs",
         ("out*out*K*F*F*C/groups", "27*27*256*5*5*48", "223,948,800", "")),
        ("7x7x512 -> fc: 4096", "weight", ("H*W*C*units", "7*7*512*4096", "102,760,448", "")),
        ("7x7x512 -> fc: 4096", "params", ("weight + bias", "102,760,448 + 4,096", "102,764,544", "")),
        ("56x56x64 -> batchnorm", "params", ("weight + bias", "64 + 64", "128", "")),
        ("56x56x64 -> relu", "activations", ("", "", "0", "it can overwrite its input, so it writes no new volume")),
        ("32x32x3 -> conv: {filters: 8, kernel: 5}", "receptive field", ("", "", "5x5", "stride 1x1 in input pixels")),
        ("32x30x3 -> globalavgpool", "receptive field", ("", "", "32x30", "the whole input")),
        # CS231n: the cost of a fully connected layer instead of a convolution
        ("32x32x3 -> conv: {filters: 10, kernel: 5, pad: 2}", "for scale",
         ("in*out + out", "3,072*10,240 + 10,240", "31,467,520",
          "parameters of a fully connected layer between the same volumes, 41,405 times as many")),
        ("1x1x3 -> conv: {filters: 2, kernel: 3, pad: 1}", "for scale",
         ("in*out + out", "3*2 + 2", "8",
          "parameters of a fully connected layer between the same volumes, 0.14 times as many")),
    ],
)  # fmt: skip
def test_a_line_of_working(example: str, label: str, expected: tuple[str, str, str, str]) -> None:
    """Letters, numbers, result and remark are compared with those worked out by hand."""
    fact = facts(example)[label]
    assert (fact.letters, fact.numbers, fact.result, fact.remark) == expected


def test_no_scale_without_a_convolution() -> None:
    """Nor with one that has no weights of its own."""
    assert "for scale" not in facts("32x32x3 -> maxpool: 2")
    assert "for scale" not in facts("32x32x3 -> fc: 10")
    text = "input: 8x8x3\nlayers: [{conv: {filters: 3, kernel: 1}, as: a}, {conv: {filters: 3, kernel: 1}, share: a}]"
    result = analysis(text)
    assert "for scale" not in [fact.label for fact in working(result, result.rows[-1])]


def test_memory_is_that_of_the_batch(explain: Any) -> None:
    """Bytes are for the batch and dtype of the options."""
    ended = explain("-e", "10 -> FC-5", "fc1", "--batch", "8", "--dtype", "float16")
    assert "memory 80 bytes 80 B in float16, batch 8" in lines(ended)


# -- layers ----------------------------------------------------------------------------------------------------------


def test_a_layer_by_its_full_name(explain: Any) -> None:
    """The output has only this layer, with its place in the file."""
    ended = explain("vgg16", "Stage1.conv2")
    assert ended.status == 0
    assert lines(ended)[0].startswith("Stage1.conv2 conv: filters 64, kernel 3, pad 1 (")
    assert "vgg16.yaml:" in lines(ended)[0]
    assert "weight F*F*C*K = 3*3*64*64 = 36,864" in lines(ended)
    assert "params weight + bias = 36,864 + 64 = 36,928" in lines(ended)
    assert "MACs out*out*K*F*F*C = 224*224*64*3*3*64 = 1,849,688,064" in lines(ended)
    assert "receptive field 5x5 stride 1x1 in input pixels" in lines(ended)
    assert not any(line.startswith("Stage1.conv1") for line in lines(ended))


def test_layers_by_last_part_and_by_block(explain: Any) -> None:
    """`conv3` is three layers and `Stage3` seven. Each appears once, even if it is named twice."""
    assert [row["name"] for row in explain("vgg16", "conv3", "--format", "json").data] == [
        "Stage3.conv3", "Stage4.conv3", "Stage5.conv3",
    ]  # fmt: skip
    names = [row["name"] for row in explain("vgg16", "Stage1", "conv1", "Stage1.conv1", "--format", "json").data]
    assert len(names) == len(set(names)) == 5 + 4


def test_every_layer_without_a_name(explain: Any) -> None:
    """The input is included."""
    data = explain("lenet5", "--format", "json").data
    assert [row["kind"] for row in data][:3] == ["input", "conv", "tanh"]
    assert len(data) == 12
    assert data[0]["working"][0] == {
        "label": "shape", "formula": "", "numbers": "", "result": "32x32x1", "remark": "height 32, width 32, 1 channel",
    }  # fmt: skip


def test_shared_weights_name_their_owner(explain: Any, tmp_path: Path) -> None:
    """They are counted in the owner."""
    file = tmp_path / "net.yaml"
    file.write_text("input: 10\nlayers: [{fc: 10, as: one}, {fc: 10, as: two, share: one}]\n")
    assert "params 0 reuses the weights of one" in lines(explain(str(file), "two"))


def test_rounding_is_noted(explain: Any) -> None:
    """The note states which cells are not read."""
    ended = explain("-e", "224x224x3 -> CONV7-64/2p2", "conv1")
    assert "height (W - F + 2P)/S + 1 = (224 - 7 + 2*2)/2 + 1 = 111 111.5 rounded down" in lines(ended)
    assert any(
        "the last cell of the input is not read" not in line and line.startswith("note:") for line in lines(ended)
    )


def test_a_network_that_does_not_fit_is_explained_up_to_the_error(explain: Any) -> None:
    """The error is on standard error, with exit status 1."""
    ended = explain("vgg16", "--input", "10x10x3", "Stage4.conv3")
    assert ended.status == 1
    assert "output 1x1x512" in lines(ended)
    assert "[window-does-not-fit]" in ended.err


def test_the_one_line_form_takes_layers(explain: Any) -> None:
    """All words are layers then, and there can be only one line."""
    assert lines(explain("-e", "32x32x3 -> CONV3-16 -> FC-10", "fc1"))[0] == "fc1 fc: units 10 (<-e>:1:24)"
    ended = explain("-e", "10 -> FC-5", "-e", "10 -> FC-6")
    assert (ended.status, ended.out) == (2, "")


# -- pages -----------------------------------------------------------------------------------------------------------


def test_the_index(explain: Any) -> None:
    """Every kind and code has a short description."""
    ended = explain()
    words = {line.split()[0]: line for line in lines(ended) if line}
    assert ended.status == 0
    for name in (*KINDS, *CODES):
        assert len(words[name].split()) > 1, name
    for name in WORDS:
        assert name.split()[0] in words, name
    assert explain("--format", "json").data == {"kinds": list(KINDS), "codes": list(CODES), "words": list(WORDS)}


# -- the words of files and tables ------------------------------------------------------------------------------------


def test_every_word_that_can_be_written_or_read_has_a_page() -> None:
    """Keys, special names, functions, columns and figures. Kinds have pages of their own."""
    written = {*KEYS, *ATTRIBUTES, *RESERVED, *STEP_WORDS, *IN_NAMES, *FUNCTIONS, "main", "projection", "same", "valid"}
    printed = {*COLUMN_NAMES, *PRINTED, *EXPECTABLE, *PUBLISHABLE, "flops", "rf"}
    assert [word for word in sorted(written | printed) if entry(word) is None and word not in KINDS] == []


@pytest.mark.parametrize("word", WORDS)
def test_the_page_of_a_word(word: str, explain: Any) -> None:
    """The meaning in full sentences, other names, and an example that runs."""
    page = WORDS[word]
    ended = explain(*word.split())
    assert ended.status == 0, ended.err
    assert lines(ended)[0] == word
    assert " ".join(page.meaning.split()) in " ".join(ended.out.split())
    assert page.meaning.endswith(".")
    data = explain(*word.split(), "--format", "json").data
    assert (data["word"], data["meaning"], data["example"]) == (word, page.meaning, page.example)
    assert page.example or page.command, "no example"
    if page.example:
        assert not network_of(page.example).warnings
        name = word.replace("receptive field", "rf")
        assert word in ("shape", "expression", "padding") or re.search(rf"\b{name}\b", page.example), (
            "it shows something else"
        )


@pytest.mark.parametrize("word", [word for word in WORDS if WORDS[word].command])
def test_the_command_of_a_word(word: str, ended: Any) -> None:
    program, *words = shlex.split(WORDS[word].command)
    assert program == "cnncalc"
    done = ended(*words)
    assert (done.status, done.err) == (0, "")
    assert done.out


def test_no_name_means_two_things() -> None:
    """No word hides the page of a kind or a code, or a shipped architecture."""
    found = names()
    assert len(found) == len(set(found))
    assert set(found).isdisjoint([*KINDS, *CODES, *shelf.names()])


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("rf", "receptive field"), ("receptive field", "receptive field"), ("receptive_field", "receptive field"),
        ("$in_width", "in_channels"), ("FLOPs", "macs"), ("round_to()", "round_to"), ("Receptive", "receptive field"),
        ("same", "padding"), ("weights", "weights"), ("nothing", None), ("", None),
    ],
)  # fmt: skip
def test_names_of_words(written: str, word: str | None) -> None:
    assert entry(written) == word


def test_several_words_and_unknown_ones(explain: Any) -> None:
    assert [page["word"] for page in explain("residual", "seq", "--format", "json").data] == ["residual", "seq"]
    assert explain("resdual").err == "error: unknown name `resdual`: did you mean `residual`?\n"
    assert explain("residual", "repaet").err == ("error: no word named `repaet`: did you mean `repeat`?\n")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_a_kind(kind: str, explain: Any) -> None:
    """The description, every field with default and help, names in other tools, and an example with its calculation."""
    ended = explain(kind)
    layer = KINDS[kind]
    assert (ended.status, ended.err) == (0, "")
    assert lines(ended)[0] == layer.kind
    first = " ".join((layer.__doc__ or "").split("\n")[0].split())
    assert first in lines(ended)
    for name, field in layer.fields.items():
        default = (
            "required" if field.required else "see meaning" if field.default is None else field.show(field.default)
        )
        assert any(line.startswith(f"{name} {default} {field.help}") for line in lines(ended)), name
    assert all(also in ended.out for also in layer.elsewhere.split())
    assert ">>>" not in ended.out
    assert f"- {layer.example.rpartition(' -> ')[2]}" in lines(ended) or " -> " in layer.example
    assert any(line.startswith("output ") for line in lines(ended))
    data = explain(kind, "--format", "json").data
    assert data["kind"] == layer.kind
    assert data["text"].startswith(first)
    assert [field["name"] for field in data["fields"]] == list(layer.fields)
    assert [field["required"] for field in data["fields"]] == [field.required for field in layer.fields.values()]


@pytest.mark.parametrize("code", CODES)
def test_the_page_of_a_code(code: str, explain: Any) -> None:
    """The meaning, a file with the error, the message and the corrected file; or why there is none."""
    page = CODES[code]
    ended = explain(code)
    assert (ended.status, ended.err) == (0, "")
    assert lines(ended)[:3] == [code, "", " ".join(page.meaning.split())]
    data = explain(code, "--format", "json").data
    assert data["code"] == code
    if page.wrong:
        assert f"[{code}]" in data["message"]
        assert all(text in lines(ended) for text in ("example with a mistake", "cnncalc reports", "corrected example"))
        for line in [*page.wrong.splitlines(), *data["message"].splitlines(), *page.right.splitlines()]:
            assert " ".join(line.split()) in lines(ended)
    else:
        assert data["message"] == data["wrong"] == data["right"] == ""
        assert f"no example: {page.note}" in lines(ended)
        assert data["note"] == page.note


@pytest.mark.parametrize("code", [code for code, page in CODES.items() if "`cnncalc " in page.note.partition(": ")[2]])
def test_the_command_of_a_code(code: str, ended: Any) -> None:
    """If only the command line can cause a code, its page has a command that causes it."""
    command = CODES[code].note.partition(": ")[2].strip("`")
    done = ended(*shlex.split(command.removeprefix("cnncalc ")))
    assert f"[{code}]" in done.err


def test_several_pages(explain: Any) -> None:
    """The pages follow one another; in JSON they are a list."""
    assert [page["kind"] for page in explain("conv", "fc", "--format", "json").data] == ["conv", "fc"]
    assert [page["code"] for page in explain("bad-yaml", "no-tabs", "--format", "json").data] == ["bad-yaml", "no-tabs"]


# -- names that mean nothing -----------------------------------------------------------------------------------------

LISTS = "`cnncalc explain` lists the kinds, words and codes, and `cnncalc list` the architectures"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rlu"], "unknown name `rlu`: did you mean `relu`?"),
        (["Conv2d"], "unknown name `Conv2d`: cnncalc calls it `conv`"),
        (["ReLU"], "unknown name `ReLU`: did you mean `relu`?"),
        (["window-doesnt-fit"], "unknown name `window-doesnt-fit`: did you mean `window-does-not-fit`?"),
        (["vgg-16"], "unknown name `vgg-16`: did you mean `vgg16`?"),
        (["zzzzzz"], f"unknown name `zzzzzz`: {LISTS}"),
        (["unett"], "unknown name `unett`: did you mean `unet`?"),
        (["net.yaml"], "there is no file net.yaml"),
        (["conv", "Dense"], "no layer kind named `Dense`: cnncalc calls it `fc`"),
        (["conv", "zzzzzz"], "no layer kind named `zzzzzz`: `cnncalc explain` lists them"),
        (["bad-yaml", "bad-yml"], "no error code named `bad-yml`: did you mean `bad-yaml`?"),
        (["vgg16", "Stage1.cov2"], "no layer named `Stage1.cov2`: did you mean `Stage1.conv2`?"),
        (["vgg16", "zzzzzz"], "no layer named `zzzzzz`: `cnncalc analyze` shows the names"),
        (["conv", "\x1b[31m"], "no layer kind named `\\x1b[31m`: `cnncalc explain` lists them"),
        (["\x1b[31m"], "no shipped architecture is named `\\x1b[31m`: `cnncalc list` shows the names"),
    ],
)
def test_unknown_names(words: list[str], message: str, explain: Any) -> None:
    """One line with a suggestion, exit status 2, and nothing on standard output."""
    ended = explain(*words)
    assert (ended.status, ended.out, ended.err) == (2, "", f"error: {message}\n")


def test_a_file_without_its_suffix(explain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user more likely means a file of that name than a similar kind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "konv.yaml").write_text("input: 10\nlayers: [fc: 5]\n")
    assert "to read the file, write `konv.yaml`" in explain("konv").err
