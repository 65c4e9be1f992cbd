"""Loading from everything that describes a network, and what a network answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc import CnncalcError
from tests.helpers import Ended

LENET = """\
input: 28x28x1
layers:
  - conv: {filters: 6, kernel: 5, pad: 2}
  - relu
  - maxpool: 2
  - fc: 10
"""
Command = Callable[..., Ended]


# -- sources ---------------------------------------------------------------------------------------------------------


def test_every_way_to_write_a_network_is_the_same_network(tmp_path: Path) -> None:
    """A path, its PathLike, text, a dictionary, and what is parsed give the same layers."""
    file = tmp_path / "net.yaml"
    file.write_text(LENET, encoding="utf-8")
    as_dict = {
        "input": (28, 28, 1),
        "layers": [{"conv": {"filters": 6, "kernel": (5, 5), "pad": 2}}, "relu", {"maxpool": 2}, {"fc": 10}],
    }
    sources: list[Any] = [str(file), file, LENET, as_dict, json.dumps(as_dict | {"input": "28x28x1"}, indent=1)]
    networks = [cnncalc.load(source) for source in sources] + [cnncalc.parse(LENET)]
    for network in networks:
        assert [(layer.name, layer.output, layer.params) for layer in network] == [
            ("conv1", (28, 28, 6), 156), ("relu1", (28, 28, 6), 0), ("maxpool1", (14, 14, 6), 0), ("fc1", (10,), 11_770),
        ]  # fmt: skip


def test_a_line_a_name_and_a_network() -> None:
    """The one-line form, a shipped architecture, and a network that has been loaded."""
    line = cnncalc.load("28x28x1 -> CONV5-6 -> POOL2 -> FC-10")
    assert line.output_shapes == {"fc1": (10,)}
    vgg = cnncalc.load("vgg16")
    assert (len(vgg), vgg.analyze().totals.activations) == (38, 15_237_608)
    assert cnncalc.load(vgg) is vgg
    with pytest.raises(TypeError, match="loaded already"):
        cnncalc.load(vgg, input="32x32x3")


@pytest.mark.parametrize("source", [3, None, [1], b"input: 3"])
def test_other_types_are_refused(source: Any) -> None:
    """The error names what can be given."""
    with pytest.raises(TypeError, match=r"give a path, a name, text, a dictionary, a torch\.nn\.Module"):
        cnncalc.load(source)


def test_options_of_loading() -> None:
    """Parameters, fields, inputs and freezing, as on the command line."""
    assert cnncalc.load("mobilenet_v2", params={"width": 0.5}).analyze().totals.params == 1_968_680
    assert cnncalc.load(LENET, set={"conv1.filters": 12})["conv1"].params == 312
    assert cnncalc.load(LENET, set={"conv1.kernel": (3, 5), "conv1.pad": "same"})["conv1"].params == 96
    assert cnncalc.load("vgg16", input=(384, 384, 3), as_conv=True).output_shapes == {"fc3": (6, 6, 1000)}
    assert cnncalc.load(LENET, freeze="conv1").analyze().totals.trainable == 11_770
    assert cnncalc.load(LENET, freeze=["conv1", "fc1"]).analyze().totals.trainable == 0
    assert cnncalc.parse(LENET, input="32x32x1", freeze="conv1").input_shapes == {"input": (32, 32, 1)}
    with pytest.raises(TypeError, match="parse takes no option 'inputs'"):
        cnncalc.parse(LENET, inputs="3x3x1")


def test_another_input() -> None:
    """`with_input` reads the network again with the same options."""
    network = cnncalc.load(LENET, set={"conv1.filters": 12})
    other = network.with_input((32, 32, 1)).with_input("64x64x1")
    assert other["conv1"].output == (64, 64, 12)
    assert network["conv1"].output == (28, 28, 12)
    with pytest.raises(CnncalcError):
        network.with_input((2, 2, 2, 2, 2, 2))


# -- errors ----------------------------------------------------------------------------------------------------------


def test_errors_have_places_and_the_text_of_the_command_line(tmp_path: Path, ended: Command) -> None:
    """Code, message, help, file, line and column of every mistake; and the text that the command prints."""
    file = tmp_path / "net.yaml"
    file.write_text(
        LENET.replace("kernel: 5, pad: 2", "kernel: 5, padd: 2").replace("- relu", "- rleu"), encoding="utf-8"
    )
    with pytest.raises(CnncalcError) as caught:
        cnncalc.load(file)
    error = caught.value
    assert [(one.code, one.line) for one in error.problems] == [("unknown-field", 3), ("unknown-layer", 4)]
    assert (error.kind, error.problems[0].file, error.problems[0].column) == ("network", str(file), 35)
    assert error.problems[1].help == "did you mean `relu`?"
    _, _, printed = ended("analyze", str(file))
    assert str(error) + "\n" == printed
    assert error.problems[0].to_dict()["where"]["line"] == 3


def test_errors_without_a_place(tmp_path: Path, ended: Command) -> None:
    """A file that is not there, an option that does not apply: one line, as the command prints it."""
    for source, options, kind in (
        (str(tmp_path / "nothing.yaml"), {}, "source"), ("vgg61", {}, "source"),
        ("vgg16", {"freeze": "nothing"}, "source"), ("vgg16", {"params": {"width": 2}}, "network"),
    ):  # fmt: skip
        with pytest.raises(CnncalcError) as caught:
            cnncalc.load(source, **options)
        assert caught.value.kind == kind
    _, _, printed = ended("analyze", "vgg61")
    with pytest.raises(CnncalcError) as caught:
        cnncalc.load("vgg61")
    assert printed == f"{caught.value}\n"


def test_the_valid_part_of_a_network_comes_with_the_error() -> None:
    """What was read before the mistake is an analysis."""
    with pytest.raises(CnncalcError) as caught:
        cnncalc.load(LENET.replace("maxpool: 2", "maxpool: 99"))
    partial = caught.value.partial
    assert partial is not None
    assert [layer.name for layer in partial] == ["conv1", "relu1"]


# -- answers ---------------------------------------------------------------------------------------------------------


def test_layers_by_name() -> None:
    """A full name, the end of a name that is unique, and clear errors for others."""
    vgg = cnncalc.load("vgg16")
    assert vgg["Stage1.conv1"].params == 1792
    assert vgg["fc1"].name == "fc1"
    assert vgg["input"].kind == "input"
    with pytest.raises(KeyError, match="matches 5 layers"):
        vgg["conv1"]
    with pytest.raises(KeyError, match="did you mean `fc1`"):
        vgg["fc11"]
    assert [layer.name for layer in vgg][:2] == ["Stage1.conv1", "Stage1.relu1"]
    assert len(list(vgg)) == len(vgg) == vgg.analyze().totals.layers == len(vgg.layers) - 1


def test_a_layer_is_its_row_of_the_json() -> None:
    """Every property agrees with the data."""
    network = cnncalc.load("resnet18")
    for layer in network.layers:
        data = layer.to_dict()
        for name in (
            "name",
            "kind",
            "activations",
            "weights",
            "biases",
            "params",
            "trainable",
            "buffers",
            "macs",
            "shares",
        ):
            assert getattr(layer, name) == data[name]
        assert list(layer.inputs) == data["inputs"]
        assert list(layer.output) == data["output"]
        assert layer.fields == data["fields"]
        field = layer.receptive_field
        assert (field is None) == (data["receptive_field"] is None)
        assert field is None or list(field.size) == data["receptive_field"]["size"]
        assert layer.memory == 4 * layer.activations


def test_figures_agree_with_the_commands(ended: Command) -> None:
    """memory, compare, explain, export and import print what the methods return."""
    network, other = cnncalc.load("lenet5"), cnncalc.load("vgg11")
    memory = network.memory(4, optimizer="adam", fit="1MB")
    assert ended("memory", "lenet5", "--batch", "4", "--optimizer", "adam", "--fit", "1MB").out == str(memory)
    assert ended("compare", "lenet5", "vgg11").out == str(network.compare(other))
    assert ended("explain", "lenet5", "C1").out == str(network.explain("C1")) == str(network["C1"].explain())
    assert ended("export", "lenet5", "--to", "torch").out == network.export("torch")
    assert ended("import", "lenet5").out == network.to_yaml()
    assert ended("analyze", "lenet5").out == str(network)
    assert ended("explain", "conv").out == str(cnncalc.explain("conv"))
    assert json.loads(ended("list", "--format", "json").out) == [one.to_dict() for one in cnncalc.architectures()]
    assert ended("show", "lenet5").out == next(one.text for one in cnncalc.architectures() if one.name == "lenet5")


def test_tables_in_other_formats(ended: Command) -> None:
    """The same options lead to the same text."""
    analysis = cnncalc.load("vgg16").analyze(batch=2)
    arguments = ("analyze", "vgg16", "--batch", "2", "--columns", "output,rf", "--depth", "1")
    columns = ("output", "rf")
    assert ended(*arguments).out == analysis.to_text(columns, depth=1)
    assert ended(*arguments, "--format", "markdown").out == analysis.to_markdown(columns, depth=1)
    assert ended(*arguments, "--format", "latex").out == analysis.to_latex(columns, depth=1)
    assert ended(*arguments, "--format", "csv").out == analysis.to_csv(columns, depth=1)
    with pytest.raises(ValueError, match="no column named 'parms'"):
        analysis.to_text(["parms"])


def test_memory_settings_are_checked() -> None:
    """Wrong values are ValueErrors, settings that do not go together CnncalcErrors, and both say what to do."""
    network = cnncalc.load("lenet5")
    with pytest.raises(ValueError, match="optimizer must be one of"):
        network.memory(optimizer="adamm")
    with pytest.raises(ValueError, match="dtype must be one of"):
        network.analyze(dtype="float31")
    with pytest.raises(ValueError, match="batch must be at least 1"):
        network.memory(0)
    with pytest.raises(CnncalcError, match="int8 is only for inference"):
        network.memory(dtype="int8")
    with pytest.raises(CnncalcError, match="is not a size"):
        network.fit("much")
    fits = network.memory(fit=100_000_000).fit
    assert fits is not None
    assert fits.training is not None
    assert network.fit("100MB") == fits.training.batch


def test_checks(tmp_path: Path) -> None:
    """Of a network, of files, with limits as numbers and as text; a report is true if everything passed."""
    network = cnncalc.load("lenet5")
    assert network.check(limits={"params": 61_706})
    report = network.check(limits={"params": 61_705, "activation-memory": "1MiB"}, output=(11,))
    assert not report
    assert [finding.code for finding in report.entries[0].findings] == ["wrong-output", "over-budget"]
    assert network.check(limits={"activation-memory": 10**9})
    file = tmp_path / "net.yaml"
    file.write_text(LENET, encoding="utf-8")
    (tmp_path / "other.yaml").write_text("input: 3\nlayers: [conv: 3]", encoding="utf-8")
    seen: list[tuple[int, int]] = []
    both = cnncalc.check(tmp_path, limits={"params": "20k"}, progress=lambda done, total: seen.append((done, total)))
    assert [entry.status for entry in both] == ["passed", "error"]
    assert (bool(both), len(both), seen) == (False, 2, [(1, 2), (2, 2)])
    assert cnncalc.check([file], limits={"params": "20k"}).passed
    with pytest.raises(CnncalcError, match="No such file"):
        cnncalc.check(file, tmp_path / "nothing.yaml")
    with pytest.raises(ValueError, match="no limit named 'parms'"):
        cnncalc.check(file, limits={"parms": 3})


def test_receptive_fields() -> None:
    """Of a layer, and of the network's only output."""
    alexnet = cnncalc.load("alexnet")
    field = alexnet.receptive_field("conv2")
    assert field is not None
    assert (str(field), field.stride) == ("51x51", (8, 8))
    whole = cnncalc.load("vgg16").receptive_field()
    assert whole is not None
    assert whole.size == (224, 224)


def test_data_frames() -> None:
    """One row for each row of the table, with exact integers."""
    pandas = pytest.importorskip("pandas")
    frame = cnncalc.load("vgg16").to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert int(frame["params"].sum()) == 138_357_544
    assert frame.loc["Stage1.conv1", "output"] == "224x224x64"
    assert str(frame["macs"].dtype) == "Int64"


def test_polars_frames() -> None:
    """The same for polars."""
    polars = pytest.importorskip("polars")
    frame = cnncalc.load("vgg16").to_polars()
    assert frame["params"].sum() == 138_357_544
    assert frame["macs"].dtype == polars.Int64


def test_missing_packages_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(CnncalcError) as caught:
        cnncalc.load("lenet5").to_pandas()
    assert str(caught.value) == "error: this needs pandas: pip install 'cnncalc[pandas]'"


def test_summary_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """At once, and returns the analysis; with torchinfo's names of columns."""
    analysis = cnncalc.summary("lenet5", col_names=("output_size", "num_params", "mult_adds"))
    printed = capsys.readouterr().out
    assert printed == analysis.to_text(("output", "params", "macs"))
    cnncalc.summary("lenet5", verbose=0)
    assert capsys.readouterr().out == ""


def test_pages() -> None:
    """About kinds, codes and words; and a suggestion for others."""
    assert (cnncalc.explain("conv").about, cnncalc.explain("rf").topic) == ("kind", "receptive field")
    assert cnncalc.explain("window-does-not-fit").to_dict()["code"] == "window-does-not-fit"
    with pytest.raises(KeyError, match="cnncalc calls it `conv`"):
        cnncalc.explain("Conv2d")


# -- threads ---------------------------------------------------------------------------------------------------------


def test_a_hundred_analyses_in_eight_threads() -> None:
    """The results are those of one thread, whatever is loaded at the same time."""
    names = [one.name for one in cnncalc.architectures()]
    work = [names[number % len(names)] for number in range(100)]
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda name: cnncalc.load(name).to_json(), work))
    alone = {name: cnncalc.load(name).to_json() for name in names}
    assert [alone[name] for name in work] == texts
