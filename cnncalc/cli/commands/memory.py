"""`cnncalc memory`: the peak memory of a running network."""

from __future__ import annotations

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import print_problems, write
from cnncalc.cli.suffixes import check_suffix

FORMATS = ("table", "json")


@click.command(
    "memory",
    epilog=options.examples(
        "cnncalc memory resnet50 --batch 32 --optimizer adam",
        "cnncalc memory net.yaml --fit 24GiB",
        "cnncalc memory unet --mode infer --fit-input 8GB --batch 4",
        "cnncalc memory unet --mode infer --fit 320KiB --plot unet.svg",
    ),
)
@options.request(figures=True)
@options.optimizer
@click.option(
    "--mode",
    type=click.Choice(["train", "infer", "both"]),
    default="both",
    show_default=True,
    help="What to calculate.",
)
@options.amp(
    "Use mixed precision, like `torch.autocast` on CUDA: parameters, gradients and optimizer state in float32, "
    "convolutions and products in 16 bits with a copy of their weights. `--amp` alone means `--amp float16`."
)
@click.option("--fit", metavar="SIZE", help="Find the largest batch that fits in SIZE, such as 10GB, 24GiB or 6G.")
@click.option(
    "--fit-input",
    metavar="SIZE",
    help="Find the largest input with equal sides that fits in SIZE, at the batch size of --batch.",
)
@click.option(
    "--inplace/--no-inplace",
    default=None,
    help="Override `inplace` of every activation that has it. For relu, in-place activations lower the peak. For relu6, silu, "
    "mish, hardswish and hardsigmoid they save nothing, because PyTorch keeps a copy. By default an activation of a file is "
    "in place only if the file sets `inplace`.",
)
@click.option(
    "--checkpoint",
    multiple=True,
    metavar="BLOCK",
    help="Recompute the inside of this block in the backward pass (gradient checkpointing): `Stage2`, or `Stage` for all of "
    "them. May be repeated. If blocks are nested, only the outermost counts.",
)
@click.option("--timeline", is_flag=True, help="Draw the live memory over the course of the step in the terminal.")
@click.option(
    "--plot",
    type=options.OutputFile(),
    metavar="FILE.svg",
    help="Draw the same curve as a picture, stacked by kind of memory.",
)
@options.output(FORMATS)
def command(
    request: Request,
    optimizer: str,
    mode: str,
    amp: str | None,
    fit: str | None,
    fit_input: str | None,
    inplace: bool | None,
    checkpoint: tuple[str, ...],
    timeline: bool,
    plot: str | None,
) -> int:
    """Calculate the peak memory of SPEC in training and inference, to the byte.

    The report shows what the peak consists of and where it is reached. Training is one step in the steady state of
    PyTorch's eager mode: forward, cross-entropy, backward, optimizer. Inference has two figures. The minimum for this order
    of layers is exact. The peak of eager PyTorch is exact for a PyTorch module, but an estimate for a file, which does not
    state how long a program holds its values.
    """
    from cnncalc.api.memory import measure_memory, parse_setting
    from cnncalc.cli.specs import network_of
    from cnncalc.render import memory as render

    check_suffix(request.file, request.form, FORMATS)
    check_suffix(plot, "svg", option="--plot")
    setting, size, input_size = parse_setting(
        fit, fit_input, batch=request.batch, dtype=request.dtype, optimizer=optimizer, mode=mode, amp=amp, inplace=inplace,
        checkpoint=checkpoint,
    )  # fmt: skip
    network = network_of(request.only_spec(), request)
    print_problems(network.warnings)
    memory = measure_memory(network, setting, size, input_size)
    file = request.file
    if plot is not None:
        write(memory.to_svg(), plot)
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(memory.to_dict()), file)
        return 0
    from cnncalc.cli.display import glyphs, on_terminal, show_lines, width

    shown = render.report(memory, glyphs(file))
    if timeline:
        wide = width() if on_terminal(file) else 100
        shown += [[], *render.timeline(memory.drawn, wide, 14, glyphs(file))]
    show_lines(shown, request)
    return 0
