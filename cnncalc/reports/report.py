"""What a report shows about one network: its figures, its memory, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncalc.analyses import compare
from cnncalc.analyses.claims import Claim, expected
from cnncalc.analyses.compare import Pair, Total
from cnncalc.analyses.memory.answer import Answer
from cnncalc.analyses.quantities import COMPARED
from cnncalc.analyses.totals import Analysis
from cnncalc.drawing.draw import draw
from cnncalc.drawing.formats.svg import to_svg
from cnncalc.drawing.scene import Scene
from cnncalc.record import Record
from cnncalc.render.compare import titles

if TYPE_CHECKING:
    from cnncalc.advice.advise import Advised


class Report(Record):
    """The analysis of a network, its memory in training and inference, and its picture.

    `advised` is what to change so that it keeps limits, None without limits.
    """

    analysis: Analysis
    memory: Answer
    picture: Scene
    advised: Advised | None = None

    @property
    def expected(self) -> list[Claim]:
        """The figures that the author of the network expects, compared with the computed ones."""
        return expected(self.analysis)

    def svg(self, theme: str = "auto") -> str:
        """Return the picture as SVG."""
        return to_svg(self.picture, theme)


def report_of(analysis: Analysis, memory: Answer, advised: Advised | None = None) -> Report:
    """Draw the picture of a network, and return it with the figures."""
    return Report(analysis, memory, draw(analysis), advised)


class Compared(Record):
    """The totals of several networks, and the layers of two as a diff; None if there are more."""

    names: list[str]
    analyses: list[Analysis]
    totals: list[Total]
    pairs: list[Pair] | None


def compare_reports(reports: Sequence[Report]) -> Compared:
    """Compare the networks of several reports."""
    analyses = [report.analysis for report in reports]
    frozen = any(node.frozen for analysis in analyses for node in analysis.network.nodes)
    quantities = [name for name in COMPARED if frozen or name != "trainable"]  # without it, trainable is params
    pairs = compare.layers(*analyses) if len(analyses) == 2 else None
    return Compared(report_titles(reports), analyses, compare.totals(analyses, quantities), pairs)


def report_titles(reports: Sequence[Report]) -> list[str]:
    """Return a distinct name for each network."""
    analyses = [report.analysis for report in reports]
    return titles(analyses, [analysis.network.spec for analysis in analyses])
