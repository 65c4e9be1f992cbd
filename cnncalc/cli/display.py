"""Printing of reports: with rich on a terminal, as plain text elsewhere."""

from __future__ import annotations

import os
import sys

from cnncalc.cli.request import Request
from cnncalc.cli.run import columns, escape_unencodable, write
from cnncalc.render.lines import ASCII, UNICODE, Glyphs, Line, plain, strip_trailing, wrap_lines


def on_terminal(file: str | None) -> bool:
    """Return whether the report goes to a terminal."""
    return file is None and sys.stdout is not None and sys.stdout.isatty()


def width() -> int:
    """Columns of the terminal, or of COLUMNS if that is set; 80 if unknown."""
    return columns(sys.stdout) or 80


def room(file: str | None) -> int:
    """Maximum cells of a line on the terminal, or 0 if the length of lines is not limited."""
    return columns(sys.stdout) if file is None else 0


def glyphs(file: str | None) -> Glyphs:
    """Box-drawing characters if the stream can encode them, otherwise ASCII; with the width of the terminal."""
    if file is not None:
        return UNICODE
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "".join(UNICODE.values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return Glyphs(ASCII, room(file))
    return Glyphs(UNICODE, room(file))


def coloured(request: Request) -> bool:
    """Return whether to colour a report: by the options, then NO_COLOR, then FORCE_COLOR, then the terminal."""
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
    """Wrap the lines between words at the width of the terminal."""
    wide = room(file)
    return list(wrap_lines(lines, wide)) if wide else lines


def fit_text(text: str, file: str | None) -> str:
    """Wrap a text without styles in the same way."""
    return plain(fit([[(line, "")] for line in text.splitlines()], file)) if room(file) else text


def show_lines(lines: list[Line], request: Request) -> None:
    """Print the lines of a report, in colour if `coloured` allows it."""
    fitted = fit(lines, request.file)
    if not coloured(request) or sys.stdout is None:
        write(plain(fitted), request.file)
        return
    from cnncalc.render.terminal import print_lines

    shown = [[(escape_unencodable(text, sys.stdout), style) for text, style in strip_trailing(line)] for line in fitted]
    print_lines(shown, sys.stdout, forced=not on_terminal(request.file) or os.environ.get("TERM") == "dumb")
