"""Readable reports to where they go: rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import os
import sys

from cnncalc.cli.request import Request
from cnncalc.cli.run import columns, encodable, write
from cnncalc.render.lines import ASCII, UNICODE, Glyphs, Line, plain, trimmed, wrapped


def on_terminal(file: str | None) -> bool:
    """True if the report goes to a terminal."""
    return file is None and sys.stdout is not None and sys.stdout.isatty()


def width() -> int:
    """Columns of the terminal: COLUMNS where that is set, 80 where nothing says."""
    return columns(sys.stdout) or 80


def room(file: str | None) -> int:
    """Cells that a line may take: those of a terminal, 0 where lines have no end."""
    return columns(sys.stdout) if file is None else 0


def glyphs(file: str | None) -> Glyphs:
    """Box drawing where the stream can carry it, ASCII elsewhere; and how wide a terminal is."""
    if file is not None:
        return UNICODE
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "".join(UNICODE.values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return Glyphs(ASCII, room(file))
    return Glyphs(UNICODE, room(file))


def coloured(request: Request) -> bool:
    """True if a report gets colour: as the options say, else NO_COLOR, else FORCE_COLOR, else on a terminal that has it."""
    if request.file is not None or request.color == "never":
        return False
    if request.color == "always":
        return True
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return on_terminal(request.file) and os.environ.get("TERM") != "dumb"


def fit(lines: list[Line], file: str | None) -> list[Line]:
    """The lines, broken between words where a terminal ends."""
    wide = room(file)
    return list(wrapped(lines, wide)) if wide else lines


def fit_text(text: str, file: str | None) -> str:
    """The same for a text without styles."""
    return plain(fit([[(line, "")] for line in text.splitlines()], file)) if room(file) else text


def show_lines(lines: list[Line], request: Request) -> None:
    """Print the lines of a report, with colour where that is wanted."""
    fitted = fit(lines, request.file)
    if not coloured(request) or sys.stdout is None:
        write(plain(fitted), request.file)
        return
    from cnncalc.render.terminal import print_lines

    shown = [[(encodable(text, sys.stdout), style) for text, style in trimmed(line)] for line in fitted]
    print_lines(shown, sys.stdout, forced=not on_terminal(request.file) or os.environ.get("TERM") == "dumb")
