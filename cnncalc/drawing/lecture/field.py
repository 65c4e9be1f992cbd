"""What one cell of a layer sees of the input, and how that grows from layer to layer."""

from __future__ import annotations

from cnncalc.analyses.receptive import Cycle, Field, Whole, extent, format_number
from cnncalc.analyses.receptive_span import Span
from cnncalc.analyses.totals import Analysis
from cnncalc.drawing.graph.labels import shape_text
from cnncalc.drawing.measure import measure, shorten, wrap
from cnncalc.drawing.options import SMALLEST_TEXT, Options
from cnncalc.drawing.palette import family
from cnncalc.drawing.scene import Group, Item, Path, Rect, Scene, Style, Text
from cnncalc.drawing.select import Undrawable, layer_named
from cnncalc.drawing.tooltips import tooltip
from cnncalc.drawing.volumes.trunk import trunk_of
from cnncalc.network import Node
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import show

WIDTH, MARGIN, LEADING = 520.0, 14.0, 11.0
TITLE_SIZE = 11.0
PICTURE = 190.0  # the longer side of the input
STRIP = 26.0  # the height of a sequence
GRID = 48  # inputs with at most this many cells have a grid
NAME_WIDTH, ROW = 120.0, 11.0
MOST_ROWS = 28
Part = tuple[int, int]  # first and last input cell, both included


class Growth(Record):
    """The field of one layer on the way."""

    node: Node
    sizes: tuple[int, ...]
    strides: tuple[float | int | None, ...] | None


def field_view(analysis: Analysis, name: str, options: Options) -> Scene:
    """Return the picture of a layer's receptive field.

    Raises:
        Undrawable: If no layer has this name, its field is not known, or the input has no positions.
    """
    node = layer_named(analysis.network, name)
    seen = extent(analysis.fields[node.index], analysis.extent)
    if analysis.extent.rank == 0:
        raise Undrawable(f"the input {analysis.extent} has no positions, so that no cell sees a part of it")
    if seen is None:
        raise Undrawable(f"the receptive field of `{show(node.name)}` is not known")
    return _Picture(analysis, node, options).scene()


def part_seen(field: Field, axis: int, length: int, cell: int) -> Part:
    """Return the first and last input cell that a cell sees along an axis; they can be outside the input."""
    if field is None or isinstance(field, Whole):
        return 0, length - 1
    seen = field[axis]
    if isinstance(seen, Span):
        return seen.first, seen.last
    if isinstance(seen, Cycle):
        turn, place = divmod(cell, len(seen.seen))
        part = seen.seen[place] or next(part for part in seen.seen if part is not None)
        return part[0] + turn * seen.period, part[1] + turn * seen.period
    first, last, stride = seen
    return first + cell * stride, last + cell * stride


class _Picture:
    """The picture while it is drawn."""

    def __init__(self, analysis: Analysis, node: Node, options: Options) -> None:
        self.analysis = analysis
        self.node = node
        self.width = options.width or WIDTH
        self.whole = analysis.extent
        self.field = analysis.fields[node.index]
        seen = extent(self.field, self.whole)
        assert seen is not None
        self.sizes, self.strides = seen
        self.items: list[Item] = []

    def scene(self) -> Scene:
        """Return the whole picture."""
        name = show(self.node.name)
        size, whole = shape_text(Shape(self.sizes)), shape_text(Shape(self.whole.spatial))
        what = "the whole input" if self.strides is None and size == whole else f"{size} of {whole}"
        title = f"One cell of {name} sees {what}"
        y = MARGIN
        for line in wrap(title, self.width - 2 * MARGIN, TITLE_SIZE, bold=True):
            y += TITLE_SIZE + 2
            self.items.append(Text(MARGIN, y - 2, line, TITLE_SIZE, bold=True))
        top = y + 10
        right = MARGIN + PICTURE + 24
        if self.width - right < 200:  # one below the other
            bottom = self.growth(self.input(top) + 16, MARGIN)
        else:
            bottom = max(self.input(top), self.growth(top, right))
        words = [f"{show(step.node.name)} {shape_text(Shape(step.sizes))}" for step in self.steps()[0]]
        group = Group(self.node.name, tooltip(self.analysis, self.analysis.rows[self.node.index]), tuple(self.items))
        return Scene(self.width, bottom + MARGIN / 2, title, f"Receptive fields: {', '.join(words)}.", (group,))

    # -- input --------------------------------------------------------------------------------------------------------

    def input(self, top: float) -> float:
        """Draw the input with the windows of two neighbouring cells; return the bottom."""
        lengths = list(self.whole.spatial[-2:])
        scale = PICTURE / max(lengths)
        wide, tall = lengths[-1] * scale, (lengths[0] * scale if len(lengths) == 2 else STRIP)
        self.items.append(Rect(MARGIN, top, wide, tall, Style("input", "line", 0.8), role="mark"))
        if max(lengths) <= GRID:
            self.grid(lengths, scale, top, wide, tall)
        parts = [self.part(axis, 0) for axis in range(self.whole.rank)][-2:]
        neighbour = [*parts[:-1], self.part(self.whole.rank - 1, 1)]
        moved = self.strides is not None and neighbour != parts
        self.window(parts, scale, top, tall, Style("accent-soft", "accent", 1.0, opacity=0.75))
        if moved:
            self.window(neighbour, scale, top, tall, Style(stroke="ink", width=0.9, dash=(2.5, 2)))
        bottom = top + tall + 14
        for line in self.sentences(moved):
            for words in wrap(line, PICTURE, SMALLEST_TEXT):
                self.items.append(Text(MARGIN, bottom, words, SMALLEST_TEXT))
                bottom += LEADING
        return bottom

    def part(self, axis: int, aside: int) -> Part:
        """Return what the cell in the middle of the layer sees along an axis, or the one `aside` cells later."""
        output = self.node.output
        length = output[axis] if output.rank == self.whole.rank else 1
        middle = min((length - 1) // 2 + aside, max(length - 1, 0))
        return part_seen(self.field, axis, self.whole[axis], middle)

    def grid(self, lengths: list[int], scale: float, top: float, wide: float, tall: float) -> None:
        style = Style(stroke="faint", width=0.4)
        for column in range(1, lengths[-1]):
            x = MARGIN + column * scale
            self.items.append(Path(((x, top), (x, top + tall)), style, role="line"))
        for row in range(1, lengths[0] if len(lengths) == 2 else 1):
            y = top + row * scale
            self.items.append(Path(((MARGIN, y), (MARGIN + wide, y)), style, role="line"))

    def window(self, parts: list[Part], scale: float, top: float, tall: float, style: Style) -> None:
        """Draw the part of the input that is inside it."""
        clipped = [
            (max(first, 0), min(last, length - 1))
            for (first, last), length in zip(parts, self.whole.spatial[-2:], strict=True)
        ]
        if any(first > last for first, last in clipped):
            return
        left, right = (MARGIN + clipped[-1][0] * scale, MARGIN + (clipped[-1][1] + 1) * scale)
        if len(clipped) == 2:
            top, tall = top + clipped[0][0] * scale, (clipped[0][1] - clipped[0][0] + 1) * scale
        self.items.append(Rect(left, top, right - left, tall, style, role="mark"))

    def sentences(self, moved: bool) -> list[str]:
        """Return what is written below the input."""
        found = []
        if moved and self.strides is not None:
            stride = format_number(self.strides[-1])
            found.append(
                f"Dashed: what the next cell to the right sees, {stride} pixel{'s' * (stride != '1')} further."
            )
        if any(size > length for size, length in zip(self.sizes, self.whole.spatial, strict=True)):
            found.append("The window is larger than the input; what is outside is padding.")
        if self.whole.rank > 2:
            found.append(f"Of {self.whole.rank} axes, the last two are drawn.")
        return found

    # -- growth -------------------------------------------------------------------------------------------------------

    def steps(self) -> tuple[list[Growth], int]:
        """Return the layers on the way where the field grows, and how many are left out because there is no room."""
        found: list[Growth] = []
        for index in trunk_of(self.analysis.network, self.node.index):
            seen = extent(self.analysis.fields[index], self.whole)
            if seen is None:
                continue
            step = Growth(self.analysis.network.nodes[index], tuple(seen[0]), tuple(seen[1]) if seen[1] else None)
            if not found or (step.sizes, step.strides) != (found[-1].sizes, found[-1].strides):
                found.append(step)
        if len(found) <= MOST_ROWS:
            return found, 0
        kept = {round(number * (len(found) - 1) / (MOST_ROWS - 1)) for number in range(MOST_ROWS)}
        return [found[number] for number in sorted(kept)], len(found) - len(kept)

    def growth(self, top: float, left: float) -> float:
        """Draw a bar for every layer on the way; return the bottom."""
        steps, missing = self.steps()
        labels = [self.label(step) for step in steps]
        room = max(measure(label, SMALLEST_TEXT) for label in labels) + 6
        names = [shorten(show(step.node.name), NAME_WIDTH, SMALLEST_TEXT) for step in steps]
        indent = max(measure(name, SMALLEST_TEXT) for name in names) + 6
        bars = self.width - MARGIN - left - indent - room
        longest = max(step.sizes[-1] for step in steps)
        self.items.append(
            Text(left, top + 6, "Growth from layer to layer, in input pixels", SMALLEST_TEXT, color="muted")
        )
        y = top + 18
        for step, name, label in zip(steps, names, labels, strict=True):
            wide = max(0.8, bars * step.sizes[-1] / longest)
            x = left + indent + (bars - wide) / 2
            bar = Rect(x, y - 6.5, wide, 7.5, Style(family(step.node), "line", 0.4), role="mark")
            row = (Text(left, y, name, SMALLEST_TEXT), bar, Text(left + indent + bars + 6, y, label, SMALLEST_TEXT))
            title = tooltip(self.analysis, self.analysis.rows[step.node.index])
            self.items.append(Group(step.node.name, title, row, (step.node.index,)))
            y += ROW
        if missing:
            self.items.append(Text(left, y, f"{missing} layers between are left out", SMALLEST_TEXT, color="muted"))
            y += ROW
        return y

    @staticmethod
    def label(step: Growth) -> str:
        """Return the size and stride of a field."""
        size = str(step.sizes[-1]) if len(set(step.sizes)) == 1 else shape_text(Shape(step.sizes))
        stride = step.strides[-1] if step.strides else None
        return size if stride in (None, 1) else f"{size}, stride {format_number(stride)}"
