"""Damaged and malicious files end in a network or an error, quickly and without much memory."""

from __future__ import annotations

import random
import time
from contextlib import suppress

import pytest

from cnncalc.problem import Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.caffe.reader import read_text
from tests.readers.caffe.nets import lenet, squeezenet
from tests.readers.caffe.test_layers import TRAIN_TEST, layer
from tests.readers.text_mutants import mutated

NOTHING = ReaderOptions({}, {})
HEAD = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
WORDS = (
    "{", "}", '"', "layer {", "layers {", "-1", "0", "2147483647", "9223372036854775808", "1e999", "nan", "type:", "bottom:",
    "dim: 0", "[", "]", ":", "#", "\x00", "\\", "include { phase: TRAIN }", "axis: -99", "top:", "\u202e", "param { lr_mult: 0 }",
)  # fmt: skip


def read(text: str) -> None:
    """Read a text and drop the network or the error."""
    with suppress(Refused):
        read_text(Source("net.prototxt", text), NOTHING)


def test_truncated_files() -> None:
    """At every 97th byte."""
    text = squeezenet() + TRAIN_TEST
    for end in range(0, len(text), 97):
        read(text[:end])


def test_mutants() -> None:
    """2,000 texts with characters flipped, removed or replaced by other words of the format."""
    draw = random.Random(16)
    base = (
        lenet()
        + layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 } axis: 0 }")
        + layer("Slice", "", "y", "u v", "s")
    )
    base += layer("Crop", "crop_param { axis: 1 offset: 0 }", "u v", "c", "c") + layer("Concat", "", "u v", "w", "w")
    slowest = 0.0
    for _ in range(2000):
        text = base
        for _ in range(draw.randint(1, 4)):
            text = mutated(draw, text, WORDS, 90)
        start_time = time.process_time()
        read(text)
        slowest = max(slowest, time.process_time() - start_time)
    assert slowest < 1


@pytest.mark.parametrize(
    "text",
    [
        "layer {" * 200_000, "layer <" * 200_000, "a { b { " * 50_000 + "}" * 100_000, '"' * 1_000_001, "a: [" + "1," * 100_000,
        "layer { bottom: " + '"a" ' * 50_000 + "}", "#" * 2_000_000, "-" * 1_000_000, "a: " + "9" * 1_000_000,
        "a: 0x" + "f" * 1_000_000, "layer { name: '" + "/." * 100_000 + "' type: 'ReLU' }", "\\" * 500_000,
        "layer { include { " * 60 + "} }" * 60, " \n" * 500_000,
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_deep_and_long_texts(text: str) -> None:
    """Nesting is bounded and the time is linear."""
    start = time.process_time()
    read(text)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "text",
    [
        HEAD + layer("Convolution", "convolution_param { num_output: 1000000 kernel_size: 1000000 pad: 1000000 }"),
        HEAD + layer("InnerProduct", "inner_product_param { num_output: 2147483648 }"),
        HEAD + layer("InnerProduct", "inner_product_param { num_output: 9223372036854775808 }"),
        HEAD.replace("8", "2147483647") + layer("ReLU"),
        HEAD + "".join(layer("Tile", "tile_param { tiles: 2147483647 }", bottom, "y", "y") for bottom in ("data", "y")),
        HEAD + layer("Reshape", "reshape_param { shape { " + "dim: 2147483647 " * 30 + "} }"),
        HEAD + layer("Reshape", "reshape_param { shape { " + "dim: 1 " * 20_000 + "} }"),
        HEAD + layer("Embed", "embed_param { input_dim: 2147483647 num_output: 2147483647 }"),
        HEAD + layer("Permute", "permute_param { order: 2147483647 }"),
        HEAD + layer("Slice", "", "data", " ".join(f"t{number}" for number in range(10_000))),
        HEAD + layer("Concat", "", "data " * 20_000),
        HEAD + layer("PriorBox", "prior_box_param { " + "min_size: 1 " * 20_000 + "}", "data data"),
        HEAD + layer("Deconvolution", "convolution_param { num_output: 4 kernel_size: 3 stride: 1000000 }") * 9,
        HEAD + "".join(layer("Concat", "", f"c{n} c{n}" if n else "data data", f"c{n + 1}", "c") for n in range(60)),
        HEAD + layer("Split", "", "data", "t " * 100_000),
        HEAD + layer("Convolution", "param { name: 'w' } " * 10_000 + "convolution_param { num_output: 4 kernel_size: 3 }"),
    ],
    ids=range(16),
)  # fmt: skip
def test_bombs(text: str) -> None:
    """Sizes are checked before they are used."""
    start = time.process_time()
    read(text)
    assert time.process_time() - start < 2


def test_a_layer_cannot_read_itself() -> None:
    """Blobs come from above, so there are no cycles."""
    with pytest.raises(Refused, match="no layer above it makes"):
        read_text(Source("net.prototxt", HEAD + layer("ReLU", bottom="y", top="y")), NOTHING)


def test_many_layers() -> None:
    """The time is linear in the layers."""
    text = HEAD + "".join(layer("ReLU", "", "data", "data", f"a/b{number}") for number in range(3000))
    start = time.process_time()
    assert len(read_text(Source("net.prototxt", text), NOTHING).nodes) == 3001
    assert time.process_time() - start < 3
