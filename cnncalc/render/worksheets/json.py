"""Worksheets as JSON, the contract `cnncalc.worksheet/1`.

Figures that are shown are plain values, blanks and answers are objects, and unknown figures are null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncalc import __version__
from cnncalc.analyses.mistakes.recognition import describe, known_mistakes
from cnncalc.render.data import to_json
from cnncalc.teaching.worksheet import Cell, SheetRow, Worksheet


def render(sheets: Sequence[Worksheet], key: bool) -> str:
    """Return one object with all worksheets."""
    return to_json(data(sheets, key))


def data(sheets: Sequence[Worksheet], key: bool) -> dict[str, Any]:
    """Return worksheets, or their key, as JSON data."""
    return {
        "format": "cnncalc.worksheet/1",
        "cnncalc": __version__,
        "key": key,
        "worksheets": [
            {
                "title": sheet.title,
                "variant": sheet.variant,
                "inputs": {node.name: list(node.output) for node in sheet.analysis.network.inputs},
                "batch": sheet.analysis.batch,
                "dtype": sheet.analysis.dtype,
                "hidden": list(sheet.hidden),
                "rows": [_row(row, key) for row in sheet.rows],
            }
            for sheet in sheets
        ],
    }


def _row(row: SheetRow, key: bool) -> dict[str, Any]:
    return {
        "layer": row.name,
        "kind": row.kind or None,
        "fields": row.fields,
        "cells": {cell.column: _cell(cell, key) for cell in row.cells if cell.question or cell.text},
    }


def _cell(cell: Cell, key: bool) -> Any:
    question = cell.question
    if question is None:
        return list(cell.value) if isinstance(cell.value, tuple) else cell.value
    if not key:
        return {"blank": True}
    return {
        "answer": list(question.right) if isinstance(question.right, tuple) else question.right,
        "working": list(cell.working),
        "mistakes": [
            {
                "answer": list(figure) if isinstance(figure, tuple) else figure,
                "names": [mistake.name for mistake in mistakes],
                "reason": describe(mistakes),
            }
            for figure, mistakes in known_mistakes(question).items()
        ],
    }
