"""The checks of geometry see the flaws that they are for."""

from __future__ import annotations

import pytest

from cnncalc.drawing.scene import Circle, Group, Item, Path, Polygon, Rect, Scene, Style, Text
from tests.drawing.geometry import flaws

STYLE = Style(stroke="line")


@pytest.mark.parametrize(
    ("items", "flaw"),
    [
        ([Text(10, 20, "one"), Text(20, 22, "two")], "'one' overlaps 'two'"),
        ([Text(10, 20, "one"), Text(10, 30, "two")], None),
        ([Text(90, 20, "a long caption")], "outside the page"),
        ([Text(90, 20, "a caption", anchor="end")], None),
        ([Rect(90, 10, 20, 20, STYLE)], "a Rect of the page is outside the page"),
        ([Rect(20, 20, 20, 20, STYLE), Path(((0, 30), (60, 30)), STYLE)], "crosses a box"),
        ([Rect(20, 20, 20, 20, STYLE), Path(((40, 30), (60, 30)), STYLE)], None),
        ([Rect(20, 20, 20, 20, STYLE), Path(((0, 30), (60, 30)), STYLE, role="line")], None),
        ([Rect(20, 20, 20, 20, STYLE, role="panel"), Path(((0, 30), (60, 30)), STYLE)], None),
        ([Circle(30, 30, 10, STYLE), Path(((0, 10), (60, 60)), STYLE)], "crosses a box"),
        ([Polygon(((20, 20), (40, 20), (20, 40)), STYLE), Path(((39, 39), (30, 60)), STYLE)], None),
        ([Polygon(((20, 20), (40, 20), (20, 40)), STYLE), Path(((25, 5), (25, 60)), STYLE)], "crosses a box"),
        ([Rect(20, 20, 20, 20, STYLE), Path(((5, 30), (20, 5), (40, 60), (60, 30)), STYLE, curved=True)], "crosses"),
        ([Text(30, 30, "a caption"), Path(((0, 28), (90, 28)), STYLE)], "crosses 'a caption'"),
        ([Text(30, 30, "a caption"), Path(((0, 31), (90, 31)), STYLE, role="line")], None),
        ([Text(30, 30, "stage 1", role="block"), Path(((0, 28), (90, 28)), STYLE)], "crosses 'stage 1'"),
    ],
)  # fmt: skip
def test_a_flaw_is_found(items: list[Item], flaw: str | None) -> None:
    """Every kind of flaw, and the nearest picture that is fine."""
    found = flaws(Scene(100, 100, "", "", (Group("net", "", tuple(items)),)))
    if flaw is None:
        assert found == []
    else:
        assert len(found) == 1
        assert flaw.replace("the page is", "net is") in found[0]
