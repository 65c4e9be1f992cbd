"""The memory of a running network as HTML: each peak with its parts, what is saved, and the curve over the step."""

from __future__ import annotations

from cnncalc.analyses.memory.answer import Answer
from cnncalc.analyses.memory.ledger import Moment
from cnncalc.analyses.memory.peak import Run
from cnncalc.drawing.formats.svg import to_svg
from cnncalc.drawing.memory import memory_view
from cnncalc.render.html.elements import Html, element, joined, safe
from cnncalc.render.html.fragment import caveat, fragment, heading, number, share
from cnncalc.render.memory import (
    fit_input_rows,
    fit_rows,
    format_peak,
    inference_terms,
    parts_of,
    place,
    setting,
    training_terms,
    unknown_layers,
)
from cnncalc.units import format_bytes

HOLDERS = 10  # layers that save the most for backward
NOT_COUNTED = "not counted: the allocator's rounding and fragmentation, cuDNN's workspaces, the CUDA context"


def memory_html(answer: Answer) -> str:
    """Return the peaks of training and inference as HTML for a notebook, with the curve of one of them."""
    network = answer.network
    changes = [element("p", "set: ", safe(change), class_="note") for change in network.changes]
    return fragment(
        heading(network.title, terms(answer)), *changes, caveat(network.one_run), peaks(answer), curve(answer)
    )


def terms(answer: Answer) -> str:
    """Return what is measured, and for what batch."""
    return f"{setting(answer)}; storages alive at the same time in PyTorch's eager mode on CUDA"


def peaks(answer: Answer, heading: str = "h4") -> Html:
    """Return the peaks of training and inference below headings, what they consist of, and what fits."""
    parts = []
    if answer.training is not None:
        parts.append(_peak(heading, "training peak", answer.training, training_terms(answer, answer.training)))
        parts.append(_minimum(answer.least_training))
        parts.append(_saved(heading, answer.training))
    if answer.inference is not None:
        parts.append(_peak(heading, "inference peak", answer.inference, inference_terms(answer, answer.inference)))
        parts.append(_minimum(answer.least))
    rows = (*fit_rows(answer), *fit_input_rows(answer))
    parts += [element("p", element("b", safe(what)), safe(words)) for what, words, _ in rows]
    return joined([*parts, caveat(unknown_layers(answer)), element("p", NOT_COUNTED, class_="dim")])


def curve(answer: Answer) -> Html:
    """Return the live bytes over a training step, or over inference if only that was calculated, as a picture."""
    mode = answer.optimizer if answer.training is not None else "inference"
    scene = memory_view(drawn_run(answer), f"{answer.network.title}, {setting(answer)}, {mode}")
    return element("div", Html(to_svg(scene, "inherit")), class_="plot")


def drawn_run(answer: Answer) -> Run:
    """Return the run whose curve is drawn."""
    run = answer.training or answer.inference
    assert run is not None
    return run


def _peak(heading: str, what: str, run: Run, terms: str) -> Html:
    return joined(
        [
            element(heading, what, ": ", format_peak(run, run.peak.live), " ", safe(place(run.peak))),
            element("p", terms, class_="dim"),
            parts(run.peak),
        ]
    )


def parts(moment: Moment) -> Html:
    """Return what is alive at a moment, by kind, as a table with bars."""
    return _bars([(kind, size) for kind, size in parts_of(moment)], moment.live)


def _saved(heading: str, run: Run) -> Html:
    if not run.saved_by_layer:
        return Html()
    heaviest = sorted(run.saved_by_layer.items(), key=lambda item: -item[1])[:HOLDERS]
    bound = "at least " if run.unknown else ""
    size = f"{bound}{run.saved:,} bytes = {format_bytes(run.saved)}"
    title = element(heading, f"saved for backward: {size}, most of it by")
    return joined([title, _bars(heaviest, run.saved)])


def _bars(sizes: list[tuple[str, int]], whole: int) -> Html:
    rows = [
        element("tr", element("th", safe(name), scope="row"), number(f"{size:,} B"), share(size, whole))
        for name, size in sizes
    ]
    return element("div", element("table", element("tbody", *rows)), class_="scroll")


def _minimum(least: Run | None) -> Html:
    if least is None:
        return Html()
    words = f"at {least.peak.at}, with every value freed after its last use"
    return element("p", element("b", "minimum: "), format_peak(least, least.peak.live), " ", safe(words))
