"""Layers that slide a window: convolutions and poolings, in one, two and three spatial dimensions."""

from __future__ import annotations

from typing import Any

from cnncalc.layers.base import Blur, Layer, View
from cnncalc.layers.fields import SIDES, Count, Flag, Pad, Sizes, To, each
from cnncalc.problem import Problem
from cnncalc.product import Count as Number
from cnncalc.product import Product
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.text import show

KERNEL_NAMES = "kernel_size kernel_shape kernel_h ksize pool_size window filter_size F size"
STRIDE_NAMES = "strides S step"
PAD_NAMES = "padding pads P"
FILTER_NAMES = "out_channels num_output K n_filters num_filters channels depth units"


def spatial(layer: Layer, x: Shape) -> int:
    """The number of spatial axes of the input of a windowed layer.

    Raises:
        Problem: `needs-image` for a vector, or for more than three spatial axes.
    """
    if 1 <= len(x) - 1 <= 3:
        return len(x) - 1
    if len(x) == 1:
        raise Problem(
            "needs-image",
            f"{layer.kind} slides a window over an image or a sequence, but gets a vector of {x[0]}",
            "move it in front of the layer that flattens, or put a `reshape:` between",
        )
    raise Problem("needs-image", f"{layer.kind} works on one to three spatial axes, but gets {x}")


def sides(layer: Layer, pad: int | str | tuple[int, ...] | dict[str, int], x: Shape) -> tuple[tuple[int, int], ...]:
    """Padding before and after every spatial axis (not for `same`)."""
    rank = len(x) - 1
    if type(pad) is int:
        return ((pad, pad),) * rank
    if isinstance(pad, dict):
        found = [[0, 0] for _ in range(rank)]
        for side, cells in pad.items():
            axis, end = SIDES[side]
            if -axis > rank or ((side in ("start", "end")) is not (rank == 1) and side not in ("left", "right")):
                raise Problem(
                    "bad-value", f"the {rank}-axis input {x} has no {show(side)} side", "name sides it has", field="pad"
                )
            found[axis][end] = cells
        return tuple((before, after) for before, after in found)
    assert not isinstance(pad, str)
    return tuple((cells, cells) for cells in each(pad, x, "pad"))


def same(width: int, reach: int, stride: int) -> tuple[int, int]:
    """The zeros that keep the output at ceil(W/S): the odd one behind (TensorFlow, "SAME").

    >>> same(224, 3, 2)
    (0, 1)
    """
    total = max((-(-width // stride) - 1) * stride + reach - width, 0)
    return total // 2, total - total // 2


class Windowed(Layer):
    """What convolutions and poolings share: one window per spatial axis."""

    kernel: Any
    stride: Any
    pad: Any
    dilation: Any = 1
    ceil: Any = False

    def windows(self, *xs: Shape) -> tuple[Window, ...]:
        """One window per spatial axis, `same` worked out.

        Raises:
            Problem: `needs-image`, or `bad-value` where a field names another number of axes.
        """
        x = xs[0]
        memo = self.__dict__.get("_memo")  # asked for shape, multiply-adds, field and notes of the same input
        if memo is not None and memo[0] == x:
            found: tuple[Window, ...] = memo[1]
            return found
        rank = spatial(self, x)
        kernels = each(self.kernel, x, "kernel")
        strides = each(self.stride or self.kernel, x, "stride")
        dilations = each(self.dilation, x, "dilation")
        if self.pad == "same":
            pads = tuple(same(x[i], dilations[i] * (kernels[i] - 1) + 1, strides[i]) for i in range(rank))
        else:
            pads = sides(self, self.pad, x)
        ceil = self.ceil
        found = tuple([Window(kernels[i], strides[i], pads[i][0], pads[i][1], dilations[i], ceil) for i in range(rank)])
        self.__dict__["_memo"] = (x, found)
        return found

    def lengths(self, x: Shape) -> list[int]:
        """The spatial axes of the output."""
        return [window.out(width) for window, width in zip(self.windows(x), x, strict=False)]

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        x = xs[0]
        found: dict[str, tuple[str, list[str]]] = {}
        for window, width, axis in zip(self.windows(x), x, x.axes, strict=False):
            for code, sentence in _window_notes(window, width, self.pad == "same"):
                found.setdefault(sentence, (code, []))[1].append(axis)
        return [(code, f"{' and '.join(axes)}: {sentence}") for sentence, (code, axes) in found.items()]


def _window_notes(window: Window, width: int, by_same: bool) -> list[tuple[str, str]]:
    left = window.remainder(width)
    notes = []
    if by_same and window.before != window.after:
        notes.append(
            ("uneven-padding", f"same pads {window.before} in front and {window.after} behind, as TensorFlow does")
        )
    if left > 0:
        unread = max(left - window.after, 0)
        cells = f"the last {unread} of the input" if unread else "no cell of the input"
        verb = "are" if unread > 1 else "is"
        tail = f"{cells} {verb} not read" if unread else "only padding is left unread"
        notes.append(
            (
                "rounded-down",
                f"{window.numbers(width)} = {window.quotient(width)}, rounded down to {window.out(width)}; {tail}",
            )
        )
    elif left < 0:
        notes.append(
            (
                "rounded-up",
                f"{window.numbers(width)} = {window.quotient(width)}, rounded up to {window.out(width)}; "
                f"the last window reaches {-left} beyond the padded input",
            )
        )
    return notes


def split(layer: Layer, groups: int, channels: int, what: str) -> int:
    """Channels in each group.

    Raises:
        Problem: `groups-do-not-divide`.
    """
    each_group, rest = divmod(channels, groups)
    if rest:
        raise Problem(
            "groups-do-not-divide",
            f"{layer.kind}: {channels} {what} cannot be split into {groups} groups: "
            f"{channels} = {groups}*{each_group} + {rest}",
            f"choose a number of groups that divides {channels}",
            field="groups",
        )
    return each_group


def _letters(name: str, lengths: tuple[int, ...] | list[int]) -> list[tuple[str, int]]:
    return [(name, length) for length in lengths]


class Conv(Windowed, kind="conv"):
    """A convolution: K filters, each F x F over all channels of its group, slid by S over the input padded by P.

    Every spatial axis becomes (W - F + 2P)/S + 1, the channels become K. Weights F*F*C/groups*K, biases K.
    CS231n, "Convolutional Neural Networks"; PyTorch 2, `torch.nn.Conv2d`.

    >>> Conv(filters=96, kernel=11, stride=4).out(Shape((227, 227, 3)))
    (55, 55, 96)
    """

    elsewhere = "Conv2d Conv1d Conv3d Convolution Convolution2D Convolutional conv1d conv2d conv3d"
    example = "224x224x3 -> conv: {filters: 64, kernel: 3, pad: 1}"
    counts_for_depth = convolves = True

    filters = Count("number of filters K", also=FILTER_NAMES)
    kernel = Sizes("window size F: `3`, or `1x7` (height x width)", also=KERNEL_NAMES)
    stride = Sizes("step S of the window", 1, also=STRIDE_NAMES)
    pad = Pad("zeros P around the input: a number, `same`, `valid`, or sides", 0, also=PAD_NAMES)
    dilation = Sizes("distance between the cells under the window", 1, also="dilations rate dilation_rate")
    groups = Count("groups that the channels are split into", 1, also="group num_groups")
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
        found: dict[str, Number] = {"weight": Product(*_letters("F", kernels), channels, ("K", self.filters))}
        if self.bias:
            found["bias"] = Product(("K", self.filters))
        return found

    def macs(self, *xs: Shape) -> Number:
        x = xs[0]
        kernels = each(self.kernel, x, "kernel")
        channels = ("C", x[-1]) if self.groups == 1 else ("C/groups", x[-1] // self.groups)
        return Product(*_letters("out", self.lengths(x)), ("K", self.filters), *_letters("F", kernels), channels)


class Depthwise(Windowed, kind="depthwise"):
    """A depthwise convolution: every channel has its own F x F filters and sees no other channel.

    The channels become C*multiplier. Weights F*F*C*multiplier, biases C*multiplier. A `conv` with groups = C.
    Howard et al. 2017, MobileNets; Keras 3, `DepthwiseConv2D`.

    >>> Depthwise(kernel=3, pad=1).out(Shape((112, 112, 32)))
    (112, 112, 32)
    """

    elsewhere = "DepthwiseConv2D DepthwiseConv1D depthwiseconv dwconv depthwise_conv"
    example = "112x112x32 -> depthwise: {kernel: 3, pad: 1}"
    counts_for_depth = convolves = True

    kernel = Sizes("window size F: `3`, or `1x7` (height x width)", also=KERNEL_NAMES)
    stride = Sizes("step S of the window", 1, also=STRIDE_NAMES)
    pad = Pad("zeros P around the input: a number, `same`, `valid`, or sides", 0, also=PAD_NAMES)
    dilation = Sizes("distance between the cells under the window", 1, also="dilations rate dilation_rate")
    multiplier = Count("filters for each input channel", 1, also="depth_multiplier")
    bias = Flag("one bias per filter", True, also="use_bias bias_term")

    def out(self, *xs: Shape) -> Shape:
        return Shape((*self.lengths(xs[0]), xs[0][-1] * self.multiplier))

    def _filters(self, x: Shape) -> list[tuple[str, int]]:
        many = [("multiplier", self.multiplier)] if self.multiplier > 1 else []
        return [("C", x[-1]), *many]

    def weights(self, *xs: Shape) -> dict[str, Number]:
        x = xs[0]
        kernels = each(self.kernel, x, "kernel")
        found: dict[str, Number] = {"weight": Product(*_letters("F", kernels), *self._filters(x))}
        if self.bias:
            found["bias"] = Product(*self._filters(x))
        return found

    def macs(self, *xs: Shape) -> Number:
        x = xs[0]
        kernels = each(self.kernel, x, "kernel")
        return Product(*_letters("out", self.lengths(x)), *self._filters(x), *_letters("F", kernels))


class ConvTranspose(Layer, kind="convtranspose"):
    """A transposed convolution: every input cell is spread over F x F output cells, S apart.

    Every spatial axis becomes (W - 1)*S + F - 2P + output_pad, the channels become K; with `pad: same` it becomes W*S.
    Weights F*F*C*K/groups, biases K; multiply-adds are counted per input cell.
    PyTorch 2, `torch.nn.ConvTranspose2d`; Keras 3 for `same`.

    >>> ConvTranspose(filters=64, kernel=2, stride=2).out(Shape((28, 28, 128)))
    (56, 56, 64)
    """

    elsewhere = (
        "ConvTranspose2d ConvTranspose1d ConvTranspose3d Conv2DTranspose Conv1DTranspose Deconvolution deconv upconv "
        "transposedconv convtranspose2d deconv2d"
    )
    example = "28x28x128 -> convtranspose: {filters: 64, kernel: 2, stride: 2}"
    counts_for_depth = convolves = True

    filters = Count("number of filters K", also=FILTER_NAMES)
    kernel = Sizes("window size F", also=KERNEL_NAMES)
    stride = Sizes("distance S between the windows in the output", 1, also=STRIDE_NAMES)
    pad = Pad("cells P cut off around the output: a number, `same`, `valid`, or sides", 0, also=PAD_NAMES)
    output_pad = Sizes("cells added behind the output", 0, also="output_padding", least=0)
    dilation = Sizes("distance between the cells under the window", 1, also="dilations rate dilation_rate")
    groups = Count("groups that the channels are split into", 1, also="group num_groups")
    bias = Flag("one bias per filter", True, also="use_bias bias_term")

    def windows(self, *xs: Shape) -> tuple[TransposedWindow, ...]:
        x = xs[0]
        rank = spatial(self, x)
        kernels = each(self.kernel, x, "kernel")
        strides = each(self.stride, x, "stride")
        dilations = each(self.dilation, x, "dilation")
        extras = each(self.output_pad, x, "output_pad")
        found = []
        pads = None if isinstance(self.pad, str) else sides(self, self.pad, x)
        for i in range(rank):
            reach = dilations[i] * (kernels[i] - 1) + 1
            if pads is None:
                if extras[i]:
                    raise Problem(
                        "bad-value",
                        f"`pad: same` makes the output {x[i]}*{strides[i]} by itself; "
                        f"output_pad {extras[i]} contradicts it",
                        "leave one of the two out",
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
            found.append(TransposedWindow(kernels[i], strides[i], before, after, dilations[i], extra))
        return tuple(found)

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
        found: dict[str, Number] = {"weight": Product(*self._factors(xs[0]))}
        if self.bias:
            found["bias"] = Product(("K", self.filters))
        return found

    def macs(self, *xs: Shape) -> Number:
        return Product(*_letters("in", xs[0][:-1]), *self._factors(xs[0]))


class Pool(Windowed):
    """What both poolings share: the stride is the kernel unless written, channels stay.

    The padding is at most half of the kernel, dilation not counted (PyTorch 2, `pool2d_shape_check`); where the two
    sides differ, which PyTorch has no word for, it is shorter than the kernel (ONNX Runtime, `PoolAttributes`).
    """

    kernel = Sizes("window size F", also=KERNEL_NAMES)
    stride = Sizes("step S of the window; the kernel unless written", None, also=STRIDE_NAMES)
    pad = Pad("padding P around the input: a number, `same`, `valid`, or sides", 0, also=PAD_NAMES)
    ceil = Flag("round sizes up instead of down (Caffe)", False, also="ceil_mode")

    def out(self, *xs: Shape) -> Shape:
        x = xs[0]
        for window in self.windows(x):
            uneven = window.before != window.after
            most = window.kernel - 1 if uneven else window.kernel // 2
            if max(window.before, window.after) > most and self.pad != "same":
                raise Problem(
                    "pad-too-large",
                    f"{self.kind}: padding {max(window.before, window.after)} is more than "
                    + (
                        f"{most}, so that a whole window would hold padding only"
                        if uneven
                        else f"half of the kernel {window.kernel}"
                    ),
                    f"pad by at most {most}",
                    field="pad",
                )
        return Shape((*self.lengths(x), x[-1]))


class MaxPool(Pool, kind="maxpool"):
    """Max pooling: the largest value under each F x F window, channel by channel. No parameters.

    Every spatial axis becomes (W - F + 2P)/S + 1; S is F unless written. PyTorch 2, `torch.nn.MaxPool2d`.

    >>> MaxPool(kernel=3, stride=2).out(Shape((55, 55, 96)))
    (27, 27, 96)
    """

    elsewhere = "MaxPool2d MaxPool1d MaxPool3d MaxPooling2D MaxPooling1D MaxPooling3D max_pool max_pool2d pool pooling"
    example = "224x224x64 -> maxpool: 2"

    dilation = Sizes("distance between the cells under the window", 1, also="dilations")


class AvgPool(Pool, kind="avgpool"):
    """Average pooling: the mean under each F x F window, channel by channel. No parameters.

    Every spatial axis becomes (W - F + 2P)/S + 1; S is F unless written. PyTorch 2, `torch.nn.AvgPool2d`.

    >>> AvgPool(kernel=2).out(Shape((28, 28, 6)))
    (14, 14, 6)
    """

    elsewhere = (
        "AvgPool2d AvgPool1d AvgPool3d AveragePooling2D AveragePooling1D AveragePool avg_pool avg_pool2d meanpool"
    )
    example = "28x28x6 -> avgpool: 2"


class GlobalPool(Layer):
    """What both global poolings share: one number per channel."""

    def out(self, *xs: Shape) -> Shape:
        spatial(self, xs[0])
        return Shape((xs[0][-1],))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None


class GlobalAvgPool(GlobalPool, kind="globalavgpool"):
    """Global average pooling: the mean of each channel over the whole image; a vector of C. No parameters.

    Lin et al. 2013, Network in Network; Keras 3, `GlobalAveragePooling2D`.

    >>> GlobalAvgPool().out(Shape((7, 7, 512)))
    (512,)
    """

    elsewhere = (
        "GlobalAveragePooling2D GlobalAveragePooling1D GlobalAveragePooling3D GlobalAveragePool global_avg_pool gap"
    )
    example = "7x7x512 -> globalavgpool"


class GlobalMaxPool(GlobalPool, kind="globalmaxpool"):
    """Global max pooling: the largest value of each channel over the whole image; a vector of C. No parameters.

    Keras 3, `GlobalMaxPooling2D`.

    >>> GlobalMaxPool().out(Shape((7, 7, 512)))
    (512,)
    """

    elsewhere = "GlobalMaxPooling2D GlobalMaxPooling1D GlobalMaxPooling3D global_max_pool gmp"
    example = "7x7x512 -> globalmaxpool"


class AdaptivePool(Layer):
    """What both adaptive poolings share: windows chosen so that the output has a given size."""

    output = To("size of the output: `7` or `7x7`", also="output_size size")

    def _lengths(self, x: Shape) -> tuple[int, ...]:
        spatial(self, x)
        length: int | tuple[int, ...] = self.output[0] if len(self.output) == 1 else self.output
        return each(length, x, "output")

    def out(self, *xs: Shape) -> Shape:
        return Shape((*self._lengths(xs[0]), xs[0][-1]))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        x = xs[0]
        lengths = self._lengths(x)
        if all(length == 1 for length in lengths):
            return None
        pairs = list(zip(x, lengths, strict=False))
        return tuple(Blur() if width % length else Window(width // length, width // length) for width, length in pairs)


class AdaptiveAvgPool(AdaptivePool, kind="adaptiveavgpool"):
    """Adaptive average pooling: averages over windows chosen so that the output has the given size. No parameters.

    PyTorch 2, `torch.nn.AdaptiveAvgPool2d`.

    >>> AdaptiveAvgPool(output=7).out(Shape((10, 12, 512)))
    (7, 7, 512)
    """

    elsewhere = "AdaptiveAvgPool2d AdaptiveAvgPool1d AdaptiveAvgPool3d adaptive_avg_pool2d"
    example = "10x12x512 -> adaptiveavgpool: 7"


class AdaptiveMaxPool(AdaptivePool, kind="adaptivemaxpool"):
    """Adaptive max pooling: maxima over windows chosen so that the output has the given size. No parameters.

    PyTorch 2, `torch.nn.AdaptiveMaxPool2d`.

    >>> AdaptiveMaxPool(output=7).out(Shape((10, 12, 512)))
    (7, 7, 512)
    """

    elsewhere = "AdaptiveMaxPool2d AdaptiveMaxPool1d AdaptiveMaxPool3d adaptive_max_pool2d"
    example = "10x12x512 -> adaptivemaxpool: 7"
