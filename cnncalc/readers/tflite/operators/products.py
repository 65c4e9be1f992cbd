"""Read TFLite operators that multiply matrices, and lookups in tables of weights."""

from __future__ import annotations

from cnncalc.layers import dense
from cnncalc.layers.base import Layer
from cnncalc.product import Product
from cnncalc.readers.axes import format_dims
from cnncalc.readers.tflite.graph import Operation, Reader, Value, shown
from cnncalc.readers.tflite.operators.common import Handler, broadcast, build_layer, view


def fully_connected(r: Reader, step: Operation) -> None:
    """Read FULLY_CONNECTED, whose weights are units x inputs. Without `keep_num_dims` it flattens all axes to rows."""
    x, w, b = step.required(0), step.required(1), step.input(2)
    if len(w.dims) != 2 or not w.size or x.size % w.dims[1]:
        step.raise_invalid(f"weights of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    units, inner = w.dims
    rows = x.size // inner
    keep = step.option("keep_num_dims")
    if keep and (not x.dims or x.dims[-1] != inner):
        step.raise_invalid(f"weights of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    dims = (*x.dims[:-1], units) if keep else (rows, units)
    r.require_weights(step, w)
    if w.index is not None or x.index is None:
        macs = Product(("rows", rows), ("k", inner), ("n", units))
        found = {"weight": w if w.index is None else x if x.index is None else None, "bias": b}
        r.conclude(step, r.add_operator(step, dims, [x, w], found, macs=macs, views=None, name="matmul"))
        return
    if not keep and rows > 1 and x.dims != (rows, inner):
        step.several = True
        x = view(r, step, x, (rows, inner))
    kind: type[Layer] = dense.FC if shown(dims) == (units,) else dense.Linear
    layer = build_layer(step, kind, units=units, bias=b is not None)
    r.conclude(step, r.add_layer(step, layer, [x], {"weight": w, "bias": b}, dims=dims))


def batch_matmul(r: Reader, step: Operation) -> None:
    """Read BATCH_MATMUL, a product of stacks of matrices."""
    a, b = step.required(0), step.required(1)
    if min(len(a.dims), len(b.dims)) < 2:
        step.raise_invalid(f"it needs matrices, not {format_dims(a.dims)} and {format_dims(b.dims)}")
    da = (*a.dims[:-2], a.dims[-1], a.dims[-2]) if step.option("adjoint_x") else a.dims
    db = (*b.dims[:-2], b.dims[-1], b.dims[-2]) if step.option("adjoint_y") else b.dims
    if da[-1] != db[-2]:
        step.raise_invalid(f"{format_dims(da)} cannot be multiplied by {format_dims(db)}")
    dims = (*broadcast(step, da[:-2], db[:-2]), da[-2], db[-1])
    r.require_weights(step, a)
    r.require_weights(step, b)
    plain = b.index is None and len(b.dims) == 2 and a.index is not None and not step.option("adjoint_x")
    if plain and shown(dims) == (*a.shape[:-1], db[-1]):
        layer = build_layer(step, dense.Linear, units=db[-1], bias=False)
        r.set_output(step, r.add_layer(step, layer, [a], {"weight": b}, dims=dims))
        return
    parameters: dict[str, Value | None] = {"weight": a if a.index is None else b if b.index is None else None}
    macs = Product(*[("stack", n) for n in dims[:-2] if n != 1], ("m", da[-2]), ("k", da[-1]), ("n", db[-1]))
    r.set_output(step, r.add_operator(step, dims, [a, b], parameters, macs=macs, views=None, name="matmul"))


def embedding_lookup(r: Reader, step: Operation) -> None:
    """Read EMBEDDING_LOOKUP: every number selects a row of a table."""
    add_embedding(r, step, step.required(1), step.required(0))


def add_embedding(r: Reader, step: Operation, table: Value, x: Value) -> None:
    """Add a lookup of rows of a table of weights."""
    dims = (*x.dims, *table.dims[1:])
    if len(table.dims) == 2 and shown(dims) == (*x.shape, table.dims[1]) and x.index is not None:
        layer = build_layer(step, dense.Embedding, vocab=table.dims[0], dim=table.dims[1])
        r.set_output(step, r.add_layer(step, layer, [x], {"weight": table}, dims=dims))
    else:
        r.set_output(step, r.add_operator(step, dims, [x, table], {"weight": table}, name="embedding", views=None))


HANDLERS: dict[str, Handler] = {
    "FULLY_CONNECTED": fully_connected, "BATCH_MATMUL": batch_matmul, "EMBEDDING_LOOKUP": embedding_lookup,
}  # fmt: skip
