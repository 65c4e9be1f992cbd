"""What every step may carry beside its layer: `as`, `from`, `repeat`, `when`, `share`, `expect`."""

from __future__ import annotations

from typing import Any

from cnncalc.analyses.claims import EXPECTABLE
from cnncalc.layers.fields import comma_help, number_help
from cnncalc.shape import Shape
from cnncalc.spec import values as value_of
from cnncalc.spec.reading import RESERVED, Reading
from cnncalc.spec.steps import Step
from cnncalc.spec.tree import Map, Scalar, Tree
from cnncalc.spec.values import Pending
from cnncalc.text import did_you_mean, quoted, show
from cnncalc.units import count

ATTRIBUTES = ("as", "from", "repeat", "when", "share", "expect")


def is_name(text: str) -> bool:
    """Letters, digits, `_`, `-`, `+` and `/`, beginning with one of the first three.

    >>> is_name("1x1"), is_name("enc-1"), is_name("-x"), is_name("a.b")
    (True, True, False, False)
    """
    plain = text.translate({ord(sign): "_" for sign in "-+/"})
    return text.isascii() and text[:1] not in ("-", "+", "/") and ("_" + plain).isidentifier() and text != ""


def attach(reading: Reading, step: Step, tree: Map) -> None:
    """Read the attributes of a step that is written as `tree`; problems are noted."""
    for key, inner in tree.items.items():
        if key == "as":
            _as(reading, step, inner)
        elif key == "from" or key == "share":
            value = reading.value(inner, numeric=False) if isinstance(inner, Scalar) else None
            if isinstance(value, str):
                reading.reference(value, inner.mark)
            elif not isinstance(value, Pending):
                if not isinstance(inner, Scalar):
                    reading.problem(
                        inner.mark,
                        "bad-value",
                        f"`{key}` must be the name of a step above; got {inner.what}",
                        "name one step",
                    )
                elif value is not None:
                    reading.problem(
                        inner.mark,
                        "bad-value",
                        f"`{key}` must be the name of a step above; got `{show(inner.text)}`",
                    )
                continue
            if key == "from":
                step.start = value
            else:
                step.share = value
        elif key == "repeat":
            step.repeat = _repeat(reading, inner)
        elif key == "when":
            value = reading.value(inner, numeric=True) if isinstance(inner, Scalar) else None
            if isinstance(value, (Pending, bool)):
                step.when = value
            elif value is not None or not isinstance(inner, Scalar):
                reading.problem(
                    inner.mark,
                    "bad-value",
                    "`when` must be true, false or a comparison",
                    "write `when: $stride != 1`",
                )
        elif key == "expect":
            _expect(reading, step, inner)


def _repeat(reading: Reading, tree: Tree) -> Any:
    value = reading.value(tree, numeric=True) if isinstance(tree, Scalar) else None
    if isinstance(value, Pending) or (type(value) is int and value >= 0):
        return value
    if value is not None or not isinstance(tree, Scalar):
        got = f"`{show(tree.text)}`" if isinstance(tree, Scalar) else tree.what
        help = number_help(tree.text) if isinstance(tree, Scalar) else "write one number"
        reading.problem(tree.mark, "bad-value", f"repeat must be a whole number of at least 0; got {got}", help)
    return 1


def check_name(reading: Reading, name: str, mark: Any, what: str) -> bool:
    if not is_name(name):
        reading.problem(mark, "bad-value", f"`{show(name)}` is no {what}", "use letters, digits, `_`, `-`, `+` and `/`")
        return False
    return True


def _as(reading: Reading, step: Step, tree: Tree) -> None:
    if not isinstance(tree, Scalar):
        reading.problem(tree.mark, "bad-value", f"`as` must be one name; got {tree.what}", "write `as: name`")
        return
    name = tree.text
    if not check_name(reading, name, tree.mark, "name"):
        return
    if name in RESERVED:
        reading.problem(
            tree.mark,
            "bad-value",
            f"`{name}` is the name of the incoming value"
            if name == "prev"
            else "`input` is the name of the network's input",
            "choose another name",
        )
        return
    scope = reading.scopes[reading.block.name if reading.block is not None else None]
    if name in scope:
        reading.problem(
            tree.mark,
            "duplicate-name",
            f"the name `{show(name)}` is given twice; the first is on line {reading.defined[name].line}",
            "give every step its own name",
        )
        return
    scope.add(name)
    reading.defined.setdefault(name, reading.at(tree.mark))
    step.name = name


def _expect(reading: Reading, step: Step, tree: Tree) -> None:
    if isinstance(tree, Scalar):
        _expectation(reading, step, "output", tree)
    elif isinstance(tree, Map):
        for quantity, inner in tree.items.items():
            if quantity not in EXPECTABLE:
                help = (
                    comma_help(quantity)
                    or did_you_mean(quantity, EXPECTABLE)
                    or f"what can be expected: {quoted(EXPECTABLE, 'and')}"
                )
                reading.problem(tree.keys[quantity], "unknown-field", f"`expect` knows no `{show(quantity)}`", help)
            elif isinstance(inner, Scalar):
                _expectation(reading, step, quantity, inner)
            else:
                reading.problem(
                    inner.mark,
                    "bad-value",
                    f"`expect: {quantity}` must be one value; got {inner.what}",
                    "write one value",
                )
    else:
        reading.problem(
            tree.mark,
            "bad-value",
            f"`expect` must be a shape or facts; got {tree.what}",
            "write `expect: 25x25x12`",
        )


def _expectation(reading: Reading, step: Step, quantity: str, tree: Scalar) -> None:
    figure: Any
    if quantity in ("output", "receptive_field"):
        found = value_of.constant(tree)
        if type(found) is int and found > 0:
            found = (found,)
        valid = type(found) is tuple and all(type(length) is int and length > 0 for length in found)
        figure = Shape(found) if valid and quantity == "output" else found if valid else None
        example = "25x25x12" if quantity == "output" else "7 or 1x7"
    else:
        figure, example = count(tree.text), "588, 1,792 or 360k"
    if figure is None:
        reading.problem(
            tree.mark, "bad-value", f"`{show(tree.text)}` is no figure for {quantity}", f"write it as {example}"
        )
    else:
        step.expects.append((quantity, tree.text, figure, reading.at(tree.mark)))
