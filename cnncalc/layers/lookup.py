"""Lookup of layer kinds: by their names here, by their names in other tools, and by their families."""

from __future__ import annotations

from cnncalc.layers.base import KINDS, Layer
from cnncalc.problem import Problem
from cnncalc.text import nearest, show


def kind_named(name: str) -> type[Layer]:
    """Return the class of a kind.

    Raises:
        Problem: `unknown-layer`, with the nearest kind or its name here.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise unknown_layer(name)
    return kind


def foreign_names() -> dict[str, str]:
    """Return the names that other tools use for layers, in lower case, with the kind that each means here."""
    return {also.casefold(): kind for kind, layer in KINDS.items() for also in layer.elsewhere.split()}


def families() -> dict[str, tuple[str, ...]]:
    """Return every family with its kinds, in the order of the kinds."""
    kinds_of: dict[str, list[str]] = {}
    for layer in dict.fromkeys(KINDS.values()):
        for family in layer.families:
            kinds_of.setdefault(family, []).append(layer.kind)
    return {family: tuple(kinds) for family, kinds in kinds_of.items()}


def unknown_layer(name: str, known: tuple[str, ...] = ()) -> Problem:
    """Return the error for a kind that does not exist. `known` are further words to suggest."""
    folded = name.casefold()
    match = folded if folded in KINDS else foreign_names().get(folded) or nearest(name, (*KINDS, *known))
    help = f"did you mean `{match}`?" if match else "`cnncalc explain` lists the kinds"
    if match and match in KINDS and folded != match and folded in foreign_names():
        help = f"cnncalc calls it `{match}`" + variant_help(match, folded)
    return Problem("unknown-layer", f"no layer named `{show(name)}`", help)


def variant_help(kind: str, folded: str) -> str:
    """Return what a suggestion adds after the kind, for a name of another tool that implies certain fields."""
    fields = KINDS[kind].variants.get(folded)
    return f" with `{fields}`: write, for example, `{kind}: {{{fields}}}`" if fields else ""
