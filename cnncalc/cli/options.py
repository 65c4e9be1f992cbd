"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import click

from cnncalc.cli.request import FIGURES, NETWORKS, OUTPUT, Request
from cnncalc.cli.run import into_file
from cnncalc.cli.specs import Spec, complete
from cnncalc.units import DTYPES


def request(*, networks: bool = True, figures: bool = False) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """The outermost decorator of a command, which then gets one `Request` for all options that commands share.

    `networks` adds SPEC... and the options that change a network, `figures` --batch and --dtype.
    """

    collected = {*(NETWORKS if networks else ()), *(FIGURES if figures else ()), *OUTPUT}

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def collecting(**values: Any) -> int:
            shared = {name: values.pop(name) for name in collected & values.keys()}
            return command(Request(**shared), **values)

        decorated = _figures(collecting) if figures else collecting
        return spec_argument()(_networks(decorated)) if networks else decorated

    return decorate


def _networks(command: click.decorators.FC) -> click.decorators.FC:
    """SPEC..., -e, -p, --set, --freeze, --input, --arg, and what is for ONNX models only: --batch-axis and --branch."""
    command = click.option(
        "--branch",
        "branches",
        multiple=True,
        metavar="[NAME=]then|else",
        help="The branch of an ONNX model's `If` that is read where it depends on the numbers fed in.",
    )(command)
    command = click.option(
        "--batch-axis",
        "batch_axes",
        multiple=True,
        metavar="[INPUT=]AXIS",
        help="The axis of an ONNX model's input that is the batch, from 0, or none. Without it cnncalc follows every axis "
        "through the graph.",
    )(command)
    command = click.option(
        "--arg",
        "arguments",
        multiple=True,
        metavar="NAME=VALUE",
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
        help="Do not train the parameters of this layer, block or named group: `conv1`, or `Stage` for Stage1, Stage2 and so "
        "on. May be repeated.",
    )(command)
    command = click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="LAYER.FIELD=VALUE",
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


def _figures(command: click.decorators.FC) -> click.decorators.FC:
    """--batch and --dtype."""
    command = click.option(
        "--dtype",
        type=click.Choice(sorted(DTYPES)),
        default="float32",
        show_default=True,
        metavar="TYPE",
        help="What every number is stored as: " + ", ".join(sorted(DTYPES)) + ".",
    )(command)
    return click.option(
        "--batch",
        type=click.IntRange(1, 10**9),
        default=1,
        show_default=True,
        metavar="N",
        help="Examples in a batch, for memory.",
    )(command)


def output(formats: Sequence[str]) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """--format, whose first choice is the usual one, -o, --color and --no-color."""

    def decorate(command: click.decorators.FC) -> click.decorators.FC:
        command = click.option(
            "--no-color", is_flag=True, help="The same as --color never, and as NO_COLOR in the environment."
        )(command)
        command = click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="Colour: on a terminal (auto), also when piped (always, as FORCE_COLOR), or never. FILE of -o has none.",
        )(command)
        return click.option(
            "--format",
            "form",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            metavar="FORMAT",
            help="What to print: " + ", ".join(formats) + ".",
        )(into_file(command))

    return decorate


def chosen(request: Request) -> list[Spec]:
    """All specifications that were typed.

    Raises:
        click.UsageError: where there is none.
    """
    found = [Spec(text) for text in request.spec] + [Spec(line, line=True) for line in request.lines]
    if not found:
        raise click.UsageError("no SPEC: write a file, the name of a shipped architecture such as vgg16, or -e LINE")
    return found


def only(request: Request) -> Spec:
    """The one specification that was typed.

    Raises:
        click.UsageError: where there is none, or more than one.
    """
    found = chosen(request)
    if len(found) != 1:
        raise click.UsageError(f"{click.get_current_context().info_name} takes one network")
    return found[0]
