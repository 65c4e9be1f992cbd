"""The translation of one layer to PyTorch: the module, the line that calls it, and the layout of its tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnncalc.record import Record
from cnncalc.shape import Shape


class Leaf(Record):
    """The translation of one layer.

    `init` creates its module, or is empty if it has none. `code` is the line that computes its value, with {me}, {out} and
    the operands {0}, {1} and so on. `wants` is the layout of each operand and `layout` that of the value: "first" or
    "last" for the channels. `hints` are names for the numbers in `init`, `helpers` the classes that it needs.
    """

    init: str
    code: str
    wants: tuple[str, ...]
    layout: str
    hints: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()


Lower = Callable[[Any, tuple[Shape, ...], list[str], Shape], Leaf]


def module(init: str, layout: str, hints: str = "", helpers: tuple[str, ...] = ()) -> Leaf:
    """Translate a layer to a module with one input, whose layout its output has, too."""
    return Leaf(init, "{out} = {me}({0})", (layout,), layout, tuple(hints.split()), helpers)


def inline(code: str, wants: Sequence[str], layout: str) -> Leaf:
    """Translate a layer to an expression."""
    return Leaf("", "{out} = " + code, tuple(wants), layout)


def padding(pads: Sequence[tuple[int, int]]) -> str:
    """Return the numbers of F.pad for (N, C, ...), last axis first."""
    return "(" + ", ".join(str(number) for pair in reversed(pads) for number in pair) + ")"
