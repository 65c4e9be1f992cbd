"""What `cnncalc explain` prints: pages about layer kinds, error codes and words, and the working of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncalc.analyses import totals
from cnncalc.analyses.totals import Row, analyze
from cnncalc.analyses.working import Fact, working
from cnncalc.codes import CODES
from cnncalc.layers import KINDS
from cnncalc.layers.lookup import foreign_names, variant_help
from cnncalc.problem import ONE_LINE, Refused, Source
from cnncalc.readers.yaml.oneline import parse
from cnncalc.readers.yaml.reader import read, read_tree
from cnncalc.record import Record
from cnncalc.render.explain import fact_data, kind_data, kind_lines, layer_lines, summary
from cnncalc.render.lines import UNICODE, Line, plain
from cnncalc.render.problems import text
from cnncalc.render.report import Options, table
from cnncalc.text import did_you_mean
from cnncalc.words import WORDS

NOUNS = {"kind": "layer kind", "word": "word", "code": "error code"}


class Page(Record):
    """One page. `str()` is what `cnncalc explain` prints.

    Attributes
    ----------
    topic : str
        The kind, code or word.
    about : str
        `kind`, `code` or `word`.
    """

    topic: str
    about: str

    def lines(self, glyphs: dict[str, str] = UNICODE, width: int = 0) -> list[Line]:
        """Return the page as lines of styled spans. Examples of errors are wrapped at `width` cells; 0 means never."""
        if self.about == "kind":
            return _kind_lines(self.topic, glyphs)
        return _code_lines(self.topic, width) if self.about == "code" else _word_lines(self.topic, glyphs)

    def to_dict(self, width: int = 0) -> dict[str, Any]:
        """Return the page as plain data, as in `cnncalc explain --format json`."""
        if self.about == "kind":
            return kind_data(KINDS[self.topic])
        return _code_data(self.topic, width) if self.about == "code" else _word_data(self.topic)

    def __str__(self) -> str:
        return plain(self.lines())

    def __repr__(self) -> str:
        return f"<Page about the {self.about} {self.topic}>"


def explain(topic: str) -> Page:
    """Return the page about a layer kind, an error code, or a word of files and tables.

    Parameters
    ----------
    topic : str
        Such as `conv`, `window-does-not-fit` or `receptive field`.

    Raises
    ------
    KeyError
        If no page has this name.

    Examples
    --------
    >>> import cnncalc
    >>> print(cnncalc.explain("relu"))  # doctest: +ELLIPSIS
    relu
    ...
    """
    page = find(topic)
    if page is None:
        help = next((help for about in NOUNS if (help := suggest(topic, about))), "`cnncalc explain` lists them")
        raise KeyError(f"no page about {topic!r}: {help}")
    return page


def find(topic: str) -> Page | None:
    """Return the page about a kind, a code or a word; None if there is none."""
    named = topics([topic])
    return None if named is None or named[0][0] is None else Page(named[0][0], named[1])


def topics(words: Sequence[str]) -> tuple[list[str | None], str] | None:
    """Return the pages that the arguments of `explain` name, and whether they are kinds, codes or words. The first decides.

    An argument of another sort becomes None. The result is None if the first argument has no page.
    """
    for pages, about in ((CODES, "code"), (KINDS, "kind")):
        if words[0] in pages:
            return [word if word in pages else None for word in words], about
    named = entries(words)
    return ([word or None for word in named], "word") if named else None


def suggest(word: str, about: str) -> str:
    """Return a help text that names a similar kind, word or code, or an empty text."""
    if about == "kind":
        return _suggest_kind(word)
    return did_you_mean(word, names() if about == "word" else CODES)


def _suggest_kind(word: str) -> str:
    """Name a layer kind by its name in another program, or a similar one."""
    folded = word.casefold()
    here = foreign_names().get(folded)
    return (
        f"cnncalc calls it `{here}`{variant_help(here, folded)}"
        if here and here != folded
        else did_you_mean(word, KINDS)
    )


# -- the index -------------------------------------------------------------------------------------------------------


def index_lines() -> list[Line]:
    """The list of all kinds, words and codes."""
    index: list[Line] = [[("layer kinds", "name"), ("  (cnncalc explain KIND)", "dim")]]
    for name, kind in KINDS.items():
        index.append([(f"  {name:<18}", ""), (summary(kind).split("\n")[0].split(". ")[0].rstrip("."), "dim")])
    index += [[], [("words of files and tables", "name"), ("  (cnncalc explain WORD)", "dim")]]
    index += [[(f"  {word:<18}", ""), (WORDS[word].meaning.split(". ")[0].rstrip("."), "dim")] for word in WORDS]
    index += [[], [("error codes", "name"), ("  (cnncalc explain CODE)", "dim")]]
    index += [[(f"  {code:<22}", ""), (page.meaning.split(". ")[0].rstrip("."), "dim")] for code, page in CODES.items()]
    return index


def index_data() -> dict[str, list[str]]:
    """The same as plain data."""
    return {"kinds": list(KINDS), "codes": list(CODES), "words": list(WORDS)}


# -- kinds -----------------------------------------------------------------------------------------------------------


def example_network(example: str) -> str:
    """The specification of a kind's example, which is written `shape -> step`."""
    shape, _, step = example.partition(" -> ")
    return f"input: {shape}\nlayers:\n  - {step}\n"


def _kind_lines(name: str, glyphs: dict[str, str]) -> list[Line]:
    """The page of a kind, with the calculation of its example."""
    kind = KINDS[name]
    written = example_network(kind.example)
    analysis = analyze(read(Source("example", written)))
    example: list[Line] = [[], [("for example", "dim")], *_indented(written), []]
    return [*kind_lines(kind, glyphs), *example, *layer_lines(analysis, analysis.rows[-1:])]


# -- codes -----------------------------------------------------------------------------------------------------------


def _code_lines(code: str, width: int) -> list[Line]:
    page = CODES[code]
    shown: list[Line] = [[(code, "name")], [], [(page.meaning, "")]]
    if page.note:
        shown += [[], [("no example: ", "dim"), (page.note, "")]]
    for title, example in (
        ("example with a mistake", page.wrong),
        ("cnncalc reports", _message(code, width)),
        ("corrected example", page.right),
    ):
        shown += [[], [(title, "dim")], *_indented(example)] if example else []
    return shown


def _code_data(code: str, width: int) -> dict[str, Any]:
    page = CODES[code]
    return {
        "code": code,
        "meaning": page.meaning,
        "wrong": page.wrong,
        "message": _message(code, width),
        "right": page.right,
        "note": page.note,
    }


def _message(code: str, width: int) -> str:
    """What cnncalc reports for the example of a code, in lines of at most `width` cells (0: no limit)."""
    wrong = CODES[code].wrong
    if not wrong:
        return ""
    source = Source(ONE_LINE if code == "bad-line" else "wrong.yaml", wrong)
    try:
        network = read_tree(parse(source), source) if code == "bad-line" else read(source)
    except Refused as refused:
        return text(refused.problems, width)
    return text(network.warnings, width)


def _indented(written: str) -> list[Line]:
    return [[("    " + line, "")] for line in written.rstrip("\n").split("\n")]


# -- words -----------------------------------------------------------------------------------------------------------


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
    matches = [entry(word) for word in words]
    return [] if not matches or matches[0] is None else [name or "" for name in matches]


def names() -> list[str]:
    """All names of all words."""
    return [*WORDS, *[also for page in WORDS.values() for also in page.also.split()]]


def _word_lines(word: str, glyphs: dict[str, str]) -> list[Line]:
    """The page of a word: its meaning, and its example with the resulting table."""
    page = WORDS[word]
    shown: list[Line] = [[(word, "name")], [], [(page.meaning, "")]]
    if page.also:
        shown += [[], [("also: ", "dim"), (", ".join(page.also.split()), "")]]
    if page.command:
        shown += [[], [("for example", "dim")], [(f"    {page.command}", "")]]
    if page.example:
        shown += [[], [("for example", "dim")], *_indented(page.example)]
        analysis = analyze(read(Source("example", page.example)))
        shown += [[], *table(analysis, Options(("output", "params")), glyphs)]
    return shown


def _word_data(word: str) -> dict[str, Any]:
    page = WORDS[word]
    return {
        "word": word,
        "meaning": page.meaning,
        "example": page.example,
        "command": page.command,
        "also": page.also.split(),
    }


class Explanation(Record):
    """How the figures of some layers are calculated. `str()` shows each formula with its numbers."""

    analysis: totals.Analysis
    rows: tuple[Row, ...]

    @property
    def facts(self) -> dict[str, list[Fact]]:
        """The lines of working, by the name of the layer.

        Each line has a `label`, the formula in `letters` and in `numbers`, the `result` and a `remark`.
        """
        return {row.node.name: working(self.analysis, row) for row in self.rows}

    def lines(self) -> list[Line]:
        """Return the text as lines of styled spans, for a terminal."""
        return layer_lines(self.analysis, self.rows)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the working as in the JSON of `cnncalc explain`."""
        return [
            {
                "name": row.node.name,
                "kind": row.node.kind,
                "working": [fact_data(fact) for fact in working(self.analysis, row)],
            }
            for row in self.rows
        ]

    def __str__(self) -> str:
        return plain(self.lines())

    def __repr__(self) -> str:
        return f"<Explanation of {', '.join(row.node.name for row in self.rows[:5])}>"
