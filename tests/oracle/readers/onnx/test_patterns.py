"""Channel shuffles and self-attention made of single ONNX operators, which are one layer only if they are equivalent to it.

PyTorch writes some of the files. A pattern that is read as attention must behave like it in onnx's reference evaluator: if the
steps of the input are permuted, so are those of the output.
"""

from __future__ import annotations

import io
import os
import random
import time
import warnings
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, an oracle of these tests, is not installed")
    pytest.importorskip("onnx", reason="onnx, an oracle of these tests, is not installed")

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch.nn import functional

from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.layers.attention import Attention
from cnncalc.layers.base import Layer
from cnncalc.problem import Refused
from cnncalc.readers import ReaderOptions
from cnncalc.readers.onnx import attention, patterns, reader
from cnncalc.readers.onnx.patterns import Plan
from cnncalc.readers.onnx.reader import read_submission, read_values
from tests.oracle.readers.onnx.test_reader import Small, kinds, numbers, op, save, weight

NOTHING = ReaderOptions({}, {}, compare_shapes=True)
T, D, H = 6, 12, 3
FIGURES = ("weights", "biases", "buffers", "macs", "uncounted")


def figures(analysis: Analysis) -> list[int]:
    """Return the totals that must be the same for every reading."""
    return [getattr(analysis.totals, name) for name in FIGURES]


def reading(model: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Analysis:
    """Return the analysis. Its totals are the same for a stranger's file and without patterns."""
    path = save(model, folder)
    found, by_name = read_values(path, NOTHING)
    assert found.warnings == ()
    for value in by_name.values():
        if value.index is not None:
            assert found.nodes[value.index].output == tuple(value.dims[axis] for axis in value.order)
    whole = analyze(found)
    assert kinds(analyze(read_submission(Path(path).read_bytes(), path, NOTHING))) == kinds(whole)
    with monkeypatch.context() as patch:
        patch.setattr(reader, "find_patterns", lambda *_: Plan())
        assert figures(analyze(read_values(path, NOTHING)[0])) == figures(whole)
        strict = analyze(
            read_submission(Path(path).read_bytes(), path, NOTHING)
        ).totals  # a stranger's masks are parameters
        assert strict.params + strict.buffers == whole.totals.params + whole.totals.buffers
        assert (strict.macs, strict.uncounted) == (whole.totals.macs, whole.totals.uncounted)
    return whole


def layer_of(analysis: Analysis, kind: str) -> Layer:
    """Return the only layer of a kind."""
    (layer,) = [row.node.layer for row in analysis.rows if row.node.kind == kind]
    assert layer is not None
    return layer


# -- what PyTorch writes ----------------------------------------------------------------------------------------------


class Attending(nn.Module):
    """A norm and self-attention, written in one of the common ways."""

    def __init__(self, way: str, bias: bool) -> None:
        super().__init__()
        self.way = way
        self.norm = nn.LayerNorm(D)
        if way == "module" or way == "fast":
            self.attn = nn.MultiheadAttention(D, H, bias=bias, batch_first=True)
        elif way == "packed":
            self.qkv, self.proj = nn.Linear(D, 3 * D, bias=bias), nn.Linear(D, D, bias=bias)
        else:
            self.q, self.k, self.v, self.o = (nn.Linear(D, D, bias=bias) for _ in range(4))

    def forward(self, x: Any) -> Any:
        """One block with a residual."""
        y = self.norm(x)
        n, steps, width = y.shape
        if self.way in ("module", "fast"):
            return x + self.attn(y, y, y, need_weights=self.way == "module")[0]
        if self.way == "packed":
            q, k, v = self.qkv(y).reshape(n, steps, 3, H, width // H).permute(2, 0, 3, 1, 4).unbind(0)
            made = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, steps, width)
            return x + self.proj(made)
        q, k, v = (part(y).view(n, steps, H, width // H).transpose(1, 2) for part in (self.q, self.k, self.v))
        made = ((q @ k.transpose(-2, -1)) / (width // H) ** 0.5).softmax(-1) @ v
        return x + self.o(made.transpose(1, 2).contiguous().view(n, steps, width))


class Shuffling(nn.Module):
    """A convolution, its channels shuffled, and another."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)

    def forward(self, x: Any) -> Any:
        """Shuffle the channels as torchvision's ShuffleNet does."""
        x = self.first(x)
        n, channels, height, width = x.size()
        x = x.view(n, 4, channels // 4, height, width)
        return self.second(torch.transpose(x, 1, 2).contiguous().view(n, channels, height, width))


def written(module: nn.Module, shape: tuple[int, ...], free: bool) -> Any:
    """Return the file of PyTorch's TorchScript exporter, which merges equal parameters."""
    for parameter in module.parameters():
        nn.init.uniform_(parameter)
    axes: dict[str, Any] = {"dynamic_axes": {"x": {0: "batch"}}} if free else {}
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), (torch.zeros(1, *shape),), file, input_names=["x"], dynamo=False, **axes)
    return onnx.load_model_from_string(file.getvalue())


@pytest.mark.parametrize("free", [False, True], ids=["fixed", "free"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "plain"])
@pytest.mark.parametrize(
    ("way", "name"), [("module", "attn"), ("fast", "attn"), ("packed", ""), ("three", "")], ids=lambda one: one or "-"
)
def test_attention_of_pytorch(
    way: str, name: str, bias: bool, free: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch.nn.MultiheadAttention, scaled_dot_product_attention and the formula become one layer, for a fixed or open batch."""
    module = Attending(way, bias)
    analysis = reading(written(module, (T, D), free), tmp_path, monkeypatch)
    assert kinds(analysis) == ["layernorm", "attention", "add"]
    assert layer_of(analysis, "attention").nondefault_fields == {"heads": H, **({} if bias else {"bias": False})}
    assert analysis.totals.params == sum(parameter.numel() for parameter in module.parameters())
    assert analysis.rows[2].node.name == ".".join(filter(None, (name, "attention")))
    assert analysis.totals.activations == 4 * T * D  # with the input


@pytest.mark.parametrize("free", [False, True], ids=["fixed", "free"])
def test_shuffle_of_pytorch(free: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """View, transpose and view become one layer, whether sizes are constants or computed."""
    analysis = reading(written(Shuffling(), (3, 5, 7), free), tmp_path, monkeypatch)
    assert kinds(analysis) == ["conv", "channelshuffle", "conv"]
    assert layer_of(analysis, "channelshuffle").nondefault_fields == {"groups": 4}
    assert analysis.fields[-1] == analysis.fields[1]  # a shuffle sees its own cell


def test_a_layer_is_named_after_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer is named after the path that all its operators have in common."""
    encoder = nn.Sequential(nn.TransformerEncoderLayer(D, H, 20, batch_first=True), nn.Linear(D, 2))
    analysis = reading(written(encoder, (T, D), False), tmp_path, monkeypatch)
    assert analysis.rows[1].node.name == "0.self_attn.attention"
    assert analysis.rows[1].node.kind == "attention"


# -- shuffles by hand -------------------------------------------------------------------------------------------------

SPLIT, BACK, SWAP = (1, 2, 4, 5, 5), (1, 8, 5, 5), [0, 2, 1, 3, 4]


def shuffled(
    split: tuple[int, ...] = SPLIT, perm: list[int] | None = None, back: tuple[int, ...] = BACK, output: str = "y"
) -> Small:
    """Return a model of two convolutions with nodes between them."""
    return Small(
        [op("Conv", "x w", "c"), op("Reshape", "c a", "r"), op("Transpose", "r", "t", perm=perm or SWAP),
         op("Reshape", "t b", "s"), op("Conv", "s v", "y")],
        (1, 3, 5, 5), [weight("w", 8, 3, 1, 1), weight("v", 2, back[1], 1, 1), numbers("a", *split), numbers("b", *back)],
        output=output,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("small", "groups"),
    [(shuffled(), 2), (shuffled((0, 4, -1, 5, 5)), 4), (shuffled((1, 2, 4, 25), [0, 2, 1, 3]), 2)],
    ids=["plain", "derived", "flat"],
)
def test_shuffles(small: Small, groups: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reshapes with copied and inferred sizes, or with height and width merged, are shuffles, too."""
    analysis = reading(small.model, tmp_path, monkeypatch)
    assert kinds(analysis) == ["conv", "channelshuffle", "conv"]
    assert layer_of(analysis, "channelshuffle").nondefault_fields == {"groups": groups}
    dice = np.random.default_rng(0)
    for tensor, dims in zip(small.model.graph.initializer[:2], ((8, 3, 1, 1), (2, 8, 1, 1)), strict=True):
        tensor.CopyFrom(numpy_helper.from_array(dice.normal(size=dims).astype("float32"), tensor.name))
    for name in ("c", "s"):
        small.model.graph.output.append(helper.make_empty_tensor_value_info(name))
    _, before, behind = ReferenceEvaluator(small.model).run(
        None, {"x": dice.normal(size=(1, 3, 5, 5)).astype("float32")}
    )
    assert (behind == functional.channel_shuffle(torch.from_numpy(before), groups).numpy()).all()


@pytest.mark.parametrize(
    "small",
    [
        shuffled(output="y t"), shuffled(output="y r"), shuffled(perm=[0, 1, 2, 3, 4]), shuffled(perm=[0, 2, 1, 4, 3]),
        shuffled(perm=[0, 3, 2, 1, 4]), shuffled((1, 2, 2, 10, 5)), shuffled((1, 4, 5, 2, 5)), shuffled(back=(1, 4, 10, 5)),
        shuffled((2, 1, 4, 5, 5), [1, 0, 2, 3, 4]),
    ],
    ids=["read", "split-read", "none", "turned", "rows", "halves", "across", "other-shape", "batch"],
)  # fmt: skip
def test_what_is_not_a_shuffle(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not a shuffle if another node reads a value inside, or if the permutation, groups or final shape differ."""
    assert "channelshuffle" not in kinds(reading(small.model, tmp_path, monkeypatch))


# -- attention by hand ------------------------------------------------------------------------------------------------

E = D // H
HEADS = [
    numbers("heads", 0, 0, H, E), numbers("packed", 0, 0, 3, H, E), numbers("mixed", 0, 0, H, 3, E),
    numbers("merged", 0, 0, D), numbers("bmm", T, H, E), numbers("flat", T, D), numbers("up", 1, T, D),
    numbers("root", sqrt(E), kind="float32"), numbers("scale", 1 / sqrt(E), kind="float32"),
    numbers("half", E**-0.25, kind="float32"), numbers("three", 3, kind="float32"), numbers("axis0", 0), numbers("axis2", 2),
    *[numbers(f"at{k}", k, dims=()) for k in range(3)], *[numbers(f"cut{k}", k * D) for k in range(4)],
]  # fmt: skip
MATRICES = [weight("w", D, 3 * D), weight("o", D, D), *[weight(f"w{name}", D, D) for name in "qkv"],
            weight("wb", 3 * D), weight("ob", D)]  # fmt: skip
CORE = [
    op("Transpose", "k", "kt", perm=[0, 1, 3, 2]), op("MatMul", "q kt", "a"), op("Div", "a root", "d"),
    op("Softmax", "d", "p", axis=-1), op("MatMul", "p v", "c"), op("Transpose", "c", "ct", perm=[0, 2, 1, 3]),
    op("Reshape", "ct merged", "m"),
]  # fmt: skip
PACKED = [
    op("MatMul", "x w", "qkv"), op("Reshape", "qkv packed", "r"), op("Transpose", "r", "t", perm=[2, 0, 3, 1, 4]),
    *[op("Gather", f"t at{k}", name, axis=0) for k, name in enumerate("qkv")],
]  # fmt: skip
END = [op("MatMul", "m o", "y")]


def three(*sources: str) -> list[Any]:
    """Return the nodes of separate projections for query, key and value."""
    return [
        node
        for name, source in zip("qkv", sources, strict=True)
        for node in (op("MatMul", f"{source} w{name}", f"p{name}"), op("Reshape", f"p{name} heads", f"r{name}"),
                     op("Transpose", f"r{name}", name, perm=[0, 2, 1, 3]))
    ]  # fmt: skip


def changed(nodes: list[Any], output: str, *others: Any) -> list[Any]:
    """Return the nodes, with other nodes instead of the one that computes `output`."""
    place = next(place for place, node in enumerate(nodes) if node.output[0] == output)
    return [*nodes[:place], *others, *nodes[place + 1 :]]


def renamed(node: Any, among: list[Any], number: int) -> Any:
    """Return the node with a number appended to each name that one of these nodes computes."""
    made = {name for one in (*among, *END) for name in one.output}
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [f"{name}{number}" if name in made else name for name in node.input]
    copy.output[:] = [f"{name}{number}" for name in node.output]
    return copy


def attending(
    nodes: list[Any], output: str = "y", more: tuple[Any, ...] = (), x: Any = (1, T, D), opset: int = 17
) -> Small:
    """Return a model with an input of steps x features and the tensors that its nodes read."""
    used = {name for node in nodes for name in node.input}
    return Small(nodes, x, [one for one in (*HEADS, *MATRICES, *more) if one.name in used], output=output, opset=opset)


BASE = [*PACKED, *CORE, *END]
BMM = [
    op("Reshape", "x flat", "x2"), op("Gemm", "x2 w wb", "qkv"),
    *[op("Slice", f"qkv cut{k} cut{k + 1} axis1", f"s{name}") for k, name in enumerate("qkv")],
    *[op("Reshape", f"s{name} bmm", f"b{name}") for name in "qkv"],
    op("Transpose", "bq", "q", perm=[1, 0, 2]), op("Transpose", "bk", "kt", perm=[1, 2, 0]),
    op("Transpose", "bv", "v", perm=[1, 0, 2]), op("Mul", "q scale", "qs"), op("MatMul", "qs kt", "a"),
    op("Softmax", "a", "p", axis=2), op("MatMul", "p v", "c"), op("Transpose", "c", "ct", perm=[1, 0, 2]),
    op("Reshape", "ct flat", "m"), op("Gemm", "m o ob", "y"),
]  # fmt: skip
AXIS1 = (numbers("axis1", 1),)
IS = {
    "packed": (attending(BASE), False),
    "biases": (
        attending([*changed(changed(BASE, "qkv", op("MatMul", "x w", "qm"), op("Add", "wb qm", "qkv")), "y"),
                   op("MatMul", "m o", "om"), op("Add", "om ob", "y")]), True,
    ),
    "three": (attending([*three("x", "x", "x"), *CORE, *END]), False),
    "heads-first": (  # every head's query, key and value together
        attending([*changed(changed(PACKED, "r", op("Reshape", "qkv mixed", "r")), "t",
                            op("Transpose", "r", "t", perm=[3, 0, 2, 1, 4])), *CORE, *END]), False,
    ),
    "split": (
        attending([op("MatMul", "x w", "qkv"), op("Split", "qkv", "sq sk sv", axis=-1),
                   *[node for name in "qkv" for node in (op("Reshape", f"s{name} heads", f"r{name}"),
                                                         op("Transpose", f"r{name}", name, perm=[0, 2, 1, 3]))],
                   *CORE, *END]), False,
    ),
    "scaled-in-front": (
        attending(changed(changed(BASE, "a", op("Mul", "q half", "qh"), op("Mul", "half kt", "kh"),
                                  op("MatMul", "qh kh", "a")), "d", op("Identity", "a", "d"))), False,
    ),
    "bmm": (attending(BMM, more=AXIS1), True),
    "operator": (attending([*PACKED, op("Attention", "q k v", "c"), *CORE[5:], *END], opset=23), False),
    "operator-scaled": (
        attending([*PACKED, op("Attention", "q k v", "c", scale=1 / sqrt(E)), *CORE[5:], *END], opset=23), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IS)
def test_attentions(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention is recognized with one projection or three, each way of splitting and scaling, and stacked matrices."""
    small, bias = IS[name]
    analysis = reading(small.model, tmp_path, monkeypatch)
    assert [kind for kind in kinds(analysis) if kind != "reshape"] == ["attention"]
    assert layer_of(analysis, "attention").nondefault_fields == {"heads": H, **({} if bias else {"bias": False})}
    assert analysis.totals.params == 4 * D * D + bias * 4 * D
    assert analysis.totals.macs == T * 4 * D * D + 2 * T * T * D


MASK = (numbers("mask", *[0.0] * T * T, kind="float32", dims=(T, T)),)
ISNT = {
    **{
        f"operator-{number}": attending([*PACKED, node, *CORE[5:], *END], more=MASK, opset=23)
        for number, node in enumerate(
            [op("Attention", "q k v", "c", is_causal=1), op("Attention", "q k v", "c", softcap=2.0),
             op("Attention", "q k v mask", "c"), op("Attention", "q k v", "c", scale=1.0), op("Attention", "q q v", "c")]
        )
    },
    **{f"read-{name}": attending(BASE, output=f"y {name}") for name in ("qkv", "k", "kt", "a", "p", "c", "m")},
    "read-inside": attending([*BASE, op("Relu", "p", "z")], output="y z"),
    "mask": attending(changed(BASE, "d", op("Div", "a root", "da"), op("Add", "da mask", "d")), more=(weight("mask", T, T),)),
    "constant-mask": attending(changed(BASE, "d", op("Div", "a root", "da"), op("Add", "da mask", "d")), more=MASK),
    "other-scale": attending(changed(BASE, "d", op("Div", "a three", "d"))),
    "no-scale": attending(changed(BASE, "d", op("Identity", "a", "d"))),
    "learned-scale": attending(changed(BASE, "d", op("Mul", "a g", "d")), more=(weight("g", T),)),
    "other-softmax": attending(changed(BASE, "p", op("Softmax", "d", "p", axis=-2))),
    "no-softmax": attending(changed(BASE, "p", op("Sigmoid", "d", "p"))),
    "scaled-value": attending(changed(BASE, "c", op("Mul", "v half", "vh"), op("MatMul", "p vh", "c"))),
    "query-twice": attending(changed(BASE, "k", op("Gather", "t at0", "k", axis=0))),
    "key-folded": attending(changed(BASE, "kt", op("Reshape", "k fold", "kt")), more=(numbers("fold", 1, H, E, T),)),
    "heads-not-turned": attending(changed(BASE, "m", op("Reshape", "c up", "m"))),
    "steps-for-heads": attending(
        changed(changed(BASE, "t", op("Transpose", "r", "t", perm=[2, 0, 1, 3, 4])), "ct", op("Identity", "c", "ct"))
    ),
    "other-input": attending([*three("x", "z", "x"), *CORE, *END], x={"x": (1, T, D), "z": (1, T, D)}),
    "no-projection": attending([*BASE[:-1], op("Relu", "m", "y")]),
    "narrower": attending([*BASE[:-1], op("MatMul", "m n", "y")], more=(weight("n", D, 5),)),
    "wider": attending(
        [op("MatMul", "x big", "all"), op("Slice", "all cut0 cut3 axis2", "qkv"), *BASE[1:]], more=(weight("big", D, 4 * D),)
    ),
    "one-bias": attending([*BASE[:-1], op("MatMul", "m o", "om"), op("Add", "om ob", "y")]),
    "gate-inside": attending(changed(BASE, "m", op("Reshape", "ct merged", "mm"), op("Mul", "mm g", "m")),
                             more=(weight("g", D),)),
}  # fmt: skip


@pytest.mark.parametrize("name", ISNT)
def test_what_is_not_attention(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small difference prevents the pattern, and the figures are those of the operators."""
    analysis = reading(ISNT[name].model, tmp_path, monkeypatch)
    assert not any(isinstance(row.node.layer, Attention) for row in analysis.rows)


def test_the_next_layer_is_not_absorbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second matrix after the projection is a separate layer. A shared matrix counts inside the attention."""
    nodes = [*BASE, op("MatMul", "y i", "z"), op("MatMul", "z w", "z2")]
    analysis = reading(attending(nodes, "z2", (weight("i", D, D),)).model, tmp_path, monkeypatch)
    assert kinds(analysis) == ["attention", "linear", "linear"]
    assert [row.params for row in analysis.rows] == [0, 4 * D * D, D * D, 0]


def test_a_pattern_with_other_figures_is_discarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The totals of both readings are compared, which catches a wrong pattern."""
    monkeypatch.setattr(attention, "_covers_features", lambda _: True)
    monkeypatch.setattr(patterns, "_has_equal_figures", lambda *_: True)
    analysis = reading(ISNT["wider"].model, tmp_path, monkeypatch)
    assert "attention" not in kinds(analysis)
    assert analysis.totals.macs == T * 5 * D * D + 2 * T * T * D


@pytest.mark.parametrize("shape", ["ends", "cores", "views"])
def test_time_is_linear(shape: str, tmp_path: Path) -> None:
    """Many projections of one context, contexts of one projection or transposes of one value take linear time."""
    seconds = []
    for count in (200, 1600):
        if shape == "ends":
            nodes = [*BASE, *[op("MatMul", "m o", f"y{k}") for k in range(count)]]
        elif shape == "cores":
            core = changed(CORE, "kt")
            nodes = [*PACKED, CORE[0], *[renamed(node, core, k) for k in range(count // 8) for node in [*core, *END]]]
        else:
            turns = [op("Transpose", f"u{k}" if k else "q", f"u{k + 1}", perm=[0, 1, 2, 3]) for k in range(count)]
            nodes = [*PACKED, *turns, *changed(CORE, "a", op("MatMul", f"u{count} kt", "a")), *END]
        output = "y7" if shape != "views" else "y"
        path = save(attending(nodes, output).model, tmp_path)
        start = time.process_time()
        network, _ = read_values(path, NOTHING)
        seconds.append(time.process_time() - start)
        assert "attention" not in [node.kind for node in network.nodes]
    assert seconds[1] < 16 * seconds[0] + 0.5


def test_matrices_used_twice_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two attentions share their weights."""
    again = [renamed(node, BASE, 2) for node in BASE]
    for node in again:
        node.input[:] = ["y" if name == "x" else name for name in node.input]
    analysis = reading(attending([*BASE, *again], output="y2").model, tmp_path, monkeypatch)
    assert analysis.totals.params == 4 * D * D
    assert analysis.totals.macs == 2 * (T * 4 * D * D + 2 * T * T * D)


def test_permuted_steps_give_permuted_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a model with one changed attribute or input is still read as attention, permuting its steps permutes its output."""
    dice = random.Random(4)
    starts = [small for small, _ in IS.values()]
    fused = kept = 0
    for _ in range(500):
        model = onnx.ModelProto()
        model.CopyFrom(dice.choice(starts).model)
        node = dice.choice(model.graph.node)
        places = [one for one in node.attribute if one.name in ("perm", "axis")]
        if places and dice.random() < 0.8:
            one = dice.choice(places)
            if one.name == "perm":
                perm = list(one.ints)
                dice.shuffle(perm)
                one.ints[:] = perm
            else:
                one.i = dice.choice([-2, -1, 0, 1, 2, 3])
        else:
            names = [name for other in model.graph.node for name in (*other.input, *other.output)]
            node.input[dice.randrange(len(node.input))] = dice.choice(names)
        try:
            onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
            network, _ = read_values(save(model, tmp_path), NOTHING)
        except (Refused, onnx.shape_inference.InferenceError):
            continue
        if not any(isinstance(node.layer, Attention) for node in network.nodes):
            kept += 1
            continue
        fused += 1
        for tensor in model.graph.initializer:
            if not (tensor.raw_data or tensor.int64_data or tensor.float_data):
                drawn = np.random.default_rng(len(tensor.name)).normal(size=tuple(tensor.dims)).astype("float32")
                tensor.CopyFrom(numpy_helper.from_array(drawn, tensor.name))
        run = ReferenceEvaluator(model)
        x = np.random.default_rng(0).normal(size=(1, T, D)).astype("float32")
        order = np.random.default_rng(1).permutation(T)
        (straight,), (other,) = (run.run(None, {"x": given}) for given in (x, x[:, order]))
        assert np.allclose(straight.reshape(T, D)[order], other.reshape(T, D), atol=1e-3)
    assert fused > 20
    assert kept > 50
