"""Networks side by side: what `cnncalc compare` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncalc.analyses import compare as diff
from cnncalc.analyses.compare import Pair, Total
from cnncalc.analyses.quantities import COMPARED
from cnncalc.api.analysis import Analysis
from cnncalc.record import Record
from cnncalc.render import compare as render
from cnncalc.render.lines import UNICODE, Line, plain

QUANTITIES = tuple(COMPARED)


class Comparison(Record):
    """Two or more networks side by side. `str()` is the report of `cnncalc compare`.

    Attributes
    ----------
    names : tuple of str
        A distinct name for each network.
    analyses : tuple of Analysis
        The compared networks.
    totals : tuple of cnncalc.analyses.compare.Total
        Each has the `quantity`, its `values`, and the `difference()` from and `ratio()` to the first network.
    pairs : tuple of cnncalc.analyses.compare.Pair or None
        The layers of two networks as a diff: `change` is `same`, `changed`, `added` or `removed`. None for more networks.
    """

    names: tuple[str, ...]
    analyses: tuple[Analysis, ...]
    totals: tuple[Total, ...]
    pairs: tuple[Pair, ...] | None
    whole: bool = True  # false if only some quantities are compared, and no layers

    @classmethod
    def of(
        cls, analyses: Sequence[Analysis], only: Sequence[str] | None = None, typed: Sequence[str] = ()
    ) -> Comparison:
        """Compare analyses. `only` names quantities; `typed` are the names to use if networks have the same title."""
        for name in only or ():
            if name not in COMPARED:
                raise ValueError(f"no quantity named {name!r}: the quantities are {', '.join(COMPARED)}")
        quantities = tuple(only or COMPARED)
        if only is None and not any(node.frozen for analysis in analyses for node in analysis.network.nodes):
            quantities = tuple(name for name in quantities if name != "trainable")  # equal to the params
        pairs = tuple(diff.layers(*analyses)) if len(analyses) == 2 and only is None else None
        names = render.titles(analyses, typed or [analysis.network.spec for analysis in analyses])
        return cls(tuple(names), tuple(analyses), tuple(diff.totals(analyses, quantities)), pairs, only is None)

    @property
    def differs(self) -> bool:
        """True if a total differs from the first network's, or a layer does and all quantities are compared."""
        if any(total.differs for total in self.totals):
            return True
        first, *others = self.analyses
        return self.whole and any(pair.change != "same" for other in others for pair in diff.layers(first, other))

    def lines(self, glyphs: dict[str, str] = UNICODE) -> list[Line]:
        """Return the report as lines of styled spans, for a terminal."""
        return render.report(self.names, self.analyses, self.totals, self.pairs, glyphs)

    def to_markdown(self) -> str:
        """Return the report in Markdown."""
        return render.markdown(self.names, self.analyses, self.totals, self.pairs)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as in `cnncalc compare --format json`."""
        return render.data(self.analyses, self.totals, self.pairs)

    def __str__(self) -> str:
        return plain(self.lines())

    def _repr_html_(self) -> str:
        from cnncalc.render.html.comparison import comparison_html

        return comparison_html(self.names, self.analyses, self.totals, self.pairs)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(self.names)}: {'different' if self.differs else 'the same'}>"
