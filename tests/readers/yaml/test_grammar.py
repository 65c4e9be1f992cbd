"""Words of the grammar that depend on a parameter, a round of `repeat:` or another value, each with a known result.

The values are worked out by hand, published in papers, or were asked about in public questions. tests/oracle compares the
same layers with frameworks.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.memory.peak import train
from cnncalc.analyses.receptive import extent
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.problem import Refused, Source
from cnncalc.readers.limits import UNTRUSTED
from cnncalc.readers.yaml.reader import Overrides, read
from cnncalc.render.lines import ASCII, plain
from cnncalc.render.report import Options, report
from cnncalc.writers.yaml.writer import write_checked


def analysis(text: str, size: str = "") -> Analysis:
    """Return the analysis of a file, with another input if `size` is given."""
    return analyze(read(Source("net.yaml", text), Overrides(inputs={"": size} if size else {})))


def outputs(result: Analysis) -> list[str]:
    """Return the shapes of all layers."""
    return [str(row.node.output) for row in result.rows][1:]


def params(result: Analysis) -> list[int]:
    """Return the parameters of all layers."""
    return [row.params for row in result.rows][1:]


# -- residuals --------------------------------------------------------------------------------------------------------

RESIDUAL = """
input: 32x32x16
defaults: {conv: {bias: false}}
layers:
  - residual:
      main: [conv: {filters: 16, kernel: 3, pad: 1}, batchnorm, relu, conv: {filters: 16, kernel: 3, pad: 1}, batchnorm]
      WORD: [conv: {filters: 16, kernel: 1}, batchnorm]
  - relu
"""
# Kriman et al. 2019, QuartzNet 15x5: 18.9M parameters; every block has a 1x1 convolution in its shortcut
QUARTZNET = """
input: 1000x64
defaults: {conv: {bias: false}, depthwise: {bias: false}}
blocks:
  Separable(filters, kernel, stride=1, dilation=1):
    - depthwise: {kernel: $kernel, stride: $stride, dilation: $dilation, pad: same}
    - conv: {filters: $filters, kernel: 1}
    - batchnorm
  Block(filters, kernel):
    - residual:
        main:
          - {seq: [Separable: [$filters, $kernel], relu], repeat: 4}
          - Separable: [$filters, $kernel]
        shortcut: [conv: {filters: $filters, kernel: 1}, batchnorm]
    - relu
layers:
  - seq: [Separable: [256, 33, 2], relu]
  - {Block: [256, 33], repeat: 3}
  - {Block: [256, 39], repeat: 3}
  - {Block: [512, 51], repeat: 3}
  - {Block: [512, 63], repeat: 3}
  - {Block: [512, 75], repeat: 3}
  - seq: [Separable: [512, 87, 1, 2], relu, conv: {filters: 1024, kernel: 1}, batchnorm, relu]
  - conv: {filters: 29, kernel: 1, bias: true}
"""


def test_a_shortcut_always_runs() -> None:
    """2 * (9*16*16 + 2*16) in the main path and 16*16 + 2*16 in the shortcut."""
    assert analysis(RESIDUAL.replace("WORD", "shortcut")).totals.params == 4960
    assert analysis(RESIDUAL.replace("WORD", "projection")).totals.params == 4672


def test_quartznet() -> None:
    assert analysis(QUARTZNET).totals.params == 18_924_381


def test_a_projection_that_is_never_used_is_noted() -> None:
    (warning,) = read(Source("net.yaml", RESIDUAL.replace("WORD", "projection"))).warnings
    assert (warning.code, warning.level, warning.where and warning.where.line) == ("unused-projection", "warning", 7)
    assert read(Source("net.yaml", RESIDUAL.replace("WORD", "shortcut"))).warnings == ()


def test_a_projection_of_a_block_that_is_used_once_is_not() -> None:
    text = """
input: 8x8x4
blocks:
  B(width): {residual: {main: [conv: {filters: $width, kernel: 1}], projection: [conv: {filters: $width, kernel: 1}]}}
layers: [{B: 4, repeat: 3}, {B: WIDTH, repeat: 3}]
"""
    assert read(Source("net.yaml", text.replace("WIDTH", "8"))).warnings == ()
    assert [one.code for one in read(Source("net.yaml", text.replace("WIDTH", "4"))).warnings] == ["unused-projection"]


def test_names_inside_a_shortcut() -> None:
    text = "input: 8x8x4\nlayers:\n- residual: {main: [relu], shortcut: [{conv: {filters: 4, kernel: 1}, as: c}]}\n"
    assert [row.node.name for row in analysis(text).rows] == ["input", "relu1", "shortcut.c", "add1"]


def test_shortcuts_are_written_again() -> None:
    """The writer restores the blocks instead of writing a step for each of 400 layers."""
    text = write_checked(read(Source("net.yaml", QUARTZNET))).text
    assert text.count("shortcut: [") == 1
    assert text.count("\n") < 35


# -- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("across", ["1x$n", "[1, $n]", "1x($n)", "[1, 7]", "1x($n + 0)", "$onex$n", "1x7"])
@pytest.mark.parametrize("down", ["$nx1", "[$n, 1]", "($n)x1", "[7, 1]", "$nx$one"])
def test_a_size_of_a_parameter(across: str, down: str) -> None:
    """Szegedy et al. 2015, factorised convolutions with n = 7."""
    text = f"""
input: 17x17x768
params: {{n: 7, one: 1}}
layers:
  - conv: {{filters: 192, kernel: {across}, pad: same}}
  - conv: {{filters: 192, kernel: {down}, pad: same}}
"""
    found = analysis(text)
    assert outputs(found) == ["17x17x192"] * 2
    assert params(found) == [7 * 768 * 192 + 192, 7 * 192 * 192 + 192]
    assert [row.node.layer and row.node.layer.nondefault_fields["kernel"] for row in found.rows[1:]] == [(1, 7), (7, 1)]
    assert extent(found.fields[2], found.extent) == ([7, 7], [1, 1])


def test_a_parameter_of_the_whole_name_takes_precedence() -> None:
    text = "input: 9x9x1\nparams: {n: 7, nx1: 3}\nlayers:\n- conv: {filters: 1, kernel: $nx1}\n"
    assert params(analysis(text)) == [3 * 3 + 1]


def test_reshape_follows_its_input() -> None:
    text = "input: {height: 1, width: 26, channels: 512}\nlayers:\n  - reshape: [$in_width, $in_channels]\n"
    assert outputs(analysis(text)) == ["26x512"]
    assert outputs(analysis(text.replace("26", "71"))) == ["71x512"]
    crossed = text.replace("[$in_width, $in_channels]", "$in_widthx$in_channels")
    assert outputs(analysis(crossed)) == ["26x512"]


def test_a_list_of_a_whole_shape_is_still_refused() -> None:
    """It could be in PyTorch's order, while the order of expressions is clear."""
    with pytest.raises(Refused):
        analysis("input: 7x7x512\nlayers:\n  - reshape: [512, 49]\n")


# -- padding ----------------------------------------------------------------------------------------------------------


def test_causal() -> None:
    """van den Oord et al. 2016, WaveNet: kernel 2, dilations 1, 2, 4: the number of steps stays, and 8 of them are seen."""
    text = "input: 16000x1\nlayers:\n  - {conv: {filters: 32, kernel: 2, dilation: 2**$i, pad: causal}, repeat: 3}\n"
    found = analysis(text)
    assert outputs(found) == ["16000x32"] * 3
    assert [extent(field, found.extent) for field in found.fields[1:]] == [([2], [1]), ([4], [1]), ([8], [1])]
    for kind in ("depthwise: {kernel: 3, stride: 2", "conv: {filters: 4, kernel: 3, stride: 2"):
        assert outputs(analysis(f"input: 101x4\nlayers:\n  - {kind}, pad: causal}}\n")) == ["51x4"]


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    "kind", ["conv: {filters: 8, kernel: 3, pad: 1, ", "depthwise: {kernel: 3, pad: 1, ", "pad: {by: 1, "]
)
def test_padding_values_change_no_count(kind: str, mode: str) -> None:
    first = analysis(f"input: 9x9x8\nlayers:\n  - {kind}mode: zeros}}\n")
    found = analysis(f"input: 9x9x8\nlayers:\n  - {kind}mode: {mode}}}\n")
    assert outputs(found) == outputs(first)
    assert params(found) == params(first)
    assert found.totals.macs == first.totals.macs
    assert found.fields == first.fields


# -- the size of another value ----------------------------------------------------------------------------------------

SKIP = """
input: 45x45x1
layers:
  - {conv: {filters: 8, kernel: 3, pad: 1}, as: e1}
  - maxpool: 2
  - convtranspose: {filters: 8, kernel: 2, stride: 2}
  - STEP
  - concat: [e1, prev]
"""


@pytest.mark.parametrize("step", ["pad: {like: e1}", "resize: {like: e1}", "upsample: {like: e1, mode: bilinear}"])
@pytest.mark.parametrize(("size", "shape"), [("45x45x1", "45x45x16"), ("46x46x1", "46x46x16"), ("45x46x1", "45x46x16")])
def test_the_size_of_a_skip(step: str, size: str, shape: str) -> None:
    """milesial/Pytorch-UNet#32: the decoder's value is resized to that of its skip connection."""
    assert outputs(analysis(SKIP.replace("STEP", step), size))[-1] == shape


def test_resize_like() -> None:
    """Chen et al. 2017, DeepLab v3: image pooling, resized to the size of the features."""
    text = """
input: 513x513x3
layers:
  - {conv: {filters: 8, kernel: 3, stride: 16, pad: 1}, as: f}
  - adaptiveavgpool: 1
  - resize: {like: f, mode: bilinear}
"""
    assert outputs(analysis(text))[-1] == "33x33x8"
    assert outputs(analysis(text, "769x769x3"))[-1] == "49x49x8"


# -- rounds -----------------------------------------------------------------------------------------------------------


def test_the_counter_of_a_repeat() -> None:
    found = analysis("input: 8x8x3\nlayers:\n  - {conv: {filters: 64 * 2**$i, kernel: 1}, repeat: 4}\n")
    assert outputs(found) == ["8x8x64", "8x8x128", "8x8x256", "8x8x512"]


def test_the_innermost_repeat_counts() -> None:
    text = """
input: 8x8x3
layers:
  - seq:
      - {fc: 100 + $i}
      - {fc: 10 + $i, repeat: 2}
      - {fc: 200 + $i, repeat: 1}
      - {fc: 300 + $i, when: $i == 1}
    repeat: 2
"""
    assert outputs(analysis(text)) == ["100", "10", "11", "200", "101", "10", "11", "200", "301"]


def test_a_block_does_not_see_the_rounds_of_its_caller() -> None:
    head = "input: 8x8x3\nblocks:\n  B(width): [{fc: $width}, {fc: $width + $i, repeat: 2}]\nlayers:\n"
    assert outputs(analysis(head + "  - {B: 100 * 2**$i, repeat: 2}\n")) == ["100", "100", "101", "200", "200", "201"]
    with pytest.raises(Refused):
        analysis("input: 8x8x3\nblocks:\n  B(width): [{fc: $width + $i}]\nlayers:\n  - {B: 10, repeat: 2}\n")


def test_a_parameter_named_i_is_that_parameter() -> None:
    assert outputs(analysis("input: 8\nparams: {i: 5}\nlayers:\n  - {fc: $i, repeat: 2}\n")) == ["5", "5"]
    text = "input: 8\nblocks:\n  B(i): [{fc: $i, repeat: 2}]\nlayers:\n  - {B: 10 + $i, repeat: 2}\n"
    assert outputs(analysis(text)) == ["10", "10", "11", "11"]


# -- what is stated ---------------------------------------------------------------------------------------------------


def test_expressions_in_holds_and_operator() -> None:
    text = """
input: 8x8x16
params: {r: 4}
layers:
  - {linear: 32, holds: {weight: $in_channels*$r + $r*32}}
  - {operator: [prev], op: lora, output: [$in_height, $in_width, 2*$in_channels], cost: $in_channels*$r}
  - {operator: [prev], op: roll, cost: 0}
"""
    found = analysis(text)
    assert params(found) == [16 * 4 + 4 * 32, 0, 0]
    assert outputs(found) == ["8x8x32", "8x8x64", "8x8x64"]
    assert int(found.rows[2].macs) == 32 * 4


@pytest.mark.parametrize("held", ["$in_channels - 17", "0.5 * $in_height", "$in_channels**12"])
def test_holds_needs_whole_numbers(held: str) -> None:
    with pytest.raises(Refused) as error:
        analysis(f"input: 7x7x16\nlayers:\n  - {{fc: 3, holds: {{weight: {held}}}}}\n")
    (problem,) = error.value.problems
    assert problem.where is not None
    assert problem.text.startswith("`weight` of `holds` must be a whole number from 0 to")


# -- many outputs -----------------------------------------------------------------------------------------------------


def test_many_outputs_do_not_make_the_table_wide() -> None:
    heads = "\n".join(f"  - {{conv: {{filters: {n}, kernel: 1}}, from: input, as: h{n}}}" for n in range(1, 13))
    names = ", ".join(f"h{n}" for n in range(1, 13))
    found = analysis(f"input: 300x300x3\nlayers:\n{heads}\noutputs: [{names}]\n")
    lines = plain(report(found, Options(), ASCII)).split("\n")
    (total,) = [line for line in lines if line.startswith(" total")]
    assert "12 outputs" in total
    assert max(len(line.rstrip()) for line in lines[: lines.index(total)]) < 60
    two = analysis(f"input: 8x8x3\nlayers:\n{heads}\noutputs: [h1, h2]\n")
    assert "8x8x1, 8x8x2" in plain(report(two, Options(), ASCII))


# -- time -------------------------------------------------------------------------------------------------------------


def seconds(text: str) -> float:
    """Return the time to read a stranger's file and compute its memory."""
    begin = time.process_time()
    network = read(Source("net.yaml", text), limits=UNTRUSTED)
    train(network)
    return time.process_time() - begin


def test_weights_that_are_shared_often() -> None:
    """142 bytes: ten times as many uses take about ten times as long, not a hundred times."""
    conv = "conv: {filters: 4, kernel: 1}"
    text = f"input: 8x8x4\nlayers:\n- {{{conv}, as: a}}\n- {{{conv}, share: a, repeat: COUNT}}\n"
    small, large = (text.replace("COUNT", count) for count in ("499", "4990"))
    assert min(seconds(large) / min(seconds(small) for _ in range(3)) for _ in range(2)) < 30


def test_a_replaced_input_keeps_the_order_of_its_axes(tmp_path: Path, ended: Any) -> None:
    """`1x72x512` instead of height 1, width 26 and 512 channels is not channels first, but `512x1x72` still looks like it."""
    file = tmp_path / "net.yaml"
    file.write_text("input: {height: 1, width: 26, channels: 512}\nlayers:\n  - reshape: [$in_width, $in_channels]\n")
    done = ended("analyze", str(file), "--input", "1x72x512", "--format", "json")
    assert (done.status, done.data["layers"][-1]["output"]) == (0, [72, 512])
    assert ended("analyze", str(file), "--input", "1x72x100").status == 2
