"""Rows, columns, lanes and edges of arbitrary graphs: no edge runs through a cell, and cells do not overlap."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import hypot

from hypothesis import given, note, settings
from hypothesis import strategies as st

from cnncalc.drawing.graph.cells import Cell, Edge
from cnncalc.drawing.graph.routing import Layout

FORMS = {"box": (24.0, 30.0, 32.0, 30.0), "circle": (14.0, 30.0, 7.0, 7.0), "bar": (14.0, 25.0, 25.0, 25.0)}


@st.composite
def graphs(draw: st.DrawFn) -> list[Cell]:
    """Return cells whose inputs are earlier cells; merges are circles or bars, as in pictures of networks."""
    cells = [Cell("box", *FORMS["box"], [])]
    for number in range(1, draw(st.integers(1, 14))):
        inputs = draw(st.lists(st.integers(max(0, number - 6), number - 1), max_size=4, unique=True))
        form = draw(st.sampled_from(["circle", "bar", "box"] if len(inputs) > 1 else ["box"]))
        cells.append(Cell(form, *FORMS[form], inputs))
    return cells


def outline(cell: Cell) -> tuple[float, float, float, float]:
    """Return the outline of a cell: across from and to, along from and to."""
    if cell.form == "circle":
        return cell.across - cell.body, cell.across + cell.body, cell.middle - cell.body, cell.middle + cell.body
    return cell.low, cell.high, cell.along, cell.end


def crossed(edge: Edge, cell: Cell) -> bool:
    """Return whether an edge runs through the inside of a cell."""
    low, high, start, end = outline(cell)
    for (x, y), (to_x, to_y) in pairwise(edge.points):
        if cell.form == "circle":
            nearest = (
                min(max(cell.across, min(x, to_x)), max(x, to_x)),
                min(max(cell.middle, min(y, to_y)), max(y, to_y)),
            )
            if hypot(nearest[0] - cell.across, nearest[1] - cell.middle) < cell.body - 0.5:
                return True
        elif (
            min(x, to_x) < high - 0.5
            and max(x, to_x) > low + 0.5
            and min(y, to_y) < end - 0.5
            and max(y, to_y) > start + 0.5
        ):
            return True
    return False


@given(graphs())
@settings(max_examples=400, deadline=None)
def test_edges_run_through_no_cell_and_cells_do_not_overlap(cells: list[Cell]) -> None:
    note(str([(cell.form, cell.inputs) for cell in cells]))
    layout = Layout(cells, [])
    assert {(edge.source, edge.target) for edge in layout.edges} == {
        (source, target) for target, cell in enumerate(cells) for source in cell.inputs
    }
    for edge in layout.edges:
        for number, cell in enumerate(cells):
            assert not crossed(edge, cell), (edge.source, edge.target, number)
        first, last = edge.points[0], edge.points[-1]
        assert first == (cells[edge.source].across, cells[edge.source].far)
        low, high, start, end = outline(cells[edge.target])
        assert low - 0.01 <= last[0] <= high + 0.01
        assert start - 0.01 <= last[1] <= end + 0.01
        assert all(a == c or b == d for (a, b), (c, d) in pairwise(edge.points))
    for one, other in combinations(map(outline, cells), 2):
        assert not (one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3])


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_lines_of_different_values_share_no_place(cells: list[Cell]) -> None:
    """Edges of different values may cross, and end at one cell, but they never run on top of each other."""
    note(str([(cell.form, cell.inputs) for cell in cells]))
    layout = Layout(cells, [])
    lines = [
        (edge.source, edge.target, points) for edge in layout.edges
        for points in pairwise(edge.points)
    ]  # fmt: skip
    for (source, target, one), (other_source, other_target, other) in combinations(lines, 2):
        if source == other_source or target == other_target:
            continue
        for axis in (0, 1):
            along = 1 - axis
            if (
                one[0][axis] == one[1][axis]
                and other[0][axis] == other[1][axis]
                and abs(one[0][axis] - other[0][axis]) < 0.5
            ):
                low = max(min(one[0][along], one[1][along]), min(other[0][along], other[1][along]))
                high = min(max(one[0][along], one[1][along]), max(other[0][along], other[1][along]))
                assert high - low < 0.5, (source, target, other_source, other_target)
