"""cnncalc list: what is on the shelf."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.suffixes import check_suffix

FIGURES = 64  # what the columns in front of the source take
NARROW = 100  # terminal columns below which there is no room for sources


FORMATS = ("table", "json")


@click.command("list", epilog=options.examples("cnncalc list", "cnncalc list --format json"))
@options.form(FORMATS)
@options.output
def command(form: str, file: str | None, no_color: bool) -> int:
    """The architectures that come with cnncalc: parameters, activations, multiply-adds and source of each."""
    from cnncalc.analyses.totals import analyze
    from cnncalc.cli.display import glyphs, on_terminal, show_lines, width
    from cnncalc.cli.run import write
    from cnncalc.cli.specs import Spec, network_of
    from cnncalc.render.data import to_json
    from cnncalc.render.lines import Grid
    from cnncalc.spec import shelf
    from cnncalc.text import show
    from cnncalc.units import rounded

    check_suffix(file, form, FORMATS)
    wide = width() if on_terminal(file) else 0
    sourced = not 0 < wide < NARROW
    titles = ["name", "input", "params", "activations", "MACs", *(["source"] if sourced else [])]
    grid = Grid(titles, [False, False, True, True, True, False][: len(titles)])
    data = []
    for name in shelf.names():
        network = network_of(Spec(name), (), ())
        total = analyze(network).totals
        shape = ", ".join(str(node.output) for node in network.inputs)
        figures = [rounded(total.params), rounded(total.activations), rounded(total.macs)]
        first, *rest = _wrapped(show(network.source, 300), wide) if sourced else [""]
        styles = ["name", "", "", "", "", "dim"]
        grid.add([name, shape, *figures, first][: len(titles)], styles[: len(titles)])
        for line in rest:
            grid.add(["", "", "", "", "", line], "dim")
        data.append(
            {
                "name": name,
                "title": network.name,
                "source": network.source,
                "inputs": {node.name: list(node.output) for node in network.inputs},
                "params": total.params,
                "activations": total.activations,
                "macs": total.macs,
                "depth": total.depth,
            }
        )
    if form == "json":
        write(to_json(data), file)
    else:
        lines = grid.lines(glyphs(file))
        if not sourced:
            lines += [[], [(f" sources are shown from {NARROW} columns on, and by --format json", "dim")]]
        show_lines(lines, file, no_color)
    return 0


def _wrapped(text: str, wide: int) -> list[str]:
    """The text in lines that fit behind the figures of a terminal; whole where there is none."""
    if not wide:
        return [text]
    from textwrap import wrap

    return wrap(text, max(wide - FIGURES, 24)) or [""]
