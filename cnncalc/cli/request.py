"""The options that commands share, as one object: the networks, changes to them, the figures, and the output."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import click

from cnncalc.api.specs import LoadOptions, Spec
from cnncalc.text import show

# the parameters of commands that `cnncalc.cli.options.request` collects into a Request
NETWORKS = (
    "spec",
    "lines",
    "parameters",
    "changes",
    "frozen",
    "inputs",
    "arguments",
    "batch_axes",
    "branches",
    "compare_shapes",
)
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
        compare_shapes: bool = False,
        batch: int = 1,
        dtype: str = "float32",
        form: str = "",
        file: str | None = None,
        color: str = "auto",
        no_color: bool = False,
    ) -> None:
        """Split the options of the form NAME=VALUE.

        Raises:
            click.BadParameter: If an option does not have its form.
        """
        self.words = tuple(spec)  # SPEC..., which `explain` reads as SPEC LAYER...
        self.lines = tuple(lines)
        self.options = LoadOptions(
            inputs=split_names(inputs),
            parameters=split_pairs(parameters, "-p"),
            changes=tuple(changes),
            frozen=tuple(frozen),
            arguments=split_pairs(arguments, "--arg"),
            batch_axes=split_names(batch_axes),
            branches=split_names(branches),
            compare_shapes=compare_shapes,
        )
        self.batch = batch
        self.dtype = dtype
        self.form = form
        self.file = file
        self.color = "never" if no_color else color
        for word in self.options.batch_axes.values():
            if not word.isdecimal() and word != "none":
                raise click.BadParameter(f"`{show(word)}` is neither a number nor `none`", param_hint="--batch-axis")
        for word in self.options.branches.values():
            if word not in ("then", "else"):
                raise click.BadParameter(f"`{show(word)}` is neither `then` nor `else`", param_hint="--branch")

    def specs(self) -> list[Spec]:
        """All specifications that were typed.

        Raises:
            click.UsageError: If there is none.
        """
        specs = [Spec(word) for word in self.words] + [Spec(line, line=True) for line in self.lines]
        if not specs:
            raise click.UsageError(
                "no SPEC: write a file, the name of a shipped architecture such as vgg16, or -e LINE"
            )
        return specs

    def only_spec(self) -> Spec:
        """The specification of a command that takes exactly one.

        Raises:
            click.UsageError: If there is none, or more than one.
        """
        specs = self.specs()
        if len(specs) != 1:
            raise click.UsageError(f"{click.get_current_context().info_name} takes one network, not {len(specs)}")
        return specs[0]

    def with_inputs(self, inputs: Mapping[str, str]) -> Request:
        """The same request for other input shapes."""
        other = copy.copy(self)
        other.options = self.options.with_inputs(inputs)
        return other


def split_pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """Split each NAME=VALUE.

    Raises:
        click.BadParameter: If a text has no name or no `=`.
    """
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"`{show(text)}` is not of the form NAME=VALUE", param_hint=option)
        pairs[name.strip()] = value.strip()
    return pairs


def split_names(texts: Sequence[str]) -> dict[str, str]:
    """Split each [NAME=]VALUE. A missing name becomes "", which means the only input, or all of them."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        values[name.strip() if equals else ""] = value if equals else text
    return values
