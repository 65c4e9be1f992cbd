"""What a browser shows when the pointer rests on a layer: its name, fields, shape, parameters and multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.text import plural, show

MOST = 12


def tooltip(analysis: Analysis, row: Row) -> str:
    """Return the facts about a layer, one a line."""
    node = row.node
    if node.layer is None:
        return f"{show(node.name, 200)}: input\n{node.output.words()}"
    fields = node.layer.format_fields()
    lines = [f"{show(node.name, 200)}: {show(node.kind)}" + (f" ({show(fields, 200)})" if fields else "")]
    lines.append(f"output {node.output}")
    if row.params:
        lines.append(f"{row.params:,} params")
    if not row.counted:
        lines.append("MACs unknown")
    elif int(row.macs):
        lines.append(f"{int(row.macs):,} MACs")
    return "\n".join(lines)


def tooltips(analysis: Analysis, layers: Sequence[int]) -> str:
    """Return the facts about a layer and the names of the layers after it that are drawn with it."""
    first = tooltip(analysis, analysis.rows[layers[0]])
    others = [show(analysis.network.nodes[index].name, 200) for index in layers[1:]]
    if len(others) > MOST:
        others = [*others[:MOST], f"{plural(len(others) - MOST, 'more layer', 'more layers')}"]
    return first + (f"\nthen {', '.join(others)}" if others else "")
