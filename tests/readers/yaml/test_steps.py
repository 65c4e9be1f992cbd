"""Steps and blocks: expansion, names, scopes, repetition, sharing, projections, parameters, expectations."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from cnncalc.analyses.claims import expected
from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers.limits import TRUSTED, UNTRUSTED, Limits
from cnncalc.readers.yaml.reader import Overrides, read
from cnncalc.readers.yaml.steps import DEEPEST


def net(layers: str, shape: str = "8x8x4", limits: Limits = TRUSTED, given: Any = None, **keys: str) -> Network:
    """Return the network of these layers (one line of YAML), with other keys of the file."""
    text = f"input: {shape}\nlayers: {layers}\n" + "".join(f"{key}: {value}\n" for key, value in keys.items())
    return read(Source("net.yaml", text), Overrides(given or {}), limits)


def names(network: Network) -> list[str]:
    """Return the names of the layers, without the inputs."""
    return [node.name for node in network.nodes if node.layer is not None]


def shapes(network: Network) -> list[str]:
    return [str(node.output) for node in network.nodes]


def inputs(network: Network) -> dict[str, list[str]]:
    """Return the inputs of every layer by name."""
    nodes = network.nodes
    return {node.name: [nodes[index].name for index in node.inputs] for node in nodes if node.layer is not None}


def params(network: Network) -> int:
    return analyze(network).totals.params


def refused(layers: str, **options: Any) -> Problem:
    with pytest.raises(Refused) as error:
        net(layers, **options)
    (problem,) = error.value.problems
    return problem


# -- one step ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layers",
    [
        "[fc: 10]",
        "[fc: {units: 10}]",
        "[{fc: 10}]",
        '[{"fc": "10"}]',
        "[fc: 2*5]",
        "[fc: (2*5)]",
    ],
)
def test_ways_to_write_a_layer(layers: str) -> None:
    assert shapes(net(layers)) == ["8x8x4", "10"]


@pytest.mark.parametrize("layers", ["[tanh]", "[tanh: ]", "[tanh: {}]", '["tanh"]', "[{tanh: }]"])
def test_ways_to_write_a_bare_layer(layers: str) -> None:
    assert names(net(layers)) == ["tanh1"]


@pytest.mark.parametrize(
    "layers", ["[]", "[seq: []]", "[{relu: , when: false}]", "[{fc: 10, repeat: 0}]", "[{seq: [relu], repeat: $n - 3}]"]
)
def test_no_layers_at_all(layers: str) -> None:
    """None written, or none left: an input alone is not a network."""
    with pytest.raises(Refused) as error:
        net(layers, params="{n: 3}")
    (problem,) = error.value.problems
    assert (problem.code, problem.where is not None) == ("no-layers", True)
    assert [node.name for node in error.value.partial.nodes] == ["input"]


# -- names ------------------------------------------------------------------------------------------------------------


def test_layers_are_numbered_by_kind() -> None:
    network = net("[relu, tanh, relu, relu6, relu6, {conv: {filters: 4, kernel: 1}, repeat: 2}]")
    # a kind that ends in a digit is separated from its number
    assert names(network) == ["relu1", "tanh1", "relu2", "relu6_1", "relu6_2", "conv1", "conv2"]


def test_written_names() -> None:
    network = net("[{relu: , as: a}, {relu: , as: b, repeat: 2}, {seq: [relu, tanh], as: c}, relu]")
    assert names(network) == ["a", "b.relu1", "b.relu2", "c.relu1", "c.tanh1", "relu1"]


def test_repeated_names() -> None:
    assert names(net("[{seq: [{relu: , as: r}, tanh], repeat: 3}]")) == ["r", "tanh1", "r_2", "tanh2", "r_3", "tanh3"]


def test_names_are_unique() -> None:
    network = net(
        "[{relu: , as: conv1}, conv: {filters: 4, kernel: 1}, {tanh: , as: relu1}, relu, {seq: [relu], as: s_2}]"
    )
    assert names(network) == ["conv1", "conv2", "relu1", "relu2", "s_2.relu1"]
    assert len(set(names(network))) == len(names(network))


def test_names_of_inputs_are_reserved() -> None:
    assert names(net("[relu, relu]", shape="{relu1: 8x8x4, other: 3}")) == ["relu2", "relu3"]


def test_names_inside_blocks() -> None:
    network = net(
        "[Stage: 2, Stage: 1, {Stage: 1, as: last}, {Stage: 1, repeat: 2, as: many}]",
        blocks="{Stage(n): [{Unit: , repeat: $n}], Unit: [relu, tanh]}",
    )
    assert names(network) == [
        "Stage1.Unit1.relu1", "Stage1.Unit1.tanh1", "Stage1.Unit2.relu1", "Stage1.Unit2.tanh1",
        "Stage2.Unit1.relu1", "Stage2.Unit1.tanh1",
        "last.Unit1.relu1", "last.Unit1.tanh1",
        "many.Stage1.Unit1.relu1", "many.Stage1.Unit1.tanh1", "many.Stage2.Unit1.relu1", "many.Stage2.Unit1.tanh1",
    ]  # fmt: skip


def test_names_of_branches() -> None:
    network = net(
        "[concat: [[relu], prev, [tanh]], concat: {left: [relu], right: prev}, residual: {main: [conv: {filters: 2, "
        "kernel: 1}], projection: [conv: {filters: 2, kernel: 1}]}]"
    )
    assert names(network) == [
        "branch1.relu1", "branch2.tanh1", "concat1", "left.relu1", "concat2", "conv1", "projection.conv1", "add1",
    ]  # fmt: skip


# -- as and from ------------------------------------------------------------------------------------------------------


def test_from_takes_a_value_above() -> None:
    network = net("[{relu: , as: a}, tanh, {sigmoid: , from: a}, {tanh: , from: input}, {relu: , from: prev}]")
    assert inputs(network) == {
        "a": ["input"], "tanh1": ["a"], "sigmoid1": ["a"], "tanh2": ["input"], "relu1": ["tanh2"],
    }  # fmt: skip


def test_names_that_look_like_sizes() -> None:
    """Papers call a branch `1x1`, so it is a valid name that can be used."""
    network = net(
        "[{relu: , as: 1x1}, {conv: {filters: 4, kernel: 3, pad: 1}, as: 3x3}, {add: [1x1, 3x3]}, {tanh: , from: 1x1}]"
    )
    assert inputs(network)["add1"] == ["1x1", "3x3"]
    assert inputs(network)["tanh1"] == ["1x1"]


def test_a_name_is_the_last_value_of_its_step() -> None:
    network = net("[{seq: [relu, tanh], repeat: 2, as: all}, sigmoid, {elu: , from: all}]")
    assert inputs(network)["elu1"] == ["all.tanh2"]


def test_a_skipped_step_names_its_input() -> None:
    network = net("[relu, {tanh: , as: a, when: false}, {tanh: , as: b, repeat: 0}, sigmoid, add: [a, b]]")
    assert inputs(network)["add1"] == ["relu1", "relu1"]


def test_from_of_a_skipped_step_has_no_effect() -> None:
    network = net("[{relu: , as: a}, tanh, {elu: , from: a, when: false}, sigmoid]")
    assert inputs(network)["sigmoid1"] == ["tanh1"]


def test_outputs() -> None:
    network = net("[{relu: , as: a}, {tanh: , as: b}, sigmoid]", outputs="[a, b, prev, input]")
    assert [network.nodes[index].name for index in network.outputs] == ["a", "b", "sigmoid1", "input"]
    assert [network.nodes[index].name for index in net("[{relu: , as: a}, tanh]", outputs="a").outputs] == ["a"]


def test_several_inputs() -> None:
    network = net("[relu, {tanh: , from: right}, add: [left, prev]]", shape="{left: 8x8x4, right: 8x8x4}")
    assert [(node.name, str(node.output)) for node in network.inputs] == [("left", "8x8x4"), ("right", "8x8x4")]
    assert inputs(network) == {"relu1": ["left"], "tanh1": ["right"], "add1": ["left", "tanh1"]}


def test_several_inputs_from_the_command_line() -> None:
    text = "input: {left: 8x8x4, right: 100}\nlayers: [relu]"
    network = read(Source("net.yaml", text), Overrides({}, {"right": "7x3"}))
    assert [str(node.output) for node in network.inputs] == ["8x8x4", "7x3"]


# -- repeat and when --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", range(4))
def test_repeat_chains(times: int) -> None:
    network = net(f"[relu, {{maxpool: {{kernel: 3, stride: 1}}, repeat: {times}}}]", shape="16x16x1")
    assert shapes(network)[1:] == [f"{16 - 2 * done}x{16 - 2 * done}x1" for done in range(times + 1)]


def test_repeat_by_expression() -> None:
    network = net("[{relu: , repeat: $n - 1}, {tanh: , repeat: $in_channels // 2}]", params="{n: 3}")
    assert names(network) == ["relu1", "relu2", "tanh1", "tanh2"]


def test_the_incoming_size_changes_each_round() -> None:
    network = net("[{conv: {filters: 2*$in_channels, kernel: 1}, repeat: 3}, {maxpool: 2, repeat: $in_height // 4}]")
    assert shapes(network) == ["8x8x4", "8x8x8", "8x8x16", "8x8x32", "4x4x32", "2x2x32"]


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ("true", True), ("false", False), ("$on", True), ("$n == 3", True), ("$n != 3", False), ("$n % 2 == 0", False),
        ("$act == relu", True), ("$act == tanh", False), ("$in_channels >= 4", True), ("$in_height < $in_width", False),
    ],
)  # fmt: skip
def test_when(condition: str, runs: bool) -> None:
    network = net(f"[tanh, {{relu: , when: {condition}}}]", params="{on: true, n: 3, act: relu}")
    assert names(network) == (["tanh1", "relu1"] if runs else ["tanh1"])


def test_when_comes_before_repeat() -> None:
    assert names(net("[tanh, {relu: , when: false, repeat: $n - 5}]", params="{n: 3}")) == ["tanh1"], (
        "what is not run is not worked out"
    )


# -- blocks and scopes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        "[8, 3]",
        "{filters: 8, kernel: 3}",
        "{kernel: 3, filters: 8}",
        "[8]",
        "8",
        "{filters: 8}",
        "[2*4, 1+2]",
        "[$w, 3]",
    ],
)
def test_ways_to_call_a_block(call: str) -> None:
    network = net(
        f"[Conv: {call}]",
        blocks="{'Conv(filters, kernel=3)': [conv: {filters: $filters, kernel: $kernel, pad: same}]}",
        params="{w: 8}",
    )
    assert shapes(network) == ["8x8x4", "8x8x8"]
    assert params(network) == 3 * 3 * 4 * 8 + 8


def test_defaults_of_parameters_are_literals_of_every_kind() -> None:
    network = net(
        "[B, B: {on: true, act: relu, size: 3, rate: 0.25}]",
        blocks="{'B(on=false, act=tanh, size=1x7, rate=0.5)': [{sigmoid: , when: $on}, $act, {conv: {filters: 1, "
        "kernel: $size, pad: same}}, dropout: $rate]}",
    )
    kinds = [node.kind for node in network.nodes]
    assert kinds == ["input", "tanh", "conv", "dropout", "sigmoid", "relu", "conv", "dropout"]
    spelled = [node.layer.format_fields() for node in network.nodes if node.kind in ("conv", "dropout") and node.layer]
    assert spelled == [
        "filters 1, kernel 1x7, pad same", "", "filters 1, kernel 3, pad same", "rate 0.25",
    ]  # fmt: skip


def test_a_block_sees_the_parameters_of_the_file_and_its_own_but_not_its_callers() -> None:
    blocks = (
        "{'Outer(width)': [conv: {filters: $width, kernel: 1}, Inner], Inner: [conv: {filters: $width, kernel: 1}]}"
    )
    network = net("[Outer: 5]", params="{width: 2}", blocks=blocks)
    assert shapes(network) == ["8x8x4", "8x8x5", "8x8x2"]
    assert refused("[Outer: 5]", blocks=blocks).text == "unknown parameter $width"


def test_arguments_are_evaluated_by_the_caller() -> None:
    network = net(
        "[maxpool: 2, Wide: 2*$in_channels]",
        blocks="{'Wide(filters)': [maxpool: 2, conv: {filters: 3, kernel: 1}, conv: {filters: $filters, kernel: 1}]}",
    )
    assert shapes(network)[-1] == "2x2x8"


def test_names_are_found_in_the_block_then_its_callers_then_the_file() -> None:
    blocks = "{Outer: [{tanh: , as: skip}, Inner], Inner: [sigmoid, add: [skip, prev]]}"
    network = net("[{relu: , as: skip}, elu, Outer, elu, Inner]", blocks=blocks)
    assert inputs(network)["Outer1.Inner1.add1"] == ["Outer1.skip", "Outer1.Inner1.sigmoid1"]
    assert inputs(network)["Inner1.add1"] == ["skip", "Inner1.sigmoid1"]


def test_a_block_can_use_a_name_of_its_caller_before_it_binds_it() -> None:
    blocks = "{B: [{sigmoid: , from: skip}, {tanh: , as: skip}]}"
    network = net("[{relu: , as: skip}, elu, B]", blocks=blocks)
    assert inputs(network)["B1.sigmoid1"] == ["skip"]
    assert inputs(network)["B1.skip"] == ["B1.sigmoid1"]


def test_a_name_in_a_block_hides_the_outer_one_until_the_block_ends() -> None:
    network = net("[{relu: , as: a}, B, add: [a, prev]]", blocks="{B: [{tanh: , as: a}, elu, add: [a, prev]]}")
    assert inputs(network)["B1.add1"] == ["B1.a", "B1.elu1"]
    assert inputs(network)["add1"] == ["a", "B1.add1"]


def test_names_are_passed_to_blocks() -> None:
    network = net(
        "[{relu: , as: enc}, maxpool: 2, Up: [8, enc]]",
        blocks="{'Up(filters, skip)': [{convtranspose: {filters: $filters, kernel: 2, stride: 2}, as: up}, "
        "concat: {skip: [{crop: up, from: $skip}], up: prev}]}",
    )
    assert inputs(network)["Up1.skip.crop1"] == ["enc", "Up1.up"]
    assert shapes(network)[-1] == "8x8x12"


def test_kinds_are_passed_to_blocks() -> None:
    network = net("[Act: relu, Act: tanh, {$act: , repeat: 2}]", blocks="{Act(kind): [$kind]}", params="{act: elu}")
    assert names(network) == ["Act1.relu1", "Act2.tanh1", "elu1", "elu2"]


def test_a_kind_in_a_parameter_takes_its_fields_from_the_defaults() -> None:
    network = net("[$pool]", params="{pool: maxpool}", defaults="{maxpool: {kernel: 4}}")
    assert shapes(network) == ["8x8x4", "2x2x4"]


def test_blocks_can_be_in_any_order() -> None:
    assert names(net("[A]", blocks="{A: [B], B: [relu]}")) == names(net("[A]", blocks="{B: [relu], A: [B]}"))


# -- defaults and parameters ------------------------------------------------------------------------------------------


def test_written_fields_override_defaults() -> None:
    network = net(
        "[conv: 5, conv: {filters: 5, kernel: 1, pad: 0}, maxpool, conv: {filters: 2, bias: true}]",
        defaults="{conv: {kernel: 3, pad: 1, bias: false}, maxpool: {kernel: $k}}",
        params="{k: 2}",
    )
    assert shapes(network) == ["8x8x4", "8x8x5", "8x8x5", "4x4x5", "4x4x2"]
    assert params(network) == 3 * 3 * 4 * 5 + 5 * 5 + 3 * 3 * 5 * 2 + 2


def test_parameters_from_the_command_line() -> None:
    layers = "[{seq: [$act], repeat: $n}, {elu: , when: $on}, conv: {filters: 8*$w, kernel: $k, pad: same}]"
    file = "{act: tanh, n: 3, on: false, w: 1, k: 3}"
    assert [node.kind for node in net(layers, params=file).nodes] == ["input", "tanh", "tanh", "tanh", "conv"]
    changed = net(layers, params=file, given={"act": "relu", "n": "1", "on": "true", "w": "0.5", "k": "1x3"})
    assert [node.kind for node in changed.nodes] == ["input", "relu", "elu", "conv"]
    assert (shapes(changed)[-1], params(changed)) == ("8x8x4", 3 * 4 * 4 + 4)


def test_the_input_may_depend_on_parameters() -> None:
    assert shapes(net("[relu]", shape="{height: $s, width: 2*$s, channels: 3}", params="{s: 4}"))[0] == "4x8x3"
    assert shapes(net("[relu]", shape="$size", params="{size: 5x6x7}", given={"size": "8x9x7"}))[0] == "8x9x7"


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ("784", "784"),
        ("100x300", "100x300"),
        ("32x32x3", "32x32x3"),
        ("16x112x112x3", "16x112x112x3"),
        ("{height: 480, width: 640, channels: 3}", "480x640x3"),
        ("{channels: 3, width: 640, height: 480}", "480x640x3"),
        ("{height: 3, width: 224, channels: 224}", "3x224x224"),
        ("{steps: 100, features: 300}", "100x300"),
        ("{depth: 8, height: 9, width: 10, channels: 1}", "8x9x10x1"),
        ("4x4x4", "4x4x4"),
        ("5x28x28", "5x28x28"),
        ("1000000", "1000000"),
    ],
)
def test_input_shapes(written: str, shape: str) -> None:
    assert shapes(net("[relu]", shape=written))[0] == shape


def test_input_names_that_look_like_the_long_form() -> None:
    found = net("[relu]", shape="{image: 32x32x3, features: 10}")
    assert [(node.name, str(node.output)) for node in found.inputs] == [("image", "32x32x3"), ("features", "10")]


# -- residual ---------------------------------------------------------------------------------------------------------


def test_residual_adds_its_input() -> None:
    network = net("[residual: [relu, tanh]]")
    assert inputs(network)["add1"] == ["tanh1", "input"]


@pytest.mark.parametrize(
    ("projection", "layers"),
    [
        ("", None),
        (", projection: none", ["conv1"]),
        (", projection: [conv: {filters: 8, kernel: 1}]", ["conv1", "projection.conv1", "add1"]),
        (", projection: {conv: {filters: 8, kernel: 1}}", ["conv1", "projection.conv1", "add1"]),
    ],
)
def test_projection_where_main_changes_the_shape(projection: str, layers: list[str] | None) -> None:
    text = f"[residual: {{main: [conv: {{filters: 8, kernel: 1}}]{projection}}}]"
    if layers is None:
        assert refused(text).code == "shapes-differ"
    else:
        assert names(net(text)) == layers


@pytest.mark.parametrize("projection", ["", ", projection: none", ", projection: [conv: {filters: 8, kernel: 1}]"])
def test_no_projection_where_main_keeps_the_shape(projection: str) -> None:
    text = f"[{{residual: {{main: [conv: {{filters: 4, kernel: 1}}]{projection}}}, as: r}}]"
    assert names(net(text)) == ["conv1", "r"]


def test_the_projection_starts_from_the_input() -> None:
    text = (
        "[residual: {main: [conv: {filters: 2*$in_channels, kernel: 3, pad: 1, stride: 2}, relu], "
        "projection: [conv: {filters: 2*$in_channels, kernel: 1, stride: 2}]}]"
    )
    network = net(text)
    assert inputs(network)["projection.conv1"] == ["input"]
    assert inputs(network)["add1"] == ["relu1", "projection.conv1"]
    assert shapes(network)[-1] == "4x4x8"


SAYS = r"add `projection: \[(.*)\]`, or `projection: none` for no shortcut here"


@pytest.mark.parametrize(
    "main",
    [
        "filters: 7, kernel: 1",
        "filters: 4, kernel: 3, pad: 1, stride: 2",
        "filters: 9, kernel: 5, pad: 2, stride: 3",
    ],
)
def test_the_projection_that_the_error_proposes_is_right(main: str) -> None:
    for shape in ("8x8x4", "9x9x4", "7x10x4", "12x4", "5x6x7x4"):
        problem = refused(f"[residual: [conv: {{{main}}}]]", shape=shape)
        match = re.fullmatch(SAYS, problem.help)
        assert match, problem.help
        assert net(f"[residual: {{main: [conv: {{{main}}}], projection: [{match.group(1)}]}}]", shape=shape)


@pytest.mark.parametrize(
    "main", ["conv: {filters: 4, kernel: 3}", "flatten", "upsample: 2", "maxpool: {kernel: 3, stride: 1}"]
)
def test_no_projection_is_proposed_that_would_not_help(main: str) -> None:
    assert "conv:" not in refused(f"[residual: [{main}]]").help


# -- merges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("merge", "shape"),
    [
        ("{concat: [prev, prev]}", "8x8x8"),
        ("{concat: [prev, [conv: {filters: 3, kernel: 1}], input]}", "8x8x11"),
        ("{concat: [prev, prev], axis: height}", "16x8x4"),
        ("{concat: [prev, prev, prev], axis: width}", "8x24x4"),
        ("{concat: {a: prev, b: []}, axis: channels}", "8x8x8"),
        ("{add: [prev, []]}", "8x8x4"),
        ("{mul: [prev, [globalavgpool]]}", "8x8x4"),
        ("{mul: {value: prev, gate: [globalavgpool, fc: 4, sigmoid]}}", "8x8x4"),
        ("{add: [prev, {conv: {filters: 4, kernel: 1}}]}", "8x8x4"),
    ],
)
def test_merges(merge: str, shape: str) -> None:
    assert shapes(net(f"[{merge}]"))[-1] == shape


def test_branches_start_from_the_incoming_value() -> None:
    network = net("[{relu: , as: a}, tanh, concat: [[elu], a, input, prev, [{selu: , from: a}]]]")
    found = inputs(network)
    assert found["branch1.elu1"] == ["tanh1"]
    assert found["branch2.selu1"] == ["a"]
    assert found["concat1"] == ["branch1.elu1", "a", "input", "tanh1", "branch2.selu1"]


def test_names_inside_a_branch_can_be_used_after_it() -> None:
    network = net("[concat: [[{relu: , as: a}, tanh], prev], {maxpool: 2, from: a}]")
    assert inputs(network)["maxpool1"] == ["branch1.a"]


# -- share ------------------------------------------------------------------------------------------------------------


def test_shared_weights_count_once() -> None:
    once = net("[{fc: 10, as: one}, {fc: 10, as: two}]")
    shared = net(
        "[{fc: 10, as: one}, {fc: 10, as: two}, {fc: 10, share: two, as: three}, {fc: 10, share: three, repeat: 2}]"
    )
    assert params(shared) == params(once) == 256 * 10 + 10 + 10 * 10 + 10
    owner = next(node.index for node in shared.nodes if node.name == "two")
    assert [node.shared for node in shared.nodes] == [None, None, None, owner, owner, owner]
    macs = analyze(shared).totals.macs
    assert macs == 256 * 10 + 4 * 100, "the layer computes again"


def test_siamese_towers() -> None:
    network = net(
        "[{Tower: , as: a}, {Tower: , from: right, share: a, as: b}, add: [a, b]]",
        shape="{left: 28x28x1, right: 28x28x1}",
        blocks="{Tower: [conv: {filters: 8, kernel: 3}, batchnorm, relu, fc: 16]}",
    )
    alone = net("[Tower]", shape="28x28x1", blocks="{Tower: [conv: {filters: 8, kernel: 3}, batchnorm, relu, fc: 16]}")
    assert params(network) == params(alone)
    assert inputs(network)["b.conv1"] == ["right"]


@pytest.mark.parametrize(
    ("second", "ours", "theirs"),
    [
        ("{fc: 11, share: one}", "fc with weight 10*11, bias 11", "fc with weight 8*8*4*10, bias 10"),
        ("{fc: {units: 10, bias: false}, share: one}", "fc with weight 10*10", "fc with weight 8*8*4*10, bias 10"),
        ("{linear: 10, share: one}", "linear with weight 10*10, bias 10", "fc with weight 8*8*4*10, bias 10"),
        ("{relu: , share: one}", "relu with no weights", "fc with weight 8*8*4*10, bias 10"),
    ],
)
def test_what_cannot_be_shared(second: str, ours: str, theirs: str) -> None:
    problem = refused(f"[{{fc: 10, as: one}}, {second}]")
    assert (problem.code, problem.text) == ("shares-differ", f"{ours} cannot reuse the weights of `one` ({theirs})")


@pytest.mark.parametrize(("steps", "layers"), [("[fc: 10, relu]", "2 layers"), ("[]", "0 layers")])
def test_steps_of_another_length_cannot_be_shared(steps: str, layers: str) -> None:
    problem = refused(f"[{{fc: 10, as: one}}, {{seq: {steps}, share: one}}]")
    assert problem.text == f"this step makes {layers}, but the one it shares with made 1"


def test_layers_without_weights_share_nothing() -> None:
    network = net("[{relu: , as: a}, {relu: , share: a}]")
    assert [node.shared for node in network.nodes] == [None, None, None]


# -- expect -----------------------------------------------------------------------------------------------------------


def test_expectations_are_compared_with_the_step() -> None:
    network = net(
        "[{conv: {filters: 4, kernel: 1}, as: c, expect: {output: 8x8x4, params: 20, weights: 16, biases: 4, "
        "macs: 1024, activations: 256, receptive_field: 1}}, {relu: , expect: 8x8x5}, "
        "{maxpool: 3, expect: {receptive_field: 3x3, output: 2x2x4}}, "
        "{seq: [fc: 10, relu, fc: 5], repeat: 2, as: heads, expect: {params: 0.3k, output: 5}}]"
    )
    claims = [(one.source, one.quantity, one.claimed, one.computed, one.agrees) for one in expected(analyze(network))]
    assert claims == [
        ("c", "output", "8x8x4", [8, 8, 4], True),
        ("c", "params", "20", 20, True),
        ("c", "weights", "16", 16, True),
        ("c", "biases", "4", 4, True),
        ("c", "macs", "1024", 1024, True),
        ("c", "activations", "256", 256, True),
        ("c", "receptive_field", "1", [1, 1], True),
        ("relu1", "output", "8x8x5", [8, 8, 4], False),
        ("maxpool1", "receptive_field", "3x3", [3, 3], True),
        ("maxpool1", "output", "2x2x4", [2, 2, 4], True),
        ("heads", "params", "0.3k", (16 * 10 + 10) + (10 * 5 + 5) + (5 * 10 + 10) + (10 * 5 + 5), True),
        ("heads", "output", "5", [5], True),
    ]


def test_a_skipped_step_has_no_expectations() -> None:
    assert expected(analyze(net("[tanh, {relu: , when: false, expect: 1x1x1}]"))) == []


# -- errors while expanding -------------------------------------------------------------------------------------------


def test_the_network_up_to_the_error_is_kept() -> None:
    with pytest.raises(Refused) as error:
        net("[relu, maxpool: 2, conv: {filters: 4, kernel: 9}, tanh]")
    assert [node.name for node in error.value.partial.nodes] == ["input", "relu1", "maxpool1"]
    assert error.value.partial.outputs == (2,)


def test_only_the_first_misfit_is_reported() -> None:
    with pytest.raises(Refused) as error:
        net("[conv: {filters: 4, kernel: 9}, conv: {filters: 4, kernel: 99}]")
    assert len(error.value.problems) == 1


def test_no_network_if_the_structure_is_wrong() -> None:
    with pytest.raises(Refused) as error:
        net("[relu, rlu]")
    assert error.value.partial is None


def test_the_trail_leads_from_the_inside_out() -> None:
    problem = refused(
        "[relu, A: 9]", blocks="{'A(k)': [relu, B: $k], 'B(k)': [conv: {filters: 1, kernel: $k}]}"
    )  # fmt: skip
    assert [call.block for call in problem.trail] == ["B", "A"]
    assert all(call.where is not None and call.where.source.line(call.where.line) for call in problem.trail)


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "blocks"),
    [
        ("[{seq: [], repeat: 1000000000}]", "{}"),
        ("[{relu: , repeat: 1000000000}]", "{}"),
        ("[{Nothing: , repeat: 999999999999}]", "{Nothing: []}"),
        ("[{seq: [{seq: [{relu: , repeat: 9000}], repeat: 9000}], repeat: 9000}]", "{}"),
        ("[{residual: [], repeat: 99999999}]", "{}"),
        ("[{seq: [{seq: [], repeat: 5000}], repeat: 5000}]", "{}"),
    ],
)
def test_steps_are_counted_before_they_are_run(layers: str, blocks: str) -> None:
    for limits, longest in ((UNTRUSTED, 1.0), (TRUSTED, 10.0)):
        begin = time.process_time()
        problem = refused(layers, blocks=blocks, limits=limits)
        assert (problem.code, problem.text) == ("too-large", f"the network has more than {limits.steps:,} steps")
        assert time.process_time() - begin < longest


def test_as_many_steps_as_allowed() -> None:
    limits = Limits(steps=100)
    assert len(net("[{relu: , repeat: 100}]", limits=limits).nodes) == 101
    assert refused("[{relu: , repeat: 101}]", limits=limits).code == "too-large"
    assert refused("[{seq: [relu], repeat: 51}]", limits=limits).code == "too-large", "groups are steps as well"


EVERY = "as: {0}, repeat: 1 + 0, when: true, expect: 8x8x4, from: prev"


def test_the_deepest_network_does_not_exhaust_python() -> None:
    """Nested blocks, each with all attributes, called from a branch, need the most calls per level."""
    depth = DEEPEST - 2
    inner, outer = EVERY.format("n"), EVERY.format("r")
    last = depth // 2 - 1
    blocks = [f"B{level}: [{{residual: [{{B{level + 1}: , {inner}}}], {outer}}}]" for level in range(last)]
    network = net("[B0]", blocks=f"{{{', '.join(blocks)}, B{last}: [relu]}}")
    assert max(node.name.count(".") for node in network.nodes) >= depth // 2 - 1


def test_networks_deeper_than_that_are_refused() -> None:
    blocks = ", ".join(f"B{level}: [B{level + 1}]" for level in range(DEEPEST + 1))
    problem = refused("[B0]", blocks=f"{{{blocks}, B{DEEPEST + 1}: [relu]}}")
    assert (problem.code, problem.text) == ("too-large", f"steps nest deeper than {DEEPEST} levels")


def test_tensors_are_bounded() -> None:
    problem = refused("[{upsample: 1000, repeat: 3}]", limits=UNTRUSTED)
    assert (problem.code, problem.where and problem.where.line) == ("too-large", 2)
    assert refused("[]", shape="1000000x1000000x1000000").where is not None


def test_published_figures_of_another_size_are_not_compared() -> None:
    text = "input: 8x8x1\npublished: [{source: x, params: 10, macs: 360}]\nlayers: [conv: {filters: 1, kernel: 3}]\n"
    source = Source("net.yaml", text)
    assert [claim.quantity for claim in read(source).published] == ["params", "macs"]
    assert read(source, Overrides(inputs={"": "9x9x1"})).published == ()
