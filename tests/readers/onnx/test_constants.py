"""Arithmetic on known numbers, with the values of ONNX's specification of each operator and of IEEE 754."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isnan, nan
from typing import Any

import pytest

from cnncalc.readers.onnx.constants.arrays import LARGEST, TYPES, Array, BadConstants, Number
from cnncalc.readers.onnx.constants.folding import fold
from cnncalc.readers.onnx.constants.tensors import array
from cnncalc.readers.onnx.messages import decode
from tests.readers.onnx.encoder import field, tensor

NAMES = {type.name: type for type in TYPES.values()}


def known(numbers: Sequence[Number] | Number, type: str = "int64", dims: Sequence[int] | None = None) -> Array:
    """Return an array, by default a vector or a single number."""
    if isinstance(numbers, int | float):
        return Array(NAMES[type], (), (numbers,))
    return Array(NAMES[type], dims or (len(numbers),), numbers)


def result(op: str, *xs: Array, **attributes: Any) -> list[Number]:
    """Return the numbers that an operator computes."""
    found = fold(op, xs, attributes)
    assert found is not None
    return list(found[0].numbers)


F = "float32"
CASES: list[tuple[str, list[Array], dict[str, Any], list[Number]]] = [
    ("Add", [known(2**63 - 1), known(1)], {}, [-(2**63)]),
    ("Add", [known(16777216.0, F), known(1.0, F)], {}, [16777216.0]),
    ("Mul", [known(0.1, F), known(3.0, F)], {}, [0.30000001192092896]),
    ("Div", [known([-7, 7, 7]), known([2, -2, 2])], {}, [-3, -3, 3]),
    ("Div", [known([1.0, -1.0, 0.0], F), known(0.0, F)], {}, [inf, -inf, nan]),
    ("Div", [known(1.0, F), known(3.0, F)], {}, [0.3333333432674408]),
    ("Mod", [known([-4, 7]), known([2, -3])], {}, [0, -2]),
    ("Mod", [known([-4, 7]), known([3, -3])], {"fmod": 1}, [-1, 1]),
    ("Pow", [known(3), known(5)], {}, [243]),
    ("Pow", [known(2), known(2**60)], {}, [0]),
    ("Sqrt", [known([2.0, -1.0], F)], {}, [1.4142135381698608, nan]),
    ("Round", [known([0.5, 1.5, 2.5, -2.5], F)], {}, [0.0, 2.0, 2.0, -2.0]),
    ("Floor", [known([-1.5, inf], F)], {}, [-2.0, inf]),
    ("Cast", [known([2.9, -2.9, 1e30], F)], {"to": 7}, [2, -2, -(2**63)]),
    ("Cast", [known([300, -1])], {"to": 2}, [44, 255]),
    ("Cast", [known([65504.0, 65536.0], F)], {"to": 10}, [65504.0, inf]),
    ("Cast", [known([0, 5])], {"to": 9}, [False, True]),
    ("Cast", [known(16777217)], {"to": 1}, [16777216.0]),
    ("Max", [known([1, 5]), known([3, 2])], {}, [3, 5]),
    ("Equal", [known([1, 5]), known(5)], {}, [False, True]),
    ("ReduceProd", [known([2, 3, 4])], {"keepdims": 0}, [24]),
    ("ReduceMean", [known([1.0, 2.0], F)], {"keepdims": 0}, [1.5]),
    ("Gather", [known([10, 20, 30]), known([-1, 0])], {}, [30, 10]),
    ("Slice", [known([0, 1, 2, 3]), known([-1]), known([-(2**63)]), known([0]), known([-2])], {}, [3, 1]),
    ("Transpose", [known([1, 2, 3, 4, 5, 6], dims=(2, 3))], {}, [1, 4, 2, 5, 3, 6]),
    ("Tile", [known([1, 2]), known([2])], {}, [1, 2, 1, 2]),
    ("Expand", [known([1, 2], dims=(2, 1)), known([1, 2])], {}, [1, 1, 2, 2]),
    ("Range", [known(1.0, F), known(0.0, F), known(-0.25, F)], {}, [1.0, 0.75, 0.5, 0.25]),
    ("Where", [known([True, False], "bool"), known([1, 2]), known(9)], {}, [1, 9]),
    ("NonZero", [known([1, 0, 1, 1], dims=(2, 2))], {}, [0, 1, 1, 0, 0, 1]),
    ("Clip", [known([-3, 3, 9]), known(0), known(5)], {}, [0, 3, 5]),
]  # fmt: skip


@pytest.mark.parametrize(("op", "xs", "attributes", "wanted"), CASES)
def test_operators(op: str, xs: list[Array], attributes: dict[str, Any], wanted: list[Number]) -> None:
    """Whole numbers wrap around, and floating-point numbers are rounded to their type."""
    found = result(op, *xs, **attributes)
    assert all(isnan(a) and isnan(b) if isnan(b) else a == b for a, b in zip(found, wanted, strict=True)), found


@pytest.mark.parametrize(
    ("op", "xs", "attributes"),
    [
        ("Add", [known([1, 2]), known([1, 2, 3])], {}), ("Div", [known(1), known(0)], {}), ("Mod", [known(1), known(0)], {}),
        ("Gather", [known([1]), known([1])], {}), ("Gather", [known([1]), known([0])], {"axis": 1}),
        ("Reshape", [known([1, 2, 3]), known([2, -1])], {}), ("Reshape", [known([1]), known([-1, -1])], {}),
        ("Concat", [known(1), known(2)], {}), ("Squeeze", [known([1, 2]), known([0])], {}),
        ("Tile", [known([1]), known([-1])], {}),
        ("Pow", [known(2), known(-1)], {}), ("Unsqueeze", [known(1), known([0, 0])], {}), ("Add", [], {}),
        ("Transpose", [known([1, 2], dims=(1, 2))], {"perm": [0, 0]}), ("Expand", [known([1]), known([-2])], {}),
        ("Slice", [known([1]), known([0]), known([1]), known([0]), known([0])], {}),
    ],
)  # fmt: skip
def test_numbers_that_do_not_fit(op: str, xs: list[Array], attributes: dict[str, Any]) -> None:
    """Each is an error of the model."""
    with pytest.raises(BadConstants):
        fold(op, xs, attributes)


@pytest.mark.parametrize(
    ("op", "xs"),
    [
        ("ConstantOfShape", [known([2**31, 2**31])]), ("Expand", [known(1), known([LARGEST + 1])]),
        ("Tile", [known([1, 2]), known([2**62])]), ("Range", [known(0), known(2**62), known(1)]),
        ("Add", [known([1] * 512, dims=(512, 1)), known([1] * 512)]), ("Range", [known(0.0, F), known(nan, F), known(1.0, F)]),
        ("Where", [known(True, "bool"), known([1] * 512, dims=(512, 1)), known([1] * 512)]),
        ("Gather", [known([1] * 600, dims=(300, 2)), known([0] * 65536)]), ("Strange", [known(1)]),
    ],
)  # fmt: skip
def test_results_that_are_too_large(op: str, xs: list[Array]) -> None:
    """They are not computed."""
    assert fold(op, xs, {}) is None


@pytest.mark.parametrize("dims", [(2**40, 0), (0, 2**40), (2**40, 5, 0)])
def test_no_numbers_in_huge_dimensions(dims: tuple[int, ...]) -> None:
    """The dimensions of an empty array take no time."""
    empty, rank = Array(NAMES["int64"], dims, ()), len(dims)
    for axis in range(rank):
        fold("Concat", [empty, empty], {"axis": axis})
        if dims[axis]:
            fold("Gather", [empty, known([0])], {"axis": axis})
    for op, more in (
        ("Transpose", []),
        ("NonZero", []),
        ("Flatten", []),
        ("Neg", []),
        ("Slice", [known([0]), known([9])]),
    ):
        fold(op, [empty, *more], {})


def test_numbers_of_tensors() -> None:
    """Small ones are decoded; large, external and unknown ones are not."""

    def of(data: bytes) -> Array | None:
        return array(decode("Tensor", data))

    found = of(tensor("s", (2,), 1, [0.5, -1.0]))
    assert found is not None
    assert list(found.numbers) == [0.5, -1.0]
    half = of(field(1, 1) + field(2, 10) + field(5, 0x3C00))
    assert half is not None
    assert list(half.numbers) == [1.0]
    for data in (
        tensor("s", (3,), 1, [0.5, -1.0]), tensor("s", (3,)), tensor("s", (2**17,)), tensor("s", (2,), 8), tensor("s", (-1,)),
        tensor("s", (2,), 1, [0.5, -1.0]) + field(14, 1), tensor("s", [2**40] * 100),
    ):  # fmt: skip
        assert of(data) is None
