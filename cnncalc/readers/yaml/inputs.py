"""Reads the input of a specification: `224x224x3`, the long form, or several by name. Ambiguous shapes are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncalc.layers.fields.notation import number_help, spell
from cnncalc.problem import Problem, Refused
from cnncalc.readers.yaml import values as value_of
from cnncalc.readers.yaml.context import Context
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree
from cnncalc.readers.yaml.values import Pending
from cnncalc.readers.yaml.vocabulary import is_path
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, nearest, quoted, show

FORMS = (("height", "width", "channels"), ("depth", "height", "width", "channels"), ("steps", "features"))
LONG_FORM = ("depth", "height", "width", "steps", "channels", "features")
SHORT_FORM = {
    "d": "depth", "h": "height", "w": "width", "c": "channels", "t": "steps", "rows": "height", "cols": "width",
    "length": "steps", "time": "steps", "channel": "channels", "feature": "features", "dim": "features",
}  # fmt: skip
LARGEST_AXIS = 1_000_000


def read_inputs(
    context: Context, tree: Tree | None, parameters: dict[str, Any], given: Mapping[str, str], top: Map
) -> dict[str, Shape]:
    """Return the inputs by name ("" for the only one); `given` replaces their sizes.

    Raises:
        Refused: `unknown-input` or a bad shape in `given`. Problems of the file are noted.
    """
    shapes: dict[str, Shape] = {}
    bound = context.scopes[None]
    if tree is None:
        if "" not in given:
            help = "write `input: 224x224x3` (height x width x channels)"
            context.problem(top.mark, "missing-field", "a specification needs `input`: the shape of one example", help)
    elif isinstance(tree, Scalar) and tree.text == "" and not tree.quoted:
        help = "write `input: 224x224x3` (height x width x channels)"
        context.missing(tree, "there is no shape after `input:`", help)
    elif isinstance(tree, Map) and not _is_long_form(tree):
        for name, inner in tree.items.items():
            if not is_path(name) or name == "prev":
                reserved = "`prev` is the value above; " if name == "prev" else ""
                help = reserved + "use letters, digits and `_`, as in `left`"
                context.problem(tree.keys[name], "bad-value", f"`{show(name)}` cannot be the name of an input", help)
                continue
            bound[name] = context.paths[None, name] = context.at(tree.keys[name])
            shape = _shape(context, inner, parameters)
            if shape is not None:
                shapes[name] = shape
    else:
        shape = _shape(context, tree, parameters)
        if shape is not None:
            shapes[""] = shape
            context.input_place = context.at(tree.mark)
    for name, text in given.items() if not context.problems else ():
        target = name
        if name not in shapes and name == "input" and "" in shapes:
            target = ""
        if (shapes and target not in shapes) or (not shapes and name):
            names = quoted(shapes, "and") if "" not in shapes else ""
            help = f"its inputs are {names}: write `--input NAME=SHAPE`" if names else "write `--input 224x224x3`"
            raise Refused(
                [
                    Problem(
                        "unknown-input",
                        f"{show(context.source.path)} has no input `{show(name)}`"
                        if name
                        else f"{show(context.source.path)} has several inputs",
                        help,
                    )
                ]
            )
        shapes[target] = shape_from(text, shapes.get(target))
    if not shapes and not context.problems:
        context.problem(top.mark, "missing-field", "the network has no input", "write `input: 224x224x3`")
    return shapes


def _shape(context: Context, tree: Tree, parameters: dict[str, Any]) -> Shape | None:
    try:
        if isinstance(tree, Seq):
            raise _listed(tree)
        if isinstance(tree, Map):
            return _long_form(context, tree, parameters)
        value = context.value(tree, numeric="$" in tree.text, known=set(parameters))
        if isinstance(value, Pending):
            value = value.resolve_known(parameters)
        return None if value is None else shape_of(value, tree.text)
    except Problem as problem:
        context.add(problem, tree.mark)
        return None


def _is_long_form(tree: Map) -> bool:
    """Return whether a mapping spells out one shape (perhaps misspelled) rather than naming several inputs."""
    words = [name for name in tree.items if name in LONG_FORM]
    others = [name for name in tree.items if name not in LONG_FORM]
    return (
        not others
        or len(words) > 1
        or all(name.casefold() in SHORT_FORM for name in others)
        or (len(words) == 1 and all(nearest(name, LONG_FORM) for name in others))
    )


def _long_form(context: Context, tree: Map, parameters: dict[str, Any]) -> Shape | None:
    lengths: dict[str, int] = {}
    complete = True
    before = len(context.problems)
    for name, inner in tree.items.items():
        if name not in LONG_FORM:
            word = SHORT_FORM.get(name.casefold())
            help = f"cnncalc calls it `{word}`" if word else did_you_mean(name, LONG_FORM)
            names = quoted(LONG_FORM)
            context.problem(
                tree.keys[name], "unknown-field", f"an input has no `{show(name)}`", help or f"write {names}"
            )
            continue
        value = context.value(inner, numeric=True, known=set(parameters))
        if isinstance(value, Pending):
            value = value.resolve_known(parameters)
        if value is None:
            complete = False
            continue
        if type(value) is not int or not 1 <= value <= LARGEST_AXIS:
            got = f"`{spell(value)}`" if isinstance(inner, Scalar) else inner.what
            text = f"`{name}` must be a whole number from 1 to {LARGEST_AXIS:,}; got {got}"
            help = number_help(str(value)) or f"write a whole number, as in `{name}: 3`"
            context.problem(inner.mark, "bad-value", text, help)
            continue
        lengths[name] = value
    if len(context.problems) > before or not complete:
        return None
    for wanted in FORMS:
        if set(lengths) == set(wanted):
            return Shape(lengths[name] for name in wanted)
    nearly = next((wanted for wanted in FORMS if set(lengths) < set(wanted)), None)
    if nearly is None:
        text = f"an input cannot consist of {quoted(lengths, 'and')}"
        raise Problem(
            "bad-value", text, "write `{height: 480, width: 640, channels: 3}`, or `{steps: 100, features: 300}`"
        )
    missing = quoted([name for name in nearly if name not in lengths], "and")
    written = ", ".join(f"{name}: {lengths.get(name, '...')}" for name in nearly)
    raise Problem("missing-field", f"an input with {quoted(lengths, 'and')} needs {missing}", f"write `{{{written}}}`")


def _listed(tree: Seq) -> Problem:
    texts = [item.text for item in tree.items if isinstance(item, Scalar)]
    numbers = [text for text in texts if text.isdecimal() and len(text) <= 12]
    message = f"a list does not show which axis is which: {show('[' + ', '.join(texts) + ']')}"
    if not texts or len(texts) != len(tree.items) or len(numbers) != len(texts):
        if len(texts) > 1 and all("x" in text for text in texts):
            named = ", ".join(f"{name}: {text}" for name, text in zip(("left", "right", "third"), texts, strict=False))
            return Problem("bad-value", "several inputs need names", f"write `input: {{{show(named)}}}`")
        return Problem("ambiguous-input", message, "write `224x224x3`: height x width x channels")
    if len(numbers) == 1:
        return Problem("ambiguous-input", message, f"write `{numbers[0]}` for a vector")
    if len(numbers) == 2:
        a, b = numbers
        return Problem(
            "ambiguous-input", message, f"write `{a}x{b}x1` for a grey image, `{a}x{b}` for {a} steps of {b} features"
        )
    if len(numbers) == 3:
        a, b, c = numbers
        help = f"write `{b}x{c}x{a}` if it is PyTorch's order (channels first), `{a}x{b}x{c}` if Keras' (channels last)"
        return Problem("ambiguous-input", message, help)
    if len(numbers) == 4:
        shape = [int(number) for number in numbers]
        image = (*shape[2:], shape[1]) if shape[1] <= 4 < shape[3] else shape[1:]
        help = f"leave the batch out: write `{'x'.join(map(str, image))}`; a volume is `{'x'.join(numbers)}`"
        return Problem("ambiguous-input", message, help)
    return Problem("ambiguous-input", message, "write height x width x channels, without the batch size: `224x224x3`")


def shape_from(text: str, replaced: Shape | None = None) -> Shape:
    """Return a shape written on the command line: `448x448x3`.

    If it has as many axes as the shape that it replaces and the same number of channels at its end, and only there, its axes
    are in the same order.

    Raises:
        Refused: as `shape_of`.
    """
    value = value_of.constant(Scalar(text.strip(), False, None))
    if replaced is not None and type(value) is tuple and len(value) == len(replaced) > 1:
        same_order = value[-1] == replaced[-1] and replaced[-1] not in value[:-1]
        if same_order and all(1 <= length <= LARGEST_AXIS for length in value):
            return Shape(value)
    try:
        return shape_of(value, text)
    except Problem as problem:
        problem.code = "bad-argument"
        raise Refused([problem]) from None


def shape_of(value: Any, text: str) -> Shape:
    """Return a shape from a resolved value, checked for a mixed-up axis order.

    Raises:
        Problem: `bad-value` or `ambiguous-input`.
    """
    if type(value) is int:
        value = (value,)
    if type(value) is not tuple or not 1 <= len(value) <= 4:
        raise Problem("bad-value", f"`{show(text)}` is not an input shape", _shape_help(text))
    if not all(1 <= length <= LARGEST_AXIS for length in value):
        text = f"every axis of the input must be from 1 to {LARGEST_AXIS:,}; got `{show(text)}`"
        raise Problem("bad-value", text, "write height x width x channels, such as `224x224x3`")
    if _is_batch(value):
        _check_batch(value, text)
    if len(value) >= 3 and value[0] <= 4 < value[-1]:
        rest, first = value[1:], value[0]
        axes = ("depth", "height", "width")[-(len(value) - 1) :]
        suggestion = "x".join(map(str, (*rest, first)))
        long_form = (
            ", ".join(f"{axis}: {length}" for axis, length in zip(axes, value, strict=False))
            + f", channels: {value[-1]}"
        )
        raise Problem(
            "ambiguous-input",
            f"`{show(text)}` looks like channels first; cnncalc would read it as {Shape(value).words()}",
            f"write `{suggestion}` for {first} channel{'s' if first > 1 else ''}, or `{{{long_form}}}` if you mean it",
        )
    return Shape(value)


def is_ambiguous(shape: tuple[int, ...]) -> bool:
    """Return whether a shape could be meant as channels first or with a batch, so that it needs the long form."""
    return (3 <= len(shape) <= 4 and shape[0] <= 4 < shape[-1]) or _is_batch(shape)


def _is_batch(shape: tuple[int, ...]) -> bool:
    """Return whether four numbers look like a batch of images rather than a volume: `32x3x224x224`, `1x224x224x3`."""
    return len(shape) == 4 and (shape[1] <= 4 < shape[3] or (shape[0] == 1 and shape[3] <= 4))


def _check_batch(value: tuple[int, ...], text: str) -> None:
    """Refuse a batch.

    Raises:
        Problem: `ambiguous-input`.
    """
    batch, first, _, last = value
    channels_first = first <= 4 < last
    image = (*value[2:], first) if channels_first else value[1:]
    suggestion = "x".join(map(str, image))
    long_form = ", ".join(f"{name}: {length}" for name, length in zip(FORMS[1], value, strict=True))
    order = " and put the channels last" if channels_first else ""
    raise Problem(
        "ambiguous-input",
        f"`{show(text)}` looks like a batch of {batch:,}; cnncalc would read it as {Shape(value).words()}",
        f"leave the batch out{order}: write `{suggestion}`, or `{{{long_form}}}` for a volume",
    )


def _shape_help(text: str) -> str:
    """Return help for a text that is not an input shape: `224 x 224 x 3`, `(224, 224, 3)`, `Nonex224x224x3`."""
    plain = text.strip().strip("()[]").lower()
    for sign in (",", "*", "\u00d7", " "):
        plain = plain.replace(sign, "x")
    parts = [part for part in plain.split("x") if part]
    batch = bool(parts) and (parts[0] in ("none", "?", "-1", "n", "b", "batch") or len(parts) == 5)
    numbers = parts[1:] if batch else parts
    sized = all(part.isdecimal() and part.isascii() and len(part) <= 12 for part in numbers)
    if sized and 3 <= len(numbers) <= 4 and is_ambiguous(tuple(map(int, numbers))):
        lengths = numbers[1:] if _is_batch(tuple(map(int, numbers))) else numbers
        if int(lengths[0]) <= 4 < int(lengths[-1]):
            lengths = [*lengths[1:], lengths[0]]
        return f"write `{'x'.join(lengths)}`: height x width x channels, without a batch"
    if 1 <= len(numbers) <= 4 and all(part.isdecimal() and part.isascii() and len(part) <= 12 for part in numbers):
        return ("leave the batch size out: " if batch else "") + f"write `{'x'.join(numbers)}`"
    return number_help(text) or "write height x width x channels, such as `224x224x3`; `784` is a vector"
