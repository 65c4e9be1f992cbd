"""Worksheets as one HTML page to print: no script, no request to any host, one sheet a page."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.render.html.document import document
from cnncalc.render.html.elements import Html, element, joined
from cnncalc.render.worksheets.words import heading, is_right_aligned, labels, titles, workings
from cnncalc.teaching.worksheet import SheetRow, Worksheet

STYLE = """
:root { color-scheme: light dark; --line: #999; --faint: #666; }
@media (prefers-color-scheme: dark) { :root { --line: #777; --faint: #aaa; } }
body { font: 16px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
section { margin-bottom: 3rem; }
h2 { font-size: 1.4rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: baseline; }
thead th { border-bottom-width: 2px; }
tbody th { font-weight: normal; overflow-wrap: break-word; word-break: break-word; min-width: 6rem; }
td:nth-child(3) { min-width: 7rem; }
tr.total > * { border-top: 2px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.blank { min-width: 5rem; height: 1.9rem; border: 1px solid var(--line); }
.line { display: inline-block; width: 18rem; max-width: 100%; border-bottom: 1px solid currentColor; }
dl { font-size: .9rem; color: var(--faint); }
dt { font-weight: bold; float: left; margin-right: .5rem; }
dt::after { content: ":"; }
dd { margin: 0 0 .2rem; }
.working { font-size: .9rem; padding-left: 1.2rem; overflow-wrap: anywhere; }
@media print {
  :root { color-scheme: light; --line: #999; --faint: #333; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  .scroll { overflow: visible; }
  section { break-after: page; margin: 0; }
  section:last-child { break-after: auto; }
  tr, .working > li { break-inside: avoid; }
}
""".strip()


def render(sheets: Sequence[Worksheet], key: bool) -> str:
    """Return a whole page."""
    title = heading(sheets[0], key) if len(sheets) == 1 else sheets[0].title[:200]
    body = element("main", "\n", joined([_sheet(sheet, key) for sheet in sheets], "\n"), "\n")
    return document(title, body, STYLE, ())


def _sheet(sheet: Worksheet, key: bool) -> Html:
    name = [] if key else [element("p", "Name: ", element("span", class_="line"))]
    table = element("table", "\n", _head(sheet), "\n", _body(sheet, key), "\n")
    parts = [
        element("h2", heading(sheet, key)),
        *name,
        element("p", sheet.inputs),
        element("div", table, class_="scroll", tabindex="0", role="region", aria_label="layers"),
        _working(sheet) if key else _meanings(sheet),
    ]
    return element("section", "\n", joined(parts, "\n"), "\n")


def _head(sheet: Worksheet) -> Html:
    right = [False] * 3 + [is_right_aligned(name) for name in sheet.columns]
    cells = [
        element("th", title, scope="col", class_=_class(number))
        for title, number in zip(titles(sheet), right, strict=True)
    ]
    return element("thead", element("tr", *cells))


def _body(sheet: Worksheet, key: bool) -> Html:
    rows = [_row(row, key, row is sheet.rows[-1] and not row.kind) for row in sheet.rows]
    return element("tbody", "\n", joined(rows, "\n"), "\n")


def _row(row: SheetRow, key: bool, total: bool) -> Html:
    name, kind, fields = labels(row)
    cells = [
        element("th", name, scope="row"),
        element("td", kind),
        element("td", fields.replace(" = ", "\u00a0=\u00a0")),
    ]
    for cell in row.cells:
        look = _class(is_right_aligned(cell.column))
        if cell.question is None:
            cells.append(element("td", cell.text, class_=look))
        elif key:
            cells.append(element("td", element("strong", cell.answer), class_=look))
        else:
            cells.append(element("td", class_="blank"))
    return element("tr", *cells, class_="total" if total else None)


def _class(number: bool) -> str | None:
    return "number" if number else None


def _meanings(sheet: Worksheet) -> Html:
    pairs = [joined([element("dt", title), element("dd", meaning)]) for title, meaning in sheet.meanings]
    return element("dl", *pairs)


def _working(sheet: Worksheet) -> Html:
    items = []
    for row in sheet.rows:
        shown = [element("li", text) for text in workings(row)]
        if shown:
            items.append(element("li", element("strong", labels(row)[0]), element("ul", *shown)))
    return element("ul", *items, class_="working")
