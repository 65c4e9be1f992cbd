"""Normalization layers."""

from __future__ import annotations

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Choice, Count, Flag
from cnncalc.layers.operations import AS_WEIGHTS, AT_LEAST_4, FULL, MIXED, NEW, SAME, Extra, Op
from cnncalc.layers.views import View
from cnncalc.layers.window import split
from cnncalc.problem import Problem
from cnncalc.product import Number, Product
from cnncalc.shape import Shape

GAIN_NAMES = "elementwise_affine"


class Norm(Layer):
    """Base of the norms with a gain and an offset per channel."""

    families = ("normalization",)

    affine = Flag("a learned gain and offset per channel", True, also=GAIN_NAMES)
    gain = Flag("learn a gain, if `affine` is true (Keras: `scale`)", True, also="scale")
    offset = Flag("learn an offset, if `affine` is true (Keras: `center`)", True, also="center")

    def weights(self, *xs: Shape) -> dict[str, Number]:
        weights: dict[str, Number] = {}
        if self.affine and self.gain:
            weights["weight"] = self._each(xs[0])
        if self.affine and self.offset:
            weights["bias"] = self._each(xs[0])
        return weights

    def _each(self, x: Shape) -> Product:
        return Product(("C", x[-1]))


def norm_operations(size: int, statistics: int, training: bool) -> list[Op]:
    """Return the memory operation of a norm with statistics per example, which are stored for backward in training."""
    extra = [Extra(statistics, AT_LEAST_4)]
    keeps, scratch = (extra, []) if training else ([], extra)
    return [Op([0], size, [NEW], saves=[0], keeps=keeps, scratch=scratch, weighted=True, casts=FULL)]


class BatchNorm(Norm, kind="batchnorm"):
    """Batch normalization: every channel is scaled to mean 0 and variance 1 over the batch.

    The parameters are a gain and an offset per channel. The running mean and variance are buffers, not parameters.
    At inference the layer can overwrite its input. Ioffe & Szegedy 2015; PyTorch 2, `torch.nn.BatchNorm2d`.

    >>> norm = BatchNorm()
    >>> sum(norm.weights(Shape((56, 56, 64))).values()), sum(norm.buffers(Shape((56, 56, 64))).values())
    (128, 128)
    """

    elsewhere = "BatchNorm2d BatchNorm1d BatchNorm3d BatchNormalization bn batch_norm batchnormalisation"
    example = "56x56x64 -> batchnorm"
    in_place = True

    def buffers(self, *xs: Shape) -> dict[str, Number]:
        return {"running_mean": Product(("C", xs[0][-1])), "running_var": Product(("C", xs[0][-1]))}

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        cudnn = self.affine and xs[0].rank > 0  # otherwise, and in half precision, PyTorch uses its own kernel
        statistics = Extra(2 * xs[0].channels, AT_LEAST_4, fixed=True, own=cudnn and not training)
        keeps, scratch = ([statistics], []) if training else ([], [statistics])
        return [Op([0], xs[0].size, [NEW], saves=[0], keeps=keeps, scratch=scratch, weighted=True, whole=cudnn)]


class LayerNorm(Norm, kind="layernorm"):
    """Layer normalization over the channels of each position, with a gain and an offset per channel.

    Ba et al. 2016; PyTorch 2, `torch.nn.LayerNorm(C)`; Keras 3, `LayerNormalization`.

    >>> sum(LayerNorm().weights(Shape((197, 768))).values())
    1536
    """

    elsewhere = "LayerNormalization layer_norm ln layernorm2d"
    example = "197x768 -> layernorm"

    per = Choice(
        "one gain and offset per channel, or per element, which normalizes over all axes", "channel element", "channel"
    )

    def _each(self, x: Shape) -> Product:
        return Product(*[("N", length) for length in x]) if self.per == "element" else super()._each(x)

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None if self.per == "element" else ()

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        groups = 1 if self.per == "element" else xs[0].size // xs[0].channels
        return norm_operations(xs[0].size, 2 * groups, training)


class GroupNorm(Norm, kind="groupnorm"):
    """Group normalization over the channels and positions of each group, with a gain and an offset per channel.

    Wu & He 2018; PyTorch 2, `torch.nn.GroupNorm`.

    >>> sum(GroupNorm(groups=32).weights(Shape((56, 56, 64))).values())
    128
    """

    elsewhere = "GroupNormalization group_norm gn"
    example = "56x56x64 -> groupnorm: 32"

    groups = Count("number of groups into which the channels are split", also="num_groups group")

    def out(self, *xs: Shape) -> Shape:
        split(self, self.groups, xs[0][-1], "channels")
        return xs[0]

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return norm_operations(xs[0].size, 2 * self.groups, training)


class InstanceNorm(Norm, kind="instancenorm"):
    """Instance normalization of every channel over its positions. It has no parameters unless `affine: true` is written.

    Ulyanov et al. 2016; PyTorch 2, `torch.nn.InstanceNorm2d`.

    >>> InstanceNorm().weights(Shape((56, 56, 64)))
    {}
    """

    elsewhere = "InstanceNorm2d InstanceNorm1d InstanceNorm3d InstanceNormalization instance_norm"
    example = "56x56x64 -> instancenorm"

    affine = Flag("a learned gain and offset per channel", False, also=GAIN_NAMES)

    def out(self, *xs: Shape) -> Shape:
        if xs[0].size == xs[0].channels:
            raise Problem(
                "needs-image",
                f"instancenorm averages over positions, but {xs[0]} has only one",
                "use `layernorm` or `batchnorm`",
            )
        return xs[0]

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        channels = xs[0].channels
        repeated = (
            [Extra(channels, AS_WEIGHTS)] if self.affine else []
        )  # the gain, which is stored, and the offset, for each example
        extra = [Extra(2 * channels, AT_LEAST_4), *repeated]
        keeps, scratch = (extra, repeated) if training else ([], [*extra, *repeated])
        op = Op([0], xs[0].size, [NEW], saves=[0], keeps=keeps, scratch=scratch, weighted=True, whole=self.affine)
        op.each = Extra(2 * channels, AS_WEIGHTS) if self.affine else None
        return [op]


class RMSNorm(Layer, kind="rmsnorm"):
    """Root-mean-square normalization over the channels of each position, with a gain per channel and no offset.

    Zhang & Sennrich 2019; PyTorch 2, `torch.nn.RMSNorm`.

    >>> RMSNorm().weights(Shape((197, 768)))["weight"]
    768
    """

    families = ("normalization",)

    elsewhere = "RMSNormalization rms_norm"
    example = "197x768 -> rmsnorm"

    affine = Flag("a learned gain per channel", True, also=GAIN_NAMES)

    def weights(self, *xs: Shape) -> dict[str, Number]:
        return {"weight": Product(("C", xs[0][-1]))} if self.affine else {}

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return norm_operations(xs[0].size, xs[0].size // xs[0].channels, training)


class LRN(Layer, kind="lrn"):
    """Local response normalization: every value is divided by a norm over `size` neighbouring channels.

    It has no parameters. Krizhevsky et al. 2012, AlexNet, section 3.3; PyTorch 2, `torch.nn.LocalResponseNorm`.

    >>> LRN().out(Shape((55, 55, 96)))
    (55, 55, 96)
    """

    families = ("normalization",)

    elsewhere = "LocalResponseNorm local_response_norm LocalResponseNormalization norm"
    example = "55x55x96 -> lrn: 5"

    size = Count("number of neighbouring channels", 5, also="local_size depth_radius n")

    def out(self, *xs: Shape) -> Shape:
        if len(xs[0]) == 1:
            raise Problem(
                "needs-image", f"lrn works on images and sequences, but gets a vector of {xs[0]}", "remove the layer"
            )
        return xs[0]

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        padded = size // xs[0].channels * (xs[0].channels + self.size - 1)
        return [
            Op([0, 0], size, [NEW, NEW], saves=[0]),  # the square
            Op([1], padded, [NEW]),
            Op([2], size, [NEW], saves=[2]),  # the mean over neighbours
            Op([3], size, [NEW]),  # times alpha
            Op([4], size, [SAME]),  # plus k
            Op([5], size, [NEW], saves=[5], temps=2 * size, casts=FULL, holds=[3]),  # to the power of beta
            Op([0, 6], size, [NEW, NEW], saves=[0, 6], temps=2 * size),  # the quotient
        ]


class Scale(Layer, kind="scale"):
    """Multiplication by one learned factor per channel or per layer, and with `bias: true` addition of an offset.

    This is LayerScale (Touvron et al. 2021, CaiT), Caffe's `Scale`, and the coefficient and bias of a subsampling map
    (LeCun et al. 1998).

    >>> Scale().weights(Shape((56, 56, 96)))["weight"]
    96
    """

    elsewhere = "LayerScale layer_scale"
    example = "56x56x96 -> scale"
    in_place = True

    bias = Flag("one offset per channel", False, also="bias_term use_bias")
    per = Choice("one factor per channel, or one for the whole layer", "channel layer", "channel")

    def weights(self, *xs: Shape) -> dict[str, Number]:
        each = ("C", xs[0][-1]) if self.per == "channel" else ("layer", 1)
        weights: dict[str, Number] = {"weight": Product(each)}
        if self.bias:
            weights["bias"] = Product(each)
        return weights

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        scaled = Op([0], size, [NEW], saves=[0], temps=size, weighted=True, casts=MIXED, of=[0], lean=True)
        return [scaled, Op([1], size, [SAME], weighted=True, casts=MIXED, of=[1])] if self.bias else [scaled]


class Standardize(Layer, kind="standardize"):
    """Scaling of the input to mean 0 and variance 1, with a mean, a variance and a count computed beforehand.

    None of the three is trained. Keras 3, `Normalization`.

    >>> sum(Standardize().buffers(Shape((224, 224, 3))).values())
    7
    """

    families = ("normalization",)

    elsewhere = "Normalization"
    example = "224x224x3 -> standardize"
    in_place = True

    per = Choice("one mean and variance per channel, or one for the whole layer", "channel layer", "channel")

    def buffers(self, *xs: Shape) -> dict[str, Number]:
        each = ("C", xs[0][-1]) if self.per == "channel" else ("layer", 1)
        return {"mean": Product(each), "variance": Product(each), "count": Product(("layer", 1))}
