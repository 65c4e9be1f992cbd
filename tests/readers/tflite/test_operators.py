"""Single operators: shapes, parameters and multiply-adds."""

from __future__ import annotations

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.readers.axes import Dims
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.tflite.graph import shown
from cnncalc.readers.tflite.reader import read_submission
from tests.readers.tflite.cases import CASES, Case
from tests.readers.tflite.helpers import read


def _name(case: Case) -> str:
    return f"{case.kind.lower()}-{'x'.join(map(str, case.outputs[0]))}"


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_an_operator(case: Case) -> None:
    """Each has the shape that LiteRT computes, and its parameters and multiply-adds by the definition."""
    network = read(case.data())
    shapes = [network.nodes[index].output for index in network.outputs]
    expected: list[Dims] = [shown(dims) for dims in case.outputs]
    assert shapes == list(dict.fromkeys(expected)) or shapes == expected
    totals = analyze(network).totals
    assert (totals.params, totals.macs) == (case.params, case.macs)
    assert not network.warnings


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_strangers_operator(case: Case) -> None:
    """A stranger's file has at least as many parameters, and the same multiply-adds."""
    network = read_submission(case.data(), "net.tflite", ReaderOptions({}, {}))
    totals = analyze(network).totals
    assert totals.params >= case.params
    assert totals.macs == case.macs
