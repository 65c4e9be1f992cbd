"""Count multiply-adds from the lengths of tensors, for records that do not state PyTorch's own count.

Each count is that of torch.utils.flop_counter, halved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from cnncalc.readers.aten.events import Event, Var
from cnncalc.readers.aten.products import FACTORS
from cnncalc.readers.aten.recurrent import CELLS

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def count_products(event: Event) -> int:
    """Return how many multiply-adds an operation takes, or 0 if it takes none or its handler counts them."""
    op, args = event.op, event.args
    if op in FACTORS and op not in ("mv", "addmv", "dot"):
        a: Var = args[FACTORS[op][0]]
        return event.out.size * a.dims[-1] * (a.dims[0] if op == "addbmm" else 1)
    if op in TRANSPOSED:
        x, w = _tensors(args, "input", "weight")
        return x.size * prod(w.dims[1:])
    if op == "linear" or op in CONVOLUTIONS:
        (w,) = _tensors(args, "weight")
        return event.out.size * prod(w.dims[1:])
    if op == "matmul":
        a, b = _tensors(args, "self", "other")
        return event.out.size * a.dims[-1] if min(len(a.dims), len(b.dims)) > 1 else 0
    if op == "scaled_dot_product_attention":
        q, k, v = _tensors(args, "query", "key", "value")
        return prod(q.dims[:-1]) * k.dims[-2] * (q.dims[-1] + v.dims[-1])
    if op == "einsum":
        return count_einsum(args["equation"], args["tensors"])
    if op in CELLS:
        (x,) = _tensors(args, "input" if args.get("data") is None else "data")
        weights: list[Var] = [tensor for tensor in args["params"] if len(tensor.dims) == 2]
        return prod(x.dims[:-1]) * sum(tensor.size for tensor in weights)
    return 0


def _tensors(args: Mapping[str, Any], *names: str) -> list[Var]:
    return [args[name] for name in names]


def count_einsum(equation: str, tensors: Sequence[Var]) -> int:
    """Return the multiply-adds of an einsum, whose operands PyTorch multiplies from left to right.

    Letters that only one of two operands has, and that nothing else reads, are summed before the product.

    >>> count_einsum("bij,bjk->bik", [Var((2, 3, 4)), Var((2, 4, 5))])
    120
    """
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors) or len(terms) < 2:
        return 0
    rows: list[dict[str, int]] = []
    for term, tensor in zip(terms, tensors, strict=True):
        before, dots, after = term.partition("...")
        spare = len(tensor.dims) - len(before) - len(after)
        letters = [*before, *(f".{spare - each}" for each in range(spare)), *after] if dots else list(term)
        if len(letters) != len(tensor.dims):
            return 0
        rows.append(dict(zip(letters, tensor.dims, strict=True)))
    if arrow:
        kept = set(result.replace("...", "")) | {letter for row in rows for letter in row if letter.startswith(".")}
    else:
        letters = [letter for term in terms for letter in term.replace("...", "")]
        kept = {letter for letter in letters if letters.count(letter) == 1}
    total = 0
    first = rows[0]
    for number, second in enumerate(rows[1:], 2):
        needed = kept | {letter for row in rows[number:] for letter in row}
        a = {letter: length for letter, length in first.items() if letter in needed or letter in second}
        b = {letter: length for letter, length in second.items() if letter in needed or letter in first}
        both = {**a, **{letter: max(length, a.get(letter, 1)) for letter, length in b.items()}}
        total += prod(both.values())
        first = {letter: length for letter, length in both.items() if letter in needed}
    return total
