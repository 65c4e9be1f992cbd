"""Arithmetic in specifications: integers, decimals, `$names`, `+ - * / // % **`, comparisons, `min max round_to`.

A small precedence parser with columns. No `eval`; nesting and the size of every result are bounded. Values are int,
float (a decimal as written) or Fraction (worked out from one), bool, str (a word) and tuple (a size such as `1x7`,
worked on number by number). An `x` without blanks around it joins values to a size: `1x$n`, `$nx1`, `($n + 1)x1`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from cnncalc.problem import Problem
from cnncalc.readers.yaml.arithmetic import COMPARE, MOST_AXES, Expr, ExpressionError, combine
from cnncalc.text import nearest, quoted, show

DEEPEST = 32
_TOKEN = (
    r"\s*(?:(?P<size>[0-9]+(?:x[0-9]+)+)|(?P<number>[0-9]+(?:\.[0-9]+)?)|\$(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<op>//|\*\*|==|!=|<=|>=|[-+*/%<>(),]))"
)
_FUNCTIONS = {"min": 2, "max": 2, "round_to": 2}
ONE_COMPARISON = "use one comparison at a time: put the step inside a `seq:` that has its own `when:`"


def number(text: str) -> Any:
    """Return plain digits as int and a decimal as float; None if the text is neither.

    Decimals have at most 15 digits, so that `repr` gives back the very number written; arithmetic makes them Fractions.
    """
    if text.isdecimal() and text.isascii():
        if len(text) <= 12 and (text[0] != "0" or text == "0"):
            return int(text)
        return None
    whole, point, fraction = text.partition(".")
    if point and whole.isdecimal() and fraction.isdecimal() and text.isascii() and len(text) <= 16:
        if len(whole) > 1 and whole[0] == "0":
            return None
        value = float(text)
        return int(value) if value.is_integer() else value
    return None


def sizes(text: str) -> tuple[int, ...] | None:
    """Return `1x7` as (1, 7); None if the text is not such a size."""
    parts = text.split("x")
    if len(parts) < 2 or len(parts) > MOST_AXES:
        return None
    numbers = [number(part) for part in parts]
    return tuple(numbers) if all(type(value) is int for value in numbers) else None


class _Parser:
    def __init__(self, text: str, known: Collection[str] | None) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        place, end = 0, len(text.rstrip())
        token = re.compile(_TOKEN)  # compiled for the first expression only; `re` caches it
        while place < end:
            match = token.match(text, place)
            if match is None:
                raise self.stray(place + len(text[place:]) - len(text[place:].lstrip()))
            kind = match.lastgroup
            assert kind is not None
            found, place = match.group(kind), match.end()
            if kind == "name" and known is not None and found not in known:
                cut = _before_x(found, known, text[place : place + 1])
                found, place = found[:cut], place - len(found) + cut
            self.tokens.append((kind, found, match.start(kind) - (kind == "name")))
            ends = kind in ("number", "size", "name") or found == ")"  # the end of a value, which an `x` may follow
            if ends and text[place : place + 1] == "x" and text[place + 1 : place + 2] in ("$", "(", *"0123456789"):
                self.tokens.append(("x", "x", place))
                place += 1
        self.tokens.append(("end", "", end))
        self.next = 0
        self.depth = 0

    def stray(self, column: int) -> ExpressionError:
        """Return the error for a character that is not allowed in expressions."""
        char = self.text[column]
        braces = re.match(r"\$\{\s*(\w+)\s*\}", self.text[column:])
        if braces:
            help = f"write `${show(braces.group(1))}`, without braces"
        elif char == "$" or char in "{}":
            help = "write `$name`, as in `4*$width`"
        elif char == "=":
            help = "write `==` to compare"
        elif char == "^":
            help = "write `**` for a power, as in `2**3`"
        elif char in "&|":
            help = ONE_COMPARISON
        else:
            help = "an expression is made of numbers, `$names`, + - * / // % and parentheses"
        return ExpressionError(f"`{show(char)}` does not belong in an expression", column, help)

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.next]

    def take(self) -> tuple[str, str, int]:
        self.next += 1
        return self.tokens[self.next - 1]

    def whole(self) -> Expr:
        result = self.comparison()
        kind, text, column = self.peek()
        if kind == "end":
            return result
        if text == ")":
            raise ExpressionError("this `)` closes nothing", column, "delete it, or add a `(` before it")
        help = ONE_COMPARISON if text in COMPARE or text in ("and", "or") else "put an operator between the values"
        written = "$" + text if kind == "name" else text
        raise ExpressionError(f"`{show(written)}` was not expected here", column, help)

    def comparison(self) -> Expr:
        left = self.sum()
        kind, text, column = self.peek()
        if kind == "op" and text in COMPARE:
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
        kind, text, column = self.peek()
        if kind == "op" and text == "-":
            self.take()
            self.deeper(column)
            inner = self.factor()
            self.depth -= 1
            return ("-", column, ("value", column, 0), inner)
        base = self.size()
        kind, text, column = self.peek()
        if kind == "op" and text == "**":  # right-associative, and binds tighter than a sign: -2**2 is -4
            self.take()
            self.deeper(column)
            base = (text, column, base, self.factor())
            self.depth -= 1
        return base

    def size(self) -> Expr:
        left = self.atom()
        while self.peek()[0] == "x":
            _, text, column = self.take()
            left = (text, column, left, self.atom())
        return left

    def atom(self) -> Expr:
        kind, text, column = self.take()
        if kind in ("number", "size"):
            value = number(text) if kind == "number" else sizes(text)
            if value is None:
                zero = any(len(part) > 1 and part[0] == "0" and part[1] != "." for part in text.split("x"))
                raise ExpressionError(
                    f"`{show(text)}` is not a valid number",
                    column,
                    "leave out leading zeros" if zero else "use at most 12 digits",
                )
            return ("value", column, value)
        if kind == "name":
            return ("name", column, text)
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
        raise self.missing(kind, text, column)

    def missing(self, kind: str, text: str, column: int) -> ExpressionError:
        """Return the error for an operator without a value."""
        before = self.tokens[self.next - 2][1] if self.next > 1 else ""
        help = "write a number or `$name` there"
        if kind == "end":
            if before == "%":
                help = "`%` is the remainder of a division; 50 % is written 0.5"
            return ExpressionError("a value is missing at the end", column, help)
        if text == "+":
            help = "leave the sign out"
        elif before == ")" and text == "(":
            help = "put an operator between the parentheses"
        return ExpressionError(f"a value is missing before `{show(text)}`", column, help)

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
                "write `round_to(x, 8)`" if name == "round_to" else f"write `{name}(a, b)`",
            )
        return (name, column, *arguments)

    def expect(self, closing: str, opened: int) -> None:
        if self.take()[1] != closing:
            raise ExpressionError("this parenthesis is not closed", opened, "close it with `)`")

    def deeper(self, column: int) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExpressionError(
                f"parentheses or signs are nested more than {DEEPEST} levels deep", column, "split the expression"
            )


def _before_x(name: str, known: Collection[str], following: str) -> int:
    """Return the length of the known parameter at the start of `nx1` or `nx$m`; that of the whole name if none is."""
    for cut in range(len(name) - 1, 0, -1):
        rest = name[cut:]
        sizes = rest.strip("x0123456789") == "" and (rest[-1] == "x") is (following in ("$", "("))
        if rest[0] == "x" and sizes and name[:cut] in known:
            return cut
    return len(name)


def parse(text: str, known: Collection[str] | None = None) -> Expr:
    """Return an expression as a tree of tuples; `known` are the names of the parameters, if they are certain.

    Raises:
        ExpressionError: with the column of the mistake.

    >>> evaluate(parse("4*$width // 3"), {"width": 10})
    13
    """
    if text[:1] == "$" and text[1:].isidentifier() and text.isascii() and (known is None or text[1:] in known):
        return ("name", 0, text[1:])
    return _Parser(text, known).whole()


def names(expr: Expr) -> list[tuple[str, int]]:
    """Return the `$names` in an expression with their columns, from left to right."""
    parameters: list[tuple[str, int]] = []
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if node[0] == "name":
            parameters.append((node[2], node[1]))
        elif node[0] != "value":
            waiting += reversed(node[2:])
    return parameters


def unknown_name(name: str, known: Collection[str], column: int) -> ExpressionError:
    """Return the error for an undefined `$name`."""
    if name in ("in_steps", "in_depth", "in_height", "in_width") and "in_channels" in known:
        sizes = quoted((f"${word}" for word in sorted(known) if word.startswith("in_")), "and")
        return ExpressionError(f"the value that enters this step has no ${show(name)}", column, f"it has {sizes}")
    if name == "i":
        text = "`$i` counts the rounds of a `repeat:`, but there is none around this step"
        help = "use it inside a step with `repeat:`, or define a parameter `i`"
        return ExpressionError(text, column, help)
    own = sorted(word for word in known if not word.startswith("in_"))
    entering = sorted(word for word in known if word.startswith("in_")) if name.startswith("in") else []
    match = nearest(name, own) or nearest(name, entering)
    if match:
        help = f"did you mean `${match}`?"
    elif entering:
        help = "the sizes of the value that enters the step are " + quoted((f"${word}" for word in entering), "and")
    else:
        help = f"define it under `params:`, as in `params: {{{show(name)}: 64}}`, or as a parameter of the block"
        if own:
            help += "; the parameters here are " + quoted((f"${word}" for word in own), "and", 12)
    return ExpressionError(f"unknown parameter ${show(name)}", column, help)


def evaluate(expr: Expr, values: Mapping[str, Any]) -> Any:
    """Return the value of an expression.

    Raises:
        ExpressionError: for an unknown name, a division that is not whole, a result out of range.
    """
    chain = []  # the left operands, in a loop: a long sum must not exhaust the call stack
    while expr[0] not in ("value", "name"):
        chain.append(expr)
        expr = expr[2]
    if expr[0] == "value":
        value = expr[2]
    else:
        try:
            value = values[expr[2]]
        except KeyError:
            raise unknown_name(expr[2], list(values), expr[1]) from None
    for node in reversed(chain):
        value = combine(node, value, evaluate(node[3], values))
    return value


def problem(error: ExpressionError) -> Problem:
    """Return the error as a problem without a place."""
    return Problem("bad-expression", error.text, error.help)
