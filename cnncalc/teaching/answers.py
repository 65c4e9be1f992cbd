"""Answers as people write them, and right answers as cnncalc writes them."""

from __future__ import annotations

import re

from cnncalc.analyses.mistakes.question import Answer, Question, Right
from cnncalc.units import Figure, parse_count, parse_size

LONGEST = 100  # characters of an answer
SHAPES = ("output", "receptive_field")
_SIGNS = str.maketrans({"×": "x", "X": "x", "*": "x", "\u00a0": " ", "\u202f": " ", "\u2009": " "})


def parse_answer(text: str, quantity: str) -> Answer | None:
    """Read an answer; None if it is not a shape or number.

    A shape may be written `32x32x3`, `32 × 32 × 3` or `(32, 32, 3)`. Memory without a unit is in bytes.

    >>> parse_answer("(32, 32, 3)", "output"), parse_answer("1,792", "params").value
    ((32, 32, 3), 1792)
    """
    line = " ".join(text.translate(_SIGNS).split())
    if not line or len(line) > LONGEST:
        return None
    if quantity in SHAPES:
        return _shape(line)
    return _figure(line, quantity)


def _shape(line: str) -> tuple[int, ...] | None:
    inside = re.fullmatch(r"[(\[]?([^()\[\]]*)[)\]]?", line)
    parts = re.split(r" ?[x,] ?| ", inside[1].strip()) if inside else []
    if not parts or len(parts) > 5 or not all(re.fullmatch(r"[1-9][0-9]{0,11}", part, re.ASCII) for part in parts):
        return None
    return tuple(map(int, parts))


def _figure(line: str, quantity: str) -> Figure | None:
    if quantity == "memory":
        return parse_size(line) or parse_size(f"{line} B")
    return parse_count(line)


def format_answer(right: Right, quantity: str) -> str:
    """Format a right answer for a reader.

    >>> format_answer((32, 32, 3), "output"), format_answer(1792, "params"), format_answer((7, 7), "receptive_field")
    ('32x32x3', '1,792', '7x7')
    """
    if isinstance(right, tuple):
        return "x".join(map(str, right))
    return f"{right:,} bytes" if quantity == "memory" else f"{right:,}"


def plain_answer(right: Right) -> str:
    """Format a right answer for a file: without separators and units."""
    return "x".join(map(str, right)) if isinstance(right, tuple) else str(right)


def is_right(question: Question, answer: Answer) -> bool:
    """Return whether an answer is right, exactly or rounded to at least three significant digits.

    The digits decide only if the number is too large to be written exactly with them.
    """
    if isinstance(answer, Figure) and not (answer.unit == 1 and not answer.places):
        exact = isinstance(question.right, int) and answer.value == question.right
        return question.accepts(answer) and (exact or answer.digits >= 100)
    return question.accepts(answer)
