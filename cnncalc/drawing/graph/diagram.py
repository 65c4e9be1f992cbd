"""Diagrams: cells with their faces, split into columns at places where one value carries everything, and painted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnncalc.drawing.graph.cells import Span
from cnncalc.drawing.graph.faces import PORT, Face
from cnncalc.drawing.graph.paint import EDGE, Painter, edge_path, extent
from cnncalc.drawing.graph.routing import NO_DOORS, Doors, Layout
from cnncalc.drawing.scene import Box, Item, Point, move
from cnncalc.record import Record

BETWEEN = 26.0  # between columns
TURN = 9.0  # how far an edge goes on before it turns to the next column
OFF_BRACKET = 40.0  # how much longer a column may be so that it does not split a block


class Node(Record):
    """A cell before it is placed: its face, and the numbers of the nodes it reads with the changes of these edges."""

    face: Face
    inputs: tuple[int, ...]
    changes: tuple[tuple[int, str], ...] = ()


class Drawn(Record):
    """A painted part of the picture: its primitives and the rectangle around them."""

    items: tuple[Item, ...]
    box: Box

    @property
    def width(self) -> float:
        """Its width."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Its height."""
        return self.box[3] - self.box[1]

    def at(self, left: float, top: float) -> list[Item]:
        """Return the primitives with the top left corner at a place."""
        return [move(item, left - self.box[0], top - self.box[1]) for item in self.items]


class Column(Record):
    """A painted column with the points where an edge enters and leaves it."""

    drawn: Drawn
    entry: Point
    exit: Point


class Diagram:
    """Nodes and spans that can be drawn in one column or more."""

    def __init__(
        self, nodes: Sequence[Node], spans: Sequence[Span], horizontal: bool,
        group: Callable[[Face], tuple[str, str, tuple[int, ...]]], marked: Callable[[Face], bool],
    ) -> None:  # fmt: skip
        self.nodes = nodes
        self.spans = spans
        self.horizontal = horizontal
        self.group = group
        self.marked = marked
        self._whole: Layout | None = None
        self._lowest: list[bool] = []

    @property
    def whole(self) -> Layout:
        """The layout in one column."""
        if self._whole is None:
            self._whole = self.layout(0, len(self.nodes))[0]
        return self._whole

    def cuts(self) -> list[tuple[float, int, bool]]:
        """Return the places where a column can end: the distance along the flow, the last node, and whether a block ends."""
        reach = -1
        framed = [False] * len(self.nodes)
        inside = [False] * len(self.nodes)
        for span in self.spans:
            for number in range(span.first, span.last):
                if span.form == "frame":
                    framed[number] = True
                inside[number] = True
        last_reader = list(range(len(self.nodes)))
        for number, node in enumerate(self.nodes):
            for source in node.inputs:
                last_reader[source] = max(last_reader[source], number)
        found = []
        for number in range(len(self.nodes) - 1):
            late_inputs = not self.nodes[number + 1].inputs
            at_port = any(node.face.form == "port" for node in self.nodes[number : number + 2])
            free = not framed[number] and not late_inputs and not at_port and self.is_lowest(number)
            if reach <= number and last_reader[number] > number and free:
                found.append((self.whole.cells[number].end, number, not inside[number]))
            reach = max(reach, last_reader[number])
        return found

    def is_lowest(self, number: int) -> bool:
        """Return whether a node is further along the flow than all nodes before it, so that nothing is below it."""
        if not self._lowest:
            furthest = -1.0
            for cell in self.whole.cells:
                self._lowest.append(cell.along >= furthest)
                furthest = max(furthest, cell.end)
        return self._lowest[number]

    def columns(self, count: int) -> list[Column]:
        """Return the diagram in about so many columns of equal length."""
        cuts, length = self.cuts(), self.whole.length
        starts = [0]
        for number in range(1, count):
            wanted = length * number / count
            usable = [cut for cut in cuts if cut[1] >= starts[-1]]
            if not usable:
                break
            _, last, _ = min(usable, key=lambda cut: abs(cut[0] - wanted) + (0 if cut[2] else OFF_BRACKET))
            if last + 1 > starts[-1]:
                starts.append(last + 1)
        ends = [*starts[1:], len(self.nodes)]
        return [self._paint(first, end) for first, end in zip(starts, ends, strict=True)]

    def layout(
        self, first: int, end: int, doors: Doors = NO_DOORS
    ) -> tuple[Layout, list[Face], dict[tuple[int, int], str]]:
        """Lay out the nodes from `first` up to `end`; those before are one port."""
        shift = first - 1 if first else 0
        cells = [PORT.cell((), self.horizontal)] if first else []
        faces = [PORT] if first else []
        changes: dict[tuple[int, int], str] = {}
        aside: set[int] = set()  # what follows only from values that come in at the side
        for number in range(first, end):
            node = self.nodes[number]
            left_out = self._left_out(node.inputs, first, doors)
            kept = [source for source in node.inputs if source not in left_out]
            if doors.entering:  # what comes in at the side is on that side
                kept.sort(key=lambda source: source not in aside)
                if aside.issuperset(kept):
                    aside.add(number)
            inputs = list(dict.fromkeys(max(source - shift, 0) for source in kept))
            cells.append(node.face.cell(inputs, self.horizontal))
            faces.append(node.face)
            changes.update(((max(source - shift, 0), number - shift), change) for source, change in node.changes)
        spans = [span.moved(shift, end - 1 - shift) for span in self.spans if span.last >= first and span.first < end]
        for span in spans:
            span.first = max(span.first, 1 if first else 0)
        return Layout(cells, spans, doors), faces, changes

    def _left_out(self, inputs: Sequence[int], first: int, doors: Doors) -> set[int]:
        """Return the inputs that come in at the side."""
        return {source for source in inputs if source < first - 1} if doors.entering else set()

    def _paint(self, first: int, end: int) -> Column:
        layout, faces, changes = self.layout(first, end)
        painter = Painter(layout, faces, self.horizontal, self.group, self.marked)
        items = painter.items(changes)
        begin, last = layout.cells[0], layout.cells[-1]
        entry = painter.point((begin.across, begin.along))
        leaving = painter.point((last.across, last.end))
        return Column(Drawn(tuple(items), extent(items)), entry, leaving)

    def draw(self, count: int) -> Drawn:
        """Return the diagram in about so many columns, side by side, joined by edges."""
        columns = self.columns(count)
        if len(columns) == 1:
            return columns[0].drawn
        items: list[Item] = []
        place = 0.0
        before: tuple[Point, float] | None = None  # where an edge leaves the column before, and where that column ends
        for column in columns:
            box = column.drawn.box
            dx, dy = (-box[0], place - box[1]) if self.horizontal else (place - box[0], -box[1])
            if self.horizontal:
                dx = -min(box[0], 0.0)
            items += [move(item, dx, dy) for item in column.drawn.items]
            entry = (column.entry[0] + dx, column.entry[1] + dy)
            leaving = (column.exit[0] + dx, column.exit[1] + dy)
            if before is not None:
                items.append(self._join(before[0], entry, before[1] + BETWEEN / 2))
            size = column.drawn.height if self.horizontal else column.drawn.width
            before = (leaving, place + size)
            place += size + BETWEEN
        return Drawn(tuple(items), extent(items))

    def _join(self, leaving: Point, entry: Point, middle: float) -> Item:
        """Return the edge from the end of one column to the start of the next."""
        if self.horizontal:
            (x, y), (to_x, to_y) = leaving, entry
            points = (
                (x, y), (x + TURN, y), (x + TURN, middle), (to_x - TURN, middle), (to_x - TURN, to_y), (to_x, to_y),
            )  # fmt: skip
        else:
            (x, y), (to_x, to_y) = leaving, entry
            points = (
                (x, y), (x, y + TURN), (middle, y + TURN), (middle, to_y - TURN), (to_x, to_y - TURN), (to_x, to_y),
            )  # fmt: skip
        return edge_path(points, EDGE, False)
