"""Problems as text: place, sentence, the line with a caret, help, and the trail of blocks."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.problem import Problem, Where
from cnncalc.text import show, visible

WIDEST = 100  # characters of a source line that are shown


def place(where: Where) -> str:
    """`file:line:column`."""
    return f"{show(where.source.path)}:{where.line}:{where.column}"


def lines(problem: Problem) -> list[str]:
    """One problem as lines.

    >>> print(lines(Problem("unknown-layer", "no layer named `rlu`", "did you mean `relu`?"))[0])
    error: no layer named `rlu` [unknown-layer]
    """
    head = f"{problem.level}: {visible(problem.text)} [{problem.code}]"
    if problem.where is None:
        return [head] + ([f"  = help: {visible(problem.help)}"] if problem.help else [])
    gutter = max(3, len(str(problem.where.line)) + 2)
    found = [f"{place(problem.where)}: {head}"]
    line, caret = _excerpt(problem.where)
    if line:
        found.append(f"{problem.where.line:>{gutter}} | {line}")
        found.append(f"{'':>{gutter}} | {'':>{caret}}^")
    if problem.help:
        found.append(f"{'':>{gutter}} = help: {visible(problem.help)}")
    for call in problem.trail:
        at = f", called at {place(call.where)}" if call.where is not None else ""
        found.append(f"{'':>{gutter}} in {show(call.block)}{at}")
    return found


def _excerpt(where: Where) -> tuple[str, int]:
    """The part of the source line around the column, made visible, and where the caret goes."""
    line = where.source.line(where.line)
    column = min(where.column - 1, len(line))
    start = max(0, column - WIDEST * 2 // 3) if len(line) > WIDEST else 0
    part = line[start : start + WIDEST].rstrip()
    before = visible(line[start:column])
    front = "..." if start else ""
    behind = "..." if start + WIDEST < len(line) else ""
    return front + visible(part) + behind, len(front) + sum(1 + _is_wide(char) for char in before)


def _is_wide(char: str) -> bool:
    """Does a terminal give the character two columns?"""
    if char < "\u1100":
        return False
    from unicodedata import east_asian_width

    return east_asian_width(char) in "WF"


def text(problems: Iterable[Problem]) -> str:
    """Problems as one text, a blank line between them, each line ended."""
    return "\n".join("\n".join(lines(problem)) + "\n" for problem in problems)
