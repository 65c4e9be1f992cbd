"""`cnncalc reconcile`: what other tools print for a network, and which tool explains a printed number."""

from __future__ import annotations

import click

from cnncalc.api.reconciliation import NAMES
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, print_problems, write
from cnncalc.cli.suffixes import check_suffix

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
    type=click.Choice(NAMES),
    metavar="NAME",
    help="Show every addend of this tool's figures: " + ", ".join(NAMES) + ". May be repeated.",
)
@click.option(
    "--printed",
    metavar="NUMBER",
    help="Find what explains a number that was printed somewhere, such as 4.13G: a tool, a factor of two, powers of 1,024, a "
    "batch, or a part that is left out. The exit status is 1 if nothing does.",
)
@click.option(
    "--written",
    multiple=True,
    metavar="KIND=WAY",
    help="How the program writes the layers of a kind, or one layer, if this matters to a tool, such as relu=function "
    "for F.relu or globalavgpool=mean. May be repeated.",
)
@options.output(FORMATS)
def command(request: Request, tools: tuple[str, ...], printed: str | None, written: tuple[str, ...]) -> int:
    """Show what other tools would print for SPEC, to the digit, as a sum of named addends.

    Tools that count multiply-adds or FLOPs disagree because they count different things. A file does not show how the program
    is written, so the report states what it assumes and what the figure would be otherwise. A PyTorch module needs no
    assumptions of this kind.
    """
    from cnncalc.cli.request import split_pairs
    from cnncalc.cli.run import command_errors
    from cnncalc.cli.specs import network_of

    check_suffix(request.file, request.form, FORMATS)
    ways = split_pairs(written, "--written")
    network = network_of(request.only_spec(), request)
    print_problems(network.warnings)
    with command_errors():
        answer = network.reconcile(tools, printed, written=ways)
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(answer.to_dict()), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(answer.lines(glyphs(request.file)), request)
    return FINDING if printed is not None and not answer.explained else 0
