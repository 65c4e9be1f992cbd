"""`cnncalc import` writes specifications that, when read again, equal the network in every number."""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from cnncalc import loading
from cnncalc.layers import KINDS
from cnncalc.layers.operator import Operator, Unknown
from cnncalc.loading import Spec
from cnncalc.network import Builder, Network
from cnncalc.problem import Refused, Source
from cnncalc.product import Product
from cnncalc.readers import ReaderOptions
from cnncalc.readers.darknet import reader
from cnncalc.readers.limits import UNTRUSTED
from cnncalc.readers.yaml.reader import read
from cnncalc.shape import Shape
from cnncalc.writers.yaml import writer
from cnncalc.writers.yaml.fields import Unwritable
from cnncalc.writers.yaml.proof import difference
from cnncalc.writers.yaml.text import prose, quoted, scalar
from cnncalc.writers.yaml.tree import node_names
from cnncalc.writers.yaml.writer import write, write_checked
from tests.helpers import ROOT, network_of
from tests.readers.darknet import test_reader as test_darknet

SHELF = sorted((ROOT / "architectures").glob("*.yaml"))


def again(network: Network, flat: bool = False) -> str:
    """Write a network, compare the result, and return the text. It must not fall back to a plain list."""
    found = write(network, flat=flat)
    assert difference(network, network_of(found.text), found.order, found.names) == ""
    return found.text


# the same numbers


@pytest.mark.parametrize("path", SHELF, ids=lambda path: path.stem)
def test_the_shelf(path: Path) -> None:
    """Names stay the same, and writing the result again yields the same text."""
    network = loading.load(Spec(str(path)))
    text = again(network)
    assert node_names(network) == [node.name for node in network.nodes]
    assert again(network_of(text)) == text


@pytest.mark.heavy
def test_folding_makes_files_short() -> None:
    """The median file of the shelf is at most a third of the plain list, and none is longer."""
    ratios = []
    for path in SHELF:
        network = loading.load(Spec(str(path)))
        ratios.append(len(again(network)) / len(again(network, flat=True)))
    assert max(ratios) <= 1
    assert statistics.median(ratios) < 0.34


NETS: dict[str, tuple[dict[str, Any], Any]] = {
    "yolov3": (test_darknet.square(416), test_darknet.yolov3),
    "yolov2": (test_darknet.square(416), test_darknet.yolov2),
    "yolov3-tiny": (test_darknet.square(416), test_darknet.yolov3_tiny),
    "yolov4-tiny": (test_darknet.square(416), test_darknet.yolov4_tiny),
    "resnet50": (test_darknet.square(256), test_darknet.resnet50),
    "alexnet": (test_darknet.square(227), test_darknet.alexnet),
    "vgg16": (test_darknet.square(224), test_darknet.vgg16),
}


@pytest.mark.parametrize("name", NETS)
def test_darknet_files(name: str) -> None:
    """Sections of Darknet become blocks."""
    net, sections = NETS[name]
    text = again(reader.read_text(Source(f"{name}.cfg", test_darknet.cfg(net, sections())), ReaderOptions({}, {})))
    assert name in ("alexnet", "vgg16") or "blocks:" in text


def drawn(seed: int) -> Network:
    """Build a network of random kinds in groups that repeat, with branches, shortcuts, far references and shared weights."""
    dice = random.Random(seed)
    builder = Builder()
    values = [builder.input("input" if seed % 3 else "image", Shape((8, 8, 8)))]
    if seed % 5 == 0:
        values.append(builder.input("second", Shape((8, 8, 8))))

    def put(kind: str, operands: list[int], path: str, **fields: Any) -> int:
        name = path + (f"{kind}{dice.randint(1, 3)}" if dice.random() < 0.3 else dice.choice(("a", "0", "x", kind)))
        number = 1
        while name + f"_{number}" * (number > 1) in builder.names:
            number += 1
        values.append(builder.add(KINDS[kind](**fields), operands, name + f"_{number}" * (number > 1)))
        return values[-1]

    def chain(value: int, path: str, length: int) -> int:
        for _ in range(length):
            kind = dice.choice(("conv", "conv", "relu", "batchnorm", "dropout", "depthwise"))
            fields: dict[str, Any] = {}
            if kind in ("conv", "depthwise"):
                fields = {"kernel": dice.choice((1, 3)), "bias": dice.random() < 0.5}
                fields["pad"] = fields["kernel"] // 2
            if kind == "conv":
                fields["filters"] = 8
            below = dice.choice(values) if dice.random() < 0.1 else value
            value = put(kind, [below], path, **fields)
            if fields and dice.random() < 0.2:
                other = put(kind, [value], path, **fields)
                builder.share(other, value)
                value = other
        return value

    for block in range(dice.randint(1, 6)):
        path = dice.choice((f"layer{block}.", f"stage.{block}.", "", f"Block{block + 1}.", f"a.b.c{block}."))
        start = values[-1]
        shape = dice.random()
        if shape < 0.4:
            out = chain(start, path, dice.randint(1, 4))
            put("add", [out, start] if dice.random() < 0.7 else [start, out], path, inplace=dice.random() < 0.5)
        elif shape < 0.7:
            ends = [chain(start, f"{path}branch{number}.", dice.randint(1, 3)) for number in range(dice.randint(1, 3))]
            put(dice.choice(("add", "mul", "maximum", "sub")), [*ends, dice.choice(values)], path)
        else:
            chain(start, path, dice.randint(1, 5))
    outputs = [values[-1]] if dice.random() < 0.7 else dice.sample(values, min(2, len(values)))
    return builder.finish(outputs, name=f"random {seed}")


@pytest.mark.heavy
def test_random_networks() -> None:
    """The plain list and the result of `import` are right for every network, and the result is almost always the short form."""
    fallen = 0
    for seed in range(200):
        network = drawn(seed)
        again(network, flat=True)
        found = write_checked(network)
        assert difference(network, network_of(found.text), found.order, found.names) == ""
        fallen += found.text != write(network).text
    assert fallen < 8  # if a name inside hides a short name outside


def test_repeated_groups_become_a_block_with_parameters() -> None:
    """Different widths become parameters, one of them is computed, and a stride that is mostly 1 has a default."""
    builder = Builder()
    value = builder.input("input", Shape((32, 32, 3)))
    for number, (width, stride) in enumerate([(16, 1), (16, 1), (32, 2), (64, 1)]):
        path = f"stage.{number}."
        value = builder.add(KINDS["conv"](filters=width, kernel=3, stride=stride, pad=1), [value], path + "first")
        value = builder.add(KINDS["relu"](), [value], path + "act")
        value = builder.add(KINDS["conv"](filters=4 * width, kernel=1), [value], path + "last")
    assert again(builder.finish([value], name="net")) == (
        "name: net\n"
        "input: 32x32x3\n"
        "blocks:\n"
        "  Stage(filters, stride=1):\n"
        "    - {conv: {filters: $filters, kernel: 3, stride: $stride, pad: 1}, as: first}\n"
        "    - {relu, as: act}\n"
        "    - {conv: {filters: 4*$filters, kernel: 1}, as: last}\n"
        "layers:\n"
        "  - as: stage\n"
        "    seq: [{Stage: 16, as: 0}, {Stage: 16, as: 1}, {Stage: [32, 2], as: 2}, {Stage: 64, as: 3}]\n"
    )


def test_time_grows_with_the_layers() -> None:
    """The time to write and compare grows linearly with the number of layers."""
    text = "input: 32x32x8\nlayers:\n" + "".join(
        f"  - {{conv: {{filters: {8 + n % 7}, kernel: 3, pad: 1}}, as: g{n // 40}.c{n}}}\n  - {{relu, as: r{n}}}\n"
        for n in range(1000)
    )
    network = network_of(text)
    start = time.process_time()
    write_checked(network)
    assert time.process_time() - start < 5


# words of specifications that imports need


def test_names_belong_to_their_group() -> None:
    """Two groups can use the same name. It refers to the innermost one, and a path can refer to any of them."""
    network = network_of(
        """\
input: 8x8x4
layers:
  - as: one
    seq: [{conv: {filters: 4, kernel: 1}, as: 0}, {relu, as: 1}]
  - as: two
    seq: [{conv: {filters: 4, kernel: 1}, as: 0}, {relu, as: 1}, {add: [0, prev, one.0], as: sum}]
  - {relu, as: three.deep.relu, from: two.1}
  - {add: [one.1, three.deep.relu]}
outputs: [two.sum, three.deep.relu]
"""
    )
    found = {node.name: [network.nodes[index].name for index in node.inputs] for node in network.nodes}
    assert found["two.sum"] == ["two.0", "two.1", "one.0"]
    assert found["three.deep.relu"] == ["two.1"]
    assert found["add1"] == ["one.1", "three.deep.relu"]
    assert [network.nodes[index].name for index in network.outputs] == ["two.sum", "three.deep.relu"]


@pytest.mark.parametrize(
    ("layers", "code"),
    [
        ("[{as: g, seq: [{relu, as: a}, {relu, as: a}]}]", "duplicate-name"),
        ("[{relu, as: a}, {relu, as: a}]", "duplicate-name"),
        ("[{relu, as: a.b}, {relu, from: a.c}]", "unknown-name"),
        ("[{relu, from: 3}]", "bad-value"),
        ("[{relu, as: a..b}]", "bad-value"),
        ("[{relu, as: b.}]", "bad-value"),
        ("[{add: [prev, prev], axis: height}]", "unknown-field"),
        ("[{add: [prev, prev], inplace: 3}]", "bad-value"),
        ("[{dot: [prev, prev], left: 1}]", "missing-field"),
        ("[{dot: [prev, prev, prev], left: 1, right: 1}]", "bad-value"),
        ("[{attend: [prev, prev]}]", "bad-value"),
        ("[{operator: [prev], output: 3}]", "missing-field"),
        ("[{operator: [prev], op: a b, output: 3}]", "bad-value"),
        ("[{seq: [relu], holds: {weight: 3}}]", "bad-value"),
        ("[{fc: 3, holds: 3}]", "bad-value"),
        ("[{fc: 3, holds: {weight: -3}}]", "bad-value"),
    ],
)
def test_refusals(layers: str, code: str) -> None:
    """Mistakes in these words are refused with their codes."""
    with pytest.raises(Refused) as error:
        network_of(f"input: 8x8x4\nlayers: {layers}")
    assert {problem.code for problem in error.value.problems} == {code}


def test_fields_beside_merges() -> None:
    """A value at the step overrides the defaults of the file."""
    network = network_of(
        "input: 8x8x4\ndefaults: {add: {inplace: true}}\n"
        "layers: [{add: [prev, prev]}, {add: [prev, prev], inplace: false}, {concat: [prev, prev], axis: width}]"
    )
    assert [getattr(node.layer, "inplace", None) for node in network.nodes[1:]] == [True, False, None]
    assert network.nodes[-1].output == (8, 16, 4)


def test_operations_are_as_unknown_as_before() -> None:
    """Without a cost the total is a lower bound. A known cost, parameters and fields are kept."""
    builder = Builder()
    value = builder.input("input", Shape((8, 8, 4)))
    value = builder.add(Unknown("deform", Shape((8, 8, 6))), [value], "a")
    weights = {"weight": Product(("n", 24)), "bias": Product(("n", 6))}
    layer = Operator("einsum", Shape((8, 6)), weights=weights, macs=Product(("n", 5 * 10**15)), views=None)
    value = builder.add(layer, [value, value], "b")
    like = KINDS["conv"](filters=6, kernel=1)
    value = builder.add(KINDS["reshape"](to=(8, 1, 6)), [value], "c")
    held = Operator("conv", Shape((8, 1, 6)), weights={}, buffers={}, like=like)
    text = again(builder.finish([builder.add(held, [value], "d")]))
    assert "{operator: [prev], op: deform, output: 8x8x6, as: a}" in text
    assert "cost: 5000000000*1000000 + 0" in text
    assert "conv: {filters: 6, kernel: 1}, holds: {}, as: d" in text


def test_strangers_cannot_state_figures() -> None:
    """Stated costs are refused in submissions, where they would defeat the budget."""
    for step in ("{fc: 1000, holds: {}}", "{operator: [prev], op: fc, output: 1000, cost: 0}"):
        with pytest.raises(Refused) as error:
            read(Source("net.yaml", f"input: 8x8x4\nlayers: [{step}]"), limits=UNTRUSTED)
        assert [problem.code for problem in error.value.problems] == ["bad-step"]


# untrusted names and text

HOSTILE = (
    "a: b", "- x", "#no", "a\nlayers: []", "\x1b[31mred", "${7*7}", "$in_channels", "{a}", "[x", "&a", "*a", "!!python/x",
    "prev", "input", "null", "true", "0", "1.0", "1e5", "a..b", ".", "", "\u202eevil", "a" * 300, "a\u0000b", "'", '"',
    "conv1", "CONV", "x y", "%s", "`id`", "::error::x", "layer1.input", "yes.no", "1x1", "-1", "\ud800",
)  # fmt: skip


def test_hostile_names() -> None:
    """Each name becomes a distinct one that a file can contain, and the file describes the same network."""
    builder = Builder()
    value = builder.input("in\nput: 3x3", Shape((4, 4, 2)))
    middle = value
    for number, name in enumerate(HOSTILE):
        value = builder.add(KINDS["conv"](filters=2, kernel=1), [value], name)
        middle = value if number == 9 else middle
    value = builder.add(KINDS["add"](), [value, middle], "]}")
    network = builder.finish([value, middle], name='n"\n- : #\u202e' * 30, source="\x00: [", description="{" * 2000)
    for flat in (False, True):
        text = again(network, flat)
        assert text.isascii()
        assert all(char.isprintable() or char == "\n" for char in text)
        assert "$" not in text.split("layers:")[1]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    """The parser returns the original text, whether it is quoted or not."""
    if "\ud800" in text or "\x00" in text:
        return
    for wrap in (scalar, prose, quoted):
        if text:
            network = network_of(f"name: {wrap(text[:90])}\ninput: 3x3x1\nlayers: [relu]")
            assert network.name == text[:90]


@pytest.fixture
def cnncalc(ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    return ended


# the command


def test_command(cnncalc: Any) -> None:
    """The result goes to standard output or to a file, but does not overwrite an existing one."""
    ended = cnncalc("import", "mobilenet_v2", "-p", "width=0.5")
    assert (ended.status, ended.err) == (0, "")
    assert cnncalc("import", "mobilenet_v2", "-p", "width=0.5", "-o", "half.yaml").out == ""
    assert Path("half.yaml").read_text(encoding="utf-8") == ended.out
    ours, theirs = (
        cnncalc("analyze", "half.yaml", "--get", "macs"),
        cnncalc("analyze", "mobilenet_v2", "-p", "width=0.5", "--get", "macs"),
    )
    assert ours.out == theirs.out == "97131840\n"
    refused = cnncalc("import", "vgg16", "-o", "half.yaml")
    assert refused.status == 2
    assert "--force" in refused.err
    assert Path("half.yaml").read_text(encoding="utf-8") == ended.out
    assert cnncalc("import", "vgg16", "-o", "half.yaml", "--force").status == 0
    assert Path("half.yaml").read_text(encoding="utf-8").startswith("name: VGG-16\n")
    assert cnncalc("import", "-e", "8x8x3 -> CONV3-4 -> RELU", "--flat").out.endswith("- relu\n")
    assert cnncalc("import", "vgg16", "vgg19").status == 2
    assert cnncalc("import").status == 2


def test_the_page(cnncalc: Any) -> None:
    """The example in docs/import.md is the actual output."""
    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    typed, shown = page.split("```console\n$ cnncalc ")[1].split("```")[0].split("\n", 1)
    assert cnncalc(*typed.split()).out.startswith(shown.removesuffix("...\n"))


def test_nothing_is_written_where_the_two_differ(cnncalc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is one line."""
    monkeypatch.setattr(writer, "difference", lambda *_: "`conv1`: weights: the source has 1, the specification 2")
    ended = cnncalc("import", "vgg16", "-o", "out.yaml")
    assert (ended.status, ended.out) == (2, "")
    assert "weights: the source has 1, the specification 2" in ended.err
    assert not Path("out.yaml").exists()


def test_a_difference_is_seen() -> None:
    """The comparison finds a difference in any number. Each change below is a mistake that a writer could make."""
    base = "input: 8x8x4\nlayers:\n  - {conv: {filters: 4, kernel: 3, pad: 1}, as: a}\n  - {relu, as: b}\n"
    base += "  - {add: [a, b], as: c}\n"
    one = network_of(base)
    order, names = range(len(one.nodes)), [node.name for node in one.nodes]
    assert difference(one, network_of(base), order, names) == ""
    for old, new, what in [
        ("as: c}", "as: cc}", "name"), ("relu,", "tanh,", "kind"), ("[a, b]", "[b, a]", "inputs"),
        ("pad: 1", "pad: 1, bias: false", "fields"), ("relu,", "relu: {inplace: true},", "fields"),
        ("as: a}", "as: a, holds: {weight: 144}}", "biases"), ("8x8x4", "9x8x4", "output"),
        ("as: c}\n", "as: c}\noutputs: [b]\n", "outputs"), ("as: c}\n", "as: c}\n  - relu\n", "layers"),
    ]:  # fmt: skip
        assert what in difference(one, network_of(base.replace(old, new)), order, names), new


def test_what_cannot_be_written_is_refused() -> None:
    """An input with many axes and an operation with an unusable name are refused."""
    builder = Builder()
    value = builder.input("input", Shape((2, 3, 4, 5, 6)))
    with pytest.raises(Unwritable, match="not an input shape"):
        write_checked(builder.finish([builder.add(KINDS["relu"](), [value], "a")]))
    value = (builder := Builder()).input("input", Shape((8,)))
    odd = builder.finish([builder.add(Unknown("my op", Shape((8,))), [value], "strange")])
    with pytest.raises(Unwritable, match="strange"):
        write_checked(odd)


def test_problems_of_the_source_are_reported(cnncalc: Any) -> None:
    """Problems in the source are reported as in every other command."""
    Path("bad.yaml").write_text("input: 3x3x1\nlayers: [rlu]", encoding="utf-8")
    ended = cnncalc("import", "bad.yaml")
    assert (ended.status, ended.out) == (1, "")
    assert "did you mean `relu`?" in ended.err
    assert cnncalc("import", "nowhere.onnx").status == 2
