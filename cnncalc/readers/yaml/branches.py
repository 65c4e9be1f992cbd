"""Steps that join branches: merges of operands, and residuals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncalc.layers.attention import Attend, Dot
from cnncalc.layers.base import Layer
from cnncalc.layers.merge import Add, Average, Concat, Maximum, Minimum, Mul, Sub
from cnncalc.layers.operator import Stated
from cnncalc.problem import Problem, Where
from cnncalc.readers.yaml.expansion import Expansion, Frame
from cnncalc.readers.yaml.layer_cache import layer_of
from cnncalc.readers.yaml.steps import A_STEP, Step, expand_nested
from cnncalc.readers.yaml.values import Pending, asks_for_shape, read_values, work
from cnncalc.shape import Shape
from cnncalc.text import show

MERGES: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (Add, Mul, Concat, Sub, Average, Maximum, Minimum, Attend, Dot, Stated)
}
BESIDE = frozenset(field for layer in MERGES.values() for field in layer.fields)  # fields written next to a merge


class Operand:
    """One operand of a merge: a name, or steps that start from the incoming value."""

    __slots__ = ("label", "name", "steps", "where")

    def __init__(
        self, label: str | None, where: Where | None, name: Any = None, steps: list[Step] | None = None
    ) -> None:
        self.label = label
        self.where = where
        self.name = name
        self.steps = steps

    def expand(self, expansion: Expansion, value: int, frame: Frame) -> int:
        """Expand the operand and return its value."""
        if self.steps is None:
            return expansion.lookup(expansion.resolve(self.name, frame, value, self.where), frame, value, self.where)[0]
        if not self.steps:
            return value
        with expansion.enter(
            expansion.unique_name(self.label) if self.label is not None else expansion.next_name("branch")
        ):
            return expand_nested(self.steps, expansion, value, frame, self.where)


class MergeStep(Step):
    """`add`, `mul`, `concat` or another layer of several operands; `places` are the places of its fields.

    `values` are these fields, some of which are expressions that depend on the step's input.
    """

    def __init__(
        self,
        where: Where | None,
        kind: type[Layer],
        values: dict[str, Any],
        operands: list[Operand],
        places: Mapping[str, Where],
    ) -> None:
        names = [operand.name for operand in operands]
        super().__init__(where, A_STEP // 4 * len(operands) + work(names) + work(values))
        self.kind = kind
        self.values = values
        self.layer = None if Pending in map(type, values.values()) else layer_of(kind, values)
        self.operands = operands
        self.places = places

    def _resolved(self, expansion: Expansion, value: int, frame: Frame) -> Layer:
        parameters = expansion.parameters_for(frame, value, asks_for_shape(self.values))
        try:
            return layer_of(self.kind, read_values(self.kind, self.values, parameters))
        except Problem as problem:
            raise expansion.refusal(problem, self.places.get(problem.field or "", self.where)) from None

    def expand_once(self, expansion: Expansion, value: int, frame: Frame, label: str | None) -> int:
        layer = self.layer or self._resolved(expansion, value, frame)
        inputs = [operand.expand(expansion, value, frame) for operand in self.operands]
        name = expansion.next_name(layer.kind) if label is None else expansion.unique_name(label)
        if expansion.changes:
            layer = expansion.apply_changes(layer, name, frame, value)
        try:
            merged = expansion.builder.add(layer, inputs, name, self.where)
            expansion.builder.nodes[merged].entering = value
            return merged
        except Problem as problem:
            shapes = [str(expansion.builder.shape(index)) for index in inputs]
            names = [operand.label or operand.name for operand in self.operands]
            if problem.code == "shapes-differ" and all(isinstance(name, str) for name in names):
                texts = [f"`{show(name)}` is {shape}" for name, shape in zip(names, shapes, strict=True)]
                problem.text = problem.text.replace(f"{' and '.join(shapes)} differ", ", ".join(texts))
            if not problem.text.startswith(layer.kind):
                problem.text = f"{layer.kind}: {problem.text}"
            raise expansion.refusal(problem, self.places.get(problem.field or "", self.where)) from None


class Shortcut:
    """The steps whose result a residual adds to its main path instead of its input; `word` is their keyword.

    A `projection` runs only where the main path changes the shape; a `shortcut` always runs. `steps` is None for
    `projection: none`: nothing is added where the shape changes.
    """

    __slots__ = ("steps", "where", "word")

    def __init__(self, word: str, steps: list[Step] | None, where: Where | None) -> None:
        self.word = word
        self.steps = steps
        self.where = where


class ResidualStep(Step):
    """`main` plus its input, or plus the input after the `shortcut`."""

    def __init__(self, where: Where | None, main: list[Step], shortcut: Shortcut | None, sum: Layer) -> None:
        super().__init__(where)
        self.sum = sum
        self.main = main
        self.shortcut = shortcut

    def expand_once(self, expansion: Expansion, value: int, frame: Frame, label: str | None) -> int:
        out = expand_nested(self.main, expansion, value, frame, self.where)
        before, after = expansion.builder.shape(value), expansion.builder.shape(out)
        added = value
        shortcut = self.shortcut
        if shortcut is None:
            if before != after:
                raise expansion.refusal(self._differ(before, after), self.where)
        elif shortcut.steps is None:
            if before != after:
                return out
        elif before != after or shortcut.word == "shortcut":
            expansion.projected[shortcut] = True
            with expansion.enter(expansion.unique_name(shortcut.word)):
                added = expand_nested(shortcut.steps, expansion, value, frame, self.where)
            if expansion.builder.shape(added) != after:
                word = shortcut.word
                text = f"residual: main gives {after}, but its {word} gives {expansion.builder.shape(added)}"
                help = f"the {word} must turn {before} into {after}" + _projection_help(before, after, ", as `{}` does")
                raise expansion.refusal(Problem("shapes-differ", text, help), self.where)
        else:
            expansion.projected.setdefault(shortcut, False)
        name = expansion.next_name("add") if label is None else expansion.unique_name(label)
        layer = expansion.apply_changes(self.sum, name, frame, value) if expansion.changes else self.sum
        merged = expansion.builder.add(layer, [out, added], name, self.where)
        expansion.builder.nodes[merged].entering = value
        return merged

    def _differ(self, before: Shape, after: Shape) -> Problem:
        text = f"residual: the main path turns {before} into {after}, so the two cannot be added"
        help = _projection_help(before, after, "add `projection: [{}]`, or `projection: none` for no shortcut here")
        if not help and before[-1:] == after[-1:] and len(before) == len(after):
            help = "keep height and width in the main path, with `pad: same` for example"
        return Problem("shapes-differ", text, help or f"make the main path end in {before}, or remove `residual:`")


def unused_projections(expansion: Expansion) -> list[Problem]:
    """Return a warning for each projection that no expansion of its residual used."""
    text = "this projection is never used: `main` keeps the shape, so the input itself is added"
    help = "write `shortcut:` instead for a path that always runs, or delete it"
    return [
        Problem("unused-projection", text, help, where=shortcut.where, level="warning")
        for shortcut, used in expansion.projected.items()
        if not used
    ]


def _projection_help(before: Shape, after: Shape, sentence: str) -> str:
    """Return the sentence with the 1x1 convolution that turns one shape into the other; empty if there is none."""
    if len(before) != len(after) or not before.rank:
        return ""
    stride = max(1, -(-before[0] // after[0]))
    if any((width - 1) // stride + 1 != wanted for width, wanted in zip(before.spatial, after.spatial, strict=True)):
        return ""
    step = f", stride: {stride}" if stride > 1 else ""
    return sentence.format(f"conv: {{filters: {after[-1]}, kernel: 1{step}}}")
