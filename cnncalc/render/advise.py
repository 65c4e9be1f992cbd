"""Advice as text and as data: what to change, the figures before and after, and how the changes go together."""

from __future__ import annotations

import shlex
from typing import Any

from cnncalc import __version__
from cnncalc.advice.advise import Advice, Advised, Combination, exceeded
from cnncalc.advice.edits import Edit
from cnncalc.advice.state import SIZES, Figures, State
from cnncalc.analyses.quantities import LIMITS
from cnncalc.record import Record
from cnncalc.render.lines import Line
from cnncalc.text import plural, show
from cnncalc.units import format_bytes, format_count

SHOWN = 8  # pieces of advice in the report
ALIKE = 2  # of the same kind
EDITS = 4  # changed steps of each
BRIEF = 8  # changed steps of the first advice in a report


def noun(name: str) -> str:
    """Return the name of a quantity in a sentence."""
    return LIMITS[name].noun if name in LIMITS else name


def report(advised: Advised, glyphs: dict[str, str], every: bool = False) -> list[Line]:
    """Return the advice as lines, all of it with `every`."""
    lines = _heading(advised)
    shown = _shown(advised, every)
    for number in shown:
        lines += [[], *_advice(advised, advised.advice[number], str(number + 1))]
    more = len(advised.advice) - len(shown)
    if more:
        lines += [[], [(f"{more:,} more with --all", "dim")]]
    if not advised.advice:
        lines += [[], [("no rewrite helps", "bad")]]
    if advised.combination is not None:
        lines += [[], *_combination(advised, advised.combination)]
    elif not advised.holds and advised.advice:
        lines += [[], [("no change meets the limits", "bad")]]
    return lines


def _shown(advised: Advised, every: bool) -> list[int]:
    """Return which advice to show: the best ones, but few of each kind."""
    if every:
        return list(range(len(advised.advice)))
    counts: dict[str, int] = {}
    shown = []
    for number, advice in enumerate(advised.advice):
        counts[advice.rewrite.name] = counts.get(advice.rewrite.name, 0) + 1
        if counts[advice.rewrite.name] <= ALIKE:
            shown.append(number)
    return shown[:SHOWN]


def _heading(advised: Advised) -> list[Line]:
    lines: list[Line] = [[(show(advised.network.title, 60), "name")]]
    wide = max(len(_figure(name, figure)) for name, figure in advised.before.items())
    named = max(len(noun(name)) for name in advised.before)
    for name, figure in advised.before.items():
        line: Line = [(f" {noun(name):<{named + 1}} {_figure(name, figure):<{wide}}", "")]
        limit = advised.limits.get(name)
        if limit is not None:
            if figure is None:
                line.append((f"  unknown, so the limit of {limit:,} cannot be shown to hold", "bad"))
            elif figure > limit:
                line.append((f"  over the limit of {_figure(name, limit)} by {figure - limit:,}", "bad"))
            else:
                line.append((f"  within the limit of {_figure(name, limit)}", "good"))
        lines.append(line)
    return lines


def _advice(advised: Advised, advice: Advice, number: str) -> list[Line]:
    lines: list[Line] = [[(f"{number}. ", "title"), (sentence(advice), "title"), (f"  ({advice.rewrite.name})", "dim")]]
    share = f"{int(advice.closed * 1000) / 10:g} %"  # rounded down: 100 % is the whole gap
    gap = f"closes {share} of the gap" if advised.over else f"saves {share}"
    if len(advised.over or advised.limits or advised.before) > 1:
        gap += " on average"
    if advice.meets:
        gap += f"; meets the limit on {' and '.join(noun(name) for name in advice.meets)}"
    lines.append([("   ", ""), (gap, "good" if advice.meets else "")])
    lines += _changes(advice.before, advice.after)
    lines += _recomputed(advice)
    for edit in advice.edits[:EDITS]:
        lines += _edit(edit)
    if len(advice.edits) > EDITS:
        lines.append([(f"   and {plural(len(advice.edits) - EDITS, 'other step')}", "dim")])
    lines.append([("   effect: ", "dim"), (advice.rewrite.effect, "")])
    return lines


def sentence(advice: Advice) -> str:
    """Return what to do, and where."""
    if advice.rewrite.name == "smaller-batch":
        return f"{advice.rewrite.title}: {advice.place}"
    if advice.rewrite.name == "checkpoint-set":
        return f"{advice.rewrite.title}, {', '.join(advice.state.running.checkpoint)}"
    return advice.rewrite.title + (f", in {advice.place}" if advice.place else "")


def _recomputed(advice: Advice) -> list[Line]:
    if not advice.recomputed:
        return []
    text = f"   recomputes {format_count(advice.recomputed)} MACs in each step"
    before, after = advice.before["memory"], advice.after["memory"]
    if before is not None and after is not None and before > after:
        text += f": {(before - after) / advice.recomputed:.2g} bytes saved per MAC"
    return [[(text, "")]]


class Brief(Record):
    """The first advice in a few texts: each limit with its figure, what to do, the changed steps as a diff, and the effects."""

    limits: tuple[str, ...]
    todo: tuple[str, ...]
    figures: tuple[str, ...]
    edits: tuple[str, ...]
    more: str
    effects: tuple[str, ...]
    holds: bool


def _signed(edit: Edit) -> list[tuple[str, str]]:
    """Return the changed step and what replaces it, with the signs of a diff."""
    return [("-", edit.old), *[("+", new) for new in edit.new]]


def brief(advised: Advised) -> Brief:
    """Return the first advice, or the combination if no single change meets the limits."""
    limits = tuple(
        ", ".join(" ".join(text.split()) for text, _ in line) for line in _heading(advised)[1:] if len(line) > 1
    )
    steps: tuple[Advice, ...] = ()
    if advised.over:
        steps = advised.advice[:1] if advised.combination is None else advised.combination.steps
    after = steps[-1].after if steps else advised.before
    changes = tuple(" ".join("".join(text for text, _ in line).split()) for line in _changes(advised.before, after))
    edits = [edit for step in steps for edit in step.edits]
    return Brief(
        limits,
        tuple(f"{sentence(step)} ({step.rewrite.name})" for step in steps),
        changes,
        tuple(f"{sign} {show(text, 300)}" for edit in edits[:BRIEF] for sign, text in _signed(edit)),
        plural(len(edits) - BRIEF, "other step") if len(edits) > BRIEF else "",
        tuple(dict.fromkeys(step.rewrite.effect for step in steps)),
        not exceeded(after, advised.limits),
    )


def _changes(before: Figures, after: Figures) -> list[Line]:
    named = max(len(noun(name)) for name in before)
    return [
        [(f"   {noun(name):<{named + 1}} {_figure(name, figure)} -> {_figure(name, after[name])}", "")]
        for name, figure in before.items()
        if figure != after[name]
    ]


def _edit(edit: Edit) -> list[Line]:
    layers = ", ".join(show(name, 100) for name in edit.layers[:2])
    if len(edit.layers) > 2:
        layers += f" and {plural(len(edit.layers) - 2, 'other')}"
    where: Line = [(f"   {layers}", "")]
    if edit.lines:
        more = f" and {plural(len(edit.lines) - 1, 'other line')}" if len(edit.lines) > 1 else ""
        where.append((f", from line {edit.lines[0]}: {show(edit.texts[0], 90)}{more}", "dim"))
    new = edit.new or ("(removed)",)
    return [where, [("     - ", "bad"), (edit.old, "")], *[[("     + ", "good"), (one, "")] for one in new]]


def _combination(advised: Advised, combination: Combination) -> list[Line]:
    lines: list[Line] = []
    if combination.holds:
        lines.append([("together: these changes meet the limits, in this order", "good")])
    else:
        lines.append([("together: no combination that was tried meets the limits; this one comes closest", "bad")])
    lines += [[("   * ", ""), (sentence(one), ""), (f"  ({one.rewrite.name})", "dim")] for one in combination.steps]
    return lines + _changes(advised.before, combination.after)


def _figure(name: str, figure: int | None) -> str:
    if figure is None:
        return "?"
    if name in SIZES:
        return f"{figure:,} bytes" + (f" = {format_bytes(figure)}" if figure >= 1000 else "")
    return f"{figure:,}" + (f" ({format_count(figure)})" if figure >= 100_000 else "")


# -- data ------------------------------------------------------------------------------------------------------------


def data(advised: Advised) -> dict[str, Any]:
    """Return the contract `cnncalc.advise/1`."""
    how, combination = advised.running, advised.combination
    return {
        "format": "cnncalc.advise/1",
        "cnncalc": __version__,
        "network": advised.network.title,
        "batch": how.batch,
        "dtype": how.dtype,
        "optimizer": how.optimizer,
        "amp": how.amp or None,
        "mode": how.mode,
        "limits": dict(advised.limits),
        "before": dict(advised.before),
        "over": list(advised.over),
        "holds": advised.holds,
        "advice": [_advice_data(one) for one in advised.advice],
        "together": None
        if combination is None
        else {
            "steps": [{"rewrite": one.rewrite.name, "place": one.place or None} for one in combination.steps],
            "after": dict(combination.after),
            "holds": combination.holds,
            **_state(combination.state),
        },
    }


def _advice_data(advice: Advice) -> dict[str, Any]:
    return {
        "rewrite": advice.rewrite.name,
        "place": advice.place or None,
        "title": sentence(advice),
        "effect": advice.rewrite.effect,
        "after": dict(advice.after),
        "closed": float(advice.closed),
        "recomputed_macs": advice.recomputed,
        "meets": list(advice.meets),
        "edits": [
            {
                "old": one.old,
                "new": list(one.new),
                "layers": list(one.layers),
                "lines": list(one.lines),
                "texts": list(one.texts),
            }
            for one in advice.edits
        ],
        **_state(advice.state),
    }


def _state(state: State) -> dict[str, Any]:
    how = state.running
    return {"batch": how.batch, "amp": how.amp or None, "checkpoint": list(how.checkpoint)}


def running(state: State, file: str) -> str:
    """Return the command that shows the memory of a state whose network is in a file."""
    return shlex.join(["cnncalc", "memory", file, *state.running.options()])
