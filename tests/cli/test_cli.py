"""The commands: exit status, output streams, and the effect of every option. test_process.py tests the process itself."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cnncalc import __version__, shelf
from cnncalc.analyses.quantities import PRINTED
from cnncalc.analyses.totals import analyze
from cnncalc.cli import COMMANDS
from cnncalc.cli.commands.analyze import COLUMN_NAMES, FORMATS
from cnncalc.cli.commands.new import STARTER
from cnncalc.loading import Spec, load
from cnncalc.readers import SUFFIXES
from cnncalc.render.columns import COLUMNS

GOOD = "name: Good\ninput: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3}}, relu, {fc: 10}]\n"
MISFIT = "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3}}, {conv: {filters: 4, kernel: 7}}, {fc: 10}]\n"
UNREADABLE = "input: 8x8x3\nlayers: [{conv: {filters: 4, kernl: 3}}]\n"
UNEXPECTED = "input: 8x8x3\nlayers: [{fc: 10, expect: {params: 1920}}]\n"
ROUNDED = "input: 9x9x3\nlayers: [{maxpool: 2}]\n"
CLAIMING = "input: 8x8x3\npublished: {source: a blog, params: 2M}\nlayers: [{fc: 10}]\n"
TWO = "input: {left: 8x8x3, right: 10}\nlayers: [{fc: 10, from: left}, {add: [prev, right]}]\n"
SETTABLE = "input: 8\nparams: {units: 4, act: relu, bias: true}\nlayers: [{fc: {units: $units, bias: $bias}}, $act]\n"
FILES = {
    "good": GOOD, "misfit": MISFIT, "unreadable": UNREADABLE, "unexpected": UNEXPECTED, "rounded": ROUNDED,
    "claiming": CLAIMING, "two": TWO, "settable": SETTABLE,
}  # fmt: skip


@pytest.fixture
def cnncalc(ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a command line in this process, in a folder with the files above."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "good.txt").write_text(GOOD, encoding="utf-8")
    (tmp_path / "good.py").write_text("import torch\n", encoding="utf-8")

    return ended


# -- exit status -----------------------------------------------------------------------------------------------------

STATUSES = {
    "good.yaml": 0,
    "lenet5": 0,
    "-e '8x8x3 -> FC-10'": 0,
    "rounded.yaml": 0,
    "claiming.yaml": 0,
    "good.yaml lenet5": 0,
    "misfit.yaml": 1,
    "unreadable.yaml": 1,
    "unexpected.yaml": 1,
    "rounded.yaml --strict": 1,
    "claiming.yaml --strict": 1,
    "-e '8x8x3 -> FC-'": 1,
    "good.yaml --input 2x2x3": 1,
    "good.yaml misfit.yaml": 1,
    "misfit.yaml good.yaml": 1,
    "missing.yaml": 2,
    "folder.yaml": 2,
    "good.txt": 2,
    "nothing_of_the_kind": 2,
    "": 2,
    "good.yaml --no-such-option": 2,
    "good.yaml --columns nothing": 2,
    "good.yaml --columns ,": 2,
    "good.yaml --get everything": 2,
    "good.yaml --depth 0": 2,
    "good.yaml --batch 0": 2,
    "good.yaml --dtype float8": 2,
    "good.yaml -p width": 2,
    "good.yaml -p width=2": 2,
    "settable.yaml -p units=many": 2,
    "good.yaml --input eight": 2,
    "good.yaml --input 3x224x224": 2,
    "good.yaml --input left=8x8x3": 2,
    "two.yaml --input 8x8x3": 2,
    # 2 takes precedence over 1 in any order
    "misfit.yaml missing.yaml": 2,
    "missing.yaml misfit.yaml good.yaml": 2,
    "unexpected.yaml good.txt": 2,
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("line", STATUSES)
def test_exit_status(line: str, form: str, cnncalc: Any) -> None:
    """It is the same for every format. With 0, standard error is empty; with 2 for wrong usage, standard output is."""
    ended = cnncalc("analyze", *shlex.split(line), "--format", form)
    assert ended.status == STATUSES[line]
    shown = line == "unexpected.yaml" and form in ("table", "json", "markdown")  # the output contains the wrong claim
    assert bool(ended.err) == (ended.status != 0 and not shown)
    assert "Traceback" not in ended.err
    assert "internal error" not in ended.err


@pytest.mark.parametrize("command", ["explain", "memory", "compare lenet5"])
def test_other_commands_have_the_same_exit_status(command: str, cnncalc: Any) -> None:
    """The status is 1 for a mistake in the file, and 2 for one on the command line."""
    words = command.split()
    for line, status in (
        ("misfit.yaml", 1),
        ("missing.yaml", 2),
        ("settable.yaml -p units=x", 2),
        ("good.yaml -p n=1", 2),
    ):
        assert cnncalc(*words, *line.split()).status == status, line


def test_no_arguments(cnncalc: Any) -> None:
    """The help is printed on standard error, as for any wrong usage."""
    ended = cnncalc()
    assert (ended.status, ended.out) == (2, "")
    assert "Usage: cnncalc [OPTIONS] COMMAND [ARGS]..." in ended.err
    assert "analyze vgg16" in ended.err


@pytest.mark.parametrize(
    ("word", "help"),
    [
        ("analyse", "did you mean `analyze`?"),
        ("Explain", "did you mean `explain`?"),
        ("frobnicate", "`cnncalc --help` lists the commands"),
        ("net.yaml", "write `cnncalc analyze net.yaml`"),
        ("\x1b[31mred", "`cnncalc --help` lists the commands"),
    ],
)
def test_unknown_commands(word: str, help: str, cnncalc: Any) -> None:
    """The word is escaped, and a suggestion follows."""
    ended = cnncalc(word)
    assert (ended.status, ended.out) == (2, "")
    assert help in ended.err
    assert "\x1b" not in ended.err


@pytest.mark.parametrize(
    ("line", "help"),
    [
        ("verify lenet5 --to keras", "`cnncalc verify` calls it `--framework`"),
        ("export lenet5 --framework keras", "`cnncalc export` calls it `--to`"),
        ("export lenet5 --format keras", "`cnncalc export` calls it `--to`"),
        ("export lenet5 --to svg", "draw a picture with `cnncalc draw SPEC -o net.svg`"),
    ],
)
def test_options_of_other_commands(line: str, help: str, cnncalc: Any) -> None:
    ended = cnncalc(*line.split())
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.endswith(f"\n  = help: {help}\n")
    assert "Did you mean" not in ended.err


def test_what_an_argument_may_be(cnncalc: Any) -> None:
    """click lists the choices on separate lines, indented by tabs."""
    ended = cnncalc("completion")
    assert (ended.status, ended.out) == (2, "")
    assert "\n    bash,\n    zsh,\n    fish\n" in ended.err


# -- help ------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command(cnncalc: Any) -> None:
    """Both spellings of the option work, and the version is that of the package."""
    ended = cnncalc("--help")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == cnncalc("-h").out
    listed = re.findall(r"^  ([a-z]+) {2,}\S", ended.out.split("Commands:")[1], re.MULTILINE)
    assert listed == list(COMMANDS)
    assert cnncalc("--version").out == f"cnncalc {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, cnncalc: Any) -> None:
    """It has its own options, including `-o`, and an example of the command."""
    ended = cnncalc(name, "--help")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == cnncalc(name, "-h").out
    words = " ".join(ended.out.split())
    assert words.startswith(f"Usage: cnncalc {name} ")
    assert re.search(rf"Examples?: .*cnncalc {name}\b", words)  # test_help.py runs them
    assert re.search(r"-o\b", words)
    assert all(len(line) <= 80 for line in ended.out.splitlines())


# -- what SPEC may be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("vgg-16", "no shipped architecture is named `vgg-16`: did you mean `vgg16`?"),
        ("ResNet50", "no shipped architecture is named `ResNet50`: did you mean `resnet50`?"),
        ("good", "no shipped architecture is named `good`: to read the file, write `good.yaml`"),
        ("zzzzzz", "no shipped architecture is named `zzzzzz`: `cnncalc list` shows the names"),
        ("../vgg16", "there is no file ../vgg16: did you mean the shipped architecture `vgg16`?"),
        ("vgg16.yaml", "there is no file vgg16.yaml: did you mean the shipped architecture `vgg16`?"),
        ("missing.yaml", "there is no file missing.yaml"),
        ("folder.yaml", "folder.yaml is a folder [not-regular]\n  = help: name a file"),
        ("good.txt", f"cannot read good.txt: cnncalc reads files that end in {', '.join(SUFFIXES)}"),
        ("good.py", "good.py is Python source: name the class or function that builds the model: `torch:good:Net`"),
        ("a\nb\x1b[2J.yaml", "there is no file a\\x0ab\\x1b[2J.yaml"),
    ],
)
def test_invalid_specifications(word: str, message: str, cnncalc: Any) -> None:
    """One line with a reason and a suggestion."""
    ended = cnncalc("analyze", word)
    assert (ended.status, ended.out, ended.err) == (2, "", f"error: {message}\n")


def test_a_shipped_name_is_not_shadowed_by_a_file(cnncalc: Any, tmp_path: Path) -> None:
    """A file of that name is used only if its suffix is written."""
    (tmp_path / "vgg16.yaml").write_text(GOOD)
    (tmp_path / "vgg16").write_text(GOOD)
    assert cnncalc("analyze", "vgg16", "--get", "params").out == "138357544\n"
    assert cnncalc("analyze", "vgg16.yaml", "--get", "params").out == "1562\n"


def test_the_same_network_in_four_ways(cnncalc: Any, tmp_path: Path) -> None:
    """YAML with either suffix, JSON, and the one-line form."""
    layers = [{"conv": {"filters": 4, "kernel": 3, "pad": "same"}}, "relu", {"fc": 10}]
    (tmp_path / "net.json").write_text(json.dumps({"input": "8x8x3", "layers": layers}))
    text = "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3, pad: same}}, relu, {fc: 10}]\n"
    (tmp_path / "net.yaml").write_text(text)
    (tmp_path / "net.yml").write_text(text)
    tables = [
        cnncalc("analyze", *words, "--format", "csv").out
        for words in (["net.json"], ["net.yaml"], ["net.yml"], ["-e", "8x8x3 -> CONV3-4 -> RELU -> FC-10"])
    ]
    assert tables[0]
    assert len(set(tables)) == 1


def test_several_specifications(cnncalc: Any) -> None:
    """They follow in the order typed, and an invalid one does not prevent the others."""
    ended = cnncalc(
        "analyze", "good.yaml", "missing.yaml", "misfit.yaml", "unreadable.yaml", "lenet5", "-e", "10 -> FC-5"
    )
    assert ended.status == 2
    places = [ended.out.index(text) for text in ("Good", "misfit.yaml", "LeNet-5", "input: a vector of 10")]
    assert places == sorted(places)
    assert "error: there is no file missing.yaml" in ended.err
    assert "[window-does-not-fit]" in ended.err
    assert "[unknown-field]" in ended.err
    got = cnncalc("analyze", "good.yaml", "missing.yaml", "misfit.yaml", "lenet5", "--get", "params")
    assert got.out == "1562\n?\n?\n61706\n"
    assert got.status == 2


# -- options of the network ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "params"),
    [
        ((), 36),
        (("units=10",), 90),
        (("units = 10",), 90),
        (("bias=false",), 32),
        (("act=tanh",), 36),
        (("units=10", "bias=false"), 80),
        (("units=3", "units=10"), 90),
    ],
)
def test_parameters(given: tuple[str, ...], params: int, cnncalc: Any) -> None:
    """`-p name=value` can be repeated, and the last value counts."""
    words = [word for pair in given for word in ("-p", pair)]
    assert cnncalc("analyze", "settable.yaml", *words, "--get", "params").out == f"{params}\n"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("unit=3", "has no parameter `unit` [unknown-parameter]\n  = help: did you mean `units`?"),
        ("units=many", "[bad-argument]"),
        ("units", "`units` is not of the form NAME=VALUE"),
        ("=3", "`=3` is not of the form NAME=VALUE"),
    ],
)
def test_parameters_that_do_not_fit(given: str, words: str, cnncalc: Any) -> None:
    """The mistake is on the command line, not in the file."""
    ended = cnncalc("analyze", "settable.yaml", "-p", given)
    assert (ended.status, ended.out) == (2, "")
    assert words in ended.err


def test_a_parameter_that_makes_a_layer_impossible(cnncalc: Any) -> None:
    """The network does not fit, so the error has a place in the file and status 1."""
    ended = cnncalc("analyze", "settable.yaml", "-p", "units=0")
    assert ended.status == 1
    assert "settable.yaml:3:" in ended.err


def test_another_input(cnncalc: Any) -> None:
    """The input has no name, or the name of the only input."""
    for given in ("10x12x3", "input=10x12x3"):
        ended = cnncalc("analyze", "good.yaml", "--input", given)
        assert ended.status == 0
        assert "input: height 10, width 12, 3 channels" in ended.out
        assert "8x10x4" in ended.out


def test_several_inputs_by_name(cnncalc: Any) -> None:
    """Each is set by its name, and the others stay."""
    data = cnncalc("analyze", "two.yaml", "--input", "left=4x4x1", "--format", "json").data
    assert [layer["output"] for layer in data["layers"]] == [[4, 4, 1], [10], [10], [10]]
    ended = cnncalc("analyze", "two.yaml", "--input", "left=4x4x1", "--input", "right=12")
    assert ended.status == 1
    assert "[shapes-differ]" in ended.err
    assert "total so far" in ended.out
    for given, text in (("4x4x1", "several inputs"), ("middle=5", "no input `middle`")):
        ended = cnncalc("analyze", "two.yaml", "--input", given)
        assert (ended.status, ended.out) == (2, "")
        assert text in ended.err
        assert "`left` and `right`" in ended.err


def test_an_input_that_does_not_fit(cnncalc: Any) -> None:
    """The table up to the layer that fails, then the error on standard error: place, formula, caret, help."""
    ended = cnncalc("analyze", "vgg16", "--input", "10x10x3")
    assert ended.status == 1
    rows = [line.split() for line in ended.out.splitlines()]
    assert ["relu3", "1x1x512", "0", "0"] in rows
    assert ["total", "so", "far", "26,476", "7,635,264"] in rows
    assert "fc1" not in ended.out
    assert "depth" not in ended.out
    assert "published" not in ended.out  # no published figure is about half a network
    head, _, rest = ended.err.partition("\n")
    assert head.endswith(
        "error: maxpool: the 2-wide window does not fit the 1-wide input: "
        "(W - F + 2P)/S + 1 = (1 - 2 + 2*0)/2 + 1 = 0.5 [window-does-not-fit]"
    )
    assert "- maxpool: 2" in rest
    assert "= help: " in rest
    assert "in Stage, called at " in rest


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_documents_of_a_partial_network(form: str, cnncalc: Any) -> None:
    """The sums are not called totals."""
    out = cnncalc("analyze", "vgg16", "--input", "10x10x3", "--format", form).out
    assert "total so far" in out
    assert "CS231n" not in out


def test_fully_connected_layers_as_convolutions(cnncalc: Any) -> None:
    """`--as-conv` makes a larger input fit."""
    ended = cnncalc("analyze", "vgg16", "--as-conv", "--input", "384x384x3", "--get", "output")
    assert ended.out == "6x6x1000\n"
    ended = cnncalc("analyze", "vgg16", "--as-conv", "--input", "100x100x3")
    assert ended.status == 1
    assert "the 7-wide window does not fit the 3-wide input" in ended.err


# -- options of the output -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", PRINTED)
def test_one_number(quantity: str, cnncalc: Any) -> None:
    """The exact number on a line by itself, the same as in JSON."""
    totals = cnncalc("analyze", "resnet18", "--batch", "4", "--format", "json").data["totals"]
    ended = cnncalc("analyze", "resnet18", "--batch", "4", "--get", quantity)
    assert (ended.status, ended.err) == (0, "")
    others = {"output": "1000", "rf": "224"}
    assert ended.out == (others.get(quantity) or str(totals[quantity])) + "\n"


def test_one_number_of_an_invalid_file(cnncalc: Any) -> None:
    """Standard output is empty, so that `$(...)` is empty."""
    for name in ("misfit.yaml", "unreadable.yaml", "missing.yaml"):
        assert cnncalc("analyze", name, "--get", "params").out == ""


def test_several_outputs(cnncalc: Any) -> None:
    """All outputs are printed."""
    assert cnncalc("analyze", "yolov3_tiny", "--get", "output").out == "13x13x255 26x26x255\n"


def titles(out: str) -> list[str]:
    """Return the column titles of a table."""
    lines = out.splitlines()
    (number,) = [number for number, line in enumerate(lines) if line.startswith(" layer ")]
    return re.split(r"\s{2,}", lines[number].strip())


@pytest.mark.parametrize("column", COLUMN_NAMES)
def test_every_column(column: str, cnncalc: Any) -> None:
    """Each column by itself, in the table and in CSV."""
    ended = cnncalc("analyze", "lenet5", "--columns", column)
    assert (ended.status, ended.err) == (0, "")
    assert titles(ended.out) == ["layer", COLUMNS[column].title]
    csv = cnncalc("analyze", "lenet5", "--columns", column, "--format", "csv")
    assert csv.out.splitlines()[0] == f"layer,{column}"
    assert len(csv.out.splitlines()) == 13


def test_columns_in_the_order_asked_for(cnncalc: Any) -> None:
    """Each column appears once, even if it is typed twice."""
    ended = cnncalc("analyze", "lenet5", "--columns", " Params, output,,PARAMS ")
    assert titles(ended.out) == ["layer", "params", "output"]
    ended = cnncalc("analyze", "lenet5", "--columns", "parms")
    assert ended.status == 2
    assert "no column named `parms`: did you mean `params`?" in ended.err


def test_depth_folds_blocks(cnncalc: Any) -> None:
    """Each block becomes one line. A depth beyond that of the network changes nothing."""
    folded = cnncalc("analyze", "vgg16", "--depth", "1").out
    assert re.search(r"^ Stage3 +28x28x256 +2,609,152 +1,475,328$", folded, re.MULTILINE)
    assert "conv1" not in folded
    assert cnncalc("analyze", "vgg16", "--depth", "2").out == cnncalc("analyze", "vgg16").out


def test_exact(cnncalc: Any) -> None:
    """The table and the totals have no rounded figure."""
    out = cnncalc("analyze", "lenet5", "--exact", "--columns", "memory,macs").out
    assert "416,520" in out
    assert not re.search(r"\d[KMGT]\b|\d [kMG]B\b", out)
    assert re.search(r"\d[KMGT]\b", cnncalc("analyze", "lenet5", "--columns", "memory,macs").out)


def test_batch_and_dtype(cnncalc: Any) -> None:
    """The memory of feature maps is that of the batch. Parameters are counted once."""
    totals = cnncalc("analyze", "lenet5", "--batch", "8", "--dtype", "float16", "--format", "json").data["totals"]
    assert totals["activation_bytes"] == 8 * 2 * totals["activations"]
    assert totals["param_bytes"] == 2 * totals["params"]
    assert (
        "of feature maps in float16 for a batch of 8"
        in cnncalc("analyze", "lenet5", "--batch", "8", "--dtype", "float16").out
    )


def test_strict(cnncalc: Any) -> None:
    """It names the size or figure that fails."""
    assert "strict: 1 size is rounded; the first is at maxpool1" in cnncalc("analyze", "rounded.yaml", "--strict").err
    ended = cnncalc("analyze", "claiming.yaml", "--strict")
    assert "strict: published params 2M, computed 1,930" in ended.err
    assert cnncalc("analyze", "good.yaml", "--strict").status == 0


def test_an_expectation_that_does_not_hold(cnncalc: Any) -> None:
    """The table shows the right result with its formula."""
    ended = cnncalc("analyze", "unexpected.yaml")
    assert ended.status == 1
    assert re.search(r"params +1920 +computed 1,930 \(1.93K\) +✗ is wrong", ended.out)
    assert "192" in ended.out


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_output_to_a_file(form: str, cnncalc: Any, tmp_path: Path) -> None:
    """The file has the same bytes as standard output would. Nothing is printed and no other file is left."""
    before = set(tmp_path.iterdir())
    ended = cnncalc("analyze", "lenet5", "--format", form, "-o", "out")
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    file = tmp_path / "out"
    assert file.read_text(encoding="utf-8") == cnncalc("analyze", "lenet5", "--format", form).out
    assert set(tmp_path.iterdir()) - before == {file}


@pytest.mark.parametrize(
    "line",
    [
        "misfit.yaml",
        "unreadable.yaml",
        "missing.yaml",
        "lenet5 missing.yaml",
        "lenet5 misfit.yaml",
        "lenet5 --columns x",
        "misfit.yaml --get params",
        "lenet5 misfit.yaml --format csv",
    ],
)
def test_a_file_is_kept_if_the_command_fails(line: str, cnncalc: Any, tmp_path: Path) -> None:
    """A partial table never replaces a complete file."""
    file = tmp_path / "out"
    file.write_text("precious")
    ended = cnncalc("analyze", *line.split(), "-o", "out")
    assert ended.status in (1, 2)
    assert file.read_text() == "precious"
    if "columns" not in line and line != "missing.yaml":
        assert "nothing was written to out" in ended.err


def test_json_of_an_invalid_file_is_written(cnncalc: Any, tmp_path: Path) -> None:
    """The JSON states that the file is invalid, and why."""
    assert cnncalc("analyze", "misfit.yaml", "--format", "json", "-o", "out").status == 1
    assert json.loads((tmp_path / "out").read_text())["problems"][0]["code"] == "window-does-not-fit"


def test_a_wrong_claim_does_not_prevent_the_file(cnncalc: Any, tmp_path: Path) -> None:
    """The table is complete and only a claim is wrong, so the file is written."""
    assert cnncalc("analyze", "unexpected.yaml", "-o", "out").status == 1
    assert "is wrong" in (tmp_path / "out").read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written(cnncalc: Any, tmp_path: Path) -> None:
    """The error has the name that was typed, not that of a temporary file."""
    ended = cnncalc("analyze", "lenet5", "-o", "no/such/folder/out")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == "error: cannot write no/such/folder/out: No such file or directory\n"
    assert cnncalc("analyze", "lenet5", "-o", "folder.yaml").status == 2


def test_a_file_that_cannot_be_written_is_refused_first(cnncalc: Any, tmp_path: Path) -> None:
    """Nothing is calculated, and no question asked, for a file in a folder that does not exist."""
    (tmp_path / "plain").write_text("")
    for command in (
        ("fit", "vgg16", "--vary", "fc1.units=1..4096", "--max-params", "100M", "--plot"),
        ("memory", "vgg16", "--plot"),
        ("check", "unexpected.yaml", "-o"),
        ("quiz", "vgg16", "-o"),
        ("worksheet", "vgg16", "--key"),
    ):
        ended = cnncalc(*command, "no/such/folder/out")
        assert (ended.status, ended.out) == (2, ""), command
        assert ended.err == "error: cannot write no/such/folder/out: No such file or directory\n", command
        ended = cnncalc(*command, "plain/out")
        assert ended.err == "error: cannot write plain/out: Not a directory\n", command


def test_a_file_keeps_its_permissions_and_its_link(cnncalc: Any, tmp_path: Path) -> None:
    """Only the content is replaced."""
    file = tmp_path / "out"
    file.write_text("old")
    file.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(file)
    assert cnncalc("analyze", "lenet5", "--get", "params", "-o", "link").status == 0
    assert link.is_symlink()
    assert file.read_text() == "61706\n"
    assert file.stat().st_mode & 0o777 == 0o600


# -- the other commands ----------------------------------------------------------------------------------------------


def test_list(cnncalc: Any) -> None:
    """Every shipped architecture with its figures."""
    ended = cnncalc("list")
    assert (ended.status, ended.err) == (0, "")
    assert [line.split()[0] for line in ended.out.splitlines()[2:] if line[:2] != "  "] == shelf.every_name()
    data = {row["name"]: row for row in cnncalc("list", "--format", "json").data}
    assert list(data) == shelf.every_name()
    assert data["vgg16"] == {
        "name": "vgg16", "title": "VGG-16", "source": "Simonyan & Zisserman 2014, table 1, configuration D",
        "inputs": {"input": [224, 224, 3]}, "params": 138_357_544, "activations": 15_237_608, "macs": 15_470_264_320,
        "depth": 16,
    }  # fmt: skip


def test_show(cnncalc: Any) -> None:
    """The file, byte for byte."""
    path = shelf.path("lenet5")
    assert path is not None
    assert cnncalc("show", "lenet5").out == Path(path).read_text(encoding="utf-8")
    ended = cnncalc("show", "lenet")
    assert (ended.status, ended.out) == (2, "")
    assert "did you mean `lenet5`?" in ended.err
    assert cnncalc("show", "../vgg16").status == 2


def test_new(cnncalc: Any, tmp_path: Path) -> None:
    """The file works unchanged, and its `expect` holds."""
    assert cnncalc("new").out == STARTER
    assert cnncalc("new", "-o", "mine.yaml").status == 0
    ended = cnncalc("analyze", "mine.yaml")
    assert (ended.status, ended.err) == (0, "")
    assert "agrees" in ended.out
    assert max(len(line) for line in STARTER.splitlines()) <= 80


def test_what_is_analysed_is_what_the_command_prints(cnncalc: Any) -> None:
    """The command prints exactly the result of the analysis."""
    totals = analyze(load(Spec("resnet50"))).totals
    for quantity in ("params", "macs", "activations", "depth", "buffers"):
        assert cnncalc("analyze", "resnet50", "--get", quantity).out == f"{getattr(totals, quantity)}\n"


def test_a_submission_that_is_a_network_of_caffe(cnncalc: Any) -> None:
    """One message identifies the file and says what to do."""
    layer = 'layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" }'
    for text in (f'name: "mini"\n{layer}\n', "name: 'x'\nlayers {\n  bottom: 'data'\n}\n"):
        Path("mini.prototxt").write_text(text)
        for name in ("mini.prototxt", "./mini.prototxt"):
            done = cnncalc("check", name)
            assert done.status == 1
            assert (done.out + done.err).count("[bad-file]") == 1
            assert "is a Caffe network instead of a specification" in done.out
            assert "convert it with `cnncalc import mini.prototxt -o net.yaml`" in done.out.replace("./", "")
