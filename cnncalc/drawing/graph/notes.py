"""Figures below the text of a box: what `--show` asks for, and what its colour says."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.drawing.colours import Colouring
from cnncalc.drawing.figures import figures
from cnncalc.drawing.options import Options
from cnncalc.drawing.tooltips import MOST, tooltip
from cnncalc.text import plural, show


def notes(analysis: Analysis, rows: Sequence[Row], options: Options, colouring: Colouring) -> list[str]:
    """Return a line for each figure of layers that are drawn together."""
    lines = figures(analysis, [row.node.index for row in rows], options.show) if options.show else []
    share = colouring.note(rows)
    return [*lines, share] if share else lines


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
