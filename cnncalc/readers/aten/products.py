"""Read products of matrices: linear layers, matmul and its variants, einsum."""

from __future__ import annotations

from math import prod

from cnncalc.layers import dense
from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Unknown
from cnncalc.layers.views import Blur
from cnncalc.product import Product
from cnncalc.readers.aten.events import Event, Var
from cnncalc.readers.aten.graph import Graph
from cnncalc.readers.aten.layers import Handler

# the arguments that are multiplied, and the operations that add their product to the argument `self`
FACTORS = {
    "mm": ("self", "mat2"), "bmm": ("self", "mat2"), "addmm": ("mat1", "mat2"), "baddbmm": ("batch1", "batch2"),
    "addbmm": ("batch1", "batch2"), "mv": ("self", "vec"), "addmv": ("mat", "vec"), "dot": ("self", "tensor"),
}  # fmt: skip
ADDED = ("addmm", "baddbmm", "addmv", "addbmm")


def linear(graph: Graph, event: Event) -> None:
    """Read linear: only the last axis changes."""
    x, w, bias = event.args["input"], event.args["weight"], event.args["bias"]
    parameters = {"weight": w, "bias": bias}
    _linear(graph, event, x, w, parameters, w.dims[0])


def _linear(graph: Graph, event: Event, x: Var, w: Var, parameters: dict[str, Var | None], units: int) -> None:
    rank = len(x.dims)
    order = tuple(sorted({*x.order, rank - 1}))
    if w.index is not None or x.index is None:
        graph.operator(event, None, parameters, views=None)
        return
    kind = dense.FC if len(order) == 1 else dense.Linear
    layer: Layer = kind(units=units, bias=parameters.get("bias") is not None)
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order, parameters)


def product(graph: Graph, event: Event) -> None:
    """Read matmul, mm, bmm, addmm, baddbmm and similar operations."""
    args = event.args
    a, b = (args[name] for name in FACTORS.get(event.op, ("self", "other")))
    added = args["self"] if event.op in ADDED else None
    bias = added if added is not None and added.index is None else None
    plain = added is None or (bias is not None and len(bias.dims) == 1 and (args["beta"], args["alpha"]) == (1, 1))
    same = len(a.dims) == len(event.out.dims)
    if plain and a.index is not None and b.index is None and len(b.dims) == 2 and same:
        _linear(graph, event, a, b, {"weight": b, "bias": bias}, b.dims[1])
        return
    parameters = {"weight": graph.tensors_of([a, b]), "bias": None if bias is None else graph.tensors_of([bias])}
    if event.op == "addbmm":  # summed over the batch
        graph.operator(event, None, parameters, name="matmul", views=None)
        return
    m, k = a.dims[-2] if len(a.dims) > 1 else 1, a.dims[-1]
    n = b.dims[-1] if len(b.dims) > 1 else 1
    stack = prod(event.out.dims) // (m * n)
    macs = Product(*([("stack", stack)] if stack != 1 else []), ("m", m), ("k", k), ("n", n))
    event.macs = event.macs or macs  # PyTorch does not count products with a vector
    graph.operator(event, None, parameters, name="matmul", macs=macs, views=None)


def grouped_matmul(graph: Graph, event: Event) -> None:
    """Read _grouped_mm: rows, with one matrix per group of rows, as in a mixture of experts. Every row has one product."""
    a, b = event.args["self"], event.args["mat2"]
    macs = Product(("rows", a.dims[0]), ("k", a.dims[1]), ("n", b.dims[-1])) if len(a.dims) < len(b.dims) else None
    if macs is None:
        graph.operator(event, None, kind=Unknown, views=None)
        return
    event.macs = event.macs or int(macs)
    parameters = {
        "weight": graph.tensors_of([a, b]),
        "bias": graph.tensors_of([v for v in event.inputs if v not in (a, b)]),
    }
    graph.operator(event, None, parameters, name="matmul", macs=macs, views=None)


def einsum(graph: Graph, event: Event) -> None:
    """Read einsum. PyTorch counts the products that it turns it into."""
    graph.operator(event, None, views=(Blur(),))


HANDLERS: dict[str, Handler] = {
    "linear": linear, "einsum": einsum, "_grouped_mm": grouped_matmul,
    **dict.fromkeys(("matmul", "mm", "bmm", "addmm", "baddbmm", "mv", "dot", "addmv", "addbmm", "inner"), product),
}  # fmt: skip
