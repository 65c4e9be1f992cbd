"""Lines with round corners."""

from __future__ import annotations

from cnncalc.drawing.scene import Path, Point, Style


def rounded(points: tuple[Point, ...], style: Style, radius: float = 4.0, arrow: bool = False) -> Path:
    """Return an edge along these points with round corners.

    >>> path = rounded(((0, 0), (0, -20), (30, -20)), Style(stroke="line"))
    >>> path.curved, path.points[0], path.points[-1], len(path.points)
    (True, (0, 0), (30, -20), 10)
    """
    found: list[Point] = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, end = _toward(corner, before, radius), _toward(corner, after, radius)
        found += _straight(found[-1], start)
        found += [_toward(start, corner, radius * 0.55), _toward(end, corner, radius * 0.55), end]
    found += _straight(found[-1], points[-1])
    return Path(tuple(found), style, arrow, curved=True)


def _straight(start: Point, end: Point) -> list[Point]:
    """Return a straight line as the control points of a curve."""
    return [_between(start, end, 1 / 3), _between(start, end, 2 / 3), end]


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _toward(start: Point, end: Point, distance: float) -> Point:
    """Return the point at a distance from the start, but at most half the way."""
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    return _between(start, end, min(0.5, distance / length)) if length else start
