"""Output for other programs: the JSON contract key by key, CSV, Markdown, LaTeX, and hostile text in all of them."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cnncalc import __version__, shelf
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.cli import cli
from cnncalc.cli.commands.analyze import COLUMN_NAMES, FORMATS
from cnncalc.cli.run import run
from cnncalc.layers.activation import ReLU
from cnncalc.layers.conv import Conv
from cnncalc.network import Builder, Published
from cnncalc.render import data, markup
from cnncalc.render.explain import layer_lines
from cnncalc.render.lines import ASCII, plain
from cnncalc.render.report import Options, report
from cnncalc.shape import Shape
from cnncalc.units import parse_count


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command in this process and returns its standard output."""

    def printed(*args: str) -> str:
        assert run(cli, args) in (0, 1)
        return capsys.readouterr().out

    return printed


# -- JSON: a contract ------------------------------------------------------------------------------------------------

TOP = {
    "format": str, "cnncalc": str, "name": str, "description": str, "source": str, "spec": str, "set": list,
    "frozen": list, "batch_axes": list, "batch": int,
    "dtype": str, "layers": list, "outputs": list, "totals": dict, "published": list, "expected": list, "notes": list,
    "one_run": type(None), "pattern": str, "receptive_field": dict,
}  # fmt: skip
LAYER = {
    "index": int, "name": str, "kind": str, "fields": dict, "inputs": list, "output": list, "in_place": bool,
    "activations": int, "weights": int, "biases": int, "params": int, "trainable": int, "buffers": int, "macs": int,
    "receptive_field": dict, "shares": type(None), "where": dict, "notes": list,
}  # fmt: skip


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the parsed output of `cnncalc analyze vgg16 --format json --batch 2`."""
    file = tmp_path_factory.mktemp("json") / "vgg16.json"
    assert run(cli, ["analyze", "vgg16", "--format", "json", "--batch", "2", "-o", str(file)]) == 0
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_document(vgg16: Any) -> None:
    """It has every key with its type, and no other key."""
    assert {key: type(value) for key, value in vgg16.items()} == TOP
    assert vgg16["format"] == "cnncalc.analysis/1"
    assert vgg16["cnncalc"] == __version__
    assert (vgg16["name"], vgg16["spec"]) == ("VGG-16", shelf.path("vgg16"))
    assert vgg16["source"] == "Simonyan & Zisserman 2014, table 1, configuration D"
    assert (vgg16["batch"], vgg16["dtype"]) == (2, "float32")
    assert vgg16["outputs"] == ["fc3"]
    assert vgg16["notes"] == vgg16["expected"] == []
    assert vgg16["receptive_field"] == {"size": [224, 224], "stride": None}


def test_the_totals(vgg16: Any) -> None:
    """Integers are exact, and bytes of activations are for the whole batch."""
    assert vgg16["totals"] == {
        "layers": 38, "depth": 16, "activations": 15_237_608, "activation_bytes": 2 * 4 * 15_237_608,
        "conv_activations": 13_547_520, "weights": 138_344_128, "biases": 13_416, "params": 138_357_544,
        "trainable": 138_357_544,
        "param_bytes": 4 * 138_357_544, "buffers": 0, "macs": 15_470_264_320,
        "macs_at_least": 15_470_264_320,
    }  # fmt: skip
    assert all(type(value) is int for value in vgg16["totals"].values())


def test_the_layers(vgg16: Any) -> None:
    """layers[0] is the input, and every layer has every key with its type."""
    layers = vgg16["layers"]
    assert layers[0] == {
        "index": 0, "name": "input", "kind": "input", "fields": {}, "inputs": [], "output": [224, 224, 3],
        "in_place": False, "activations": 150_528, "weights": 0, "biases": 0, "params": 0, "trainable": 0, "buffers": 0,
        "macs": 0,
        "receptive_field": {"size": [1, 1], "stride": [1, 1]}, "shares": None, "where": None, "notes": [],
    }  # fmt: skip
    where = layers[3].pop("where")
    assert layers[3] == {
        "index": 3, "name": "Stage1.conv2", "kind": "conv", "fields": {"filters": 64, "kernel": 3, "pad": 1},
        "inputs": ["Stage1.relu1"], "output": [224, 224, 64], "in_place": False, "activations": 3_211_264,
        "weights": 36_864, "biases": 64, "params": 36_928, "trainable": 36_928, "buffers": 0, "macs": 1_849_688_064,
        "receptive_field": {"size": [5, 5], "stride": [1, 1]}, "shares": None, "notes": [],
    }  # fmt: skip
    assert where["file"] == shelf.path("vgg16")
    line = Path(where["file"]).read_text(encoding="utf-8").splitlines()[where["line"] - 1]
    assert line[where["column"] - 1 :].startswith("conv: $filters")
    assert [layer["index"] for layer in layers] == list(range(39))
    names = [layer["name"] for layer in layers]
    assert len(set(names)) == len(names)
    for layer in (*layers[1:3], *layers[4:]):
        assert {key: type(value) for key, value in layer.items()} == LAYER
        assert layer["params"] == layer["weights"] + layer["biases"]
        assert all(name in names for name in layer["inputs"])
        assert all(type(length) is int for length in layer["output"])
    assert layers[-1]["receptive_field"] == {"size": [224, 224], "stride": None}
    assert layers[2]["in_place"] is True


def test_published_figures(vgg16: Any) -> None:
    """Figures as they were published, next to the exact ones. Memory is in bytes for one example."""
    notes = {"source": "CS231n notes", "reason": None, "mistakes": []}
    assert vgg16["published"][:3] == [
        {**notes, "quantity": "activations", "published": "24M", "computed": 15_237_608, "agrees": False},
        {**notes, "quantity": "memory", "published": "93MB", "computed": 60_950_432, "agrees": False},
        {**notes, "quantity": "weights", "published": "138M", "computed": 138_344_128, "agrees": True},
    ]


def test_expectations_and_warnings(tmp_path: Path, out: Any) -> None:
    """Shapes and receptive fields are lists, counts are numbers, and unknown figures are null."""
    file = tmp_path / "net.yaml"
    file.write_text(
        "input: 8x8x3\nblocks: {Unused: [relu]}\nlayers:\n"
        "  - {conv: {filters: 4, kernel: 3}, expect: {output: 6x6x4, params: 1k, receptive_field: 5}}\n"
        "  - {flatten: {}, expect: {receptive_field: 3}}\n"
    )
    document = json.loads(out("analyze", str(file), "--format", "json"))
    conv, flatten = ({"layer": name, "reason": None, "mistakes": []} for name in ("conv1", "flatten1"))
    assert document["expected"] == [
        {**conv, "quantity": "output", "expected": "6x6x4", "computed": [6, 6, 4], "agrees": True},
        {**conv, "quantity": "params", "expected": "1k", "computed": 112, "agrees": False},
        {**conv, "quantity": "receptive_field", "expected": "5", "computed": [3, 3], "agrees": False},
        {**flatten, "quantity": "receptive_field", "expected": "3", "computed": None, "agrees": False},
    ]
    assert document["notes"] == ["block `Unused` is never called"]
    assert document["layers"][-1]["receptive_field"] is None
    assert document["receptive_field"] is None


def test_shared_weights_and_uneven_sizes(tmp_path: Path, out: Any) -> None:
    """The owner of the weights; sizes of several axes as in a specification; notes as sentences."""
    file = tmp_path / "net.yaml"
    file.write_text(
        "input: 8x9x3\nlayers:\n  - {conv: {filters: 3, kernel: 1x3, pad: {left: 1, right: 1}}, as: one}\n"
        "  - {conv: {filters: 3, kernel: 1x3, pad: {left: 1, right: 1}}, share: one}\n  - maxpool: 2\n"
    )
    one, two, pool = json.loads(out("analyze", str(file), "--format", "json"))["layers"][1:]
    assert one["fields"] == two["fields"] == {"filters": 3, "kernel": "1x3", "pad": {"left": 1, "right": 1}}
    assert (one["shares"], two["shares"], two["params"]) == (None, "one", 0)
    assert one["receptive_field"] == {"size": [1, 3], "stride": [1, 1]}
    assert pool["notes"] == [
        "width: (9 - 2 + 2*0)/2 + 1 = 4.5, rounded down to 4; the last cell of the input is not read"
    ]


def test_a_network_that_ends_early(out: Any) -> None:
    """The layers that fit, no totals, no comparison with published figures, and the problem with its place and trail."""
    document = json.loads(out("analyze", "vgg16", "--input", "10x10x3", "--format", "json"))
    assert set(document) == {*TOP, "problems"}
    assert document["totals"] is None
    assert document["receptive_field"] is None
    assert document["published"] == []
    assert document["layers"][-1]["output"] == [1, 1, 512]
    (problem,) = document["problems"]
    assert set(problem) == {"code", "level", "message", "help", "where", "trail"}
    assert (problem["code"], problem["level"]) == ("window-does-not-fit", "error")
    assert problem["message"].startswith("maxpool: the 2-wide window does not fit the 1-wide input")
    assert problem["where"]["file"] == shelf.path("vgg16")
    assert [call["block"] for call in problem["trail"]] == ["Stage"]
    assert set(problem["trail"][0]["where"]) == {"file", "line", "column"}


def test_a_file_that_cannot_be_read_at_all(tmp_path: Path, out: Any) -> None:
    """The same keys, and all problems."""
    file = tmp_path / "net.yaml"
    file.write_text("input: 8x8x3\nlayers: [rlu, {conv: {filters: 4, kernl: 3}}]\n")
    document = json.loads(out("analyze", str(file), "--format", "json"))
    assert set(document) == {*TOP, "problems"}
    assert (document["layers"], document["totals"], document["spec"]) == ([], None, str(file))
    assert [problem["code"] for problem in document["problems"]] == ["unknown-layer", "unknown-field"]


def test_several_specifications_are_an_array(tmp_path: Path, out: Any) -> None:
    """In the order typed, including invalid ones. A single one is not an array."""
    file = tmp_path / "bad.yaml"
    file.write_text("input: 8x8x3\nlayers: [rlu]\n")
    documents = json.loads(out("analyze", "lenet5", str(file), "alexnet", "--format", "json"))
    assert [document["name"] for document in documents] == ["LeNet-5", "", "AlexNet"]
    assert ["problems" in document for document in documents] == [False, True, False]


@pytest.mark.parametrize("name", ["vgg16", "resnet50", "unet", "yolov3_tiny", "vit_b_16", "stacked_lstm"])
def test_json_is_ascii_with_one_layer_per_line(name: str, out: Any) -> None:
    """Every stream can represent it, a diff shows layers, and no character is lost."""
    text = out("analyze", name, "--format", "json")
    assert text.isascii()
    document = json.loads(text)
    lines = [line.strip().rstrip(",") for line in text.splitlines()]
    for layer in document["layers"]:
        assert json.dumps(layer) in lines
    assert json.loads(data.to_json(document)) == document
    assert json.loads(text, parse_float=lambda _: pytest.fail("not exact")) if name not in ("unet",) else True


def test_numbers_beyond_those_of_other_languages_stay_exact(out: Any) -> None:
    """From 2^53 on, they are still exact integers."""
    text = out("analyze", "-e", "1000000x1000000x3 -> CONV3-4", "--format", "json")
    assert json.loads(text)["totals"]["macs"] == 10**12 * 4 * 27
    assert f'"macs": {10**12 * 4 * 27}' in text


# -- CSV -------------------------------------------------------------------------------------------------------------


def test_csv(out: Any) -> None:
    """A header, full names, plain numbers, and no totals."""
    text = out("analyze", "vgg16", "--format", "csv", "--columns", ",".join(name for name in COLUMN_NAMES))
    rows = list(csv.DictReader(StringIO(text)))
    assert list(rows[0]) == ["layer", *COLUMN_NAMES]
    assert [row["layer"] for row in rows][:3] == ["input", "Stage1.conv1", "Stage1.relu1"]
    for row in rows:
        for name in ("activations", "memory", "params", "weights", "biases", "buffers", "macs"):
            assert re.fullmatch(r"[0-9]+", row[name]), name
    assert rows[1]["formula"] == "(224 - 3 + 2*1)/1 + 1 = 224"
    assert rows[-1]["rf"] == "all"


def test_csv_of_several(out: Any) -> None:
    """One table with a column for the networks as they were typed, which a single network does not have."""
    text = out("analyze", "lenet5", "-e", "8x8x3 -> FC-10", "vgg16", "--format", "csv", "--columns", "params")
    lines = text.splitlines()
    assert lines[0] == "network,layer,params"
    assert lines.count(lines[0]) == 1
    assert "" not in lines
    rows = list(csv.DictReader(StringIO(text)))
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["network"]] = totals.get(row["network"], 0) + int(row["params"])
    assert totals == {"lenet5": 61_706, "vgg16": 138_357_544, "8x8x3 -> FC-10": 1_930}
    assert out("analyze", "lenet5", "--format", "csv").startswith("layer,")


def test_an_empty_receptive_field_in_csv(out: Any) -> None:
    """A vector has none: the cell is empty and does not look like a formula."""
    rows = list(csv.DictReader(StringIO(out("analyze", "-e", "10 -> FC-5", "--format", "csv", "--columns", "rf"))))
    assert [row["rf"] for row in rows] == ["-", "-"]


# -- Markdown and LaTeX ----------------------------------------------------------------------------------------------

MARKDOWN = MarkdownIt("commonmark").enable("table")


def table(text: str) -> list[list[str]]:
    """Return the rows of the only table in a Markdown text, as rendered."""
    found: list[list[str]] = []
    for token in MARKDOWN.parse(text):
        if token.type == "tr_open":
            found.append([])
        if token.type in ("td_open", "th_open"):
            found[-1].append("")
        if token.type == "inline" and found and found[-1]:
            found[-1][-1] = "".join(child.content for child in token.children or ())
    return found


@pytest.mark.parametrize("name", ["vgg16", "googlenet", "stacked_lstm"])
def test_markdown_is_a_table(name: str, out: Any) -> None:
    """A heading, one row per layer, the same number of cells in every row, and figures aligned to the right."""
    columns = "kind,fields,output,params,macs,rf,formula,share"
    text = out("analyze", name, "--format", "markdown", "--columns", columns)
    rows = table(text)
    layers = json.loads(out("analyze", name, "--format", "json"))["layers"]
    assert [row[0] for row in rows] == ["layer", *[layer["name"] for layer in layers], "total"]
    assert {len(row) for row in rows} == {9}
    assert [row[3] for row in rows[1:-1]] == ["x".join(map(str, layer["output"])) for layer in layers]
    html = MARKDOWN.render(text)
    assert html.count("<table>") == html.count("</table>") == 1
    assert html.startswith("<h3>")
    assert "text-align:right" in html


def rows_of(text: str) -> list[str]:
    """Return the rows of a `tabular`."""
    return [line for line in text.splitlines() if line.endswith(r" \\") and not line.startswith("%")]


def sound(text: str) -> None:
    """Check that a text is valid TeX: braces and environments close, rows have a cell per column, and signs are escaped."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert body.startswith(r"\begin{tabular}{")
    columns = len(body.partition("{tabular}{")[2].partition("}")[0])
    plain_body = re.sub(r"\\[&%$#_{}]", "", body)  # without the signs that are escaped
    for row in rows_of(plain_body):
        assert row.count("&") == columns - 1
        assert not row.startswith(("[", "*"))
    assert plain_body.count("{") == plain_body.count("}")
    assert re.findall(r"\\(begin|end)\{(\w+)\}", body) == [("begin", "tabular"), ("end", "tabular")]
    commands = set(re.findall(r"\\([a-zA-Z]+)", plain_body))
    assert commands <= {
        "begin", "end", "toprule", "midrule", "bottomrule", "textbackslash", "textasciitilde", "textasciicircum",
        "textless", "textgreater", "textbar",
    }  # fmt: skip
    assert not re.search(r"[%$#_~^<>|]", plain_body)


@pytest.mark.parametrize("name", ["vgg16", "googlenet", "stacked_lstm"])
def test_latex_is_a_tabular(name: str, out: Any) -> None:
    """It can be inserted into a paper."""
    text = out("analyze", name, "--format", "latex", "--columns", "kind,fields,output,params,macs,rf,formula,share")
    sound(text)
    assert text.splitlines()[1] == r"\begin{tabular}{llllrrrlr}"
    layers = json.loads(out("analyze", name, "--format", "json"))["layers"]
    assert len(rows_of(text)) == len(layers) + 2


# -- hostile text ----------------------------------------------------------------------------------------------------

HOSTILE = [
    "a|b", "`c`", "*d* _e_", "<script>alert(1)</script>", "<!--", "[link](javascript:x)", "![i](x)", "$f$", "&amp;",
    "# g", "=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\x1b[31mred", "\x1b]0;t\x07", "a\u202eb", "zero\u200bwidth",
    "[/red]", "[bold]x[/bold]", ":smile:", "::error::x", "##[error]x", "a\nb", "a\r\nb", "\\end{tabular}", "\\\\", "{",
    "}", "%", "^^M", "[2cm]", "*", "{{7*7}}", "\ufeffx", "\u2028", "\udcff", "é漢",
]  # fmt: skip
OBEYED = "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"


def network(name: str) -> Analysis:
    """Return a network in which everything that has a name has this one."""
    builder = Builder()
    value = builder.input(name, Shape((9, 9, 3)))
    first = builder.add(Conv(filters=3, kernel=1), [value], f"{name}.{name}")
    second = builder.add(Conv(filters=3, kernel=1), [first], name)
    builder.share(second, first)
    last = builder.add(ReLU(), [second], f"{name}2")
    figure = parse_count("3M")
    assert figure is not None
    published = (Published(name, "params", figure, None),)
    return analyze(builder.finish([last], name=name, source=name, spec=name, description=name, published=published))


def harmless(text: str) -> None:
    """Check that no character is executed by a terminal, editor or log, and no line is a command of a build server."""
    assert not re.search(OBEYED, text)
    for line in text.splitlines():
        assert not line.lstrip().startswith(("::", "##["))


def is_one_line(text: str, lines: int) -> None:
    """Check that a name with line ends takes as many lines as any other."""
    assert len(text.splitlines()) == lines


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_a_table(name: str) -> None:
    """The names of the input, a block, a layer, its source and its owner, in the table and in calculations."""
    result = network(name)
    for text, usual in (
        (plain(report(result, Options(columns=COLUMN_NAMES[:5]), ASCII)), network("usual")),
        (plain(layer_lines(result, result.rows)), None),
    ):
        harmless(text)
        if usual is not None:
            is_one_line(text, len(plain(report(usual, Options(columns=COLUMN_NAMES[:5]), ASCII)).splitlines()))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_json(name: str) -> None:
    """They are unchanged, but escaped."""
    document = data.analysis(network(name))
    text = data.to_json(document)
    harmless(text)
    assert text.isascii()
    assert json.loads(text)["layers"][2]["name"] == name
    assert json.loads(text)["name"] == name


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_csv(name: str) -> None:
    """One record per layer, and no cell that a spreadsheet would execute."""
    text = data.to_csv([("net.yaml", network(name))], COLUMN_NAMES[:10], None)
    harmless(text)
    rows = list(csv.reader(StringIO(text)))
    assert len(rows) == 5
    assert {len(row) for row in rows} == {11}
    assert not [cell for row in rows for cell in row if cell != "-" and cell[:1] in tuple("=+-@")]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_markdown(name: str) -> None:
    """They are rendered as text, without tags, links, pictures or emphasis, and the columns stay."""
    text = markup.to_markdown(network(name), Options(columns=COLUMN_NAMES[:4]))
    harmless(re.sub(r"(?m)^### ", "", text))
    rows = table(text)
    assert len(rows) == 6
    assert {len(row) for row in rows} == {5}
    tokens = [child for token in MARKDOWN.parse(text) for child in token.children or ()]
    kinds = {token.type for token in tokens}
    assert kinds <= {"text", "text_special", "strong_open", "strong_close", "softbreak"}
    strong = [token for token in tokens if token.type == "strong_open"]
    assert len(strong) == 2 + 1  # the total's cells that are not empty, and "does not agree"
    assert [token.type for token in MARKDOWN.parse(text)].count("heading_open") == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_latex(name: str) -> None:
    """The table keeps its columns and runs no command."""
    text = markup.to_latex(network(name), Options(columns=COLUMN_NAMES[:4]))
    harmless(text)
    sound(text)
    assert len(rows_of(text)) == 6
    assert text.splitlines()[0].startswith("% ")
    is_one_line(text, len(markup.to_latex(network("usual"), Options(columns=COLUMN_NAMES[:4])).splitlines()))


@pytest.mark.parametrize("form", [*FORMATS, "explain"])
def test_hostile_files(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The path and the text of a file, on both streams."""
    text = json.dumps(" ".join(name for name in HOSTILE if name.isprintable())[:90])
    for number, name in enumerate(HOSTILE):
        if "/" in name or "\udcff" in name:
            continue
        file = tmp_path / f"{name}.yaml"
        file.write_text(
            f"name: {text}\nsource: {text}\ninput: 8x8x3\nblocks: {{Unused: [relu]}}\n"
            f"published: {{source: {text}, params: 3}}\nlayers: [fc: 5, {{conv: {{filters: 3, kernel: 3}}}}]\n",
            encoding="utf-8",
        )
        if number % 2:
            file.write_text("input: 8x8x3\nlayers: [fc: 5]\n")
        words = ["explain", str(file)] if form == "explain" else ["analyze", str(file), "--format", form]
        run(cli, words)
        captured = capsys.readouterr()
        harmless(captured.out)
        harmless(captured.err)
        assert "internal error" not in captured.err
