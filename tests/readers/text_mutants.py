"""Changes in texts, for the tests of hostile files in formats that are text."""

from __future__ import annotations

import random
from collections.abc import Sequence


def mutated(draw: random.Random, text: str, words: Sequence[str], most: int) -> str:
    """Return the text with one change: a flipped bit, a cut, one of the words, or a repetition, of at most `most` characters."""
    place = draw.randrange(len(text))
    change = draw.randrange(4)
    if change == 0:
        return text[:place] + chr(ord(text[place]) ^ 1 << draw.randrange(7)) + text[place + 1 :]
    if change == 1:
        return text[:place] + text[place + draw.randint(1, most // 3) :]
    if change == 2:
        return text[:place] + draw.choice(words) + text[place + draw.randint(0, most // 12) :]
    start = draw.randrange(len(text))
    return text[:place] + text[start : start + draw.randint(1, most)] + text[place:]
