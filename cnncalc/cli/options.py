"""Options that several commands share."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any

import click

from cnncalc.api.specs import SUFFIXES, names
from cnncalc.cli.request import FIGURES, NETWORKS, OUTPUT, Request
from cnncalc.cli.run import Failed, command_errors
from cnncalc.text import show
from cnncalc.units import DTYPES, HALVES


class OutputFile(click.Path):
    """A file to write. That it can be created is checked before anything is calculated."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path as it was typed.

        Raises:
            click.BadParameter: It is a folder.
            Failed: Its folder does not exist or does not accept files.
        """
        file = super().convert(value, param, ctx)
        folder = os.path.dirname(os.path.realpath(file))
        if not os.path.isdir(folder):
            number = errno.ENOTDIR if os.path.exists(folder) else errno.ENOENT
        elif not os.path.exists(file) and not os.access(folder, os.W_OK):
            number = errno.EACCES
        else:
            return file
        raise Failed(f"cannot write {show(file)}: {os.strerror(number)}")


def request(*, networks: bool = True, figures: bool = False) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Decorate a command so that it gets one `Request` for all options that commands share.

    This must be the outermost decorator of options. `networks` adds SPEC... and the options that change a network,
    `figures` adds --batch and --dtype.
    """

    collected = {*(NETWORKS if networks else ()), *(FIGURES if figures else ()), *OUTPUT}

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def collecting(**values: Any) -> int:
            shared = {name: values.pop(name) for name in collected & values.keys()}
            with command_errors():
                return command(Request(**shared), **values)

        decorated = _figure_options(collecting) if figures else collecting
        if not networks:
            return decorated
        return click.argument("spec", nargs=-1, shell_complete=complete)(_network_options(decorated))

    return decorate


def _network_options(command: click.decorators.FC) -> click.decorators.FC:
    """-e, -p, --set, --freeze, --input and --arg, and for ONNX models --batch-axis, --branch and --compare-shapes."""
    command = click.option(
        "--compare-shapes",
        is_flag=True,
        help="Compare the shapes in an ONNX model with those that onnx.shape_inference infers (extra `onnx`). By default they "
        "are compared with the shapes in the file.",
    )(command)
    command = click.option(
        "--branch",
        "branches",
        multiple=True,
        metavar="[NAME=]then|else",
        help="Branch of an ONNX model's `If` to read when its condition depends on the values of the inputs.",
    )(command)
    command = click.option(
        "--batch-axis",
        "batch_axes",
        multiple=True,
        metavar="[INPUT=]AXIS",
        help="Batch axis of an ONNX model's input, counted from 0, or `none`; for a TFLite model, 0 or `none`. By default "
        "cnncalc finds it by following every axis through the graph.",
    )(command)
    command = click.option(
        "--arg",
        "arguments",
        multiple=True,
        metavar="NAME=VALUE",
        help="Argument for the callable of torch:MODULE:CALLABLE: a number, true, false, null, [1, 2] or text. cnncalc "
        "imports MODULE, which runs its code.",
    )(command)
    command = click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="[NAME=]SHAPE",
        help="Input shape to use instead of the one in SPEC, channels last, such as 448x448x3. A PyTorch model always needs "
        "this option, which then also takes a type (12:int), one number per example (t=batch:int), [lists], (tuples), "
        "{dictionaries} and plain values (sr=16000:value).",
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
        help="Value for one of the file's params, for a number that a one-line pattern leaves open, for a named dimension of "
        "an ONNX model or .pt2 archive, for a field of a config.json, or for the `scale` of a YOLO file or `phase` of a Caffe "
        "file.",
    )(command)
    return click.option(
        "-e",
        "--expression",
        "lines",
        multiple=True,
        metavar="LINE",
        help='Network in one line, such as "32x32x3 -> CONV3-16 -> FC-10".',
    )(command)


def _figure_options(command: click.decorators.FC) -> click.decorators.FC:
    """--batch and --dtype."""
    command = click.option(
        "--dtype",
        type=click.Choice(sorted(DTYPES)),
        default="float32",
        show_default=True,
        metavar="TYPE",
        help="Data type of all numbers: " + ", ".join(sorted(DTYPES)) + ".",
    )(command)
    return click.option(
        "--batch",
        type=click.IntRange(1, 10**9),
        default=1,
        show_default=True,
        metavar="N",
        help="Examples per batch, for memory.",
    )(command)


def optimizer(command: click.decorators.FC) -> click.decorators.FC:
    """--optimizer, for memory."""
    from cnncalc.api.choices import OPTIMIZERS  # imported here because only some commands have the option

    return click.option(
        "--optimizer",
        type=click.Choice(list(OPTIMIZERS)),
        default="sgd",
        show_default=True,
        metavar="NAME",
        help="Optimizer whose state is counted: " + ", ".join(OPTIMIZERS) + ".",
    )(command)


def amp(
    help: str = "Use mixed precision for memory, as in `cnncalc memory`.",
) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """--amp, for memory; alone it means float16."""
    return click.option("--amp", type=click.Choice(HALVES), is_flag=False, flag_value=HALVES[0], help=help)


def output(formats: Sequence[str]) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """--format, whose default is the first of `formats`, and -o, --color and --no-color."""

    def decorate(command: click.decorators.FC) -> click.decorators.FC:
        command = click.option("--no-color", is_flag=True, help="Same as --color never or setting NO_COLOR.")(command)
        command = click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="When to use colour: only on a terminal (auto), always (like FORCE_COLOR), or never. Output to FILE has "
            "no colour.",
        )(command)
        return click.option(
            "--format",
            "form",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            metavar="FORMAT",
            help="Output format: " + ", ".join(formats) + ".",
        )(output_file(command))

    return decorate


def output_file(command: click.decorators.FC) -> click.decorators.FC:
    """-o, for `cnncalc.cli.run.write`."""
    return click.option(
        "-o",
        "--output",
        "file",
        type=OutputFile(),
        metavar="FILE",
        help="Write to FILE, completely or not at all. A suffix that belongs to another format is an error.",
    )(command)


def examples(*commands: str) -> str:
    """The end of a help page: example commands, each on a line that is never broken."""
    return "\b\n" + "\n".join([f"Example{'s' if len(commands) > 1 else ''}:", *[f"  {line}" for line in commands]])


def complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    """Complete SPEC: shipped names and specifications in the current folder, or any file if neither matches."""
    from click.shell_completion import CompletionItem

    matches = [name for name in names() if name.startswith(incomplete)]
    if matches:
        with suppress(OSError):
            matches += sorted(name for name in os.listdir() if name.startswith(incomplete) and name.endswith(SUFFIXES))
    # first, because bash forgets the items above one of type `file`
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, matches)]
