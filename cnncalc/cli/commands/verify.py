"""`cnncalc verify`: a network compared with a framework, layer by layer."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, write
from cnncalc.cli.suffixes import check_suffix

FRAMEWORKS = ("torch", "keras")
FORMATS = ("table", "json")


@click.command(
    "verify",
    epilog=options.examples(
        "cnncalc verify resnet50",
        "cnncalc verify net.yaml --differences",
        "cnncalc verify net.yaml --framework keras --format json",
    ),
)
@options.request()
@click.option(
    "--framework",
    type=click.Choice(FRAMEWORKS),
    default="torch",
    show_default=True,
    help="Framework to compare with.",
)
@click.option("--differences", is_flag=True, help="Show only the layers that differ.")
@options.output(FORMATS)
def command(request: Request, framework: str, differences: bool) -> int:
    """Build SPEC in a framework and compare every layer: output shape, weights, biases, buffers and multiply-adds.

    cnncalc exports the network, as `cnncalc export` does, and runs it without data (in PyTorch, on the meta device). The exit
    status is 1 if anything differs, and 2 if a layer cannot be exported or the framework is not installed.
    """
    from cnncalc.cli.specs import network_of, print_notes

    check_suffix(request.file, request.form, FORMATS)
    network = network_of(request.only_spec(), request)
    print_notes(network)
    verification = network.verify(framework)
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(verification.to_dict()), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(verification.lines(glyphs(request.file), differences=differences), request)
    return 0 if verification.agrees else FINDING
