"""cnncalc import: a network of another format, or another file, as a readable specification."""

from __future__ import annotations

import os

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, into_file, warn, write
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
@click.option("--flat", is_flag=True, help="One step a layer: no blocks, branches or repeats.")
@click.option("--force", is_flag=True, help="Write over a FILE that exists.")
@into_file
def command(request: Request, flat: bool, force: bool) -> int:
    """SPEC, such as model.onnx, as a YAML file to read and to change.

    Names are kept; what most layers have in common becomes `defaults:`, what comes again becomes `blocks:` and
    `repeat:`. The file is read again and compared with SPEC layer by layer, number by number, before it is written:
    where they differ nothing is.
    """
    from cnncalc.cli.specs import announce, network_of
    from cnncalc.text import plural, show
    from cnncalc.writers.yaml.fields import Unwritable
    from cnncalc.writers.yaml.writer import proved

    check_suffix(request.file, "yaml")
    one, file = options.only(request), request.file
    if file is not None and os.path.isfile(file) and not force:
        raise Failed(f"{show(file)} exists: choose another name, or write over it with --force")
    network = network_of(one, request)
    announce(network)
    try:
        file_name = "" if network.source != one.text else f"imported from {os.path.basename(one.text)}"
        found = proved(network, file_name, flat)
    except Unwritable as error:
        raise Failed(f"{show(one.text)} cannot be imported: {show(error, 300)}") from None
    changed = [
        (network.nodes[index].name, name)
        for index, name in zip(found.order, found.names, strict=True)
        if network.nodes[index].name != name
    ]
    if changed:
        said = ", ".join(f"`{show(old)}` to `{show(new)}`" for old, new in changed[:3])
        more = f" and {len(changed) - 3:,} more" if len(changed) > 3 else ""
        warn(f"note: {plural(len(changed), 'name')} changed into one that a file can have: {said}{more}")
    write(found.text, file)
    return 0
