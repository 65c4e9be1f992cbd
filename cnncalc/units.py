"""Counts such as 15.2M, sizes such as 61.0 MB, and the bytes of each dtype."""

from __future__ import annotations

DTYPES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1,
}  # fmt: skip
HALVES = ("float16", "bfloat16")  # the dtypes of mixed precision
_COUNT = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
_BYTES = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


_SHORT = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


class Figure:
    """A number as it was written, with the precision of its digits.

    `138M` is exact to the nearest million, `61.0MB` to the nearest 0.1 megabyte, and `1,024` is an exact number.
    """

    __slots__ = ("digits", "places", "text", "unit")

    def __init__(self, text: str, digits: int, places: int, unit: int) -> None:
        self.text = text
        self.digits = digits  # the written digits as a whole number: 61.0 -> 610
        self.places = places  # the number of decimal places: 61.0 -> 1
        self.unit = unit

    @property
    def value(self) -> int | None:
        """The written number, or None if it is not a whole number, such as `0.5`."""
        number, rest = divmod(self.digits * self.unit, 10**self.places)
        return None if rest else number

    def agrees(self, exact: int) -> bool:
        """Return whether `exact`, rounded to the written digits, equals the written number. A tie may round either way.

        >>> parse_count("138M").agrees(138_357_544), parse_count("24M").agrees(15_237_608)
        (True, False)
        """
        # |exact - written| <= half a unit of the last written digit, in whole numbers
        scale: int = 10**self.places
        tolerance = self.unit if self.unit > 1 or self.places else 0
        return 2 * abs(exact * scale - self.digits * self.unit) <= tolerance


def _figure(text: str, units: dict[str, int]) -> Figure | None:
    body = text.strip().lower()
    cut = len(body)
    while cut and not body[cut - 1].isdigit():
        cut -= 1
    number, unit = body[:cut], body[cut:].strip()
    whole, point, decimals = number.partition(".")
    first, *groups = whole.split(",")
    if groups and (not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups)):
        return None  # 1,5M is not 15M
    whole = first + "".join(groups)
    if len(whole) > 1 and whole[0] == "0":
        return None  # some tools read 010 as octal
    if unit not in units or len(number) > 24 or not (whole + decimals).isdecimal() or not (whole + decimals).isascii():
        return None
    if not whole or (point and not decimals):
        return None
    return Figure(text.strip(), int(whole + decimals), len(decimals), units[unit])


def parse_count(text: str) -> Figure | None:
    """Parse a count such as `500k`, `1.5M`, `1,024` or `7`. Return None for other text.

    >>> parse_count("500k").value
    500000
    """
    return _figure(text, _COUNT)


def parse_size(text: str, short: bool = False) -> Figure | None:
    """Parse a size in bytes such as `93MB`, `2MiB` or `512 B`. Return None for other text.

    The unit is required. With `short`, the B may be left out, as in `6G`.

    >>> parse_size("2MiB").value, parse_size("6G", short=True).value, parse_size("6G")
    (2097152, 6000000000, None)
    """
    return _figure(text, {**_BYTES, **_SHORT} if short else _BYTES)


def format_count(number: int, step: int = 1000, suffixes: tuple[str, ...] = ("", "K", "M", "G", "T", "P", "E")) -> str:
    """Format a number with three significant digits and a suffix. Numbers below 1,000 are exact.

    >>> format_count(15_237_608), format_count(999), format_count(999_999), format_count(1_000)
    ('15.2M', '999', '1.00M', '1.00K')
    """
    if number < 0:
        return "-" + format_count(-number, step, suffixes)
    place, unit = 0, 1
    while number >= unit * step and place < len(suffixes) - 1:
        place, unit = place + 1, unit * step
    if place == 0:
        return f"{number}{suffixes[0]}"
    digits = _three(number, unit)
    if digits == "1000" and place < len(suffixes) - 1:
        place, digits = place + 1, "1.00"
    return digits + suffixes[place]


def _three(number: int, unit: int) -> str:
    """Format number/unit with three significant digits, rounding halves up, with integer arithmetic."""
    for places, scale in ((2, 100), (1, 10), (0, 1)):
        scaled = (2 * number * scale + unit) // (2 * unit)
        if scaled < 1000 or places == 0:
            return f"{scaled // scale}.{scaled % scale:0{places}d}" if places else str(scaled)
    raise AssertionError("unreachable")


def format_bytes(number: int) -> str:
    """Format bytes in decimal units, with three significant digits.

    >>> format_bytes(60_950_432), format_bytes(512)
    ('61.0 MB', '512 B')
    """
    return format_count(number, 1000, (" B", " kB", " MB", " GB", " TB", " PB", " EB"))
