"""One layer in PyTorch: the module that is made, the line that calls it, and the layout it works in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnncalc.record import Record
from cnncalc.shape import Shape


class Leaf(Record):
    """One layer. `init` makes its module ("" where it has none), `code` is its line with {me}, {out} and operands {0}...

    `wants` is the layout each operand is read in, `layout` that of the value; `hints` name the numbers of `init`.
    """

    init: str
    code: str
    wants: tuple[str, ...]
    layout: str
    hints: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()


Lower = Callable[[Any, tuple[Shape, ...], list[str], Shape], Leaf]


def module(init: str, layout: str, hints: str = "", helpers: tuple[str, ...] = ()) -> Leaf:
    """A layer that is a module of one input, in one layout."""
    return Leaf(init, "{out} = {me}({0})", (layout,), layout, tuple(hints.split()), helpers)


def inline(code: str, wants: Sequence[str], layout: str) -> Leaf:
    """A layer that is an expression."""
    return Leaf("", "{out} = " + code, tuple(wants), layout)


def padding(pads: Sequence[tuple[int, int]]) -> str:
    """The numbers of F.pad for (N, C, ...): the last axis first."""
    return "(" + ", ".join(str(number) for pair in reversed(pads) for number in pair) + ")"
