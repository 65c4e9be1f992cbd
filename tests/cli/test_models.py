"""Models of other tools on the command line: every command and format, from another folder, and the errors.

The same network is in four files: a convolution of 108 weights and 4 biases on 8x8x3, followed by 1,450 parameters.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.readers.onnx.encoder import model, node, tensor

CFG = """[net]
height=8
width=8
channels=3
[convolutional]
filters=4
size=3
stride=1
pad=0
activation=relu
[connected]
output=10
activation=linear
"""
LAYERS: list[dict[str, Any]] = [
    {"class_name": "InputLayer", "config": {"batch_shape": [None, 8, 8, 3], "name": "image"}},
    {"class_name": "Conv2D", "config": {"name": "conv", "filters": 4, "kernel_size": [3, 3], "activation": "relu"}},
    {"class_name": "Flatten", "config": {"name": "flat"}},
    {"class_name": "Dense", "config": {"name": "dense", "units": 10}},
]
KERAS = json.dumps({"class_name": "Sequential", "config": {"name": "net", "layers": LAYERS}})
SPEC = "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3}}, relu, {fc: 10}]\n"
FIGURES = {"params": 1562, "weights": 1548, "biases": 14, "macs": 36 * 108 + 1440, "activations": 192 + 144 + 10}
ONNX = model(
    [
        node("Conv", "x conv.weight conv.bias", "c"), node("Relu", "c", "r"), node("Flatten", "r", "f"),
        node("Gemm", "f fc.weight fc.bias", "y", transB=1),
    ],
    [
        tensor("conv.weight", (4, 3, 3, 3)), tensor("conv.bias", (4,)), tensor("fc.weight", (10, 144)), tensor("fc.bias", (10,)),
    ],
)  # fmt: skip
NAMES = ["net.cfg", "net.json", "net.keras", "net.onnx"]


@pytest.fixture(name="models")
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the four files into one folder and make another one the current folder."""
    folder, elsewhere = tmp_path / "models", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "net.cfg").write_text(CFG, encoding="utf-8")
    (folder / "net.json").write_text(KERAS, encoding="utf-8")
    (folder / "net.yaml").write_text(SPEC, encoding="utf-8")
    with zipfile.ZipFile(folder / "net.keras", "w") as archive:
        archive.writestr("config.json", KERAS)
        archive.writestr("metadata.json", "{}")
    (folder / "net.onnx").write_bytes(ONNX)
    monkeypatch.chdir(elsewhere)
    return folder


def path_of(name: str) -> str:
    """Return the path of a model from the current folder."""
    return f"../models/{name}"


@pytest.mark.parametrize("name", NAMES)
def test_analyze(name: str, models: Path, ended: Any) -> None:
    """The totals are the same as a table, as JSON, as Markdown and one by one."""
    path = path_of(name)
    for quantity, figure in FIGURES.items():
        assert ended("analyze", path, "--get", quantity) == (0, f"{figure}\n", "")
    status, out, err = ended("analyze", path, "--format", "json")
    assert (status, err) == (0, "")
    data = json.loads(out)
    assert {quantity: data["totals"][quantity] for quantity in FIGURES} == FIGURES
    assert data["notes"] == []
    assert data["spec"] == path
    assert data["layers"][0]["output"] == [8, 8, 3]
    for form in ("table", "markdown"):
        status, out, err = ended("analyze", path, "--format", form)
        assert (status, err) == (0, "")
        assert "1,562" in out
    status, out, err = ended("analyze", path, "--format", "csv")
    assert (status, err) == (0, "")
    assert sum(int(line.split(",")[-1]) for line in out.split()[1:]) == FIGURES["params"]


@pytest.mark.parametrize("name", NAMES)
def test_compare(name: str, models: Path, ended: Any) -> None:
    """No counted figure differs from the specification, in each of the three formats."""
    spec = path_of("net.yaml")
    words = ("compare", path_of(name), spec, "--only", "params,macs,activations")
    status, out, err = ended(*words, "--format", "json")
    assert (status, err) == (0, "")
    totals = {one["quantity"]: one for one in json.loads(out)["totals"]}
    assert {name: (one["a"], one["b"]) for name, one in totals.items()} == {
        name: (FIGURES[name], FIGURES[name]) for name in ("params", "macs", "activations")
    }
    for form in ("table", "markdown"):
        status, out, err = ended(*words, "--format", form)
        assert (status, err) == (0, "")
        assert "1,562" in out


@pytest.mark.parametrize("name", NAMES)
def test_memory(name: str, models: Path, ended: Any) -> None:
    """Each of these layers has a rule. Parameters are in bytes."""
    status, out, err = ended("memory", path_of(name), "--format", "json")
    assert (status, err) == (0, "")
    data = json.loads(out)
    assert data["inference"]["params_bytes"] == data["training"]["params_bytes"] == 4 * 1562
    assert data["inference"]["minimum_exact"]
    assert not data["inference"]["exact"]  # these files do not say how long a program holds its values
    status, out, err = ended("memory", path_of(name))
    assert (status, err) == (0, "")
    assert "6,248" in out


@pytest.mark.parametrize("name", NAMES)
def test_explain(name: str, models: Path, ended: Any) -> None:
    """The calculation of the convolution, and the error for an unknown name."""
    status, out, _ = ended("analyze", path_of(name), "--format", "json")
    conv = next(layer["name"] for layer in json.loads(out)["layers"] if layer["kind"] == "conv")
    status, out, err = ended("explain", path_of(name), conv)
    assert (status, err) == (0, "")
    assert "(W - F + 2P)/S + 1 = (8 - 3 + 2*0)/1 + 1 = 6" in out
    status, out, err = ended("explain", path_of(name), "nowhere")
    assert (status, out) == (2, "")
    assert "no layer named `nowhere`" in err


@pytest.mark.parametrize("name", NAMES)
def test_export_and_drawings(name: str, models: Path, ended: Any) -> None:
    """A model can be written as the source of another framework."""
    for target in ("torch", "keras", "mermaid", "dot"):
        status, out, err = ended("export", path_of(name), "--to", target)
        assert (status, err) == (0, ""), target
        assert out


BROKEN = {
    "net.cfg": ("[net\n", 1, "is not a section"),
    "net.json": (KERAS.replace("Conv2D", "Conv9D"), 1, "Conv9D"),
    "net.keras": ("PK\x03\x04", 1, "is a damaged zip archive"),
    "net.onnx": ("input: 3\n", 1, "this is not an ONNX model"),
}


@pytest.mark.parametrize("command", ["analyze", "memory", "explain", "compare", "check"])
@pytest.mark.parametrize("name", NAMES)
def test_a_broken_file(name: str, command: str, models: Path, ended: Any) -> None:
    """Exit status 1, and one error that names the file, after at most the layers that could be read."""
    text, status, said = BROKEN[name]
    path = path_of(name)
    (models / name).write_text(text, encoding="latin-1")
    words = [command, path] + ([path_of("net.yaml")] if command == "compare" else [])
    if command == "check":
        if name != "net.onnx":
            return
        ending = ended(*words, "--max-params", "1M")
        assert ending[0] == 1
        assert ending[1].count(said) == 1
        assert ending[2] == ""
        return
    got, out, err = ended(*words)
    assert got == status
    assert not out or "\n total so far" in out or command == "explain"
    assert err.count("error:") == 1
    assert said in err
    assert path in err


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_not_there(name: str, models: Path, ended: Any) -> None:
    """Exit status 2 and the name. The same for a folder of that name."""
    (models / name).unlink()
    for command in ("analyze", "memory", "explain"):
        status, out, err = ended(command, path_of(name))
        assert (status, out) == (2, "")
        assert name in err
    (models / name).mkdir()
    status, out, err = ended("analyze", path_of(name))
    assert (status, out) == (2, "")
    assert err.count("error:") == 1


@pytest.mark.parametrize("name", NAMES)
def test_options_that_do_not_suit(name: str, models: Path, ended: Any) -> None:
    """An input with other axes, or with an unknown name, gives one clear error."""
    status, _, err = ended("analyze", path_of(name), "--input", "nobody=8x8x3")
    assert status == 2
    assert err.count("error:") == 1
    assert "nobody" in err
    status, _, err = ended("analyze", path_of(name), "--input", "8x8x3x9")
    assert status in (1, 2)
    assert err.count("error:") == 1


def test_list_and_show_accept_only_shipped_architectures(models: Path, ended: Any) -> None:
    """The error says so."""
    status, out, err = ended("show", path_of("net.cfg"))
    assert (status, out) == (2, "")
    assert "`cnncalc list` shows the names" in err
    assert ended("list", "net.cfg")[0] == 2


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("batch", [1, 8])
def test_a_fixed_batch(form: str, batch: int, models: Path, ended: Any) -> None:
    """The table and the data mention it."""
    pytest.importorskip("onnx", reason="onnx is not installed")
    path = path_of("fixed.onnx")
    assert ended("export", path_of("net.yaml"), "--to", "onnx", "--batch", str(batch), "-o", path) == (0, "", "")
    status, out, err = ended("analyze", path, "--format", form)
    said = "input `input` has a fixed batch of 8; the figures are for one example"
    assert status == 0
    assert (said in err) is (batch == 8)
    if form == "json":
        notes = [said] if batch == 8 else []
        assert json.loads(out)["notes"] == notes
        assert json.loads(out)["totals"]["macs"] == FIGURES["macs"]
        assert json.loads(ended("memory", path, "--format", "json")[1])["notes"] == notes
        assert json.loads(ended("compare", path, path, "--format", "json")[1])["notes"] == [notes, notes]


def test_options_of_onnx_models(models: Path, ended: Any) -> None:
    """`--batch-axis` and `--branch` apply only to ONNX models, and errors list their values."""
    for option, value in (("--batch-axis", "1"), ("--branch", "then")):
        status, _, err = ended("analyze", path_of("net.cfg"), option, value)
        assert status == 2
        assert f"{option} is only for ONNX models" in err
        assert ended("analyze", path_of("net.onnx"), option, "first")[0] == 2
    assert "--compare-shapes is only for ONNX models" in ended("analyze", path_of("net.cfg"), "--compare-shapes")[2]
    path = path_of("fixed.onnx")
    Path(path).write_bytes(model([node("Conv", "x w", "y")], [tensor("w", (4, 3, 3, 3))], (8, 3, 8, 8)))
    for word, times in (("0", 1), ("none", 8)):
        status, out, _ = ended("analyze", path, "--batch-axis", word, "--format", "json")
        assert (status, json.loads(out)["totals"]["macs"]) == (0, 36 * 108 * times)
        axis = None if word == "none" else 0
        assert json.loads(out)["batch_axes"] == [{"input": None, "axis": axis}]
    assert "has 4 axes" in ended("analyze", path, "--batch-axis", "4")[2]
    assert "no branch" in ended("analyze", path, "--branch", "then")[2]
