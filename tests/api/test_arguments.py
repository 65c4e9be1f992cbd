"""Arguments of wrong types: the error names the argument, and nothing is computed with them."""

from __future__ import annotations

from typing import Any

import pytest

import cnncalc

SMALL = "8x8x3 -> CONV3-4 -> RELU -> FC-10"


@pytest.mark.parametrize(
    ("method", "arguments", "options", "message"),
    [
        ("analyze", (), {"batch": 1.0}, "batch must be a whole number, not 1.0"),
        ("analyze", (), {"batch": "3"}, "batch must be a whole number, not '3'"),
        ("compare", (), {"batch": 0}, "batch must be at least 1, not 0"),
        ("compare", (), {"dtype": "half"}, "dtype must be one of bfloat16, "),
        ("compare", ("vgg16",), {}, "a network must be what cnncalc.load returns, not 'vgg16'"),
        ("report", (5,), {}, "a network must be what cnncalc.load returns, not 5"),
        ("memory", (), {"batch": 2.5}, "batch must be a whole number, not 2.5"),
        ("deploy", (), {"batch": "1"}, "batch must be a whole number, not '1'"),
        ("fit", (-5,), {}, "a size must not be negative; got -5"),
        ("explain", (0,), {}, "the name of a layer must be text, not 0"),
        ("check", (), {"limits": [1]}, "limits must be a dictionary such as "),
        ("reconcile", (5,), {}, "tool must be text or a list of texts, not 5"),
        ("reconcile", (), {"printed": 5}, "printed must be text, not 5"),
        ("reconcile", (), {"written": "relu=function"}, "written must be a dictionary such as "),
        ("draw", (), {"depth": -1}, "depth must be a whole number of at least 0, not -1"),
        ("draw", (), {"depth": "x"}, "depth must be a whole number of at least 0, not 'x'"),
        ("draw", (), {"layer": 5}, "layer must be text, not 5"),
        ("worksheet", (), {"hide": 5}, "hide must be text or a list of texts, not 5"),
        ("worksheet", (), {"variants": "3"}, "variants must be a whole number, not '3'"),
    ],
)
def test_methods(method: str, arguments: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        getattr(cnncalc.load(SMALL), method)(*arguments, **options)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("function", "arguments", "options", "message"),
    [
        ("load", (SMALL,), {"params": 5}, "params must be a dictionary such as "),
        ("load", (SMALL,), {"params": {5: 5}}, "params must be a dictionary such as "),
        ("load", (SMALL,), {"input": 8}, "a shape must be text or a sequence such as (32, 32, 3), not 8"),
        ("parse", (5,), {}, "a specification must be text, not 5"),
        ("load", (SMALL,), {"set": "fc1.units=3"}, "set must be a dictionary such as "),
        ("load", (SMALL,), {"freeze": [5]}, "freeze must be text or a list of texts, not (5,)"),
        ("find_best", (SMALL, "conv1.filters=1..2"), {"maximize": "params"}, "vary must be a dictionary such as "),
        ("find_best", (SMALL, {}), {"max": "2M"}, "max must be a dictionary such as "),
        ("find_best", (SMALL, {}), {"max": {"params": None}}, "the limit for params must be text, not None"),
        ("find_best", (SMALL, {}), {"maximize": 3}, "maximize must be text, not 3"),
        ("quiz", (0,), {}, "count must be from 1 to 1000, not 0"),
        ("quiz", (1,), {"seed": "x"}, "seed must be a whole number, not 'x'"),
        ("quiz", (10**9,), {}, "count must be from 1 to 1000, not 1000000000"),
    ],
)
def test_functions(function: str, arguments: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        getattr(cnncalc, function)(*arguments, **options)
    assert message in str(raised.value)


def test_sequences_of_other_packages_are_shapes() -> None:
    numpy = pytest.importorskip("numpy")
    assert cnncalc.load(SMALL, input=numpy.array([16, 16, 3]))["conv1"].output == (16, 16, 4)


def test_one_text_stands_for_a_list_with_it() -> None:
    network = cnncalc.load(SMALL)
    assert network.worksheet("params").to_text("json") == network.worksheet(["params"]).to_text("json")
    assert repr(cnncalc.find_best(SMALL, {"conv1.filters": 8}, maximize="params")).startswith(
        "<Search: conv1.filters=8"
    )
