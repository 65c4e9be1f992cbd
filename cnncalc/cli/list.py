"""cnncalc list: what is on the shelf."""

from __future__ import annotations

import click

from cnncalc.cli import options


@click.command("list", epilog="Examples: cnncalc list; cnncalc list --format json")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True, help="What to print."
)
@options.output
def command(form: str, file: str | None, no_color: bool) -> int:
    """The architectures that come with cnncalc: parameters, activations, multiply-adds and source of each."""
    from cnncalc.analyses.totals import analyze
    from cnncalc.cli.display import glyphs, show_lines
    from cnncalc.cli.run import write
    from cnncalc.cli.specs import Spec, network_of
    from cnncalc.render.data import to_json
    from cnncalc.render.lines import Grid
    from cnncalc.spec import shelf
    from cnncalc.text import show
    from cnncalc.units import rounded

    grid = Grid(["name", "input", "params", "activations", "MACs", "source"], [False, False, True, True, True, False])
    data = []
    for name in shelf.names():
        network = network_of(Spec(name), (), ())
        total = analyze(network).totals
        shape = ", ".join(str(node.output) for node in network.inputs)
        cells = [
            name,
            shape,
            rounded(total.params),
            rounded(total.activations),
            rounded(total.macs),
            show(network.source),
        ]
        grid.add(cells, ["name", "", "", "", "", "dim"])
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
        show_lines(grid.lines(glyphs(file)), file, no_color)
    return 0
