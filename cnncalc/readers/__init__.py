"""Other formats -> Network, through the same Builder as specifications. Heavy imports stay inside functions.

A reader is a module with `read(path, given) -> Network`; it raises Refused for what is wrong with the file, and Missing
where a package of an extra is not installed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module

from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.record import Record

# suffix -> the module of this package that reads it
READERS = {".onnx": "onnx", ".cfg": "darknet", ".keras": "keras"}


class Missing(Exception):
    """A package that an extra installs is not there."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs {package}: pip install 'cnncalc[{extra}]'")


class Asked(Record):
    """What was given on the command line: input shapes as text by name ("" for the only input), sizes of dimensions, and
    arguments of what makes a model of PyTorch."""

    inputs: Mapping[str, str]
    dims: Mapping[str, int]
    arguments: tuple[tuple[str, str], ...] = ()
    batch_axes: Mapping[str, str] = {}  # input of an ONNX model ("" for all) -> its batch axis, a number or `none`
    branches: Mapping[str, str] = {}  # If of an ONNX model ("" for all) -> the branch that is taken, `then` or `else`


def reader_of(path: str) -> str | None:
    """The module that reads a path, by its suffix or prefix; None for specifications and unknown suffixes."""
    if path.startswith("torch:"):
        return "torch"
    return READERS.get(os.path.splitext(path)[1].lower())


def is_keras_json(text: str) -> bool:
    """Return whether this is JSON that Keras' `model.to_json()` or TensorFlow.js writes, and no specification."""
    if "class_name" not in text and "modelTopology" not in text:
        return False
    from cnncalc.readers.keras import reader

    return reader.is_keras_json(text)


def read(path: str, asked: Asked, source: Source | None = None) -> Network:
    """The network in a file of another format, or in its text where that is read already (`source`).

    Raises:
        Refused: what is wrong with the file.
        Missing: where the extra is not installed.
        OSError: where it cannot be read.
    """
    module = import_module(f"cnncalc.readers.{reader_of(path) or 'keras'}.reader")
    network: Network = module.read(path, asked) if source is None else module.read_text(source, asked)
    return network
