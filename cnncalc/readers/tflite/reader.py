"""TFLite files -> Network. Only the dimensions of the weights are needed; their numbers are not loaded.

Shapes follow from the layers' own rules. They are compared with those that the file stores, and differences are warnings.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, BinaryIO

from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.files import opened
from cnncalc.readers.limits import TRUSTED, UNTRUSTED, Limits
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.tflite.file import damaged, source_of
from cnncalc.readers.tflite.flatbuffer import Damaged
from cnncalc.readers.tflite.graph import Tensor
from cnncalc.readers.tflite.inputs import GraphInput, read_inputs
from cnncalc.readers.tflite.model import Model, Signature, read_model
from cnncalc.readers.tflite.walk import Walk
from cnncalc.text import plural, quoted, show


def read(path: str, options: ReaderOptions, limits: Limits = TRUSTED) -> Network:
    """Return the network in a TFLite file, for one example.

    Raises:
        Refused: The file has a mistake, or cnncalc cannot analyse it.
        OSError: The file cannot be read.
    """
    with opened(path) as file:
        return _Reading(file, path, limits, strict=False).network(options)


def read_bytes(data: bytes, path: str, options: ReaderOptions, limits: Limits = TRUSTED) -> Network:
    """Return the network in the bytes of a TFLite file. `path` is what errors call it.

    Raises:
        Refused: As for `read`.
    """
    return _Reading(data, path, limits, strict=False).network(options)


def read_submission(data: bytes | BinaryIO, path: str, options: ReaderOptions) -> Network:
    """Return the network in a stranger's file.

    Operators without a rule and files with several entry points are refused. Every constant that is not a shape, an axis or
    an index counts as a parameter.

    Raises:
        Refused: As for `read`.
    """
    return _Reading(data, path, UNTRUSTED, strict=True).network(options)


class _Reading:
    """A file, which is read again if its fixed batch cannot be read as one example."""

    def __init__(self, data: bytes | BinaryIO, path: str, limits: Limits, *, strict: bool) -> None:
        self.model: Model = read_model(source_of(data), limits)
        self.path = path
        self.limits = limits
        self.strict = strict

    def network(self, options: ReaderOptions) -> Network:
        """Return the network.

        Raises:
            Refused: The file has a mistake, or cnncalc cannot analyse it.
        """
        signature, place = self._entry()
        graph = self.model.subgraphs[place]
        try:
            inputs = read_inputs(self.model, graph, signature, options, divide=True, strict=self.strict)
            if all(one.batch == 1 for one in inputs):
                return self._walk(place, inputs)
            try:
                return self._walk(place, inputs)
            except Refused:
                return self._walk(
                    place, read_inputs(self.model, graph, signature, options, divide=False, strict=self.strict)
                )
        except Damaged as error:
            raise damaged(error) from None

    def _entry(self) -> tuple[Signature | None, int]:
        """Return the signature and the graph to read: the first signature, or the first graph if there is none."""
        signatures = self.model.signatures
        places = {one.subgraph for one in signatures}
        if self.strict and len(places) > 1:
            text = f"the file has {len(places)} entry points: {quoted([show(one.key) for one in signatures], 'and', 6)}"
            raise Refused([Problem("unsupported", text, "convert the model with one signature")])
        return (signatures[0], signatures[0].subgraph) if signatures else (None, 0)

    def _walk(self, place: int, inputs: list[GraphInput]) -> Network:
        walk = Walk(self.model, self.limits, strict=self.strict)
        name = show(os.path.splitext(os.path.basename(self.path))[0])
        try:
            outputs = walk.read(self.model.subgraphs[place], inputs)
        except Refused as refused:
            refused.partial = walk.builder.partial(name=name, source=self.path)
            raise
        except Problem as problem:
            raise Refused([problem]) from None
        warnings = [*self._warnings(inputs), *walk.shapes.warnings()]
        if walk.absent:
            many = plural(len(walk.absent), "constant")
            text = f"the file does not hold the numbers of {many}, such as `{show(walk.absent[0])}`; their shapes count"
            warnings.append(Problem("stripped", text, level="warning"))
        stored = None if walk.absent else _bytes_by_type(walk.reader.stored.values())
        facts: dict[str, Any] = {"name": name, "source": self.path, "spec": self.path, "warnings": tuple(warnings)}
        return walk.builder.finish(outputs, stored_bytes=stored, **facts)

    def _warnings(self, inputs: list[GraphInput]) -> list[Problem]:
        found = []
        for one in inputs:
            if one.batch > 1:
                text = f"input `{show(one.name)}` has a fixed batch of {one.batch:,}; the figures are for one example"
                help = "write `--batch-axis none` to count the whole input"
                found.append(Problem("batch-fixed", text, help, level="warning"))
        others = [show(one.key) for one in self.model.signatures[1:]]
        if others and len({one.subgraph for one in self.model.signatures}) > 1:
            first = show(self.model.signatures[0].key)
            text = f"the figures are those of the signature `{first}`; the file also has {quoted(others, 'and', 6)}"
            found.append(Problem("signature-chosen", text, level="warning"))
        return found


def _bytes_by_type(tensors: Iterable[Tensor]) -> dict[str, int]:
    """Return the bytes of the tensors of each type."""
    found: dict[str, int] = {}
    for tensor in tensors:
        found[tensor.type] = found.get(tensor.type, 0) + tensor.bytes
    return found
