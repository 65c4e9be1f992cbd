"""`cnncalc analyze`: the table of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cnncalc.api.specs import PER_LAYER, PRINTED
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FAILURE, FINDING, Failed, print_error, print_message, print_problems, status_of, write
from cnncalc.cli.suffixes import check_suffix
from cnncalc.text import plural, show

if TYPE_CHECKING:
    from cnncalc.api.analysis import Analysis
    from cnncalc.api.errors import CnncalcError
    from cnncalc.api.files.stored import StoredParameters
    from cnncalc.api.specs import Spec
    from cnncalc.problem import Problem
    from cnncalc.render.lines import Line
    from cnncalc.render.ranking import Ranking

    # a specification, the analysis of the network or of its valid part, and the error, if there is one
    Result = tuple[Spec, Analysis | None, CnncalcError | None]

ROOMY, WIDE = 100, 130  # minimum terminal columns for bars and for fields to be shown by default
FORMATS = ("table", "json", "csv", "markdown", "latex")
SORTABLE = (*PER_LAYER, "saved", "live", "moved")
COLUMN_NAMES = ("kind", "fields", "output", *PER_LAYER, "rf", "formula", "share", "saved", "live", "moved", "intensity")


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
@click.option("--depth", type=click.IntRange(1, 64), metavar="N", help="Fold blocks below level N into one line each.")
@click.option(
    "--sort",
    type=click.Choice(SORTABLE),
    metavar="COLUMN",
    help="Sort by this column, largest first: " + ", ".join(SORTABLE) + ".",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    metavar="N",
    help="Show only the N largest by --sort (default: params), and combine the others into one line.",
)
@click.option(
    "--get",
    type=click.Choice(tuple(PRINTED)),
    metavar="QUANTITY",
    help="Print one exact number: " + ", ".join(PRINTED) + ".",
)
@click.option("--as-conv", is_flag=True, help="Turn fc layers into equivalent convolutions, so that larger inputs fit.")
@click.option("--exact", is_flag=True, help="Print exact integers everywhere instead of rounded figures.")
@click.option(
    "--strict",
    is_flag=True,
    help="Also exit with status 1 if a size is rounded or a published figure does not agree.",
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
    """Print the output shape, activations and parameters of every layer of SPEC, with totals.

    SPEC is a YAML or JSON file, `-` for standard input, or the name of a shipped architecture (see `cnncalc list`). It can
    also be a model in another format: .onnx, .pt2, .tflite, .keras, JSON from Keras' to_json(), Darknet's .cfg,
    Caffe's .prototxt, a model file of Ultralytics YOLO, a config.json of Hugging Face or its folder, or torch:MODULE:CALLABLE
    with --input. The last one imports MODULE, which is installed or in the current folder, and so runs its code.

    With several SPECs, each gets its own table, except that CSV is one table, whose first column is the SPEC.
    """
    from cnncalc.api.errors import CnncalcError
    from cnncalc.cli.specs import network_of

    check_suffix(request.file, request.form if get is None else "text", FORMATS if get is None else (), writers=True)
    selected = _columns(columns)
    ranking = _ranking(sort, top)
    training = not {"saved", "live"}.isdisjoint((*(selected or ()), sort))
    if request.dtype == "int8" and training:
        raise click.UsageError("the columns saved and live are about training, which int8 cannot be used for")
    specs = request.specs()
    batch, dtype, form, file = request.batch, request.dtype, request.form, request.file
    status = 0
    whole = True  # False if a SPEC gave no network
    results: list[Result] = []
    for spec in specs:
        try:
            network = network_of(spec, request, as_conv=as_conv)
        except CnncalcError as error:
            status, whole = max(status, status_of(error)), False
            results.append((spec, None if error.partial is None else error.partial.at(batch, dtype), error))
            continue
        except Failed as failed:
            if len(specs) == 1:
                raise
            print_message(f"error: {failed.format_message()}")
            status, whole = FAILURE, False
            results.append((spec, None, None))
            continue
        print_problems(network.warnings)
        analysis = network.analyze(batch, dtype, training=training)
        results.append((spec, analysis, None))
        status = max(status, _verdict(analysis, strict, shown=get is None and form not in ("csv", "latex")))
    if whole or file is None or form == "json":
        if get is not None:
            _figures(results, get, file)
        else:
            _print(results, request, selected, depth, ranking, exact)
    for _, _, reason in results:
        if reason is not None:
            print_error(reason)
    if not whole and file is not None and form != "json":
        print_message(f"nothing was written to {show(file)}")
    return status


def _columns(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if name not in COLUMN_NAMES:
            from cnncalc.cli.suggestions import suggest

            help = suggest(name, COLUMN_NAMES) or "the columns are " + ", ".join(COLUMN_NAMES)
            raise click.BadParameter(f"no column named `{show(name)}`: {help}", param_hint="--columns")
    if not names:
        raise click.BadParameter("name at least one column", param_hint="--columns")
    return tuple(dict.fromkeys(names))


def _ranking(sort: str | None, top: int | None) -> Ranking | None:
    if sort is None and top is None:
        return None
    from cnncalc.render.ranking import Ranking

    return Ranking(sort or "params", top)


def _with_sort_column(ranking: Ranking | None, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns, including the one to sort by."""
    return columns if ranking is None or ranking.column in columns else (*columns, ranking.column)


def _verdict(analysis: Analysis, strict: bool, shown: bool) -> int:
    """FINDING if an `expect` of the file does not hold, or if `strict` applies.

    Prints the reasons on standard error, but not the failed `expect` if they are `shown` in the output.
    """
    failed = [claim for claim in analysis.expected if not claim.agrees]
    if failed and not shown:
        from cnncalc.render.report import figure

        for claim in failed:
            expectation = f"expected {claim.quantity} {show(claim.claimed)}"
            print_message(f"{show(claim.source)}: {expectation}, computed {figure(claim)}")
    if not strict:
        return FINDING if failed else 0
    rounds = [row for row in analysis.rows for code, _ in row.notes if code.startswith("rounded")]
    wrong = [claim for claim in analysis.published if not claim.agrees]
    if rounds:
        sizes = f"{len(rounds)} sizes are" if len(rounds) > 1 else "1 size is"
        print_message(f"strict: {sizes} rounded; the first is at {show(rounds[0].node.name)}")
    for claim in wrong:
        print_message(f"strict: published {claim.quantity} {show(claim.claimed)}, computed {claim.computed:,}")
    return FINDING if failed or rounds or wrong else 0


def _figures(results: Sequence[Result], name: str, file: str | None) -> None:
    """Write one figure per line. A specification without the figure gets `?`, so that lines match specifications."""
    figures = [
        _quantity(analysis, name) if analysis is not None and refused is None else "?"
        for _, analysis, refused in results
    ]
    if len(results) > 1 or results[0][2] is None:
        write("".join(f"{figure}\n" for figure in figures), file)


def _quantity(analysis: Analysis, name: str) -> str:
    quantity = PRINTED[name]
    missing = quantity.uncounted(analysis) if quantity.uncounted is not None else 0
    if missing:
        least = f"the total is at least {quantity.lower_bound(analysis):,}"
        print_message(f"note: the {quantity.noun} of {plural(missing, 'layer')} are unknown; {least}")
    return quantity.text(analysis)


def _print(
    results: Sequence[Result],
    request: Request,
    selected: tuple[str, ...] | None,
    depth: int | None,
    ranking: Ranking | None,
    exact: bool,
) -> None:
    form, file = request.form, request.file
    if form == "json":
        from cnncalc.problem import ONE_LINE
        from cnncalc.render import data

        objects = []
        for spec, analysis, refused in results:
            if analysis is not None:
                objects.append(data.analysis(analysis, _problems(refused), ranking))
            elif refused is not None:
                content = data.refused(
                    ONE_LINE if spec.line else spec.text, _problems(refused), request.batch, request.dtype
                )
                objects.append(content if refused.stored is None else {**content, "stored": refused.stored.to_dict()})
        write(data.to_json(objects if len(results) > 1 else objects[0]), file)
        return
    shown = [(analysis, refused is not None) for _, analysis, refused in results if analysis is not None]
    stored = [reason.stored for _, _, reason in results if reason is not None and reason.stored is not None]
    if not shown and not (stored and form == "table"):
        return
    if form == "csv":
        from cnncalc.render.columns import DEFAULT
        from cnncalc.render.data import to_csv

        named = [(spec.text, analysis) for spec, analysis, _ in results if analysis is not None]
        write(
            to_csv(named, _with_sort_column(ranking, selected or DEFAULT), depth, ranking, several=len(results) > 1),
            file,
        )
        return
    if form == "table":
        _tables(shown, stored, request, selected, depth, ranking, exact)
        return
    from cnncalc.render.columns import DEFAULT
    from cnncalc.render.markup import to_latex, to_markdown
    from cnncalc.render.report import Options

    texts = []
    for analysis, partial in shown:
        report_options = Options(
            _with_sort_column(ranking, selected or DEFAULT), depth, exact, partial=partial, ranking=ranking
        )
        texts.append((to_markdown if form == "markdown" else to_latex)(analysis, report_options))
    write("\n".join(texts), file)


def _problems(error: CnncalcError | None) -> list[Problem]:
    return [] if error is None else [problem.problem for problem in error.problems]


def _tables(
    shown: Sequence[tuple[Analysis, bool]],
    stored: Sequence[StoredParameters],
    request: Request,
    selected: tuple[str, ...] | None,
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
        columns = selected or (("fields", *DEFAULT) if wide >= WIDE else DEFAULT)
        report_options = Options(
            _with_sort_column(ranking, columns),
            depth,
            exact,
            bars=selected is None and wide >= ROOMY,
            partial=partial,
            ranking=ranking,
        )
        lines += [[]] if lines else []
        lines += report(analysis, report_options, glyphs(request.file))
    for parameters in stored:
        lines += [[]] if lines else []
        lines += parameters.lines(glyphs(request.file))
    show_lines(lines, request)
