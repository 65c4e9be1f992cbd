"""The text format, and the errors of files with mistakes, each at its line and column."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import cnncalc
from cnncalc.problem import Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.caffe.prototxt import Message, parse
from cnncalc.readers.caffe.reader import read_text
from cnncalc.readers.caffe.recognition import recognizes
from tests.helpers import Ended
from tests.readers.caffe.nets import NETS, lenet
from tests.readers.caffe.test_layers import layer


def message(text: str) -> Message:
    """Return the fields of a text."""
    return parse(Source("net.prototxt", text))


def test_values() -> None:
    """Everything that the text format of protobuf 3 allows and Caffe's files use."""
    net = message(
        """# a comment
        name: "a\\"b" 'c\\x41\\101\\n'   # neighbouring texts are one
        numbers: [1, 0x1F, 010], floats: 1e-3f; floats: -.5 floats: 2.
        flag: true other { a: 1 } angle < b: 2 > colon: { c: WORD }; empty {}
        """
    )
    assert net.string("name") == 'a"bcAA\n'
    assert net.integers("numbers") == [1, 31, 8]
    assert net.numbers("floats") == [0.001, -0.5, 2.0]
    assert net.flag("flag", False)
    assert net.message("other").integer("a", 0) == 1
    assert net.message("angle").integer("b", 0) == 2
    assert net.message("colon").choice("c", "", ["WORD"]) == "WORD"
    assert net.message("empty").fields == {}
    assert net.message("missing").integer("a", 7) == 7


def problem(text: str, **inputs: str) -> str:
    """Return the first problem of a file, after its line and the word at its place."""
    with pytest.raises(Refused) as caught:
        read_text(Source("net.prototxt", text), ReaderOptions(inputs, {}))
    found = caught.value.problems[0]
    if found.where is None:
        return str(found)
    rest = found.where.source.line(found.where.line)[found.where.column - 1 :]
    return f"line {found.where.line}, {rest.split()[0] if rest else 'the end'}: {found}"


HEAD = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
CONV = layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "line 1, the end: the file has no layers [no-layers] -> write layers as `layer { ... }`"),
        (
            "layer {\n name: 'x'",
            "line 1, layer: the file ends before the message that begins here is closed [bad-file]"
            " -> close it with `}`",
        ),
        (
            "layer { } }",
            "line 1, }: `}` appears where the name of a field belongs [bad-file]"
            " -> remove it, or open a message before it",
        ),
        ("layer { name 'x' }", "line 1, 'x': `name` is followed by `'x'` [bad-file] -> write `name: value` or `name { ... }`"),
        ("layer { name: }", "line 1, }: `name` needs a value, but is followed by `}` [bad-file] -> write a value after `name:`"),
        ("layer { name: 'x\n' }", "line 1, 'x: a text is not closed on its line [bad-file] -> close it with `'`"),
        ("layer { size: 3x }", "line 1, 3x: `3x` is not a name, a number or a text [bad-file] -> write digits only"),
        (
            "layer { size: [1 2] }",
            "line 1, 2]: the list `size` continues with `2` [bad-file]"
            " -> separate its values with commas and close it with `]`",
        ),
        ("// c\nlayer {}", "line 1, //: `//` is not a name, a number or a text [bad-file] -> comments begin with `#`"),
        ("layer: 3", "line 1, 3: `layer` must be a message, but is `3` [bad-value] -> write `layer { ... }`"),
        (
            "layer { name: 'a' }",
            "line 1, layer: layer `a`: the layer has no type [missing-field]"
            ' -> write `type: "Convolution"` or another type of layer',
        ),
        (
            "layer { name: 'a' name: 'b' }",
            "line 1, 'b': `name` is written 2 times, but takes one value [duplicate-key]"
            " -> remove the others",
        ),
        (
            HEAD + CONV.replace("kernel_size", "kernal_size"),
            "line 2, kernal_size:: layer `y` (Convolution): unknown field `kernal_size` [unknown-field]"
            " -> did you mean `kernel_size`?",
        ),
        (
            HEAD + CONV.replace("kernel_size: 3", "kernel_size: 3 strid: 2"),
            "line 2, strid:: layer `y` (Convolution): unknown field `strid` [unknown-field]"
            " -> did you mean `stride`?",
        ),
        (
            HEAD + CONV.replace("kernel_size: 3", "kernel_size: 3.5"),
            "line 2, 3.5: layer `y` (Convolution): `kernel_size` must be a whole number; got `3.5` [bad-value]"
            " -> write digits only",
        ),
        (
            HEAD + CONV.replace("num_output: 4", "num_output: 2147483648"),
            "line 2, 2147483648: layer `y` (Convolution): `num_output` must be at most 1,000,000; got `2147483648` [bad-value]",
        ),
        (
            HEAD + CONV.replace("Convolution", "Convolutoin"),
            'line 2, "Convolutoin": layer `y` (Convolutoin): cnncalc does not know this type of layer [unknown-layer]'
            " -> did you mean `Convolution`?",
        ),
        (
            HEAD + layer("Python", 'python_param { module: "rpn.proposal" layer: "X" }'),
            'line 2, "Python": layer `y` (Python): runs the code of the Python module `rpn.proposal`, '
            "which cnncalc does not execute [unsupported] -> remove the layer, or export the model as ONNX",
        ),
        (
            HEAD + layer("ReLU", bottom="dta"),
            'line 2, "dta": layer `y` (ReLU): reads the blob `dta`, which no layer above it makes [unknown-name]'
            " -> did you mean `data`?",
        ),
        (
            HEAD + layer("Pooling", "pooling_param { kernel_size: 20 }"),
            "line 2, layer: layer `y` (Pooling): its window of 20 does not fit into 8 cells padded by 0 [window-does-not-fit]"
            " -> use a smaller `kernel_size`, or a larger input",
        ),
        (
            HEAD + layer("Reshape", "reshape_param { shape { dim: 0 dim: 7 } }"),
            "line 2, reshape_param: layer `y` (Reshape): 1x3x8x8 has 192 numbers, which do not fit into 0x7 [sizes-differ]"
            " -> write -1 for one dimension",
        ),
        (
            'input: "data"\n' + CONV,
            'line 1, "data": the size of the input `data` is not in the file [unknown-size]'
            " -> give the shape of one example, channels last: `--input 224x224x3`",
        ),
        (
            HEAD.replace("dim: 3", "dim: -1") + CONV,
            'line 1, "data": the size of the input `data` is not in the file, which states 1x?x8x8 [unknown-size]'
            " -> give the shape of one example, channels last: `--input 8x8x3`",
        ),
        (
            'net: "train.prototxt" base_lr: 0.1',
            "line 1, net:: this is a solver, which states how a network is trained [bad-file]"
            " -> read the network that it names, `train.prototxt`",
        ),
        ('item { name: "cat" }', "line 1, item: this is a list of labels [bad-file] -> read the file with the network's layers"),
    ],
)  # fmt: skip
def test_errors(text: str, wanted: str) -> None:
    """Each says what is wrong, where, and what to write."""
    assert problem(text) == wanted


def test_wrong_inputs() -> None:
    """The options name an input that exists, with as many sizes as the file has."""
    assert (
        problem(HEAD + CONV, dta="8x8x3") == "the network has no input `dta` [unknown-input] -> its inputs are `data`"
    )
    wrong = "the input `data` is 1x3x8x8 with its batch, so it cannot be 7 [bad-argument] -> write 3 numbers"
    assert problem(HEAD + CONV, data="7") == wrong


def test_recognition() -> None:
    """Text without a suffix is recognized, and specifications are not."""
    assert all(recognizes(make()) for make in NETS.values())
    assert recognizes("layers {\n  layer {\n    name: 'conv1'\n  }\n  bottom: 'data'\n}")
    assert not recognizes("input: 8x8x3\nlayers:\n- conv: {filters: 3, pad: {bottom: 1}}\n")
    assert not recognizes("layer {}")


def test_command_line(ended: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command reads such files by path; standard input and the API read their text."""
    import io

    path = tmp_path / "lenet.prototxt"
    path.write_text(lenet())
    assert ended("analyze", str(path), "--get", "params").out == "431080\n"
    assert ended("analyze", str(path), "--input", "32x32x3", "--get", "params").out != "431080\n"
    done = json.loads(ended("analyze", str(path), "--format", "json").out)
    assert (done["name"], done["source"], done["totals"]["params"]) == ("LeNet", "Caffe", 431_080)
    assert ended("import", str(path)).out.startswith("name: LeNet\nsource: Caffe\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lenet().encode())))
    assert ended("analyze", "-", "--get", "params").out == "431080\n"
    assert cnncalc.load(lenet()).analyze().totals.params == 431_080
    refused = ended("analyze", str(path), "--set", "conv1.stride=2")
    assert refused.status == 2
    assert "cnncalc import" in refused.err
    assert ended("analyze", str(path), "-p", "phse=TEST").err.startswith("error: ")


def test_check_does_not_read_it(ended: Callable[..., Ended], tmp_path: Path) -> None:
    """A network of Caffe is not a submission, whatever its suffix."""
    (tmp_path / "net.yaml").write_text(lenet())
    done = ended("check", str(tmp_path / "net.yaml"))
    assert done.status == 1
    assert "is a Caffe network instead of a specification" in done.out
    assert "save it as `net.prototxt` and convert it with `cnncalc import net.prototxt -o net.yaml`" in done.out
    path = tmp_path / "deploy.prototxt"
    path.write_text(lenet())
    assert f"\n    convert it with `cnncalc import {path} -o net.yaml`\n" in ended("check", str(path)).out


def test_fields_of_forks() -> None:
    """An unknown field that resembles none is ignored with a warning."""
    net = read_text(
        Source("net.prototxt", HEAD + CONV.replace("kernel_size", "xnor_mode: true kernel_size")), ReaderOptions({}, {})
    )
    assert [str(warning) for warning in net.warnings] == [
        "layer `y` (Convolution): the field `xnor_mode` is ignored, because BVLC's Caffe does not have it [unsupported]"
    ]


def test_a_phase_without_inputs() -> None:
    """The error does not speak of several inputs when a phase leaves out the only data layer."""
    data = 'layer { name: "d" type: "Data" top: "data" include { phase: TRAIN } }\n'
    options = ReaderOptions({"": "28x28x1"}, {}, parameters={"phase": "TEST"})
    with pytest.raises(Refused, match="the network has no input") as raised:
        read_text(Source("net.prototxt", data + CONV), options)
    assert raised.value.problems[0].help == "no layer reads one in this phase"
