"""The memory of a running network as a readable report and as JSON data."""

from __future__ import annotations

from typing import Any

from cnncalc.analyses.memory.answer import Answer, FitInput
from cnncalc.analyses.memory.ledger import Moment
from cnncalc.analyses.memory.peak import ASSUMED, Run, was_run
from cnncalc.render.columns import percent
from cnncalc.render.data import changes_data
from cnncalc.render.lines import Glyphs, Grid, Line, bar, caveat
from cnncalc.text import plural, quoted, show
from cnncalc.units import format_bytes

BAR = 20
HOLDERS = 10
KINDS = (
    "parameters",
    "buffers",
    "optimizer state",
    "input",
    "activations",
    "gradients",
    "gradients in flight",
    "16-bit weights",
    "loss",
    "temporary",
)


def parts_of(moment: Moment) -> list[tuple[str, int]]:
    """Return what is alive at a moment, by kind, largest first. What is alive only at that moment is `temporary`."""
    parts = dict(moment.parts)
    parts["temporary"] = moment.live - sum(parts.values())
    sizes = [(kind, parts[kind]) for kind in KINDS if parts.get(kind)]
    return sorted(sizes, key=lambda part: -part[1])


def format_peak(run: Run, size: int) -> str:
    """Format bytes, with a mark if they are an estimate or a lower bound."""
    return " ".join([*[run.bound] * bool(run.bound), f"{size:,} bytes = {format_bytes(size)}"])


def setting(answer: Answer) -> str:
    """Return the batch and the types of numbers."""
    mixed = f" with autocast to {answer.amp}" if answer.amp else ""
    return f"batch {answer.batch:,}, {answer.dtype}{mixed}"


def report(answer: Answer, glyphs: dict[str, str]) -> list[Line]:
    """Return the whole report."""
    network = answer.network
    lines: list[Line] = [[(show(network.title), "name")]]
    lines.append([(f"{setting(answer)}; storages alive at the same time in PyTorch's eager mode on CUDA", "dim")])
    lines += [[(f"set: {changed}", "note")] for changed in network.changes]
    lines += caveat(network.one_run)
    if answer.training is not None:
        lines += [[], *_training(answer, answer.training, glyphs)]
    if answer.inference is not None and answer.least is not None:
        lines += [[], *_inference(answer, answer.inference, answer.least, glyphs)]
    for rows in (fit_rows(answer), fit_input_rows(answer)):
        lines += [[], *[[(f" {what}", "name"), (words, style)] for what, words, style in rows]] if rows else []
    unknown = unknown_layers(answer)
    lines += [[], [(" note: ", "note"), (unknown, "")]] if unknown else []
    if answer.training is not None and answer.training.fixed["parameters"] and not answer.training.gradients:
        lines += [
            [],
            [(" note: ", "note"), ("every parameter is frozen, so PyTorch's backward() would raise an error", "")],
        ]
    lines += [
        [],
        [(" not counted: the allocator's rounding and fragmentation, cuDNN's workspaces, the CUDA context", "dim")],
    ]
    return lines


def _training(answer: Answer, run: Run, glyphs: dict[str, str]) -> list[Line]:
    peak = run.peak
    lines: list[Line] = [
        [(" training peak   ", "name"), (format_peak(run, peak.live), "total"), (f"  {place(peak)}", "")],
        [(f" {training_terms(answer, run)}; the peak consists of", "dim")],
        *_parts(peak, glyphs),
    ]
    if answer.least_training is not None:
        lines.append(_minimum(answer.least_training))
    if run.saved_by_layer:
        lines += [[], [(f" saved for backward: {_with_bound(bool(run.unknown), run.saved)}, most of it by", "dim")]]
        grid = Grid(["layer", "bytes", ""], [False, True, False])
        heaviest = sorted(run.saved_by_layer.items(), key=lambda item: -item[1])[:HOLDERS]
        for name, size in heaviest:
            grid.add([show(name, 200), f"{size:,}", _share(size, run.saved, glyphs)], ["", "", "bar"])
        lines += grid.lines(glyphs)
    return lines


def training_terms(answer: Answer, run: Run) -> str:
    """Return what a step of training does, and what its peak assumes."""
    return f"one step with {answer.optimizer} and cross-entropy on the output{_recomputed(answer)}{_assumption(run)}"


def _recomputed(answer: Answer) -> str:
    return f", {quoted(answer.checkpoint, 'and')} recomputed in backward" if answer.checkpoint else ""


def _with_bound(bounded: bool, size: int) -> str:
    """Format bytes that do not depend on how long forward holds its values."""
    return ("at least " if bounded else "") + f"{size:,} bytes = {format_bytes(size)}"


def _assumption(run: Run) -> str:
    return f"; assumes that {ASSUMED}" if run.assumes else ""


def _inference(answer: Answer, run: Run, least: Run, glyphs: dict[str, str]) -> list[Line]:
    return [
        [(" inference peak  ", "name"), (format_peak(run, run.peak.live), "total"), (f"  {place(run.peak)}", "")],
        [(f" {inference_terms(answer, run)}; the peak consists of", "dim")],
        *_parts(run.peak, glyphs),
        _minimum(least),
    ]


def inference_terms(answer: Answer, run: Run) -> str:
    """Return how inference runs, and what its peak assumes."""
    how = _assumption(run) if not was_run(answer.network) else ", holding values as long as this module's forward does"
    return f"a PyTorch module in eager mode{how}"


def _minimum(least: Run) -> Line:
    return [
        (" minimum         ", "name"),
        (format_peak(least, least.peak.live), "total"),
        (f"  at {show(least.peak.at, 200)}, with every value freed after its last use", ""),
    ]


def place(moment: Moment) -> str:
    """Return the layer and the phase of a moment."""
    return f"at {show(moment.at, 200)}, {moment.phase}" if moment.phase != "optimizer" else "in the optimizer's step"


def _parts(moment: Moment, glyphs: dict[str, str]) -> list[Line]:
    parts = parts_of(moment)
    wide = max((len(f"{size:,}") for _, size in parts), default=0)
    room = BAR
    if isinstance(glyphs, Glyphs) and glyphs.width:  # a bar that does not fit is left out
        room = max(0, min(BAR, glyphs.width - wide - 34))
    return [
        [(f"   {kind:<20} {size:>{wide},}  ", ""), (_share(size, moment.live, glyphs, room), "bar")]
        for kind, size in parts
    ]


def _share(size: int, whole: int, glyphs: dict[str, str], room: int = BAR) -> str:
    return f"{percent(size, whole):>7} {bar(size, whole, room, glyphs) if room else ''}".rstrip()


def fit_rows(answer: Answer) -> list[tuple[str, str, str]]:
    """Return the largest batches that fit into a size as (what, words, style); none if no size was given."""
    rows: list[tuple[str, str, str]] = []
    fit = answer.fit
    if fit is None:
        return rows
    for name, found, run in (
        ("training", fit.training, answer.training),
        ("inference", fit.inference, answer.inference),
    ):
        if found is None or run is None:
            continue
        without = "a layer has no memory rule" if run.unknown else "the optimizer's step has no memory rule"
        bound = f" at most ({without})" if run.bounded else ""
        if run.assumes and not run.bounded:
            bound = " (estimated)"
        words, style = f"batch {found.batch:,}{bound}", "total"
        if not found.batch:
            noun, peak = "estimated peak" if run.assumes else "peak", _with_bound(run.bounded, found.first.live)
            words, style = f"does not fit even at batch 1, where the {noun} is {peak}, {place(found.first)}", "bad"
        if name == "inference" and run.assumes and not run.unknown and fit.least is not None and fit.least.batch:
            words += f"; batch {fit.least.batch:,} with every value freed after its last use"
        rows.append((f"{name} in {format_bytes(fit.size)}: ", words, style))
    return rows


def fit_input_rows(answer: Answer) -> list[tuple[str, str, str]]:
    """Return the largest inputs that fit into a size as (what, words, style); none if no size was given."""
    rows: list[tuple[str, str, str]] = []
    fit = answer.fit_input
    if fit is None:
        return rows
    for name, run in (("training", answer.training), ("inference", answer.inference)):
        if run is None:
            continue
        start = f"{name} in {format_bytes(fit.size)} at batch {answer.batch:,}: "
        found, least = fit.shapes[name], fit.shapes.get("least")
        words, style = ("no input fits", "bad") if found is None else (f"input {found}", "total")
        if found is not None and (run.assumes or run.unknown):
            words += " at most (a layer has no memory rule)" if run.unknown else " (estimated)"
        if name == "inference" and run.assumes and not run.unknown and least is not None:
            words += f"; {least} with every value freed after its last use"
        rows.append((start, words, style))
    return rows


def unknown_layers(answer: Answer) -> str:
    """Return a note that names what has no memory rule; empty if everything has one."""
    runs = [run for run in (answer.training, answer.inference) if run is not None and run.bounded]
    if not runs:
        return ""
    names = list(dict.fromkeys([*runs[0].unknown, *runs[0].unstated]))
    listed = ", ".join(show(name, 100) for name in names[:3])
    more = f" and {plural(len(names) - 3, 'other')}" if len(names) > 3 else ""
    return f"no memory rule for {listed}{more}: figures are lower bounds"


def data(answer: Answer) -> dict[str, Any]:
    """Return the answer as JSON data (`cnncalc.memory/1`), with sizes in bytes."""
    return {
        "format": "cnncalc.memory/1",
        "name": answer.network.name,
        "spec": answer.network.spec,
        **changes_data(answer.network),
        "batch": answer.batch,
        "dtype": answer.dtype,
        "amp": answer.amp,
        "optimizer": answer.optimizer,
        "checkpoint": list(answer.checkpoint),
        "inference": None
        if answer.inference is None or answer.least is None
        else _inference_data(answer.inference, answer.least),
        "training": None if answer.training is None else _training_data(answer.training, answer.least_training),
        "fit": None
        if answer.fit is None
        else {
            "size_bytes": answer.fit.size,
            "inference_batch": answer.fit.inference and answer.fit.inference.batch,
            "training_batch": answer.fit.training and answer.fit.training.batch,
            "inference_minimum_batch": answer.fit.least and answer.fit.least.batch,
            "exact": _both_exact(answer),
        },
        "one_run": answer.network.one_run or None,
        "fit_input": None if answer.fit_input is None else _fit_input_data(answer.fit_input, _both_exact(answer)),
        "notes": [problem.text for problem in answer.network.warnings],
    }


def _both_exact(answer: Answer) -> bool:
    """True if the peaks of training and inference are both exact, as far as they were calculated."""
    return all(run is None or run.exact for run in (answer.inference, answer.training))


def _fit_input_data(fit: FitInput, exact: bool) -> dict[str, Any]:
    def shape(name: str) -> list[int] | None:
        size = fit.shapes.get(name)
        return None if size is None else list(size)

    return {
        "size_bytes": fit.size,
        "training_input": shape("training"),
        "inference_input": shape("inference"),
        "inference_minimum_input": shape("least"),
        "exact": exact,
    }


def _inference_data(run: Run, least: Run) -> dict[str, Any]:
    fixed = sum(run.fixed.values())
    return {
        "params_bytes": run.fixed["parameters"],
        "buffers_bytes": run.fixed["buffers"],
        "input_bytes": run.fixed["input"],
        "peak_activation_bytes": run.peak.live - fixed,
        "peak_bytes": run.peak.live,
        "minimum_bytes": least.peak.live,
        "peak_at": run.peak.at,
        "minimum_at": least.peak.at,
        "at_peak": dict(parts_of(run.peak)),
        "exact": run.exact,
        "assumes": ASSUMED if run.assumes else None,
        "minimum_exact": least.exact,
    }


def _training_data(run: Run, least: Run | None) -> dict[str, Any]:
    return {
        "params_bytes": run.fixed["parameters"],
        "buffers_bytes": run.fixed["buffers"],
        "gradients_bytes": run.gradients,
        "optimizer_bytes": run.fixed["optimizer state"],
        "input_bytes": run.fixed["input"],
        "saved_bytes": run.saved,
        "peak_bytes": run.peak.live,
        "peak_at": run.peak.at,
        "peak_phase": run.peak.phase,
        "at_peak": dict(parts_of(run.peak)),
        "held": [
            {"layer": name, "bytes": size}
            for name, size in sorted(run.saved_by_layer.items(), key=lambda item: -item[1])
        ],
        "exact": run.exact,
        "assumes": ASSUMED if run.assumes else None,
        "minimum_bytes": (run if least is None else least).peak.live,
        "minimum_exact": not run.unknown,
    }


def timeline(run: Run, wide: int, tall: int, glyphs: dict[str, str]) -> list[Line]:
    """Draw the live bytes over the step as columns, with the peak marked."""
    moments = run.moments
    highest = max(moment.live for moment in moments)
    columns = min(wide - 12, len(moments))
    shown: list[Line] = []
    heights = []
    for column in range(columns):
        part = moments[
            column * len(moments) // columns : max(
                (column + 1) * len(moments) // columns, column * len(moments) // columns + 1
            )
        ]
        heights.append(max(moment.live for moment in part))
    block = glyphs["bar"][0]
    for row in range(tall, 0, -1):
        label = format_bytes(highest) if row == tall else format_bytes(highest // 2) if row == (tall + 1) // 2 else ""
        cells = "".join(block if 2 * height * tall >= highest * (2 * row - 1) else " " for height in heights)
        shown.append([(f" {label:>9} ", "dim"), (cells, "bar")])
    place = next(number for number, height in enumerate(heights) if height == highest)
    shown.append([(" " * (11 + place) + "^ peak" + f" ({run.bound})" * bool(run.bound), "total")])
    backward = next((number for number, moment in enumerate(moments) if moment.phase == "backward"), None)
    if backward is not None:
        turn = backward * columns // len(moments)
        shown.append([(" " * 11 + "forward".ljust(turn)[: max(turn, 7)] + "backward", "dim")])
    return shown
