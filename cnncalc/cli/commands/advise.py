"""`cnncalc advise`: what to change in a network so that it stays within limits."""

from __future__ import annotations

import click

from cnncalc.api.advice.advised import QUANTITIES
from cnncalc.cli import options
from cnncalc.cli.limits import distinct, maxima_options, read_limits, usual_limits
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, print_message, print_problems, write
from cnncalc.cli.suffixes import check_suffix

FORMATS = ("table", "json")


@click.command(
    "advise",
    epilog=options.examples(
        "cnncalc advise vgg16 --max-params 20M",
        "cnncalc advise resnet50 --max-macs 1G --apply 1 -o small.yaml",
        "cnncalc advise resnet50 --batch 64 --max-memory 4GB",
    ),
)
@options.request(figures=True)
@maxima_options(QUANTITIES)
@click.option(
    "--mode",
    type=click.Choice(["train", "infer"]),
    default="train",
    show_default=True,
    help="What memory means: the peak of a training step, or of inference.",
)
@options.optimizer
@options.amp()
@click.option("--all", "every", is_flag=True, help="Show every change that helps, not only the best ones.")
@click.option(
    "--apply",
    "number",
    metavar="N|all",
    help="Write the network with change N, or with all changes under `together`, as a specification.",
)
@options.output(FORMATS)
def command(
    request: Request,
    max_params: str | None,
    max_macs: str | None,
    max_memory: str | None,
    maxima: tuple[str, ...],
    mode: str,
    optimizer: str,
    amp: str | None,
    every: bool,
    number: str | None,
) -> int:
    """Find what to change in SPEC so that it stays within limits.

    cnncalc applies each rewrite that it knows, such as depthwise separable convolutions, to the network and calculates the
    result, so that every figure is exact. Without limits, it shows what would save the most.

    The exit status is 1 if nothing meets the limits.
    """
    from cnncalc.cli.run import command_errors
    from cnncalc.cli.specs import network_of

    form = "yaml" if number is not None else request.form
    check_suffix(request.file, form, FORMATS)
    if number is not None and number != "all" and not number.isdecimal():
        raise click.BadParameter("write the number of a change, or `all`", param_hint="--apply")
    network = network_of(request.only_spec(), request)
    print_problems(network.warnings)
    usual = usual_limits(max_params, max_macs, max_memory)
    limits = distinct([*usual, *read_limits(maxima, "--max", QUANTITIES)])
    with command_errors():
        advised = network.advise(
            limits, batch=request.batch, dtype=request.dtype, optimizer=optimizer, amp=amp, mode=mode
        )
        if number is not None:
            chosen = "all" if number == "all" else int(number)
            applied = advised.apply(chosen)
            if applied.reason:
                print_message(
                    "note: a new specification was generated, without comments and parameters, because the lines of the old one "
                    f"cannot express the change ({applied.reason})"
                )
            write(applied.text, request.file)
            if "memory" in limits:
                from cnncalc.render.advise import running

                print_message(f"note: run it as in {running(advised.state_of(chosen), request.file or 'net.yaml')}")
            return 0
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(advised.to_dict()), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(advised.lines(glyphs(request.file), every=every), request)
    return 0 if advised.holds else FINDING
