"""The style sheet and the scripts, which are files of this folder, made smaller and scoped to one element."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

SCOPE = ".cnncalc"  # what the files call the element that they are for


@cache
def _compact(name: str) -> str:
    """Return a file without comments, indentation and line breaks that have no meaning."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("//")]
    if name.endswith(".css"):
        return re.sub(r"\s*([{};,>])\s*", r"\1", re.sub(r": (?=[^{}]*})", ":", " ".join(lines))).replace(";}", "}")
    return "\n".join(lines)


def style(scope: str, *names: str, blocks: int = 0) -> str:
    """Return style sheets for the element `scope`, with a rule for each of that many blocks to hide its layers.

    >>> "#x h3{" in style("#x", "style.css")
    True
    """
    sheets = [_compact(name).replace(SCOPE, scope) for name in names]
    folds = [f'{scope} tbody:has([data-block="{n}"]:not([open])) .b{n}{{display:none}}' for n in range(blocks)]
    return "\n".join([*sheets, *folds])


def script(scope: str, name: str) -> str:
    """Return a script for the element `scope`.

    >>> "aria-sort" in script("#x", "sort.js")
    True
    """
    return _compact(name).replace(SCOPE, scope)
