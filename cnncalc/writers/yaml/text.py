"""Lay out mappings, lists and words as YAML like a person would: on one line if it fits, else with one line for each entry."""

from __future__ import annotations

import json
from typing import Any

WIDTH = 118
LONGEST = 8  # the most steps that are repeated together
# plain words that other YAML parsers read as something else
_ODD = frozenset({"null", "yes", "no", "on", "off", "y", "n", ""})
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+/.$*()=%")
_PROSE = ("name", "description", "source")


def scalar(text: str) -> str:
    """Format a word as YAML: plain if all parsers read it as that word, otherwise in quotes.

    >>> scalar("layer1.0"), scalar("no"), scalar("$kernel // 2"), scalar("a: b"), scalar("-x")
    ('layer1.0', '"no"', '$kernel // 2', '"a: b"', '"-x"')
    """
    safe = _PLAIN.issuperset(text.replace(" ", "")) and text.strip() == text and "  " not in text
    if safe and text.lower() not in _ODD and text[0] not in "-*=%" and text not in ("---", "..."):
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """Format any text in double quotes, in ASCII.

    >>> quoted('a"b' + chr(0x202E))
    '"a\\\\"b\\\\u202e"'
    """
    body = json.dumps(text, ensure_ascii=False)
    return "".join(
        char if char.isascii() and char.isprintable() else f"\\u{ord(char):04x}" if ord(char) < 0x10000
        else f"\\U{ord(char):08x}"
        for char in body
    )  # fmt: skip


def prose(text: str) -> str:
    """Format a line of text as YAML: plain if that is safe.

    >>> prose("ResNet-50"), prose("He et al. 2015, table 1"), prose("a # b"), prose("a: b")
    ('ResNet-50', 'He et al. 2015, table 1', '"a # b"', '"a: b"')
    """
    safe = text.isascii() and text.isprintable() and text[:1].isalpha() and text.strip() == text
    signs = set(text) & set(":#'\"\\{}[]&*!|>%@`")
    return text if safe and not signs and text.lower() not in _ODD else quoted(text)


def flow(value: Any) -> str:
    """Format a value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(_pair(key, inner) for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_entry, value)) + "]"
    return scalar(str(value))


def _pair(key: str, value: Any) -> str:
    return scalar(key) if value is None else f"{scalar(key)}: {flow(value)}"


def _entry(value: Any) -> str:
    """Format an entry of a list on one line, where `fc: 10` needs no braces."""
    if isinstance(value, dict) and len(value) == 1:
        ((key, inner),) = value.items()
        return flow(value) if inner is None else f"{scalar(key)}: {flow(inner)}"
    return flow(value)


def block(value: Any, indent: int) -> list[str]:
    """Format a value on several lines."""
    space = " " * indent
    if isinstance(value, dict):
        lines = []
        for key, inner in value.items():
            name = key if "(" in key else scalar(key)
            line = f"{space}{name}:" if inner is None else f"{space}{name}: {flow(inner)}"
            if inner is None or _fits(line, inner):
                lines.append(line)
            elif isinstance(inner, list) and all(isinstance(entry, str) for entry in inner):
                lines += [f"{space}{name}:", *_wrapped(inner, indent + 2)]
            else:
                lines += [f"{space}{name}:", *block(inner, indent + 2)]
        return lines
    lines = []
    for inner in value:
        line = f"{space}- {_entry(inner)}"
        if _fits(line, inner) or not isinstance(inner, (dict, list)):
            lines.append(line)
        else:
            inside = block(inner, indent + 2)
            lines += [f"{space}- {inside[0].lstrip()}", *inside[1:]]
    return lines


def _wrapped(words: list[str], indent: int) -> list[str]:
    """Wrap a list of words over several lines."""
    lines = [" " * indent + "["]
    for number, word in enumerate(words):
        piece = scalar(word) + ("]" if number + 1 == len(words) else ",")
        if len(lines[-1]) + len(piece) + 1 > WIDTH:
            lines.append(" " * (indent + 1))
        lines[-1] += piece if lines[-1][-1:] in ("[", " ") and not lines[-1].strip(" [") else " " + piece
    return lines


def _fits(line: str, value: Any) -> bool:
    return not isinstance(value, (dict, list)) or (
        len(line) <= WIDTH - 12 * max(_depth(value) - 3, 0) and _depth(value) <= 4 and _longest_list(value) <= 6
    )


def _depth(value: Any) -> int:
    """Return how deeply brackets are nested."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(_depth, inside), default=0)


def _longest_list(value: Any) -> int:
    """Return the number of steps in the longest list on the line."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    nested_count = sum(isinstance(inner, (dict, list)) for inner in inside) if isinstance(value, list) else 0
    return max([nested_count, *map(_longest_list, inside)])


def document(parts: dict[str, Any]) -> str:
    """Format the whole file, leaving out keys without a value."""
    lines = []
    for key, value in parts.items():
        if value in ("", None) or value == {} or value == []:
            continue
        if key in _PROSE:
            lines.append(f"{key}: {prose(value)}")
        elif isinstance(value, str):
            lines.append(f"{key}: {scalar(value)}")
        elif key in ("layers", "blocks") or not _fits(f"{key}: {flow(value)}", value):
            lines += [f"{key}:", *block(value, 2)]
        else:
            lines.append(f"{key}: {flow(value)}")
    return "\n".join(lines) + "\n"


def fold_repeats(steps: list[tuple[Any, bool]]) -> list[Any]:
    """Write runs of equal steps once, with `repeat`. Each step comes with whether it can be repeated: it needs no `as`."""
    keys = [repr(step) if free else None for step, free in steps]
    result: list[Any] = []
    place = 0
    while place < len(steps):
        width, times = _run(keys, place)
        if times == 1:
            result.append(steps[place][0])
        elif width == 1:
            step = steps[place][0]
            result.append({**(step if isinstance(step, dict) else {step: None}), "repeat": str(times)})
        else:
            result.append({"seq": [step for step, _ in steps[place : place + width]], "repeat": str(times)})
        place += width * times
    return result


def _run(keys: list[str | None], place: int) -> tuple[int, int]:
    """Find the run of equal steps that starts here: how many steps repeat, and how often; 1 and 1 if there is none."""
    best = (1, 1)
    for width in range(1, LONGEST + 1):
        first = keys[place : place + width]
        if None in first or len(first) < width:
            break
        times = 1
        while keys[place + times * width : place + (times + 1) * width] == first:
            times += 1
        if times > 1 and width * times > best[0] * best[1] and width * (times - 1) > 1:
            best = (width, times)
    return best
