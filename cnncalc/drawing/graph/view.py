"""The page of the graph view: the overview in columns, each distinct block beside it, and the legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.drawing.coloring import coloring, legend
from cnncalc.drawing.graph.against import change_legend, legend_width, meanings, values_of_both
from cnncalc.drawing.graph.boxes import Value, boxes_of, values_of
from cnncalc.drawing.graph.cells import Span
from cnncalc.drawing.graph.diagram import Diagram, Drawn, Node
from cnncalc.drawing.graph.faces import LEADING, PORT, SIZE, Face, Faces
from cnncalc.drawing.graph.folding import Plan, TooLarge, plan
from cnncalc.drawing.graph.hairpin import hairpin
from cnncalc.drawing.graph.notes import tooltip_of
from cnncalc.drawing.graph.paint import extent, label_space
from cnncalc.drawing.graph.templates import Template, class_name, numbers_of, templates_of
from cnncalc.drawing.graph.tree import Part, Tree
from cnncalc.drawing.measure import measure, shorten
from cnncalc.drawing.options import A4, Options
from cnncalc.drawing.scene import Item, Scene, Text, move
from cnncalc.drawing.select import Undrawable, highlighted
from cnncalc.record import Record
from cnncalc.text import plural, show

MARGIN = 14.0
PANEL_GAP = 30.0
MOST_COLUMNS = 6
LENGTHS = (540.0, 800.0, 1100.0)  # of columns of blocks, in points
MOST_PANELS = 10
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
        return _Comparison(analysis, options, values, outputs).scene()
    return _View(analysis, options, values_of(analysis), analysis.network.outputs).scene()


class _View:
    def __init__(self, analysis: Analysis, options: Options, values: Sequence[Value], outputs: Sequence[int]) -> None:
        self.analysis = analysis
        self.options = options
        self.marked = highlighted(analysis.network, options.highlight)
        tree = Tree(boxes_of(values, outputs))
        try:
            self.plan = plan(tree, options.depth)
        except TooLarge as error:
            raise Undrawable(str(error)) from error
        self.templates = templates_of(self.plan) if options.depth is None else {}
        self.groups = [
            item.part.rows if item.part.box is not None else item.part.all_rows() for item in self.plan.items
        ]
        self.coloring = coloring(analysis, options.color_by, self.groups)
        self.faces = Faces(analysis, tree, options, self.coloring)

    def scene(self) -> Scene:
        """Return the page."""
        body = self.body()
        items = body.items(MARGIN, MARGIN)
        width, bottom = body.width + 2 * MARGIN, body.height + MARGIN
        if self.options.width is not None and width < self.options.width:
            items = [move(item, (self.options.width - width) / 2, 0) for item in items]
            width = self.options.width
        if self.options.legend:
            width = max(width, self.least_width())
            drawn, height = self.legend(bottom + 14, width)
            items += drawn
            bottom += 14 + height
        return Scene(width, bottom + MARGIN, self.title(), self.description(), tuple(items))

    def title(self) -> str:
        """Return the title of the picture."""
        return f"{show(self.analysis.network.title or 'network')}: layers and connections"

    def least_width(self) -> float:
        """Return the least width of a page with a legend."""
        return 200.0

    def legend(self, top: float, width: float) -> tuple[list[Item], float]:
        """Return the meanings of the colors, and their height."""
        entries = self.coloring.entries
        if self.coloring.how == "kind":
            inside = [leaf.rows for template in self.drawn_templates() for leaf in template.parts[0].leaves()]
            entries = coloring(self.analysis, "kind", [*self.groups, *inside]).entries
        return legend(entries, MARGIN, top, width - 2 * MARGIN, self.coloring.title)

    def drawn_templates(self) -> list[Template]:
        """Return the distinct blocks that are drawn beside the overview."""
        templates = list(dict.fromkeys(self.templates.values()))
        return [template for template in templates if template.drawn][:MOST_PANELS]

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
        width, height = drawn.width + 2 * MARGIN, drawn.height + 2 * MARGIN + 20
        if self.options.width is not None:
            return min(1.0, self.options.width / width)
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
        children = list(self.plan.tree.root.children)
        total = len(self.plan.tree.boxes)
        stretches = {stretch.part: stretch for stretch in self.plan.stretches}
        while children:
            part = children.pop(0)
            stretch = stretches.get(part)
            if stretch is None or not part.children:
                continue
            if part.width > WHOLE * total:
                children = [*part.children, *children]
                continue
            if part.key and stretch.last > stretch.first and not self.is_inside_branch(part):
                name = ".".join(part.path[-2:]) if part.key.isdigit() else part.key
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
        return [self.panel(template) for template in self.drawn_templates()]

    def panel(self, template: Template) -> Drawn:
        """Return one block."""
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
        picture = diagram.draw(1)
        return self.titled(template, picture)

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
        """Put the panels beside the overview, in columns of the length with which everything fits the page best."""
        lengths = {overview.height, *(max(overview.height, length) for length in LENGTHS if panels)}
        return max((beside(overview, panels, length) for length in sorted(lengths)), key=self.fit)


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
