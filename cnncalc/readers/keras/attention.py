"""Keras' attention layers: projections as linear layers, and the products in between."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.layers.attention import Attend
from cnncalc.layers.dense import Linear
from cnncalc.layers.norm import Scale
from cnncalc.readers.keras.call import Call, Value


def sources(call: Call) -> tuple[Value, Value, Value]:
    """Query, value and key: by name, in order, or in one list; the key is the value where it is not given."""
    given = list(call.args)
    if len(given) == 1 and isinstance(given[0], list):
        given = given[0]
    named = [call.kwargs.get(name) for name in ("query", "value", "key")]
    found = [
        value if isinstance(value, Value) else given[place] if place < len(given) else None
        for place, value in enumerate(named)
    ]
    query, value, key = (one if isinstance(one, Value) else None for one in found)
    if query is None or value is None:
        raise call.spec.problem("is called without query and value")
    return call.plain(query), call.plain(value), call.plain(key or value)


def checked(call: Call, *values: Value) -> None:
    """Only steps x features are read, and no attention scores."""
    if any(number > 0 for number in call.wanted):
        raise call.spec.problem("returns its scores, which is not read", code="unknown-layer")
    for value in values:
        if len(value.order) != 2 or call.lead:
            text = f"reads steps x features here, but gets {call.said(value)}"
            raise call.spec.problem(text, "put a Reshape in front", "needs-sequence")


def multi_head(call: Call) -> list[Value]:
    """MultiHeadAttention and GroupQueryAttention."""
    spec = call.spec
    query, value, key = sources(call)
    checked(call, query, value, key)
    grouped = spec.cls != "MultiHeadAttention"
    heads = spec.count("num_query_heads" if grouped else "num_heads")
    fewer = spec.count("num_key_value_heads") if grouped else heads
    deep = spec.count("head_dim" if grouped else "key_dim")
    wide = deep if grouped or spec.config.get("value_dim") is None else spec.count("value_dim")
    if spec.flag("use_gate", False):
        raise spec.problem("has a gate, which is not read", code="unknown-layer")
    shape = None if grouped else spec.config.get("output_shape")
    if isinstance(shape, list) and len(shape) != 1:
        raise spec.problem("has an `output_shape` of several axes, which is not read", code="unknown-layer")
    units = call.shape(query)[-1] if shape is None else spec.integers("output_shape")[0]
    bias = spec.flag("use_bias", True)
    asked = call.add("query", Linear(units=heads * deep, bias=bias), query)
    keys = call.add("key", Linear(units=fewer * deep, bias=bias), key)
    values = call.add("value", Linear(units=fewer * wide, bias=bias), value)
    found = call.add("attend", Attend(heads=heads, kvheads=fewer), asked, keys, values)
    return [call.add("output", Linear(units=units, bias=bias), found)]


def plain(call: Call) -> list[Value]:
    """Attention (Luong) and AdditiveAttention (Bahdanau): no projections; a learned scale or two."""
    spec = call.spec
    query, value, key = sources(call)
    checked(call, query, value, key)
    additive = spec.cls == "AdditiveAttention"
    if spec.flag("use_scale", additive):
        query = call.add("scale", Scale(per="channel" if additive else "layer"), query)
    if not additive and spec.word("score_mode", "dot", ("dot", "concat")) == "concat":
        query = call.add("score", Scale(per="layer"), query)
    return [call.add("attend", Attend(), query, key, value)]


HANDLERS: dict[str, Callable[[Call], list[Value]]] = {
    **dict.fromkeys(("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention"), multi_head),
    **dict.fromkeys(("Attention", "AdditiveAttention"), plain),
}
