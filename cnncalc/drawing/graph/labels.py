"""The words in a box: what a layer does, in the notation of papers, such as `3×3 conv, 64, /2`.

A line is a tuple of texts and numbers. Numbers are kept apart because equal blocks of different sizes are drawn once, with
symbols in place of the numbers that differ.
"""

from __future__ import annotations

from typing import TypeAlias

from cnncalc.network import Node
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import show


class Number(Record):
    """A number in a line. Kind: `channels`, `heads`, `kernel` (one side of a square window), or `stride`, hidden if it is 1."""

    kind: str
    value: int

    def __str__(self) -> str:
        if self.kind == "stride":
            return f", /{self.value}" if self.value > 1 else ""
        return str(self.value)


Line: TypeAlias = tuple["str | Number", ...]

NAMES = {
    "batchnorm": "BN", "layernorm": "LayerNorm", "instancenorm": "InstanceNorm", "rmsnorm": "RMSNorm", "lrn": "LRN",
    "relu": "ReLU", "relu6": "ReLU6", "leakyrelu": "leaky ReLU", "prelu": "PReLU", "elu": "ELU", "selu": "SELU",
    "gelu": "GELU", "silu": "SiLU", "swish": "SiLU", "mish": "Mish", "sigmoid": "sigmoid", "hardswish": "hard swish",
    "hardsigmoid": "hard sigmoid", "logsoftmax": "log softmax", "droppath": "drop path", "globalavgpool": "global avg pool",
    "globalmaxpool": "global max pool", "positional": "positional embedding", "classtoken": "class token",
    "channelshuffle": "channel shuffle", "channelpad": "channel padding",
    "pixelshuffle": "pixel shuffle", "pixelunshuffle": "pixel unshuffle",
    "attend": "dot-product attention", "dot": "dot product", "crop": "crop", "glu": "GLU", "crelu": "CReLU", "celu": "CELU",
}  # fmt: skip
SIGNS = {"add": "+", "mul": "×", "sub": "−"}
WINDOWED = {
    "conv": "conv", "depthwise": "depthwise conv", "separableconv": "separable conv", "convtranspose": "transposed conv",
    "local": "local conv", "maxpool": "max pool", "avgpool": "avg pool", "maxunpool": "max unpool", "convlstm": "ConvLSTM",
}  # fmt: skip
ADAPTIVE = {"adaptiveavgpool": "avg pool", "adaptivemaxpool": "max pool"}
LONGEST = 32


def text(line: Line) -> str:
    """Return a line as it is drawn.

    >>> text((Number("kernel", 3), "×", Number("kernel", 3), " conv, ", Number("channels", 64), Number("stride", 2)))
    '3×3 conv, 64, /2'
    """
    return "".join(map(str, line))


def shape_text(shape: Shape) -> str:
    """Return a shape as it is drawn.

    >>> shape_text(Shape((56, 56, 64)))
    '56×56×64'
    """
    return "×".join(map(str, shape))


def line_of(node: Node) -> Line:
    """Return what a layer does, in one line."""
    layer = node.layer
    if layer is None:
        return (show(node.name, LONGEST),)
    kind = layer.kind
    fields = layer.fields
    if kind in WINDOWED and "kernel" in fields:
        return _windowed(node, WINDOWED[kind])
    if kind in ADAPTIVE:
        sizes = node.output.spatial
        return (
            (f"global {ADAPTIVE[kind]}",) if set(sizes) == {1} else (f"{ADAPTIVE[kind]} to {shape_text(Shape(sizes))}",)
        )
    if kind in ("fc", "linear"):
        return (f"{kind}, ", Number("channels", node.output[-1]))
    if kind in ("lstm", "gru", "rnn"):
        both = "bidirectional " if getattr(layer, "bidirectional", False) else ""
        stacked = getattr(layer, "layers", 1)
        name: Line = (f"{both}{kind.upper()}, ", Number("channels", getattr(layer, "units", node.output[-1])))
        return (*name, f", {stacked} layers") if stacked > 1 else name
    if kind == "embedding":
        return ("embedding, ", Number("channels", node.output[-1]))
    if kind in ("attention", "attend"):
        heads = getattr(layer, "heads", 1)
        word = "attention" if kind == "attention" else NAMES[kind]
        return (f"{word}, ", Number("heads", heads), " heads") if heads > 1 else (word,)
    if kind == "groupnorm":
        return (f"GroupNorm, {getattr(layer, 'groups', '?')}",)
    if kind in ("upsample", "pixelshuffle"):
        factor = getattr(layer, "factor", None)
        return (f"{NAMES.get(kind, kind)} ×{factor}",) if isinstance(factor, int) else (NAMES.get(kind, kind),)
    if kind == "operator":
        return (show(getattr(layer, "op", kind), LONGEST),)
    return (SIGNS.get(kind) or NAMES.get(kind) or show(kind, LONGEST),)


def _windowed(node: Node, noun: str) -> Line:
    """Return the line of a layer with a window: its size, the noun, the filters and the stride."""
    layer, statistics = node.layer, node.statistics
    assert layer is not None
    assert statistics is not None
    rank = max(len(statistics.shapes[0]) - 1, 1)
    kernels, strides = _sizes(getattr(layer, "kernel", 1), rank), _sizes(_stride(layer), rank)
    window: Line
    if len(set(kernels)) == 1:
        window = ()
        for number, size in enumerate(kernels):
            window += (*(("×",) if number else ()), Number("kernel", size))
    else:
        window = ("×".join(map(str, kernels)),)
    line: Line = (*window, f" {noun}")
    groups = getattr(layer, "groups", 1)
    if layer.kind == "conv" and 1 < groups == statistics.shapes[0][-1]:
        line, groups = (*window, " depthwise conv"), 1
        if node.output[-1] != statistics.shapes[0][-1]:
            line += (", ", Number("channels", node.output[-1]))
    elif "filters" in layer.fields:
        line += (", ", Number("channels", node.output[-1]))
    if groups > 1:
        line += (", ", Number("channels", groups), " groups")
    dilations = _sizes(getattr(layer, "dilation", 1), rank)
    if max(dilations) > 1:
        line += (
            f", dilation {dilations[0]}" if len(set(dilations)) == 1 else f", dilation {'×'.join(map(str, dilations))}",
        )
    steps = f"{strides[0]}" if len(set(strides)) == 1 else "×".join(map(str, strides))
    if layer.kind in ("convtranspose", "maxunpool"):  # a slash would be read as a smaller output
        return (*line, f", stride {steps}") if max(strides) > 1 else line
    return (*line, Number("stride", strides[0])) if len(set(strides)) == 1 else (*line, f", /{steps}")


def _stride(layer: object) -> object:
    """Return the stride of a layer; that of a pooling is its kernel unless it is written."""
    stride = getattr(layer, "stride", 1)
    return getattr(layer, "kernel", 1) if stride is None else stride


def _sizes(value: object, rank: int) -> tuple[int, ...]:
    """Return one size for each axis."""
    if isinstance(value, int):
        return (value,) * rank
    return tuple(int(size) for size in value) if isinstance(value, (tuple, list)) else (1,) * rank
