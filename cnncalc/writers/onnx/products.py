"""Write products with a matrix of weights, and tables of vectors, as ONNX operators."""

from __future__ import annotations

from cnncalc.writers.layouts import elementwise_layout, lengths
from cnncalc.writers.onnx.model import Handler, Part
from cnncalc.writers.registry import registrar

HANDLERS: dict[str, Handler] = {}
kind = registrar(HANDLERS)


@kind("fc")
def fc(p: Part) -> str:
    x = p.x()
    if len(p.shapes[0]) > 1:
        x = p.op("Flatten", [x], axis=1)
    inputs = [x, p.weight("weight", p.layer.units, p.input_size)]
    if p.layer.bias:
        inputs.append(p.weight("bias", p.layer.units))
    p.output("Gemm", inputs, transB=1)
    return "first"


@kind("linear")
def linear(p: Part) -> str:
    layout = "last" if len(p.out) > 1 else "first"
    inputs = [p.x(layout), p.weight("weight", p.shapes[0][-1], p.layer.units)]
    if p.layer.bias:  # the product has the layer's name: readers take the Add that follows for its bias
        (product,) = p.graph.add("MatMul", inputs, p.name, [p.graph.unique(f"{p.name}.matmul")])
        p.graph.add("Add", [product, p.weight("bias", p.layer.units)], f"{p.name}.add", [p.name])
    else:
        p.output("MatMul", inputs)
    return layout


@kind("dot")
def dot(p: Part) -> str:
    a, b = p.shapes
    letters = "bcdefghijklmnopq"
    left, right = list(letters[: len(a)]), list(letters[len(a) : len(a) + len(b)])
    left[p.layer.left] = right[p.layer.right] = "z"
    rest = "".join(letter for letter in left + right if letter != "z")
    inputs, equation = [p.x("last"), p.x("last", 1)], f"a{''.join(left)},a{''.join(right)}->a{rest}"
    if rest:
        p.output("Einsum", inputs, equation=equation)
    else:
        p.output("Unsqueeze", [p.op("Einsum", inputs, equation=equation), p.ints(1)])
    return "last" if len(p.out) > 1 else "first"


@kind("embedding")
def embedding(p: Part) -> str:
    x = p.x("last")
    source = p.graph.network.nodes[p.node.inputs[0]]
    integers = source.layer is None and any(
        one.name == x and one.type.tensor_type.elem_type != 1 for one in p.graph.model.graph.input
    )
    if not integers:
        x = p.op("Cast", [x], to=7)
    p.output("Gather", [p.weight("weight", p.layer.vocab, p.layer.dim), x], axis=0)
    return "last"


@kind("positional")
def positional(p: Part) -> str:
    layout = elementwise_layout(p.out)
    p.output("Add", [p.x(layout), p.weight("weight", *lengths(p.out, layout))])
    return layout


@kind("classtoken")
def classtoken(p: Part) -> str:
    x = p.x("last")
    count = p.op("Shape", [x], start=0, end=1)
    to = p.op("Concat", [count, p.ints(1, p.out[-1])], axis=0)
    token = p.op("Expand", [p.weight("weight", 1, 1, p.out[-1]), to])
    p.output("Concat", [token, x], axis=1)
    return "last"
