"""Analyses as JSON (the contract `cnncalc.analysis/1`) and CSV. Integers are exact, sizes are in bytes, unknown is null."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cnncalc import __version__
from cnncalc.analyses.claims import Claim, expected, published
from cnncalc.analyses.pattern import pattern
from cnncalc.analyses.quantities import TOTALS
from cnncalc.analyses.receptive import extent
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.network import Network
from cnncalc.problem import Problem, Where
from cnncalc.render.columns import COLUMNS, formula
from cnncalc.render.ranking import Ranking, rank_lines
from cnncalc.text import show


def analysis(result: Analysis, problems: Sequence[Problem] = (), ranking: Ranking | None = None) -> dict[str, Any]:
    """Return an analysis as JSON data. With `problems`, the network ends at a layer that did not fit, and totals are null.

    `layers` are always in the order of the network. A `ranking` adds their names, the largest first.
    """
    network = result.network
    whole = result.extent
    total = result.totals
    data: dict[str, Any] = {
        "format": "cnncalc.analysis/1",
        "cnncalc": __version__,
        "name": network.name,
        "description": network.description,
        "source": network.source,
        "spec": network.spec,
        **changes_data(network),
        "batch": result.batch,
        "dtype": result.dtype,
        "layers": [row_data(result, row) for row in result.rows],
        "outputs": [network.nodes[index].name for index in network.outputs],
        "totals": None
        if problems
        else {
            **{name: quantity.measure(result) for name, quantity in TOTALS.items()},
            "macs_at_least": total.macs,
        },
        "pattern": None if problems else pattern(network),
        "published": [] if problems else [_claim(claim, "source", "published") for claim in published(result)],
        "expected": [_claim(claim, "layer", "expected") for claim in expected(result)],
        "one_run": network.one_run or None,
        "notes": [problem.text for problem in network.warnings],
    }
    seen = [] if problems else [extent(result.fields[index], whole) for index in network.outputs]
    data["receptive_field"] = _field(seen[0]) if len(seen) == 1 else None
    if ranking is not None:
        names = [line.name for line in rank_lines(result, None, ranking)[0]]
        data["ranking"] = {"by": ranking.column, "layers": names}
    if problems:
        data["problems"] = [problem_data(problem) for problem in problems]
    return data


def refused(spec: str, problems: Sequence[Problem], batch: int, dtype: str) -> dict[str, Any]:
    """Return the same keys for a specification of which no layer could be read: no layers, no totals, and the problems."""
    return {
        "format": "cnncalc.analysis/1",
        "cnncalc": __version__,
        "name": "",
        "description": "",
        "source": "",
        "spec": next((problem.where.source.path for problem in problems if problem.where is not None), spec),
        "set": [],
        "frozen": [],
        "batch_axes": [],
        "batch": batch,
        "dtype": dtype,
        "layers": [],
        "outputs": [],
        "totals": None,
        "pattern": None,
        "published": [],
        "expected": [],
        "one_run": None,
        "notes": [],
        "receptive_field": None,
        "problems": [problem_data(problem) for problem in problems],
    }


def changes_data(network: Network) -> dict[str, Any]:
    """Return what options changed in the network as JSON data: fields, frozen blocks, and batch axes that were stated."""
    return {
        "set": [
            {"layer": change.layer, "field": change.field, "value": _value(change.value), "was": _value(change.was)}
            for change in network.changes
        ],
        "frozen": list(network.frozen),
        "batch_axes": [
            {"input": name or None, "axis": int(axis) if axis.isdecimal() else None}
            for name, axis in network.batch_axes.items()
        ],
    }


def row_data(result: Analysis, row: Row) -> dict[str, Any]:
    """Return a layer as JSON data."""
    node = row.node
    layer = node.layer
    nodes = result.network.nodes
    return {
        "index": node.index,
        "name": node.name,
        "kind": node.kind,
        "fields": {name: _value(value) for name, value in layer.nondefault_fields.items()} if layer is not None else {},
        "inputs": [nodes[index].name for index in node.inputs],
        "output": list(node.output),
        "in_place": layer is not None and layer.in_place,
        "activations": row.activations,
        "weights": row.weights,
        "biases": row.biases,
        "params": row.params,
        "trainable": row.trainable,
        "buffers": row.buffers,
        "macs": int(row.macs) if row.counted else None,
        "receptive_field": _field(extent(result.field(row), result.extent)),
        "shares": nodes[node.shared].name if node.shared is not None else None,
        "where": _where(node.where),
        "notes": [sentence for _, sentence in row.notes],
    }


def _value(value: Any) -> Any:
    """Return the value of a field for JSON, with sizes of several axes as `1x7`, as in a specification."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else value


def _field(seen: tuple[list[int], list[float | int | None] | None] | None) -> dict[str, Any] | None:
    return None if seen is None else {"size": seen[0], "stride": seen[1]}


def _where(where: Where | None) -> dict[str, Any] | None:
    return None if where is None else {"file": where.source.path, "line": where.line, "column": where.column}


def _claim(claim: Claim, source_key: str, claimed_key: str) -> dict[str, Any]:
    return {
        source_key: claim.source,
        "quantity": claim.quantity,
        claimed_key: claim.claimed,
        "computed": claim.computed,
        "agrees": claim.agrees,
        "reason": claim.reason or None,
        "mistakes": [mistake.name for mistake in claim.mistakes],
    }


def problem_data(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON data."""
    return {
        "code": problem.code,
        "level": problem.level,
        "message": problem.text,
        "help": problem.help,
        "where": _where(problem.where),
        "trail": [{"block": call.block, "where": _where(call.where)} for call in problem.trail],
    }


def to_json(value: Any) -> str:
    """Return data as JSON text, with one layer per line. It is ASCII only, so that every stream can carry it."""
    if isinstance(value, dict) and value.get("layers"):
        head = {key: inner for key, inner in value.items() if key != "layers"}
        rows = ",\n    ".join(json.dumps(row) for row in value["layers"])
        text = json.dumps({**head, "layers": 0}, indent=2)
        return (
            text.replace('"layers": 0', '"layers": [\n    ' + rows + "\n  ]", 1) + "\n"
            if text.count('"layers": 0') == 1
            else json.dumps(value, indent=2) + "\n"
        )
    return json.dumps(value, indent=2) + "\n"


def to_csv(
    results: Sequence[tuple[str, Analysis]],
    columns: Sequence[str],
    depth: int | None,
    ranking: Ranking | None = None,
    *,
    several: bool = False,
) -> str:
    """Return the layer tables as one CSV: names in full, plain numbers, and formulas for spreadsheets made harmless.

    With `several`, the first column is the network as it was typed.
    """
    import csv
    from io import StringIO

    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*(["network"] if several else []), "layer", *columns])
    lines = [(name, result, line) for name, result in results for line in rank_lines(result, depth, ranking)[0]]
    for network, result, line in lines:
        cells: list[Any] = [*([show(network, 10**6)] if several else []), show(line.name, 10**6)]
        for name in columns:
            column = COLUMNS[name]
            if name == "memory":
                cells.append(result.bytes(line.total("activations")) * result.batch)
            elif name == "share":
                params = result.totals.params
                cells.append(f"{line.total('params') / params:.6f}" if params else "0")
            elif name in ("macs", "saved", "live", "moved"):  # may be unknown, or a lower bound
                cells.append(column.text(line, result, True).replace(",", ""))
            elif name == "formula":
                cells.append(formula(line.last, result.network.shapes(line.last.node)) if len(line.rows) == 1 else "")
            else:
                cells.append(line.total(column.quantity) if column.quantity else column.text(line, result, True))
        writer.writerow(
            [
                f"'{cell}" if isinstance(cell, str) and cell != "-" and cell[:1] in tuple("=+-@") else cell
                for cell in cells
            ]
        )
    return out.getvalue()
