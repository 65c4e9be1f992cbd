"""`cnncalc schema`: the JSON Schema of architecture files."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.run import write
from cnncalc.cli.suffixes import check_suffix


@click.command("schema", epilog=options.examples("cnncalc schema -o schema.json"))
@options.output_file
def command(file: str | None) -> int:
    """Print the JSON Schema of architecture files, which editors use to complete and check them."""
    import json

    from cnncalc.api.shelf import schema

    check_suffix(file, "json")
    write(json.dumps(schema(), indent=1) + "\n", file)
    return 0
