"""The commands. Each lives in a file of its own, imported only when it is run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import click

from cnncalc import __version__

# command -> (module, what it does in one line): `--help` shows these without importing any of them
COMMANDS = {
    "analyze": ("analyze", "Shapes, activations, parameters and multiply-adds of every layer, and their totals."),
    "explain": ("explain", "Show the working: a layer's formulas with its numbers, a layer kind, or an error code."),
    "memory": ("memory", "The peak memory of training and inference, to the byte, and the batch that fits."),
    "compare": ("compare", "Two or more networks side by side, and their layers as a diff."),
    "check": ("check", "Hold files against a budget: for a course's CI, safe against its submissions."),
    "export": ("export", "Write a network as PyTorch or Keras source, as ONNX, or as a drawing in Mermaid or DOT."),
    "verify": (
        "verify",
        "Build the network in PyTorch or Keras and compare every layer: shapes, parameters, multiply-adds.",
    ),
    "import": ("import_", "Write a model of another format as a YAML file to read and to change."),
    "list": ("list", "The architectures that come with cnncalc."),
    "show": ("show", "Print the file of a shipped architecture, to start your own from."),
    "new": ("new", "Print a commented file to start from."),
    "schema": ("schema", "Print the JSON Schema of architecture files, for editors."),
    "completion": ("completion", "Print the script that completes commands and names in your shell."),
}


NARROW = 56  # columns of a terminal on which help pages need another layout


class NarrowHelp(click.HelpFormatter):
    """Help on a narrow terminal: what an option does is written below its name, with more room."""

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl(list(rows), min(col_max, 6), col_spacing)


class NarrowContext(click.Context):
    """The context of a command on a narrow terminal."""

    formatter_class = NarrowHelp


class Commands(click.Group):
    """Commands that are imported when they are asked for."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from cnncalc.cli.run import columns

        wide = columns(sys.stdout)
        narrow = 20 <= wide < NARROW
        self.context_class = NarrowContext if narrow else click.Context
        if narrow:
            extra = {"terminal_width": wide, **extra}
        try:
            return super().make_context(info_name, args, parent, **extra)
        except BrokenPipeError as error:  # `cnncalc --help | true`
            raise _unread() from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _unread() from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]  # `list` may be the module of that name

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"cnncalc.cli.commands.{COMMANDS[cmd_name][0]}").command
        command.context_class = self.context_class
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from cnncalc.cli.meant import meant_command
            from cnncalc.text import show

            help = meant_command(args[0], COMMANDS)
            raise click.UsageError(f"no command named `{show(args[0])}`: {help}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _unread() -> Exception:
    from cnncalc.cli.run import Unread

    return Unread()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nStart with:\n  cnncalc analyze vgg16\nThen:\n  cnncalc new > net.yaml\n  cnncalc analyze net.yaml",
)
@click.version_option(__version__, message="cnncalc %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Exact shapes, parameters, multiply-adds and memory of neural networks, from a short YAML file."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


def main() -> None:
    """The console script: runs a command and turns its end into an exit status.

    0 all is well; 1 a finding in the input; 2 the tool could not do what was asked; 130 Ctrl-C; 141 broken pipe.
    """
    import gc

    gc.disable()  # nothing that is made while the program starts can be collected
    from cnncalc.cli.run import run

    gc.set_threshold(200_000, 50, 50)  # few cycles here: collecting as often as usual costs a fifth of a large analysis
    gc.enable()
    status = run(cli)
    sys.stdout = sys.__stdout__  # what is registered to run at exit prints after the result, and not among it
    gc.freeze()  # the interpreter would look through everything once more before it ends
    sys.exit(status)
