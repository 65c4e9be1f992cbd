"""PyTorch models with unusual parameters, inputs or control flow, checked against PyTorch's own counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnncalc import from_torch
from cnncalc.analyses.totals import analyze
from tests.oracle.test_torch_reader import agree

# -- parameters of operations that have no module of their own --------------------------------------------------------


class Affine(nn.Module):
    """A linear layer as GPT-2 has it: one addmm, with its weight transposed."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], -1)


class TiedHead(nn.Module):
    """A language model whose last layer uses the weight of its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(50, 16), nn.Embedding(20, 16)
        self.up, self.down = Affine(16, 32), Affine(32, 16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.token.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.token(ids) + self.position(torch.arange(ids.shape[1], device=ids.device))
        return self.head(x + self.down(functional.gelu(self.up(x))))


def test_tied_head() -> None:
    network = from_torch(TiedHead(), (12,))
    totals = analyze(network).totals
    assert (totals.params, totals.biases) == (2192, 32 + 16)
    assert totals.macs == 12 * (16 * 32 + 32 * 16 + 16 * 50)
    notes = {node.name: node.layer.notes(*network.shapes(node)) for node in network.nodes if node.layer is not None}
    assert notes["head"] == [("note", "parameters shared with `token`")]
    assert notes["down"] == []


class Product(nn.Module):
    """A function of the input and four parameters."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function
        self.square, self.wide = nn.Parameter(torch.empty(6, 6)), nn.Parameter(torch.empty(6, 9))
        self.vector, self.offset = nn.Parameter(torch.empty(6)), nn.Parameter(torch.empty(9))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self)


PRODUCTS: dict[str, Callable[[Tensor, Any], Tensor]] = {
    "addmm": lambda x, m: torch.addmm(m.offset, x[0], m.wide),
    "addmm, scaled": lambda x, m: torch.addmm(m.offset, x[0], m.wide, beta=0.5, alpha=2),
    "addmm, weight first": lambda x, m: torch.addmm(m.square, m.square, x[0].t() @ x[0]),
    "addmm of a matrix": lambda x, m: torch.addmm(m.square[:5], x[0], m.square),
    "baddbmm": lambda x, m: torch.baddbmm(m.offset, x, m.wide[None]),
    "addbmm": lambda x, m: torch.addbmm(m.square[:5], x, m.square[None]),
    "sum of the input": lambda x, m: torch.addmm(x[0], x[0], m.square),
    "the same weight twice": lambda x, m: x @ m.square @ m.square.t(),
    "both operands": lambda x, m: x * m.vector + m.vector,
    "one operand twice": lambda x, m: x[0] @ torch.mm(m.square, m.square),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_with_parameters(name: str) -> None:
    agree(lambda: Product(PRODUCTS[name]), (5, 6))


def test_a_product_and_a_sum_are_a_linear_layer() -> None:
    network = from_torch(nn.Sequential(Affine(6, 9)), (5, 6))
    assert [(node.name, node.kind) for node in network.nodes] == [("input", "input"), ("0", "linear")]
    assert network.nodes[1].layer is not None
    assert network.nodes[1].layer.written["units"] == 9


def test_a_table_of_positions_is_no_bias() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.position = nn.Embedding(20, 6)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.position(torch.arange(x.shape[1]))

    totals = analyze(from_torch(Positions(), (5, 6))).totals
    assert (totals.weights, totals.biases) == (120, 0)
