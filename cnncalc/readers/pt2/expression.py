"""Work out sizes such as `s0 // 2 + 1`, in the notations of all versions of PyTorch.

PyTorch 2.5 writes `((s0 - 1)//2) + 1`; later versions write SymPy's `Add(Integer(1), FloorDiv(Symbol('s0'), Integer(2)))`.
Nothing is evaluated as Python. Nesting, and the size of every result, are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import TypeAlias

Value: TypeAlias = int | Fraction | bool
LONGEST = 4000
DEEPEST = 40
LARGEST = 2**63
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]{1,19}(?:\.[0-9]{1,19})?)|(?P<name>[A-Za-z_][A-Za-z0-9_.]*)|(?P<text>'[^'\\]{0,100}')"
    r"|(?P<op>\*\*|//|==|!=|<=|>=|[-+*/%<>(),=]))"
)


class ExpressionError(ValueError):
    """The text is not an expression that cnncalc can work out. The message says why."""


class UnknownSymbol(ExpressionError):
    """A symbol has no value. `name` is the symbol."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the size of {name} is unknown")
        self.name = name


def evaluate(text: str, symbols: Mapping[str, int]) -> int:
    """Return the value of an expression.

    >>> evaluate("((s0 - 1)//2) + 1", {"s0": 224})
    112
    >>> evaluate("Mul(Integer(3), Pow(Symbol('s0', positive=True), Integer(2)))", {"s0": 4})
    48

    Raises:
        ExpressionError: It cannot be worked out, or is not a whole number.
    """
    parser = _Parser(text, symbols)
    value = parser.comparison(0)
    parser.end()
    if value != int(value):
        raise ExpressionError(f"the value is {value}, which is not a whole number")
    return int(value)


def symbols_in(text: str) -> list[str]:
    """Return the names of the symbols in an expression, in order.

    >>> symbols_in("Mul(Integer(16), Symbol('s27', positive=True, integer=True))"), symbols_in("s0 + u1")
    (['s27'], ['s0', 'u1'])
    """
    named = re.findall(r"Symbol\('([A-Za-z_][A-Za-z0-9_]*)'", text[:LONGEST])
    plain = re.findall(r"(?<![A-Za-z0-9_.'])([A-Za-z_][A-Za-z0-9_]*)(?![A-Za-z0-9_.'(])(?!\s*=[^=])", text[:LONGEST])
    return list(dict.fromkeys(named or [name for name in plain if name not in ("True", "False", "oo", "int_oo")]))


class _Parser:
    """A precedence parser that works out values as it goes."""

    def __init__(self, text: str, symbols: Mapping[str, int]) -> None:
        if len(text) > LONGEST:
            raise ExpressionError(f"it has more than {LONGEST:,} characters")
        self.symbols = symbols
        self.tokens: list[tuple[str, str]] = []
        self.place = 0
        at, stop = 0, len(text.rstrip())
        while at < stop:
            match = _TOKEN.match(text, at)
            if match is None:
                raise ExpressionError(f"the character `{text[at:].lstrip()[:1]}` does not belong in a size")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind)))
            at = match.end()

    def peek(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        """Take the next token if it is one of these; otherwise return an empty text."""
        if self.place < len(self.tokens) and self.tokens[self.place][1] in wanted:
            self.place += 1
            return self.tokens[self.place - 1][1]
        return ""

    def end(self) -> None:
        if self.place < len(self.tokens):
            raise ExpressionError(f"there is a `{self.peek()[:20]}` too many")

    def comparison(self, depth: int) -> Value:
        left = self.sum(depth)
        while word := self.take("==", "!=", "<", ">", "<=", ">="):
            left = _COMPARE[word](left, self.sum(depth))
        return left

    def sum(self, depth: int) -> Value:
        value = self.term(depth)
        while word := self.take("+", "-"):
            other = self.term(depth)
            value = _bounded(value + other if word == "+" else value - other)
        return value

    def term(self, depth: int) -> Value:
        value = self.sign(depth)
        while word := self.take("*", "/", "//", "%"):
            value = _bounded(_OPERATORS[word](value, self.sign(depth)))
        return value

    def sign(self, depth: int) -> Value:
        negative = False
        while word := self.take("-", "+"):
            negative = negative != (word == "-")
        value = self.atom(depth)
        if self.take("**"):
            value = _power(value, self.sign(depth + 1))
        return -value if negative else value

    def atom(self, depth: int) -> Value:
        if depth > DEEPEST:
            raise ExpressionError(f"it is nested more than {DEEPEST} levels deep")
        if self.place >= len(self.tokens):
            raise ExpressionError("it ends too early")
        kind, text = self.tokens[self.place]
        self.place += 1
        if kind == "number":
            return _bounded(Fraction(text) if "." in text else int(text))
        if text == "(":
            value = self.comparison(depth + 1)
            self.close()
            return value
        if kind != "name":
            raise ExpressionError(f"`{text[:20]}` is in the wrong place")
        if self.take("("):
            return self.call(text, depth + 1)
        return self.symbol(text)

    def symbol(self, name: str) -> Value:
        if name in ("True", "False"):
            return name == "True"
        if name not in self.symbols:
            raise UnknownSymbol(name)
        return self.symbols[name]

    def call(self, name: str, depth: int) -> Value:
        """Work out a call of a function of SymPy or PyTorch. Options such as `positive=True` are ignored."""
        function = name.rpartition(".")[2]
        if function in ("Symbol", "Dummy"):
            kind, text = self.tokens[self.place] if self.place < len(self.tokens) else ("", "")
            if kind != "text":
                raise ExpressionError("a symbol has no name")
            while self.peek() != ")":
                self.place += 1
                if self.place >= len(self.tokens):
                    raise ExpressionError("it ends too early")
            self.close()
            return self.symbol(text[1:-1])
        values: list[Value] = []
        while self.peek() != ")":
            following = self.tokens[self.place + 1][1] if self.place + 1 < len(self.tokens) else ""
            if following == "=":
                self.place += 2
                self.comparison(depth)
            else:
                values.append(self.comparison(depth))
            if not self.take(","):
                break
        self.close()
        rule = _FUNCTIONS.get(function)
        if rule is None:
            raise ExpressionError(f"cnncalc has no rule for the function `{name[:40]}`")
        least, most, work = rule
        if not least <= len(values) <= most:
            raise ExpressionError(f"`{name[:40]}` has {len(values)} arguments")
        return _bounded(work(values))

    def close(self) -> None:
        if not self.take(")"):
            raise ExpressionError("a bracket is not closed")


def _bounded(value: Value) -> Value:
    exact = Fraction(value)
    if not -LARGEST < exact < LARGEST or exact.denominator >= LARGEST:
        raise ExpressionError("a number in it is larger than 2^63")
    return value


def _power(base: Value, exponent: Value) -> Value:
    if exponent != int(exponent) or not -64 <= exponent <= 64:
        raise ExpressionError(f"the exponent {exponent} is not a whole number of at most 64")
    if exponent < 0:
        return _divide(1, _power(base, -exponent))
    result: Value = 1
    for _ in range(int(exponent)):
        result = _bounded(result * base)
    return result


def _divide(a: Value, b: Value) -> Value:
    if b == 0:
        raise ExpressionError("it divides by 0")
    return Fraction(a) / Fraction(b)


def _floor_divide(a: Value, b: Value) -> Value:
    return floor(_divide(a, b))


def _modulo(a: Value, b: Value) -> Value:
    return a - b * _floor_divide(a, b)


def _product(values: Sequence[Value]) -> Value:
    result: Value = 1
    for value in values:
        result = _bounded(result * value)
    return result


def _total(values: Sequence[Value]) -> Value:
    result: Value = 0
    for value in values:
        result = _bounded(result + value)
    return result


def _largest(values: Sequence[Value]) -> Value:
    return max(Fraction(value) for value in values)


def _smallest(values: Sequence[Value]) -> Value:
    return min(Fraction(value) for value in values)


def _absolute(values: Sequence[Value]) -> Value:
    return abs(Fraction(values[0]))


def _truncate(value: Value) -> Value:
    return floor(value) if value >= 0 else ceil(value)


def _choose(values: Sequence[Value]) -> Value:
    return values[1] if values[0] else values[2]


_OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "*": lambda a, b: a * b, "/": _divide, "//": _floor_divide, "%": _modulo,
}  # fmt: skip
_COMPARE: dict[str, Callable[[Value, Value], Value]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip
_MANY = 1000
# name -> the least and the most arguments, and the rule
_FUNCTIONS: dict[str, tuple[int, int, Callable[[Sequence[Value]], Value]]] = {
    "Integer": (1, 1, lambda v: v[0]), "Rational": (2, 2, lambda v: _divide(v[0], v[1])), "Float": (1, 1, lambda v: v[0]),
    "Add": (0, _MANY, _total), "Mul": (0, _MANY, _product), "Pow": (2, 2, lambda v: _power(v[0], v[1])),
    "PowByNatural": (2, 2, lambda v: _power(v[0], v[1])), "Max": (1, _MANY, _largest), "Min": (1, _MANY, _smallest),
    "FloorDiv": (2, 2, lambda v: _floor_divide(v[0], v[1])), "CleanDiv": (2, 2, lambda v: _floor_divide(v[0], v[1])),
    "CeilDiv": (2, 2, lambda v: ceil(_divide(v[0], v[1]))), "IntTrueDiv": (2, 2, lambda v: _divide(v[0], v[1])),
    "FloatTrueDiv": (2, 2, lambda v: _divide(v[0], v[1])), "Mod": (2, 2, lambda v: _modulo(v[0], v[1])),
    "PythonMod": (2, 2, lambda v: _modulo(v[0], v[1])),
    "ModularIndexing": (3, 3, lambda v: _modulo(_floor_divide(v[0], v[1]), v[2])),
    "ToFloat": (1, 1, lambda v: v[0]), "Identity": (1, 1, lambda v: v[0]), "Abs": (1, 1, _absolute),
    "FloorToInt": (1, 1, lambda v: floor(v[0])), "floor": (1, 1, lambda v: floor(v[0])),
    "CeilToInt": (1, 1, lambda v: ceil(v[0])), "ceiling": (1, 1, lambda v: ceil(v[0])),
    "TruncToInt": (1, 1, lambda v: _truncate(v[0])), "TruncToFloat": (1, 1, lambda v: _truncate(v[0])),
    "Where": (3, 3, _choose), "Equality": (2, 2, lambda v: v[0] == v[1]), "Unequality": (2, 2, lambda v: v[0] != v[1]),
    "Eq": (2, 2, lambda v: v[0] == v[1]), "Ne": (2, 2, lambda v: v[0] != v[1]),
    "StrictLessThan": (2, 2, lambda v: v[0] < v[1]), "LessThan": (2, 2, lambda v: v[0] <= v[1]),
    "StrictGreaterThan": (2, 2, lambda v: v[0] > v[1]), "GreaterThan": (2, 2, lambda v: v[0] >= v[1]),
}  # fmt: skip
