"""Read attention: scaled_dot_product_attention, and whole modules of multi-head attention."""

from __future__ import annotations

from math import prod

from cnncalc.layers import attention
from cnncalc.product import Number, Product, Sum
from cnncalc.readers.torch.events import Event
from cnncalc.readers.torch.graph import Graph
from cnncalc.readers.torch.layers import Handler


def scaled_dot_product(graph: Graph, event: Event) -> None:
    """Read scaled_dot_product_attention: scores of queries and keys, then the weighted sum of values."""
    q, k, v = (event.args[name] for name in ("query", "key", "value"))
    batch = prod(q.dims[:-2])
    steps = (("heads", batch), ("queries", q.dims[-2]), ("keys", k.dims[-2]))
    macs: Number = Sum(Product(*steps, ("width", q.dims[-1])), Product(*steps, ("width", v.dims[-1])))
    if event.macs and event.macs != macs:
        macs = Product(("counted by PyTorch", event.macs))
    event.macs = int(macs)
    graph.operator(event, None, name="attend", macs=macs, views=None)


def multihead(graph: Graph, event: Event) -> None:
    """Read a torch.nn.MultiheadAttention of one sequence with itself. `event` is the whole call."""
    module, x = event.call.module, event.inputs[0]
    steps = 1 if module.batch_first else 0
    order = (steps, 2) if len(x.dims) == 3 else (0, 1)
    layer = attention.Attention(heads=module.num_heads, bias=module.in_proj_bias is not None)
    parts = {"weight": module.in_proj_weight, "bias": module.in_proj_bias}
    tensors = {tensor.name: tensor for tensor in graph.record.tensors}
    path = f"{event.call.path}." if event.call.path else ""
    parameters = {role: (tensors[path + f"in_proj_{role}"],) for role, part in parts.items() if part is not None}
    parameters["weight_out"] = (tensors[path + "out_proj.weight"],)
    if module.out_proj.bias is not None:
        parameters["bias_out"] = (tensors[path + "out_proj.bias"],)
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order, parameters)


HANDLERS: dict[str, Handler] = {"scaled_dot_product_attention": scaled_dot_product}
