"""`cnncalc draw`: a network as a picture for a paper, a lecture or a thesis."""

from __future__ import annotations

import sys

import click

from cnncalc.api.choices import OPTIMIZERS
from cnncalc.api.drawing import COLORINGS, FORMATS, SHOWN, THEMES, VIEWS, Options, draw_network, points_of
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import write_bytes
from cnncalc.cli.suffixes import picture_format
from cnncalc.text import quoted, show


@click.command(
    "draw",
    epilog=options.examples(
        "cnncalc draw vgg16 -o vgg16.svg",
        "cnncalc draw resnet18 -o resnet18.pdf --width 180mm",
        "cnncalc draw alexnet -o alexnet.tex --show params,macs",
        "cnncalc draw vgg16 --receptive-field Stage3.conv1 -o field.svg",
        "cnncalc draw resnet50 --color-by macs -o heat.svg",
        "cnncalc draw resnet34 --against resnet18 -o changes.svg",
    ),
)
@options.request(figures=True)
@click.option(
    "--view",
    type=click.Choice(VIEWS),
    default="auto",
    show_default=True,
    metavar="VIEW",
    help="volumes: feature maps as boxes. graph: layers as boxes with edges. memory: live memory over a training "
    "step. auto: volumes for a chain of layers, graph for branches.",
)
@click.option(
    "--depth",
    type=click.IntRange(0, 64),
    metavar="N",
    help="For the graph: levels of blocks to show. Deeper blocks are single boxes. By default as much is shown as fits a page.",
)
@click.option("--horizontal", is_flag=True, help="For the graph: draw it from left to right.")
@click.option(
    "--color-by",
    type=click.Choice(COLORINGS),
    default="kind",
    show_default=True,
    metavar="WHAT",
    help="kind: the kind of layer. params, macs, memory: a heat map of where the cost is. stage: the size of the feature maps.",
)
@click.option(
    "--against",
    metavar="SPEC",
    help="Draw which layers are the same as in this network, changed, added and removed. --set and --freeze do not apply to it.",
)
@click.option(
    "--layer",
    metavar="LAYER",
    help="Draw one convolution or pooling instead: its input, window, stride, padding and output, with the output size "
    "calculated.",
)
@click.option(
    "--receptive-field",
    metavar="LAYER",
    help="Draw the input instead, with the window that one cell of LAYER sees, and how it grows from layer to layer.",
)
@click.option(
    "--show",
    "shown",
    metavar="FIGURES",
    help=f"Figures to write below the layers, separated by commas: {', '.join(SHOWN)} (receptive field).",
)
@click.option(
    "--highlight",
    multiple=True,
    metavar="LAYER",
    help="Outline this layer, or all layers of this block. May be repeated.",
)
@click.option(
    "--legend/--no-legend", default=True, help="Explain colours and scale below the picture (default), or not."
)
@click.option(
    "--theme",
    type=click.Choice(THEMES),
    default="light",
    show_default=True,
    metavar="THEME",
    help="light, dark, or auto: an SVG that follows the reader's setting. The other formats are light with auto.",
)
@click.option(
    "--width", metavar="SIZE", help="Width of the picture, such as 180mm, 18cm, 7in or 510pt. Text stays 8 pt."
)
@click.option(
    "--mode",
    type=click.Choice(["train", "infer"]),
    help="For the memory view: a training step (default) or inference.",
)
@click.option(
    "--optimizer",
    type=click.Choice(list(OPTIMIZERS)),
    metavar="NAME",
    help=f"For the memory view: {', '.join(OPTIMIZERS)}. Default: sgd.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    metavar="FORMAT",
    help=f"Format of the picture: {', '.join(FORMATS)}. By default the suffix of FILE decides.",
)
@options.output_file
def command(
    request: Request,
    view: str,
    depth: int | None,
    horizontal: bool,
    color_by: str,
    against: str | None,
    layer: str | None,
    receptive_field: str | None,
    shown: str | None,
    highlight: tuple[str, ...],
    legend: bool,
    theme: str,
    width: str | None,
    mode: str | None,
    optimizer: str | None,
) -> int:
    """Draw SPEC as a picture: SVG, TikZ (.tex), PDF or PNG.

    All numbers and shapes come from the network. Names and figures stay text in SVG, TikZ and PDF. PDF and PNG need a package
    (extra `draw`).
    """
    from cnncalc.api.specs import Spec
    from cnncalc.cli.specs import network_of, print_notes

    form = format_of(request)
    if layer is not None and receptive_field is not None:
        raise click.UsageError("--layer and --receptive-field are two pictures: draw one at a time")
    if (layer or receptive_field) and view != "auto":
        raise click.UsageError(f"{'--layer' if layer else '--receptive-field'} is a picture of its own: remove --view")
    for option, value in (("--mode", mode), ("--optimizer", optimizer)):
        if value is not None and view != "memory":
            raise click.UsageError(f"{option} is only for the memory view: add --view memory")
    for option, present in (("--depth", depth is not None), ("--horizontal", horizontal), ("--against", against)):
        if present and view in ("volumes", "memory"):
            raise click.UsageError(f"{option} is only for the graph view: remove --view {view}")
        if present and (layer or receptive_field):
            raise click.UsageError(
                f"{'--layer' if layer else '--receptive-field'} is a picture of its own: remove {option}"
            )
    if view == "memory" and color_by != "kind":
        raise click.UsageError("--color-by is not for the memory view: remove one of the two")
    if against is not None and color_by != "kind":
        raise click.UsageError("--against has colours for what changed: remove --color-by")
    network = network_of(request.only_spec(), request)
    print_notes(network)
    other = network_of(Spec(against), request, as_written=True) if against is not None else None
    asked = Options(
        view=view,
        depth=depth,
        horizontal=horizontal,
        color_by=color_by,
        against=other.analyze(request.batch, request.dtype) if other is not None else None,
        show=figures_of(shown),
        highlight=highlight,
        legend=legend,
        width=_points(width),
        layer=layer,
        receptive_field=receptive_field,
        mode=mode or "train",
        optimizer=optimizer or "sgd",
    )
    picture = draw_network(network.analyze(request.batch, request.dtype), asked, theme).to_format(form)
    write_bytes(picture if isinstance(picture, bytes) else picture.encode(), request.file)
    return 0


def format_of(request: Request) -> str:
    """Return the format to write: that of --format, or of the suffix of FILE, or SVG.

    Raises:
        click.UsageError: If the two differ, or the picture would go to a terminal.
        click.BadParameter: If the suffix belongs to another format.
    """
    if request.file is None:
        if sys.stdout is not None and sys.stdout.isatty():
            raise click.UsageError("a picture cannot be shown in a terminal: use -o net.svg (or .pdf, .png, .tex)")
        return request.form or FORMATS[0]
    form = picture_format(request.file)
    if form and request.form and form != request.form:
        raise click.UsageError(f"`{show(request.file)}` does not match --format {request.form}: remove --format")
    return form or request.form or FORMATS[0]


def figures_of(text: str | None) -> tuple[str, ...]:
    """Return the figures that --show names.

    Raises:
        click.BadParameter: If one of them does not exist.
    """
    names = tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))
    for name in names:
        if name not in SHOWN:
            raise click.BadParameter(f"`{show(name)}` is not a figure: use {quoted(SHOWN)}", param_hint="--show")
    return names


def _points(text: str | None) -> float | None:
    try:
        return points_of(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--width") from None
