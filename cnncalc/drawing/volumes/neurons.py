"""A small fully connected network as lectures draw it: a circle for every unit, and a line for every weight."""

from __future__ import annotations

from itertools import pairwise

from cnncalc.analyses.totals import Analysis
from cnncalc.drawing.coloring import Coloring, legend
from cnncalc.drawing.figures import figures
from cnncalc.drawing.measure import measure
from cnncalc.drawing.options import SMALLEST_TEXT, Options
from cnncalc.drawing.scene import Circle, Group, Item, Path, Scene, Style, Text
from cnncalc.drawing.tooltips import tooltips
from cnncalc.drawing.volumes.captions import caption, runs_of, title
from cnncalc.drawing.volumes.groups import Volumes
from cnncalc.text import show

MOST_UNITS, MOST_COLUMNS = 16, 10
MARGIN, LEADING = 14.0, 10.0
RADIUS, PITCH, COLUMN = 7.0, 20.0, 84.0
NARROWEST = 160.0


def is_small_perceptron(analysis: Analysis, groups: list[Volumes]) -> bool:
    """Return whether every feature map is a short vector, and every layer with weights is fully connected."""
    nodes = [analysis.network.nodes[group.slabs[0].node] for group in groups]
    chain = all(node.kind in ("fc", "linear") for node in nodes[1:]) and nodes[0].layer is None
    short = all(len(group.shape) == 1 and group.shape[-1] <= MOST_UNITS for group in groups)
    return chain and short and 1 < len(groups) <= MOST_COLUMNS


def neurons_view(
    analysis: Analysis, options: Options, groups: list[Volumes], colors: Coloring, marked: set[int], words: str
) -> Scene:
    """Return the units in columns, with the words below them, and the description `words`."""
    captions = []
    for group in groups:
        share = colors.note([analysis.rows[index] for index in group.layers])
        lines = [*caption(analysis.network, group, runs_of([""]), COLUMN, SMALLEST_TEXT)]
        captions.append(
            [title(group), *lines, *figures(analysis, group.layers, options.show), *([share] if share else [])]
        )
    wide = [max(measure(line, SMALLEST_TEXT, bold=True) for line in lines) for lines in captions]
    column = max(COLUMN, *(half + 8 for half in wide))
    needed = 2 * MARGIN + (len(groups) - 1) * column + max(wide[0], 2 * RADIUS) / 2 + max(wide[-1], 2 * RADIUS) / 2
    width = max(needed, options.width or NARROWEST)
    column += (width - needed) / len(groups) if options.width else 0.0
    spread = (len(groups) - 1) * column
    first = (width - spread) / 2
    middle = MARGIN + RADIUS + (max(group.shape[-1] for group in groups) - 1) * PITCH / 2
    columns = [
        [
            (first + number * column, middle + (unit - (group.shape[-1] - 1) / 2) * PITCH)
            for unit in range(group.shape[-1])
        ]
        for number, group in enumerate(groups)
    ]
    items: list[Item] = []
    for before, after in pairwise(columns):
        for x, y in before:
            for to_x, to_y in after:
                ends = ((x + RADIUS, y), (to_x - RADIUS, to_y))
                items.append(Path(ends, Style(stroke="line", width=0.5), role="line"))
    for group, units in zip(groups, columns, strict=True):
        rows = [analysis.rows[index] for index in group.layers]
        stroke = "line" if marked.isdisjoint(group.layers) else "accent"
        style = Style(colors.fill(rows), stroke, 0.7 if stroke == "line" else 1.4)
        circles = tuple(Circle(x, y, RADIUS, style) for x, y in units)
        name = analysis.network.nodes[group.slabs[0].node].name
        items.append(Group(name, tooltips(analysis, group.layers), circles, tuple(group.layers)))
    top = 2 * middle - MARGIN + 14
    for lines, units in zip(captions, columns, strict=True):
        for number, line in enumerate(lines):
            items.append(Text(units[0][0], top + number * LEADING, line, SMALLEST_TEXT, "middle", bold=not number))
    bottom = top + max(len(lines) for lines in captions) * LEADING
    if options.legend:
        used = {colors.fill([analysis.rows[index] for index in group.layers]) for group in groups}
        entries = [entry for entry in colors.entries if colors.title or entry[0] in used]
        swatches, height = legend(entries, MARGIN, bottom + 4, width - 2 * MARGIN, colors.title)
        items += swatches
        bottom += height + 4
    return Scene(width, bottom + MARGIN / 2, f"{show(analysis.network.title)}: units", words, tuple(items))
