"""Style sheets and scripts, which are files of their own, made smaller and scoped to one element."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

SCOPE = ".cnncalc"  # what the files call the element that they are for
HERE = Path(__file__).parent
STYLE, SORT = HERE / "style.css", HERE / "sort.js"


@cache
def _compact(file: Path) -> str:
    """Return a file without comments, indentation and line breaks that have no meaning."""
    text = file.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("//")]
    if file.suffix == ".css":
        return re.sub(r"\s*([{};,>])\s*", r"\1", re.sub(r": (?=[^{}]*})", ":", " ".join(lines))).replace(";}", "}")
    return "\n".join(lines)


def style(scope: str, *files: Path, blocks: int = 0) -> str:
    """Return style sheets for the element `scope`, with a rule for each of that many blocks to hide its layers.

    >>> "#x h3{" in style("#x", STYLE)
    True
    """
    sheets = [_compact(file).replace(SCOPE, scope) for file in files]
    folds = [
        f'{scope} tbody:has([data-block="{n}"]:not([open])) .b{n}{{display:none!important}}' for n in range(blocks)
    ]
    return "\n".join([*sheets, *folds])


def script(scope: str, file: Path) -> str:
    """Return a script for the element `scope`.

    >>> "aria-sort" in script("#x", SORT)
    True
    """
    return _compact(file).replace(SCOPE, scope)
