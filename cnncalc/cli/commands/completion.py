"""`cnncalc completion`: the completion script of a shell."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.run import write
from cnncalc.cli.suffixes import check_suffix


@click.command("completion", epilog=options.examples('eval "$(cnncalc completion bash)"'))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@options.output_file
def command(shell: str, file: str | None) -> int:
    """Print a script that completes commands, options and shipped names in bash, zsh or fish.

    To enable completion permanently, add the line below to ~/.bashrc or ~/.zshrc, with the name of your shell.
    """
    from click.shell_completion import get_completion_class

    from cnncalc.cli import cli

    check_suffix(file, "text")
    completion = get_completion_class(shell)
    assert completion is not None
    write(completion(cli, {}, "cnncalc", "_CNNCALC_COMPLETE").source(), file)
    return 0
