"""cnncalc memory: the peak of a running network."""

from __future__ import annotations

import click

from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, tell, write
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
    "--mode", type=click.Choice(["train", "infer", "both"]), default="both", show_default=True, help="What to run."
)
@click.option(
    "--amp",
    type=click.Choice(HALVES),
    is_flag=False,
    flag_value=HALVES[0],
    help="Mixed precision, as `torch.autocast` on CUDA: parameters, gradients and optimizer state in float32, convolutions and "
    "products in 16 bits with a copy of their weights. `--amp` alone is `--amp float16`.",
)
@click.option("--fit", metavar="SIZE", help="The largest batch within SIZE, such as 10GB, 24GiB or 6G.")
@click.option(
    "--fit-input",
    metavar="SIZE",
    help="The largest input of equal sides within SIZE, at the batch that --batch names.",
)
@click.option(
    "--inplace/--no-inplace",
    default=None,
    help="Override `inplace` of every activation that has it. It lowers peaks for relu; for relu6, silu, mish, hardswish and "
    "hardsigmoid PyTorch keeps a copy, so that it saves nothing. A file's activations are not in place unless it says so.",
)
@click.option(
    "--checkpoint",
    multiple=True,
    metavar="BLOCK",
    help="Work out the inside of this block again in backward (gradient checkpointing): `Stage2`, or `Stage` for all of them. "
    "May be repeated; of blocks within each other the outermost counts.",
)
@click.option("--timeline", is_flag=True, help="Draw the live bytes over the step in the terminal.")
@click.option("--plot", metavar="FILE.svg", help="Draw them as a picture, stacked by kind.")
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
    """The peak memory of SPEC in training and inference, to the byte, with what it is made of and where it is reached.

    Training is one step in the steady state of PyTorch's eager mode: forward, cross-entropy, backward, optimizer. Inference
    is given as the minimum for this order of layers, which is exact, and as eager PyTorch reaches it: exact for a PyTorch
    module, an estimate for a file, which does not say how long a program holds its values.
    """
    from cnncalc.analyses.blocks import blocks_named
    from cnncalc.analyses.memory import peak as memory
    from cnncalc.analyses.memory.plan import plan
    from cnncalc.cli.specs import network_of
    from cnncalc.render import memory as render
    from cnncalc.text import show

    check_suffix(request.file, request.form, FORMATS)
    check_suffix(plot, "svg", option="--plot")
    one = options.only(request)
    size, input_size = _size(fit, "--fit"), _size(fit_input, "--fit-input")
    batch, dtype, file = request.batch, request.dtype, request.file
    if dtype == "int8" and mode != "infer":
        raise click.UsageError("int8 is for inference: add --mode infer")
    if checkpoint and mode == "infer":
        raise click.UsageError("--checkpoint is for training: inference keeps nothing for a backward")
    if amp is not None and dtype != "float32":
        raise click.UsageError(
            "--amp keeps the parameters in float32: leave --dtype out, or --amp for a whole network in 16 bits"
        )
    network = network_of(one, request)
    tell(network.warnings)
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
        least_work = plan(network, training=False, held=False, inplace=inplace, amp=amp or "")
        least = memory.infer(network, batch, dtype, work=least_work)
        if size is not None:
            largest_inference = memory.fit(network, size, work, dtype)
            largest_least = memory.fit(network, size, least_work, dtype)
    sides: dict[str, Shape | None] = {}
    if input_size is not None:
        from cnncalc.cli.fit_input import sides_within

        def stepped(other: Network) -> int:
            found = memory.train(other, batch, dtype, optimizer, inplace=inplace, checkpoint=checkpoint, amp=amp or "")
            return found.peak.live

        def inferred(other: Network, least: bool = False) -> int:
            return memory.infer(other, batch, dtype, least=least, inplace=inplace, amp=amp or "").peak.live

        peaks = {"training": stepped} if mode != "infer" else {}
        if mode != "train":
            peaks |= {"inference": inferred, "least": lambda other: inferred(other, least=True)}
        sides = sides_within(one, request, network, input_size, peaks)
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
        from cnncalc.render.timeline import svg

        title = f"{network.title}, {render.setting(answer)}"
        write(svg(drawn, title + (f", {optimizer}" if training else ", inference")), plot)
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
    from cnncalc.units import size

    figure = size(text, short=True)
    if figure is None or figure.value is None:
        raise Failed(f"{option}: `{show(text)}` is no size: write 10GB, 24GiB or 320KiB")
    return figure.value
