"""Figures of layers for captions: parameters, multiply-adds, memory and the receptive field."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.receptive import extent, format_number
from cnncalc.analyses.totals import Analysis
from cnncalc.units import format_bytes, format_count


def figures(analysis: Analysis, layers: Sequence[int], show: Sequence[str]) -> list[str]:
    """Return a line for each figure of the layers together; the receptive field is that of the last layer."""
    lines = []
    for figure in show:
        line = _line(analysis, layers, figure)
        if line:
            lines.append(line)
    return lines


def _line(analysis: Analysis, layers: Sequence[int], figure: str) -> str:
    rows = [analysis.rows[index] for index in layers]
    if figure == "params":
        params = sum(row.params for row in rows)
        return f"{format_count(params)} params" if params else ""
    if figure == "macs":
        known = sum(int(row.macs) for row in rows)
        if not all(row.counted for row in rows):
            return f"at least {format_count(known)} MACs" if known else "MACs unknown"
        return f"{format_count(known)} MACs" if known else ""
    if figure == "memory":
        return format_bytes(analysis.bytes(sum(row.activations for row in rows)) * analysis.batch)
    seen = extent(analysis.fields[layers[-1]], analysis.extent)
    if seen is None:
        return "RF unknown"
    sizes = [format_number(size) for size in seen[0]]
    return f"RF {sizes[0] if len(set(sizes)) == 1 else '×'.join(sizes)}"
