"""The input of a specification: `224x224x3`, the long form, several by name, and what is refused as ambiguous."""

from __future__ import annotations

from typing import Any

from cnncalc.layers.fields import number_help, spell
from cnncalc.problem import Problem, Refused
from cnncalc.shape import Shape
from cnncalc.spec import values as value_of
from cnncalc.spec.attributes import is_name
from cnncalc.spec.reading import Reading
from cnncalc.spec.tree import Map, Scalar, Seq, Tree
from cnncalc.spec.values import Pending
from cnncalc.text import did_you_mean, quoted, show

LONG_FORM = {"depth": 0, "height": 1, "width": 2, "steps": 2, "channels": 3, "features": 3}
LARGEST_AXIS = 1_000_000


def read_inputs(
    reading: Reading, tree: Tree | None, parameters: dict[str, Any], given: dict[str, str], top: Map
) -> dict[str, Shape]:
    """The inputs by name ("" for the only one); `given` replaces sizes.

    Raises:
        Refused: `unknown-input` or a bad shape among the given ones; problems of the file are noted.
    """
    found: dict[str, Shape] = {}
    if tree is None:
        if "" not in given:
            reading.problem(
                top.mark,
                "missing-field",
                "a specification needs `input`: the shape of one example",
                "write `input: 224x224x3` (height x width x channels)",
            )
    elif isinstance(tree, Map) and not set(tree.items) <= set(LONG_FORM):
        for name, inner in tree.items.items():
            if not is_name(name) or name in ("prev",):
                reading.problem(
                    tree.keys[name],
                    "bad-value",
                    f"`{show(name)}` is no name for an input",
                    "use letters, digits and `_`",
                )
                continue
            shape = _shape(reading, inner, parameters)
            if shape is not None:
                found[name] = shape
    else:
        shape = _shape(reading, tree, parameters)
        if shape is not None:
            found[""] = shape
    for name, text in given.items():
        target = name
        if name not in found and name == "input" and "" in found:
            target = ""
        if (found and target not in found) or (not found and name):
            names = quoted(found, "and") if "" not in found else ""
            help = f"its inputs are {names}: write `--input NAME=SHAPE`" if names else "write `--input 224x224x3`"
            raise Refused(
                [
                    Problem(
                        "unknown-input",
                        f"{show(reading.source.path)} has no input `{show(name)}`"
                        if name
                        else f"{show(reading.source.path)} has several inputs",
                        help,
                    )
                ]
            )
        found[target] = shape_from(text)
    if not found and not reading.problems:
        reading.problem(top.mark, "missing-field", "the network has no input", "write `input: 224x224x3`")
    return found


def _shape(reading: Reading, tree: Tree, parameters: dict[str, Any]) -> Shape | None:
    try:
        if isinstance(tree, Seq):
            raise _listed(tree)
        if isinstance(tree, Map):
            return _long_form(reading, tree, parameters)
        value = reading.value(tree, numeric="$" in tree.text, known=set(parameters))
        if value is None:
            return None
        if isinstance(value, Pending):
            value = value.resolve(parameters)
        return shape_of(value, tree.text)
    except Problem as problem:
        reading.add(problem, tree.mark)
        return None


def _long_form(reading: Reading, tree: Map, parameters: dict[str, Any]) -> Shape | None:
    lengths: dict[str, int] = {}
    for name, inner in tree.items.items():
        if name not in LONG_FORM:
            raise Problem(
                "bad-value",
                f"an input has no `{show(name)}`",
                did_you_mean(name, LONG_FORM) or f"write {quoted(LONG_FORM)}",
            )
        value = reading.value(inner, numeric=True, known=set(parameters))
        if isinstance(value, Pending):
            value = value.resolve(parameters)
        if value is None:
            return None
        if type(value) is not int or not 1 <= value <= LARGEST_AXIS:
            raise Problem(
                "bad-value",
                f"`{name}` must be a whole number from 1 to {LARGEST_AXIS:,}; got `{spell(value)}`",
                number_help(str(value)),
            )
        lengths[name] = value
    names = set(lengths)
    for wanted in (
        ["height", "width", "channels"],
        ["depth", "height", "width", "channels"],
        ["steps", "features"],
    ):
        if names == set(wanted):
            return Shape(lengths[name] for name in wanted)
    raise Problem(
        "bad-value",
        f"an input cannot be made of {quoted(lengths, 'and')}",
        "write `{height: 480, width: 640, channels: 3}`",
    )


def _listed(tree: Seq) -> Problem:
    numbers = [item.text for item in tree.items if isinstance(item, Scalar)]
    if len(numbers) == 3 and all(text.isdecimal() for text in numbers):
        a, b, c = numbers
        return Problem(
            "ambiguous-input",
            f"a list does not say which number is what: [{a}, {b}, {c}]",
            f"write `{b}x{c}x{a}` if it is PyTorch's order (channels first), `{a}x{b}x{c}` if it is Keras' (channels last)",
        )
    return Problem(
        "ambiguous-input", "a list does not say which number is what", "write `224x224x3`: height x width x channels"
    )


def shape_from(text: str) -> Shape:
    """A shape written on the command line: `448x448x3`.

    Raises:
        Refused: as `shape_of`.
    """
    try:
        return shape_of(value_of.constant(Scalar(text.strip(), False, None)), text)
    except Problem as problem:
        raise Refused([problem]) from None


def shape_of(value: Any, text: str) -> Shape:
    """A shape from a resolved value, with the checks against mixed-up orders.

    Raises:
        Problem: `bad-value` or `ambiguous-input`.
    """
    if type(value) is int:
        value = (value,)
    if type(value) is not tuple or not 1 <= len(value) <= 4:
        help = (
            number_help(text)
            or "write `224x224x3`: height x width x channels; `784` for a vector, `100x300` for steps x features"
        )
        raise Problem("bad-value", f"`{show(text)}` is no input shape", help)
    if not all(1 <= length <= LARGEST_AXIS for length in value):
        raise Problem("bad-value", f"every axis of the input must be from 1 to {LARGEST_AXIS:,}; got `{show(text)}`")
    if len(value) >= 3 and value[0] <= 4 < value[-1]:
        rest, first = value[1:], value[0]
        axes = ("depth", "height", "width")[-(len(value) - 1) :]
        meant = "x".join(map(str, (*rest, first)))
        long_form = (
            ", ".join(f"{axis}: {length}" for axis, length in zip(axes, value, strict=False))
            + f", channels: {value[-1]}"
        )
        raise Problem(
            "ambiguous-input",
            f"`{show(text)}` looks like channels first; it would be read as {Shape(value).words()}",
            f"write `{meant}` for {first} channel{'s' if first > 1 else ''}, or `{{{long_form}}}` if you mean it",
        )
    return Shape(value)
