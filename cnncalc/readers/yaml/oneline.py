"""Reads the one-line form, the notation of lectures: `32x32x3 -> [CONV3-16 -> RELU -> POOL2]*2 -> FC-10`.

The result is the tree of the equivalent file, with positions in the line, so that all later stages are shared.
A line that leaves numbers open, `INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC`, gets them from `-p`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NoReturn

from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.lookup import foreign_names
from cnncalc.problem import Problem, Refused, Source, Where
from cnncalc.readers.limits import TRUSTED, Limits
from cnncalc.readers.yaml.tree import Map, Mark, Scalar, Seq
from cnncalc.readers.yaml.vocabulary import SHORT
from cnncalc.text import nearest, quoted, show

SHAPE = re.compile(r"[0-9]+(x[0-9]+)*\Z")
WORD = re.compile(r"(?:(?!->)[^\s\[\]\u2192])+")
CONV = re.compile(
    r"(?:CONV)(?P<kernel>[0-9]+(?:x[0-9]+)?)-(?P<filters>[0-9]+)(?:/(?P<stride>[0-9]+))?(?:p(?P<pad>[0-9]+))?\Z", re.I
)
POOL = re.compile(
    r"(?P<kind>MAXPOOL|AVGPOOL|POOL)(?P<kernel>[0-9]+(?:x[0-9]+)?)(?:/(?P<stride>[0-9]+))?(?:p(?P<pad>[0-9]+))?\Z", re.I
)
UNITS = re.compile(r"(?P<kind>[A-Za-z][A-Za-z0-9]*?)-?(?P<value>[0-9]+(?:\.[0-9]+|(?:x[0-9]+)+)?)\Z")
CONV_HELP = "write `CONV3-64`: 3x3, 64 filters; a trailing `/2` sets the stride"
NESTING = 32


OPEN = re.compile(r"\*\s*[A-Za-z_]|\?")  # a letter as a count, or an optional layer
EXAMPLES = {"filters": "64", "units": "256", "classes": "10", "N": "2", "M": "3", "K": "1"}


def parse(
    source: Source,
    parameters: Mapping[str, str] = MappingProxyType({}),
    limits: Limits = TRUSTED,
    *,
    size: str = "",
) -> Map:
    """Return the tree of a one-line network; `parameters` fill its gaps; `size` is what `--input` gives.

    Raises:
        Refused: `bad-line`, with the column; `bad-argument` for a given value.
    """
    return _Line(source, parameters, limits, size).read()


class _Line:
    def __init__(self, source: Source, parameters: Mapping[str, str], limits: Limits, size: str) -> None:
        self.source = source
        self.text = source.text
        self.place = 0
        self.parameters = parameters
        self.size = size
        self.open = bool(parameters) or OPEN.search(self.text) is not None
        self.used: dict[str, str] = {}  # values of the numbers that the line leaves open
        self.missing: dict[str, tuple[str, int]] = {}  # names without a value, with an example and their column
        self.last_fc = max(
            [match.start() for match in re.finditer(r"(?<![\w-])FC(?![\w-])", self.text, re.I)], default=-1
        )
        if len(self.text) > limits.scalar * 10:
            self._fail(
                0,
                f"the line has {len(self.text):,} characters; at most {limits.scalar * 10:,} are allowed",
                "write a file",
            )

    def read(self) -> Map:
        tree = Map(Mark(0, 0))
        if "\n" in self.text.strip():
            self._fail(self.text.index("\n"), "the one-line form is one line", "write a file for more")
        self._input(tree)
        layers = Seq(Mark(0, self.place))
        self._chain(layers, 0)
        if self.place < len(self.text):
            self._fail(self.place, f"`{show(self.text[self.place])}` closes nothing", "open it with `[`")
        self._insert(tree, "layers", layers, 0)
        if self.missing:
            self._ask("input" in tree.items)
        if self.used:
            parameters = Map(Mark(0, 0))
            for name, value in self.used.items():
                self._insert(parameters, name, Scalar(value, False, Mark(0, 0)), 0)
            self._insert(tree, "params", parameters, 0)
        return tree

    def _value(self, name: str, column: int, usual: str = "") -> str:
        """Return a number that the line leaves open, or `usual`; without either, record it as missing."""
        value = self.parameters.get(name, usual)
        if name in self.parameters or usual:
            if not (value.isdecimal() and value.isascii() and len(value) <= 12):
                text = f"`{show(name)}` must be a whole number; got `{show(value)}`"
                raise Refused([Problem("bad-argument", text, f"write `-p {show(name)}={EXAMPLES.get(name, '2')}`")])
            self.used[name] = value
            return value
        self.missing.setdefault(name, (EXAMPLES.get(name, "2"), column))
        return "1"

    def _is_there(self, name: str, column: int) -> bool:
        """Return whether a layer with a question mark is present."""
        value = self.parameters.get(name)
        if value is None:
            self.missing.setdefault(name, ("true", column))
            return True
        if value not in ("true", "false"):
            text = f"`{show(name)}` must be true or false: is the layer there? got `{show(value)}`"
            raise Refused([Problem("bad-argument", text, f"write `-p {show(name)}=true` or `-p {show(name)}=false`")])
        self.used[name] = value
        return value == "true"

    def _ask(self, shaped: bool) -> NoReturn:
        """Refuse the line, showing the command that fills in everything it leaves open."""
        column = min(column for _, column in self.missing.values())
        words = [f"-p {name}={self.parameters[name]}" for name in self.used if name in self.parameters]
        words += [f"-p {name}={example}" for name, (example, _) in self.missing.items()]
        if not shaped:
            words.insert(0, f"--input {show(self.size) or '32x32x3'}")
        verb = "has" if len(self.missing) == 1 else "have"
        command = f'cnncalc analyze -e "{show(self.text.strip(), 300)}" {" ".join(words)}'
        self._fail(column, f"{quoted(self.missing, 'and')} {verb} no value", f"fill in your numbers: {command}")

    def _insert(self, tree: Map, key: str, value: Map | Seq | Scalar, column: int) -> None:
        tree.items[key] = value
        tree.keys[key] = Mark(0, column)

    def _fail(self, column: int, text: str, help: str) -> NoReturn:
        raise Refused([Problem("bad-line", text, help, where=Where(self.source, 1, column + 1))])

    def _blanks(self) -> None:
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1

    def _arrow(self) -> bool:
        self._blanks()
        if self.text.startswith("->", self.place):
            self.place += 2
        elif self.text.startswith("\u2192", self.place):
            self.place += 1
        else:
            return False
        self._blanks()
        return True

    def _input(self, tree: Map) -> None:
        self._blanks()
        start = self.place
        match = re.compile(r"INPUT\s*(?::|\[)?\s*([0-9x]*)\s*\]?(?![a-z])", re.I).match(self.text, start)
        shape = match.group(1) if match else ""
        if match is None:
            plain = re.compile(r"[0-9][0-9xX]*(?=\s|->|$|\u2192)").match(self.text, start)
            if plain is None:
                self._fail(start, "the line must begin with the input shape", "write `32x32x3 -> ...`")
            shape = plain.group()
            match = plain
        if shape:
            shape = shape.lower()
            if not SHAPE.match(shape):
                self._fail(start, f"`{show(shape)}` is not a shape", "write height x width x channels: `32x32x3`")
            place = match.start(1) if match.re.groups else start
            self._insert(tree, "input", Scalar(shape, False, Mark(0, place)), start)
        self.place = match.end()
        arrow = self._arrow()
        if arrow and self.place >= len(self.text):
            self._fail(self.place, "a layer is missing after the last arrow", "write a layer, or delete the arrow")
        if not arrow and self.place < len(self.text):
            self._fail(self.place, "an arrow is missing here", "write `->` between the layers")

    def _chain(self, layers: Seq, depth: int) -> None:
        """Read steps joined by arrows, up to the end or a closing bracket."""
        if depth > NESTING:
            self._fail(self.place, f"brackets are nested more than {NESTING} levels deep", "write a file")
        while True:
            self._blanks()
            if self.place >= len(self.text):
                if layers.items:
                    self._fail(
                        self.place, "a layer is missing after the last arrow", "write a layer, or delete the arrow"
                    )
                return
            self._refuse_other_groups()
            step = self._group(depth) if self.text[self.place] == "[" else self._layer()
            if step is not None:
                layers.items.append(step)
            if not self._arrow():
                self._blanks()
                if self.place < len(self.text) and self.text[self.place] != "]":
                    times = re.compile(r"[xX]\s*([0-9]+)").match(self.text, self.place)
                    if times and self.text[self.place - 1] == "]":
                        self._fail(
                            self.place, "a group is repeated with `*`", f"write `*{times.group(1)}` after the bracket"
                        )
                    self._fail(self.place, "an arrow is missing here", "write `->` between the layers")
                return

    def _refuse_other_groups(self) -> None:
        """Refuse a group in parentheses, and a count before a group: `(RELU -> POOL2)*2`, `2*[RELU -> POOL2]`."""
        start = self.place
        inside = re.compile(r"\(([^()]*)\)(?:\s*[*xX\u00d7]?\s*([0-9]+))?").match(self.text, start)
        count = re.compile(r"([0-9]+)\s*[*xX\u00d7]?\s*[\[(]([^][()]*)[])]?").match(self.text, start)
        if inside is not None:
            times = f"*{inside.group(2)}" if inside.group(2) else ""
            steps = re.sub(r"\s*(?:->|\u2192|,)\s*|\s+(?=[A-Za-z])", " -> ", inside.group(1).strip())
            help = f"write `[{show(steps, 200)}]{times}`"
            self._fail(start, "a group is written with square brackets, not parentheses", help)
        if count is not None:
            help = f"write `[{show(count.group(2).strip(), 200)}]*{count.group(1)}`"
            self._fail(start, "the number of repeats comes after the group, not before it", help)

    def _refuse_space_inside(self, word: str) -> None:
        """Refuse a word whose numbers follow after a space: `CONV 3-16`, `FC 10`."""
        rest = re.compile(r"\s+(?=[0-9])((?:(?!->)[^\s\[\]\u2192])+)").match(self.text, self.place)
        if rest is not None and word.isalpha() and self._kind(word):
            joined = show(word + rest.group(1))
            self._fail(self.place, f"there is a space inside `{joined}`", f"write `{joined}` without it")

    def _group(self, depth: int) -> Map:
        opened = self.place
        self.place += 1
        inside = Seq(Mark(0, opened))
        self._chain(inside, depth + 1)
        if self.place >= len(self.text) or self.text[self.place] != "]":
            self._fail(opened, "this bracket is not closed", "close it with `]`")
        self.place += 1
        group = Map(Mark(0, opened))
        self._insert(group, "seq", inside, opened)
        match = re.compile(r"\s*\*\s*([0-9]+|[A-Za-z_]\w*)?").match(self.text, self.place)
        if match and not match.group(1):
            self._fail(match.end(), "a number is missing after `*`", "fill in how often the group is repeated: `*3`")
        if match:
            times = match.group(1)
            value = times if times.isdecimal() else self._value(times, match.start(1))
            self._insert(group, "repeat", Scalar(value, False, Mark(0, match.start(1))), match.start(1))
            self.place = match.end()
        return group

    def _layer(self) -> Map | Scalar | None:
        """Read a layer; None if it is optional and absent."""
        start = self.place
        match = WORD.match(self.text, start)
        if match is None:
            self._fail(start, "a layer is missing here", "write `CONV3-64`, `POOL2`, `FC-10` or a kind such as `RELU`")
        word = match.group()
        if "(" in word:  # Conv2d(3, 16, 3)
            closing = self.text.find(")", start, start + 200) + 1
            word = self.text[start:closing] if closing else word
        self.place = start + len(word)
        self._refuse_space_inside(word)
        there = True
        if word.endswith("?"):
            word = word[:-1]
            name = re.split("[^a-z]", word.lower(), maxsplit=1)[0]
            if not name:
                self._fail(start, "a layer is missing before `?`", "write `POOL?`, `POOL2?` or another layer")
            there = self._is_there(name, start)
        step: Map | Scalar | None = self._open(word, start) if self.open else None
        if step is None:
            step = self._worded(word, start)
        return step if there else None

    def _open(self, word: str, start: int) -> Map | None:
        """Return the step of a bare word in a pattern, whose numbers come from `-p`."""
        kind = self._kind(word)
        if kind == "conv":
            fields = {
                "filters": self._value("filters", start),
                "kernel": self._value("kernel", start, "3"),
                "pad": "same",
            }
        elif kind in ("maxpool", "avgpool"):
            fields = {"kernel": "2"}
        elif kind in ("fc", "linear"):
            fields = {"units": self._value("classes" if start == self.last_fc else "units", start)}
        else:
            return None
        inside, step = Map(Mark(0, start)), Map(Mark(0, start))
        for name, text in fields.items():
            self._insert(inside, name, Scalar(text, False, Mark(0, start)), start)
        self._insert(step, kind, inside, start)
        return step

    def _worded(self, word: str, start: int) -> Map | Scalar:
        conv = CONV.match(word)
        if conv:
            step = self._make_step("conv", start, conv)
            inside = step.items["conv"]
            if conv["pad"] is None and isinstance(inside, Map):
                self._insert(inside, "pad", Scalar("same", False, Mark(0, start)), start)
            return step
        pool = POOL.match(word)
        if pool:
            return self._make_step(SHORT.get(pool["kind"].lower(), pool["kind"].lower()), start, pool)
        kind = self._kind(word)
        if kind:
            self._plain(KINDS[kind], word, start)
            self._complete(KINDS[kind], word, start)
            return Scalar(kind, False, Mark(0, start))
        units = UNITS.match(word)
        kind = self._kind(units["kind"]) if units else None
        if units and kind:
            self._plain(KINDS[kind], units["kind"], start)
        if units and kind and kind != "conv":
            step = Map(Mark(0, start))
            self._insert(step, kind, Scalar(units["value"], False, Mark(0, start + units.start("value"))), start)
            return step
        if "(" in word:
            from cnncalc.readers.yaml.suggestions.calls import one_line_word

            written = one_line_word(word)
            if written:
                self._fail(
                    start, f"`{show(word)}` is a call, which the one-line form does not have", f"write `{written}`"
                )
        if word.lower() == "globalpool":
            self._fail(start, "`GLOBALPOOL` is ambiguous", "write `GAP` for the mean, `GMP` for the largest")
        if SHAPE.match(word):
            help = f"write `RESHAPE-{show(word)}` to arrange the numbers like this"
            self._fail(start, f"`{show(word)}` is a shape, not a layer", help)
        return self._unknown(word, start)

    def _unknown(self, word: str, start: int) -> NoReturn:
        """Refuse a word of no known form; what it suggests can be written in a line, and is the kind that is named."""
        layer, star, times = word.partition("*")
        if star and times.isdecimal() and layer:
            text = f"`{show(word)}` repeats a layer without brackets"
            self._fail(start, text, f"write `[{show(layer)}]*{times}`")
        named = re.match("[A-Za-z][A-Za-z_]*(?:[0-9]D)?", word)
        bare = named.group() if named else word
        kind = self._kind(bare)
        if kind == "conv":
            self._fail(start, f"`{show(word)}` needs a window and a number of filters", CONV_HELP)
        if kind is not None:
            example = KINDS[kind].example.rpartition("-> ")[2]
            text = f"`{show(word)}` is not a form of `{kind}` that a line can have"
            self._fail(start, text, f"write a file, with a step such as `{example}`")
        match = nearest(bare.lower(), KINDS)
        suggestion = match.upper() + word[len(bare) :] if match else ""
        readable = match is not None and (
            CONV.match(suggestion) or POOL.match(suggestion) or UNITS.match(suggestion) or suggestion.isalpha()
        )
        help = (
            f"did you mean `{show(suggestion)}`?"
            if readable
            else "write `CONV3-64`, `POOL2`, `FC-10` or a kind such as `RELU`"
        )
        self._fail(start, f"no layer named `{show(word)}`", help)

    def _plain(self, kind: type[Layer], word: str, start: int) -> None:
        """Refuse another tool's name for a kind with certain fields."""
        fields = kind.variants.get(word.lower())
        if fields:
            text = f"`{show(word)}` is {kind.kind} with `{fields}`, which the one-line form cannot express"
            self._fail(start, text, f"write a file, with the step `{kind.kind}: {{{fields}}}`")

    def _complete(self, kind: type[Layer], word: str, start: int) -> None:
        """Refuse a bare word whose kind needs more than its name."""
        needed = [field for field in kind.fields.values() if field.required]
        if kind.inputs != 1:
            self._fail(start, f"`{show(word)}` joins several values, but a line is a single chain", "write a file")
        elif kind.kind == "conv":
            self._fail(start, f"`{show(word)}` needs a window and a number of filters", CONV_HELP)
        elif len(needed) > 1:
            names = quoted([field.name for field in needed], "and")
            self._fail(start, f"`{show(word)}` needs {names}, which the one-line form cannot express", "write a file")
        elif needed:
            example = (
                {"maxpool": "POOL2", "avgpool": "AVGPOOL2"}[kind.kind]
                if kind.kind in ("maxpool", "avgpool")
                else f"{word.upper()}-10"
            )
            self._fail(
                start, f"`{show(word)}` needs a number: {needed[0].help}", f"write, for example, `{show(example)}`"
            )

    def _kind(self, word: str) -> str | None:
        folded = word.lower()
        if folded in KINDS:
            return folded
        return SHORT.get(folded) or foreign_names().get(folded)

    def _make_step(self, kind: str, start: int, match: re.Match[str]) -> Map:
        """Return a step with the matched fields, each at its place."""
        inside = Map(Mark(0, start))
        for name, text in match.groupdict().items():
            if text is not None and name != "kind":
                place = start + match.start(name)
                self._insert(inside, name, Scalar(text, False, Mark(0, place)), place)
        step = Map(Mark(0, start))
        self._insert(step, kind, inside, start)
        return step
