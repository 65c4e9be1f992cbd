"""The arguments of an operator, checked for their kinds and ranges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from cnncalc.readers.aten.events import Dims, Event, Var
from cnncalc.readers.axes import broadcast_dims, format_dims
from cnncalc.readers.pt2.program import bad
from cnncalc.text import show

LARGEST = 2**40
Rule: TypeAlias = "Callable[[Arguments], list[Dims] | None]"


class Arguments:
    """The arguments of an event. Each method refuses what is not of its kind, with the name of the argument."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.op = event.op
        self.values = event.args

    def wrong(self, name: str, what: str) -> Exception:
        """Return the error for an argument. `what` follows its name."""
        return bad(f"`{show(name)}` of `{show(self.op)}` {what}")

    def tensor(self, name: str, least: int = 0, most: int = 64) -> Var:
        """Return a tensor with at least and at most so many dimensions."""
        value = self.values.get(name)
        if not isinstance(value, Var):
            raise self.wrong(name, "is not a tensor")
        if not least <= len(value.dims) <= most:
            wanted = (
                f"{least}" if least == most else f"at least {least}" if len(value.dims) < least else f"at most {most}"
            )
            raise self.wrong(name, f"has {len(value.dims)} dimensions instead of {wanted}")
        return value

    def first(self) -> Var:
        """Return the first tensor among the arguments."""
        if not self.event.inputs:
            raise bad(f"`{show(self.op)}` reads no tensor")
        return self.event.inputs[0]

    def maybe(self, name: str) -> Var | None:
        """Return a tensor, or None if it is left out."""
        return self.tensor(name) if self.values.get(name) is not None else None

    def tensors(self, name: str) -> list[Var]:
        """Return a list of at least one tensor."""
        values = self.values.get(name)
        if not isinstance(values, list) or not values or not all(isinstance(value, Var) for value in values):
            raise self.wrong(name, "is not a list of tensors")
        return values

    def integer(self, name: str, low: int = -LARGEST, high: int = LARGEST, default: int | None = None) -> int:
        """Return a whole number in a range."""
        value = self.values.get(name, default)
        value = default if value is None else value
        if type(value) is not int:
            raise self.wrong(name, "is not a whole number")
        if not low <= value <= high:
            raise self.wrong(name, f"is {value:,}, but must be from {low:,} to {high:,}")
        return value

    def integers(self, name: str, low: int = -LARGEST, high: int = LARGEST) -> list[int]:
        """Return a list of whole numbers in a range. A single number is a list of one."""
        value = self.values.get(name)
        numbers = value if isinstance(value, (list, tuple)) else [value]
        for number in numbers:
            if type(number) is not int:
                raise self.wrong(name, "is not a list of whole numbers")
            if not low <= number <= high:
                raise self.wrong(name, f"contains {number:,}, but numbers must be from {low:,} to {high:,}")
        return list(numbers)

    def per_axis(self, name: str, rank: int, low: int = 0, high: int = LARGEST) -> list[int]:
        """Return one whole number for each of `rank` axes."""
        numbers = self.integers(name, low, high)
        if len(numbers) not in (1, rank):
            raise self.wrong(name, f"has {len(numbers)} numbers for {rank} axes")
        return numbers * rank if len(numbers) == 1 else numbers

    def axis(self, name: str, rank: int, default: int | None = None) -> int:
        """Return an axis, counted from 0."""
        rank = max(rank, 1)
        return self.integer(name, -rank, rank - 1, default) % rank

    def axes(self, name: str, rank: int) -> list[int]:
        """Return several different axes, counted from 0; all of them if none are given."""
        if self.values.get(name) in (None, []):
            return list(range(rank))
        rank = max(rank, 1)
        axes = [number % rank for number in self.integers(name, -rank, rank - 1)]
        if len(set(axes)) < len(axes):
            raise self.wrong(name, "names an axis twice")
        return axes


def broadcast(arguments: Arguments, shapes: Sequence[Dims]) -> Dims:
    """Return the dimensions of an elementwise result."""
    result = broadcast_dims(shapes)
    if result is None:
        written = " and ".join(show(format_dims(dims)) for dims in shapes[:4])
        raise bad(f"`{show(arguments.op)}` cannot combine {written}")
    return result
