"""The parameters that a checkpoint stores, as a table and as JSON data."""

from __future__ import annotations

from typing import Any

from cnncalc.analyses.stored import Stored
from cnncalc.render.lines import Grid, Line
from cnncalc.text import plural, quoted, show
from cnncalc.units import format_bytes

UNKNOWN = "?"


def report(stored: Stored, glyphs: dict[str, str]) -> list[Line]:
    """Return the table: one row for each module and type, and the totals."""
    grid = Grid(["module", "type", "modules", "tensors", "numbers", "bytes"], [False, False, True, True, True, True])
    for part in stored.parts:
        counts = (part.modules, part.tensors, part.numbers, part.bytes)
        grid.add([show(part.name) or "(top)", part.dtype or UNKNOWN, *map(_figure, counts)])
    grid.rule()
    grid.add(["total", "", "", *map(_figure, (stored.tensors, stored.numbers, stored.bytes))], "total")
    size = "" if stored.bytes is None else f", {format_bytes(stored.bytes)}"
    lines: list[Line] = [
        [(show(stored.name), "name")],
        [(f"the tensors in {show(stored.file)}{size}", "dim")],
        [],
        *grid.lines(glyphs),
        [],
        [(" shapes ", "title"), (f"{UNKNOWN}  ", ""), ("MACs ", "title"), (f"{UNKNOWN}  ", ""), ("memory ", "title")],
    ]
    lines[-1].append((f"{UNKNOWN}  ", ""))
    lines[-1].append(("unknown without the graph of the network; numbers include buffers", "dim"))
    if stored.missing:
        text = f"{plural(len(stored.missing), 'file is', 'files are')} missing: {quoted(stored.missing, 'and')}"
        lines.append([(" note: ", "note"), (text, "")])
    return lines


def _figure(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def data(stored: Stored) -> dict[str, Any]:
    """Return the table as JSON data. Unknown figures are null."""
    return {
        "name": stored.name,
        "file": stored.file,
        "missing": list(stored.missing),
        "parts": [{field: getattr(part, field) for field in part._names} for part in stored.parts],
        "tensors": stored.tensors,
        "numbers": stored.numbers,
        "bytes": stored.bytes,
        "macs": None,
        "memory": None,
    }
