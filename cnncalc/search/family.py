"""The networks of one specification for all choices of the values that a search may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncalc import readers
from cnncalc.loading import LoadOptions, Spec, load, source_of
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.limits import TRUSTED
from cnncalc.readers.yaml.changes import Change, full_name
from cnncalc.readers.yaml.inputs import LARGEST_AXIS
from cnncalc.readers.yaml.reader import Overrides
from cnncalc.readers.yaml.tree import parse
from cnncalc.record import Record
from cnncalc.search.ranges import Range, value_of
from cnncalc.search.replay import Replay
from cnncalc.search.template import Template
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show

PARAMETER, INPUT, FIELD, BATCH = "parameter", "input", "field", "batch"
Choice = tuple[int, ...]  # the place of the chosen value in the values of each axis


class Axis(Record):
    """One range with what it changes, and its values as the network needs them.

    `target` is the name of the parameter or input, or the full name of the layer.
    """

    range: Range
    kind: str
    target: str
    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The name as it is typed."""
        return self.range.name

    def option(self, place: int) -> tuple[str, str]:
        """Return the option of other commands that sets this value."""
        value = self.range.values[place]
        if self.kind == PARAMETER:
            return "-p", f"{self.target}={value}"
        if self.kind == INPUT:
            return "--input", (f"{self.target}=" if self.target else "") + str(self.values[place])
        if self.kind == BATCH:
            return "--batch", value
        return "--set", f"{self.target}.{self.name.rpartition('.')[2]}={value}"


class Family:
    """A specification, and the axes along which it may be changed."""

    def __init__(self, spec: Spec, options: LoadOptions, ranges: Sequence[Range]) -> None:
        """Read the specification.

        Raises:
            LoadError: If it cannot be read.
            Refused: If it is not valid, or does not have what a range changes.
        """
        self.spec = spec
        self.options = options
        self.ranges = tuple(ranges)
        self.template = self._template()
        self._base: Network | None = None
        names = [one.name for one in ranges]
        for name in names:
            if names.count(name) > 1:
                raise _wrong(name, "it is varied twice", "use one range for each name")
        self.axes = tuple(map(self._axis, ranges))
        self._fixed = [self._change(text) for text in options.changes] if self.template is not None else []
        self._replay: Replay | None = None

    # -- reading ----------------------------------------------------------------------------------------------------

    def _template(self) -> Template | None:
        """The specification read once; None if it has to be read again for every choice."""
        spec = self.spec
        if spec.reader.is_other_format:
            return None
        source = source_of(spec)
        if not spec.line and readers.reader_of_text(source.text).is_other_format:
            return None
        overrides = Overrides(self.options.parameters, self.options.inputs)
        if not spec.line:
            return Template(parse(source, TRUSTED), source, overrides)
        from cnncalc.readers.yaml.oneline import OPEN
        from cnncalc.readers.yaml.oneline import parse as parse_line

        if OPEN.search(source.text):  # -p decides how often its parts are repeated
            return None
        return Template(
            parse_line(source, overrides.parameters, size=self.options.inputs.get("", "")), source, overrides
        )

    @property
    def base(self) -> Network:
        """The network as it is written."""
        if self._base is None:
            self._base = self.template.network() if self.template is not None else load(self.spec, self.options)
        return self._base

    # -- axes -------------------------------------------------------------------------------------------------------

    def _axis(self, one: Range) -> Axis:
        name = one.name
        parameters = self.template.parameters if self.template is not None else None
        if parameters is not None and name in parameters:
            return Axis(one, PARAMETER, name, tuple(_parameter(one, value, parameters[name]) for value in one.values))
        if name == "batch":
            return Axis(one, BATCH, "", tuple(_batch(one, value) for value in one.values))
        inputs = self._inputs()
        if name in inputs or (name == "input" and "" in inputs):
            target = name if name in inputs else ""
            return Axis(one, INPUT, target, tuple(_shape(one, value, inputs[target]) for value in one.values))
        if "." in name and self.template is not None:
            return self._field(one)
        if self.template is None and (self.spec.line or self.spec.reader.name == "onnx") and "." not in name:
            return Axis(one, PARAMETER, name, one.values)  # an open number of a pattern, or a dimension
        variables = [*(parameters or ()), *(name or "input" for name in inputs), "batch"]
        reads = did_you_mean(name, variables) or f"it has {quoted(variables, 'and')}, and fields such as conv1.filters"
        raise _wrong(name, f"{show(self.spec.text)} has no parameter, input or field of that name", reads)

    def _inputs(self) -> Mapping[str, Shape]:
        if self.template is not None:
            return self.template.inputs
        inputs = self.base.inputs if not self.spec.line else []
        return {"" if len(inputs) == 1 else node.name: node.output for node in inputs}

    def _field(self, one: Range) -> Axis:
        changes = tuple(Change(f"{one.name}={value}", "--vary") for value in one.values)
        first = changes[0]
        names = [node.name for node in self.base.nodes if node.layer is not None]
        layer = first.layer if first.layer in names else full_name(first, first.layer, self.base)
        node = next(node for node in self.base.nodes if node.name == layer)
        assert node.layer is not None
        first.apply(node.layer, layer, {})  # an unknown field, or a value that does not suit it
        return Axis(one, FIELD, layer, changes)

    def _change(self, text: str) -> tuple[str, Change]:
        change = Change(text)
        names = [node.name for node in self.base.nodes if node.layer is not None]
        return change.layer if change.layer in names else full_name(change, change.layer, self.base), change

    # -- choices ----------------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """The number of choices."""
        total = 1
        for axis in self.axes:
            total *= len(axis.values)
        return total

    def network(self, choice: Choice) -> Network:
        """Return the network of a choice.

        Raises:
            Refused: If it is not valid.
        """
        if self.template is None:
            return self._load(choice)
        parameters: dict[str, Any] = {}
        inputs: dict[str, Shape] = {}
        changes: dict[str, list[Change]] = {}
        for layer, change in self._fixed:
            changes.setdefault(layer, []).append(change)
        for axis, place in zip(self.axes, choice, strict=True):
            if axis.kind == PARAMETER:
                parameters[axis.target] = axis.values[place]
            elif axis.kind == INPUT:
                inputs[axis.target] = axis.values[place]
            elif axis.kind == FIELD:
                changes.setdefault(axis.target, []).append(axis.values[place])
        network = self.template.network(parameters, inputs, changes)
        if self.options.frozen:
            from cnncalc.analyses.freezing import freeze

            freeze(network, self.options.frozen)
        return network

    def measured_network(self, choice: Choice) -> Network:
        """Return a network with the figures of a choice, as fast as possible; it may lack what the reader notes about it.

        Raises:
            Refused: If it is not valid.
        """
        replay = self._replay_of_base()
        if replay is None:
            return self.network(choice)
        inputs: dict[str, Shape] = {}
        changes: dict[str, list[Change]] = {}
        for axis, place in zip(self.axes, choice, strict=True):
            if axis.kind == INPUT:
                inputs[axis.target] = axis.values[place]
            elif axis.kind == FIELD:
                changes.setdefault(axis.target, []).append(axis.values[place])
        return replay.network_with(inputs, changes, {}) or self.network(choice)

    def _replay_of_base(self) -> Replay | None:
        """Return the layers of the network as written if no axis changes anything but their shapes and fields."""
        if (
            self.template is None
            or self._fixed
            or self.options.frozen
            or any(axis.kind == PARAMETER for axis in self.axes)
        ):
            return None
        if self._replay is None:
            try:
                self._replay = Replay(self.template, self.base)
            except Refused:  # the file as it is written is not valid, but other choices may be
                return None
        return self._replay if self._replay.fits else None

    def _load(self, choice: Choice) -> Network:
        options = self.options
        parameters, inputs = dict(options.parameters), dict(options.inputs)
        for axis, place in zip(self.axes, choice, strict=True):
            if axis.kind == PARAMETER:
                parameters[axis.target] = axis.range.values[place]
            elif axis.kind == INPUT:
                inputs[axis.target] = str(axis.values[place])
        return load(self.spec, options.with_values(inputs, parameters))

    def batch(self, choice: Choice) -> int:
        """Return the batch size of a choice, 0 if it is not varied."""
        return next((axis.values[place] for axis, place in self._pairs(choice) if axis.kind == BATCH), 0)

    def values(self, choice: Choice) -> dict[str, str]:
        """Return the values of a choice as they are typed, by name."""
        return {axis.name: axis.range.values[place] for axis, place in self._pairs(choice)}

    def set_options(self, choice: Choice) -> list[str]:
        """Return the options of other commands that set these values."""
        return [word for axis, place in self._pairs(choice) for word in axis.option(place)]

    def _pairs(self, choice: Choice) -> list[tuple[Axis, int]]:
        return list(zip(self.axes, choice, strict=True))


def _parameter(one: Range, text: str, before: Any) -> Any:
    value = value_of(text)
    if type(before) in (int, float, bool, tuple) and isinstance(value, str):
        kind = "true or false" if type(before) is bool else "a number"
        raise _wrong(one.name, f"it must be {kind}; got `{show(text)}`", "use values of the same kind as in the file")
    if type(before) is bool and type(value) is not bool:
        raise _wrong(one.name, f"it must be true or false; got `{show(text)}`", f"write {one.name}=true,false")
    return value


def _batch(one: Range, text: str) -> int:
    value = value_of(text)
    if type(value) is not int or not 1 <= value <= 10**9:
        raise _wrong(one.name, f"`{show(text)}` is not a batch size", "use whole numbers of at least 1")
    return value


def _shape(one: Range, text: str, before: Shape) -> Shape:
    """Return an input shape: one side for all axes but the channels, or a whole shape."""
    value = value_of(text)
    if type(value) is int and 1 <= value <= LARGEST_AXIS:
        if not before.rank:
            return Shape((value,))
        return Shape((*[value] * before.rank, before[-1]))
    if type(value) is tuple and len(value) <= 4 and all(1 <= side <= LARGEST_AXIS for side in value):
        return Shape(value)
    raise _wrong(one.name, f"`{show(text)}` is neither a side nor a shape", "write 64, or 64x64x3")


def _wrong(name: str, text: str, help: str) -> Refused:
    return Refused([Problem("bad-argument", f"--vary {show(name)}: {text}", help)])
