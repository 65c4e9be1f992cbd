"""What every layer kind is in ONNX: its operators, and the layout of the value they make.

Convolutions and moves are in files of their own.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

from cnncalc.shape import Shape
from cnncalc.writers.layouts import lengths, steady
from cnncalc.writers.onnx.model import Part
from cnncalc.writers.onnx.views import LOWER as MOVES
from cnncalc.writers.onnx.views import Lower
from cnncalc.writers.onnx.windows import LOWER as WINDOWS
from cnncalc.writers.registry import registrar

LOWER: dict[str, Lower] = {**MOVES, **WINDOWS}
kind = registrar(LOWER)

# -- dense ------------------------------------------------------------------------------------------------------------


@kind("fc")
def fc(p: Part) -> str:
    x = p.x()
    if len(p.shapes[0]) > 1:
        x = p.op("Flatten", [x], axis=1)
    inputs = [x, p.weight("weight", p.layer.units, p.elements)]
    if p.layer.bias:
        inputs.append(p.weight("bias", p.layer.units))
    p.end("Gemm", inputs, transB=1)
    return "first"


@kind("linear")
def linear(p: Part) -> str:
    layout = "last" if len(p.out) > 1 else "first"
    inputs = [p.x(layout), p.weight("weight", p.shapes[0][-1], p.layer.units)]
    if p.layer.bias:  # the product is what is named as the layer: readers see the sum as its bias
        (made,) = p.graph.add("MatMul", inputs, p.name, [p.graph.unique(f"{p.name}.matmul")])
        p.graph.add("Add", [made, p.weight("bias", p.layer.units)], f"{p.name}.add", [p.name])
    else:
        p.end("MatMul", inputs)
    return layout


@kind("embedding")
def embedding(p: Part) -> str:
    x = p.x("last")
    source = p.graph.network.nodes[p.node.inputs[0]]
    whole = source.layer is None and any(
        one.name == x and one.type.tensor_type.elem_type != 1 for one in p.graph.model.graph.input
    )
    if not whole:
        x = p.op("Cast", [x], to=7)
    p.end("Gather", [p.weight("weight", p.layer.vocab, p.layer.dim), x], axis=0)
    return "last"


@kind("positional")
def positional(p: Part) -> str:
    layout = steady(p.out)
    p.end("Add", [p.x(layout), p.weight("weight", *lengths(p.out, layout))])
    return layout


@kind("classtoken")
def classtoken(p: Part) -> str:
    x = p.x("last")
    count = p.op("Shape", [x], start=0, end=1)
    to = p.op("Concat", [count, p.ints(1, p.out[-1])], axis=0)
    token = p.op("Expand", [p.weight("weight", 1, 1, p.out[-1]), to])
    p.end("Concat", [token, x], axis=1)
    return "last"


@kind("attention")
def attention(p: Part) -> str:
    steps, width = p.out
    heads, bias = p.layer.heads, p.layer.bias
    made = p.op("MatMul", [p.x("last"), p.weight("in_proj_weight", width, 3 * width)])
    if bias:
        made = p.op("Add", [made, p.weight("bias_in_proj", 3 * width)])
    made = p.reshaped(made, steps, 3, heads, width // heads)
    made = p.op("Transpose", [made], perm=[2, 0, 3, 1, 4])
    parts = [p.op("Gather", [made, p.graph.numbers([place], scalar=True)], axis=0) for place in range(3)]
    made = _weighted(p, parts, width // heads)
    made = p.op("Transpose", [made], perm=[0, 2, 1, 3])
    made = p.reshaped(made, steps, width)
    inputs = [made, p.weight("out_proj.weight", width, width)]
    if bias:
        p.end("Add", [p.op("MatMul", inputs), p.weight("bias_out_proj", width)])
    else:
        p.end("MatMul", inputs)
    return "last"


def _weighted(p: Part, parts: list[str], width: int) -> str:
    """Values weighted by the softmax of query times key, all of (..., heads, steps, width)."""
    query, key, value = parts
    rank = len(p.shapes[0]) + 2
    turned = p.op("Transpose", [key], perm=[*range(rank - 2), rank - 1, rank - 2])
    scores = p.op("MatMul", [p.op("Mul", [query, p.scalar(1 / sqrt(width))]), turned])
    return p.op("MatMul", [p.op("Softmax", [scores], axis=-1), value])


@kind("attend")
def attend(p: Part) -> str:
    heads, fewer = p.layer.heads, p.layer.kvheads or p.layer.heads
    rank = len(p.shapes[0])
    parts = []
    for place, count in enumerate((heads, fewer, fewer)):
        shape = p.shapes[place]
        made = p.reshaped(p.x("last", place), *shape[:-1], count, shape[-1] // count)
        made = p.op("Transpose", [made], perm=[*range(rank - 1), rank, rank - 1, rank + 1])
        if place and heads != fewer:  # every head of keys and values serves several of queries
            made = p.op("Gather", [made, p.ints(*[head * fewer // heads for head in range(heads)])], axis=rank - 1)
        parts.append(made)
    made = _weighted(p, parts, p.shapes[0][-1] // heads)
    made = p.op("Transpose", [made], perm=[*range(rank - 1), rank, rank - 1, rank + 1])
    p.end("Reshape", [made, p.ints(0, *p.out)])
    return "last"


@kind("dot")
def dot(p: Part) -> str:
    a, b = p.shapes
    letters = "bcdefghijklmnopq"
    left, right = list(letters[: len(a)]), list(letters[len(a) : len(a) + len(b)])
    left[p.layer.left] = right[p.layer.right] = "z"
    rest = "".join(letter for letter in left + right if letter != "z")
    inputs, equation = [p.x("last"), p.x("last", 1)], f"a{''.join(left)},a{''.join(right)}->a{rest}"
    if rest:
        p.end("Einsum", inputs, equation=equation)
    else:
        p.end("Unsqueeze", [p.op("Einsum", inputs, equation=equation), p.ints(1)])
    return "last" if len(p.out) > 1 else "first"


# -- recurrent --------------------------------------------------------------------------------------------------------


@kind("lstm", "gru", "rnn")
def recurrent(p: Part) -> str:
    """Steps come first, and one operator stands for each of the layers on top of each other.

    ONNX has two bias vectors per gate; a single one is padded with zeros behind.
    """
    layer, units, steps = p.layer, p.layer.units, p.shapes[0][0]
    both = 2 if layer.bidirectional else 1
    given: dict[str, Any] = {"hidden_size": units, "direction": "bidirectional" if both == 2 else "forward"}
    if layer.kind == "gru":
        given["linear_before_reset"] = 1
    x = p.op("Transpose", [p.x("last")], perm=[1, 0, 2])
    features = p.shapes[0][-1]
    for number in range(layer.layers):
        rows = layer.gates * units
        inputs = [x, p.weight(f"weight_ih_l{number}", both, rows, features),
                  p.weight(f"weight_hh_l{number}", both, rows, units)]  # fmt: skip
        if layer.bias == "double":
            inputs.append(p.weight(f"bias_l{number}", both, 2 * rows))
        elif layer.bias == "single":
            inputs.append(p.op("Pad", [p.weight(f"bias_l{number}", both, rows), p.ints(0, 0, 0, rows)]))
        final = number == layer.layers - 1
        if final and layer.returns == "last":
            last = p.graph.unique(f"{p.name}.last")
            p.graph.add(layer.kind.upper(), inputs, p.graph.unique(f"{p.name}.{layer.kind}"), ["", last], **given)
            p.end("Reshape", [p.op("Transpose", [last], perm=[1, 0, 2]), p.ints(0, both * units)])
            return "first"
        x = p.op(layer.kind.upper(), inputs, **given)  # steps x directions x N x units
        perm, to = ([2, 0, 1, 3], (0, steps, both * units)) if final else ([0, 2, 1, 3], (steps, 0, both * units))
        x = p.op("Transpose", [x], perm=perm)
        if not final:
            x = p.op("Reshape", [x, p.ints(*to)])
        else:
            p.end("Reshape", [x, p.ints(*to)])
        features = both * units
    return "last"


# -- norms ------------------------------------------------------------------------------------------------------------


def _gains(p: Part, *dims: int, gain: bool = True, offset: bool = True) -> tuple[str, str]:
    """Gain and offset, learned or constant."""
    gain, offset = gain and p.layer.affine, offset and p.layer.affine
    return (
        p.weight("weight", *dims) if gain else p.filled(1.0, *dims),
        p.weight("bias", *dims) if offset else p.filled(0.0, *dims),
    )


@kind("batchnorm")
def batchnorm(p: Part) -> str:
    channels = p.out[-1]
    gains = _gains(p, channels, gain=p.layer.gain, offset=p.layer.offset)
    running = [p.weight(role, channels) for role in ("running_mean", "running_var")]
    p.end("BatchNormalization", [p.x("first"), *gains, *running])
    return "first"


@kind("instancenorm")
def instancenorm(p: Part) -> str:
    p.end("InstanceNormalization", [p.x("first"), *_gains(p, p.out[-1], gain=p.layer.gain, offset=p.layer.offset)])
    return "first"


@kind("groupnorm")
def groupnorm(p: Part) -> str:
    """Its shape, that of its input, is told onnx.shape_inference, which does not see it through the operator."""
    gains = _gains(p, p.out[-1], gain=p.layer.gain, offset=p.layer.offset)
    if len(p.out) == 1:  # it wants at least one axis behind the channels
        x = p.op("GroupNormalization", [p.reshaped(p.x(), p.out[-1], 1), *gains], num_groups=p.layer.groups)
        p.told(x, Shape((1, p.out[-1])))
        p.end("Reshape", [x, p.ints(0, p.out[-1])])
    else:
        p.end("GroupNormalization", [p.x("first"), *gains], num_groups=p.layer.groups)
        p.told(p.name, p.out)
    return "first"


@kind("layernorm")
def layernorm(p: Part) -> str:
    layout = p.layouts[0] if p.layer.per == "element" else "last"
    dims = p.dims(layout) if p.layer.per == "element" else (p.out[-1],)
    gain, offset = _gains(p, *dims, gain=p.layer.gain, offset=p.layer.offset)
    learned = p.layer.affine and p.layer.offset
    p.end("LayerNormalization", [p.x(layout), gain, *([offset] if learned else [])], axis=-len(dims))
    return layout


@kind("rmsnorm")
def rmsnorm(p: Part) -> str:
    """Written out: an operator of its own comes with opset 23."""
    x = p.x("last")
    mean = p.op("ReduceMean", [p.op("Pow", [x, p.scalar(2.0)]), p.ints(-1)], keepdims=1)
    root = p.op("Sqrt", [p.op("Add", [mean, p.scalar(1e-6)])])
    if p.layer.affine:
        p.end("Mul", [p.op("Div", [x, root]), p.weight("weight", p.out[-1])])
    else:
        p.end("Div", [x, root])
    return "last"


@kind("lrn")
def lrn(p: Part) -> str:
    given = {"size": p.layer.size, "alpha": 1e-4, "beta": 0.75, "bias": 1.0}
    channels, *rest = p.dims("first")
    if len(rest) == 2:
        p.end("LRN", [p.x("first")], **given)
    else:  # runtimes have it for images only; every place stands for itself
        x = p.op("LRN", [p.reshaped(p.x("first"), channels, prod(rest), 1)], **given)
        p.end("Reshape", [x, p.ints(0, channels, *rest)])
    return "first"


def _along(p: Part, count: int) -> tuple[int, ...]:
    """The dimensions of a number per channel in the layout of the input."""
    return (count, *[1] * (len(p.out) - 1)) if p.layouts[0] == "first" else (count,)


@kind("scale")
def scale(p: Part) -> str:
    dims = _along(p, p.out[-1]) if p.layer.per == "channel" else (1,)
    inputs = [p.x(), p.weight("weight", *dims)]
    if p.layer.bias:
        p.end("Add", [p.op("Mul", inputs), p.weight("bias", *dims)])
    else:
        p.end("Mul", inputs)
    return p.layouts[0]


@kind("standardize")
def standardize(p: Part) -> str:
    dims = _along(p, p.out[-1]) if p.layer.per == "channel" else (1,)
    centred = p.op("Sub", [p.x(), p.weight("mean", *dims)])
    spread = p.op("Max", [p.op("Sqrt", [p.weight("variance", *dims)]), p.scalar(1e-7)])
    p.end("Div", [centred, spread])
    return p.layouts[0]


# -- activations ------------------------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}), "leakyrelu": ("LeakyRelu", {"alpha": 0.01}), "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {}), "gelu": ("Gelu", {}), "mish": ("Mish", {}), "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}), "hardswish": ("HardSwish", {}), "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "softplus": ("Softplus", {}), "identity": ("Identity", {}), "droppath": ("Identity", {}), "softsign": ("Softsign", {}),
    "celu": ("Celu", {}), "neg": ("Neg", {}), "abs": ("Abs", {}), "exp": ("Exp", {}), "log": ("Log", {}),
    "sqrt": ("Sqrt", {}), "reciprocal": ("Reciprocal", {}), "sin": ("Sin", {}), "cos": ("Cos", {}),
    "hardshrink": ("Shrink", {"lambd": 0.5}), "softshrink": ("Shrink", {"lambd": 0.5, "bias": 0.5}),
}  # fmt: skip


@kind(*ACTIVATIONS)
def activation(p: Part) -> str:
    """A layer that is one operator; stochastic depth passes everything on, as at inference."""
    op, given = ACTIVATIONS[p.layer.kind]
    p.end(op, [p.x()], **given)
    return p.layouts[0]


@kind("relu6", "hardtanh")
def clipped(p: Part) -> str:
    low, high = (0.0, 6.0) if p.layer.kind == "relu6" else (-1.0, 1.0)
    p.end("Clip", [p.x(), p.scalar(low), p.scalar(high)])
    return p.layouts[0]


@kind("square", "rsqrt", "complement", "logsigmoid", "tanhshrink")
def two_operators(p: Part) -> str:
    """Functions that ONNX has no operator of its own for."""
    x, word = p.x(), p.layer.kind
    if word == "square":
        p.end("Mul", [x, x])
    elif word == "rsqrt":
        p.end("Reciprocal", [p.op("Sqrt", [x])])
    elif word == "complement":
        p.end("Sub", [p.scalar(1.0), x])
    elif word == "logsigmoid":
        p.end("Log", [p.op("Sigmoid", [x])])
    else:
        p.end("Sub", [x, p.op("Tanh", [x])])
    return p.layouts[0]


@kind("glu", "crelu", "maxout")
def of_channels(p: Part) -> str:
    layout = p.layouts[0]
    axis, count = 1 if layout == "first" or len(p.out) == 1 else len(p.out), p.shapes[0][-1]
    x = p.x()
    if p.layer.kind == "crelu":
        p.end("Concat", [p.op("Relu", [x]), p.op("Relu", [p.op("Neg", [x])])], axis=axis)
    elif p.layer.kind == "glu":
        half, along = p.out[-1], p.ints(axis)
        first = p.op("Slice", [x, p.ints(0), p.ints(half), along])
        p.end("Mul", [first, p.op("Sigmoid", [p.op("Slice", [x, p.ints(half), p.ints(count), along])])])
    else:
        dims = list(p.dims(layout))
        dims[axis - 1 : axis] = [p.out[-1], p.layer.pieces]
        p.end("ReduceMax", [p.reshaped(x, *dims), p.ints(axis + 1)], keepdims=0)
    return layout


@kind("silu")
def silu(p: Part) -> str:
    x = p.x()
    p.end("Mul", [x, p.op("Sigmoid", [x])])
    return p.layouts[0]


@kind("softmax", "logsoftmax")
def softmax(p: Part) -> str:
    op = "Softmax" if p.layer.kind == "softmax" else "LogSoftmax"
    p.end(op, [p.x()], axis=1 if p.layouts[0] == "first" else -1)
    return p.layouts[0]


@kind("prelu")
def prelu(p: Part) -> str:
    layout = steady(p.out) if p.layer.per == "element" else p.layouts[0]
    dims = {"layer": (1,), "channel": _along(p, p.out[-1]), "element": lengths(p.out, layout)}[p.layer.per]
    p.end("PRelu", [p.x(layout), p.weight("weight", *dims)])
    return layout


@kind("dropout")
def dropout(p: Part) -> str:
    if p.layer.channels or p.layer.alpha:  # ONNX has no such operator; at inference it passes everything on
        p.end("Identity", [p.x()])
    else:
        p.end("Dropout", [p.x(), p.scalar(float(p.layer.rate))])
    return p.layouts[0]
