"""Totals: what is counted, what is counted only once, and what is not counted."""

from __future__ import annotations

import gc
import time

import pytest

from cnncalc.analyses.totals import Analysis, Row, analyze
from cnncalc.layers import KINDS
from cnncalc.units import DTYPES
from tests.helpers import network_of


def analysis(text: str, batch: int = 1, dtype: str = "float32") -> Analysis:
    """Return the analysis of a specification."""
    return analyze(network_of(text), batch, dtype)


def row(result: Analysis, name: str) -> Row:
    """Return the row with this name."""
    (found,) = [row for row in result.rows if row.node.name == name]
    return found


# -- depth -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "depth"),
    [
        ("[relu]", 0),
        ("[conv: {filters: 3, kernel: 3}, batchnorm, relu, maxpool: 2]", 1),
        ("[conv: {filters: 3, kernel: 3}, depthwise: 3, fc: 10, softmax]", 3),
        ("[convtranspose: {filters: 3, kernel: 3}, linear: 5]", 2),
        # the longer branch
        ("[add: [[{conv: {filters: 3, kernel: 1}, repeat: 3}], [conv: {filters: 3, kernel: 1}], prev], fc: 10]", 4),
        ("[residual: [conv: {filters: 3, kernel: 1}, conv: {filters: 3, kernel: 1}]]", 2),
        # a gate is on a path, too
        ("[mul: {value: prev, gate: [globalavgpool, fc: 8, relu, fc: 3, sigmoid]}]", 2),
        # a second use of the same weights is another layer on the path
        ("[{conv: {filters: 3, kernel: 1}, as: one}, {conv: {filters: 3, kernel: 1}, share: one}]", 2),
        # `crop` takes only a size from the named value
        (
            "[{conv: {filters: 3, kernel: 1}, as: a}, {conv: {filters: 3, kernel: 1}, repeat: 4, as: b}, "
            "{crop: b, from: a}]",
            1,
        ),
    ],
)
def test_depth(layers: str, depth: int) -> None:
    """The most convolutions and fully connected layers with weights on any path."""
    assert analysis(f"input: 16x16x3\nlayers: {layers}").totals.depth == depth


def test_what_does_not_reach_an_output_is_not_deep() -> None:
    """Only paths from an input to an output count, and a second output counts, too."""
    text = (
        "input: 16x16x3\nlayers:\n  - {conv: {filters: 3, kernel: 1}, as: shallow}\n"
        "  - {conv: {filters: 3, kernel: 1}, repeat: 5, as: deep}\noutputs: "
    )
    assert analysis(text + "[shallow]").totals.depth == 1
    assert analysis(text + "[shallow, deep]").totals.depth == 6


# -- parameters ------------------------------------------------------------------------------------------------------


def test_shared_weights_count_once() -> None:
    """A siamese tower has twice the multiply-adds and one set of parameters. The second tower names the first."""
    text = """
input: {left: 28x28x1, right: 28x28x1}
blocks:
  Tower: [conv: {filters: 8, kernel: 3}, batchnorm, relu, fc: 10]
layers:
  - {Tower: [], from: left, as: one}
  - {Tower: [], from: right, as: two, share: one}
  - add: [one, two]
"""
    result = analysis(text)
    one, two = row(result, "one.conv1"), row(result, "two.conv1")
    conv, norm, dense = 3 * 3 * 1 * 8 + 8, 2 * 8, 26 * 26 * 8 * 10 + 10
    assert result.totals.params == conv + norm + dense
    assert result.totals.buffers == 2 * 8
    assert result.totals.macs == 2 * (26 * 26 * 8 * 9 + 26 * 26 * 8 * 10)
    assert (one.params, two.params) == (conv, 0)
    assert two.node.shared == one.node.index
    assert row(result, "two.relu1").node.shared is None  # nothing to share


def test_a_chain_of_sharing_leads_to_the_first_owner() -> None:
    """A step that shares with a sharing step uses the weights of the first one."""
    text = "input: 10\nlayers:\n  - {fc: 10, as: a}\n  - {fc: 10, as: b, share: a}\n  - {fc: 10, as: c, share: b}\n"
    result = analysis(text)
    assert [row.node.shared for row in result.rows] == [None, None, 1, 1]
    assert result.totals.params == 110
    assert result.totals.macs == 300


def test_weights_and_biases_and_buffers_are_kept_apart() -> None:
    """A norm's gain is a weight and its offset a bias. Its running statistics are neither."""
    totals = analysis("input: 8x8x3\nlayers: [conv: {filters: 4, kernel: 3}, batchnorm]").totals
    assert (totals.weights, totals.biases, totals.params, totals.buffers) == (3 * 3 * 3 * 4 + 4, 4 + 4, 120, 8)


# -- activations -----------------------------------------------------------------------------------------------------


def test_in_place_layers_write_nothing() -> None:
    """CS231n's count: input, convolution, pooling and fc write a new volume; relu, batchnorm and dropout do not."""
    layers = "[conv: {filters: 4, kernel: 3, pad: 1}, batchnorm, relu, dropout, maxpool: 2, fc: 5, softmax]"
    result = analysis(f"input: 8x8x3\nlayers: {layers}")
    assert [row.activations for row in result.rows] == [192, 256, 0, 0, 0, 64, 5, 0]
    assert result.totals.activations == 192 + 256 + 64 + 5
    assert result.totals.conv_activations == 256


def test_the_table_says_which_kinds_work_in_place() -> None:
    """Each kind follows the definition in the README."""
    in_place = {name for name, kind in KINDS.items() if kind.in_place}
    assert {"relu", "sigmoid", "tanh", "softmax", "dropout", "batchnorm", "flatten", "reshape", "identity"} <= in_place
    new = {"conv", "depthwise", "convtranspose", "maxpool", "avgpool", "fc", "linear", "layernorm", "groupnorm", "lrn"}
    assert not in_place & (new | {"add", "mul", "concat", "upsample", "resize", "lstm", "gru", "rnn", "globalavgpool"})


def test_every_input_counts() -> None:
    """Inputs are volumes in memory, too."""
    text = "input: {a: 8x8x3, b: 10}\nlayers:\n  - {fc: 10, from: a}\n  - add: [prev, b]\n"
    assert analysis(text).totals.activations == 192 + 10 + 10 + 10


@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes(dtype: str) -> None:
    """Bytes are activations times batch times size. Parameters do not depend on the batch."""
    result = analysis("input: 10\nlayers: [fc: 5]", 32, dtype)
    assert result.totals.activations == 15  # per example, for any batch
    assert result.activation_bytes == 15 * 32 * DTYPES[dtype]
    assert result.bytes(result.totals.params) == 55 * DTYPES[dtype]


# -- sums ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["activations", "weights", "biases", "params", "buffers", "macs"])
def test_totals_are_the_sums_of_the_rows(quantity: str) -> None:
    """The network has branches, sharing and repetition."""
    text = """
input: 32x32x3
blocks:
  Unit(k): [conv: {filters: $k, kernel: 3, pad: 1}, batchnorm, relu]
layers:
  - {Unit: 8, as: first}
  - {Unit: 8, repeat: 3}
  - concat: [[Unit: 4], [maxpool: {kernel: 3, stride: 1, pad: 1}], prev]
  - {conv: {filters: 8, kernel: 3, pad: 1}, as: a}
  - {conv: {filters: 8, kernel: 3, pad: 1}, as: b}
  - {conv: {filters: 8, kernel: 3, pad: 1}, share: b}
  - fc: 10
"""
    result = analysis(text)
    rows = [int(getattr(row, quantity)) for row in result.rows]
    assert sum(rows) == getattr(result.totals, quantity) > 0
    assert result.totals.layers == len(result.rows) - 1


# -- growth ----------------------------------------------------------------------------------------------------------


def seconds(text: str) -> float:
    """Return the CPU time to read and analyse a network."""
    gc.collect()
    start = time.process_time()
    analysis(text)
    return time.process_time() - start


@pytest.mark.usefixtures("calm_collector")
@pytest.mark.parametrize(
    "steps",
    [
        "  - {seq: [conv: {filters: 4, kernel: 3, pad: 1}, relu], repeat: COUNT}",
        "  - {residual: [conv: {filters: 4, kernel: 3, pad: 1}], repeat: COUNT}",
    ],
)
def test_time_grows_in_step_with_layers(steps: str) -> None:
    """100,000 layers take about ten times as long as 10,000. A quadratic rule would take a hundred times as long."""
    small, large = (f"input: 32x32x4\nlayers:\n{steps}\n".replace("COUNT", str(count)) for count in (5_000, 50_000))
    assert len(analysis(small).rows) == 10_001
    ratios = []
    for _ in range(4):
        ratios.append(seconds(large) / min(seconds(small) for _ in range(3)))
        if ratios[-1] < 20:
            break
    assert min(ratios) < 20
