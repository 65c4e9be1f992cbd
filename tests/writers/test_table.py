"""The table of writers: every row names a function that writes the format."""

from __future__ import annotations

from inspect import signature

import pytest

from cnncalc import writers
from cnncalc.cli.suffixes import OF_FORMAT
from cnncalc.loading import Spec, load
from cnncalc.writers import WRITERS, Writer


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.target)
def test_every_row_names_a_writer(writer: Writer) -> None:
    """It takes the options of its row, and its files have a suffix."""
    function = writers.function_of(writer)
    assert set(signature(function).parameters) == {"network", *writer.options}
    assert writer.target in OF_FORMAT


@pytest.mark.parametrize("writer", [row for row in WRITERS if not row.binary], ids=lambda writer: writer.target)
def test_text_formats_are_text(writer: Writer) -> None:
    """Only a binary format returns bytes."""
    assert isinstance(writers.write(writer, load(Spec("lenet5"))), str)
