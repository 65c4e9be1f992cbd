"""Models that TensorFlow's converter wrote from Keras models: figures of the Keras models, and shapes of the converter."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnncalc
from cnncalc.analyses.fusion import fuse
from cnncalc.analyses.totals import analyze
from cnncalc.loading import Spec, load
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.tflite.reader import read, read_bytes, read_submission
from tests.readers.tflite.files import Graph, Op, Tensor, ints, model, weights

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


@pytest.mark.parametrize(
    ("name", "stored", "arena"),
    # 22,016 + 4*588 bytes. The arena is the head that tflite-micro 0.dev20261023 allocates (`print_allocations`).
    [("kws_int8", 24_368, 16_000)],
)
def test_flash_and_arena(name: str, stored: int, arena: int) -> None:
    """The bytes of the weights are those of the file, and the activations are those of the runtime's planner."""
    network = cnncalc.load(FOLDER / f"{name}.tflite")
    found = network.deploy(dtype="int8")
    assert (found.stored, found.flash, found.peak) == (stored, stored, arena)
    data = found.to_dict()["flash"]
    assert (data["stored_bytes"], data["stored_types"]) == (stored, {"int8": 22_016, "int32": 2_352})
    assert "kernels are the operators of the file" in str(found)


def test_bytes_of_half_precision() -> None:
    """Float16 weights have two bytes each, whatever dtype the figures are for."""
    network = cnncalc.load(FOLDER / "zoo_float16.tflite")
    assert network.deploy(dtype="float32").stored == 2 * FIGURES["zoo_float16"][0]
    assert cnncalc.load("lenet5").deploy().stored is None


def test_kernels_are_operators_of_the_file() -> None:
    """An activation that is not fused in the file is a kernel of its own, and padding, too."""
    tensors = [Tensor((1, 8, 8, 3)), ints(0, 0, 1, 1, 1, 1, 0, 0, dims=(4, 2)), Tensor((1, 10, 10, 3)), weights(4, 3, 3, 3),
               weights(4), Tensor((1, 8, 8, 4)), Tensor((1, 8, 8, 4))]  # fmt: skip
    plain = {"padding": 1, "stride_w": 1, "stride_h": 1}
    for fused, kernels in ((0, 3), (1, 3)):
        ops = [Op("PAD", [0, 1], [2]), Op("CONV_2D", [2, 3, 4], [5], {**plain, "fused": fused}), Op("RELU", [5], [6])]
        graph = fuse(read_bytes(model(Graph(tensors, ops, [0], [6])), "net.tflite", ReaderOptions({}, {})))
        assert len(graph.operations) == kernels
        assert len(graph.operations[1].nodes) == 1 + fused
