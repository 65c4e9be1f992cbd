"""The lines of the layer table in network order, or sorted with the largest first and the rest as one line."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.record import Record
from cnncalc.render.columns import COLUMNS, Folded, moved
from cnncalc.text import plural


class Ranking(Record):
    """The column to sort by, largest first, and the number of lines to show; None means all."""

    column: str
    top: int | None = None


def fold(rows: Sequence[Row], depth: int | None) -> list[Folded]:
    """Return the lines of the table. Rows below `depth` levels of blocks are folded into one line each."""
    folded: list[Folded] = []
    before: str | None = None
    for row in rows:
        name = row.node.name
        level = name.count(".")
        if depth is None or level < depth:
            folded.append(Folded(name, level, [row]))
            before = None
            continue
        prefix = ".".join(name.split(".")[:depth])
        if prefix == before:
            folded[-1].rows.append(row)
        else:
            folded.append(Folded(prefix, depth - 1, [row]))
            before = prefix
    return folded


def rank_lines(analysis: Analysis, depth: int | None, ranking: Ranking | None) -> tuple[list[Folded], Folded | None]:
    """Return the lines to show, and the omitted ones as one line; None if there are none."""
    lines = fold(analysis.rows, depth)
    if ranking is None:
        return lines, None
    lines.sort(key=lambda line: -_amount(line, ranking.column, analysis))  # equal ones stay in order
    shown, left = lines[: ranking.top], lines[ranking.top :] if ranking.top is not None else []
    rest = [row for line in left for row in line.rows]
    return shown, Folded(plural(len(left), "other"), 0, rest, whole=False) if rest else None


def _amount(line: Folded, column: str, analysis: Analysis) -> int:
    """Return what a line is sorted by. Unknown figures come last."""
    if column == "macs" and not any(row.counted for row in line.rows):
        return -1
    if column == "saved":
        return sum((analysis.saved or {}).get(row.node.name, 0) for row in line.rows)
    if column == "moved":
        return moved(line, analysis) or 0
    if column == "live":
        return max((analysis.live or {}).get(row.node.name, 0) for row in line.rows)
    return line.total(COLUMNS[column].quantity)
