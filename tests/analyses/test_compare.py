"""`cnncalc compare`: totals, the summary sentence, the layer diff, refused inputs, and hostile names."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from cnncalc.analyses import compare as module
from cnncalc.analyses.compare import Pair, layers, totals
from cnncalc.analyses.quantities import COMPARED
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.loading import Spec, load
from cnncalc.render.compare import sentence
from tests.helpers import Ended, git, network_of

# 6x6x4 after the convolution: 112 parameters, 3,888 multiply-adds; 1,450 and 1,440 in fc
A = "name: A\ninput: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3}}, relu, {fc: 10}]\n"
# 8x8x8: 224 parameters, 13,824 multiply-adds; pooled to 4x4x8; 1,290 and 1,280 in fc
B = "name: B\ninput: 8x8x3\nlayers: [{conv: {filters: 8, kernel: 3, pad: 1}}, relu, {maxpool: 2}, {fc: 10}]\n"
ALL = "100 % of A's parameters are in fc1."
PLAIN = "name: Plain\ninput: 8x8x3\nlayers: [relu]\n"
Compare = Callable[..., Ended]


@pytest.fixture
def compare(ended: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Return a function that runs the command in this process, in a folder with the files above."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"a": A, "b": B, "plain": PLAIN, "unsound": "input: 3\nlayers: [rlu]\n"}.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")

    return partial(ended, "compare")


def network(steps: str, head: str = "input: 8x8x3\n") -> Analysis:
    """Return the analysis of a list of layers."""
    return analyze(network_of(f"{head}layers: [{steps}]\n"))


def told(pairs: list[Pair]) -> list[str]:
    """Return a diff as words: `=conv1`, `~conv1/conv2`, `-relu1`, `+relu2`, without the input."""
    signs = {"same": "=", "changed": "~", "added": "+", "removed": "-"}
    found = []
    for pair in pairs:
        names = [row.node.name for row in (pair.left, pair.right) if row is not None]
        found.append(signs[pair.change] + "/".join(dict.fromkeys(names)))
    return found[1:]


# -- totals ------------------------------------------------------------------------------------------------------------


def test_totals(compare: Compare) -> None:
    """The figures are worked out by hand."""
    done = compare("a.yaml", "b.yaml", "--format", "json")
    assert (done.status, done.err) == (0, "")
    found = {total["quantity"]: total for total in done.data["totals"]}
    assert list(found) == [name for name in COMPARED if name != "trainable"]  # nothing is frozen
    expected = {
        "params": (1562, 1514), "weights": (1548, 1496), "biases": (14, 18),
        "activations": (192 + 144 + 10, 192 + 512 + 128 + 10),
        "memory": (346 * 4, 842 * 4), "macs": (3888 + 1440, 13_824 + 1280), "depth": (2, 2), "layers": (3, 4),
    }  # fmt: skip
    for quantity, (a, b) in expected.items():
        total = found[quantity]
        assert (total["a"], total["b"], total["values"]) == (a, b, [a, b]), quantity
        assert total["difference"] == b - a
        assert total["ratio"] == b / a
    field = found["receptive_field"]
    assert (field["a"], field["b"], field["difference"], field["ratio"]) == ([3, 3], [4, 4], None, None)


def test_nothing_is_divided_by_zero(compare: Compare) -> None:
    """If A has none of a quantity, there is a difference but no ratio."""
    found = {total["quantity"]: total for total in compare("plain.yaml", "a.yaml", "--format", "json").data["totals"]}
    assert (found["params"]["a"], found["params"]["difference"], found["params"]["ratio"]) == (0, 1562, None)
    assert (found["depth"]["a"], found["depth"]["ratio"]) == (0, None)
    assert found["activations"]["ratio"] == 346 / 192
    back = {total["quantity"]: total for total in compare("a.yaml", "plain.yaml", "--format", "json").data["totals"]}
    assert (back["params"]["difference"], back["params"]["ratio"]) == (-1562, 0)
    for form in ("table", "markdown"):
        for pair in (("plain.yaml", "a.yaml"), ("a.yaml", "plain.yaml"), ("plain.yaml", "plain.yaml")):
            done = compare(*pair, "--format", form)
            assert (done.status, done.err) == (0, "")
            assert not re.search(r"\b(nan|inf|None)\b", done.out)


def test_unknown_figures_stay_unknown(compare: Compare, tmp_path: Path) -> None:
    """The receptive field after a reshape is `?` and null, and differs from a known one."""
    (tmp_path / "odd.yaml").write_text("input: 8x8x4\nlayers: [{reshape: 16x16x1}, {conv: {filters: 2, kernel: 3}}]\n")
    done = compare("odd.yaml", "a.yaml", "--only", "receptive_field", "--exit-code")
    assert done.status == 1
    assert re.search(r"receptive field +\? +3x3", done.out)
    field = compare("odd.yaml", "a.yaml", "--format", "json").data["totals"][-1]
    assert (field["a"], field["b"], field["difference"], field["ratio"]) == (None, [3, 3], None, None)
    assert compare("odd.yaml", "odd.yaml", "--only", "receptive_field", "--exit-code").status == 0


def test_batch_and_dtype(compare: Compare) -> None:
    """They multiply the memory of both networks."""
    done = compare("a.yaml", "b.yaml", "--only", "memory", "--batch", "8", "--dtype", "float16", "--format", "json")
    (memory,) = done.data["totals"]
    assert (memory["a"], memory["b"]) == (346 * 16, 842 * 16)


def test_parameters_and_inputs(compare: Compare, tmp_path: Path) -> None:
    """-p and --input apply to all networks."""
    for name, width in (("x", 4), ("y", 8)):
        (tmp_path / f"{name}.yaml").write_text(f"input: 8x8x3\nparams: {{w: {width}}}\nlayers: [{{fc: $w}}]\n")
    assert compare("x.yaml", "y.yaml", "--exit-code").status == 1
    assert compare("x.yaml", "y.yaml", "-p", "w=5", "--exit-code").status == 0
    done = compare("x.yaml", "y.yaml", "--input", "4x4x3", "--only", "weights", "--format", "json")
    assert done.data["totals"][0]["values"] == [192, 384]


# -- the sentence ------------------------------------------------------------------------------------------------------


def words(a: str, b: str, quantities: tuple[str, ...] = tuple(COMPARED)) -> str:
    """Return the sentence about two lists of layers, called A and B."""
    both = [network(a, "name: A\ninput: 8x8x3\n"), network(b, "name: B\ninput: 8x8x3\n")]
    return sentence(["A", "B"], both, totals(both, quantities))


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("fc: 10", "fc: 10", f"Both have the same number of parameters, activations and multiply-adds. {ALL}"),
        ("relu", "relu", "Both have the same number of parameters, activations and multiply-adds."),
        ("relu", "relu, tanh", "Both have the same number of parameters, activations and multiply-adds."),
        ("relu", "fc: 10",
         "B has 1,930 parameters instead of none, 5.2 % more activations and 1,920 multiply-adds instead of none."),
        ("fc: 10", "relu", f"B has no parameters, 5.0 % fewer activations and no multiply-adds. {ALL}"),
        ("fc: 10", "fc: 20", f"B has 2x more parameters, 5.0 % more activations and 2x more multiply-adds. {ALL}"),
        ("fc: 25", "fc: 10",
         f"B has 2.5x fewer parameters, 6.9 % fewer activations and 2.5x fewer multiply-adds. {ALL}"),
        ("fc: 1000", "fc: 10",
         f"B has 100x fewer parameters, 5.9x fewer activations and 100x fewer multiply-adds. {ALL}"),
        ("fc: 9", "fc: 9, fc: 1",
         f"B has 0.6 % more parameters, 0.5 % more activations and 0.5 % more multiply-adds. {ALL}"),
        ("fc: 9999, fc: 1", "fc: 9999, {fc: {units: 1, bias: false}}",
         "B has <0.1 % fewer parameters, the same number of activations and the same number of multiply-adds. "
         f"{ALL.replace('100', '99.5')}"),
        ("relu", "{scale: {}}", ""),
        ("fc: 10", "{operator: [prev], op: f, output: 8x8x3}, fc: 10",
         f"B has the same number of parameters, 2x more activations and an unknown number of multiply-adds. {ALL}"),
        ("{operator: [prev], op: f, output: 8x8x3}", "{operator: [prev], op: f, output: 8x8x3}",
         "B has the same number of parameters, the same number of activations and an unknown number of multiply-adds."),
    ],
)  # fmt: skip
def test_the_sentence(a: str, b: str, said: str) -> None:
    """It is plain English for zero, equal and nearly equal figures, too."""
    found = words(a, b)
    if said:
        assert found == said
    assert "None" not in found
    assert "has some" not in found


def test_one_parameter_is_singular() -> None:
    """The sentence says `1 parameter`."""
    both = [network("relu", "name: A\ninput: 1\n"), network("{fc: {units: 1, bias: false}}", "name: B\ninput: 1\n")]
    assert (
        sentence(["A", "B"], both, totals(both))
        == "B has 1 parameter instead of none, 2x more activations and 1 multiply-add instead of none."
    )


def test_the_sentence_has_the_selected_quantities() -> None:
    """With --only, it mentions only the selected quantities."""
    assert words("fc: 10", "fc: 20", ("macs",)) == "B has 2x more multiply-adds."
    assert words("fc: 10", "fc: 20", ("depth",)) == ""
    assert words("fc: 10", "fc: 20", ("params",)) == "B has 2x more parameters. 100 % of A's parameters are in fc1."


def test_names_are_distinct(compare: Compare, tmp_path: Path) -> None:
    """Networks are named by their files' names, or as they were typed, or by number."""
    (tmp_path / "again.yaml").write_text(A)
    assert compare("a.yaml", "b.yaml").out.startswith("B has ")
    assert compare("a.yaml", "again.yaml").out.split("\n")[2].split() == ["a.yaml", "again.yaml", "difference", "ratio"]
    done = compare("a.yaml", "a.yaml", "a.yaml", "--format", "markdown")
    assert done.out.split("\n")[0].startswith("|  | a.yaml (1) | a.yaml (2) | a.yaml (3) | a.yaml (2) / a.yaml (1) | ")
    assert compare("lenet5", "lenet5", "--only", "params").out.startswith(
        "Both have the same number of parameters. 78.0 % of lenet5 (1)'s"
    )
    (tmp_path / "mine.yaml").write_text('name: "LeNet-5"\n' + A.partition("\n")[2])
    assert compare("lenet5", "mine.yaml").out.split("\n")[2].split()[:2] == ["lenet5", "mine.yaml"]
    assert compare("-e", "8x8x3 -> FC-10", "-e", "8x8x3 -> FC-20").out.startswith(
        "8x8x3 -> FC-20 has 2x more parameters"
    )


# -- the diff ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "diff"),
    [
        ("relu", "relu", "=relu1"),
        ("relu", "tanh", "-relu1 +tanh1"),
        ("relu, tanh", "relu", "=relu1 -tanh1"),
        ("relu", "sigmoid, relu", "+sigmoid1 =relu1"),
        ("relu, fc: 10", "relu, fc: 20", "=relu1 ~fc1"),
        ("fc: 10, relu", "fc: 10, dropout, relu", "=fc1 +dropout1 =relu1"),
        ("{conv: {filters: 4, kernel: 3}}, relu, {conv: {filters: 8, kernel: 3}}",
         "{conv: {filters: 4, kernel: 3}}, batchnorm, relu, {conv: {filters: 9, kernel: 3}}", "=conv1 +batchnorm1 =relu1 ~conv2"),
        ("fc: 10, relu, fc: 20, tanh", "fc: 10, tanh", "=fc1 -relu1 -fc2 ~tanh1"),  # the shape of tanh differs
        ("{fc: {units: 10, bias: true}}", "{fc: 10}", "=fc1"),  # a default that is written out makes no difference
        ("{conv: {filters: 4, kernel: 3}}", "{conv: {filters: 4, kernel: 3x3}}", "=conv1"),
        ("relu, relu, relu", "relu, relu", "=relu1 =relu2 -relu3"),
    ],
)  # fmt: skip
def test_the_alignment(a: str, b: str, diff: str) -> None:
    """Layers are the same, changed, added or removed."""
    assert " ".join(told(layers(network(a), network(b)))) == diff


def test_the_same_layer_after_another_input_has_changed() -> None:
    """Its output or its number of parameters differs."""
    pairs = layers(
        network("{conv: {filters: 4, kernel: 3}}, {fc: 10}"), network("{conv: {filters: 5, kernel: 3}}, {fc: 10}")
    )
    assert told(pairs) == ["~conv1", "~fc1"]


def test_other_connections_are_a_difference(compare: Compare, tmp_path: Path) -> None:
    """The same layers with other connections are marked as changed, and count for --exit-code."""
    steps = "{conv: {filters: 3, kernel: 1}, as: a}, {relu: , as: b}, {tanh: , as: c}, {add: [%s, c]}"
    assert told(layers(network(steps % "a"), network(steps % "b"))) == ["=a", "=b", "=c", "~add1"]
    for name in "ab":
        (tmp_path / f"w{name}.yaml").write_text(f"input: 8x8x3\nlayers: [{steps % name}]\n")
    done = compare("wa.yaml", "wb.yaml", "--exit-code")
    assert done.status == 1
    assert " ~ add1  add -> 8x8x3  from a, c\n   add1  add -> 8x8x3  from b, c\n" in done.out
    assert compare("wa.yaml", "wa.yaml", "wb.yaml", "--exit-code").status == 1
    assert compare("wa.yaml", "wa.yaml", "wa.yaml", "--exit-code").status == 0


def test_an_inserted_layer_does_not_change_the_next_one() -> None:
    """An inserted layer is added, and the layer that follows it stays the same."""
    assert told(layers(network("relu, tanh"), network("relu, sigmoid, tanh"))) == ["=relu1", "+sigmoid1", "=tanh1"]
    residual = "{residual: {main: [relu%s]}}"
    assert told(layers(network(residual % ""), network(residual % ", tanh"))) == ["=relu1", "+tanh1", "=add1"]


def longest(a: list[object], b: list[object]) -> int:
    """Return the length of the longest common subsequence, from the textbook table."""
    row = [0] * (len(b) + 1)
    for x in a:
        above, row = row, [0]
        for number, y in enumerate(b):
            row.append(above[number] + 1 if x == y else max(above[number + 1], row[number]))
    return row[-1]


@pytest.mark.parametrize("edits", [1, 2, 5, 300])
def test_the_alignment_is_the_best_one(edits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps as many equal layers as possible, in order. With too many differences it is still valid."""
    monkeypatch.setattr(module, "MOST_EDITS", edits)
    dice = random.Random(edits)
    for _ in range(3000):
        letters = dice.choice([1, 2, 3, 6])
        a, b = ([str(dice.randrange(letters)) for _ in range(dice.randrange(15))] for _ in range(2))
        found = module._matches(list(a), list(b))
        assert all(a[x] == b[y] for x, y in found)
        assert all(x < i and y < j for (x, y), (i, j) in pairwise(found))
        if edits == 300:
            assert len(found) == longest(list(a), list(b))


@pytest.mark.parametrize("change", ["added", "removed"])
def test_an_inserted_block_is_a_whole_block(change: str) -> None:
    """A block among equal blocks could be found in as many places as it has layers: names say where it starts."""
    small, large = (analyze(load(Spec(name))) for name in ("resnet18", "resnet34"))
    pairs = layers(small, large) if change == "added" else layers(large, small)
    assert Counter(pair.change for pair in pairs) == {"same": 69, change: 56}
    rows = [pair.right or pair.left for pair in pairs if pair.change == change]
    blocks = Counter(re.sub(r"(Block\d).*", r"\1", row.node.name) for row in rows if row is not None)
    assert {*blocks.values()} == {7}
    both = [(pair.left.node.name, pair.right.node.name) for pair in pairs if pair.left and pair.right]
    assert all(left == right for left, right in both if ".Block1." in left)


def test_every_layer_is_in_the_diff_once() -> None:
    """Each layer of both networks appears once, in order."""
    dice = random.Random(7)
    kinds = ["relu", "tanh", "{conv: {filters: 3, kernel: 1}}", "{conv: {filters: 4, kernel: 1}}", "batchnorm"]
    for _ in range(60):
        a, b = (network(", ".join(dice.choices(kinds, k=dice.randrange(1, 30)))) for _ in range(2))
        pairs = layers(a, b)
        assert [pair.left for pair in pairs if pair.left is not None] == a.rows
        assert [pair.right for pair in pairs if pair.right is not None] == b.rows
        assert all((pair.change == "added") == (pair.left is None) for pair in pairs)
        assert all((pair.change == "removed") == (pair.right is None) for pair in pairs)
        assert all(pair.left.node.kind == pair.right.node.kind for pair in pairs if pair.left and pair.right)


CASES = {
    "one layer more": ("{seq: [relu, tanh], repeat: @}, gelu, relu", "{seq: [relu, tanh], repeat: @}, relu", {"removed": 1}),
    "shifted": ("sigmoid, {seq: [relu, tanh], repeat: @}, gelu", "gelu, {seq: [tanh, relu], repeat: @}, sigmoid", {"added": 3}),
    "nothing in common": ("sigmoid, {seq: [{conv: {filters: 5, kernel: 1}}, tanh], repeat: @}, gelu",
                          "gelu, {seq: [{conv: {filters: 6, kernel: 1}}, relu], repeat: @}, sigmoid", {"changed": 5000}),
}  # fmt: skip


@pytest.mark.heavy
@pytest.mark.parametrize("name", CASES)
def test_ten_thousand_layers(name: str) -> None:
    """Time grows linearly. A few differences are found; among many, layers of the same kind are paired."""
    left, right, expected = CASES[name]

    def seconds(many: int) -> float:
        a, b = network(left.replace("@", str(many))), network(right.replace("@", str(many)))
        start = time.process_time()
        pairs = layers(a, b)
        took = time.process_time() - start
        if many == 5000:
            count = Counter(pair.change for pair in pairs)
            assert {change: count[change] for change in expected} == expected
        return took

    short, long = min(seconds(1250) for _ in range(2)), seconds(5000)
    assert long < 0.2 + 8 * short  # four times as many
    assert long < 5


def test_many_changes_and_no_layer_in_common() -> None:
    """The search gives up early enough."""
    dice = random.Random(3)
    steps = [
        ", ".join(f"{{conv: {{filters: {dice.randrange(1, 9)}, kernel: 1}}}}, relu" for _ in range(1500))
        for _ in range(2)
    ]
    a, b = network(f"sigmoid, {steps[0]}, gelu"), network(f"gelu, {steps[1]}, sigmoid")
    start = time.process_time()
    pairs = layers(a, b)
    assert time.process_time() - start < 3
    count = Counter(pair.change for pair in pairs)
    assert count["same"] > 500
    assert count["same"] + count["changed"] > 2000


# -- what is printed ---------------------------------------------------------------------------------------------------


def test_the_table(compare: Compare) -> None:
    """Two networks: the sentence, totals with difference and ratio, and the layers that differ."""
    done = compare("a.yaml", "b.yaml")
    lines = done.out.splitlines()
    assert (
        lines[0]
        == "B has 3.1 % fewer parameters, 2.4x more activations and 2.8x more multiply-adds. 92.8 % of A's parameters are in fc1."
    )
    assert lines[2].split() == ["A", "B", "difference", "ratio"]
    assert lines[4].split() == ["params", "1,562", "1,514", "-48", "0.969x"]
    assert " ~ conv1  conv: filters 4, kernel 3 -> 6x6x4, 112 params" in lines
    assert "   conv1  conv: filters 8, kernel 3, pad 1 -> 8x8x8, 224 params" in lines
    assert " + maxpool1  maxpool: kernel 2 -> 4x4x8" in lines
    assert "   ... 1 identical layer" in lines
    assert done.out.count("\x1b") == 0


def test_more_than_two(compare: Compare) -> None:
    """Each is compared with the first, without a diff."""
    done = compare("a.yaml", "b.yaml", "plain.yaml")
    lines = done.out.splitlines()
    assert lines[0].split("  ")[-3:] == ["Plain", "B / A", "Plain / A"] or lines[0].split() == [
        "A",
        "B",
        "Plain",
        "B",
        "/",
        "A",
        "Plain",
        "/",
        "A",
    ]
    assert lines[2].split() == ["params", "1,562", "1,514", "0", "0.969x", "0x"]
    assert "~" not in done.out
    data = compare("a.yaml", "b.yaml", "plain.yaml", "--format", "json").data
    assert data["specs"] == ["a.yaml", "b.yaml", "plain.yaml"]
    assert data["totals"][0]["values"] == [1562, 1514, 0]
    assert (data["totals"][0]["a"], data["totals"][0]["b"]) == (1562, 1514)
    assert data["layers"] is None


def test_json(compare: Compare) -> None:
    """The JSON has the documented keys."""
    data = compare("a.yaml", "b.yaml", "--format", "json").data
    assert data["format"] == "cnncalc.comparison/1"
    assert set(data) == {
        "format",
        "cnncalc",
        "specs",
        "names",
        "set",
        "frozen",
        "batch_axes",
        "totals",
        "layers",
        "one_run",
        "notes",
    }
    assert (data["specs"], data["names"]) == (["a.yaml", "b.yaml"], ["A", "B"])
    assert all(set(total) == {"quantity", "a", "b", "difference", "ratio", "values"} for total in data["totals"])
    assert [layer["change"] for layer in data["layers"]] == ["same", "changed", "changed", "added", "changed"]
    assert data["layers"][3]["a"] is None
    # a row is the same as in analyze
    of_a, of_b = (network(text.partition("layers: [")[2].strip()[:-1], text.partition("layers")[0]) for text in (A, B))
    from cnncalc.render.data import row_data

    assert [layer["a"] for layer in data["layers"] if layer["a"]] == [
        row | {"where": layer["where"]}
        for row, layer in zip(
            json.loads(json.dumps([row_data(of_a, row) for row in of_a.rows])),
            [x["a"] for x in data["layers"] if x["a"]],
            strict=True,
        )
    ]
    assert data["layers"][4]["b"]["params"] == 1290
    assert of_b.totals.params == 1514


def test_markdown(compare: Compare) -> None:
    """The output is a table that GitHub renders and a diff block that it colours."""
    done = compare("a.yaml", "b.yaml", "--format", "markdown")
    lines = done.out.splitlines()
    assert re.fullmatch(r"\*\*B has .*\*\*", lines[0])
    table = [line for line in lines if line.startswith("|")]
    assert table[:2] == ["|  | A | B | difference | ratio |", "| --- | ---: | ---: | ---: | ---: |"]
    assert len(table) == 2 + len(COMPARED) - 1  # nothing is frozen
    assert all(line.count("|") == 6 and line.endswith("|") for line in table)
    start = lines.index("```diff")
    assert lines[-1] == "```"
    assert lines[start + 1 : -1] == [
        "  ... 1 identical layer",
        "~ conv1  conv: filters 4, kernel 3 -> 6x6x4, 112 params",
        "  conv1  conv: filters 8, kernel 3, pad 1 -> 8x8x8, 224 params",
        "~ relu1  relu -> 6x6x4",
        "  relu1  relu -> 8x8x8",
        "+ maxpool1  maxpool: kernel 2 -> 4x4x8",
        "~ fc1  fc: units 10 -> 10, 1,450 params",
        "  fc1  fc: units 10 -> 10, 1,290 params",
    ]


def test_only(compare: Compare) -> None:
    """The output has these quantities, in this order, and no layers."""
    data = compare("a.yaml", "b.yaml", "--only", "macs, params", "--format", "json").data
    assert [total["quantity"] for total in data["totals"]] == ["macs", "params"]
    assert data["layers"] is None
    for bad in ("parms", "", ",", "params,", "Params"):
        done = compare("a.yaml", "b.yaml", "--only", bad)
        if bad == "params,":
            assert done.status == 0
            continue
        assert (done.status, done.out) == (2, "")
        assert "--only" in done.err


@pytest.mark.parametrize(
    ("args", "status"),
    [("a.yaml a.yaml", 0), ("a.yaml b.yaml", 1), ("a.yaml b.yaml --only depth", 0),
     ("a.yaml b.yaml --only depth,params", 1), ("a.yaml a.yaml b.yaml", 1),
     ("a.yaml a.yaml a.yaml", 0), ("a.yaml plain.yaml --only layers", 1)],
)  # fmt: skip
def test_exit_code(args: str, status: int, compare: Compare) -> None:
    """The status is 1 for a difference, but only with --exit-code."""
    for form in ("table", "json", "markdown"):
        assert compare(*args.split(), "--exit-code", "--format", form).status == status
        assert compare(*args.split(), "--format", form).status == 0


def test_names_do_not_matter(compare: Compare, tmp_path: Path) -> None:
    """Two networks that differ only in names are the same."""
    (tmp_path / "named.yaml").write_text(A.replace("relu", "{relu: , as: x}").replace("name: A", "name: X"))
    assert compare("a.yaml", "named.yaml", "--exit-code").status == 0


def test_a_report_in_a_file(compare: Compare, tmp_path: Path) -> None:
    """The file has the same bytes as standard output would, and nothing is printed."""
    for form in ("table", "json", "markdown"):
        shown = compare("a.yaml", "b.yaml", "--format", form).out
        done = compare("a.yaml", "b.yaml", "--format", form, "-o", "out")
        assert (done.status, done.out, done.err) == (0, "", "")
        assert (tmp_path / "out").read_text(encoding="utf-8") == shown


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [("a.yaml unsound.yaml", 1, "unsound.yaml:2:10: error: no layer named `rlu`"), ("unsound.yaml a.yaml", 1, "no layer named"),
     ("a.yaml missing.yaml", 2, "there is no file missing.yaml"), ("unsound.yaml missing.yaml", 2, "no layer named"),
     ("missing.yaml unsound.yaml", 2, "no layer named"), ("a.yaml folder.yaml", 2, "folder.yaml is a folder"),
      ("a.yaml", 2, "compare needs two networks"),
     ("", 2, "no SPEC"), ("a.yaml nothing-of-that-name", 2, "no shipped architecture is"),
     ("a.yaml b.yaml --format csv", 2, "csv"),
     ("a.yaml b.yaml -p x=1", 2, "no parameter `x`"), ("a.yaml b.yaml -o folder.yaml", 2, "folder.yaml"),
      ("a.yaml b.yaml -o no/where", 2, "no/where")],
)  # fmt: skip
def test_nothing_is_compared(args: str, status: int, said: str, compare: Compare, tmp_path: Path) -> None:
    """If one network cannot be read, standard output is empty, and every error is reported."""
    (tmp_path / "folder.yaml").mkdir()
    done = compare(*args.split())
    assert (done.status, done.out) == (status, "")
    assert said in done.err
    if "unsound" in args or "missing" in args:
        assert done.err.endswith("the networks were not compared\n")
        assert ("rlu" in done.err) == ("unsound" in args)


# -- the past ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(compare: Compare, tmp_path: Path) -> Path:
    """Create a repository in which a.yaml was A, is B now, and has uncommitted changes."""
    folder = tmp_path / "repository"
    (folder / "sub").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for text in (A, B):
        for file in (folder / "a.yaml", folder / "sub" / "é b.yaml"):
            file.write_text(text, encoding="utf-8")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "x")
    (folder / "a.yaml").write_text(PLAIN)
    return folder


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_a_file_at_a_revision(repository: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """`net.yaml@HEAD~1` works from any folder."""
    for place, file in (
        (repository, "a.yaml"),
        (repository / "sub", "../a.yaml"),
        (repository.parent, "repository/a.yaml"),
        (Path("/"), str(repository / "a.yaml")),
    ):
        monkeypatch.chdir(place)
        data = compare(f"{file}@HEAD~1", f"{file}@main", file, "--format", "json").data
        assert data["names"] == ["A", "B", "Plain"]
        assert data["specs"] == [f"{file}@HEAD~1", f"{file}@main", file]
    monkeypatch.chdir(repository)
    assert compare("sub/é b.yaml@HEAD~1", "sub/é b.yaml").out.startswith("B has ")
    assert compare("a.yaml@HEAD~1", "a.yaml@HEAD~1", "--exit-code").status == 0


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
@pytest.mark.parametrize(
    "spec",
    [
        "a.yaml@nope",
        "a.yaml@HEAD~9",
        "none.yaml@HEAD",
        "a.yaml@",
        "a.yaml@-x",
        "a.yaml@--output=x",
        "a.yaml@HEAD:sub",
        "sub@HEAD",
    ],
)
def test_an_unknown_revision(spec: str, repository: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status is 2 with a reason, and the revision is never taken for an option of git."""
    monkeypatch.chdir(repository)
    done = compare("a.yaml", spec)
    assert (done.status, done.out) == (2, "")
    assert done.err.endswith("the networks were not compared\n")
    assert not (repository / "x").exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_a_file_named_like_a_revision(repository: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """`a.yaml@main` is the revision, even if a file has that name."""
    monkeypatch.chdir(repository)
    (repository / "a.yaml@main").write_text(PLAIN)
    assert compare("a.yaml@main", "a.yaml", "--format", "json").data["names"] == ["B", "Plain"]


# -- files from strangers ----------------------------------------------------------------------------------------------

EVIL = ["\\e[31mred\\e[2J", "[/red][bold]x", "::error::x", "##[error]x", "\\u202exe", "a\\u200bb",
"</td><script>alert(1)</script>", "| a | b |", "``` x", "**x**",
        "\\n# x", "=1+1", "\\x9b31m", "`x`", "[x](http://y)", "&amp;", "a" * 100]  # fmt: skip


@pytest.mark.parametrize("form", ["table", "json", "markdown"])
def test_hostile_names(form: str, compare: Compare, tmp_path: Path) -> None:
    """The name of a network is plain text in every format: no escape, markup, command or extra cell."""
    for evil in EVIL:
        (tmp_path / "evil.yaml").write_text(A.replace("name: A", f'name: "{evil}"'), encoding="utf-8")
        for names in (
            ("evil.yaml", "b.yaml"),
            ("b.yaml", "evil.yaml"),
            ("evil.yaml", "evil.yaml"),
            ("evil.yaml", "b.yaml", "a.yaml"),
        ):
            done = compare(*names, "--format", form)
            assert (done.status, done.err) == (0, "")
            for line in done.out.split("\n"):
                assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")], (
                    ascii(line)
                )
                assert not line.lstrip().startswith("::")
                if form == "markdown":
                    assert not line.startswith("#")
                    assert not re.search(r"(?<!\\)<script", line)
                    if line.startswith("|"):
                        assert len(re.findall(r"(?<!\\)\|", line)) == {2: 6, 3: 7}[len(names)]
            if form == "markdown":
                assert done.out.count("\n```") == (2 if len(names) == 2 else 0)


def test_hostile_files(compare: Compare) -> None:
    """Files that `check` refuses for their form are refused here, too."""
    done = compare("a.yaml", "-e", "8x8x3 -> \x1b[31mFC-10")
    assert done.status == 1
    assert "\x1b" not in done.err
