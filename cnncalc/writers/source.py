"""Python source that the writers of PyTorch and Keras return, and its line breaks."""

from __future__ import annotations

import ast
from contextlib import suppress
from textwrap import wrap

from cnncalc.record import Record


class Source(Record):
    """Python source, and what a check of it needs.

    `name` is the class to build, and `layouts` has the layout of every value. `marks` maps a line of the source to the
    variable that holds a layer's value and the kind of that layer. Layers run in the order of the network.
    """

    text: str
    name: str
    layouts: tuple[str, ...]  # "first" or "last", by node
    marks: dict[int, tuple[str, str]]


def wrap_code(code: str, space: str = "        ", width: int = 100) -> list[str]:
    """Break a long statement or function header into lines inside its brackets, if that is possible."""
    if len(code) > width:
        lines = wrap(code, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
        with suppress(SyntaxError):
            ast.parse("\n".join(lines) + (" pass" if code.startswith("def ") else ""))
            return [space + line for line in lines]
    return [space + code]
