"""PDF and PNG, converted from the SVG by CairoSVG, which embeds the fonts and keeps text as text in the PDF.

Only this module needs a package (extra `draw`).
"""

from __future__ import annotations

from struct import pack
from typing import Any
from zlib import crc32

from cnncalc.drawing.formats.svg import to_svg
from cnncalc.drawing.scene import Scene
from cnncalc.readers.optional import import_optional
from cnncalc.readers.options import Missing

DOTS_PER_INCH = 300
PIXELS_PER_INCH = 96  # of CSS, in which CairoSVG counts
MOST_PIXELS = 16_000  # per side; larger pictures get fewer dots per inch


def to_pdf(scene: Scene, theme: str = "light") -> bytes:
    """Return a PDF with one page of the picture's size.

    Raises:
        Missing: If CairoSVG is not installed.
    """
    data: bytes = _cairosvg().svg2pdf(bytestring=_svg(scene, theme))
    return data


def to_png(scene: Scene, theme: str = "light") -> bytes:
    """Return a PNG with 300 dots per inch, and its size in inches.

    Raises:
        Missing: If CairoSVG is not installed.
    """
    dots = min(DOTS_PER_INCH, MOST_PIXELS * 72 / max(scene.width, scene.height))
    convert = _cairosvg().svg2png
    return _with_resolution(convert(bytestring=_svg(scene, theme), scale=dots / PIXELS_PER_INCH), dots)


def _cairosvg() -> Any:
    """Import CairoSVG.

    Raises:
        Missing: If CairoSVG is not installed, or the library cairo, which it loads.
    """
    try:
        return import_optional("cairosvg", "draw")
    except OSError:
        raise Missing(
            "cairosvg", "draw", "and the library cairo: apt install libcairo2, or brew install cairo"
        ) from None


def _svg(scene: Scene, theme: str) -> bytes:
    return to_svg(scene, "light" if theme == "auto" else theme).encode()


def _with_resolution(data: bytes, dots: float) -> bytes:
    """Insert the dots per metre (chunk pHYs) after the header of a PNG, so that programs place it at its real size."""
    per_metre = round(dots / 0.0254)
    chunk = b"pHYs" + pack(">IIB", per_metre, per_metre, 1)
    end = 8 + 25  # the signature and the header
    return data[:end] + pack(">I", 9) + chunk + pack(">I", crc32(chunk)) + data[end:]
