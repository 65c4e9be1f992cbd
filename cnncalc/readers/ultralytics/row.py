"""One row of a model file: `[from, number, module, args]`, with checks of its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite
from typing import Any

from cnncalc.problem import Problem, Where
from cnncalc.text import show

LARGEST = 1_000_000
MOST_REPEATS = 1000


class Sizes:
    """The multiples of a model: depth, width and the largest width before it is multiplied."""

    __slots__ = ("depth", "most", "scale", "width")

    def __init__(self, depth: float, width: float, most: float, scale: str) -> None:
        self.depth = depth
        self.width = width
        self.most = most
        self.scale = scale  # n, s, m, l or x, if the file has scales

    def channels(self, written: float) -> int:
        """Return the width for a written one: multiplied and rounded up to a multiple of 8."""
        return ceil(min(written, self.most) * self.width / 8) * 8

    def repeats(self, written: int) -> int:
        """Return the number of repeats for a written one."""
        return max(round(written * self.depth), 1) if written > 1 else written


class Row:
    """A row with its arguments as numbers, truth values, text, lists or None."""

    __slots__ = ("args", "index", "module", "number", "sizes", "sources", "where")

    def __init__(
        self, index: int, sources: Sequence[int], number: int, module: str, args: list[Any], sizes: Sizes, where: Where
    ) -> None:
        self.index = index
        self.sources = sources
        self.number = number
        self.module = module
        self.args = args
        self.sizes = sizes
        self.where = where

    @property
    def path(self) -> str:
        """Name of the row's block."""
        return f"{self.module.rpartition('.')[2]}_{self.index}"

    def problem(self, text: str, help: str = "", code: str = "bad-value") -> Problem:
        """Return a problem at the row."""
        return Problem(code, f"row {self.index} ({show(self.module)}): {text}", help, where=self.where)

    def value(self, place: int, default: Any) -> Any:
        """Return an argument, or `default` if it is not written."""
        return self.args[place] if place < len(self.args) else default

    def integer(self, place: int, what: str, default: int | None = None, least: int = 1, most: int = LARGEST) -> int:
        """Return a whole number.

        Raises:
            Problem: `bad-value` or `missing-field`.
        """
        value = self.value(place, default)
        if value is None:
            raise self.problem(f"argument {place + 1}, the {what}, is missing", "add it", "missing-field")
        if type(value) is not int or not least <= value <= most:
            text = f"argument {place + 1}, the {what}, must be a whole number from {least:,} to {most:,}; got `{show(value)}`"
            raise self.problem(text)
        return value

    def flag(self, place: int, what: str, default: bool) -> bool:
        """Return a truth value.

        Raises:
            Problem: `bad-value`.
        """
        value = self.value(place, default)
        if not isinstance(value, (bool, int)):
            raise self.problem(f"argument {place + 1}, the {what}, must be True or False; got `{show(value)}`")
        return bool(value)

    def rate(self, place: int, what: str, default: float) -> float:
        """Return a positive number.

        Raises:
            Problem: `bad-value`.
        """
        value = self.value(place, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not isfinite(value)
            or not 0 < value <= 1000
        ):
            raise self.problem(f"argument {place + 1}, the {what}, must be a positive number; got `{show(value)}`")
        return float(value)

    def width(self, place: int = 0) -> int:
        """Return the number of output channels, multiplied by the width of the model.

        Raises:
            Problem: `bad-value` or `missing-field`.
        """
        width = self.sizes.channels(self.integer(place, "number of channels"))
        if not 1 <= width <= LARGEST:
            raise self.problem(
                f"has {width:,} channels, but at most {LARGEST:,} are allowed", "check the width multiple"
            )
        return width

    def numbers(self, place: int, what: str) -> list[int]:
        """Return a list of whole numbers.

        Raises:
            Problem: `bad-value`.
        """
        value = self.value(place, None)
        if (
            not isinstance(value, list)
            or not value
            or not all(type(one) is int and 0 <= one <= LARGEST for one in value)
        ):
            raise self.problem(
                f"argument {place + 1}, the {what}, must be a list of whole numbers; got `{show(value)}`"
            )
        return value
