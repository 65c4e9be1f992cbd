"""Recognize attention scores in an ONNX graph. A tensor that is added to them or scales them is a mask or a learned table.

Scores are a product of two values that both depend on the inputs, and they reach a softmax through elementwise operators
and views only.
"""

from __future__ import annotations

from cnncalc.readers.axes import Dims
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.text import quoted

PRODUCTS = frozenset(("MatMul", "Einsum", "FusedMatMul"))
BETWEEN = frozenset((
    "Add", "Sub", "Mul", "Div", "Where", "Max", "Min", "Clip", "Cast", "Identity", "Reshape", "Unsqueeze", "Squeeze",
    "Transpose", "Tanh", "Neg",
))  # fmt: skip
MAX_VISITED = 24  # operators between the scores and the softmax


def note_scores(r: Reader, step: Operation) -> None:
    """Remember the nodes whose values may be attention scores."""
    indices = [x.index for x in step.inputs if x is not None and x.index is not None]
    if (step.op in PRODUCTS and len(indices) == 2) or (step.op in BETWEEN and not r.scores.isdisjoint(indices)):
        value = step.scope.values.get(step.outputs[0]) if step.outputs else None
        if value is not None and value.index is not None:
            r.scores.add(value.index)


def on_scores(r: Reader, step: Operation, active: list[Value]) -> bool:
    """Return whether an operator changes attention scores on their way to a softmax."""
    if len(active) != 1 or active[0].index not in r.scores:
        return False
    rest, seen = [step.outputs[0]], 0
    while rest and seen < MAX_VISITED:
        name = rest.pop()
        for user in step.scope.users.get(name, ())[:MAX_VISITED]:
            seen += 1
            if user.op_type == "Softmax":
                return True
            if user.op_type in BETWEEN:
                rest.extend(user.output)
    return False


def is_mask(x: Value, dims: Dims, op: str) -> bool:
    """Return whether a tensor has the same numbers for every head of scores with these dimensions, so that it is a mask.

    A learned table differs between heads, and a factor for whole rows or columns is not a mask.
    """
    padded = (1, 1, *(1,) * (len(dims) - len(x.dims)), *x.dims)
    both = padded[-1] > 1 and padded[-2] > 1
    return padded[-3] == 1 and (both or (op == "Add" and max(padded[-2:]) > 1))


def mask_note(masks: list[Value]) -> str:
    """Return the note for tensors that count as buffers."""
    if all(tensor.fixed for x in masks for tensor in x.tensors):
        return f"{_names(masks)} counts as a buffer: it is a constant that only changes attention scores"
    return f"{_names(masks)} counts as a buffer: it is a mask of attention scores, the same for every head"


def table_note(tables: list[Value]) -> str:
    """Return the note for tensors that may be parameters or buffers."""
    return (
        f"{_names(tables)} counts as parameters: the file does not show whether numbers that are added to attention scores "
        "are learned or fixed"
    )


def _names(values: list[Value]) -> str:
    return quoted(dict.fromkeys(tensor.name for x in values for tensor in x.tensors if tensor.real), "and", 3)
