"""Networks whose skips reach from one half to the other, such as a U-Net: one half goes down, and the other goes up beside it.

Every value that both halves use goes straight from one to the other. Rows are moved apart until both ends of it are level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncalc.drawing.graph.cells import Place
from cnncalc.drawing.graph.paint import EDGE, Painter, edge_path, extent
from cnncalc.drawing.graph.routing import Doors, Layout
from cnncalc.drawing.scene import Item, move

if TYPE_CHECKING:
    from cnncalc.drawing.graph.diagram import Diagram, Drawn

MIDDLE = 24.0  # between the halves
LANE = 6.0
LEAST_SKIPS = 1
TURN = 10.0


class Half:
    """One half: its layout, and the edges that go to the other."""

    def __init__(self, diagram: Diagram, first: int, end: int, doors: Doors) -> None:
        self.diagram = diagram
        self.first = first
        self.end = end
        self.layout, self.faces, self.changes = diagram.layout(first, end, doors)

    def with_space(self, doors: Doors) -> Half:
        """Return the same half with other distances."""
        return Half(self.diagram, self.first, self.end, doors)


def split_of(diagram: Diagram) -> tuple[int, list[tuple[int, int]]] | None:
    """Return the last node of the first half, and the (source, reader) pairs of the skips; None if there are no such halves."""
    nodes, whole = diagram.nodes, diagram.whole
    framed = {number for span in diagram.spans if span.form == "frame" for number in range(span.first, span.last)}
    best: tuple[int, float, int] | None = None
    for number in range(len(nodes) - 1):
        after = nodes[number + 1]
        if number in framed or after.inputs != (number,) or not diagram.is_lowest(number):
            continue
        skips = skips_over(diagram, number)
        if len(skips) >= LEAST_SKIPS:
            uneven = abs(whole.cells[number].end - whole.length / 2)
            best = min(best or (0, 0.0, 0), (-len(skips), uneven, number))
    return None if best is None else (best[2], skips_over(diagram, best[2]))


def skips_over(diagram: Diagram, last: int) -> list[tuple[int, int]]:
    """Return the (source, reader) pairs of the edges over the end of the first half, except those from this end."""
    return [
        (source, number) for number in range(last + 1, len(diagram.nodes)) for source in diagram.nodes[number].inputs
        if source < last
    ]  # fmt: skip


def hairpin(diagram: Diagram) -> Drawn | None:
    """Return the diagram in two halves; None if it has none, or an edge between them would run through a cell."""
    from cnncalc.drawing.graph.diagram import Drawn

    found = split_of(diagram)
    if found is None:
        return None
    last, skips = found
    readers = [reader for _, reader in skips]
    if len(set(readers)) < len(readers):
        return None
    leaving = tuple(dict.fromkeys(source for source, _ in skips))
    shift = last  # the second half has a port as its cell 0
    entering = tuple(reader - shift for reader in readers)
    down = Half(diagram, 0, last + 1, Doors(leaving=leaving))
    up = Half(diagram, last + 1, len(diagram.nodes), Doors(entering=entering))
    if not all(map(up.layout.can_be_entered, entering)):
        return None
    level = _levelled(down.layout, up.layout, [(source, reader - shift) for source, reader in skips])
    if level is not None:
        down, up = down.with_space(Doors(leaving, (), level[0])), up.with_space(Doors((), entering, level[1]))
    return _joined(diagram, down, up, [(source, reader - shift) for source, reader in skips], Drawn)


def _levelled(
    down: Layout, up: Layout, skips: Sequence[tuple[int, int]]
) -> tuple[dict[int, float], dict[int, float]] | None:
    """Return the space to add after rows of both halves so that both ends of each skip are level; None if skips cross."""
    heights = sorted(
        (down.length - down.leaving(source)[-1][1], up.entering(reader)[0][1], source, reader)
        for source, reader in skips
    )
    above: dict[int, float] = {}
    below: dict[int, float] = {}
    lifted_down = lifted_up = 0.0
    before = -1.0
    for one, other, source, reader in heights:
        if other < before:
            return None
        before = other
        difference = one + lifted_down - other - lifted_up
        if difference > 0:
            row = up.cells[reader].row - 1
            below[row] = below.get(row, 0.0) + difference
            lifted_up += difference
        elif difference < 0:
            row = down.cells[source].row
            above[row] = above.get(row, 0.0) - difference
            lifted_down -= difference
    return above, below


def _joined(diagram: Diagram, down: Half, up: Half, skips: Sequence[tuple[int, int]], drawn: type[Drawn]) -> Drawn:
    """Paint both halves, the second beside the first, with the edges between them."""
    first = Painter(down.layout, down.faces, diagram.horizontal, diagram.group, diagram.marked)
    second = Painter(up.layout, up.faces, diagram.horizontal, diagram.group, diagram.marked, backward=True)
    middle = down.layout.breadth + MIDDLE / 2
    across = down.layout.breadth + MIDDLE + LANE * _uneven(down, up, skips) - up.layout.start
    along = down.layout.length

    def moved(place: Place) -> Place:
        """Return a place of the second half as one of the first."""
        return place[0] + across, along - place[1]

    dx, dy = (along, across) if diagram.horizontal else (across, along)
    items: list[Item] = first.items(down.changes)
    items += [move(item, dx, dy) for item in second.items(up.changes)]
    lane = 0
    for source, reader in skips:
        start, end = down.layout.leaving(source), [moved(place) for place in up.layout.entering(reader)]
        points = [*start]
        if abs(start[-1][1] - end[0][1]) > 0.5:
            place = middle + LANE * lane
            lane += 1
            points += [(place, start[-1][1]), (place, end[0][1])]
        else:
            end = [
                (end[0][0], start[-1][1]),
                *((x, start[-1][1]) if abs(y - start[-1][1]) < 0.5 else (x, y) for x, y in end[1:]),
            ]
        items.append(edge_path(tuple(first.point(place) for place in [*points, *end]), EDGE, True))
    bottom = down.layout.cells[-1]
    port = moved((up.layout.cells[0].across, up.layout.cells[0].along))
    turn = along + TURN
    ends = [(bottom.across, bottom.far), (bottom.across, turn), (port[0], turn), port]
    items.append(edge_path(tuple(first.point(place) for place in ends), EDGE, False))
    return drawn(tuple(items), extent(items))


def _uneven(down: Half, up: Half, skips: Sequence[tuple[int, int]]) -> int:
    """Return how many skips have ends that are not level."""
    along = down.layout.length
    return sum(
        abs(down.layout.leaving(source)[-1][1] - (along - up.layout.entering(reader)[0][1])) > 0.5
        for source, reader in skips
    )
