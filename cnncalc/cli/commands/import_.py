"""`cnncalc import`: a network of another format, or of another file, as a readable specification."""

from __future__ import annotations

import os

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, print_message, write
from cnncalc.cli.suffixes import check_suffix


@click.command(
    "import",
    epilog=options.examples(
        "cnncalc import model.onnx -o model.yaml",
        "cnncalc import mobilenet_v2 -p width=0.5",
        "cnncalc import yolov3.cfg --flat",
    ),
)
@options.request()
@click.option("--flat", is_flag=True, help="Write one step per layer, without blocks, branches or repeats.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@options.output_file
def command(request: Request, flat: bool, force: bool) -> int:
    """Convert SPEC, such as model.onnx, to a YAML file that you can read and change.

    Names are kept. Fields that most layers share become `defaults:`, and parts that occur repeatedly become `blocks:` and
    `repeat:`. Before writing the file, cnncalc reads it back and compares it with SPEC, layer by layer and number by
    number. If anything differs, nothing is written.
    """
    from cnncalc.cli.specs import network_of, print_notes
    from cnncalc.text import plural, show

    check_suffix(request.file, "yaml")
    spec, file = request.only_spec(), request.file
    if file is not None and os.path.isfile(file) and not force:
        raise Failed(f"{show(file)} exists: choose another name, or overwrite it with --force")
    network = network_of(spec, request)
    print_notes(network)
    origin = "" if network.source != spec.text else f"imported from {os.path.basename(spec.text)}"
    text, changed = network.to_specification(origin, flat=flat)
    if changed:
        renamed = ", ".join(f"`{show(old)}` to `{show(new)}`" for old, new in list(changed.items())[:3])
        more = f" and {len(changed) - 3:,} more" if len(changed) > 3 else ""
        print_message(
            f"note: {plural(len(changed), 'name')} changed, because a file cannot have the original: {renamed}{more}"
        )
    write(text, file)
    return 0
