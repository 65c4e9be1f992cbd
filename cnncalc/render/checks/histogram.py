"""Histograms of a limited figure over all files, as SVG. Every bound of the limit is an edge between two bars."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from cnncalc.analyses.budget import Measured
from cnncalc.analyses.quantities import LIMITS
from cnncalc.record import Record
from cnncalc.units import format_bytes, format_count

BARS = 14  # about as many bars as are drawn
WIDE = 60  # largest figure over smallest from which bars grow by a factor instead of a fixed width
STEPS = (1, 2, 5)
FACTORS = (1.25, 1.5, 2, 4, 10, 100, 1000)

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 34, 14, 40, 30


class Bar(Record):
    """The files with a figure from `least` to `most`: how many meet the limit, and how many do not."""

    least: int
    most: int
    inside: int
    outside: int


def bars(measured: Sequence[Measured]) -> list[Bar]:
    """Return the bars for the same limit in several files, from the smallest figure to the largest. Unknown figures
    have none."""
    figures = [(one.actual, one.holds) for one in measured if one.actual is not None]
    if not figures:
        return []
    limit = measured[0].limit
    # figures are whole numbers, so a bar ends at a figure and the next one begins above it
    ends = [end for end in (limit.most, limit.least - 1 if limit.least is not None else None) if end is not None]
    numbers = [number for number, _ in figures]
    edges = _edges(min(numbers), max(numbers), sorted(end for end in ends if end >= 0))
    bars = []
    for start, end in itertools.pairwise(edges):
        counted = [holds for number, holds in figures if start < number <= end]
        bars.append(Bar(start + 1, end, sum(counted), len(counted) - sum(counted)))
    while bars and not bars[0].inside + bars[0].outside and bars[0].most not in ends:
        bars.pop(0)
    while bars and not bars[-1].inside + bars[-1].outside and bars[-1].least - 1 not in ends:
        bars.pop()
    return bars


def _edges(low: int, high: int, ends: list[int]) -> list[int]:
    """Return the figures at which bars end, from below `low` to `high` or above. They include `ends`."""
    low, high = min([low, *[end + 1 for end in ends]]), max([high, *ends])
    anchor = ends[-1] if ends else low - 1
    by_factor = low > 0 and anchor > 0 and high > WIDE * low
    edges = {anchor, *ends}
    if by_factor:
        factor = next((one for one in FACTORS if math.log(high / low, one) <= BARS), FACTORS[-1])
        for power in (factor**place for place in range(1, 400)):
            edges.update((math.floor(anchor / power), math.ceil(anchor * power)))
            if anchor * power >= high and anchor < low * power:
                break
    else:
        width = _width((high - low + 1) / BARS)
        edges.update(range(anchor, high + width, width))
        edges.update(range(anchor, low - width - 1, -width))
    return sorted(max(edge, -1) for edge in edges)


def _width(least: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, ... that is not below `least`."""
    power = 10 ** max(math.floor(math.log10(least)), 0) if least >= 1 else 1
    return next(power * step for step in (*STEPS, 10) if power * step >= least)


def svg(measured: Sequence[Measured], found: Sequence[Bar], label: str) -> str:
    """Draw the bars. Colours are those of the classes `inside` and `outside` of the page."""
    limit = measured[0].limit
    rounded = format_bytes if LIMITS[limit.quantity].is_size else format_count
    most = max(bar.inside + bar.outside for bar in found)
    across, down = (WIDTH - LEFT - RIGHT) / len(found), (HEIGHT - TOP - BOTTOM) / most
    floor = HEIGHT - BOTTOM
    parts = [f'<svg class="histogram" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">']
    for count in sorted({most, most // 2 if most > 3 else most}):
        y = floor - count * down
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{count:,}</text>')
    for number, bar in enumerate(found):
        x, y = LEFT + number * across, float(floor)
        title = f"{bar.least:,} to {bar.most:,}: {bar.inside + bar.outside:,}" if bar.most > bar.least else (
            f"{bar.most:,}: {bar.inside + bar.outside:,}"
        )  # fmt: skip
        for kind, count in (("inside", bar.inside), ("outside", bar.outside)):
            if count:
                y -= count * down
                box = f'x="{x + 1:.1f}" y="{y:.1f}" width="{across - 2:.1f}" height="{count * down:.1f}"'
                parts.append(f'<rect class="{kind}" {box}><title>{title}</title></rect>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>')
    parts.append(f'<text x="{LEFT}" y="{floor + 16}">{rounded(found[0].least)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{floor + 16}" text-anchor="end">{rounded(found[-1].most)}</text>')
    for word, bound, edge, y in (("at least", limit.least, -1, 12), ("at most", limit.most, 0, 28)):
        place = [number for number, bar in enumerate(found, 1) if bound is not None and bar.most == bound + edge]
        if (bound is not None and place) or (bound is not None and found[0].least == bound):
            x = LEFT + (place[0] if place else 0) * across
            anchor = "end" if x > WIDTH / 2 else "start"
            parts.append(f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 5}" y2="{floor}"/>')
            text = f'<text class="limit" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{word} {bound:,}</text>'
            parts.append(text)
    parts.append("</svg>")
    return "".join(parts)
