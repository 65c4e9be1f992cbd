"""Steps of a specification, checked and ready to run: expansion and shape propagation in one pass from top to bottom.

A step takes the index of the value above and returns the index of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Field
from cnncalc.layers.lookup import kind_named
from cnncalc.layers.operator import Operator
from cnncalc.network import Expectation
from cnncalc.problem import Call, Problem, Refused, Where
from cnncalc.product import Product
from cnncalc.readers.yaml.expansion import Run, Scope
from cnncalc.readers.yaml.layer_cache import layer_of
from cnncalc.readers.yaml.tree import Tree, where
from cnncalc.readers.yaml.values import Pending, resolved
from cnncalc.readers.yaml.vocabulary import COUNTER
from cnncalc.shape import Shape
from cnncalc.text import plural, show

DEEPEST = 64  # steps inside steps, through all blocks; each costs up to eight calls, and Python has 1,000
MOST_HELD = 10**12  # parameters that a file may state, as many as can be written as a number
A_STEP = 64  # characters of expressions, or four of them operands, that are worked on in the time of one step


class Step:
    """What every step may carry: `as`, `from`, `repeat`, `when`, `share`, `trainable`, `expect`, `holds`.

    `marks` says where they stand.
    """

    cost = 1  # steps that one run counts for
    plain = True  # does it carry none of the following?
    name: str | None = None
    start: Any = None
    repeat: Any = 1
    counts = False  # does it set `$i` to the number of the round?
    when: Any = True
    share: Any = None
    trainable: Any = None
    holds: dict[str, Any] | None = None  # parameters by name, and `buffers`
    marks: Mapping[str, Where] = MappingProxyType({})
    expects: Sequence[tuple[str, str, Any, Where | None]] = ()

    def __init__(self, where: Where | None, work: int = 0) -> None:
        self.where = where
        if work >= A_STEP:
            self.cost = 1 + work // A_STEP

    def once(self, run: Run, value: int, scope: Scope, label: str | None) -> int:
        """Run the step a single time, named `label` where that is given."""
        raise NotImplementedError

    def run(self, run: Run, value: int, scope: Scope) -> int:
        """Run the step; the index of the value it makes.

        Raises:
            Refused: at the first thing that does not fit.
        """
        run.count(self.cost, self.where)
        if self.plain:
            return self.once(run, value, scope, None)
        if self.when is not True and not self._applies(run, value, scope):
            if self.name is not None:
                run.bind(scope, self.name, (value, value, value + 1))
            return value
        if self.start is not None:
            place = self.marks["from"]
            value = run.lookup(run.resolve(self.start, scope, value, place), scope, value, place)[0]
        first, entering = len(run.builder.nodes), value
        value = self._repeated(run, value, scope)
        last = len(run.builder.nodes)
        if self.trainable is not None:
            self._train(run, entering, scope, first)
        if self.name is not None:
            run.bind(scope, self.name, (value, first, last))
        if self.expects:
            label = _label([node.name for node in run.builder.nodes[first:last]]) or self.name or "this step"
            for quantity, text, figure, where in self.expects:
                run.builder.expectations.append(Expectation(label, quantity, text, figure, first, last, value, where))
        return value

    def _repeated(self, run: Run, value: int, scope: Scope) -> int:
        place = self.marks.get("repeat", self.where)
        times = run.resolve(self.repeat, scope, value, place)
        if type(times) is not int or times < 0:
            raise run.refused(_bad("`repeat`", times, "a whole number of at least 0"), place)
        owners = None
        if self.share is not None:
            above = self.marks["share"]
            _, *owners = run.lookup(run.resolve(self.share, scope, value, above), scope, value, above)
        outer = scope.parameters.get(COUNTER)
        if times == 1:
            if self.counts:
                scope.parameters[COUNTER] = 0
            value = self._shared(run, value, scope, self.name, owners)
        else:
            run.count(max(times - 1, 0) * self.cost, place)
            with nullcontext() if self.name is None else run.level(run.named(self.name)):
                for number in range(times):
                    if self.counts:
                        scope.parameters[COUNTER] = number
                    value = self._shared(run, value, scope, None, owners)
        if self.counts and outer is not None:
            scope.parameters[COUNTER] = outer
        return value

    def _shared(self, run: Run, value: int, scope: Scope, label: str | None, owners: list[int] | None) -> int:
        first, entering = len(run.builder.nodes), value
        value = self.once(run, value, scope, label)
        if self.holds is not None:
            node = run.builder.nodes[value]
            assert node.layer is not None
            holds = self._held(self.holds, run, entering, scope)
            run.builder.replace(value, holding(node.layer, node.output, holds))
        if owners is not None:
            last = len(run.builder.nodes)
            try:
                if last - first != owners[1] - owners[0]:
                    made = f"{plural(last - first, 'layer')}, but the one it shares with made {owners[1] - owners[0]}"
                    help = "share between steps of the same structure"
                    raise Problem("shares-differ", f"this step makes {made}", help)
                run.count(last - first, self.marks["share"])
                for index, owner in zip(range(first, last), range(*owners), strict=True):
                    run.builder.share(index, owner)
            except Problem as problem:
                raise run.refused(problem, self.marks["share"]) from None
        return value

    def _held(self, holds: dict[str, Any], run: Run, entering: int, scope: Scope) -> dict[str, int]:
        """The numbers of `holds`, their expressions worked out for what enters the step."""
        found = {}
        for name, waiting in holds.items():
            place = self.marks["holds"]
            number = run.resolve(waiting, scope, entering, place)
            if type(number) is not int or not 0 <= number <= MOST_HELD:
                expects = f"a whole number from 0 to {MOST_HELD:,}"
                raise run.refused(_bad(f"`{show(name)}` of `holds`", number, expects), place)
            found[name] = number
        return found

    def _train(self, run: Run, entering: int, scope: Scope, first: int) -> None:
        """Freeze or train the layers from `first` on, but for those of which a step inside says it."""
        place = self.marks["trainable"]
        answer = run.resolve(self.trainable, scope, entering, place)
        if answer is not True and answer is not False:
            raise run.refused(_bad("`trainable`", answer, "true or false"), place)
        nodes = run.builder.nodes[first:]
        run.count(len(nodes), place)
        run.freezes = True
        for node in nodes:
            if node.frozen is None:
                node.train(answer)

    def _applies(self, run: Run, value: int, scope: Scope) -> bool:
        place = self.marks.get("when", self.where)
        answer = run.resolve(self.when, scope, value, place)
        if answer is True or answer is False:
            return bool(answer)
        raise run.refused(_bad("`when`", answer, "true or false, or a comparison such as `$t != 1`"), place)


def _label(names: list[str]) -> str:
    """What the layers of a step are called together: their name, the block they share, or the first to the last."""
    if len(names) < 2:
        return "".join(names)
    first, last = names[0].split("."), names[-1].split(".")
    same = 0
    while same < min(len(first), len(last)) - 1 and first[same] == last[same]:
        same += 1
    return ".".join(first[:same]) or f"{names[0]} to {names[-1]}"


def _bad(what: str, value: Any, expects: str) -> Problem:
    from cnncalc.layers.notation import spell

    return Problem("bad-value", f"{what} must be {expects}; got `{spell(value)}`")


def holding(layer: Layer, output: Shape, holds: dict[str, int]) -> Layer:
    """The layer with these parameters and buffers of its own, where others hold the rest."""
    counts = {name: Product(("N", number)) for name, number in holds.items()}
    buffers = {name: counts.pop(name) for name in ("buffers",) if name in counts}
    return Operator(layer.kind, output, weights=counts, buffers=buffers, like=layer, note="holds what the file states")


def run_all(steps: list[Step], run: Run, value: int, scope: Scope) -> int:
    """Chain the steps; the value of the last."""
    for step in steps:
        value = step.run(run, value, scope)
    return value


def run_inside(steps: list[Step], run: Run, value: int, scope: Scope, where: Where | None) -> int:
    """Chain the steps one level deeper."""
    run.depth += 1
    if run.depth > DEEPEST:
        raise run.refused(
            Problem("too-large", f"steps nest deeper than {DEEPEST} levels", "call fewer blocks inside blocks"), where
        )
    value = run_all(steps, run, value, scope)
    run.depth -= 1
    return value


def work(value: Any) -> int:
    """How long a value takes to work out: the characters of its expressions, and some for each of them."""
    if isinstance(value, Pending):
        return 8 + (work(value.value) if isinstance(value.value, (dict, list)) else len(value.text))
    if isinstance(value, (dict, list)):
        return sum(map(work, value.values() if isinstance(value, dict) else value))
    return 0


def asks(values: Mapping[str, Any]) -> bool:
    """May one of the values ask for the size of what comes in?"""
    return any(isinstance(value, Pending) and value.incoming for value in values.values())


class LayerStep(Step):
    """One layer: `layer` where all its fields are constant, else `values`, the written fields and those of `defaults`.

    `trees` are the fields as the file writes them, `inherited` the places of those under `defaults`.
    """

    def __init__(
        self,
        where: Where | None,
        kind: type[Layer],
        values: dict[str, Any],
        trees: Mapping[str, Tree],
        inherited: Mapping[str, Where],
        layer: Layer | None,
    ) -> None:
        super().__init__(where, 0 if layer is not None else work(values))
        self.kind = kind
        self.values = values
        self.trees = trees
        self.inherited = inherited
        self.layer = layer
        self.incoming = layer is None and asks(values)

    def place(self, field: str) -> Where | None:
        """Where a field is written; the step where it is not."""
        tree = self.trees.get(field)
        return where(self.where.source, tree.mark) if tree is not None and self.where is not None else self.where

    def once(self, run: Run, value: int, scope: Scope, label: str | None) -> int:
        layer = self.layer or self._resolved(run, value, scope)
        kind = self.kind
        name = run.auto(kind.kind) if label is None else run.named(label)
        if run.changes:
            layer = run.changed(layer, name, scope, value)
        inputs = [value]
        for field in kind.reference_fields:
            lender = getattr(layer, field)
            if lender is not None:
                inputs.append(run.lookup(lender, scope, value, self.place(field))[0])
        try:
            return run.builder.add(layer, inputs, name, self.where)
        except Problem as problem:
            if not problem.text.startswith(kind.kind):
                problem.text = f"{kind.kind}: {problem.text}"
            if name in run.changes:
                problem.text += "; --set has changed this layer"
            raise self._refused(run, problem) from None

    def _refused(self, run: Run, problem: Problem) -> Refused:
        """A misfit at the field that is at fault, or at the step where that field comes from `defaults`."""
        field = problem.field or ""
        if field in self.inherited and field not in self.trees:
            set_at = f"`{field}` is set under `defaults:`, line {self.inherited[field].line}"
            problem.help = f"{problem.help}; {set_at}" if problem.help else set_at
        return run.refused(problem, self.place(field))

    def _resolved(self, run: Run, value: int, scope: Scope) -> Layer:
        parameters = run.parameters(scope, value, self.incoming)
        try:
            return layer_of(self.kind, read_values(self.kind, self.values, parameters))
        except Problem as problem:
            raise self._refused(run, problem) from None


def read_values(kind: type[Layer], values: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a layer with their expressions worked out.

    Raises:
        Problem: `bad-expression` or `bad-value`.
    """
    return {
        name: _read(kind.fields[name], waiting.resolve(parameters), waiting.text)
        if isinstance(waiting, Pending)
        else waiting
        for name, waiting in values.items()
    }


def _read(field: Field[Any], value: Any, text: str) -> Any:
    """What an expression gave, as the field keeps it."""
    try:
        return field.read(value)
    except Problem as problem:
        if not problem.help and type(value) is bool and "$" in text and not text.startswith("$"):
            problem.help = "a comparison gives true or false: it belongs in `when:`"
        elif not problem.help and getattr(value, "denominator", 1) != 1:
            problem.help = f"round it, as in `({show(text)}) // 1` or `round_to({show(text)}, 8)`"
        raise


class ParameterStep(Step):
    """A bare `$name` whose value is the name of a kind."""

    def __init__(
        self, where: Where | None, word: Pending, defaults: dict[str, tuple[dict[str, Any], dict[str, Where]]]
    ) -> None:
        super().__init__(where, work(word))
        self.word = word
        self.defaults = defaults
        self.made: dict[str, LayerStep] = {}

    def once(self, run: Run, value: int, scope: Scope, label: str | None) -> int:
        kind = run.resolve(self.word, scope, value, self.where)
        step = self.made.get(kind) if isinstance(kind, str) else None
        if step is None:
            try:
                found = kind_named(str(kind))
                if found.inputs != 1:
                    text = f"`{show(kind)}` joins several values and cannot stand as a bare word"
                    raise Problem("bad-value", text, f"write `{show(kind)}:` with what it joins")
                values, places = self.defaults.get(found.kind, ({}, {}))
                for field in found.fields.values():
                    if field.required and field.name not in values:
                        raise Problem(
                            "missing-field",
                            f"{found.kind} needs `{field.name}`: {field.help}",
                            "set it under `defaults:`",
                        )
            except Problem as problem:
                raise run.refused(problem, self.where) from None
            layer = None if any(isinstance(one, Pending) for one in values.values()) else layer_of(found, values)
            step = self.made[str(kind)] = LayerStep(self.where, found, values, {}, places, layer)
        run.count(step.cost - 1, self.where)
        return step.once(run, value, scope, label)


class SeqStep(Step):
    """A group of steps."""

    def __init__(self, where: Where | None, steps: list[Step]) -> None:
        super().__init__(where)
        self.steps = steps

    def once(self, run: Run, value: int, scope: Scope, label: str | None) -> int:
        if label is None:
            return run_inside(self.steps, run, value, scope, self.where)
        with run.level(run.named(label)):
            return run_inside(self.steps, run, value, scope, self.where)


class Block:
    """A block of the file: its parameters with defaults, and its steps once they are read."""

    __slots__ = ("calls", "defaults", "name", "parameters", "steps", "where")

    def __init__(self, name: str, parameters: list[str], defaults: dict[str, Any], where: Where) -> None:
        self.name = name
        self.parameters = parameters
        self.defaults = defaults
        self.where = where
        self.steps: list[Step] = []
        self.calls: dict[str, Where | None] = {}

    @property
    def signature(self) -> str:
        """The block's name and parameters as the file writes them: `Stage(width, stride=2)`."""
        from cnncalc.layers.notation import spell

        written = [
            name + (f"={spell(self.defaults[name])}" if name in self.defaults else "") for name in self.parameters
        ]
        return self.name + (f"({', '.join(written)})" if written else "")


class BlockStep(Step):
    """A call of a block."""

    def __init__(self, where: Where | None, block: Block, values: dict[str, Any]) -> None:
        super().__init__(where, work(values))
        self.block = block
        self.values = values
        self.waits = Pending in map(type, values.values())
        self.incoming = asks(values)

    def once(self, run: Run, value: int, scope: Scope, label: str | None) -> int:
        block = self.block
        outermost = scope
        while outermost.caller is not None:
            outermost = outermost.caller
        parameters = {**outermost.parameters, **block.defaults}
        if self.waits:
            known = run.parameters(scope, value, self.incoming)
            try:
                parameters.update((name, resolved(waiting, known)) for name, waiting in self.values.items())
            except Problem as problem:
                raise run.refused(problem, self.where) from None
        else:
            parameters.update(self.values)
        path = run.auto(block.name) if label is None else run.named(label)
        run.trail.append(Call(block.name, self.where))
        with run.level(path):
            value = run_inside(block.steps, run, value, Scope(parameters, scope), self.where)
        run.trail.pop()
        return value
