"""Functions to show untrusted text safely, to format lists of words, and to find the nearest known word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_LONGEST = 60
_SIGNS = r"[\s_.-]+"
COMMAND = re.compile(r"##(?=\w*\[)")  # GitHub and Azure runners interpret it anywhere in a line, not only at its start


def show(text: object, longest: int = _LONGEST) -> str:
    """Format untrusted text as one harmless line, with escapes for control, bidirectional and invisible characters.

    `##` and `::` at the start get a backslash, so that CI runners do not interpret them as commands.

    >>> show("a" + chr(27) + "[31mred")
    'a\\\\x1b[31mred'
    >>> show("::error::x")
    '\\\\::error::x'
    """
    line = str(text)
    cut = len(line) > longest
    if cut:
        line = line[: longest - 3]
    line = visible(line)
    if line.lstrip().startswith(("::", "##")):
        line = "\\" + line
    return line + "..." if cut else line


def visible(text: str) -> str:
    """Replace control, bidirectional and invisible characters with escapes, and break up `##[command]`.

    >>> visible("relu ##[error]boo")
    'relu #\\\\#[error]boo'
    """
    if "##" in text:
        text = COMMAND.sub(r"#\\#", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() and not _invisible(char) else _escape(char) for char in text)


def _invisible(char: str) -> bool:
    code = ord(char)
    if code < 0x300:
        return code == 0xAD
    # fillers, variation selectors and the Braille blank are invisible, although Python calls them printable
    return code in (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0) or (
        0xFE00 <= code <= 0xFE0F or 0x300 <= code <= 0x36F or 0xE0100 <= code <= 0xE01EF
    )


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cells(text: str) -> int:
    """Count the cells that text takes on a terminal: two for wide characters, none for combining characters.

    >>> cells("abc"), cells("漢字"), cells("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    width = 0
    for char in text:
        if category(char) in ("Mn", "Me", "Cf") or "\u1160" <= char <= "\u11ff":
            continue
        width += 2 if east_asian_width(char) in "WF" else 1
    return width


def quoted(words: Iterable[str], last: str = "or", most: int = 20) -> str:
    """Join words as "`a`, `b` or `c`". List at most `most` of them, followed by the number of the others.

    >>> quoted(["a", "b", "c"])
    '`a`, `b` or `c`'
    """
    marked = [f"`{show(word)}`" for word in words]
    if len(marked) > most:
        return ", ".join(marked[:most]) + f" and {len(marked) - most:,} more"
    return marked[0] if len(marked) == 1 else ", ".join(marked[:-1]) + f" {last} " + marked[-1] if marked else "nothing"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Find the known word that `word` was probably meant to be, or None. Ignore case, then punctuation, then small
    differences.

    >>> nearest("rlu", ["relu", "conv"]), nearest("VGG-16", ["vgg16", "vgg19"])
    ('relu', 'vgg16')
    """
    options: Sequence[str] = list(known)
    folded = word.casefold()
    for option in options:
        if option.casefold() == folded:
            return option
    if len(word) > 100:
        return None
    bare = re.sub(_SIGNS, "", folded)
    same = [option for option in options if bare and re.sub(_SIGNS, "", option.casefold()) == bare]
    if same:
        return same[0]
    from difflib import get_close_matches

    # the comparison is slow, so limit it to words of similar length, and to 500 of them
    likely = [option for option in options if abs(len(option) - len(word)) <= max(4, len(word) // 2)][:500]
    close = get_close_matches(word, likely, 1, 0.7)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Format a help sentence that names the nearest known word. Empty if there is none."""
    match = nearest(word, known)
    return f"did you mean `{show(match)}`?" if match else ""


def plural(count: int, one: str, many: str | None = None) -> str:
    """Format a count with its noun, as in `1 layer` or `2 layers`.

    >>> plural(2, "layer")
    '2 layers'
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
