"""A picture as a value: primitives in points (1/72 inch) with the origin at the top left, grouped by layer.

Colours are names that `palette.py` resolves for a theme, so that one scene can be written for light and dark backgrounds.
Roles say what a primitive is for: the writers ignore them, and the tests of geometry rely on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from cnncalc.drawing.measure import ASCENT, DESCENT, measure
from cnncalc.record import Record

Point: TypeAlias = tuple[float, float]


class Style(Record):
    """Colours by their names in the palette ("" for none), and the line. `dash` has the lengths of a dash and a gap."""

    fill: str = ""
    stroke: str = ""
    width: float = 0.6
    dash: tuple[float, ...] = ()
    opacity: float = 1.0


class Polygon(Record):
    """A closed shape. Role: `box` for a layer, which edges may not cross; `panel` for a background; `mark` otherwise."""

    points: tuple[Point, ...]
    style: Style
    role: str = "box"


class Rect(Record):
    """A rectangle whose corners have a radius. Its roles are those of `Polygon`."""

    x: float
    y: float
    width: float
    height: float
    style: Style
    radius: float = 0.0
    role: str = "box"


class Circle(Record):
    """A circle. Its roles are those of `Polygon`."""

    x: float
    y: float
    radius: float
    style: Style
    role: str = "box"


class Path(Record):
    """An open line. If `curved`, the points after the first are cubic Bezier control points in threes.

    Role: `edge` for a connection between layers, `line` otherwise. `arrow` puts a head at the last point.
    """

    points: tuple[Point, ...]
    style: Style
    arrow: bool = False
    curved: bool = False
    role: str = "edge"


class Text(Record):
    """One line of text with its baseline at `y`. Anchor: `start`, `middle` or `end`.

    Role: `label`; `block` for the name of a block, which edges may not cross.
    """

    x: float
    y: float
    text: str
    size: float = 8.0
    anchor: str = "start"
    bold: bool = False
    color: str = "ink"
    role: str = "label"


class Group(Record):
    """Primitives that belong together. `name` is the name of the layer or block, so that a report can link to it.

    `title` is the tooltip. `layers` has the indexes of the network's nodes that this group itself shows; groups nest, and
    each node is in exactly one of them.
    """

    name: str
    title: str
    items: tuple[Item, ...]
    layers: tuple[int, ...] = ()


Item: TypeAlias = Polygon | Rect | Circle | Path | Text | Group
Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom


class Scene(Record):
    """A picture of `width` x `height` points. Title and description are its alternative text."""

    width: float
    height: float
    title: str
    description: str
    items: tuple[Item, ...]

    def flat(self) -> Iterator[tuple[Item, Group | None]]:
        """Yield every primitive in drawing order with the innermost group around it."""
        yield from _flat(self.items, None)

    def groups(self) -> Iterator[Group]:
        """Yield every group, outer ones first."""
        yield from _groups(self.items)


def _flat(items: Iterable[Item], group: Group | None) -> Iterator[tuple[Item, Group | None]]:
    for item in items:
        if isinstance(item, Group):
            yield from _flat(item.items, item)
        else:
            yield item, group


def _groups(items: Iterable[Item]) -> Iterator[Group]:
    for item in items:
        if isinstance(item, Group):
            yield item
            yield from _groups(item.items)


def bounds(item: Item) -> Box:
    """Return the rectangle around an item, without the width of its lines.

    For a curve it is the rectangle around the control points, which contains the curve.

    >>> bounds(Circle(10, 10, 4, Style()))
    (6, 6, 14, 14)
    """
    if isinstance(item, Text):
        width = measure(item.text, item.size, item.bold)
        left = item.x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[item.anchor]
        return left, item.y - ASCENT * item.size, left + width, item.y + DESCENT * item.size
    if isinstance(item, Rect):
        return item.x, item.y, item.x + item.width, item.y + item.height
    if isinstance(item, Circle):
        return item.x - item.radius, item.y - item.radius, item.x + item.radius, item.y + item.radius
    if isinstance(item, Group):
        return union(bounds(part) for part in item.items)
    xs, ys = zip(*item.points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


ARROW_LENGTH, ARROW_WIDTH = 5.0, 4.0


def arrow_head(path: Path) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """Return the points of a path, shortened for its arrow head, and the corners of the head; none without an arrow.

    Writers draw the head as a shape, because markers are drawn differently by different programs.

    >>> arrow_head(Path(((0, 0), (20, 0)), Style(), arrow=True))
    (((0, 0), (15.5, 0.0)), ((20, 0), (15.0, 2.0), (15.0, -2.0)))
    """
    if not path.arrow:
        return path.points, ()
    x, y = path.points[-1]
    before = next((point for point in reversed(path.points[:-1]) if point != (x, y)), (x - 1, y))
    across, down = x - before[0], y - before[1]
    length = (across**2 + down**2) ** 0.5
    across, down = across / length, down / length
    back = (x - across * ARROW_LENGTH, y - down * ARROW_LENGTH)
    aside = (-down * ARROW_WIDTH / 2, across * ARROW_WIDTH / 2)
    head = ((x, y), (back[0] + aside[0], back[1] + aside[1]), (back[0] - aside[0], back[1] - aside[1]))
    end = (x - across * (ARROW_LENGTH - 0.5), y - down * (ARROW_LENGTH - 0.5))  # the line ends inside the head
    return (*path.points[:-1], end), head


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest rectangle around all rectangles.

    >>> union([(0, 0, 2, 2), (1, -1, 3, 1)])
    (0, -1, 3, 2)
    """
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def overlap(one: Box, other: Box, slack: float = 0.0) -> bool:
    """Return whether two rectangles share more than their edges, by more than `slack` points in both directions.

    >>> overlap((0, 0, 2, 2), (2, 0, 4, 2)), overlap((0, 0, 2, 2), (1, 1, 4, 2))
    (False, True)
    """
    return (
        min(one[2], other[2]) - max(one[0], other[0]) > slack and min(one[3], other[3]) - max(one[1], other[1]) > slack
    )


def centered(items: Iterable[Item], width: float) -> list[Item]:
    """Return items moved to the middle of a page of this width."""
    items = list(items)
    if not items:
        return items
    left, _, right, _ = union(map(bounds, items))
    return [move(item, (width - left - right) / 2, 0) for item in items]


def move(item: Item, dx: float, dy: float) -> Item:
    """Return the item moved by `dx` to the right and `dy` down."""
    if isinstance(item, Group):
        return Group(item.name, item.title, tuple(move(part, dx, dy) for part in item.items), item.layers)
    changed = dict(vars(item))
    if isinstance(item, (Polygon, Path)):
        changed["points"] = tuple((x + dx, y + dy) for x, y in item.points)
    else:
        changed.update(x=item.x + dx, y=item.y + dy)
    return type(item)(**changed)
