"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cnncalc.cli.specs import ARGUMENTS, Spec, complete
from cnncalc.units import DTYPES

F = TypeVar("F", bound=Callable[..., Any])


def _kept(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> None:
    context.meta[ARGUMENTS] = value


def specs(command: F) -> F:
    """SPEC..., -e, -p, --input and --arg."""
    command = click.option(
        "--arg",
        "arguments",
        multiple=True,
        metavar="NAME=VALUE",
        expose_value=False,
        callback=_kept,
        help="An argument for what torch:MODULE:CALLABLE calls (MODULE is imported, which runs it): a number, true, false, "
        "null, [1, 2] or text.",
    )(command)
    command = click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="[NAME=]SHAPE",
        help="Another input size, channels last, such as 448x448x3; a PyTorch model needs one.",
    )(command)
    command = click.option(
        "-p",
        "--param",
        "--dim",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        help="Another value for one of the file's params, or the size of a named dimension of an ONNX model.",
    )(command)
    return click.option(
        "-e",
        "--expression",
        "lines",
        multiple=True,
        metavar="LINE",
        help='A network in one line: "32x32x3 -> CONV3-16 -> FC-10".',
    )(command)


def spec_argument(required: bool = False) -> Callable[[F], F]:
    """The SPEC... argument, with completion of shipped names."""
    return click.argument("spec", nargs=-1, required=required, shell_complete=complete)


def figures(command: F) -> F:
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


def output(command: F) -> F:
    """-o and --no-color."""
    command = click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR set.")(command)
    return click.option(
        "-o",
        "--output",
        "file",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Write to FILE, whole or not at all.",
    )(command)


def chosen(spec: tuple[str, ...], lines: tuple[str, ...]) -> list[Spec]:
    """All specifications that were typed.

    Raises:
        click.UsageError: where there is none.
    """
    found = [Spec(text) for text in spec] + [Spec(line, line=True) for line in lines]
    if not found:
        raise click.UsageError("no SPEC: write a file, the name of a shipped architecture such as vgg16, or -e LINE")
    return found
