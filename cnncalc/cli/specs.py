"""Networks for commands: loaded by the public API, with errors as those of a command and warnings printed."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cnncalc.api.errors import CnncalcError
from cnncalc.api.loading import load_spec
from cnncalc.api.network import Network
from cnncalc.api.specs import READERS, Spec
from cnncalc.cli.request import Request
from cnncalc.cli.run import (
    FAILURE,
    Failed,
    command_errors,
    divert_output,
    print_error,
    print_message,
    print_problems,
    status_of,
)  # fmt: skip
from cnncalc.text import show

# field of LoadOptions that only some readers use -> its option, and what to write instead
SPECIAL = {
    "batch_axes": ("--batch-axis", ""),
    "branches": ("--branch", ""),
    "compare_shapes": ("--compare-shapes", ""),
    "arguments": ("--arg", "; set a parameter of a file with -p"),
}


def network_of(spec: Spec, request: Request, *, as_conv: bool = False, as_written: bool = False) -> Network:
    """Load the network of a specification with the options of the request.

    `as_conv` turns fc layers into convolutions; `as_written` leaves out `--set` and `--freeze`.

    Raises:
        Failed, click.UsageError: If the file cannot be read, or an option does not apply to it.
        CnncalcError: If its content is not a valid network.
    """
    check_options(request)
    options = request.options.as_written() if as_written else request.options
    if not spec.reader.runs_code:
        with command_errors():
            return load_spec(spec, options, as_conv=as_conv)
    from cnncalc.render.progress import Waiting

    divert_output()
    with command_errors(), Waiting(f"reading {show(spec.text)}"):
        return load_spec(spec, options, as_conv=as_conv)


def networks_of(specs: Sequence[Spec], request: Request, failure: str, *, with_original: bool = False) -> list[Network]:
    """Load several networks and print the warnings of each. All of them are tried, and the errors of each printed.

    `failure` is the last line if any of them cannot be loaded. With `with_original`, the first one is left as it is written.

    Raises:
        Exit: With the status of the worst error, if any of them cannot be loaded.
    """
    networks = []
    status = 0
    for number, spec in enumerate(specs):
        try:
            network = network_of(spec, request, as_written=with_original and number == 0)
        except CnncalcError as error:
            print_error(error)
            status = max(status, status_of(error))
            continue
        except Failed as failed:
            print_message(f"error: {failed.format_message()}")
            status = FAILURE
            continue
        print_problems(network.warnings)
        networks.append(network)
    if status:
        print_message(failure)
        raise click.exceptions.Exit(status)
    return networks


def print_notes(network: Network) -> None:
    """Print the reader's warnings and the fields that were set, for commands whose output does not mention them."""
    print_problems(network.warnings)
    for change in network.changes:
        print_message(f"note: set {change}")


def check_options(request: Request) -> None:
    """Refuse `--arg`, `--batch-axis`, `--branch` and `--compare-shapes` if no SPEC is read by a reader that uses them.

    Raises:
        click.UsageError: Naming the option and the files that it is for.
    """
    used = {name for spec in request.specs() for name in spec.reader.options}
    for name, (option, help) in SPECIAL.items():
        if getattr(request.options, name) and name not in used:
            files = " and ".join(reader.files for reader in READERS if name in reader.options)
            raise click.UsageError(f"{option} is only for {files}{help}")
