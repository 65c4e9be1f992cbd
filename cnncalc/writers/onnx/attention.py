"""Write attention as ONNX operators."""

from __future__ import annotations

from math import sqrt

from cnncalc.writers.onnx.model import Handler, Part
from cnncalc.writers.registry import registrar

HANDLERS: dict[str, Handler] = {}
kind = registrar(HANDLERS)


@kind("attention")
def attention(p: Part) -> str:
    steps, width = p.out
    heads, bias = p.layer.heads, p.layer.bias
    x = p.op("MatMul", [p.x("last"), p.weight("in_proj_weight", width, 3 * width)])
    if bias:
        x = p.op("Add", [x, p.weight("bias_in_proj", 3 * width)])
    x = p.reshape(x, steps, 3, heads, width // heads)
    x = p.op("Transpose", [x], perm=[2, 0, 3, 1, 4])
    parts = [p.op("Gather", [x, p.graph.numbers([place], scalar=True)], axis=0) for place in range(3)]
    x = _weight_values(p, parts, width // heads)
    x = p.op("Transpose", [x], perm=[0, 2, 1, 3])
    x = p.reshape(x, steps, width)
    inputs = [x, p.weight("out_proj.weight", width, width)]
    if bias:
        p.output("Add", [p.op("MatMul", inputs), p.weight("bias_out_proj", width)])
    else:
        p.output("MatMul", inputs)
    return "last"


@kind("attend")
def attend(p: Part) -> str:
    heads, fewer = p.layer.heads, p.layer.kvheads or p.layer.heads
    rank = len(p.shapes[0])
    parts = []
    for place, count in enumerate((heads, fewer, fewer)):
        shape = p.shapes[place]
        x = p.reshape(p.x("last", place), *shape[:-1], count, shape[-1] // count)
        x = p.op("Transpose", [x], perm=[*range(rank - 1), rank, rank - 1, rank + 1])
        if place and heads != fewer:  # several heads of queries share one head of keys and values
            x = p.op("Gather", [x, p.ints(*[head * fewer // heads for head in range(heads)])], axis=rank - 1)
        parts.append(x)
    x = _weight_values(p, parts, p.shapes[0][-1] // heads)
    x = p.op("Transpose", [x], perm=[*range(rank - 1), rank, rank - 1, rank + 1])
    p.output("Reshape", [x, p.ints(0, *p.out)])
    return "last"


def _weight_values(p: Part, parts: list[str], width: int) -> str:
    """Weight the values by the softmax of query times key. All three are (..., heads, steps, width)."""
    query, key, value = parts
    rank = len(p.shapes[0]) + 2
    turned = p.op("Transpose", [key], perm=[*range(rank - 2), rank - 1, rank - 2])
    scores = p.op("MatMul", [p.op("Mul", [query, p.scalar(1 / sqrt(width))]), turned])
    return p.op("MatMul", [p.op("Softmax", [scores], axis=-1), value])
