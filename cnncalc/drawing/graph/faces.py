"""How items look: the lines of text in a cell, its form and its size."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.quantities import PER_LAYER
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.drawing.coloring import Coloring
from cnncalc.drawing.graph.cells import Cell
from cnncalc.drawing.graph.folding import Item
from cnncalc.drawing.graph.labels import SIGNS, shape_text, text
from cnncalc.drawing.graph.notes import notes
from cnncalc.drawing.graph.templates import (
    Template,
    block_name,
    channels_out,
    entry_of,
    output_of,
    reduction,
)
from cnncalc.drawing.graph.tree import Part, Tree
from cnncalc.drawing.measure import measure, shorten
from cnncalc.drawing.options import SMALLEST_TEXT, Options
from cnncalc.drawing.palette import family
from cnncalc.drawing.scene import Style
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import plural, show

SIZE = SMALLEST_TEXT
LEADING = 9.8  # from one baseline to the next
PADDING = 4.0
RADIUS = 7.0
WIDEST = 150.0
LEAST = 44.0  # width of a box
SHADOW = 2.5  # by which the sheets of a stack are apart
MARKS = {"added": "+ ", "removed": "− ", "changed": "≠ ", "": "", "same": ""}


def outline(fill: str, change: str) -> Style:
    """Return the style of a box. What changed between two networks shows in its border, too."""
    if change == "added":
        return Style(fill, "ink", 2.0)
    if change == "removed":
        return Style(fill, "ink", 1.0, (2.5, 2.0))
    return Style(fill, "ink", 1.4, (7.0, 2.0)) if change == "changed" else Style(fill, "line", 0.8)


class Words(Record):
    """A line of text in a cell."""

    text: str
    bold: bool = False

    @property
    def width(self) -> float:
        """Its width in points."""
        return measure(self.text, SIZE, self.bold)


class Face(Record):
    """The look of an item. `aside` is the text beside a circle. `times` is more than 1 for a stack."""

    form: str
    fill: str
    lines: tuple[Words, ...]
    aside: str = ""
    times: int = 1
    change: str = ""
    rows: tuple[Row, ...] = ()
    name: str = ""

    @property
    def width(self) -> float:
        """The width of its outline."""
        if self.form == "circle":
            return 2 * RADIUS
        return max([LEAST, *(line.width + 2 * PADDING for line in self.lines)])

    @property
    def height(self) -> float:
        """The height of its outline."""
        if self.form == "circle":
            return 2 * RADIUS
        if self.form == "port":
            return 0.0
        return len(self.lines) * LEADING + PADDING

    def cell(self, inputs: Sequence[int], horizontal: bool) -> Cell:
        """Return its cell. In a picture from left to right, heights are across the flow."""
        if self.form == "port":
            return Cell("port", 0, 0, 0, 0, list(inputs))
        width, height = self.width, self.height
        extra = SHADOW * 2 if self.times > 1 else 0.0
        if self.form == "circle":
            space = 0.0
            if self.aside:
                space = LEADING if horizontal else measure(self.aside, SIZE) + 3
            length = max(width, measure(self.aside, SIZE)) if horizontal else height
            return Cell("circle", length, RADIUS + space, RADIUS, RADIUS, list(inputs))
        across, along = (height, width) if horizontal else (width, height)
        return Cell(self.form, along, across / 2, across / 2 + extra, across / 2, list(inputs))


PORT = Face("port", "", ())


class Faces:
    """Makes the faces of items, in one style."""

    def __init__(
        self, analysis: Analysis, tree: Tree, options: Options, coloring: Coloring, stated: Sequence[str] = ()
    ) -> None:
        """`stated` has what follows every convolution, if that is stated elsewhere."""
        self.stated = tuple(stated)
        self.analysis = analysis
        self.tree = tree
        self.options = options
        self.coloring = coloring

    def fill(self, rows: Sequence[Row], change: str) -> str:
        """Return the color of layers: that of their change, or in a picture of one network that of the layers."""
        return (change or "same") if self.options.against is not None else self.coloring.fill(rows)

    def face(self, item: Item, template: Template | None = None) -> Face:
        """Return the face of an item of the overview; the template of a block gives its name."""
        if item.part.box is None or item.part.collapsed:
            return self._block(item.part, template)
        return self._box(item.part, "", item.part.rows)

    def distinct(self, item: Item, line: str, rows: Sequence[Row]) -> Face:
        """Return the face of a box of a block that is drawn once. `rows` are those of the box in all such blocks."""
        if item.part.box is None:
            return self._block(item.part, None)
        return self._box(item.part, line, rows)

    def _box(self, part: Part, line: str, layers: Sequence[Row]) -> Face:
        box = part.box
        assert box is not None
        main = line or MARKS.get(box.change, "") + text(box.main)
        rows = tuple(layers)
        assert part.outputs is not None
        shown = not line and not _is_stated(part) and (box.entry is None or {*part.outputs} != {box.entry})
        if line:  # a box of an example: what it states is the share of all such boxes
            notes = [Words(self.coloring.note(rows))] if self.coloring.how in PER_LAYER else []
        else:
            notes = self._notes(part.repetitions(), box.change, shown)
        fill = "page" if line and self.coloring.how == "stage" else self.fill(rows, box.change)
        after = ", ".join(box.after)
        if box.form == "circle":
            sign = SIGNS[box.lead.node.kind]
            return Face("circle", fill, (Words(sign, True),), show(after, 40), 1, box.change, rows, box.name)
        first = [Words(show(", ".join(box.before), 60))] if box.before else []
        if box.form == "bar":
            words = [main, *([] if line else [_shapes(part)]), *([after] if after else [])]
            joined = [Words(", ".join(words[:2]))] if len(words) > 1 else [Words(main)]
            rest = [Words(after)] if after and len(words) > 2 else []
            notes = [note for note in notes if note.text != "0 %"]
            return Face("bar", fill, (*joined, *rest, *notes), "", part.times, box.change, rows, box.name)
        lines = [*first, Words(main + (f"  ×{part.times}" if part.times > 1 else ""), bold=False)]
        if box.old:
            lines.append(Words(box.old))
        if not self.stated or family(box.lead.node) != "conv":
            lines += [Words(piece) for piece in _broken(box.after)]
        if shown:
            lines.append(Words(_shapes(part)))
        return Face("box", fill, (*lines, *notes), "", part.times, box.change, rows, box.name)

    def _block(self, part: Part, template: Template | None) -> Face:
        if part.parallel:
            return self._branches(part)
        name = template.name if template is not None else block_name(part)
        rows = tuple(part.all_rows())
        output, entry = output_of(part), entry_of(part, self.tree)
        factor = reduction(part, self.tree)
        title = f"{name} {channels_out(part)}" + (f", /{factor}" if factor > 1 else "")
        title += template.suffixes.get(part, "") if template is not None else ""
        lines = [Words(title + (f"  ×{part.times}" if part.times > 1 else ""), bold=True)]
        if template is not None and part in template.instances:
            lines.append(Words(template.instances[part]))
        if template is None or not template.drawn:
            lines.append(Words(plural(len(rows), "layer")))
        if output != entry:
            lines.append(Words(shape_text(output)))
        change = _change_of(part)
        lines[0] = Words(MARKS.get(change, "") + lines[0].text, bold=True)
        fill = self.fill(rows, change)
        return Face(
            "box",
            fill,
            (*lines, *self._notes(part.repetitions(), _change_of(part), output != entry)),
            "",
            part.times,
            change,
            rows,
            ".".join(part.path),
        )

    def _branches(self, part: Part) -> Face:
        """Return the face of equal branches, which has the lines of all their boxes."""
        rows = tuple(part.all_rows())
        lines = [Words(f"{part.times} branches:", bold=True)]
        for leaf in part.leaves():
            box = leaf.box
            assert box is not None
            words = [*box.before, text(box.main), *box.after]
            lines.append(Words(shorten(", ".join(words), WIDEST, SIZE)))
        lines.append(Words(shape_text(output_of(part))))
        return Face(
            "box",
            self.coloring.fill(rows),
            (*lines, *self._notes(part.repetitions(), _change_of(part), True)),
            "",
            part.times,
            "",
            rows,
            ".".join(part.path),
        )

    def _notes(self, repetitions: Sequence[Sequence[Row]], change: str, stated: bool) -> list[Words]:
        removed = change == "removed" and self.options.against is not None
        analysis = self.options.against if removed else self.analysis
        assert analysis is not None
        return [Words(line) for line in notes(analysis, repetitions, self.options, self.coloring, stated)]


def _change_of(part: Part) -> str:
    """Return the change of a block: that of all of its boxes, or `changed` if they differ."""
    changes = {leaf.box.change for leaf in part.leaves() if leaf.box is not None}
    return changes.pop() if len(changes) == 1 else "changed"


def _broken(words: Sequence[str]) -> list[str]:
    """Join words with commas, in as many lines as needed."""
    lines: list[str] = []
    for word in words:
        if lines and measure(f"{lines[-1]}, {word}", SIZE) + 2 * PADDING <= 90:
            lines[-1] += f", {word}"
        else:
            lines.append(word)
    return [shorten(line, WIDEST, SIZE) for line in lines]


def _is_stated(part: Part) -> bool:
    """Return whether the text of a layer ends with the length of its output, which is a vector."""
    assert part.box is not None
    assert part.outputs is not None
    last = part.box.main[-1]
    return len(part.outputs[1]) == 1 and not isinstance(last, str) and last.value == part.outputs[1][0]


def _shapes(part: Part) -> str:
    """Return the output shape; that of the first and last repetition if they differ."""
    assert part.outputs is not None
    first, last = part.outputs
    if first == last:
        return shape_text(first)
    if first[:-1] == last[:-1]:
        return f"{shape_text(Shape(first))}…{last[-1]}"
    return f"{shape_text(first)} … {shape_text(last)}"
