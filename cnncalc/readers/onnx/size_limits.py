"""Limits on the size of an ONNX graph, checked before the graph is read."""

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
    """Refuse graphs that are too large, and functions with the name of an ONNX operator.

    Raises:
        Refused: `too-large` or `bad-model`.
    """
    count = len(model.graph.node)
    if count > limits.nodes:
        text = f"the graph has {count:,} nodes, more than the limit of {limits.nodes:,}"
        raise Refused([Problem("too-large", text, "export a smaller model; this limit cannot be raised")])
    if _expanded_size(model.graph.node, functions, {}, 0) > limits.steps:
        text = f"the graph has more than {limits.steps:,} operations when its functions are expanded"
        raise Refused([Problem("too-large", text, "export a smaller model; this limit cannot be raised")])
    for domain, operator in functions:
        if domain in OWN:
            text = f"the model defines a function named `{show(operator)}` in the domain of the ONNX operators"
            raise bad_model(text, "give the function a domain of its own")


def _expanded_size(nodes: Sequence[Any], functions: Functions, sizes: dict[tuple[str, str], int], depth: int) -> int:
    """Return the number of operations after all functions are expanded. Each function is counted only once."""
    if depth > DEEPEST:
        text = f"functions and branches are nested more than {DEEPEST} levels deep"
        raise Refused([Problem("too-large", text, "check whether a function calls itself")])
    count = len(nodes)
    for node in nodes:
        if node.op_type == "Einsum":  # onnx.shape_inference does not return for an invalid equation
            for one in node.attribute:
                text = one.s.decode("latin-1").replace(" ", "")
                if one.name == "equation" and not _EQUATION.fullmatch(text):
                    raise bad_model(
                        f"`{show(text)}` is not a valid Einsum equation", "write letters, as in `bij,bjk->bik`"
                    )
        key = (node.domain, node.op_type)
        function = functions.get(key)
        if function is not None:
            if key not in sizes:
                sizes[key] = _expanded_size(function.node, functions, sizes, depth + 1)
            count += sizes[key]
        for one in node.attribute:
            for graph in (*([one.g] if one.type == 5 else ()), *one.graphs):
                count += _expanded_size(graph.node, functions, sizes, depth + 1)
    return count
