"""What can be wrong with a picture, found by geometry: overlapping text, lines through boxes, layers that are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import process_time

from cnncalc.drawing.scene import Box, Circle, Item, Path, Point, Polygon, Rect, Scene, Text, bounds, overlap
from cnncalc.network import Network

BOUND = 0.5  # seconds of CPU for a picture
SLACK = 0.05  # points; shapes may touch


def flaws(scene: Scene, network: Network | None = None) -> list[str]:
    """Return a sentence for every flaw; none for a picture that is fit to print."""
    return [
        *overlapping_texts(scene), *texts_outside(scene), *shapes_outside(scene), *crossing_edges(scene),
        *(missing_layers(scene, network) if network is not None else ()),
    ]  # fmt: skip


def drawn_in(task: Callable[[], Scene]) -> tuple[Scene, float]:
    """Return a picture and the seconds of CPU that it took, those of a second or third run if the first was too slow."""
    best = float("inf")
    for _ in range(3):
        start = process_time()
        scene = task()
        best = min(best, process_time() - start)
        if best < BOUND:
            break
    return scene, best


def texts(scene: Scene) -> list[Text]:
    """Return all texts."""
    return [item for item, _ in scene.flat() if isinstance(item, Text)]


def overlapping_texts(scene: Scene) -> Iterator[str]:
    """No two texts overlap; sorted by their left edges, so that each is compared with its neighbours only."""
    found = sorted(((bounds(text), text) for text in texts(scene)), key=lambda pair: pair[0])
    for number, (box, text) in enumerate(found):
        for other_box, other in found[number + 1 :]:
            if other_box[0] >= box[2]:
                break
            if overlap(box, other_box, SLACK):
                yield f"{text.text!r} overlaps {other.text!r} at {box[0]:.0f},{box[1]:.0f}"


def texts_outside(scene: Scene) -> Iterator[str]:
    """Every text is inside the page."""
    for text in texts(scene):
        if _outside(bounds(text), scene):
            yield f"{text.text!r} is outside the page"


def shapes_outside(scene: Scene) -> Iterator[str]:
    """Every other primitive is inside the page, too."""
    for item, group in scene.flat():
        if not isinstance(item, Text) and _outside(bounds(item), scene):
            yield f"a {type(item).__name__} of {group.name if group else 'the page'} is outside the page"


def _outside(box: Box, scene: Scene) -> bool:
    return box[0] < -SLACK or box[1] < -SLACK or box[2] > scene.width + SLACK or box[3] > scene.height + SLACK


def crossing_edges(scene: Scene) -> Iterator[str]:
    """No edge runs through a box or a text. Edges may start and end at the border of a box."""
    obstacles = [
        (bounds(item), item, group) for item, group in scene.flat()
        if (isinstance(item, (Polygon, Rect, Circle)) and item.role == "box") or isinstance(item, Text)
    ]  # fmt: skip
    for edge, _ in scene.flat():
        if isinstance(edge, Path) and edge.role == "edge":
            outer = bounds(edge)
            line = flattened(edge)
            for box, item, group in obstacles:
                if not overlap(_widened(outer, 0.01), box):
                    continue
                if any(_inside(point, item) for point in line):
                    what = repr(item.text) if isinstance(item, Text) else f"a box of {group.name if group else '?'}"
                    yield f"an edge at {edge.points[0][0]:.0f},{edge.points[0][1]:.0f} crosses {what}"


def _widened(box: Box, by: float) -> Box:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def flattened(path: Path, step: float = 1.0) -> list[Point]:
    """Return points along a path, about `step` points apart."""
    found: list[Point] = []
    if path.curved:
        for start in range(0, len(path.points) - 1, 3):
            a, b, c, d = path.points[start : start + 4]
            count = max(8, int((abs(d[0] - a[0]) + abs(d[1] - a[1])) / step))
            found += [_cubic(a, b, c, d, number / count) for number in range(count + 1)]
        return found
    for (x, y), (to_x, to_y) in zip(path.points, path.points[1:], strict=False):
        count = max(1, int(max(abs(to_x - x), abs(to_y - y)) / step))
        found += [(x + (to_x - x) * k / count, y + (to_y - y) * k / count) for k in range(count + 1)]
    return found


def _cubic(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    s = 1 - t
    x, y = (s**3 * a[k] + 3 * s * s * t * b[k] + 3 * s * t * t * c[k] + t**3 * d[k] for k in (0, 1))
    return x, y


def _inside(point: Point, item: Item) -> bool:
    """Return whether a point is well inside a shape, not at its border."""
    x, y = point
    margin = 0.6  # the stroke
    if isinstance(item, Circle):
        return (x - item.x) ** 2 + (y - item.y) ** 2 < (item.radius - margin) ** 2
    left, top, right, bottom = bounds(item)
    if not (left + margin < x < right - margin and top + margin < y < bottom - margin):
        return False
    if not isinstance(item, Polygon):
        return True
    corners = list(zip(item.points, (*item.points[1:], item.points[0]), strict=True))
    if min(_distance(point, *corner) for corner in corners) < margin:
        return False
    crossings = [
        (by > y) != (ay > y) and x < (ax - bx) * (y - by) / (ay - by) + bx for (ax, ay), (bx, by) in corners
    ]  # fmt: skip
    return sum(crossings) % 2 == 1


def _distance(point: Point, start: Point, end: Point) -> float:
    (x, y), (ax, ay), (bx, by) = point, start, end
    length = (bx - ax) ** 2 + (by - ay) ** 2
    share = max(0.0, min(1.0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) if length else 0.0
    return ((x - ax - share * (bx - ax)) ** 2 + (y - ay - share * (by - ay)) ** 2) ** 0.5


def missing_layers(scene: Scene, network: Network) -> Iterator[str]:
    """Every layer and input is in exactly one group."""
    counts: dict[int, int] = {}
    for group in scene.groups():
        for index in group.layers:
            counts[index] = counts.get(index, 0) + 1
    for node in network.nodes:
        if counts.get(node.index, 0) != 1:
            yield f"{node.name} is in {counts.get(node.index, 0)} groups"
    for index in _unknown(counts, len(network.nodes)):
        yield f"there is no layer {index}"


def _unknown(counts: Iterable[int], length: int) -> list[int]:
    return [index for index in counts if not 0 <= index < length]
