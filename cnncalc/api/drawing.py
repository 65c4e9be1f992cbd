"""Pictures of networks: what `cnncalc draw` writes."""

from __future__ import annotations

import os
import re

from cnncalc.api.analysis import Analysis
from cnncalc.api.errors import CnncalcError, check_text
from cnncalc.drawing.draw import draw
from cnncalc.drawing.formats import BINARY, FORMATS, write_scene
from cnncalc.drawing.options import COLORINGS, SHOWN, THEMES, VIEWS, Options
from cnncalc.drawing.scene import Scene
from cnncalc.drawing.select import Undrawable
from cnncalc.readers.options import Missing
from cnncalc.record import Record
from cnncalc.text import show

__all__ = [
    "BINARY",
    "COLORINGS",
    "FORMATS",
    "SHOWN",
    "THEMES",
    "VIEWS",
    "Drawing",
    "Options",
    "draw_network",
    "points_of",
]

UNITS = {"mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0, "pt": 1.0}
NARROWEST, WIDEST = 100.0, 5000.0  # points


class Drawing(Record):
    """A picture. A notebook shows it, and `save` writes it to a file.

    Attributes
    ----------
    scene : cnncalc.drawing.scene.Scene
        Its polygons, lines and texts, in points.
    theme : str
        `light`, `dark`, or `auto`, which in SVG supports both.
    """

    scene: Scene
    theme: str = "auto"

    @property
    def svg(self) -> str:
        """The picture as SVG."""
        return str(self.to_format("svg"))

    @property
    def tikz(self) -> str:
        """The picture as a LaTeX document with TikZ."""
        return str(self.to_format("tex"))

    def to_format(self, format: str) -> str | bytes:
        """Return the picture as `svg` or `tex` (text), or as `pdf` or `png` (bytes).

        Raises
        ------
        CnncalcError
            If the package that PDF and PNG need is not installed.
        """
        if format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, not {format!r}")
        theme = "light" if self.theme == "auto" and format != "svg" else self.theme
        try:
            return write_scene(self.scene, format, theme)
        except Missing as missing:
            raise CnncalcError.of(str(missing), "package") from missing

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file, whose suffix decides the format: .svg, .tex, .pdf or .png.

        Raises
        ------
        ValueError
            If it has another suffix.
        CnncalcError
            If the package that PDF and PNG need is not installed.
        OSError
            If the file cannot be written.
        """
        picture = self.to_format(os.path.splitext(os.fspath(path))[1].removeprefix(".").lower())
        with open(path, "wb") as stream:
            stream.write(picture if isinstance(picture, bytes) else picture.encode())

    def __repr__(self) -> str:
        return f"<Drawing of {show(self.scene.title)}: {self.scene.width:.0f} x {self.scene.height:.0f} points>"

    def _repr_svg_(self) -> str:
        return self.svg


def draw_network(analysis: Analysis, options: Options, theme: str = "auto") -> Drawing:
    """Draw a network. `Network.draw` describes the options.

    Raises
    ------
    CnncalcError
        If an option names a layer that does not exist, or that the picture cannot show.
    """
    if theme not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, not {theme!r}")
    for name, value, choices in (("view", options.view, VIEWS), ("color_by", options.color_by, COLORINGS)):
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    for name, word in (("layer", options.layer), ("receptive_field", options.receptive_field)):
        if word is not None:
            check_text(name, word)
    if options.depth is not None and (not isinstance(options.depth, int) or options.depth < 0):
        raise ValueError(f"depth must be a whole number of at least 0, not {options.depth!r}")
    for figure in options.show:
        if figure not in SHOWN:
            raise ValueError(f"show takes {', '.join(SHOWN)}, not {figure!r}")
    try:
        return Drawing(draw(analysis, options), theme)
    except Undrawable as error:
        raise CnncalcError.of(str(error), "limit") from error


def points_of(width: str | float | None) -> float | None:
    """Return a width in points, from a number or text such as `180mm`.

    Raises
    ------
    ValueError
        If it is not a number with a unit, or too small or too large.
    """
    if width is None:
        return None
    points = width
    if isinstance(width, str):
        match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*([a-z]{2})", width.strip().lower())
        if match is None or match[2] not in UNITS:
            raise ValueError(f"`{show(width)}` is not a width: write 180mm, 18cm, 7in or 510pt")
        points = float(match[1]) * UNITS[match[2]]
    assert not isinstance(points, str)
    if not NARROWEST <= points <= WIDEST:
        size = "too narrow" if points < NARROWEST else "too wide"
        raise ValueError(f"`{show(width)}` is {size}: use 36mm to 1760mm")
    return points
