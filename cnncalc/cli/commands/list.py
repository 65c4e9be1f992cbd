"""`cnncalc list`: the shipped architectures."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.suffixes import check_suffix

NARROW = 100  # terminals with fewer columns have no room for sources


FORMATS = ("table", "json")


@click.command("list", epilog=options.examples("cnncalc list", "cnncalc list --format json"))
@options.request(networks=False)
@options.output(FORMATS)
def command(request: Request) -> int:
    """List the architectures that come with cnncalc, with their parameters, activations, multiply-adds and sources."""
    from cnncalc.api.shelf import architectures
    from cnncalc.cli.run import write

    form, file = request.form, request.file
    check_suffix(file, form, FORMATS)
    data = [architecture.to_dict() for architecture in architectures()]
    if form == "json":
        from cnncalc.render.data import to_json

        write(to_json(data), file)
        return 0
    from cnncalc.cli.display import glyphs, on_terminal, show_lines, width
    from cnncalc.render.lines import Grid
    from cnncalc.shape import Shape
    from cnncalc.text import show
    from cnncalc.units import format_count

    sourced = not on_terminal(file) or width() >= NARROW
    columns = 6 if sourced else 5
    grid = Grid(
        ["name", "input", "params", "activations", "MACs", "source"][:columns],
        [False, False, True, True, True, False][:columns],
    )
    for row in data:
        shape = ", ".join(str(Shape(axes)) for axes in row["inputs"].values())
        figures = [format_count(row[quantity]) for quantity in ("params", "activations", "macs")]
        cells = [row["name"], shape, *figures, show(row["source"], 300)]
        grid.add(cells[:columns], ["name", "", "", "", "", "dim"][:columns])
    lines = grid.lines(glyphs(file))
    if not sourced:
        lines += [[], [(f" sources are shown on terminals of {NARROW} columns or more, and by --format json", "dim")]]
    show_lines(lines, request)
    return 0
