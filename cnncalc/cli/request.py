"""What most commands can be asked for, as one object: networks, changes to them, figures, and where results go."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cnncalc.text import show

# the parameters of commands that `cnncalc.cli.options.request` collects into a Request
NETWORKS = ("spec", "lines", "parameters", "changes", "frozen", "inputs", "arguments", "batch_axes", "branches")
FIGURES = ("batch", "dtype")
OUTPUT = ("form", "file", "color", "no_color")


class Request:
    """The options that commands share, as they were typed or at their defaults."""

    def __init__(
        self,
        spec: Sequence[str] = (),
        lines: Sequence[str] = (),
        parameters: Sequence[str] = (),
        changes: Sequence[str] = (),
        frozen: Sequence[str] = (),
        inputs: Sequence[str] = (),
        arguments: Sequence[str] = (),
        batch_axes: Sequence[str] = (),
        branches: Sequence[str] = (),
        batch: int = 1,
        dtype: str = "float32",
        form: str = "",
        file: str | None = None,
        color: str = "auto",
        no_color: bool = False,
    ) -> None:
        """Split what is NAME=VALUE.

        Raises:
            click.BadParameter: where something does not have that form.
        """
        self.spec = tuple(spec)  # the words of SPEC...
        self.lines = tuple(lines)
        self.parameters = pairs(parameters, "-p")
        self.changes = tuple(changes)
        self.frozen = tuple(frozen)
        self.inputs = named(inputs)
        self.arguments = pairs(arguments, "--arg")
        self.batch_axes = named(batch_axes)
        self.branches = named(branches)
        self.batch = batch
        self.dtype = dtype
        self.form = form
        self.file = file
        self.color = "never" if no_color else color
        for word in self.batch_axes.values():
            if not word.isdecimal() and word != "none":
                raise click.BadParameter(f"`{show(word)}` is neither a number nor `none`", param_hint="--batch-axis")
        for word in self.branches.values():
            if word not in ("then", "else"):
                raise click.BadParameter(f"`{show(word)}` is neither `then` nor `else`", param_hint="--branch")


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """NAME=VALUE by name.

    Raises:
        click.BadParameter: where one has no name or no `=`.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"`{show(text)}` is no NAME=VALUE", param_hint=option)
        found[name.strip()] = value.strip()
    return found


def named(texts: Sequence[str]) -> dict[str, str]:
    """[NAME=]VALUE by name; "" is for the only one, or for all."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        found[name.strip() if equals else ""] = value if equals else text
    return found
