"""Writers turn a Network into a file of another format. This module holds the table of writers.

To add a writer for a format named FORMAT:

1. Write `cnncalc/writers/FORMAT/writer.py` with a function that takes the network, and by name the options of its row,
   and returns text, or bytes if the format is binary. Raise Unexportable for a layer that the format cannot express.
2. Add a row to WRITERS below: `cnncalc export --to` offers it. Add its suffix to `cnncalc/cli/suffixes.py`.

A layer kind is written in the file of its family, which has the same name in each format. `blocks` turns a network into
nested blocks with arguments, `layouts` records which value is channels first, and `registry` helps to build the table
from kinds to the functions that write them. `cnncalc import` writes specifications with `yaml/`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from cnncalc.network import Network
from cnncalc.record import Record


class Writer(Record):
    """A row of the table: one target of `cnncalc export`."""

    target: str  # the word after --to
    module: str
    function: str
    options: tuple[str, ...] = ()  # the options of `cnncalc export` that the function takes
    binary: bool = False


WRITERS = (
    Writer("torch", "torch.writer", "text"),
    Writer("keras", "keras.writer", "text"),
    Writer("onnx", "onnx.writer", "serialize", options=("batch",), binary=True),
    Writer("mermaid", "drawing", "mermaid", options=("depth",)),
    Writer("dot", "drawing", "dot", options=("depth",)),
)
TARGETS = tuple(writer.target for writer in WRITERS)


def writer_of(target: str) -> Writer:
    """Return the row of a target, which must be in the table."""
    return next(writer for writer in WRITERS if writer.target == target)


def write(writer: Writer, network: Network, **options: Any) -> str | bytes:
    """Write the network as text in the writer's format, or as bytes if the format is binary.

    Raises:
        Unexportable: The format cannot express a layer.
        Missing: The package that the writer needs is not installed.
    """
    return function_of(writer)(network, **options)


def function_of(writer: Writer) -> Callable[..., str | bytes]:
    """Import and return the function of a row."""
    function: Callable[..., str | bytes] = getattr(import_module(f"cnncalc.writers.{writer.module}"), writer.function)
    return function
