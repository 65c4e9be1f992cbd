"""The memory of a running network: what `cnncalc memory` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncalc.analyses.blocks import blocks_named
from cnncalc.analyses.memory import answer as answers
from cnncalc.analyses.memory.answer import Answer, Setting
from cnncalc.analyses.memory.fit_input import NoSides
from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.analyses.memory.peak import Run
from cnncalc.api.errors import CnncalcError, check_count, check_text
from cnncalc.render import memory as render
from cnncalc.render.lines import UNICODE, plain
from cnncalc.text import show
from cnncalc.units import DTYPES, HALVES, parse_size

if TYPE_CHECKING:
    from cnncalc.api.network import Network

MODES = ("train", "infer", "both")


class Memory(Answer):
    """The peak memory of training and inference, to the byte.

    `str()` is the report of `cnncalc memory`.

    Attributes
    ----------
    training, inference : cnncalc.analyses.memory.peak.Run or None
        The step in training, and the forward pass in eager PyTorch; None if the mode was not requested. `peak.live` is the
        peak in bytes, and `exact` is true if it is neither an estimate nor a lower bound (`bound` says which).
    least : cnncalc.analyses.memory.peak.Run or None
        Inference with every value freed after its last use: the minimum for this order of layers.
    least_training : cnncalc.analyses.memory.peak.Run or None
        The same for training, if the assumption makes a difference.
    fit, fit_input : optional
        The largest batches and inputs, if sizes were given.
    """

    @property
    def training_peak(self) -> int | None:
        """Bytes at the peak of a training step; None if training was not requested."""
        return None if self.training is None else self.training.peak.live

    @property
    def inference_peak(self) -> int | None:
        """Bytes at the peak of inference in eager PyTorch; None if inference was not requested."""
        return None if self.inference is None else self.inference.peak.live

    @property
    def drawn(self) -> Run:
        """The run whose curve is drawn: training if it was requested."""
        run = self.training or self.inference
        assert run is not None
        return run

    def to_svg(self) -> str:
        """Return the live bytes over the course of the step as an SVG picture."""
        from cnncalc.drawing.formats.svg import to_svg
        from cnncalc.drawing.memory import memory_view

        title = f"{self.network.title}, {render.setting(self)}"
        return to_svg(memory_view(self.drawn, title + (f", {self.optimizer}" if self.training else ", inference")))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as in `cnncalc memory --format json`."""
        return render.data(self)

    def __str__(self) -> str:
        return plain(render.report(self, UNICODE))

    def __repr__(self) -> str:
        peaks = [
            f"{name} {render.format_peak(run, run.peak.live)}"
            for name, run in (("training", self.training), ("inference", self.inference))
            if run is not None
        ]
        return f"<Memory of {show(self.network.title)}, {render.setting(self)}: {', '.join(peaks)}>"

    def _repr_html_(self) -> str:
        from cnncalc.render.html.memory import memory_html

        return memory_html(self)

    def _repr_svg_(self) -> str:
        return self.to_svg()


def parse_setting(
    fit: int | str | None = None, fit_input: int | str | None = None, **values: Any
) -> tuple[Setting, int | None, int | None]:
    """Return the settings of `Network.memory` with the sizes in bytes, checked as far as possible without a network.

    Raises
    ------
    CnncalcError
        If the settings cannot be combined, or a size is invalid.
    ValueError
        If a value is not one of the choices.
    """
    setting = Setting(**values)
    for name, value, choices in (
        ("dtype", setting.dtype, DTYPES), ("optimizer", setting.optimizer, OPTIMIZERS), ("mode", setting.mode, MODES),
        ("amp", setting.amp, (None, *HALVES)),
    ):  # fmt: skip
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, not {value!r}")
    check_count("batch", setting.batch)
    sizes = parse_bytes(fit, "--fit"), parse_bytes(fit_input, "--fit-input")
    if setting.dtype == "int8" and setting.mode != "infer":
        raise CnncalcError.of("int8 is only for inference: add --mode infer", "option")
    if setting.checkpoint and setting.mode == "infer":
        text = "--checkpoint is only for training: inference keeps nothing for a backward pass"
        raise CnncalcError.of(text, "option")
    if setting.amp is not None and setting.dtype != "float32":
        text = (
            "--amp keeps the parameters in float32: remove --dtype, or remove --amp if the whole network is in 16 bits"
        )
        raise CnncalcError.of(text, "option")
    return setting, *sizes


def measure_memory(
    network: Network, setting: Setting, size: int | None = None, input_size: int | None = None
) -> Memory:
    """Compute the memory of a network, and what fits in the sizes.

    Raises
    ------
    CnncalcError
        If a block to checkpoint does not exist, or the input cannot be scaled.
    """
    for block in setting.checkpoint:
        if not blocks_named(network, block):
            raise CnncalcError.of(f"no block named `{show(block)}`: `cnncalc analyze` shows the blocks", "limit")
    try:
        result = answers.answer(network, setting, size, input_size, network.with_only_input)
    except NoSides as error:
        raise CnncalcError.of(str(error), "limit") from None
    return Memory(**vars(result))


def parse_bytes(size: int | str | None, option: str) -> int | None:
    """Return a size in bytes, from a number or text such as `24GiB`.

    Raises
    ------
    CnncalcError
        If the text is not a size.
    """
    if size is None or isinstance(size, int):
        if size is not None and size < 0:
            raise ValueError(f"a size must not be negative; got {size}")
        return size
    check_text("a size", size)
    figure = parse_size(size, short=True)
    if figure is None or figure.value is None:
        text = f"{option}: `{show(size)}` is not a size: write 10GB, 24GiB or 320KiB"
        raise CnncalcError.of(text, "limit")
    return figure.value
