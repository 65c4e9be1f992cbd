"""The leaderboard of a report: the files that pass, ordered by one figure."""

from __future__ import annotations

from cnncalc.analyses.quantities import LIMITS
from cnncalc.record import Record
from cnncalc.render.checks.report import Report

LARGEST_FIRST = ("receptive-field",)  # of every other quantity, the smallest figure is first


class Place(Record):
    """One place. `entry` is the index of the file in the report; `rank` and `figure` are None if the figure is not known."""

    rank: int | None
    entry: int
    figure: int | None


def order(quantity: str) -> str:
    """Return which figures come first."""
    return "largest first" if quantity in LARGEST_FIRST else "smallest first"


def title(quantity: str) -> str:
    """Return the heading of a leaderboard."""
    unit = " in bytes" if LIMITS[quantity].is_size else ""
    return f"leaderboard: {LIMITS[quantity].noun}{unit}, {order(quantity)}"


def places(report: Report) -> list[Place]:
    """Return the places of the files that pass. Equal figures share a rank, and unknown figures come last without one."""
    if not report.leaderboard:
        return []
    sign = -1 if report.leaderboard in LARGEST_FIRST else 1
    figures = {
        index: entry.ranked.actual if entry.ranked is not None else None
        for index, entry in enumerate(report.entries)
        if entry.status == "passed"
    }
    ranked = sorted((sign * figure, index) for index, figure in figures.items() if figure is not None)
    places: list[Place] = []
    for number, (signed, index) in enumerate(ranked, 1):
        tied = places and places[-1].figure == sign * signed
        places.append(Place(places[-1].rank if tied else number, index, sign * signed))
    return places + [Place(None, index, None) for index, figure in figures.items() if figure is None]
