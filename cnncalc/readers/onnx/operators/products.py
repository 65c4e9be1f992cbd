"""Read ONNX operators that multiply matrices: values with weights, or two values."""

from __future__ import annotations

from cnncalc.layers import dense
from cnncalc.layers.base import Layer
from cnncalc.product import Product, Sum
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.onnx.operators.common import Handler, broadcast, build_layer, following_bias, is_single_number
from cnncalc.text import show


def gemm(r: Reader, step: Operation) -> None:
    """Read Gemm, a matrix product plus a bias."""
    a, b, c = step.required(0), step.required(1), step.input(2)
    if step.op == "QGemm":
        b, c = step.required(3), step.input(6)
    if len(a.dims) != 2 or len(b.dims) != 2:
        step.raise_invalid(f"it needs two matrices, not {format_dims(a.dims)} and {format_dims(b.dims)}")
    rows, inner = a.dims[::-1] if step.attributes.get("transA") else a.dims
    wide, units = b.dims[::-1] if step.attributes.get("transB") else b.dims
    if inner != wide:
        step.raise_invalid(f"{format_dims((rows, inner))} cannot be multiplied by {format_dims((wide, units))}")
    bias = c is not None and c.index is None and not _is_zero(c, units)
    if b.index is None and a.index is not None and not step.attributes.get("transA"):
        order = (1,) if rows == 1 else (0, 1)
        fits = bias and c is not None and c.size == units
        layer: Layer = (dense.FC if rows == 1 else dense.Linear)(units=units, bias=fits)
        r.add_layer(step, layer, [r.align_value(a, order)], order, 2, {"weight": b, "bias": c if bias else None})
        return
    parameters = {"weight": b if b.index is None else a if a.index is None else None, "bias": c if bias else None}
    macs = Product(("m", rows), ("k", inner), ("n", units))
    active = [x for x in (a, b, c) if x is not None]
    r.add_operator(step, (rows, units), active, parameters=parameters, macs=macs, weights={}, views=None)


def _is_zero(x: Value, units: int) -> bool:
    return x.size == 1 and not x.is_learned and not (units == 1 and is_single_number(x))


def matmul(r: Reader, step: Operation, places: tuple[int, int] = (0, 1), bias_at: int | None = None) -> None:
    """Read MatMul, a product of matrices or stacks of matrices. Some variants add the input `bias_at`."""
    a, b = step.required(places[0]), step.required(places[1])
    da, db = (1, *a.dims) if len(a.dims) == 1 else a.dims, (*b.dims, 1) if len(b.dims) == 1 else b.dims
    if not da or not db or da[-1] != db[-2]:
        step.raise_invalid(f"{format_dims(a.dims)} cannot be multiplied by {format_dims(b.dims)}")
    full = (*broadcast(step, da[:-2], db[:-2]), da[-2], db[-1])
    dims = full[:-2] + (() if len(a.dims) == 1 else (full[-2],)) + (() if len(b.dims) == 1 else (full[-1],))
    order = r.order(step, dims, 0, _hidden_axes(a, dims) if len(a.dims) == len(dims) else None)
    plain = b.index is None and len(b.dims) == 2 and a.index is not None and len(a.dims) == len(dims)
    if plain and order[-1:] == (len(dims) - 1,):
        added = None if bias_at is None else step.input(bias_at)
        bias = added if added is not None else following_bias(r, step, db[-1], 0)
        layer = build_layer(step, dense.Linear, units=db[-1], bias=bool(bias))
        parameters: dict[str, Value | None] = {"weight": b, "bias": bias if isinstance(bias, Value) else None}
        r.add_layer(step, layer, [r.align_value(a, order)], order, len(dims), parameters)
        return
    parameters = {"weight": a if a.index is None else b if b.index is None else None}
    if bias_at is not None:
        parameters["bias"] = step.input(bias_at)
    macs = Product(*[("stack", n) for n in full[:-2] if n != 1], ("m", da[-2]), ("k", da[-1]), ("n", db[-1]))
    r.add_operator(step, dims, [a, b], order, parameters, macs=macs, views=None)


def _hidden_axes(x: Value, dims: Dims) -> frozenset[int]:
    """Return the axes of `x` that are not shown and are still 1 in `dims`."""
    return frozenset(
        axis for axis in range(len(dims)) if x.index is not None and axis not in x.order and dims[axis] == 1
    )


def einsum(r: Reader, step: Operation) -> None:
    """Read Einsum. It has multiply-adds if it sums over a letter of two inputs."""
    equation = str(step.attributes.get("equation", "")).replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    xs = [step.required(place) for place in range(len(step.inputs))]
    if len(terms) != len(xs):
        step.raise_invalid(f"equation `{show(equation)}` has {len(terms)} inputs, but the node has {len(xs)}")
    sizes: dict[str, int] = {}
    dotted = 0
    expanded = []
    for term, x in zip(terms, xs, strict=True):
        letters = list(term.replace("...", "."))
        if "." in letters:
            count = len(x.dims) - (len(letters) - 1)
            dotted = max(dotted, count)
            place = letters.index(".")
            letters[place : place + 1] = [f"..{number}" for number in range(-count, 0)]
        if len(letters) != len(x.dims):
            step.raise_invalid(f"equation `{show(equation)}` does not fit an input of {format_dims(x.dims)}")
        for letter, length in zip(letters, x.dims, strict=True):
            if sizes.get(letter, 1) != 1 and length not in (1, sizes[letter]):
                step.raise_invalid(
                    f"equation `{show(equation)}` uses `{show(letter)}` for both {sizes[letter]} and {length}"
                )
            sizes[letter] = max(sizes.get(letter, 1), length)
        expanded.append(letters)
    dots = [f"..{number}" for number in range(-dotted, 0)]
    if arrow:
        out = [letter for part in right.replace("...", ".") for letter in (dots if part == "." else [part])]
    else:
        every = [letter for letters in expanded for letter in letters]
        out = dots + sorted(letter for letter in set(every) if every.count(letter) == 1 and letter not in dots)
    if any(letter not in sizes for letter in out):
        step.raise_invalid(f"equation `{show(equation)}` has a letter in its output that no input has")
    summed = [letter for letter in sizes if letter not in out]
    macs = Product(*[(letter.strip("."), length) for letter, length in sizes.items()]) if summed else None
    dims = tuple(sizes[letter] for letter in out)
    parameters = {f"weight_{place}": x for place, x in enumerate(xs) if x.index is None}
    if len(xs) > 2 and summed:
        from cnncalc.layers.operator import Unknown

        r.add_operator(step, dims, xs, parameters=parameters, layer=Unknown)
    else:
        r.add_operator(step, dims, xs, parameters=parameters, macs=macs if len(xs) == 2 else None, views=None)


def attention(r: Reader, step: Operation) -> None:
    """Read Attention (opset 23): scaled dot products of queries and keys, weighted sums of values."""
    q, k, v = step.required(0), step.required(1), step.required(2)
    past = step.input(4)
    if not len(q.dims) == len(k.dims) == len(v.dims) or len(q.dims) not in (3, 4) or (past and len(past.dims) != 4):
        step.raise_invalid(
            f"queries of {format_dims(q.dims)} do not fit keys of {format_dims(k.dims)} and values of {format_dims(v.dims)}"
        )
    if len(q.dims) == 4:
        heads, lq, wide = q.dims[1], q.dims[2], q.dims[3]
        lk, deep = k.dims[2], v.dims[3]
        dims: Dims = (*q.dims[:3], deep)
    else:
        heads, groups = step.attributes.get("q_num_heads", 1), step.attributes.get("kv_num_heads", 1)
        if min(heads, groups) < 1:
            step.raise_invalid(f"it has {heads} heads of queries and {groups} of keys, but needs at least 1")
        lq, wide, lk, deep = q.dims[1], q.dims[2] // heads, k.dims[1], v.dims[2] // groups
        dims = (q.dims[0], lq, heads * deep)
    if past is not None:
        lk += past.dims[2]
    batch = [("batch", q.dims[0])] if q.dims[0] != 1 else []
    scores = Product(*batch, ("heads", heads), ("queries", lq), ("keys", lk), ("width", wide))
    sums = Product(*batch, ("heads", heads), ("queries", lq), ("keys", lk), ("width", deep))
    r.add_operator(step, dims, [q, k, v], macs=Sum(scores, sums), views=None)


HANDLERS: dict[str, Handler] = {
    "Gemm": gemm, "QGemm": gemm, "MatMul": matmul, "MatMulInteger": matmul,
    "QLinearMatMul": lambda r, s: matmul(r, s, (0, 3)), "Einsum": einsum, "Attention": attention,
}  # fmt: skip
