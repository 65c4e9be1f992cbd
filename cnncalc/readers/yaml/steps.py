"""Compiled steps of a specification, which expand and propagate shapes in one pass from top to bottom.

A step takes the index of the value above and returns the index of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.layers.lookup import kind_named
from cnncalc.layers.operator import Operator
from cnncalc.network import Expectation
from cnncalc.problem import BlockCall, Problem, Refused, Where
from cnncalc.product import Product
from cnncalc.readers.yaml.expansion import Expansion, Frame
from cnncalc.readers.yaml.layer_cache import fields_of, layer_of
from cnncalc.readers.yaml.tree import Tree, where
from cnncalc.readers.yaml.values import Pending, asks_for_shape, read_values, resolve_value, work
from cnncalc.readers.yaml.vocabulary import COUNTER
from cnncalc.shape import Shape
from cnncalc.text import plural, show

DEEPEST = 64  # nested steps, across blocks; each needs up to eight Python calls of the 1,000 allowed
MOST_HELD = 10**12  # parameters that a file may state: the largest number that it can write
_SAME_LEVEL = nullcontext()
MOST_MADE = 64  # layers that one step remembers, for the rounds of a `repeat:` and calls of a block
A_STEP = 64  # characters of expressions that cost as much as one step; an operand costs a quarter


class Step:
    """Base class of steps, with the attributes `as`, `from`, `repeat`, `when`, `share`, `trainable`, `expect`, `holds`.

    `marks` holds the places of the attributes.
    """

    cost = 1  # steps that one expansion is charged as
    plain = True  # without any of the following attributes
    name: str | None = None
    start: Any = None
    repeat: Any = 1
    counts = False  # true if it sets `$i` to the number of the round
    when: Any = True
    share: Any = None
    trainable: Any = None
    holds: dict[str, Any] | None = None  # parameters by name, and `buffers`
    marks: Mapping[str, Where] = MappingProxyType({})
    expects: Sequence[tuple[str, str, Any, Where | None]] = ()

    def __init__(self, where: Where | None, work: int = 0) -> None:
        self.where = where
        self.charge(work)

    def charge(self, work: int) -> None:
        """Charge an expansion of the step for its expressions, as `work` measures them."""
        if work >= A_STEP:
            self.cost = 1 + work // A_STEP

    def expand_once(self, expansion: Expansion, value: int, frame: Frame, label: str | None) -> int:
        """Expand the step a single time, under the name `label` if it has one."""
        raise NotImplementedError

    def expand(self, expansion: Expansion, value: int, frame: Frame) -> int:
        """Expand the step and return the index of its value.

        Raises:
            Refused: at the first mismatch of shapes.
        """
        expansion.spend(self.cost, self.where)
        if self.plain:
            return self.expand_once(expansion, value, frame, None)
        if self.when is not True and not self._applies(expansion, value, frame):
            if self.name is not None:
                expansion.bind(frame, self.name, (value, value, value + 1))
            return value
        if self.start is not None:
            place = self.marks["from"]
            value = expansion.lookup(expansion.resolve(self.start, frame, value, place), frame, value, place)[0]
        first, entering = len(expansion.builder.nodes), value
        value = self._expand_repeats(expansion, value, frame)
        last = len(expansion.builder.nodes)
        if self.trainable is not None:
            self._set_trainable(expansion, entering, frame, first)
        if self.name is not None:
            expansion.bind(frame, self.name, (value, first, last))
        if self.expects:
            label = (
                _joint_label([node.name for node in expansion.builder.nodes[first:last]]) or self.name or "this step"
            )
            for quantity, text, figure, where in self.expects:
                expansion.builder.expectations.append(
                    Expectation(label, quantity, text, figure, first, last, value, where)
                )
        return value

    def _expand_repeats(self, expansion: Expansion, value: int, frame: Frame) -> int:
        place = self.marks.get("repeat", self.where)
        times = expansion.resolve(self.repeat, frame, value, place)
        if type(times) is not int or times < 0:
            raise expansion.refusal(_wrong_value("`repeat`", times, "a whole number of at least 0"), place)
        owners = None
        if self.share is not None:
            above = self.marks["share"]
            _, *owners = expansion.lookup(expansion.resolve(self.share, frame, value, above), frame, value, above)
        outer = frame.parameters.get(COUNTER)
        if times == 1:
            if self.counts:
                frame.parameters[COUNTER] = 0
            value = self._expand_shared(expansion, value, frame, self.name, owners)
        else:
            expansion.spend(max(times - 1, 0) * self.cost, place)
            with _SAME_LEVEL if self.name is None else expansion.enter(expansion.unique_name(self.name)):
                for number in range(times):
                    if self.counts:
                        frame.parameters[COUNTER] = number
                    try:
                        value = self._expand_shared(expansion, value, frame, None, owners)
                    except Refused as refused:
                        from cnncalc.readers.yaml.suggestions.misfits import advise_on_round

                        advise_on_round(refused.problems[0], number, times, place)
                        raise
        if self.counts and outer is not None:
            frame.parameters[COUNTER] = outer
        return value

    def _expand_shared(
        self, expansion: Expansion, value: int, frame: Frame, label: str | None, owners: list[int] | None
    ) -> int:
        first, entering = len(expansion.builder.nodes), value
        value = self.expand_once(expansion, value, frame, label)
        if self.holds is not None:
            node = expansion.builder.nodes[value]
            assert node.layer is not None
            holds = self._read_holds(self.holds, expansion, entering, frame)
            expansion.builder.replace(value, with_held(node.layer, node.output, holds))
        if owners is not None:
            last = len(expansion.builder.nodes)
            try:
                if last - first != owners[1] - owners[0]:
                    counts = f"{plural(last - first, 'layer')}, but the one it shares with made {owners[1] - owners[0]}"
                    help = "share between steps of the same structure"
                    raise Problem("shares-differ", f"this step makes {counts}", help)
                expansion.spend(last - first, self.marks["share"])
                for index, owner in zip(range(first, last), range(*owners), strict=True):
                    expansion.builder.share(index, owner)
            except Problem as problem:
                raise expansion.refusal(problem, self.marks["share"]) from None
        return value

    def _read_holds(self, holds: dict[str, Any], expansion: Expansion, entering: int, frame: Frame) -> dict[str, int]:
        """Return the numbers of `holds`, with expressions evaluated for the value that enters the step."""
        numbers = {}
        for name, waiting in holds.items():
            place = self.marks["holds"]
            number = expansion.resolve(waiting, frame, entering, place)
            if type(number) is not int or not 0 <= number <= MOST_HELD:
                expects = f"a whole number from 0 to {MOST_HELD:,}"
                raise expansion.refusal(_wrong_value(f"`{show(name)}` of `holds`", number, expects), place)
            numbers[name] = number
        return numbers

    def _set_trainable(self, expansion: Expansion, entering: int, frame: Frame, first: int) -> None:
        """Freeze or train the layers from `first` on, except those for which an inner step sets `trainable`."""
        place = self.marks["trainable"]
        answer = expansion.resolve(self.trainable, frame, entering, place)
        if answer is not True and answer is not False:
            raise expansion.refusal(_wrong_value("`trainable`", answer, "true or false"), place)
        nodes = expansion.builder.nodes[first:]
        expansion.spend(len(nodes), place)
        expansion.freezes = True
        for node in nodes:
            if node.frozen is None:
                node.train(answer)

    def _applies(self, expansion: Expansion, value: int, frame: Frame) -> bool:
        place = self.marks.get("when", self.where)
        answer = expansion.resolve(self.when, frame, value, place)
        if answer is True or answer is False:
            return bool(answer)
        expects = "true or false, or a comparison such as `$t != 1`"
        raise expansion.refusal(_wrong_value("`when`", answer, expects), place)


def _joint_label(names: list[str]) -> str:
    """Return a joint label for the layers of a step: their name, their common block, or `first to last`."""
    if len(names) < 2:
        return "".join(names)
    first, last = names[0].split("."), names[-1].split(".")
    same = 0
    while same < min(len(first), len(last)) - 1 and first[same] == last[same]:
        same += 1
    return ".".join(first[:same]) or f"{names[0]} to {names[-1]}"


def _wrong_value(what: str, value: Any, expects: str) -> Problem:
    from cnncalc.layers.fields.notation import spell

    return Problem("bad-value", f"{what} must be {expects}; got `{spell(value)}`")


def with_held(layer: Layer, output: Shape, holds: dict[str, int]) -> Layer:
    """Return the layer with only these parameters and buffers; other layers hold the rest."""
    counts = {name: Product(("N", number)) for name, number in holds.items()}
    buffers = {name: counts.pop(name) for name in ("buffers",) if name in counts}
    return Operator(layer.kind, output, weights=counts, buffers=buffers, like=layer, note="holds what the file states")


def expand_all(steps: list[Step], expansion: Expansion, value: int, frame: Frame) -> int:
    """Expand the steps as a chain and return the value of the last."""
    for step in steps:
        value = step.expand(expansion, value, frame)
    return value


def expand_nested(steps: list[Step], expansion: Expansion, value: int, frame: Frame, where: Where | None) -> int:
    """Expand the steps as a chain, one nesting level deeper.

    Raises:
        Refused: `too-large` if steps nest too deeply.
    """
    expansion.depth += 1
    if expansion.depth > DEEPEST:
        raise expansion.refusal(
            Problem("too-large", f"steps nest deeper than {DEEPEST} levels", "nest fewer blocks"), where
        )
    value = expand_all(steps, expansion, value, frame)
    expansion.depth -= 1
    return value


class LayerStep(Step):
    """One layer.

    `body` is what the file writes after the kind, and `inherited` has the places of the fields under `defaults`.
    """

    def __init__(
        self,
        where: Where | None,
        kind: type[Layer],
        body: Tree | None,
        layer: Layer | None,
        inherited: Mapping[str, Where] = MappingProxyType({}),
    ) -> None:
        self.where = where
        self.kind = kind
        self.body = body
        self.layer = layer
        self.inherited = inherited

    def place(self, field: str) -> Where | None:
        """Return where a field is written, or the place of the step if it is not written."""
        tree = fields_of(self.kind, self.body).get(field)
        return where(self.where.source, tree.mark) if tree is not None and self.where is not None else self.where

    def expand_once(self, expansion: Expansion, value: int, frame: Frame, label: str | None) -> int:
        layer = self.layer or self.resolve_layer(expansion, value, frame)
        kind = self.kind
        name = expansion.next_name(kind.kind) if label is None else expansion.unique_name(label)
        if expansion.changes:
            layer = expansion.apply_changes(layer, name, frame, value)
        inputs = [value]
        for field in kind.reference_fields:
            lender = getattr(layer, field)
            if lender is not None:
                inputs.append(expansion.lookup(lender, frame, value, self.place(field))[0])
        try:
            return expansion.builder.add(layer, inputs, name, self.where)
        except Problem as problem:
            if not problem.text.startswith(kind.kind):
                problem.text = f"{kind.kind}: {problem.text}"
            if expansion.builder.shape(value) == expansion.builder.shape(expansion.inputs[0]):
                from cnncalc.readers.yaml.suggestions.misfits import advise_on_input

                advise_on_input(problem, expansion.builder.shape(value))
            if name in expansion.changes:
                problem.text += "; --set has changed this layer"
            raise self._refused(expansion, problem) from None

    def _refused(self, expansion: Expansion, problem: Problem) -> Refused:
        """Return an error located at the field at fault, or at the step if that field comes from `defaults`."""
        field = problem.field or ""
        if field in self.inherited and field not in fields_of(self.kind, self.body):
            set_at = f"`{field}` is set under `defaults:`, line {self.inherited[field].line}"
            problem.help = f"{problem.help}; {set_at}" if problem.help else set_at
        return expansion.refusal(problem, self.place(field))

    def resolve_layer(self, expansion: Expansion, value: int, frame: Frame) -> Layer:
        """Return the layer for the value that enters the step."""
        raise NotImplementedError


class OpenLayerStep(LayerStep):
    """One layer whose `values`, the written fields and those of `defaults`, contain expressions."""

    def __init__(
        self,
        where: Where | None,
        kind: type[Layer],
        body: Tree | None,
        values: dict[str, Any],
        inherited: Mapping[str, Where],
    ) -> None:
        super().__init__(where, kind, body, None, inherited)
        self.charge(work(values))
        self.values = values
        self.pending = [value for value in values.values() if isinstance(value, Pending)]
        self.incoming = asks_for_shape(values)
        self.made: dict[tuple[Any, ...], Layer] = {}  # results of the expressions and their types -> the layer

    def resolve_layer(self, expansion: Expansion, value: int, frame: Frame) -> Layer:
        parameters = expansion.parameters_for(frame, value, self.incoming)
        try:
            figures = [pending.resolve(parameters) for pending in self.pending]
            key = (*figures, *map(type, figures))  # 1 == True, but fields distinguish them
            try:
                layer = self.made.get(key)
            except TypeError:  # a figure is a mapping
                return layer_of(self.kind, read_values(self.kind, self.values, parameters))
            if layer is None:
                layer = layer_of(self.kind, read_values(self.kind, self.values, parameters))
                if len(self.made) >= MOST_MADE:
                    self.made.clear()
                self.made[key] = layer
            return layer
        except Problem as problem:
            raise self._refused(expansion, problem) from None


class ParameterStep(Step):
    """A bare `$name` whose value is the name of a kind."""

    def __init__(
        self, where: Where | None, word: Pending, defaults: dict[str, tuple[dict[str, Any], dict[str, Where]]]
    ) -> None:
        super().__init__(where, work(word))
        self.word = word
        self.defaults = defaults
        self.made: dict[str, LayerStep] = {}

    def expand_once(self, expansion: Expansion, value: int, frame: Frame, label: str | None) -> int:
        kind = expansion.resolve(self.word, frame, value, self.where)
        step = self.made.get(kind) if isinstance(kind, str) else None
        if step is None:
            try:
                named = kind_named(str(kind))
                if named.inputs != 1:
                    text = f"`{show(kind)}` joins several values and cannot be used as a bare word"
                    raise Problem("bad-value", text, f"write `{show(kind)}:` with what it joins")
                values, places = self.defaults.get(named.kind, ({}, {}))
                for field in named.fields.values():
                    if field.required and field.name not in values:
                        raise Problem(
                            "missing-field",
                            f"{named.kind} needs `{field.name}`: {field.help}",
                            "set it under `defaults:`",
                        )
            except Problem as problem:
                raise expansion.refusal(problem, self.where) from None
            if Pending in map(type, values.values()):
                step = OpenLayerStep(self.where, named, None, values, places)
            else:
                step = LayerStep(self.where, named, None, layer_of(named, values), places)
            self.made[str(kind)] = step
        expansion.spend(step.cost - 1, self.where)
        return step.expand_once(expansion, value, frame, label)


class SeqStep(Step):
    """A group of steps."""

    def __init__(self, where: Where | None, steps: list[Step]) -> None:
        super().__init__(where)
        self.steps = steps

    def expand_once(self, expansion: Expansion, value: int, frame: Frame, label: str | None) -> int:
        if label is None:
            return expand_nested(self.steps, expansion, value, frame, self.where)
        with expansion.enter(expansion.unique_name(label)):
            return expand_nested(self.steps, expansion, value, frame, self.where)


class Block:
    """A block of the file: its parameters with defaults, and its steps once they are compiled."""

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
        """The name and parameters of the block, as the file writes them: `Stage(width, stride=2)`."""
        from cnncalc.layers.fields.notation import spell

        written = [
            name + (f"={spell(self.defaults[name])}" if name in self.defaults else "") for name in self.parameters
        ]
        return self.name + (f"({', '.join(written)})" if written else "")


class BlockStep(Step):
    """A call of a block."""

    def __init__(self, where: Where | None, block: Block, values: dict[str, Any]) -> None:
        super().__init__(where)
        self.block = block
        self.values = values
        self.waits = Pending in map(type, values.values())
        self.incoming = self.waits and asks_for_shape(values)
        if self.waits:
            self.charge(work(values))

    def expand_once(self, expansion: Expansion, value: int, frame: Frame, label: str | None) -> int:
        block = self.block
        outermost = frame
        while outermost.caller is not None:
            outermost = outermost.caller
        parameters = {**outermost.parameters, **block.defaults}
        if self.waits:
            visible = expansion.parameters_for(frame, value, self.incoming)
            try:
                parameters.update((name, resolve_value(waiting, visible)) for name, waiting in self.values.items())
            except Problem as problem:
                raise expansion.refusal(problem, self.where) from None
        else:
            parameters.update(self.values)
        path = expansion.next_name(block.name) if label is None else expansion.unique_name(label)
        expansion.trail.append(BlockCall(block.name, self.where))
        with expansion.enter(path):
            value = expand_nested(block.steps, expansion, value, Frame(parameters, frame), self.where)
        expansion.trail.pop()
        return value
