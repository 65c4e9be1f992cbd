"""Problems as text: place, message, the source line with a caret, help, and the trail of blocks."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.problem import Problem, Where
from cnncalc.text import COMMAND, cells, show, visible

WIDEST = 100  # cells of a source line that are shown
LEAST = 10  # the same on a very narrow terminal


def place(where: Where) -> str:
    """Format a place as `file:line:column`."""
    return f"{show(where.source.path)}:{where.line}:{where.column}"


def lines(problem: Problem, width: int = 0) -> list[str]:
    """Return one problem as lines, of at most `width` cells unless that is 0.

    >>> print(lines(Problem("unknown-layer", "no layer named `rlu`", "did you mean `relu`?"))[0])
    error: no layer named `rlu` [unknown-layer]
    """
    head = f"{problem.level}: {visible(problem.text)} [{problem.code}]"
    if problem.where is None:
        return [
            *_fitted("", head, width),
            *(_fitted("  = help: ", visible(problem.help), width) if problem.help else []),
        ]
    gutter = max(3, len(str(problem.where.line)) + 2)
    shown = _fitted("", f"{place(problem.where)}: {head}", width)
    line, caret = _excerpt(problem.where, min(WIDEST, max(LEAST, width - gutter - 9)) if width else WIDEST)
    if line:
        shown.append(f"{problem.where.line:>{gutter}} | {line}")
        shown.append(f"{'':>{gutter}} | {'':>{caret}}^")
    if problem.help:
        shown += _fitted(f"{'':>{gutter}} = help: ", visible(problem.help), width)
    for call in problem.trail:
        at = f", called at {place(call.where)}" if call.where is not None else ""
        shown += _fitted(f"{'':>{gutter}} in ", f"{show(call.block)}{at}", width)
    return shown


def _fitted(label: str, sentence: str, width: int) -> list[str]:
    """Return a sentence after its label, broken into lines if there is a width."""
    if not width:
        return [label + sentence]
    from cnncalc.render.lines import plain, wrap_lines

    return plain(wrap_lines([[(label, ""), (sentence, "")] if label else [(sentence, "")]], width)).splitlines()


def _excerpt(where: Where, room: int) -> tuple[str, int]:
    """Return the part of the source line around the column, made visible, within `room` cells, and the caret's place."""
    line = where.source.line(where.line)
    column = min(where.column - 1, len(line))
    first = max(0, column - WIDEST)  # characters further away are not examined
    pieces = _visible_characters(line[first : column + WIDEST])
    sizes = [cells(piece) for piece in pieces]
    here = column - first
    start = 0
    if first or column + WIDEST < len(line) or sum(sizes) > room:
        before, start = 0, here
        while start > 0 and before + sizes[start - 1] <= room * 2 // 3:
            start -= 1
            before += sizes[start]
    end, taken = start, 0
    while end < len(pieces) and taken + sizes[end] <= room:
        taken += sizes[end]
        end += 1
    prefix = "..." if first + start else ""
    suffix = "..." if first + end < len(line) else ""
    shown = "".join(pieces[start:end])
    return prefix + (shown if suffix else shown.rstrip()) + suffix, len(prefix) + sum(sizes[start:here])


def _visible_characters(text: str) -> list[str]:
    """Return what `visible` makes of every character. Joined, they are what it makes of the text."""
    characters = [visible(char) for char in text]
    for match in COMMAND.finditer(text):
        characters[match.start()] = "#\\"
    return characters


def text(problems: Iterable[Problem], width: int = 0) -> str:
    """Return problems as one text, with a blank line between them."""
    return "\n".join("\n".join(lines(problem, width)) + "\n" for problem in problems)
