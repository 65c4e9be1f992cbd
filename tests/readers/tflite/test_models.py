"""Models that TensorFlow's converter wrote from Keras models: figures of the Keras models, and shapes of the converter."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.loading import Spec, load
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.tflite.reader import read, read_submission

FOLDER = Path(__file__).parent / "models"
# MACs are those of the Keras models. Parameters are those of the Keras models without batch norms (kws), plus the biases of
# zeros that LiteRT's convolutions need: 16 and 32 in zoo, 16 in text. In text, SPACE_TO_BATCH_ND pads 13 steps to 14, so that
# the convolution computes one row of 16*3*32 more than that of Keras, whose network has 86,560.
FIGURES = {
    "kws_int8": (22_604, 2_656_768), "zoo_float16": (8_260 + 48, 9_856_800), "zoo_int8": (8_260 + 48, 9_856_800),
    "text_dynamic": (12_178 + 16, 86_560 + 16 * 3 * 32),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_figures_and_shapes(name: str) -> None:
    """Every shape is the one that the converter stored, and nothing is unknown."""
    path = str(FOLDER / f"{name}.tflite")
    network = read(path, ReaderOptions({}, {}))
    found = analyze(network).totals
    assert (found.params, found.macs, found.uncounted) == (*FIGURES[name], 0)
    assert not network.warnings
    with open(path, "rb") as file:
        strict = analyze(read_submission(file, path, ReaderOptions({}, {}))).totals
    assert strict.macs == FIGURES[name][1]
    assert FIGURES[name][0] <= strict.params <= FIGURES[name][0] + 8


def test_the_shelf_has_the_same_keyword_spotter() -> None:
    """MLPerf Tiny's network has the same multiply-adds on the shelf."""
    assert analyze(load(Spec("mlperf_tiny_kws"))).totals.macs == FIGURES["kws_int8"][1]
