"""The memory curve of a page: the picture, and what is alive at each moment for the script that shows it."""

from __future__ import annotations

import json

from cnncalc.analyses.memory.answer import Answer
from cnncalc.analyses.memory.peak import Run
from cnncalc.render.html.elements import Html, element
from cnncalc.render.html.memory import curve_svg
from cnncalc.render.memory import KINDS, parts_of
from cnncalc.text import show


def curve(answer: Answer) -> Html:
    """Return the live bytes over the step as a picture, with the data of its moments."""
    run = answer.training or answer.inference
    assert run is not None
    data = Html(json.dumps(moments(run), separators=(",", ":")).replace("<", "\\u003c"))
    return element(
        "div",
        element("div", Html(curve_svg(answer)), class_="plot"),
        element("div", class_="moment screen", aria_live="polite"),
        element("script", data, type="application/json"),
        class_="curve",
    )


def moments(run: Run) -> dict[str, object]:
    """Return the moments of a run: phase, layer, bytes, and the bytes of each kind in the order of `kinds`."""
    kinds = [kind for kind in KINDS if any(kind in dict(parts_of(moment)) for moment in run.moments)]
    rows = []
    for moment in run.moments:
        parts = dict(parts_of(moment))
        rows.append([moment.phase, show(moment.at, 200), moment.live, *[parts.get(kind, 0) for kind in kinds]])
    peak = next(place for place, moment in enumerate(run.moments) if moment.live == run.peak.live)
    return {"bound": f"{run.bound} " if run.bound else "", "kinds": kinds, "peak": peak, "moments": rows}
