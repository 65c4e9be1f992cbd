"""The working of layers: what `cnncalc explain SPEC LAYER` prints."""

from __future__ import annotations

from typing import Any

from cnncalc.analyses import totals
from cnncalc.analyses.totals import Row
from cnncalc.analyses.working import Fact, working
from cnncalc.record import Record
from cnncalc.render.explain import fact_data, layer_lines
from cnncalc.render.lines import Line, plain


class Explanation(Record):
    """How the figures of some layers are calculated. `str()` shows each formula with its numbers."""

    analysis: totals.Analysis
    rows: tuple[Row, ...]

    @property
    def facts(self) -> dict[str, list[Fact]]:
        """The lines of working by the name of the layer.

        Each has a `label`, the formula in `letters` and in `numbers`, the `result` and a `remark`.
        """
        return {row.node.name: working(self.analysis, row) for row in self.rows}

    def lines(self) -> list[Line]:
        """Return the text as lines of styled spans, for a terminal."""
        return layer_lines(self.analysis, self.rows)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the working as the JSON of `cnncalc explain` has it."""
        return [
            {
                "name": row.node.name,
                "kind": row.node.kind,
                "working": [fact_data(fact) for fact in working(self.analysis, row)],
            }
            for row in self.rows
        ]

    def __str__(self) -> str:
        return plain(self.lines())

    def __repr__(self) -> str:
        return f"<Explanation of {', '.join(row.node.name for row in self.rows[:5])}>"
