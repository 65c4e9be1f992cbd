"""Scalars and mappings of the tree -> values: a constant, or an expression that waits for its parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cnncalc.layers.notation import number_help
from cnncalc.layers.sizes import listed
from cnncalc.problem import Problem, Source, Where
from cnncalc.readers.yaml.arithmetic import Expr, ExpressionError
from cnncalc.readers.yaml.expression import evaluate, names, number, parse, sizes, unknown_name
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree, behind

_OPERATORS = set("$*/+%()<>=-")


class Pending:
    """A value with expressions inside, to be resolved where it is used.

    `value` is an expression, or a mapping or list that holds further Pending values. `incoming` says whether it may ask
    for the size of what comes in.
    """

    __slots__ = ("incoming", "text", "value", "where")

    def __init__(self, value: Any, where: Where | None = None, text: str = "") -> None:
        self.value = value
        self.where = where
        self.text = text
        self.incoming = "$in_" in text if text else True

    def resolve(self, parameters: Mapping[str, Any]) -> Any:
        """The value with its parameters filled in.

        Raises:
            Problem: `bad-expression`, with the column inside the expression.
        """
        value = self.value
        if isinstance(value, dict):
            return {key: resolved(inner, parameters) for key, inner in value.items()}
        if isinstance(value, list):  # its order is stated by names such as `$in_height`, so that it is a size
            return listed([resolved(inner, parameters) for inner in value])
        try:
            return evaluate(value, parameters)
        except ExpressionError as error:
            raise self.problem(error) from None

    def settled(self, parameters: Mapping[str, Any]) -> Any:
        """The same while the file is read: None where a parameter has no value, which was noted there."""
        if isinstance(self.value, tuple) and any(parameters.get(name, 0) is None for name, _ in names(self.value)):
            return None
        return self.resolve(parameters)

    def problem(self, error: ExpressionError) -> Problem:
        """An expression's error at its place."""
        where = self.where
        if where is not None:
            line, start = where.source.line(where.line), where.column - 1
            if line[start : start + 1] in ("'", '"'):
                start += 1
            if line.startswith(self.text, start):  # not where the text is folded or holds escapes
                where = where.at_column(start + error.column + 1)
        return Problem("bad-expression", error.text, error.help, where=where)


def resolved(value: Any, parameters: Mapping[str, Any]) -> Any:
    """A constant as it is, a Pending value resolved."""
    return value.resolve(parameters) if isinstance(value, Pending) else value


def constant(scalar: Scalar) -> Any:
    """A scalar as int, Fraction, bool, size or word; never an expression."""
    text = scalar.text
    found = number(text)
    if found is not None:
        return found
    if not scalar.quoted and text in ("true", "false"):
        return text == "true"
    if "x" in text:
        found = sizes(text)
        if found is not None:
            return found
    return text


def read(tree: Tree, source: Source, known: Collection[str], *, numeric: bool = True) -> Any:
    """The value of a tree: a constant, or Pending.

    `numeric` says that a number belongs here, so that operators make an expression; elsewhere only `$` does.
    `known` are the parameters that exist here.

    Raises:
        Problem: `bad-expression`, at its column; or `missing-field` where nothing is written.
    """
    if isinstance(tree, Scalar):
        return _scalar(tree, source, known, numeric)
    if isinstance(tree, Map):
        inside = {key: read(inner, source, known, numeric=numeric) for key, inner in tree.items.items()}
        waits = any(isinstance(value, Pending) for value in inside.values())
        return Pending(inside) if waits else inside
    assert isinstance(tree, Seq)
    items = [read(inner, source, known, numeric=numeric) for inner in tree.items]
    return Pending(items) if any(isinstance(value, Pending) for value in items) else items


def _scalar(tree: Scalar, source: Source, known: Collection[str], numeric: bool) -> Any:
    value = constant(tree)
    if type(value) is not str:
        return value
    place = Where(source, tree.mark.line + 1, tree.mark.column + 1)
    if value == "" and not tree.quoted:
        missing = behind(source, tree.mark)
        raise Problem("missing-field", "a value is missing here", "write it after the colon", where=missing)
    if not ("$" in value or (numeric and not _OPERATORS.isdisjoint(value))):
        return value
    if numeric and "$" not in value and number_help(value):
        return value  # a number as other readers of YAML write it: the field says what to write here
    pending = Pending(None, place, value)
    try:
        expr: Expr = parse(value, known) if "$" in value else parse(value)
        for name, column in names(expr):
            if name not in known:
                raise unknown_name(name, known, column)
        pending.value = expr
        if "$" not in value:
            return pending.resolve({})
    except ExpressionError as error:
        if numeric or "$" in value:
            raise pending.problem(error) from None
        return value
    return pending
