"""Writers of scenes. `FORMATS` has the name of every format, which is also the suffix of its files.

A writer is a function from a scene and a theme to text (SVG, TikZ) or bytes (PDF, PNG).
"""

from __future__ import annotations

from cnncalc.drawing.scene import Scene

FORMATS = ("svg", "tex", "pdf", "png")
BINARY = ("pdf", "png")


def write_scene(scene: Scene, form: str, theme: str = "light") -> str | bytes:
    """Write a scene in one of the `FORMATS`.

    Raises:
        Missing: If the format needs a package that is not installed.
    """
    if form == "tex":
        from cnncalc.drawing.formats.tikz import to_tikz

        return to_tikz(scene, theme)
    if form in BINARY:
        from cnncalc.drawing.formats.converted import to_pdf, to_png

        return to_pdf(scene, theme) if form == "pdf" else to_png(scene, theme)
    from cnncalc.drawing.formats.svg import to_svg

    return to_svg(scene, theme)
