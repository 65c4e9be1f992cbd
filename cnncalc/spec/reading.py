"""The state of reading one specification: the problems found so far, what names exist, and how values are read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cnncalc.layers.base import Layer, unknown_field
from cnncalc.layers.fields import Field, Name
from cnncalc.problem import Problem, Source, Where
from cnncalc.spec import values as value_of
from cnncalc.spec.limits import Limits
from cnncalc.spec.run import IN_NAMES
from cnncalc.spec.steps import Block
from cnncalc.spec.tree import Scalar, Tree, where
from cnncalc.spec.values import Pending
from cnncalc.text import nearest, show

RESERVED = ("prev", "input")


class Reading:
    """Collects problems instead of stopping at the first."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.problems: list[Problem] = []
        self.blocks: dict[str, Block] = {}
        self.defaults: dict[str, tuple[dict[str, Any], dict[str, Where]]] = {}
        self.parameters: set[str] = set()
        self.defined: dict[str, Where] = {}  # every name bound by `as`, with its first place
        self.scopes: dict[str | None, set[str]] = {None: set()}  # names bound in the file (None) and in each block
        self.references: list[tuple[str, Where, str | None]] = []
        self.plain: dict[str, Layer] = {}  # layers without fields, by kind
        self.called: set[str] = set()
        self.block: Block | None = None  # the block being read

    def at(self, mark: Any) -> Where:
        """A mark as a place."""
        return where(self.source, mark)

    def add(self, problem: Problem, mark: Any) -> None:
        """Note a problem, at `mark` unless it knows a better place."""
        if problem.where is None:
            problem.where = self.at(mark)
        self.problems.append(problem)

    def problem(self, mark: Any, code: str, text: str, help: str = "") -> None:
        """Note a new problem."""
        self.add(Problem(code, text, help), mark)

    def known(self) -> Collection[str]:
        """The parameters that exist where we are reading."""
        inside = self.block.parameters if self.block is not None else ()
        return {*self.parameters, *inside, *IN_NAMES}

    def value(self, tree: Tree, *, numeric: bool, known: Collection[str] | None = None) -> Any:
        """The value of a tree, or None after noting a problem."""
        try:
            return value_of.read(tree, self.source, self.known() if known is None else known, numeric=numeric)
        except Problem as problem:
            self.add(problem, tree.mark)
            return None

    def loose(self, tree: Tree, known: Collection[str] | None = None) -> Any:
        """The value of a block's argument or a parameter, where both words and numbers may stand."""
        numeric = isinstance(tree, Scalar) and tree.text[:1] in set("0123456789(-$")
        return self.value(tree, numeric=numeric, known=known)

    def fields(
        self, kind: type[Layer], trees: dict[str, Tree], marks: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Where]]:
        """Written fields, checked as far as they are constant; `marks` are the places of their names."""
        values: dict[str, Any] = {}
        places: dict[str, Where] = {}
        for name, tree in trees.items():
            field = kind.fields.get(name)
            if field is None:
                problem, meant = self._no_field(kind, name)
                self.add(problem, marks[name])
                if meant:
                    values[meant] = None
                continue
            places[name] = self.at(tree.mark)
            value = self.field(kind, field, tree)
            if value is not None:
                values[name] = value
        return values, places

    def field(self, kind: type[Layer], field: Field[Any], tree: Tree) -> Any:
        value = self.value(tree, numeric=field.numeric)
        if value is None or isinstance(value, Pending):
            return value
        try:
            read = field.read(value)
        except Problem as problem:
            self.add(problem, tree.mark)
            return None
        if isinstance(field, Name):
            self.reference(read, tree.mark)
        return read

    def _no_field(self, kind: type[Layer], name: str) -> tuple[Problem, str | None]:
        """The problem of a field that does not exist, and the field that was probably meant."""
        for sign in ":=":
            left, found, right = name.partition(sign)
            if found and left.strip() in kind.fields:
                help = f"write `{left.strip()}: {show(right.strip())}`"
                return Problem("unknown-field", f"`{show(name)}` is read as one word", help), left.strip()
        meant = next((field for field, spec in kind.fields.items() if name in spec.also), None)
        return unknown_field(kind, name), meant or nearest(name, kind.fields)

    def reference(self, name: str, mark: Any) -> None:
        """Note the use of a name, to be checked when all names are known."""
        if name not in RESERVED:
            self.references.append((name, self.at(mark), self.block.name if self.block is not None else None))
