"""What the sections of a Darknet network share: names, values of sections above, windows, norms, activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnncalc.layers import activation as act
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.layers.norm import BatchNorm
from cnncalc.layers.reshape import Reshape
from cnncalc.network import Builder
from cnncalc.problem import Source
from cnncalc.readers.darknet.cfg import Section

Steps = Sequence[tuple[str, Layer]]

# activations by name; those without a kind of their own stand as the nearest one of the same cost: nothing
ACTIVATIONS: dict[str, type[Layer] | None] = {
    "linear": None, "logistic": act.Sigmoid, "loggy": act.Tanh, "relu": act.ReLU, "relu6": act.ReLU6,
    "leaky": act.LeakyReLU, "revleaky": act.LeakyReLU, "ramp": act.LeakyReLU, "relie": act.LeakyReLU,
    "lhtan": act.LeakyReLU, "elu": act.ELU, "selu": act.SELU, "gelu": act.GELU, "swish": act.SiLU, "mish": act.Mish,
    "hard_mish": act.Mish, "tanh": act.Tanh, "hardtan": act.ReLU6, "plse": act.HardSigmoid, "stair": act.Identity,
    "norm_chan": act.Softmax, "normalize_channels": act.Softmax, "norm_chan_softmax": act.Softmax,
    "normalize_channels_softmax": act.Softmax, "norm_chan_softmax_maxval": act.Softmax,
    "normalize_channels_softmax_maxval": act.Softmax,
}  # fmt: skip
SAME = {
    "conv": "convolutional", "max": "maxpool", "avg": "avgpool", "local_avg": "local_avgpool", "conn": "connected",
    "soft": "softmax", "normalization": "lrn", "reorg3d": "reorg",
}  # fmt: skip


class Basics:
    """What every section is made with: names, values of sections above, windows, norms and activations."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.builder = Builder()
        self.made: list[int] = []  # the value of every section behind [net]
        self.weighted: list[int | None] = []  # and its convolution
        self.value = 0
        self.section: Section
        self.name = ""

    def add(self, suffix: str, layer: Layer, *inputs: int) -> int:
        """A layer within the section's block."""
        return self.builder.add(layer, inputs, f"{self.name}.{suffix}" if suffix else self.name, self.section.where)

    def chain(self, value: int, steps: Steps) -> int:
        """Layers on top of each other; a single one is named as the section."""
        steps = steps or [("", act.Identity())]
        for suffix, layer in steps:
            value = self.add(suffix if len(steps) > 1 else "", layer, value)
        return value

    def activation(self, default: str = "logistic") -> Steps:
        """The section's activation as a layer; nothing where it is `linear`."""
        word = self.section.word_of("activation", default, ACTIVATIONS)
        kind = ACTIVATIONS[word]
        return [(word, kind())] if kind else []

    def norm(self) -> Steps:
        """Batch normalisation, where the section asks for it."""
        on = self.section.integer("batch_normalize", 0) or self.section.integer("cbn", 0)
        return [("batchnorm", BatchNorm())] if on else []

    def image(self, value: int | None = None) -> int:
        """A value as an image; a vector is one of a single cell, as in Darknet."""
        value = self.value if value is None else value
        shape = self.builder.shape(value)
        return value if len(shape) == 3 else self.add("image", Reshape(to=(1, 1, shape.size)), value)

    def earlier(self, index: int, option: str) -> int:
        """The value of an earlier section; negative numbers count from here.

        Raises:
            Problem: `unknown-name`.
        """
        here = self.section.index
        place = index + here if index < 0 else index
        if not 0 <= place < here:
            text = (
                f"takes layer {index}, but the layers above it are 0 to {here - 1}" if here else "has no layer above it"
            )
            raise self.section.problem(
                "unknown-name", text, "count from 0 behind `[net]`, or back from here with -1", option
            )
        return self.made[place]

    def strides(self, default: int = 1) -> tuple[int, int]:
        """The stride along height and width."""
        section = self.section
        x, y = section.integer("stride_x", 0), section.integer("stride_y", 0)
        one = section.integer("stride", default, 1)
        return y or one, x or one

    def padding(self, size: int) -> int:
        """`pad=1` means half of the size; otherwise `padding` counts."""
        cells = self.section.integer("padding", 0)
        return size // 2 if self.section.integer("pad", 0) else cells

    def window(self, size_default: int) -> Callable[[int, int, bool], Conv]:
        """The convolution that a section describes, by input channels, filters and bias."""
        section = self.section
        size = section.integer("size", size_default, 1)
        strides, padding = self.strides(), self.padding(size)
        dilation = section.integer("dilation", 1, 1) if size > 1 else 1
        groups = section.integer("groups", 1, 1)
        if dilation > 1 and 2 * padding != size - 1:
            text = f"with `dilation={dilation}` must be padded by {(size - 1) // 2}: darknet miscounts its output otherwise"
            raise section.problem("bad-value", text, "write `pad=1` and an odd size", "dilation")

        def made(filters: int, stride: int, bias: bool) -> Conv:
            return Conv(
                filters=filters, kernel=size, stride=strides if stride else 1, pad=padding * dilation,
                dilation=dilation, groups=groups, bias=bias,
            )  # fmt: skip

        return made
