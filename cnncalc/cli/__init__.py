"""The command line: the table of commands, which are imported only when they are run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import click

from cnncalc import __version__

# command -> (module in `commands`, one line for `--help`, which does not import the modules)
COMMANDS = {
    "analyze": ("analyze", "Print the shape, activations, parameters and multiply-adds of every layer, with totals."),
    "explain": (
        "explain",
        "Show how the figures of a layer are calculated, or explain a layer kind, an error code or a word.",
    ),
    "memory": ("memory", "Calculate the peak memory of training and inference, and the largest batch that fits."),
    "compare": ("compare", "Compare two or more networks, and the layers of two as a diff."),
    "deploy": ("deploy", "Calculate flash, memory and a lower bound on the time on devices, and check what fits."),
    "reconcile": ("reconcile", "Show what other tools would print for a network, and which of them explains a number."),
    "fit": ("fit", "Find the best widths, depths and inputs of a network within limits."),
    "advise": ("advise", "Find what to change in a network so that it stays within limits, with exact figures."),
    "check": ("check", "Check files against limits; safe for files from strangers, such as homework."),
    "draw": ("draw", "Draw the network as a picture: SVG, TikZ, PDF or PNG."),
    "worksheet": (
        "teaching.worksheet",
        "Write a table with blanks for an exam or a lecture, and an answer key with the working.",
    ),
    "grade": ("teaching.grade", "Grade completed worksheets, and name the common mistake behind each wrong answer."),
    "quiz": (
        "teaching.quiz",
        "Ask questions about shapes, parameters, receptive fields and memory, and explain wrong answers.",
    ),
    "export": ("export", "Export a network as PyTorch or Keras source, as ONNX, or as a Mermaid or DOT drawing."),
    "report": ("report", "Write a report about a network as one HTML page or as Markdown, or compare several."),
    "verify": ("verify", "Build the network in PyTorch or Keras and compare the figures of every layer."),
    "import": ("import_", "Convert a model from another format to a YAML file that you can read and change."),
    "list": ("list", "List the architectures that come with cnncalc."),
    "show": ("show", "Print the file of a shipped architecture, as a starting point for your own."),
    "new": ("new", "Print a commented file as a starting point."),
    "schema": ("schema", "Print the JSON Schema of architecture files, for editors."),
    "completion": ("completion", "Print a script that completes commands and names in your shell."),
}


NARROW = 56  # help pages have another layout on terminals with fewer columns


class NarrowHelp(click.HelpFormatter):
    """Help on a narrow terminal: the text of an option goes below its name, where it has more room."""

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl(list(rows), min(col_max, 6), col_spacing)


class NarrowContext(click.Context):
    """Context of a command on a narrow terminal."""

    formatter_class = NarrowHelp


class Commands(click.Group):
    """A group that imports its commands when they are run."""

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
            raise _output_closed() from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _output_closed() from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]  # not list(COMMANDS): once imported, `list` is the command

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
            from cnncalc.cli.suggestions import suggest_command
            from cnncalc.text import show

            help = suggest_command(args[0], COMMANDS)
            raise click.UsageError(f"no command named `{show(args[0])}`: {help}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _output_closed() -> Exception:
    from cnncalc.cli.run import OutputClosed

    return OutputClosed()


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
    """Calculate exact shapes, parameters, multiply-adds and memory of neural networks from a short YAML file."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


def main() -> None:
    """Run a command and exit with its status. This is the console script.

    0: success. 1: a finding in the input. 2: cnncalc could not do what was asked. 130: Ctrl-C. 141: broken pipe.
    """
    import gc

    gc.disable()  # no object that is made during start-up can be collected
    from cnncalc.cli.run import run

    gc.set_threshold(
        200_000, 50, 50
    )  # there are few cycles, and the default thresholds cost a fifth of a large analysis
    gc.enable()
    status = run(cli)
    sys.stdout = sys.__stdout__  # functions registered with atexit print to the original stream
    gc.freeze()  # saves a last collection of all objects at exit
    sys.exit(status)
