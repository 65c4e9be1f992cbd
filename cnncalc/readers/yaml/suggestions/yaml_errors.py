"""Explanations of YAML syntax errors.

They depend on the text around the error more than on the parser's wording, so that libyaml and the pure Python parser
give the same ones.
"""

from __future__ import annotations

import re
from typing import Any

from cnncalc.problem import Problem, Source, Where
from cnncalc.readers.yaml.vocabulary import ATTRIBUTES, KEYS
from cnncalc.text import quoted, show

_WORD = r"[\w$.-]+"
_GLUED = re.compile(rf"({_WORD}):([{{\[])")  # conv:{filters: 6}
_GLUED_KEY = re.compile(rf"^(\s*(?:-\s+)?)({_WORD}):([^\s:]\S*)\s*$")  # input:32x32x1
_KEY = re.compile(rf"^(\s*(?:-\s+)?)({_WORD}):(\s|$)")
_TWO_KEYS = re.compile(rf"^(\s*(?:-\s+)?)({_WORD}):\s+(?P<value>\S.*?),?\s+(?P<second>{_WORD}):(\s|$)")
_FIELDS_ON_LINE = re.compile(rf"^(\s*(?:-\s+)?)({_WORD}):\s+(?P<fields>{_WORD}:\s.*)$")  # - conv: filters: 6
_PARENTHESES = re.compile(rf"^(\s*(?:-\s+)?)({_WORD}):\s+\((?P<fields>{_WORD}:.*)\)\s*$")  # - conv: (filters: 6)
_DASH = re.compile(r"^(\s*)-([A-Za-z$]\S*)")
_CLOSING = {"{": "}", "[": "]"}


def explain_error(source: Source, error: Any) -> Problem:
    """Turn an error of the YAML parser into a problem that points at the text to correct."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    context = str(getattr(error, "context", None) or "")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return _at(None, "this is not valid YAML", "compare the file with the output of `cnncalc new`")
    start = getattr(error, "context_mark", None) or mark
    here = Where(source, mark.line + 1, mark.column + 1)
    begun = Where(source, start.line + 1, start.column + 1)
    if "quoted scalar" in context or "quoted scalar" in problem:
        return _quote(here, begun, problem)
    dash = _glued_dash(here)
    if dash is not None:
        return dash
    if "${" in source.line(here.line):
        column = source.line(here.line).index("${") + 1
        return _at(
            here.at_column(column), "`${...}` is not allowed in a list or mapping", "write `$name`, as in `4*$name`"
        )
    if "unexpected ':'" in problem:  # {filters:}
        after = here.at_column(here.column + 1)
        return Problem("missing-field", "a value is missing here", "write it after the colon", where=after)
    if "flow" in context:
        return _flow(here, begun)
    if "mapping values are not allowed" in problem:
        return _colon(here)
    if "could not find expected ':'" in problem:
        return _neither_key_nor_step(begun)
    if "cannot start any token" in problem or "keys are not allowed" in problem:
        return _start_of_value(here)
    if "sequence entries are not allowed" in problem:
        rest = source.line(here.line)[here.column - 1 :].strip("- ")
        help = f"start it on the next line, or write `[{show(rest)}]`" if rest else "start it on the next line"
        return _at(here, "a list with dashes cannot start on the same line as its key", help)
    if "document start" in problem:
        return _after_the_end(here)
    if "block scalar" in context:
        return _at(here, "text of several lines must start on the next line", "move it to the next line and indent it")
    if "block" in context:
        return _block(here, begun)
    if "alias" in context or "anchor" in context:
        text = f"a value cannot start with `{show(_character(begun))}`"
        return Problem("no-anchors", text, "write `$name` for a parameter", where=begun)
    if "tag" in context or "tag" in problem:
        return Problem("no-tags", "YAML tags are not supported", "delete the tag", where=begun)
    if "directive" in context or source.line(here.line).startswith("%"):
        return _at(here.at_column(1), "a line cannot start with `%`", "delete the line")
    return _at(here, "this is not valid YAML", "compare the file with the output of `cnncalc new`")


def _at(where: Where | None, text: str, help: str) -> Problem:
    return Problem("bad-yaml", text, help, where=where)


def _character(where: Where) -> str:
    return where.source.line(where.line)[where.column - 1 : where.column]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _key_column(line: str) -> int:
    """The column of the first word of a line, after its dashes. 0 if the line is empty or a comment."""
    body = line.lstrip(" -")
    return len(line) - len(body) + 1 if body and not body.startswith("#") else 0


def _above(where: Where) -> tuple[int, str]:
    """The number and text of the nearest line above that is not blank or a comment. 0 and `""` if there is none."""
    for number in range(where.line - 1, 0, -1):
        line = where.source.line(number)
        if line.strip() and not line.lstrip().startswith("#"):
            return number, line
    return 0, ""


# -- one function per family of YAML errors ----------------------------------------------------------------------------


def _quote(here: Where, begun: Where, problem: str) -> Problem:
    if "escape" in problem:
        line = here.source.line(here.line)
        column = line.rfind("\\", 0, here.column) + 1
        return _at(
            here.at_column(max(column, 1)),
            f"`{show(line[column - 1 : column + 1])}` is not a valid escape in double quotes",
            "put the text in single quotes, or write `\\\\` for a backslash",
        )
    mark = _character(begun)
    return _at(begun, "a quote is opened here and never closed", f"close it with `{mark}`" if mark else "close it")


def _glued_dash(here: Where) -> Problem | None:
    """Report a dash without a space. YAML may notice it only on one of the next lines."""
    for number in range(here.line, max(here.line - 3, 0), -1):
        match = _DASH.match(here.source.line(number))
        if match:
            return _at(
                Where(here.source, number, len(match.group(1)) + 1),
                f"`-{show(match.group(2))}` is read as one word, not as a step",
                f"put a space after the dash: `- {show(match.group(2))}`",
            )
    return None


def _flow(here: Where, begun: Where) -> Problem:
    """Explain an error inside `[...]` or `{...}`, such as an unclosed bracket or a missing comma."""
    char = _character(here)
    if _character(begun) not in _CLOSING and char:  # two commas with no item between them
        return _at(here, f"an item is missing before this `{char}`", "add the item, or delete the extra comma")
    unmatched = _brackets(begun if char else Where(begun.source, 1, 1))
    if unmatched is not None:
        opened, closed = unmatched
        bracket = _character(opened)
        if closed is None:
            return _at(opened, f"`{bracket}` is opened here and never closed", f"close it with `{_CLOSING[bracket]}`")
        return _at(
            closed,
            f"`{_character(closed)}` does not match the `{bracket}` "
            + (f"in column {opened.column}" if opened.line == closed.line else f"on line {opened.line}"),
            f"write `{_CLOSING[bracket]}` before it or instead of it",
        )
    line = here.source.line(here.line)
    word = re.search(rf"{_WORD}\s*$", line[: here.column - 1]) if _character(here) == ":" else None
    if word is not None:
        column = word.start() + 1
        return _at(
            here.at_column(column),
            f"a comma is missing before `{show(word.group().strip())}:`",
            "separate the fields with commas: `{filters: 6, kernel: 5}`",
        )
    following = re.match(r"""["']?[^\s,:\[\]{}"']*["']?""", line[here.column - 1 :])
    what = f" before `{show(following.group())}`" if following and following.group() else " here"
    return _at(here, f"a comma is missing{what}", "separate the items with commas: `[relu, tanh]`")


def _brackets(begun: Where) -> tuple[Where, Where | None] | None:
    """The innermost bracket that is unclosed or mismatched, with its wrong closing bracket. None if all of them match."""
    stack: list[Where] = []
    last = begun.source.text.count("\n") + 1
    for number in range(begun.line, last + 1):
        line = begun.source.line(number)
        quote = ""
        for place in range(begun.column - 1 if number == begun.line else 0, len(line)):
            char = line[place]
            if quote:
                quote = "" if char == quote else quote
            elif char in "\"'" and (not place or line[place - 1] in " ,[{:"):
                quote = char
            elif char == "#" and place and line[place - 1] == " ":
                break
            elif char in "[{":
                stack.append(Where(begun.source, number, place + 1))
            elif char in "]}" and stack:
                opened = stack.pop()
                if _CLOSING[_character(opened)] != char:
                    return opened, Where(begun.source, number, place + 1)
                if not stack:
                    return None
    return (stack[-1], None) if stack else None


def _colon(here: Where) -> Problem:
    """Explain a `key:` in a place where YAML allows none."""
    source, line = here.source, here.source.line(here.line)
    above_number, above = _above(here)
    top = re.match(r"(input|name|source|description):\s+\S", above)
    if line.lstrip().startswith("- ") and top:
        return _at(
            here.at_column(len(line) - len(line.lstrip()) + 1),
            f"the steps start on line {here.line} without `layers:`",
            f"write `layers:` on its own line above line {here.line}",
        )
    glued = _GLUED.search(line)
    if glued:
        key = glued.group(1)
        return _at(
            here.at_column(glued.start(2) + 1),
            f"there is no space between `{key}:` and `{glued.group(2)}`",
            f"put a space after `{key}:`",
        )
    inside = _PARENTHESES.match(line)
    if inside:
        return _at(
            here.at_column(inside.start("fields")),
            f"the fields of {inside.group(2)} are in parentheses",
            f"use braces: `{inside.group(2)}: {{{show(inside.group('fields'))}}}`",
        )
    fields_on_line = _FIELDS_ON_LINE.match(line)
    if fields_on_line:
        key, fields = fields_on_line.group(2), fields_on_line.group("fields").strip()
        text = key in ("name", "description", "source")
        if key in ("layers", "seq", "residual", "main", "projection", "shortcut"):
            return _at(
                here.at_column(fields_on_line.start("fields") + 1),
                f"the steps of {key} need brackets or separate lines",
                f"write `{key}: [{show(fields)}]`",
            )
        return _at(
            here.at_column(fields_on_line.start("fields") + 1),
            f"a second `:` after `{key}:`" if text else f"the fields of {key} need braces or separate lines",
            f'put the text in quotes: `{key}: "{show(fields)}"`' if text else f"write `{key}: {{{show(fields)}}}`",
        )
    bare = re.match(rf"^(\s*(?:-\s+)?)({_WORD})\s+(?=[{{\[])", line)
    if bare:
        word = bare.group(2)
        return _at(here.at_column(bare.end(2) + 1), f"a colon is missing after `{word}`", f"write `{word}: ...`")
    key = _KEY.match(line)
    if key is not None and "-" not in key.group(1) and key.end(2) + 1 == here.column:
        glued_above = _GLUED_KEY.match(above)
        if glued_above:
            word, value = glued_above.group(2), glued_above.group(3)
            return _at(
                Where(source, above_number, glued_above.start(2) + 1),
                f"`{show(word + ':' + value)}` is read as one word",
                f"put a space after `{word}:`",
            )
        parent = _KEY.match(above)
        if parent is not None and len(key.group(1)) > len(parent.group(1)):
            return _at(
                here.at_column(len(key.group(1)) + 1),
                f"`{key.group(2)}:` is indented further than `{parent.group(2)}:`",
                f"align `{key.group(2)}:` with `{parent.group(2)}:`",
            )
        bare = re.match(rf"^(\s*-\s+)({_WORD})\s*$", above)
        if bare is not None:
            word = bare.group(2)
            column = len(bare.group(1)) + 1
            place = (
                "" if len(key.group(1)) == len(bare.group(1)) else f", and start `{key.group(2)}:` in column {column}"
            )
            return _at(
                Where(source, above_number, column),
                f"`{word}` has no colon, but line {here.line} gives it a field",
                f"write `- {word}:`{place}",
            )
        return _at(
            here.at_column(len(key.group(1)) + 1),
            f"`{key.group(2)}:` cannot start here because line {above_number} is incomplete",
            f"align `{key.group(2)}:` with the key it belongs to",
        )
    two = _TWO_KEYS.match(line)
    if two:
        return _two_keys(here, two)
    return _at(here, "a second `:` on this line", "put text that contains `: ` in quotes")


def _two_keys(here: Where, two: re.Match[str]) -> Problem:

    first, second = two.group(2), two.group("second")
    help = f"start a new line before `{second}:`"
    if first in ("name", "description", "source"):
        help += ", or put the text in quotes"
    elif second in ATTRIBUTES and "-" in two.group(1):
        value = two.group("value")
        rest = here.source.line(here.line)[two.start("second") :].strip()
        help = f"write `- {{{first}: {show(value)}, {show(rest)}}}`, or `{second}:` on the next line, under `{first}:`"
    return _at(here.at_column(two.start("second") + 1), f"`{first}:` and `{second}:` are on the same line", help)


def _neither_key_nor_step(begun: Where) -> Problem:
    """Explain a line among keys or steps that is neither."""
    line = begun.source.line(begun.line)
    word = line[begun.column - 1 :].strip()
    glued = _GLUED_KEY.match(line)
    if glued:
        return _at(begun, f"`{show(word)}` is read as one word", f"put a space after `{glued.group(2)}:`")
    number, above = _above(begun)
    key = _KEY.match(above)
    if word.startswith(("{", "[")) and key and not above[key.end() :].strip():
        help = f"move it to the line of `{key.group(2)}:`, or indent it further"
        return _at(begun, f"`{word[0]}` is not part of `{key.group(2)}:` on line {number}", help)
    if above.lstrip().startswith("- ") and _indent(above) == _indent(line):
        return _at(begun, f"`{show(word)}` is in a list of steps but has no dash", f"write `- {show(word)}`")
    return _at(
        begun, f"`{show(word)}` is neither `key: value` nor a step", "write `key: value`, or start a step with `- `"
    )


def _start_of_value(here: Where) -> Problem:
    char = _character(here)
    name = "a backtick" if char == "`" else f"`{show(char)}`"
    help = "write 0.5 for 50 %" if char == "%" else "delete it, or put the value in double quotes"
    return _at(here, f"a value cannot start with {name}", help)


def _after_the_end(here: Where) -> Problem:
    """Explain text after the end of the YAML document."""
    if _above(here)[1].startswith("..."):
        return Problem(
            "second-document", "a second document starts here", "put each network in its own file", where=here
        )
    char = _character(here)
    if char in ("}", "]"):
        return _at(here, f"`{char}` does not close anything", "delete it")
    return _at(here, "the YAML document ends before this", "put everything into one mapping of keys")


def _block(here: Where, begun: Where) -> Problem:
    """Explain a line that is not aligned with the lines around it."""

    source, line = here.source, here.source.line(here.line)
    if _character(here) in ("}", "]"):
        return _at(here, f"`{_character(here)}` does not close anything", "delete it")
    indent = _indent(line)
    before, rest = line[: here.column - 1].rstrip(), line[here.column - 1 :].strip()
    if before.endswith(("'", '"')):
        other = "'" if before[-1] == '"' else '"'
        text = f"`{show(rest)}` follows the closing quote"
        return _at(here, text, f"put text that contains {before[-1]} in {other}...{other}")
    if rest.startswith(":") and not before.strip(" -"):
        return _at(here, "a key is missing before this colon", "write `key: value`")
    if before.endswith(("}", "]")):
        help = "put each step on its own line, starting with `- `"
        times = re.match(r"[x*\u00d7] ?([0-9]{1,7})\s*(#.*)?\Z", rest)
        if rest[:1] in (",", ";"):
            help = f"delete the `{rest[0]}`" if len(rest) == 1 else help
        elif times:
            help = f"write `repeat: {times.group(1)}` on the next line, under the first letter of the step"
        return _at(here, f"`{show(rest)}` follows the closing `{before[-1]}`", help)
    body = line.strip()
    key = _KEY.match(line)
    number, above = _above(here)
    if key is not None and "-" not in key.group(1) and above:
        step = re.match(rf"^(\s*)-\s+({_WORD})", above)
        if step and indent <= len(step.group(1)):  # the key is in the column of the dashes
            word = key.group(2)
            if word in KEYS and word not in ("params", "source"):  # `published:` has these two keys, too
                return _at(here, f"`{word}:` is indented like a step", f"start the line with `{word}:`")
            if word in ATTRIBUTES or word in _fields(step.group(2)):
                belongs = "further than" if word not in ATTRIBUTES else "as far as"
                return _at(
                    here,
                    f"`{word}:` belongs to the step above but is not aligned with it",
                    f"indent `{word}:` {belongs} `{step.group(2)}:`",
                )
            return _at(here, f"`{word}:` is in a list of steps but has no dash", f"write `- {show(body)}`")
    if body.startswith("- "):
        first = source.line(begun.line)
        key = _KEY.match(first)
        listed = any(source.line(number).startswith("layers:") for number in range(begun.line, here.line))
        if key is not None and key.group(2) in KEYS and not key.group(1) and not listed:
            text = f"the steps start on line {here.line} without `layers:`"
            return _at(here, text, f"write `layers:` on its own line above line {here.line}")
        if _indent(first) == indent and not first.lstrip().startswith("-"):
            return _at(
                begun,
                f"this step has no dash, but line {here.line} has one",
                f"write `- {show(first.strip())}`",
            )
        dashed = _dashed_above(here)
        if dashed:
            return _at(
                here.at_column(indent + 1),
                f"this dash is in column {indent + 1}, but the one above is in column {_indent(source.line(dashed)) + 1}",
                "align the dashes",
            )
    columns = sorted({_key_column(source.line(n)) for n in range(max(begun.line, here.line - 50), here.line)} - {0})
    if columns and indent + 1 not in columns:
        others = "column " if len(columns) == 1 else "columns "
        others += quoted([str(column) for column in columns], "and").replace("`", "")
        return _at(
            here.at_column(indent + 1),
            f"this line starts in column {indent + 1}, but the lines above start in {others}",
            f"align it with line {number}, or with the key it belongs to",
        )
    return _at(here, "this line does not fit below the line above", "check the indentation, dashes and brackets")


def _dashed_above(here: Where) -> int:
    """The number of the nearest line above that starts with a dash. 0 if there is none."""
    for number in range(here.line - 1, 0, -1):
        if here.source.line(number).lstrip().startswith("- "):
            return number
    return 0


def _fields(word: str) -> tuple[str, ...]:
    from cnncalc.layers import KINDS

    kind = KINDS.get(word.rstrip(":"))
    return tuple(kind.fields) if kind is not None else ()
