"""The vocabulary of the command line: what people type for a network, and which figures and formats exist."""

from __future__ import annotations

from cnncalc import readers, shelf
from cnncalc.analyses.quantities import COMPARED, LIMITS, PER_LAYER, PRINTED
from cnncalc.loading import SUFFIXES, LoadError, LoadOptions, Spec, source_of
from cnncalc.readers import Reader

__all__ = [
    "COMPARED", "LIMITS", "PER_LAYER", "PRINTED", "READERS", "READ_SUFFIXES", "SUFFIXES", "LoadError", "LoadOptions", "Reader",
    "Spec", "names", "reader_of", "source_of",
]  # fmt: skip

READERS = readers.READERS
READ_SUFFIXES = readers.SUFFIXES
names = shelf.every_name
reader_of = readers.reader_of
