"""`cnncalc.find_best`: the same answers as the command, as values of Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import cnncalc
from tests.helpers import Ended


def test_the_answer_is_that_of_the_command(ended: Callable[..., Ended]) -> None:
    found = cnncalc.find_best(
        "mobilenet_v2", {"width": "0.5..1/0.25", "input": [96, 128]}, max={"params": "3M"}, maximize="macs"
    )
    words = (
        "mobilenet_v2",
        "--vary",
        "width=0.5..1/0.25",
        "--vary",
        "input=96,128",
        "--max-params",
        "3M",
        "--maximize",
        "macs",
    )
    assert found
    assert str(found) == ended("fit", *words).out
    assert found.to_dict() == ended("fit", *words, "--format", "json").data
    assert found.values == {"width": "0.75", "input": "128"}
    assert found.network is not None
    totals = found.network.analyze().totals
    assert found.figures == {"macs": totals.macs, "params": totals.params}
    assert found.command == "cnncalc analyze mobilenet_v2 -p width=0.75 --input 128x128x3"
    assert repr(found) == "<Search: width=0.75, input=128, 6 tried>"
    assert found.to_svg().startswith("<svg ")
    assert (found.tried, found.valid, found.growing) == (6, 6, ())


def test_values_and_limits_of_every_kind(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        "input: 9x9x2\nparams: {act: relu, big: false}\n"
        "layers: [conv: {filters: 4, kernel: 3}, $act, {fc: 8, when: $big}, fc: 3]\n"
    )
    found = cnncalc.find_best(
        file, {"act": ["relu", "gelu"], "big": [True, False], "input": [(9, 9, 2), (9, 12, 2)], "conv1.filters": range(1, 4)},
        max={"params": 700}, min={"activations": 1}, maximize="params", set={"fc1.bias": False},
    )  # fmt: skip
    assert found.tried == 24
    assert found.values == {"act": "relu", "big": "false", "input": "9x12x2", "conv1.filters": "3"}
    assert found.figures["params"] == 3 * 3 * 2 * 3 + 3 + 7 * 10 * 3 * 3
    assert found.command.endswith("--set fc1.bias=false -p act=relu -p big=false --input 9x12x2 --set conv1.filters=3")


def test_progress_and_processes() -> None:
    seen: list[tuple[int, int]] = []
    question = {"vary": {"input": "32..48"}, "max": {"macs": "1M"}}
    alone = cnncalc.find_best("lenet5", **question, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 17) for number in range(1, 18)]
    assert cnncalc.find_best("lenet5", **question, jobs=2).to_dict() == alone.to_dict()


def test_nothing_fits() -> None:
    found = cnncalc.find_best("lenet5", {"input": "32..34"}, max={"params": 1})
    assert not found
    assert (found.values, found.figures, found.command, found.network) == ({}, {}, "", None)
    assert repr(found) == "<Search: no choice meets the limits, 3 tried>"
    assert found.to_svg().startswith("<svg ")


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"vary": {}, "maximize": "macs"}, "option", "nothing may change"),
        ({"vary": {"input": "1..2"}}, "option", "there is no goal"),
        ({"vary": {"input": "1..2"}, "max": {"parms": 3}}, "option", "did you mean `params`"),
        ({"vary": {"input": "1..2"}, "max": {"memory": "3"}}, "limit", "write it as 8GB or 24GiB"),
        ({"vary": {"width": "1..2"}, "maximize": "macs"}, "network", "has no parameter, input or field of that name"),
        ({"vary": {"input": "2..1"}, "maximize": "macs"}, "network", "2 is greater than 1"),
    ],
)
def test_errors(arguments: dict[str, object], kind: str, said: str) -> None:
    with pytest.raises(cnncalc.CnncalcError, match=said) as caught:
        cnncalc.find_best("lenet5", **arguments)  # type: ignore[arg-type]
    assert caught.value.kind == kind


@pytest.mark.parametrize("wrong", [{"dtype": "float33"}, {"mode": "both"}, {"optimizer": "x"}, {"amp": "int8"}])
def test_choices(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be one of"):
        cnncalc.find_best("lenet5", {"input": "1..2"}, maximize="macs", **wrong)  # type: ignore[arg-type]


def test_sources() -> None:
    with pytest.raises(cnncalc.CnncalcError) as caught:
        cnncalc.find_best("nothing_of_that_name", {"input": "1..2"}, maximize="macs")
    assert caught.value.kind == "source"
    with pytest.raises(TypeError, match="not Network"):
        cnncalc.find_best(cnncalc.load("lenet5"), {"input": "1..2"}, maximize="macs")  # type: ignore[arg-type]
    line = cnncalc.find_best("8x8x3 -> CONV3-4 -> FC-2", {"conv1.filters": "1..4"}, maximize="params")
    assert line.values == {"conv1.filters": "4"}
