"""The live bytes over a step as an SVG picture: stacked by kind, with the peak marked and the layers as tooltips."""

from __future__ import annotations

from cnncalc.analyses.memory.ledger import Moment
from cnncalc.analyses.memory.peak import Run
from cnncalc.render.memory import KINDS
from cnncalc.text import show
from cnncalc.units import format_bytes

WIDE, TALL = 960, 420
LEFT, TOP, RIGHT, BOTTOM = 84, 56, 24, 64
# one colour per kind, also distinguishable with colour blindness (Okabe & Ito 2008)
COLORS = {
    "parameters": "#0072B2",
    "buffers": "#56B4E9",
    "optimizer state": "#CC79A7",
    "input": "#999999",
    "activations": "#009E73",
    "gradients": "#D55E00",
    "gradients in flight": "#E69F00",
    "16-bit weights": "#882255",
    "loss": "#000000",
    "temporary": "#F0E442",
}


def svg(run: Run, title: str) -> str:
    """Return the whole picture. Its numbers are those of the table: every moment has its exact bytes."""
    moments = run.moments
    highest = run.peak.live
    width = (WIDE - LEFT - RIGHT) / len(moments)
    kinds = [kind for kind in KINDS if any(_bytes(moment, kind) for moment in moments)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {TALL}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDE}" height="{TALL}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{_text(title)}</text>',
    ]
    parts += _scale(highest)
    base = [0] * len(moments)
    for kind in kinds:
        points = []
        tops = [low + _bytes(moment, kind) for low, moment in zip(base, moments, strict=True)]
        for number, top in enumerate(tops):
            points += [(LEFT + number * width, _y(top, highest)), (LEFT + (number + 1) * width, _y(top, highest))]
        for number in range(len(moments) - 1, -1, -1):
            low = base[number]
            points += [(LEFT + (number + 1) * width, _y(low, highest)), (LEFT + number * width, _y(low, highest))]
        outline = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
        parts.append(f'<polygon fill="{COLORS[kind]}" points="{outline}"/>')
        base = tops
    for number, moment in enumerate(moments):
        bound = "at least " if run.bounded else ""
        words = f"{moment.phase}, {show(moment.at, 200)}: {bound}{moment.live:,} bytes"
        parts.append(
            f'<rect x="{LEFT + number * width:.2f}" y="{TOP}" width="{width:.2f}" height="{TALL - TOP - BOTTOM}" '
            f'fill="transparent"><title>{_text(words)}</title></rect>'
        )
    parts += _peak(run, width)
    parts += _phases(moments, width)
    parts += _legend(kinds)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bytes(moment: Moment, kind: str) -> int:
    parts = dict(moment.parts)
    return moment.live - sum(parts.values()) if kind == "temporary" else parts.get(kind, 0)


def _y(size: int, highest: int) -> float:
    return TALL - BOTTOM - size / highest * (TALL - TOP - BOTTOM)


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _scale(highest: int) -> list[str]:
    found = []
    for part in range(5):
        size = highest * part // 4
        y = _y(size, highest)
        found.append(f'<line x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        found.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{format_bytes(size)}</text>')
    return found


def _peak(run: Run, width: float) -> list[str]:
    number = next(place for place, moment in enumerate(run.moments) if moment.live == run.peak.live)
    x = LEFT + (number + 0.5) * width
    anchor = "end" if x > WIDE / 2 else "start"
    bound = run.bound + " " * bool(run.bound)
    words = f"peak {bound}{run.peak.live:,} bytes at {show(run.peak.at, 200)}, {run.peak.phase}"
    return [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{TALL - BOTTOM}" stroke="black" stroke-dasharray="3 3"/>',
        f'<text x="{x:.1f}" y="{TOP - 14}" text-anchor="{anchor}">{_text(words)}</text>',
    ]


def _phases(moments: tuple[Moment, ...], width: float) -> list[str]:
    found = []
    first = 0
    for number in range(1, len(moments) + 1):
        if number == len(moments) or moments[number].phase != moments[first].phase:
            middle = LEFT + (first + number) / 2 * width
            if (number - first) * width > 40:
                found.append(
                    f'<text x="{middle:.1f}" y="{TALL - BOTTOM + 18}" text-anchor="middle">{moments[first].phase}</text>'
                )
            first = number
    return found


def _legend(kinds: list[str]) -> list[str]:
    found = []
    x, y = LEFT, TALL - 34
    for kind in kinds:
        wide = 30 + 7 * len(kind)
        if x + wide > WIDE:
            x, y = LEFT, y + 18
        found.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{COLORS[kind]}"/>')
        found.append(f'<text x="{x + 17}" y="{y + 10}">{kind}</text>')
        x += wide
    return found
