"""`cnncalc show`: the file of a shipped architecture."""

from __future__ import annotations

import click

from cnncalc import shelf
from cnncalc.cli import options
from cnncalc.cli.run import Failed, write
from cnncalc.cli.suffixes import check_suffix
from cnncalc.text import did_you_mean, show


@click.command("show", epilog=options.examples("cnncalc show vgg16 > mine.yaml"))
@click.argument("name", shell_complete=options.complete)
@options.output_file
def command(name: str, file: str | None) -> int:
    """Print the file of the shipped architecture NAME, as a starting point for your own."""
    check_suffix(file, "yaml")
    path = shelf.path(name)
    if path is None:
        help = did_you_mean(name, shelf.names()) or "`cnncalc list` shows the names"
        raise Failed(f"no shipped architecture is named `{show(name)}`: {help}")
    with open(path, encoding="utf-8") as stream:
        write(stream.read(), file)
    return 0
