"""`cnncalc verify`: a network compared with a framework, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import FINDING, Failed, write
from cnncalc.cli.suffixes import check_suffix

if TYPE_CHECKING:
    from cnncalc.render.lines import Line
    from cnncalc.verify import Agreement, Check

FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras"}


FORMATS = ("table", "json")


@click.command(
    "verify",
    epilog=options.examples(
        "cnncalc verify resnet50",
        "cnncalc verify net.yaml --differences",
        "cnncalc verify net.yaml --framework keras --format json",
    ),
)
@options.request()
@click.option(
    "--framework",
    type=click.Choice(list(FRAMEWORKS)),
    default="torch",
    show_default=True,
    help="Framework to compare with.",
)
@click.option("--differences", is_flag=True, help="Show only the layers that differ.")
@options.output(FORMATS)
def command(request: Request, framework: str, differences: bool) -> int:
    """Build SPEC in a framework and compare every layer: output shape, weights, biases, buffers and multiply-adds.

    cnncalc exports the network, as `cnncalc export` does, and runs it without data (in PyTorch, on the meta device). The exit
    status is 1 if anything differs, and 2 if a layer cannot be exported or the framework is not installed.
    """
    from cnncalc.cli.specs import network_of, print_notes
    from cnncalc.readers.options import Missing
    from cnncalc.verify import verify
    from cnncalc.writers.blocks import Unexportable

    check_suffix(request.file, request.form, FORMATS)
    network = network_of(request.only_spec(), request)
    print_notes(network)
    try:
        agreement = verify(network, framework)
    except (Missing, Unexportable) as error:
        raise Failed(str(error)) from None
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(_data(agreement)), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(_report(agreement, differences, glyphs(request.file)), request)
    return 0 if agreement.agrees else FINDING


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
    from cnncalc.render.lines import Grid
    from cnncalc.text import plural, show

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
    from cnncalc import __version__
    from cnncalc.render.data import set_data

    def of(check: Check) -> dict[str, Any]:
        return {"agrees": not check.differences, "cnncalc": check.ours, agreement.framework: check.theirs}

    return {
        "format": "cnncalc.verification/1",
        "cnncalc": __version__,
        "name": agreement.network.name,
        "spec": agreement.network.spec,
        "set": set_data(agreement.network),
        "framework": agreement.framework,
        "version": agreement.version,
        "agrees": agreement.agrees,
        "error": agreement.error or None,
        "layers": [{"name": check.name, "kind": check.kind, **of(check)} for check in agreement.checks],
        "totals": of(agreement.totals),
    }
