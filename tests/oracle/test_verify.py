"""`cnncalc verify`: compare the whole shelf, and random networks of every layer kind, with the frameworks.

A comparison that never finds anything proves nothing, so each of the wrong figures inserted on purpose must be found.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cnncalc import verify as verification
from cnncalc.layers import KINDS
from cnncalc.network import Builder, Network
from cnncalc.problem import Problem
from cnncalc.shape import Shape
from cnncalc.verify import Agreement, verify
from cnncalc.writers.blocks import Unexportable
from cnncalc.writers.torch.layers import LOWER
from tests.helpers import network_of

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch

SHELF = sorted((Path(__file__).parent.parent.parent / "architectures").glob("*.yaml"))


def said(found: Agreement) -> str:
    """Format the differences for the message of a failing test."""
    wrong = [check for check in (*found.checks, found.totals) if check.differences]
    return "\n".join([found.error, *map(str, wrong[:3])])


@pytest.mark.parametrize("path", SHELF, ids=lambda path: path.stem)
def test_the_whole_shelf_agrees_with_pytorch(path: Path) -> None:
    """Every layer's shape, weights, biases, buffers and multiply-adds, and the totals."""
    found = verify(network_of(path.read_text(encoding="utf-8")))
    assert found.agrees, said(found)
    assert len(found.checks) == len(found.network.nodes) - len(found.network.inputs)
    assert all(check.theirs is not None for check in found.checks)


# -- random networks --------------------------------------------------------------------------------------------------


def sizes(dice: random.Random, rank: int, least: int, most: int) -> int | tuple[int, ...]:
    """Return a number, or one per axis."""
    return dice.randint(least, most) if dice.random() < 0.6 else tuple(dice.randint(least, most) for _ in range(rank))


def padding(dice: random.Random, rank: int, most: int) -> Any:
    """Return padding as a number, per axis, as `same`, or by sides."""
    choice = dice.random()
    if choice < 0.25:
        return "same"
    if choice < 0.5 and rank:
        sides = {1: "start end", 2: "top bottom left right", 3: "front back top bottom left right"}[rank].split()
        return {side: dice.randint(0, most) for side in dice.sample(sides, dice.randint(1, len(sides)))}
    return sizes(dice, rank, 0, most)


def divisor(dice: random.Random, number: int) -> int:
    """Return a random divisor of a number."""
    return dice.choice([part for part in range(1, number + 1) if number % part == 0])


def layer_of(dice: random.Random, kind: str, x: Shape) -> dict[str, Any]:
    """Return fields for a layer after `x`; they do not always fit."""
    rank, channels = min(max(len(x) - 1, 1), 3), x[-1]
    flag = dice.random() < 0.5
    if kind == "convlstm":
        pad = dice.choice(["same", 0, 1])
        returns = dice.choice(["sequence", "last"])
        frame = {"kernel": sizes(dice, max(rank - 1, 1), 1, 3), "stride": dice.randint(1, 2), "pad": pad}
        return {"filters": dice.randint(1, 4), **frame, "returns": returns, "bias": flag}
    if kind in ("conv", "depthwise", "convtranspose", "local", "separableconv"):
        fields: dict[str, Any] = {
            "kernel": sizes(dice, rank, 1, 4),
            "stride": sizes(dice, rank, 1, 3),
            "pad": padding(dice, rank, 3),
            "bias": flag,
        }
        if kind != "local":
            fields["dilation"] = sizes(dice, rank, 1, 2)
        if kind in ("conv", "depthwise"):
            fields["mode"] = dice.choice(["zeros", "zeros", "reflect", "replicate", "circular"])
        if rank == 1 and kind in ("conv", "depthwise", "separableconv") and dice.random() < 0.3:
            fields["pad"] = "causal"
        if kind in ("depthwise", "separableconv"):
            fields["multiplier"] = dice.randint(1, 3)
        if kind == "depthwise":
            return fields
        groups = divisor(dice, channels) if kind not in ("local", "separableconv") else 1
        fields["filters"] = groups * dice.randint(1, 3)
        if kind == "convtranspose":
            fields["output_pad"] = 0 if fields["pad"] == "same" else sizes(dice, rank, 0, 1)
        return fields if groups == 1 else {**fields, "groups": groups}
    if kind in ("maxpool", "avgpool"):
        fields = {"kernel": sizes(dice, rank, 1, 4), "pad": padding(dice, rank, 2), "ceil": flag}
        if dice.random() < 0.7:
            fields["stride"] = sizes(dice, rank, 1, 4)
        if kind == "maxpool" and dice.random() < 0.3:
            fields["dilation"] = sizes(dice, rank, 1, 2)
        return fields
    if kind in ("lstm", "gru", "rnn"):
        return {
            "units": dice.randint(1, 6),
            "bias": dice.choice(["single", "double", "none"]),
            "bidirectional": flag,
            "layers": dice.randint(1, 3),
            "returns": dice.choice(["sequence", "last"]),
        }
    axis = dice.choice(["channels", *x.axes]) if rank <= 3 else "channels"
    length = x[-1] if axis == "channels" else x[x.axes.index(axis)]
    start = dice.randint(0, length - 1)
    order = list(range(len(x)))
    dice.shuffle(order)
    modes = {1: ["nearest", "linear", "area"], 2: ["nearest", "bilinear", "bicubic", "area"], 3: ["trilinear"]}
    inplace = {"inplace": flag} if "inplace" in KINDS[kind].fields and kind != "add" else {}
    affine = {"affine": flag} if "affine" in KINDS[kind].fields else {}
    return {
        "fc": {"units": dice.randint(1, 9), "bias": flag},
        "linear": {"units": dice.randint(1, 9), "bias": flag},
        "embedding": {"vocab": dice.randint(1, 9), "dim": dice.randint(1, 6)},
        "attention": {"heads": divisor(dice, channels), "bias": flag},
        "groupnorm": {"groups": divisor(dice, channels), "affine": flag},
        "lrn": {"size": dice.randint(1, 5)},
        "scale": {"bias": flag},
        "prelu": {"per": dice.choice(["layer", "channel", "element"])},
        "droppath": {"rate": 0.25},
        "dropout": {"rate": 0.5, "inplace": flag, "channels": dice.random() < 0.5, "alpha": dice.random() < 0.5},
        "adaptiveavgpool": {"output": sizes(dice, rank, 1, 5)},
        "adaptivemaxpool": {"output": sizes(dice, rank, 1, 5)},
        "reshape": {"to": tuple(dice.sample(list(x), len(x))) if flag else (x.size // channels, channels)},
        "permute": {"axes": tuple(order)},
        "slice": {"axis": axis, "start": start, "stop": dice.randint(start + 1, length), "step": dice.randint(1, 2)},
        "channelshuffle": {"groups": divisor(dice, channels)},
        "pixelshuffle": {"factor": dice.randint(1, 2)},
        "pixelunshuffle": {"factor": dice.randint(1, 2)},
        "pad": {"by": sizes(dice, rank, 0, 2), "mode": dice.choice(["zeros", "reflect", "replicate", "circular"])},
        "maxout": {"pieces": divisor(dice, channels)},
        "channelpad": {"to": channels + dice.randint(0, 3)},
        "upsample": {"factor": sizes(dice, rank, 1, 3), "mode": dice.choice(modes.get(rank, ["nearest"]))},
        "resize": {"to": sizes(dice, rank, 1, 9), "mode": dice.choice(modes.get(rank, ["nearest"]))},
        "standardize": {"per": dice.choice(["channel", "layer"])},
    }.get(kind, {**inplace, **affine})


NOWHERE = {"operator", "maxunpool"}  # the network does not describe the operation, or the places of the maxima


def random_network(seed: int, kinds: list[str]) -> Network:
    """Build a network of about twenty layers in blocks, with branches and shared weights."""
    dice = random.Random(seed)
    builder = Builder(10**5)
    start = Shape([dice.randint(1, 12) for _ in range(dice.randint(0, 3))] + [dice.randint(1, 8)])
    values = [builder.input("input", start)]
    if dice.random() < 0.3:
        values.append(builder.input("second", start))
    for number in range(200):
        if len(builder.nodes) > 24:
            break
        kind = dice.choice(kinds)
        name = f"{dice.choice(['', 'a.', 'a.b.', 'c1.', 'c2.'])}{kind}{number}"
        below = values[-1] if dice.random() < 0.8 else dice.choice(values)
        x = builder.shape(below)
        operands = [below]
        fields: dict[str, Any] = {}
        if kind in ("attend", "dot"):
            operands = [below] * (3 if kind == "attend" else 2)
            axis = dice.randrange(len(x))
            fields = {"heads": divisor(dice, x[-1])} if kind == "attend" else {"left": axis, "right": axis}
        elif kind in ("add", "mul", "concat", "crop", "sub", "average", "maximum", "minimum"):
            operands += [value for value in dice.sample(values, len(values)) if len(builder.shape(value)) <= len(x)][:2]
            if kind == "crop":
                operands, fields = operands[:2], {"like": "up"}
            elif kind == "concat":
                fields = {"axis": dice.choice(["channels", *x.axes]) if len(x) <= 4 else "channels"}
            elif kind == "add":
                alike = [value for value in operands if builder.shape(value) == x]
                operands = alike if dice.random() < 0.7 else operands
        else:
            fields = layer_of(dice, kind, x)
        if kind in ("pad", "upsample", "resize") and dice.random() < 0.3:
            operands.append(dice.choice(values))
            fields = {"like": "other", "mode": fields["mode"]}
        try:
            made = KINDS[kind](**fields)
            values.append(builder.add(made, operands, name))
        except Problem:
            continue
        if made.weights(x) and dice.random() < 0.3:
            values.append(builder.add(KINDS[kind](**fields), operands, name + "again"))
            builder.share(values[-1], values[-2])
    outputs = [values[-1], *dice.sample(values, dice.randint(0, 1))]
    return builder.finish(outputs, name=f"random {seed}")


def networks_with(kind: str, most: int) -> Iterator[tuple[int, Network, int]]:
    """Yield random networks with this kind and a few others, with their seeds and how often the kind appears."""
    others = ["conv", "linear", "fc", "relu", "reshape", "globalavgpool", "batchnorm"]
    for seed in range(most):
        network = random_network(seed, [kind, kind, kind, *others])
        present = sum(1 for node in network.nodes if node.kind == kind)
        if present:
            yield seed, network, present


@pytest.mark.parametrize("seed", range(120))
def test_random_networks_agree_with_pytorch(seed: int) -> None:
    """They contain every kind, in one to three dimensions."""
    network = random_network(seed, [layer.kind for layer in KINDS.values() if layer.kind not in NOWHERE])
    found = verify(network)
    assert found.agrees, said(found)


@pytest.mark.parametrize("kind", sorted({layer.kind for layer in KINDS.values()} - NOWHERE))
def test_every_kind_agrees_with_pytorch(kind: str) -> None:
    """Compare networks with this kind and a few others, until it has appeared 25 times."""
    count = 0
    for seed, network, present in networks_with(kind, 400):
        agreement = verify(network)
        assert agreement.agrees, f"seed {seed}: {said(agreement)}"
        count += present
        if count >= 25:
            return
    raise AssertionError(f"{kind} appeared only {count} times")


def test_every_kind_has_a_translation() -> None:
    """A kind without one would be refused."""
    assert {layer.kind for layer in KINDS.values()} - NOWHERE <= set(LOWER)


@pytest.mark.parametrize("name", ["relu", "operator", "deformconv"])
def test_an_operation_is_not_exported(name: str) -> None:
    """This does not depend on its name."""
    network = network_of(f"input: 4x4x2\nlayers: [{{operator: [prev], op: {name}, output: 4x4x2}}]")
    for framework in ("torch", "keras"):
        with pytest.raises(Unexportable, match=f"^{name} "):
            verify(network, framework)


# -- Keras ------------------------------------------------------------------------------------------------------------


@pytest.fixture(name="keras")
def keras_on_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Select PyTorch as the backend of Keras."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
        pytest.importorskip("keras", reason="Keras, the oracle of these tests, is not installed")


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize("path", SHELF, ids=lambda path: path.stem)
def test_the_whole_shelf_agrees_with_keras(path: Path) -> None:
    """Every layer's shape, weights, biases and buffers, and the totals; Keras counts no multiply-adds."""
    found = verify(network_of(path.read_text(encoding="utf-8")), "keras")
    assert found.agrees, said(found)
    assert all(check.theirs is not None for check in found.checks)


# kinds without a counterpart in Keras
NOT_IN_KERAS = {"local", "attend", "dot"}


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize("kind", sorted({layer.kind for layer in KINDS.values()} - NOWHERE))
def test_every_kind_agrees_with_keras(kind: str) -> None:
    """Kinds without a counterpart are refused by name."""
    count = 0
    for seed, network, present in networks_with(kind, 300):
        try:
            agreement = verify(network, "keras")
        except Unexportable:
            continue
        assert agreement.agrees, f"seed {seed}: {said(agreement)}"
        count += present
        if count >= 12:
            break
    assert (count > 0) is (kind not in NOT_IN_KERAS)


# -- a comparison that finds something --------------------------------------------------------------------------------

SMALL = """
name: Small
input: 16x16x3
layers:
  - {conv: {filters: 8, kernel: 3, pad: 1}, as: conv}
  - {batchnorm: {}, as: norm}
  - relu
  - {seq: [maxpool: 2, {conv: {filters: 8, kernel: 1, bias: false}, as: inner}], as: block}
  - {fc: 10, as: last}
"""


def differing(found: Agreement) -> dict[str, list[str]]:
    """Return the quantities that differ, by layer."""
    return {check.name: check.differences for check in (*found.checks, found.totals) if check.differences}


def spoiled(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> Agreement:
    """Compare a network with a source that contains one mistake."""
    from cnncalc.writers.torch import writer

    network = network_of(SMALL)
    right = writer.source(network)
    assert right.text.count(old) == 1, right.text
    wrong = writer.Source(right.text.replace(old, new), right.name, right.layouts, right.marks)
    monkeypatch.setattr(writer, "source", lambda _: wrong)
    return verify(network)


def test_the_unchanged_source_agrees() -> None:
    """The network of the tests below agrees as long as its source is unchanged."""
    assert differing(verify(network_of(SMALL))) == {}


@pytest.mark.parametrize(
    ("old", "new", "layer", "quantities"),
    [
        ("nn.Conv2d(3, 8, 3, padding=1)", "nn.Conv2d(3, 8, 3, padding=1, bias=False)", "conv", ["biases"]),
        ("nn.BatchNorm2d(8)", "nn.BatchNorm2d(8, affine=False)", "norm", ["weights", "biases"]),
        ("nn.BatchNorm2d(8)", "nn.BatchNorm2d(8, track_running_stats=False)", "norm", ["buffers"]),
        (
            "nn.Conv2d(8, 8, 1, bias=False)",
            "nn.Conv2d(8, 8, 1, groups=2, bias=False)",
            "block.inner",
            ["weights", "macs"],
        ),
        ("nn.Linear(512, 10)", "nn.Linear(512, 11)", "last", ["output", "weights", "biases", "macs"]),
    ],
)
def test_a_wrong_module_is_noticed(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str, layer: str, quantities: list[str]
) -> None:
    """The difference appears in its row and in the totals, and nowhere else."""
    found = differing(spoiled(monkeypatch, old, new))
    assert found[layer] == quantities
    assert set(found) == {layer, "total"}


def test_a_wrong_shape_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """If PyTorch stops with an error, all layers that it did not reach differ, too."""
    found = spoiled(monkeypatch, "nn.MaxPool2d(2)", "nn.MaxPool2d(3)")
    assert list(differing(found)) == ["block.maxpool1", "block.inner", "last", "total"]
    assert "200" in found.error
    assert "512" in found.error
    assert not found.agrees


def test_a_layer_that_is_made_but_never_called_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parameters are in the model, but in no row."""
    found = spoiled(monkeypatch, "self.relu1 = nn.ReLU()", "self.relu1 = nn.ReLU(); self.more = nn.Linear(3, 3)")
    assert differing(found) == {"total": ["weights", "biases"]}


FACTS: list[tuple[str, Callable[[Any], Any]]] = [
    ("output", lambda value: [*value[:-1], value[-1] + 1]),
    ("weights", lambda value: value + 1),
    ("biases", lambda value: value - 1),
    ("buffers", lambda value: value + 1),
    ("macs", lambda value: value + 1),
]


@pytest.mark.parametrize(("quantity", "change"), FACTS, ids=[name for name, _ in FACTS])
def test_every_wrong_figure_of_every_layer_is_noticed(
    monkeypatch: pytest.MonkeyPatch, quantity: str, change: Callable[[Any], Any]
) -> None:
    """Change one figure of one layer by one."""
    network = network_of(SMALL)
    version, layers, whole, error = verification.measure(network)
    for number in range(len(layers)):
        wrong = [dict(facts) for facts in layers]
        wrong[number][quantity] = change(wrong[number][quantity])
        monkeypatch.setattr(verification, "measure", lambda _, wrong=wrong: (version, wrong, whole, error))
        found = verify(network)
        assert differing(found) == {found.checks[number].name: [quantity]}
        assert not found.agrees


# -- single constructs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "input: 6x8x3x2\nlayers: [{avgpool: {kernel: 4x3x4, stride: 2, pad: 1, ceil: true}}]",
        "input: {depth: 3, height: 4, width: 5, channels: 6}\n"
        "layers: [{permute: 2x1x3x0}, {lrn: 3}, {conv: {filters: 2, kernel: 1}}]",
        "input: 500x4\nlayers: [{lstm: {units: 3, layers: 2}}, {gru: {units: 3, bias: double, bidirectional: true}}]",
        "input: 8x8x4\nlayers: [{conv: {filters: 4, kernel: 3, pad: 1}, as: a}, relu, "
        "{conv: {filters: 4, kernel: 3, pad: 1, stride: 2}, share: a}]",
        "input: 10\nlayers: [{embedding: {vocab: 1000000000, dim: 8}}, {rnn: {units: 5, returns: last}}]",
        "input: {left: 8x8x3, right: 4}\n"
        "layers: [{conv: {filters: 3, kernel: 3}, from: left}, {mul: [prev, [{fc: 3, from: right}]]}]",
    ],
    ids=[
        "average of a small volume",
        "volume with moved axes",
        "long sequences",
        "shared with another stride",
        "huge table",
        "two inputs",
    ],
)
def test_single_constructs(text: str) -> None:
    """They do not occur in random networks."""
    found = verify(network_of(text))
    assert found.agrees, said(found)


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize(("framework", "counted"), [("torch", True), ("keras", False)])
def test_the_command_against_the_frameworks(framework: str, counted: bool) -> None:
    """The command prints a note about what Keras does not count."""
    from click.testing import CliRunner

    from cnncalc.cli import cli

    done = CliRunner().invoke(cli, ["verify", "lenet5", "--framework", framework], standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 0)
    assert "agrees with cnncalc in every figure of 11 layers" in done.stdout
    assert ("only cnncalc counts multiply-adds: Keras does not" in done.stdout) is not counted


def test_the_names_that_modules_have_are_avoided() -> None:
    """An attribute with such a name would break the module. Other packages add names of their own in this process."""
    from cnncalc.writers.torch.writer import ATTRIBUTES

    code = "import torch; print(*dir(torch.nn.Module()))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    names = {name for name in printed.split() if not name.startswith("_")}
    assert "register_buffer" in names
    assert names <= ATTRIBUTES


def test_the_source_runs_by_itself(tmp_path: Path) -> None:
    """It runs in an interpreter without cnncalc, on real values."""
    import subprocess
    import sys

    from cnncalc.writers.torch.writer import source

    path = tmp_path / "small.py"
    path.write_text(source(network_of(SMALL)).text, encoding="ascii")
    done = subprocess.run([sys.executable, "-I", str(path)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.split("\n")[:2] == ["5434 parameters", "(1, 10)"], done.stderr


def test_one_bias_equals_one_of_two() -> None:
    """It computes the same as a torch.nn.LSTM whose second bias vector is zero."""
    from cnncalc.writers.torch.writer import source

    network = network_of("name: L\ninput: 7x5\nlayers: [{lstm: {units: 3, layers: 2, bidirectional: true}}]")
    names: dict[str, Any] = {}
    exec(source(network).text, names)
    model = names["L"]()
    plain = torch.nn.LSTM(5, 3, num_layers=2, bidirectional=True, batch_first=True)
    with torch.no_grad():
        for name, tensor in plain.named_parameters():
            tensor.copy_(getattr(model.lstm1, name))
    x = torch.randn(2, 7, 5)
    assert torch.allclose(model(x), plain(x)[0])
    model.double()(x.double())  # the weights move with the module
    assert not any("bias_hh" in name for name in model.state_dict())


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_frozen_layers_agree(framework: str) -> None:
    """Frozen parameters are parameters, even though Keras lists them among the statistics."""
    text = "input: 8x8x3\nlayers:\n- {conv: {filters: 4, kernel: 3}, trainable: false}\n- {batchnorm: , trainable: false}\n"
    assert verify(network_of(text + "- fc: 2\n"), framework).agrees


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_an_unpooling_cannot_be_built(framework: str) -> None:
    """The error names the layer and is not an internal error."""
    text = "input: 16x16x3\nlayers:\n- {conv: {filters: 8, kernel: 3, pad: 1}, as: a}\n- maxpool: 2\n- maxunpool: {like: a}\n"
    with pytest.raises(Unexportable, match="maxunpool1"):
        verify(network_of(text), framework)
