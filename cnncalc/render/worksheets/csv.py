"""Worksheets as a CSV table to fill in, and their key for `cnncalc grade`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from cnncalc.render.worksheets.words import labels
from cnncalc.teaching.answers import plain_answer
from cnncalc.teaching.key import key_csv
from cnncalc.teaching.tables import harmless
from cnncalc.teaching.worksheet import Cell, Worksheet


def render(sheets: Sequence[Worksheet], key: bool) -> str:
    """Return one table with a row per layer of each worksheet. Names are in full; the blanks are empty cells."""
    if key:
        return key_csv(sheets)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", "variant", "layer", "kind", "fields", *sheets[0].columns])
    for sheet in sheets:
        for row in sheet.rows:
            name, kind, fields = labels(row)
            cells = [
                "",
                str(sheet.variant),
                name,
                kind,
                fields,
                *map(_shown_text, row.cells),
            ]
            writer.writerow(map(harmless, cells))
    return out.getvalue()


def _shown_text(cell: Cell) -> str:
    return plain_answer(cell.value) if cell.value is not None else cell.text
