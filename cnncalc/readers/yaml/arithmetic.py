"""The operators and functions of expressions, with bounded results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnncalc.text import show

LARGEST = 2**63 - 1
MOST_AXES = 8
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip

Expr = tuple[Any, ...]  # (operator, column, operands...)


class ExpressionError(Exception):
    """A problem at a column (counted from 0) of the expression."""

    def __init__(self, text: str, column: int, help: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.column = column
        self.help = help


def combine(expr: Expr, left: Any, right: Any) -> Any:
    """Return the result of an operator or function for two values.

    Raises:
        ExpressionError: for words among the values, a division that is not whole, a result out of range.
    """
    operator, column = expr[0], expr[1]
    if operator in COMPARE:
        if operator in ("==", "!="):
            return COMPARE[operator](_exact(left), _exact(right)) if _alike(left, right) else operator == "!="
        return COMPARE[operator](_numeric(left, expr[2]), _numeric(right, expr[3]))
    if operator == "x":
        return _join_sizes(left, right, expr)
    if operator in ("min", "max", "round_to"):
        _check_range(operator, left, expr[2])
        if operator != "round_to":  # `_round_to` checks its step
            _check_range(operator, right, expr[3])
    if type(left) is tuple or type(right) is tuple:
        for value, operand in ((left, expr[2]), (right, expr[3])):
            if type(value) is not tuple:
                _numeric(value, operand)
        return _sizewise(operator, left, right, column)
    return _bounded(_apply(operator, _numeric(left, expr[2]), _numeric(right, expr[3]), column), column)


def _check_range(function: str, value: Any, operand: Expr) -> None:
    """Refuse a bad size that a function would hide, as `max(1, $width)` hides a width of -5.

    Computed differences are allowed, as in `max(0, $n - 3)`.

    Raises:
        ExpressionError: at the number.
    """
    if function != "round_to" and not (operand[0] == "name" or _constant(operand)):
        return
    for number in value if type(value) is tuple else (value,):
        if isinstance(number, (bool, str)) or number > (0 if function == "round_to" else -1):
            continue
        least = "above 0" if function == "round_to" else "of at least 0"
        named = f"${show(operand[2])} is {_spell(number)}" if operand[0] == "name" else f"got {_spell(number)}"
        raise ExpressionError(f"{function} takes sizes {least}; {named}", operand[1], f"use a number {least}")


def _constant(expr: Expr) -> bool:
    """True if an operand has no `$name` in it."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if node[0] == "name":
            return False
        if node[0] != "value":
            waiting += node[2:]
    return True


def _alike(left: Any, right: Any) -> bool:
    return isinstance(left, bool) is isinstance(right, bool)


def _numeric(value: Any, operand: Expr) -> Any:
    if isinstance(value, (bool, str, tuple)):
        from cnncalc.layers.fields.notation import spell

        if operand[0] == "name":
            text = f"${show(operand[2])} is `{spell(value)}`, which is not a number"
        else:
            text = f"`{spell(value)}` is not a number"
        word = operand[0] == "value" and isinstance(value, str)
        help = f"write `${show(value)}` for a parameter" if word else "use numbers only"
        raise ExpressionError(text, operand[1], help)
    return _exact(value)


def _exact(value: Any) -> Any:
    """Return a decimal as the exact Fraction of its digits."""
    if type(value) is float:
        from fractions import Fraction

        return Fraction(repr(value))
    return value


def _join_sizes(left: Any, right: Any, expr: Expr) -> tuple[int, ...]:
    """Return the size that `x` forms from two values: 1 and 7 give `1x7`."""
    sizes: list[int] = []
    for value, operand in ((left, expr[2]), (right, expr[3])):
        for number in value if type(value) is tuple else (_numeric(value, operand),):
            if type(number) is not int:
                raise ExpressionError(f"{_spell(number)} is not whole", operand[1], "round it, as in `($n // 2)x1`")
            sizes.append(number)
    if len(sizes) > MOST_AXES:
        raise ExpressionError(f"a size has at most {MOST_AXES} numbers", expr[1], "remove some")
    return tuple(sizes)


def _sizewise(operator: str, left: Any, right: Any, column: int) -> tuple[int, ...]:
    length = len(left) if type(left) is tuple else len(right)
    lefts = left if type(left) is tuple else (left,) * length
    rights = right if type(right) is tuple else (right,) * length
    if len(lefts) != len(rights):
        raise ExpressionError("the two sizes have different numbers of axes", column, "use sizes of the same kind")
    return tuple(_bounded(_apply(operator, a, b, column), column) for a, b in zip(lefts, rights, strict=True))


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
    if operator == "round_to":
        return _round_to(left, right, column)
    if operator == "**":
        return _power(left, right, column)
    if right == 0:
        raise ExpressionError(f"{_spell(left)} {operator} 0 divides by zero", column, "divide by something else")
    if operator == "//":
        return left // right
    if operator == "%":
        return left % right
    if type(left) is int and type(right) is int:
        quotient, rest = divmod(left, right)
        if rest:
            raise ExpressionError(f"{left}/{right} is not whole", column, "write `//` to round down")
        return quotient
    return left / right


def _round_to(value: Any, step: Any, column: int) -> int:
    """Return the nearest multiple of `step`, at least `step` and at most 10 % below `value`, as in MobileNetV2."""
    if type(step) is not int or step < 1:
        text = f"round_to needs a whole step of at least 1; got {_spell(step)}"
        raise ExpressionError(text, column, "write `round_to(x, 8)`")
    rounded = max(step, int((2 * value + step) // (2 * step)) * step)
    return rounded + step if 10 * rounded < 9 * value else rounded


def _power(base: Any, exponent: Any, column: int) -> Any:
    if type(exponent) is not int or exponent < 0:
        text = f"the exponent of a power must be a whole number of at least 0; got {_spell(exponent)}"
        raise ExpressionError(text, column, "write it like `2**3`, and divide for less: `64 // 2**3`")
    if base in (0, 1, -1):
        return base ** (exponent % 2 + 2 if exponent else 0)
    if exponent > 63:  # also bounds numerator and denominator of a fraction
        raise ExpressionError("the result is larger than 2^63", column, "use a smaller exponent")
    return base**exponent


def _bounded(value: Any, column: int) -> Any:
    if type(value) is not int and getattr(value, "denominator", 1) == 1:
        value = int(value)
    if abs(value) > LARGEST or getattr(value, "denominator", 1) > LARGEST:
        raise ExpressionError("the result is larger than 2^63", column, "check the factors")
    return value


def _spell(value: Any) -> str:
    from cnncalc.layers.fields.notation import spell

    return spell(value)
