"""Shapes of products of matrices, attention, lookups and recurrent layers."""

from __future__ import annotations

import re

from cnncalc.readers.aten.events import Dims
from cnncalc.readers.aten.recurrent import CELLS
from cnncalc.readers.pt2.shapes.arguments import Arguments, Rule, broadcast

_EQUATION = re.compile(r"[A-Za-z.]*(?:,[A-Za-z.]*)*(?:->[A-Za-z.]*)?")


def _linear(arguments: Arguments) -> list[Dims] | None:
    x, w, bias = arguments.tensor("input", 1), arguments.tensor("weight", 1, 2), arguments.maybe("bias")
    if w.dims[-1] != x.dims[-1]:
        raise arguments.wrong("weight", f"takes {w.dims[-1]:,} features, but the input has {x.dims[-1]:,}")
    if bias is not None and bias.dims != w.dims[:-1]:
        raise arguments.wrong("bias", "does not have one number for each row of the weight")
    return [(*x.dims[:-1], *w.dims[:-1])]


def _product(arguments: Arguments) -> list[Dims] | None:
    names = {
        "addmm": ("mat1", "mat2"),
        "baddbmm": ("batch1", "batch2"),
        "mm": ("self", "mat2"),
        "bmm": ("self", "mat2"),
    }
    rank = 2 if arguments.op in ("addmm", "mm") else 3
    a, b = (arguments.tensor(name, rank, rank) for name in names[arguments.op])
    if a.dims[-1] != b.dims[-2] or a.dims[:-2] != b.dims[:-2]:
        raise arguments.wrong(names[arguments.op][1], f"does not fit: {a.dims} times {b.dims}")
    dims = (*a.dims[:-1], b.dims[-1])
    if arguments.op in ("addmm", "baddbmm"):
        added = arguments.tensor("self", 0, rank)
        if broadcast(arguments, [added.dims, dims]) != dims:
            raise arguments.wrong("self", "is larger than the product that it is added to")
    return [dims]


def _batched_sum(arguments: Arguments) -> list[Dims] | None:
    arguments.tensor("self", 0, 2)
    a, b = arguments.tensor("batch1", 3, 3), arguments.tensor("batch2", 3, 3)
    return [(a.dims[1], b.dims[2])]


def _matmul(arguments: Arguments) -> list[Dims] | None:
    a, b = arguments.tensor("self", 1).dims, arguments.tensor("other", 1).dims
    rows, columns = a[:-1][-1:], b[-1:] if len(b) > 1 else ()
    if a[-1] != (b[-2] if len(b) > 1 else b[0]):
        raise arguments.wrong("other", f"does not fit: {a} times {b}")
    return [(*broadcast(arguments, [a[:-2], b[:-2]]), *rows, *columns)]


def _vector(arguments: Arguments) -> list[Dims] | None:
    names = {"mv": ("self", "vec"), "dot": ("self", "tensor"), "addmv": ("mat", "vec"), "inner": ("self", "other")}
    a, b = (arguments.tensor(name, 1) for name in names[arguments.op])
    if a.dims[-1] != b.dims[-1]:
        raise arguments.wrong(names[arguments.op][1], f"does not fit: {a.dims} times {b.dims}")
    if arguments.op == "addmv":
        arguments.tensor("self")
    return [(*a.dims[:-1], *b.dims[:-1])]


def _attention(arguments: Arguments) -> list[Dims] | None:
    q, k, v = (arguments.tensor(name, 2) for name in ("query", "key", "value"))
    if q.dims[-1] != k.dims[-1] or k.dims[-2] != v.dims[-2]:
        raise arguments.wrong("key", f"does not fit: {q.dims}, {k.dims} and {v.dims}")
    return [(*q.dims[:-1], v.dims[-1])]


def _einsum(arguments: Arguments) -> list[Dims] | None:
    equation = arguments.values.get("equation")
    tensors = arguments.tensors("tensors")
    if not isinstance(equation, str) or not _EQUATION.fullmatch(equation.replace(" ", "")):
        raise arguments.wrong("equation", "is not an equation such as `bij,bjk->bik`")
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise arguments.wrong("equation", f"has {len(terms)} terms for {len(tensors)} tensors")
    if "." in equation or not arrow:
        return None
    lengths: dict[str, int] = {}
    for term, tensor in zip(terms, tensors, strict=True):
        if len(term) != len(tensor.dims):
            raise arguments.wrong("equation", f"names {len(term)} axes of a tensor with {len(tensor.dims)}")
        for letter, length in zip(term, tensor.dims, strict=True):
            if lengths.setdefault(letter, length) == 1:
                lengths[letter] = length
            elif length not in (1, lengths[letter]):
                raise arguments.wrong("equation", f"gives `{letter}` the lengths {lengths[letter]:,} and {length:,}")
    if not set(result) <= set(lengths):
        raise arguments.wrong("equation", "names an axis in its result only")
    return [tuple(lengths[letter] for letter in result)]


def _embedding(arguments: Arguments) -> list[Dims] | None:
    table, indices = arguments.tensor("weight", 2, 2), arguments.tensor("indices")
    return [(*indices.dims, table.dims[1])]


def _recurrent(arguments: Arguments) -> list[Dims] | None:
    weights = arguments.tensors("params")
    arguments.integer("num_layers", 1, 10_000)
    both = 2 if arguments.values.get("bidirectional") else 1
    layers = arguments.integer("num_layers") * both
    biases = bool(arguments.values.get("has_biases"))
    for name in ("bidirectional", "has_biases"):
        if not isinstance(arguments.values.get(name), bool):
            raise arguments.wrong(name, "is neither true nor false")
    each = len(weights) // layers
    if len(weights) % layers or each not in ((4, 5) if biases else (2, 3)):
        raise arguments.wrong("params", f"has {len(weights):,} tensors for {layers:,} layers and directions")
    gates = CELLS[arguments.op].gates
    for place, tensor in enumerate(weights):
        if len(tensor.dims) != (1 if place % each in (2, 3) and biases else 2) or tensor.dims[0] < 1:
            raise arguments.wrong("params", "contains a tensor with a wrong number of dimensions")
        if place % each < 2 and tensor.dims[0] % gates:
            raise arguments.wrong("params", f"contains a matrix whose rows are not those of {gates} gates")
    if len(arguments.event.outs) < 2:
        raise arguments.wrong("params", "makes fewer than two outputs")
    if arguments.values.get("data") is not None:
        arguments.tensor("data", 2, 2)
        arguments.tensor("batch_sizes", 1, 1)
        return None
    x = arguments.tensor("input", 2, 3)
    if weights[0].dims[1] != x.dims[-1] or len(x.dims) != 3:
        raise arguments.wrong("params", f"does not fit an input with {x.dims[-1]:,} features")
    width = weights[4].dims[0] if each == 5 else weights[2].dims[0] if each == 3 else weights[1].dims[1]
    return [(*x.dims[:2], width * both), *(out.dims for out in arguments.event.outs[1:])]


RULES: dict[str, Rule] = {
    "linear": _linear, **dict.fromkeys(("mm", "bmm", "addmm", "baddbmm"), _product), "addbmm": _batched_sum, "matmul": _matmul,
    **dict.fromkeys(("mv", "dot", "addmv", "inner"), _vector), "scaled_dot_product_attention": _attention, "einsum": _einsum,
    "embedding": _embedding, **dict.fromkeys(CELLS, _recurrent),
}  # fmt: skip
