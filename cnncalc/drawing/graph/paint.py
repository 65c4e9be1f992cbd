"""From a layout to the primitives of a scene: boxes, circles, bars, edges with arrows, frames and brackets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnncalc.drawing.graph.cells import Cell, Place, Span
from cnncalc.drawing.graph.faces import LEADING, RADIUS, SHADOW, SIZE, Face, outline
from cnncalc.drawing.graph.routing import Layout
from cnncalc.drawing.lines import rounded
from cnncalc.drawing.measure import measure
from cnncalc.drawing.scene import Box, Circle, Group, Item, Path, Point, Rect, Style, Text, bounds, union

EDGE = Style(stroke="line", width=0.8)
CORNER = 3.0
DASHES = {"added": (), "removed": (3.0, 2.0), "changed": (), "same": (), "": ()}
BRACKET = 5.0  # between a block and its bracket
LABEL_GAP = 4.0


def label_space(label: Sequence[str], horizontal: bool) -> float:
    """Return the space that the label of a span takes across the flow."""
    if horizontal:
        return LEADING + LABEL_GAP
    return max((measure(line, SIZE, True) for line in label), default=0.0) + LABEL_GAP + BRACKET


class Painter:
    """Paints one layout. Coordinates across and along the flow become x and y, or y and x from left to right."""

    def __init__(
        self, layout: Layout, faces: Sequence[Face], horizontal: bool, group: Callable[[Face], tuple[str, str, tuple[int, ...]]],
        marked: Callable[[Face], bool], backward: bool = False,
    ) -> None:  # fmt: skip
        """`backward` lets the flow go up, or to the left."""
        self.backward = backward
        self.layout = layout
        self.faces = faces
        self.horizontal = horizontal
        self.group = group
        self.marked = marked

    def point(self, place: Place) -> Point:
        """Return x and y of a place."""
        across, along = place
        along = -along if self.backward else along
        return (along, across) if self.horizontal else (across, along)

    def items(self, changes: dict[tuple[int, int], str]) -> list[Item]:
        """Return everything, backgrounds first."""
        layout = self.layout
        found: list[Item] = []
        for span in sorted(layout.spans, key=lambda span: span.first - span.last):
            found += self.span(span)
        for edge in layout.edges:
            change = changes.get((edge.source, edge.target), "")
            style = EDGE
            if change in ("added", "removed"):
                style = Style(stroke="line", width=1.6 if change == "added" else 0.8, dash=DASHES[change])
            points = tuple(self.point(place) for place in edge.points)
            ends_at_port = layout.cells[edge.target].form == "port" and layout.cells[edge.target].inputs == []
            found.append(edge_path(points, style, not ends_at_port))
        for cell, face in zip(layout.cells, self.faces, strict=True):
            if face.form != "port":
                name, title, layers = self.group(face)
                found.append(Group(name, title, tuple(self.shape(cell, face)), layers))
        return found

    def rectangle(self, low: float, high: float, start: float, end: float) -> Box:
        """Return left, top, width and height of a rectangle given across and along the flow."""
        if self.backward:
            start, end = -end, -start
        if self.horizontal:
            return start, low, end - start, high - low
        return low, start, high - low, end - start

    def shape(self, cell: Cell, face: Face) -> list[Item]:
        """Return the primitives of a cell."""
        style = outline(face.fill, face.change)
        if self.marked(face):
            style = Style(face.fill, "accent", 2.0)
        if face.form == "circle":
            x, y = self.point((cell.across, cell.middle))
            items: list[Item] = [Circle(x, y, RADIUS, style)]
            items.append(Text(x, y + 3.0, face.lines[0].text, 9.0, "middle", True))
            if face.aside:
                if self.horizontal:
                    items.append(Text(x, y - RADIUS - 2.5, face.aside, SIZE, "middle"))
                else:
                    items.append(Text(x - RADIUS - 3, y + 2.8, face.aside, SIZE, "end"))
            return items
        left, top, width, height = self.rectangle(cell.low, cell.high, cell.along, cell.end)
        items = []
        if face.times > 1:
            for sheet in (2, 1):
                shift = SHADOW * sheet
                sheet_style = Style(face.fill, "line", 0.6)
                items.append(Rect(left + shift, top + shift, width, height, sheet_style, 2.5, "mark"))
        items.append(Rect(left, top, width, height, style, 1.0 if face.form == "bar" else 2.5))
        first = top + (height - len(face.lines) * LEADING) / 2 + LEADING - 2.4
        for number, line in enumerate(face.lines):
            items.append(Text(left + width / 2, first + number * LEADING, line.text, SIZE, "middle", line.bold))
        return items

    def span(self, span: Span) -> list[Item]:
        """Return the frame of a repeated unit, or the bracket beside a block, with its label."""
        items: list[Item] = []
        side = span.low
        if span.form == "frame":
            area = self.rectangle(span.low, span.high, span.start, span.end)
            items.append(Rect(*area, Style("panel", "line", 0.6), 4.0, "panel"))
        else:
            side = span.low - BRACKET if span.aside is None else span.aside + BRACKET
            ends = ((side, span.start), (side, span.end))
            items.append(
                Path(tuple(self.point(place) for place in ends), Style(stroke="muted", width=1.0), role="line")
            )
        if span.aside is not None:
            side, anchor, step = span.aside + BRACKET + LABEL_GAP, "start", LEADING
        else:
            side, anchor, step = side - LABEL_GAP, "end", -LEADING
        if self.horizontal:
            first = side + (6.0 if span.aside is not None else 0.0)
            lines = span.label if span.aside is not None else span.label[::-1]
            start = -span.end if self.backward else span.start
            return items + [
                Text(start, first + number * step, line, SIZE, "start", True, role="block")
                for number, line in enumerate(lines)
            ]
        center = (span.start + span.end) / 2 if span.at is None else span.at
        middle = (-center if self.backward else center) - (len(span.label) - 1) * LEADING / 2 + 2.8
        return items + [
            Text(side, middle + number * LEADING, line, SIZE, anchor, True, role="block")
            for number, line in enumerate(span.label)
        ]


def edge_path(points: tuple[Point, ...], style: Style, arrow: bool) -> Path:
    """Return an edge; its corners are round."""
    kept = [points[0]]
    for point in points[1:]:
        if abs(point[0] - kept[-1][0]) > 0.01 or abs(point[1] - kept[-1][1]) > 0.01:
            kept.append(point)
    if len(kept) < 3:
        return Path(tuple(kept) if len(kept) > 1 else points[:2], style, arrow)
    return rounded(tuple(kept), style, CORNER, arrow)


def extent(items: Sequence[Item]) -> Box:
    """Return the rectangle around items."""
    return union(bounds(item) for item in items)
