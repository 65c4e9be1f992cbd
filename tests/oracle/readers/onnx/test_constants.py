"""Arithmetic on known numbers against onnx's reference implementation of each operator."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from cnncalc.readers.onnx.constants.arrays import TYPES, Array
from cnncalc.readers.onnx.constants.folding import fold

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("onnx", reason="onnx, the oracle of these tests, is not installed")

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

NUMBERS = {type.name: number for number, type in TYPES.items()}
WHOLE, REAL = ("int64", "int32", "uint8"), ("float32", "float64", "float16")
Case = tuple[str, list[Any], dict[str, Any]]


def drawn(chance: random.Random, shape: tuple[int, ...], type: str, least: int = -4) -> Any:
    """Return random numbers of a type; `least` is the smallest whole number."""
    count = int(np.prod(shape))
    if type in REAL:
        numbers: list[Any] = [
            chance.choice((chance.uniform(-9, 9), chance.randint(-4, 9), 0.5, 2.5)) for _ in range(count)
        ]
    else:
        numbers = [
            chance.randint(0 if type in ("bool", "uint8") else least, 1 if type == "bool" else 9) for _ in range(count)
        ]
    return np.array(numbers, type).reshape(shape)


def whole(*numbers: int) -> Any:
    """Return a vector of whole numbers."""
    return np.array(numbers, "int64")


def cases(chance: random.Random) -> Iterator[Case]:
    """Yield one node for each operator, with inputs that fit it."""
    shape = tuple(chance.choice((1, 2, 3, 4)) for _ in range(chance.randint(1, 3)))
    rank, real, some = len(shape), chance.choice(REAL), chance.choice((*WHOLE, *REAL))
    x, other = drawn(chance, shape, some), tuple(chance.choice((1, length)) for length in shape)
    axis = chance.randrange(-rank, rank)
    for op in ("Neg", "Abs", "Floor", "Ceil", "Round", "Sqrt", "Exp", "Log", "Sin", "Cos", "Reciprocal", "IsNaN"):
        yield op, [drawn(chance, shape, real)], {}
    yield "Sign", [x], {}
    yield "Not", [drawn(chance, shape, "bool")], {}
    for op in ("Add", "Sub", "Mul", "Max", "Min", "Sum", "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"):
        yield op, [x, drawn(chance, other, some)], {}
    for op in ("And", "Or", "Xor"):
        yield op, [drawn(chance, shape, "bool"), drawn(chance, other, "bool")], {}
    yield "Div", [drawn(chance, shape, "int64", 0), drawn(chance, other, "int64", 1) * 0 + 3], {}
    yield "Div", [drawn(chance, shape, real), drawn(chance, other, real)], {}
    yield "Mod", [drawn(chance, shape, "int64"), drawn(chance, other, "int64", 1)], {}
    yield "Mod", [drawn(chance, shape, real), drawn(chance, other, real) * 0 + 3], {"fmod": 1}
    yield "Pow", [drawn(chance, shape, "int64"), drawn(chance, other, "int64", 0)], {}
    axes = whole(*chance.sample(range(rank), chance.randint(1, rank)))
    for op in ("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean"):
        yield op, [drawn(chance, shape, "float32"), axes], {"keepdims": chance.randrange(2)}
    yield "Gather", [x, drawn(chance, (2, 2), "int64", 0) % shape[axis]], {"axis": axis}
    ends = [chance.choice((2**63 - 1, -1, 1, 2)) for _ in shape]
    steps = whole(*[chance.choice((1, 2, -1)) for _ in shape])
    yield "Slice", [x, whole(*[chance.choice((0, 1, -1)) for _ in shape]), whole(*ends), whole(*range(rank)), steps], {}
    yield "Concat", [x, drawn(chance, shape, some)], {"axis": axis}
    yield "Unsqueeze", [x, whole(chance.randrange(-rank - 1, rank + 1))], {}
    yield "Squeeze", [drawn(chance, (*shape, 1), some), whole(-1)], {}
    yield "Reshape", [x, whole(*chance.choice(([-1], list(shape)[::-1], [0, -1] if rank > 1 else [-1])))], {}
    yield "ConstantOfShape", [whole(*shape)], {}
    yield "Range", [np.array(1, some), np.array(9, some), np.array(2, some)], {}
    yield "Expand", [drawn(chance, other, some), whole(2, *shape)], {}
    yield "Where", [drawn(chance, other, "bool"), x, drawn(chance, shape, some)], {}
    yield "Tile", [x, whole(*[chance.randint(1, 2) for _ in shape])], {}
    yield "Transpose", [x], {"perm": chance.sample(range(rank), rank)}
    yield "NonZero", [x], {}
    yield "Flatten", [x], {"axis": chance.randint(0, rank)}
    yield "Clip", [x, np.array(1, some), np.array(3, some)], {}
    for to in (*WHOLE, *REAL, "bool"):
        yield (
            "Cast",
            [drawn(chance, shape, "float32", 0) if to != "uint8" else abs(drawn(chance, shape, "int64"))],
            {"to": NUMBERS[to]},
        )


@pytest.mark.parametrize("seed", range(6))
def test_operators(seed: int) -> None:
    """Every operator of every type has the numbers, the type and the dimensions of the reference."""
    for op, xs, attributes in cases(random.Random(seed)):
        names = [f"x{place}" for place in range(len(xs))]
        inputs = [
            helper.make_tensor_value_info(name, NUMBERS[x.dtype.name], x.shape)
            for name, x in zip(names, xs, strict=True)
        ]
        graph = helper.make_graph([helper.make_node(op, names, ["y"], **attributes)], "g", inputs,
                                  [helper.make_empty_tensor_value_info("y")])  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the logarithms of negative numbers
            (wanted,) = ReferenceEvaluator(model).run(None, dict(zip(names, xs, strict=True)))
        arrays = [Array(TYPES[NUMBERS[x.dtype.name]], x.shape, x.reshape(-1).tolist()) for x in xs]
        results = fold(op, arrays, attributes)
        assert results is not None, op
        assert (results[0].type.name, results[0].shape) == (wanted.dtype.name, wanted.shape), (op, xs, attributes)
        found = np.array(list(results[0].numbers), wanted.dtype).reshape(wanted.shape)
        near = 1e-3 if wanted.dtype == "float16" else 3e-7 if wanted.dtype == "float32" else 1e-15
        same = (
            np.allclose(found, wanted, rtol=near, atol=0, equal_nan=True)
            if wanted.dtype.kind == "f"
            else found == wanted
        )
        assert np.all(same), (op, xs, attributes, found, wanted)
