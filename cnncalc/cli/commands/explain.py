"""`cnncalc explain`: the calculations of layers, and the pages of kinds, words and error codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, print_problems, status_of
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
    """Show how the figures of layers are calculated (SPEC [LAYER...]), or explain a layer kind, an error code or a word.

    LAYER is a name from the table (`Stage1.conv1`), its last part (`conv1`, which may match several layers) or a block
    (`Stage1`). Without LAYER, every layer is explained. Without arguments, the kinds, words and codes are listed.
    """
    from cnncalc.cli.word_pages import entries
    from cnncalc.codes import CODES
    from cnncalc.layers import KINDS
    from cnncalc.words import WORDS

    check_suffix(request.file, request.form, FORMATS)
    spec, lines = request.words, request.lines
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
        raise click.UsageError("explain takes one network: write -e LINE only once")
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

    index: list[Line] = [[("layer kinds", "name"), ("  (cnncalc explain KIND)", "dim")]]
    for name, kind in KINDS.items():
        index.append([(f"  {name:<18}", ""), (summary(kind).split("\n")[0].split(". ")[0].rstrip("."), "dim")])
    index += [[], [("words of files and tables", "name"), ("  (cnncalc explain WORD)", "dim")]]
    index += [[(f"  {word:<18}", ""), (summary_of_word(word), "dim")] for word in WORDS]
    index += [[], [("error codes", "name"), ("  (cnncalc explain CODE)", "dim")]]
    index += [[(f"  {code:<22}", ""), (page.meaning.split(". ")[0].rstrip("."), "dim")] for code, page in CODES.items()]
    return index


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
            ("example with a mistake", page.wrong),
            ("cnncalc reports", message),
            ("corrected example", page.right),
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
            raise Failed(f"no word named `{show(written)}`: {did_you_mean(written, names()) or LISTED}")
        shown += [[]] if shown else []
        shown += page_lines(word, glyphs(request.file))
    data = [page_data(word) for word in words]
    return _print(shown, data if len(data) > 1 else data[0], request)


def _answer(code: str, wrong: str, width: int) -> str:
    """What cnncalc reports for the example of a code, in lines of at most `width` cells (0: no limit)."""
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
            raise Failed(f"no layer kind named `{show(word)}`: {_suggest_kind(word) or LISTED}")
        shown += [[]] if shown else []
        shown += kind_lines(kind, glyphs(request.file))
        shown += _example(kind.example)
        data.append(kind_data(kind))
    return _print(shown, data if len(data) > 1 else data[0], request)


def example_network(example: str) -> str:
    """The specification of a kind's example, which is written `shape -> step`."""
    shape, _, step = example.partition(" -> ")
    return f"input: {shape}\nlayers:\n  - {step}\n"


def _example(example: str) -> list[Line]:
    """The example of a kind, with its calculation."""
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
    from cnncalc.cli.specs import network_of, print_notes
    from cnncalc.loading import Spec
    from cnncalc.problem import Refused
    from cnncalc.render.explain import fact_data, layer_lines

    lines, words = request.lines, request.words
    spec = Spec(lines[0], line=True) if lines else Spec(words[0])
    names = words if lines else words[1:]
    status = 0
    try:
        network = network_of(spec, request)
    except Failed:
        help = "" if lines else _suggest(spec.text)
        if help:
            raise Failed(f"unknown name `{show(spec.text)}`: {help}") from None
        raise
    except Refused as refused:
        print_problems(refused.problems)
        status = status_of(refused.problems)
        if refused.partial is None or not refused.partial.nodes:
            return status
        network = refused.partial
    print_notes(network)
    analysis = analyze(network, request.batch, request.dtype)
    rows = _rows_named(analysis, names)
    data = [
        {"name": row.node.name, "kind": row.node.kind, "working": [fact_data(fact) for fact in working(analysis, row)]}
        for row in rows
    ]
    return max(status, _print(layer_lines(analysis, rows), data, request))


def _rows_named(analysis: Analysis, names: tuple[str, ...]) -> list[Row]:
    """The rows with the given names, each a full name, a last part or a block.

    Raises:
        Failed: If no layer has one of the names.
    """
    if not names:
        return list(analysis.rows)
    rows: dict[int, Row] = {}
    for word in names:
        matching = [
            row
            for row in analysis.rows
            if row.node.name == word or row.node.name.endswith("." + word) or row.node.name.startswith(word + ".")
        ]
        if not matching:
            known = [row.node.name for row in analysis.rows]
            help = did_you_mean(word, [*known, *{name.rpartition(".")[2] for name in known}])
            raise Failed(f"no layer named `{show(word)}`: {help or '`cnncalc analyze` shows the names'}")
        rows.update((row.node.index, row) for row in matching)
    return list(rows.values())


def _suggest_kind(word: str) -> str:
    """A help text that names a layer kind by its name in another program or by a similar name, or an empty text."""
    from cnncalc.layers import KINDS
    from cnncalc.layers.lookup import foreign_names, variant_help

    folded = word.casefold()
    here = foreign_names().get(folded)
    return (
        f"cnncalc calls it `{here}`{variant_help(here, folded)}"
        if here and here != folded
        else did_you_mean(word, KINDS)
    )


def _suggest(word: str) -> str:
    """The same for the first word, which may also be an error code or a word. Empty if it is the name of a network."""
    import os

    from cnncalc import shelf
    from cnncalc.cli.word_pages import names
    from cnncalc.codes import CODES
    from cnncalc.loading import SUFFIXES

    plain = word.replace("-", "_").isidentifier() and shelf.path(word) is None
    if not plain or any(os.path.isfile(word + suffix) for suffix in SUFFIXES):
        return ""
    listed = "`cnncalc explain` lists the kinds, words and codes, and `cnncalc list` the architectures"
    return _suggest_kind(word) or did_you_mean(word, (*names(), *CODES, *shelf.names())) or listed
