"""Activations and dropout. They keep the shape, and most of them can overwrite their input."""

from __future__ import annotations

from typing import ClassVar

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Choice, Flag, Rate
from cnncalc.layers.operations import AS_IT_COMES, FULL, FUSED, KERNEL, NEW, OUT, Extra, Op, elementwise, passed_on
from cnncalc.product import Number, Product
from cnncalc.shape import Shape


class Activation(Layer):
    """Base of the activations. The shape stays the same and no new volume needs to be written.

    `kept` is what backward needs, the input or the output. `casts` is what autocast does with the operation.
    """

    families: ClassVar[tuple[str, ...]] = ("activation",)

    in_place = True
    kept: ClassVar[int] = 0
    casts: ClassVar[str] = AS_IT_COMES

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return elementwise(xs[0].size, [self.kept], casts=self.casts)


class InPlace(Activation):
    """Base of the activations that can overwrite their input in PyTorch.

    With `copies`, overwriting the input makes PyTorch keep a copy of it, so that no memory is saved.
    """

    copies: ClassVar[bool] = False

    inplace = Flag("overwrite the input, like PyTorch's `inplace=True`", False, also="in_place")

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        if not self.inplace:
            return elementwise(size, [self.kept])
        if self.copies:
            return [Op([0], size, [NEW], alias=0, copies=True)]
        return elementwise(size, [OUT], inplace=True)


class ReLU(InPlace, kind="relu"):
    """Rectified linear unit: max(0, x).

    >>> ReLU().out(Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "Rectifier ThresholdedReLU"
    example = "56x56x64 -> relu"
    kept = OUT


class ReLU6(InPlace, kind="relu6"):
    """ReLU with an upper limit: min(max(0, x), 6). Howard et al. 2017, MobileNets.

    >>> ReLU6().out(Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "relu_6 Clip"
    example = "56x56x64 -> relu6"
    copies = True


class LeakyReLU(InPlace, kind="leakyrelu"):
    """Leaky ReLU: x if it is positive, otherwise a small multiple of x. Maas et al. 2013.

    >>> LeakyReLU().out(Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "leaky leaky_relu LReLU"
    example = "56x56x64 -> leakyrelu"


class PReLU(Activation, kind="prelu"):
    """Leaky ReLU with a learned slope: one per layer (PyTorch's default), per channel (in the paper) or per element (Keras).

    He et al. 2015, "Delving deep into rectifiers"; PyTorch 2, `torch.nn.PReLU(num_parameters)`.

    >>> PReLU(per="channel").weights(Shape((56, 56, 64)))["weight"]
    64
    """

    elsewhere = "ParametricReLU"
    example = "56x56x64 -> prelu: channel"

    per = Choice("one slope for the whole layer, per channel or per element", "layer channel element", "layer")

    def weights(self, *xs: Shape) -> dict[str, Number]:
        x = xs[0]
        if self.per == "element":
            return {"weight": Product(*[("N", length) for length in x])}
        return {"weight": Product(("C", x[-1])) if self.per == "channel" else Product(("layer", 1))}

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        return [Op([0], size, [NEW], saves=[0], temps=size, weighted=True, casts=KERNEL, both=True)]


class ELU(InPlace, kind="elu"):
    """Exponential linear unit: x if it is positive, otherwise exp(x) - 1. Clevert et al. 2015.

    >>> ELU().out(Shape((56, 56, 64)))
    (56, 56, 64)
    """

    example = "56x56x64 -> elu"


class SELU(InPlace, kind="selu"):
    """ELU with a fixed scale. Klambauer et al. 2017.

    >>> SELU().out(Shape((512,)))
    (512,)
    """

    example = "512 -> selu"


class GELU(Activation, kind="gelu"):
    """Gaussian error linear unit: x times the normal distribution function of x. Hendrycks & Gimpel 2016.

    >>> GELU().out(Shape((197, 3072)))
    (197, 3072)
    """

    example = "197x3072 -> gelu"


class SiLU(InPlace, kind="silu", alias="swish"):
    """Sigmoid linear unit: x times the sigmoid of x. `silu` and `swish` are the same. Ramachandran et al. 2017.

    >>> SiLU().out(Shape((112, 112, 32)))
    (112, 112, 32)
    """

    example = "112x112x32 -> silu"
    copies = True


class Mish(InPlace, kind="mish"):
    """x times tanh(softplus(x)). Misra 2019.

    >>> Mish().out(Shape((56, 56, 64)))
    (56, 56, 64)
    """

    example = "56x56x64 -> mish"
    copies = True


class Sigmoid(Activation, kind="sigmoid"):
    """Logistic sigmoid: 1/(1 + exp(-x)).

    >>> Sigmoid().out(Shape((64,)))
    (64,)
    """

    elsewhere = "logistic"
    example = "64 -> sigmoid"
    kept = OUT


class Tanh(Activation, kind="tanh"):
    """Hyperbolic tangent.

    >>> Tanh().out(Shape((28, 28, 6)))
    (28, 28, 6)
    """

    example = "28x28x6 -> tanh"
    kept = OUT


class HardSwish(InPlace, kind="hardswish"):
    """Piecewise approximation of `silu`: x * relu6(x + 3)/6. Howard et al. 2019, MobileNetV3.

    >>> HardSwish().out(Shape((112, 112, 16)))
    (112, 112, 16)
    """

    elsewhere = "h_swish hard_swish hard_silu hardsilu"
    example = "112x112x16 -> hardswish"
    copies = True


class HardSigmoid(InPlace, kind="hardsigmoid"):
    """Piecewise linear approximation of `sigmoid`: relu6(x + 3)/6. Howard et al. 2019, MobileNetV3.

    >>> HardSigmoid().out(Shape((16,)))
    (16,)
    """

    elsewhere = "hard_sigmoid h_sigmoid"
    example = "16 -> hardsigmoid"
    copies = True


class Softplus(Activation, kind="softplus"):
    """Smooth approximation of ReLU: log(1 + exp(x)).

    >>> Softplus().out(Shape((64,)))
    (64,)
    """

    example = "64 -> softplus"
    casts = FULL


class Softmax(Activation, kind="softmax"):
    """Exponentials, scaled so that they sum to 1 over the last axis.

    >>> Softmax().out(Shape((1000,)))
    (1000,)
    """

    elsewhere = "SoftmaxWithLoss Softmax2d"
    example = "1000 -> softmax"
    casts = FUSED
    kept = OUT


class LogSoftmax(Activation, kind="logsoftmax"):
    """Logarithm of `softmax`.

    >>> LogSoftmax().out(Shape((1000,)))
    (1000,)
    """

    elsewhere = "log_softmax"
    example = "1000 -> logsoftmax"
    casts = FUSED
    kept = OUT


class Dropout(InPlace, kind="dropout"):
    """Dropout, which sets a random share of the numbers to zero during training. At inference it does nothing.

    With `channels` it drops whole channels, as PyTorch's Dropout2d does (Tompson et al. 2015). With `alpha` it keeps the mean
    and variance of the output of selu (Klambauer et al. 2017). Srivastava et al. 2014; PyTorch 2, `torch.nn.Dropout`.

    >>> Dropout().out(Shape((4096,)))
    (4096,)
    """

    families = ("dropout",)

    elsewhere = (
        "drop Dropout1d Dropout2d Dropout3d SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout "
        "FeatureAlphaDropout"
    )
    variants: ClassVar[dict[str, str]] = {
        **{f"{name}{rank}d": "channels: true" for name in ("dropout", "spatialdropout") for rank in (1, 2, 3)},
        "alphadropout": "alpha: true",
        "featurealphadropout": "channels: true, alpha: true",
    }
    example = "4096 -> dropout: 0.5"

    rate = Rate("share of the numbers set to zero", 0.5, also="p dropout_ratio prob probability")
    channels = Flag("drop whole channels, like PyTorch's Dropout2d and Keras' SpatialDropout2D", False, also="spatial")
    alpha = Flag("keep mean and variance, like AlphaDropout, for networks with selu", False)

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        if not training or self.rate == 0:
            return passed_on(size)
        alias = 0 if self.inplace else None
        if self.rate == 1:  # PyTorch multiplies by a single zero
            return [Op([0], size, [NEW], keeps=[Extra(1, fixed=True)], alias=alias)]
        if not (self.channels or self.alpha or self.inplace):
            return [Op([0], size, [NEW], keeps=[Extra(size, 1)])]
        factor = Extra(xs[0][-1] if self.channels else size)  # numbers, not bits; `alpha` temporarily adds as many
        return [Op([0], size, [NEW], keeps=[factor], scratch=[factor] if self.alpha else [], alias=alias)]


class DropPath(Activation, kind="droppath"):
    """Stochastic depth, which drops a whole branch of an example at random during training. Huang et al. 2016.

    >>> DropPath(rate=0.1).out(Shape((56, 56, 96)))
    (56, 56, 96)
    """

    families = ()

    elsewhere = "StochasticDepth drop_path"
    example = "56x56x96 -> droppath: 0.1"

    rate = Rate("probability of dropping the branch", also="p drop_prob survival")

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        return [Op([0], size, [NEW], keeps=[Extra(1)])] if training and self.rate else passed_on(size)


class Identity(Activation, kind="identity"):
    """The input, unchanged.

    >>> Identity().out(Shape((56, 56, 64)))
    (56, 56, 64)
    """

    families = ()

    elsewhere = "noop pass none linear_activation"
    example = "56x56x64 -> identity"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return passed_on(xs[0].size)
