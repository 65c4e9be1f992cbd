"""One call of a Keras layer: its configuration, checked as it is read, its values, and how nodes are made of it."""

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

# those without a kind of their own stand as the nearest one of the same cost: nothing
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
    """A layer's name as a part of a node's: no dots, nothing that could not be shown."""
    return _UNSAFE.sub("_", text)[:100] or "layer"


class Spec:
    """A layer as the file describes it: class, name and configuration, each of the type that it must have."""

    def __init__(self, json: Any, said: str) -> None:
        if not isinstance(json, dict) or not isinstance(json.get("class_name"), str):
            raise Problem("bad-file", f"{said} is no layer: it has no `class_name`")
        self.json: dict[str, Any] = json
        self.cls: str = json["class_name"].rpartition(">")[2]  # registered names are written `package>Class`
        config = json.get("config")
        self.config: dict[str, Any] = config if isinstance(config, dict) else {}
        name = json.get("name") or self.config.get("name")
        self.name: str = name if isinstance(name, str) else self.cls.lower()
        module = json.get("module")
        self.module: str = module if isinstance(module, str) else ""
        self.said = f"`{show(self.name)}`"

    @property
    def input_shape(self) -> Any:
        """The shape with the batch axis that the layer says its input has; None where it says nothing."""
        for key in ("batch_shape", "batch_input_shape"):
            if isinstance(self.config.get(key), list):
                return self.config[key]
        shape = self.config.get("shape")
        return [None, *shape] if isinstance(shape, list) and self.cls == "InputLayer" else None

    def problem(self, text: str, help: str = "", code: str = "bad-value") -> Problem:
        """A problem with the layer."""
        return Problem(code, f"layer `{show(self.name)}` ({show(self.cls)}) {text}", help)

    def inner(self, key: str) -> Spec:
        """A layer that this one wraps."""
        return Spec(self.config.get(key), f"`{key}` of {self.said}")

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        found = self.config.get(key, default)
        if found is None:
            return default
        if not isinstance(found, bool) and found not in (0, 1):
            raise self.problem(f"has `{key}` {show(found)}: it must be true or false")
        return bool(found)

    def count(self, key: str, default: int | None = None, least: int = 1, most: int = LARGEST) -> int:
        """A whole number."""
        return self._whole(key, self.config.get(key, default), least, most)

    def _whole(self, key: str, found: Any, least: int, most: int) -> int:
        if isinstance(found, float) and found.is_integer() and abs(found) <= most:
            found = int(found)
        if type(found) is not int or not least <= found <= most:
            raise self.problem(f"has `{key}` {show(found)}: it must be a whole number from {least:,} to {most:,}")
        return found

    def counts(self, key: str, axes: int, default: Any = None, least: int = 1) -> tuple[int, ...]:
        """One whole number for each of some axes; one alone is for all."""
        found = self.config.get(key)
        found = default if found is None else found
        if isinstance(found, list) and len(found) == 1 and axes > 1:
            found = found[0]
        if not isinstance(found, (list, tuple)):
            found = [found] * axes
        if len(found) != axes:
            raise self.problem(f"has `{key}` {show(found)}: it must be {axes} numbers")
        return tuple(self._whole(key, number, least, LARGEST) for number in found)

    def integers(self, key: str, default: Any = None) -> list[int]:
        """A whole number or several, below 0 too."""
        found = self.config.get(key, default)
        found = found if isinstance(found, list) else [found]
        if not found:
            raise self.problem(f"has an empty `{key}`")
        return [self._whole(key, number, -LARGEST, LARGEST) for number in found]

    def word(self, key: str, default: str, known: Sequence[str]) -> str:
        """One of a few words."""
        found = self.config.get(key)
        found = default if found is None else found
        if not isinstance(found, str) or found.lower() not in known:
            help = did_you_mean(str(found), known)
            raise self.problem(f"has `{key}` {show(found)}, which cnncalc does not know", help)
        return found.lower()

    @property
    def dimensions(self) -> int:
        """The number of spatial axes that the class is for: 2 for Conv2D."""
        found = _DIMENSIONS.search(self.cls)
        return int(found[0][0]) if found else 0


class Value:
    """A value and where each of Keras' axes (without the batch) is in its shape here."""

    __slots__ = ("index", "order")

    def __init__(self, index: int, order: Sequence[int]) -> None:
        self.index = index
        self.order = tuple(order)


class Call:
    """What a handler reads and writes."""

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
        self.wanted = wanted  # which outputs are used
        self.lead = lead  # axes in front that belong to TimeDistributed
        self.first = first
        self.suffixes: set[str] = set()

    def of(self, spec: Spec, values: Sequence[Value] | None = None, lead: int | None = None) -> Call:
        """The same call for another layer, one that this one wraps."""
        values = self.values if values is None else list(values)
        lead = self.lead if lead is None else lead
        call = Call(self.builder, spec, self.name, values, [], self.kwargs, self.wanted, lead, self.first)
        call.suffixes = self.suffixes
        return call

    @property
    def value(self) -> Value:
        """The first value."""
        return self.values[0]

    def only(self) -> Value:
        """The one value that the layer takes."""
        if len(self.values) != 1:
            raise self.spec.problem(f"takes one value, but gets {len(self.values)}")
        return self.values[0]

    def shape(self, value: Value) -> Shape:
        """The shape here."""
        return self.builder.shape(value.index)

    def theirs(self, value: Value) -> tuple[int, ...]:
        """The shape as Keras has it, without the batch."""
        shape = self.shape(value)
        return tuple(shape[axis] for axis in value.order)

    def add(self, suffix: str, layer: Layer, *values: Value, order: Sequence[int] | None = None) -> Value:
        """A node of the call; its axes are as those of the first value unless said."""
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

    def passed(self, value: Value) -> Value:
        """The value passed on, so that the layer is in the table."""
        return self.add("same", act.Identity(), value)

    def ordered(self, value: Value, order: Sequence[int]) -> Value:
        """A value with its axes in another order here."""
        if tuple(order) == value.order:
            return value
        axes = [0] * len(order)
        for axis, place in enumerate(order):
            axes[place] = value.order[axis]
        return self.add("layout", Permute(axes=tuple(axes)), value, order=order)

    def plain(self, value: Value) -> Value:
        """A value with its axes here in Keras' order."""
        return self.ordered(value, range(len(value.order)))

    def usual(self, axes: int) -> tuple[int, ...]:
        """The order that values of so many axes have in this model."""
        return (
            (axes - 1, *range(axes - 1))
            if axes - 1 in self.first and axes > 1 and not self.lead
            else tuple(range(axes))
        )

    def formatted(self, value: Value, dimensions: int) -> Value:
        """A value with its channels last here, for a layer of so many spatial axes with a `data_format`.

        Raises:
            Problem: where the value has another number of axes.
        """
        axes = len(value.order)
        if axes != dimensions + 1 + self.lead:
            what = f"takes {dimensions + 1 + self.lead} axes, but gets {self.said(value)}"
            raise self.spec.problem(what, code="needs-image")
        format = self.spec.word("data_format", "channels_last", ("channels_last", "channels_first"))
        if format == "channels_first" and self.lead:
            raise self.spec.problem("is channels first within TimeDistributed, which is not read", code="unknown-layer")
        return self.ordered(value, (axes - 1, *range(axes - 1)) if format == "channels_first" else range(axes))

    def said(self, value: Value) -> str:
        """A value's shape in Keras' order, for messages."""
        return "x".join(map(str, self.theirs(value)))

    def axis(self, value: Value, key: int, what: str = "axis") -> int:
        """One of Keras' axes, the batch not counted, from a number that counts it."""
        axes = len(value.order)
        place = key + axes if key < 0 else key - 1 + (self.lead if key > 0 else 0)
        if not 0 <= place < axes or key == 0:
            raise self.spec.problem(f"has `{what}` {key}, but its input is {self.said(value)}")
        return place

    def last(self, value: Value, axis: int) -> Value:
        """A value with one of Keras' axes last here."""
        axes = len(value.order)
        if value.order[axis] == axes - 1:
            return value
        rest = [other for other in range(axes) if other != axis]
        order = [0] * axes
        for place, other in enumerate([*rest, axis]):
            order[other] = place
        return self.ordered(value, order)

    def activated(self, value: Value, key: str = "activation", default: str = "linear") -> Value:
        """The activation that the layer carries as a field, as a layer of its own."""
        word = self.activation(key, default)
        kind = ACTIVATIONS[word]
        return self.add(word, kind(), value) if kind else value

    def activation(self, key: str = "activation", default: str = "linear") -> str:
        """The name of the layer's activation.

        Raises:
            Problem: for one that is not known: a function of the author's own, say.
        """
        found = self.spec.config.get(key)
        if isinstance(found, dict):
            inner = found.get("config")
            name = found.get("class_name")
            found = inner if name == "function" else CAMEL.get(str(name), str(name).lower())
        if found is None:
            return default if key not in self.spec.config else "linear"
        word = str(found).rpartition(">")[2]
        if word not in ACTIVATIONS:
            help = did_you_mean(word, ACTIVATIONS)
            raise self.spec.problem(f"has the activation `{show(word)}`, which is not known", help, "unknown-layer")
        return word


def first_layout(top: Any) -> set[int]:
    """For which numbers of spatial axes the model is channels first: where all layers that say it say so."""
    first: set[int] = set()
    last: set[int] = set()
    for config, cls in _configs(top):
        found = _DIMENSIONS.search(cls)
        if found and config.get("data_format") in ("channels_first", "channels_last"):
            (first if config["data_format"] == "channels_first" else last).add(int(found[0][0]))
    return first - last


def _configs(top: Any) -> Iterator[tuple[dict[str, Any], str]]:
    waiting = [top]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if isinstance(found.get("config"), dict) and isinstance(found.get("class_name"), str):
                yield found["config"], found["class_name"]
            waiting += [inner for inner in found.values() if isinstance(inner, (dict, list))]
        elif isinstance(found, list):
            waiting += [inner for inner in found if isinstance(inner, (dict, list))]
