"""What every reader receives besides the file, and the error for a package that is not installed."""

from __future__ import annotations

from collections.abc import Mapping

from cnncalc.record import Record


class Missing(Exception):
    """An optional package that an extra installs is missing."""

    def __init__(self, package: str, extra: str, also: str = "") -> None:
        """Name the package and its extra, and what else it needs."""
        super().__init__(f"this needs {package}: pip install 'cnncalc[{extra}]'" + (f", {also}" if also else ""))


class ReaderOptions(Record):
    """Options from the command line that apply to a file of another format.

    A reader ignores the options that its row in the table of readers does not list.
    """

    inputs: Mapping[str, str]  # name of an input ("" for the only one) -> its shape as text
    dims: Mapping[str, int]  # name of a dimension -> its size
    arguments: tuple[tuple[str, str], ...] = ()  # names and values for the callable that makes a PyTorch model
    batch_axes: Mapping[str, str] = {}  # input of an ONNX model ("" for all) -> its batch axis, a number or `none`
    branches: Mapping[str, str] = {}  # If of an ONNX model ("" for all) -> the branch to read, `then` or `else`
    parameters: Mapping[str, str] = {}  # values of Caffe's `phase` or of fields of a config.json, as text
    compare_shapes: bool = False  # whether to compare the shapes of an ONNX model with those that onnx infers
