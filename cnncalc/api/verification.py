"""A network compared with a framework, layer by layer: what `cnncalc verify` prints."""

from __future__ import annotations

from typing import Any

from cnncalc import __version__
from cnncalc.render.data import changes_data
from cnncalc.render.lines import UNICODE, Grid, Line, plain
from cnncalc.text import plural, show
from cnncalc.verify import Agreement, Check

FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras"}


class Verification(Agreement):
    """The comparison of a network with a framework. `str()` is the report of `cnncalc verify`.

    Attributes
    ----------
    framework, version : str
        What the network was compared with.
    checks : list of cnncalc.verify.Check
        For each layer `ours`, `theirs` and the names of the `differences`.
    totals : cnncalc.verify.Check
        The same for the whole network.
    error : str
        The error that stopped the framework, or an empty text.
    agrees : bool
        True if there is no difference.
    """

    def lines(self, glyphs: dict[str, str] = UNICODE, *, differences: bool = False) -> list[Line]:
        """Return the report as lines of styled spans, of all layers or only of those with `differences`."""
        return _report(self, differences, glyphs)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as in `cnncalc verify --format json`."""
        return _data(self)

    def __str__(self) -> str:
        return plain(self.lines())

    def __repr__(self) -> str:
        verdict = "agrees" if self.agrees else "differs"
        return f"<Verification of {show(self.network.title)}: {FRAMEWORKS[self.framework]} {self.version} {verdict}>"


def _cell(check: Check, quantities: tuple[str, ...]) -> str:
    """The figure if both agree, otherwise both figures."""
    ours = _text(check.ours, quantities)
    if not any(name in check.differences for name in quantities):
        return ours
    return f"{ours} / {'nothing' if check.theirs is None else _text(check.theirs, quantities)}"


def _text(facts: dict[str, Any], quantities: tuple[str, ...]) -> str:
    if quantities == ("output",):
        shape = facts["output"]
        shapes = shape if shape and isinstance(shape[0], list) else [shape]
        return ", ".join("x".join(map(str, one)) for one in shapes)
    return f"{sum(facts[name] for name in quantities):,}"


COLUMNS: dict[str, tuple[str, ...]] = {
    "output": ("output",), "weights": ("weights",), "biases": ("biases",), "buffers": ("buffers",), "MACs": ("macs",)
}  # fmt: skip


def _report(agreement: Agreement, differences: bool, glyphs: dict[str, str]) -> list[Line]:
    framework = f"{FRAMEWORKS[agreement.framework]} {agreement.version}"
    grid = Grid(["layer", *COLUMNS, ""], [False, False, True, True, True, True, False])

    def add(check: Check) -> None:
        wrong = bool(check.differences)
        cells = [show(check.name, 200), *[_cell(check, names) for names in COLUMNS.values()]]
        mark = glyphs["wrong" if wrong else "right"]
        grid.add([*cells, mark], "bad" if wrong else [*[""] * (len(cells)), "good"])

    for check in agreement.checks:
        if check.differences or not differences:
            add(check)
    grid.rule()
    add(agreement.totals)
    wrong = sum(1 for check in agreement.checks if check.differences)
    lines = [[(f"{show(agreement.network.title)} and {framework}", "name")], [], *grid.lines(glyphs), []]
    if agreement.error:
        place = next((check for check in agreement.checks if check.theirs is None), None)
        at = f" at {place.kind} `{show(place.name)}`" if place is not None else ""
        lines.append([(f" {framework} failed{at}: {show(agreement.error, 300)}", "bad")])
    if agreement.totals.theirs is not None and agreement.totals.theirs["macs"] is None:
        lines.append([(f" only cnncalc counts multiply-adds: {FRAMEWORKS[agreement.framework]} does not", "note")])
    if agreement.agrees:
        layers = plural(len(agreement.checks), "layer")
        lines.append([(f" {glyphs['right']} {framework} agrees with cnncalc in every figure of {layers}", "good")])
    else:
        what = plural(wrong, "layer differs", "layers differ") if wrong else "the totals differ"
        lines.append([(f" {glyphs['wrong']} {what}: cnncalc / {framework}", "bad")])
    return lines


def _data(agreement: Agreement) -> dict[str, Any]:
    def of(check: Check) -> dict[str, Any]:
        return {"agrees": not check.differences, "cnncalc": check.ours, agreement.framework: check.theirs}

    return {
        "format": "cnncalc.verification/1",
        "cnncalc": __version__,
        "name": agreement.network.name,
        "spec": agreement.network.spec,
        **changes_data(agreement.network),
        "framework": agreement.framework,
        "version": agreement.version,
        "agrees": agreement.agrees,
        "error": agreement.error or None,
        "layers": [{"name": check.name, "kind": check.kind, **of(check)} for check in agreement.checks],
        "totals": of(agreement.totals),
    }
