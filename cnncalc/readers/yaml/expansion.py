"""State of an expansion in progress: the meaning of names, the names of layers, the block calls and the step budget."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cnncalc.network import Builder
from cnncalc.problem import BlockCall, Problem, Refused, Where
from cnncalc.readers.limits import Limits
from cnncalc.readers.yaml.values import Pending
from cnncalc.readers.yaml.vocabulary import IN_AXES
from cnncalc.text import did_you_mean, quoted, show

if TYPE_CHECKING:
    from cnncalc.layers.base import Layer
    from cnncalc.readers.yaml.changes import Change


class Frame:
    """The names visible inside one call of a block, or at the top of the file: parameters, and values bound by `as`."""

    __slots__ = ("caller", "names", "parameters")

    def __init__(self, parameters: dict[str, Any], caller: Frame | None = None) -> None:
        self.parameters = parameters
        self.caller = caller
        self.names: dict[str, tuple[int, int, int]] = {}  # name -> value, first node, end of its nodes

    def find(self, name: str) -> tuple[int, int, int] | None:
        """Return what a name is bound to in this frame or a calling one; None if it is unbound."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.caller
        return None


class NameLevel:
    """Context manager: layers named inside it get a prefix and counters of their own."""

    __slots__ = ("_counters", "_expansion", "_prefix")

    def __init__(self, expansion: Expansion, prefix: str) -> None:
        self._expansion = expansion
        self._prefix = prefix
        self._counters: dict[str, int] = {}

    def __enter__(self) -> None:
        self._swap()

    def __exit__(self, *_: object) -> None:
        self._swap()

    def _swap(self) -> None:
        expansion = self._expansion
        expansion.prefix, self._prefix = self._prefix, expansion.prefix
        expansion.counters, self._counters = self._counters, expansion.counters


class Expansion:
    """One expansion: the builder, the current name prefix, the trail of block calls and the step budget."""

    def __init__(
        self,
        builder: Builder,
        limits: Limits,
        defined: dict[str, Where],
        changes: Mapping[str, list[Change]] = MappingProxyType({}),
    ) -> None:
        self.builder = builder
        self.limits = limits
        self.defined = defined  # every name that `as` binds somewhere in the file
        self.changes = changes  # fields set from outside, by the full name of the layer
        self.trail: list[BlockCall] = []
        self.executed = 0
        self.depth = 0
        self.freezes = False  # true once a step has set `trainable`
        self.inputs: list[int] = []
        self.projected: dict[Any, bool] = {}  # projection -> whether it was ever used
        self.prefix = ""
        self.counters: dict[str, int] = {}  # how often each name was used at this level
        self._paths: dict[str, tuple[int, int, int]] = {}  # values bound by `as`, by full path

    def spend(self, times: int, where: Where | None) -> None:
        """Charge steps to the budget before they run.

        Raises:
            Refused: `too-large` beyond the limit.
        """
        self.executed += times
        if self.executed > self.limits.steps:
            raise self.refusal(
                Problem("too-large", f"the network has more than {self.limits.steps:,} steps", "reduce `repeat:`"),
                where,
            )

    def refusal(self, problem: Problem, where: Where | None) -> Refused:
        """Return the exception that ends this expansion: the problem with its place and the trail of block calls."""
        if problem.where is None:
            problem.where = where
        problem.trail = tuple(reversed(self.trail))
        return Refused([problem])

    def next_name(self, kind: str) -> str:
        """Return the next free name for a layer or block of a kind: `conv1`, `conv2`; `relu6_1` after a digit."""
        stem = self.prefix + kind
        if stem[-1].isdigit():
            stem += "_"
        counters, names = self.counters, self.builder.names
        number = counters.get(kind, 0) + 1
        name = f"{stem}{number}"
        while name in names:
            number += 1
            name = f"{stem}{number}"
        counters[kind] = number
        return name

    def unique_name(self, label: str) -> str:
        """Return a name from the file, numbered if it was used before at this level: `up`, `up_2`."""
        while True:
            number = self.counters.get("=" + label, 0) + 1
            self.counters["=" + label] = number
            name = f"{self.prefix}{label}" + (f"_{number}" if number > 1 else "")
            if name not in self.builder.names:
                return name

    def apply_changes(self, layer: Layer, name: str, frame: Frame, value: int) -> Layer:
        """Return the layer with the fields that `--set` changes.

        Raises:
            Refused: if a value does not suit the field.
        """
        for change in self.changes.get(name, ()):
            layer = change.apply(layer, name, self.parameters_for(frame, value, True))
        return layer

    def enter(self, path: str) -> NameLevel:
        """Return a context in which names start with `path.`."""
        return NameLevel(self, path + ".")

    def parameters_for(self, frame: Frame, value: int, incoming: bool) -> dict[str, Any]:
        """Return the values of `$names` for a step that `value` enters; `incoming` adds the sizes of that value."""
        if not incoming:
            return frame.parameters
        shape = self.builder.shape(value)
        values = dict(frame.parameters)
        values["in_channels"] = shape[-1]
        values.update(zip(IN_AXES.get(shape.rank, ()), shape, strict=False))
        return values

    def resolve(self, value: Any, frame: Frame, entering: int, where: Where | None) -> Any:
        """Return a value with its expressions evaluated."""
        if not isinstance(value, Pending):
            return value
        try:
            return value.resolve(self.parameters_for(frame, entering, value.incoming))
        except Problem as problem:
            raise self.refusal(problem, where) from None

    def bind(self, frame: Frame, name: str, binding: tuple[int, int, int]) -> None:
        """Bind a name to a value: by itself inside its block, and by its path everywhere below."""
        frame.names[name] = self._paths[self.prefix + name] = binding

    def _nearest(self, name: str) -> tuple[int, int, int] | None:
        """Return the binding of a name at the innermost level that has one; inner names hide outer ones."""
        prefix = self.prefix
        while prefix and prefix + name not in self._paths:
            prefix = prefix[: prefix.rfind(".", 0, -1) + 1]
        return self._paths.get(prefix + name)

    def lookup(self, name: Any, frame: Frame, value: int, where: Where | None) -> tuple[int, int, int]:
        """Return the value that a name refers to, with the nodes that made it.

        Raises:
            Refused: `unknown-name`.
        """
        if name == "prev":
            return value, value, value + 1
        binding = (self._nearest(name) or frame.find(name)) if isinstance(name, str) else None
        if binding is not None:
            return binding
        if name == "input":
            if len(self.inputs) == 1:
                return self.inputs[0], self.inputs[0], self.inputs[0] + 1
            raise self.refusal(
                Problem(
                    "unknown-name",
                    f"`input` could be any of {len(self.inputs)} inputs",
                    f"write {quoted([self.builder.nodes[index].name for index in self.inputs])}",
                ),
                where,
            )
        raise self.refusal(self._unknown_name(name, frame), where)

    def _unknown_name(self, name: Any, frame: Frame) -> Problem:
        known: list[str] = []
        place: Frame | None = frame
        while place is not None:
            known += place.names
            place = place.caller
        if isinstance(name, str) and name in self.defined:
            return Problem(
                "unknown-name",
                f"`{show(name)}` has no value here: the step on line {self.defined[name].line} did not run before this one",
                "a step can only use the values of steps that ran before it: check their `when:` and `repeat:`",
            )
        if not isinstance(name, str):
            from cnncalc.layers.fields.notation import spell

            return Problem(
                "unknown-name", f"`{spell(name)}` is not the name of a step", "pass the name that `as:` gives"
            )
        help = did_you_mean(name, known) or f"give the step that name with `as: {show(name)}`"
        return Problem("unknown-name", f"nothing above is named `{show(name)}`", help)
