"""`cnncalc show`: the file of a shipped architecture."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.run import Failed, write
from cnncalc.cli.suffixes import check_suffix
from cnncalc.text import show


@click.command("show", epilog=options.examples("cnncalc show vgg16 > mine.yaml"))
@click.argument("name", shell_complete=options.complete)
@options.output_file
def command(name: str, file: str | None) -> int:
    """Print the file of the shipped architecture NAME, as a starting point for your own."""
    from cnncalc.api.shelf import read_text

    check_suffix(file, "yaml")
    try:
        text = read_text(name)
    except KeyError as error:
        raise Failed(f"no shipped architecture is named `{show(name)}`: {error.args[0]}") from None
    write(text, file)
    return 0
