"""What people type for a network, and which figures and formats exist: the vocabulary that the command line offers."""

from __future__ import annotations

from cnncalc import readers, shelf
from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.analyses.quantities import COMPARED, LIMITS, PER_LAYER, PRINTED
from cnncalc.loading import SUFFIXES, LoadError, LoadOptions, Spec, source_of
from cnncalc.readers import Reader
from cnncalc.writers import TARGETS, writer_of

__all__ = [
    "COMPARED",
    "LIMITS",
    "OPTIMIZERS",
    "PER_LAYER",
    "PRINTED",
    "READERS",
    "READ_SUFFIXES",
    "SUFFIXES",
    "TARGETS",
    "LoadError",
    "LoadOptions",
    "Reader",
    "Spec",
    "names",
    "reader_of",
    "source_of",
    "writer_of",
]  # fmt: skip

READERS = readers.READERS
READ_SUFFIXES = readers.SUFFIXES
names = shelf.names
reader_of = readers.reader_of
