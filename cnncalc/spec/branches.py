"""Steps in which branches meet: merges of operands, and residuals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncalc.layers.attention import Attend, Dot
from cnncalc.layers.base import Layer
from cnncalc.layers.merge import Add, Average, Concat, Maximum, Minimum, Mul, Sub
from cnncalc.layers.unknown import Stated
from cnncalc.problem import Problem, Where
from cnncalc.shape import Shape
from cnncalc.spec.run import Run, Scope
from cnncalc.spec.steps import A_STEP, Step, run_inside, work
from cnncalc.text import show

MERGES: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (Add, Mul, Concat, Sub, Average, Maximum, Minimum, Attend, Dot, Stated)
}
LEAST = {"operator": 1}  # operands, where not two
BESIDE = frozenset(field for layer in MERGES.values() for field in layer.fields)  # what stands beside a merge


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

    def run(self, run: Run, value: int, scope: Scope) -> int:
        """The value of the operand."""
        if self.steps is None:
            return run.lookup(run.resolve(self.name, scope, value, self.where), scope, value, self.where)[0]
        if not self.steps:
            return value
        with run.level(run.named(self.label) if self.label is not None else run.auto("branch")):
            return run_inside(self.steps, run, value, scope, self.where)


class MergeStep(Step):
    """`add`, `mul`, `concat` or another layer of several operands; `places` are those of the fields beside it."""

    def __init__(self, where: Where | None, layer: Layer, operands: list[Operand], places: Mapping[str, Where]) -> None:
        super().__init__(where, A_STEP // 4 * len(operands) + work([operand.name for operand in operands]))
        self.layer = layer
        self.operands = operands
        self.places = places

    def once(self, run: Run, value: int, scope: Scope, label: str | None) -> int:
        inputs = [operand.run(run, value, scope) for operand in self.operands]
        name = run.auto(self.layer.kind) if label is None else run.named(label)
        layer = run.changed(self.layer, name, scope, value) if run.changes else self.layer
        try:
            merged = run.builder.add(layer, inputs, name, self.where)
            run.builder.nodes[merged].entering = value
            return merged
        except Problem as problem:
            shapes = [str(run.builder.shape(index)) for index in inputs]
            names = [operand.label or operand.name for operand in self.operands]
            if problem.code == "shapes-differ" and all(isinstance(name, str) for name in names):
                said = [f"`{show(name)}` is {shape}" for name, shape in zip(names, shapes, strict=True)]
                problem.text = problem.text.replace(f"{' and '.join(shapes)} differ", ", ".join(said))
            if not problem.text.startswith(self.layer.kind):
                problem.text = f"{self.layer.kind}: {problem.text}"
            raise run.refused(problem, self.places.get(problem.field or "", self.where)) from None


class ResidualStep(Step):
    """`main` plus its input; where the shapes differ, the `projection` of the input, or no shortcut at all."""

    def __init__(self, where: Where | None, main: list[Step], projection: list[Step] | str | None, sum: Layer) -> None:
        super().__init__(where)
        self.sum = sum
        self.main = main
        self.projection = projection  # steps, "none", or None where nothing is written

    def once(self, run: Run, value: int, scope: Scope, label: str | None) -> int:
        out = run_inside(self.main, run, value, scope, self.where)
        before, after = run.builder.shape(value), run.builder.shape(out)
        shortcut = value
        if before != after:
            if self.projection == "none":
                return out
            if self.projection is None:
                raise run.refused(self._differ(before, after), self.where)
            assert isinstance(self.projection, list)
            with run.level(run.named("projection")):
                shortcut = run_inside(self.projection, run, value, scope, self.where)
            if run.builder.shape(shortcut) != after:
                text = f"residual: main gives {after}, but its projection gives {run.builder.shape(shortcut)}"
                help = f"the projection must turn {before} into {after}" + _convolution(before, after, ", as `{}` does")
                raise run.refused(Problem("shapes-differ", text, help), self.where)
        name = run.auto("add") if label is None else run.named(label)
        layer = run.changed(self.sum, name, scope, value) if run.changes else self.sum
        merged = run.builder.add(layer, [out, shortcut], name, self.where)
        run.builder.nodes[merged].entering = value
        return merged

    def _differ(self, before: Shape, after: Shape) -> Problem:
        text = f"residual: the main path turns {before} into {after}, so the two cannot be added"
        help = _convolution(before, after, "add `projection: [{}]`, or `projection: none` for no shortcut here")
        if not help and before[-1:] == after[-1:] and len(before) == len(after):
            help = "keep height and width in the main path, with `pad: same` for example"
        return Problem("shapes-differ", text, help or f"let the main path end in {before}, or leave `residual:` out")


def _convolution(before: Shape, after: Shape, sentence: str) -> str:
    """The sentence with the 1x1 convolution that turns one shape into the other; empty where there is none."""
    if len(before) != len(after) or not before.rank:
        return ""
    stride = max(1, -(-before[0] // after[0]))
    if any((width - 1) // stride + 1 != wanted for width, wanted in zip(before.spatial, after.spatial, strict=True)):
        return ""
    step = f", stride: {stride}" if stride > 1 else ""
    return sentence.format(f"conv: {{filters: {after[-1]}, kernel: 1{step}}}")
