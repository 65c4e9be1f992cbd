"""A search as a picture: every valid choice by cost and goal, the choices that no other one beats, and the limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from cnncalc.render.search import heading, noun
from cnncalc.search.find import Answer
from cnncalc.search.question import NAMES, quantity_of
from cnncalc.text import show
from cnncalc.units import format_bytes, format_count

WIDE, TALL = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 90, 24, 56, 62
TICKS = 5
MOST = 5000  # points that are drawn; more cannot be told apart
BREAK, KEEP, FRONT = "#b9c0c8", "#4c9bd6", "#0b5d1e"


def svg(answer: Answer) -> str:
    """Return the picture."""
    costs = answer.question.costs
    cost = next((name for name in costs if any(bound.quantity == name for bound in answer.question.bounds)), "")
    cost = cost or (costs[0] if costs else answer.question.goal.name)
    points = [
        (float(x), float(candidate.goal), candidate)
        for candidate in answer.candidates
        if (x := candidate.figures.get(cost)) is not None and candidate.goal is not None
    ]
    points = points[:: max(1, len(points) // MOST)]
    limit = next((bound for bound in answer.question.bounds if bound.quantity == cost), None)
    bounds = [value for value in (limit.most, limit.least) if value is not None] if limit is not None else []
    across = _Scale([x for x, _, _ in points] + [float(value) for value in bounds], LEFT, WIDE - RIGHT)
    up = _Scale([y for _, y, _ in points], TALL - BOTTOM, TOP + 26)  # with room for a label above the best choice
    title = f"{show(answer.family.spec.text, 60)}: {heading(answer)}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {TALL}" width="{WIDE}" height="{TALL}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#1b1f24">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDE}" height="{TALL}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="14">{escape(_shorten(title))}</text>',
        *_axes(answer, cost, across, up),
    ]
    best = set(map(id, answer.front))
    for across_value, up_value, candidate in points:
        if id(candidate) not in best:
            color = KEEP if candidate.keeps else BREAK
            parts.append(f'<circle cx="{across(across_value):.1f}" cy="{up(up_value):.1f}" r="2.5" fill="{color}"/>')
    for value, word in ((limit.most, "at most"), (limit.least, "at least")) if limit is not None else ():
        if value is not None:
            place = across(float(value))
            anchor = "end" if place > WIDE / 2 else "start"
            ends = f'x1="{place:.1f}" x2="{place:.1f}" y1="{TOP - 6}" y2="{TALL - BOTTOM}"'
            parts.append(f'<line {ends} stroke="black" stroke-dasharray="4 3"/>')
            parts.append(f'<text x="{place:.1f}" y="{TOP - 10}" text-anchor="{anchor}">{word} {value:,}</text>')
    parts += _front(answer, cost, across, up)
    parts += _legend()
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Scale:
    """Places numbers between two ends, by their logarithm if they span more than two powers of ten."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = (min(values), max(values)) if values else (0.0, 1.0)
        if self.low == self.high:
            self.low, self.high = self.low - 1, self.high + 1
        self.by_factor = self.low > 0 and self.high > 100 * self.low
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self.by_factor else (self.low, self.high)
        share = ((math.log(value) if self.by_factor else value) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return a few round numbers between the two ends."""
        if self.by_factor:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1, 2, 5) if len(powers) < 5 else (1,)
            ticks = [step * 10.0**power for power in powers for step in steps]
        else:
            least = (self.high - self.low) / TICKS
            power = 10.0 ** math.floor(math.log10(least))
            step = next(power * one for one in (1, 2, 5, 10) if power * one >= least)
            first = math.ceil(self.low / step)
            ticks = [step * number for number in range(first, math.floor(self.high / step) + 1)]
        return [tick for tick in ticks if self.low <= tick <= self.high]


def _axes(answer: Answer, cost: str, across: _Scale, up: _Scale) -> list[str]:
    ticks = []
    for value in up.ticks():
        y = up(value)
        ticks.append(f'<line x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e6ea"/>')
        ticks.append(
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_label(answer.question.goal.name, value)}</text>'
        )
    for value in across.ticks():
        x = across(value)
        ticks.append(f'<text x="{x:.1f}" y="{TALL - BOTTOM + 18}" text-anchor="middle">{_label(cost, value)}</text>')
    middle = (LEFT + WIDE - RIGHT) / 2
    ticks.append(
        f'<text x="{middle}" y="{TALL - BOTTOM + 36}" text-anchor="middle">{escape(noun(answer, cost))}</text>'
    )
    goal = escape(show(noun(answer, answer.question.goal.name), 40))
    half = (TOP + TALL - BOTTOM) / 2
    ticks.append(f'<text transform="translate(20 {half}) rotate(-90)" text-anchor="middle">{goal}</text>')
    return ticks


def _label(name: str, value: float) -> str:
    if name in NAMES and quantity_of(name).is_size:
        return format_bytes(round(value))
    return format_count(round(value)) if value >= 1000 else f"{value:.3g}"


def _front(answer: Answer, cost: str, across: _Scale, up: _Scale) -> list[str]:
    """Draw the choices that are not beaten; the best one is labelled with its values."""
    parts: list[str] = []
    for number, candidate in enumerate(answer.front):
        figure, goal = candidate.figures.get(cost), candidate.goal
        if figure is None or goal is None:
            continue
        x, y = across(float(figure)), up(float(goal))
        values = ", ".join(f"{name} {value}" for name, value in answer.family.values(candidate.choice).items())
        point = f'cx="{x:.1f}" cy="{y:.1f}"'
        parts.append(f'<circle {point} r="4" fill="{FRONT}"><title>{escape(show(values, 200))}</title></circle>')
        if number == 0:
            anchor, shift = ("end", -9) if x > WIDE / 2 else ("start", 9)
            parts.append(f'<circle {point} r="7" fill="none" stroke="{FRONT}" stroke-width="2"/>')
            place = f'x="{x + shift:.1f}" y="{y - 9:.1f}" text-anchor="{anchor}"'
            halo = 'font-weight="bold" stroke="white" stroke-width="3" paint-order="stroke"'
            parts.append(f"<text {place} {halo}>{escape(show(values))}</text>")
    return parts


def _legend() -> list[str]:
    words = [(FRONT, "not beaten by another choice"), (KEEP, "meets the limits"), (BREAK, "exceeds a limit")]
    found, x = [], LEFT
    for color, text in words:
        found.append(f'<circle cx="{x + 5}" cy="{TALL - 12}" r="4" fill="{color}"/>')
        found.append(f'<text x="{x + 14}" y="{TALL - 8}">{text}</text>')
        x += 30 + 7 * len(text)
    return found


def _shorten(title: str) -> str:
    return title if len(title) <= 92 else title[:89] + "..."
