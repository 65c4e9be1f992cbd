"""Layers as the calls of a PyTorch program, which is what counting tools see.

A call has the facts that the tools' rules multiply: multiply-adds, inputs, outputs, bias additions and parameters. Most
layers are one call of the same name. A separable convolution is two, and dropping paths or reshaping is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.layers.conv import ConvTranspose, SeparableConv
from cnncalc.layers.norm import Norm
from cnncalc.layers.operator import Operator, Stated
from cnncalc.layers.pool import Pool
from cnncalc.network import Network, Node, Written
from cnncalc.shape import Shape

# kinds that no PyTorch tool counts, however a program writes them
UNCOUNTED = frozenset((
    "dropout", "droppath", "identity", "flatten", "reshape", "permute", "slice", "channelshuffle", "pixelshuffle",
    "pixelunshuffle", "pad", "crop", "channelpad", "concat", "neg", "complement", "abs", "exp", "log", "square", "sqrt",
    "rsqrt", "reciprocal", "sin", "cos", "sigmoid", "tanh", "softplus", "selu", "celu", "mish", "hardswish", "hardsigmoid",
    "hardtanh", "hardshrink", "softshrink", "softsign", "tanhshrink", "logsigmoid", "logsoftmax", "glu", "maxout",
    "maximum", "minimum", "sub", "average", "maxunpool", "standardize",
))  # fmt: skip
# operations of a PyTorch program without a layer kind that some tool counts; all others count 0 everywhere
PRODUCTS = {"matmul": "matmul", "mm": "matmul", "bmm": "matmul", "addmm": "", "baddbmm": "", "einsum": "einsum"}
COUNTED = ("norm", "upsample", "pool", "softmax", "relu", "elu", "gelu", "silu", "conv", "grid_sampler", "linear")


class Call:
    """One call: its name in the rules, the way it is written, and its facts. `node` is the first of equal layers."""

    __slots__ = ("inputs", "layer", "macs", "node", "op", "output", "shapes", "style")

    def __init__(self, op: str, style: str, node: Node, layer: Layer, shapes: tuple[Shape, ...]) -> None:
        self.op = op
        self.style = style
        self.node = node
        self.layer = layer
        self.shapes = shapes
        self.output = layer.out(*shapes)
        self.macs = int(layer.macs(*shapes))
        self.inputs = shapes[0].size
        if isinstance(layer, ConvTranspose):
            self.output = _before_cropping(layer, shapes[0], self.output)
        if isinstance(layer, Pool):
            padded = layer.padding_operations(shapes[0])  # tools count the padded copy
            self.inputs = padded[0].output if padded else self.inputs

    @property
    def outputs(self) -> int:
        """How many numbers the call returns."""
        return self.output.size

    @property
    def has_bias(self) -> bool:
        """True if the layer adds a bias."""
        return bool(getattr(self.layer, "bias", False)) or any(
            name.startswith("bias") for name in self.layer.weights(*self.shapes)
        )

    @property
    def biases(self) -> int:
        """How many additions of a bias there are."""
        return self.outputs if self.has_bias else 0

    @property
    def params(self) -> int:
        """The parameters of the layer, also if it shares them with another one."""
        return sum(int(count) for count in self.layer.weights(*self.shapes).values())

    @property
    def positions(self) -> int:
        """How many positions the output has, not counting channels."""
        return prod(self.output[:-1])

    @property
    def rows(self) -> int:
        """The first length of PyTorch's output, which is 1 unless a program has moved other axes there."""
        return self.node.written.rows if self.node.written is not None else 1

    @property
    def projections(self) -> int:
        """Multiply-adds of the four projections of an attention layer."""
        steps, width = self.shapes[0]
        return 4 * steps * width * width

    @property
    def scores(self) -> int:
        """How many scores of attention go through a softmax."""
        query, key, *_ = self.shapes * 2
        return int(self.field("heads")) * (query.size // query[-1]) * key[-2]

    def field(self, name: str) -> Any:
        """Return a field of the layer."""
        return getattr(self.layer, name)


class Calls:
    """The calls of a network that a tool sees. Those of equal layers are made once."""

    every = False  # whether the tool sees layers that no PyTorch tool counts

    def __init__(self, network: Network) -> None:
        self.network = network
        self._made: dict[tuple[int, str, Written | None], tuple[Call, ...]] = {}

    def of(self, node: Node, style: str) -> tuple[Call, ...]:
        """Return the calls of a layer that is written in some way."""
        key = (id(node.statistics), style, node.written)
        calls = self._made.get(key)
        if calls is None:
            shapes = self.network.shapes(node)
            calls = tuple(calls_of_layer(node, node.layer, shapes, style, self.every)) if node.layer else ()
            self._made[key] = calls
        return calls


def _before_cropping(layer: ConvTranspose, x: Shape, out: Shape) -> Shape:
    """Return the output of PyTorch's transposed convolution, which cuts off as much at both ends of an axis.

    If more must be cut off at one end, the program crops the output.
    """
    lengths = []
    for window, length in zip(layer.windows(x), out, strict=False):
        both = min(window.before, window.after)
        front, back = window.before - both, window.after - both
        lengths.append(length + front + (back if front or back > window.extra else 0))
    return Shape((*lengths, out[-1]))


def calls_of_layer(
    node: Node, layer: Layer, shapes: tuple[Shape, ...], style: str, every: bool = False
) -> Iterator[Call]:
    """Yield the calls of one layer. With `every`, include those that no PyTorch tool counts."""
    if isinstance(layer, Operator):
        op = _operator_call(node, layer)
        if op:
            yield Call(op, style, node, layer, shapes)
    elif isinstance(layer, Stated):
        yield Call(f"operation {layer.kind}", style, node, layer, shapes)
    elif isinstance(layer, SeparableConv):
        deep, wide = layer.parts()
        yield Call("depthwise", style, node, deep, shapes)
        yield Call("conv", style, node, wide, (deep.out(*shapes),))
    elif every or layer.kind not in UNCOUNTED:
        plain = isinstance(layer, Norm) and not (layer.affine and (layer.gain or layer.offset))
        yield Call(f"{layer.kind}{'-plain' if plain else ''}", style, node, layer, shapes)


def _operator_call(node: Node, layer: Operator) -> str:
    """Return the name of the call of an operation without a kind, or "" if no tool counts it."""
    if layer.like is not None:
        return layer.kind
    if layer.kind in ("constant", "unused", "detach"):
        return ""
    if layer.kind == "attend":
        return "attend"
    if layer.kind in PRODUCTS:
        return PRODUCTS[layer.kind] or f"operation {layer.kind}"
    from_program = node.written is not None or layer.kind in ("add", "sub", "mul", "div")
    if from_program and layer.known_cost and not any(word in layer.kind for word in COUNTED):
        return ""
    return f"operation {layer.kind}"
