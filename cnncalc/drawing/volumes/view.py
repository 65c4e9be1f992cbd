"""The picture of a network as volumes: rows of boxes with captions, arcs for skips, a legend with the size law."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.drawing.coloring import LINE, coloring, legend
from cnncalc.drawing.figures import figures
from cnncalc.drawing.lines import rounded
from cnncalc.drawing.measure import wrap
from cnncalc.drawing.options import A4, SMALLEST_TEXT, Options
from cnncalc.drawing.scene import Circle, Group, Item, Path, Scene, Style, Text, centered, move
from cnncalc.drawing.select import highlighted
from cnncalc.drawing.tooltips import tooltip, tooltips
from cnncalc.drawing.volumes.arcs import Arc, arcs_of
from cnncalc.drawing.volumes.boxes import faces, scale_for
from cnncalc.drawing.volumes.captions import caption, labels_of, operation, runs_of, title
from cnncalc.drawing.volumes.groups import Slab, groups_of, hides, slabs_of
from cnncalc.drawing.volumes.halves import Caption, Floor, halves_of, lines_between, place_floors
from cnncalc.drawing.volumes.layout import LEADING, Measured, Part, Placed, Words, parts_of, rows_of
from cnncalc.drawing.volumes.neurons import is_small_perceptron, neurons_view
from cnncalc.drawing.volumes.trunk import Skip, skips_of, trunk_of
from cnncalc.network import Node
from cnncalc.text import plural, show

MARGIN = 14.0
WIDEST = A4[1] - 4 * MARGIN  # what fits A4 landscape
# how thin boxes and how wide captions are; the first pair with which everything fits in one row
FITTING = ((6, 92.0), (8, 92.0), (8, 74.0), (8, 62.0), (10, 74.0), (10, 62.0), (12, 62.0))
SKIPS = "Arcs are connections past the layers below them, dashed if there are layers on them."
NARROWEST = 250.0  # leaves room for the legend
CONTINUED = 12.0  # the arrow from and to another row
ROW_GAP = 20.0
CAPTION_DROP = 14.0  # from the lower end of the largest box to the first line below it
HALVES_FACTORS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
FLOOR_GAP = 18.0
LINE_STYLE = Style(stroke="line", width=0.8)


def volumes_view(analysis: Analysis, options: Options) -> Scene:
    """Return the volumes of a network. Its trunk is drawn, and branches are arcs over it.

    Raises:
        Undrawable: If an option names a layer that does not exist.
    """
    return _Page(analysis, options).scene()


class _Page:
    """The picture while it is drawn, from top to bottom."""

    def __init__(self, analysis: Analysis, options: Options) -> None:
        self.analysis = analysis
        self.options = options
        network = analysis.network
        self.trunk = trunk_of(network)
        self.skips = skips_of(network, self.trunk)
        self.groups = groups_of(network, slabs_of(network, self.trunk))
        self.colors = coloring(
            analysis, options.color_by, [self.layers(slab) for group in self.groups for slab in group.slabs]
        )
        self.marked = highlighted(network, options.highlight)
        self.items: list[Item] = []
        self.row_of: dict[int | None, int] = {}  # of the layers that are drawn
        self.has_arcs = False

    def scene(self) -> Scene:
        """Return the whole picture."""
        network, options = self.analysis.network, self.options
        floors = self.floors()
        rows = [floor.row for floor in floors] or self.rows()
        if not self.skips and is_small_perceptron(self.analysis, self.groups):
            words = description(self.analysis, rows)
            return neurons_view(self.analysis, options, self.groups, self.colors, self.marked, words)
        right = max([*(floor.end for floor in floors), *(placed.end for row in rows for placed in row)]) + MARGIN
        width = max(right, options.width or NARROWEST)
        for number, row in enumerate(rows):
            for placed in row:
                self.row_of.update(
                    (index, number) for part in placed.parts if part.box for index in part.slabs[0].layers
                )
        bottom, drawn = self.halves(floors) if floors else self.all_rows(rows)
        body, self.items = self.items, []
        bottom = self.notes(drawn, bottom, width)
        if options.legend:
            bottom = self.legend(rows, bottom, width)
        if right < width:
            body, self.items = [move(item, (width - right) / 2, 0) for item in body], centered(self.items, width)
        self.items = [*body, *self.items]
        name = network.title or "network"
        return Scene(
            width, bottom + MARGIN - ROW_GAP / 2, f"{show(name)}: feature maps", description(self.analysis, rows),
            tuple(self.items),
        )  # fmt: skip

    def all_rows(self, rows: list[list[Placed]]) -> tuple[float, set[int]]:
        """Draw the rows; return the bottom, and the skips that are drawn."""
        bottom = MARGIN
        drawn: set[int] = set()
        for number, row in enumerate(rows):
            bottom, shown = self.row(row, bottom, number > 0, number + 1 < len(rows))
            drawn |= shown
        return bottom, drawn

    def rows(self) -> list[list[Placed]]:
        """Return the groups at their places, in one row if that is possible with thinner boxes or narrower captions."""
        tried = [self.rows_with(*FITTING[0])]
        for attempt in FITTING[1:]:
            if len(tried[-1]) == 1:
                break
            tried.append(self.rows_with(*attempt))
        if len(tried[-1]) == 1:
            return tried[-1]
        return self.rows_with(*FITTING[1])

    def rows_with(self, thinness: int, caption_width: float) -> list[list[Placed]]:
        """Return the groups at their places, with boxes of this thinness and captions of about this width."""
        limit = (self.options.width or WIDEST + 2 * MARGIN) - 2 * MARGIN
        return rows_of(self.measured(thinness, caption_width), MARGIN, limit, self.options.width is not None)

    def measured(self, thinness: int, caption_width: float) -> Callable[[float], list[Measured]]:
        """Return a function from the scale of boxes to the groups with their sizes."""
        analysis, options = self.analysis, self.options
        self.scale = scale = scale_for((slab.shape for group in self.groups for slab in group.slabs), thinness)
        fixed = []
        for group in self.groups:
            runs = runs_of(labels_of(analysis.network, group), group.ends)
            lines = tuple(caption(analysis.network, group, runs, caption_width, SMALLEST_TEXT))
            share = self.colors.note([analysis.rows[index] for index in group.layers])
            below = (*figures(analysis, group.layers, options.show), *([share] if share else []))
            fixed.append((group, Words(title(group), lines, below), runs))

        def measured(factor: float) -> list[Measured]:
            return [(group, words, *parts_of(group, runs, scale, factor)) for group, words, runs in fixed]

        return measured

    def floors(self) -> list[Floor]:
        """Return the floors of a network with two halves, with the largest boxes that fit; none for another network."""
        halves = halves_of(self.groups, self.skips)
        limit = (self.options.width or A4[0]) - MARGIN
        for thinness, caption_width in FITTING if halves else ():
            measured = self.measured(thinness, caption_width)
            for factor in HALVES_FACTORS:
                floors = place_floors(halves, measured(factor), MARGIN)
                if max(floor.end for floor in floors) <= limit:
                    return floors
        return []

    def halves(self, floors: list[Floor]) -> tuple[float, set[int]]:
        """Draw the floors with the lines between them; return the bottom, and the skips that are drawn."""
        top = MARGIN
        drawn: set[int] = set()
        before: tuple[Floor, float, float] | None = None  # the floor above, its middle, and where lines cross
        for floor in floors:
            arcs = arcs_of(self.skips, floor.row, self.label)
            half = tallest(floor.row) / 2
            captions = [(one, caption_top(one, half, arcs)) for one in floor.captions]
            down = top + max([half, *(-place for _, place in captions), *(-arc.top for arc in arcs)])
            self.joints(floor, down, before)
            self.items += [self.group(placed, down) for placed in floor.row]
            self.items += [self.arc(arc, down) for arc in arcs]
            self.has_arcs |= bool(arcs)
            drawn |= {arc.number for arc in arcs}
            for one, place in captions:
                self.words(one.words, one.x, down + place + LEADING * 0.75, one.anchor)
            top = down + max([half, *(place + one.height for one, place in captions)]) + FLOOR_GAP
            before = (floor, down, top - FLOOR_GAP / 2)
        return top, drawn

    def joints(self, floor: Floor, level: float, before: tuple[Floor, float, float] | None) -> None:
        """Draw the connections between the groups of a floor, and those to and from the floor above."""
        for half in (floor.down, floor.up):
            pairs = pairwise(half)
            self.items += [Path(((one.right, level), (other.left, level)), LINE_STYLE, True) for one, other in pairs]
        if before is None:
            return
        for points in lines_between(*before, floor, level):
            self.items.append(rounded(points, LINE_STYLE, arrow=True))

    def row(self, row: list[Placed], top: float, continues: bool, continued: bool) -> tuple[float, set[int]]:
        """Draw a row below `top`; return its bottom and the skips that are drawn, by their position.

        `continues` and `continued` ask for an arrow from the row before it and to the row after it.
        """
        arcs = arcs_of(self.skips, row, self.label)
        middle = tallest(row) / 2
        highest = min([-middle, *(arc.top for arc in arcs)])
        down = top - highest
        ends = [placed.right for placed in row]
        starts = [placed.left for placed in row]
        arrows = [*zip(ends, starts[1:], strict=False)]
        arrows += [(starts[0] - CONTINUED, starts[0])] * continues + [(ends[-1], ends[-1] + CONTINUED)] * continued
        self.items += [Path(((start, down), (end, down)), LINE_STYLE, arrow=True) for start, end in arrows]
        self.items += [self.group(placed, down) for placed in row]
        self.items += [self.arc(arc, down) for arc in arcs]
        self.has_arcs |= bool(arcs)
        baseline = down + middle + CAPTION_DROP
        for placed in row:
            self.words(placed.words, placed.center, baseline)
        lines = max(len(placed.words.all) for placed in row)
        return baseline + (lines - 1) * LEADING + ROW_GAP, {arc.number for arc in arcs}

    def group(self, placed: Placed, middle: float) -> Group:
        """Return the boxes of a group."""
        items: list[Item] = []
        for part in placed.parts:
            items += self.boxes(part, placed.left + part.left, middle)
        return Group("", "", tuple(items))

    def boxes(self, part: Part, left: float, middle: float) -> list[Item]:
        """Return a box, or the dots for several."""
        network = self.analysis.network
        if part.box is None:
            layers = tuple(index for slab in part.slabs for index in slab.layers)
            names = ", ".join(show(network.nodes[slab.node].name) for slab in part.slabs[:8])
            more = f" and {len(part.slabs) - 8} more" if len(part.slabs) > 8 else ""
            marked = not self.marked.isdisjoint(layers)
            style = Style("accent" if marked else "line")
            dots = tuple(Circle(left + 3 + 5 * number, middle, 1.1, style, role="mark") for number in range(3))
            return [Group("", f"{plural(len(part.slabs), 'layer')}: {names}{more}", dots, layers)]
        slab, box = part.slabs[0], part.box
        top = middle - box.height / 2 + box.slant / 2
        shapes = faces(box, left, top, self.colors.fill(self.layers(slab)), self.line(slab))
        return [Group(network.nodes[slab.node].name, tooltips(self.analysis, slab.layers), shapes, slab.layers)]

    def layers(self, slab: Slab) -> list[Row]:
        """Return the figures of the layers of a box."""
        return [self.analysis.rows[index] for index in slab.layers]

    def line(self, slab: Slab) -> Style:
        """Return the outline of a box."""
        marked = not self.marked.isdisjoint(slab.layers)
        return Style(stroke="accent" if marked else "line", width=1.4 if marked else 0.5)

    def words(self, words: Words, x: float, baseline: float, anchor: str = "middle") -> None:
        """Draw the words of a group."""
        for number, line in enumerate(words.all):
            color = "ink" if number <= len(words.lines) else "muted"
            place = baseline + number * LEADING
            self.items.append(Text(x, place, line, SMALLEST_TEXT, anchor, number == 0, color))

    def layers_on(self, skip: Skip) -> list[Node]:
        """Return the layers of a skip that are more than a change in place."""
        nodes = [self.analysis.network.nodes[index] for index in skip.nodes]
        return [node for node in nodes if not hides(node, node.output)]

    def label(self, skip: Skip) -> str:
        """Return what a skip does: nothing for an identity, its only layer, or how many layers."""
        if skip.branches > 1:
            return f"{skip.branches} branches"
        layers = self.layers_on(skip) or [self.analysis.network.nodes[index] for index in skip.nodes]
        return (
            operation(layers[0], channels=True) if len(layers) == 1 else plural(len(layers), "layer") if layers else ""
        )

    def arc(self, arc: Arc, down: float) -> Group:
        """Return an arc over the boxes, with its label."""
        skip = self.skips[arc.number]
        points = tuple((x, y + down) for x, y in arc.points)
        marked = not self.marked.isdisjoint(skip.nodes)
        style = Style(stroke="accent" if marked else "line", width=0.8, dash=(3, 2) if self.layers_on(skip) else ())
        items: list[Item] = [rounded(points, style, arrow=True)]
        if arc.label:
            middle = (points[1][0] + points[2][0]) / 2
            items.append(Text(middle, points[1][1] - 3, arc.label, SMALLEST_TEXT, "middle"))
        network = self.analysis.network
        ends = [network.nodes[index].name for index in (skip.start, skip.end) if index is not None]
        title = f"from {show(ends[0])} to {show(ends[-1])}"
        for index in skip.nodes[:6]:
            title += f"\n{tooltip(self.analysis, self.analysis.rows[index])}"
        return Group(" ".join(network.nodes[index].name for index in skip.nodes[:1]), title, tuple(items), skip.nodes)

    def notes(self, drawn: set[int], bottom: float, width: float) -> float:
        """Write which connections and layers are not drawn; return the new bottom."""
        missing = [skip for number, skip in enumerate(self.skips) if number not in drawn]
        layers = tuple(index for skip in missing for index in skip.nodes)
        rows = [(self.row_of.get(skip.start), self.row_of.get(skip.end)) for skip in missing]
        across = sum(start is not None and end is not None and start != end for start, end in rows)
        sentences = []
        if across:
            verb = "is" if across == 1 else "are"
            sentences.append(f"{plural(across, 'connection')} from one row to another {verb} not drawn.")
        if layers:
            sentences.append(f"{plural(len(layers), 'layer')} on side branches: see the graph view.")
        if not sentences:
            return bottom
        text = " ".join(sentences)
        lines = wrap(text, width - 2 * MARGIN, SMALLEST_TEXT)
        notes = tuple(
            Text(MARGIN, bottom + number * LEADING, line, SMALLEST_TEXT, color="muted")
            for number, line in enumerate(lines)
        )
        names = ", ".join(show(self.analysis.network.nodes[index].name) for index in layers[:12])
        self.items.append(Group("", names, notes, layers))
        return bottom + len(lines) * LEADING + LEADING / 2

    def legend(self, rows: list[list[Placed]], bottom: float, width: float) -> float:
        """Draw the colours and the size law; return the new bottom."""
        drawn = [self.layers(part.slabs[0]) for row in rows for placed in row for part in placed.parts if part.box]
        used = {self.colors.fill(layers) for layers in drawn}
        entries = [entry for entry in self.colors.entries if self.colors.title or entry[0] in used]
        items, height = legend(entries, MARGIN, bottom - LEADING / 2, width - 2 * MARGIN, self.colors.title)
        self.items += items
        bottom += height + LINE - LEADING / 2
        law = self.scale.law + (f" {SKIPS}" if self.has_arcs else "")
        for line in wrap(law, width - 2 * MARGIN, SMALLEST_TEXT):
            self.items.append(Text(MARGIN, bottom, line, SMALLEST_TEXT, color="muted"))
            bottom += LEADING
        return bottom


def caption_top(caption: Caption, half: float, arcs: list[Arc]) -> float:
    """Return the upper end of a caption of a floor, relative to the middle: beside the boxes and below arcs, or below all."""
    if not caption.beside:
        return half + CAPTION_DROP - LEADING * 0.75
    over = [arc.points[1][1] for arc in arcs if arc.points[0][0] < caption.end and caption.x < arc.points[3][0]]
    return max([-caption.height / 2, *(place + 4 for place in over)])


def tallest(row: list[Placed]) -> float:
    """Return the height of the tallest box of a row, seen from the side."""
    return max((part.box.height + part.box.slant for placed in row for part in placed.parts if part.box), default=0.0)


def description(analysis: Analysis, rows: list[list[Placed]]) -> str:
    """Return the picture in words."""
    network, totals = analysis.network, analysis.totals
    placed = sorted((one for row in rows for one in row), key=lambda one: one.group.layers[0])
    steps = [f"{one.words.title} ({', '.join(one.words.lines)})" for one in placed]
    macs = f"{'at least ' if totals.uncounted else ''}{totals.macs:,} multiply-accumulates"
    return (
        f"{show(network.title)} with {plural(totals.layers, 'layer')}, {totals.params:,} parameters and {macs}. "
        f"Feature maps from input to output: {'; '.join(steps)}."
    )
