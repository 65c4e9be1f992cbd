"""The context in which a specification is read: problems found so far, names that exist, and how to read values."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from cnncalc.layers.base import KINDS, Layer, unknown_field
from cnncalc.layers.fields import Field, Name
from cnncalc.layers.fields.notation import number_help
from cnncalc.layers.fields.sizes import Pad
from cnncalc.problem import Problem, Source, Where
from cnncalc.readers.limits import Limits
from cnncalc.readers.yaml import values as value_of
from cnncalc.readers.yaml.expression import number
from cnncalc.readers.yaml.steps import Block
from cnncalc.readers.yaml.tree import Map, Scalar, Tree, place_after
from cnncalc.readers.yaml.values import Pending
from cnncalc.readers.yaml.vocabulary import ATTRIBUTES, COUNTER, CURLY, ELSEWHERE, IMPLIED, IN_NAMES, RESERVED
from cnncalc.text import nearest, show

_NUMERIC = frozenset("0123456789(-$")  # first characters of numbers and expressions


class Enough(Exception):  # not an error: the end of reading
    """Ends the reading of a file with too many problems."""


class Context:
    """Collects the problems and names of one file."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.problems: list[Problem] = []
        self.blocks: dict[str, Block] = {}
        self.defaults: dict[str, tuple[dict[str, Any], dict[str, Where]]] = {}
        self.untrained: set[str] = set()  # kinds whose parameters are frozen unless a step says otherwise
        self.parameters: set[str] = set()
        self.defined: dict[str, Where] = {}  # every name bound by `as`, with its first place
        self.parts: set[str] = set()  # the same, and the pieces between the dots of paths
        self.scopes: dict[str | None, dict[str, Where]] = {None: {}}  # names bound at the top (None) and in each block
        self.references: list[tuple[str, Where, str | None, bool]] = []  # name, place, block, whether bound above
        self.level = ""  # path of the enclosing named groups and branches: `layer1.`
        self.paths: dict[tuple[str | None, str], Where] = {}  # names with their levels, in the file and in each block
        self.broken: set[str] = set()  # blocks with a bad definition; calls of them are not reported
        self.input_place: Where | None = None  # of the only input
        self.called: set[str] = set()
        self.unread = False  # true if the steps could not be read, so that their names are unknown
        self.block: Block | None = None  # the block being read
        self.rounds = 0  # number of enclosing `repeat:`, whose rounds `$i` counts

    def at(self, mark: Any) -> Where:
        """Return a mark as a place."""
        return Where(self.source, mark.line + 1, mark.column + 1)

    def add(self, problem: Problem, mark: Any) -> None:
        """Note a problem, at `mark` unless it has a place.

        Raises:
            Enough: after five times as many problems as are shown.
        """
        if problem.where is None:
            problem.where = self.at(mark)
        self.problems.append(problem)
        if len(self.problems) > 5 * self.limits.findings:
            raise Enough

    def problem(self, mark: Any, code: str, text: str, help: str = "") -> None:
        """Note a new problem."""
        self.add(Problem(code, text, help), mark)

    def missing(self, tree: Tree, text: str, help: str) -> None:
        """Note that nothing is written where a value belongs."""
        self.add(Problem("missing-field", text, help, where=place_after(self.source, tree.mark)), tree.mark)

    def known(self) -> Collection[str]:
        """Return the parameters that are visible here."""
        inside = self.block.parameters if self.block is not None else ()
        return {*self.parameters, *inside, *IN_NAMES, *((COUNTER,) if self.rounds else ())}

    def counts(self) -> bool:
        """Return whether `$i` is the counter of a `repeat:` here, and not a parameter of that name."""
        return COUNTER not in self.parameters and (self.block is None or COUNTER not in self.block.parameters)

    def value(self, tree: Tree, *, numeric: bool, known: Collection[str] | None = None) -> Any:
        """Return the value of a tree, or None after noting a problem."""
        if type(tree) is Scalar and tree.text.isdecimal():  # most values are plain numbers
            plain = number(tree.text)
            if plain is not None:
                return plain
        if known is None:  # built only if it is needed
            known = () if isinstance(tree, Scalar) and "$" not in tree.text else self.known()
        try:
            return value_of.read(tree, self.source, known, numeric=numeric)
        except Problem as problem:
            self.add(problem, tree.mark)
            return None

    def refused_as_stated(self, word: str, mark: Any) -> bool:
        """Return whether the file may not state figures of a layer, after noting a problem."""
        if not self.limits.stated:
            text = f"`{word}` states figures that cnncalc would otherwise compute, and is not accepted here"
            self.problem(mark, "bad-step", text, "describe the layer by its kind and fields")
        return not self.limits.stated

    def name(self, tree: Scalar) -> Any:
        """Return a name or an expression; `0` and `1x1` are names if a step above has that name."""
        value = self.value(tree, numeric=False)
        known = not isinstance(value, str) and self.parts.issuperset(tree.text.split("."))
        return tree.text if known else value

    def loose(self, tree: Tree, known: Collection[str] | None = None) -> Any:
        """Return the value of a block argument or parameter, which may be a word or a number."""
        numeric = isinstance(tree, Scalar) and tree.text[:1] in _NUMERIC
        return self.value(tree, numeric=numeric, known=known)

    def fields(self, kind: type[Layer], trees: dict[str, Tree], marks: dict[str, Any]) -> dict[str, Any]:
        """Return the written fields, with constants checked; `marks` are the places of their names."""
        values: dict[str, Any] = {}
        above: str | None = None  # the field before
        for name, tree in trees.items():
            field = kind.fields.get(name)
            if field is None:
                if above is not None and self._cut_off(trees, above, name, kind):
                    continue
                problem, meant = self._no_field(kind, name, tree)
                self.add(problem, marks[name])
                if meant and isinstance(tree, Scalar) and "(" in tree.text:
                    above = name  # its value may be cut off
                if meant:
                    values[meant] = None
                continue
            above = name
            value = self.field(kind, field, tree)
            if value is not None:
                values[name] = value
        return values

    def field(self, kind: type[Layer], field: Field[Any], tree: Tree) -> Any:
        value = self.value(tree, numeric=field.numeric)
        if value is None or isinstance(value, Pending):
            return value
        try:
            read = field.read(self.name(tree) if isinstance(field, Name) and isinstance(tree, Scalar) else value)
        except Problem as problem:
            if isinstance(tree, Scalar):
                self._advise(problem, field, tree.text)
            self.add(problem, _culprit(field, tree, value))
            return None
        if isinstance(field, Name):
            self.reference(read, tree.mark)
        return read

    def _advise(self, problem: Problem, field: Field[Any], text: str) -> None:
        """Improve the help for a word in a field that takes something else."""
        if any(char in text for char in CURLY):
            problem.help = f"write `{show(text.strip(CURLY + ' '))}`, without the curly quotes"
        elif (
            not problem.help and (then := re.fullmatch(r"([0-9]+), *([a-z][a-z0-9]*)", text)) and then.group(2) in KINDS
        ):
            problem.help = f"write each as a step: `seq: [{field.kind}: {then.group(1)}, {then.group(2)}]`"
        elif not problem.help and text in self.known():
            problem.help = f"write `${text}` for the parameter"
        elif not problem.help and field.numeric and not field.words() and not text.lstrip("-").isdecimal():
            problem.help = "write a number, or `$name` for a parameter"

    def _cut_off(self, trees: dict[str, Tree], above: str, name: str, kind: type[Layer]) -> bool:
        """Return whether `name` is the rest of a value cut in two by a comma, as in `{kernel: (5, 5)}`; note it once."""
        value, rest = trees.get(above), trees[name]
        if not (isinstance(value, Scalar) and isinstance(rest, Scalar)) or rest.text or rest.quoted:
            return False
        names = list(trees)
        pieces = [value.text, *names[names.index(above) + 1 :]]
        here = pieces.index(name, 1)
        if "(" in value.text:
            end = next((number for number, piece in enumerate(pieces) if piece.endswith(")")), 0)
            numbers = [piece.strip("() ") for piece in pieces[: end + 1]]
            sized = all(number.isdecimal() for number in numbers)
            whole = "x".join(numbers) if sized else '"' + ", ".join(pieces[: end + 1]) + '"'
        else:  # 1,024
            end = (
                next((number for number, piece in enumerate(pieces) if number and not _thousands(piece)), len(pieces))
                - 1
            )
            whole = "".join(pieces[: end + 1])
            if not value.text.isdecimal() or len(value.text) > 3:
                return False
        if here > end:
            return False
        if here == 1:
            self._note_cut_off(value, above, whole, kind)
        return True

    def _note_cut_off(self, value: Scalar, above: str, meant: str, kind: type[Layer]) -> None:
        """Note that a comma cuts a value in two, replacing the problem of its first piece."""
        place = self.at(value.mark)
        last = self.problems[-1] if self.problems else None
        if last is not None and last.where is not None and last.where.line == place.line:
            first_piece = last.code == "bad-expression" and last.where.column >= place.column
            other_name = last.code == "unknown-field" and above not in kind.fields
            self.problems[-1:] = [] if first_piece or other_name else [last]
        field = next((field for field, spec in kind.fields.items() if above in spec.also), above)
        text = f"inside braces a comma ends a value, so `{show(value.text)}` is cut off"
        self.add(Problem("bad-value", text, f"write `{field}: {show(meant)}`", where=place), value.mark)

    def _no_field(self, kind: type[Layer], name: str, tree: Tree) -> tuple[Problem, str | None]:
        """Return the problem of an unknown field, and the field that was probably meant."""

        for sign in ":= ":
            left, found, right = name.partition(sign)
            if found and left.strip() in kind.fields:
                help = f"write `{left.strip()}: {show(right.strip())}`"
                return Problem("unknown-field", f"`{show(name)}` is read as one word", help), left.strip()
        meant = next((field for field, spec in kind.fields.items() if name in spec.also), None)
        problem = unknown_field(kind, name)
        value = tree.text if isinstance(tree, Scalar) else ""
        if meant is None and name in IMPLIED:
            problem.help = "leave it out: it follows from the layer above"
        elif meant is None and (name in ATTRIBUTES or name in ELSEWHERE):
            word = ELSEWHERE.get(name, name)
            problem.help = (
                f"`{word}` belongs next to `{kind.kind}:`, as in `{{{kind.kind}: ..., {word}: {show(value)}}}`"
            )
        elif name == "activation" and value.casefold() in KINDS:
            problem.help = f"activations are layers: write `{value.casefold()}` as the step after {kind.kind}"
        elif meant is not None and isinstance(tree, Scalar) and _thousands_or_size(tree.text):
            problem.help = f"write `{meant}: {_thousands_or_size(tree.text)}`"
        else:
            from cnncalc.readers.yaml.suggestions.foreign_help import field_help, value_help

            better = field_help(kind, name) if meant is None else value_help(kind, meant, tree)
            problem.help = better or problem.help
        return problem, meant or nearest(name, kind.fields)

    def reference(self, name: str, mark: Any) -> None:
        """Record the use of a name, to be checked when all names are known."""
        if name not in RESERVED:
            block = self.block.name if self.block is not None else None
            self.references.append((name, self.at(mark), block, name in self.scopes[block]))


def _thousands_or_size(text: str) -> str:
    """Return `2x2` for `(2, 2)` and `1024` for `1,024`; empty if the value is well formed."""
    match = re.match(r"write `([0-9x]+)`", number_help(text)) if "," in text else None
    return match.group(1) if match else ""


def _thousands(piece: str) -> bool:
    """Return whether the piece is a group of thousands after a comma."""
    return len(piece) == 3 and piece.isdecimal()


def _culprit(field: Field[Any], tree: Tree, value: Any) -> Any:
    """Return the mark of the wrong part of a value: inside a mapping, the first key or value that fails alone."""
    if isinstance(field, Pad) and isinstance(tree, Map) and isinstance(value, dict):
        for key, inner in value.items():
            try:
                field.read({key: inner})
            except Problem as problem:  # noqa: PERF203  # only on the way to an error message
                return tree.keys[key] if problem.code == "unknown-field" else tree.items[key].mark
    return tree.mark
