"""Self-attention, attention without projections, and dot products."""

from __future__ import annotations

from math import prod

from cnncalc.layers.base import Layer, as_steps, divisors
from cnncalc.layers.fields import Count, Flag
from cnncalc.layers.operations import NEW, PRODUCT, RESHAPED, Op
from cnncalc.layers.views import View
from cnncalc.problem import Problem
from cnncalc.product import Number, Product, Sum
from cnncalc.shape import Shape


class Attention(Layer, kind="attention"):
    """Multi-head self-attention over steps x features, with query, key, value and output projections.

    The shape stays the same. It has 4*D*D weights and 4*D biases, where D is the number of features. The projections take
    steps*4*D*D multiply-adds; scores and weighted sum take 2*steps*steps*D. Vaswani et al. 2017; PyTorch 2,
    `torch.nn.MultiheadAttention`.

    >>> sum(Attention(heads=12).weights(Shape((197, 768))).values())
    2362368
    """

    families = ("attention",)

    elsewhere = "MultiheadAttention MultiHeadAttention SelfAttention mha"
    example = "197x768 -> attention: 12"

    heads = Count("number of heads into which the features are split", also="num_heads n_heads head")
    bias = Flag("one bias vector per projection", True, also="use_bias qkv_bias")

    def out(self, *xs: Shape) -> Shape:
        x = xs[0]
        if len(x) != 2:
            raise Problem(
                "needs-sequence",
                f"attention needs steps x features, such as 197x768, but gets {x}",
                as_steps(x),
            )
        width, rest = divmod(x[1], self.heads)
        if rest:
            raise Problem(
                "groups-do-not-divide",
                f"attention: {x[1]} features cannot be split into {self.heads} heads: "
                f"{x[1]} = {self.heads}*{width} + {rest}",
                divisors(x[1], self.heads, "features", "heads"),
                field="heads",
            )
        return x

    def weights(self, *xs: Shape) -> dict[str, Number]:
        features = ("D", xs[0][1])
        weights: dict[str, Number] = {"in_proj_weight": Product(("3", 3), features, features)}
        if self.bias:
            weights["bias_in_proj"] = Product(("3", 3), features)
        weights["out_proj.weight"] = Product(features, features)
        if self.bias:
            weights["bias_out_proj"] = Product(features)
        return weights

    def macs(self, *xs: Shape) -> Number:
        steps, features = ("steps", xs[0][0]), ("D", xs[0][1])
        return Sum(Product(steps, ("4", 4), features, features), Product(("2", 2), steps, steps, features))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None


class Attend(Layer, kind="attend"):
    """Scaled dot-product attention without projections: scores of queries and keys, and the weighted sum of the values.

    The inputs are query (T x heads*K), key (S x kvheads*K) and value (S x kvheads*V), and the output is T x heads*V.
    It has no weights and takes heads*T*S*(K + V) multiply-adds.
    Vaswani et al. 2017; PyTorch 2, `scaled_dot_product_attention`.

    >>> Attend(heads=8).out(Shape((10, 512)), Shape((20, 512)), Shape((20, 256)))
    (10, 256)
    """

    families = ("attention",)

    elsewhere = "scaled_dot_product_attention"
    example = "197x768 -> {attend: [prev, prev, prev], heads: 12}"
    inputs = 3

    heads = Count("number of heads into which the queries are split", 1)
    kvheads = Count("number of heads of key and value, if there are fewer", None)

    def _widths(self, *xs: Shape) -> tuple[int, int]:
        query, key, value = xs
        fewer = self.kvheads or self.heads
        fits = len(query) == len(key) == len(value) >= 2 and key[:-1] == value[:-1] and query[:-2] == key[:-2]
        fits = fits and query[-1] % self.heads == key[-1] % fewer == value[-1] % fewer == 0
        if not fits or query[-1] // self.heads != key[-1] // fewer:
            raise Problem(
                "shapes-differ", f"attend: the shapes of query {query}, key {key} and value {value} do not match"
            )
        return query[-1] // self.heads, value[-1] // fewer

    def out(self, *xs: Shape) -> Shape:
        return Shape((*xs[0][:-1], self.heads * self._widths(*xs)[1]))

    def macs(self, *xs: Shape) -> Number:
        deep, wide = self._widths(*xs)
        rest = [("batch", length) for length in xs[0][:-2]]
        return Product(*rest, ("heads", self.heads), ("T", xs[0][-2]), ("S", xs[1][-2]), ("K+V", deep + wide))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None


class Dot(Layer, kind="dot"):
    """Dot products of two values along one axis of each, for every pair of their other positions.

    The output has the remaining axes of the first value, followed by those of the second. Keras 3, `Dot`.

    >>> Dot(left=1, right=1).out(Shape((10, 32)), Shape((20, 32)))
    (10, 20)
    """

    elsewhere = "batch_dot"
    example = "10x32 -> {dot: [prev, prev], left: 1, right: 1}"
    inputs = 2

    left = Count("axis of the first value, counted from 0", least=0, most=8)
    right = Count("axis of the second value, counted from 0", least=0, most=8)

    def out(self, *xs: Shape) -> Shape:
        a, b = xs
        if self.left >= len(a) or self.right >= len(b) or a[self.left] != b[self.right]:
            raise Problem(
                "shapes-differ",
                f"dot: axis {self.left} of {a} and axis {self.right} of {b} must exist and have the same length",
            )
        return Shape((*a[: self.left], *a[self.left + 1 :], *b[: self.right], *b[self.right + 1 :]) or (1,))

    def macs(self, *xs: Shape) -> Number:
        return Product(*[("out", length) for length in self.out(*xs)], ("N", xs[0][self.left]))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        between = zip(xs, (self.left, self.right), strict=True)
        copied = [min(prod(x[:axis]), x[axis], prod(x[axis + 1 :])) > 1 and axis > 0 for x, axis in between]
        rows = [
            Op([place], x.size, [RESHAPED], alias=None if copy else 0)
            for place, (x, copy) in enumerate(zip(xs, copied, strict=True))
        ]
        return [*rows, Op([2, 3], self.out(*xs).size, [NEW, NEW], saves=[2, 3], holds=[0, 1], casts=PRODUCT)]
