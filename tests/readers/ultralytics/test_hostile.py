"""Damaged and malicious model files end in a network or an error, quickly and without much memory."""

from __future__ import annotations

import random
import time
from contextlib import suppress

import pytest

from cnncalc.problem import Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.ultralytics.reader import read_text
from cnncalc.readers.ultralytics.recognition import recognizes
from tests.readers.text_mutants import mutated
from tests.readers.ultralytics.models import text, yolov5

CONV = "-1, 1, Conv, [8, 3, 2]"
SMALL = text(
    "nc: 3\nscales:\n  n: [0.5, 0.25, 64]\n  s: [1, 1, 64]\nkpt_shape: [2, 3]\n",
    [CONV, "-1, 2, C3k2, [32, False, 0.25]", "-1, 1, SPPF, [32, 5]", "-1, 1, C2PSA, [32]"],
    [
        "-1, 1, nn.Upsample, [None, 2, nearest]",
        "[-1, 0], 1, Concat, [1]",
        "-1, 1, ADown, [16]",
        "[6], 1, Pose, [nc, kpt_shape]",
    ],
)
WORDS = (
    "[", "]", ",", "-1", "0", "99999999999999", "1e309", ".nan", "None", "True", "nc", "{a: 1}", "*x", "&x",
    "!!python/object:os.system", "Conv", "Detect", "\n  - ", ":", "\x00", "1.5", "'", "CBFuse", "CBLinear", "A2C2f", "-99", "\t",
)  # fmt: skip


def read(written: str) -> None:
    """Read a text and drop the network or the error."""
    recognizes(written)
    with suppress(Refused):
        read_text(Source("yolov8n.yaml", written), ReaderOptions({"": "64x64x3"}, {}))


def test_truncated_files() -> None:
    """At every 97th byte, and at every byte of a small file's end."""
    written = yolov5(0.33, 0.25)
    for end in range(0, len(written), 97):
        read(written[:end])
    for end in range(len(SMALL) - 120, len(SMALL)):
        read(SMALL[:end])


@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.heavy)])
def test_mutants(part: int) -> None:
    """150 texts with characters flipped, removed or replaced, and 2,000 more in the heavy tests."""
    draw = random.Random(160 + part)
    slowest = 0.0
    for _ in range(2000 if part else 150):
        written = SMALL
        for _ in range(draw.randint(1, 3)):
            written = mutated(draw, written, WORDS, 60)
        begin = time.process_time()
        read(written)
        slowest = max(slowest, time.process_time() - begin)
    assert slowest < 1


@pytest.mark.parametrize(
    "written",
    [
        text("depth_multiple: 1000000\n", [CONV, "-1, 1000, C3k2, [8, True]"], [CONV]),
        text("", [CONV] + ["-1, 1000, C3k2, [8, True]"] * 200, [CONV]),
        text("width_multiple: 1000000\n", ["-1, 1, Conv, [1000000, 3]"], [CONV]),
        text("width_multiple: 1e308\n", [CONV], [CONV]), text("width_multiple: .inf\n", [CONV], [CONV]),
        text("width_multiple: 1e-30\n", [CONV], [CONV]), text("", ["-1, 1, Conv, [8, 1000001]"], [CONV]),
        text("", [CONV] * 5000, [CONV]), text("", [CONV], ["[" + "0, " * 5000 + "0], 1, Concat, [1]"]),
        text("", [CONV], ["-1, 1, nn.Upsample, [None, 1000, nearest]"] * 5),
        text("nc: 99999999999\n", [CONV], ["[0], 1, Detect, [nc]"]),
        text("", [CONV], ["-1, 1, CBLinear, [[" + "1, " * 5000 + "1]]"]),
        text("reg_max: 1000\n", [CONV], ["[0], 1, Detect, [1000000]"]),
        text("", [CONV], ["-1, 1, SPP, [8, [" + "3, " * 5000 + "3]]"]), "[" * 100_000 + "backbone:\nhead:\n",
        "backbone:\n  - " + "[" * 5000 + "1, 1, Conv" + "\nhead:\n",
        "backbone:\n" + "  - [-1, 1, Conv, [8]]\n" * 3 + "head: &a [*a]\n",
        text("", [CONV], ["[0], 1, Detect, [1, " + "[" * 50 + "1" + "]" * 50 + "]"]),
        text("", [CONV], ["-1, 1000, Bottleneck, [8]"] * 60),
    ],
    ids=range(19),
)  # fmt: skip
def test_bombs(written: str) -> None:
    """Sizes and repeats are checked before they are used."""
    begin = time.process_time()
    read(written)
    assert time.process_time() - begin < 4


def test_recognition_is_linear() -> None:
    """Long lines of blanks and brackets do not slow it down."""
    for written in (
        "backbone:\nhead:\n" + "- [" * 200_000,
        "backbone:\nhead:\n" + " " * 1_000_000,
        "backbone:\nhead:\n" + "[-1, " * 200_000,
    ):
        begin = time.process_time()
        assert not recognizes(written)
        assert time.process_time() - begin < 2
