"""Figures below the text of a box: what `--show` asks for, and what its colour says."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.drawing.coloring import Coloring
from cnncalc.drawing.figures import figures
from cnncalc.drawing.options import Options
from cnncalc.drawing.tooltips import MOST, tooltip
from cnncalc.text import plural, show


def notes(
    analysis: Analysis, repetitions: Sequence[Sequence[Row]], options: Options, coloring: Coloring, stated: bool
) -> list[str]:
    """Return a line for each figure of layers that are drawn together.

    Figures are those of each repetition if they are equal, and sums otherwise. `stated` is true if the shape is written
    anyway. The share of a heat map is that of all repetitions.
    """
    rows = [row for repetition in repetitions for row in repetition]
    lines = figures(analysis, _indexes(rows), options.show) if options.show else []
    if lines and len(repetitions) > 1:
        each = [figures(analysis, _indexes(repetition), options.show) for repetition in repetitions]
        last = (
            len(lines) - 1 if "rf" in options.show else len(lines)
        )  # the receptive field is that of the last repetition
        equal = all(one[:last] == each[0][:last] for one in each)
        word = "each" if equal else "in all"
        lines = [f"{line} {word}" for line in (each[0] if equal else lines)[:last]] + lines[last:]
    share = coloring.note(rows)
    if not share or (coloring.how == "stage" and stated) or rows[0].node.layer is None:
        return lines
    return [*lines, share]


def _indexes(rows: Sequence[Row]) -> list[int]:
    return [row.node.index for row in rows]


def tooltip_of(analysis: Analysis, rows: Sequence[Row], name: str, times: int) -> str:
    """Return what a browser shows for layers that are drawn together."""
    lead = rows[0]
    if times == 1 and len(rows) <= MOST:
        first = "\n".join(tooltip(analysis, row) for row in rows[:1])
        others = [show(row.node.name, 200) for row in rows[1:]]
        return first + (f"\nthen {', '.join(others)}" if others else "")
    lines = [
        f"{show(name, 200)}: {plural(len(rows), 'layer')}, repeated {times} times"
        if times > 1
        else f"{show(name, 200)}: {plural(len(rows), 'layer')}"
    ]
    lines.append(f"{show(lead.node.name, 200)} to {show(rows[-1].node.name, 200)}")
    lines.append(f"output {rows[-1].node.output}")
    params = sum(row.params for row in rows)
    if params:
        lines.append(f"{params:,} params")
    if not all(row.counted for row in rows):
        lines.append("MACs unknown")
    elif macs := sum(int(row.macs) for row in rows):
        lines.append(f"{macs:,} MACs")
    return "\n".join(lines)
