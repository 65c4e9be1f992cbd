"""What YAML's own errors mean for somebody who writes an architecture: the parser's problem and the line at fault."""

from __future__ import annotations

import re
from typing import Any

from cnncalc.problem import Problem, Source, Where

_GLUED = re.compile(r"([\w$]+):([{\[])")
_TWO_KEYS = re.compile(r"^(\s*)(-\s+)?([\w$]+):\s+.*?\s([\w$]+):(\s|$)")
_KEY_ONLY = re.compile(r"^(\s*)([\w$]+):(\s|$)")
_DASH = re.compile(r"^(\s*)-(?=[A-Za-z$])(\S*)")


def translated(source: Source, error: Any) -> Problem:
    """A YAML error as one of ours, with the place to mend."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return _unreadable(source, error, problem)
    line = source.line(mark.line + 1)
    here = Where(source, mark.line + 1, mark.column + 1)
    dash = _glued_dash(source, mark.line + 1)
    if dash is not None:
        return dash
    if "mapping values are not allowed" in problem:
        return _colon(source, mark.line + 1, line, here)
    if "cannot start any token" in problem:
        char = line[mark.column : mark.column + 1]
        return Problem("yaml", f"`{char}` cannot start a value", "put the value in double quotes", where=here)
    if "block end" in problem or "expected key" in problem or "block mapping" in str(getattr(error, "context", "")):
        return _unaligned(source, mark.line + 1, line, here)
    if "could not find expected ':'" in problem:
        return Problem(
            "yaml",
            "this line is no `key: value` and no step",
            "write `key: value`, or start a step with `- `",
            where=here,
        )
    if "quoted scalar" in str(getattr(error, "context", "")):
        start = getattr(error, "context_mark", None) or mark
        return Problem(
            "yaml",
            "a quote is opened here and never closed",
            "close it",
            where=Where(source, start.line + 1, start.column + 1),
        )
    if "flow" in str(getattr(error, "context", "")) or "',' or" in problem:
        return _unclosed(source, error, line, here)
    if "alias" in str(getattr(error, "context", "")) or "anchor" in str(getattr(error, "context", "")):
        return Problem(
            "no-anchors", "YAML anchors and aliases are not used here", "put the expression in quotes", where=here
        )
    return Problem(
        "yaml",
        "this is not YAML: " + problem.split("\n", maxsplit=1)[0][:100],
        "compare with `cnncalc new`",
        where=here,
    )


def _unreadable(source: Source, error: Any, problem: str) -> Problem:
    position = getattr(error, "position", None)
    place = None
    if isinstance(position, int):
        before = source.text.encode()[:position].decode("utf-8", "ignore")
        place = Where(source, before.count("\n") + 1, len(before) - before.rfind("\n"))
    return Problem(
        "bad-character", f"there is a character here that cannot be read: {problem[:80]}", "delete it", where=place
    )


def _glued_dash(source: Source, number: int) -> Problem | None:
    """A dash without a space, on the line of the error or just above: YAML notices it late."""
    for candidate in range(number, max(number - 3, 0), -1):
        match = _DASH.match(source.line(candidate))
        if match:
            return Problem(
                "yaml",
                f"`-{match.group(2)[:40]}` is read as a word, not as a step",
                "put a space after the dash",
                where=Where(source, candidate, len(match.group(1)) + 1),
            )
    return None


def _colon(source: Source, number: int, line: str, here: Where) -> Problem:
    glued = _GLUED.search(line)
    if glued:
        return Problem(
            "yaml",
            f"`{glued.group(1)}:` runs into `{glued.group(2)}`",
            f"put a space after `{glued.group(1)}:`",
            where=Where(source, number, glued.start(2) + 1),
        )
    key = _KEY_ONLY.match(line)
    above = source.line(number - 1)
    parent = re.match(r"^(\s*-\s+)([\w$]+):\s*\S", above)
    if key and parent and len(key.group(1)) > len(parent.group(1)):
        return Problem(
            "yaml",
            f"`{key.group(2)}:` is indented further than `{parent.group(2)}:`",
            f"line `{key.group(2)}:` up with `{parent.group(2)}:`",
            where=Where(source, number, len(key.group(1)) + 1),
        )
    if key and re.match(r"^\s*[\w$]+:\s*\S", above):
        return Problem("yaml", f"`{key.group(2)}:` is indented too far", "line it up with the line above", where=here)
    two = _TWO_KEYS.match(line)
    if two:
        return Problem(
            "yaml",
            f"`{two.group(3)}:` and `{two.group(4)}:` stand on one line",
            f"write `{{{two.group(3)}: ..., {two.group(4)}: ...}}`, or one line each",
            where=here,
        )
    return Problem("yaml", "a second `:` on this line", "put text that holds `: ` in quotes", where=here)


def _unaligned(source: Source, number: int, line: str, here: Where) -> Problem:
    indent = len(line) - len(line.lstrip())
    for above in range(number - 1, 0, -1):
        text = source.line(above)
        body = text.lstrip()
        if not body or body.startswith("#"):
            continue
        if body.startswith("-") == line.lstrip().startswith("-") or len(text) - len(body) <= indent:
            start = len(text) - len(body)
            return Problem(
                "yaml",
                f"this line starts in column {indent + 1}, which lines up with nothing above; line {above} starts in column {start + 1}",
                "line it up with the line it belongs to",
                where=here,
            )
    return Problem("yaml", "this line lines up with nothing above", "check its indentation", where=here)


def _unclosed(source: Source, error: Any, line: str, here: Where) -> Problem:
    start = getattr(error, "context_mark", None)
    if "${" in line:
        return Problem(
            "yaml", "`${...}` cannot stand in a list or mapping", "write `$name`, as in `4*$name`", where=here
        )
    if start is not None:
        bracket = source.line(start.line + 1)[start.column : start.column + 1]
        closing = {"{": "}", "[": "]"}.get(bracket)
        if closing:
            return Problem(
                "yaml",
                f"`{bracket}` is opened here; by line {here.line} neither `,` nor `{closing}` has followed",
                f"close it with `{closing}`",
                where=Where(source, start.line + 1, start.column + 1),
            )
    return Problem("yaml", "a list or mapping is not closed", "check brackets and commas", where=here)
