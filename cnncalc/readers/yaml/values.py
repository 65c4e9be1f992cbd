"""Turns parts of the tree into values: constants, or expressions to be evaluated once parameters are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Field
from cnncalc.layers.fields.notation import number_help
from cnncalc.layers.fields.sizes import listed
from cnncalc.problem import Problem, Source, Where
from cnncalc.readers.yaml.arithmetic import Expr, ExpressionError
from cnncalc.readers.yaml.expression import evaluate, names, number, parse, sizes, unknown_name
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree, place_after
from cnncalc.text import show

_OPERATORS = set("$*/+%()<>=-")


class Pending:
    """A value that contains expressions, to be resolved at its use.

    `value` is an expression, or a mapping or list that holds further Pending values. `incoming` states whether it may ask
    for the size of what comes in.
    """

    __slots__ = ("incoming", "text", "value", "where")

    def __init__(self, value: Any, where: Where | None = None, text: str = "") -> None:
        self.value = value
        self.where = where
        self.text = text
        self.incoming = "$in_" in text if text else True

    def resolve(self, parameters: Mapping[str, Any]) -> Any:
        """Return the value with its expressions evaluated.

        Raises:
            Problem: `bad-expression`, with the column inside the expression.
        """
        value = self.value
        if type(value) is tuple and value[0] == "name" and value[2] in parameters:  # most expressions are a bare name
            return parameters[value[2]]
        if isinstance(value, dict):
            return {key: resolve_value(inner, parameters) for key, inner in value.items()}
        if isinstance(value, list):  # names such as `$in_height` state its order, so it is a size
            return listed([resolve_value(inner, parameters) for inner in value])
        try:
            return evaluate(value, parameters)
        except ExpressionError as error:
            raise self.problem(error) from None

    def resolve_known(self, parameters: Mapping[str, Any]) -> Any:
        """Resolve while the file is read; None if a parameter has no value because of a problem noted before."""
        if isinstance(self.value, tuple) and any(parameters.get(name, 0) is None for name, _ in names(self.value)):
            return None
        return self.resolve(parameters)

    def problem(self, error: ExpressionError) -> Problem:
        """Return the error of an expression as a problem with its place."""
        where = self.where
        if where is not None:
            line, start = where.source.line(where.line), where.column - 1
            if line[start : start + 1] in ("'", '"'):
                start += 1
            if line.startswith(self.text, start):  # false if the text is folded or has escapes
                where = where.at_column(start + error.column + 1)
        return Problem("bad-expression", error.text, error.help, where=where)


def resolve_value(value: Any, parameters: Mapping[str, Any]) -> Any:
    """Return a constant unchanged, or a Pending value resolved."""
    return value.resolve(parameters) if isinstance(value, Pending) else value


def work(value: Any) -> int:
    """Return the cost of evaluating a value: the characters of its expressions, plus a constant for each."""
    if isinstance(value, Pending):
        return 8 + (work(value.value) if isinstance(value.value, (dict, list)) else len(value.text))
    if isinstance(value, (dict, list)):
        return sum(map(work, value.values() if isinstance(value, dict) else value))
    return 0


def asks_for_shape(values: Mapping[str, Any]) -> bool:
    """Return whether one of the values may use the size of the incoming value."""
    return any(isinstance(value, Pending) and value.incoming for value in values.values())


def read_values(kind: type[Layer], values: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a layer with their expressions evaluated.

    Raises:
        Problem: `bad-expression` or `bad-value`.
    """
    return {
        name: _read(kind.fields[name], waiting.resolve(parameters), waiting.text)
        if isinstance(waiting, Pending)
        else waiting
        for name, waiting in values.items()
    }


def _read(field: Field[Any], value: Any, text: str) -> Any:
    """Return the result of an expression as the field stores it."""
    try:
        return field.read(value)
    except Problem as problem:
        if not problem.help and type(value) is bool and "$" in text and not text.startswith("$"):
            problem.help = "a comparison gives true or false: it belongs in `when:`"
        elif not problem.help and getattr(value, "denominator", 1) != 1:
            problem.help = f"round it, as in `({show(text)}) // 1` or `round_to({show(text)}, 8)`"
        raise


def constant(scalar: Scalar) -> Any:
    """Return a scalar as int, float, bool, size or word; never as an expression."""
    text = scalar.text
    value = number(text)
    if value is not None:
        return value
    if not scalar.quoted and text in ("true", "false"):
        return text == "true"
    if "x" in text:
        value = sizes(text)
        if value is not None:
            return value
    return text


def read(tree: Tree, source: Source, known: Collection[str], *, numeric: bool = True) -> Any:
    """Return the value of a tree: a constant, or Pending.

    `numeric` means that a number belongs here, so that operators make an expression. Elsewhere only `$` does.
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
        missing = place_after(source, tree.mark)
        raise Problem("missing-field", "a value is missing here", "write it after the colon", where=missing)
    if not ("$" in value or (numeric and not _OPERATORS.isdisjoint(value))):
        return value
    if numeric and "$" not in value and number_help(value):
        return value  # a number in YAML 1.1 notation: the field reports what to write
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
