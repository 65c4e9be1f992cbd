"""Helpers for writers: the decorator that fills their tables of layer kinds, and text for numbers and arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
WITHOUT_PLACES = "the positions of the maxima in its max pooling are not among its inputs"


class Unsupported(Exception):  # reported to the user, hence not named Error
    """The target cannot express a layer. The text is the reason."""


def registrar(table: dict[str, T]) -> Callable[..., Callable[[T], T]]:
    """Return a decorator that registers a function in the table under the names of kinds."""

    def kind(*names: str) -> Callable[[T], T]:
        def register(lower: T) -> T:
            table.update(dict.fromkeys(names, lower))
            return lower

        return register

    return kind


def format_sizes(values: Iterable[int]) -> str:
    """Return the numbers of all axes as source: one number if they are equal, otherwise a tuple."""
    sizes = list(values)
    return str(sizes[0]) if len(set(sizes)) == 1 else "(" + ", ".join(map(str, sizes)) + ")"


def keywords(**values: tuple[object, object]) -> str:
    """Return source for the keyword arguments that differ from their defaults, each given as (value, default)."""
    return "".join(f", {name}={value}" for name, (value, default) in values.items() if value != default)
