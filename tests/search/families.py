"""Families of networks with a question each, for searches that are compared with brute force."""

from __future__ import annotations

from typing import NamedTuple

from cnncalc.search.question import Bound, Goal


class Case(NamedTuple):
    """One family, what varies, and what is asked."""

    spec: str
    vary: tuple[str, ...]
    bounds: tuple[Bound, ...]
    goal: Goal
    line: bool = False


LECTURE = "32x32x3 -> [CONV3-16 -> RELU -> POOL2]*2 -> FC-64 -> RELU -> FC-10"
CHAIN = "24x24x3 -> CONV5-8p2 -> RELU -> CONV3-12 -> RELU -> POOL2 -> FC-30 -> RELU -> FC-10"
PLAIN = """\
name: plain
input: 32x32x3
params: {width: 8, kernel: 3, depth: 2, classes: 10}
layers:
  - conv: {filters: $width, kernel: $kernel}
  - relu
  - {seq: [conv: {filters: 2*$width, kernel: 3, pad: 1}, batchnorm, relu], repeat: $depth}
  - maxpool: 2
  - fc: $classes
"""
BLOCKS = """\
input: 28x28x1
params: {width: 4}
blocks:
  ConvBN(filters, kernel=3):
    - conv: {filters: $filters, kernel: $kernel, pad: $kernel // 2, bias: false}
    - batchnorm
    - relu
  Stage(filters):
    - ConvBN: [$filters]
    - ConvBN: [2*$filters]
    - maxpool: 2
layers:
  - Stage: [$width]
  - Stage: [$width + 3]
  - globalavgpool
  - fc: 10
"""
ROUNDED = """\
input: 24x24x3
params: {width: 1, units: 20}
layers:
  - conv: {filters: "round_to(24*$width, 8)", kernel: 3}
  - relu
  - conv: {filters: "max(4, 10*$width // 1)", kernel: 3, stride: 2}
  - fc: $units
  - relu
  - fc: 5
"""
RESIDUAL = """\
input: 20x20x8
params: {width: 8}
layers:
  - residual: {main: [conv: {filters: $width, kernel: 3, pad: 1}], projection: [conv: {filters: $width, kernel: 1}]}
  - conv: {filters: 6, kernel: 3}
  - globalavgpool
  - fc: 3
"""
STRIDED = """\
input: 32x32x4
layers:
  - {residual: {main: [conv: {filters: 4, kernel: 3, stride: 2, pad: 1}], projection: [conv: {filters: 4, kernel: 1, stride: 2}]}}
  - conv: {filters: 4, kernel: 3, pad: 1}
  - fc: 3
"""
DEPTHWISE = """\
input: 16x16x6
params: {width: 6}
layers:
  - conv: {filters: $width, kernel: 1}
  - conv: {filters: $in_channels, kernel: 3, groups: $in_channels}
  - conv: {filters: 2*$width, kernel: 1}
  - globalavgpool
  - fc: 4
"""
SHRINKS = """\
input: 30x30x2
params: {width: 10}
layers:
  - conv: {filters: 40 - $width, kernel: 3}
  - conv: {filters: $width, kernel: 3}
  - fc: 4
"""
WORDS = """\
input: 12x12x2
params: {act: relu, pool: true, width: 4}
layers:
  - conv: {filters: $width, kernel: 3}
  - $act
  - {maxpool: 2, when: $pool}
  - fc: 6
"""
TWO_INPUTS = """\
input: {left: 10x10x3, right: 10x10x3}
layers:
  - {conv: {filters: 4, kernel: 3}, from: left, as: a}
  - {conv: {filters: 4, kernel: 3}, from: right, as: b}
  - concat: [a, b]
  - fc: 3
"""
GROUPED = """\
input: 8x8x12
params: {groups: 2}
layers: [conv: {filters: 24, kernel: 3, groups: $groups}, fc: 5]
"""
SIZED = """\
input: {height: $size, width: $size, channels: 3}
params: {size: 16, width: 4}
layers: [conv: {filters: $width, kernel: 3}, fc: 5]
"""
SHADOWED = """\
input: 10x10x1
params: {width: 3}
blocks:
  Narrow(width): [conv: {filters: $width, kernel: 1}]
layers: [Narrow: [20 - $width], conv: {filters: $width, kernel: 3}, fc: 2]
"""

most, least = (lambda name, value: Bound(name, None, value)), (lambda name, value: Bound(name, value, None))

CASES = {
    "field": Case(LECTURE, ("conv1.filters=1..40",), (most("params", 30_000),), Goal("params"), True),
    "two fields": Case(CHAIN, ("conv1.filters=1..14", "fc1.units=1..40/3"), (most("params", 20_000),), Goal("macs"), True),
    "field and input": Case(
        CHAIN, ("conv2.filters=2..20/2", "input=12..40/2"), (most("macs", 900_000), most("params", 60_000)), Goal("params"), True
    ),
    "smallest": Case(LECTURE, ("fc1.units=1..90",), (least("params", 40_000),), Goal("macs", False), True),
    "between": Case(
        LECTURE, ("conv1.filters=1..60", "conv2.filters=1..20"), (Bound("params", 20_000, 30_000),), Goal("activations"), True
    ),
    "input": Case(CHAIN, ("input=9..200",), (most("activations", 90_000),), Goal("input"), True),
    "kernel": Case(CHAIN, ("conv1.kernel=1..15/2", "input=16..40"), (most("params", 40_000),), Goal("macs"), True),
    "stride": Case(CHAIN, ("conv1.stride=1..4", "input=16..48"), (most("macs", 400_000),), Goal("params"), True),
    "batch": Case("lenet5", ("batch=1..400",), (most("memory", 20_000_000),), Goal("batch")),
    "batch and field": Case(
        LECTURE, ("batch=1..64", "conv1.filters=1..9"), (most("memory", 9_000_000),), Goal("params"), True
    ),
    "parameters": Case(PLAIN, ("width=1..30", "classes=2..40/2"), (most("params", 60_000),), Goal("macs")),
    "depth": Case(PLAIN, ("depth=0..6", "width=1..20"), (most("macs", 3_000_000),), Goal("params")),
    "kernels": Case(PLAIN, ("kernel=1..9", "width=1..20"), (most("params", 40_000),), Goal("activations")),
    "receptive field": Case(PLAIN, ("depth=0..6", "kernel=1..7"), (most("params", 90_000),), Goal("receptive-field")),
    "blocks": Case(BLOCKS, ("width=1..90",), (most("params", 50_000),), Goal("params")),
    "rounded": Case(ROUNDED, ("width=0.25..4/0.05", "units=1..40"), (most("params", 30_000),), Goal("params")),
    "projection": Case(RESIDUAL, ("width=1..40",), (most("params", 900),), Goal("macs")),
    "projection and input": Case(STRIDED, ("input=1..60",), (most("macs", 40_000),), Goal("macs")),
    "depthwise": Case(DEPTHWISE, ("width=1..50",), (most("params", 2_000),), Goal("params")),
    "not monotone": Case(SHRINKS, ("width=1..39",), (most("params", 30_000),), Goal("macs")),
    "words": Case(WORDS, ("act=relu,gelu", "pool=true,false", "width=1..20"), (most("params", 3_000),), Goal("params")),
    "several inputs": Case(TWO_INPUTS, ("left=4..12", "right=4..12"), (most("params", 1_500),), Goal("activations")),
    "invalid choices": Case(GROUPED, ("groups=1..12",), (most("params", 9_000),), Goal("params")),
    "input from a parameter": Case(SIZED, ("size=3..40", "width=1..12"), (most("params", 4_000),), Goal("macs")),
    "shadowed": Case(SHADOWED, ("width=1..19",), (most("params", 2_500),), Goal("params")),
    "pattern": Case(
        "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC",
        ("N=1..3", "M=1..3", "filters=8..32/8"), (most("params", 60_000),), Goal("macs"), True,
    ),
    "shipped": Case("mobilenet_v2", ("width=0.3..1.1/0.2", "input=96..160/32"), (most("params", 2_500_000),), Goal("macs")),
    "training memory": Case("lenet5", ("batch=1..9", "input=32..40"), (most("training-memory", 1_500_000),), Goal("batch")),
    "nothing fits": Case(LECTURE, ("conv1.filters=1..20",), (most("params", 7),), Goal("params"), True),
}  # fmt: skip
# families in which ranges are skipped, along these axes
PROVEN = {
    "field": ("conv1.filters",), "two fields": ("conv1.filters", "fc1.units"), "field and input": ("conv2.filters", "input"),
    "smallest": ("fc1.units",), "between": ("conv1.filters", "conv2.filters"), "input": ("input",), "kernel": ("input",),
    "stride": ("input",), "batch": ("batch",), "batch and field": ("batch",), "parameters": ("width", "classes"),
    "depth": ("width",), "kernels": ("width",), "blocks": ("width",), "rounded": ("width", "units"),
    "projection and input": ("input",), "several inputs": ("left", "right"), "training memory": ("batch",),
    "nothing fits": ("conv1.filters",), "input from a parameter": ("width",),
}  # fmt: skip
