"""Limits on the graph of an ONNX model, checked before it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.readers.limits import Limits
from cnncalc.readers.onnx.file import bad_model
from cnncalc.text import show

OWN = ("", "ai.onnx")
DEEPEST = 32

_TERM = r"[A-Za-z]*(?:\.\.\.[A-Za-z]*)?"
_EQUATION = re.compile(rf"{_TERM}(?:,{_TERM})*(?:->{_TERM})?")

Functions = Mapping[tuple[str, str], Any]


def check_size(model: Any, functions: Functions, limits: Limits) -> None:
    """Refuse graphs that are too large, and functions that hide operators of ONNX.

    Raises:
        Refused: `too-large` or `bad-model`.
    """
    count = len(model.graph.node)
    if count > limits.nodes:
        text = f"the graph has {count:,} nodes, but at most {limits.nodes:,} are read"
        raise Refused([Problem("too-large", text, "this is more than is ever read")])
    if _expanded(model.graph.node, functions, {}, 0) > limits.steps:
        text = f"there are more than {limits.steps:,} operations, functions counted each time"
        raise Refused([Problem("too-large", text, "this is more than is ever read")])
    for domain, operator in functions:
        if domain in OWN:
            text = f"a function of the model is called `{show(operator)}`, as operators of ONNX are"
            raise bad_model(text, "functions need a domain of their own")


def _expanded(nodes: Sequence[Any], functions: Functions, sizes: dict[tuple[str, str], int], depth: int) -> int:
    """How many operations there are when every function is written out; each function is looked at once."""
    if depth > DEEPEST:
        text = f"functions and branches are nested deeper than {DEEPEST} levels"
        raise Refused([Problem("too-large", text, "a function that calls itself has no end")])
    count = len(nodes)
    for node in nodes:
        if node.op_type == "Einsum":  # onnx.shape_inference never comes back from an equation that is none
            for one in node.attribute:
                text = one.s.decode("latin-1").replace(" ", "")
                if one.name == "equation" and not _EQUATION.fullmatch(text):
                    raise bad_model(f"`{show(text)}` is no equation of Einsum", "write letters, as in `bij,bjk->bik`")
        key = (node.domain, node.op_type)
        function = functions.get(key)
        if function is not None:
            if key not in sizes:
                sizes[key] = _expanded(function.node, functions, sizes, depth + 1)
            count += sizes[key]
        for one in node.attribute:
            for graph in (*([one.g] if one.type == 5 else ()), *one.graphs):
                count += _expanded(graph.node, functions, sizes, depth + 1)
    return count
