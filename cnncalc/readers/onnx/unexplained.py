"""Count the parameters of a stranger's ONNX file that no rule has counted."""

from __future__ import annotations

from cnncalc.layers.operator import Operator
from cnncalc.product import Number, Product
from cnncalc.readers.onnx.graph import Operation, Reader


def count_unexplained(r: Reader, step: Operation, before: int) -> None:
    """Count the numbers that a node reads and no rule has counted as weights of the last layer that the node produced.

    Tensors whose numbers are all equal, such as a state of zeros, are not counted. Neither are the factors of a resize.
    """
    nodes = r.builder.nodes
    if len(nodes) == before or step.op in ("Resize", "Upsample"):
        return
    fresh: dict[str, Number] = {}
    for x in step.inputs:
        if x is None or x.index is not None or (x.array is not None and x.size and x.array.is_uniform):
            continue
        for tensor in x.tensors:
            if tensor.real and x.is_weight(tensor) and r.count_at(tensor, len(nodes) - 1) is None:
                fresh[f"weight_{len(fresh)}_here"] = Product(*[("N", length) for length in tensor.dims])
    layer = nodes[-1].layer
    if not fresh or layer is None:
        return
    shapes = [r.builder.shape(index) for index in nodes[-1].inputs]
    parameters = {**layer.weights(*shapes), **fresh}
    note = "numbers in the file that no rule accounts for count as weights"
    buffers = layer.buffers(*shapes)
    r.builder.replace(
        nodes[-1].index,
        Operator(layer.kind, nodes[-1].output, weights=parameters, buffers=buffers, like=layer, note=note),
    )
