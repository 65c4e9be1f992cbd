"""Self-attention."""

from __future__ import annotations

from cnncalc.layers.base import Layer, View, as_steps, divisors
from cnncalc.layers.fields import Count, Flag
from cnncalc.problem import Problem
from cnncalc.product import Count as Number
from cnncalc.product import Product, Sum
from cnncalc.shape import Shape


class Attention(Layer, kind="attention"):
    """Multi-head self-attention over steps x features: query, key, value and output projections.

    The shape stays. Weights 4*D*D, biases 4*D; multiply-adds steps*4*D*D for the projections and 2*steps*steps*D for
    scores and weighted sum. Vaswani et al. 2017; PyTorch 2, `torch.nn.MultiheadAttention`.

    >>> sum(Attention(heads=12).weights(Shape((197, 768))).values())
    2362368
    """

    elsewhere = "MultiheadAttention MultiHeadAttention SelfAttention mha scaled_dot_product_attention"
    example = "197x768 -> attention: 12"

    heads = Count("heads that the features are split into", also="num_heads n_heads head")
    bias = Flag("a bias in every projection", True, also="use_bias qkv_bias")

    def out(self, *xs: Shape) -> Shape:
        x = xs[0]
        if len(x) != 2:
            raise Problem(
                "needs-sequence",
                f"attention reads steps x features, such as 197x768, but gets {x}",
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
        found: dict[str, Number] = {"in_proj_weight": Product(("3", 3), features, features)}
        if self.bias:
            found["bias_in_proj"] = Product(("3", 3), features)
        found["out_proj.weight"] = Product(features, features)
        if self.bias:
            found["bias_out_proj"] = Product(features)
        return found

    def macs(self, *xs: Shape) -> Number:
        steps, features = ("steps", xs[0][0]), ("D", xs[0][1])
        return Sum(Product(steps, ("4", 4), features, features), Product(("2", 2), steps, steps, features))

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return None
