"""What a search may change, as typed: `width=0.25..2`, `conv2.filters=16..256/16`, `input=128,224,320`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from cnncalc.problem import Problem, Refused
from cnncalc.readers.yaml.tree import Scalar
from cnncalc.readers.yaml.values import constant
from cnncalc.record import Record
from cnncalc.text import show

MOST = 100_000  # values of one range
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:/({_NUMBER}))?")
FORMS = "write NAME=LEAST..MOST, NAME=LEAST..MOST/STEP or NAME=A,B,C, such as width=0.25..2/0.25"


class Range(Record):
    """A name with the values to try, each as it is typed in a command. Values of a range of numbers ascend."""

    name: str
    values: tuple[str, ...]

    @property
    def numbers(self) -> tuple[Fraction, ...] | None:
        """The values as numbers; None if one of them is not a number."""
        numbers = [Fraction(value) for value in self.values if re.fullmatch(_NUMBER, value)]
        return tuple(numbers) if len(numbers) == len(self.values) else None

    @property
    def ascends(self) -> bool:
        """True if the values are numbers in ascending order."""
        numbers = self.numbers
        return numbers is not None and all(a < b for a, b in pairwise(numbers))


def read_range(text: str) -> Range:
    """Read one range. Without a step, whole numbers go up by 1, and decimals by a unit of their last place.

    Raises:
        Refused: `bad-argument`.

    >>> read_range("width=0.25..0.5/0.125").values
    ('0.25', '0.375', '0.5')
    >>> read_range("depth=1..4").values, read_range("act=relu,gelu").values
    (('1', '2', '3', '4'), ('relu', 'gelu'))
    """
    name, equals, written = (part.strip() for part in text.partition("="))
    if not name or not equals or not written:
        raise _wrong(text, f"`{show(text)}` is not a range", FORMS)
    match = _RANGE.fullmatch(written.replace(" ", ""))
    if match is None:
        if ".." in written:
            raise _wrong(text, f"`{show(written)}` is not a range of numbers", FORMS)
        values = tuple(dict.fromkeys(value.strip() for value in written.split(",")))
        if not all(values):
            raise _wrong(text, "a value is missing", "write the values with one comma between them")
        return Range(name, values)
    least, most, step = (Fraction(number) if number else None for number in match.groups())
    assert least is not None
    assert most is not None
    places = max(len(number.partition(".")[2]) for number in match.groups() if number)
    step = Fraction(1, 10**places) if step is None else step
    if step <= 0:
        raise _wrong(text, "the step must be greater than 0", FORMS)
    if least > most:
        raise _wrong(text, f"{match[1]} is greater than {match[2]}", f"write {show(name)}={match[2]}..{match[1]}")
    count = (most - least) // step + 1
    if count > MOST:
        raise _wrong(text, f"the range has {count:,} values; at most {MOST:,} are allowed", "use a larger step")
    return Range(name, tuple(_spell(least + number * step, places) for number in range(count)))


def _spell(number: Fraction, places: int) -> str:
    """Return a number with at most that many decimals as it is typed, without trailing zeros."""
    if not places:
        return str(number)
    text = f"{number.numerator * 10**places // number.denominator:0{places + 1}d}"
    return f"{text[:-places]}.{text[-places:]}".rstrip("0").rstrip(".")


def _wrong(typed: str, text: str, help: str) -> Refused:
    return Refused([Problem("bad-argument", f"--vary {show(typed)}: {text}", help)])


def value_of(text: str) -> object:
    """Return a value as a specification would read it."""
    return constant(Scalar(text, False, None))


def count(ranges: Sequence[Range]) -> int:
    """Return the number of combinations of values."""
    total = 1
    for one in ranges:
        total *= len(one.values)
    return total
