"""Reads the attributes of a step: `as`, `from`, `repeat`, `when`, `share`, `trainable`, `expect`, `holds`."""

from __future__ import annotations

from typing import Any

from cnncalc.analyses.quantities import EXPECTABLE
from cnncalc.layers.fields.notation import comma_help, flag_help, number_help
from cnncalc.readers.yaml import values as value_of
from cnncalc.readers.yaml.branches import MergeStep
from cnncalc.readers.yaml.context import Context
from cnncalc.readers.yaml.steps import A_STEP, LayerStep, Step
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree
from cnncalc.readers.yaml.values import Pending, work
from cnncalc.readers.yaml.vocabulary import ATTRIBUTES, RESERVED, is_name, is_path
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show
from cnncalc.units import parse_count


def attach(context: Context, step: Step, tree: Map) -> None:
    """Read the attributes of a step written as `tree`, noting problems."""
    step.plain = False
    step.marks = {key: context.at(inner.mark) for key, inner in tree.items.items() if key in ATTRIBUTES}
    cost = 0
    for key, inner in tree.items.items():
        if key == "from":
            step.start = _name_above(context, key, inner)
            cost += work(step.start)
        elif key == "share":
            step.share = _name_above(context, key, inner)
            cost += work(step.share)
        elif key == "repeat":
            step.repeat = _repeat(context, inner)
            step.counts = context.counts()
            cost += work(step.repeat)
        elif key == "when":
            step.when = _when(context, inner)
            cost += work(step.when)
        elif key == "trainable":
            step.trainable = trainable(context, inner)
            cost += work(step.trainable)
        elif key == "expect":
            _expect(context, step, inner)
        elif key == "holds":
            step.holds = _holds(context, step, inner)
            cost += work(step.holds)
    if "as" in tree.items:  # last, so that a step cannot refer to itself
        _as(context, step, tree.items["as"])
    if step.share is not None and step.trainable is not None:
        text = "`trainable` cannot be used with `share`: the weights belong to the shared step"
        help = "write `trainable: false` in that step, which freezes them wherever they are used"
        context.problem(tree.keys["trainable"], "bad-value", text, help)
    step.cost += cost // A_STEP + len(step.expects)


def _name_above(context: Context, key: str, tree: Tree) -> Any:
    """Return the name of a step above, or an expression for one; None after noting a problem."""
    if isinstance(tree, Scalar):
        value = context.name(tree)
        if isinstance(value, str):
            context.reference(value, tree.mark)
        if value is None or isinstance(value, (str, Pending)):
            return value
        help = f"give that step a name with `as: name`, and write `{key}: name`"
        got = f"`{show(tree.text)}`"
    else:
        got, help = tree.what, f"write `{key}: name`"
        words = [item.text for item in tree.items if isinstance(item, Scalar)] if isinstance(tree, Seq) else []
        if key == "from" and len(words) > 1:
            names = show(", ".join(words))
            help = f"join several values in a separate step: `add: [{names}]` or `concat: [{names}]`"
    context.problem(tree.mark, "bad-value", f"`{key}` must be the name of one step above; got {got}", help)
    return None


def trainable(context: Context, tree: Tree) -> Any:
    """Return the value of `trainable`: true, false or an expression; None after noting a problem."""
    value = context.value(tree, numeric=True) if isinstance(tree, Scalar) else None
    if isinstance(value, (Pending, bool)):
        return value
    if value is not None or not isinstance(tree, Scalar):
        got = f"`{show(tree.text)}`" if isinstance(tree, Scalar) else tree.what
        text = f"`trainable` must be true or false; got {got}"
        context.problem(tree.mark, "bad-value", text, "write `trainable: false` to freeze the parameters")
    return None


def _when(context: Context, tree: Tree) -> Any:
    value = context.value(tree, numeric=True) if isinstance(tree, Scalar) else None
    if isinstance(value, (Pending, bool)):
        return value
    if value is not None or not isinstance(tree, Scalar):
        got = f"`{show(tree.text)}`" if isinstance(tree, Scalar) else tree.what
        help = flag_help(tree.text) if isinstance(tree, Scalar) else ""
        text = f"`when` must be true, false or a comparison; got {got}"
        context.problem(tree.mark, "bad-value", text, help or "compare a parameter, as in `when: $stride != 1`")
    return True


def _repeat(context: Context, tree: Tree) -> Any:
    value = context.value(tree, numeric=True) if isinstance(tree, Scalar) else None
    if isinstance(value, Pending) or (type(value) is int and value >= 0):
        return value
    if value is not None or not isinstance(tree, Scalar):
        got = f"`{show(tree.text)}`" if isinstance(tree, Scalar) else tree.what
        help = number_help(tree.text) if isinstance(tree, Scalar) else ""
        if isinstance(value, str) and value in context.known():
            help = f"write `repeat: ${value}` for the parameter"
        elif isinstance(tree, Seq):
            help = "write a number, as in `repeat: 3`, and the steps under `seq:` next to it"
        text = f"`repeat` must be a whole number of at least 0; got {got}"
        context.problem(tree.mark, "bad-value", text, help or "write how many times the step is run, as in `repeat: 3`")
    return 1


def check_name(context: Context, name: str, mark: Any, what: str) -> bool:
    """Return whether the text can be a name, after noting a problem if not."""
    if not (is_path(name) if what == "name" else is_name(name)):
        plain = "".join(char if is_name("_" + char) else "_" for char in name.strip()).strip("-+/_")
        help = "use letters, digits, `_`, `-`, `+` and `/`" + (f", as in `{show(plain)}`" if is_name(plain) else "")
        context.problem(mark, "bad-value", f"`{show(name)}` cannot be a {what}", help)
        return False
    if len(name) > context.limits.name:
        text = f"this {what} has {len(name)} characters; at most {context.limits.name} are allowed"
        context.problem(mark, "too-large", text, "shorten it")
        return False
    return True


def _as(context: Context, step: Step, tree: Tree) -> None:
    if not isinstance(tree, Scalar):
        context.problem(tree.mark, "bad-value", f"`as` must be one name; got {tree.what}", "write `as: name`")
        return
    name = tree.text
    if name == "" and not tree.quoted:
        context.missing(tree, "there is no name after `as:`", "write `as: name`")
        return
    if not check_name(context, name, tree.mark, "name"):
        return
    if name in RESERVED:
        context.problem(
            tree.mark,
            "bad-value",
            f"`{name}` is reserved for the incoming value"
            if name == "prev"
            else "`input` is reserved for the network's input",
            "choose another name",
        )
        return
    block = context.block.name if context.block is not None else None
    place = context.at(tree.mark)
    first = context.paths.setdefault((block, context.level + name), place)
    if first is not place:
        context.problem(
            tree.mark,
            "duplicate-name",
            f"the name `{show(name)}` is used twice; the first is on line {first.line}",
            "give every step its own name",
        )
        return
    context.scopes[block].setdefault(name, place)
    context.defined.setdefault(name, place)
    context.parts.update(name.split("."))
    step.name = name


def _holds(context: Context, step: Step, tree: Tree) -> dict[str, Any] | None:
    """Return the parameters that a layer itself holds and its `buffers`, as numbers or expressions by name."""
    example = "write `holds: {weight: 36864}`, or `holds: {}` for a layer that only uses the parameters of other layers"
    if not isinstance(tree, Map):
        context.problem(tree.mark, "bad-value", f"`holds` must map names to numbers; got {tree.what}", example)
        return None
    if not isinstance(step, (LayerStep, MergeStep)):
        context.problem(tree.mark, "bad-value", "`holds` belongs to a single layer, not to several steps", example)
        return None
    if context.refused_as_stated("holds", tree.mark):
        return None
    numbers = {}
    for name, inner in tree.items.items():
        before = len(context.problems)
        value = context.value(inner, numeric=True) if isinstance(inner, Scalar) else None
        if len(context.problems) > before:
            continue
        if not is_name(name) or not (isinstance(value, Pending) or (type(value) is int and value >= 0)):
            text = f"`{show(name)}` must be a name followed by a whole number of at least 0"
            context.problem(inner.mark, "bad-value", text, example)
        else:
            numbers[name] = value
    return numbers


def _expect(context: Context, step: Step, tree: Tree) -> None:
    if isinstance(tree, Scalar) and tree.text == "" and not tree.quoted:
        help = "write `expect: 25x25x12`, or `expect: {params: 588}`"
        context.missing(tree, "there is no value after `expect:`", help)
    elif isinstance(tree, Scalar):
        _expectation(context, step, "output", tree, "`expect` must be a shape or figures")
    elif isinstance(tree, Map):
        for quantity, inner in tree.items.items():
            if quantity not in EXPECTABLE:
                help = (
                    comma_help(quantity)
                    or did_you_mean(quantity, EXPECTABLE)
                    or f"it can contain {quoted(EXPECTABLE, 'and')}"
                )
                context.problem(
                    tree.keys[quantity], "unknown-field", f"`expect` has no quantity `{show(quantity)}`", help
                )
            elif isinstance(inner, Scalar):
                what = "shape" if quantity == "output" else "figure"
                _expectation(context, step, quantity, inner, f"the expected {quantity} must be a {what}")
            else:
                context.problem(
                    inner.mark,
                    "bad-value",
                    f"the expected {quantity} must be one value; got {inner.what}",
                    "write one value",
                )
    else:
        context.problem(
            tree.mark,
            "bad-value",
            f"`expect` must be a shape or figures; got {tree.what}",
            "write `expect: 25x25x12`, or `expect: {params: 588}`",
        )


def _expectation(context: Context, step: Step, quantity: str, tree: Scalar, must: str) -> None:
    figure: Any
    if quantity in ("output", "receptive_field"):
        size = value_of.constant(tree)
        if type(size) is int and size > 0:
            size = (size,)
        valid = type(size) is tuple and all(type(length) is int and length > 0 for length in size)
        figure = Shape(size) if valid and quantity == "output" else size if valid else None
        example = "`25x25x12`" if quantity == "output" else "`7` or `1x7`"
    else:
        figure, example = parse_count(tree.text), "`588` or `360k`"
    if figure is None:
        context.problem(tree.mark, "bad-value", f"{must}; got `{show(tree.text)}`", f"write it like {example}")
    else:
        step.expects = (*step.expects, (quantity, tree.text, figure, context.at(tree.mark)))
