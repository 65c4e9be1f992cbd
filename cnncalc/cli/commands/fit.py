"""`cnncalc fit`: the best network of a family within limits."""

from __future__ import annotations

import click

from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, Failed, write
from cnncalc.cli.suffixes import check_suffix
from cnncalc.search.question import MODES, NAMES, SIZES, Bound, Goal, Question, Run
from cnncalc.units import HALVES

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
@click.option("--max-params", metavar="N", help="Maximum number of parameters, such as 500k.")
@click.option("--max-macs", metavar="N", help="Maximum number of multiply-accumulates, such as 4G.")
@click.option(
    "--max-memory",
    metavar="SIZE",
    help="Maximum peak memory, such as 8GB, as `cnncalc memory` calculates it for --mode, --batch and --optimizer.",
)
@click.option(
    "--max",
    "maxima",
    multiple=True,
    metavar="QUANTITY=N",
    help="Maximum of any quantity: " + ", ".join(NAMES) + ". May be repeated.",
)
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
    help="What `memory` is: the peak of a training step, or of inference.",
)
@click.option(
    "--optimizer",
    type=click.Choice(list(OPTIMIZERS)),
    default="sgd",
    show_default=True,
    metavar="NAME",
    help="Optimizer whose state is counted: " + ", ".join(OPTIMIZERS) + ".",
)
@click.option(
    "--amp",
    type=click.Choice(HALVES),
    is_flag=False,
    flag_value=HALVES[0],
    help="Use mixed precision for memory, as in `cnncalc memory`.",
)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Try every choice, even where ranges could be skipped because no figure falls in them. This makes the table of "
    "trade-offs complete.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Number of processes. By default one for each core if the search takes long.",
)
@click.option("--plot", metavar="FILE.svg", help="Draw the choices that were tried, with the limit and the best ones.")
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
    """Find the best network that SPEC can become within limits.

    cnncalc calculates the networks for the values of --vary and prints the one that reaches the goal, the choices that
    trade it for a lower cost, and the command that shows it. Values that do not give a valid network are skipped and
    counted.

    The exit status is 1 if no choice keeps the limits.
    """
    from cnncalc.api.guard import public_errors
    from cnncalc.cli.run import command_errors
    from cnncalc.render import search as render
    from cnncalc.render.progress import ProgressBar
    from cnncalc.search.family import Family
    from cnncalc.search.find import find
    from cnncalc.search.ranges import read_range

    check_suffix(request.file, request.form, FORMATS)
    check_suffix(plot, "svg", option="--plot")
    spec = request.only_spec()
    if not vary:
        raise click.UsageError("nothing may change: add --vary, such as --vary width=0.25..2")
    if maximize and minimize:
        raise click.UsageError("--maximize and --minimize cannot be used together")
    typed = [("params", max_params, False), ("macs", max_macs, False), ("memory", max_memory, False)]
    typed += [(*_split(text, "--max"), False) for text in maxima]
    typed += [(*_split(text, "--min"), True) for text in minima]
    bounds = _bounds([(name, text, least) for name, text, least in typed if text is not None])
    first = next((bound.quantity for bound in bounds if bound.most is not None), None)
    goal = maximize or minimize or first
    if goal is None:
        raise click.UsageError("there is no goal: add a limit such as --max-params 500k, or --maximize macs")
    run = Run(request.batch, request.dtype, optimizer, amp or "", mode)
    question = Question(tuple(bounds), Goal(goal, minimize is None), run)
    ranges = [read_range(text) for text in vary]
    with command_errors(), public_errors(), ProgressBar("trying") as progress:
        family = Family(spec, request.options, ranges)
        answer = find(family, question, every=every, jobs=jobs, progress=progress)
    if plot is not None:
        from cnncalc.render.scatter import svg

        write(svg(answer), plot)
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(render.data(answer)), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(render.report(answer, glyphs(request.file)), request)
    return 0 if answer.best is not None else FINDING


def _split(text: str, option: str) -> tuple[str, str]:
    from cnncalc.cli.suggestions import suggest
    from cnncalc.text import show

    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value:
        raise click.BadParameter(f"`{show(text)}` is not of the form QUANTITY=N", param_hint=option)
    if name not in NAMES:
        help = suggest(name, NAMES) or "the quantities are " + ", ".join(NAMES)
        raise click.BadParameter(f"no quantity named `{show(name)}`: {help}", param_hint=option)
    return name, value


def _bounds(typed: list[tuple[str, str, bool]]) -> list[Bound]:
    """Combine the minima and maxima of each quantity.

    Raises:
        Failed: If one is given twice, is not a number, or a minimum is above its maximum.
    """
    from cnncalc.text import show
    from cnncalc.units import parse_count, parse_size

    found: dict[str, dict[str, int]] = {}
    for name, text, least in typed:
        size = name in SIZES
        figure = parse_size(text, short=True) if size else parse_count(text)
        if figure is None or figure.value is None:
            example = "8GB or 24GiB" if size else "500k or 4G"
            raise Failed(f"`{show(text)}` is not a limit for {name}: write it as {example}")
        word = "least" if least else "most"
        if word in found.setdefault(name, {}):
            raise Failed(f"{name} has two {'minima' if least else 'maxima'}: remove one of them")
        found[name][word] = figure.value
    for name, values in found.items():
        if len(values) == 2 and values["least"] > values["most"]:
            raise Failed(f"{name}: the minimum {values['least']:,} is above the maximum {values['most']:,}")
    return [Bound(name, values.get("least"), values.get("most")) for name, values in found.items()]
