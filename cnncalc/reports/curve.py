"""The memory curve of a page: the picture, and what is alive at each moment for the script that shows it."""

from __future__ import annotations

import json

from cnncalc.analyses.memory.answer import Answer
from cnncalc.analyses.memory.peak import Run
from cnncalc.drawing.memory import columns_of
from cnncalc.render.html.elements import Html, element
from cnncalc.render.html.memory import curve, drawn_run
from cnncalc.render.memory import KINDS, parts_of
from cnncalc.text import show


def curve_with_moments(answer: Answer) -> Html:
    """Return the live bytes over the step as a picture, with the data of its columns."""
    data = Html(json.dumps(moments(drawn_run(answer)), separators=(",", ":")).replace("<", "\\u003c"))
    readout = element("div", class_="moment screen", aria_live="polite")
    script = element("script", data, type="application/json")
    return element("div", curve(answer), readout, script, class_="curve")


def moments(run: Run) -> dict[str, object]:
    """Return the moments of a run: phase, layer, bytes, and the bytes of each kind in the order of `kinds`."""
    shown = [moment for moment, _ in columns_of(run)]
    kinds = [kind for kind in KINDS if any(kind in dict(parts_of(moment)) for moment in shown)]
    rows = []
    for moment in shown:
        parts = dict(parts_of(moment))
        rows.append([moment.phase, show(moment.at, 200), moment.live, *[parts.get(kind, 0) for kind in kinds]])
    peak = next(place for place, moment in enumerate(shown) if moment.live == run.peak.live)
    return {"bound": f"{run.bound} " if run.bound else "", "kinds": kinds, "peak": peak, "moments": rows}
