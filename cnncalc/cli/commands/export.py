"""cnncalc export: a network as source of another framework, as an ONNX file without weights, or as a drawing."""

from __future__ import annotations

import sys

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, into_file, write, write_bytes
from cnncalc.cli.suffixes import check_suffix

TARGETS = ("torch", "keras", "onnx", "mermaid", "dot")


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
    from importlib import import_module

    from cnncalc.cli.specs import announce, network_of
    from cnncalc.readers import Missing
    from cnncalc.writers.blocks import Unexportable

    check_suffix(request.file, target, TARGETS, chooser="--to")
    one, file = options.only(request), request.file
    if depth is not None and target not in ("mermaid", "dot"):
        raise click.UsageError("--depth is for drawings: mermaid and dot")
    if batch is not None and target != "onnx":
        raise click.UsageError("--batch is for onnx; the other targets take any batch")
    if target == "onnx" and file is None and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError("an ONNX file is nothing for a terminal: write it to a file with -o net.onnx")
    network = network_of(one, request)
    announce(network)
    try:
        if target == "onnx":
            write_bytes(import_module("cnncalc.writers.onnx.model").dumped(network, batch), file)
            return 0
        if target in ("torch", "keras"):
            text: str = import_module(f"cnncalc.writers.{target}.writer").source(network).text
        else:
            from cnncalc.writers import drawing

            text = (drawing.mermaid if target == "mermaid" else drawing.dot)(network, depth)
    except (Unexportable, Missing) as error:
        raise Failed(str(error)) from None
    write(text, file)
    return 0
