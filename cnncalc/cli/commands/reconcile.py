"""`cnncalc reconcile`: what other tools print for a network, and which tool explains a printed number."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, print_problems, write
from cnncalc.cli.suffixes import check_suffix
from cnncalc.reconcile.tools import TOOLS

FORMATS = ("table", "json")


@click.command(
    "reconcile",
    epilog=options.examples(
        "cnncalc reconcile resnet50",
        "cnncalc reconcile resnet50 --tool thop",
        "cnncalc reconcile resnet50 --printed 4.13G",
        "cnncalc reconcile vgg16 --tool ptflops --written relu=function",
    ),
)
@options.request()
@click.option(
    "--tool",
    "tools",
    multiple=True,
    type=click.Choice(list(TOOLS)),
    metavar="NAME",
    help="Show every addend of this tool's figures: " + ", ".join(TOOLS) + ". May be repeated.",
)
@click.option(
    "--printed",
    metavar="NUMBER",
    help="Find what explains a number as it is printed somewhere, such as 4.13G: a tool, a factor of two, powers of 1,024, a "
    "batch, or a part that is left out. The status is 1 if nothing does.",
)
@click.option(
    "--written",
    multiple=True,
    metavar="KIND=WAY",
    help="Way in which the program writes the layers of a kind, or one layer, where tools tell ways apart, such as "
    "relu=function for F.relu or globalavgpool=mean. May be repeated.",
)
@options.output(FORMATS)
def command(request: Request, tools: tuple[str, ...], printed: str | None, written: tuple[str, ...]) -> int:
    """Show what other tools would print for SPEC, to the digit, as a sum of named addends.

    Tools that count multiply-adds or FLOPs disagree because they count different things. A file does not say how the program
    is written, so the report names what it assumes and what the figure would be otherwise. A PyTorch module needs no
    assumptions of this kind.
    """
    from cnncalc.cli.specs import network_of
    from cnncalc.problem import Problem
    from cnncalc.reconcile import reconcile
    from cnncalc.reconcile.writings import parse
    from cnncalc.render import reconcile as render

    check_suffix(request.file, request.form, FORMATS)
    spec = request.only_spec()
    network = network_of(spec, request)
    print_problems(network.warnings)
    option = "--written"
    try:
        ways = parse(written, network)
        option = "--printed"
        answer = reconcile(network, tools, printed, ways)
    except Problem as problem:
        raise click.BadParameter(f"{problem.text}: {problem.help}", param_hint=option) from None
    missing = answer.explanation is not None and not answer.explanation.matches
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(render.data(answer)), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(render.report(answer, glyphs(request.file), in_full=bool(tools)), request)
    return FINDING if missing else 0
