"""cnncalc analyze: the layer table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cnncalc.analyses.quantities import PER_LAYER, PRINTED, USUAL
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FAILURE, FINDING, Failed, status_of, tell, warn, write
from cnncalc.cli.suffixes import check_suffix
from cnncalc.text import plural, show

if TYPE_CHECKING:
    from cnncalc.analyses.totals import Analysis
    from cnncalc.cli.specs import Spec
    from cnncalc.problem import Refused
    from cnncalc.render.lines import Line
    from cnncalc.render.ranking import Ranking

    # a specification, the network as far as it goes, and why it goes no further
    Done = tuple[Spec, Analysis | None, Refused | None]

ROOMY, WIDE = 100, 130  # terminal columns from which bars, and fields, are shown unasked
FORMATS = ("table", "json", "csv", "markdown", "latex")
SORTABLE = (*PER_LAYER, "saved", "live")
COLUMN_NAMES = ("kind", "fields", "output", *PER_LAYER, "rf", "formula", "share", "saved", "live")


@click.command(
    "analyze",
    epilog=options.examples(
        "cnncalc analyze vgg16",
        "cnncalc analyze net.yaml --columns output,macs,rf --depth 1",
        'cnncalc analyze -e "32x32x3 -> CONV3-16 -> FC-10"',
    ),
)
@options.request(figures=True)
@click.option("--columns", metavar="A,B,...", help="Columns of the table: " + ", ".join(COLUMN_NAMES) + ".")
@click.option("--depth", type=click.IntRange(1, 64), metavar="N", help="Fold blocks below N levels into one line each.")
@click.option(
    "--sort", type=click.Choice(SORTABLE), metavar="COLUMN", help="Largest first: " + ", ".join(SORTABLE) + "."
)
@click.option(
    "--top",
    type=click.IntRange(1),
    metavar="N",
    help="Only the N largest by --sort (params unless given), the rest as one line.",
)
@click.option(
    "--get",
    type=click.Choice(tuple(PRINTED)),
    metavar="QUANTITY",
    help="Print one exact number: " + ", ".join(PRINTED) + ".",
)
@click.option(
    "--as-conv", is_flag=True, help="Turn fc layers into the equivalent convolutions; larger inputs then fit."
)
@click.option("--exact", is_flag=True, help="Exact integers everywhere, no rounded units.")
@click.option(
    "--strict",
    is_flag=True,
    help="Exit with 1 also for a size that is rounded, or a published figure that does not agree.",
)
@options.output(FORMATS)
def command(
    request: Request,
    columns: str | None,
    depth: int | None,
    sort: str | None,
    top: int | None,
    get: str | None,
    as_conv: bool,
    exact: bool,
    strict: bool,
) -> int:
    """Output shape, activations and parameters of every layer of SPEC, with totals.

    SPEC is a YAML or JSON file, `-` for standard input, or the name of a shipped architecture (`cnncalc list`); or a model
    of others: .onnx, .keras, Keras' to_json(), Darknet's .cfg, or torch:MODULE:CALLABLE with --input, which imports MODULE
    (installed, or in the current folder) and so runs it.

    Several SPECs make several tables; CSV makes one, whose first column is the SPEC.
    """
    from cnncalc.analyses.totals import analyze
    from cnncalc.cli.specs import network_of
    from cnncalc.problem import Refused

    check_suffix(request.file, request.form if get is None else "text", FORMATS if get is None else ())
    wanted = _columns(columns)
    ranking = _ranking(sort, top)
    training = not {"saved", "live"}.isdisjoint((*(wanted or ()), sort))
    if request.dtype == "int8" and training:
        raise click.UsageError("the columns saved and live are those of a training step: int8 is no type to train in")
    chosen = options.chosen(request)
    batch, dtype, form, file = request.batch, request.dtype, request.form, request.file
    status = 0
    whole = True  # every SPEC came out as a network
    done: list[Done] = []
    for one in chosen:
        try:
            network = network_of(one, request, as_conv)
        except Refused as refused:
            status, whole = max(status, status_of(refused.problems)), False
            partial = refused.partial if refused.partial is not None and refused.partial.nodes else None
            done.append((one, analyze(partial, batch, dtype) if partial is not None else None, refused))
            continue
        except Failed as failed:
            if len(chosen) == 1:
                raise
            warn(f"error: {failed.format_message()}")
            status, whole = FAILURE, False
            done.append((one, None, None))
            continue
        tell(network.warnings)
        analysis = analyze(network, batch, dtype)
        if training:
            from cnncalc.analyses.memory.peak import columns as with_memory

            analysis = with_memory(analysis)
        done.append((one, analysis, None))
        status = max(status, _verdict(analysis, strict, told=get is None and form not in ("csv", "latex")))
    if whole or file is None or form == "json":
        if get is not None:
            _figures(done, get, file)
        else:
            _print(done, request, wanted, depth, ranking, exact)
    for _, _, reason in done:
        if reason is not None:
            tell(reason.problems)
    if not whole and file is not None and form != "json":
        warn(f"nothing was written to {show(file)}")
    return status


def _columns(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if name not in COLUMN_NAMES:
            from cnncalc.cli.meant import meant

            help = meant(name, COLUMN_NAMES) or "the columns are " + ", ".join(COLUMN_NAMES)
            raise click.BadParameter(f"no column named `{show(name)}`: {help}", param_hint="--columns")
    if not names:
        raise click.BadParameter("name at least one column", param_hint="--columns")
    return tuple(dict.fromkeys(names))


def _ranking(sort: str | None, top: int | None) -> Ranking | None:
    if sort is None and top is None:
        return None
    from cnncalc.render.ranking import Ranking

    return Ranking(sort or "params", top)


def _with(ranking: Ranking | None, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns, and the one that is sorted by."""
    return columns if ranking is None or ranking.column in columns else (*columns, ranking.column)


def _verdict(analysis: Analysis, strict: bool, told: bool) -> int:
    """FINDING where what the file expects is wrong (said here unless it is `told` in the output), or `strict` minds."""
    from cnncalc.analyses.claims import expected, published

    missed = [claim for claim in expected(analysis) if not claim.agrees]
    if missed and not told:
        from cnncalc.render.report import figure

        for claim in missed:
            said = f"{claim.quantity} {show(claim.claimed)}"
            warn(f"expected of {show(claim.source)}: {said} is wrong; computed {figure(claim)}")
    if not strict:
        return FINDING if missed else 0
    rounds = [row for row in analysis.rows for code, _ in row.notes if code.startswith("rounded")]
    wrong = [claim for claim in published(analysis) if not claim.agrees]
    if rounds:
        many = f"{len(rounds)} sizes are" if len(rounds) > 1 else "1 size is"
        warn(f"strict: {many} rounded, first at {show(rounds[0].node.name)}")
    for claim in wrong:
        warn(f"strict: the published {claim.quantity} {show(claim.claimed)} does not agree with {claim.computed:,}")
    return FINDING if missed or rounds or wrong else 0


def _figures(done: Sequence[Done], name: str, file: str | None) -> None:
    """One figure a line; `?` where one of several specifications has none, so that lines and specifications agree."""
    found = [
        _quantity(analysis, name) if analysis is not None and refused is None else "?" for _, analysis, refused in done
    ]
    if len(done) > 1 or done[0][2] is None:
        write("".join(f"{figure}\n" for figure in found), file)


def _quantity(analysis: Analysis, name: str) -> str:
    quantity = PRINTED[name]
    missing = quantity.uncounted(analysis) if quantity.uncounted is not None else 0
    if missing:
        lower = quantity.value(analysis, USUAL)
        warn(f"note: the {quantity.noun} of {plural(missing, 'layer')} are not known: at least {lower:,}")
    return quantity.text(analysis)


def _print(
    done: Sequence[Done],
    request: Request,
    wanted: tuple[str, ...] | None,
    depth: int | None,
    ranking: Ranking | None,
    exact: bool,
) -> None:
    form, file = request.form, request.file
    if form == "json":
        from cnncalc.problem import ONE_LINE
        from cnncalc.render import data

        found = []
        for one, analysis, refused in done:
            if analysis is not None:
                found.append(data.analysis(analysis, refused.problems if refused is not None else (), ranking))
            elif refused is not None:
                found.append(
                    data.refused(ONE_LINE if one.line else one.text, refused.problems, request.batch, request.dtype)
                )
        write(data.to_json(found if len(done) > 1 else found[0]), file)
        return
    shown = [(analysis, refused is not None) for _, analysis, refused in done if analysis is not None]
    if not shown:
        return
    if form == "csv":
        from cnncalc.render.columns import DEFAULT
        from cnncalc.render.data import to_csv

        results = [(one.text, analysis) for one, analysis, _ in done if analysis is not None]
        write(to_csv(results, _with(ranking, wanted or DEFAULT), depth, ranking, several=len(done) > 1), file)
        return
    if form == "table":
        _tables(shown, request, wanted, depth, ranking, exact)
        return
    from cnncalc.render.columns import DEFAULT
    from cnncalc.render.markup import to_latex, to_markdown
    from cnncalc.render.report import Options

    texts = []
    for analysis, partial in shown:
        asked = Options(_with(ranking, wanted or DEFAULT), depth, exact, partial=partial, ranking=ranking)
        texts.append((to_markdown if form == "markdown" else to_latex)(analysis, asked))
    write("\n".join(texts), file)


def _tables(
    shown: Sequence[tuple[Analysis, bool]],
    request: Request,
    wanted: tuple[str, ...] | None,
    depth: int | None,
    ranking: Ranking | None,
    exact: bool,
) -> None:
    from cnncalc.cli.display import glyphs, on_terminal, show_lines, width
    from cnncalc.render.columns import DEFAULT
    from cnncalc.render.report import Options, report

    wide = width() if on_terminal(request.file) else 0
    lines: list[Line] = []
    for analysis, partial in shown:
        columns = wanted or (("fields", *DEFAULT) if wide >= WIDE else DEFAULT)
        asked = Options(
            _with(ranking, columns),
            depth,
            exact,
            bars=wanted is None and wide >= ROOMY,
            partial=partial,
            ranking=ranking,
        )
        lines += [[]] if lines else []
        lines += report(analysis, asked, glyphs(request.file))
    show_lines(lines, request)
