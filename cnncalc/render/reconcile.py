"""What other tools print, as a readable report and as JSON data."""

from __future__ import annotations

from typing import Any

from cnncalc import __version__
from cnncalc.analyses.totals import analyze
from cnncalc.reconcile import Reconciliation
from cnncalc.reconcile.printed import Candidate, Explanation
from cnncalc.reconcile.rules import Addend, Assumption, Result
from cnncalc.render.data import changes_data
from cnncalc.render.lines import Grid, Line, caveat
from cnncalc.text import plural, show
from cnncalc.units import format_count

MOST_MATCHES = 6


def report(answer: Reconciliation, glyphs: dict[str, str], in_full: bool) -> list[Line]:
    """Return the report: every addend of the tools that were named, or else one line per figure."""
    network = answer.network
    lines: list[Line] = [[(show(network.title), "name")]]
    if network.source and show(network.source) != show(network.title):
        lines.append([(show(network.source, 200), "dim")])
    lines += [[(f"set: {changed}", "note")] for changed in network.changes]
    lines += caveat(network.one_run)
    if answer.explanation is not None:
        return [*lines, [], *_explanation(answer, answer.explanation, glyphs)]
    if in_full:
        for result in answer.results:
            lines += [[], *_result(result, glyphs)]
        return lines
    return [*lines, [], *_overview(answer, glyphs)]


def _value(result: Result) -> str:
    if result.value is None:
        return f"unknown, at least {result.at_least:,}"
    return f"{result.value:,}"


def _overview(answer: Reconciliation, glyphs: dict[str, str]) -> list[Line]:
    total = analyze(answer.network).totals
    grid = Grid(["tool", "figure", "would print", ""], [False, False, True, True])
    grid.add(["cnncalc", "MACs", "?" if total.uncounted else f"{total.macs:,}", format_count(total.macs)])
    grid.add(["cnncalc", "params", f"{total.params:,}", format_count(total.params)])
    grid.rule()
    for result in answer.results:
        rounded = "" if result.value is None else format_count(result.value)
        grid.add([result.tool, result.figure, "?" if result.value is None else f"{result.value:,}", rounded])
    lines = grid.lines(glyphs)
    versions = dict.fromkeys(f"{result.tool} {result.version}" for result in answer.results)
    lines += [[], [(" versions: ", "dim"), ("; ".join(versions), "dim")]]
    kinds = {
        f"{assumption.kind} as {assumption.code}": None
        for result in answer.results
        for assumption in result.assumptions
    }
    if kinds:
        lines.append([(" assumes ", "note"), (f"{', '.join(kinds)}; every other layer as a module of torch.nn", "")])
    if any(result.value is None for result in answer.results):
        lines.append([(" unknown: ", "note"), ("name the tool with --tool to see the layers and the reason", "")])
    lines.append(
        [(" ", ""), ("--tool NAME shows how a figure is made up; --printed NUMBER finds what explains it", "dim")]
    )
    return lines


def _result(result: Result, glyphs: dict[str, str]) -> list[Line]:
    head: Line = [(f"{result.tool} {result.version}", "title"), (f" would print {result.figure} ", "")]
    rounded = "" if result.value is None else f" ({format_count(result.value)})"
    lines: list[Line] = [[*head, (_value(result) + rounded, "total")]]
    if result.addends:
        grid = Grid(["adds", "for", "in"], [True, False, False])
        for addend in result.addends:
            grid.add([f"{addend.value:,}", describe(addend), plural(len(addend.layers), "layer")])
        lines += grid.lines(glyphs)
    if result.note:
        lines.append([(" note: ", "note"), (result.note, "")])
    for assumption in result.assumptions:
        lines.append([(" assumes ", "note"), (_assumption(assumption), "")])
    for gap in result.gaps:
        names = ", ".join(show(name) for name in gap.layers[:3]) + (", ..." if len(gap.layers) > 3 else "")
        lines.append(
            [(" unknown: ", "note"), (f"{gap.kind} in {plural(len(gap.layers), 'layer')} ({names}): {gap.reason}", "")]
        )
    return lines


def describe(addend: Addend) -> str:
    """Describe what an addend counts, such as `4 for each of 2,048 batchnorm outputs`."""
    if addend.coefficient == 1:
        return addend.what
    return f"{addend.coefficient:,} for each of {addend.count:,} {addend.what}"


def _assumption(assumption: Assumption) -> str:
    parts = []
    for other in assumption.others:
        value = "unknown" if other.value is None else f"{other.value:,}"
        parts.append(f"with {other.code} it is {value} (--written {assumption.kind}={other.style})")
    ways = f"{assumption.kind} is {assumption.code}" if assumption.code else f"nothing about {assumption.kind}"
    return f"{ways}; {'; '.join(parts)}"


# -- a printed number ----------------------------------------------------------------------------------------------------


def _explanation(answer: Reconciliation, found: Explanation, glyphs: dict[str, str]) -> list[Line]:
    spread = f"{found.low:,}" if found.low == found.high else f"{found.low:,} to {found.high:,}"
    lines: list[Line] = [[(f"printed {show(found.text)}", "title"), (f", which is {spread}", "")]]
    if found.matches:
        for match in found.matches[:MOST_MATCHES]:
            lines += [[], *_match(answer, match, glyphs)]
        if len(found.matches) > MOST_MATCHES:
            rest = [f"{match.tool} {match.figure}" for match in found.matches[MOST_MATCHES:]]
            lines += [[], [(" also ", "note"), (", ".join(rest), "")]]
        if len({match.value for match in found.matches}) > 1:
            lines += [[], [(" note: ", "note"), ("too few digits to tell these apart", "")]]
    else:
        lines += [[], [("none: ", "wrong"), (_none(found), "")]]
    lines += [
        [],
        [(f" {plural(found.compared, 'figure')} compared at the digits printed; ", "dim"),
         (f"they would explain {_percent(found.chance)} of all numbers with the same number of digits", "dim")],
    ]  # fmt: skip
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "less than 0.1 %"


def _none(found: Explanation) -> str:
    if found.lucky:
        some = "; ".join(_name(match) for match in found.lucky[:3])
        return (
            f"no figure agrees as it is. With more changes, {plural(len(found.lucky), 'combination')} would agree, but so "
            f"many were tried that this may be chance: {some}. Give more digits"
        )
    if found.nearest is None:
        return "there is no figure to compare it with"
    return f"nothing agrees. The nearest figure is {_name(found.nearest)}, {found.nearest.value:,}"


def _name(match: Candidate) -> str:
    changes = "".join(f", {change}" for change in match.changes)
    return f"{match.figure} of {match.tool}{changes}"


def _match(answer: Reconciliation, match: Candidate, glyphs: dict[str, str]) -> list[Line]:
    lines: list[Line] = [[("= ", ""), (_name(match), "title"), (": ", ""), (f"{match.value:,}", "total")]]
    for result in answer.results:
        if (result.tool, result.figure) == (match.tool, match.figure) and result.value is not None and result.addends:
            grid = Grid(["adds", "for", "in"], [True, False, False])
            for addend in result.addends:
                grid.add([f"{addend.value:,}", describe(addend), plural(len(addend.layers), "layer")])
            lines += grid.lines(glyphs)
            if not match.changes:
                lines += [[(" assumes ", "note"), (_assumption(assumption), "")] for assumption in result.assumptions]
    return lines


# -- JSON ----------------------------------------------------------------------------------------------------------------


def data(answer: Reconciliation) -> dict[str, Any]:
    """Return the answer as JSON data. Unknown figures are null."""
    network = answer.network
    total = analyze(network).totals
    return {
        "format": "cnncalc.reconcile/1",
        "cnncalc": __version__,
        "name": network.name,
        "source": network.source,
        "spec": network.spec,
        **changes_data(network),
        "macs": None if total.uncounted else total.macs,
        "params": total.params,
        "figures": [_result_data(result) for result in answer.results],
        "printed": None if answer.explanation is None else _explanation_data(answer.explanation),
        "one_run": network.one_run or None,
    }


def _result_data(result: Result) -> dict[str, Any]:
    return {
        "tool": result.tool,
        "version": result.version,
        "figure": result.figure,
        "unit": result.unit,
        "value": result.value,
        "at_least": result.at_least,
        "addends": [
            {
                "value": addend.value,
                "coefficient": addend.coefficient,
                "count": addend.count,
                "what": addend.what,
                "layers": list(addend.layers),
            }
            for addend in result.addends
        ],
        "assumptions": [
            {
                "kind": assumption.kind,
                "written": assumption.style or None,
                "code": assumption.code or None,
                "layers": assumption.layers,
                "others": [
                    {"written": other.style, "code": other.code, "value": other.value} for other in assumption.others
                ],
            }
            for assumption in result.assumptions
        ],
        "unknown": [{"kind": gap.kind, "layers": list(gap.layers), "reason": gap.reason} for gap in result.gaps],
        "note": result.note or None,
    }


def _explanation_data(found: Explanation) -> dict[str, Any]:
    return {
        "text": found.text,
        "low": found.low,
        "high": found.high,
        "matches": [_candidate_data(match) for match in found.matches],
        "rejected": [_candidate_data(match) for match in found.lucky],
        "compared": found.compared,
        "chance": round(found.chance, 6),
        "nearest": None if found.nearest is None else _candidate_data(found.nearest),
    }


def _candidate_data(match: Candidate) -> dict[str, Any]:
    return {
        "tool": match.tool,
        "figure": match.figure,
        "unit": match.unit,
        "value": match.value,
        "changes": list(match.changes),
    }
