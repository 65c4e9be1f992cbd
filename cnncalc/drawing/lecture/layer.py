"""A layer with a window, as a slide: the input with the window, the output with the cell, and the sizes calculated."""

from __future__ import annotations

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.analyses.working import Fact, working
from cnncalc.drawing.graph.labels import line_of, shape_text, text
from cnncalc.drawing.lecture.strip import axis_of, strip
from cnncalc.drawing.measure import measure, wrap
from cnncalc.drawing.options import SMALLEST_TEXT, Options
from cnncalc.drawing.palette import family
from cnncalc.drawing.scene import Group, Item, Path, Polygon, Scene, Style, Text
from cnncalc.drawing.select import Undrawable, layer_named
from cnncalc.drawing.tooltips import tooltip
from cnncalc.drawing.volumes.boxes import Box, Scale, faces, scale_for
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.text import show

WIDTH, MARGIN, LEADING = 460.0, 14.0, 11.0
TITLE_SIZE = 11.0
LEAST_WINDOW = 10.0  # points
THINNESS = (3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)  # thick boxes, in which the window can be seen, if there is room


def layer_view(analysis: Analysis, name: str, options: Options) -> Scene:
    """Return the slide of a layer.

    Raises:
        Undrawable: If no layer has this name, or it has no window.
    """
    node = layer_named(analysis.network, name)
    layer = node.layer
    views = layer.windows(*analysis.network.shapes(node)) if layer is not None else None
    if layer is None or not views or not isinstance(views[0], (Window, TransposedWindow)):
        raise Undrawable(f"`{show(node.name)}` has no window: --layer draws convolutions and poolings")
    windows = [view for view in views if isinstance(view, (Window, TransposedWindow))]
    return _Slide(analysis, analysis.rows[node.index], windows, options).scene()


class _Slide:
    """The slide while it is drawn, from top to bottom."""

    def __init__(
        self, analysis: Analysis, row: Row, windows: list[Window | TransposedWindow], options: Options
    ) -> None:
        self.analysis = analysis
        self.row = row
        self.windows = windows
        self.legend = options.legend
        self.width = options.width or WIDTH
        self.shape = analysis.network.shapes(row.node)[0]
        self.output = row.node.output
        self.family = family(row.node)
        self.items: list[Item] = []

    def scene(self) -> Scene:
        """Return the whole picture."""
        node = self.row.node
        y = MARGIN
        for line in wrap(f"{show(node.name)}: {text(line_of(node))}", self.width - 2 * MARGIN, TITLE_SIZE, bold=True):
            y += TITLE_SIZE + 2
            self.items.append(Text(MARGIN, y - 2, line, TITLE_SIZE, bold=True))
        y = self.volumes(y + 18)
        y = self.facts(y + 20)
        y = self.strip(y + 8)
        if self.legend:
            for line in wrap(self.scale.law, self.width - 2 * MARGIN, SMALLEST_TEXT):
                y += LEADING
                self.items.append(Text(MARGIN, y, line, SMALLEST_TEXT, color="muted"))
        words = "; ".join(fact.line() for fact in self.used_facts())
        title = f"{show(node.name)} of {show(self.analysis.network.title)}"
        group = Group(node.name, tooltip(self.analysis, self.row), tuple(self.items), (node.index,))
        return Scene(self.width, y + MARGIN / 2, title, f"From {self.shape} to {self.output}. {words}.", (group,))

    # -- volumes ------------------------------------------------------------------------------------------------------

    def volumes(self, top: float) -> float:
        """Draw the input, the output, and the lines from the window to its cell; return the bottom of their captions."""
        words = self.window_words()
        middle = max(measure(line, SMALLEST_TEXT, bold=not number) for number, line in enumerate(words)) + 24
        for thinness in THINNESS:
            scale = self.scale = scale_for([self.shape, self.output], thinness)
            before, after = (scale.box(shape, 1.0) for shape in (self.shape, self.output))
            sides = [max(box.width + box.slant, self.caption_width(shape)) for box, shape in self.both(before, after)]
            if sum(sides) + middle <= self.width - 2 * MARGIN:
                break
        self.width = max(self.width, sum(sides) + middle + 2 * MARGIN)  # a narrow page cannot be any narrower
        height = max(before.height + before.slant, after.height + after.slant)
        left = max(MARGIN, (self.width - sum(sides) - middle) / 2)
        center = top + height / 2
        starts = (left + (sides[0] - before.width - before.slant) / 2, left + sides[0] + middle)
        small = self.window_box(scale, before), self.cell_box(after)
        corners = []
        for (box, _), part, x in zip(self.both(before, after), small, starts, strict=True):
            box_top = center - box.height / 2 + box.slant / 2
            self.items += faces(box, x, box_top, "input", Style(stroke="line", width=0.5))
            self.items += corner_of(box, part, x, box_top, self.family)
            corners.append((x, box_top))
        self.lines(before, small, corners)
        self.between(words, starts[0] + before.width + before.slant, starts[1], top)
        bottom = top + height + 14
        for (box, shape), x, name in zip(self.both(before, after), starts, ("input", "output"), strict=True):
            at = x + (box.width + box.slant) / 2
            self.items.append(Text(at, bottom, shape_text(shape), SMALLEST_TEXT, "middle", bold=True))
            self.items.append(Text(at, bottom + LEADING, name, SMALLEST_TEXT, "middle"))
        return bottom + LEADING

    def both(self, before: Box, after: Box) -> list[tuple[Box, Shape]]:
        return [(before, self.shape), (after, self.output)]

    @staticmethod
    def caption_width(shape: Shape) -> float:
        return measure(shape_text(shape), SMALLEST_TEXT, bold=True)

    def window_words(self) -> list[str]:
        """Return the lines between the volumes: the filters, stride and padding."""
        layer = self.row.node.layer
        kernel = "×".join(str(window.kernel) for window in self.windows)
        lines = []
        filters = getattr(layer, "filters", None)
        if filters is not None:
            channels = self.shape[-1] // getattr(layer, "groups", 1)
            lines.append(f"{filters} filter{'s' if filters > 1 else ''} of {kernel}×{channels}")
        else:
            lines.append(f"a window of {kernel} in every channel")
        strides = sorted({window.stride for window in self.windows})
        pads = sorted({pad for window in self.windows for pad in (window.before, window.after)})
        lines.append(f"stride S = {' and '.join(map(str, strides))}")
        lines.append(f"padding P = {' and '.join(map(str, pads))}")
        return lines

    def window_box(self, scale: Scale, box: Box) -> Box:
        """Return the size of the window inside the input: all channels, and its share of height and width by the law."""
        lengths = [window.reach for window in self.windows][-2:]
        real = scale.box(Shape((*lengths, 1)), 1.0)
        if isinstance(self.windows[0], TransposedWindow):
            return self.cell_box(box)
        return Box(box.width, min(box.height, max(LEAST_WINDOW, real.height)), min(box.slant, max(2.0, real.slant)))

    @staticmethod
    def cell_box(box: Box) -> Box:
        """Return the size of one cell with all its channels."""
        return Box(box.width, min(box.height, 4.0), min(box.slant, 2.0))

    def lines(self, before: Box, small: tuple[Box, Box], corners: list[tuple[float, float]]) -> None:
        """Draw lines from the right side of the window to the left side of the cell."""
        (x, top), (to_x, to_top) = corners
        window, cell = small
        right = x + before.width
        style = Style(stroke="line", width=0.7)
        for start, end in (
            ((right + window.slant, top - window.slant), (to_x, to_top)),
            ((right + window.slant, top - window.slant + window.height), (to_x, to_top + cell.height)),
        ):
            self.items.append(Path((start, end), style, role="line"))

    def between(self, words: list[str], left: float, right: float, top: float) -> None:
        """Write the words between the volumes, above the lines."""
        for number, line in enumerate(words):
            self.items.append(
                Text((left + right) / 2, top - 2 + number * LEADING, line, SMALLEST_TEXT, "middle", bold=not number)
            )

    # -- numbers ------------------------------------------------------------------------------------------------------

    def used_facts(self) -> list[Fact]:
        """Return the working of the output size, the parameters and the multiply-adds; equal axes once."""
        found: list[Fact] = []
        skipped = ("input", "output", "activations", "memory", "receptive field", "for scale")
        for fact in working(self.analysis, self.row):
            if fact.label in skipped or not fact.formula:
                continue
            last = found[-1] if found else None
            if last and (last.letters, last.numbers, last.result) == (fact.letters, fact.numbers, fact.result):
                found[-1] = Fact(f"{last.label}, {fact.label}", *list(vars(last).values())[1:])
            else:
                found.append(fact)
        return found

    def facts(self, top: float) -> float:
        """Write the working; return its bottom."""
        facts = self.used_facts()
        indent = max((measure(fact.label, SMALLEST_TEXT) for fact in facts), default=0.0) + 10
        room = self.width - 2 * MARGIN - indent
        for fact in facts:
            self.items.append(Text(MARGIN, top, fact.label, SMALLEST_TEXT, color="muted"))
            for line in wrap(f"{fact.formula} = {fact.result}", room, SMALLEST_TEXT):
                self.items.append(Text(MARGIN + indent, top, line, SMALLEST_TEXT))
                top += LEADING
        for _, sentence in self.row.notes:
            for line in wrap(f"note: {show(sentence, 300)}", self.width - 2 * MARGIN, SMALLEST_TEXT):
                self.items.append(Text(MARGIN, top, line, SMALLEST_TEXT, color="muted"))
                top += LEADING
        return top

    def strip(self, top: float) -> float:
        """Draw the cells along the last axis with the window at its places; return the bottom."""
        number = len(self.windows) - 1
        axis = axis_of(self.windows[number], self.shape[number])
        name = self.shape.axes[number] if self.shape.rank == len(self.windows) else "width"
        what = "output, where each input cell is spread" if axis.cut else "input, and the window of each output cell"
        words = f"Along the {name}: the {what}."
        if axis.before or axis.after:
            words += " Dashed: cut off." if axis.cut else " Dashed: padding."
        for line in wrap(words, self.width - 2 * MARGIN, SMALLEST_TEXT):
            self.items.append(Text(MARGIN, top, line, SMALLEST_TEXT, color="muted"))
            top += LEADING
        items, height = strip(axis, self.family, MARGIN, top - 4, self.width - 2 * MARGIN)
        self.items += items
        return top + height - 4


def corner_of(box: Box, part: Box, left: float, top: float, fill: str) -> list[Item]:
    """Return the visible faces of a part of a box at its front, top corner."""
    right, back = left + box.width, part.slant
    style = [Style(name, "line", 0.4) for name in (fill, f"{fill}-top", f"{fill}-side")]
    low = top + part.height
    return [
        Polygon(((right, top), (right + back, top - back), (right + back, low - back), (right, low)), style[2], "mark"),
        Polygon(((left, top), (left + back, top - back), (right + back, top - back), (right, top)), style[1], "mark"),
        Polygon(((left, top), (right, top), (right, low), (left, low)), style[0], "mark"),
    ]
