"""Every figure about the memory of a network at one setting: both modes, their minimum, and what fits in a size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnncalc.analyses.memory.fit_input import sides_within
from cnncalc.analyses.memory.peak import Largest, Run, fit, infer, train
from cnncalc.analyses.memory.plan import plan
from cnncalc.network import Network
from cnncalc.record import Record
from cnncalc.shape import Shape


class Fit(Record):
    """A size in bytes, and the largest batches that fit into it; None for a mode that was not requested."""

    size: int
    inference: Largest | None
    training: Largest | None
    least: Largest | None = None  # of inference, with every value freed after its last use


class FitInput(Record):
    """A size in bytes, and the largest inputs that fit into it, for `training`, `inference` and `least`; None if none fits."""

    size: int
    shapes: dict[str, Shape | None]


class Setting(Record):
    """How a network runs. `amp` is the dtype that mixed precision computes in, or None.

    `inplace` overrides that field of all activations; None leaves it. `checkpoint` names the blocks whose inside is
    recomputed in the backward pass. `mode` is `train`, `infer` or `both`.
    """

    batch: int = 1
    dtype: str = "float32"
    optimizer: str = "sgd"
    mode: str = "both"
    amp: str | None = None
    inplace: bool | None = None
    checkpoint: tuple[str, ...] = ()


class Answer(Record):
    """Everything that was computed for one setting. A mode that was not requested is None."""

    network: Network
    batch: int
    dtype: str
    optimizer: str
    inference: Run | None
    least: Run | None
    training: Run | None
    amp: str | None = None
    checkpoint: tuple[str, ...] = ()
    fit: Fit | None = None
    fit_input: FitInput | None = None
    least_training: Run | None = None  # the same step, with every value freed after its last use


def answer(
    network: Network,
    setting: Setting,
    size: int | None = None,
    input_size: int | None = None,
    resize: Callable[[Shape], Network] | None = None,
) -> Answer:
    """Compute the peaks, and if sizes are given, what fits into them.

    Args:
        network: The network.
        setting: How it runs.
        size: Bytes for which to find the largest batch.
        input_size: Bytes for which to find the largest input with equal sides.
        resize: Returns the network for another input shape, and raises Refused if it does not accept one. Only
            `input_size` needs it.

    Raises:
        NoSides: The input has no sides to scale, or there are several inputs.
    """
    batch, dtype, optimizer, amp = setting.batch, setting.dtype, setting.optimizer, setting.amp or ""
    inplace, checkpoint = setting.inplace, setting.checkpoint
    training = inference = least = least_training = largest_training = largest_inference = largest_least = None
    if setting.mode != "infer":
        work = plan(network, training=True, inplace=inplace, checkpoint=checkpoint, amp=amp)
        training = train(network, batch, dtype, optimizer, work=work)
        largest_training = None if size is None else fit(network, size, work, dtype, optimizer)
        if training.assumes:
            least_training = train(
                network, batch, dtype, optimizer, least=True, inplace=inplace, checkpoint=checkpoint, amp=amp
            )
    if setting.mode != "train":
        work = plan(network, training=False, inplace=inplace, amp=amp)
        inference = infer(network, batch, dtype, work=work)
        least_work = plan(network, training=False, until_return=False, inplace=inplace, amp=amp)
        least = infer(network, batch, dtype, work=least_work)
        if size is not None:
            largest_inference = fit(network, size, work, dtype)
            largest_least = fit(network, size, least_work, dtype)
    fit_input = None
    if input_size is not None:
        assert resize is not None
        fit_input = FitInput(input_size, sides_within(resize, network, input_size, _peaks(setting)))
    return Answer(
        network=network,
        batch=batch,
        dtype=dtype,
        amp=setting.amp,
        optimizer=optimizer,
        checkpoint=checkpoint,
        inference=inference,
        least=least,
        training=training,
        fit=None if size is None else Fit(size, largest_inference, largest_training, largest_least),
        least_training=least_training,
        fit_input=fit_input,
    )


def _peaks(setting: Setting) -> dict[str, Callable[[Network], int]]:
    """Return the functions from a network to each peak of the setting, in bytes."""
    batch, dtype, amp, inplace = setting.batch, setting.dtype, setting.amp or "", setting.inplace
    checkpoint: Sequence[str] = setting.checkpoint

    def training(network: Network) -> int:
        step = train(network, batch, dtype, setting.optimizer, inplace=inplace, checkpoint=checkpoint, amp=amp)
        return step.peak.live

    def inference(network: Network, least: bool = False) -> int:
        return infer(network, batch, dtype, least=least, inplace=inplace, amp=amp).peak.live

    peaks: dict[str, Callable[[Network], int]] = {"training": training} if setting.mode != "infer" else {}
    if setting.mode != "train":
        peaks |= {"inference": inference, "least": lambda network: inference(network, least=True)}
    return peaks
