"""`cnncalc report`: everything about a network in one file to share."""

from __future__ import annotations

import os
import sys

import click

from cnncalc.api.choices import OPTIMIZERS
from cnncalc.api.files.reports import FORMATS
from cnncalc.cli import options
from cnncalc.cli.limits import distinct, read_limits, usual_limits
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, write
from cnncalc.cli.suffixes import check_suffix


@click.command(
    "report",
    epilog=options.examples(
        "cnncalc report vgg16 -o vgg16.html",
        "cnncalc report net.yaml@HEAD~1 net.yaml -o changes.md",
        "cnncalc report resnet50 --batch 32 --optimizer adam -o resnet50.html",
        "cnncalc report net.yaml --max-params 500k -o net.html",
    ),
)
@options.request(figures=True)
@click.option(
    "--optimizer",
    type=click.Choice(list(OPTIMIZERS)),
    default="sgd",
    show_default=True,
    metavar="NAME",
    help="Optimizer whose state is counted in training memory.",
)
@click.option(
    "--max-params", metavar="N", help="Maximum number of parameters, such as 500k. The report shows how to keep it."
)
@click.option("--max-macs", metavar="N", help="Maximum number of multiply-accumulates, such as 4G.")
@click.option("--max-memory", metavar="SIZE", help="Maximum peak memory of a training step, such as 8GB.")
@click.option(
    "--max",
    "maxima",
    multiple=True,
    metavar="QUANTITY=N",
    help="Maximum of any quantity, as for `cnncalc advise`. May be repeated.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    metavar="FORMAT",
    help="html: one page. markdown: a section of a README or a comment, with the picture in a file next to it. By default "
    "the suffix of FILE decides.",
)
@options.output_file
def command(
    request: Request,
    optimizer: str,
    max_params: str | None,
    max_macs: str | None,
    max_memory: str | None,
    maxima: tuple[str, ...],
) -> int:
    """Write a report about SPEC: its picture, every layer with its working, totals, memory and receptive field.

    The page is one file that loads nothing from elsewhere, so it opens from an e-mail attachment, works offline and
    prints well. Point at a layer in the picture to find it in the table, unfold its row to see how its figures are
    calculated, and move along the memory curve to see what is alive. With several SPECs, the report begins with their
    comparison. With limits, it shows the first change that meets them.
    """
    from cnncalc.api.advice.advised import QUANTITIES
    from cnncalc.api.files.reports import make_report
    from cnncalc.cli.run import command_errors
    from cnncalc.cli.specs import networks_of

    form = _format(request)
    usual = usual_limits(max_params, max_macs, max_memory)
    limits = distinct([*usual, *read_limits(maxima, "--max", QUANTITIES)])
    networks = networks_of(request.specs(), request, "the report was not written")
    with command_errors():
        report = make_report(networks, request.batch, request.dtype, optimizer, limits)
    if request.file is None:
        write(report.to_html() if form == "html" else report.to_markdown(), None)
    else:
        for file, text in report.files(request.file, form).items():
            write(text, file)
    wrong = [claim for one in report.networks for claim in one.expected if not claim.agrees]
    return FINDING if wrong else 0


def _format(request: Request) -> str:
    """Return the format to write: that of --format, or of the suffix of FILE, or HTML.

    Raises:
        click.UsageError: If a page would go to a terminal.
        click.BadParameter: If the suffix belongs to another format.
    """
    suffix = os.path.splitext(request.file or "")[1].lower()
    form = request.form or next((form for form, suffixes in FORMATS.items() if suffix in suffixes), "html")
    check_suffix(request.file, form, tuple(FORMATS))
    if form == "html" and request.file is None and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError("a page cannot be shown in a terminal: use -o report.html, or --format markdown")
    return form
