"""docs/format.md, the reference of the file format: its examples are valid and right, and it covers every word."""

from __future__ import annotations

import re

import pytest

from cnncalc.analyses.claims import expected, published
from cnncalc.analyses.quantities import EXPECTABLE
from cnncalc.analyses.totals import analyze
from cnncalc.layers import KINDS
from cnncalc.layers.conv import PAD_MODES, Conv
from cnncalc.layers.fields.sizes import SIDES
from cnncalc.problem import Source
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.readers.yaml.compiler import RESIDUAL
from cnncalc.readers.yaml.expression import _FUNCTIONS as FUNCTIONS
from cnncalc.readers.yaml.inputs import LONG_FORM
from cnncalc.readers.yaml.reader import read
from cnncalc.readers.yaml.vocabulary import ATTRIBUTES, COUNTER, IN_NAMES, KEYS, RESERVED
from cnncalc.writers.yaml.writer import write_checked
from tests.helpers import ROOT

TEXT = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example(text: str) -> None:
    """It is valid without a warning, and its `expect` and `published` figures are right."""
    network = read(Source("format.yaml", text))
    assert network.warnings == ()
    result = analyze(network)
    assert [claim for claim in (*expected(result), *published(result)) if not claim.agrees] == []


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_written_again(text: str) -> None:
    """The YAML writer supports every word, too. It compares all numbers before it returns a file."""
    assert write_checked(read(Source("format.yaml", text))).text


def test_there_are_many_examples() -> None:
    assert len(EXAMPLES) >= 20
    assert sum("expect:" in text or "published:" in text for text in EXAMPLES) >= 16


def test_every_word_is_shown_in_an_example() -> None:
    shown = set(re.findall(r"[A-Za-z_]+", "\n".join(EXAMPLES)))
    assert {*KEYS, *ATTRIBUTES, *RESERVED, *RESIDUAL, "seq", "residual", "like", "causal", "same", COUNTER} <= shown


def test_every_word_is_explained() -> None:
    """In backticks: keys, attributes, sides, modes, functions, facts, merges, and kinds that other tools have, too."""
    quoted = set(re.findall(r"[A-Za-z_]+[0-9]*", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))
    words = {*KEYS, *ATTRIBUTES, *RESERVED, *RESIDUAL[1:], *SIDES, *PAD_MODES.split(), *Conv.fields["pad"].words()}
    words |= {*FUNCTIONS, *IN_NAMES, *EXPECTABLE, *MERGES, COUNTER}
    words |= {kind for kind, layer in KINDS.items() if layer.elsewhere or "PyTorch" in str(layer.__doc__)}
    assert words - quoted == set()
    assert set(LONG_FORM) <= set(re.findall(r"[a-z]+", TEXT))
