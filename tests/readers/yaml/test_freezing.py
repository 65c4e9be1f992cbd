"""Parameters that are not trained: in files, on the command line and in figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.memory.peak import train
from cnncalc.analyses.memory.plan import plan
from cnncalc.analyses.totals import analyze
from cnncalc.layers.operator import Operator
from cnncalc.network import Network
from cnncalc.problem import Refused, Source
from cnncalc.readers.yaml.reader import read
from cnncalc.writers.yaml.writer import write_checked

CONV = "conv: {filters: 16, kernel: 3, pad: 1}"
HEAD = "globalavgpool, fc: 10"
BACKBONE = "as: backbone, seq: [" + CONV + ", relu, " + CONV + "]"
PLAIN = f"input: 32x32x3\nlayers: [{{{BACKBONE}}}, {HEAD}]\n"
PEAK = 299_848  # measured by PyTorch's storages: tests/oracle/analyses/memory/test_frozen.py
LEARNED = 16 * 10 + 10


def network(text: str) -> Network:
    return read(Source("net.yaml", text))


FROZEN = {
    "group": f"input: 32x32x3\nlayers: [{{{BACKBONE}, trainable: false}}, {HEAD}]\n",
    "steps": f"input: 32x32x3\nlayers: [{{{CONV}, trainable: false}}, relu, {{{CONV}, trainable: false}}, {HEAD}]\n",
    "defaults": f"input: 32x32x3\ndefaults: {{conv: {{trainable: false}}}}\nlayers: [{CONV}, relu, {CONV}, {HEAD}]\n",
    "block": f"input: 32x32x3\nblocks: {{B: [{CONV}, relu, {CONV}]}}\nlayers: [{{B: , trainable: false}}, {HEAD}]\n",
    "inside a block": f"input: 32x32x3\nblocks:\n  B(t): [{{seq: [{CONV}, relu, {CONV}], trainable: $t}}]\n"
    f"layers: [B: [false], {HEAD}]\n",
    "step in a frozen network": f"input: 32x32x3\nlayers: [{{seq: [{CONV}, relu, {CONV}, globalavgpool, "
    "{fc: 10, trainable: true}], trainable: false}]\n",
    "step against defaults": f"input: 32x32x3\ndefaults: {{conv: {{trainable: false}}, fc: {{trainable: false}}}}\n"
    f"layers: [{CONV}, relu, {CONV}, globalavgpool, {{fc: 10, trainable: true}}]\n",
}


@pytest.mark.parametrize("way", FROZEN)
def test_a_frozen_backbone(way: str) -> None:
    """All of these describe the same network, in which only the head is trained."""
    found = network(FROZEN[way])
    totals = analyze(found).totals
    assert (totals.params, totals.trainable) == (analyze(network(PLAIN)).totals.params, LEARNED)
    run = train(found, 2, optimizer="adam")
    assert (run.peak.live, run.gradients, run.unknown) == (PEAK, 4 * LEARNED, ())
    assert run.fixed["optimizer state"] == 2 * run.gradients


def test_shared_parameters_are_frozen_with_their_owner() -> None:
    text = f"input: 8x8x16\nlayers: [{{{CONV}, as: a, trainable: false}}, {{{CONV}, share: a}}, fc: 2]\n"
    assert [node.frozen is not None for node in network(text).nodes] == [False, True, True, False]
    assert analyze(network(text)).totals.trainable == 8 * 8 * 16 * 2 + 2


def test_without_a_trained_layer_there_is_no_gradient(tmp_path: Path, ended: Any) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: 8\nlayers: [{seq: [fc: 4, relu, fc: 2], trainable: false}]\n")
    run = train(network(path.read_text()), optimizer="adam")
    assert (run.gradients, run.fixed["optimizer state"]) == (0, 0)
    status, out, err = ended("memory", str(path))
    assert (status, err) == (0, "")
    assert "every parameter is frozen" in " ".join(out.split())
    assert "every parameter is frozen" not in ended("memory", "lenet5")[1]


@pytest.mark.parametrize("names", [("backbone",), ("conv1", "conv2"), ("conv",), ("backbone.conv1", "backbone.conv2")])
def test_freeze(tmp_path: Path, ended: Any, names: tuple[str, ...]) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(PLAIN)
    options = [word for name in names for word in ("--freeze", name)]
    status, out, err = ended(
        "memory", str(path), "--batch", "2", "--optimizer", "adam", "--mode", "train", "--format", "json", *options
    )
    assert (status, err) == (0, "")
    assert json.loads(out)["training"]["peak_bytes"] == PEAK
    assert json.loads(out)["training"]["gradients_bytes"] == 4 * LEARNED
    assert ended("analyze", str(path), "--get", "trainable", *options) == (0, f"{LEARNED}\n", "")
    status, out, _ = ended("analyze", str(path), "--format", "json", *options)
    data = json.loads(out)
    assert data["totals"]["trainable"] == sum(layer["trainable"] for layer in data["layers"]) == LEARNED
    assert data["frozen"] == list(names)
    status, out, _ = ended("analyze", str(path), "--columns", "trainable", *options)
    assert "params that are trained; 2,768 are frozen" in out
    status, out, _ = ended("compare", str(path), *options, "--only", "params,trainable", "--format", "json")
    assert [(one["quantity"], one["a"], one["b"]) for one in json.loads(out)["totals"]] == [
        ("params", 2938, 2938),
        ("trainable", 2938, LEARNED),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bakbone", "--freeze: no layer or block named `bakbone`: did you mean `backbone`?"),
        ("relu1", "--freeze: `relu1` has no parameters: name a layer or block that has some"),
    ],
)
def test_a_name_that_freezes_nothing(tmp_path: Path, ended: Any, name: str, text: str) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(PLAIN)
    status, out, err = ended("analyze", str(path), "--freeze", name)
    assert (status, out) == (2, "")
    assert text in err


@pytest.mark.parametrize("way", FROZEN)
def test_a_written_file_keeps_what_is_frozen(way: str) -> None:
    written = write_checked(network(FROZEN[way])).text
    assert "trainable: false" in written
    assert train(network(written), 2, optimizer="adam").peak.live == PEAK


def test_a_shared_step_cannot_set_trainable() -> None:
    text = f"input: 8x8x16\nlayers: [{{{CONV}, as: a}}, {{{CONV}, share: a, trainable: false}}]\n"
    with pytest.raises(Refused) as refused:
        network(text)
    assert "the weights belong to the shared step" in refused.value.problems[0].text


def test_two_plans_at_once() -> None:
    """Plans share the operations of an `Operator`, but notes in one plan must not reach another."""
    found = network(PLAIN)
    conv = found.nodes[1]
    assert conv.layer is not None
    shapes = found.shapes(conv)
    ops = conv.layer.operations(True, *shapes)
    conv.statistics = Operator("conv", conv.output, like=conv.layer, ops=ops).statistics(shapes)
    before = train(found, 2, work=plan(found, training=True)).peak
    states = [{name: getattr(op, name) for name in type(op).__slots__} for op in ops or []]
    first, second = plan(found, training=True), plan(found, training=True, amp="float16")
    train(found, 2, work=second)
    train(found, 2, work=plan(found, training=True, inplace=True))
    assert train(found, 2, work=first).peak == before
    assert [{name: getattr(op, name) for name in type(op).__slots__} for op in ops or []] == states


def test_json_names_the_frozen_blocks(ended: Any) -> None:
    """In every command that changes a network and prints JSON."""
    network = ("-e", "32x32x3 -> [CONV3-16 -> RELU -> POOL2]*2 -> FC-10")
    options = ("--freeze", "conv1", "--format", "json")
    for command in ("analyze", "memory", "deploy", "reconcile"):
        assert json.loads(ended(command, *network, *options).out)["frozen"] == ["conv1"], command
    compared = json.loads(ended("compare", *network, *network, *options).out)
    assert (compared["frozen"], compared["batch_axes"]) == ([["conv1"], ["conv1"]], [[], []])
