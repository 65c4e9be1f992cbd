"""cnncalc completion: the shell's script."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.run import into_file, write
from cnncalc.cli.suffixes import check_suffix


@click.command("completion", epilog=options.examples('eval "$(cnncalc completion bash)"'))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@into_file
def command(shell: str, file: str | None) -> int:
    """Print the script that completes commands, options and shipped names in SHELL.

    To keep it, put the line below into ~/.bashrc or ~/.zshrc, with the name of your shell.
    """
    from click.shell_completion import get_completion_class

    from cnncalc.cli import cli

    check_suffix(file, "text")
    completion = get_completion_class(shell)
    assert completion is not None
    write(completion(cli, {}, "cnncalc", "_CNNCALC_COMPLETE").source(), file)
    return 0
