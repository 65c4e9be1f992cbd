"""Single operations in Keras graphs: the common ones of `keras.ops` (Keras 3) and `TFOpLambda` (Keras 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnncalc.layers import elementwise, merge
from cnncalc.layers.base import Layer
from cnncalc.layers.pool import AdaptiveAvgPool, AdaptiveMaxPool, GlobalAvgPool, GlobalMaxPool
from cnncalc.layers.reshape import Slice
from cnncalc.readers.keras import views
from cnncalc.readers.keras.call import ACTIVATIONS, Call, Spec, Value
from cnncalc.text import show

BINARY: dict[str, type[Layer]] = {
    "add": merge.Add, "addv2": merge.Add, "subtract": merge.Sub, "sub": merge.Sub, "multiply": merge.Mul,
    "mul": merge.Mul, "divide": merge.Mul, "truediv": merge.Mul, "true_divide": merge.Mul, "maximum": merge.Maximum,
    "minimum": merge.Minimum,
}  # fmt: skip
FUNCTIONS: dict[str, type[Layer]] = {
    "abs": elementwise.Abs, "absolute": elementwise.Abs, "negative": elementwise.Neg, "neg": elementwise.Neg,
    "sqrt": elementwise.Sqrt, "rsqrt": elementwise.Rsqrt, "square": elementwise.Square, "exp": elementwise.Exp,
    "log": elementwise.Log, "reciprocal": elementwise.Reciprocal, "sin": elementwise.Sin, "cos": elementwise.Cos,
}  # fmt: skip
# elementwise functions that cost nothing and that cnncalc has no layer kind for
UNARY = (
    "log1p", "power", "pow", "clip", "clip_by_value", "cast", "sign", "floor", "round", "stop_gradient", "identity", "erf",
)  # fmt: skip


def handler_of(spec: Spec) -> Callable[[Call], list[Value]] | None:
    """Return the function that reads an operation; None for a layer, whose class can have the same name, such as `Add`."""
    if spec.cls in ("TFOpLambda", "TensorFlowOpLayer", "SlicingOpLambda"):
        word = str(spec.config.get("function") or spec.name).rpartition(".")[2].strip("_")
    elif ".ops" in spec.module and spec.module.startswith("keras"):
        word = "".join("_" + char.lower() if char.isupper() else char for char in spec.cls).strip("_")
    else:
        return None
    if word in BINARY:
        return lambda call: binary(call, BINARY[word])
    if word in ACTIVATIONS or word in UNARY or word in FUNCTIONS:
        kind = FUNCTIONS.get(word) or ACTIVATIONS.get(word)
        return lambda call: [
            call.add(word, kind(), call.only_value()) if kind else call.add_identity(call.only_value())
        ]
    handler = OPERATIONS.get(word)
    if handler is None:
        text = f"is the operation `{show(word)}`, which cnncalc does not read"
        raise spec.problem(text, "use Keras layers instead", "unknown-layer")
    return handler


def binary(call: Call, kind: type[Layer]) -> list[Value]:
    """Combine two values. An operation with a plain number costs nothing."""
    if len(call.values) == 1:
        return [call.add_identity(call.value)]
    return [views.combine(call, kind, call.values)]


def argument(call: Call, place: int, *names: str) -> Any:
    """Return an argument by position, by name, or from the configuration."""
    for name in names:
        for source in (call.kwargs, call.spec.config):
            if source.get(name) is not None:
                return source[name]
    return call.args[place] if place < len(call.args) else None


def reshape(call: Call) -> list[Value]:
    target = argument(call, 1, "newshape", "new_shape", "shape")
    if not isinstance(target, list) or not target:
        raise call.spec.problem("has no new shape")
    return [views.reshape_to(call, call.value, target[1:])]


def transpose(call: Call) -> list[Value]:
    axes = argument(call, 1, "axes", "perm")
    count = len(call.value.order)
    if not isinstance(axes, list) or axes[:1] != [0] or sorted(map(str, axes)) != sorted(map(str, range(count + 1))):
        raise call.spec.problem(
            f"has the axes {show(axes)}, which move the batch axis or do not match the input", code="unknown-layer"
        )
    return [views.transpose(call, call.value, [axis - 1 for axis in axes[1:]])]


def concatenate(call: Call) -> list[Value]:
    axis = argument(call, 1, "axis")
    return [views.join_along(call, call.values, axis if type(axis) is int else -1)]


def mean(call: Call) -> list[Value]:
    """Read the mean or maximum over all spatial axes as a global pooling."""
    axes = argument(call, 1, "axis", "reduction_indices")
    axes = axes if isinstance(axes, list) else [axes]
    value = call.value
    count = len(value.order)
    if not all(type(axis) is int for axis in axes) or not 2 <= count <= 4:
        raise call.spec.problem("reduces axes that are not supported", code="unknown-layer")
    places = {call.axis(value, axis) for axis in axes}
    if len(places) != count - 1:
        raise call.spec.problem("reduces only some of the spatial axes, which is not supported", code="unknown-layer")
    (left,) = set(range(count)) - places
    value = call.last(value, left)
    largest = "max" in call.spec.cls.lower()
    if argument(call, 2, "keepdims", "keep_dims"):
        return [call.add("pool", (AdaptiveMaxPool if largest else AdaptiveAvgPool)(output=(1,) * (count - 1)), value)]
    return [call.add("pool", GlobalMaxPool() if largest else GlobalAvgPool(), value, order=(0,))]


def expand(call: Call) -> list[Value]:
    axis = argument(call, 1, "axis")
    lengths = list(call.keras_shape(call.value))
    place = axis - 1 if type(axis) is int and axis > 0 else axis + len(lengths) + 1 if type(axis) is int else -1
    if not 0 <= place <= len(lengths) or axis == 0:
        raise call.spec.problem(f"has the axis {show(axis)}, which is not supported", code="unknown-layer")
    return [views.reshape_to(call, call.value, [*lengths[:place], 1, *lengths[place:]])]


def squeeze(call: Call) -> list[Value]:
    axes = argument(call, 1, "axis")
    lengths = list(call.keras_shape(call.value))
    axes = [number + 1 for number, length in enumerate(lengths) if length == 1] if axes is None else axes
    axes = axes if isinstance(axes, list) else [axes]
    if not all(type(axis) is int for axis in axes):
        raise call.spec.problem("has axes that are not supported", code="unknown-layer")
    places = {call.axis(call.value, axis) for axis in axes}
    if any(lengths[place] != 1 for place in places) or len(places) == len(lengths):
        raise call.spec.problem(f"removes axes of {call.describe(call.value)} that are longer than 1")
    rest = [length for place, length in enumerate(lengths) if place not in places]
    return [views.reshape_to(call, call.value, rest)]


def item(call: Call) -> list[Value]:
    """Read `x[:, a:b]` as slices. Steps must be positive, and an integer removes the axis."""
    keys = argument(call, 1, "slice_spec", "key")
    keys = keys if isinstance(keys, list) else [keys]
    value = call.value
    if not keys or len(keys) > len(value.order) + 1 or bounds(keys[0]) != (None, None, None):
        raise call.spec.problem("slices the batch, or in a way that is not supported", code="unknown-layer")
    value = call.in_keras_order(value)
    removed = []
    for place, key in enumerate(keys[1:]):
        length = call.shape(value)[place]
        if type(key) is int:
            removed.append(place)
            start, stop, step = key, key + 1 or None, None
        else:
            start, stop, step = bounds(key)
        if not (type(step) is int or step is None) or (step or 1) < 1:
            raise call.spec.problem("slices in a way that is not supported", code="unknown-layer")
        first, end, by = slice(start, stop, step).indices(length)
        if (first, end, by) == (0, length, 1):
            continue
        axes = len(value.order)
        last = place == axes - 1
        if not last and axes - 1 not in views.AXES:
            raise call.spec.problem("slices an axis that is not supported", code="unknown-layer")
        axis = "channels" if last else views.AXES[axes - 1][place]
        value = call.add("part", Slice(start=first, stop=max(end, 1), axis=axis, step=by), value)
    if removed:
        rest = [length for place, length in enumerate(call.shape(value)) if place not in removed]
        value = views.reshape_to(call, value, rest or [1])
    return [value]


def bounds(key: Any) -> tuple[Any, Any, Any]:
    """Return start, stop and step of a slice as written by Keras, with a step of 0 for anything else."""
    config = key.get("config", key) if isinstance(key, dict) else None
    if not isinstance(config, dict):
        return None, None, 0
    start, stop, step = numbers = [config.get(name) for name in ("start", "stop", "step")]
    return (start, stop, step) if all(type(number) is int or number is None for number in numbers) else (None, None, 0)


OPERATIONS: dict[str, Callable[[Call], list[Value]]] = {
    "reshape": reshape, "transpose": transpose, "concatenate": concatenate, "concat": concatenate, "mean": mean,
    "reduce_mean": mean, "max": mean, "expand_dims": expand, "squeeze": squeeze, "get_item": item, "getitem": item,
}  # fmt: skip
