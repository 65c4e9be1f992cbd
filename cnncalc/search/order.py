"""Proofs that figures never fall when a varied value grows, so that a search may skip whole ranges.

A proof has three parts. First, the layers and their connections are the same for all values, or more layers appear with
larger values. Second, every field that changes is one that makes its layer larger. Third, every layer is of a kind whose
output and counts never fall when its inputs grow; a test checks these kinds on random sizes. What is not proven here is
searched value by value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers.yaml.steps import Block, BlockStep, OpenLayerStep
from cnncalc.readers.yaml.values import Pending
from cnncalc.search.family import BATCH, FIELD, INPUT, PARAMETER, Axis, Family
from cnncalc.search.template import Template

# figures that are sums or maxima over layers of counts that grow with the sizes of their inputs and fields
COUNTED = (
    "params", "weights", "biases", "macs", "activations", "activation-memory", "layers", "depth", "conv-layers",
)  # fmt: skip
# kind -> fields that only make it larger
GROWING_FIELDS = {"conv": ("filters",), "fc": ("units",), "linear": ("units",)}
# kinds whose output and counts never fall when their inputs grow, and which never make an image larger
SHRINKING = frozenset(
    (
        "conv", "fc", "linear", "maxpool", "avgpool", "globalavgpool", "globalmaxpool", "batchnorm", "relu", "relu6",
        "leakyrelu", "elu", "gelu", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "mish", "softmax", "dropout",
        "identity", "add", "concat", "flatten",
    )
)  # fmt: skip


def growing_axes(family: Family, names: Iterable[str]) -> list[int]:
    """Return the axes along which none of the figures `names` ever falls. Names of axes may be among the figures."""
    axes = {axis.name for axis in family.axes}
    figures = [name for name in names if name not in axes]
    return [place for place, axis in enumerate(family.axes) if len(axis.values) > 1 and _grows(family, axis, figures)]


def _grows(family: Family, axis: Axis, figures: list[str]) -> bool:
    if axis.kind == INPUT:
        sizes = [tuple(value) for value in axis.values]
        if not all(len(a) == len(b) and all(x <= y for x, y in zip(a, b, strict=True)) for a, b in _pairs(sizes)):
            return False
    elif not axis.range.ascends:
        return False
    if axis.kind == BATCH:  # every number of bytes is a constant and a multiple of the batch, and never less than 0
        return True
    template = family.template
    if template is None or not all(name in COUNTED for name in figures) or family.options.frozen:
        return False
    text = _without_comments(template.source.text)
    if re.search(r"\$in_|\$i\b|share|holds|operator", text):  # expressions that use sizes may do anything with them
        return False
    if axis.kind == INPUT:
        return _input_grows(family, template, axis, text)
    if "projection" in text:  # whether it runs depends on the number of channels
        return False
    if not _has_only_known_kinds(family, template):
        return False
    if axis.kind == FIELD:
        field = axis.name.rpartition(".")[2]
        node = next(node for node in family.base.nodes if node.name == axis.target)
        return field in GROWING_FIELDS.get(node.kind, ())
    assert axis.kind == PARAMETER
    return _parameter_grows(template, axis.target, text)


def _pairs(values: list[tuple[int, ...]]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    return pairwise(values)


def _without_comments(text: str) -> str:
    return re.sub(r"(^|\s)#.*", r"\1", text)


def _has_only_known_kinds(family: Family, template: Template) -> bool:
    """Return whether all kinds that any choice can contain are known to grow."""
    kinds = {step.kind.kind for step in _walk(template.steps) if hasattr(step, "kind") and hasattr(step.kind, "kind")}
    bare = any(type(step).__name__ == "ParameterStep" for step in _walk(template.steps))
    return not bare and kinds <= SHRINKING and all(node.kind in SHRINKING for node in family.base.nodes if node.layer)


def _input_grows(family: Family, template: Template, axis: Axis, text: str) -> bool:
    if not _has_only_known_kinds(family, template):
        return False
    if "projection" not in text:
        return True
    # A residual runs its projection where its main path changes the shape. With S >= 1, a window's output grows by at most
    # one when its input grows by one, so the difference between the two never falls. If it is not negative for the smallest
    # input, then a projection that runs for some input runs for all larger ones.
    if len(family.axes) > 1:
        return False
    try:
        smallest = family.network((0,))
    except Refused:
        return False
    return all(_has_shrunk(smallest, node.index) for node in smallest.nodes if node.entering is not None)


def _has_shrunk(network: Network, index: int) -> bool:
    node = network.nodes[index]
    assert node.entering is not None
    before, after = network.nodes[node.entering].output, node.output
    return len(before) == len(after) and all(x >= y for x, y in zip(before.spatial, after.spatial, strict=True))


# -- parameters ------------------------------------------------------------------------------------------------------


def _parameter_grows(template: Template, name: str, text: str) -> bool:
    """Return whether a parameter only ever makes fields larger that make their layers larger."""
    pending = [found for step in _walk(template.steps) for found in _values(step)]
    if len(re.findall(rf"\${name}(?![A-Za-z0-9_])", text)) != sum(_count(found, name) for found in pending):
        return False  # it is used elsewhere, such as in the input
    if len(re.findall(rf"\${name}", text)) != len(re.findall(rf"\${name}(?![A-Za-z0-9_])", text)):
        return False  # `$nx1` could be the parameter `n` or `nx1`
    waiting: list[tuple[Block | None, str]] = [(None, name)]
    seen = set()
    while waiting:
        block, tracked = waiting.pop()
        if (block.name if block is not None else None, tracked) in seen:
            continue
        seen.add((block.name if block is not None else None, tracked))
        # a parameter of the file is visible in every block that has no parameter of that name
        scope = _walk(template.steps) if block is None else _walk(block.steps)
        for step in scope:
            uses = [found for found in _values(step) if _count(found, tracked)]
            if not uses:
                continue
            if isinstance(step, OpenLayerStep):
                allowed: tuple[str, ...] = GROWING_FIELDS.get(step.kind.kind, ())
                fields = {field: value for field, value in step.values.items() if isinstance(value, Pending)}
            elif isinstance(step, BlockStep):
                fields = {field: value for field, value in step.values.items() if isinstance(value, Pending)}
                allowed = tuple(fields)
            else:
                return False
            using = {field: value for field, value in fields.items() if _count(value, tracked)}
            if len(using) != len(uses) or not using.keys() <= set(allowed):
                return False
            slopes = [_slope(value.value, tracked) for value in using.values()]
            if not all(rises for rises, _, _ in slopes):
                return False
            if isinstance(step, BlockStep):
                if not all(positive for _, positive, _ in slopes):
                    return False
                waiting += [(step.block, field) for field in using]
    return True


def _count(pending: Pending, name: str) -> int:
    return len(re.findall(rf"\${name}(?![A-Za-z0-9_])", pending.text))


def _values(step: Any) -> Iterator[Pending]:
    """Yield the expressions of a step itself: its fields, arguments and attributes, not those of steps inside."""
    for value in _attributes(step):
        yield from _expressions(value)


def _attributes(step: Any) -> Iterator[Any]:
    names = list(getattr(step, "__dict__", {})) + [
        name for kind in type(step).__mro__ for name in getattr(kind, "__slots__", ())
    ]
    for name in names:
        if name not in ("pending", "made", "block", "trees", "body"):  # the same expressions again, or another step's
            yield getattr(step, name, None)


def _expressions(value: Any) -> Iterator[Pending]:
    if isinstance(value, Pending):
        if isinstance(value.value, (dict, list)):
            yield from _expressions(value.value)
        else:
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _expressions(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _expressions(inner)


def _walk(steps: Any) -> Iterator[Any]:
    """Yield all steps, operands and shortcuts, with those of the blocks that are called, each once."""
    seen: set[int] = set()
    waiting: list[Any] = [steps]
    while waiting:
        value = waiting.pop()
        if isinstance(value, (list, tuple)):
            waiting += value
        elif isinstance(value, Block):
            waiting.append(value.steps)
        elif type(value).__module__.startswith("cnncalc.readers.yaml.") and not isinstance(value, Pending):
            if id(value) in seen or type(value).__name__ in ("Mark", "Scalar", "Map", "Seq"):
                continue
            seen.add(id(value))
            yield value
            waiting += [getattr(value, "block", None), *_attributes(value)]


def _slope(expression: Any, name: str) -> tuple[bool, bool, bool]:
    """Return whether an expression never falls as a parameter grows, is never negative, and does not depend on it.

    The parameter is never negative. Nothing is known about other parameters.
    """
    operator = expression[0]
    if operator == "value":
        number = type(expression[2]) in (int, float)
        return number, number and expression[2] >= 0, True
    if operator == "name":
        return expression[2] == name, expression[2] == name, False
    if operator not in ("+", "-", "*", "/", "//", "min", "max", "round_to"):
        return False, False, False
    rises, positive, constant = _slope(expression[2], name)
    other_rises, other_positive, other_constant = _slope(expression[3], name)
    both = rises and other_rises
    constant = constant and other_constant
    if operator in ("+", "min", "max"):
        return both, positive and other_positive, constant
    if operator == "*":
        return both and positive and other_positive, positive and other_positive, constant
    # the right operand must not change
    fits = both and other_constant and (operator == "-" or (positive and other_positive))
    return fits, positive and operator != "-", constant
