"""Words that the exporters share: the table of what kinds become, numbers and arguments of source."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
WITHOUT_PLACES = "the places that its max pooling found are not among its inputs"


class Unsaid(Exception):  # said in words, not an error of the program
    """A target has no words for a layer; the text is why."""


def registrar(table: dict[str, T]) -> Callable[..., Callable[[T], T]]:
    """A decorator that registers what kinds become."""

    def kind(*names: str) -> Callable[[T], T]:
        def keep(lower: T) -> T:
            table.update(dict.fromkeys(names, lower))
            return lower

        return keep

    return kind


def sized(values: Iterable[int]) -> str:
    """A number for every axis, written once where all are the same."""
    found = list(values)
    return str(found[0]) if len(set(found)) == 1 else "(" + ", ".join(map(str, found)) + ")"


def words(**values: tuple[object, object]) -> str:
    """Keyword arguments that differ from their defaults."""
    return "".join(f", {name}={value}" for name, (value, default) in values.items() if value != default)
