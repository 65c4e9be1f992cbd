"""cnncalc verify: a network against a framework, layer by layer."""

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
    help="Who is asked.",
)
@click.option("--differences", is_flag=True, help="Show only the layers that differ.")
@options.output(FORMATS)
def command(request: Request, framework: str, differences: bool) -> int:
    """Build SPEC in a framework and compare every layer: output shape, weights, biases, buffers and multiply-adds.

    The network is exported as by `cnncalc export` and run without data (PyTorch: on the meta device). Exit status 1 where
    anything differs, 2 where a layer cannot be exported or the framework is not installed.
    """
    from cnncalc.cli.specs import announce, network_of
    from cnncalc.readers.options import Missing
    from cnncalc.verify import verify
    from cnncalc.writers.blocks import Unexportable

    check_suffix(request.file, request.form, FORMATS)
    network = network_of(options.only(request), request)
    announce(network)
    try:
        found = verify(network, framework)
    except (Missing, Unexportable) as error:
        raise Failed(str(error)) from None
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(_data(found)), request.file)
    else:
        from cnncalc.cli.display import glyphs, show_lines

        show_lines(_report(found, differences, glyphs(request.file)), request)
    return 0 if found.agrees else FINDING


def _cell(check: Check, quantities: tuple[str, ...]) -> str:
    """A figure both agree on, or both of them."""
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


def _report(found: Agreement, differences: bool, glyphs: dict[str, str]) -> list[Line]:
    from cnncalc.render.lines import Grid
    from cnncalc.text import plural, show

    who = f"{FRAMEWORKS[found.framework]} {found.version}"
    grid = Grid(["layer", *COLUMNS, ""], [False, False, True, True, True, True, False])

    def add(check: Check) -> None:
        wrong = bool(check.differences)
        cells = [show(check.name, 200), *[_cell(check, names) for names in COLUMNS.values()]]
        mark = glyphs["wrong" if wrong else "right"]
        grid.add([*cells, mark], "bad" if wrong else [*[""] * (len(cells)), "good"])

    for check in found.checks:
        if check.differences or not differences:
            add(check)
    grid.rule()
    add(found.totals)
    wrong = sum(1 for check in found.checks if check.differences)
    lines = [[(f"{show(found.network.title)} and {who}", "name")], [], *grid.lines(glyphs), []]
    if found.error:
        place = next((check for check in found.checks if check.theirs is None), None)
        at = f" at {place.kind} `{show(place.name)}`" if place is not None else ""
        lines.append([(f" {who} ends{at} with {show(found.error, 300)}", "bad")])
    if found.totals.theirs is not None and found.totals.theirs["macs"] is None:
        lines.append([(f" multiply-adds are cnncalc's own: {FRAMEWORKS[found.framework]} counts none", "note")])
    if found.agrees:
        layers = plural(len(found.checks), "layer")
        lines.append([(f" {glyphs['right']} {who} agrees in every figure of {layers}", "good")])
    else:
        what = plural(wrong, "layer differs", "layers differ") if wrong else "the totals differ"
        lines.append([(f" {glyphs['wrong']} {what}: cnncalc / {who}", "bad")])
    return lines


def _data(found: Agreement) -> dict[str, Any]:
    from cnncalc import __version__
    from cnncalc.render.data import set_data

    def of(check: Check) -> dict[str, Any]:
        return {"agrees": not check.differences, "cnncalc": check.ours, found.framework: check.theirs}

    return {
        "format": "cnncalc.verification/1",
        "cnncalc": __version__,
        "name": found.network.name,
        "spec": found.network.spec,
        "set": set_data(found.network),
        "framework": found.framework,
        "version": found.version,
        "agrees": found.agrees,
        "error": found.error or None,
        "layers": [{"name": check.name, "kind": check.kind, **of(check)} for check in found.checks],
        "totals": of(found.totals),
    }
