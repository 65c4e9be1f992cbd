"""The contract of a layer kind. A layer states facts about itself, and every analysis adds up such facts.

A kind is one class with its fields, `out`, and those of `weights`, `buffers`, `macs`, `windows` and `operations` that
differ from the defaults. The reader, the JSON Schema, suggestions for unknown names, `explain` and all tables follow from
the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from cnncalc.layers.fields import Field, Name
from cnncalc.layers.operations import Op
from cnncalc.layers.roles import sum_by_role
from cnncalc.layers.views import View
from cnncalc.problem import Problem
from cnncalc.product import NOTHING, Number
from cnncalc.shape import Shape
from cnncalc.text import nearest, plural, show

if TYPE_CHECKING:
    from typing_extensions import Self

KINDS: dict[str, type[Layer]] = {}


class Statistics:
    """Output shape, parameters and multiply-adds of a layer for certain input shapes, each computed once."""

    __slots__ = ("_notes", "biases", "buffers", "counted", "layer", "macs", "output", "shapes", "size", "weights")

    def __init__(self, layer: Layer, shapes: tuple[Shape, ...]) -> None:
        """Compute the output shape and its size.

        Raises:
            Problem: The inputs do not suit the layer.
        """
        if len(shapes) != layer.inputs and (layer.inputs is not None or not shapes):
            raise _wrong_inputs(layer, len(shapes))
        self.layer = layer
        self.shapes = shapes
        self.output = layer.out(*shapes)
        self.size = self.output.size
        self.counted = False
        self._notes: list[tuple[str, str]] | None = None

    def count(self) -> None:
        """Compute weights, biases, buffers and multiply-adds."""
        layer, shapes = self.layer, self.shapes
        if layer.free:
            self.weights = self.biases = self.buffers = 0
            self.macs = 0
            self.counted = True
            return
        self.weights, self.biases = sum_by_role(layer.weights(*shapes))
        self.buffers = sum(map(int, layer.buffers(*shapes).values()))
        self.macs = int(layer.macs(*shapes))  # without its factors, which only `explain` needs
        self.counted = True

    @property
    def notes(self) -> list[tuple[str, str]]:
        """Notes of the layer, as (code, sentence)."""
        if self._notes is None:
            self._notes = self.layer.notes(*self.shapes)
        return self._notes


class Layer:
    """One immutable layer with the values of its fields.

    A subclass gives the name of its kind: `class Conv(Layer, kind="conv")`. Fields at their defaults are not stored on the
    instance.
    """

    kind: ClassVar[str] = ""
    fields: ClassVar[dict[str, Field[Any]]] = {}
    elsewhere: ClassVar[str] = ""  # names of the kind in other tools, separated by spaces
    variants: ClassVar[dict[str, str]] = {}  # those that imply certain fields: lower-case name -> the fields
    inputs: ClassVar[int | None] = 1  # number of values it takes; None: any number from one up
    least_operands: ClassVar[int] = 1  # minimum number of values that a specification must name
    required_fields: ClassVar[tuple[str, ...]] = ()
    reference_inputs: ClassVar[int] = 0  # number of trailing inputs that are read for their shape only
    reference_fields: ClassVar[tuple[str, ...]] = ()  # fields that name these inputs
    free: ClassVar[bool] = False  # True if no field gives it parameters, buffers or multiply-adds
    in_place: ClassVar[bool] = False  # True if it can overwrite its input, so that it writes no new volume
    known_cost: ClassVar[bool] = True  # False if its multiply-adds are unknown, whatever `macs` returns
    counts_for_depth: ClassVar[int] = 0  # number of convolutions and fully connected layers that it counts as
    convolves: ClassVar[bool] = False  # True if its output counts as conv activations
    families: ClassVar[tuple[str, ...]] = ()  # names of its groups in a policy, narrowest first
    example: ClassVar[str] = ""  # `shape -> step`, shown by explain and run by the tests

    def __init_subclass__(cls, kind: str = "", alias: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        costs = (cls.weights, cls.buffers, cls.macs)
        cls.free = costs == (Layer.weights, Layer.buffers, Layer.macs)
        declared = {name: value for name, value in cls.__dict__.items() if isinstance(value, Field)}
        if kind:
            cls.kind = kind
            KINDS[kind] = cls
            if alias:
                KINDS[alias] = cls
        if not declared and not cls.fields:
            return
        merged = {
            name: field.of(cls.kind, name)
            for name, field in {**declared, **{k: v for k, v in cls.fields.items() if k not in declared}}.items()
        }
        cls.fields = {name: field for name, field in merged.items() if field.required}
        cls.fields.update((name, field) for name, field in merged.items() if not field.required)
        cls.required_fields = tuple([name for name, field in cls.fields.items() if field.required])
        cls.reference_fields = tuple([name for name, field in cls.fields.items() if isinstance(field, Name)])
        for name, field in declared.items():
            if field.required:
                delattr(cls, name)
            else:
                setattr(cls, name, field.default)

    cache: dict[Any, Any]  # results of its rules: `Statistics` by input shapes, anything else by its name and the shape

    def __new__(cls, *_: Any, **__: Any) -> Self:
        layer = object.__new__(cls)
        layer.__dict__["cache"] = {}
        return layer

    def __init__(self, **values: Any) -> None:
        """Check and store the fields.

        Raises:
            Problem: `unknown-field`, `missing-field` or `bad-value`.
        """
        for name, value in values.items():
            field = self.fields.get(name)
            if field is None:
                raise unknown_field(type(self), name)
            checked = field.read(value)
            if checked != field.default or type(checked) is not type(field.default):
                self.__dict__[name] = checked
        for name, field in self.fields.items():
            if field.required and name not in self.__dict__:
                raise missing_field(type(self), field)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """Make a layer from values that the fields have already read. No required field may be missing."""
        layer = cls.__new__(cls)
        own, fields = layer.__dict__, cls.fields
        for name, value in values.items():
            default = fields[name].default
            if value != default or type(value) is not type(default):
                own[name] = value
        return layer

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self.kind} is immutable")

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.nondefault_fields.items())})"
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Layer) and type(self) is type(other) and self.nondefault_fields == other.nondefault_fields
        )

    __hash__ = None  # type: ignore[assignment]  # fields may be mappings

    @property
    def nondefault_fields(self) -> dict[str, Any]:
        """Fields that differ from their defaults, in the order of the kind's table."""
        stored = self.__dict__  # can contain a default that was written per axis, such as `1x1`
        return {
            name: stored[name]
            for name, field in self.fields.items()
            if name in stored and stored[name] != field.default
        }

    def format_fields(self) -> str:
        """Format the fields that differ from their defaults: `filters 64, kernel 3, pad 1`."""
        return ", ".join(f"{name} {self.fields[name].show(value)}" for name, value in self.nondefault_fields.items())

    def statistics(self, shapes: tuple[Shape, ...]) -> Statistics:
        """Return the statistics for input shapes.

        Raises:
            Problem: The inputs do not suit the layer.
        """
        statistics: Statistics | None = self.cache.get(shapes)
        if statistics is None:
            statistics = self.cache[shapes] = Statistics(self, shapes)
        return statistics

    def out(self, *xs: Shape) -> Shape:
        """Return the output shape for input shapes `xs`.

        Raises:
            Problem: The inputs do not suit the layer.
        """
        return xs[0]

    def weights(self, *xs: Shape) -> dict[str, Number]:
        """Return the number of trainable parameters by name. Names of biases start with `bias`."""
        return {}

    def buffers(self, *xs: Shape) -> dict[str, Number]:
        """Return the numbers that are stored but not trained, such as running statistics, by name."""
        return {}

    def macs(self, *xs: Shape) -> Number:
        """Return the multiply-accumulates for one example."""
        return NOTHING

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        """Return how each spatial axis is read.

        () means that every output cell sees only the input cell at its position, None that it sees the whole input.
        `Mixed`, `Moved` and `Unseen` are single entries for all axes.
        """
        return ()

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        """Return what PyTorch's eager mode does in memory, or None if that is unknown."""
        return None

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        """Return notes to show, such as rounding or uneven padding, as (code, sentence)."""
        return []


def _wrong_inputs(layer: Layer, count: int) -> Problem:
    if layer.inputs is None:
        return Problem("bad-value", f"{layer.kind} needs at least one value")
    return Problem("bad-value", f"{layer.kind} takes {plural(layer.inputs, 'value')}, but gets {count}")


def divisors(number: int, wanted: int, what: str, parts: str) -> str:
    """Return help for a number that cannot be split: the nearest numbers of parts that divide it.

    >>> divisors(768, 7, "features", "heads")
    '768 features can be split into 6 or 8 heads'
    """
    below = next(few for few in range(min(wanted, number), 0, -1) if number % few == 0)
    above = next((many for many in range(wanted, number + 1) if number % many == 0), below)
    choice = f"{below}" if above == below else f"{below} or {above}"
    return f"{number:,} {what} can be split into {choice} {parts if choice != '1' else parts[:-1]}"


def as_steps(x: Shape) -> str:
    """Return help for a layer over steps x features: a reshape that turns the positions of an image into steps."""
    if len(x) < 3:
        return "put a `reshape:` to steps x features before it"
    steps = x.size // x[-1]
    return f"put `reshape: {steps}x{x[-1]}` before it, for {steps:,} steps of {x[-1]:,} features"


def unknown_field(layer: type[Layer], name: str) -> Problem:
    """Return the error for a field that a kind does not have."""
    for field in layer.fields.values():
        if name in field.also:
            return Problem(
                "unknown-field",
                f"{layer.kind} has no field `{show(name)}`",
                f"cnncalc calls it `{field.name}`",
                field=name,
            )
    if not layer.fields:
        return Problem(
            "unknown-field",
            f"{layer.kind} has no fields, but got `{show(name)}`",
            f"write the bare word `{layer.kind}`",
            field=name,
        )
    if name == "activation":
        help = f"activations are layers: write `relu` as the step after {layer.kind}"
    else:
        match = nearest(name, layer.fields)
        names = ", ".join(f"`{field}`" for field in layer.fields)
        help = f"did you mean `{match}`?" if match else f"its fields are {names}"
    return Problem("unknown-field", f"{layer.kind} has no field `{show(name)}`", help, field=name)


def missing_field(layer: type[Layer], field: Field[Any]) -> Problem:
    """Return the error for a required field that was not written."""
    return Problem(
        "missing-field",
        f"{layer.kind} needs `{field.name}`: {field.help}",
        f"for example `{layer.example.rpartition('-> ')[2]}`" if layer.example else f"add `{field.name}: ...`",
        field=field.name,
    )
