"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from cnncalc.cli.run import COLOR, into_file
from cnncalc.cli.specs import ARGUMENTS, BATCH_AXES, BRANCHES, CHANGES, FREEZE, Spec, complete
from cnncalc.units import DTYPES


def _kept(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """A callback that keeps an option's value in the context, for `cnncalc.cli.specs` and `cnncalc.cli.display`."""

    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        context.meta[key] = value

    return keep


def specs(command: click.decorators.FC) -> click.decorators.FC:
    """SPEC..., -e, -p, --set, --freeze, --input, --arg, and what is for ONNX models only: --batch-axis and --branch."""
    command = click.option(
        "--branch",
        "branches",
        multiple=True,
        metavar="[NAME=]then|else",
        expose_value=False,
        callback=_kept(BRANCHES),
        help="The branch of an ONNX model's `If` that is read where it depends on the numbers fed in.",
    )(command)
    command = click.option(
        "--batch-axis",
        "batch_axes",
        multiple=True,
        metavar="[INPUT=]AXIS",
        expose_value=False,
        callback=_kept(BATCH_AXES),
        help="The axis of an ONNX model's input that is the batch, from 0, or none. Without it cnncalc follows every axis "
        "through the graph.",
    )(command)
    command = click.option(
        "--arg",
        "arguments",
        multiple=True,
        metavar="NAME=VALUE",
        expose_value=False,
        callback=_kept(ARGUMENTS),
        help="An argument for what torch:MODULE:CALLABLE calls (MODULE is imported, which runs it): a number, true, false, "
        "null, [1, 2] or text.",
    )(command)
    command = click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="[NAME=]SHAPE",
        help="Another input size, channels last, such as 448x448x3; a PyTorch model needs one. For PyTorch also with a type "
        "(12:int), one number per example (t=batch:int), [lists], (tuples), {dictionaries} and plain values (sr=16000:value).",
    )(command)
    command = click.option(
        "--freeze",
        "frozen",
        multiple=True,
        metavar="BLOCK",
        expose_value=False,
        callback=_kept(FREEZE),
        help="Do not train the parameters of this layer, block or named group: `conv1`, or `Stage` for Stage1, Stage2 and so "
        "on. May be repeated.",
    )(command)
    command = click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="LAYER.FIELD=VALUE",
        expose_value=False,
        callback=_kept(CHANGES),
        help="Change one field of one layer, such as conv2.stride=2 or Stage1.conv1.filters=32. May be repeated.",
    )(command)
    command = click.option(
        "-p",
        "--param",
        "--dim",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        help="Another value for one of the file's params, a number that a one-line pattern leaves open, or the size of a named "
        "dimension of an ONNX model.",
    )(command)
    return click.option(
        "-e",
        "--expression",
        "lines",
        multiple=True,
        metavar="LINE",
        help='A network in one line, such as "32x32x3 -> CONV3-16 -> FC-10".',
    )(command)


def examples(*commands: str) -> str:
    """The end of a help page: commands to try, one a line and never broken."""
    return "\b\n" + "\n".join([f"Example{'s' if len(commands) > 1 else ''}:", *[f"  {line}" for line in commands]])


def spec_argument(required: bool = False) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """The SPEC... argument, with completion of shipped names."""
    return click.argument("spec", nargs=-1, required=required, shell_complete=complete)


def figures(command: click.decorators.FC) -> click.decorators.FC:
    """--batch and --dtype."""
    command = click.option(
        "--dtype",
        type=click.Choice(sorted(DTYPES)),
        default="float32",
        show_default=True,
        help="What every number is stored as.",
    )(command)
    return click.option(
        "--batch",
        type=click.IntRange(1, 10**9),
        default=1,
        show_default=True,
        metavar="N",
        help="Examples in a batch, for memory.",
    )(command)


def form(choices: Sequence[str]) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """--format; the first choice is the usual one."""
    return click.option(
        "--format", "form", type=click.Choice(choices), default=choices[0], show_default=True, help="What to print."
    )


def output(command: click.decorators.FC) -> click.decorators.FC:
    """-o, --color and --no-color."""
    command = click.option(
        "--no-color", is_flag=True, help="The same as --color never, and as NO_COLOR in the environment."
    )(command)
    command = click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        expose_value=False,
        callback=_kept(COLOR),
        help="Colour: on a terminal (auto), also when piped (always, as FORCE_COLOR), or never. FILE of -o has none.",
    )(command)
    return into_file(command)


def chosen(spec: tuple[str, ...], lines: tuple[str, ...]) -> list[Spec]:
    """All specifications that were typed.

    Raises:
        click.UsageError: where there is none.
    """
    found = [Spec(text) for text in spec] + [Spec(line, line=True) for line in lines]
    if not found:
        raise click.UsageError("no SPEC: write a file, the name of a shipped architecture such as vgg16, or -e LINE")
    return found


def only(spec: tuple[str, ...], lines: tuple[str, ...]) -> Spec:
    """The one specification that was typed.

    Raises:
        click.UsageError: where there is none, or more than one.
    """
    found = chosen(spec, lines)
    if len(found) != 1:
        raise click.UsageError(f"{click.get_current_context().info_name} takes one network")
    return found[0]
