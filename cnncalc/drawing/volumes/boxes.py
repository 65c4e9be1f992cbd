"""The size law, and the faces of a box."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.drawing.scene import Item, Polygon, Style
from cnncalc.drawing.volumes.groups import is_vector
from cnncalc.record import Record
from cnncalc.shape import Shape

SIDE_POWER, VECTOR_POWER = 0.62, 0.45  # 7 next to 224 and 3 channels next to 512 stay readable
TALLEST, TALLEST_VECTOR = 110.0, 80.0  # points at scale 1
LARGEST_UNIT, ALONE = (
    4.0,
    20.0,
)  # points; keeps short vectors short next to feature maps, and if there are only vectors
THINNESS = (6, 8, 10, 12)  # the scale of a side as a multiple of that of the thickness; deep networks need thin boxes
SLANT = 0.3  # of the depth, to the right and up
VECTOR_WIDTH = 5.0
LEAST = 2.5


class Box(Record):
    """The size of a box: its front face, and how far its back is shifted to the right and up."""

    width: float
    height: float
    slant: float


class Scale(Record):
    """Points per unit of the law, for sides and for vectors, at scale 1."""

    side: float
    vector: float
    thinness: int
    images: bool
    vectors: bool

    @property
    def law(self) -> str:
        """The law in words."""
        parts = []
        if self.images:
            parts.append(f"sides grow with size^{SIDE_POWER}, thickness with channels^{SIDE_POWER} (÷{self.thinness})")
        if self.vectors:
            parts.append(
                f"vectors grow with length^{VECTOR_POWER}" if not parts else f"vectors with length^{VECTOR_POWER}"
            )
        return f"Not to scale: {', '.join(parts)}."

    def box(self, shape: Shape, factor: float) -> Box:
        """Return the box of a feature map. Of more than two spatial axes, the last two are drawn."""
        if is_vector(shape):
            height = max(LEAST, shape[-1] ** VECTOR_POWER * self.vector * factor)
            return Box(VECTOR_WIDTH, height, VECTOR_WIDTH * 0.4)
        thickness = max(LEAST, shape[-1] ** SIDE_POWER * self.side / self.thinness * factor)
        height = shape[-2] if shape.rank == 1 else shape[-3]
        width = 1 if shape.rank == 1 else shape[-2]
        unit = self.side * factor
        return Box(thickness, max(LEAST, height**SIDE_POWER * unit), max(1.0, width**SIDE_POWER * unit * SLANT))


def scale_for(shapes: Iterable[Shape], thinness: int) -> Scale:
    """Return the scale at which the longest side and the longest vector have their full height."""
    side = vector = 0
    for shape in shapes:
        if is_vector(shape):
            vector = max(vector, shape[-1])
        else:
            side = max(side, *shape.spatial[-2:])
    unit = min(LARGEST_UNIT if side else ALONE, TALLEST_VECTOR / max(vector, 1) ** VECTOR_POWER)
    return Scale(TALLEST / max(side, 1) ** SIDE_POWER, unit, thinness, side > 0, vector > 0)


def faces(box: Box, left: float, top: float, fill: str, line: Style) -> tuple[Item, ...]:
    """Return the front, the top and the right face of a box whose front face has this top left corner."""
    right, bottom, back = left + box.width, top + box.height, box.slant

    def face(points: tuple[tuple[float, float], ...], name: str) -> Polygon:
        return Polygon(points, Style(name, line.stroke, line.width))

    return (
        face(
            ((right, top), (right + back, top - back), (right + back, bottom - back), (right, bottom)), f"{fill}-side"
        ),
        face(((left, top), (left + back, top - back), (right + back, top - back), (right, top)), f"{fill}-top"),
        face(((left, top), (right, top), (right, bottom), (left, bottom)), fill),
    )
