"""What all kinds of sections share: names, outputs of earlier sections, windows, norms and activations."""

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

# activations by name; one that cnncalc does not have is read as the most similar one, since all of them cost nothing
ACTIVATIONS: dict[str, type[Layer] | None] = {
    "linear": None, "logistic": act.Sigmoid, "loggy": act.Tanh, "relu": act.ReLU, "relu6": act.ReLU6,
    "leaky": act.LeakyReLU, "revleaky": act.LeakyReLU, "ramp": act.LeakyReLU, "relie": act.LeakyReLU,
    "lhtan": act.LeakyReLU, "elu": act.ELU, "selu": act.SELU, "gelu": act.GELU, "swish": act.SiLU, "mish": act.Mish,
    "hard_mish": act.Mish, "tanh": act.Tanh, "hardtan": act.ReLU6, "plse": act.HardSigmoid, "stair": act.Identity,
    "norm_chan": act.Softmax, "normalize_channels": act.Softmax, "norm_chan_softmax": act.Softmax,
    "normalize_channels_softmax": act.Softmax, "norm_chan_softmax_maxval": act.Softmax,
    "normalize_channels_softmax_maxval": act.Softmax,
}  # fmt: skip
ALIASES = {
    "conv": "convolutional", "max": "maxpool", "avg": "avgpool", "local_avg": "local_avgpool", "conn": "connected",
    "soft": "softmax", "normalization": "lrn", "reorg3d": "reorg",
}  # fmt: skip


class SectionReader:
    """State and helpers for reading sections."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.builder = Builder()
        self.outputs: list[int] = []  # the output value of every section after [net]
        self.weighted: list[int | None] = []  # the node of its convolution
        self.value = 0
        self.section: Section
        self.name = ""

    def add(self, suffix: str, layer: Layer, *inputs: int) -> int:
        """Add a layer to the section's block and return its value."""
        return self.builder.add(layer, inputs, f"{self.name}.{suffix}" if suffix else self.name, self.section.where)

    def chain(self, value: int, steps: Steps) -> int:
        """Add layers one after another and return the last value. A single layer has the name of the section."""
        steps = steps or [("", act.Identity())]
        for suffix, layer in steps:
            value = self.add(suffix if len(steps) > 1 else "", layer, value)
        return value

    def activation(self, default: str = "logistic") -> Steps:
        """Return the section's activation as a layer, or nothing if it is `linear`."""
        word = self.section.choice("activation", default, ACTIVATIONS)
        kind = ACTIVATIONS[word]
        return [(word, kind())] if kind else []

    def norm(self) -> Steps:
        """Return batch normalization if the section asks for it."""
        on = self.section.integer("batch_normalize", 0) or self.section.integer("cbn", 0)
        return [("batchnorm", BatchNorm())] if on else []

    def image(self, value: int | None = None) -> int:
        """Return a value as an image. A vector becomes an image of one cell, as in Darknet."""
        value = self.value if value is None else value
        shape = self.builder.shape(value)
        return value if len(shape) == 3 else self.add("image", Reshape(to=(1, 1, shape.size)), value)

    def output_of(self, index: int, option: str) -> int:
        """Return the output value of an earlier section. Negative numbers count back from the current one.

        Raises:
            Problem: `unknown-name`.
        """
        here = self.section.index
        place = index + here if index < 0 else index
        if not 0 <= place < here:
            text = (
                f"reads layer {index}, but the layers above it are 0 to {here - 1}" if here else "has no layer above it"
            )
            raise self.section.problem(
                "unknown-name", text, "count from 0 after `[net]`, or write -1 for the layer just above", option
            )
        return self.outputs[place]

    def strides(self, default: int = 1) -> tuple[int, int]:
        """Return the strides along height and width."""
        section = self.section
        x, y = section.integer("stride_x", 0), section.integer("stride_y", 0)
        stride = section.integer("stride", default, 1)
        return y or stride, x or stride

    def padding(self, size: int) -> int:
        """Return the padding: half of `size` with `pad=1`, otherwise the value of `padding`."""
        cells = self.section.integer("padding", 0)
        return size // 2 if self.section.integer("pad", 0) else cells

    def window(self, size_default: int) -> Callable[[int, int, bool], Conv]:
        """Return a function that makes the section's convolution from its filters, its stride (1 or 0) and its bias."""
        section = self.section
        size = section.integer("size", size_default, 1)
        strides, padding = self.strides(), self.padding(size)
        dilation = section.integer("dilation", 1, 1) if size > 1 else 1
        groups = section.integer("groups", 1, 1)
        if dilation > 1 and 2 * padding != size - 1:
            need = f"must be padded by {(size - 1) // 2}; otherwise darknet miscomputes its output size"
            text = f"with `dilation={dilation}` {need}"
            raise section.problem("bad-value", text, "write `pad=1` and an odd size", "dilation")

        def make(filters: int, stride: int, bias: bool) -> Conv:
            return Conv(
                filters=filters, kernel=size, stride=strides if stride else 1, pad=padding * dilation,
                dilation=dilation, groups=groups, bias=bias,
            )  # fmt: skip

        return make
