"""Parse the text of a Darknet .cfg file: sections, options and numbers.

Darknet reads numbers with C's atoi. It reads `3x` as 3 and `x` as 0, and joins `1 2` to 12, so that a typing error
silently becomes a network of another size. Here such values are errors with a line number. A comment ends a number in both:
`3 # wide` is 3. In a list every comma starts another number, even a comma within a comment.
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
    """The value of an option as written in the file, and its position."""

    __slots__ = ("raw", "text", "where")

    def __init__(self, raw: str, where: Where) -> None:
        self.raw = raw.strip()
        self.text = _BLANKS.sub("", raw)
        self.where = where


class Section:
    """`[word]` with its options. If a name occurs twice, the first one counts, as in Darknet."""

    __slots__ = ("index", "options", "read", "where", "word")

    def __init__(self, word: str, where: Where, index: int) -> None:
        self.word = word
        self.where = where
        self.index = index  # as Darknet counts layers: from 0 after [net]
        self.options: dict[str, Option] = {}
        self.read: set[str] = set()

    def problem(self, code: str, text: str, help: str = "", option: str = "") -> Problem:
        """Return a problem located at the section, or at one of its options."""
        place = self.options[option].where if option in self.options else self.where
        return Problem(code, f"[{show(self.word)}] {text}", help, where=place)

    def integer(self, name: str, default: int, least: int = 0, most: int = LARGEST) -> int:
        """Return a whole number, or `default` if the option is missing.

        Raises:
            Problem: `bad-value`, including text that atoi would cut off.
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
            message = f"`{name}` must be a whole number; got `{show(written)}`, which darknet would read as {taken}"
            help = "move the comment to its own line" if raw != written else "write digits only"
            raise self.problem("bad-value", message, help, name)
        number = int(text)
        if not least <= number <= most:
            limit = f"at least {least:,}" if number < least else f"at most {most:,}"
            raise self.problem("bad-value", f"`{name}` must be {limit}; got `{number}`", option=name)
        return number

    def integers(self, name: str) -> list[int]:
        """Return whole numbers separated by commas.

        Raises:
            Problem: `missing-field` or `bad-value`.
        """
        option = self.options.get(name)
        self.read.add(name)
        if option is None:
            raise self.problem("missing-field", f"needs `{name}`, the layers it reads", f"write `{name}=-1`")
        parts = option.raw.split(",")
        return [self._number(name, option, _BLANKS.sub("", part), part.strip(), -LARGEST, LARGEST) for part in parts]

    def rate(self, name: str, default: float) -> float:
        """Return a probability.

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

    def choice(self, name: str, default: str, known: Iterable[str]) -> str:
        """Return one of the words in `known`, or `default` if the option is missing.

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
            if _COMMENT.sub("", option.text) in known:  # darknet compares the whole word
                help = "move the comment to its own line; darknet reads it as part of the word"
            raise self.problem("bad-value", text, help, name)
        return option.text

    def check_misspellings(self) -> None:
        """Refuse an option whose name resembles a missing one, because Darknet would silently ignore it.

        Raises:
            Problem: `unknown-field`.
        """
        missing = [name for name in self.read if name not in self.options and len(name) > 3]
        for name in self.options:
            intended = None if name in self.read or name in IGNORED else nearest(name, missing)
            if intended is not None:
                text = f"has no option `{show(name)}`; darknet would ignore it"
                raise self.problem("unknown-field", text, f"did you mean `{intended}`?", name)


# options for training whose names resemble options that determine shapes
IGNORED = {
    "scale", "coord_scale", "class_scale", "mask_scale", "flip", "flipped", "sway", "stretch", "rotate",
    "side", "softmax", "classfix",
}  # fmt: skip


def sections(source: Source) -> list[Section]:
    """Return the sections of a file, `[net]` first.

    Raises:
        Refused: A line is not a section, an option or a comment, or options come before the first section.
    """
    result: list[Section] = []
    for number, line in enumerate(source.text.split("\n"), 1):
        bare = _BLANKS.sub("", line)
        if not bare or bare[0] in "#;":
            continue
        where = Where(source, number, len(line) - len(line.lstrip()) + 1)
        if bare[0] == "[":
            if not re.fullmatch(r"\[[A-Za-z_0-9]{1,40}\]", bare):
                raise _refused(
                    where, f"`{show(line.strip())}` is not a section", "write `[convolutional]`, alone on its line"
                )
            if len(result) > MOST_SECTIONS:
                raise _refused(
                    where,
                    f"more than {MOST_SECTIONS:,} sections",
                    "check that the file is a Darknet network",
                    "too-large",
                )
            result.append(Section(bare[1:-1], where, len(result) - 1))
            continue
        name, equals, _ = bare.partition("=")
        value = line.partition("=")[2]
        if not equals or not name or not value.strip():
            text = f"`{show(line.strip())}` is neither a section nor an option"
            raise _refused(where, text, "write `name=value`; comments begin with `#`")
        if not result:
            raise _refused(where, f"`{show(name)}` comes before the first section", "start the file with `[net]`")
        options = result[-1].options
        if name not in options:
            options[name] = Option(value, where)
        elif _COMMENT.sub("", options[name].text) != _COMMENT.sub("", Option(value, where).text) and name in SIZES:
            first = options[name].where.line
            text = f"`{show(name)}` is set twice; darknet uses the first one, on line {first}"
            raise _refused(where, text, "remove one of the two", "duplicate-key")
    if not result:
        problem = Problem("empty-file", f"{show(source.path)} has no sections", "start the file with `[net]`")
        raise Refused([problem])
    return result


SIZES = {
    "width", "height", "channels", "inputs", "filters", "size", "stride", "stride_x", "stride_y", "pad",
    "padding", "groups", "group_id", "dilation", "output", "hidden", "layers", "from", "batch_normalize",
    "activation", "classes", "num", "mask", "coords",
}  # fmt: skip


def _refused(where: Where, text: str, help: str, code: str = "bad-file") -> Refused:
    return Refused([Problem(code, text, help, where=where)])
