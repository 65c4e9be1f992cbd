"""`cnncalc deploy`: what a network needs on a device."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, print_problems, write
from cnncalc.cli.suffixes import check_suffix
from cnncalc.units import DTYPES

FORMATS = ("table", "json")


@click.command(
    "deploy",
    epilog=options.examples(
        "cnncalc deploy mobilenet_v1 -p width=0.25 --device stm32h743",
        "cnncalc deploy mlperf_tiny_kws --all",
        "cnncalc deploy resnet50 --dtype float16 --device t4 --layers",
    ),
)
@options.request()
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="NAME|FILE",
    help="Device to check: a name from the table in docs/deploy.md, or a YAML file with memory, storage, bandwidth and "
    "peaks. May be repeated. The status is 1 if the network does not fit.",
)
@click.option("--all", "every", is_flag=True, help="Check every device in the table.")
@click.option(
    "--dtype",
    type=click.Choice(sorted(DTYPES)),
    default="int8",
    show_default=True,
    metavar="TYPE",
    help="Data type of weights and activations: " + ", ".join(sorted(DTYPES)) + ". With int8, biases have 32 bits.",
)
@click.option(
    "--batch", type=click.IntRange(1, 10**9), default=1, show_default=True, metavar="N", help="Examples per batch."
)
@click.option("--layers", is_flag=True, help="Show a row for each kernel.")
@options.output(FORMATS)
def command(request: Request, devices: tuple[str, ...], every: bool, dtype: str, batch: int, layers: bool) -> int:
    """Calculate the flash, activation memory and bytes moved of a deployed SPEC, and check devices.

    The network is fused as in runtimes: batch norms are folded, and activations and padding run inside the layer next to
    them. Every figure is marked as exact, a bound or unknown. Times are lower bounds.
    """
    from cnncalc.api.deployment import DEVICES, find_devices
    from cnncalc.cli.run import command_errors
    from cnncalc.cli.specs import network_of

    check_suffix(request.file, request.form, FORMATS)
    spec = request.only_spec()
    with command_errors():
        chosen = find_devices(devices)
    if every:
        chosen += [device for device in DEVICES.values() if device not in chosen]
    network = network_of(spec, request)
    print_problems(network.warnings)
    answer = network.deploy(dtype, device=chosen, batch=batch)
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(answer.to_dict()), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(answer.lines(glyphs(request.file), layers=layers), request)
    return FINDING if any(found.fits == "no" for found in answer.devices[: len(devices)]) else 0
