"""Layer kinds by name: their names here, in other tools and in policies."""

from __future__ import annotations

from cnncalc.layers.base import KINDS, Layer
from cnncalc.problem import Problem
from cnncalc.text import nearest, show


def kind_named(name: str) -> type[Layer]:
    """The class of a kind.

    Raises:
        Problem: `unknown-layer`, with the nearest kind or its name here.
    """
    found = KINDS.get(name)
    if found is None:
        raise unknown_layer(name)
    return found


def foreign_names() -> dict[str, str]:
    """Names other tools use for layers -> the kind here."""
    return {also.casefold(): kind for kind, layer in KINDS.items() for also in layer.elsewhere.split()}


def families() -> dict[str, tuple[str, ...]]:
    """Every family with its kinds, in the order of the kinds."""
    found: dict[str, list[str]] = {}
    for layer in dict.fromkeys(KINDS.values()):
        for family in layer.families:
            found.setdefault(family, []).append(layer.kind)
    return {family: tuple(kinds) for family, kinds in found.items()}


def unknown_layer(name: str, known: tuple[str, ...] = ()) -> Problem:
    """The error for a kind that does not exist; `known` are further words that could have been meant."""
    folded = name.casefold()
    match = folded if folded in KINDS else foreign_names().get(folded) or nearest(name, (*KINDS, *known))
    help = f"did you mean `{match}`?" if match else "`cnncalc explain` lists the kinds"
    if match and match in KINDS and folded != match and folded in foreign_names():
        help = f"cnncalc calls it `{match}`" + variant_help(match, folded)
    return Problem("unknown-layer", f"no layer named `{show(name)}`", help)


def variant_help(kind: str, folded: str) -> str:
    """What to add to the kind's name for a name of another tool that stands for it with certain fields."""
    fields = KINDS[kind].variants.get(folded)
    return f" with `{fields}`: write, for example, `{kind}: {{{fields}}}`" if fields else ""
