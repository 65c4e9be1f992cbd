"""The answer of a search: the best choice, what it trades, and the command that shows it; as text and as data."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from cnncalc import __version__
from cnncalc.render.lines import Grid, Line
from cnncalc.search.family import INPUT
from cnncalc.search.find import Answer
from cnncalc.search.front import Candidate
from cnncalc.search.question import NAMES, Bound, quantity_of
from cnncalc.search.reproduce import command
from cnncalc.text import plural, show
from cnncalc.units import format_bytes, format_count

ROWS = 12  # of the table of trade-offs


def noun(answer: Answer, name: str) -> str:
    """Return a figure or a varied name as a noun."""
    return quantity_of(name, answer.question.run.mode).noun if name in NAMES else name


def _figure(answer: Answer, name: str, figure: int | None) -> str:
    """Return a figure in full, followed by a rounded one if it is long."""
    if figure is None:
        return "?"
    if quantity_of(name).is_size:
        return f"{figure:,} bytes" + (f" = {format_bytes(figure)}" if figure >= 1000 else "")
    return f"{figure:,}" + (f" ({format_count(figure)})" if figure >= 100_000 else "")


def _values(answer: Answer, candidate: Candidate) -> dict[str, str]:
    """Return the values of a choice, inputs as shapes."""
    shown = answer.family.values(candidate.choice)
    for axis, place in zip(answer.family.axes, candidate.choice, strict=True):
        if axis.kind == INPUT:
            shown[axis.name] = str(axis.values[place])
    return shown


def _limit(answer: Answer, bound: Bound) -> str:
    unit = " bytes" if quantity_of(bound.quantity).is_size else ""
    bounds = [
        f"{sign} {value:,}{unit}" for sign, value in ((">=", bound.least), ("<=", bound.most)) if value is not None
    ]
    return f"{noun(answer, bound.quantity)} {' and '.join(bounds)}"


def heading(answer: Answer) -> str:
    """Return in a sentence what was looked for."""
    goal = answer.question.goal
    limits = [_limit(answer, bound) for bound in answer.question.bounds]
    what = f"the {'largest' if goal.largest else 'smallest'} {noun(answer, goal.name)}"
    return what + (f" with {' and '.join(limits)}" if limits else "")


def report(answer: Answer, glyphs: dict[str, str]) -> list[Line]:
    """Return the answer as lines."""
    title = show(answer.family.spec.text, 60)
    lines: list[Line] = [[(f"{title}: ", "name"), (heading(answer), "")], []]
    if answer.best is None:
        lines += _no_choice(answer)
    else:
        lines += _best(answer, answer.best)
        lines += [[], [("  " + command(answer.family, answer.question, answer.best.choice), "name")]]
        lines += _trades(answer, glyphs)
    return [*lines, [], *_effort_lines(answer)]


def _best(answer: Answer, best: Candidate) -> list[Line]:
    values = _values(answer, best)
    rows = [(name, value, "") for name, value in values.items()]
    bounds = {bound.quantity: bound for bound in answer.question.bounds}
    for name in answer.question.measured:
        figure, bound = best.figures.get(name), bounds.get(name)
        share = ""
        if bound is not None and bound.most and figure is not None:
            share = f"{figure * 1000 // bound.most / 10:.1f} % of the limit"  # rounded down: 100 % is the limit itself
        rows.append((noun(answer, name), _figure(answer, name, figure), share))
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [
        [
            (f" {name:<{wide[0]}}  ", ""),
            (f"{value:<{wide[1]}}", "title" if name in values else ""),
            (f"  {share}", "dim"),
        ]
        for name, value, share in rows
    ]


def _no_choice(answer: Answer) -> list[Line]:
    lines: list[Line] = [[("no choice meets the limits", "bad")]]
    nearest = closest(answer)
    if nearest is not None:
        values = ", ".join(f"{name} {value}" for name, value in _values(answer, nearest).items())
        bounds = {bound.quantity: bound for bound in answer.question.bounds}
        missed = [
            f"{noun(answer, name)} {_figure(answer, name, nearest.figures.get(name))}"
            for name, bound in bounds.items()
            if name in nearest.figures and not bound.holds(nearest.figures[name])
        ]
        lines.append([("  the closest is ", ""), (values, "name"), (f", with {' and '.join(missed)}", "")])
    return lines


def closest(answer: Answer) -> Candidate | None:
    """Return the choice that exceeds the limits the least, by the largest ratio of a figure and its limit."""
    distances: list[tuple[float, int, Candidate]] = []
    for number, candidate in enumerate(answer.candidates):
        ratios = [0.0]
        for bound in answer.question.bounds:
            figure = candidate.figures.get(bound.quantity)
            if figure is None:
                ratios.append(float("inf"))
            else:
                ratios.append(figure / bound.most if bound.most else 0.0)
                ratios.append(bound.least / figure if bound.least and figure else float(bool(bound.least)) * 2)
        if max(ratios) < float("inf"):
            distances.append((max(ratios), number, candidate))
    return min(distances)[2] if distances else None


def _trades(answer: Answer, glyphs: dict[str, str]) -> list[Line]:
    """Return the table of choices that no other one beats; nothing if there is only one."""
    if len(answer.front) < 2:
        return []
    names = list(answer.question.measured)
    axes = [axis.name for axis in answer.family.axes]
    grid = Grid([*axes, *(noun(answer, name) for name in names)], [False] * len(axes) + [True] * len(names))
    for number, candidate in enumerate(_sample_evenly(answer.front)):
        cells = list(_values(answer, candidate).values())
        for name in names:
            figure = candidate.figures.get(name)
            if figure is None:
                cells.append("?")
            else:
                cells.append(format_bytes(figure) if quantity_of(name).is_size else f"{figure:,}")
        grid.add(cells, "good" if number == 0 else "")
    more = len(answer.front) - min(len(answer.front), ROWS)
    text = "trade-offs: no other choice is as good in every figure" + (" that was tried" if answer.growing else "")
    text += f" ({more:,} more with --format json)" if more else ""
    return [[], [(text, "dim")], *grid.lines(glyphs)]


def _sample_evenly(front: Sequence[Candidate]) -> list[Candidate]:
    """Return at most `ROWS` candidates, evenly spread from the best to the cheapest."""
    if len(front) <= ROWS:
        return list(front)
    return [front[number * (len(front) - 1) // (ROWS - 1)] for number in range(ROWS)]


def _effort_lines(answer: Answer) -> list[Line]:
    total = answer.family.size
    if answer.growing:
        names = " and ".join(answer.growing)
        text = f"tried {answer.tried:,} of {plural(total, 'choice')}: no figure falls as {names} grows, so ranges were skipped"
    else:
        text = f"tried {plural(total, 'choice')}"
    parts = [
        (answer.invalid, "not a valid network", "not valid networks"),
        (answer.unmet, "exceeds a limit", "exceed a limit"),
        (answer.unknown, "has an unknown figure", "have an unknown figure"),
    ]
    counted = [f"{count:,} {one if count == 1 else many}" for count, one, many in parts if count]
    lines: list[Line] = [[(text + (f"; {', '.join(counted)}" if counted else ""), "dim")]]
    if answer.reason and not answer.valid:
        lines.append([("  the first problem is: ", "dim"), (show(answer.reason, 300), "")])
    return lines


# -- data ------------------------------------------------------------------------------------------------------------


def data(answer: Answer) -> dict[str, Any]:
    """Return the contract `cnncalc.fit/1`."""
    question, run = answer.question, answer.question.run
    return {
        "format": "cnncalc.fit/1",
        "cnncalc": __version__,
        "spec": answer.family.spec.text,
        "goal": {"name": question.goal.name, "largest": question.goal.largest},
        "limits": [{"quantity": bound.quantity, "min": bound.least, "max": bound.most} for bound in question.bounds],
        "batch": run.batch,
        "dtype": run.dtype,
        "optimizer": run.optimizer,
        "amp": run.amp or None,
        "mode": run.mode,
        "vary": [
            {"name": axis.name, "kind": axis.kind, "target": axis.target, "values": list(axis.range.values)}
            for axis in answer.family.axes
        ],
        "choices": {
            "total": answer.family.size,
            "tried": answer.tried,
            "valid": answer.valid,
            "invalid": answer.invalid,
            "unmet": answer.unmet,
            "unknown": answer.unknown,
            "growing": list(answer.growing),
        },
        "best": _candidate(answer, answer.best),
        "front": [_candidate(answer, candidate) for candidate in answer.front],
    }


def _candidate(answer: Answer, candidate: Candidate | None) -> dict[str, Any] | None:
    if candidate is None:
        return None
    goal = candidate.goal
    return {
        "values": answer.family.values(candidate.choice),
        "goal": float(goal) if isinstance(goal, Fraction) and goal.denominator != 1 else int(goal or 0),
        "figures": {name: candidate.figures.get(name) for name in answer.question.measured},
        "command": command(answer.family, answer.question, candidate.choice),
    }
