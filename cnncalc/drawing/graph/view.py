"""The page of the graph view: the overview in columns, each distinct block beside it, and the legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property, partial

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.drawing.coloring import coloring, legend
from cnncalc.drawing.graph.against import change_legend, legend_width, meanings, values_of_both
from cnncalc.drawing.graph.boxes import boxes_of, values_of
from cnncalc.drawing.graph.cells import Span
from cnncalc.drawing.graph.diagram import Diagram, Drawn, Node
from cnncalc.drawing.graph.faces import LEADING, PORT, SIZE, Face, Faces
from cnncalc.drawing.graph.folding import Plan, TooLarge, plans
from cnncalc.drawing.graph.hairpin import hairpin
from cnncalc.drawing.graph.notes import tooltip_of
from cnncalc.drawing.graph.paint import extent, label_space
from cnncalc.drawing.graph.templates import Template, class_name, numbers_of, templates_of
from cnncalc.drawing.graph.tree import Part, Tree
from cnncalc.drawing.measure import measure, shorten, wrap
from cnncalc.drawing.options import A4, Options
from cnncalc.drawing.palette import family
from cnncalc.drawing.scene import Item, Scene, Text, centered
from cnncalc.drawing.select import Undrawable, highlighted
from cnncalc.record import Record
from cnncalc.text import plural, show

MARGIN = 14.0
OVER_LEGEND = 14.0
PANEL_GAP = 20.0
MOST_COLUMNS = 6
LENGTHS = (540.0, 800.0, 1100.0)  # of columns of blocks, in points
MOST_PANELS = 10
LONGEST_PANEL = 700.0  # of a column of a block that is drawn beside the overview, in points
SHORTEST = 520.0  # columns beside blocks are not split if they are shorter, in points
LONGEST_LABEL = 74.0  # points
WHOLE = 0.6  # a block with more than this share of all boxes gets no bracket


def graph_view(analysis: Analysis, options: Options | None = None) -> Scene:
    """Return the layers of a network as boxes with edges.

    Raises:
        Undrawable: If an option names a layer that does not exist, or there are too many boxes.
    """
    options = options or Options()
    if options.against is not None:
        values, outputs = values_of_both(options.against, analysis)
        tree = Tree(boxes_of(values, outputs))
        return _fitting(partial(_Comparison, analysis, options), tree, options)
    tree = Tree(boxes_of(values_of(analysis), analysis.network.outputs))
    return _fitting(partial(_View, analysis, options), tree, options)


def _fitting(view_of: Callable[..., _View], tree: Tree, options: Options) -> Scene:
    """Return the most detailed picture that fits the page, or the one that must shrink least.

    A plan with a block that is too large to be drawn is used only if nothing else can be drawn. Figures that are asked for
    are those of the layers, so that no more layers are folded to save space.
    """
    best: tuple[float, Scene] | None = None
    try:
        for chosen in plans(tree, options.depth):
            view = view_of(chosen)
            if best is not None and not all(template.drawn for template in view.templates.values()):
                break
            body = view.body()
            fit = view.fit(body)
            if fit < 1 and view.common and options.legend:
                brief = view_of(chosen, view.common)
                shorter = brief.body()
                if brief.fit(shorter) >= 1:
                    return brief.page(shorter)
            if best is None or fit > best[0]:
                best = (fit, view.page(body))
            if fit >= 1 or options.show:
                break
    except TooLarge as error:
        raise Undrawable(str(error)) from error
    assert best is not None
    return best[1]


class _View:
    """The picture of one plan. `stated` has what follows every convolution, if the legend states it and not each box."""

    def __init__(self, analysis: Analysis, options: Options, chosen: Plan, stated: Sequence[str] = ()) -> None:
        self.stated = tuple(stated)
        self.analysis = analysis
        self.options = options
        self.marked = highlighted(analysis.network, options.highlight)
        self.plan = chosen
        tree = chosen.tree
        self.templates = templates_of(self.plan) if options.depth is None else {}
        self.groups = [
            item.part.rows if item.part.box is not None else item.part.all_rows() for item in self.plan.items
        ]
        self.coloring = coloring(analysis, options.color_by, self.groups)
        self.faces = Faces(analysis, tree, options, self.coloring, stated)
        self.drawings: dict[Template, Drawn] = {}  # of the distinct blocks that are not too large
        for template in dict.fromkeys(self.templates.values()):
            drawing = self.panel(template) if template.drawn else None
            template.drawn = drawing is not None
            if drawing is not None:
                self.drawings[template] = drawing

    def page(self, body: Packing) -> Scene:
        """Return the page."""
        items = body.items(MARGIN, MARGIN)
        bottom = body.height + MARGIN
        width = self.page_width(body)
        narrow = body.width + 2 * MARGIN < width
        if narrow:
            items = centered(items, width)
        if self.options.legend:
            drawn, height = self.legend(bottom + OVER_LEGEND, width)
            items += centered(drawn, width) if narrow else drawn
            bottom += OVER_LEGEND + height
        return Scene(width, bottom + MARGIN, self.title(), self.description(), tuple(items))

    def page_width(self, body: Packing) -> float:
        """Return the width of the page: that of the picture, unless the legend or the reader wants more."""
        least = self.least_width() if self.options.legend else 0.0
        return max(body.width + 2 * MARGIN, self.options.width or 0.0, least)

    def title(self) -> str:
        """Return the title of the picture."""
        return f"{show(self.analysis.network.title or 'network')}: layers and connections"

    def least_width(self) -> float:
        """Return the least width of a page with a legend."""
        return 200.0

    def legend(self, top: float, width: float) -> tuple[list[Item], float]:
        """Return the meanings of the colors, and their height."""
        items, height = legend(self.entries, MARGIN, top, width - 2 * MARGIN, self.coloring.title)
        if self.stated:
            note = f"Every convolution is followed by {' and '.join(self.stated)}."
            for line in wrap(note, width - 2 * MARGIN, SIZE):
                items.append(Text(MARGIN, top + height + LEADING, line, SIZE, color="muted"))
                height += LEADING
        return items, height

    @cached_property
    def entries(self) -> tuple[tuple[str, str], ...]:
        """The colours with their meanings, also those in the distinct blocks."""
        if self.coloring.how != "kind":
            return self.coloring.entries
        inside = [leaf.rows for template in self.drawn_templates() for leaf in template.parts[0].leaves()]
        return coloring(self.analysis, "kind", [*self.groups, *inside]).entries

    @property
    def common(self) -> tuple[str, ...]:
        """What follows every convolution, such as a normalization and an activation; nothing if they differ."""
        found = {tuple(box.after) for box in self.plan.tree.boxes if family(box.lead.node) == "conv"}
        return found.pop() if len(found) == 1 else ()

    def drawn_templates(self) -> list[Template]:
        """Return the distinct blocks that are drawn beside the overview."""
        return list(self.drawings)[:MOST_PANELS]

    def description(self) -> str:
        """Return the picture in words."""
        count = len(self.plan.items)
        total = self.analysis.totals.layers
        text = f"{plural(total, 'layer')} in {plural(count, 'box', 'boxes')} from input to output"
        blocks = [
            f"{template.name} {len(template.parts)} times" for template in dict.fromkeys(self.templates.values())
        ]  # fmt: skip
        return f"{text}, with the blocks {', '.join(blocks)}." if blocks else f"{text}."

    def body(self) -> Packing:
        """Return the overview with the panels beside it, in the number of columns that fits a page best."""
        overview = self.overview()
        panels = self.panels()
        tried: list[Packing] = []
        for count in range(1, MOST_COLUMNS + 1):
            drawn = overview.draw(count)
            tried.append(self.packed(drawn, panels))
            fitting = [packing for packing in tried if self.fit(packing) >= 1]
            if fitting and (not panels or drawn.height < SHORTEST):
                return min(fitting, key=lambda packing: packing.width * packing.height)
        fitting = [packing for packing in tried if self.fit(packing) >= 1]
        if fitting:
            return min(fitting, key=lambda packing: packing.width * packing.height)
        halves = hairpin(overview)
        if halves is not None:
            tried.append(self.packed(halves, panels))
        return max(tried, key=self.fit)

    def fit(self, drawn: Packing) -> float:
        """Return the factor by which a picture must shrink to fit the page; 1 if it fits."""
        width, height = self.page_width(drawn), drawn.height + 2 * MARGIN
        if self.options.legend:
            height += OVER_LEGEND + self.legend(0.0, width)[1]
        if self.options.width is not None:
            return min(1.0, self.options.width / width, max(A4[1], self.options.width) / height)
        return max(min(1.0, page[0] / width, page[1] / height) for page in (A4, A4[::-1]))

    # -- the overview ------------------------------------------------------------------------------------------------

    def overview(self) -> Diagram:
        """Return the diagram of everything."""
        nodes = [
            Node(self.faces.face(item, self.templates.get(item.part)), tuple(item.inputs), tuple(item.edges.items()))
            for item in self.plan.items
        ]
        spans = [*self.frames(self.plan), *self.brackets()]
        return Diagram(nodes, spans, self.options.horizontal, self.group, self.is_marked)

    def frames(self, chosen: Plan) -> list[Span]:
        """Return the frames around repeated blocks."""
        return [
            self.span("frame", stretch.first, stretch.last, (f"×{stretch.part.times}",))
            for stretch in chosen.stretches
            if stretch.part.times > 1 and stretch.last > stretch.first
        ]

    def span(self, form: str, first: int, last: int, label: tuple[str, ...]) -> Span:
        """Return a span with the space for its label."""
        return Span(form, first, last, label, label_space(label, self.options.horizontal))

    def brackets(self) -> list[Span]:
        """Return brackets for the outermost blocks that are not the whole network."""
        found: list[Span] = []
        children = [(part, 0) for part in self.plan.tree.root.children]  # with the levels of the blocks around it
        total = len(self.plan.tree.boxes)
        stretches = {stretch.part: stretch for stretch in self.plan.stretches}
        while children:
            part, level = children.pop(0)
            stretch = stretches.get(part)
            if stretch is None or not part.children:
                continue
            if part.width > WHOLE * total:
                children = [*((child, len(part.path)) for child in part.children), *children]
                continue
            if part.key and stretch.last > stretch.first and not self.is_inside_branch(part):
                outer = part.path[level]  # of a block that holds nothing but this one
                name = ".".join(part.path[-2:]) if part.key.isdigit() else outer
                if part.times > 1 and not part.key.isdigit():
                    name = class_name([part])
                label = shorten(show(name, 40), LONGEST_LABEL, SIZE, True)
                found.append(self.span("bracket", stretch.first, stretch.last, (label,)))
        return found

    def is_inside_branch(self, part: Part) -> bool:
        """Return whether something beside a block would be in the way of its bracket."""
        return self.plan.tree.is_branch(part)

    def group(self, face: Face) -> tuple[str, str, tuple[int, ...]]:
        """Return the name, the tooltip and the layers of a cell."""
        title = tooltip_of(self.analysis, face.rows, face.name, face.times)
        rows = self.analysis.rows  # of two compared networks, only the second has its layers here
        own = [row.node.index for row in face.rows if row.node.index < len(rows) and rows[row.node.index] is row]
        return face.name, title, tuple(own)

    def is_marked(self, face: Face) -> bool:
        """Return whether a cell has a highlighted layer."""
        return bool(self.marked) and any(row.node.index in self.marked for row in face.rows)

    # -- the panels --------------------------------------------------------------------------------------------------

    def panels(self) -> list[Drawn]:
        """Return each distinct block, with its name above and its table of numbers below."""
        return [self.drawings[template] for template in self.drawn_templates()]

    def panel(self, template: Template) -> Drawn | None:
        """Return one block, in as many columns as it needs; None if it does not fit on a page that it has for itself."""
        tree = self.plan.tree
        part = template.parts[0]
        inside = Plan(tree, part, opened=True)
        rows: list[list[Row]] = [[] for _ in inside.items]
        for other in template.parts:
            for collected, item in zip(rows, Plan(tree, other, opened=True).items, strict=True):
                collected.extend(item.part.rows if item.part.box is not None else item.part.all_rows())
        ports = list(dict.fromkeys(source for item in inside.items for source in item.outside))
        place = 0
        nodes = [Node(PORT, ()) for _ in ports]
        for item, layers in zip(inside.items, rows, strict=True):
            line = ""
            if item.part.box is not None:
                line, place = template.line(item.part.box.main, place)
            else:
                place += len(numbers_of(item.part))
            inputs = [len(ports) + number for number in item.inputs] + [ports.index(source) for source in item.outside]
            ordered = self._in_order(item.part, inputs, ports, inside)
            nodes.append(Node(self.faces.distinct(item, line, layers), ordered))
        last = max(leaf.first for leaf in part.leaves())
        for number, item in enumerate(inside.items):
            leaving = any(tree.last_reader[leaf.first] > last for leaf in item.part.leaves())
            if leaving or number == len(inside.items) - 1:
                nodes.append(Node(PORT, (len(ports) + number,)))
        spans = [
            self.span(span.form, span.first + len(ports), span.last + len(ports), span.label)
            for span in self.frames(inside) if span.last - span.first + 1 < len(inside.items)
        ]  # fmt: skip
        diagram = Diagram(nodes, spans, self.options.horizontal, self.nothing, lambda face: False)
        columns = int(diagram.whole.length / LONGEST_PANEL) + 1
        if columns > MOST_COLUMNS or len(diagram.cuts()) < columns - 1:
            return None
        picture = self.titled(template, diagram.draw(columns))
        fits = any(picture.width <= width and picture.height <= height for width, height in (A4, A4[::-1]))
        return picture if fits else None

    def _in_order(self, part: Part, inputs: list[int], ports: list[int], inside: Plan) -> tuple[int, ...]:
        """Return the inputs of an item in the order in which its box reads them."""
        if part.box is None:
            return tuple(inputs)
        tree = self.plan.tree
        places = {item.part.first: len(ports) + number for number, item in enumerate(inside.items)}
        order = [
            ports.index(source) if source in ports else places.get(tree.shown(source), -1) for source in part.box.inputs
        ]
        return tuple(dict.fromkeys([number for number in order if number in inputs] + inputs))

    def nothing(self, face: Face) -> tuple[str, str, tuple[int, ...]]:
        """A box of a block that is drawn as an example stands for no layer of its own."""
        return "", "", ()

    def titled(self, template: Template, picture: Drawn) -> Drawn:
        """Add the name of a block, the meaning of its symbols and its table."""
        left, top, _, bottom = picture.box
        notes = template.explanations
        heading = top - 6 - LEADING * (1 + len(notes))
        items: list[Item] = [Text(left, heading + 7, template.name, SIZE + 1, bold=True)]
        items += [
            Text(left, heading + 7 + LEADING * (number + 1), note, SIZE, color="muted")
            for number, note in enumerate(notes)
        ]
        items += picture.items
        if template.table:
            items += self.table(template, left, bottom + 10)
        return Drawn(tuple(items), extent(items))

    def table(self, template: Template, left: float, top: float) -> list[Item]:
        """Return the numbers in which blocks differ."""
        rows: list[tuple[str, ...]] = [("", *template.letters), *template.table]
        items: list[Item] = []
        x = left
        for column in zip(*rows, strict=True):
            width = max(measure(text, SIZE, True) for text in column)
            for number, text in enumerate(column):
                if text:
                    first = x == left
                    place = x if first else x + width
                    items.append(
                        Text(place, top + number * LEADING + 7, text, SIZE, "start" if first else "end", number == 0)
                    )
            x += width + 8
        return items

    def packed(self, overview: Drawn, panels: Sequence[Drawn]) -> Packing:
        """Put the panels beside the overview or below it, as it fits the page best."""
        lengths = {overview.height, *(max(overview.height, length) for length in LENGTHS if panels)}
        found = [beside(overview, panels, length) for length in sorted(lengths)]
        if panels:
            pages = (A4[0], A4[1]) if self.options.width is None else (self.options.width,)
            found += [below(overview, panels, max(overview.width, page - 2 * MARGIN)) for page in pages]
        return max(found, key=self.fit)


class Packing(Record):
    """The overview and the panels with their places, and the size of all."""

    parts: tuple[tuple[Drawn, float, float], ...]
    width: float
    height: float

    def items(self, left: float, top: float) -> list[Item]:
        """Return everything, with the top left corner at a place."""
        return [item for part, x, y in self.parts for item in part.at(left + x, top + y)]


def beside(overview: Drawn, panels: Sequence[Drawn], length: float) -> Packing:
    """Put panels beside the overview, in columns of at most this length, unless one panel is longer."""
    parts = [(overview, 0.0, 0.0)]
    x, y, column = overview.width + PANEL_GAP, 0.0, 0.0
    for panel in panels:
        if y and y + panel.height > length:
            x, y, column = x + column + PANEL_GAP, 0.0, 0.0
        parts.append((panel, x, y))
        y += panel.height + PANEL_GAP
        column = max(column, panel.width)
    width = max(x + part.width for part, x, _ in parts)
    return Packing(tuple(parts), width, max(y + part.height for part, _, y in parts))


def below(overview: Drawn, panels: Sequence[Drawn], width: float) -> Packing:
    """Put panels below the overview, in rows of at most this width, unless one panel is wider."""
    parts = [(overview, 0.0, 0.0)]
    x, y, row = 0.0, overview.height + PANEL_GAP, 0.0
    for panel in panels:
        if x and x + panel.width > width:
            x, y, row = 0.0, y + row + PANEL_GAP, 0.0
        parts.append((panel, x, y))
        x += panel.width + PANEL_GAP
        row = max(row, panel.height)
    return Packing(tuple(parts), max(x + part.width for part, x, _ in parts), y + row)


class _Comparison(_View):
    """The picture of two networks. Layers of the first that the second does not have are not layers of the analysis."""

    def title(self) -> str:
        """Return the title of the picture."""
        return f"{self.names()[0]} and {self.names()[1]}: what is the same, changed, added and removed"

    def names(self) -> list[str]:
        """Return the names of both networks."""
        assert self.options.against is not None
        return [show(one.network.title or "network") for one in (self.options.against, self.analysis)]

    def legend(self, top: float, width: float) -> tuple[list[Item], float]:
        """Return the meanings of the borders and colours, and their height."""
        return change_legend(self.meanings(), MARGIN, top, width - 2 * MARGIN)

    def meanings(self) -> list[tuple[str, str]]:
        """Return the changes that occur with their meanings."""
        return meanings(self.names(), {box.change for box in self.plan.tree.boxes})

    def least_width(self) -> float:
        """Return the least width of a page with a legend."""
        return max(super().least_width(), legend_width(self.meanings()) + 2 * MARGIN)

    def description(self) -> str:
        """Return the picture in words."""
        counts = Counter(box.change or "same" for box in self.plan.tree.boxes for _ in box.rows)
        return ", ".join(f"{plural(count, 'layer')} {change}" for change, count in sorted(counts.items())) + "."
