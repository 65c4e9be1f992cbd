"""Attention scores in an ONNX graph: what is added to them, or multiplied with them, is a mask or a learned table.

Scores are a product of two values that depend on the inputs, and go to a softmax. Only numbers by number, and by views of
them, is anything done in between.
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
MOST = 24  # operators that are looked at on the way to a softmax


def note_scores(r: Reader, step: Operation) -> None:
    """Remember the nodes whose values may be attention scores."""
    fed = [x.index for x in step.inputs if x is not None and x.index is not None]
    if (step.op in PRODUCTS and len(fed) == 2) or (step.op in BETWEEN and not r.scores.isdisjoint(fed)):
        value = step.scope.values.get(step.outputs[0]) if step.outputs else None
        if value is not None and value.index is not None:
            r.scores.add(value.index)


def on_scores(r: Reader, step: Operation, active: list[Value]) -> bool:
    """Return whether an operator changes attention scores on their way to a softmax."""
    if len(active) != 1 or active[0].index not in r.scores:
        return False
    rest, seen = [step.outputs[0]], 0
    while rest and seen < MOST:
        name = rest.pop()
        for user in step.scope.users.get(name, ())[:MOST]:
            seen += 1
            if user.op_type == "Softmax":
                return True
            if user.op_type in BETWEEN:
                rest.extend(user.output)
    return False


def is_mask(x: Value, dims: Dims, op: str) -> bool:
    """Return whether a tensor on scores of `dims` is the same for every head, and no factor of whole rows or columns.

    A learned table has numbers of its own for each head.
    """
    own = (1, 1, *(1,) * (len(dims) - len(x.dims)), *x.dims)
    both = own[-1] > 1 and own[-2] > 1
    return own[-3] == 1 and (both or (op == "Add" and max(own[-2:]) > 1))


def mask_note(known: list[Value]) -> str:
    """What is told of a tensor that is taken for a buffer."""
    if all(tensor.fixed for x in known for tensor in x.tensors):
        return f"{_names(known)} counts as a buffer: a constant of the graph that only changes attention scores"
    return f"{_names(known)} counts as a buffer: it only masks attention scores, alike for every head"


def table_note(known: list[Value]) -> str:
    """What is told of a tensor that may be a parameter or a buffer."""
    return (
        f"{_names(known)} counts as parameters: numbers that are added to attention scores may be learned or fixed, which "
        "the file does not show"
    )


def _names(known: list[Value]) -> str:
    return quoted(dict.fromkeys(tensor.name for x in known for tensor in x.tensors if tensor.real), "and", 3)
