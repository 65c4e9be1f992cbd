"""One call of a Keras layer: its configuration, its input values, and helpers that add its nodes to the network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from cnncalc.layers import activation as act
from cnncalc.layers import elementwise
from cnncalc.layers.base import Layer
from cnncalc.layers.reshape import Permute
from cnncalc.network import Builder
from cnncalc.problem import Problem
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, show

LARGEST = 1_000_000
_UNSAFE = re.compile(r"[^A-Za-z0-9_/+-]+")
_DIMENSIONS = re.compile(r"[123]D")

# an activation that cnncalc does not have is read as the most similar one, since all of them cost nothing
ACTIVATIONS: dict[str, type[Layer] | None] = {
    "linear": None, "relu": act.ReLU, "relu6": act.ReLU6, "leaky_relu": act.LeakyReLU, "elu": act.ELU, "selu": act.SELU,
    "celu": elementwise.CELU, "gelu": act.GELU, "silu": act.SiLU, "swish": act.SiLU, "mish": act.Mish, "sigmoid": act.Sigmoid,
    "hard_sigmoid": act.HardSigmoid, "hard_silu": act.HardSwish, "hard_swish": act.HardSwish, "tanh": act.Tanh,
    "hard_tanh": elementwise.HardTanh, "softmax": act.Softmax, "log_softmax": act.LogSoftmax, "softplus": act.Softplus,
    "softsign": elementwise.Softsign, "exponential": elementwise.Exp, "log_sigmoid": elementwise.LogSigmoid,
    "squareplus": act.Softplus,
    "tanh_shrink": elementwise.TanhShrink, "hard_shrink": elementwise.HardShrink,
    "soft_shrink": elementwise.SoftShrink, "glu": elementwise.GLU, "threshold": act.ReLU,
    "sparse_plus": act.ReLU, "sparse_sigmoid": act.HardSigmoid, "sparsemax": act.Softmax,
}  # fmt: skip
CAMEL = {"LeakyReLU": "leaky_relu", "ReLU": "relu", "ELU": "elu", "Softmax": "softmax", "PReLU": ""}


def name_of(text: str) -> str:
    """Turn a layer's name into a part of a node's name, without dots and unsafe characters."""
    return _UNSAFE.sub("_", text)[:100] or "layer"


class Spec:
    """A layer as described in the file: its class, name and configuration. Methods check the type of each value."""

    def __init__(self, json: Any, description: str) -> None:
        if not isinstance(json, dict) or not isinstance(json.get("class_name"), str):
            raise Problem("bad-file", f"{description} is not a layer: it has no `class_name`")
        self.json: dict[str, Any] = json
        self.cls: str = json["class_name"].rpartition(">")[2]  # registered names are written `package>Class`
        config = json.get("config")
        self.config: dict[str, Any] = config if isinstance(config, dict) else {}
        name = json.get("name") or self.config.get("name")
        self.name: str = name if isinstance(name, str) else self.cls.lower()
        module = json.get("module")
        self.module: str = module if isinstance(module, str) else ""
        self.title = f"`{show(self.name)}`"

    @property
    def input_shape(self) -> Any:
        """The input shape that the layer states, with the batch axis; None if it states none."""
        for key in ("batch_shape", "batch_input_shape"):
            if isinstance(self.config.get(key), list):
                return self.config[key]
        shape = self.config.get("shape")
        return [None, *shape] if isinstance(shape, list) and self.cls == "InputLayer" else None

    def problem(self, text: str, help: str = "", code: str = "bad-value") -> Problem:
        """Return a problem with the layer."""
        return Problem(code, f"layer `{show(self.name)}` ({show(self.cls)}) {text}", help)

    def inner(self, key: str) -> Spec:
        """Return a layer that this one wraps."""
        return Spec(self.config.get(key), f"`{key}` of {self.title}")

    def flag(self, key: str, default: bool) -> bool:
        """Return a boolean of the configuration."""
        value = self.config.get(key, default)
        if value is None:
            return default
        if not isinstance(value, bool) and value not in (0, 1):
            raise self.problem(f"has `{key}` {show(value)}: it must be true or false")
        return bool(value)

    def count(self, key: str, default: int | None = None, least: int = 1, most: int = LARGEST) -> int:
        """Return a whole number of the configuration."""
        return self._whole(key, self.config.get(key, default), least, most)

    def _whole(self, key: str, value: Any, least: int, most: int) -> int:
        if isinstance(value, float) and value.is_integer() and abs(value) <= most:
            value = int(value)
        if type(value) is not int or not least <= value <= most:
            raise self.problem(f"has `{key}` {show(value)}: it must be a whole number from {least:,} to {most:,}")
        return value

    def counts(self, key: str, axes: int, default: Any = None, least: int = 1) -> tuple[int, ...]:
        """Return one whole number for each axis. A single number applies to all axes."""
        values = self.config.get(key)
        values = default if values is None else values
        if isinstance(values, list) and len(values) == 1 and axes > 1:
            values = values[0]
        if not isinstance(values, (list, tuple)):
            values = [values] * axes
        if len(values) != axes:
            raise self.problem(f"has `{key}` {show(values)}, but needs {axes} numbers")
        return tuple(self._whole(key, number, least, LARGEST) for number in values)

    def integers(self, key: str, default: Any = None) -> list[int]:
        """Return one or more whole numbers, which may be negative."""
        values = self.config.get(key, default)
        values = values if isinstance(values, list) else [values]
        if not values:
            raise self.problem(f"has an empty `{key}`")
        return [self._whole(key, number, -LARGEST, LARGEST) for number in values]

    def word(self, key: str, default: str, known: Sequence[str]) -> str:
        """Return one of the words in `known`."""
        word = self.config.get(key)
        word = default if word is None else word
        if not isinstance(word, str) or word.lower() not in known:
            help = did_you_mean(str(word), known)
            raise self.problem(f"has `{key}` {show(word)}, which cnncalc does not know", help)
        return word.lower()

    @property
    def dimensions(self) -> int:
        """The number of spatial axes in the name of the class: 2 for Conv2D, 0 for Dense."""
        match = _DIMENSIONS.search(self.cls)
        return int(match[0][0]) if match else 0


class Value:
    """A value and the position of each of Keras' axes (without the batch) in its cnncalc shape."""

    __slots__ = ("index", "order")

    def __init__(self, index: int, order: Sequence[int]) -> None:
        self.index = index
        self.order = tuple(order)


class Call:
    """One call of a layer. A handler reads its configuration and inputs, and adds nodes."""

    def __init__(
        self, builder: Builder, spec: Spec, name: str, values: list[Value], args: Any, kwargs: Any, wanted: set[int],
        lead: int, first: set[int],
    ) -> None:  # fmt: skip
        self.builder = builder
        self.spec = spec
        self.name = name
        self.values = values
        self.args = args if isinstance(args, list) else []
        self.kwargs: dict[str, Any] = kwargs if isinstance(kwargs, dict) else {}
        self.wanted = wanted  # numbers of the outputs that are used
        self.lead = lead  # the number of leading axes that belong to TimeDistributed
        self.first = first  # numbers of spatial axes for which the model is channels first
        self.suffixes: set[str] = set()

    def of(self, spec: Spec, values: Sequence[Value] | None = None, lead: int | None = None) -> Call:
        """Return the same call for a layer that this one wraps."""
        values = self.values if values is None else list(values)
        lead = self.lead if lead is None else lead
        call = Call(self.builder, spec, self.name, values, [], self.kwargs, self.wanted, lead, self.first)
        call.suffixes = self.suffixes
        return call

    @property
    def value(self) -> Value:
        """The first input."""
        return self.values[0]

    def only_value(self) -> Value:
        """Return the only input.

        Raises:
            Problem: The call has several inputs.
        """
        if len(self.values) != 1:
            raise self.spec.problem(f"takes one input, but gets {len(self.values)}")
        return self.values[0]

    def shape(self, value: Value) -> Shape:
        """Return a value's shape in cnncalc's order."""
        return self.builder.shape(value.index)

    def keras_shape(self, value: Value) -> tuple[int, ...]:
        """Return a value's shape in Keras' order, without the batch."""
        shape = self.shape(value)
        return tuple(shape[axis] for axis in value.order)

    def add(self, suffix: str, layer: Layer, *values: Value, order: Sequence[int] | None = None) -> Value:
        """Add a node and return its value. Its axes have the order of the first input, unless `order` is given."""
        name, number = suffix, 1
        while name in self.suffixes:
            number += 1
            name = f"{suffix}{number}"
        self.suffixes.add(name)
        index = self.builder.add(layer, [value.index for value in values], f"{self.name}.{name}")
        if order is None:
            order = values[0].order
            length = len(self.builder.shape(index))
            order = order if len(order) == length else range(length)
        return Value(index, order)

    def add_identity(self, value: Value) -> Value:
        """Add an identity, so that a layer without an effect appears in the table."""
        return self.add("same", act.Identity(), value)

    def reorder(self, value: Value, order: Sequence[int]) -> Value:
        """Permute the axes of a value so that Keras' axes are at the positions in `order`."""
        if tuple(order) == value.order:
            return value
        axes = [0] * len(order)
        for axis, place in enumerate(order):
            axes[place] = value.order[axis]
        return self.add("layout", Permute(axes=tuple(axes)), value, order=order)

    def in_keras_order(self, value: Value) -> Value:
        """Permute the axes of a value into Keras' order."""
        return self.reorder(value, range(len(value.order)))

    def usual_order(self, axes: int) -> tuple[int, ...]:
        """Return the order that values with this number of axes have in this model."""
        return (
            (axes - 1, *range(axes - 1))
            if axes - 1 in self.first and axes > 1 and not self.lead
            else tuple(range(axes))
        )

    def channels_last(self, value: Value, dimensions: int) -> Value:
        """Move the channels of a value last, for a layer with a `data_format` and this number of spatial axes.

        Raises:
            Problem: The value has a different number of axes.
        """
        axes = len(value.order)
        if axes != dimensions + 1 + self.lead:
            text = f"needs an input with {dimensions + 1 + self.lead} axes, but gets {self.describe(value)}"
            raise self.spec.problem(text, code="needs-image")
        format = self.spec.word("data_format", "channels_last", ("channels_last", "channels_first"))
        if format == "channels_first" and self.lead:
            raise self.spec.problem(
                "is channels first within TimeDistributed, which is not supported", code="unknown-layer"
            )
        return self.reorder(value, (axes - 1, *range(axes - 1)) if format == "channels_first" else range(axes))

    def describe(self, value: Value) -> str:
        """Return a value's shape in Keras' order as text for messages."""
        return "x".join(map(str, self.keras_shape(value)))

    def axis(self, value: Value, key: int, what: str = "axis") -> int:
        """Convert an axis number that counts the batch to one that does not."""
        axes = len(value.order)
        place = key + axes if key < 0 else key - 1 + (self.lead if key > 0 else 0)
        if not 0 <= place < axes or key == 0:
            raise self.spec.problem(f"has `{what}` {key}, but its input is {self.describe(value)}")
        return place

    def last(self, value: Value, axis: int) -> Value:
        """Move one of Keras' axes of a value last."""
        axes = len(value.order)
        if value.order[axis] == axes - 1:
            return value
        rest = [other for other in range(axes) if other != axis]
        order = [0] * axes
        for place, other in enumerate([*rest, axis]):
            order[other] = place
        return self.reorder(value, order)

    def add_activation(self, value: Value, key: str = "activation", default: str = "linear") -> Value:
        """Add a node for the activation in the layer's configuration."""
        word = self.activation(key, default)
        kind = ACTIVATIONS[word]
        return self.add(word, kind(), value) if kind else value

    def activation(self, key: str = "activation", default: str = "linear") -> str:
        """Return the name of the layer's activation.

        Raises:
            Problem: The activation is unknown, for example a function that the author wrote.
        """
        value = self.spec.config.get(key)
        if isinstance(value, dict):
            inner = value.get("config")
            name = value.get("class_name")
            value = inner if name == "function" else CAMEL.get(str(name), str(name).lower())
        if value is None:
            return default if key not in self.spec.config else "linear"
        word = str(value).rpartition(">")[2]
        if word not in ACTIVATIONS:
            help = did_you_mean(word, ACTIVATIONS)
            raise self.spec.problem(
                f"has the activation `{show(word)}`, which cnncalc does not know", help, "unknown-layer"
            )
        return word


def channels_first_axes(top: Any) -> set[int]:
    """Return the numbers of spatial axes for which every layer that states a `data_format` is channels first."""
    first: set[int] = set()
    last: set[int] = set()
    for config, cls in _configs(top):
        match = _DIMENSIONS.search(cls)
        if match and config.get("data_format") in ("channels_first", "channels_last"):
            (first if config["data_format"] == "channels_first" else last).add(int(match[0][0]))
    return first - last


def _configs(top: Any) -> Iterator[tuple[dict[str, Any], str]]:
    waiting = [top]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("config"), dict) and isinstance(part.get("class_name"), str):
                yield part["config"], part["class_name"]
            waiting += [inner for inner in part.values() if isinstance(inner, (dict, list))]
        elif isinstance(part, list):
            waiting += [inner for inner in part if isinstance(inner, (dict, list))]
