"""Pages about the words of files and tables, for `cnncalc explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncalc.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnncalc.render.lines import Line


def entry(text: str) -> str | None:
    """The word with a name: `rf` is `receptive field`, `$in_width` is `in_channels`. None if there is none."""
    word = text.removeprefix("$").replace("()", "")
    if word in WORDS:
        return word
    for match in (word, word.casefold(), word.casefold().replace("_", " ")):
        for name, page in WORDS.items():
            if match == name or match in page.also.split():
                return name
    return None


def entries(words: Sequence[str]) -> list[str]:
    """The words that the arguments name, alone or together (`receptive field`). Empty if the first names none."""
    whole = entry(" ".join(words))
    if whole is not None:
        return [whole]
    found = [entry(word) for word in words]
    return [] if not found or found[0] is None else [name or "" for name in found]


def names() -> list[str]:
    """All names of all words."""
    return [*WORDS, *[also for page in WORDS.values() for also in page.also.split()]]


def page_lines(word: str, glyphs: dict[str, str]) -> list[Line]:
    """The page of a word: its meaning, and its example with the resulting table."""
    from cnncalc.analyses.totals import analyze
    from cnncalc.problem import Source
    from cnncalc.readers.yaml.reader import read
    from cnncalc.render.report import Options, table

    page = WORDS[word]
    shown: list[Line] = [[(word, "name")], [], [(page.meaning, "")]]
    if page.also:
        shown += [[], [("also: ", "dim"), (", ".join(page.also.split()), "")]]
    if page.command:
        shown += [[], [("for example", "dim")], [(f"    {page.command}", "")]]
    if page.example:
        shown += [[], [("for example", "dim")]]
        shown += [[(f"    {line}", "")] for line in page.example.rstrip("\n").split("\n")]
        analysis = analyze(read(Source("example", page.example)))
        shown += [[], *table(analysis, Options(("output", "params")), glyphs)]
    return shown


def page_data(word: str) -> dict[str, Any]:
    """The page of a word as JSON data."""
    page = WORDS[word]
    return {
        "word": word,
        "meaning": page.meaning,
        "example": page.example,
        "command": page.command,
        "also": page.also.split(),
    }


def summary(word: str) -> str:
    """The first sentence of the page of a word."""
    return WORDS[word].meaning.split(". ")[0].rstrip(".")
