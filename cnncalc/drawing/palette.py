"""Colours by name, for light and dark backgrounds.

The fills of families were found by a search for the largest least distance, simulated for protanopia, deuteranopia and
tritanopia, among colours on which ink has a contrast of at least 4.5:1. A test repeats both measurements.
"""

from __future__ import annotations

from cnncalc.network import Node

# name -> (on a light background, on a dark one). Ink is legible on every fill; the label says the kind, too.
COLORS: dict[str, tuple[str, str]] = {
    "page": ("#ffffff", "#16181d"),
    "ink": ("#1b1f27", "#eceff4"),
    "muted": ("#565d6b", "#a7afbd"),
    "line": ("#454c59", "#aab2c0"),
    "faint": ("#d5d9e0", "#3b414c"),
    "panel": ("#f4f5f7", "#1f2229"),
    "accent": ("#b3261e", "#ff8a80"),
    "accent-soft": ("#ef8f86", "#b3453c"),
    "input": ("#f6f8fa", "#13191e"),
    "conv": ("#a9c2fb", "#1a2e9b"),
    "pool": ("#fc906d", "#772226"),
    "dense": ("#b093f9", "#7939d9"),
    "norm": ("#f4e98f", "#824d27"),
    "activation": ("#fac459", "#a74504"),
    "merge": ("#95e29f", "#2e5c43"),
    "reshape": ("#c3cbc3", "#5c5e69"),
    "recurrent": ("#dc8ab2", "#6f1074"),
    "attention": ("#70d4e0", "#1964a8"),
    "other": ("#b59f8c", "#542e53"),
    "same": ("#dadde3", "#454b57"),
    "changed": ("#f3d27a", "#7d6a10"),
    "added": ("#8fcfe8", "#155c7b"),
    "removed": ("#f0a58f", "#6e2418"),
    **{f"heat-{number}": pair for number, pair in enumerate((
        ("#fdf3d7", "#2c261a"), ("#fbdf9f", "#43361a"), ("#f9c66b", "#5a4513"), ("#f4a94c", "#72540b"), ("#ea8b3d", "#8d6302"),
    ))},
}  # fmt: skip
# the kinds of memory from the bottom of the chart to its top, after Okabe & Ito 2008
MEMORY_KINDS = {
    "parameters": ("#0072b2", "#1f78c8"), "buffers": ("#7cc8f5", "#a8dcfa"), "optimizer state": ("#d48bb8", "#dc9cc6"),
    "input": ("#d3d6db", "#8f959e"), "activations": ("#009e73", "#0fa878"), "gradients": ("#d55e00", "#d9640c"),
    "gradients in flight": ("#e69f00", "#eda52a"), "16-bit weights": ("#7a1450", "#a03070"), "loss": ("#000000", "#ffffff"),
    "temporary": ("#f0e442", "#f7f08a"),
}  # fmt: skip
COLORS.update((f"memory-{kind.replace(' ', '-')}", pair) for kind, pair in MEMORY_KINDS.items())
FAMILIES = (
    "input", "conv", "pool", "dense", "norm", "activation", "merge", "reshape", "recurrent", "attention", "other",
)  # fmt: skip


def family(node: Node) -> str:
    """Return the family of a layer, which is the name of its colour."""
    if node.layer is None:
        return "input"
    module = type(node.layer).__module__.rsplit(".", 1)[-1]
    return module if module in COLORS else "other"


def color(name: str, theme: str) -> str:
    """Return a colour as `#rrggbb` for the theme `light` or `dark`.

    `-top` and `-side` after a name give the faces of a box.

    >>> color("ink", "light")
    '#1b1f27'
    """
    base, dash, face = name.rpartition("-")
    if not dash or face not in ("top", "side"):
        return COLORS[name][theme == "dark"]
    value = COLORS[base][theme == "dark"]
    return mix(value, "#ffffff", 0.45 if theme != "dark" else 0.16) if face == "top" else mix(value, "#000000", 0.18)


def mix(one: str, other: str, share: float) -> str:
    """Mix `share` of another colour into a colour.

    >>> mix("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = zip(channels(one), channels(other), strict=True)
    return "#" + "".join(f"{int(a + (b - a) * share + 0.5):02x}" for a, b in pairs)


def channels(value: str) -> tuple[int, int, int]:
    """Return red, green and blue from 0 to 255.

    >>> channels("#ff8000")
    (255, 128, 0)
    """
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)
