"""How much of a network is drawn: everything, or blocks as single boxes, so that the picture fits on a page.

The choices are, from the most detailed one on: all boxes with equal neighbouring blocks folded; runs of equal boxes folded,
too; the innermost blocks as single boxes, each distinct one drawn once beside the overview; then larger and larger blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from cnncalc.drawing.graph.cells import Cell
from cnncalc.drawing.graph.grid import Grid
from cnncalc.drawing.graph.tree import Part, Tree
from cnncalc.text import plural

AREA = 72  # rows times columns that fit on a page
MOST_ITEMS = 1200  # boxes in one picture


class TooLarge(Exception):
    """A network has too many boxes to draw, and no blocks that could be folded. The text is a sentence and its remedy."""


class Item:
    """Something that is drawn as one cell: a box, or a collapsed block. `inputs` has the numbers of other items."""

    __slots__ = ("edges", "inputs", "outside", "part")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.inputs: list[int] = []
        self.outside: list[int] = []  # boxes that are not in the picture
        self.edges: dict[int, str] = {}


class Stretch:
    """Items from `first` to `last` that belong to one block that is not collapsed."""

    __slots__ = ("first", "last", "part")

    def __init__(self, part: Part, first: int, last: int) -> None:
        self.part = part
        self.first = first
        self.last = last


class Plan:
    """The items of the picture in order, and the blocks around them."""

    __slots__ = ("_closed", "items", "stretches", "tree")

    def __init__(self, tree: Tree, root: Part | None = None, opened: bool = False) -> None:
        """Collect the items of a network, or of the inside of one block, whose inner blocks are `opened` if possible."""
        self.tree = tree
        self._closed = ("branch",) if opened else ("branch", "block")
        self.items: list[Item] = []
        self.stretches: list[Stretch] = []
        place: dict[int, int] = {}
        for child in (root or tree.root).children:
            self._collect(child, place)
        for number, item in enumerate(self.items):
            part = item.part
            for source in part.box.inputs if part.box is not None else part.sources:
                index = place.get(tree.shown(source))
                if index is None and source not in item.outside:
                    item.outside.append(source)
                if index is not None and index < number and index not in item.inputs:
                    item.inputs.append(index)
                    if part.box is not None and source in part.box.edges:
                        item.edges[index] = part.box.edges[source]

    def _collect(self, part: Part, place: dict[int, int]) -> None:
        if part.box is not None or part.collapsed in self._closed:
            for leaf in part.leaves():
                place[leaf.first] = len(self.items)
            self.items.append(Item(part))
            return
        first = len(self.items)
        for child in part.children:
            self._collect(child, place)
        self.stretches.append(Stretch(part, first, len(self.items) - 1))

    def area(self) -> int:
        """Return the rows times the columns of the picture, where a single column counts as one and a half.

        A network in two halves has half of the rows.
        """
        if len(self.items) > MOST_ITEMS:
            return MOST_ITEMS * len(self.items)
        grid = Grid([Cell("box", 0, 0, 0, 0, item.inputs) for item in self.items])
        rows = grid.rows / 2 if self.has_halves() else grid.rows
        return int(rows * max(grid.last_column - grid.first_column + 1, 1.5))

    def has_halves(self) -> bool:
        """Return whether one connection and at least two nested skips lead from one half to the other, as in a U-Net."""
        changes = [0] * (len(self.items) + 1)
        skips = [
            (source, reader) for reader, item in enumerate(self.items) for source in item.inputs if source < reader - 1
        ]
        for source, reader in skips:
            changes[source + 1] += 1
            changes[reader] -= 1
        best, last, passing = 1, -1, 0
        for number, following in enumerate(self.items[1:]):
            passing += changes[number]
            if passing > best and following.inputs == [number]:
                best, last = passing, number
        nested = sorted(skip for skip in skips if skip[0] < last < skip[1])
        return last >= 0 and all(one[0] < other[0] and other[1] < one[1] for one, other in pairwise(nested))


def plan(tree: Tree, depth: int | None = None) -> Plan:
    """Return the most detailed plan that is small enough. `depth` is that of `plans`.

    Raises:
        TooLarge: If too many boxes remain.
    """
    return next(plans(tree, depth))


def plans(tree: Tree, depth: int | None = None) -> Iterator[Plan]:
    """Yield what can be drawn, from the most detailed plan that is small enough on. Each changes the tree of those before.

    `depth` folds all blocks that are deeper than that many levels, and nothing else.

    Raises:
        TooLarge: If too many boxes remain.
    """
    tree.fold()
    _collapse_branches(tree, tree.root)
    if depth is not None:
        _collapse_below(tree.root, depth)
        yield _checked(Plan(tree), depth)
        return
    chosen = Plan(tree)
    smallest = MOST_ITEMS + 1  # boxes of a plan that was yielded
    if chosen.area() <= AREA:
        smallest = len(chosen.items)
        yield chosen
    heights = _heights(tree)
    keys = {part: skeleton(part) for part, height in heights.items() if height == 0}
    counts = Counter(keys.values())
    for level, unique in [(0, False), *((level, True) for level in range(max(heights.values(), default=-1) + 1))]:
        for part, height in heights.items():
            if height == level and (unique or part.times > 1 or counts[keys[part]] > 1):
                part.collapsed = "block"
        tree.fold(single=True)
        chosen = Plan(tree)
        if len(chosen.items) < smallest and chosen.area() <= AREA:
            smallest = len(chosen.items)
            yield chosen
    if smallest > MOST_ITEMS:
        yield _checked(chosen, depth)


def _checked(chosen: Plan, depth: int | None) -> Plan:
    count = len(chosen.items)
    if count <= MOST_ITEMS:
        return chosen
    folded = len(chosen.tree.root.children)
    if depth != 0 and folded <= MOST_ITEMS:
        help = f"fold all blocks with --depth 0, for {plural(folded, 'box', 'boxes')}"
    else:
        help = "it has no blocks that can be folded further"
    raise TooLarge(f"the picture would have {count:,} boxes, and it may have {MOST_ITEMS:,} at most: {help}")


def _collapse_branches(tree: Tree, part: Part) -> None:
    """Draw a repeated block inside a branch as one box, because its frame would have no room for its label."""
    for child in part.children:
        if child.children:
            if child.times > 1 and tree.is_branch(child):
                child.collapsed = "branch"
            else:
                _collapse_branches(tree, child)


def _collapse_below(part: Part, depth: int) -> None:
    for child in part.children:
        if child.children:
            if len(child.path) > depth and child.key:
                child.collapsed = "block"
            else:
                _collapse_below(child, depth)


def _heights(tree: Tree) -> dict[Part, int]:
    """Return the blocks that can be drawn as one box, with the number of levels of such blocks inside."""
    heights: dict[Part, int] = {}

    def visit(part: Part) -> int:
        inner = max((visit(child) for child in part.children), default=-1)
        if part is tree.root or part.box is not None or part.collapsed or tree.is_branch(part):
            return inner
        if sum(1 for _ in part.leaves()) < 2:
            return inner
        heights[part] = inner + 1
        return inner + 1

    visit(tree.root)
    return heights


def skeleton(part: Part) -> tuple[object, ...]:
    """Return what two blocks have in common that differ only in numbers."""
    return tuple(_skeleton(part, part.first, {}))


def _skeleton(part: Part, first: int, outside: dict[int, int]) -> Iterator[object]:
    for child in part.children:
        yield ("block", child.times) if child.children else child.times
        yield from _skeleton(child, first, outside)
    box = part.box
    if box is not None:
        line = tuple(piece if isinstance(piece, str) else piece.kind for piece in box.main)
        yield (box.form, box.change, *box.before, "|", *line, "|", *box.after)
        for source in box.inputs:
            yield source - first if source >= first else -1 - outside.setdefault(source, len(outside))
