"""The text of a Darknet .cfg: sections, options, and numbers read the way they are meant.

Darknet reads numbers with C's atoi, which takes `3x` for 3 and `x` for 0, joins `1 2` to 12, and makes typing errors
networks of another size; here they are errors with a line number. It also makes atoi stop at a comment, `3 # wide`, which
is read as 3 here, too. In a list every comma begins another number, those within a comment included. Knows no layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cnncalc.problem import Problem, Refused, Source, Where
from cnncalc.text import did_you_mean, nearest, quoted, show

LARGEST = 1_000_000
MOST_SECTIONS = 100_000
_BLANKS = re.compile(r"[ \t\r\f\v]+")
_INTEGER = re.compile(r"[+-]?[0-9]{1,12}")
_LEADING = re.compile(r"[+-]?[0-9]+")
_TORN = re.compile(r"[0-9.][ \t]+[-+0-9.]")
_COMMENT = re.compile(r"[#;].*", re.DOTALL)
_FLOAT = re.compile(r"[+-]?([0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})([eE][+-]?[0-9]{1,2})?")


class Option:
    """A value as it stands in the file, and its place."""

    __slots__ = ("raw", "text", "where")

    def __init__(self, raw: str, where: Where) -> None:
        self.raw = raw.strip()
        self.text = _BLANKS.sub("", raw)
        self.where = where


class Section:
    """`[word]` with its options; the first of two options of one name counts, as in Darknet."""

    __slots__ = ("index", "options", "read", "where", "word")

    def __init__(self, word: str, where: Where, index: int) -> None:
        self.word = word
        self.where = where
        self.index = index  # as Darknet counts the layers: from 0 behind [net]
        self.options: dict[str, Option] = {}
        self.read: set[str] = set()

    def problem(self, code: str, text: str, help: str = "", option: str = "") -> Problem:
        """A problem with the section, or with one of its options."""
        place = self.options[option].where if option in self.options else self.where
        return Problem(code, f"[{show(self.word)}] {text}", help, where=place)

    def integer(self, name: str, default: int, least: int = 0, most: int = LARGEST) -> int:
        """A whole number; `default` where it is not written.

        Raises:
            Problem: `bad-value`, also for what atoi would cut off.
        """
        option = self.options.get(name)
        self.read.add(name)
        if option is None:
            return default
        return self._number(name, option, option.text, option.raw, least, most)

    def _number(self, name: str, option: Option, text: str, raw: str, least: int, most: int) -> int:
        text, written = _COMMENT.sub("", text), raw
        raw = _COMMENT.sub("", raw).strip()
        if not _INTEGER.fullmatch(text) or _TORN.search(raw):
            start = _LEADING.match(text)
            taken = start[0] if start and len(start[0]) <= 12 else "0"
            said = f"`{name}` must be a whole number; got `{show(written)}`, which darknet would take for {taken}"
            help = "put the comment on a line of its own" if raw != written else "write digits only"
            raise self.problem("bad-value", said, help, name)
        number = int(text)
        if not least <= number <= most:
            limit = f"at least {least:,}" if number < least else f"at most {most:,}"
            raise self.problem("bad-value", f"`{name}` must be {limit}; got `{number}`", option=name)
        return number

    def integers(self, name: str) -> list[int]:
        """Whole numbers with commas between.

        Raises:
            Problem: `missing-field` or `bad-value`.
        """
        option = self.options.get(name)
        self.read.add(name)
        if option is None:
            raise self.problem("missing-field", f"needs `{name}`: the layers it takes", f"write `{name}=-1`")
        parts = option.raw.split(",")
        return [self._number(name, option, _BLANKS.sub("", part), part.strip(), -LARGEST, LARGEST) for part in parts]

    def rate(self, name: str, default: float) -> float:
        """A probability.

        Raises:
            Problem: `bad-value`.
        """
        option = self.options.get(name)
        self.read.add(name)
        if option is None:
            return default
        number, raw = _COMMENT.sub("", option.text), _COMMENT.sub("", option.raw)
        if not _FLOAT.fullmatch(number) or _TORN.search(raw) or not 0 <= float(number) <= 1:
            text = f"`{name}` must be a probability from 0 to 1; got `{show(option.raw)}`"
            raise self.problem("bad-value", text, option=name)
        return float(number)

    def word_of(self, name: str, default: str, known: Iterable[str]) -> str:
        """One of a few words.

        Raises:
            Problem: `bad-value`.
        """
        option = self.options.get(name)
        self.read.add(name)
        if option is None:
            return default
        if option.text not in known:
            text = f"`{name}` must be one of {quoted(known)}; got `{show(option.raw)}`"
            help = did_you_mean(option.text, known)
            if _COMMENT.sub("", option.text) in known:  # a word is compared as a whole
                help = "darknet takes the comment for a part of the word: put it on a line of its own"
            raise self.problem("bad-value", text, help, name)
        return option.text

    def check_slips(self) -> None:
        """No option may look like one that was read and is not there: Darknet would pass over it in silence.

        Raises:
            Problem: `unknown-field`.
        """
        missing = [name for name in self.read if name not in self.options and len(name) > 3]
        for name in self.options:
            meant = None if name in self.read or name in PASSED_OVER else nearest(name, missing)
            if meant is not None:
                text = f"has no option `{show(name)}`; darknet would ignore it"
                raise self.problem("unknown-field", text, f"did you mean `{meant}`?", name)


# options for training, near in spelling to ones that make shapes
PASSED_OVER = {
    "scale", "coord_scale", "class_scale", "mask_scale", "flip", "flipped", "sway", "stretch", "rotate",
    "side", "softmax", "classfix",
}  # fmt: skip


def sections(source: Source) -> list[Section]:
    """The sections of a file, `[net]` first.

    Raises:
        Refused: a line that is neither section, option nor comment; options in front of the first section.
    """
    found: list[Section] = []
    for number, line in enumerate(source.text.split("\n"), 1):
        bare = _BLANKS.sub("", line)
        if not bare or bare[0] in "#;":
            continue
        where = Where(source, number, len(line) - len(line.lstrip()) + 1)
        if bare[0] == "[":
            if not re.fullmatch(r"\[[A-Za-z_0-9]{1,40}\]", bare):
                raise _refused(
                    where, f"`{show(line.strip())}` is no section", "write `[convolutional]`, alone on its line"
                )
            if len(found) > MOST_SECTIONS:
                raise _refused(where, f"more than {MOST_SECTIONS:,} sections", "is it a network?", "too-large")
            found.append(Section(bare[1:-1], where, len(found) - 1))
            continue
        name, equals, _ = bare.partition("=")
        value = line.partition("=")[2]
        if not equals or not name or not value.strip():
            text = f"`{show(line.strip())}` is neither a section nor an option"
            raise _refused(where, text, "write `name=value`; comments begin with `#`")
        if not found:
            raise _refused(where, f"`{show(name)}` stands in front of the first section", "begin with `[net]`")
        options = found[-1].options
        if name not in options:
            options[name] = Option(value, where)
        elif _COMMENT.sub("", options[name].text) != _COMMENT.sub("", Option(value, where).text) and name in SIZES:
            first = options[name].where.line
            text = f"`{show(name)}` is written twice; the first, on line {first}, counts in darknet"
            raise _refused(where, text, "keep one of the two", "duplicate-key")
    if not found:
        problem = Problem("empty-file", f"{show(source.path)} has no sections", "a Darknet file begins with `[net]`")
        raise Refused([problem])
    return found


SIZES = {
    "width", "height", "channels", "inputs", "filters", "size", "stride", "stride_x", "stride_y", "pad",
    "padding", "groups", "group_id", "dilation", "output", "hidden", "layers", "from", "batch_normalize",
    "activation", "classes", "num", "mask", "coords",
}  # fmt: skip


def _refused(where: Where, text: str, help: str, code: str = "bad-file") -> Refused:
    return Refused([Problem(code, text, help, where=where)])
