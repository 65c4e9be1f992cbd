"""PyTorch models with unusual parameters, inputs or control flow, checked against PyTorch's own counts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnncalc import CnncalcError, from_torch
from cnncalc.analyses.memory.peak import infer, train
from cnncalc.analyses.totals import Totals, analyze
from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers import ReaderOptions
from cnncalc.readers.aten import events
from cnncalc.readers.torch import forward, reader
from tests.oracle.readers.torch.test_reader import agree

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
    assert network.nodes[1].layer.nondefault_fields["units"] == 9


def test_a_table_of_positions_is_not_a_bias() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.position = nn.Embedding(20, 6)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.position(torch.arange(x.shape[1]))

    totals = analyze(from_torch(Positions(), (5, 6))).totals
    assert (totals.weights, totals.biases) == (120, 0)


# -- forwards that depend on numbers, and signatures that are not one image -------------------------------------------

MODELS = """
import torch
from torch import nn


class Guard(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        if torch.isnan(y).any():
            raise ValueError("not a number")
        return y


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 32, batch_first=True)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.lstm(packed)[1][0][-1]


class Routed(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(32, 2)
        self.experts = nn.ModuleList(nn.Linear(32, 32) for _ in range(2))

    def forward(self, x):
        flat = x.reshape(-1, 32)
        choice = self.gate(flat).argmax(-1)
        out = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            rows = (choice == number).nonzero().squeeze(-1)
            out[rows] = expert(flat[rows])
        return out.view_as(x)


class Detector(nn.Module):
    '''Keeps what scores above a threshold, which nothing here does.'''

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 5, 1)
        self.register_buffer("anchors", torch.arange(64.0)[:, None])

    def forward(self, images):
        found = [self.head(self.body(image[None]))[0].flatten(1).t() for image in images]
        kept = [one[(one + 0 * self.anchors).max(1).values > 1e6] for one in found]
        return [{"boxes": one[:, :4], "labels": one[:, 4]} for one in kept]


class Timestep(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, padding=1)
        self.time = nn.Linear(32, 8)

    def forward(self, x, t):
        assert t.ndim == 1 and t.dtype == torch.int64
        angles = t[:, None].float() * torch.exp(torch.arange(16, device=t.device) / -4.0)
        return self.conv(x) + self.time(torch.cat([angles.sin(), angles.cos()], -1))[:, :, None, None]


class ListIn(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, xs):
        assert isinstance(xs, list)
        return self.a(xs[0]) + self.b(xs[1])


class DictIn(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(7, 8)

    def forward(self, batch):
        return self.fc(batch["x"])


class TupleIn(ListIn):
    def forward(self, pair, *, scale):
        assert isinstance(pair, tuple) and scale.dim() == 0
        return self.a(pair[0]) + self.b(pair[1]["image"]) * scale


class Rate(nn.Module):
    '''A plain number, which the signature does not show.'''

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 8, 8)

    def forward(self, x, sr, gain: float = 1.0, mode="mean"):
        if sr != 16000:
            raise ValueError(f"a rate of {sr}")
        return getattr(self.conv(x[:, None]) * gain, mode)(-1)


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.fc = nn.Embedding(9, 6), nn.Linear(6, 3)

    def forward(self, ids, mask, state):
        assert ids.dtype == torch.int64 and mask.dtype == torch.bool and state.shape == (2, 1, 6)
        return self.fc(self.table(ids).masked_fill(mask[..., None], 0.0).sum(1) + state[1])


class Joint(nn.Module):
    '''An image, channels first, and a sequence, features last.'''

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(6, 4)

    def forward(self, image, words):
        return self.conv(image).mean((2, 3)) + self.fc(words).mean(1)


class Unbatched(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, image):
        assert image.dim() == 3
        return self.conv(image)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a module of these models, which can be imported."""
    folder = tmp_path_factory.mktemp("models")
    name = "models_of_signatures"
    (folder / f"{name}.py").write_text(MODELS, encoding="utf-8")
    sys.path.insert(0, str(folder))
    return name


def loaded(models: str, name: str, inputs: Mapping[str, str]) -> Network:
    return reader.read(f"torch:{models}:{name}", ReaderOptions(inputs, {}, ()))


def one_run(network: Network) -> list[str]:
    return [problem.text for problem in network.warnings if problem.code == "one-run"]


# name of the model: its inputs, parameters and multiply-adds, and whether they hold for one run only
SIGNATURES: dict[str, tuple[Mapping[str, str], int, int, bool]] = {
    "Guard": ({"": "8x8x3"}, 224, 13824, True),
    "Packed": ({"x": "30x16", "lengths": "batch:int:30"}, 6400, 30 * 48 * 128, True),
    "Routed": ({"": "12x32"}, 2178, 12 * (32 * 2 + 32 * 32), True),
    "Detector": ({"": "[16x16x3:nobatch, 16x16x3:nobatch]"}, 112 + 25, 2 * 64 * (4 * 27 + 20), True),
    "Timestep": ({"x": "16x16x4", "t": "batch:int"}, 560, 16 * 16 * 8 * 36 + 256, False),
    "ListIn": ({"xs": "[16x16x3, 16x16x3]"}, 224, 2 * 16 * 16 * 4 * 27, False),
    "DictIn": ({"": "{x: 7}"}, 64, 56, False),
    "TupleIn": ({"pair": "(16x16x3, {image: 16x16x3})", "scale": "scalar"}, 224, 2 * 16 * 16 * 4 * 27, False),
    "Rate": ({"x": "1600", "sr": "16000", "gain": "2", "mode": "amax"}, 36, 200 * 32, False),
    "Masked": ({"ids": "5:int", "mask": "5:bool", "state": "2x1x6:raw"}, 9 * 6 + 21, 18, False),
    "Joint": ({"image": "8x8x3", "words": "5x6"}, 112 + 28, 36 * 4 * 27 + 5 * 24, False),
    "Unbatched": ({"": "8x8x3:nobatch"}, 112, 36 * 4 * 27, False),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(models: str, name: str) -> None:
    inputs, params, macs, once = SIGNATURES[name]
    network = loaded(models, name, inputs)
    totals = analyze(network).totals
    assert (totals.params, totals.macs, totals.uncounted) == (params, macs, 0)
    assert len(one_run(network)) == once
    assert not [problem for problem in network.warnings if problem.code in ("shapes-disagree", "macs-disagree")]


def test_inputs_are_shown_by_name(models: str) -> None:
    def inputs(name: str, given: Mapping[str, str]) -> list[tuple[str, str]]:
        return [(node.name, str(node.output)) for node in loaded(models, name, given).inputs]

    assert inputs("ListIn", {"": "[16x16x3, 16x16x3]"}) == [("xs_0", "16x16x3"), ("xs_1", "16x16x3")]
    assert inputs("TupleIn", {"pair": "(16x16x3, {image: 16x16x3})", "scale": "scalar"}) == [
        ("pair_0", "16x16x3"), ("pair_1_.image", "16x16x3"), ("scale", "1"),
    ]  # fmt: skip
    assert inputs("Joint", {"image": "8x8x3", "words": "5x6"}) == [("image", "8x8x3"), ("words", "5x6")]
    assert inputs("Unbatched", {"": "8x8x3:nobatch"}) == [("input", "8x8x3")]


def test_a_whole_number_may_be_a_plain_value(models: str) -> None:
    network = loaded(models, "Rate", {"x": "1600", "sr": "16000"})
    assert [problem.text for problem in network.warnings] == [
        "`sr` is a plain number here, because forward fails if it gets a tensor instead"
    ]
    assert not loaded(models, "Rate", {"x": "1600", "sr": "16000:value"}).warnings


@pytest.mark.parametrize(
    ("name", "inputs", "words"),
    [
        ("Guard", {"": "8x8x3:byte"}, "`byte` in `8x8x3:byte` is not a type of an input"),
        ("ListIn", {"": "[16x16x3, 16x16x3"}, "does not end with `]`"),
        ("ListIn", {"": "[]"}, "`[]` is empty"),
        ("ListIn", {"": "[224, 224, 3]"}, "write `224x224x3`"),
        ("ListIn", {"": "[" * 20 + "3:int" + "]" * 20}, "nested too deeply"),
        ("DictIn", {"": "{7}"}, "`{image: 224x224x3, ids: 12:int}`"),
        ("Masked", {"ids": "5:int", "mask": "5:bool"}, "forward also needs `state`"),
        ("Masked", {"ids": "5:int", "mask": "5:bool", "state": "0x1:raw"}, "every axis must be from 1"),
        (
            "Packed",
            {"x": "30x16", "lengths": "batch:int:0"},
            "depends on the values of tensors, and fails on made-up values",
        ),
    ],
)
def test_inputs_that_do_not_fit(models: str, name: str, inputs: Mapping[str, str], words: str) -> None:
    with pytest.raises(Refused) as caught:
        loaded(models, name, inputs)
    assert words in str(caught.value.problems[0])


def test_examples(models: str) -> None:
    """The same signatures from Python; numbers of examples are used where numbers are needed."""
    made = {name: getattr(sys.modules[models], name)() for name in SIGNATURES}
    image, words = torch.rand(1, 3, 16, 16), torch.rand(1, 5, 6)

    def totals(name: str, example_inputs: Any) -> Totals:
        return analyze(from_torch(made[name], example_inputs=example_inputs)).totals

    for name, example in (
        ("Guard", image[..., :8, :8]),
        ("Packed", (torch.rand(1, 30, 16), torch.tensor([30]))),
        ("Routed", [torch.rand(1, 12, 32)]),
        ("Detector", ([image[0], image[0]],)),
        ("Timestep", {"x": torch.rand(1, 4, 16, 16), "t": torch.tensor([7])}),
        ("ListIn", ([image, image],)),
        ("DictIn", ({"x": torch.rand(1, 7)},)),
        ("TupleIn", {"pair": (image, {"image": image}), "scale": torch.tensor(2.0)}),
        ("Rate", (torch.rand(1, 1600), 16000)),
        ("Masked", (torch.ones(1, 5, dtype=torch.int64), torch.ones(1, 5, dtype=torch.bool), torch.rand(2, 1, 6))),
        ("Joint", (image[..., :8, :8], words)),
        ("Unbatched", image[0, :, :8, :8]),
    ):
        found = totals(name, example)
        assert (found.params, found.macs) == SIGNATURES[name][1:3], name
    short = totals("Packed", (torch.rand(1, 30, 16), torch.tensor([7])))
    assert short.macs == 7 * 48 * 128


def test_examples_of_several(models: str) -> None:
    module = nn.Linear(6, 3)
    network = from_torch(module, example_inputs=torch.rand(8, 6))
    assert [str(problem) for problem in network.warnings] == [
        "the first axis of all example inputs is 8: figures are for all 8 together [ambiguous-input] -> give examples with "
        "a batch of 1 for the figures of a single example"
    ]
    for given in ({}, {"input_shape": (6,), "example_inputs": torch.rand(1, 6)}):
        with pytest.raises(TypeError, match="either input_shape or example_inputs"):
            from_torch(module, **given)


def test_one_run_leaves_no_trace(models: str) -> None:
    """Parameters are made up, the module stays as it is, and so does the state of random numbers."""
    module = sys.modules[models].Routed()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    first, second = from_torch(module, (12, 32)), from_torch(module, (12, 32))
    assert torch.equal(torch.rand(1), wanted)
    assert [str(node.output) for node in first.nodes] == [str(node.output) for node in second.nodes]
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    with torch.no_grad():
        for value in module.parameters():
            value.fill_(float("nan"))
    third = from_torch(module, (12, 32))
    assert [str(node.output) for node in third.nodes] == [str(node.output) for node in first.nodes]


def test_too_large_for_one_run(models: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "free_memory", lambda: 10_000)
    with pytest.raises(Refused) as caught:
        loaded(models, "Routed", {"": "12x32"})
    assert "takes 17.4 kB of memory for its parameters alone; 10.0 kB is free" in caught.value.problems[0].text
    monkeypatch.setattr(forward, "free_memory", lambda: 100_000)
    with pytest.raises(Refused) as caught:
        loaded(models, "Guard", {"": "80x80x3"})
    assert "takes more than the 100 kB of memory that are free" in caught.value.problems[0].text
    with pytest.raises(Refused) as caught:
        loaded(models, "Guard", {"": "100000x100000x3"})
    assert "takes more than the 100 kB of memory that are free" in caught.value.problems[0].text


def test_one_tensor_that_is_too_large(models: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system refuses it before it is made, and nothing is left of the limit."""
    if sys.platform != "linux":
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)

    class Outer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, None] * x[:, None] if x.sum() > 0 else x

    monkeypatch.setattr(forward, "free_memory", lambda: 2**30)
    with pytest.raises(CnncalcError) as caught:
        from_torch(Outer(), (30_000,))
    assert "takes more than the 1.07 GB of memory that are free" in caught.value.problems[0].message
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_memory_of_one_run_is_a_bound(models: str) -> None:
    for name in ("Routed", "Guard", "Timestep", "Masked"):
        network = loaded(models, name, SIGNATURES[name][0])
        assert not infer(network).exact
        assert not train(network).exact


def test_inputs_of_whole_numbers_have_their_own_width(models: str) -> None:
    network = loaded(models, "Masked", SIGNATURES["Masked"][0])
    assert infer(network, 3).fixed["input"] == 3 * (5 * 8 + 5 * 1 + 12 * 4)


def test_an_error_of_the_module_is_a_verdict_about_it(models: str) -> None:
    """It makes no difference whether PyTorch or the module raises it."""

    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + torch.empty(3, 7)

    class Raises(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyError("absent")

    class Leaves(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise SystemExit(3)

    for module, words in ((Wrong(), "RuntimeError"), (Raises(), "KeyError: 'absent'"), (Leaves(), "SystemExit: 3")):
        with pytest.raises(CnncalcError) as caught:
            from_torch(module, (5,))
        problem = caught.value.problems[0]
        assert (problem.code, problem.help) == ("bad-model", "check the shape of the input")
        assert words in problem.message


@pytest.mark.parametrize("error", [AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError])
@pytest.mark.parametrize("place", ["record", "layout", "handler"])
def test_a_bug_in_cnncalc_is_not_a_verdict(monkeypatch: pytest.MonkeyPatch, error: type[Exception], place: str) -> None:
    """A bug in the recorder, between two runs or in a handler is raised unchanged."""

    names: dict[str, Any] = {"__name__": "cnncalc.bug", "error": error}
    exec("def bug(*_, **__):\n    raise error('bug')", names)
    bug = names["bug"]
    if place == "record":
        monkeypatch.setattr(events.Trace, "add", bug)
    elif place == "layout":
        monkeypatch.setattr(forward, "mark_channels_first", bug)
    else:
        monkeypatch.setitem(reader.HANDLERS, "linear", bug)
    with pytest.raises(error, match="bug"):
        from_torch(nn.Linear(5, 3), (5,))


def test_a_tensor_without_storage_is_refused() -> None:
    class Sparse(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sparse.mm(torch.eye(5).to_sparse(), x.reshape(5, 1))

    with pytest.raises(CnncalcError) as caught:
        from_torch(Sparse(), (5,))
    assert caught.value.problems[0].code == "unsupported"
