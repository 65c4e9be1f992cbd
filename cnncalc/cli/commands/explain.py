"""cnncalc explain: the working of layers, and the pages of kinds and error codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, status_of, tell
from cnncalc.cli.suffixes import check_suffix
from cnncalc.text import did_you_mean, show

if TYPE_CHECKING:
    from cnncalc.analyses.totals import Analysis, Row
    from cnncalc.render.lines import Line

LISTED = "`cnncalc explain` lists them"


FORMATS = ("text", "json")


@click.command(
    "explain",
    epilog=options.examples(
        "cnncalc explain vgg16 Stage1.conv1",
        "cnncalc explain net.yaml conv2 fc1",
        "cnncalc explain conv",
        "cnncalc explain receptive field",
        "cnncalc explain window-does-not-fit",
    ),
)
@options.request(figures=True)
@options.output(FORMATS)
def command(request: Request) -> int:
    """Show the working: SPEC [LAYER...] for layers, or explain a layer kind, an error code, or a word of files and tables.

    LAYER is a name from the table (`Stage1.conv1`), its last part (`conv1`: all of them) or a block (`Stage1`).
    Without LAYER every layer is explained; without anything the kinds, words and codes are listed.
    """
    from cnncalc.cli.word_pages import entries
    from cnncalc.codes import CODES
    from cnncalc.layers import KINDS
    from cnncalc.words import WORDS

    check_suffix(request.file, request.form, FORMATS)
    spec, lines = request.spec, request.lines
    if not spec and not lines:
        data = {"kinds": list(KINDS), "codes": list(CODES), "words": list(WORDS)}
        return _print(_index(), data, request)
    if spec and not lines and spec[0] in CODES:
        return _codes(spec, request)
    if spec and not lines and spec[0] in KINDS:
        return _kinds(spec, request)
    if spec and not lines and (words := entries(spec)):
        return _words(spec, words, request)
    if len(lines) > 1:
        raise click.UsageError("explain takes one network: write one -e LINE")
    return _layers(request)


def _print(shown: list[Line], data: Any, request: Request) -> int:
    if request.form == "json":
        from cnncalc.cli.run import write
        from cnncalc.render.data import to_json

        write(to_json(data), request.file)
    else:
        from cnncalc.cli.display import show_lines

        show_lines(shown, request)
    return 0


def _index() -> list[Line]:
    from cnncalc.cli.word_pages import summary as summary_of_word
    from cnncalc.codes import CODES
    from cnncalc.layers import KINDS
    from cnncalc.render.explain import summary
    from cnncalc.words import WORDS

    found: list[Line] = [[("layer kinds", "name"), ("  (cnncalc explain KIND)", "dim")]]
    for name, kind in KINDS.items():
        found.append([(f"  {name:<18}", ""), (summary(kind).split("\n")[0].split(". ")[0].rstrip("."), "dim")])
    found += [[], [("words of files and tables", "name"), ("  (cnncalc explain WORD)", "dim")]]
    found += [[(f"  {word:<18}", ""), (summary_of_word(word), "dim")] for word in WORDS]
    found += [[], [("error codes", "name"), ("  (cnncalc explain CODE)", "dim")]]
    found += [[(f"  {code:<22}", ""), (page.meaning.split(". ")[0].rstrip("."), "dim")] for code, page in CODES.items()]
    return found


def _codes(words: tuple[str, ...], request: Request) -> int:
    from cnncalc.cli.display import room
    from cnncalc.codes import CODES

    shown: list[Line] = []
    data = []
    for word in words:
        page = CODES.get(word)
        if page is None:
            raise Failed(f"no error code named `{show(word)}`: {did_you_mean(word, CODES) or LISTED}")
        wide = room(request.file)
        message = _answer(word, page.wrong, wide and max(wide - 4, 1)) if page.wrong else ""
        shown += [[], []] if shown else []
        shown += [[(word, "name")], [], [(page.meaning, "")]]
        if page.note:
            shown += [[], [("no example: ", "dim"), (page.note, "")]]
        for title, text in (
            ("for example, this", page.wrong),
            ("is answered by", message),
            ("and this is right", page.right),
        ):
            shown += [[], [(title, "dim")], *_indented(text)] if text else []
        data.append(
            {
                "code": word,
                "meaning": page.meaning,
                "wrong": page.wrong,
                "message": message,
                "right": page.right,
                "note": page.note,
            }
        )
    return _print(shown, data if len(data) > 1 else data[0], request)


def _words(spec: tuple[str, ...], words: list[str], request: Request) -> int:
    from cnncalc.cli.display import glyphs
    from cnncalc.cli.word_pages import names, page_data, page_lines

    shown: list[Line] = []
    for written, word in zip(spec, words, strict=False):
        if not word:
            raise Failed(
                f"no word of files or tables named `{show(written)}`: {did_you_mean(written, names()) or LISTED}"
            )
        shown += [[]] if shown else []
        shown += page_lines(word, glyphs(request.file))
    data = [page_data(word) for word in words]
    return _print(shown, data if len(data) > 1 else data[0], request)


def _answer(code: str, wrong: str, width: int) -> str:
    """What cnncalc says of the example of a code, on lines of so many cells (0: no end)."""
    from cnncalc.problem import ONE_LINE, Refused, Source
    from cnncalc.readers.yaml.oneline import parse
    from cnncalc.readers.yaml.reader import read, read_tree
    from cnncalc.render.problems import text

    source = Source(ONE_LINE if code == "bad-line" else "wrong.yaml", wrong)
    try:
        network = read_tree(parse(source), source) if code == "bad-line" else read(source)
    except Refused as refused:
        return text(refused.problems, width)
    return text(network.warnings, width)


def _indented(text: str) -> list[Line]:
    return [[("    " + line, "")] for line in text.rstrip("\n").split("\n")]


def _kinds(words: tuple[str, ...], request: Request) -> int:
    from cnncalc.cli.display import glyphs
    from cnncalc.layers import KINDS
    from cnncalc.render.explain import kind_data, kind_lines

    shown: list[Line] = []
    data = []
    for word in words:
        kind = KINDS.get(word)
        if kind is None:
            raise Failed(f"no layer kind named `{show(word)}`: {_kind_meant(word) or LISTED}")
        shown += [[]] if shown else []
        shown += kind_lines(kind, glyphs(request.file))
        shown += _example(kind.example)
        data.append(kind_data(kind))
    return _print(shown, data if len(data) > 1 else data[0], request)


def example_network(example: str) -> str:
    """The specification behind a kind's example, `shape -> step`."""
    shape, _, step = example.partition(" -> ")
    return f"input: {shape}\nlayers:\n  - {step}\n"


def _example(example: str) -> list[Line]:
    """The example of a kind, with its working."""
    from cnncalc.analyses.totals import analyze
    from cnncalc.problem import Source
    from cnncalc.readers.yaml.reader import read
    from cnncalc.render.explain import layer_lines

    text = example_network(example)
    analysis = analyze(read(Source("example", text)))
    return [[], [("for example", "dim")], *_indented(text), [], *layer_lines(analysis, analysis.rows[-1:])]


def _layers(request: Request) -> int:
    from cnncalc.analyses.totals import analyze
    from cnncalc.analyses.working import working
    from cnncalc.cli.specs import Spec, announce, network_of
    from cnncalc.problem import Refused
    from cnncalc.render.explain import fact_data, layer_lines

    lines, spec = request.lines, request.spec
    one = Spec(lines[0], line=True) if lines else Spec(spec[0])
    wanted = spec if lines else spec[1:]
    status = 0
    try:
        network = network_of(one, request)
    except Failed:
        meant = "" if lines else _meant(one.text)
        if meant:
            raise Failed(f"nothing is named `{show(one.text)}`: {meant}") from None
        raise
    except Refused as refused:
        tell(refused.problems)
        status = status_of(refused.problems)
        if refused.partial is None or not refused.partial.nodes:
            return status
        network = refused.partial
    announce(network)
    analysis = analyze(network, request.batch, request.dtype)
    rows = _chosen(analysis, wanted)
    data = [
        {"name": row.node.name, "kind": row.node.kind, "working": [fact_data(fact) for fact in working(analysis, row)]}
        for row in rows
    ]
    return max(status, _print(layer_lines(analysis, rows), data, request))


def _chosen(analysis: Analysis, wanted: tuple[str, ...]) -> list[Row]:
    """The rows that the names mean: a full name, a last part, or a block.

    Raises:
        Failed: where a name means nothing.
    """
    if not wanted:
        return list(analysis.rows)
    found: dict[int, Row] = {}
    for word in wanted:
        matching = [
            row
            for row in analysis.rows
            if row.node.name == word or row.node.name.endswith("." + word) or row.node.name.startswith(word + ".")
        ]
        if not matching:
            names = [row.node.name for row in analysis.rows]
            help = did_you_mean(word, [*names, *{name.rpartition(".")[2] for name in names}])
            raise Failed(f"no layer named `{show(word)}`: {help or '`cnncalc analyze` shows the names'}")
        found.update((row.node.index, row) for row in matching)
    return list(found.values())


def _kind_meant(word: str) -> str:
    """A help sentence naming the layer kind that somebody meant, by its name elsewhere or by likeness."""
    from cnncalc.layers import KINDS
    from cnncalc.layers.lookup import foreign_names, variant_help

    folded = word.casefold()
    here = foreign_names().get(folded)
    return (
        f"cnncalc calls it `{here}`{variant_help(here, folded)}"
        if here and here != folded
        else did_you_mean(word, KINDS)
    )


def _meant(word: str) -> str:
    """The same for the first word of all, which may also be an error code; empty where it looks like a file."""
    import os

    from cnncalc.cli.specs import SUFFIXES
    from cnncalc.cli.word_pages import names
    from cnncalc.codes import CODES

    if os.sep in word or "." in word or any(os.path.isfile(word + suffix) for suffix in SUFFIXES):
        return ""
    return _kind_meant(word) or did_you_mean(word, names()) or did_you_mean(word, CODES)
