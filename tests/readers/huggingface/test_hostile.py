"""Configurations and headers from strangers: each ends in a network or a clear error, quickly, and never in a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from cnncalc import readers
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.huggingface import weights
from cnncalc.readers.huggingface.reader import FAMILIES, read_text
from cnncalc.readers.huggingface.recognition import recognizes
from tests.readers.huggingface.checkpoints import write
from tests.readers.huggingface.configs import TINY

SEED = 7
OPTIONS = ReaderOptions({}, {})
NASTY: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 3, 250, 1000, 2**31, 2**63, 10**400, -(10**400), 0.5, 1e308, float("nan"), float("inf"), "",
    "768", "\x1b[31m", "\u202e", "x" * 100_000, [], [1], [1] * 5, [0], [-1, 2], ["a", None], [[1]], [2**63, 1], {}, {"a": 1},
    [1] * 100_000, {str(number): number for number in range(1000)}, "gelu", "relu", "$i", "1x1", "true",
)  # fmt: skip


def outcome(text: str, name: str = "config.json") -> str:
    """Return `read`, or the code of the first problem. The sentences must be printable and short."""
    start = process_time()
    problems: tuple[Problem, ...] = ()
    try:
        read_text(Source(name, text), OPTIONS)
    except Refused as refused:
        problems = refused.problems
    assert process_time() - start < 1
    sentences = [problem.text + problem.help for problem in problems]
    assert all(sentence.isprintable() and len(sentence) < 3000 for sentence in sentences)
    return problems[0].code if problems else "read"


def whole(kind: str, dice: random.Random) -> dict[str, Any]:
    """Return a small configuration with one of the heads of its family."""
    return {"model_type": kind, "architectures": [dice.choice(list(FAMILIES[kind].classes))], **TINY[kind]}


@pytest.mark.parametrize("kind", FAMILIES)
def test_nasty_values_in_every_field(kind: str) -> None:
    """A field that is known gets a value of another type or size, and so do two fields at once."""
    dice = random.Random(f"{SEED} {kind}")
    base = whole(kind, dice)
    fields: set[str] = {
        *base,
        "num_labels",
        "id2label",
        "hidden_act",
        "num_channels",
        "tie_word_embeddings",
        "pruned_heads",
    }
    codes = set()
    for name in sorted(fields):
        for value in dice.sample(NASTY, 6):
            changed = {**base, name: value}
            if dice.random() < 0.3:
                changed[dice.choice(sorted(fields))] = dice.choice(NASTY)
            codes.add(outcome(json.dumps(changed)))
    assert {"read", "bad-value"} <= codes


def test_mutants_of_the_text() -> None:
    """Bytes are changed, removed and repeated."""
    dice = random.Random(SEED)
    codes: dict[str, int] = {}
    for _ in range(700):
        text = json.dumps(whole(dice.choice(list(FAMILIES)), dice))
        for _ in range(dice.randint(1, 3)):
            place = dice.randrange(len(text))
            kind = dice.random()
            if kind < 0.4:
                text = (
                    text[:place]
                    + chr(dice.choice((0, 9, 34, 44, 45, 48, 57, 91, 93, 123, 125, 0x202E)))
                    + text[place + 1 :]
                )
            elif kind < 0.7:
                text = text[:place] + text[place + dice.randint(1, 9) :]
            else:
                text = text[:place] + text[place : place + 5] * dice.randint(2, 9) + text[place:]
        code = outcome(text)
        codes[code] = codes.get(code, 0) + 1
        recognizes(text)
    assert codes["read"] > 50
    assert codes["bad-file"] > 100


@pytest.mark.parametrize("kind", ["swin", "whisper"])
def test_truncation(kind: str) -> None:
    """At every seventh character: a configuration is short."""
    text = json.dumps({"model_type": kind, **TINY[kind]}, indent=1)
    assert {outcome(text[:end]) for end in range(0, len(text), 7)} == {"bad-file"}


def test_the_largest_networks_that_are_read() -> None:
    """As many layers as allowed take less than a second."""
    for kind, fields in (
        ("llama", {"num_hidden_layers": 1000}), ("bert", {"num_hidden_layers": 1000}), ("convnext", {"depths": [250, 250]}),
    ):  # fmt: skip
        assert outcome(json.dumps({"model_type": kind, **TINY[kind], **fields})) == "read"


def test_deep_nesting_is_not_recognized_as_anything_else() -> None:
    """It reaches the reader, which refuses it."""
    text = '{"model_type": "vit", "a": ' + "[" * 50_000
    assert readers.reader_of_text(text).name == "huggingface"
    assert outcome(text) == "too-large"


def test_names_from_strangers_are_shown_safely() -> None:
    """In the title, in warnings about fields, and in errors."""
    evil = "\x1b[2J::error::x\u202e" * 20
    network = read_text(
        Source(f"{evil}/config.json", json.dumps({"model_type": "vit", **TINY["vit"], evil: 1})), OPTIONS
    )
    assert network.name.isprintable()
    assert all(problem.text.isprintable() and len(problem.text) < 500 for problem in network.warnings)
    for fields in ({"model_type": evil}, {"architectures": [evil]}, {"hidden_act": evil}):
        assert outcome(json.dumps({"model_type": "vit", **fields}), f"{evil}.json") == "unsupported"


# -- headers ------------------------------------------------------------------------------------------------------------


def tensors(data: bytes, path: Path) -> str:
    """Return `read`, or the code of the problem with a header."""
    path.write_bytes(data)
    start = process_time()
    problems: tuple[Problem, ...] = ()
    try:
        found = weights.header(str(path))
        assert all(tensor.size is not None and tensor.size >= 0 for tensor in found)
    except Refused as refused:
        problems = refused.problems
    assert process_time() - start < 1
    assert all(problem.text.isprintable() and len(problem.text) < 1000 for problem in problems)
    return problems[0].code if problems else "read"


@pytest.fixture
def original(tmp_path: Path) -> bytes:
    """A small file with numbers."""
    names = {f"h.{number}.attn.c_attn.weight": (number, 3) for number in range(20)}
    return write(tmp_path / "original", names, "F16").read_bytes()


def test_truncated_headers(original: bytes, tmp_path: Path) -> None:
    """At every 97th byte, and at each of the first hundred."""
    ends = {*range(100), *range(0, len(original), 97)}
    assert {tensors(original[:end], tmp_path / "x") for end in ends} == {"bad-file"}


def test_flipped_bits(original: bytes, tmp_path: Path) -> None:
    """One to four bits, anywhere in the length and the header."""
    dice = random.Random(SEED)
    length = 8 + int.from_bytes(original[:8], "little")
    codes = set()
    for _ in range(1300):
        data = bytearray(original)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(length)] ^= 1 << dice.randrange(8)
        codes.add(tensors(bytes(data), tmp_path / "x"))
    assert {"read", "bad-file"} <= codes


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
def test_declared_lengths(length: int, original: bytes, tmp_path: Path) -> None:
    assert tensors(length.to_bytes(8, "little") + original[8:], tmp_path / "x") == "bad-file"


def test_deep_headers(tmp_path: Path) -> None:
    for text in ('{"a": ' + "[" * 100_000, '{"a": ' * 50_000, '{"a": ' + "9" * 10_000 + "}"):
        assert tensors(len(text).to_bytes(8, "little") + text.encode(), tmp_path / "x") == "too-large"
