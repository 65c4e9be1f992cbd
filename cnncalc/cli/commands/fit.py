"""`cnncalc fit`: the best network of a family within limits."""

from __future__ import annotations

import os

import click

from cnncalc.api.search import MODES, NAMES
from cnncalc.cli import options
from cnncalc.cli.limits import maxima_options, read_limits, usual_limits
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, write
from cnncalc.cli.suffixes import check_suffix
from cnncalc.text import show

FORMATS = ("table", "json")


@click.command(
    "fit",
    epilog=options.examples(
        "cnncalc fit mobilenet_v2 --vary width=0.25..2/0.05 --max-params 2M",
        "cnncalc fit resnet50 --vary input=32..512 --max-macs 4G --maximize input",
        "cnncalc fit net.yaml --vary conv2.filters=16..256/16 --max-memory 8GB",
    ),
)
@options.request(figures=True)
@click.option(
    "--vary",
    multiple=True,
    metavar="NAME=RANGE",
    help="What may change: a parameter of the file, `input` or the name of an input, `batch`, or a field of a layer such as "
    "conv2.filters. RANGE is 16..256/16 or a list such as 0.5,0.75,1. May be repeated.",
)
@maxima_options(NAMES)
@click.option("--min", "minima", multiple=True, metavar="QUANTITY=N", help="Minimum of a quantity. May be repeated.")
@click.option(
    "--maximize",
    metavar="NAME",
    help="Quantity or varied name to make as large as possible. By default the quantity of the first maximum.",
)
@click.option("--minimize", metavar="NAME", help="Quantity or varied name to make as small as possible.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="train",
    show_default=True,
    help="What `memory` means: the peak of a training step, or of inference.",
)
@options.optimizer
@options.amp()
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Try every choice, even in ranges that could be skipped because no figure decreases in them. This makes the table of "
    "trade-offs complete.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Number of processes. By default one for each core if the search takes long.",
)
@click.option(
    "--plot",
    type=options.OutputFile(),
    metavar="FILE.svg",
    help="Draw the choices that were tried, with the limit and the best ones.",
)
@options.output(FORMATS)
def command(
    request: Request,
    vary: tuple[str, ...],
    max_params: str | None,
    max_macs: str | None,
    max_memory: str | None,
    maxima: tuple[str, ...],
    minima: tuple[str, ...],
    maximize: str | None,
    minimize: str | None,
    mode: str,
    optimizer: str,
    amp: str | None,
    every: bool,
    jobs: int | None,
    plot: str | None,
) -> int:
    """Find the best variant of SPEC within limits.

    cnncalc tries the values of --vary and prints the network that best reaches the goal, other choices that cost less,
    and the command that shows the best one. Values that do not give a valid network are skipped and
    counted.

    The exit status is 1 if no choice meets the limits.
    """
    from cnncalc.api.search import make_question, search_spec
    from cnncalc.cli.run import command_errors, divert_output
    from cnncalc.cli.specs import check_options
    from cnncalc.render.progress import ProgressBar

    check_suffix(request.file, request.form, FORMATS)
    check_suffix(plot, "svg", option="--plot")
    spec = request.only_spec()
    if not vary:
        raise click.UsageError("nothing may change: add --vary, such as --vary width=0.25..2")
    check_options(request)
    if plot is not None and request.file is not None and os.path.realpath(plot) == os.path.realpath(request.file):
        raise click.UsageError(f"-o and --plot both name {show(plot)}: name two files")
    if spec.reader.runs_code:
        divert_output()
    most = [*usual_limits(max_params, max_macs, max_memory), *read_limits(maxima, "--max", NAMES)]
    least = read_limits(minima, "--min", NAMES)
    with command_errors():
        question = make_question(
            most, least, maximize, minimize, batch=request.batch, dtype=request.dtype, optimizer=optimizer, amp=amp,
            mode=mode,
        )  # fmt: skip
        with ProgressBar("trying") as progress:
            answer = search_spec(spec, request.options, vary, question, every=every, jobs=jobs, progress=progress)
    if plot is not None:
        write(answer.to_svg(), plot)
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(answer.to_dict()), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines
        from cnncalc.render.search import report

        show_lines(report(answer, glyphs(request.file)), request)
    return 0 if answer else FINDING
