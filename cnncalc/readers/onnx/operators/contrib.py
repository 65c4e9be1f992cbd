"""Read the operators that ONNX Runtime adds to ONNX, in the domain `com.microsoft`.

A quantized operator is read as the plain operator on its tensors. Scales and zero points are not parameters.
Source: the operator schemas of ONNX Runtime 1.32, `get_all_operator_schema`.
"""

from __future__ import annotations

from cnncalc.product import Product, Sum
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.onnx.operators.common import Handler, broadcast
from cnncalc.readers.onnx.operators.products import matmul
from cnncalc.text import show

PACKED = {2: 25, 4: 21, 8: 2}  # bits of a packed number -> the number of its type in ONNX
# operator -> the plain operator, and the places of its tensors
PLAIN: dict[str, tuple[str, tuple[int, ...]]] = {
    "QLinearAdd": ("Add", (0, 3)), "QLinearMul": ("Mul", (0, 3)), "QLinearWhere": ("Where", (0, 1, 4)),
    "QLinearSigmoid": ("Sigmoid", (0,)), "QLinearLeakyRelu": ("LeakyRelu", (0,)), "QLinearSoftmax": ("Softmax", (0,)),
    "QLinearAveragePool": ("AveragePool", (0,)), "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearReduceMean": ("ReduceMean", (0,)),
}  # fmt: skip


def plain(step: Operation) -> Operation:
    """Return the plain operation of a quantized one; other operations are returned unchanged.

    Raises:
        Refused: The images are channels last.
    """
    if step.op == "QLinearConcat":
        for x in step.inputs[2::3]:
            if x is not None:
                x.dequantize()
        return Operation(step.node, "Concat", step.inputs[2::3], step.attributes, step.scope, step.label)
    if step.op not in PLAIN:
        return step
    op, places = PLAIN[step.op]
    if step.attributes.get("channels_last"):
        step.raise_unsupported(
            "cnncalc does not read channels-last quantized operators", "quantize the model with channels first"
        )
    inputs = [step.input(place) for place in places]
    for x in inputs:
        if x is not None:
            x.dequantize()
    return Operation(step.node, op, inputs, step.attributes, step.scope, step.label)


def fused_matmul(r: Reader, step: Operation) -> None:
    """Read FusedMatMul, a product of matrices that may be transposed."""
    a, b = step.required(0), step.required(1)
    if not step.attributes.get("transA") and not step.attributes.get("transB"):
        matmul(r, step)
        return
    if min(len(a.dims), len(b.dims)) < 2 or step.attributes.get("transBatchA") or step.attributes.get("transBatchB"):
        step.raise_unsupported(
            f"cnncalc has no rule for this transposed product of {format_dims(a.dims)} and {format_dims(b.dims)}"
        )
    m, k = a.dims[:-3:-1] if step.attributes.get("transA") else a.dims[-2:]
    wide, n = b.dims[:-3:-1] if step.attributes.get("transB") else b.dims[-2:]
    if k != wide:
        step.raise_invalid(f"{format_dims((m, k))} cannot be multiplied by {format_dims((wide, n))}")
    fronts = broadcast(step, a.dims[:-2], b.dims[:-2])
    macs = Product(*[("stack", length) for length in fronts if length != 1], ("m", m), ("k", k), ("n", n))
    parameters = {"weight": a if a.index is None else b if b.index is None else None}
    r.add_operator(step, (*fronts, m, n), [a, b], None, parameters, macs=macs, views=None)


def matmul_of_few_bits(r: Reader, step: Operation) -> None:
    """Read MatMulNBits, a product with a transposed matrix whose numbers are packed into bytes."""
    x, packed = step.required(0), step.required(1)
    wide, units, bits, block = (step.attributes.get(name, 0) for name in ("K", "N", "bits", "block_size"))
    bits = bits or 4
    if min(wide, units, bits, block) < 1 or packed.size != units * -(-wide // block) * -(-block * bits // 8):
        step.raise_invalid(
            f"packed weights of {format_dims(packed.dims)} do not fit {units}x{wide} numbers of {bits} bits in blocks of {block}"
        )
    if packed.index is None:
        for tensor in packed.tensors[:1]:
            tensor.unpack((units, wide), PACKED.get(bits, 0))
    weight = Value((wide, units), packed.index, packed.order, tensors=packed.tensors)
    matmul(r, Operation(step.node, "MatMul", [x, weight, step.input(5)], {}, step.scope, step.label), bias_at=2)


def attention(r: Reader, step: Operation) -> None:
    """Read Attention: one matrix for query, key and value, then scaled dot products."""
    x, weight, past = step.required(0), step.required(1), step.input(4)
    if len(x.dims) != 3 or len(weight.dims) != 2 or x.dims[2] != weight.dims[0]:
        step.raise_invalid(f"weights of {format_dims(weight.dims)} do not fit an input of {format_dims(x.dims)}")
    sizes = step.attributes.get("qkv_hidden_sizes") or [weight.dims[1] // 3] * 3
    if len(sizes) != 3 or sum(sizes) != weight.dims[1]:
        step.raise_invalid(f"qkv_hidden_sizes {show(sizes)} do not fit weights of {format_dims(weight.dims)}")
    batch, length, features = x.dims
    keys = length + (past.dims[-2] if past is not None and len(past.dims) == 5 else 0)
    many = [("batch", batch)] if batch != 1 else []
    projected = Product(*many, ("steps", length), ("features", features), ("query, key, value", sum(sizes)))
    scores = Product(*many, ("queries", length), ("keys", keys), ("query", sizes[0]))
    sums = Product(*many, ("queries", length), ("keys", keys), ("value", sizes[2]))
    parameters = {"weight": weight, "bias": step.input(2)}
    r.add_operator(
        step, (batch, length, sizes[2]), [x], None, parameters, macs=Sum(projected, scores, sums), views=None
    )


def multi_head(r: Reader, step: Operation) -> None:
    """Read MultiHeadAttention: scaled dot products of values that are already projected."""
    query, key, value = step.required(0), step.input(1), step.input(2)
    if key is None or value is None or not len(query.dims) == len(key.dims) == len(value.dims) == 3:
        step.raise_unsupported("cnncalc has no rule for packed heads", "export the model without fused attention")
    batch, length, wide = query.dims
    past = step.input(6)
    keys = key.dims[1] + (past.dims[-2] if past is not None and len(past.dims) == 4 else 0)
    many = [("batch", batch)] if batch != 1 else []
    scores = Product(*many, ("queries", length), ("keys", keys), ("query", wide))
    sums = Product(*many, ("queries", length), ("keys", keys), ("value", value.dims[2]))
    dims: Dims = (batch, length, value.dims[2])
    r.add_operator(step, dims, [query, key, value], None, {"bias": step.input(3)}, macs=Sum(scores, sums), views=None)


def skip_norm(r: Reader, step: Operation) -> None:
    """Read SkipLayerNormalization and SkipSimplifiedLayerNormalization, norms of the sum of two values."""
    x, other = step.required(0), step.required(1)
    simple = "Simplified" in step.op
    parameters = {"weight": step.input(2), "bias": step.input(3), "bias_of_sum": step.input(3 if simple else 4)}
    if simple:
        parameters["bias"] = None
    order = x.order if x.index is not None else None
    value = r.add_operator(step, x.dims, [x, other], order, parameters)
    r.set_output(step, value, 3)  # the sum has the same shape


def embed(r: Reader, step: Operation) -> None:
    """Read EmbedLayerNormalization: the normalized sum of rows of three tables."""
    ids, words = step.required(0), step.required(2)
    if len(words.dims) != 2:
        step.raise_invalid(f"its table must be a matrix, not {format_dims(words.dims)}")
    roles = ("words", "positions", "segments", "weight", "bias")
    parameters = {role: step.input(place) for place, role in enumerate(roles, 2)}
    indices = [x for x in (ids, step.input(1)) if x is not None]
    value = r.add_operator(step, (*ids.dims, words.dims[1]), indices, None, parameters)
    r.set_output(step, Value(ids.dims[:1], why="they depend on the input of the model"), 1)
    r.set_output(step, value, 2)


HANDLERS: dict[str, Handler] = {
    "DynamicQuantizeMatMul": lambda r, step: matmul(r, step, bias_at=4),
    "MatMulIntegerToFloat": lambda r, step: matmul(r, step, bias_at=6),
    "MatMulNBits": matmul_of_few_bits, "FusedMatMul": fused_matmul, "Attention": attention, "MultiHeadAttention": multi_head,
    "SkipLayerNormalization": skip_norm, "SkipSimplifiedLayerNormalization": skip_norm,
    "EmbedLayerNormalization": embed,
}  # fmt: skip
