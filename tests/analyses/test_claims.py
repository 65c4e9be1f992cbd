"""Claims of a file about its own figures."""

from __future__ import annotations

import pytest

from cnncalc.analyses.claims import expected
from cnncalc.analyses.totals import analyze
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ("28x28x16", ""),
        ("16x28x28", "the same shape with the channels first; cnncalc puts them last: 28x28x16"),
        ("28x16x28", ""),
        ("16x27x27", ""),
    ],
)
def test_an_expected_shape_with_the_channels_first(shape: str, reason: str) -> None:
    text = f"input: 30x30x3\nlayers:\n  - conv: {{filters: 16, kernel: 3}}\n    expect: {shape}\n"
    (claim,) = expected(analyze(read(Source("net.yaml", text))))
    assert (claim.agrees, claim.reason) == (shape == "28x28x16", reason)
