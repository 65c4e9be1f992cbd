"""What the formats of worksheets share: headings, titles of columns, and the working of a row."""

from __future__ import annotations

from cnncalc.teaching.worksheet import COLUMNS, SheetRow, Worksheet
from cnncalc.text import show

LONGEST = 1000  # characters of the fields of a layer


def heading(sheet: Worksheet, key: bool) -> str:
    """Return the title of a worksheet, with the number of its variant."""
    title = show(sheet.title, 200)
    if sheet.variant:
        title += f", variant {sheet.variant}"
    return f"{title}: key" if key else title


def titles(sheet: Worksheet) -> list[str]:
    """Return the titles of all columns."""
    return ["layer", "kind", "fields", *[COLUMNS[name].title for name in sheet.columns]]


def is_right_aligned(column: str) -> bool:
    """Return whether a column has numbers."""
    return column not in ("output", "rf")


def labels(row: SheetRow) -> list[str]:
    """Return the cells that describe a row."""
    return [row.label, row.kind, show(row.fields, LONGEST)]


def workings(row: SheetRow) -> list[str]:
    """Return the working of each blank of a row whose answer needs a calculation."""
    parts = []
    for cell in row.cells:
        if cell.question is not None and cell.working:
            title, text = COLUMNS[cell.column].title, "; ".join(cell.working)
            parts.append(text if text.startswith(f"{title}: ") else f"{title}: {text}")
    return parts
