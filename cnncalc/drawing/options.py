"""What a picture is asked to show; the same options whether they come from the command line or from Python."""

from __future__ import annotations

from cnncalc.analyses.totals import Analysis
from cnncalc.record import Record

VIEWS = ("auto", "volumes", "graph", "memory")
THEMES = ("light", "dark", "auto")
SHOWN = ("params", "macs", "memory", "rf")
COLORINGS = ("kind", "params", "macs", "memory", "stage")
A4 = (595.28, 841.89)  # points, portrait
SMALLEST_TEXT = 8.0  # points; the text of a caption is never smaller


class Options(Record):
    """How to draw a network. `width` is that of the page in points; None leaves it to the view."""

    view: str = "auto"
    depth: int | None = None
    horizontal: bool = False
    show: tuple[str, ...] = ()
    color_by: str = "kind"
    highlight: tuple[str, ...] = ()
    legend: bool = True
    width: float | None = None
    receptive_field: str | None = None
    layer: str | None = None
    against: Analysis | None = None  # of the graph view: the network to compare with
    mode: str = "train"  # of the memory view, with the optimizer
    optimizer: str = "sgd"
