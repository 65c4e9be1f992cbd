"""What may be typed after --vary."""

from __future__ import annotations

import pytest

from cnncalc.problem import Refused
from cnncalc.search.ranges import read_range


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1..4", ("1", "2", "3", "4")),
        ("a=16..64/16", ("16", "32", "48", "64")),
        ("a=10..20/7", ("10", "17")),
        ("a=0.25..0.3", ("0.25", "0.26", "0.27", "0.28", "0.29", "0.3")),
        ("a=0.5..2/0.5", ("0.5", "1", "1.5", "2")),
        ("a=0..1/0.25", ("0", "0.25", "0.5", "0.75", "1")),
        ("a=3..3", ("3",)),
        ("a= 1 .. 3 ", ("1", "2", "3")),
        ("a=relu, gelu", ("relu", "gelu")),
        ("a=224,320x240x3,224", ("224", "320x240x3")),
        ("a=0.10..0.12", ("0.1", "0.11", "0.12")),
    ],
)
def test_values(text: str, values: tuple[str, ...]) -> None:
    assert read_range(text).values == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("width", "is not a range"),
        ("=1..2", "is not a range"),
        ("a=", "is not a range"),
        ("a=2..1", "2 is greater than 1"),
        ("a=1..2/0", "the step must be greater than 0"),
        ("a=1..x", "is not a range of numbers"),
        ("a=-1..2", "is not a range of numbers"),
        ("a=1,,2", "a value is missing"),
        ("a=0..1/0.000001", "the range has 1,000,001 values"),
    ],
)
def test_mistakes(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read_range(text)


def test_a_help_works_when_it_is_followed() -> None:
    with pytest.raises(Refused) as caught:
        read_range("width=2..0.5")
    help = caught.value.problems[0].help
    assert help == "write width=0.5..2"
    assert read_range(help.removeprefix("write ")).values[0] == "0.5"
