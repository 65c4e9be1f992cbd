"""A specification that is read once and gives a network for many values of its parameters, inputs and fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cnncalc.network import Network
from cnncalc.problem import Refused, Source
from cnncalc.readers.limits import TRUSTED, Limits
from cnncalc.readers.yaml.changes import Change
from cnncalc.readers.yaml.inputs import read_inputs
from cnncalc.readers.yaml.reader import NO_OVERRIDES, File, Overrides
from cnncalc.readers.yaml.steps import Step
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree
from cnncalc.shape import Shape


class Template:
    """A specification with its parameters and inputs, changed by `overrides`.

    Attributes:
        parameters: Values of its parameters.
        inputs: Shapes of its inputs by name, "" for the only one.
        source: Its text.
    """

    def __init__(
        self, tree: Tree, source: Source, overrides: Overrides = NO_OVERRIDES, limits: Limits = TRUSTED
    ) -> None:
        """Read everything except `overrides.changes`.

        Raises:
            Refused: Every structural problem of the file.
        """
        self.source = source
        self._file = File(source, limits, overrides)
        self.parameters, self.inputs = self._file.compile(tree)
        assert isinstance(tree, Map)
        self._top = tree
        self._input = tree.items.get("input")
        # an input given from outside stays, but one of the file may depend on parameters
        self._input_depends = not overrides.inputs and any("$" in text for text in _texts(self._input))

    @property
    def steps(self) -> list[Step]:
        """Its steps, which are the same for all values."""
        return self._file.steps

    @property
    def input_depends(self) -> bool:
        """True if the sizes of its input are written with parameters."""
        return self._input_depends

    def network(
        self,
        parameters: Mapping[str, Any] = MappingProxyType({}),
        inputs: Mapping[str, Shape] = MappingProxyType({}),
        changes: Mapping[str, Sequence[Change]] = MappingProxyType({}),
    ) -> Network:
        """Return the network for other values of some parameters, inputs, and fields by the full names of their layers.

        Raises:
            Refused: If that is not a valid network, or has no such layer.
        """
        values = {**self.parameters, **parameters}
        shapes = self.inputs
        if parameters and self._input_depends:
            shapes = self._read_inputs(values)
        if inputs:
            shapes = {**shapes, **inputs}
        file = self._file
        file.changes = {name: list(found) for name, found in changes.items()}
        for found in changes.values():
            for change in found:
                change.done = None
        network = file.expand(values, shapes)
        for name, found in changes.items():
            for change in found:
                if change.done is None:
                    raise Refused(
                        [change.problem(f"there is no layer named `{name}`", "vary its number of layers alone")]
                    )
        return network

    def _read_inputs(self, parameters: dict[str, Any]) -> dict[str, Shape]:
        compiler = self._file.compiler
        found = read_inputs(compiler, self._input, parameters, {}, self._top)
        if compiler.problems:
            problems = list(compiler.problems)
            compiler.problems.clear()
            raise Refused(problems)
        return found


def _texts(tree: Tree | None) -> Iterator[str]:
    if isinstance(tree, Scalar):
        yield tree.text
    elif isinstance(tree, Map):
        for inner in tree.items.values():
            yield from _texts(inner)
    elif isinstance(tree, Seq):
        for inner in tree.items:
            yield from _texts(inner)
