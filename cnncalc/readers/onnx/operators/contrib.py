"""Operators that ONNX Runtime adds to ONNX, of the domain `com.microsoft`.

A quantized operator is the plain one on its tensors; scales and zero points are no parameters.
Source: the operator schemas of ONNX Runtime 1.32, `get_all_operator_schema`.
"""

from __future__ import annotations

from cnncalc.product import Product, Sum
from cnncalc.readers.axes import Dims
from cnncalc.readers.onnx.graph import Reader, Step, Value
from cnncalc.readers.onnx.operators.windows import Handler, broadcast, matmul, said
from cnncalc.text import show

# operator -> the plain one, and the places of its tensors; the places after the last one of three go on
PLAIN: dict[str, tuple[str, tuple[int, ...]]] = {
    "QLinearAdd": ("Add", (0, 3)), "QLinearMul": ("Mul", (0, 3)), "QLinearWhere": ("Where", (0, 1, 4)),
    "QLinearSigmoid": ("Sigmoid", (0,)), "QLinearLeakyRelu": ("LeakyRelu", (0,)), "QLinearSoftmax": ("Softmax", (0,)),
    "QLinearAveragePool": ("AveragePool", (0,)), "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearReduceMean": ("ReduceMean", (0,)),
}  # fmt: skip


def plain(step: Step) -> Step:
    """The step as one of a plain operator of ONNX, where it is a quantized one.

    Raises:
        Refused: for images with channels last.
    """
    if step.op == "QLinearConcat":
        return Step(step.node, "Concat", step.xs[2::3], step.given, step.scope, step.label)
    if step.op not in PLAIN:
        return step
    op, places = PLAIN[step.op]
    if step.given.get("channels_last"):
        step.unsupported("its channels are last, which has no rule here", "quantize the model with channels first")
    return Step(step.node, op, [step.x(place) for place in places], step.given, step.scope, step.label)


def fused_matmul(r: Reader, step: Step) -> None:
    """FusedMatMul: a product of matrices, either of which may be transposed."""
    a, b = step.need(0), step.need(1)
    if not step.given.get("transA") and not step.given.get("transB"):
        matmul(r, step)
        return
    if min(len(a.dims), len(b.dims)) < 2 or step.given.get("transBatchA") or step.given.get("transBatchB"):
        step.unsupported(f"a product of {said(a.dims)} and {said(b.dims)}, transposed in a way that has no rule here")
    m, k = a.dims[:-3:-1] if step.given.get("transA") else a.dims[-2:]
    wide, n = b.dims[:-3:-1] if step.given.get("transB") else b.dims[-2:]
    if k != wide:
        step.wrong(f"{said((m, k))} cannot be multiplied by {said((wide, n))}")
    fronts = broadcast(step, a.dims[:-2], b.dims[:-2])
    macs = Product(*[("stack", length) for length in fronts if length != 1], ("m", m), ("k", k), ("n", n))
    held = {"weight": a if a.index is None else b if b.index is None else None}
    r.operator(step, (*fronts, m, n), [a, b], None, held, macs=macs, views=None)


def attention(r: Reader, step: Step) -> None:
    """Attention: one matrix for query, key and value, then scaled dot products."""
    x, weight, past = step.need(0), step.need(1), step.x(4)
    if len(x.dims) != 3 or len(weight.dims) != 2 or x.dims[2] != weight.dims[0]:
        step.wrong(f"weights of {said(weight.dims)} on an input of {said(x.dims)}")
    sizes = step.given.get("qkv_hidden_sizes") or [weight.dims[1] // 3] * 3
    if len(sizes) != 3 or sum(sizes) != weight.dims[1]:
        step.wrong(f"qkv_hidden_sizes {show(sizes)} do not suit weights of {said(weight.dims)}")
    batch, length, features = x.dims
    keys = length + (past.dims[-2] if past is not None and len(past.dims) == 5 else 0)
    many = [("batch", batch)] if batch != 1 else []
    projected = Product(*many, ("steps", length), ("features", features), ("query, key, value", sum(sizes)))
    scores = Product(*many, ("queries", length), ("keys", keys), ("query", sizes[0]))
    sums = Product(*many, ("queries", length), ("keys", keys), ("value", sizes[2]))
    held = {"weight": weight, "bias": step.x(2)}
    r.operator(step, (batch, length, sizes[2]), [x], None, held, macs=Sum(projected, scores, sums), views=None)


def multi_head(r: Reader, step: Step) -> None:
    """MultiHeadAttention: scaled dot products of values that are projected already."""
    query, key, value = step.need(0), step.x(1), step.x(2)
    if key is None or value is None or not len(query.dims) == len(key.dims) == len(value.dims) == 3:
        step.unsupported("packed heads have no rule here", "export the model without fused attention")
    batch, length, wide = query.dims
    past = step.x(6)
    keys = key.dims[1] + (past.dims[-2] if past is not None and len(past.dims) == 4 else 0)
    many = [("batch", batch)] if batch != 1 else []
    scores = Product(*many, ("queries", length), ("keys", keys), ("query", wide))
    sums = Product(*many, ("queries", length), ("keys", keys), ("value", value.dims[2]))
    dims: Dims = (batch, length, value.dims[2])
    r.operator(step, dims, [query, key, value], None, {"bias": step.x(3)}, macs=Sum(scores, sums), views=None)


def skip_norm(r: Reader, step: Step) -> None:
    """SkipLayerNormalization and SkipSimplifiedLayerNormalization: a norm of the sum of two values."""
    x, other = step.need(0), step.need(1)
    simple = "Simplified" in step.op
    held = {"weight": step.x(2), "bias": step.x(3), "bias_of_sum": step.x(3 if simple else 4)}
    if simple:
        held["bias"] = None
    order = x.order if x.index is not None else None
    value = r.operator(step, x.dims, [x, other], order, held)
    r.put(step, value, 3)  # the sum, as large


def embedded(r: Reader, step: Step) -> None:
    """EmbedLayerNormalization: rows of three tables, summed up and normalized."""
    ids, words = step.need(0), step.need(2)
    if len(words.dims) != 2:
        step.wrong(f"a table of {said(words.dims)}")
    roles = ("words", "positions", "segments", "weight", "bias")
    held = {role: step.x(place) for place, role in enumerate(roles, 2)}
    fed = [x for x in (ids, step.x(1)) if x is not None]
    value = r.operator(step, (*ids.dims, words.dims[1]), fed, None, held)
    r.put(step, Value(ids.dims[:1], why="they depend on what is fed in"), 1)
    r.put(step, value, 2)


HANDLERS: dict[str, Handler] = {
    "DynamicQuantizeMatMul": lambda r, step: matmul(r, step, bias_at=4),
    "MatMulIntegerToFloat": lambda r, step: matmul(r, step, bias_at=6),
    "FusedMatMul": fused_matmul, "Attention": attention, "MultiHeadAttention": multi_head,
    "SkipLayerNormalization": skip_norm, "SkipSimplifiedLayerNormalization": skip_norm,
    "EmbedLayerNormalization": embedded,
}  # fmt: skip
