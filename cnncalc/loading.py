"""From SPEC to a network: a file, `-`, the name of a shipped architecture, a one-line network, or another format.

Every command loads its networks here. This module prints nothing and does not import click, so that it can be called from
a program too.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnncalc import readers, shelf
from cnncalc.network import Network
from cnncalc.problem import ONE_LINE, Refused, Source
from cnncalc.readers import Reader, ReaderOptions
from cnncalc.readers.limits import TRUSTED
from cnncalc.record import Record
from cnncalc.text import did_you_mean, show

if TYPE_CHECKING:
    from cnncalc.readers.yaml.reader import Overrides
    from cnncalc.shape import Shape

SUFFIXES = readers.SPECIFICATIONS.suffixes


class LoadError(Exception):
    """A SPEC cannot be loaded; the text is the reason."""


class OptionError(LoadError):
    """An option does not apply to a SPEC. `option` is the option whose value is wrong, if a value is."""

    def __init__(self, text: str, option: str = "") -> None:
        super().__init__(text)
        self.option = option


class Spec(Record):
    """One specification: a name or path, a one-line network (`line`), or a path even if it looks like a name (`file`)."""

    text: str
    line: bool = False
    file: bool = False

    @property
    def reader(self) -> Reader:
        """The reader of this specification, as far as its text shows."""
        return readers.SPECIFICATIONS if self.line else readers.reader_of(self.text)


class LoadOptions(Record):
    """Changes to a network while it is loaded, as text. The key "" means the only input, or all of them."""

    inputs: Mapping[str, str] = {}  # input -> shape
    parameters: Mapping[str, str] = {}  # a file's params, open numbers of a pattern, or dimensions of an ONNX model
    changes: tuple[str, ...] = ()  # LAYER.FIELD=VALUE
    frozen: tuple[str, ...] = ()  # names of layers, blocks and groups
    arguments: Mapping[str, str] = {}  # for the callable that builds a PyTorch model
    batch_axes: Mapping[str, str] = {}  # input of an ONNX model -> its batch axis, a number or `none`
    branches: Mapping[str, str] = {}  # If of an ONNX model -> `then` or `else`
    compare_shapes: bool = False  # compare the shapes of an ONNX model with those that onnx infers

    def with_inputs(self, inputs: Mapping[str, str]) -> LoadOptions:
        """The same options with other input shapes."""
        return self._with(inputs=inputs)

    def as_written(self) -> LoadOptions:
        """The same options without changes to layers."""
        return self._with(changes=(), frozen=())

    def with_values(self, inputs: Mapping[str, str], parameters: Mapping[str, str]) -> LoadOptions:
        """The same options with other input shapes and parameters."""
        return self._with(inputs=inputs, parameters=parameters)

    def _with(self, **changes: Any) -> LoadOptions:
        return LoadOptions(**{**self.__dict__, **changes})


def load(spec: Spec, options: LoadOptions | None = None, *, as_conv: bool = False) -> Network:
    """Load a network and apply the options to it.

    `as_conv` turns fc layers into the equivalent convolutions before the inputs are resized.

    Raises:
        LoadError: If the file cannot be found or read, or an option does not apply to it.
        Refused: If its content is not a valid network.

    >>> str(load(Spec("lenet5")).nodes[0].output)
    '32x32x1'
    """
    return _load_with(lambda changed: _load(spec, changed), options, as_conv, needs_input=spec.reader.runs_code)


def load_source(source: Source, options: LoadOptions | None = None, *, as_conv: bool = False) -> Network:
    """Load a network from a text that has been read already: a specification, or a format recognized by its content.

    Raises:
        LoadError, Refused: As `load`.
    """
    return _load_with(lambda changed: _load_text(source, changed), options, as_conv)


def load_onnx(data: bytes, name: str, options: LoadOptions | None = None, *, as_conv: bool = False) -> Network:
    """Load a network from the bytes of an ONNX model. `name` is what errors call it.

    Raises:
        LoadError, Refused: As `load`.
    """
    from cnncalc.readers.onnx.reader import read_bytes

    def read(changed: LoadOptions) -> Network:
        return _load_foreign(name, changed, lambda given: read_bytes(data, name, given))

    return _load_with(read, options, as_conv)


def _load_with(
    read: Callable[[LoadOptions], Network], options: LoadOptions | None, as_conv: bool, *, needs_input: bool = False
) -> Network:
    """Load a network with `read`. If it `needs_input`, it has no input size until one is given."""
    options = options or LoadOptions()
    if not as_conv:
        network = apply(read(options), options.frozen)
    elif needs_input:
        network = apply(read(options), options.frozen, as_conv=True)
    else:
        from cnncalc.readers.yaml.inputs import shape_from

        shapes = {name: shape_from(text) for name, text in options.inputs.items()}
        network = apply(read(options.with_inputs({})), options.frozen, as_conv=True, shapes=shapes)
    return network.with_choices(network.frozen, options.batch_axes) if options.batch_axes else network


def apply(
    network: Network, frozen: Sequence[str] = (), *, as_conv: bool = False, shapes: Mapping[str, Shape] | None = None
) -> Network:
    """Apply what suits every format to a network that was just read, and that nothing else uses.

    Raises:
        LoadError: If there is nothing to freeze.
        Refused: If a layer does not fit the new shapes.
    """
    if as_conv:
        from cnncalc.analyses.as_conv import as_conv as convolutional

        network = convolutional(network, dict(shapes or {}))
    if frozen:
        from cnncalc.analyses.freezing import NothingToFreeze, freeze

        try:
            freeze(network, frozen)
        except NothingToFreeze as error:
            raise LoadError(f"--freeze: {error}") from None
        network = network.with_choices(tuple(frozen), network.batch_axes)
    return network


def source_of(spec: Spec) -> Source:
    """Read the text of a specification.

    Raises:
        LoadError: If the file does not exist or cannot be read.
        Refused: If it is not a regular file, is too large or is not text.
    """
    from cnncalc.readers.files import decode, text

    if spec.line:
        return Source(ONE_LINE, spec.text)
    if spec.text == "-":
        if sys.stdin is None:
            raise LoadError("standard input is closed")
        return decode(sys.stdin.buffer.read(TRUSTED.file_bytes + 1), "<stdin>")
    before, at, revision = spec.text.rpartition("@")
    if at and before.endswith(SUFFIXES):  # even if a file has that name, which a stranger may have put there
        return decode(_read_from_git(before, revision), spec.text)
    path = spec.text if spec.file else path_of(spec.text)
    path = readers.file_in_folder(path) or path
    try:
        return text(path)
    except OSError as error:
        raise LoadError(f"cannot read {show(path)}: {error.strerror}") from None


def path_of(text: str) -> str:
    """Find the file that a name or path refers to.

    Raises:
        LoadError: If nothing has that name.
    """
    if "->" in text or "\u2192" in text:
        raise LoadError(f'write -e before a one-line network: -e "{show(text, 200)}"')
    if re.fullmatch(r"[0-9]+(x[0-9]+)+", text):
        line = f'-e "{show(text)} -> FC-10"'
        raise LoadError(f"`{show(text)}` is a shape: write the whole line in quotes after -e, as in {line}")
    if text.endswith(SUFFIXES) or os.sep in text:
        if os.path.lexists(text):
            return text
        bare = os.path.basename(text).partition(".")[0]
        help = f": did you mean the shipped architecture `{bare}`?" if bare in shelf.names() else ""
        raise LoadError(f"there is no file {show(text)}{help}")
    shipped = shelf.path(text)
    if shipped is not None:
        return shipped
    suffix = os.path.splitext(text)[1]
    if os.path.lexists(text) and suffix == ".py":
        callable = f"`torch:{show(text[:-3])}:Net`"
        raise LoadError(f"{show(text)} is Python source: name the class or function that builds the model: {callable}")
    if os.path.lexists(text) and suffix:
        suffixes = ", ".join(readers.SUFFIXES)
        raise LoadError(f"cannot read {show(text)}: cnncalc reads files that end in {suffixes}")
    if readers.file_in_folder(text) is not None:
        return text
    if os.path.isdir(text):
        every = f"`cnncalc check {show(text)}`"
        raise LoadError(f"{show(text)} is a folder: name a file in it, or check every file in it with {every}")
    if re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{0,10}", suffix):
        raise LoadError(f"there is no file {show(text)}")
    file = next((text + ending for ending in SUFFIXES if os.path.isfile(text + ending)), None)
    help = (
        f"to read the file, write `{show(file)}`"
        if file
        else did_you_mean(text, shelf.every_name()) or "`cnncalc list` shows the names"
    )
    raise LoadError(f"no shipped architecture is named `{show(text)}`: {help}")


def _read_from_git(path: str, revision: str) -> bytes:
    """The bytes of a file at a revision of its git repository.

    Raises:
        LoadError: If git does not have it.
    """
    from cnncalc.checking.history import NoHistory, read_at

    if not revision or revision.startswith("-") or ":" in revision:
        raise LoadError(f"`{show(revision)}` is not a git revision")
    try:
        return read_at(path, revision, TRUSTED.file_bytes)
    except NoHistory as error:
        raise LoadError(f"cannot read {show(path)} at {show(revision)}: {error}") from None


def _load(spec: Spec, options: LoadOptions) -> Network:
    if spec.reader.is_other_format:
        return _load_foreign(spec.text, options)
    source = source_of(spec)
    return _load_line(source, options) if spec.line else _load_text(source, options)


def _load_text(source: Source, options: LoadOptions) -> Network:
    """Load a specification, or another format that is recognized by its content."""
    from cnncalc.readers.yaml.reader import read

    reader = readers.reader_of_text(source.text)
    if reader.is_other_format:
        return _load_foreign(source.path, options, lambda given: readers.read_text(reader, source, given), reader)
    return read(source, _overrides(options))


def _load_line(source: Source, options: LoadOptions) -> Network:
    """Load a network that is written in one line."""
    from cnncalc.readers.yaml.oneline import parse
    from cnncalc.readers.yaml.reader import read_tree

    overrides = _overrides(options)
    line = parse(source, overrides.parameters, size=options.inputs.get("", ""))
    try:
        return read_tree(line, source, overrides)
    except Refused as refused:
        for problem in refused.problems:  # a layer's help is written for files
            problem.help = re.sub("`reshape: ([0-9x]+)`", r"`RESHAPE-\1`", problem.help)
        raise


def _overrides(options: LoadOptions) -> Overrides:
    from cnncalc.readers.yaml.reader import Overrides

    changes = []
    if options.changes:
        from cnncalc.readers.yaml.changes import Change

        changes = [Change(text) for text in options.changes]  # a change remembers the layers that it was applied to
    return Overrides(options.parameters, options.inputs, changes)


def _load_foreign(
    path: str,
    options: LoadOptions,
    read: Callable[[ReaderOptions], Network] | None = None,
    reader: Reader | None = None,
) -> Network:
    """Load a file of another format, or with `read` what has been opened already.

    `reader` is the row of the format if the path does not show it.

    Raises:
        LoadError, Refused: As `load`.
    """
    if options.changes:
        help = f"convert it with `cnncalc import {show(path, 1000)} -o net.yaml` and change the layer of net.yaml"
        raise OptionError(f"--set cannot change a layer of {show(path)}: {help}")
    reader = reader or readers.reader_of(path)
    dims = {}
    parameters = options.parameters if "parameters" in reader.options else {}
    for name, value in options.parameters.items() if not parameters else ():
        if not value.isdecimal() and not reader.runs_code:
            raise OptionError(f"`{show(value)}` is not the size of a dimension", "--dim")
        dims[name] = int(value) if value.isdecimal() else 0
    arguments = tuple(options.arguments.items())
    reader_options = ReaderOptions(
        options.inputs, dims, arguments, options.batch_axes, options.branches, parameters, options.compare_shapes
    )
    try:
        return read(reader_options) if read is not None else readers.read(path, reader_options)
    except readers.Missing as missing:
        raise LoadError(f"{show(path)}: {missing}") from None
    except Refused as refused:
        for problem in refused.problems:
            if problem.where is None and show(path) not in problem.text:
                problem.text = f"{show(path)}: {problem.text}"
        raise
    except OSError as error:
        raise LoadError(f"cannot read {show(path)}: {error.strerror}") from None
