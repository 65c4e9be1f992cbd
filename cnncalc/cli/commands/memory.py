"""`cnncalc memory`: the peak memory of a running network."""

from __future__ import annotations

import click

from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, print_problems, write
from cnncalc.cli.suffixes import check_suffix
from cnncalc.network import Network
from cnncalc.shape import Shape
from cnncalc.units import HALVES

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
@click.option(
    "--optimizer",
    type=click.Choice(list(OPTIMIZERS)),
    default="sgd",
    show_default=True,
    metavar="NAME",
    help="Optimizer whose state is counted: " + ", ".join(OPTIMIZERS) + ".",
)
@click.option(
    "--mode",
    type=click.Choice(["train", "infer", "both"]),
    default="both",
    show_default=True,
    help="What to calculate.",
)
@click.option(
    "--amp",
    type=click.Choice(HALVES),
    is_flag=False,
    flag_value=HALVES[0],
    help="Use mixed precision, like `torch.autocast` on CUDA: parameters, gradients and optimizer state in float32, "
    "convolutions and products in 16 bits with a copy of their weights. `--amp` alone means `--amp float16`.",
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
    "them. May be repeated. Of nested blocks only the outermost counts.",
)
@click.option("--timeline", is_flag=True, help="Draw the live memory over the course of the step in the terminal.")
@click.option("--plot", metavar="FILE.svg", help="Draw the same curve as a picture, stacked by kind of memory.")
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
    from cnncalc.analyses.blocks import blocks_named
    from cnncalc.analyses.memory import peak as memory
    from cnncalc.analyses.memory.plan import plan
    from cnncalc.cli.specs import network_of
    from cnncalc.render import memory as render
    from cnncalc.text import show

    check_suffix(request.file, request.form, FORMATS)
    check_suffix(plot, "svg", option="--plot")
    spec = request.only_spec()
    size, input_size = _size(fit, "--fit"), _size(fit_input, "--fit-input")
    batch, dtype, file = request.batch, request.dtype, request.file
    if dtype == "int8" and mode != "infer":
        raise click.UsageError("int8 is only for inference: add --mode infer")
    if checkpoint and mode == "infer":
        raise click.UsageError("--checkpoint is only for training: inference keeps nothing for a backward pass")
    if amp is not None and dtype != "float32":
        raise click.UsageError(
            "--amp keeps the parameters in float32: remove --dtype, or remove --amp if the whole network is in 16 bits"
        )
    network = network_of(spec, request)
    print_problems(network.warnings)
    for block in checkpoint:
        if not blocks_named(network, block):
            raise Failed(f"no block named `{show(block)}`: `cnncalc analyze` shows the blocks")
    training = inference = least = least_training = largest_training = largest_inference = largest_least = None
    if mode != "infer":
        work = plan(network, training=True, inplace=inplace, checkpoint=checkpoint, amp=amp or "")
        training = memory.train(network, batch, dtype, optimizer, work=work)
        largest_training = None if size is None else memory.fit(network, size, work, dtype, optimizer)
        if training.assumes:
            least_training = memory.train(
                network, batch, dtype, optimizer, least=True, inplace=inplace, checkpoint=checkpoint, amp=amp or ""
            )
    if mode != "train":
        work = plan(network, training=False, inplace=inplace, amp=amp or "")
        inference = memory.infer(network, batch, dtype, work=work)
        least_work = plan(network, training=False, until_return=False, inplace=inplace, amp=amp or "")
        least = memory.infer(network, batch, dtype, work=least_work)
        if size is not None:
            largest_inference = memory.fit(network, size, work, dtype)
            largest_least = memory.fit(network, size, least_work, dtype)
    sides: dict[str, Shape | None] = {}
    if input_size is not None:
        from cnncalc.cli.fit_input import sides_within

        def training_peak(other: Network) -> int:
            step = memory.train(other, batch, dtype, optimizer, inplace=inplace, checkpoint=checkpoint, amp=amp or "")
            return step.peak.live

        def inference_peak(other: Network, least: bool = False) -> int:
            return memory.infer(other, batch, dtype, least=least, inplace=inplace, amp=amp or "").peak.live

        peaks = {"training": training_peak} if mode != "infer" else {}
        if mode != "train":
            peaks |= {"inference": inference_peak, "least": lambda other: inference_peak(other, least=True)}
        sides = sides_within(spec, request, network, input_size, peaks)
    answer = render.Answer(
        network=network,
        batch=batch,
        dtype=dtype,
        amp=amp,
        optimizer=optimizer,
        checkpoint=checkpoint,
        inference=inference,
        least=least,
        training=training,
        fit=None if size is None else render.Fit(size, largest_inference, largest_training, largest_least),
        least_training=least_training,
        fit_input=None if input_size is None else render.FitInput(input_size, sides),
    )
    drawn = answer.training or answer.inference
    assert drawn is not None
    if plot is not None:
        from cnncalc.drawing.formats.svg import to_svg
        from cnncalc.drawing.memory import memory_view

        title = f"{network.title}, {render.setting(answer)}" + (f", {optimizer}" if training else ", inference")
        write(to_svg(memory_view(drawn, title)), plot)
    if request.form == "json":
        from cnncalc.render.data import to_json

        write(to_json(render.data(answer)), file)
        return 0
    from cnncalc.cli.display import glyphs, on_terminal, show_lines, width

    shown = render.report(answer, glyphs(file))
    if timeline:
        wide = width() if on_terminal(file) else 100
        shown += [[], *render.timeline(drawn, wide, 14, glyphs(file))]
    show_lines(shown, request)
    return 0


def _size(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    from cnncalc.text import show
    from cnncalc.units import parse_size

    figure = parse_size(text, short=True)
    if figure is None or figure.value is None:
        raise Failed(f"{option}: `{show(text)}` is not a size: write 10GB, 24GiB or 320KiB")
    return figure.value
