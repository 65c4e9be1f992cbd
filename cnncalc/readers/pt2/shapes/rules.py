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


def check_event(event: Event) -> bool:
    """Check the arguments of an operation, and that the file states the shapes that the operator makes.

    Returns:
        Whether there is a rule that gives the shapes.

    Raises:
        Refused: An argument is missing or of a wrong kind, or a shape is another one.
    """
    rule = RULES.get(event.op)
    if rule is None:
        if event.op in HANDLERS and not event.inputs:
            raise bad(f"`{show(event.op)}` reads no tensor")
        return False
    expected: list[Dims] | None = rule(Arguments(event))
    if expected is None:
        return False
    for ours, out in zip(expected, event.outs, strict=False):
        if ours != out.dims:
            text = f"`{show(event.op)}` makes {format_dims(ours)} here, but the file states {format_dims(out.dims)}"
            raise bad(text, code="shapes-disagree")
    return True
