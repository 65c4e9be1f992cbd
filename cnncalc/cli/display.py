"""Readable reports to where they go: rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import os
import sys

from cnncalc.cli.run import encodable, write
from cnncalc.render.lines import ASCII, UNICODE, Line, plain


def on_terminal(file: str | None) -> bool:
    """Does the report go to a terminal?"""
    return file is None and sys.stdout is not None and sys.stdout.isatty()


def width() -> int:
    """Columns of the terminal: COLUMNS where that is set, 80 where nothing says."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and len(asked) < 6 and int(asked):
        return int(asked)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def glyphs(file: str | None) -> dict[str, str]:
    """Box drawing where the stream can carry it, ASCII elsewhere."""
    if file is not None:
        return UNICODE
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "".join(UNICODE.values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def show_lines(lines: list[Line], file: str | None, no_color: bool) -> None:
    """Print the lines of a report, with colour where a terminal has it and nobody minds."""
    plainly = no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    if plainly or not on_terminal(file):
        write(plain(lines), file)
        return
    from cnncalc.render.terminal import print_lines

    print_lines([[(encodable(text, sys.stdout), style) for text, style in line] for line in lines], sys.stdout)
