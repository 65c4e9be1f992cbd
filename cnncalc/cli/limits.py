"""Limits as they are typed: `--max-params 500k` and `--max depth=20`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import click

from cnncalc.text import did_you_mean, show

Limit = tuple[str, str]


def maxima_options(quantities: Sequence[str]) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """--max-params, --max-macs, --max-memory, and --max for any of these quantities."""

    def decorate(command: click.decorators.FC) -> click.decorators.FC:
        command = click.option(
            "--max",
            "maxima",
            multiple=True,
            metavar="QUANTITY=N",
            help="Maximum of any quantity: " + ", ".join(quantities) + ". May be repeated.",
        )(command)
        command = click.option(
            "--max-memory",
            metavar="SIZE",
            help="Maximum peak memory, such as 8GB, as `cnncalc memory` calculates it for --mode, --batch and --optimizer.",
        )(command)
        command = click.option("--max-macs", metavar="N", help="Maximum number of multiply-accumulates, such as 4G.")(
            command
        )
        return click.option("--max-params", metavar="N", help="Maximum number of parameters, such as 500k.")(command)

    return decorate


def usual_limits(params: str | None, macs: str | None, memory: str | None) -> list[Limit]:
    """Return the limits that have options of their own, without those that were not given."""
    usual = (("params", params), ("macs", macs), ("memory", memory))
    return [(name, text) for name, text in usual if text is not None]


def read_limits(texts: Iterable[str], option: str, quantities: Sequence[str]) -> list[Limit]:
    """Return limits of the form QUANTITY=N as names and texts.

    Raises:
        click.BadParameter: A text has another form, or there is no such quantity.
    """
    limits = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise click.BadParameter(f"`{show(text)}` is not of the form QUANTITY=N", param_hint=option)
        if name not in quantities:
            help = did_you_mean(name, quantities) or f"the quantities are {', '.join(quantities)}"
            raise click.BadParameter(f"no quantity named `{show(name)}`: {help}", param_hint=option)
        limits.append((name, value))
    return limits


def distinct(limits: Sequence[Limit]) -> dict[str, str]:
    """Return limits by quantity.

    Raises:
        click.UsageError: A quantity has two limits.
    """
    names = [name for name, _ in limits]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f"{name} has two maxima: remove one")
    return dict(limits)
