"""Write activations, and sums and products of several inputs, as ONNX operators."""

from __future__ import annotations

from typing import Any

from cnncalc.writers.layouts import common_layout
from cnncalc.writers.onnx.model import Handler, Part
from cnncalc.writers.registry import registrar

HANDLERS: dict[str, Handler] = {}
kind = registrar(HANDLERS)
ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}), "leakyrelu": ("LeakyRelu", {"alpha": 0.01}), "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {}), "gelu": ("Gelu", {}), "mish": ("Mish", {}), "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}), "hardswish": ("HardSwish", {}), "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "softplus": ("Softplus", {}), "identity": ("Identity", {}), "droppath": ("Identity", {}), "softsign": ("Softsign", {}),
    "celu": ("Celu", {}), "neg": ("Neg", {}), "abs": ("Abs", {}), "exp": ("Exp", {}), "log": ("Log", {}),
    "sqrt": ("Sqrt", {}), "reciprocal": ("Reciprocal", {}), "sin": ("Sin", {}), "cos": ("Cos", {}),
    "hardshrink": ("Shrink", {"lambd": 0.5}), "softshrink": ("Shrink", {"lambd": 0.5, "bias": 0.5}),
}  # fmt: skip
JOINS = {"add": "Add", "mul": "Mul", "sub": "Sub", "average": "Mean", "maximum": "Max", "minimum": "Min"}


@kind(*ACTIVATIONS)
def activation(p: Part) -> str:
    """Write one operator. Stochastic depth becomes Identity, because the model is for inference."""
    op, attributes = ACTIVATIONS[p.layer.kind]
    p.output(op, [p.x()], **attributes)
    return p.layouts[0]


@kind("relu6", "hardtanh")
def clip(p: Part) -> str:
    low, high = (0.0, 6.0) if p.layer.kind == "relu6" else (-1.0, 1.0)
    p.output("Clip", [p.x(), p.scalar(low), p.scalar(high)])
    return p.layouts[0]


@kind("square", "rsqrt", "complement", "logsigmoid", "tanhshrink")
def two_operators(p: Part) -> str:
    """Write functions for which ONNX has no operator."""
    x, word = p.x(), p.layer.kind
    if word == "square":
        p.output("Mul", [x, x])
    elif word == "rsqrt":
        p.output("Reciprocal", [p.op("Sqrt", [x])])
    elif word == "complement":
        p.output("Sub", [p.scalar(1.0), x])
    elif word == "logsigmoid":
        p.output("Log", [p.op("Sigmoid", [x])])
    else:
        p.output("Sub", [x, p.op("Tanh", [x])])
    return p.layouts[0]


@kind("silu")
def silu(p: Part) -> str:
    x = p.x()
    p.output("Mul", [x, p.op("Sigmoid", [x])])
    return p.layouts[0]


@kind("softmax", "logsoftmax")
def softmax(p: Part) -> str:
    op = "Softmax" if p.layer.kind == "softmax" else "LogSoftmax"
    p.output(op, [p.x()], axis=1 if p.layouts[0] == "first" else -1)
    return p.layouts[0]


@kind("glu", "crelu", "maxout")
def of_channels(p: Part) -> str:
    layout = p.layouts[0]
    axis, count = 1 if layout == "first" or len(p.out) == 1 else len(p.out), p.shapes[0][-1]
    x = p.x()
    if p.layer.kind == "crelu":
        p.output("Concat", [p.op("Relu", [x]), p.op("Relu", [p.op("Neg", [x])])], axis=axis)
    elif p.layer.kind == "glu":
        half, along = p.out[-1], p.ints(axis)
        first = p.op("Slice", [x, p.ints(0), p.ints(half), along])
        p.output("Mul", [first, p.op("Sigmoid", [p.op("Slice", [x, p.ints(half), p.ints(count), along])])])
    else:
        dims = list(p.dims(layout))
        dims[axis - 1 : axis] = [p.out[-1], p.layer.pieces]
        p.output("ReduceMax", [p.reshape(x, *dims), p.ints(axis + 1)], keepdims=0)
    return layout


@kind(*JOINS)
def elementwise(p: Part) -> str:
    layout = common_layout(p.shapes, p.layouts)
    rank = max(len(shape) for shape in p.shapes)
    xs = []
    for place, shape in enumerate(p.shapes):
        x, missing = p.x(layout, place), rank - len(shape)
        if missing:  # axes of length 1 before the others, but after the channels
            start = 2 if layout == "first" else 1
            x = p.op("Unsqueeze", [x, p.ints(*range(start, start + missing))])
        xs.append(x)
    op = JOINS[p.layer.kind]
    if len(xs) == 1:
        p.output("Identity", xs)
        return layout
    if op == "Add" and len(xs) > 2:
        op = "Sum"
    if op in ("Mul", "Sub"):
        for other in xs[1:-1]:
            xs[0] = p.op(op, [xs[0], other])
        xs = [xs[0], xs[-1]]
    p.output(op, xs)
    return layout
