"""Colours by name, for light and dark backgrounds."""

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
    "input": ("#eceef1", "#3a3f49"),
    "conv": ("#a8c8ec", "#24507f"),
    "pool": ("#f2b49a", "#7d3a1f"),
    "dense": ("#c9b6e4", "#57408a"),
    "norm": ("#f3e3a1", "#6a5a14"),
    "activation": ("#f9d08b", "#7a5210"),
    "merge": ("#9ed3c1", "#1d5f4c"),
    "reshape": ("#dadde3", "#454b57"),
    "recurrent": ("#e7a9c6", "#7c2f57"),
    "attention": ("#8fd0dd", "#155c6b"),
    "other": ("#cfc8bd", "#524b3f"),
    "same": ("#dadde3", "#454b57"),
    "changed": ("#f3d27a", "#6a5a14"),
    "added": ("#8fcfe8", "#155c7b"),
    "removed": ("#f0a58f", "#7d3a1f"),
    **{f"heat-{number}": pair for number, pair in enumerate((
        ("#fdf3d7", "#3a3324"), ("#fbdf9f", "#54431f"), ("#f9c66b", "#6d5218"), ("#f4a94c", "#8a5c12"), ("#ea8b3d", "#a5610f"),
    ))},
}  # fmt: skip
# the kinds of memory from the bottom of the chart to its top (Okabe & Ito 2008, with two further colours)
MEMORY_KINDS = {
    "parameters": ("#0072b2", "#2a8fd0"), "buffers": ("#56b4e9", "#8fd0f5"), "optimizer state": ("#cc79a7", "#d993ba"),
    "input": ("#999999", "#aaaaaa"), "activations": ("#009e73", "#17b087"), "gradients": ("#d55e00", "#e27b2b"),
    "gradients in flight": ("#e69f00", "#f0b434"), "16-bit weights": ("#882255", "#b04a80"), "loss": ("#000000", "#ffffff"),
    "temporary": ("#f0e442", "#f5ec7a"),
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
    base, _, face = name.partition("-") if name.endswith(("-top", "-side")) else (name, "", "")
    value = COLORS[base][theme == "dark"]
    if not face:
        return value
    return mix(value, "#ffffff", 0.45 if theme == "light" else 0.16) if face == "top" else mix(value, "#000000", 0.18)


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
