"""`cnncalc export`: a network as source of a framework, as an ONNX file without weights, or as a drawing."""

from __future__ import annotations

import sys

import click

from cnncalc.api.choices import TARGETS, writer_of
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import write, write_bytes
from cnncalc.cli.suffixes import check_suffix


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
@click.option("--to", "target", type=click.Choice(TARGETS), required=True, help="Format to write.")
@click.option(
    "--depth",
    type=click.IntRange(0),
    metavar="N",
    help="For drawings: levels of blocks to show. Deeper blocks are folded.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="For ONNX: size of the first dimension. By default it is `N`, which can be any size.",
)
@options.output_file
def command(request: Request, target: str, depth: int | None, batch: int | None) -> int:
    """Export SPEC as PyTorch or Keras source, as ONNX without weights, or as a Mermaid or Graphviz drawing.

    The source runs without cnncalc. Only the export to ONNX needs a package (extra `onnx`). `cnncalc verify` checks that the
    source has the same shapes, parameters and multiply-adds. Before an ONNX file is written, each of its shapes is compared
    with onnx.shape_inference.
    """
    from cnncalc.cli.specs import network_of, print_notes

    check_suffix(request.file, target, TARGETS, chooser="--to")
    spec, file = request.only_spec(), request.file
    writer = writer_of(target)
    if depth is not None and "depth" not in writer.options:
        raise click.UsageError("--depth is only for drawings: mermaid and dot")
    if batch is not None and "batch" not in writer.options:
        raise click.UsageError("--batch is only for onnx: the other formats take any batch")
    if writer.binary and file is None and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError("refusing to write binary data to a terminal: use -o net.onnx")
    network = network_of(spec, request)
    print_notes(network)
    settings = {name: value for name, value in (("depth", depth), ("batch", batch)) if name in writer.options}
    result = network.export(target, **settings)
    if isinstance(result, bytes):
        write_bytes(result, file)
    else:
        write(result, file)
    return 0
