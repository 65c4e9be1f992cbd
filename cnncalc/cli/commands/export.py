"""cnncalc export: a network as source of another framework, as an ONNX file without weights, or as a drawing."""

from __future__ import annotations

import sys

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, into_file, write, write_bytes
from cnncalc.cli.suffixes import check_suffix
from cnncalc.writers import TARGETS, writer_of


@click.command(
    "export",
    epilog=options.examples(
        "cnncalc export resnet50 --to torch -o resnet50.py",
        "cnncalc export unet --to mermaid --depth 1",
        "cnncalc export net.yaml --to dot -o net.dot",
        "cnncalc export net.yaml --to onnx -o net.onnx",
    ),
)
@options.request()
@click.option("--to", "target", type=click.Choice(TARGETS), required=True, help="What to write.")
@click.option(
    "--depth",
    type=click.IntRange(0),
    metavar="N",
    help="In a drawing: levels of blocks to show; deeper ones are folded.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="In ONNX: the size of the first dimension; `N`, which may be any size, unless given.",
)
@into_file
def command(request: Request, target: str, depth: int | None, batch: int | None) -> int:
    """SPEC as PyTorch or Keras source that runs without cnncalc, as ONNX without weights, or as a Mermaid or Graphviz
    drawing.

    Nothing need be installed for it, but onnx for ONNX (extra `onnx`). `cnncalc verify` proves that the source has the
    same shapes, parameters and multiply-adds; every shape of an ONNX file is held against onnx.shape_inference before
    it is written.
    """
    from cnncalc.cli.specs import announce, network_of
    from cnncalc.readers.options import Missing
    from cnncalc.writers import write as write_format
    from cnncalc.writers.blocks import Unexportable

    check_suffix(request.file, target, TARGETS, chooser="--to")
    one, file = options.only(request), request.file
    writer = writer_of(target)
    if depth is not None and "depth" not in writer.options:
        raise click.UsageError("--depth is for drawings: mermaid and dot")
    if batch is not None and "batch" not in writer.options:
        raise click.UsageError("--batch is for onnx; the other targets take any batch")
    if writer.binary and file is None and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError("an ONNX file is nothing for a terminal: write it to a file with -o net.onnx")
    network = network_of(one, request)
    announce(network)
    given = {name: value for name, value in (("depth", depth), ("batch", batch)) if name in writer.options}
    try:
        result = write_format(writer, network, **given)
    except (Unexportable, Missing) as error:
        raise Failed(str(error)) from None
    if isinstance(result, bytes):
        write_bytes(result, file)
    else:
        write(result, file)
    return 0
