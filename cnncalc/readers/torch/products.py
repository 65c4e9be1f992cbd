"""Products of matrices in PyTorch: linear layers, matmul and its relatives, einsum, attention."""

from __future__ import annotations

from math import prod

from cnncalc.layers import attention, dense
from cnncalc.layers.base import Layer
from cnncalc.layers.operator import Unknown
from cnncalc.layers.views import Blur
from cnncalc.product import Number, Product, Sum
from cnncalc.readers.torch.events import Event, Var
from cnncalc.readers.torch.graph import Book
from cnncalc.readers.torch.layers import Handler

# the arguments that are multiplied, and the operations that add the product to their argument `self`
FACTORS = {
    "mm": ("self", "mat2"), "bmm": ("self", "mat2"), "addmm": ("mat1", "mat2"), "baddbmm": ("batch1", "batch2"),
    "addbmm": ("batch1", "batch2"), "mv": ("self", "vec"), "addmv": ("mat", "vec"), "dot": ("self", "tensor"),
}  # fmt: skip
ADDED = ("addmm", "baddbmm", "addmv", "addbmm")


def linear(book: Book, event: Event) -> None:
    """linear: only the last axis changes."""
    x, w, bias = event.args["input"], event.args["weight"], event.args["bias"]
    held = {"weight": w, "bias": bias}
    _linear(book, event, x, w, held, w.dims[0])


def _linear(book: Book, event: Event, x: Var, w: Var, held: dict[str, Var | None], units: int) -> None:
    rank = len(x.dims)
    order = tuple(sorted({*x.order, rank - 1}))
    if w.index is not None or x.index is None:
        book.operator(event, None, held, views=None)
        return
    kind = dense.FC if len(order) == 1 else dense.Linear
    layer: Layer = kind(units=units, bias=held.get("bias") is not None)
    book.emit(event, layer, [book.aligned(x, order, event.call)], order, held)


def product(book: Book, event: Event) -> None:
    """matmul, mm, bmm, addmm, baddbmm and their like."""
    args = event.args
    a, b = (args[name] for name in FACTORS.get(event.op, ("self", "other")))
    added = args["self"] if event.op in ADDED else None
    bias = added if added is not None and added.index is None else None
    plain = added is None or (bias is not None and len(bias.dims) == 1 and (args["beta"], args["alpha"]) == (1, 1))
    same = len(a.dims) == len(event.out.dims)
    if plain and a.index is not None and b.index is None and len(b.dims) == 2 and same:
        _linear(book, event, a, b, {"weight": b, "bias": bias}, b.dims[1])
        return
    held = {"weight": book.tensors([a, b]), "bias": None if bias is None else book.tensors([bias])}
    if event.op == "addbmm":  # summed over the batch
        book.operator(event, None, held, name="matmul", views=None)
        return
    m, k = a.dims[-2] if len(a.dims) > 1 else 1, a.dims[-1]
    n = b.dims[-1] if len(b.dims) > 1 else 1
    stack = prod(event.out.dims) // (m * n)
    macs = Product(*([("stack", stack)] if stack != 1 else []), ("m", m), ("k", k), ("n", n))
    event.macs = event.macs or macs  # PyTorch counts no product with a vector
    book.operator(event, None, held, name="matmul", macs=macs, views=None)


def grouped(book: Book, event: Event) -> None:
    """_grouped_mm of rows and a matrix for each group of them, as in layers of experts: every row has one product."""
    a, b = event.args["self"], event.args["mat2"]
    macs = Product(("rows", a.dims[0]), ("k", a.dims[1]), ("n", b.dims[-1])) if len(a.dims) < len(b.dims) else None
    if macs is None:
        book.operator(event, None, kind=Unknown, views=None)
        return
    event.macs = event.macs or int(macs)
    held = {"weight": book.tensors([a, b]), "bias": book.tensors([v for v in event.inputs if v not in (a, b)])}
    book.operator(event, None, held, name="matmul", macs=macs, views=None)


def einsum(book: Book, event: Event) -> None:
    """einsum: PyTorch counts the products that it makes of it."""
    book.operator(event, None, views=(Blur(),))


def attended(book: Book, event: Event) -> None:
    """scaled_dot_product_attention: scores of queries and keys, then the weighted sum of values."""
    q, k, v = (event.args[name] for name in ("query", "key", "value"))
    batch = prod(q.dims[:-2])
    steps = (("heads", batch), ("queries", q.dims[-2]), ("keys", k.dims[-2]))
    macs: Number = Sum(Product(*steps, ("width", q.dims[-1])), Product(*steps, ("width", v.dims[-1])))
    if event.macs and event.macs != macs:
        macs = Product(("counted by PyTorch", event.macs))
    event.macs = int(macs)
    book.operator(event, None, name="attend", macs=macs, views=None)


def multihead(book: Book, event: Event) -> None:
    """A whole torch.nn.MultiheadAttention of one sequence with itself; `event` stands for its call."""
    module, x = event.call.module, event.inputs[0]
    steps = 1 if module.batch_first else 0
    order = (steps, 2) if len(x.dims) == 3 else (0, 1)
    layer = attention.Attention(heads=module.num_heads, bias=module.in_proj_bias is not None)
    parts = {"weight": module.in_proj_weight, "bias": module.in_proj_bias}
    own = {tensor.name: tensor for tensor in book.record.tensors}
    path = f"{event.call.path}." if event.call.path else ""
    held = {role: (own[path + f"in_proj_{role}"],) for role, part in parts.items() if part is not None}
    held["weight_out"] = (own[path + "out_proj.weight"],)
    if module.out_proj.bias is not None:
        held["bias_out"] = (own[path + "out_proj.bias"],)
    book.emit(event, layer, [book.aligned(x, order, event.call)], order, held)


HANDLERS: dict[str, Handler] = {
    "linear": linear, "einsum": einsum, "_grouped_mm": grouped, "scaled_dot_product_attention": attended,
    **dict.fromkeys(("matmul", "mm", "bmm", "addmm", "baddbmm", "mv", "dot", "addmv", "addbmm", "inner"), product),
}  # fmt: skip
