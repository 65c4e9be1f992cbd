"""Fully connected layers, norms, learned scales and offsets, embeddings and reductions."""

from __future__ import annotations

from math import prod

from cnncalc.layers.dense import FC, Embedding, Linear
from cnncalc.layers.merge import Add, Mul
from cnncalc.layers.norm import BatchNorm, InstanceNorm, LayerNorm, Scale
from cnncalc.layers.operator import Operator
from cnncalc.layers.reshape import Reshape
from cnncalc.product import Product
from cnncalc.readers.axes import Dims, natural_order, one_count, visible
from cnncalc.readers.caffe.blobs import MOST_AXES, Blob, Call, image_order, shape_text
from cnncalc.readers.caffe.elementwise import scaled
from cnncalc.readers.caffe.windows import LARGEST


def inner_product(call: Call) -> list[Blob]:
    """`InnerProduct` over all axes from `axis` on."""
    blob, param = call.input, call.param("inner_product_param")
    units = param.integer("num_output", 0, 1, LARGEST)
    if not units:
        raise param.missing("num_output", 10)
    bias = param.flag("bias_term", True)
    param.flag("transpose", False)
    axis = call.axis(param.integer("axis", 1, -MOST_AXES), blob.dims)
    if axis == 0:
        raise call.problem("mixes the batch with other axes", "write `axis: 1`", "unsupported", "inner_product_param")
    lead = blob.dims[:axis]
    dims = (*lead, units)
    if prod(lead) == 1:
        return [Blob(call.add(FC(units=units, bias=bias), blob.node), dims, (axis,))]
    natural = natural_order(blob.dims, False)
    node = call.aligned(blob, natural)
    rows: Dims = (*lead, prod(blob.dims[axis:]))
    order = natural_order(rows, False)
    if visible(rows, order) != visible(blob.dims, natural):
        node = call.add(Reshape(to=tuple(visible(rows, order))), node)
    return [Blob(call.add(Linear(units=units, bias=bias), node), dims, order)]


def batch_norm(call: Call) -> list[Blob]:
    """`BatchNorm`, which has neither gain nor offset. Mean, variance and the factor that scales them are buffers."""
    blob, param = call.input, call.param("batch_norm_param")
    norm = BatchNorm(affine=False)
    node = call.aligned(blob, image_order(blob.dims))
    shape = call.graph.builder.shape(node)
    if param.flag("use_alpha_beta", False):
        raise param.problem(
            "`use_alpha_beta` of a fork is not supported", "write a `Scale` layer", "use_alpha_beta", "unsupported"
        )
    buffers = {**norm.buffers(shape), "scale_factor": Product(("layer", 1))}
    layer = Operator(norm.kind, shape, buffers=buffers, like=norm)
    return [Blob(call.add(layer, node), blob.dims, image_order(blob.dims))]


def whole_norm(call: Call) -> list[Blob]:
    """`BN` of SegNet's and PSPNet's forks: gain and offset included. SegNet's, which has a `bn_mode`, has no buffers."""
    blob, param = call.input, call.param("bn_param")
    node = call.aligned(blob, image_order(blob.dims))
    norm = BatchNorm()
    shape = call.graph.builder.shape(node)
    layer = Operator(norm.kind, shape, buffers={}, like=norm) if param.has("bn_mode") else norm
    return [Blob(call.add(layer, node), blob.dims, image_order(blob.dims))]


def scale(call: Call) -> list[Blob]:
    """`Scale`: learned factors along some axes and, with `bias_term`, offsets, or a second bottom as the factors."""
    param = call.param("scale_param")
    blob = call.inputs[0] if len(call.inputs) == 2 else call.input
    axis = call.axis(param.integer("axis", 1, -MOST_AXES), blob.dims)
    bias = param.flag("bias_term", False)
    if len(call.inputs) == 2:
        return [_product(call, blob, call.inputs[1], axis, bias)]
    dims = _covered(call, param.integer("num_axes", 1, -1), axis, blob)
    if not dims:
        return [call.same(Scale(bias=bias, per="layer"), blob)]
    if (axis, len(dims)) == (1, 1):
        return [call.spatial(Scale(bias=bias), blob)]
    each = one_count(dims)
    return [_learned(call, "scale", blob, {"weight": each, **({"bias": each} if bias else {})})]


def _covered(call: Call, count: int, axis: int, blob: Blob) -> Dims:
    """Return the lengths of the axes that learned numbers are for."""
    end = len(blob.dims) if count == -1 else axis + count
    dims = blob.dims[axis:end]
    if (axis == 0 and dims) or end > len(blob.dims):
        text = f"{count} axes from axis {axis} of a blob of {shape_text(blob.dims)} are not supported"
        raise call.problem(text, "write `axis: 1`", "unsupported" if axis == 0 else "bad-value")
    return dims


def _learned(call: Call, name: str, blob: Blob, weights: dict[str, Product]) -> Blob:
    return call.operator(name, blob.dims, [blob], order=blob.order, weights=weights, in_place=True)


def _product(call: Call, blob: Blob, gate: Blob, axis: int, bias: bool) -> Blob:
    """Multiply with another blob, whose axes are those from `axis` on."""
    aligned = blob.dims[axis : axis + len(gate.dims)]
    if gate.dims != aligned and not (axis == 1 and gate.dims == (blob.dims[1],)):
        text = f"multiplies a blob of {shape_text(blob.dims)} with one of {shape_text(gate.dims)} from axis {axis}"
        raise call.problem(
            text, "write the `axis` at which the axes of the second blob begin", "shapes-differ", "bottom"
        )
    if gate.dims == blob.dims:
        product = Blob(call.add(Mul(), blob.node, call.aligned(gate, blob.order)), blob.dims, blob.order)
    elif gate.dims == (1, blob.dims[1]):
        product = scaled(call, blob, gate)
    else:
        raise call.problem(f"with a second blob of {shape_text(gate.dims)} is not supported", code="unsupported")
    if not bias:
        return product
    each = {"bias": one_count(gate.dims)}
    return call.operator("bias", product.dims, [product], order=product.order, weights=each, in_place=True)


def bias(call: Call) -> list[Blob]:
    """`Bias`: learned offsets along some axes, or a second bottom that is added."""
    param = call.param("bias_param")
    blob = call.inputs[0] if len(call.inputs) == 2 else call.input
    axis = call.axis(param.integer("axis", 1, -MOST_AXES), blob.dims)
    if len(call.inputs) == 2:
        other = call.inputs[1]
        if other.dims != blob.dims:
            raise call.problem(f"with a second blob of {shape_text(other.dims)} is not supported", code="unsupported")
        return [Blob(call.add(Add(), blob.node, call.aligned(other, blob.order)), blob.dims, blob.order)]
    return [
        _learned(call, "bias", blob, {"bias": one_count(_covered(call, param.integer("num_axes", 1, -1), axis, blob))})
    ]


def mvn(call: Call) -> list[Blob]:
    """`MVN`: mean and variance of each channel, or of all of them."""
    blob, param = call.input, call.param("mvn_param")
    across = param.flag("across_channels", False)
    return [call.spatial(LayerNorm(per="element", affine=False) if across else InstanceNorm(affine=False), blob)]


def normalize(call: Call) -> list[Blob]:
    """`Normalize` of the SSD fork: the length of each position becomes 1, then come learned factors."""
    blob, param = call.input, call.param("norm_param")
    shared, whole = param.flag("channel_shared", True), param.flag("across_spatial", True)
    count = Product(("layer", 1)) if shared else Product(("C", blob.dims[1]))
    views = None if whole else ()
    return [call.operator("normalize", blob.dims, [blob], order=blob.order, weights={"weight": count}, views=views)]


def embed(call: Call) -> list[Blob]:
    """`Embed`: a row of a table for every number, plus a bias."""
    blob, param = call.input, call.param("embed_param")
    vocabulary, length = (param.integer(name, 0, 1, LARGEST) for name in ("input_dim", "num_output"))
    if not vocabulary or not length:
        raise param.missing("num_output" if vocabulary else "input_dim", 10_000)
    table = Embedding(vocab=vocabulary, dim=length)
    order = (*blob.order, len(blob.dims))
    shape = call.graph.builder.shape(blob.node)
    layer = table
    if param.flag("bias_term", True):
        weights = {**table.weights(shape), "bias": Product(("dim", length))}
        return [
            Blob(
                call.add(Operator(table.kind, table.out(shape), weights=weights, like=table), blob.node),
                (*blob.dims, length),
                order,
            )
        ]
    return [Blob(call.add(layer, blob.node), (*blob.dims, length), order)]


def reduction(call: Call) -> list[Blob]:
    """`Reduction` of the axes from `axis` on to one number."""
    blob, param = call.input, call.param("reduction_param")
    operation = param.choice("operation", "SUM", ("", "SUM", "ASUM", "SUMSQ", "MEAN"))
    axis = call.axis(param.integer("axis", 0, -MOST_AXES), blob.dims)
    if axis == 0:
        raise call.problem("mixes the batch with other axes", "write `axis: 1`", "unsupported", "reduction_param")
    return [call.operator(operation.lower() or "sum", blob.dims[:axis], [blob], views=None)]


def arg_max(call: Call) -> list[Blob]:
    """`ArgMax`: the places of the largest numbers, along an axis or of the whole example."""
    blob, param = call.input, call.param("argmax_param")
    top, values = param.integer("top_k", 1, 1, LARGEST), param.flag("out_max_val", False)
    if param.has("axis"):
        axis = call.axis(param.integer("axis", 1, -MOST_AXES), blob.dims)
        if axis == 0:
            raise call.problem("mixes the batch with other axes", "write `axis: 1`", "unsupported", "argmax_param")
        dims = (*blob.dims[:axis], top, *blob.dims[axis + 1 :])
        return [call.operator("argmax", dims, [blob], views=())]
    return [call.operator("argmax", (1, 2 if values else 1, top), [blob], views=None)]
