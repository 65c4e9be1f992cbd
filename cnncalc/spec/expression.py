"""Arithmetic in specifications: whole numbers, decimals, `$names`, `+ - * / // %`, comparisons, `min max round_to`.

A small precedence parser with columns. No `eval`; nesting and the size of every result are bounded. Values are int,
float (a decimal as written) or Fraction (worked out from one), bool, str (a word) and tuple (a size such as `1x7`, worked on number by number).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from cnncalc.problem import Problem
from cnncalc.text import did_you_mean, nearest, quoted, show

LARGEST = 2**63 - 1
DEEPEST = 32
_TOKEN = (
    r"\s*(?:(?P<size>[0-9]+(?:x[0-9]+)+)|(?P<number>[0-9]+(?:\.[0-9]+)?)|\$(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<op>//|==|!=|<=|>=|[-+*/%<>(),]))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
_FUNCTIONS = {"min": 2, "max": 2, "round_to": 2}

Expr = tuple[Any, ...]  # (operator, column, operands...)


class ExpressionError(Exception):
    """A problem at a column (counted from 0) of the expression."""

    def __init__(self, text: str, column: int, help: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.column = column
        self.help = help


def number(text: str) -> Any:
    """Plain digits as int, a decimal as float; None where the text is no number as cnncalc writes it.

    Decimals have at most 15 digits, so that `repr` gives back the very number written; arithmetic makes them Fractions.
    """
    if text.isdecimal() and text.isascii():
        if len(text) <= 12 and (text[0] != "0" or text == "0"):
            return int(text)
        return None
    whole, point, behind = text.partition(".")
    if point and whole.isdecimal() and behind.isdecimal() and text.isascii() and len(text) <= 16:
        if len(whole) > 1 and whole[0] == "0":
            return None
        value = float(text)
        return int(value) if value.is_integer() else value
    return None


def sizes(text: str) -> tuple[int, ...] | None:
    """`1x7` as (1, 7); None where the text is no such size."""
    parts = text.split("x")
    if len(parts) < 2 or len(parts) > 8:
        return None
    numbers = [number(part) for part in parts]
    return tuple(numbers) if all(type(value) is int for value in numbers) else None


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        place, end = 0, len(text.rstrip())
        token = re.compile(_TOKEN)  # compiled when the first expression needs it, then kept by `re`
        while place < end:
            match = token.match(text, place)
            if match is None:
                column = place + len(text[place:]) - len(text[place:].lstrip())
                char = text[column]
                help = "write `$name`, as in `4*$width`" if char in "${}" else "the operators are + - * / // %"
                raise ExpressionError(f"`{show(char)}` does not belong in an expression", column, help)
            kind = match.lastgroup
            assert kind is not None
            self.tokens.append((kind, match.group(kind), match.start(kind) - (kind == "name")))
            place = match.end()
        self.tokens.append(("end", "", end))
        self.next = 0
        self.depth = 0

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.next]

    def take(self) -> tuple[str, str, int]:
        self.next += 1
        return self.tokens[self.next - 1]

    def whole(self) -> Expr:
        found = self.comparison()
        kind, text, column = self.peek()
        if kind != "end":
            raise ExpressionError(f"`{show(text)}` was not expected here", column, "put an operator between the values")
        return found

    def comparison(self) -> Expr:
        left = self.sum()
        kind, text, column = self.peek()
        if kind == "op" and text in _COMPARE:
            self.take()
            return (text, column, left, self.sum())
        return left

    def sum(self) -> Expr:
        left = self.term()
        while self.peek()[0] == "op" and self.peek()[1] in ("+", "-"):
            _, text, column = self.take()
            left = (text, column, left, self.term())
        return left

    def term(self) -> Expr:
        left = self.factor()
        while self.peek()[0] == "op" and self.peek()[1] in ("*", "/", "//", "%"):
            _, text, column = self.take()
            left = (text, column, left, self.factor())
        return left

    def factor(self) -> Expr:
        kind, text, column = self.take()
        if kind == "number" or kind == "size":
            value = number(text) if kind == "number" else sizes(text)
            if value is None:
                zero = text.split("x")[0] != "0" and text.startswith("0")
                raise ExpressionError(
                    f"`{show(text)}` is not a number that can be used",
                    column,
                    "leave out leading zeros" if zero else "use at most 12 digits",
                )
            return ("value", column, value)
        if kind == "name":
            return ("name", column, text)
        if kind == "op" and text == "-":
            self.deeper(column)
            inner = self.factor()
            self.depth -= 1
            return ("-", column, ("value", column, 0), inner)
        if kind == "op" and text == "(":
            self.deeper(column)
            inner = self.comparison()
            self.depth -= 1
            self.expect(")", column)
            return inner
        if kind == "word":
            if self.peek()[1] == "(":
                return self.call(text, column)
            return ("value", column, {"true": True, "false": False}.get(text, text))
        where = "at the end" if kind == "end" else f"before `{show(text)}`"
        raise ExpressionError(f"a value is missing {where}", column, "write a number or `$name` there")

    def call(self, name: str, column: int) -> Expr:
        if name not in _FUNCTIONS:
            match = nearest(name, _FUNCTIONS)
            help = f"did you mean `{match}`?" if match else f"the functions are {quoted(_FUNCTIONS, 'and')}"
            raise ExpressionError(f"no function named `{show(name)}`", column, help)
        self.take()
        self.deeper(column)
        arguments = [self.comparison()]
        while self.peek()[1] == ",":
            self.take()
            arguments.append(self.comparison())
        self.depth -= 1
        self.expect(")", column)
        if len(arguments) != _FUNCTIONS[name]:
            raise ExpressionError(
                f"{name} takes 2 values, but gets {len(arguments)}",
                column,
                "write round_to(x, 8)" if name == "round_to" else f"write {name}(a, b)",
            )
        return (name, column, *arguments)

    def expect(self, closing: str, opened: int) -> None:
        if self.take()[1] != closing:
            raise ExpressionError("this parenthesis is not closed", opened, "close it with `)`")

    def deeper(self, column: int) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExpressionError(
                f"more than {DEEPEST} parentheses or signs inside each other", column, "split the expression"
            )


def parse(text: str) -> Expr:
    """An expression as a tree of tuples.

    Raises:
        ExpressionError: with the column of the mistake.

    >>> evaluate(parse("4*$width // 3"), {"width": 10})
    13
    """
    if text[:1] == "$" and text[1:].isidentifier() and text.isascii():
        return ("name", 0, text[1:])
    return _Parser(text).whole()


def names(expr: Expr) -> list[tuple[str, int]]:
    """The `$names` in an expression, with their columns."""
    if expr[0] == "name":
        return [(expr[2], expr[1])]
    if expr[0] == "value":
        return []
    return [found for operand in expr[2:] for found in names(operand)]


def unknown_name(name: str, known: Collection[str], column: int) -> ExpressionError:
    """The error for a `$name` that nothing defines."""
    help = did_you_mean(name, known) or (
        "known here: " + ", ".join(f"${word}" for word in sorted(known)[:12]) if known else ""
    )
    return ExpressionError(f"unknown parameter ${show(name)}", column, help)


def evaluate(expr: Expr, values: Mapping[str, Any]) -> Any:
    """The value of an expression.

    Raises:
        ExpressionError: for an unknown name, a division that is not whole, a result out of range.
    """
    operator, column = expr[0], expr[1]
    if operator == "value":
        return expr[2]
    if operator == "name":
        try:
            return values[expr[2]]
        except KeyError:
            raise unknown_name(expr[2], list(values), column) from None
    left, right = evaluate(expr[2], values), evaluate(expr[3], values)
    if operator in _COMPARE:
        if operator in ("==", "!="):
            return _COMPARE[operator](left, right) if _alike(left, right) else operator == "!="
        return _COMPARE[operator](_numeric(left, column), _numeric(right, column))
    if type(left) is tuple or type(right) is tuple:
        return _sizewise(operator, left, right, column)
    return _bounded(_apply(operator, _numeric(left, column), _numeric(right, column), column), column)


def _alike(left: Any, right: Any) -> bool:
    return isinstance(left, bool) is isinstance(right, bool)


def _numeric(value: Any, column: int) -> Any:
    if isinstance(value, (bool, str, tuple)):
        from cnncalc.layers.fields import spell

        raise ExpressionError(f"`{spell(value)}` is not a number", column, "calculate with numbers only")
    if type(value) is float:
        from fractions import Fraction

        return Fraction(repr(value))
    return value


def _sizewise(operator: str, left: Any, right: Any, column: int) -> tuple[int, ...]:
    length = len(left) if type(left) is tuple else len(right)
    lefts = left if type(left) is tuple else (left,) * length
    rights = right if type(right) is tuple else (right,) * length
    if len(lefts) != len(rights):
        raise ExpressionError("the two sizes have different numbers of axes", column, "use sizes of the same kind")
    return tuple(
        _bounded(_apply(operator, _numeric(a, column), _numeric(b, column), column), column)
        for a, b in zip(lefts, rights, strict=True)
    )


def _apply(operator: str, left: Any, right: Any, column: int) -> Any:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if operator == "min":
        return min(left, right)
    if operator == "max":
        return max(left, right)
    if right == 0:
        raise ExpressionError("division by 0", column, "divide by something else")
    if operator == "//":
        return left // right
    if operator == "%":
        return left % right
    if operator == "/":
        if type(left) is int and type(right) is int:
            quotient, rest = divmod(left, right)
            if rest:
                raise ExpressionError(f"{left}/{right} is not whole", column, "write // to round down")
            return quotient
        return left / right
    return _round_to(left, right, column)


def _round_to(value: Any, step: Any, column: int) -> int:
    """The nearest multiple of `step`, halves up, at least `step`, and never more than 10 % below (MobileNetV2's rounding)."""
    if type(step) is not int or step < 1:
        raise ExpressionError("round_to needs a whole step of at least 1", column, "write round_to(x, 8)")
    rounded = max(step, int((2 * value + step) // (2 * step)) * step)
    return rounded + step if 10 * rounded < 9 * value else rounded


def _bounded(value: Any, column: int) -> Any:
    if type(value) is not int and getattr(value, "denominator", 1) == 1:
        value = int(value)
    if abs(value) > LARGEST or getattr(value, "denominator", 1) > LARGEST:
        raise ExpressionError("the result is larger than 2^63", column, "check the factors")
    return value


def problem(error: ExpressionError) -> Problem:
    """The error as a problem, without its place."""
    return Problem("bad-expression", error.text, error.help)
