"""Colours differ for readers with colour deficiencies, and text is legible on all of them."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from cnncalc.drawing.palette import COLORS, FAMILIES, MEMORY_KINDS, channels, color

# Machado, Oliveira & Fernandes 2009, severity 1.0, for linear RGB
DEFICIENCIES = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)
SETS = {
    "families": FAMILIES,
    "memory": tuple(f"memory-{kind.replace(' ', '-')}" for kind in MEMORY_KINDS),
    "changes": ("same", "changed", "added", "removed"),
}
THEMES = ("light", "dark")

Vector = tuple[float, ...]


def linear(value: str) -> Vector:
    """Return linear red, green and blue (sRGB, IEC 61966-2-1)."""
    parts = [channel / 255 for channel in channels(value)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def times(matrix: tuple[Vector, ...], vector: Vector) -> Vector:
    """Return a matrix times a vector."""
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def lab(rgb: Vector) -> Vector:
    """Return CIELAB coordinates."""
    x, y, z = (
        part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116
        for part in (value / white for value, white in zip(times(TO_XYZ, rgb), WHITE, strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: str, other: str, deficiency: str) -> float:
    """Return how far apart two colours are in CIELAB for a reader with a deficiency."""
    seen = [
        lab(tuple(min(1.0, max(0.0, part)) for part in times(DEFICIENCIES[deficiency], linear(value))))
        for value in (one, other)
    ]
    return sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2."""
    lower, higher = sorted(times(TO_XYZ, linear(value))[1] for value in (one, other))
    return (higher + 0.05) / (lower + 0.05)


def test_the_simulation_is_that_of_the_literature() -> None:
    """Red and green of one lightness are far apart, and close together for a deuteranope; greys do not change."""
    assert distance("#ff0000", "#00b000", "none") > 140
    assert distance("#a06a00", "#808000", "deuteranopia") < 15 < distance("#a06a00", "#808000", "none")
    assert contrast("#ffffff", "#000000") == pytest.approx(21, abs=0.01)
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("names", SETS.values(), ids=SETS)
def test_fills_differ_for_everyone(names: tuple[str, ...], theme: str, deficiency: str) -> None:
    """A distance of 2.3 is just noticeable side by side; across a picture it takes more."""
    close = {
        (one, other): found for one, other in combinations(names, 2)
        if (found := distance(color(one, theme), color(other, theme), deficiency)) < 11
    }  # fmt: skip
    assert close == {}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", THEMES)
def test_the_heat_scale_goes_one_way(theme: str, deficiency: str) -> None:
    """Each step is darker on a light page, lighter on a dark one, and visible."""
    steps = [name for name in COLORS if name.startswith("heat-")]
    lights = [lab(times(DEFICIENCIES[deficiency], linear(color(name, theme))))[0] for name in steps]
    assert lights == sorted(lights, reverse=theme == "light")
    for one, other in pairwise(steps):
        assert distance(color(one, theme), color(other, theme), deficiency) > 6


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_legible(theme: str) -> None:
    """A contrast of 4.5:1 for all text on the page, and for ink on every fill that has text inside."""
    page, ink = color("page", theme), color("ink", theme)
    for name in ("ink", "muted", "accent"):
        assert contrast(color(name, theme), page) >= 4.5, name
    fills = [*FAMILIES, "panel", *SETS["changes"], *(name for name in COLORS if name.startswith("heat-"))]
    for name in fills:
        assert contrast(ink, color(name, theme)) >= 4.5, name


def test_faces_are_shades_of_their_fill() -> None:
    """The top of a box is lighter than its front, and its side is darker; a name with a dash is not a face."""
    for theme in THEMES:
        front, top, side = (linear(color(f"conv{face}", theme)) for face in ("", "-top", "-side"))
        assert sum(side) < sum(front) < sum(top)
    assert color("heat-1", "auto") == color("heat-1", "light")
    assert color("accent-soft-top", "light") != color("accent-soft", "light")
