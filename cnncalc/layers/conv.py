"""Convolutions in one, two and three spatial dimensions: plain, depthwise, separable, transposed and locally connected."""

from __future__ import annotations

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Choice, Count, Flag
from cnncalc.layers.fields.sizes import Pad, Sizes, each
from cnncalc.layers.operations import KERNEL, NEW, Op
from cnncalc.layers.window import KERNEL_NAMES, PAD_NAMES, STRIDE_NAMES, Windowed, sides, spatial, split
from cnncalc.problem import Problem
from cnncalc.product import Number, Product, Sum
from cnncalc.shape import Shape, TransposedWindow

PAD_HELP = "padding P around the input: a number, `same`, `valid`, `causal` (only before a sequence), or sides"
MODE_HELP = "values of the padding: zeros, or cells of the input, mirrored, repeated from the edge or wrapped around"
PAD_MODES = "zeros reflect replicate circular"
FILTER_NAMES = "out_channels num_output K n_filters num_filters nb_filter channels depth units"


def _letters(name: str, lengths: tuple[int, ...] | list[int]) -> list[tuple[str, int]]:
    return [(name, length) for length in lengths]


def convolution_operations(layer: Windowed, x: Shape, out: Shape) -> list[Op] | None:
    """Return the memory operations of a convolution.

    Uneven padding first makes a padded copy of the input, which is saved for backward. For `same`, the copy has only the
    padding by which one side exceeds the other, and the convolution adds the rest. Padding with anything but zeros always
    makes a copy, and its gradient needs the input.
    """
    windows, by_same = layer.windows(x), layer.pad == "same"
    if layer.mode == "circular":
        return None
    if layer.mode != "zeros":
        padded = x.channels
        for window, width in zip(windows, x, strict=False):
            padded *= window.before + width + window.after
        return [
            Op([0], padded, [NEW], saves=[0]),
            Op([1], out.size, [NEW], saves=[1], weighted=True, casts=KERNEL),
        ]
    if all(window.before == window.after for window in windows):
        return [Op([0], out.size, [NEW], saves=[0], weighted=True, casts=KERNEL)]
    padded = x.channels
    for window, width in zip(windows, x, strict=False):
        padded *= width + (abs(window.after - window.before) if by_same else window.before + window.after)
    return [Op([0], padded, [NEW]), Op([1], out.size, [NEW], saves=[1], weighted=True, casts=KERNEL)]


class Conv(Windowed, kind="conv"):
    """Convolution with K filters, each of F x F cells over all channels of its group, in steps of S over input padded by P.

    Every spatial axis becomes (W - F + 2P)/S + 1, and the channels become K. It has F*F*C/groups*K weights and K biases.
    CS231n, "Convolutional Neural Networks"; PyTorch 2, `torch.nn.Conv2d`.

    >>> Conv(filters=96, kernel=11, stride=4).out(Shape((227, 227, 3)))
    (55, 55, 96)
    """

    families = ("convolution",)

    elsewhere = "Conv2d Conv1d Conv3d Convolution Convolution2D Convolutional conv1d conv2d conv3d"
    example = "224x224x3 -> conv: {filters: 64, kernel: 3, pad: 1}"
    counts_for_depth, convolves = 1, True

    filters = Count("number of filters K", also=FILTER_NAMES)
    kernel = Sizes("window size F: `3`, or `1x7` (height x width)", also=KERNEL_NAMES)
    stride = Sizes("step S of the window", 1, also=STRIDE_NAMES)
    pad = Pad(PAD_HELP, 0, also=PAD_NAMES, words="same valid causal")
    dilation = Sizes("distance between the cells of the window", 1, also="dilations rate dilation_rate")
    mode = Choice(MODE_HELP, PAD_MODES, "zeros", also="padding_mode")
    groups = Count("number of groups into which the channels are split", 1, also="group num_groups")
    bias = Flag("one bias per filter", True, also="use_bias bias_term")

    def out(self, *xs: Shape) -> Shape:
        x = xs[0]
        lengths = self.lengths(x)
        split(self, self.groups, x[-1], "input channels")
        split(self, self.groups, self.filters, "filters")
        return Shape((*lengths, self.filters))

    def weights(self, *xs: Shape) -> dict[str, Number]:
        x = xs[0]
        kernels = each(self.kernel, x, "kernel")
        channels = ("C", x[-1]) if self.groups == 1 else ("C/groups", x[-1] // self.groups)
        weights: dict[str, Number] = {"weight": Product(*_letters("F", kernels), channels, ("K", self.filters))}
        if self.bias:
            weights["bias"] = Product(("K", self.filters))
        return weights

    def macs(self, *xs: Shape) -> Product:
        x = xs[0]
        kernels = each(self.kernel, x, "kernel")
        channels = ("C", x[-1]) if self.groups == 1 else ("C/groups", x[-1] // self.groups)
        return Product(*_letters("out", self.lengths(x)), ("K", self.filters), *_letters("F", kernels), channels)

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return convolution_operations(self, xs[0], self.out(xs[0]))


class Depthwise(Windowed, kind="depthwise"):
    """Depthwise convolution: every channel has its own F x F filters, which do not see the other channels.

    The channels become C*multiplier. It has F*F*C*multiplier weights and C*multiplier biases, like a `conv` with C groups.
    Howard et al. 2017, MobileNets; Keras 3, `DepthwiseConv2D`.

    >>> Depthwise(kernel=3, pad=1).out(Shape((112, 112, 32)))
    (112, 112, 32)
    """

    families = ("convolution",)

    elsewhere = "DepthwiseConv2D DepthwiseConv1D depthwiseconv dwconv depthwise_conv"
    example = "112x112x32 -> depthwise: {kernel: 3, pad: 1}"
    counts_for_depth, convolves = 1, True

    kernel = Sizes("window size F: `3`, or `1x7` (height x width)", also=KERNEL_NAMES)
    stride = Sizes("step S of the window", 1, also=STRIDE_NAMES)
    pad = Pad(PAD_HELP, 0, also=PAD_NAMES, words="same valid causal")
    dilation = Sizes("distance between the cells of the window", 1, also="dilations rate dilation_rate")
    mode = Choice(MODE_HELP, PAD_MODES, "zeros", also="padding_mode")
    multiplier = Count("number of filters for each input channel", 1, also="depth_multiplier")
    bias = Flag("one bias per filter", True, also="use_bias bias_term")

    def out(self, *xs: Shape) -> Shape:
        return Shape((*self.lengths(xs[0]), xs[0][-1] * self.multiplier))

    def _filters(self, x: Shape) -> list[tuple[str, int]]:
        many = [("multiplier", self.multiplier)] if self.multiplier > 1 else []
        return [("C", x[-1]), *many]

    def weights(self, *xs: Shape) -> dict[str, Number]:
        x = xs[0]
        kernels = each(self.kernel, x, "kernel")
        weights: dict[str, Number] = {"weight": Product(*_letters("F", kernels), *self._filters(x))}
        if self.bias:
            weights["bias"] = Product(*self._filters(x))
        return weights

    def macs(self, *xs: Shape) -> Product:
        x = xs[0]
        kernels = each(self.kernel, x, "kernel")
        return Product(*_letters("out", self.lengths(x)), *self._filters(x), *_letters("F", kernels))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return convolution_operations(self, xs[0], self.out(xs[0]))


class SeparableConv(Windowed, kind="separableconv"):
    """Depthwise separable convolution: a depthwise convolution without a bias, then a 1x1 convolution with K filters.

    The shapes are those of `conv`. It has F*F*C*multiplier + C*multiplier*K weights and K biases. The volume between the two
    convolutions does not count as activations; write `depthwise` and `conv` to see it. Chollet 2016, Xception; Keras 3,
    `SeparableConv2D`.

    >>> layer = SeparableConv(filters=100, kernel=5)
    >>> layer.out(Shape((416, 416, 10))), sum(layer.weights(Shape((416, 416, 10))).values())
    ((412, 412, 100), 1350)
    """

    families = ("convolution",)

    elsewhere = (
        "SeparableConv2D SeparableConv1D SeparableConvolution2D SeparableConvolution1D separable_conv sepconv dwsepconv "
        "depthwise_separable_conv"
    )
    example = "416x416x10 -> separableconv: {filters: 100, kernel: 5}"
    counts_for_depth, convolves = 2, True

    filters = Count("number of filters K", also=FILTER_NAMES)
    kernel = Sizes("window size F: `3`, or `1x7` (height x width)", also=KERNEL_NAMES)
    stride = Sizes("step S of the window", 1, also=STRIDE_NAMES)
    pad = Pad(PAD_HELP, 0, also=PAD_NAMES, words="same valid causal")
    dilation = Sizes("distance between the cells of the window", 1, also="dilations rate dilation_rate")
    multiplier = Count("number of depthwise filters for each input channel", 1, also="depth_multiplier")
    bias = Flag("one bias per filter", True, also="use_bias bias_term")

    def parts(self) -> tuple[Depthwise, Conv]:
        """Return the two convolutions that the layer consists of."""
        deep = Depthwise(
            kernel=self.kernel,
            stride=self.stride,
            pad=self.pad,
            dilation=self.dilation,
            multiplier=self.multiplier,
            bias=False,
        )
        return deep, Conv(filters=self.filters, kernel=1, bias=self.bias)

    def out(self, *xs: Shape) -> Shape:
        return Shape((*self.lengths(xs[0]), self.filters))

    def weights(self, *xs: Shape) -> dict[str, Number]:
        deep, wide = self.parts()
        between = deep.out(xs[0])
        weights = {
            "weight_depthwise": deep.weights(xs[0])["weight"],
            "weight_pointwise": wide.weights(between)["weight"],
        }
        return {**weights, **({"bias": wide.weights(between)["bias"]} if self.bias else {})}

    def macs(self, *xs: Shape) -> Number:
        deep, wide = self.parts()
        return Sum(deep.macs(xs[0]), wide.macs(deep.out(xs[0])))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        deep, wide = self.parts()
        between = deep.out(xs[0])
        first, second = deep.operations(training, xs[0]), wide.operations(training, between)
        if first is None or second is None:
            return None
        first[-1].of, second[-1].of = [0], [1, 2][: 1 + self.bias]
        second[-1].inputs = second[-1].saves = [len(first)]
        return [*first, *second]


class ConvTranspose(Layer, kind="convtranspose"):
    """Transposed convolution: every input cell is spread over F x F output cells, in steps of S.

    Every spatial axis becomes (W - 1)*S + F - 2P + output_pad, or W*S with `pad: same`, and the channels become K.
    It has F*F*C*K/groups weights and K biases. Multiply-adds are counted per input cell.
    PyTorch 2, `torch.nn.ConvTranspose2d`; Keras 3 for `same`.

    >>> ConvTranspose(filters=64, kernel=2, stride=2).out(Shape((28, 28, 128)))
    (56, 56, 64)
    """

    families = ("convolution",)

    elsewhere = (
        "ConvTranspose2d ConvTranspose1d ConvTranspose3d Conv2DTranspose Conv1DTranspose Deconvolution deconv upconv "
        "transposedconv convtranspose2d deconv2d"
    )
    example = "28x28x128 -> convtranspose: {filters: 64, kernel: 2, stride: 2}"
    counts_for_depth, convolves = 1, True

    filters = Count("number of filters K", also=FILTER_NAMES)
    kernel = Sizes("window size F", also=KERNEL_NAMES)
    stride = Sizes("step S between the windows in the output", 1, also=STRIDE_NAMES)
    pad = Pad("padding P that is cut off the output: a number, `same`, `valid`, or sides", 0, also=PAD_NAMES)
    output_pad = Sizes("number of cells added at the end of the output", 0, also="output_padding", least=0)
    dilation = Sizes("distance between the cells of the window", 1, also="dilations rate dilation_rate")
    groups = Count("number of groups into which the channels are split", 1, also="group num_groups")
    bias = Flag("one bias per filter", True, also="use_bias bias_term")

    def windows(self, *xs: Shape) -> tuple[TransposedWindow, ...]:
        x = xs[0]
        rank = spatial(self, x)
        kernels = each(self.kernel, x, "kernel")
        strides = each(self.stride, x, "stride")
        dilations = each(self.dilation, x, "dilation")
        extras = each(self.output_pad, x, "output_pad")
        windows = []
        pads = None if isinstance(self.pad, str) else sides(self, self.pad, x)
        for i in range(rank):
            reach = dilations[i] * (kernels[i] - 1) + 1
            if pads is None:
                if extras[i]:
                    raise Problem(
                        "bad-value",
                        f"with `pad: same` the output has length {x[i]}*{strides[i]}, "
                        f"which leaves no room for output_pad {extras[i]}",
                        "remove one of the two",
                        field="output_pad",
                    )
                cut = max(reach - strides[i], 0)
                before, after, extra = cut // 2, cut - cut // 2, max(strides[i] - reach, 0)
            else:
                (before, after), extra = pads[i], extras[i]
                if extra and extra >= max(strides[i], dilations[i]):
                    raise Problem(
                        "bad-value",
                        f"output_pad {extra} must be smaller than the stride {strides[i]} "
                        f"or the dilation {dilations[i]}",
                        f"use at most {max(strides[i], dilations[i]) - 1}",
                        field="output_pad",
                    )
            windows.append(TransposedWindow(kernels[i], strides[i], before, after, dilations[i], extra))
        return tuple(windows)

    def out(self, *xs: Shape) -> Shape:
        x = xs[0]
        lengths = [window.out(width) for window, width in zip(self.windows(x), x, strict=False)]
        split(self, self.groups, x[-1], "input channels")
        split(self, self.groups, self.filters, "filters")
        return Shape((*lengths, self.filters))

    def _factors(self, x: Shape) -> list[tuple[str, int]]:
        kernels = each(self.kernel, x, "kernel")
        filters = ("K", self.filters) if self.groups == 1 else ("K/groups", self.filters // self.groups)
        return [*_letters("F", kernels), ("C", x[-1]), filters]

    def weights(self, *xs: Shape) -> dict[str, Number]:
        weights: dict[str, Number] = {"weight": Product(*self._factors(xs[0]))}
        if self.bias:
            weights["bias"] = Product(("K", self.filters))
        return weights

    def macs(self, *xs: Shape) -> Number:
        return Product(*_letters("in", xs[0][:-1]), *self._factors(xs[0]))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], self.out(xs[0]).size, [NEW], saves=[0], weighted=True, casts=KERNEL)]


class Local(Windowed, kind="local"):
    """Locally connected layer: a convolution whose weights are not shared, with K filters at every output position.

    The shapes are those of `conv`. It has out*out*F*F*C*K weights and out*out*K biases. Taigman et al. 2014, DeepFace;
    Darknet, `[local]`; Keras 2, `LocallyConnected2D`.

    >>> Local(filters=256, kernel=3, pad=1).out(Shape((7, 7, 1024)))
    (7, 7, 256)
    """

    families = ("convolution",)

    elsewhere = "LocallyConnected2D LocallyConnected1D locally_connected"
    example = "7x7x1024 -> local: {filters: 256, kernel: 3, pad: 1}"
    counts_for_depth, convolves = 1, True

    filters = Count("number of filters K at every output position", also=FILTER_NAMES)
    kernel = Sizes("window size F: `3`, or `1x7` (height x width)", also=KERNEL_NAMES)
    stride = Sizes("step S of the window", 1, also=STRIDE_NAMES)
    pad = Pad("zero padding P around the input: a number, `same`, `valid`, or sides", 0, also=PAD_NAMES)
    bias = Flag("one bias per filter and output position", True, also="use_bias bias_term")

    def out(self, *xs: Shape) -> Shape:
        return Shape((*self.lengths(xs[0]), self.filters))

    def weights(self, *xs: Shape) -> dict[str, Number]:
        x = xs[0]
        places = _letters("out", self.lengths(x))
        kernels = each(self.kernel, x, "kernel")
        weights: dict[str, Number] = {
            "weight": Product(*places, *_letters("F", kernels), ("C", x[-1]), ("K", self.filters))
        }
        if self.bias:
            weights["bias"] = Product(*places, ("K", self.filters))
        return weights

    def macs(self, *xs: Shape) -> Number:
        return self.weights(*xs)["weight"]
