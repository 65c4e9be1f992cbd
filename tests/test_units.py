"""Counts and sizes. Every printed number can be read back as the same number, rounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncalc.render.columns import percent
from cnncalc.units import Figure, format_bytes, format_count, parse_count, parse_size

MANY = settings(max_examples=1000, deadline=None, derandomize=True)
# numbers of every length, because uniform ones are almost always long
NUMBERS = st.integers(0, 14).flatmap(lambda digits: st.integers(0, 10**digits - 1))


def figure(text: str) -> Figure:
    """Parse a count that is expected to be valid."""
    result = parse_count(text)
    assert result is not None
    return result


# -- formatting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (1_000, "1.00K"),
        (1_004, "1.00K"),
        (1_005, "1.01K"),  # halves go up
        (9_994, "9.99K"),
        (9_995, "10.0K"),  # one decimal place fewer
        (99_949, "99.9K"),
        (99_950, "100K"),
        (999_499, "999K"),
        (999_500, "1.00M"),  # never 1000K
        (15_237_608, "15.2M"),  # CS231n, VGG-16: activations
        (138_357_544, "138M"),  # and parameters
        (15_470_264_320, "15.5G"),
        (10**12, "1.00T"),
        (-1_500, "-1.50K"),
    ],
)
def test_rounded(number: int, text: str) -> None:
    """Three significant digits, exact below a thousand."""
    assert format_count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.00 kB"),
        (60_950_432, "61.0 MB"),
        (553_430_176, "553 MB"),
        (10**9, "1.00 GB"),
    ],
)
def test_megabytes(number: int, text: str) -> None:
    """Decimal units: MB is 10^6 bytes."""
    assert format_bytes(number) == text


@MANY
@given(NUMBERS)
def test_a_rounded_figure_agrees_with_its_number(number: int) -> None:
    """A figure that is copied from a table of cnncalc to `published:` always agrees."""
    assert figure(format_count(number)).agrees(number)
    bytes_ = parse_size(format_bytes(number))
    assert bytes_ is not None
    assert bytes_.agrees(number)


@MANY
@given(NUMBERS)
def test_rounding_keeps_three_digits(number: int) -> None:
    """The error is at most half a unit of the third digit, and there are three digits."""
    text = format_count(number)
    value = figure(text).value
    assert value is not None
    assert 2 * abs(value - number) <= 10 ** max(len(str(value)) - 3, 0)
    assert sum(char.isdigit() for char in text) == (3 if number >= 1000 else len(str(number)))


@MANY
@given(NUMBERS, NUMBERS)
def test_rounding_keeps_the_order(one: int, other: int) -> None:
    """A larger number is never printed as a smaller one."""
    small, large = sorted((one, other))
    below, above = figure(format_count(small)).value, figure(format_count(large)).value
    assert below is not None
    assert above is not None
    assert below <= above


@MANY
@given(NUMBERS)
def test_exact_numbers_are_read_back(number: int) -> None:
    """With and without thousands separators. The next number does not agree."""
    for text in (str(number), f"{number:,}"):
        assert figure(text).value == number
        assert figure(text).agrees(number)
        assert not figure(text).agrees(number + 1)


# -- parsing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [("500k", 500_000), ("500K", 500_000), ("1.5M", 1_500_000), ("2G", 2 * 10**9), ("2B", 2 * 10**9), ("1T", 10**12),
     ("1,024", 1024), (" 7 ", 7), ("0.25M", 250_000), ("3 M", 3_000_000)],
)  # fmt: skip
def test_count(text: str, value: int) -> None:
    """Counts in thousands, millions, billions (G or B)."""
    assert figure(text).value == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "M",
        "-5",
        "+5",
        "1e6",
        ".5M",
        "5.M",
        "1.2.3",
        "12X",
        "0x10",
        "nan",
        "inf",
        "1_000",
        "٣",
        "²",
        "5 % ",
        "9" * 25,
    ],
)
def test_no_count(text: str) -> None:
    """Text that is not a count or size gives None."""
    assert parse_count(text) is None
    assert parse_size(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("93MB", 93 * 10**6),
        ("2MiB", 2 * 2**20),
        ("512 B", 512),
        ("1.5 GiB", 3 * 2**29),
        ("16GB", 16 * 10**9),
        ("1 kb", 1000),
    ],
)
def test_size(text: str, value: int) -> None:
    """Decimal and binary units of bytes."""
    found = parse_size(text)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize("text", ["93", "93M", "5 bytes", "1,024"])
def test_a_size_needs_its_unit(text: str) -> None:
    """A size without its unit is refused."""
    assert parse_size(text) is None


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("138M", 137_500_000, 138_500_000),
        ("24M", 23_500_000, 24_500_000),
        ("1.814G", 1_813_500_000, 1_814_500_000),
        ("0.27M", 265_000, 275_000),
        ("1000", 1000, 1000),
        ("61,706", 61_706, 61_706),
    ],
)
def test_agreement_within_half_of_the_last_digit(text: str, least: int, most: int) -> None:
    """The last written digit sets the precision."""
    claimed = figure(text)
    assert claimed.agrees(least)
    assert claimed.agrees(most)
    assert not claimed.agrees(least - 1)
    assert not claimed.agrees(most + 1)


def test_a_size_in_binary_units_claims_its_own_digits() -> None:
    """1.5 GiB is not 1.5 GB."""
    claimed = parse_size("1.5GiB")
    assert claimed is not None
    assert claimed.agrees(3 * 2**29)
    assert not claimed.agrees(1_500_000_000)


def test_a_number_that_is_not_whole_has_no_value() -> None:
    """No number of parameters agrees with 0.5."""
    half = figure("0.5")
    assert half.value is None
    assert not half.agrees(0)
    assert not half.agrees(1)


# -- shares ----------------------------------------------------------------------------------------------------------


@pytest.mark.heavy
@MANY
@given(NUMBERS, NUMBERS)
def test_rounded_percentages_never_reach_0_or_100(part: int, rest: int) -> None:
    """0 % and 100 % are exact. Other percentages are between them, with an error of at most 0.05 %."""
    whole = part + rest
    text = percent(part, whole)
    assert (text == "0 %") == (part == 0)
    assert (text == "100 %") == (part == whole and part > 0)
    if text[0].isdigit():
        tenths = round(float(text.removesuffix(" %")) * 10)
        assert abs(2 * tenths * whole - 2000 * part) <= whole


@pytest.mark.parametrize(
    ("text", "number"), [("6G", 6 * 10**9), ("1.5k", 1500), ("2Gi", 2**31), ("8 M", 8 * 10**6), ("1T", 10**12)]
)
def test_short_sizes(text: str, number: int) -> None:
    """The B may be left out only with `short`."""
    short = parse_size(text, short=True)
    assert short is not None
    assert short.value == number
    assert parse_size(text) is None
    assert parse_size("6", short=True) is None
