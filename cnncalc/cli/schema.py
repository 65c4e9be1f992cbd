"""cnncalc schema: the JSON Schema of architecture files."""

from __future__ import annotations

import click

from cnncalc.cli.run import write


@click.command("schema", epilog="Example: cnncalc schema -o schema.json")
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write to FILE, whole or not at all.",
)
def command(file: str | None) -> int:
    """Print the JSON Schema of architecture files, with which editors complete and check them."""
    import json

    from cnncalc.spec.schema import schema

    write(json.dumps(schema(), indent=1) + "\n", file)
    return 0
