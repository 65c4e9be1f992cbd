"""The rules of all families in one table."""

from __future__ import annotations

from cnncalc.readers.aten.events import Dims, Event
from cnncalc.readers.aten.network import HANDLERS
from cnncalc.readers.axes import format_dims
from cnncalc.readers.pt2.program import bad
from cnncalc.readers.pt2.shapes.arguments import Arguments, Rule
from cnncalc.readers.pt2.shapes.elementwise import RULES as ELEMENTWISE
from cnncalc.readers.pt2.shapes.products import RULES as PRODUCTS
from cnncalc.readers.pt2.shapes.views import RULES as VIEWS
from cnncalc.readers.pt2.shapes.windows import RULES as WINDOWS
from cnncalc.text import show

RULES: dict[str, Rule] = {**ELEMENTWISE, **VIEWS, **PRODUCTS, **WINDOWS}


def check_event(event: Event) -> tuple[bool, str]:
    """Check the arguments of an operation.

    Returns:
        Whether its rule gives the shapes of its results, and how these differ from those in the file, as a sentence.

    Raises:
        Refused: An argument is missing or of a wrong kind.
    """
    rule = RULES.get(event.op)
    if rule is None:
        if event.op in HANDLERS and not event.inputs:
            raise bad(f"`{show(event.op)}` reads no tensor")
        return False, ""
    expected: list[Dims] | None = rule(Arguments(event))
    if expected is None:
        return False, ""
    for ours, out in zip(expected, event.outs, strict=False):
        if ours != out.dims:
            text = f"`{show(event.op)}` makes {format_dims(ours)}, but the file states {format_dims(out.dims)}"
            return True, text
    return True, ""
