"""Keras' attention layers: linear layers for the projections, and the products between them."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.layers.attention import Attend
from cnncalc.layers.dense import Linear
from cnncalc.layers.norm import Scale
from cnncalc.readers.keras.call import Call, Value


def query_value_key(call: Call) -> tuple[Value, Value, Value]:
    """Return query, value and key, passed by name, in order or in one list. Without a key, the value is the key."""
    args = list(call.args)
    if len(args) == 1 and isinstance(args[0], list):
        args = args[0]
    named = [call.kwargs.get(name) for name in ("query", "value", "key")]
    sources = [
        value if isinstance(value, Value) else args[place] if place < len(args) else None
        for place, value in enumerate(named)
    ]
    query, value, key = (source if isinstance(source, Value) else None for source in sources)
    if query is None or value is None:
        raise call.spec.problem("is called without a query and a value")
    return call.in_keras_order(query), call.in_keras_order(value), call.in_keras_order(key or value)


def check_sequences(call: Call, *values: Value) -> None:
    """Refuse values other than steps x features, and calls whose attention scores are used."""
    if any(number > 0 for number in call.wanted):
        raise call.spec.problem("returns its attention scores, which is not supported", code="unknown-layer")
    for value in values:
        if len(value.order) != 2 or call.lead:
            text = f"needs an input of steps x features, but gets {call.describe(value)}"
            raise call.spec.problem(text, "add a Reshape before it", "needs-sequence")


def multi_head(call: Call) -> list[Value]:
    """MultiHeadAttention and GroupQueryAttention."""
    spec = call.spec
    query, value, key = query_value_key(call)
    check_sequences(call, query, value, key)
    grouped = spec.cls != "MultiHeadAttention"
    heads = spec.count("num_query_heads" if grouped else "num_heads")
    kv_heads = spec.count("num_key_value_heads") if grouped else heads
    key_size = spec.count("head_dim" if grouped else "key_dim")
    value_size = key_size if grouped or spec.config.get("value_dim") is None else spec.count("value_dim")
    if spec.flag("use_gate", False):
        raise spec.problem("has a gate, which is not supported", code="unknown-layer")
    shape = None if grouped else spec.config.get("output_shape")
    if isinstance(shape, list) and len(shape) != 1:
        raise spec.problem("has an `output_shape` of several axes, which is not supported", code="unknown-layer")
    units = call.shape(query)[-1] if shape is None else spec.integers("output_shape")[0]
    bias = spec.flag("use_bias", True)
    queries = call.add("query", Linear(units=heads * key_size, bias=bias), query)
    keys = call.add("key", Linear(units=kv_heads * key_size, bias=bias), key)
    values = call.add("value", Linear(units=kv_heads * value_size, bias=bias), value)
    attended = call.add("attend", Attend(heads=heads, kvheads=kv_heads), queries, keys, values)
    return [call.add("output", Linear(units=units, bias=bias), attended)]


def attention(call: Call) -> list[Value]:
    """Attention (Luong) and AdditiveAttention (Bahdanau), which have no projections but one or two learned scales."""
    spec = call.spec
    query, value, key = query_value_key(call)
    check_sequences(call, query, value, key)
    additive = spec.cls == "AdditiveAttention"
    if spec.flag("use_scale", additive):
        query = call.add("scale", Scale(per="channel" if additive else "layer"), query)
    if not additive and spec.word("score_mode", "dot", ("dot", "concat")) == "concat":
        query = call.add("score", Scale(per="layer"), query)
    return [call.add("attend", Attend(), query, key, value)]


HANDLERS: dict[str, Callable[[Call], list[Value]]] = {
    **dict.fromkeys(("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention"), multi_head),
    **dict.fromkeys(("Attention", "AdditiveAttention"), attention),
}
