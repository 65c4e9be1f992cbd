"""Max and average pooling over windows, over all positions, or to a given size, and max unpooling."""

from __future__ import annotations

from typing import ClassVar

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Flag
from cnncalc.layers.fields.sizes import Pad, Sizes, To, each
from cnncalc.layers.operations import NEW, Extra, Op
from cnncalc.layers.sized_like import SizedLike
from cnncalc.layers.views import Adaptive, Blur, View
from cnncalc.layers.window import KERNEL_NAMES, PAD_NAMES, STRIDE_NAMES, Windowed, sides, spatial
from cnncalc.problem import Problem
from cnncalc.shape import Shape, TransposedWindow, Window


def max_pool_operations(size: int, training: bool, place: int = 0) -> list[Op]:
    """Return the memory operation of a max pooling, which stores 8-byte indices of the maxima for backward."""
    indices = [Extra(size, 8)]
    effects = {"saves": [place], "keeps": indices} if training else {"scratch": indices}
    return [Op([place], size, [NEW], **effects)]


class Pool(Windowed):
    """Base of max and average pooling. The stride is the kernel unless it is written, and the channels stay the same.

    The padding is at most half of the kernel, not counting dilation (PyTorch 2, `pool2d_shape_check`). PyTorch has no padding
    that differs between the sides; such padding must be smaller than the kernel (ONNX Runtime, `PoolAttributes`).
    """

    families: ClassVar[tuple[str, ...]] = ("pooling",)

    kernel = Sizes("window size F", also=KERNEL_NAMES)
    stride = Sizes("stride S of the window (default: the kernel size)", None, also=STRIDE_NAMES)
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
                        f"{most}, so a window would contain nothing but padding"
                        if uneven
                        else f"half of the kernel {window.kernel}"
                    ),
                    f"pad by at most {most}",
                    field="pad",
                )
        return Shape((*self.lengths(x), x[-1]))

    def padding_operations(self, x: Shape) -> list[Op]:
        """Return the operation that makes a padded copy, if PyTorch's pooling has no such padding."""
        windows = self.windows(x)
        if all(window.before == window.after <= window.kernel // 2 for window in windows):
            return []
        size = x.channels
        for window, width, length in zip(windows, x, self.lengths(x), strict=False):
            reached = (length - 1) * window.stride + window.reach
            size *= reached if self.ceil else width + window.before + window.after
        return [Op([0], size, [NEW])]


class MaxPool(Pool, kind="maxpool"):
    """Max pooling: the largest value in each F x F window, channel by channel. No parameters.

    Every spatial axis becomes (W - F + 2P)/S + 1; S defaults to F. PyTorch 2, `torch.nn.MaxPool2d`.

    >>> MaxPool(kernel=3, stride=2).out(Shape((55, 55, 96)))
    (27, 27, 96)
    """

    families = ("max pooling", "pooling")

    elsewhere = "MaxPool2d MaxPool1d MaxPool3d MaxPooling2D MaxPooling1D MaxPooling3D max_pool max_pool2d pool pooling"
    example = "224x224x64 -> maxpool: 2"

    dilation = Sizes("distance between the cells of the window", 1, also="dilations")

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        padding = self.padding_operations(xs[0])
        return [*padding, *max_pool_operations(self.out(xs[0]).size, training, len(padding))]


class AvgPool(Pool, kind="avgpool"):
    """Average pooling: the mean of each F x F window, channel by channel. No parameters.

    Every spatial axis becomes (W - F + 2P)/S + 1; S defaults to F. PyTorch 2, `torch.nn.AvgPool2d`.

    >>> AvgPool(kernel=2).out(Shape((28, 28, 6)))
    (14, 14, 6)
    """

    families = ("average pooling", "pooling")

    elsewhere = (
        "AvgPool2d AvgPool1d AvgPool3d AveragePooling2D AveragePooling1D AveragePool avg_pool avg_pool2d meanpool"
    )
    example = "28x28x6 -> avgpool: 2"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        padding = self.padding_operations(xs[0])
        return [*padding, Op([len(padding)], self.out(xs[0]).size, [NEW], saves=[len(padding)])]


class MaxUnpool(SizedLike, kind="maxunpool"):
    """Max unpooling: puts every value back at the position where max pooling found it, with zeros elsewhere. No parameters.

    Every spatial axis becomes (W - 1)*S + F - 2P; S defaults to F. With `like` the axes get the lengths of another
    value, such as the one that was pooled. Zeiler & Fergus 2013; Badrinarayanan et al. 2015, SegNet; PyTorch 2,
    `torch.nn.MaxUnpool2d`.

    >>> MaxUnpool(kernel=2).out(Shape((14, 14, 512)))
    (28, 28, 512)
    >>> MaxUnpool(like="conv4").out(Shape((14, 14, 512)), Shape((29, 28, 256)))
    (29, 28, 512)
    """

    elsewhere = "MaxUnpool2d MaxUnpool1d MaxUnpool3d MaxUnpooling2D unpool unpooling"
    example = "14x14x512 -> maxunpool: 2"
    size_fields = ("kernel",)

    kernel = Sizes("window size F of the pooling", None, also=KERNEL_NAMES)
    stride = Sizes("stride S of the pooling window (default: the kernel size)", None, also=STRIDE_NAMES)
    pad = Pad("padding P of the pooling: a number, one per axis, or sides", 0, also=PAD_NAMES, words="")

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        x = xs[0]
        spatial(self, x)
        wanted = self.reference_size(*xs)
        if wanted is not None:  # the window of the pooling, which decides what a cell sees, is not known
            return tuple(Blur() for _ in wanted)
        kernels, strides = each(self.kernel, x, "kernel"), each(self.stride or self.kernel, x, "stride")
        pads = sides(self, self.pad, x)
        return tuple(TransposedWindow(k, s, *pad) for k, s, pad in zip(kernels, strides, pads, strict=True))

    def out(self, *xs: Shape) -> Shape:
        x = xs[0]
        spatial(self, x)
        wanted = self.reference_size(*xs)
        if wanted is not None:
            if any(length < width for length, width in zip(wanted, x, strict=False)):
                text = f"maxunpool: {x} is larger than `{self.like}`, which is {xs[1]}"
                raise Problem("bad-value", text, "name the value that was pooled", field="like")
            return Shape((*wanted, x[-1]))
        views = self.windows(x) or ()
        lengths = [view.out(width) for view, width in zip(views, x, strict=False) if isinstance(view, TransposedWindow)]
        return Shape((*lengths, x[-1]))


class GlobalPool(Layer):
    """Base of the global poolings, which return one number per channel."""

    families: ClassVar[tuple[str, ...]] = ("pooling",)

    def out(self, *xs: Shape) -> Shape:
        spatial(self, xs[0])
        return Shape((xs[0][-1],))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None


class GlobalAvgPool(GlobalPool, kind="globalavgpool"):
    """Global average pooling: the mean of each channel over all positions, as a vector of C. No parameters.

    Lin et al. 2013, Network in Network; Keras 3, `GlobalAveragePooling2D`.

    >>> GlobalAvgPool().out(Shape((7, 7, 512)))
    (512,)
    """

    families = ("average pooling", "pooling")

    elsewhere = (
        "GlobalAveragePooling2D GlobalAveragePooling1D GlobalAveragePooling3D GlobalAveragePool global_avg_pool gap"
    )
    example = "7x7x512 -> globalavgpool"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], xs[0].channels, [NEW])]


class GlobalMaxPool(GlobalPool, kind="globalmaxpool"):
    """Global max pooling: the largest value of each channel over all positions, as a vector of C. No parameters.

    Keras 3, `GlobalMaxPooling2D`.

    >>> GlobalMaxPool().out(Shape((7, 7, 512)))
    (512,)
    """

    families = ("max pooling", "pooling")

    elsewhere = "GlobalMaxPooling2D GlobalMaxPooling1D GlobalMaxPooling3D global_max_pool gmp"
    example = "7x7x512 -> globalmaxpool"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return max_pool_operations(xs[0].channels, training)


class AdaptivePool(Layer):
    """Base of the adaptive poolings, whose windows are chosen so that the output has a given size."""

    families: ClassVar[tuple[str, ...]] = ("pooling",)

    output = To("size of the output: `7` or `7x7`", also="output_size size", axes=True)

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
        return tuple(
            Adaptive(width, length) if width % length else Window(width // length, width // length)
            for width, length in pairs
        )


class AdaptiveAvgPool(AdaptivePool, kind="adaptiveavgpool"):
    """Adaptive average pooling: the means of windows that are chosen so that the output has the given size. No parameters.

    PyTorch 2, `torch.nn.AdaptiveAvgPool2d`.

    >>> AdaptiveAvgPool(output=7).out(Shape((10, 12, 512)))
    (7, 7, 512)
    """

    families = ("average pooling", "pooling")

    elsewhere = "AdaptiveAvgPool2d AdaptiveAvgPool1d AdaptiveAvgPool3d adaptive_avg_pool2d"
    example = "10x12x512 -> adaptiveavgpool: 7"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        out = self.out(xs[0])
        return [Op([0], out.size, [NEW], saves=[] if out.size == out.channels else [0])]


class AdaptiveMaxPool(AdaptivePool, kind="adaptivemaxpool"):
    """Adaptive max pooling: the maxima of windows that are chosen so that the output has the given size. No parameters.

    PyTorch 2, `torch.nn.AdaptiveMaxPool2d`.

    >>> AdaptiveMaxPool(output=7).out(Shape((10, 12, 512)))
    (7, 7, 512)
    """

    families = ("max pooling", "pooling")

    elsewhere = "AdaptiveMaxPool2d AdaptiveMaxPool1d AdaptiveMaxPool3d adaptive_max_pool2d"
    example = "10x12x512 -> adaptivemaxpool: 7"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return max_pool_operations(self.out(xs[0]).size, training)
