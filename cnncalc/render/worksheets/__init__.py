"""Worksheets and their keys, one format per module.

To add a format, write `worksheets/NAME.py` with a function `render(sheets, key) -> str` that returns the whole text, and add
it to `FORMATS` here. With `key`, the text has the right answers and the working instead of blanks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnncalc.teaching.worksheet import Worksheet


def _markdown(sheets: Sequence[Worksheet], key: bool) -> str:
    from cnncalc.render.worksheets.markdown import render as make

    return make(sheets, key)


def _latex(sheets: Sequence[Worksheet], key: bool) -> str:
    from cnncalc.render.worksheets.latex import render as make

    return make(sheets, key)


def _html(sheets: Sequence[Worksheet], key: bool) -> str:
    from cnncalc.render.worksheets.html import render as make

    return make(sheets, key)


def _csv(sheets: Sequence[Worksheet], key: bool) -> str:
    from cnncalc.render.worksheets.csv import render as make

    return make(sheets, key)


def _json(sheets: Sequence[Worksheet], key: bool) -> str:
    from cnncalc.render.worksheets.json import render as make

    return make(sheets, key)


# each function imports its module when it is called
FORMATS: dict[str, Callable[[Sequence[Worksheet], bool], str]] = {
    "markdown": _markdown,
    "latex": _latex,
    "html": _html,
    "csv": _csv,
    "json": _json,
}


def render(form: str, sheets: Sequence[Worksheet], *, key: bool = False) -> str:
    """Return worksheets, or their key, in a format."""
    return FORMATS[form](sheets, key)
