"""Functions of single numbers that are not common activations, and activations that change the number of channels.

Those that keep the shape can overwrite their input, and have no multiply-adds. `Function` states what PyTorch saves for
backward and which temporary tensors it makes, after derivatives.yaml and measurements on torch 2.13.
"""

from __future__ import annotations

from typing import ClassVar

from cnncalc.layers.activation import Activation, InPlace
from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Count
from cnncalc.layers.operations import AS_IT_COMES, FULL, NEW, OUT, PART, RESHAPED, SAME, Op
from cnncalc.layers.window import split
from cnncalc.shape import Shape

INDEX_BYTES = 8


class Function(Activation):
    """Base of the functions that are applied to every number.

    `saves` is what backward needs: [0] is the input and [OUT] the output. `temps` is the number of temporary tensors of the
    same size.
    """

    saves: ClassVar[tuple[int, ...]] = ()
    temps: ClassVar[int] = 0

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        return [Op([0], size, [NEW], saves=self.saves, temps=self.temps * size, casts=self.casts)]


class Neg(Function, kind="neg"):
    """Negation: -x.

    >>> Neg().out(Shape((64,)))
    (64,)
    """

    families = ()

    elsewhere = "negative negate"
    example = "64 -> neg"


class Complement(Function, kind="complement"):
    """1 - x, the complement of a gate. Srivastava et al. 2015, highway networks.

    >>> Complement().out(Shape((64,)))
    (64,)
    """

    families = ()

    elsewhere = "one_minus oneminus"
    example = "64 -> complement"


class Abs(Function, kind="abs"):
    """Absolute value.

    >>> Abs().out(Shape((64,)))
    (64,)
    """

    elsewhere = "absolute"
    example = "64 -> abs"
    saves = (0,)
    temps = 1


class Exp(Function, kind="exp"):
    """Exponential function.

    >>> Exp().out(Shape((64,)))
    (64,)
    """

    elsewhere = "exponential"
    example = "64 -> exp"
    casts = FULL
    saves = (OUT,)


class Log(Function, kind="log"):
    """Natural logarithm.

    >>> Log().out(Shape((64,)))
    (64,)
    """

    elsewhere = "logarithm natural_log"
    example = "64 -> log"
    casts = FULL
    saves = (0,)


class Square(Function, kind="square"):
    """Square: x times x.

    >>> Square().out(Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "squared pow2"
    example = "56x56x64 -> square"
    casts = FULL
    saves = (0,)
    temps = 2


class Sqrt(Function, kind="sqrt"):
    """Square root.

    >>> Sqrt().out(Shape((64,)))
    (64,)
    """

    elsewhere = "square_root"
    example = "64 -> sqrt"
    saves = (OUT,)
    temps = 1


class Rsqrt(Function, kind="rsqrt"):
    """Reciprocal square root: 1/sqrt(x).

    >>> Rsqrt().out(Shape((64,)))
    (64,)
    """

    elsewhere = "inverse_sqrt"
    example = "64 -> rsqrt"
    casts = FULL
    saves = (OUT,)
    temps = 2


class Reciprocal(Function, kind="reciprocal"):
    """Reciprocal: 1/x.

    >>> Reciprocal().out(Shape((64,)))
    (64,)
    """

    elsewhere = "inverse"
    example = "64 -> reciprocal"
    casts = FULL
    saves = (OUT,)
    temps = 2


class Sin(Function, kind="sin"):
    """Sine.

    >>> Sin().out(Shape((64,)))
    (64,)
    """

    elsewhere = "sine"
    example = "64 -> sin"
    saves = (0,)
    temps = 1


class Cos(Function, kind="cos"):
    """Cosine.

    >>> Cos().out(Shape((64,)))
    (64,)
    """

    elsewhere = "cosine"
    example = "64 -> cos"
    saves = (0,)
    temps = 2


class HardShrink(Function, kind="hardshrink"):
    """x if it is above 0.5 or below -0.5, otherwise 0. PyTorch 2, `torch.nn.Hardshrink`.

    >>> HardShrink().out(Shape((64,)))
    (64,)
    """

    elsewhere = "hard_shrink"
    example = "64 -> hardshrink"
    saves = (0,)


class SoftShrink(Function, kind="softshrink"):
    """x shifted by 0.5 towards 0, and 0 between -0.5 and 0.5. PyTorch 2, `torch.nn.Softshrink`.

    >>> SoftShrink().out(Shape((64,)))
    (64,)
    """

    elsewhere = "soft_shrink"
    example = "64 -> softshrink"
    saves = (0,)


class Softsign(Function, kind="softsign"):
    """x/(1 + |x|). PyTorch 2, `torch.nn.Softsign`.

    >>> Softsign().out(Shape((64,)))
    (64,)
    """

    elsewhere = "soft_sign"
    example = "64 -> softsign"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        return [
            Op([0], size, [NEW], saves=[0], temps=size),
            Op([1], size, [SAME]),
            Op([0, 2], size, [NEW, NEW], saves=[0, 2], temps=2 * size),
        ]


class TanhShrink(Function, kind="tanhshrink"):
    """x - tanh(x). PyTorch 2, `torch.nn.Tanhshrink`.

    >>> TanhShrink().out(Shape((64,)))
    (64,)
    """

    elsewhere = "tanh_shrink"
    example = "64 -> tanhshrink"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        return [Op([0], size, [NEW], saves=[OUT]), Op([0, 1], size, [SAME, NEW])]


class LogSigmoid(Function, kind="logsigmoid"):
    """Logarithm of the sigmoid. PyTorch 2, `torch.nn.LogSigmoid`.

    >>> LogSigmoid().out(Shape((64,)))
    (64,)
    """

    elsewhere = "log_sigmoid"
    example = "64 -> logsigmoid"
    saves = (0,)


class HardTanh(InPlace, kind="hardtanh"):
    """x limited to the range from -1 to 1. PyTorch 2, `torch.nn.Hardtanh`.

    >>> HardTanh().out(Shape((64,)))
    (64,)
    """

    elsewhere = "hard_tanh htanh"
    example = "64 -> hardtanh"
    copies = True


class CELU(InPlace, kind="celu"):
    """Like `elu`, but continuously differentiable for every scale of the negative part. Barron 2017.

    >>> CELU().out(Shape((56, 56, 64)))
    (56, 56, 64)
    """

    example = "56x56x64 -> celu"


class Gathering(Layer):
    """Base of the activations that change the number of channels, so that they cannot overwrite their input."""

    families: ClassVar[tuple[str, ...]] = ("activation",)

    casts: ClassVar[str] = AS_IT_COMES


class GLU(Gathering, kind="glu"):
    """Gated linear unit: the first half of the channels times the sigmoid of the second half, so that C becomes C/2.

    Dauphin et al. 2016; PyTorch 2, `torch.nn.GLU`.

    >>> GLU().out(Shape((100, 512)))
    (100, 256)
    """

    elsewhere = "gated_linear_unit"
    example = "100x512 -> glu"

    def out(self, *xs: Shape) -> Shape:
        return Shape((*xs[0][:-1], _part(self, 2, xs[0])))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], xs[0].size // 2, [NEW], saves=[0])]


class CReLU(Gathering, kind="crelu"):
    """Concatenation of relu(x) and relu(-x), so that C becomes 2*C. Shang et al. 2016.

    >>> CReLU().out(Shape((56, 56, 32)))
    (56, 56, 64)
    """

    elsewhere = "concatenated_relu concat_relu"
    example = "56x56x32 -> crelu"

    def out(self, *xs: Shape) -> Shape:
        return Shape((*xs[0][:-1], 2 * xs[0][-1]))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        size = xs[0].size
        return [
            Op([0], size, [NEW], saves=[OUT]),
            Op([0], size, [NEW]),
            Op([2], size, [NEW], saves=[OUT]),
            Op([1, 3], 2 * size, [PART, PART]),
        ]


class Maxout(Gathering, kind="maxout"):
    """Largest of every `pieces` neighbouring channels, so that C becomes C/pieces. Goodfellow et al. 2013.

    >>> Maxout(pieces=2).out(Shape((56, 56, 64)))
    (56, 56, 32)
    """

    elsewhere = "max_out"
    example = "56x56x64 -> maxout: 2"

    pieces = Count("number of channels of which the largest is taken", also="k pool_size num_pieces")

    def out(self, *xs: Shape) -> Shape:
        return Shape((*xs[0][:-1], _part(self, self.pieces, xs[0])))

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        x, size = xs[0].size, xs[0].size // self.pieces
        return [
            Op([0], x, [RESHAPED], alias=0),
            Op([1], size, [NEW], saves=[1, OUT], temps=size, masks=x + INDEX_BYTES * size),
        ]


def _part(layer: Layer, parts: int, x: Shape) -> int:
    return split(layer, parts, x[-1], "channels")
