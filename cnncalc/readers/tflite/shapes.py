"""Compare the shapes of values with those that the file stores."""

from __future__ import annotations

from collections.abc import Collection

from cnncalc.problem import Problem
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.tflite.graph import Reader, Scope
from cnncalc.readers.tflite.model import TensorInfo
from cnncalc.text import show

SHOWN = 10  # differences that are reported one by one


class ShapeCheck:
    """Collects differences. With `resized` inputs, only the lengths that cannot change are compared."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.resized = False
        self.compared = 0
        self.differing: list[tuple[str, Dims, Dims]] = []

    def compare(self, scope: Scope, made: Collection[int]) -> None:
        """Compare the values that the operators of a graph made."""
        for place in made:
            value = scope.values.get(place)
            if value is None or place in scope.hidden:
                continue
            info = scope.tensors[place]
            if not info.ranked or (self.resized and not info.signature):
                continue
            self.compared += 1
            if not self._agree(value.dims, info):
                self.differing.append((info.name, value.dims, info.shape))

    def _agree(self, ours: Dims, info: TensorInfo) -> bool:
        theirs = info.shape
        if len(ours) != len(theirs):
            return False
        if info.signature:
            theirs = tuple(a if n < 0 else b for a, b, n in zip(ours, theirs, info.signature, strict=True))
        if ours == theirs:
            return True
        other = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
        return self.reader.batch > 1 and len(other) == 1 and other[0][0] * self.reader.batch == other[0][1]

    def warnings(self) -> list[Problem]:
        """Return a warning for each difference, up to a limit, and one for the others."""
        found = []
        for name, ours, theirs in self.differing[:SHOWN]:
            text = f"cnncalc computes {show(format_dims(ours))} for `{show(name)}`, but the file states "
            found.append(Problem("shapes-disagree", f"{text}{show(format_dims(theirs))}", level="warning"))
        if len(self.differing) > SHOWN:
            text = f"the shapes of {len(self.differing) - SHOWN:,} more values differ from those that the file states"
            found.append(Problem("shapes-disagree", text, level="warning"))
        return found
