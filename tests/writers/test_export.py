"""`cnncalc export` writes source and drawings that no name can break, and needs no other package."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cnncalc.cli import cli
from cnncalc.layers import KINDS, Layer
from cnncalc.network import Builder, Network
from cnncalc.readers import Missing
from cnncalc.shape import Shape
from cnncalc.writers import drawing
from cnncalc.writers.blocks import Unexportable, blocks, class_name, identifier
from cnncalc.writers.keras.writer import source as keras_source
from cnncalc.writers.torch.writer import source
from tests.helpers import ROOT, network_of

SHELF = sorted((ROOT / "architectures").glob("*.yaml"))
HOSTILE = [
    "import os\nos.system('x')",
    "a\rimport os",
    "a\x0cimport os",
    "a\u2028import os\x85b",
    '"""\nimport os\n"""',
    "'''; import os",
    "\\",
    'a"\\',
    "x = __import__('os').system('x')",
    "{me}{0}{out}{0.__class__}",
    "__init__",
    "__class__",
    "forward",
    "training",
    "self",
    "super",
    "torch",
    "nn",
    "F",
    "lambda",
    "None",
    "print",
    "\uff46\uff4f\uff52",  # NFKC turns it into `for`
    "coding: utf-7",
    "# -*- coding: utf-7 -*-",
    "+AAoAaQBtAHAAbwByAHQAIABvAHM-",
    "1",
    "",
    "..",
    "a..b",
    "%s%n",
    'x"]; click n1 "javascript:alert(1)"',
    "</title><script>alert(1)</script>",
    "end",
    "\u202eabc",
    "subgraph",
    "a" * 500,
]


def shelf(name: str) -> Network:
    """Read a network of the shelf."""
    return network_of(next(path for path in SHELF if path.stem == name).read_text(encoding="utf-8"))


def hostile() -> Network:
    """Build a network in which layers, blocks, inputs and the network itself have hostile names."""
    builder = Builder()
    values = [builder.input(name, Shape((8, 8, 4))) for name in HOSTILE[:3]]
    for number, name in enumerate(HOSTILE):
        for path in (name, f"{name}.{name}", f"{name}.conv", f"{name}.{HOSTILE[number - 1]}.{name}"):
            values.append(builder.add(KINDS["conv"](filters=4, kernel=1), [values[-1]], path))
            values.append(builder.add(KINDS["relu"](), [values[-1]], path))
    joined = builder.add(KINDS["add"](), values[:3], "\n")
    return builder.finish([joined, values[-1]], name="\n".join(HOSTILE), source='"""\nimport os\n#', spec="\\")


def words(tree: ast.Module) -> set[str]:
    """Return all names, attributes and arguments in the source."""
    found: set[str] = set()
    for node in ast.walk(tree):
        found |= {
            getattr(node, field)
            for field in ("id", "attr", "arg", "name")
            if isinstance(getattr(node, field, None), str)
        }
    return found


def kinds_of_statement(tree: ast.Module) -> list[str]:
    """Return the statements at the top level of the source."""
    return [type(node).__name__ for node in tree.body]


@pytest.mark.parametrize("path", SHELF, ids=lambda path: path.stem)
def test_the_shelf_exports(path: Path) -> None:
    """The source is valid Python in plain ASCII, and drawings mention every layer."""
    network = network_of(path.read_text(encoding="utf-8"))
    text = source(network).text
    ast.parse(text)
    assert text.isascii()
    assert max(map(len, text.split("\n"))) <= 200
    count = len(network.nodes)
    assert len(re.findall(r"^ *n\d+\[", drawing.mermaid(network), re.M)) == count
    assert len(re.findall(r"^ *n\d+ \[", drawing.dot(network), re.M)) == count


def test_no_name_reaches_the_source_as_code() -> None:
    """The source of a hostile network differs from that of a harmless one only in identifiers."""
    text = source(hostile()).text
    assert text.isascii()
    assert "\r" not in text
    assert "\x0c" not in text
    tree = ast.parse(text)
    compile(text, "exported", "exec")
    assert set(kinds_of_statement(tree)) == {"Expr", "Import", "ImportFrom", "ClassDef", "If"}
    assert kinds_of_statement(tree).count("Expr") == 1
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))] == [
        "import torch",
        "from torch import nn",
    ]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    known = r"super|super\(\)\.__init__|nn\.(Conv2d|ReLU)|self\.\w+|[A-Z]\w*\(?\)?|print|isinstance|tuple|sum|model.*"
    assert [
        name
        for name in called
        if not re.fullmatch(known + r"|torch\.(zeros|no_grad)|parameter\.numel|\w+\(\)\.eval", name)
    ] == []
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", word) for word in words(tree) if "." not in word)
    dunder = {word for word in words(tree) if word.startswith("__")}
    assert dunder == {"__init__", "__name__"}
    for first in text.split("\n")[:2]:
        assert not re.match(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", first)


def test_no_name_reaches_the_keras_source_as_code() -> None:
    """Keras source contains only imports and functions, which call only Keras and each other."""
    text = keras_source(hostile()).text
    assert text.isascii()
    assert "\r" not in text
    tree = ast.parse(text)
    assert set(kinds_of_statement(tree)) == {"Expr", "Import", "ImportFrom", "FunctionDef", "If"}
    assert kinds_of_statement(tree).count("Expr") == 1
    made = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    others = {name for name in called - made if not re.fullmatch(r"layers\.(Conv2D|Activation)\(.*\)", name)}
    assert others == {"layers.Conv2D", "layers.Activation", "keras.Model", "keras.Input", "build().summary"}
    assert not {word for word in words(tree) if word.startswith("__")} - {"__name__"}


def test_keras_source_lists_layers_that_are_frozen_in_part() -> None:
    network = shelf("lenet5")
    conv = next(node for node in network.nodes if node.kind == "conv")
    text = "partly frozen layers are trained:\n" + conv.name
    assert text not in keras_source(network).text
    conv.frozen = frozenset(["bias"])
    assert text in keras_source(network).text
    conv.train(False)
    assert text not in keras_source(network).text


def test_identifiers_never_collide() -> None:
    """Different names that become the same identifier stay different, so that nothing is overwritten."""
    text = source(hostile()).text
    for found in re.findall(r"^class .*?(?=^class |^if )", text, re.M | re.S):
        made = re.findall(r"^        self\.(\w+) = ", found, re.M)
        assert len(made) == len(set(made)), made
    classes = re.findall(r"^class (\w+)", text, re.M)
    assert len(classes) == len(set(classes))


@pytest.mark.parametrize("name", HOSTILE)
def test_identifiers(name: str) -> None:
    """Identifiers are ASCII words that are neither keywords nor special names."""
    for found in (identifier(name, "layer", {"forward"}), class_name(name)):
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", found)
        assert found not in ("lambda", "None", "forward", "for")


@pytest.mark.heavy
def test_a_hostile_specification_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Free text of a specification cannot become code either."""
    path = tmp_path / "net.yaml"
    monkeypatch.chdir(tmp_path)
    bad = "\\nopen('marker', 'w')\\n"
    lines = [
        f'name: "x{bad}\\"\\"\\"{bad}"',
        f'source: "\\"\\"\\"{bad}"',
        "input: 8x8x3",
        "layers:",
        "  - {conv: {filters: 4, kernel: 1}, as: import}",
        "  - {seq: [relu, conv: {filters: 2, kernel: 1}], as: class}",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    done = CliRunner().invoke(cli, ["export", str(path), "--to", "torch"], standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 0), done.output
    names: dict[str, Any] = {"__name__": "exported"}
    try:
        exec(done.stdout, names)
    except ImportError:
        names = {}  # without torch, the import fails after the source was parsed
    assert not (tmp_path / "marker").exists()
    assert "class_" in done.stdout


def test_blocks_that_are_alike_share_a_class() -> None:
    """Twelve encoders are one class, and the layers of a dense block differ only in numbers."""
    assert source(shelf("vit_b_16")).text.count("class Encoder") == 1
    assert source(shelf("densenet121")).text.count("nn.Conv2d(") < 10
    text = source(shelf("resnet50")).text
    assert "self.Bottleneck2 = Bottleneck_2(channels=256, filters=64)" in text
    assert len(text.split("\n")) < 250


def test_shared_layers_are_one_module() -> None:
    """Layers in different blocks can share weights, which are tied if a field differs."""
    builder = Builder()
    value = builder.input("input", Shape((8, 8, 4)))
    for name, stride in (("a.conv", 1), ("b.conv", 1), ("c.conv", 2)):
        value = builder.add(KINDS["conv"](filters=4, kernel=1, stride=stride), [value], name)
        value = builder.add(KINDS["relu"](), [value], name.replace("conv", "relu"))
    builder.share(3, 1)
    builder.share(5, 1)
    text = source(builder.finish([value])).text
    assert "self.b.conv = self.a.conv" in text
    assert "tie(self.c.conv, self.a.conv)" in text


@pytest.mark.heavy
def test_thousands_of_layers_and_deep_names() -> None:
    """Deeply nested and long networks do not reach the recursion limit."""
    builder = Builder()
    value = builder.input("input", Shape((4, 4, 4)))
    for number in range(3000):
        path = ".".join(f"b{level}" for level in range(number % 300))
        value = builder.add(KINDS["relu"](), [value], f"{path}.relu{number}".lstrip("."))
    network = builder.finish([value])
    compile(source(network).text, "exported", "exec")
    assert len(drawing.mermaid(network).split("\n")) > 6000
    assert drawing.dot(network, 0).count(" -> ") == sum(1 for _ in re.findall("->", drawing.dot(network, 0)))
    assert max(len(block.path.split(".")) for block in blocks(network)) <= 24


class Odd(Layer):
    """A kind that no writer can export."""

    kind = "odd"


def test_what_cannot_be_exported_is_an_error() -> None:
    """An error names the layer in one line, and no layer is silently left out."""
    builder = Builder()
    value = builder.add(Odd(), [builder.input("input", Shape((4,)))], "strange\x1b[31m")
    with pytest.raises(Unexportable, match=r"odd `strange\\x1b\[31m` cannot be exported"):
        source(builder.finish([value]))


# drawings


def test_mermaid_of_a_small_network() -> None:
    """Blocks are subgraphs, and layers have shapes and parameters."""
    network = network_of(
        "input: 8x8x3\nlayers: [{seq: [conv: {filters: 4, kernel: 1}, relu], as: stem}, {fc: 10, as: out}]"
    )
    assert drawing.mermaid(network).split("\n")[:10] == [
        "flowchart TB",
        '  n0["input<br/>8x8x3"]',
        '  subgraph b1["stem"]',
        '    n1["conv1<br/>' + f'{network.nodes[1].output}<br/>16 params"]',
        '    n2["relu1<br/>' + f'{network.nodes[2].output}"]',
        "  end",
        '  n3["out: fc<br/>10<br/>2,570 params"]',
        "  n0 --> n1",
        "  n1 --> n2",
        "  n2 --> n3",
    ]


def test_depth_folds_blocks() -> None:
    """At depth 0 a block is one box with all its parameters, and no edge is lost or doubled."""
    text = drawing.dot(shelf("vit_b_16"), 0)
    assert 'label="Encoder1\\n197x768, 8 layers\\n7,087,872 params"' in text
    assert text.count("subgraph") == 0
    assert text.count(" -> ") == 19
    deep = drawing.mermaid(shelf("resnet50"), 1)
    assert deep.count("subgraph") == 5
    assert '["Bottleneck2<br/>56x56x256, 10 layers<br/>70,400 params"]' in deep


def test_no_name_escapes_from_a_drawing() -> None:
    """Every line has one of five forms, and no label contains a character that ends it."""
    mermaid_label = r'"(?:[\w _.,:+\-/*()\'=]|#\d+;|<br/>)*"'
    line = rf"subgraph b\d+\[{mermaid_label}\]|n\d+\[{mermaid_label}\]|end|[nb]\d+ --> [nb]\d+"
    line += r"|flowchart TB|class [n\d,]+ c\d|classDef c\d [\w,:#]+|"
    for found in drawing.mermaid(hostile()).split("\n"):
        assert re.fullmatch(line, found.strip()), found
    dot_label = r'"(?:[^"<>\\{}|]|\\n)*"'
    line = rf"subgraph cluster_b\d+ {{ label={dot_label};|[nb]\d+ \[label={dot_label}(, fillcolor=\"#\w+\")?\];"
    line += r"|}|[nb]\d+ -> [nb]\d+;|"
    head = drawing.dot(hostile()).split("\n")
    assert re.fullmatch(rf"label={dot_label}; labelloc=t;", head[2].strip())
    for found in head[5:]:
        assert re.fullmatch(line, found.strip()), found


# commands


def test_the_export_command_writes_a_file(tmp_path: Path) -> None:
    """A file is written completely or not at all."""
    done = CliRunner().invoke(
        cli, ["export", "lenet5", "--to", "dot", "-o", str(tmp_path / "net.dot")], standalone_mode=False
    )
    assert (done.exception, done.stdout) == (None, "")
    assert (tmp_path / "net.dot").read_text(encoding="utf-8").startswith("digraph network {")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["lenet5", "--to", "torch", "--depth", "1"], "--depth is only for drawings"),
        (["lenet5", "alexnet", "--to", "torch"], "one network"),
        (["--to", "torch"], "no SPEC"),
        (["lenet5"], "Missing option '--to'"),
    ],
)
def test_wrong_usage_of_export(arguments: list[str], text: str) -> None:
    """Wrong usage is one sentence with exit status 2."""
    done = CliRunner().invoke(cli, ["export", *arguments])
    assert done.exit_code == 2
    assert text in done.output


def test_verify_without_the_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is reported with the name of its extra and exit status 2."""

    def missing(*_: Any) -> None:
        raise Missing("torch", "torch")

    monkeypatch.setattr("cnncalc.verify.measure", missing)
    done = CliRunner().invoke(cli, ["verify", "lenet5"])
    assert done.exit_code == 2
    assert "this needs torch: pip install 'cnncalc[torch]'" in done.output


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("form", ["table", "json"])
def test_the_exit_status_of_verify(monkeypatch: pytest.MonkeyPatch, form: str, wrong: bool) -> None:
    """The exit status is 0 if everything agrees and 1 if a figure differs, in every format."""
    import json

    from cnncalc.analyses.totals import analyze

    def answered(network: Network) -> Any:
        rows = [row for row in analyze(network).rows if row.node.layer is not None]
        layers = [
            {
                "output": list(row.node.output),
                "weights": row.weights,
                "biases": row.biases,
                "buffers": row.buffers,
                "macs": int(row.macs),
            }
            for row in rows
        ]
        whole = {name: sum(facts[name] for facts in layers) for name in ("weights", "biases", "buffers", "macs")}
        if wrong:
            layers[0]["weights"] += 1
        return "9.9", layers, {"output": [[10]], **whole}, ""

    monkeypatch.setattr("cnncalc.verify.measure", answered)
    done = CliRunner().invoke(cli, ["verify", "lenet5", "--format", form], standalone_mode=False)
    assert (done.exception, done.return_value) == (None, int(wrong))
    if form == "json":
        found = json.loads(done.stdout)
        assert (found["format"], found["agrees"], found["version"]) == ("cnncalc.verification/1", not wrong, "9.9")
        assert found["layers"][0]["agrees"] is not wrong
    elif wrong:
        assert "150 / 151" in done.stdout
        assert "1 layer differs" in done.stdout
    else:
        assert "agrees with cnncalc in every figure of 11 layers" in done.stdout
