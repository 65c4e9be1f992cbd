"""cnncalc explain: the working of layers, and the pages of kinds and error codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cnncalc.cli import options
from cnncalc.cli.run import FINDING, Failed, tell

if TYPE_CHECKING:
    from cnncalc.analyses.totals import Analysis, Row
    from cnncalc.render.lines import Line


@click.command(
    "explain",
    epilog="Examples: cnncalc explain vgg16 Stage1.conv1; cnncalc explain net.yaml conv2 fc1; cnncalc explain conv; "
    "cnncalc explain window-does-not-fit",
)
@options.spec_argument()
@options.specs
@options.figures
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to print."
)
@options.output
def command(
    spec: tuple[str, ...],
    lines: tuple[str, ...],
    parameters: tuple[str, ...],
    inputs: tuple[str, ...],
    batch: int,
    dtype: str,
    form: str,
    file: str | None,
    no_color: bool,
) -> int:
    """Show the working: SPEC [LAYER...] for layers, or the name of a layer kind, or an error code.

    LAYER is a name from the table (`Stage1.conv1`), its last part (`conv1`: all of them) or a block (`Stage1`).
    Without LAYER every layer is explained; without anything the kinds and codes are listed.
    """
    from cnncalc.codes import CODES
    from cnncalc.layers import KINDS

    if not spec and not lines:
        return _print(_index(), {"kinds": list(KINDS), "codes": list(CODES)}, form, file, no_color)
    if spec and not lines and spec[0] in CODES:
        return _codes(spec, form, file, no_color)
    if spec and not lines and spec[0] in KINDS:
        return _kinds(spec, form, file, no_color)
    return _layers(spec, lines, (parameters, inputs), (batch, dtype), form, file, no_color)


def _print(shown: list[Line], data: Any, form: str, file: str | None, no_color: bool) -> int:
    if form == "json":
        from cnncalc.cli.run import write
        from cnncalc.render.data import to_json

        write(to_json(data), file)
    else:
        from cnncalc.cli.display import show_lines

        show_lines(shown, file, no_color)
    return 0


def _index() -> list[Line]:
    from cnncalc.codes import CODES
    from cnncalc.layers import KINDS
    from cnncalc.render.explain import summary

    found: list[Line] = [[("layer kinds", "name"), ("  (cnncalc explain KIND)", "dim")]]
    for name, kind in KINDS.items():
        found.append([(f"  {name:<18}", ""), (summary(kind).split("\n")[0].split(". ")[0].rstrip("."), "dim")])
    found += [[], [("error codes", "name"), ("  (cnncalc explain CODE)", "dim")]]
    found += [[(f"  {code:<22}", ""), (page.meaning.split(". ")[0].rstrip("."), "dim")] for code, page in CODES.items()]
    return found


def _codes(words: tuple[str, ...], form: str, file: str | None, no_color: bool) -> int:
    from cnncalc.codes import CODES
    from cnncalc.problem import Refused, Source
    from cnncalc.render.problems import text
    from cnncalc.spec.file import read, read_tree
    from cnncalc.spec.oneline import parse

    shown: list[Line] = []
    data = []
    for word in words:
        page = CODES.get(word)
        if page is None:
            raise Failed(f"no error code named `{word}`; `cnncalc explain` lists them")
        shown += [[], *([[]] if shown else [])] if shown else []
        shown += [[(word, "name")], [], [(page.meaning, "")]]
        message = ""
        if page.wrong:
            source = Source("wrong.yaml" if word != "bad-line" else "<-e>", page.wrong)
            try:
                read_tree(parse(source), source) if word == "bad-line" else read(source)
            except Refused as refused:
                message = text(refused.problems)
            shown += [
                [],
                [("for example, this", "dim")],
                *_indented(page.wrong),
                [],
                [("is answered by", "dim")],
                *_indented(message),
            ]
            shown += [[], [("and this is right", "dim")], *_indented(page.right)]
        data.append(
            {"code": word, "meaning": page.meaning, "wrong": page.wrong, "message": message, "right": page.right}
        )
    return _print(shown, data if len(data) > 1 else data[0], form, file, no_color)


def _indented(text: str) -> list[Line]:
    return [[("    " + line, "")] for line in text.rstrip("\n").split("\n")]


def _kinds(words: tuple[str, ...], form: str, file: str | None, no_color: bool) -> int:
    from cnncalc.cli.display import glyphs
    from cnncalc.layers import KINDS
    from cnncalc.render.explain import kind_data, kind_lines

    shown: list[Line] = []
    data = []
    for word in words:
        kind = KINDS.get(word)
        if kind is None:
            raise Failed(f"no layer kind named `{word}`; `cnncalc explain` lists them")
        shown += [[]] if shown else []
        shown += kind_lines(kind, glyphs(file))
        shown += _example(kind.example)
        data.append(kind_data(kind))
    return _print(shown, data if len(data) > 1 else data[0], form, file, no_color)


def example_network(example: str) -> str:
    """The specification behind a kind's example, `shape -> step`."""
    shape, _, step = example.partition(" -> ")
    return f"input: {shape}\nlayers:\n  - {step}\n"


def _example(example: str) -> list[Line]:
    """The example of a kind, with its working."""
    from cnncalc.analyses.totals import analyze
    from cnncalc.problem import Source
    from cnncalc.render.explain import layer_lines
    from cnncalc.spec.file import read

    text = example_network(example)
    analysis = analyze(read(Source("example", text)))
    return [[], [("for example", "dim")], *_indented(text), [], *layer_lines(analysis, analysis.rows[-1:])]


def _layers(
    spec: tuple[str, ...],
    lines: tuple[str, ...],
    given: tuple[tuple[str, ...], tuple[str, ...]],
    figures: tuple[int, str],
    form: str,
    file: str | None,
    no_color: bool,
) -> int:
    from cnncalc.analyses.totals import analyze
    from cnncalc.analyses.working import working
    from cnncalc.cli.specs import Spec, network_of
    from cnncalc.problem import Refused
    from cnncalc.render.explain import fact_data, layer_lines

    one = Spec(lines[0], line=True) if lines else Spec(spec[0])
    wanted = spec if lines else spec[1:]
    status = 0
    try:
        network = network_of(one, *given)
    except Refused as refused:
        tell(refused.problems)
        if refused.partial is None or not refused.partial.nodes:
            return FINDING
        network, status = refused.partial, FINDING
    tell(network.warnings)
    analysis = analyze(network, *figures)
    rows = _chosen(analysis, wanted)
    data = [
        {"name": row.node.name, "kind": row.node.kind, "working": [fact_data(fact) for fact in working(analysis, row)]}
        for row in rows
    ]
    return max(status, _print(layer_lines(analysis, rows), data, form, file, no_color))


def _chosen(analysis: Analysis, wanted: tuple[str, ...]) -> list[Row]:
    """The rows that the names mean: a full name, a last part, or a block.

    Raises:
        Failed: where a name means nothing.
    """
    if not wanted:
        return list(analysis.rows)
    found: list[Row] = []
    for word in wanted:
        matching = [
            row
            for row in analysis.rows
            if row.node.name == word or row.node.name.endswith("." + word) or row.node.name.startswith(word + ".")
        ]
        if not matching:
            from cnncalc.text import did_you_mean, show

            names = [row.node.name for row in analysis.rows]
            help = did_you_mean(word, [*names, *{name.rpartition(".")[2] for name in names}])
            raise Failed(f"no layer named `{show(word)}`: {help or '`cnncalc analyze` shows the names'}")
        found += [row for row in matching if row not in found]
    return found
