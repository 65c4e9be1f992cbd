"""Readers turn a file of any format into a Network, all with the same Builder. This module holds the table of readers.

To add a reader for a format named FORMAT:

1. Write `cnncalc/readers/FORMAT/reader.py` with `read(path, options) -> Network`. Open the file with
   `cnncalc.readers.files`, check every size against `cnncalc.readers.limits`, and import optional packages inside
   functions. Raise Refused for a mistake in the file and Missing for a package that is not installed.
2. Add a row to READERS below. The suffixes, the help for unknown files and the checks of options all come from it.
3. If a file can also arrive as text (from standard input), offer `read_text(source, options) -> Network`.
4. If `cnncalc check` may open such files from strangers, offer `read_submission(data, path, options) -> Network`, which
   reads bytes or an open file within the limits for strangers, and list the suffixes in `submissions`.
5. If its files share their suffix with another format, list the words in `marks` and write
   `cnncalc/readers/FORMAT/recognition.py` with `recognizes(text) -> bool`. It is imported and called only for text that
   has one of these words. It must not raise, whatever the text is. `check` reads such files as specifications.
6. If a folder can be named instead of a file in it, give that file in `folder`. Its content must be recognized.
7. Describe the format in docs/models.md, and add tests in `tests/readers/FORMAT/`.

A layer kind is read in the file of its family (windows, views, recurrent, ...), which has the same name in each format.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, BinaryIO

from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers.options import Missing, ReaderOptions
from cnncalc.record import Record

__all__ = [
    "READERS", "SPECIFICATIONS", "SUBMISSIONS", "SUFFIXES", "Missing", "Reader", "ReaderOptions", "file_in_folder", "read",
    "read_submission", "read_text", "reader_of", "reader_of_file", "reader_of_submission", "reader_of_text",
]  # fmt: skip


class Reader(Record):
    """A row of the table: one format, how its files are recognized, and what its reader needs."""

    name: str  # the folder that holds the reader
    files: str  # plural name of its files for messages
    suffixes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()  # every text that is recognized by its content has one of these words
    prefix: str = ""  # of a SPEC that is not a file
    folder: str = ""  # name of the file that is read if SPEC is a folder with such a file
    extra: str = ""  # the extra that installs what the reader needs
    options: tuple[str, ...] = ()  # the fields of ReaderOptions that only this reader uses
    submissions: tuple[str, ...] = ()  # the suffixes that `check` reads; none if strangers' files are not read
    runs_code: bool = False  # true if reading executes the user's code

    @property
    def is_other_format(self) -> bool:
        """Whether files are something other than specifications."""
        return self.name != "yaml"


SPECIFICATIONS = Reader("yaml", "specifications", (".yaml", ".yml", ".json"), submissions=(".yaml", ".yml"))
_ONNX = Reader(
    "onnx", "ONNX models", (".onnx",), options=("batch_axes", "branches", "compare_shapes"), submissions=(".onnx",)
)
READERS = (
    SPECIFICATIONS,
    _ONNX,
    Reader("darknet", "Darknet configurations", (".cfg",)),
    Reader("keras", "Keras models", (".keras",), ("class_name", "modelTopology")),
    Reader("caffe", "Caffe networks", (".prototxt",), ("bottom:",), options=("parameters",)),
    Reader(
        "huggingface",
        "Hugging Face configurations",
        marks=("model_type",),
        options=("parameters",),
        folder="config.json",
    ),
    Reader("tflite", "TFLite models", (".tflite",), options=("batch_axes",), submissions=(".tflite",)),
    Reader("ultralytics", "Ultralytics models", (), ("backbone:",), options=("parameters",)),
    Reader("pt2", "archives of torch.export", (".pt2",), submissions=(".pt2",)),
    Reader("torch", "torch:MODULE:CALLABLE", prefix="torch:", extra="torch", options=("arguments",), runs_code=True),
)
SUFFIXES = tuple(suffix for reader in READERS for suffix in reader.suffixes)
SUBMISSIONS = tuple(suffix for reader in READERS for suffix in reader.submissions)


def reader_of(spec: str) -> Reader:
    """Return the reader for a SPEC, chosen by its prefix or its suffix."""
    for reader in READERS:
        if reader.prefix and spec.startswith(reader.prefix):
            return reader
    return reader_of_file(spec)


def reader_of_file(path: str) -> Reader:
    """Return the reader for a file, chosen by its suffix. Files with an unknown suffix are read as specifications."""
    suffix = os.path.splitext(path)[1].lower()
    return next((reader for reader in READERS if suffix in reader.suffixes), SPECIFICATIONS)


def file_in_folder(path: str) -> str | None:
    """Return the file that is read if `path` is a folder; None if it is none, or has no such file."""
    if not os.path.isdir(path):
        return None
    files = (os.path.join(path, reader.folder) for reader in READERS if reader.folder)
    return next((file for file in files if os.path.lexists(file)), None)


def reader_of_submission(path: str) -> Reader:
    """Return the reader that `check` uses for a stranger's file. Prefixes are ignored, so that no submission is executed."""
    suffix = os.path.splitext(path)[1].lower()
    return next((reader for reader in READERS if suffix in reader.submissions), SPECIFICATIONS)


def reader_of_text(text: str) -> Reader:
    """Return the reader for text whose format the suffix does not show. Text that none recognizes is a specification."""
    for reader in READERS:
        if any(word in text for word in reader.marks) and _module(reader, "recognition").recognizes(text):
            return reader
    return SPECIFICATIONS


def read(path: str, options: ReaderOptions) -> Network:
    """Read the network in a file whose name shows that it has another format.

    Raises:
        Refused: The file has a mistake.
        Missing: The extra is not installed.
        OSError: The file cannot be opened.
    """
    network: Network = _module(reader_of(path)).read(path, options)
    return network


def read_text(reader: Reader, source: Source, options: ReaderOptions) -> Network:
    """Read the network in a text of another format.

    Raises:
        Refused: The text has a mistake.
        Missing: The extra is not installed.
    """
    network: Network = _module(reader).read_text(source, options)
    return network


def read_submission(data: bytes | BinaryIO, path: str, options: ReaderOptions) -> Network:
    """Read the network in a stranger's file of another format, within the limits for strangers.

    Raises:
        Refused: The file has a mistake, or exceeds a limit.
        Missing: The extra is not installed.
    """
    network: Network = _module(reader_of_submission(path)).read_submission(data, path, options)
    return network


def _module(reader: Reader, name: str = "reader") -> Any:
    return import_module(f"cnncalc.readers.{reader.name}.{name}")
