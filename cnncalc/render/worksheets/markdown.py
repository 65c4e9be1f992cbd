"""Worksheets as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.render.markup import markdown_text, pipe
from cnncalc.render.worksheets.words import heading, is_right_aligned, labels, titles, workings
from cnncalc.teaching.worksheet import Worksheet

BLANK = "_" * 10


def render(sheets: Sequence[Worksheet], key: bool) -> str:
    """Return the worksheets one after the other, with rules between them."""
    return "\n---\n\n".join(_sheet(sheet, key) for sheet in sheets)


def _sheet(sheet: Worksheet, key: bool) -> str:
    lines = [f"## {markdown_text(heading(sheet, key))}", ""]
    if not key:
        lines += [f"Name: {BLANK * 3}", ""]
    lines += [markdown_text(sheet.inputs), ""]
    lines += [pipe(titles(sheet))]
    lines += [pipe(["---"] * 3 + ["---:" if is_right_aligned(name) else "---" for name in sheet.columns])]
    for row in sheet.rows:
        cells = [
            markdown_text(cell.text) if cell.question is None else f"**{cell.answer}**" if key else BLANK
            for cell in row.cells
        ]
        lines.append(pipe([*map(markdown_text, labels(row)), *cells]))
    lines.append("")
    lines += _working(sheet) if key else [f"- {title}: {meaning}" for title, meaning in sheet.meanings]
    return "\n".join(lines).rstrip() + "\n"


def _working(sheet: Worksheet) -> list[str]:
    lines = []
    for row in sheet.rows:
        shown = workings(row)
        if shown:
            lines.append(f"- **{markdown_text(labels(row)[0])}**")
        lines += [f"  - {markdown_text(text)}" for text in shown]
    return lines
