"""Explanations as text: the working of a layer, and the page of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncalc.analyses.totals import Analysis, Row
from cnncalc.analyses.working import Fact, working
from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Field
from cnncalc.render.lines import Grid, Line
from cnncalc.render.problems import place
from cnncalc.text import show


def layer_lines(analysis: Analysis, rows: Sequence[Row]) -> list[Line]:
    """Return the working of some layers, one after the other."""
    shown: list[Line] = []
    for row in rows:
        if shown:
            shown.append([])
        node = row.node
        spelled = node.layer.format_fields() if node.layer is not None else ""
        head: Line = [(show(node.name, 200), "name"), (f"  {node.kind}" + (f": {spelled}" if spelled else ""), "")]
        if node.where is not None:
            head.append((f"  ({place(node.where)})", "dim"))
        shown.append(head)
        facts = working(analysis, row)
        wide = max(len(fact.label) for fact in facts)
        shown += [_fact(fact, wide) for fact in facts]
        shown += [[("  note: ", "note"), (sentence, "")] for _, sentence in row.notes]
    return shown


def _fact(fact: Fact, wide: int) -> Line:
    line: Line = [
        (f"  {fact.label:<{wide}}  ", "dim"),
        (fact.formula + (" = " if fact.formula else ""), ""),
        (fact.result, "total"),
    ]
    if fact.remark:
        line.append((f"  {fact.remark}", "dim"))
    return line


def fact_data(fact: Fact) -> dict[str, Any]:
    """Return a line of working as JSON data."""
    return {
        "label": fact.label,
        "formula": fact.letters,
        "numbers": fact.numbers,
        "result": fact.result,
        "remark": fact.remark,
    }


def summary(kind: type[Layer]) -> str:
    """Return the docstring of a kind without its doctest."""
    text = (kind.__doc__ or "").partition(">>>")[0]
    return "\n".join(line.strip() for line in text.strip().splitlines()).strip()


def default_of(field: Field[Any]) -> str:
    """Return a field's default as the page shows it."""
    return "required" if field.required else "see meaning" if field.default is None else field.show(field.default)


def kind_lines(kind: type[Layer], glyphs: dict[str, str]) -> list[Line]:
    """Return the page of a kind: what it does, its fields, its other names."""
    shown: list[Line] = [[(kind.kind, "name")], []]
    shown += [[(line, "")] for line in summary(kind).splitlines()]
    if kind.fields:
        grid = Grid(["field", "default", "meaning", "other names"], [False] * 4)
        for name, field in kind.fields.items():
            grid.add([name, default_of(field), field.help, ", ".join(field.also[:3])], ["name", "", "", "dim"])
        shown += [[], *grid.lines(glyphs)]
    if kind.families:
        shown += [[], [("policy families: ", "dim"), (", ".join(kind.families), "")]]
    if kind.elsewhere:
        shown += [[], [("other names: ", "dim"), (", ".join(kind.elsewhere.split()), "")]]
    return shown


def kind_data(kind: type[Layer]) -> dict[str, Any]:
    """Return the page of a kind as JSON data."""
    return {
        "kind": kind.kind,
        "text": summary(kind),
        "fields": [
            {
                "name": name,
                "required": field.required,
                "default": None if field.required or field.default is None else field.show(field.default),
                "help": field.help,
                "elsewhere": field.also,
            }
            for name, field in kind.fields.items()
        ],
        "elsewhere": kind.elsewhere.split(),
        "families": list(kind.families),
        "example": kind.example,
    }
