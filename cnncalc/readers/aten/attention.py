"""Read attention: scaled_dot_product_attention, and whole modules of multi-head attention."""

from __future__ import annotations

from math import prod

from cnncalc.layers import attention
from cnncalc.product import Number, Product, Sum
from cnncalc.readers.aten.events import Event
from cnncalc.readers.aten.graph import Graph
from cnncalc.readers.aten.layers import Handler


def scaled_dot_product(graph: Graph, event: Event) -> None:
    """Read scaled_dot_product_attention: scores of queries and keys, then the weighted sum of values."""
    q, k, v = (event.args[name] for name in ("query", "key", "value"))
    batch = prod(q.dims[:-2])
    steps = (("heads", batch), ("queries", q.dims[-2]), ("keys", k.dims[-2]))
    macs: Number = Sum(Product(*steps, ("width", q.dims[-1])), Product(*steps, ("width", v.dims[-1])))
    if event.macs and event.macs != macs:
        macs = graph.stated_count(event.macs)
    event.macs = int(macs)
    graph.operator(event, None, name="attend", macs=macs, views=None)


def multihead(graph: Graph, event: Event) -> None:
    """Read a torch.nn.MultiheadAttention of one sequence with itself. `event` is the whole call."""
    call, x = event.call, event.inputs[0]
    steps = 1 if call.settings["batch_first"] else 0
    order = (steps, 2) if len(x.dims) == 3 else (0, 1)
    layer = attention.Attention(heads=call.settings["heads"], bias=call.settings["bias"])
    tensors = {tensor.name: tensor for tensor in graph.record.tensors}
    path = f"{call.path}." if call.path else ""
    names = {"weight": "in_proj_weight", "bias": "in_proj_bias"}
    names |= {"weight_out": "out_proj.weight", "bias_out": "out_proj.bias"}
    parameters = {role: (tensors[path + name],) for role, name in names.items() if path + name in tensors}
    graph.emit(event, layer, [graph.arrange(x, order, event.call)], order, parameters)


HANDLERS: dict[str, Handler] = {"scaled_dot_product_attention": scaled_dot_product}
