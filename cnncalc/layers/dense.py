"""Fully connected and per-position linear layers, embeddings and learned tables."""

from __future__ import annotations

from cnncalc.layers.base import Layer, as_steps
from cnncalc.layers.fields import Count, Flag
from cnncalc.layers.operations import FULL, MIXED, NEW, PART, PRODUCT, SAME, Op, view_operations
from cnncalc.layers.views import Crop, View
from cnncalc.problem import Problem
from cnncalc.product import Number, Product
from cnncalc.shape import Shape

_LETTERS = {1: ("N",), 2: ("steps", "C"), 3: ("H", "W", "C"), 4: ("D", "H", "W", "C")}  # of the axes of an input
UNIT_NAMES = "out_features num_output output_dim n filters neurons size"


class FC(Layer, kind="fc"):
    """Fully connected layer: every unit is connected to every number of the input, whatever its shape.

    The output is a vector of `units`. With N numbers in the input, it has N*units weights and `units` biases.
    CS231n; Caffe, `InnerProduct`.

    >>> FC(units=4096).out(Shape((7, 7, 512)))
    (4096,)
    """

    families = ("fully connected",)

    elsewhere = "Dense InnerProduct Gemm fully_connected connected fullyconnected affine"
    example = "7x7x512 -> fc: 4096"
    counts_for_depth = 1

    units = Count("number of units", also=UNIT_NAMES)
    bias = Flag("one bias per unit", True, also="use_bias bias_term")

    def out(self, *xs: Shape) -> Shape:
        return Shape((self.units,))

    def _inputs(self, x: Shape) -> list[tuple[str, int]]:
        return list(zip(_LETTERS.get(len(x), "N" * len(x)), x, strict=True))

    def weights(self, *xs: Shape) -> dict[str, Number]:
        weights: dict[str, Number] = {"weight": Product(*self._inputs(xs[0]), ("units", self.units))}
        if self.bias:
            weights["bias"] = Product(("units", self.units))
        return weights

    def macs(self, *xs: Shape) -> Number:
        return Product(*self._inputs(xs[0]), ("units", self.units))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        product = Op([0], self.units, [NEW], saves=[0], weighted=True, casts=PRODUCT, lean=True)
        if len(xs[0]) == 1:
            return [product]
        product.inputs, product.saves = [1], [1]
        return [*view_operations(xs[0].size), product]


class Linear(Layer, kind="linear"):
    """Fully connected layer that is applied at every position: only the last axis changes, from C to `units`.

    It has C*units weights and `units` biases. PyTorch 2, `torch.nn.Linear`; Keras 3, `Dense`.

    >>> Linear(units=3072).out(Shape((197, 768)))
    (197, 3072)
    """

    families = ("fully connected",)

    elsewhere = "timedistributed pointwise"
    example = "197x768 -> linear: 3072"
    counts_for_depth = 1

    units = Count("number of units", also=UNIT_NAMES)
    bias = Flag("one bias per unit", True, also="use_bias bias_term")

    def out(self, *xs: Shape) -> Shape:
        return Shape((*xs[0][:-1], self.units))

    def weights(self, *xs: Shape) -> dict[str, Number]:
        weights: dict[str, Number] = {"weight": Product(("C", xs[0][-1]), ("units", self.units))}
        if self.bias:
            weights["bias"] = Product(("units", self.units))
        return weights

    def macs(self, *xs: Shape) -> Number:
        positions = [("positions", length) for length in xs[0][:-1]]
        return Product(*positions, ("C", xs[0][-1]), ("units", self.units))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None if len(xs[0]) == 1 else ()

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], self.out(xs[0]).size, [NEW], saves=[0], weighted=True, casts=PRODUCT, lean=True)]


class Embedding(Layer, kind="embedding"):
    """Table lookup: every number of the input selects a row of `dim` learned values.

    The output has one more axis, of length `dim`, at the end. It has vocab*dim weights and no multiply-adds.
    PyTorch 2, `torch.nn.Embedding`.

    >>> Embedding(vocab=10000, dim=128).out(Shape((100,)))
    (100, 128)
    """

    elsewhere = "lookup"
    example = "100 -> embedding: {vocab: 10000, dim: 128}"

    vocab = Count("number of rows in the table", also="num_embeddings input_dim vocab_size", most=10**12)
    dim = Count("length of a row", also="embedding_dim output_dim")

    def out(self, *xs: Shape) -> Shape:
        return Shape((*xs[0], self.dim))

    def weights(self, *xs: Shape) -> dict[str, Number]:
        return {"weight": Product(("vocab", self.vocab), ("dim", self.dim))}

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], self.out(*xs).size, [""], saves=[0], weighted=True, casts=FULL)]


class Positional(Layer, kind="positional"):
    """Learned position table that is added to the input, with one value for every number of the input.

    The shape stays the same, and there are as many weights as numbers. Dosovitskiy et al. 2020, ViT.

    >>> Positional().weights(Shape((197, 768)))["weight"]
    151296
    """

    elsewhere = "positionembedding pos_embed PositionalEncoding"
    example = "197x768 -> positional"
    in_place = True

    def weights(self, *xs: Shape) -> dict[str, Number]:
        return {"weight": Product(*[("N", length) for length in xs[0]])}

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], xs[0].size, [SAME], weighted=True, casts=MIXED)]


class ClassToken(Layer, kind="classtoken"):
    """A learned token that is prepended to a sequence, which becomes one step longer.

    It has as many weights as there are features. Dosovitskiy et al. 2020, ViT.

    >>> ClassToken().out(Shape((196, 768)))
    (197, 768)
    """

    elsewhere = "cls_token clstoken class_token"
    example = "196x768 -> classtoken"

    def out(self, *xs: Shape) -> Shape:
        if len(xs[0]) != 2:
            raise Problem("needs-sequence", f"classtoken needs steps x features, but gets {xs[0]}", as_steps(xs[0]))
        return Shape((xs[0][0] + 1, xs[0][1]))

    def weights(self, *xs: Shape) -> dict[str, Number]:
        return {"weight": Product(("features", xs[0][-1]))}

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return (Crop(-1),)

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op([0], self.out(xs[0]).size, [PART], weighted=True, casts=MIXED, strip=True)]
