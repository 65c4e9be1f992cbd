"""Coordinates of cells, and edges that cross no cell: along the flow in columns and lanes, across it only between rows.

Edges of one value share their lines. A value that is read further down gets a lane beside all columns that it passes. Lanes
are half-open intervals of rows, coloured greedily, short ones first, so that nested skips nest in the picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from cnncalc.drawing.graph.cells import Cell, Edge, Place, Span
from cnncalc.drawing.graph.grid import Grid
from cnncalc.record import Record

GAP = 13.0  # between rows, with an arrow in it
TRACK = 6.0  # between parallel lines
LANE = 7.0
GUTTER = 12.0  # between columns
PAD = 5.0  # between a frame and what is in it
PORT = 9.0  # between the ends of edges at a box
LABEL = 7.0  # the least distance of a line from the middle of a label
SIDE_BY_SIDE = 3.0  # the least distance of two lines in one track


class Route:
    """An edge before it has coordinates: the lane it uses, if any, and how it enters its target."""

    __slots__ = ("entry", "lane", "source", "target")

    def __init__(self, source: int, target: int, lane: tuple[int, int] | None, entry: str) -> None:
        self.source = source
        self.target = target
        self.lane = lane  # the column to its left, and its number
        self.entry = (
            entry  # `straight`, `top`, `left`, `right`, or `span` for a bar that reaches above the lane or column
        )


class Doors(Record):
    """Edges to and from another part of the picture: the cells whose values leave it at the side after all columns, the
    cells that read a value from the side before all columns, and space that is added after rows so that both are level.

    If there are cells that read, labels are after all columns, too.
    """

    leaving: tuple[int, ...] = ()
    entering: tuple[int, ...] = ()
    space: Mapping[int, float] = {}


NO_DOORS = Doors()
FAR = 1e6


class Layout:
    """The places of cells, the edges, and the spans of a part of the picture that is not wrapped."""

    def __init__(self, cells: Sequence[Cell], spans: Sequence[Span], doors: Doors = NO_DOORS) -> None:
        self.cells = cells
        self.doors = doors
        self.spans = list(spans)
        self.grid = Grid(cells)
        self.lanes: dict[int, int] = {}  # source -> the column to the left of its lane
        self.lane_number: dict[int, int] = {}
        self._lane_counts: dict[int, int] = {}
        self._choose_lanes()
        self._place_across()
        self._size_bars()
        self.routes = [self._route(source, number) for number, cell in enumerate(cells) for source in cell.inputs]
        self._sides: set[tuple[int, str]] = set()
        self._enter_at_sides()
        self.ports = self._ports()
        self._tracks: dict[tuple[int, int], int] = {}  # gap, source -> track
        self._track_counts = [0] * (self.grid.rows + 1)
        self._choose_tracks()
        self._place_along()
        self.edges = [Edge(route.source, route.target, self._points(route)) for route in self.routes]
        self._measure_spans()

    # -- across the flow ---------------------------------------------------------------------------------------------

    def _choose_lanes(self) -> None:
        """Find the values that need a lane, the columns they must pass, and the number of each lane."""
        grid, cells = self.grid, self.cells
        intervals: dict[int, list[tuple[int, int, int]]] = {}  # column -> (length, source, end)
        for source, readers in enumerate(grid.readers):
            far = [reader for reader in readers if self._needs_lane(source, reader)]
            if far:
                end = max(cells[reader].row for reader in far)
                column = max(cell.column for cell in cells[source : max(far) + 1])  # beside what the skip passes
                intervals.setdefault(column, []).append((end - cells[source].row, source, end))
        for column, wanted in intervals.items():
            taken: list[list[tuple[int, int]]] = []
            for _, source, end in sorted(wanted):
                start = cells[source].row
                number = 0
                while number < len(taken) and any(a < end and start < b for a, b in taken[number]):
                    number += 1
                if number == len(taken):
                    taken.append([])
                taken[number].append((start, end))
                self.lanes[source] = column
                self.lane_number[source] = number
            self._lane_counts[column] = len(taken)

    def _needs_lane(self, source: int, target: int) -> bool:
        far = self.cells[target].row > self.cells[source].row + 1
        return far and not self.grid.linked(source, target) and not self._has_column(source, target)

    def _has_column(self, source: int, target: int) -> bool:
        """Return whether the column of a cell is free down to a cell that reads it."""
        chain = self.grid.chain_of[source]
        return chain.cells[-1] == source and chain.merge == target

    def _place_across(self) -> None:
        grid = self.grid
        before = dict.fromkeys(range(grid.first_column, grid.last_column + 1), 0.0)
        after = dict(before)
        for cell in self.cells:
            before[cell.column] = max(before[cell.column], cell.before)
            after[cell.column] = max(after[cell.column], cell.after)
        for column, reach in list(self._span_reaches()):
            before[column] = max(before[column], reach)
        place = 0.0
        self.column_end: dict[int, float] = {}
        centers: dict[int, float] = {}
        for column in range(grid.first_column, grid.last_column + 1):
            centers[column] = place + before[column]
            self.column_end[column] = centers[column] + after[column]
            lanes = self._lane_counts.get(column, 0)
            place = self.column_end[column] + GUTTER + (lanes * LANE if lanes else 0)
        for cell in self.cells:
            cell.across = centers[cell.column]
            cell.low, cell.high = cell.across - cell.body, cell.across + cell.body

    def _span_reaches(self) -> Iterator[tuple[int, float]]:
        """Yield the leftmost column of every span, and how far the span and its label reach to the left of its centre.

        A bracket that has other cells to its left is left out.
        """
        cells = self.cells
        kept: list[tuple[Span, int, float]] = []
        for span in sorted(self.spans, key=lambda span: span.last - span.first):
            inside = cells[span.first : span.last + 1]
            column = min(cell.column for cell in inside)
            first, last = min(cell.row for cell in inside), max(cell.row for cell in inside)
            beside = any(taken < column for row in range(first, last + 1) for taken in self.grid.taken(row))
            others = (*cells[: span.first], *cells[span.last + 1 :])
            among = any(cell.column <= column and first <= cell.row <= last for cell in others)
            if span.form == "bracket" and (beside or among):
                continue
            inner = [
                reach for other, place, reach in kept if place == column and span.first <= other.first <= span.last
            ]
            reach = max([*(cell.before for cell in inside if cell.column == column), *inner])
            reach += 0.0 if self.doors.entering else span.ahead
            kept.append((span, column, reach + (PAD if span.form == "frame" else 0.0)))
        self.spans = [span for span, _, _ in kept]
        yield from ((column, reach) for _, column, reach in kept)

    def _lane_place(self, source: int) -> float:
        return self.column_end[self.lanes[source]] + LANE * (self.lane_number[source] + 1)

    def _size_bars(self) -> None:
        """Let a bar reach over the branches that it joins, unless another branch or lane passes there."""
        grid, cells = self.grid, self.cells
        passing: list[list[tuple[float, int]]] = [[] for _ in range(grid.rows + 1)]  # by row: lanes that go through it
        for source in self.lanes:
            far = [cells[reader].row for reader in grid.readers[source] if self._needs_lane(source, reader)]
            for row in range(cells[source].row + 1, max(far)):
                passing[row].append((self._lane_place(source), source))
        for number, cell in enumerate(cells):
            if cell.form != "bar":
                continue
            ends = {
                cells[source].column for source in cell.inputs
                if grid.chain_of[source].merge == number and grid.chain_of[source].cells[-1] == source
            }  # fmt: skip
            columns = grid.taken(cell.row)
            low = high = cell.column
            for step in (-1, 1):
                column = cell.column + step
                while column in ends or (column not in columns and any((end - column) * step > 0 for end in ends)):
                    if column in ends:
                        low, high = min(low, column), max(high, column)
                    column += step
            places = {cells[source].column: cells[source].across for source in cell.inputs}
            new_low = min(cell.low, places.get(low, cell.across) - 12)
            new_high = max(cell.high, places.get(high, cell.across) + 12)
            if not any(new_low - 2 < lane < new_high + 2 for lane, _ in passing[cell.row]):
                cell.low, cell.high = new_low, new_high

    # -- routes ------------------------------------------------------------------------------------------------------

    def _route(self, source: int, target: int) -> Route:
        if self.grid.linked(source, target):
            return Route(source, target, None, "straight")
        lane = (self.lanes[source], self.lane_number[source]) if self._needs_lane(source, target) else None
        return Route(source, target, lane, "top")

    def _arrival(self, route: Route) -> float:
        """Return the place across the flow from which an edge comes to the row of its target."""
        if route.lane is not None:
            return self._lane_place(route.source)
        return self.cells[route.source].across

    def _enter_at_sides(self) -> None:
        """Let edges enter circles and bars from the side, or bars from above, where nothing is in between."""
        cells, grid = self.cells, self.grid
        for route in self.routes:
            target, source = cells[route.target], cells[route.source]
            if route.entry == "straight" or target.form not in ("bar", "circle"):
                continue
            if route.lane is None and not self._has_column(route.source, route.target):
                continue
            place = self._arrival(route)
            last_row = route.lane is None or self.lane_end(route.source) == target.row
            if target.form == "bar" and target.low + 4 <= place <= target.high - 4 and last_row:
                route.entry = "span"
                continue
            right = place > target.across
            column = route.lane[0] if route.lane is not None else source.column
            low, high = (target.column + 1, column) if right else (column, target.column - 1)
            if route.lane is None:
                low, high = (low, high - 1) if right else (low + 1, high)
            side = "right" if right else "left"
            clear = right or target.before <= target.body  # the label of a circle is on its left
            if (route.target, side) not in self._sides and clear and grid.free(target.row, low, high) and last_row:
                self._sides.add((route.target, side))
                route.entry = side

    def lane_end(self, source: int) -> int:
        """Return the last row that the lane of a value reaches."""
        return max(self.cells[reader].row for reader in self.grid.readers[source] if self._needs_lane(source, reader))

    def _ports(self) -> dict[tuple[int, int], float]:
        """Return where edges enter their targets from above, spread around the centre."""
        ports: dict[tuple[int, int], float] = {}
        entering: dict[int, list[Route]] = {}
        for route in self.routes:
            if route.entry == "top":
                entering.setdefault(route.target, []).append(route)
        straight = {route.target for route in self.routes if route.entry == "straight"}
        for target, routes in entering.items():
            cell = self.cells[target]
            routes.sort(key=self._arrival)
            left = [route for route in routes if self._arrival(route) < cell.across]
            right = routes[len(left) :]
            most = max(len(left), len(right))
            step = min(PORT, (cell.body - 3) / max(most, 1))
            if target not in straight and len(routes) == 1:
                ports[routes[0].source, target] = cell.across
                continue
            for number, route in enumerate(reversed(left)):
                ports[route.source, target] = cell.across - step * (number + 1)
            for number, route in enumerate(right):
                ports[route.source, target] = cell.across + step * (number + 1)
        return ports

    # -- along the flow ----------------------------------------------------------------------------------------------

    def _lines_across(self) -> Iterator[tuple[int, int, int, float, float]]:
        """Yield (gap, 0 for a fork or 1 for an arrival, source, one end, other end) for every line across the flow."""
        cells = self.cells
        for route in self.routes:
            if route.entry == "straight":
                continue
            source, target = cells[route.source], cells[route.target]
            end = self.ports.get((route.source, route.target), self._arrival(route))
            if route.lane is None and route.entry == "top":
                yield target.row - 1, int(target.row > source.row + 1), route.source, source.across, end
            if route.lane is not None:
                lane = self._lane_place(route.source)
                yield source.row, 0, route.source, source.across, lane
                if route.entry == "top":
                    yield target.row - 1, 1, route.source, lane, end
        for number in self.doors.leaving:
            yield cells[number].row, 0, number, cells[number].across, FAR
        for number in self.doors.entering:
            if not self._level_entry(number):
                yield (
                    cells[number].row - 1,
                    1,
                    -1 - number,
                    -FAR,
                    cells[number].across - min(PORT, cells[number].body - 2),
                )

    def _level_entry(self, number: int) -> bool:
        """Return whether an edge from the side can enter a cell in its middle."""
        cell = self.cells[number]
        clear = cell.form != "circle" or cell.before <= cell.body
        return (
            clear
            and (number, "left") not in self._sides
            and not any(column < cell.column for column in self.grid.taken(cell.row))
        )

    def can_be_entered(self, number: int) -> bool:
        """Return whether an edge from the side can enter a cell: above its row, or in its middle if nothing is before it."""
        return self.cells[number].row > 0 or self._level_entry(number)

    def leaving(self, number: int) -> list[Place]:
        """Return the line of a value to the side, up to where it leaves the columns."""
        cell = self.cells[number]
        track = self._track_place(cell.row, number)
        return [(cell.across, cell.far), (cell.across, track), (self.breadth, track)]

    def entering(self, number: int) -> list[Place]:
        """Return the line of a value from the side, from where it enters the columns."""
        cell = self.cells[number]
        if self._level_entry(number):
            return [(self.start, cell.middle), (cell.low, cell.middle)]
        track = self._track_place(cell.row - 1, -1 - number)
        port = cell.across - min(PORT, cell.body - 2)
        end = cell.near
        if cell.form == "circle":
            end = cell.middle - (cell.body**2 - (port - cell.across) ** 2) ** 0.5
        return [(self.start, track), (port, track), (port, end)]

    def _choose_tracks(self) -> None:
        """Give the lines of each value in each gap a track, forks above arrivals."""
        joined: dict[tuple[int, int], tuple[int, float, float]] = {}
        for gap, kind, source, one, other in self._lines_across():
            before = joined.get((gap, source), (kind, one, one))
            joined[gap, source] = (min(before[0], kind), min(before[1], one, other), max(before[2], one, other))
        tracks: dict[int, list[list[tuple[float, float]]]] = {}
        for (gap, source), (kind, low, high) in sorted(joined.items(), key=lambda item: (item[0][0], item[1])):
            taken = tracks.setdefault(gap, [])
            number = len(taken) if kind else 0
            while number and kind and not self._blocked(taken[number - 1], low, high):
                number -= 1
            while number < len(taken) and self._blocked(taken[number], low, high):
                number += 1
            if number == len(taken):
                taken.append([])
            taken[number].append((low, high))
            self._tracks[gap, source] = number
            self._track_counts[gap] = len(taken)

    def _blocked(self, lines: list[tuple[float, float]], low: float, high: float) -> bool:
        return any(a < high + SIDE_BY_SIDE and low < b + SIDE_BY_SIDE for a, b in lines)

    def _place_along(self) -> None:
        grid, cells = self.grid, self.cells
        lengths = [0.0] * grid.rows
        for cell in cells:
            lengths[cell.row] = max(lengths[cell.row], cell.length)
        starting, ending = [0] * (grid.rows + 1), [0] * (grid.rows + 1)
        for span in self.spans:
            if span.form == "frame":
                starting[min(cells[number].row for number in range(span.first, span.last + 1))] += 1
                ending[max(cells[number].row for number in range(span.first, span.last + 1))] += 1
        starts: list[float] = []
        self.gap_starts: list[float] = []
        place = starting[0] * (PAD + 1) if starting else 0.0
        for row in range(grid.rows):
            starts.append(place)
            place += lengths[row] + ending[row] * (PAD + 1)
            self.gap_starts.append(place)
            if row < grid.rows - 1:
                tracks = self._track_counts[row]
                place += GAP + tracks * TRACK + starting[row + 1] * (PAD + 1) + self.doors.space.get(row, 0.0)
        for cell in cells:
            cell.along = starts[cell.row] + (lengths[cell.row] - cell.length) / 2
        self.length = place
        self.breadth = max((self.column_end[column] for column in self.column_end), default=0.0)
        for source in self.lanes:
            self.breadth = max(self.breadth, self._lane_place(source) + 2)
        self.start = min([0.0, *(cell.low for cell in cells)])

    def _track_place(self, gap: int, source: int) -> float:
        return self.gap_starts[gap] + TRACK * (self._tracks[gap, source] + 0.8)

    def _points(self, route: Route) -> list[Place]:
        cells = self.cells
        source, target = cells[route.source], cells[route.target]
        points: list[Place] = [(source.across, source.far)]
        if route.entry == "straight":
            return [*points, (target.across, target.near)]
        place = source.across
        if route.lane is not None:
            track = self._track_place(source.row, route.source)
            place = self._lane_place(route.source)
            points += [(source.across, track), (place, track)]
        if route.entry == "span":
            return [*points, (place, target.along)]
        if route.entry in ("left", "right"):
            edge = target.high if route.entry == "right" else target.low
            return [*points, (place, target.middle), (edge, target.middle)]
        port = self.ports[route.source, route.target]
        track = self._track_place(target.row - 1, route.source)
        end = target.near
        if target.form == "circle":
            end = target.middle - (target.body**2 - (port - target.across) ** 2) ** 0.5
        return [*points, (place, track), (port, track), (port, end)]

    # -- spans -------------------------------------------------------------------------------------------------------

    def _place_of_label(self, span: Span, cells: Sequence[Cell]) -> float:
        """Return where no edge crosses the label before a frame: beside a row, as edges across the flow are between rows."""
        center = (span.start + span.end) / 2
        places = sorted({cell.middle for cell in cells}, key=lambda place: abs(place - center))
        crossing = [
            along for edge in self.edges for (across, along), (other, end) in pairwise(edge.points)
            if along == end and min(across, other) < span.low and max(across, other) > span.low - span.ahead
        ]  # fmt: skip
        free = [place for place in (center, *places) if all(abs(along - place) > LABEL for along in crossing)]
        return free[0] if free else center

    def _measure_spans(self) -> None:
        """Set the rectangles of spans, inner ones first, so that outer ones surround them and their labels."""
        done: list[Span] = []
        for span in sorted(self.spans, key=lambda span: span.last - span.first):
            inside = range(span.first, span.last + 1)
            cells = [self.cells[number] for number in inside]
            inner = [other for other in done if span.first <= other.first and other.last <= span.last]
            pad = PAD if span.form == "frame" else 0.0
            span.low = min(
                [*(min(cell.across - cell.before, cell.low) for cell in cells), *(one.low - one.ahead for one in inner)]
            )
            span.high = max(
                [*(max(cell.across + cell.after, cell.high) for cell in cells), *(one.high for one in inner)]
            )
            frames = [one for one in inner if one.form == "frame"]
            span.start = min([*(cell.along for cell in cells), *(one.start for one in frames)]) - pad
            span.end = max([*(cell.end for cell in cells), *(one.end for one in frames)]) + pad
            for edge in self.edges:
                if edge.target in inside:
                    beside = [place for place, along in edge.points if span.start < along < span.end]
                    span.low, span.high = min([span.low, *beside]), max([span.high, *beside])
            span.low, span.high = span.low - pad, span.high + pad * 0.8
            if span.form == "frame":
                span.at = self._place_of_label(span, cells)
            done.append(span)
        if self.doors.entering:
            for span in self.spans:
                self.breadth = max(self.breadth, span.high)
            label = max([0.0, *(span.ahead for span in self.spans if span.form == "frame")])
            for span in self.spans:
                span.aside = self.breadth + (0.0 if span.form == "frame" else label)
