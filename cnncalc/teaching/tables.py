"""CSV tables that people edit in a spreadsheet: read with any separator, written without formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

from cnncalc.problem import Problem, Refused, Source, Where
from cnncalc.text import quoted, show

SEPARATORS = ",;\t"
MOST_ROWS = 500_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would calculate


def harmless(text: str) -> str:
    """Return a cell that no spreadsheet calculates.

    >>> harmless("=1+1"), harmless("conv1")
    ("'=1+1", 'conv1')
    """
    return f"'{text}" if text.startswith(FORMULA) else text


def plain(text: str) -> str:
    """Undo `harmless`, and remove the blanks around a cell."""
    text = text.strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def read_table(
    source: Source, *, required: Sequence[str], optional: Sequence[str] = (), what: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Return the rows below the header as (line, cells by column), without empty rows.

    The separator is a comma, semicolon or tab, whichever the header has most. All columns are returned in lower case;
    columns of `optional` that are missing are empty.

    Raises:
        Refused: `bad-table` if it is not a table, or a required column is missing.
    """
    first = source.text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(StringIO(source.text, newline=""), delimiter=separator)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise _refused(source, reader.line_num, f"cannot be read as CSV: {error}", "save it as CSV (UTF-8)") from None
    if not rows:
        raise _refused(source, 1, "is empty", f"it must be {what}")
    if len(rows) > MOST_ROWS:
        raise _refused(source, MOST_ROWS, f"has more than {MOST_ROWS:,} rows", "split it into several files")
    header = [plain(cell).lower() for cell in rows[0][1]]
    missing = [name for name in required if name not in header]
    if missing:
        listed = quoted(missing, "and")
        text = f"has no column {listed}" if len(missing) == 1 else f"has no columns {listed}"
        raise _refused(source, 1, text, f"the first line of {what} names its columns")
    return _cells(header, optional, rows[1:])


def _cells(
    header: Sequence[str], optional: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, row in rows:
        cells = dict.fromkeys(header, "")
        cells.update(zip(header, map(plain, row), strict=False))
        yield number, {**cells, **{name: cells.get(name, "") for name in optional}}


def _refused(source: Source, line: int, text: str, help: str) -> Refused:
    problem = Problem("bad-table", f"{show(source.path)} {text}", help, where=Where(source, max(line, 1), 1))
    return Refused([problem])
