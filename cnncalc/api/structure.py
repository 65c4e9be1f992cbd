"""The layers of a network as a collection, and its figures as data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from cnncalc import network as graph
from cnncalc.api.analysis import Analysis, Layer
from cnncalc.api.errors import Diagnostic, diagnostics


class Structure(graph.Network):
    """What a network consists of. The public class is `Network`."""

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of one example of each input, channels last, by the name of the input."""
        return {node.name: tuple(node.output) for node in self.inputs}

    @property
    def output_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each output for one example, channels last, by the name of its layer."""
        return {self.nodes[index].name: tuple(self.nodes[index].output) for index in self.outputs}

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The warnings of the reader."""
        return diagnostics(self.warnings)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All rows of the table in their order, inputs included, for one example in float32."""
        return self._analysis.layers

    def to_dict(self) -> dict[str, Any]:
        """Return all figures for one example as plain data: the contract `cnncalc.analysis/1`."""
        return self._analysis.to_dict()

    def to_json(self) -> str:
        """Return `to_dict` as JSON text, exactly as `cnncalc analyze --format json` prints it."""
        return self._analysis.to_json()

    def to_pandas(self) -> Any:
        """Return the rows as a pandas DataFrame, indexed by the name of the layer."""
        return self._analysis.to_pandas()

    def to_polars(self) -> Any:
        """Return the rows as a polars DataFrame."""
        return self._analysis.to_polars()

    def __getitem__(self, name: str) -> Layer:
        """Return the layer with this full name, or the only layer whose name ends with it.

        Raises
        ------
        KeyError
            If no layer, or more than one, has this name.
        """
        return self._analysis[name]

    def __iter__(self) -> Iterator[Layer]:
        """Iterate over the layers in their order, without the inputs."""
        return iter(self._analysis)

    def __len__(self) -> int:
        return len(self._analysis)

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return str(self._analysis)

    def _repr_html_(self) -> str:
        return self._analysis._repr_html_()

    def __repr__(self) -> str:
        return repr(self._analysis).replace("<Analysis of", "<Network", 1).partition("; batch")[0] + ">"

    @cached_property
    def _analysis(self) -> Analysis:
        return Analysis.of(self)
