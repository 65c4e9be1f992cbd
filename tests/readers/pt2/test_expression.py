"""Sizes of dynamic dimensions, in the notations of PyTorch 2.5 and of later versions."""

import time

import pytest

from cnncalc.readers.pt2.expression import ExpressionError, UnknownSymbol, evaluate, symbols_in
from cnncalc.readers.pt2.program import module_path

S = "Symbol('s0', positive=True, integer=True)"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("s0", 10), ("2*s0 + 1", 21), ("((s0 - 1)//2) + 1", 5), ("(s0 % 4)*3", 6), ("s0**2", 100), ("-s0 + 12", 2),
        ("Max(1, s0)", 10), ("Min(s0, 7)", 7), (S, 10), (f"Mul(Integer(16), {S})", 160), ("s0/2", 5), ("2**-1 * s0", 5),
        (f"Add(Integer(1), FloorDiv(Add(Integer(-1), {S}), Integer(2)))", 5), (f"Pow({S}, Integer(2))", 100),
        (f"Mod({S}, Integer(4))", 2), ("CeilToInt(IntTrueDiv(s0, 4))", 3), ("TruncToInt(s0/4)", 2), ("Where(s0 > 3, 5, 6)", 5),
        ("ModularIndexing(s0, 2, 3)", 2), ("torch.utils._sympy.functions.FloorDiv(s0, 3)", 3), ("1 if", None), ("s0/3", None),
        ("s0 // 0", None), ("", None), ("(s0", None), ("s0)", None), ("__import__('os')", None), ("s0 s0", None),
        ("9**9**9", None), ("2**64", None), ("99999999999999999999", None), ("[1]", None), ("f(s0)", None), ("Max()", None),
        ("'s0'", None), ("Symbol(s0)", None), ("Symbol('s0'", None), ("True + 1", 2),
    ],
)  # fmt: skip
def test_values(text: str, value: int | None) -> None:
    if value is None:
        with pytest.raises(ExpressionError):
            evaluate(text, {"s0": 10})
    else:
        assert evaluate(text, {"s0": 10}) == value


def test_unknown_symbols_are_named() -> None:
    with pytest.raises(UnknownSymbol) as caught:
        evaluate("u3 + 1", {"s0": 1})
    assert caught.value.name == "u3"


@pytest.mark.parametrize(
    "text", ["(" * 5000, "-" * 3999, "Add(" * 900, "1+" * 1999, "s0**" * 900, "a" * 10**6, "9*" * 1999]
)
def test_hostile_expressions_end_at_once(text: str) -> None:
    start = time.process_time()
    with pytest.raises(ExpressionError):
        evaluate(text, {"s0": 3})
    symbols_in(text)
    assert time.process_time() - start < 0.5


def test_symbols_and_paths() -> None:
    assert symbols_in("Add(Symbol('s0'), Symbol('s1', integer=True))") == ["s0", "s1"]
    assert symbols_in("s0*(s1 + 3)") == ["s0", "s1"]
    assert [module_path(text) for text in ("L['self'].a[0].b", "a.b", "L['x']._modules['a'].c", "")] == [
        "a.0.b",
        "a.b",
        "a.c",
        "",
    ]
